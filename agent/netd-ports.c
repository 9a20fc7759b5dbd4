/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/netd-ports.h"

#include <errno.h>
#include <stdlib.h>

static bool is_block(const struct port_rule *r)
{
	return r->policy->level == POLICY_BLOCK;
}

bool netd_port_policy(const struct port_rule *r, const struct addr *own,
		      uint32_t mark, size_t i, struct kpolicy *ret)
{
	enum kdir dir = i & 1 ? KDIR_IN : KDIR_OUT;
	struct prefix host = prefix_host(own);
	struct kpolicy p = {
		.dir = dir,
		.action = is_block(r) ? KACTION_BLOCK : KACTION_PASS,
		.priority = is_block(r) ? KPOLICY_PRIO_PORT_BLOCK
					: KPOLICY_PRIO_PORT_PASS,
	};

	if (i >= 4)
		return false;
	p.sel = dir == KDIR_OUT ? kselector_between(&host, &r->network)
				: kselector_between(&r->network, &host);
	p.sel.protocol = r->service.protocol;
	/* The service is the peer's where it is sent to, or comes from. */
	if ((dir == KDIR_OUT) == !(i & 2)) {
		p.sel.dport = r->service.port;
		p.sel.dport_mask = 0xffff;
	} else {
		p.sel.sport = r->service.port;
		p.sel.sport_mask = 0xffff;
	}
	/* Else whoever sends from this port would be let in to any of ours. */
	if (dir == KDIR_IN && p.sel.sport_mask && !is_block(r))
		p.mark = mark;
	*ret = p;
	return true;
}

bool netd_ports_close(const struct policy_table *t, int family)
{
	const struct port_rule *r;

	for (size_t i = 0; (r = policy_table_rule(t, i)); i++)
		if (r->network.addr.family == family && is_block(r))
			return true;
	return false;
}

/* The same rule in another table; NULL: it has none. */
static const struct port_rule *same_rule(const struct policy_table *t,
					 const struct prefix *network,
					 const struct service *service)
{
	const struct port_rule *r =
		policy_table_find_rule(t, &network->addr, service);

	return r && prefix_equal(&r->network, network) ? r : NULL;
}

static void rule_change(const struct port_rule *r, struct netd_batch *b,
			enum change_op op, const struct addr *own,
			uint32_t mark)
{
	struct kpolicy p;

	for (size_t i = 0; r->network.addr.family == own->family &&
			   netd_port_policy(r, own, mark, i, &p);
	     i++)
		netd_batch_policy(b, op, &p);
}

void netd_ports_install(const struct policy_table *t, struct netd_batch *b,
			const struct addr *own, uint32_t mark, bool there)
{
	const struct port_rule *r;

	for (size_t i = 0; (r = policy_table_rule(t, i)); i++)
		rule_change(r, b,
			    there ? CHANGE_POLICY_SET : CHANGE_POLICY_DELETE,
			    own, mark);
}

void netd_ports_add(const struct policy_table *from,
		    const struct policy_table *to, struct netd_batch *b,
		    const struct addr *own, uint32_t mark)
{
	const struct port_rule *r, *old;

	for (size_t i = 0; (r = policy_table_rule(to, i)); i++) {
		old = same_rule(from, &r->network, &r->service);
		if (!old)
			rule_change(r, b, CHANGE_POLICY_SET, own, mark);
		else if (is_block(old) != is_block(r))
			rule_change(r, b, CHANGE_POLICY_UPDATE, own, mark);
	}
}

/* The places that a rule had and the one after it has not: of answers, which
 * only what passes knows. */
static void rule_retire(const struct port_rule *old,
			const struct port_rule *new, struct netd_batch *b,
			const struct addr *own, uint32_t mark)
{
	struct kpolicy was, is;

	for (size_t i = 0; old->network.addr.family == own->family &&
			   netd_port_policy(old, own, mark, i, &was);
	     i++)
		if (netd_port_policy(new, own, mark, i, &is) &&
		    !kpolicy_same_place(&was, &is))
			netd_batch_policy(b, CHANGE_POLICY_DELETE, &was);
}

void netd_ports_remove(const struct policy_table *from,
		       const struct policy_table *to, struct netd_batch *b,
		       const struct addr *own, uint32_t mark)
{
	const struct port_rule *r, *new;

	for (size_t i = 0; (r = policy_table_rule(from, i)); i++) {
		new = same_rule(to, &r->network, &r->service);
		if (!new)
			rule_change(r, b, CHANGE_POLICY_DELETE, own, mark);
		else if (is_block(new) != is_block(r))
			rule_retire(r, new, b, own, mark);
	}
}

bool netd_ports_want(const struct policy_table *t, const struct kpolicy *place,
		     uint32_t mark, struct kpolicy *ret)
{
	bool out = place->dir == KDIR_OUT;
	const struct kselector *s = &place->sel;
	const struct service service = { s->protocol,
					 s->dport_mask ? s->dport : s->sport };
	const struct port_rule *r =
		same_rule(t, out ? &s->dst : &s->src, &service);
	const struct addr *own = out ? &s->src.addr : &s->dst.addr;
	struct kpolicy p;

	for (size_t i = 0; r && netd_port_policy(r, own, mark, i, &p); i++) {
		if (!kpolicy_same_place(&p, place))
			continue;
		*ret = p;
		return true;
	}
	return false;
}

int netd_ports_openings(const struct policy_table *t, struct nft_opening **ret,
			size_t *ret_n)
{
	const struct port_rule *r;
	struct nft_opening *list;
	size_t n = 0;

	while (policy_table_rule(t, n))
		n++;
	list = calloc(n ? n : 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	*ret_n = 0;
	for (size_t i = 0; (r = policy_table_rule(t, i)); i++)
		if (!is_block(r))
			list[(*ret_n)++] =
				(struct nft_opening){ r->network, r->service };
	*ret = list;
	return 0;
}
