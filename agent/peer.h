/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A peer: who is at an address. It carries what has been proven about that
 * host; its traffic is in flows (agent/flow.h), each of which holds a
 * reference. One address is one peer.
 */
#ifndef TACIT_AGENT_PEER_H
#define TACIT_AGENT_PEER_H

#include "util/addr.h"
#include "util/hmap.h"

struct peer {
	struct hmap_node node;
	struct addr addr; /* the inner address: what traffic is sent to */
	uint32_t refs;
	uint32_t behind; /* flows with a lease of ours that are there */
};

struct peer_table;

struct peer_table *peer_table_new(const struct hash_key *key);
struct peer_table *peer_table_free(struct peer_table *t); /* must be empty */
/* A reference to the peer at this address, made if there is none. -ENOMEM. */
int peer_table_obtain(struct peer_table *t, const struct addr *addr,
		      struct peer **ret) __attribute__((warn_unused_result));
/* Borrowed; NULL where there is none. */
struct peer *peer_table_get(const struct peer_table *t,
			    const struct addr *addr);
/* Gives a reference back. */
void peer_table_release(struct peer_table *t, struct peer *p);

#endif
