/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of host pairs, and the arbitration between their claims.
 */
#include "agent/netd-pairs.h"

#include <stdlib.h>
#include <string.h>

static uint64_t pair_hash(const struct netd_pairs *t, const struct addr *local,
			  const struct addr *remote)
{
	uint8_t key[33];

	key[0] = (uint8_t)local->family;
	memcpy(key + 1, local->bytes, 16);
	memcpy(key + 17, remote->bytes, 16);
	return hash_bytes(&t->hash_key, key, sizeof(key));
}

static bool same_host(const struct addr *a, const struct addr *b)
{
	struct addr x = *a, y = *b;

	x.scope = 0;
	y.scope = 0;
	return addr_equal(&x, &y);
}

void netd_pairs_init(struct netd_pairs *t, const struct netd_kernel *k,
		     const struct hash_key *key)
{
	*t = (struct netd_pairs){ .kernel = k, .hash_key = *key };
	hmap_init(&t->map);
}

void netd_pairs_done(struct netd_pairs *t)
{
	struct hmap_node *n;

	while ((n = hmap_any(&t->map))) {
		hmap_remove(&t->map, n);
		free(container_of(n, struct netd_pair, node));
	}
	hmap_done(&t->map);
}

struct netd_pair *netd_pair_get(const struct netd_pairs *t,
				const struct addr *local,
				const struct addr *remote)
{
	hmap_for_each (n, &t->map, pair_hash(t, local, remote)) {
		struct netd_pair *p = container_of(n, struct netd_pair, node);

		if (same_host(&p->local, local) &&
		    same_host(&p->remote, remote))
			return p;
	}
	return NULL;
}

struct netd_pair *netd_pair_obtain(struct netd_pairs *t,
				   const struct addr *local,
				   const struct addr *remote)
{
	struct netd_pair *p = netd_pair_get(t, local, remote);

	if (p)
		return p;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->local = *local;
	p->remote = *remote;
	if (hmap_insert(&t->map, &p->node, pair_hash(t, local, remote)) < 0) {
		free(p);
		return NULL;
	}
	return p;
}

void netd_pair_release(struct netd_pairs *t, struct netd_pair *p)
{
	if (p->flow || p->shunt || p->there[KDIR_IN] || p->there[KDIR_OUT])
		return;
	hmap_remove(&t->map, &p->node);
	free(p);
}

struct kpolicy netd_pair_place(const struct netd_pair *p, enum kdir dir)
{
	struct prefix local = prefix_host(&p->local);
	struct prefix remote = prefix_host(&p->remote);
	struct kpolicy k = { .dir = dir };

	k.sel = dir == KDIR_OUT ? kselector_between(&local, &remote)
				: kselector_between(&remote, &local);
	return k;
}

/* Who holds the place? A shunt speaks for both directions. */
static const struct netd_claim *pair_winner(const struct netd_pair *p,
					    enum kdir dir,
					    uint32_t *ret_priority)
{
	if (p->shunt_claim[KDIR_OUT].set) {
		*ret_priority = KPOLICY_PRIO_SHUNT;
		return p->shunt_claim[dir].set ? &p->shunt_claim[dir] : NULL;
	}
	*ret_priority = KPOLICY_PRIO_FLOW;
	return p->flow_claim[dir].set ? &p->flow_claim[dir] : NULL;
}

/* False: nothing of ours belongs there. *ret_own: the pair's, not the
 * network's. */
static bool pair_want(const struct netd_pairs *t, const struct netd_pair *p,
		      enum kdir dir, struct kpolicy *ret, bool *ret_own)
{
	struct kpolicy k = netd_pair_place(p, dir), network;
	const struct netd_claim *c = pair_winner(p, dir, &k.priority);
	bool is_network =
		t->networks && netd_networks_want(t->networks, &k, &network);

	*ret_own = c != NULL;
	*ret = c ? k : network;
	if (!c)
		return is_network;
	ret->action = c->action;
	ret->optional = c->optional;
	ret->tunnel = c->tunnel;
	if (c->tunnel)
		ret->outer = p->outer;
	ret->reqid = c->reqid;
	/* The kernel's own timer would leave the place empty, where a network
	 * stands behind it: its owner's timer alone ends it then. */
	ret->hard_s = is_network ? 0 : c->hard_s;
	return true;
}

int netd_pair_sync(struct netd_pairs *t, struct netd_pair *p)
{
	/* In before out: never send what the answer to would be refused. */
	static const enum kdir order[] = { KDIR_IN, KDIR_OUT };
	struct change c[2] = { 0 };
	bool own[2], is[2];
	size_t n = 0;
	int r;

	for (size_t i = 0; i < 2; i++) {
		enum kdir dir = order[i];

		is[i] = pair_want(t, p, dir, &c[n].policy, &own[i]);
		own[i] = own[i] && is[i];
		if (!own[i] && !p->there[dir])
			continue; /* the network's, if any, stands there */
		if (!is[i])
			c[n].policy = netd_pair_place(p, dir);
		c[n].op = !is[i]	  ? CHANGE_POLICY_DELETE
			  : p->there[dir] ? CHANGE_POLICY_UPDATE
					  : CHANGE_POLICY_SET;
		n++;
	}
	if (n == 0)
		return 0;
	r = t->kernel->apply(t->kernel->user, c, n);
	for (size_t i = 0, k = 0; i < 2; i++) {
		enum kdir dir = order[i];

		if (!own[i] && !p->there[dir])
			continue;
		if (!c[k++].error)
			p->there[dir] = own[i];
	}
	return r;
}

int netd_pair_mend(struct netd_pairs *t, struct netd_pair *p,
		   bool (*stands)(void *user, const struct kpolicy *p),
		   void *user, size_t *ret_n)
{
	static const enum kdir order[] = { KDIR_IN, KDIR_OUT };
	size_t missing = 0;

	for (size_t i = 0; i < 2; i++) {
		enum kdir dir = order[i];
		struct kpolicy k;
		bool own;

		if (!pair_want(t, p, dir, &k, &own) || !own || stands(user, &k))
			continue;
		/* Set, whatever of ours is there. */
		p->there[dir] = false;
		missing++;
	}
	*ret_n = missing;
	return missing ? netd_pair_sync(t, p) : 0;
}

struct netd_pair *netd_pairs_at(const struct netd_pairs *t,
				const struct kpolicy *place)
{
	const struct prefix *src = &place->sel.src, *dst = &place->sel.dst;
	uint8_t host = (uint8_t)(addr_len(&src->addr) * 8);
	struct netd_pair *p;
	struct kpolicy k;

	if (place->dir == KDIR_FWD || src->len != host || dst->len != host)
		return NULL;
	p = place->dir == KDIR_OUT ? netd_pair_get(t, &src->addr, &dst->addr)
				   : netd_pair_get(t, &dst->addr, &src->addr);
	if (!p)
		return NULL;
	k = netd_pair_place(p, place->dir);
	return kpolicy_same_place(&k, place) ? p : NULL;
}

bool netd_pairs_taken(const struct netd_pairs *t, const struct kpolicy *place)
{
	const struct netd_pair *p = netd_pairs_at(t, place);

	return p && p->there[place->dir];
}
