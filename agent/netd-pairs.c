/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of host pairs, and the arbitration between their claims.
 */
#include "agent/netd-pairs.h"

#include <errno.h>
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

static void pair_free(struct netd_pair *p)
{
	free(p->places);
	free(p);
}

void netd_pairs_done(struct netd_pairs *t)
{
	struct hmap_node *n;

	while ((n = hmap_any(&t->map))) {
		hmap_remove(&t->map, n);
		pair_free(container_of(n, struct netd_pair, node));
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
	if (p->flow || p->shunt || p->connections ||
	    netd_pair_there(p, KDIR_IN, false) ||
	    netd_pair_there(p, KDIR_OUT, false))
		return;
	hmap_remove(&t->map, &p->node);
	pair_free(p);
}

/* --- places --------------------------------------------------------------- */

static struct kpolicy pair_place(const struct netd_pair *p,
				 const struct netd_place *at, enum kdir dir)
{
	struct prefix local = prefix_host(&p->local);
	struct prefix remote = prefix_host(&p->remote);
	struct kpolicy k = { .dir = dir };

	k.sel = dir == KDIR_OUT ? kselector_between(&local, &remote)
				: kselector_between(&remote, &local);
	if (at->side)
		kselector_set_service(&k.sel, &at->service,
				      (at->side == SCOPE_REMOTE) ==
					      (dir == KDIR_OUT));
	return k;
}

/* The place of this traffic, made if there is none; NULL: out of memory. */
static struct netd_place *place_obtain(struct netd_pair *p,
				       const struct service *s, uint8_t side)
{
	struct netd_place *grown;

	for (size_t i = 0; i < p->n_places; i++)
		if (p->places[i].side == side &&
		    service_equal(&p->places[i].service, s))
			return &p->places[i];
	grown = reallocarray(p->places, p->n_places + 1, sizeof(*grown));
	if (!grown)
		return NULL;
	p->places = grown;
	grown[p->n_places] = (struct netd_place){ .service = *s, .side = side };
	return &grown[p->n_places++];
}

/* All that takes memory. */
static int pair_obtain_places(struct netd_pair *p, const struct scope *scope)
{
	static const struct service all;

	if (!scope->n)
		return place_obtain(p, &all, 0) ? 0 : -ENOMEM;
	for (size_t i = 0; i < scope->n; i++)
		for (uint8_t side = SCOPE_LOCAL; side <= SCOPE_REMOTE; side++)
			if (scope->sides & side &&
			    !place_obtain(p, &scope->list[i], side))
				return -ENOMEM;
	return 0;
}

int netd_pair_set_scope(struct netd_pair *p, const struct scope *scope)
{
	int r = pair_obtain_places(p, scope);

	for (size_t i = 0; r == 0 && i < p->n_places; i++) {
		struct netd_place *at = &p->places[i];

		at->wanted = scope->n ? at->side & scope->sides &&
						scope_has(scope, &at->service)
				      : !at->side;
	}
	return r;
}

int netd_pair_set_default(const struct netd_pairs *t, struct netd_pair *p)
{
	struct scope scope = { 0 };

	if (netd_pair_scope(p, &scope))
		return 0;
	if (t->networks)
		netd_networks_scope(t->networks, &p->remote, &scope);
	return netd_pair_set_scope(p, &scope);
}

bool netd_pair_scope(const struct netd_pair *p, struct scope *ret)
{
	bool any = false;

	*ret = (struct scope){ .sides = 0 };
	for (size_t i = 0; i < p->n_places; i++) {
		const struct netd_place *at = &p->places[i];

		if (!at->wanted)
			continue;
		any = true;
		ret->sides |= at->side;
		if (at->side && !scope_has(ret, &at->service) &&
		    ret->n < LIMIT_SCOPE_SERVICES)
			ret->list[ret->n++] = at->service;
	}
	return any;
}

int netd_pair_found(struct netd_pair *p, const struct kpolicy *k)
{
	const struct kselector *s = &k->sel;
	const bool dport = s->dport_mask != 0;
	const struct service service = { s->protocol,
					 dport ? s->dport : s->sport };
	struct netd_place *at =
		place_obtain(p, &service,
			     !s->protocol		     ? 0
			     : dport == (k->dir == KDIR_OUT) ? SCOPE_REMOTE
							     : SCOPE_LOCAL);

	if (!at)
		return -ENOMEM;
	at->wanted = true;
	at->there[k->dir] = true;
	return 0;
}

bool netd_pair_there(const struct netd_pair *p, enum kdir dir, bool wherever)
{
	bool any = false;

	for (size_t i = 0; i < p->n_places; i++) {
		if (wherever && p->places[i].wanted && !p->places[i].there[dir])
			return false;
		any = any || p->places[i].there[dir];
	}
	return any;
}

/* The place of the pair's that this is, or NULL. */
static struct netd_place *pair_place_at(const struct netd_pair *p,
					const struct kpolicy *place)
{
	for (size_t i = 0; i < p->n_places; i++) {
		struct kpolicy k = pair_place(p, &p->places[i], place->dir);

		if (kpolicy_same_place(&k, place))
			return &p->places[i];
	}
	return NULL;
}

void netd_pair_missed(struct netd_pair *p, const struct kpolicy *k)
{
	struct netd_place *at = pair_place_at(p, k);

	if (at)
		at->there[k->dir] = false;
}

/* --- claims --------------------------------------------------------------- */

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
		      const struct netd_place *at, enum kdir dir,
		      struct kpolicy *ret, bool *ret_own)
{
	struct kpolicy k = pair_place(p, at, dir), network;
	const struct netd_claim *c = pair_winner(p, dir, &k.priority);
	bool is_network =
		t->networks && netd_networks_want(t->networks, &k, &network);

