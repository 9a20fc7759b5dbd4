/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Start: what an earlier run left in the kernel is taken over or taken away,
 * in an order that leaves no closed network open for a moment.
 */
#include <errno.h>
#include <stdlib.h>

#include "agent/netd-flow.h"
#include "agent/netd-found.h"
#include "agent/netd-kept.h"
#include "agent/netd.h"
#include "util/log.h"
#include "xfrm/nft.h"
#include "xfrm/nlsock.h"
#include "xfrm/spd.h"

static bool is_host(const struct prefix *p)
{
	return p->len == addr_len(&p->addr) * 8;
}

/* The hosts of a policy; a link-local one gets the link of our address. */
static bool policy_hosts(const struct netd *n, const struct kpolicy *p,
			 struct addr *ret_local, struct addr *ret_remote)
{
	bool out = p->dir == KDIR_OUT;
	uint32_t scope;

	if (p->dir == KDIR_FWD || !is_host(&p->sel.src) ||
	    !is_host(&p->sel.dst))
		return false;
	*ret_local = out ? p->sel.src.addr : p->sel.dst.addr;
	*ret_remote = out ? p->sel.dst.addr : p->sel.src.addr;
	scope = address_table_scope(n->guard.own, ret_local);
	ret_local->scope = scope;
	if (addr_is_linklocal(ret_remote))
		ret_remote->scope = scope;
	return true;
}

/* A lease without SAs that an earlier run has closed. */
static bool is_closed_lease(struct netd *n, const struct kpolicy *p,
			    const struct addr *remote)
{
	return p->dir == KDIR_OUT && p->action == KACTION_BLOCK &&
	       p->priority == KPOLICY_PRIO_SHUNT && netd_is_lease(n, remote);
}

/* Out-policies first: they name the flow. */
static int adopt_flows(struct netd *n, const struct netd_found *f)
{
	static const enum kdir order[] = { KDIR_OUT, KDIR_IN };
	struct addr local, remote;
	int r;

	for (size_t d = 0; d < 2; d++)
		for (size_t i = 0; i < f->n_policies; i++) {
			const struct kpolicy *p = &f->policies[i];

			if (p->dir != order[d] ||
			    !policy_hosts(n, p, &local, &remote))
				continue;
			r = netd_flow_adopt_policy(&n->flows, p, &local,
						   &remote);
			if (r < 0 && r != -ENOENT)
				return r;
			if (r == -ENOENT && is_closed_lease(n, p, &remote))
				netd_on_closing(n, &local, &remote);
		}
	return 0;
}

static int adopt_sas(struct netd *n, const struct netd_found *f)
{
	/* The kernel dumps the newest first, and so does the table keep them. */
	for (size_t i = f->n_sas; i-- > 0;) {
		struct change c = { .op = CHANGE_SA_DELETE, .sa = f->sas[i] };
		int r = netd_flow_adopt_sa(&n->flows, &f->sas[i]);

		if (r == -ENOENT)
			r = n->kernel.apply(n->kernel.user, &c, 1);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The configuration may have changed since: what is closed now ends, and
 * where protection is required now, it is. */
static void adopt_by_policy(struct netd *n)
{
	for (struct netd_flow *f = n->flows.first, *next; f; f = next) {
		const struct policy *p = netd_guard_policy(
			&n->guard, &f->pair->remote, &f->pair->outer);

		next = f->next;
		if (!p || p->level == POLICY_FORBID ||
		    p->level == POLICY_BLOCK || !netd_flow_fits(n, f))
			netd_flow_drop(f);
		else if (p->level == POLICY_REQUIRE)
			f->hardened = true;
	}
}

/* Whatever is neither a flow's nor a network's is a leftover. */
int netd_sweep(struct netd *n, const struct netd_found *f, size_t *ret_swept)
{
	struct netd_batch b;
	struct kpolicy p;
	size_t swept = 0;

	netd_batch_init(&b, &n->kernel);
	for (size_t i = 0; i < f->n_policies; i++) {
		if (netd_pairs_taken(&n->pairs, &f->policies[i]) ||
		    netd_connections_want(&n->connections, &f->policies[i],
					  &p) ||
		    netd_networks_want(n->networks, &f->policies[i], &p))
			continue;
		netd_batch_policy(&b, CHANGE_POLICY_DELETE, &f->policies[i]);
		swept++;
	}
	*ret_swept = swept;
	return netd_batch_done(&b);
}

static int adopt_networks(struct netd *n)
{
	const struct address_table *own = n->guard.own;
	int r = 0;

	n->addresses_known = true;
	for (size_t i = 0; i < own->count && r == 0; i++) {
		r = netd_networks_add(n->networks, &own->list[i].addr,
				      &own->list[i].broadcast);
		/* Logged; the others' places are still ours to fill. */
		if (r == -EEXIST)
			r = 0;
	}
	return r;
}

int netd_adopt(struct netd *n)
{
	struct netd_found f;
	size_t swept = 0;
	int r = netd_found_read(n->nl, &f);

	/* What we found set may be an earlier run's doing, which could not put
	 * it back; after a boot it is not, whatever is kept. */
	if (f.n_policies && n->larval_before == 0) {
		int before = netd_kept_larval_load(n->kept_dir);

		n->larval_before = before < 0 ? 0 : before;
	}
	if (r == 0)
		r = adopt_flows(n, &f);
	if (r == 0)
		r = adopt_sas(n, &f);
	if (r == 0)
		adopt_by_policy(n);
	if (r == 0)
		netd_flows_adopted(&n->flows, netd_now(n));
	if (r == 0)
		netd_translate_adopt(n);
	if (r == 0)
		netd_connections_adopt(&n->connections, f.policies,
				       f.n_policies, netd_now(n));
	if (r == 0)
		r = adopt_networks(n);
	if (r == 0)
		r = netd_sweep(n, &f, &swept);
	if (swept)
		log_info("%zu kernel policies of an earlier run are removed.",
			 swept);
	netd_found_done(&f);
	return r;
}

static int clear_xfrm(struct nlsock *nl, const struct netd_found *f)
{
	int first = 0;

	for (size_t i = 0; i < f->n_policies + f->n_sas; i++) {
		struct change c = { .op = CHANGE_POLICY_DELETE };
		int r;

		if (i < f->n_policies) {
			c.policy = f->policies[i];
		} else {
			c.op = CHANGE_SA_DELETE;
			c.sa = f->sas[i - f->n_policies];
		}
		r = change_apply(nl, &c, 1);
		if (r < 0 && first == 0)
			first = r;
	}
	return first;
}

bool netd_stands(void)
{
	struct netd_found f = { 0 };
	struct nlsock *nl = NULL;
	int r = nlsock_open(NETLINK_XFRM, &nl);
	bool any;

	if (r == 0)
		r = netd_found_read(nl, &f);
	any = r < 0 || f.n_policies || f.n_sas;
	nlsock_free(nl);
	netd_found_done(&f);
	return any;
}

int netd_clear(void)
{
	struct netd_found f = { 0 };
	struct nlsock *nl = NULL;
	int r = nlsock_open(NETLINK_XFRM, &nl), t;

	if (r == 0)
		r = netd_found_read(nl, &f);
	if (r == 0)
		r = clear_xfrm(nl, &f);
	nlsock_free(nl);
	netd_found_done(&f);
	t = nft_tables_clear();
	return r < 0 ? r : t;
}
