/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/netd-ports.h"

#include <errno.h>
#include <stdlib.h>

#include "policy/ranges.h"

#define PLACES 4 /* of a rule, for each address */

/* Where all else is in the clear, this needs no policy of its own. */
static bool is_needless(const struct netd_ports *c, const struct port_rule *r)
{
	/* No network inside the rule's says otherwise. */
	const struct policy *around =
		policy_table_match(c->policies, &r->network.addr, NULL);

	return !around || around->level == POLICY_FORBID ||
	       around->level == POLICY_ALLOW;
}

/* What stands in places of this direction; false: nothing. */
static bool rule_action(const struct netd_ports *c, const struct port_rule *r,
			enum kdir dir, struct kpolicy *ret)
{
	bool traps = r->network.addr.family == AF_INET6 ? c->traps6 : c->traps4;

	switch (r->policy->level) {
	case POLICY_FORBID:
	case POLICY_ALLOW:
		ret->action = KACTION_PASS;
		ret->priority = KPOLICY_PRIO_PORT_PASS;
		return !is_needless(c, r);
	case POLICY_OFFER:
	case POLICY_REQUIRE:
		ret->action = KACTION_PROTECT;
		ret->optional = r->policy->level == POLICY_OFFER;
		ret->priority = KPOLICY_PRIO_PORT_TRAP;
		/* Inbound any SA will do, as with networks. */
		ret->reqid = dir == KDIR_OUT ? KERNEL_TRAP_REQID : 0;
		return !ret->optional || (dir == KDIR_OUT && traps);
	case POLICY_BLOCK:
		break;
	}
	ret->action = KACTION_BLOCK;
	ret->priority = KPOLICY_PRIO_PORT_BLOCK;
	return true;
}

/* The i-th policy of a rule for this address of ours; false: none there. */
static bool rule_policy(const struct netd_ports *c, const struct port_rule *r,
			const struct addr *own, size_t i, struct kpolicy *ret)
{
	enum kdir dir = i & 1 ? KDIR_IN : KDIR_OUT;
	struct prefix host = prefix_host(own);
	struct kpolicy p = { .dir = dir };

	if (r->network.addr.family != own->family ||
	    !rule_action(c, r, dir, &p))
		return false;
	p.sel = dir == KDIR_OUT ? kselector_between(&host, &r->network)
				: kselector_between(&r->network, &host);
	/* The service is the peer's where it is sent to, or comes from. */
	kselector_set_service(&p.sel, &r->service,
			      (dir == KDIR_OUT) == !(i & 2));
	/* Else whoever sends from this port would be let in to any of ours. */
	if (dir == KDIR_IN && p.sel.sport_mask && p.action == KACTION_PASS)
		p.mark = c->mark;
	*ret = p;
	return true;
}

bool netd_ports_any(const struct netd_ports *c, int family)
{
	const struct port_rule *r;
	struct kpolicy p = { 0 };

	for (size_t i = 0; (r = policy_table_rule(c->policies, i)); i++)
		if (r->network.addr.family == family &&
		    rule_action(c, r, KDIR_OUT, &p) && p.action != KACTION_PASS)
			return true;
	return false;
}

static bool is_taken(const struct netd_ports *c, const struct kpolicy *place)
{
	return c->taken && c->taken(c->user, place);
}

static bool is_same(const struct kpolicy *a, const struct kpolicy *b)
{
	return a->action == b->action && a->optional == b->optional;
}

void netd_ports_add(const struct netd_ports *from, const struct netd_ports *to,
		    struct netd_batch *b, const struct addr *own)
{
	const struct port_rule *r;
	struct kpolicy p, old;

	for (size_t i = 0;
	     to->policies && (r = policy_table_rule(to->policies, i / PLACES));
	     i++) {
		bool was;

		if (!rule_policy(to, r, own, i % PLACES, &p) ||
		    is_taken(to, &p))
			continue;
		was = netd_ports_want(from, &p, &old);
		if (!was || !is_same(&p, &old))
			netd_batch_policy(b,
					  was ? CHANGE_POLICY_UPDATE
					      : CHANGE_POLICY_SET,
					  &p);
	}
}

