/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Drives xfrm/hold.c alone, in the lab: holds packets, and takes its orders
 * from standard input, one a line, answered by "ok" or "error NAME". What
 * happens is said on standard output, one line an event, with the time in
 * microseconds since the epoch, so that a capture can be laid beside it.
 *
 *	ranges [offer|require FIRST LAST]...
 *	release LOCAL REMOTE		clear LOCAL REMOTE MS
 *	drop LOCAL REMOTE		forget LOCAL REMOTE
 *	gate LOCAL REMOTE		count
 *	quit				quit-keep (the require rules)
 *	auto MS PROGRAM	after each first packet: wait, run PROGRAM LOCAL
 *			REMOTE, and release
 *	sleep MS	a hung holder
 *
 * hold-probe OFFER-QUEUE REQUIRE-QUEUE MARK-BIT WAIT-MS
 */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "xfrm/hold.h"

#define WAITING_MAX 4096

struct waiting {
	struct addr local, remote;
	uint64_t due;
};

struct probe {
	struct hold *hold;
	const char *program;
	char program_text[256];
	uint32_t auto_ms;
	struct waiting waiting[WAITING_MAX];
	size_t n_waiting;
};

static uint64_t clock_us(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static uint64_t now_ms(void)
{
	return clock_us(CLOCK_MONOTONIC) / 1000;
}

static unsigned long long stamp(void)
{
	return clock_us(CLOCK_REALTIME);
}

static void on_first(void *user, const struct hold_packet *p)
{
	struct probe *probe = user;
	char local[ADDR_STRLEN], remote[ADDR_STRLEN];

	printf("first %llu %s %s %u %u %u %s\n", stamp(),
	       addr_format(&p->local, local), addr_format(&p->remote, remote),
	       p->protocol, p->local_port, p->remote_port,
	       p->require ? "require" : "offer");
	if (!probe->program || probe->n_waiting == WAITING_MAX)
		return;
	probe->waiting[probe->n_waiting++] = (struct waiting){
		.local = p->local,
		.remote = p->remote,
		.due = now_ms() + probe->auto_ms,
	};
}

static int spawn(const char *program, const char *local, const char *remote)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		execl(program, program, local, remote, (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -errno;
	return status == 0 ? 0 : -EIO;
}

static int release(struct probe *probe, const struct addr *local,
		   const struct addr *remote)
{
	char text[ADDR_STRLEN];
	unsigned long long before = stamp();
	int r = hold_release(probe->hold, local, remote, now_ms());

	printf("released %llu %llu %s\n", before, stamp(),
	       addr_format(remote, text));
	return r;
}

static void run_due(struct probe *probe)
{
	uint64_t now = now_ms();
	size_t kept = 0;

	for (size_t i = 0; i < probe->n_waiting; i++) {
		struct waiting w = probe->waiting[i];
		char local[ADDR_STRLEN], remote[ADDR_STRLEN];

		if (w.due > now) {
			probe->waiting[kept++] = w;
			continue;
		}
		if (spawn(probe->program, addr_format(&w.local, local),
			  addr_format(&w.remote, remote)) < 0)
			printf("failed %llu %s\n", stamp(), remote);
		if (release(probe, &w.local, &w.remote) < 0)
			printf("failed %llu %s\n", stamp(), remote);
	}
	probe->n_waiting = kept;
}

static int set_ranges(struct probe *probe, char *rest)
{
	struct hold_range ranges[64] = { 0 };
	size_t n = 0;
	char *word;

	while (n < 64 && rest && (word = strsep(&rest, " ")) && *word) {
		const char *first = strsep(&rest, " ");
		const char *last = strsep(&rest, " ");

		ranges[n].require = strcmp(word, "require") == 0;
		if (!first || !last ||
		    addr_parse(first, &ranges[n].first) < 0 ||
		    addr_parse(last, &ranges[n].last) < 0)
			return -EINVAL;
		n++;
	}
	return hold_set_ranges(probe->hold, ranges, n);
}

static void count(const struct probe *probe)
{
	struct hold_counters c;

	hold_count(probe->hold, &c);
	printf("count held %llu released %llu cleared %llu dropped %llu "
	       "timed_out %llu overflowed %llu lost %llu refused %llu "
	       "now_held %u now_peers %u\n",
	       (unsigned long long)c.held, (unsigned long long)c.released,
	       (unsigned long long)c.cleared, (unsigned long long)c.dropped,
	       (unsigned long long)c.timed_out,
	       (unsigned long long)c.overflowed, (unsigned long long)c.lost,
	       (unsigned long long)c.refused, c.now_held, c.now_peers);
}

static int set_auto(struct probe *probe, char *rest)
{
	const char *ms = strsep(&rest, " ");

	if (!ms || !rest || strlen(rest) >= sizeof(probe->program_text))
		return -EINVAL;
	strcpy(probe->program_text, rest);
	probe->program = probe->program_text;
	probe->auto_ms = (uint32_t)strtoul(ms, NULL, 10);
	return 0;
}

static int order_pair(struct probe *probe, const char *verb,
		      const struct addr *local, const struct addr *remote,
		      const char *rest)
{
	uint32_t ms = rest ? (uint32_t)strtoul(rest, NULL, 10) : 0;

	if (strcmp(verb, "release") == 0)
		return release(probe, local, remote);
	if (strcmp(verb, "clear") == 0)
		return hold_clear(probe->hold, local, remote, now_ms(), ms);
	if (strcmp(verb, "drop") == 0)
		return hold_drop(probe->hold, local, remote);
	if (strcmp(verb, "forget") == 0)
		return hold_forget(probe->hold, local, remote);
	if (strcmp(verb, "gate") == 0)
		return hold_gate(probe->hold, local, remote, now_ms());
	return -EINVAL;
}

/* -errno, 0, or 1 to end; 2 keeps the require rules. */
static int order(struct probe *probe, char *line)
{
	const char *verb = strsep(&line, " ");
	struct addr local, remote;
	char *word;

	if (strcmp(verb, "quit") == 0)
		return 1;
	if (strcmp(verb, "quit-keep") == 0)
		return 2;
	if (strcmp(verb, "count") == 0) {
		count(probe);
		return 0;
	}
	if (strcmp(verb, "ranges") == 0)
		return set_ranges(probe, line);
	if (strcmp(verb, "auto") == 0)
		return set_auto(probe, line);
	word = strsep(&line, " ");
	if (word && strcmp(verb, "sleep") == 0)
		return usleep((useconds_t)strtoul(word, NULL, 10) * 1000);
	if (!word || addr_parse(word, &local) < 0)
		return -EINVAL;
	word = strsep(&line, " ");
	if (!word || addr_parse(word, &remote) < 0)
		return -EINVAL;
	return order_pair(probe, verb, &local, &remote, line);
}

static int timeout_ms(const struct probe *probe)
{
	uint64_t next = hold_deadline(probe->hold), now = now_ms();

	for (size_t i = 0; i < probe->n_waiting; i++)
		if (probe->waiting[i].due < next)
			next = probe->waiting[i].due;
	if (next <= now)
		return 0;
	return next - now > 1000 ? 1000 : (int)(next - now);
}

static int loop(struct probe *probe)
{
	struct pollfd fds[2] = { { .fd = hold_fd(probe->hold),
				   .events = POLLIN },
				 { .fd = 0, .events = POLLIN } };
	char line[4096];
	int r;

	for (;;) {
		if (poll(fds, 2, timeout_ms(probe)) < 0)
			return -errno;
		if (fds[0].revents) {
			r = hold_dispatch(probe->hold, now_ms());
			if (r < 0)
				return r;
		}
		if (hold_deadline(probe->hold) <= now_ms())
			hold_tick(probe->hold, now_ms());
		run_due(probe);
		if (!fds[1].revents)
			continue;
		/* Unbuffered: poll() must see what is left. */
		if (!fgets(line, sizeof(line), stdin))
			return 1;
		line[strcspn(line, "\n")] = '\0';
		r = order(probe, line);
		if (r > 0)
			return r;
		printf(r < 0 ? "error %s\n" : "ok\n",
		       r < 0 ? strerrorname_np(-r) : "");
	}
}

int main(int argc, char **argv)
{
	static struct probe probe;
	struct hold_ops ops = { .user = &probe, .first = on_first };
	struct hold_config config = { .port = 500, .natt_port = 4500 };
	int r;

	/* Run by "make check", outside of the lab: skipped. */
	if (argc != 5)
		return 77;
	setvbuf(stdin, NULL, _IONBF, 0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	config.queue_offer = (uint16_t)atoi(argv[1]);
	config.queue_require = (uint16_t)atoi(argv[2]);
	config.mark_bit = (uint8_t)atoi(argv[3]);
	config.wait_ms = (uint32_t)atoi(argv[4]);
	r = hold_new(&config, &ops, &probe.hold);
	if (r < 0) {
		printf("error %s\n", strerrorname_np(-r));
		return 1;
	}
	printf("ready\n");
	r = loop(&probe);
	hold_free(probe.hold, r == 2);
	printf("bye %s\n", r < 0 ? strerrorname_np(-r) : "");
	return 0;
}
