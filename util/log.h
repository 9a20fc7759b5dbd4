/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The log: to the journal with fields where standard error is connected to it
 * (sd_journal_stream), else one line to standard error, "<N>" level prefix
 * never shown on a terminal. The level and the target are the only process
 * global state in this project: they are set once in main() and by `tacit
 * debug`, and say nothing about what the program does.
 *
 * A line that a stranger can cause goes through log_limited().
 */
#ifndef TACIT_UTIL_LOG_H
#define TACIT_UTIL_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <syslog.h>

#include "util/addr.h"
#include "util/ratelimit.h"

/* Journal fields TACIT_PEER=, TACIT_POLICY=, TACIT_STATE=; NULL: left out. */
struct log_fields {
	const struct addr *peer;
	const char *policy;
	const char *state;
};

/* name is the program's, for lines on standard error. */
void log_open(const char *name, int level);
void log_set_level(int level);
/* The highest that any line may have. */
int log_level(void);
/* This level for lines about one peer, whatever the other one is; NULL: no
 * such peer. */
void log_set_peer(const struct addr *peer, int level);

void log_full(int level, const struct log_fields *fields, const char *format,
	      ...) __attribute__((format(printf, 3, 4)));
/* At most a few lines a second from this bucket; how many were left out is
 * said with the next one that passes. */
struct log_limit {
	struct ratelimit bucket;
	uint32_t suppressed;
};
void log_limited(struct log_limit *limit, uint64_t now, int level,
		 const struct log_fields *fields, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
/* Would one pass now? One that would not counts as left out: asked where it
 * takes something to make what it says. */
bool log_limited_wanted(struct log_limit *limit, uint64_t now, int level,
			const struct log_fields *fields);

#define log_error(...)	 log_full(LOG_ERR, NULL, __VA_ARGS__)
#define log_warning(...) log_full(LOG_WARNING, NULL, __VA_ARGS__)
#define log_notice(...)	 log_full(LOG_NOTICE, NULL, __VA_ARGS__)
#define log_info(...)	 log_full(LOG_INFO, NULL, __VA_ARGS__)
#define log_debug(...)	 log_full(LOG_DEBUG, NULL, __VA_ARGS__)

#endif
