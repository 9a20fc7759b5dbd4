/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every request against the invariants, before anything is done.
 */
#include "agent/netd-guard.h"

#include <errno.h>

static int refuse(int error, const char *why, const char **ret_why)
{
	*ret_why = why;
	return error;
}

static enum policy_level guard_level(const struct netd_guard *g,
				     const struct addr *remote)
{
	const struct policy *p = policy_table_lookup(g->policies, remote);

	return p ? p->level : POLICY_FORBID;
}

static bool addr_is_broadcast(const struct netd_guard *g, const struct addr *a)
{
	static const struct addr all = { .family = AF_INET,
					 .bytes = { 255, 255, 255, 255 } };

	if (addr_equal(a, &all))
		return true;
	for (size_t i = 0; i < g->own->count; i++)
		if (addr_len(a) && addr_equal(&g->own->list[i].broadcast, a))
			return true;
	return false;
}

bool netd_guard_remote(const struct netd_guard *g, const struct addr *remote)
{
	return !addr_is_multicast(remote) && !addr_is_loopback(remote) &&
	       !addr_is_unspecified(remote) && !addr_is_broadcast(g, remote) &&
	       !address_table_has(g->own, remote);
}

static bool guard_may_lease(const struct netd_guard *g,
			    const struct address_pool *p, const struct addr *a)
{
	return netd_guard_remote(g, a) && !address_table_on_link(g->own, a) &&
	       address_pool_leases(p, g->policies, a);
}

bool netd_guard_is_lease(const struct netd_guard *g, const struct addr *a)
{
	for (size_t i = 0; i < g->pools->count; i++)
		if (guard_may_lease(g, &g->pools->list[i], a))
			return true;
	return false;
}

/* Of the pools of all that may be there: who it is the agent knows. */
static bool guard_leases_at(const struct netd_guard *g,
			    const struct addr *remote, const struct addr *outer)
{
	const struct policy *p = policy_table_lookup(g->policies, outer);

	for (size_t i = 0; p; i++) {
		const struct address_pool *pool =
			address_pools_get(g->pools, p->pool);

		if (pool && guard_may_lease(g, pool, remote))
			return true;
		p = policy_table_named(g->policies, outer, i);
	}
	return false;
}

const struct policy *netd_guard_policy(const struct netd_guard *g,
				       const struct addr *remote,
				       const struct addr *outer)
{
	const struct policy *p = policy_table_lookup(g->policies, remote);

	if (!outer->family)
		return p;
	if (!netd_guard_remote(g, outer))
		return NULL;
	if (!netd_guard_is_lease(g, remote))
		return policy_table_has_gateway(g->policies, p, outer) ? p
								       : NULL;
	return guard_leases_at(g, remote, outer)
		       ? policy_table_lookup(g->policies, outer)
		       : NULL;
}

bool netd_guard_scope(const struct netd_guard *g, const struct addr *remote,
		      const struct addr *outer, const struct scope *s)
{
	struct scope policy;

	policy_table_scope(g->policies, outer->family ? outer : remote,
			   &policy);
	if (!policy.n)
		return true;
	for (size_t i = 0; i < s->n; i++)
		if (!scope_has(&policy, &s->list[i]))
			return false;
	return s->n > 0;
}

static int guard_hosts(const struct netd_guard *g, const struct addr *local,
		       const struct addr *remote, const char **ret_why)
{
	if (!address_table_has(g->own, local))
		return refuse(-EADDRNOTAVAIL, "local is not our address",
			      ret_why);
	if (!netd_guard_remote(g, remote))
		return refuse(-EINVAL, "remote is no other host", ret_why);
	return 0;
}

