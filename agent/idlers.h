/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who gives way when there is no place for another peer's SAs: anonymous ones
 * that may be idle, by source prefix (an IPv4 /24, an IPv6 /48). The busiest
 * prefix is the one to give, so that a crowd from one place displaces nobody
 * from elsewhere; of it whoever was looked at least recently. Prefixes share
 * LIMIT_IDLER_BUCKETS under a random hash. Nothing here takes longer where there
 * are more of them.
 */
#ifndef TACIT_AGENT_IDLERS_H
#define TACIT_AGENT_IDLERS_H

#include <stdbool.h>
#include <stdint.h>

#include "util/addr.h"
#include "util/hmap.h"

struct idler_list;

/* Embedded in what may give way; zeroed: in no table. */
struct idler {
	struct idler *older, *newer;
	struct idler_list *in;
	uint64_t rests_until;
	uint16_t bucket;
};

struct idlers;

struct idlers *idlers_new(const struct hash_key *key);
/* Takes NULL; what is in it is left alone. */
struct idlers *idlers_free(struct idlers *t);
/* From now on it may be picked. Nothing, where it is in already. */
void idlers_add(struct idlers *t, struct idler *i, const struct addr *remote);
/* Nothing, where it is not in. */
void idlers_remove(struct idlers *t, struct idler *i);
/* Whose place a newcomer of this address may have, if it is idle, which the
 * caller looks at: not picked again for LIMIT_IDLER_REST_MS. NULL: nobody's, as
 * only smaller crowds than its own have any, or none. */
struct idler *idlers_pick(struct idlers *t, uint64_t now,
			  const struct addr *newcomer);

#endif
