/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From one policy table in the kernel to another.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/netd-networks-internal.h"

/* What belongs to the network of this prefix; false: nothing, or there is no
 * such network. */
static bool network_find(const struct netd_networks *n, const struct prefix *at,
			 enum kdir dir, struct kpolicy *ret)
{
	const struct network *net = trie_get(n->trie, at);

	return net && netd_network_needs(n, net, dir, n->armed, ret);
}

/*
 * What is new or different first, the most specific before what is around it;
 * then what is no more, the other way round. So an address that both tables
 * close is at no moment in an open network: the one that closes it now is there
 * before any wider one opens, and the one that closed it before goes when no
 * wider one of its time is left.
 */
static void address_replace(const struct netd_networks *from,
			    const struct netd_networks *to,
			    struct netd_batch *b, const struct addr *own)
{
	static const enum kdir dirs[] = { KDIR_IN, KDIR_OUT };
	struct kpolicy old, new;

	for (size_t i = to->n * 2; i-- > 0;) {
		const struct network *net = &to->list[i / 2];
		enum kdir dir = dirs[i % 2];
		bool was = network_find(from, &net->prefix, dir, &old);

		if (net->prefix.addr.family != own->family ||
		    !netd_network_needs(to, net, dir, to->armed, &new) ||
		    (was &&
		     old.action == new.action &&old.optional == new.optional))
			continue;
		new.sel = netd_network_place(net, own, dir);
		if (!to->config.taken(to->config.user, &new))
			netd_batch_policy(b,
					  was ? CHANGE_POLICY_UPDATE
					      : CHANGE_POLICY_SET,
					  &new);
	}
	for (size_t i = 0; i < from->n * 2; i++) {
		const struct network *net = &from->list[i / 2];
		enum kdir dir = dirs[i % 2];

		if (net->prefix.addr.family != own->family ||
		    !netd_network_needs(from, net, dir, from->armed, &old) ||
		    network_find(to, &net->prefix, dir, &new))
			continue;
		old.sel = netd_network_place(net, own, dir);
		if (!from->config.taken(from->config.user, &old))
			netd_batch_policy(b, CHANGE_POLICY_DELETE, &old);
	}
}

static int netd_networks_change(const struct netd_networks *from,
				const struct netd_networks *to)
{
	static const int families[] = { AF_INET, AF_INET6 };
	struct netd_ports old =
		netd_networks_ports(from, netd_networks_now(from));
	struct netd_ports new = netd_networks_ports(to, netd_networks_now(to));
	struct netd_batch b;
	bool was[2], is[2];

	netd_batch_init(&b, to->config.kernel);
	for (size_t i = 0; i < 2; i++) {
		was[i] = netd_networks_active(from, families[i], from->armed);
		is[i] = netd_networks_active(to, families[i], to->armed);
		if (is[i] && !was[i])
			netd_networks_family(to, &b, families[i], true);
	}
	for (size_t i = 0; i < to->own.n; i++) {
		const struct addr *own = &to->own.list[i].addr;

		netd_ports_add(&old, &new, &b, own);
		address_replace(from, to, &b, own);
		netd_ports_remove(&old, &new, &b, own);
	}
	for (size_t i = 0; i < 2; i++)
		if (was[i] && !is[i])
			netd_networks_family(from, &b, families[i], false);
	return netd_batch_done(&b);
}

int netd_networks_replace(struct netd_networks **n,
			  const struct policy_table *policies)
{
	struct netd_networks *from = *n, *to;
	struct netd_networks_config c = from->config;
	int r;

	c.policies = policies;
	r = netd_networks_new(&c, &to);
	if (r < 0)
		return r;
	/* The addresses are the same, and are handed over. */
	memcpy(to->servers, from->servers, sizeof(to->servers));
	to->n_servers = from->n_servers;
	to->own = from->own;
	to->broadcasts = from->broadcasts;
	to->armed = from->armed;
	r = netd_networks_change(from, to);
	from->own = from->broadcasts = (struct counted_list){ 0 };
	netd_networks_free(from);
	*n = to;
	return r;
}
