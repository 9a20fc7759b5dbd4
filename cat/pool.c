/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Leases by address and by owner. Those that are kept are in a list besides,
 * in the order in which they went out of use.
 */
#include "cat/pool.h"

#include <errno.h>
#include <stdlib.h>

#include "util/limits.h"

/* More addresses than that are as good as endless. */
#define OFFSET_BITS_MAX 62u

struct lease {
	struct hmap_node by_addr, by_owner;
	struct lease *older, *newer; /* of those that are kept */
	struct addr addr;
	bool owned;    /* by_owner is in its map */
	unsigned uses; /* 0: it is kept */
};

struct pool {
	struct prefix network;
	struct hash_key key;
	bool (*taken)(void *user, const struct addr *a);
	void *user;
	struct hmap by_addr, by_owner;
	struct lease *oldest, *newest;
	uint64_t last; /* offset of the last usable address */
	uint64_t next; /* offset to try first */
	struct pool_counters counters;
};

static uint64_t addr_hash(const struct pool *p, const struct addr *a)
{
	return hash_bytes(&p->key, a->bytes, addr_len(a));
}

int pool_new(const struct prefix *network, const struct hash_key *key,
	     bool (*taken)(void *user, const struct addr *a), void *user,
	     struct pool **ret)
{
	size_t bits = addr_len(&network->addr) * 8 - network->len;
	struct pool *p;

	if (bits < POOL_HOST_BITS_MIN)
		return -EINVAL;
	if (bits > OFFSET_BITS_MAX)
		bits = OFFSET_BITS_MAX;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->network = *network;
	p->key = *key;
	p->taken = taken;
	p->user = user;
	/* Neither the network's own address nor the one for all in it. */
	p->last = (UINT64_C(1) << bits) - 2;
	/* Where it begins is as good as random, so that after a restart other
	 * peers are not given the addresses of those who come back. */
	p->next = 1 + addr_hash(p, &network->addr) % p->last;
	hmap_init(&p->by_addr);
	hmap_init(&p->by_owner);
	*ret = p;
	return 0;
}

static void keep(struct pool *p, struct lease *l)
{
	l->uses = 0;
	l->older = p->newest;
	l->newer = NULL;
	*(p->newest ? &p->newest->newer : &p->oldest) = l;
	p->newest = l;
	p->counters.kept++;
}

static void unkeep(struct pool *p, struct lease *l)
{
	*(l->older ? &l->older->newer : &p->oldest) = l->newer;
	*(l->newer ? &l->newer->older : &p->newest) = l->older;
	l->older = l->newer = NULL;
	p->counters.kept--;
}

static void disown(struct pool *p, struct lease *l)
{
	if (l->owned)
		hmap_remove(&p->by_owner, &l->by_owner);
	l->owned = false;
}

/* One that is kept. */
static void forget(struct pool *p, struct lease *l)
{
	unkeep(p, l);
	disown(p, l);
	hmap_remove(&p->by_addr, &l->by_addr);
	free(l);
}

struct pool *pool_free(struct pool *p)
{
	struct hmap_node *n;

	if (!p)
		return NULL;
	while ((n = hmap_any(&p->by_addr))) {
		hmap_remove(&p->by_addr, n);
		free(container_of(n, struct lease, by_addr));
	}
	hmap_done(&p->by_addr);
	hmap_done(&p->by_owner);
	free(p);
	return NULL;
}

static struct lease *find(const struct pool *p, const struct addr *a)
{
	hmap_for_each (n, &p->by_addr, addr_hash(p, a)) {
		struct lease *l = container_of(n, struct lease, by_addr);

		if (addr_equal(&l->addr, a))
			return l;
	}
	return NULL;
}

static struct addr at_offset(const struct pool *p, uint64_t offset)
{
	struct addr a = p->network.addr;

	for (size_t i = addr_len(&a); offset && i-- > 0; offset >>= 8)
		a.bytes[i] |= (uint8_t)offset;
	return a;
}

/* An address of the pool that may be leased at all. */
static bool usable(const struct pool *p, const struct addr *a)
{
	struct addr first = at_offset(p, 0), last = at_offset(p, p->last + 1);

	return prefix_contains(&p->network, a) && !addr_equal(a, &first) &&
	       !addr_equal(a, &last) && !(p->taken && p->taken(p->user, a));
}

