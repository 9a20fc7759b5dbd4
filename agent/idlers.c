/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The busiest bucket is found by a tree of matches between neighbours, of which
 * a change replays those of one bucket. */
#include "agent/idlers.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "util/limits.h"

/* Those whose rest is over that come back in one go: more than go to rest. */
#define COME_BACK 2u

struct idler_list {
	struct idler *oldest, *newest;
};

struct idlers {
	struct hash_key key;
	struct idler_list resting; /* in the order in which they come back */
	/* busiest[1] of all, busiest[n] of busiest[2n] and busiest[2n + 1]. */
	uint16_t busiest[2 * LIMIT_IDLER_BUCKETS];
	struct idler_list waiting[LIMIT_IDLER_BUCKETS];
	uint32_t all[LIMIT_IDLER_BUCKETS]; /* those that rest as well */
};

struct idlers *idlers_new(const struct hash_key *key)
{
	struct idlers *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->key = *key;
	for (unsigned i = 0; i < LIMIT_IDLER_BUCKETS; i++)
		t->busiest[LIMIT_IDLER_BUCKETS + i] = (uint16_t)i;
	for (unsigned i = LIMIT_IDLER_BUCKETS - 1; i > 0; i--)
		t->busiest[i] = t->busiest[2 * i];
	return t;
}

struct idlers *idlers_free(struct idlers *t)
{
	free(t);
	return NULL;
}

static uint16_t bucket_of(const struct idlers *t, const struct addr *remote)
{
	struct prefix p =
		prefix_of(remote, remote->family == AF_INET ? 24 : 48);

	return (uint16_t)(hash_bytes(&t->key, p.addr.bytes,
				     sizeof(p.addr.bytes)) %
			  LIMIT_IDLER_BUCKETS);
}

static void append(struct idler_list *l, struct idler *i)
{
	i->in = l;
	i->older = l->newest;
	i->newer = NULL;
	*(l->newest ? &l->newest->newer : &l->oldest) = i;
	l->newest = i;
}

static void take_out(struct idler *i)
{
	*(i->older ? &i->older->newer : &i->in->oldest) = i->newer;
	*(i->newer ? &i->newer->older : &i->in->newest) = i->older;
	i->in = NULL;
}

/* Of a bucket that could give one. */
static uint32_t weight(const struct idlers *t, uint16_t bucket)
{
	return t->waiting[bucket].oldest ? t->all[bucket] : 0;
}

static void replay(struct idlers *t, uint16_t bucket)
{
	for (unsigned i = (LIMIT_IDLER_BUCKETS + bucket) / 2; i > 0; i /= 2) {
		uint16_t a = t->busiest[2 * i], b = t->busiest[2 * i + 1];

		t->busiest[i] = weight(t, b) > weight(t, a) ? b : a;
	}
}

void idlers_add(struct idlers *t, struct idler *i, const struct addr *remote)
{
	if (i->in)
		return;
	i->bucket = bucket_of(t, remote);
	t->all[i->bucket]++;
	append(&t->waiting[i->bucket], i);
	replay(t, i->bucket);
}

void idlers_remove(struct idlers *t, struct idler *i)
{
	if (!i->in)
		return;
	take_out(i);
	t->all[i->bucket]--;
	replay(t, i->bucket);
}

static void come_back(struct idlers *t, uint64_t now)
{
	struct idler *i;

	for (unsigned n = 0; n < COME_BACK; n++) {
		i = t->resting.oldest;
		if (!i || now < i->rests_until)
			return;
		take_out(i);
		append(&t->waiting[i->bucket], i);
		replay(t, i->bucket);
	}
}

struct idler *idlers_pick(struct idlers *t, uint64_t now,
			  const struct addr *newcomer)
{
	uint16_t own = bucket_of(t, newcomer), from;
	struct idler *found;

	come_back(t, now);
	from = t->busiest[1];
	if (weight(t, from) < t->all[own])
		from = own;
	found = t->waiting[from].oldest;
	if (!found)
		return NULL;
	take_out(found);
	found->rests_until = now + LIMIT_IDLER_REST_MS;
	append(&t->resting, found);
	replay(t, from);
	return found;
}
