/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Drives dnskeys/lookup.c alone, in the lab: looks up each peer named on
 * standard input, all at once, an address or a name a line, and says what came
 * of it, one line each:
 *
 *	PEER STATUS SOURCE NAME KEYS SKIPPED MILLISECONDS [WHY]
 *
 * key-probe ANCHOR-FILE ROOT-HINTS-FILE|@FORWARDER
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dnskeys/lookup.h"

#define LINE 256

struct asked {
	char peer[LINE];
	uint64_t begun;
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void on_keys(void *user, struct keyset *keys)
{
	struct asked *a = user;

	if (keys)
		printf("%s %s %s %s %zu %zu %llu %s\n", a->peer,
		       keyset_status_name(keys->status),
		       keyset_source_name(keys->source),
		       keys->name ? keys->name : "-", keys->n, keys->skipped,
		       (unsigned long long)(now_ms() - a->begun), keys->why);
	else
		printf("%s failed\n", a->peer);
	fflush(stdout);
	free(a);
}

static void look_up(struct resolver *r, const char *line)
{
	struct lookup_request request = { 0 };
	struct asked *a = calloc(1, sizeof(*a));
	struct lookup *l;
	int rc;

	if (!a)
		exit(1);
	snprintf(a->peer, sizeof(a->peer), "%s", line);
	a->begun = now_ms();
	if (addr_parse(line, &request.peer) < 0)
		request.name = a->peer;
	rc = lookup_new(r, &request, on_keys, a, &l);
	if (rc < 0) {
		printf("%s error %s\n", line, strerror(-rc));
		free(a);
	}
}

int main(int argc, char **argv)
{
	const char *anchors[] = { argv[1], NULL }, *forwarders[2] = { 0 };
	struct resolver_config c = { .anchors = anchors };
	struct resolver *r;
	char line[LINE];
	int rc;

	if (argc != 3)
		return 77; /* nothing to do here but in the lab */
	if (argv[2][0] == '@') {
		forwarders[0] = argv[2] + 1;
		c.forwarders = forwarders;
	} else {
		c.root_hints = argv[2];
	}
	rc = resolver_new(&c, &r);
	if (rc < 0) {
		fprintf(stderr, "resolver: %s\n", strerror(-rc));
		return 1;
	}
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		look_up(r, line);
	}
	while (resolver_pending(r)) {
		struct pollfd p = { .fd = resolver_fd(r), .events = POLLIN };

		if (poll(&p, 1, -1) > 0)
			resolver_process(r);
	}
	resolver_free(r);
	return 0;
}
