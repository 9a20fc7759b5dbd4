/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Destinations that packets wait for, the packets' ids in order, and the time
 * that each has left. The book that hold.c keeps; it talks to nobody. A
 * destination is a pair of addresses: a peer may be protected toward one
 * address of ours, and not, or not yet, toward another.
 *
 * States of a destination:
 *	HOLDING     packets of it wait for a verdict
 *	PASSING     the verdict is there: what waited is gone, what still comes
 *	            by the queue follows at once
 *	REMEMBERED  its packets no longer come by the queue; a late one that
 *	            was on its way there gets the same verdict
 */
#ifndef TACIT_XFRM_DEST_H
#define TACIT_XFRM_DEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "util/addr.h"
#include "util/hmap.h"

enum dest_state {
	DEST_NEW,
	DEST_HOLDING,
	DEST_PASSING,
	DEST_REMEMBERED,
	DEST_STATES
};

/* What its packets get. */
enum dest_fate {
	DEST_WAIT,
	DEST_THROUGH, /* through XFRM */
	DEST_CLEAR,
	DEST_DROP,
};

/* A packet in the kernel's hands, waiting for our word. */
struct dest_packet {
	uint32_t id, mark;
	uint16_t queue;
};

struct dest {
	struct hmap_node node;
	TAILQ_ENTRY(dest) link; /* in the list of its deadlines */
	struct addr local, remote;
	enum dest_state state;
	enum dest_fate fate;
	bool require;
	bool gated;   /* held back although its SAs are in: hold_gate() */
	bool drains;  /* its packets are diverted, whatever their route */
	bool drained; /* they have been, since it was last held */
	uint64_t since, deadline; /* of the state */
	uint32_t wait_ms;   /* what is held for it is let go after so long */
	uint64_t forget_at; /* REMEMBERED ends here at the latest */
	struct dest_packet *packets;
	uint16_t n, cap;
};

TAILQ_HEAD(dest_list, dest);

struct dest_table {
	struct hmap map;
	struct hash_key key;
	/* Ordered by deadline. */
	struct dest_list offer, require, passing, remembered;
	uint32_t wait_ms; /* of an offer destination, unless it says more */
	uint32_t n_packets, n_holding, n_remembered;
};

/* A destination passes until its queue has been quiet for this long, but not
 * longer than the second, so that a busy flow gets its fast path back. */
#define DEST_QUIET_MS	   10u
#define DEST_PASSING_MS	   250u
#define DEST_REMEMBERED_MS 2000u

void dest_table_init(struct dest_table *t, const struct hash_key *key,
		     uint32_t wait_ms);
/* Frees everything. */
void dest_table_done(struct dest_table *t);
/* Borrowed, or NULL. A link-local address of unknown scope (0) is that of any
 * scope. */
struct dest *dest_get(const struct dest_table *t, const struct addr *local,
		      const struct addr *remote);
/* A new one in state DEST_NEW; NULL when out of memory. */
struct dest *dest_new(struct dest_table *t, const struct addr *local,
		      const struct addr *remote);
/* Its packets must have got their verdict. */
void dest_remove(struct dest_table *t, struct dest *d);
/* Moves to the state (a new stay in DEST_PASSING is allowed) and sets its
 * deadline. Leaving DEST_HOLDING, its packets must have got their verdict:
 * their list is emptied. */
void dest_set_state(struct dest_table *t, struct dest *d, enum dest_state to,
		    uint64_t now);
/* A packet passed: its quiet time starts anew. */
void dest_touch(struct dest_table *t, struct dest *d, uint64_t now);
/* Is there room for one more destination, or packet of d (NULL: of a new
 * destination)? */
bool dest_has_room(const struct dest_table *t, const struct dest *d);
/* Notes a packet at the end of d's. 0 or -ENOMEM. */
int dest_hold(struct dest_table *t, struct dest *d, const struct dest_packet *p)
	__attribute__((warn_unused_result));
/* Is there another one with these address bytes (of another scope) that
 * drains? The kernel's element is one for both. */
bool dest_shares_drain(const struct dest_table *t, const struct dest *d);
/* One whose time is up at now, waiting for nothing else; NULL. With passing
 * unset those in DEST_PASSING are left alone. */
struct dest *dest_due(const struct dest_table *t, uint64_t now, bool passing);
/* Those in DEST_HOLDING, oldest first. */
struct dest_list *dest_holding(struct dest_table *t, bool require);
/* UINT64_MAX: never. */
uint64_t dest_deadline(const struct dest_table *t);

#endif
