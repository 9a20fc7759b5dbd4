/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Intrusive hash map: the node is embedded in the object, the map allocates
 * only its buckets. Growing moves a few buckets with each insertion, so that
 * no insertion pays for the whole table (constant cost at 100,000 peers).
 * Hash keys that strangers choose with hash_bytes() under a random key.
 *
 *	struct flow *f;
 *	hmap_for_each(n, &map, hash) {
 *		f = container_of(n, struct flow, node);
 *		if (addr_equal(&f->remote, a)) ...
 *	}
 */
#ifndef TACIT_UTIL_HMAP_H
#define TACIT_UTIL_HMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef container_of
#define container_of(ptr, type, member) \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))
#endif

struct hmap_node {
	struct hmap_node *next;
	uint64_t hash;
};

struct hmap {
	struct hmap_node **buckets;
	struct hmap_node **old; /* being moved away from, or NULL */
	size_t mask, old_mask;
	size_t old_pos; /* old buckets below this one are empty */
	size_t any_pos; /* buckets below this one are empty */
	size_t count;
};

/* Key of hash_bytes(): random, one a process. */
struct hash_key {
	uint64_t k0, k1;
};

/* SipHash-2-4. */
uint64_t hash_bytes(const struct hash_key *key, const void *data, size_t len);

void hmap_init(struct hmap *m);
/* Frees the buckets; objects still in it are the caller's. */
void hmap_done(struct hmap *m);
/* 0 or -ENOMEM (only the first insertion can fail; later ones make do with
 * longer chains). */
int hmap_insert(struct hmap *m, struct hmap_node *n, uint64_t hash)
	__attribute__((warn_unused_result));
/* The node must be in the map. Its link stays, so that hmap_for_each() goes on
 * past a node that it removed but did not free. */
void hmap_remove(struct hmap *m, struct hmap_node *n);
/* First node with this hash, and the next one with the same hash. */
struct hmap_node *hmap_first(const struct hmap *m, uint64_t hash);
struct hmap_node *hmap_next_same(const struct hmap_node *n);
/* Any node, for emptying a map (which costs linear time); NULL when empty. */
struct hmap_node *hmap_any(struct hmap *m);

static inline size_t hmap_count(const struct hmap *m)
{
	return m->count;
}

#define hmap_for_each(n, m, hash)                          \
	for (struct hmap_node *n = hmap_first(m, hash); n; \
	     n = hmap_next_same(n))

#endif