	*ret_own = c && at->wanted;
	*ret = *ret_own ? k : network;
	if (!*ret_own)
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

/* What one place takes, in this direction; false: nothing. */
static bool place_change(const struct netd_pairs *t, const struct netd_pair *p,
			 const struct netd_place *at, enum kdir dir,
			 struct change *ret, bool *ret_own)
{
	bool is = pair_want(t, p, at, dir, &ret->policy, ret_own);

	if (!*ret_own && !at->there[dir])
		return false; /* the network's, if any, stands there */
	if (!is)
		ret->policy = pair_place(p, at, dir);
	ret->op = !is		   ? CHANGE_POLICY_DELETE
		  : at->there[dir] ? CHANGE_POLICY_UPDATE
				   : CHANGE_POLICY_SET;
	return true;
}

/* Places that are of no use any more. */
static void pair_trim(struct netd_pair *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_places; i++) {
		const struct netd_place *at = &p->places[i];

		if (at->wanted || at->there[KDIR_IN] || at->there[KDIR_OUT])
			p->places[n++] = *at;
	}
	p->n_places = n;
}

int netd_pair_sync(struct netd_pairs *t, struct netd_pair *p)
{
	/* In before out: never send what the answer to would be refused. */
	static const enum kdir order[] = { KDIR_IN, KDIR_OUT };
	struct change *c = calloc(2 * p->n_places + 1, sizeof(*c));
	size_t n = 0, k = 0;
	bool own;
	int r = 0;

	if (!c)
		return -ENOMEM;
	for (size_t d = 0; d < 2; d++)
		for (size_t i = 0; i < p->n_places; i++)
			n += place_change(t, p, &p->places[i], order[d], &c[n],
					  &own);
	if (n)
		r = t->kernel->apply(t->kernel->user, c, n);
	for (size_t d = 0; n && d < 2; d++)
		for (size_t i = 0; i < p->n_places; i++) {
			struct change want;

			if (place_change(t, p, &p->places[i], order[d], &want,
					 &own) &&
			    !c[k++].error)
				p->places[i].there[order[d]] = own;
		}
	free(c);
	pair_trim(p);
	return r;
}

int netd_pair_mend(struct netd_pairs *t, struct netd_pair *p,
		   bool (*stands)(void *user, const struct kpolicy *p),
		   void *user, size_t *ret_n)
{
	static const enum kdir order[] = { KDIR_IN, KDIR_OUT };
	size_t missing = 0;

	for (size_t i = 0; i < 2 * p->n_places; i++) {
		struct netd_place *at = &p->places[i / 2];
		enum kdir dir = order[i % 2];
		struct kpolicy k;
		bool own;

		if (!pair_want(t, p, at, dir, &k, &own) || !own ||
		    stands(user, &k))
			continue;
		/* Set, whatever of ours is there. */
		at->there[dir] = false;
		missing++;
	}
	*ret_n = missing;
	return missing ? netd_pair_sync(t, p) : 0;
}

static struct netd_pair *pair_of(const struct netd_pairs *t,
				 const struct kpolicy *place,
				 struct netd_place **ret)
{
	const struct prefix *src = &place->sel.src, *dst = &place->sel.dst;
	uint8_t host = (uint8_t)(addr_len(&src->addr) * 8);
	struct netd_pair *p;

	if (place->dir == KDIR_FWD || src->len != host || dst->len != host)
		return NULL;
	p = place->dir == KDIR_OUT ? netd_pair_get(t, &src->addr, &dst->addr)
				   : netd_pair_get(t, &dst->addr, &src->addr);
	*ret = p ? pair_place_at(p, place) : NULL;
	return *ret ? p : NULL;
}

struct netd_pair *netd_pairs_at(const struct netd_pairs *t,
				const struct kpolicy *place)
{
	struct netd_place *at;

	return pair_of(t, place, &at);
}

bool netd_pairs_taken(const struct netd_pairs *t, const struct kpolicy *place)
{
	struct netd_place *at;

	return pair_of(t, place, &at) && at->there[place->dir];
}
