/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Look-ups in flight at once, on a loop like the agent's, and how late the loop
 * is meanwhile: the names of standard input, all asked in one turn of the loop,
 * beside a timer of TICK_US. Says, in one line of JSON, how late that timer was
 * before (idle) and while (busy) they were under way, and the most CPU that one
 * turn of the resolver took, in microseconds.
 *
 * lookup-load ANCHOR-FILE FORWARDER <NAMES
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>
#include <time.h>

#include "dnskeys/lookup.h"
#include "util/limits.h"

#define TICK_US	     1000u
#define IDLE_US	     500000u
#define NAME_MAX_LEN 256

struct load {
	sd_event *event;
	struct resolver *resolver;
	sd_event_source *tick;
	char (*names)[NAME_MAX_LEN];
	size_t n, done, secure, most, asked;
	uint64_t begun, ask_us, due;
	uint64_t worst[2], sum[2], ticks[2]; /* idle, busy */
	uint64_t turn_us;
};

static uint64_t clock_us(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static uint64_t now_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

static void on_keys(void *user, struct keyset *keys)
{
	struct load *l = user;

	l->secure += keys && keys->status == KEYSET_SECURE;
	if (++l->done == l->n)
		sd_event_exit(l->event, 0);
}

static void ask_all(struct load *l)
{
	l->begun = now_us();
	for (; l->asked < l->n; l->asked++) {
		const struct lookup_request r = { .name = l->names[l->asked] };
		struct lookup *one;

		if (lookup_new(l->resolver, &r, on_keys, l, &one) < 0) {
			fprintf(stderr, "no room after %zu\n", l->asked);
			exit(1);
		}
	}
	l->most = resolver_pending(l->resolver);
	l->ask_us = now_us() - l->begun;
}

static int on_tick(sd_event_source *source, uint64_t usec, void *user)
{
	struct load *l = user;
	unsigned busy = l->begun != 0;
	uint64_t now = now_us(), late = now > l->due ? now - l->due : 0;

	(void)usec;
	if (late > l->worst[busy])
		l->worst[busy] = late;
	l->sum[busy] += late;
	l->ticks[busy]++;
	if (!busy && l->ticks[0] * TICK_US >= IDLE_US)
		ask_all(l);
	l->due = now_us() + TICK_US;
	sd_event_source_set_time(source, l->due);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int on_resolver(sd_event_source *source, int fd, uint32_t revents,
		       void *user)
{
	uint64_t spent, start = clock_us(CLOCK_THREAD_CPUTIME_ID);
	struct load *l = user;

	(void)source;
	(void)fd;
	(void)revents;
	resolver_process(l->resolver);
	spent = clock_us(CLOCK_THREAD_CPUTIME_ID) - start;
	if (spent > l->turn_us)
		l->turn_us = spent;
	return 0;
}

static void read_names(struct load *l)
{
	char line[NAME_MAX_LEN];

	l->names = calloc(LIMIT_DNS_QUERIES, sizeof(*l->names));
	if (!l->names)
		exit(1);
	while (l->n < LIMIT_DNS_QUERIES && fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		strcpy(l->names[l->n++], line);
	}
}

int main(int argc, char **argv)
{
	const char *anchors[] = { argc > 1 ? argv[1] : NULL, NULL };
	const char *forwarders[] = { argc > 2 ? argv[2] : NULL, NULL };
	const struct resolver_config c = { .anchors = anchors,
					   .forwarders = forwarders };
	struct load l = { 0 };

	if (argc != 3)
		return 2;
	read_names(&l);
	if (!l.n || sd_event_new(&l.event) < 0 ||
	    resolver_new(&c, &l.resolver) < 0)
		return 1;
	l.due = now_us() + TICK_US;
	if (sd_event_add_io(l.event, NULL, resolver_fd(l.resolver), EPOLLIN,
			    on_resolver, &l) < 0 ||
	    sd_event_add_time(l.event, &l.tick, CLOCK_MONOTONIC, l.due, 1,
			      on_tick, &l) < 0 ||
	    sd_event_loop(l.event) < 0)
		return 1;
	printf("{\"lookups\": %zu, \"secure\": %zu, \"in_flight\": %zu, "
	       "\"ask_us\": %llu, \"all_us\": %llu, \"idle_worst_us\": %llu, "
	       "\"idle_mean_us\": %llu, \"busy_worst_us\": %llu, "
	       "\"busy_mean_us\": %llu, \"turn_us\": %llu}\n",
	       l.n, l.secure, l.most, (unsigned long long)l.ask_us,
	       (unsigned long long)(now_us() - l.begun),
	       (unsigned long long)l.worst[0],
	       (unsigned long long)(l.sum[0] / (l.ticks[0] + !l.ticks[0])),
	       (unsigned long long)l.worst[1],
	       (unsigned long long)(l.sum[1] / (l.ticks[1] + !l.ticks[1])),
	       (unsigned long long)l.turn_us);
	resolver_free(l.resolver);
	sd_event_source_unref(l.tick);
	sd_event_unref(l.event);
	free(l.names);
	return l.secure == l.n ? 0 : 1;
}
