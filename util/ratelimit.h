/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Token bucket in integers; time is an argument, in milliseconds. Embedded in
 * its owner; zero-initialised it is full at first use.
 */
#ifndef TACIT_UTIL_RATELIMIT_H
#define TACIT_UTIL_RATELIMIT_H

#include <stdbool.h>
#include <stdint.h>

struct ratelimit {
	uint64_t last;	 /* ms; 0: never used */
	uint64_t tokens; /* thousandths */
};

/* Takes one token from a bucket that fills with rate a second up to burst. */
bool ratelimit_take(struct ratelimit *r, uint64_t now, uint32_t rate,
		    uint32_t burst);
/* Is there one? It stays. */
bool ratelimit_has(struct ratelimit *r, uint64_t now, uint32_t rate,
		   uint32_t burst);

/*
 * A bounded table of buckets, one a prefix (or any 64-bit key): the bucket
 * that was used longest ago is forgotten when it is full. Constant cost.
 */
struct ratelimit_table;

struct ratelimit_table *ratelimit_table_new(uint32_t limit);
struct ratelimit_table *ratelimit_table_free(struct ratelimit_table *t);
bool ratelimit_table_take(struct ratelimit_table *t, uint64_t key, uint64_t now,
			  uint32_t rate, uint32_t burst);

#endif