static int add(struct pool *p, const struct addr *a, struct lease **ret)
{
	struct lease *l;
	int r;

	if (hmap_count(&p->by_addr) >= LIMIT_LEASES) {
		if (!p->oldest)
			return -ENOSPC;
		forget(p, p->oldest);
	}
	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->addr = *a;
	r = hmap_insert(&p->by_addr, &l->by_addr, addr_hash(p, a));
	if (r < 0) {
		free(l);
		return r;
	}
	keep(p, l);
	*ret = l;
	return 0;
}

/* The one that it wants: unknown to us, or kept for it. 0, 1: not that one,
 * -errno. */
static int take_wanted(struct pool *p, uint64_t owner,
		       const struct addr *wanted, struct lease **ret)
{
	struct lease *l;

	if (!usable(p, wanted))
		return 1;
	l = find(p, wanted);
	if (!l)
		return add(p, wanted, ret);
	if (l->uses || !l->owned || l->by_owner.hash != owner)
		return 1;
	*ret = l;
	return 0;
}

static struct lease *find_kept(const struct pool *p, uint64_t owner)
{
	hmap_for_each (n, &p->by_owner, owner) {
		struct lease *l = container_of(n, struct lease, by_owner);

		if (!l->uses && usable(p, &l->addr))
			return l;
	}
	return NULL;
}

/* An address that nobody has, or that has been out of use longest. */
static int take_any(struct pool *p, struct lease **ret)
{
	for (unsigned i = 0; i < LIMIT_LEASE_TRIES && i < p->last; i++) {
		struct addr a = at_offset(p, p->next);

		p->next = p->next % p->last + 1;
		if (usable(p, &a) && !find(p, &a))
			return add(p, &a, ret);
	}
	if (!p->oldest)
		return -ENOSPC;
	*ret = p->oldest;
	return 0;
}

static int use(struct pool *p, struct lease *l, const uint64_t *owner)
{
	int r = 0;

	disown(p, l);
	if (owner)
		r = hmap_insert(&p->by_owner, &l->by_owner, *owner);
	if (r < 0)
		return r;
	l->owned = owner != NULL;
	unkeep(p, l);
	l->uses = 1;
	p->counters.leased++;
	return 0;
}

int pool_lease(struct pool *p, const void *owner, size_t owner_len,
	       const struct addr *wanted, struct addr *ret)
{
	uint64_t who = hash_bytes(&p->key, owner, owner_len);
	struct lease *l;
	int r = 1;

	if (wanted->family == p->network.addr.family)
		r = take_wanted(p, who, wanted, &l);
	if (r == 1) {
		l = find_kept(p, who);
		r = l ? 0 : take_any(p, &l);
	}
	if (r == 0)
		r = use(p, l, &who);
	if (r == -ENOSPC)
		p->counters.refused++;
	if (r == 0)
		*ret = l->addr;
	return r;
}

int pool_claim(struct pool *p, const struct addr *a)
{
	struct lease *l;
	int r = 0;

	if (!prefix_contains(&p->network, a))
		return -ENOENT;
	l = find(p, a);
	if (l && l->uses)
		return -EEXIST;
	if (!l)
		r = add(p, a, &l);
	return r < 0 ? r : use(p, l, NULL);
}

bool pool_share(struct pool *p, const void *owner, size_t owner_len,
		const struct addr *a)
{
	struct lease *l = find(p, a);

	if (!l || !l->uses)
		return false;
	if (!l->owned && hmap_insert(&p->by_owner, &l->by_owner,
				     hash_bytes(&p->key, owner, owner_len)) < 0)
		return false;
	l->owned = true;
	l->uses++;
	return true;
}

void pool_own(struct pool *p, const void *owner, size_t owner_len,
	      const struct addr *a)
{
	struct lease *l = find(p, a);

	if (!l || !l->uses)
		return;
	disown(p, l);
	l->owned = hmap_insert(&p->by_owner, &l->by_owner,
			       hash_bytes(&p->key, owner, owner_len)) == 0;
}

bool pool_knows(const struct pool *p, const struct addr *a)
{
	return find(p, a) != NULL;
}

void pool_release(struct pool *p, const struct addr *a)
{
	struct lease *l = find(p, a);

	if (!l || !l->uses || --l->uses)
		return;
	p->counters.leased--;
	keep(p, l);
	/* Whose it was is not known: it is anybody's. */
	if (!l->owned)
		forget(p, l);
}

void pool_count(const struct pool *p, struct pool_counters *ret)
{
	*ret = p->counters;
}