/* ESP to another host than remote, and for another than local. */
static int guard_ends(const struct netd_guard *g,
		      const struct record_install *in, const char **ret_why)
{
	if (in->outer.family && !netd_guard_remote(g, &in->outer))
		return refuse(-EINVAL, "outer is no other host", ret_why);
	if (in->outer.family && !netd_guard_policy(g, &in->remote, &in->outer))
		return refuse(-EPERM,
			      "remote is no address to be leased there, nor is "
			      "outer a gateway that policy lets it have",
			      ret_why);
	/* There is no such host, so nothing of it can be under way. */
	if (in->outer.family && (in->flags & RECORD_IN_OPTIONAL) &&
	    netd_guard_is_lease(g, &in->remote))
		return refuse(-EPERM, "a lease is never in the clear", ret_why);
	if (in->lease.family && !netd_guard_remote(g, &in->lease))
		return refuse(-EINVAL, "lease is no other host's address",
			      ret_why);
	return 0;
}

static int guard_install_flow(const struct netd_guard *g,
			      const struct record_install *in,
			      const char **ret_why)
{
	const struct addr *far = in->outer.family ? &in->outer : &in->remote;
	struct addr local, remote, outer, lease;
	uint32_t reqid;
	bool orphan;

	if (netd_flow_pair(g->flows, in->reqid, &local, &remote) &&
	    (!addr_equal(&local, &in->local) ||
	     !addr_equal(&remote, &in->remote)))
		return refuse(-EEXIST, "reqid is another host pair's", ret_why);
	reqid = netd_flow_of_pair(g->flows, &in->local, &in->remote, &orphan);
	if (reqid && reqid != in->reqid && !orphan)
		return refuse(-EEXIST, "the host pair has another reqid",
			      ret_why);
	netd_flow_ends(g->flows, reqid, &outer, &lease);
	if (reqid && (!addr_equal(&outer, &in->outer) ||
		      !addr_equal(&lease, &in->lease)))
		return refuse(-EEXIST, "the flow has another end", ret_why);
	/* Its out-SA may follow an in-SA that came alone. */
	if (netd_flow_has_spi(g->flows, &in->local, in->in.spi) &&
	    (in->flags & RECORD_IN_ONLY ||
	     !netd_flow_in_alone(g->flows, in->reqid, in->in.spi)))
		return refuse(-EEXIST, "the inbound SPI is in use", ret_why);
	if (!(in->flags & RECORD_IN_ONLY) &&
	    netd_flow_has_spi(g->flows, far, in->out.spi))
		return refuse(-EEXIST, "the outbound SPI is in use", ret_why);
	return 0;
}

static int guard_install(const struct netd_guard *g,
			 const struct record_install *in, const char **ret_why)
{
	int r = guard_hosts(g, &in->local, &in->remote, ret_why);
	const struct policy *p;

	if (r == 0)
		r = guard_ends(g, in, ret_why);
	if (r < 0)
		return r;
	p = netd_guard_policy(g, &in->remote, &in->outer);
	switch (p ? p->level : POLICY_FORBID) {
	case POLICY_FORBID:
		return refuse(-EPERM, "policy forbids protection", ret_why);
	case POLICY_BLOCK:
		return refuse(-EPERM, "policy blocks the network", ret_why);
	case POLICY_REQUIRE:
		if (in->flags & RECORD_IN_OPTIONAL)
			return refuse(-EPERM,
				      "policy requires protection inbound",
				      ret_why);
		break;
	case POLICY_ALLOW:
	case POLICY_OFFER:
		break;
	}
	if (!netd_guard_scope(g, &in->remote, &in->outer, &in->scope))
		return refuse(-EPERM, "policy has other services", ret_why);
	return guard_install_flow(g, in, ret_why);
}

/* The reqid names the flow; addresses that do not agree mean confusion. */
static int guard_flow(const struct netd_guard *g, const struct record_flow *f,
		      const char **ret_why)
{
	struct addr local, remote;

	if (!netd_flow_pair(g->flows, f->reqid, &local, &remote))
		return refuse(-ENOENT, "no such flow", ret_why);
	if (!f->local.family)
		return 0;
	if (!addr_equal(&f->local, &local) || !addr_equal(&f->remote, &remote))
		return refuse(-EEXIST, "reqid is another host pair's", ret_why);
	return 0;
}

