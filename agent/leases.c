/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One cat/pool a network of the configuration's pools. A peer that comes back
 * after we were started again finds its lease in use by its own orphaned SAs:
 * that one is given to it.
 */
#include "agent/leases.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/negotiation.h"
#include "agent/proof.h"

/* So long is told of a pool that was exhausted. */
#define WARN_MS 600000u

/* What is ours, on our links, or a policy's own is not leased. */
static bool is_taken_of(const struct agent *a, const struct addr *x)
{
	const struct leases *l = &a->leases;
	const struct config *c = a->config;
	bool leased = false;

	for (size_t i = 0; i < l->n_links; i++) {
		struct prefix link =
			prefix_of(&l->links[i].own, l->links[i].prefix_len);

		if (prefix_contains(&link, x))
			return true;
	}
	for (size_t i = 0; i < c->pools.count && !leased; i++)
		leased = address_pool_leases(&c->pools.list[i], c->policies, x);
	return !leased;
}

static bool is_taken(void *user, const struct addr *x)
{
	return is_taken_of(user, x);
}

static struct lease_network *find(const struct leases *l,
				  const struct prefix *network)
{
	for (size_t i = 0; i < l->count; i++)
		if (prefix_equal(&l->list[i].network, network))
			return &l->list[i];
	return NULL;
}

static struct lease_network *find_of(const struct leases *l,
				     const struct addr *a)
{
	for (size_t i = 0; i < l->count; i++)
		if (prefix_contains(&l->list[i].network, a))
			return &l->list[i];
	return NULL;
}

static int add(struct agent *a, const struct prefix *network)
{
	struct leases *l = &a->leases;
	struct lease_network *grown;
	int r;

	if (find(l, network))
		return 0;
	grown = reallocarray(l->list, l->count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	l->list = grown;
	grown[l->count].network = *network;
	r = pool_new(network, &l->key, is_taken, a, &grown[l->count].pool);
	if (r == 0)
		l->count++;
	return r;
}

static int add_all(struct agent *a)
{
	const struct address_pools *pools = &a->config->pools;
	int r = 0;

	for (size_t i = 0; i < pools->count; i++)
		for (size_t k = 0; k < pools->list[i].n_networks && r == 0; k++)
			r = add(a, &pools->list[i].networks[k]);
	return r;
}

int leases_start(struct agent *a)
{
	return add_all(a);
}

void leases_stop(struct agent *a)
{
	struct leases *l = &a->leases;

	for (size_t i = 0; i < l->count; i++)
		pool_free(l->list[i].pool);
	free(l->list);
	*l = (struct leases){ 0 };
}

static bool is_configured(const struct agent *a, const struct prefix *network)
{
	const struct address_pools *pools = &a->config->pools;

	for (size_t i = 0; i < pools->count; i++)
		for (size_t k = 0; k < pools->list[i].n_networks; k++)
			if (prefix_equal(&pools->list[i].networks[k], network))
				return true;
	return false;
}

void leases_on_policies(struct agent *a)
{
	struct leases *l = &a->leases;

	for (size_t i = l->count; i-- > 0;) {
		if (is_configured(a, &l->list[i].network))
			continue;
		pool_free(l->list[i].pool);
		l->list[i] = l->list[--l->count];
	}
	if (add_all(a) < 0)
		log_error("Out of memory: not all address pools can be used.");
}

/* --- who gets one ------------------------------------------------------------- */

/* Under which name it is remembered. */
static void owner_of(const struct endpoint *remote,
		     const struct ike_proof *peer,
		     char ret[IKE_IDENTITY_STRLEN])
{
	char text[ADDR_STRLEN];

	if (proof_is_one((uint8_t)peer->method))
		ike_identity_format(&peer->id, ret);
	else
		snprintf(ret, IKE_IDENTITY_STRLEN, "anonymous, from %s",
			 addr_format(&remote->addr, text));
}

static bool same_peer(const struct ike_proof *a, const struct ike_proof *b)
{
	return proof_is_one((uint8_t)a->method) ==
		       proof_is_one((uint8_t)b->method) &&
	       ike_identity_equal(&a->id, &b->id);
}

/*
 * Is the one that it wants in use, by itself? By the SAs of an earlier agent
 * with that address, which it is about to replace, or by an IKE SA with the
 * very same endpoint, which it renews. Who has proven who it is may come from
 * elsewhere: it has moved, and its old SAs go.
 */
static bool is_own(const struct agent *a, const struct endpoint *remote,
		   const struct ike_proof *peer, const struct addr *wanted)
{
	const struct flow *f = flow_table_get_remote(a->flows, wanted);
	struct ike_sa_info info;

	if (!f || !f->child.spi_in)
		return false;
	/* What was adopted is released when its flow loses its SAs. */
	if (handle_is_none(f->child.ike))
		return addr_equal(&f->outer, &remote->addr);
	return ike_sa_describe(a->ike, f->child.ike, &info) &&
	       same_peer(&info.peer, peer) &&
	       (proof_is_one((uint8_t)peer->method) ||
		endpoint_equal(&info.remote, remote));
}

/* Of the networks of its pool the one that has what it wants comes first. */
static int take_any(struct agent *a, const struct address_pool *p,
		    const char *owner, uint16_t family,
		    const struct addr *wanted, struct addr *ret)
{
	int r = 1; /* none of this family */

	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < p->n_networks; i++) {
			const struct prefix *network = &p->networks[i];
			const struct lease_network *n =
				find(&a->leases, network);

			if (!n || network->addr.family != family ||
			    prefix_contains(network, wanted) != (pass == 0))
				continue;
			r = pool_lease(n->pool, owner, strlen(owner), wanted,
				       ret);
			if (r != -ENOSPC)
				return r;
		}
	return r;
}

