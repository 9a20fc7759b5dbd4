/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Token buckets, alone and in a bounded table that forgets the one used
 * longest ago. Keys of the table come from strangers, so they are hashed
 * under a random key.
 */
#include "util/ratelimit.h"

#include <stdlib.h>
#include <sys/random.h>

#include "util/hmap.h"

#define TOKEN 1000u /* thousandths: one a millisecond at a rate of one */

bool ratelimit_has(struct ratelimit *r, uint64_t now, uint32_t rate,
		   uint32_t burst)
{
	uint64_t full = (uint64_t)burst * TOKEN;
	uint64_t elapsed = now > r->last ? now - r->last : 0;

	if (r->last == 0 || (rate && elapsed > full / rate))
		r->tokens = full;
	else
		r->tokens += elapsed * rate;
	if (r->tokens > full)
		r->tokens = full;
	if (elapsed || r->last == 0)
		r->last = now ? now : 1;
	return r->tokens >= TOKEN;
}

bool ratelimit_take(struct ratelimit *r, uint64_t now, uint32_t rate,
		    uint32_t burst)
{
	if (!ratelimit_has(r, now, rate, burst))
		return false;
	r->tokens -= TOKEN;
	return true;
}

struct ratelimit_entry {
	struct hmap_node node;
	struct ratelimit_entry *older, *newer;
	uint64_t key;
	struct ratelimit bucket;
};

struct ratelimit_table {
	struct hmap map;
	struct hash_key hash_key;
	struct ratelimit_entry *oldest, *newest;
	uint32_t limit, used;
	struct ratelimit_entry entry[];
};

struct ratelimit_table *ratelimit_table_new(uint32_t limit)
{
	struct ratelimit_table *t;

	t = calloc(1, sizeof(*t) + (size_t)limit * sizeof(t->entry[0]));
	if (!t)
		return NULL;
	t->limit = limit;
	hmap_init(&t->map);
	if (getrandom(&t->hash_key, sizeof(t->hash_key), 0) !=
	    sizeof(t->hash_key))
		return ratelimit_table_free(t);
	return t;
}

struct ratelimit_table *ratelimit_table_free(struct ratelimit_table *t)
{
	if (t)
		hmap_done(&t->map);
	free(t);
	return NULL;
}

static void ratelimit_unlink(struct ratelimit_table *t,
			     struct ratelimit_entry *e)
{
	*(e->older ? &e->older->newer : &t->oldest) = e->newer;
	*(e->newer ? &e->newer->older : &t->newest) = e->older;
}

static void ratelimit_link_newest(struct ratelimit_table *t,
				  struct ratelimit_entry *e)
{
	e->older = t->newest;
	e->newer = NULL;
	*(e->older ? &e->older->newer : &t->oldest) = e;
	t->newest = e;
}

static struct ratelimit_entry *ratelimit_find(struct ratelimit_table *t,
					      uint64_t key, uint64_t hash)
{
	hmap_for_each (n, &t->map, hash) {
		struct ratelimit_entry *e =
			container_of(n, struct ratelimit_entry, node);

		if (e->key == key)
			return e;
	}
	return NULL;
}

/* An unused entry, or the one used longest ago; NULL for a table of none. */
static struct ratelimit_entry *ratelimit_spare(struct ratelimit_table *t)
{
	struct ratelimit_entry *e = t->oldest;

	if (t->used < t->limit)
		return &t->entry[t->used++];
	if (!e)
		return NULL;
	ratelimit_unlink(t, e);
	hmap_remove(&t->map, &e->node);
	return e;
}

bool ratelimit_table_take(struct ratelimit_table *t, uint64_t key, uint64_t now,
			  uint32_t rate, uint32_t burst)
{
	uint64_t hash = hash_bytes(&t->hash_key, &key, sizeof(key));
	struct ratelimit_entry *e = ratelimit_find(t, key, hash);

	if (e) {
		ratelimit_unlink(t, e);
	} else {
		e = ratelimit_spare(t);
		if (!e)
			return false;
		*e = (struct ratelimit_entry){ .key = key };
		/* Fails only at the very first: nothing is lost by a retry. */
		if (hmap_insert(&t->map, &e->node, hash) < 0) {
			t->used--;
			return false;
		}
	}
	ratelimit_link_newest(t, e);
	return ratelimit_take(&e->bucket, now, rate, burst);
}