static int guard_verdict(const struct netd_guard *g,
			 const struct record_verdict *v, const char **ret_why)
{
	enum policy_level level = guard_level(g, &v->remote);
	int r;

	/* Taking a verdict back closes, and never opens more than policy. */
	if (v->verdict == RECORD_FORGET)
		return 0;
	r = guard_hosts(g, &v->local, &v->remote, ret_why);
	if (r < 0)
		return r;
	if (v->verdict == RECORD_CLEAR &&
	    (level == POLICY_REQUIRE || level == POLICY_BLOCK))
		return refuse(-EPERM, "policy closes the network", ret_why);
	if (v->verdict == RECORD_BLOCK &&
	    (level == POLICY_FORBID || level == POLICY_ALLOW))
		return refuse(-EPERM, "policy opens the network", ret_why);
	return 0;
}

/* Of the flow between the two, where there is one. */
static enum policy_level guard_flow_level(const struct netd_guard *g,
					  const struct addr *local,
					  const struct addr *remote)
{
	struct addr outer, lease;
	const struct policy *p;
	bool orphan;

	netd_flow_ends(g->flows,
		       netd_flow_of_pair(g->flows, local, remote, &orphan),
		       &outer, &lease);
	p = netd_guard_policy(g, remote, &outer);
	return p ? p->level : POLICY_FORBID;
}

/* A socket is only ever closed to clear packets, so this may be asked for in
 * every network where there may be SAs. */
static int guard_socket(const struct netd_guard *g,
			const struct record_socket *s, const char **ret_why)
{
	struct addr local, remote;
	int r = guard_hosts(g, &s->local, &s->remote, ret_why);

	if (r < 0)
		return r;
	switch (guard_flow_level(g, &s->local, &s->remote)) {
	case POLICY_FORBID:
	case POLICY_BLOCK:
		return refuse(-EPERM, "policy has no SA for the network",
			      ret_why);
	case POLICY_ALLOW:
	case POLICY_OFFER:
	case POLICY_REQUIRE:
		break;
	}
	if (!s->reqid)
		return 0;
	if (!netd_flow_pair(g->flows, s->reqid, &local, &remote))
		return refuse(-ENOENT, "no such flow", ret_why);
	if (!addr_equal(&local, &s->local) || !addr_equal(&remote, &s->remote))
		return refuse(-EEXIST, "reqid is another host pair's", ret_why);
	return 0;
}

int netd_guard_check(const struct netd_guard *g, const struct record *r,
		     const char **ret_why)
{
	int error = record_validate(r, ret_why);

	if (error < 0)
		return error;
	switch ((enum record_type)r->type) {
	case RECORD_HELLO:
	case RECORD_ALIVE:
	case RECORD_RELOAD:
	case RECORD_BYE:
	case RECORD_REPAIR:
		return 0;
	case RECORD_INSTALL:
		return guard_install(g, &r->install, ret_why);
	case RECORD_SWITCH:
	case RECORD_HARDEN:
	case RECORD_REMOVE_SA:
	case RECORD_REMOVE:
	case RECORD_MOVE:
	case RECORD_ABANDON:
	case RECORD_COUNT:
		return guard_flow(g, &r->flow, ret_why);
	case RECORD_SOCKET:
		return guard_socket(g, &r->socket, ret_why);
	case RECORD_VERDICT:
		return guard_verdict(g, &r->verdict, ret_why);
	case RECORD_WELCOME:
	case RECORD_REPLY:
	case RECORD_ACQUIRE:
	case RECORD_EXPIRE:
	case RECORD_USED:
	case RECORD_ORPHAN:
	case RECORD_ADDRESS:
	case RECORD_HINT:
	case RECORD_COUNTED:
	case RECORD_IDLE:
	case RECORD_MAPPED:
	case RECORD_BEGAN:
	case RECORD_TYPES:
		break;
	}
	return refuse(-EPROTO, "not a request", ret_why);
}