static void exhausted(struct agent *a, const struct address_pool *p,
		      uint16_t family)
{
	struct leases *l = &a->leases;
	uint64_t now = agent_now(a);

	l->refused++;
	l->exhausted_at = now;
	snprintf(l->exhausted_text, sizeof(l->exhausted_text),
		 "all IPv%c addresses of the pool %s are leased, and peers "
		 "behind NATs are refused: give it more networks (pool.d)",
		 family == AF_INET ? '4' : '6', p->name);
	log_limited(&l->limit, now, LOG_WARNING, NULL,
		    "All IPv%c addresses of the pool %s are leased: a peer is "
		    "refused.",
		    family == AF_INET ? '4' : '6', p->name);
}

int leases_grant(void *user, const struct endpoint *remote,
		 const struct ike_proof *peer, uint16_t family,
		 const struct addr *wanted, struct addr *ret)
{
	struct agent *a = user;
	const struct policy *policy =
		proof_policy(a->config->policies, &remote->addr, peer);
	const struct lease_network *n = find_of(&a->leases, wanted);
	const struct address_pool *p;
	char owner[IKE_IDENTITY_STRLEN];
	int r;

	if (!negotiation_wanted_by(policy) ||
	    policy->mode == POLICY_MODE_TRANSPORT)
		return 1;
	p = address_pools_get(&a->config->pools, policy->pool);
	if (!p)
		return 1;
	owner_of(remote, peer, owner);
	if (n && address_pool_leases(p, a->config->policies, wanted) &&
	    is_own(a, remote, peer, wanted) &&
	    pool_share(n->pool, owner, strlen(owner), wanted)) {
		*ret = *wanted;
		return 0;
	}
	r = take_any(a, p, owner, family, wanted, ret);
	if (r == -ENOSPC)
		exhausted(a, p, family);
	return r;
}

void leases_release(void *user, const struct addr *lease)
{
	const struct agent *a = user;
	const struct lease_network *n = find_of(&a->leases, lease);

	if (n)
		pool_release(n->pool, lease);
}

void leases_on_moved(struct agent *a, const struct addr *lease,
		     const struct endpoint *remote,
		     const struct ike_proof *peer)
{
	const struct lease_network *n = find_of(&a->leases, lease);
	char owner[IKE_IDENTITY_STRLEN];

	owner_of(remote, peer, owner);
	if (n)
		pool_own(n->pool, owner, strlen(owner), lease);
}

/* --- what is known -------------------------------------------------------------- */

bool leases_adopt(struct agent *a, const struct addr *lease)
{
	const struct lease_network *n = find_of(&a->leases, lease);

	return n && pool_claim(n->pool, lease) == 0;
}

bool leases_cover(const struct agent *a, const struct addr *addr)
{
	return find_of(&a->leases, addr) && !is_taken_of(a, addr);
}

bool leases_know(const struct agent *a, const struct addr *addr)
{
	const struct lease_network *n = find_of(&a->leases, addr);

	return n && pool_knows(n->pool, addr);
}

void leases_on_welcome(struct agent *a)
{
	a->leases.n_links = 0;
}

void leases_on_address(struct agent *a, const struct record_address *x)
{
	struct leases *l = &a->leases;
	size_t i = 0;

	while (i < l->n_links && !addr_equal(&l->links[i].own, &x->addr))
		i++;
	if (x->gone && i < l->n_links)
		l->links[i] = l->links[--l->n_links];
	if (x->gone || i == LIMIT_OWN_ADDRESSES)
		return;
	l->links[i] = (struct lease_link){ x->addr, (uint8_t)x->prefix_len };
	if (i == l->n_links)
		l->n_links++;
}

const char *leases_warning(const struct agent *a)
{
	const struct leases *l = &a->leases;

	return l->exhausted_at && agent_now(a) < l->exhausted_at + WARN_MS
		       ? l->exhausted_text
		       : NULL;
}

void leases_count(const struct agent *a, struct pool_counters *ret)
{
	*ret = (struct pool_counters){ .refused = a->leases.refused };
	for (size_t i = 0; i < a->leases.count; i++) {
		struct pool_counters c;

		pool_count(a->leases.list[i].pool, &c);
		ret->leased += c.leased;
		ret->kept += c.kept;
	}
}