void netd_ports_remove(const struct netd_ports *from,
		       const struct netd_ports *to, struct netd_batch *b,
		       const struct addr *own)
{
	const struct port_rule *r;
	struct kpolicy p, new;

	for (size_t i = 0; from->policies &&
			   (r = policy_table_rule(from->policies, i / PLACES));
	     i++)
		if (rule_policy(from, r, own, i % PLACES, &p) &&
		    !is_taken(from, &p) && !netd_ports_want(to, &p, &new))
			netd_batch_policy(b, CHANGE_POLICY_DELETE, &p);
}

/* The rule for this very network; NULL: there is none. */
static const struct port_rule *same_rule(const struct policy_table *t,
					 const struct prefix *network,
					 const struct service *service)
{
	const struct port_rule *r =
		policy_table_find_rule(t, &network->addr, service);

	return r && prefix_equal(&r->network, network) ? r : NULL;
}

bool netd_ports_want(const struct netd_ports *c, const struct kpolicy *place,
		     struct kpolicy *ret)
{
	bool out = place->dir == KDIR_OUT;
	const struct kselector *s = &place->sel;
	const struct service service = { s->protocol,
					 s->dport_mask ? s->dport : s->sport };
	const struct addr *own = out ? &s->src.addr : &s->dst.addr;
	const struct port_rule *r;
	struct kpolicy p;

	if (!c->policies)
		return false;
	r = same_rule(c->policies, out ? &s->dst : &s->src, &service);
	for (size_t i = 0; r && i < PLACES; i++) {
		if (!rule_policy(c, r, own, i, &p) ||
		    !kpolicy_same_place(&p, place))
			continue;
		*ret = p;
		return true;
	}
	return false;
}

bool netd_ports_trap(const struct netd_ports *c, const struct addr *own,
		     const struct addr *remote, size_t i, struct kpolicy *ret)
{
	const struct port_rule *r;

	for (size_t k = 0; (r = policy_table_rule(c->policies, k / PLACES));
	     k++)
		if (prefix_contains(&r->network, remote) &&
		    rule_policy(c, r, own, k % PLACES, ret) &&
		    ret->dir == KDIR_OUT && ret->action == KACTION_PROTECT &&
		    i-- == 0)
			return true;
	return false;
}

struct opening_list {
	struct nft_opening *list;
	size_t n, room;
};

static int opening_add(struct opening_list *l, const struct nft_opening *o)
{
	if (l->n == l->room) {
		size_t room = l->room ? l->room * 2 : 16;
		struct nft_opening *list =
			reallocarray(l->list, room, sizeof(*list));

		if (!list)
			return -ENOMEM;
		l->list = list;
		l->room = room;
	}
	l->list[l->n++] = *o;
	return 0;
}

/* A range whose services are encrypted, and nothing else. */
static int narrow_take(const struct addr *first, const struct addr *last,
		       const struct policy *p, void *user)
{
	const struct nft_opening o = { .kind = NFT_NARROW,
				       .first = *first,
				       .last = *last };

	return p->n_ports ? opening_add(user, &o) : 0;
}

int netd_ports_openings(const struct policy_table *t, struct nft_opening **ret,
			size_t *ret_n)
{
	const struct netd_ports c = { .policies = t };
	struct opening_list l = { 0 };
	const struct port_rule *r;
	int error = 0;

	for (size_t i = 0; (r = policy_table_rule(t, i)) && error == 0; i++) {
		const struct nft_opening o = {
			.kind = policy_encrypts(r->policy) ? NFT_NAMED
							   : NFT_OPEN,
			.first = r->network.addr,
			.last = prefix_last(&r->network),
			.service = r->service,
		};

		if (r->policy->level == POLICY_BLOCK ||
		    (o.kind == NFT_OPEN && is_needless(&c, r)))
			continue;
		error = opening_add(&l, &o);
	}
	if (error == 0)
		error = policy_table_ranges(t, AF_INET, narrow_take, &l);
	if (error == 0)
		error = policy_table_ranges(t, AF_INET6, narrow_take, &l);
	if (error < 0) {
		free(l.list);
		return error;
	}
	*ret = l.list;
	*ret_n = l.n;
	return 0;
}
