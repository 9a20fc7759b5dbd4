/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Policy table times own addresses. What stands in the kernel is a function
 * of three things (table, addresses, armed), so every change installs the
 * difference between two states of that function.
 */
#include "agent/netd-networks-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/netd-bypass.h"
#include "agent/netd-ports.h"
#include "policy/ranges.h"
#include "util/limits.h"
#include "util/trie.h"

static int network_compare(const void *x, const void *y)
{
	const struct network *a = x, *b = y;
	int r = addr_compare(&a->prefix.addr, &b->prefix.addr);

	return r ? r : (int)a->prefix.len - (int)b->prefix.len;
}

static bool network_contains(const struct prefix *wide, const struct prefix *p)
{
	return wide->len <= p->len && prefix_contains(wide, &p->addr);
}

static int is_v6(const struct addr *a)
{
	return a->family == AF_INET6;
}

/* What happens to traffic of the network in this direction. */
static enum kaction network_action(const struct netd_networks *n,
				   const struct network *net, enum kdir dir,
				   bool armed, bool *ret_optional)
{
	bool esp;

	*ret_optional = false;
	if (!net)
		return KACTION_PASS;
	esp = is_v6(&net->prefix.addr) ? n->config.esp6 : n->config.esp4;
	switch (net->policy->level) {
	case POLICY_FORBID:
	case POLICY_ALLOW:
		return KACTION_PASS;
	case POLICY_OFFER:
		if (dir == KDIR_IN || !armed || !esp)
			return KACTION_PASS;
		*ret_optional = true;
		return KACTION_PROTECT;
	case POLICY_REQUIRE:
		return KACTION_PROTECT;
	case POLICY_BLOCK:
		break;
	}
	return KACTION_BLOCK;
}

bool netd_network_needs(const struct netd_networks *n,
			const struct network *net, enum kdir dir, bool armed,
			struct kpolicy *ret)
{
	bool optional, wider_optional;
	enum kaction action = network_action(n, net, dir, armed, &optional);
	enum kaction wider =
		network_action(n, net->parent, dir, armed, &wider_optional);
	uint32_t longest = is_v6(&net->prefix.addr) ? 128 : 32;

	if (action == wider && optional == wider_optional)
		return false;
	*ret = (struct kpolicy){
		.dir = dir,
		.action = action,
		.optional = optional,
		.priority = KPOLICY_PRIO_NETWORK + longest - net->prefix.len,
	};
	/* Inbound any SA of ours or of others will do: each takes its own
	 * peer's packets only. */
	if (action == KACTION_PROTECT && dir == KDIR_OUT)
		ret->reqid = KERNEL_TRAP_REQID;
	return true;
}

struct kselector netd_network_place(const struct network *net,
				    const struct addr *own, enum kdir dir)
{
	struct prefix host = prefix_host(own);

	return dir == KDIR_OUT ? kselector_between(&host, &net->prefix)
			       : kselector_between(&net->prefix, &host);
}

static int netd_networks_flatten(struct netd_networks *n)
{
	const struct policy_table *t = n->config.policies;
	size_t total = 0;

	for (size_t i = 0; i < policy_table_count(t); i++)
		total += policy_table_at(t, i)->n_networks;
	n->list = calloc(total ? total : 1, sizeof(*n->list));
	n->trie = trie_new();
	if (!n->list || !n->trie)
		return -ENOMEM;
	for (size_t i = 0; i < policy_table_count(t); i++) {
		const struct policy *p = policy_table_at(t, i);

		for (size_t k = 0;
		     k < p->n_networks && !p->n_ports && !p->named; k++)
			n->list[n->n++] =
				(struct network){ .prefix = p->networks[k],
						  .policy = p };
		if (p->n_networks &&
		    (p->level == POLICY_REQUIRE || p->level == POLICY_BLOCK))
			n->closed = true;
	}
	return 0;
}

enum netd_networks_state netd_networks_now(const struct netd_networks *n)
{
	return n->armed ? NETD_NETWORKS_ARMED : NETD_NETWORKS_DISARMED;
}

struct netd_ports netd_networks_ports(const struct netd_networks *n,
				      enum netd_networks_state state)
{
	const struct netd_networks_config *c = &n->config;
	bool armed = state == NETD_NETWORKS_ARMED;

	return (struct netd_ports){
		.policies = state == NETD_NETWORKS_NONE ? NULL : c->policies,
		.mark = c->dns_mark,
		.traps4 = armed && c->esp4,
		.traps6 = armed && c->esp6,
		.taken = c->taken,
		.user = c->user,
	};
}

static int netd_networks_prepare(struct netd_networks *n)
{
	static const int families[] = { AF_INET, AF_INET6 };
	const struct network *wider = NULL;
	struct kpolicy p;

	qsort(n->list, n->n, sizeof(*n->list), network_compare);
	for (size_t i = 0; i < n->n; i++) {
		struct network *net = &n->list[i];
		bool *active = n->active[is_v6(&net->prefix.addr)];
		int r = trie_insert(n->trie, &net->prefix, net);

		if (r < 0 && r != -EEXIST)
			return r;
		while (wider && !network_contains(&wider->prefix, &net->prefix))
			wider = wider->parent;
		net->parent = wider;
		wider = net;
		for (int armed = 0; armed < 2; armed++)
			if (netd_network_needs(n, net, KDIR_OUT, armed, &p) ||
			    netd_network_needs(n, net, KDIR_IN, armed, &p))
				active[armed] = true;
	}
	for (size_t i = 0; i < 4; i++) {
		struct netd_ports ports =
			netd_networks_ports(n, i & 1 ? NETD_NETWORKS_ARMED
						     : NETD_NETWORKS_DISARMED);

		if (netd_ports_any(&ports, families[i / 2]))
			n->active[i / 2][i & 1] = true;
	}
	return 0;
}

int netd_networks_new(const struct netd_networks_config *c,
		      struct netd_networks **ret)
{
	struct netd_networks *n = calloc(1, sizeof(*n));
	int r;

	if (!n)
		return -ENOMEM;
	n->config = *c;
	r = netd_networks_flatten(n);
	if (r == 0)
		r = netd_networks_prepare(n);
	if (r < 0) {
		netd_networks_free(n);
		return r;
	}
	*ret = n;
	return 0;
}

struct netd_networks *netd_networks_free(struct netd_networks *n)
{
	if (!n)
		return NULL;
	trie_free(n->trie);
	free(n->list);
	free(n->own.list);
	free(n->broadcasts.list);
	free(n);
	return NULL;
}

/* 1: the first use; 0: one more. */
static int counted_add(struct counted_list *l, struct addr a)
{
	struct counted *list;

	a.scope = 0;
	for (size_t i = 0; i < l->n; i++)
		if (addr_equal(&l->list[i].addr, &a)) {
			l->list[i].uses++;
			return 0;
		}
	list = reallocarray(l->list, l->n + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	l->list = list;
	l->list[l->n++] = (struct counted){ .addr = a, .uses = 1 };
	return 1;
}

/* Was it the last use? */
static bool counted_remove(struct counted_list *l, struct addr a)
{
	a.scope = 0;
	for (size_t i = 0; i < l->n; i++) {
		if (!addr_equal(&l->list[i].addr, &a))
			continue;
		if (--l->list[i].uses)
			return false;
		l->list[i] = l->list[--l->n];
		return true;
	}
	return false;
}

static bool counted_has(const struct counted_list *l, struct addr a)
{
	a.scope = 0;
	for (size_t i = 0; i < l->n; i++)
		if (addr_equal(&l->list[i].addr, &a))
			return true;
	return false;
}

static void bypass_install(struct netd_batch *b, int family, bool there)
{
	struct kpolicy p;

	for (size_t i = 0; netd_bypass_at(family, i, &p); i++)
		netd_batch_policy(
			b, there ? CHANGE_POLICY_SET : CHANGE_POLICY_DELETE,
			&p);
}

/* Both directions of a bypass that is made for one address. */
static void address_bypass(struct netd_batch *b, const struct addr *a,
			   struct kpolicy (*make)(const struct addr *a,
						  enum kdir dir),
			   bool there)
{
	static const enum kdir dirs[] = { KDIR_OUT, KDIR_IN };

	for (size_t i = 0; i < 2; i++) {
		struct kpolicy p = make(a, dirs[i]);

		netd_batch_policy(
			b, there ? CHANGE_POLICY_SET : CHANGE_POLICY_DELETE,
			&p);
	}
}

static void broadcast_install(struct netd_batch *b, const struct addr *a,
			      bool there)
{
	address_bypass(b, a, netd_bypass_broadcast, there);
}

static void own_install(struct netd_batch *b, const struct addr *a, bool there)
{
	if (is_v6(a))
		address_bypass(b, a, netd_bypass_own, there);
}

static void server_install(const struct netd_networks *n, struct netd_batch *b,
			   const struct nameserver *s, bool there)
{
	struct kpolicy p;

	for (size_t i = 0; netd_bypass_server(s, n->config.dns_mark, i, &p);
	     i++)
		netd_batch_policy(
			b, there ? CHANGE_POLICY_SET : CHANGE_POLICY_DELETE,
			&p);
}

/* What DNS needs of this family. */
static void dns_install(const struct netd_networks *n, struct netd_batch *b,
			int family, bool there)
{
	struct kpolicy p;

	for (size_t i = 0;
	     n->config.recursive &&
	     netd_bypass_resolver(family, n->config.dns_mark, i, &p);
	     i++)
		netd_batch_policy(
			b, there ? CHANGE_POLICY_SET : CHANGE_POLICY_DELETE,
			&p);
	for (size_t i = 0; i < n->n_servers; i++)
		if (n->servers[i].addr.family == family)
			server_install(n, b, &n->servers[i], there);
}

void netd_networks_family(const struct netd_networks *n, struct netd_batch *b,
			  int family, bool there)
{
	bypass_install(b, family, there);
	dns_install(n, b, family, there);
	for (size_t i = 0; i < n->broadcasts.n; i++)
		if (n->broadcasts.list[i].addr.family == family)
			broadcast_install(b, &n->broadcasts.list[i].addr,
					  there);
	for (size_t i = 0; i < n->own.n; i++)
		if (n->own.list[i].addr.family == family)
			own_install(b, &n->own.list[i].addr, there);
}

static bool counted_family(const struct counted_list *l, int family)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->list[i].addr.family == family)
			return true;
	return false;
}

bool netd_networks_active(const struct netd_networks *n, int family, bool armed)
{
	return n->active[family == AF_INET6][armed] &&
	       counted_family(&n->own, family);
}

/* One place from one state to another. */
static void place_move(const struct netd_networks *n, struct netd_batch *b,
		       const struct network *net, const struct addr *own,
		       enum kdir dir, enum netd_networks_state from,
		       enum netd_networks_state to)
{
	struct kpolicy old, new;
	bool was = from != NETD_NETWORKS_NONE &&
		   netd_network_needs(n, net, dir, from == NETD_NETWORKS_ARMED,
				      &old);
	bool is = to != NETD_NETWORKS_NONE &&
		  netd_network_needs(n, net, dir, to == NETD_NETWORKS_ARMED,
				     &new);

	if (!was && !is)
		return;
	if (was && is &&
	    old.action == new.action &&old.optional == new.optional)
		return;
	if (!is)
		new = old;
	new.sel = netd_network_place(net, own, dir);
	if (n->config.taken(n->config.user, &new))
		return;
	netd_batch_policy(b,
			  !is	? CHANGE_POLICY_DELETE
			  : was ? CHANGE_POLICY_UPDATE
				: CHANGE_POLICY_SET,
			  &new);
}

/* The most specific networks first: opening a network must not for a moment
 * open what is closed inside, nor closing one close what is open inside. */
static void address_move(const struct netd_networks *n, struct netd_batch *b,
			 const struct addr *own, enum netd_networks_state from,
			 enum netd_networks_state to)
{
	struct netd_ports old = netd_networks_ports(n, from);
	struct netd_ports new = netd_networks_ports(n, to);

	netd_ports_add(&old, &new, b, own);
	for (size_t i = n->n; i-- > 0;) {
		if (n->list[i].prefix.addr.family != own->family)
			continue;
		place_move(n, b, &n->list[i], own, KDIR_IN, from, to);
		place_move(n, b, &n->list[i], own, KDIR_OUT, from, to);
	}
	netd_ports_remove(&old, &new, b, own);
}

int netd_networks_add(struct netd_networks *n, const struct addr *own,
		      const struct addr *broadcast)
{
	bool active = netd_networks_active(n, own->family, n->armed);
	struct netd_batch b;
	int r, first = counted_add(&n->own, *own);

	if (first < 0)
		return first;
	netd_batch_init(&b, n->config.kernel);
	if (addr_len(broadcast)) {
		r = counted_add(&n->broadcasts, *broadcast);
		if (r < 0)
			b.error = r;
		if (r == 1 && active)
			broadcast_install(&b, broadcast, true);
	}
	if (!active && netd_networks_active(n, own->family, n->armed))
		netd_networks_family(n, &b, own->family, true);
	if (first == 1) {
		struct addr a = *own;

		a.scope = 0;
		if (active)
			own_install(&b, &a, true);
		address_move(n, &b, &a, NETD_NETWORKS_NONE,
			     netd_networks_now(n));
	}
	return netd_batch_done(&b);
}

int netd_networks_remove(struct netd_networks *n, const struct addr *own,
			 const struct addr *broadcast)
{
	bool active = netd_networks_active(n, own->family, n->armed);
	struct netd_batch b;

	netd_batch_init(&b, n->config.kernel);
	if (counted_remove(&n->own, *own)) {
		struct addr a = *own;

		a.scope = 0;
		address_move(n, &b, &a, netd_networks_now(n),
			     NETD_NETWORKS_NONE);
		if (active)
			own_install(&b, &a, false);
	}
	if (active && !netd_networks_active(n, own->family, n->armed))
		netd_networks_family(n, &b, own->family, false);
	if (addr_len(broadcast) && counted_remove(&n->broadcasts, *broadcast) &&
	    active)
		broadcast_install(&b, broadcast, false);
	return netd_batch_done(&b);
}

static void networks_move(struct netd_networks *n, struct netd_batch *b,
			  enum netd_networks_state from,
			  enum netd_networks_state to)
{
	static const int families[] = { AF_INET, AF_INET6 };
	bool was[2], is[2];

	for (size_t i = 0; i < 2; i++) {
		was[i] = from != NETD_NETWORKS_NONE &&
			 netd_networks_active(n, families[i],
					      from == NETD_NETWORKS_ARMED);
		is[i] = to != NETD_NETWORKS_NONE &&
			netd_networks_active(n, families[i],
					     to == NETD_NETWORKS_ARMED);
		if (!was[i] && is[i])
			netd_networks_family(n, b, families[i], true);
	}
	for (size_t i = 0; i < n->own.n; i++)
		address_move(n, b, &n->own.list[i].addr, from, to);
	for (size_t i = 0; i < 2; i++)
		if (was[i] && !is[i])
			netd_networks_family(n, b, families[i], false);
}

static int netd_networks_move(struct netd_networks *n,
			      enum netd_networks_state from,
			      enum netd_networks_state to)
{
	struct netd_batch b;

	netd_batch_init(&b, n->config.kernel);
	networks_move(n, &b, from, to);
	return netd_batch_done(&b);
}

int netd_networks_mend(struct netd_networks *n,
		       bool (*stands)(void *user, const struct kpolicy *p),
		       void *user, size_t *ret_n)
{
	struct netd_batch b;

	netd_batch_init(&b, n->config.kernel);
	b.stands = stands;
	b.user = user;
	networks_move(n, &b, NETD_NETWORKS_NONE, netd_networks_now(n));
	*ret_n = b.made;
	return netd_batch_done(&b);
}

int netd_networks_set_armed(struct netd_networks *n, bool armed)
{
	enum netd_networks_state from = netd_networks_now(n);

	if (n->armed == armed)
		return 0;
	n->armed = armed;
	return netd_networks_move(n, from, netd_networks_now(n));
}

bool netd_networks_armed(const struct netd_networks *n)
{
	return n->armed;
}

static bool has_server(const struct nameserver *list, size_t n,
		       const struct nameserver *s)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].port == s->port &&
		    addr_equal(&list[i].addr, &s->addr))
			return true;
	return false;
}

/* Those of list that are not among others. */
static void servers_move(const struct netd_networks *n, struct netd_batch *b,
			 const struct nameserver *list, size_t count,
			 const struct nameserver *others, size_t n_others,
			 bool there)
{
	for (size_t i = 0; i < count; i++)
		if (netd_networks_active(n, list[i].addr.family, n->armed) &&
		    !has_server(others, n_others, &list[i]))
			server_install(n, b, &list[i], there);
}

int netd_networks_set_servers(struct netd_networks *n,
			      const struct nameserver *s, size_t count)
{
	struct netd_batch b;

	netd_batch_init(&b, n->config.kernel);
	servers_move(n, &b, s, count, n->servers, n->n_servers, true);
	servers_move(n, &b, n->servers, n->n_servers, s, count, false);
	memcpy(n->servers, s, count * sizeof(*s));
	n->n_servers = count;
	return netd_batch_done(&b);
}

int netd_networks_clear(struct netd_networks *n)
{
	return netd_networks_move(n, netd_networks_now(n), NETD_NETWORKS_NONE);
}

bool netd_networks_any_closed(const struct netd_networks *n)
{
	return n->closed;
}

/* Is this place that of a bypass for DNS? */
static bool want_dns(const struct netd_networks *n, const struct kpolicy *place,
		     struct kpolicy *ret)
{
	int family = place->sel.dst.addr.family;
	struct kpolicy p;

	for (size_t i = 0;
	     n->config.recursive &&
	     netd_bypass_resolver(family, n->config.dns_mark, i, &p);
	     i++)
		if (kpolicy_same_place(&p, place)) {
			*ret = p;
			return true;
		}
	for (size_t s = 0; s < n->n_servers; s++)
		for (size_t i = 0; netd_bypass_server(
			     &n->servers[s], n->config.dns_mark, i, &p);
		     i++)
			if (kpolicy_same_place(&p, place)) {
				*ret = p;
				return true;
			}
	return false;
}

/* Is this place that of a bypass which stands now? */
static bool netd_networks_want_bypass(const struct netd_networks *n,
				      const struct kpolicy *place,
				      struct kpolicy *ret)
{
	int family = place->sel.dst.addr.family;
	const struct addr *own;
	struct kpolicy p;

	if (!netd_networks_active(n, family, n->armed))
		return false;
	for (size_t i = 0; netd_bypass_at(family, i, &p); i++)
		if (kpolicy_same_place(&p, place)) {
			*ret = p;
			return true;
		}
	if (want_dns(n, place, ret))
		return true;
	if (counted_has(&n->broadcasts, place->sel.dst.addr)) {
		p = netd_bypass_broadcast(&place->sel.dst.addr, place->dir);
		if (kpolicy_same_place(&p, place)) {
			*ret = p;
			return true;
		}
	}
	own = place->dir == KDIR_OUT ? &place->sel.dst.addr
				     : &place->sel.src.addr;
	if (family != AF_INET6 || !counted_has(&n->own, *own))
		return false;
	p = netd_bypass_own(own, place->dir);
	if (!kpolicy_same_place(&p, place))
		return false;
	*ret = p;
	return true;
}

bool netd_networks_want(const struct netd_networks *n,
			const struct kpolicy *place, struct kpolicy *ret)
{
	const struct prefix *own =
		place->dir == KDIR_OUT ? &place->sel.src : &place->sel.dst;
	const struct prefix *net =
		place->dir == KDIR_OUT ? &place->sel.dst : &place->sel.src;
	struct netd_ports ports = netd_networks_ports(n, netd_networks_now(n));
	const struct network *found;
	struct kpolicy p;

	if (place->dir == KDIR_FWD)
		return false;
	if (netd_networks_want_bypass(n, place, ret))
		return true;
	if (counted_has(&n->own, own->addr) &&
	    netd_ports_want(&ports, place, ret))
		return true;
	found = trie_get(n->trie, net);
	if (!found || own->len != addr_len(&own->addr) * 8 ||
	    !counted_has(&n->own, own->addr) ||
	    !netd_network_needs(n, found, place->dir, n->armed, &p))
		return false;
	p.sel = netd_network_place(found, &own->addr, place->dir);
	if (!kpolicy_same_place(&p, place))
		return false;
	*ret = p;
	return true;
}

bool netd_networks_trap(const struct netd_networks *n, const struct addr *local,
			const struct addr *remote, size_t i,
			struct kpolicy *ret)
{
	const struct network *net = trie_lookup(n->trie, remote, NULL);
	struct netd_ports ports = netd_networks_ports(n, netd_networks_now(n));
	struct kpolicy p;

	if (i)
		return counted_has(&n->own, *local) &&
		       netd_ports_trap(&ports, local, remote, i - 1, ret);
	/* A network that differs not from the wider one has none of its own. */
	for (; net; net = net->parent)
		if (netd_network_needs(n, net, KDIR_OUT, n->armed, &p))
			break;
	if (!net || p.action != KACTION_PROTECT ||
	    !counted_has(&n->own, *local))
		return false;
	p.sel = netd_network_place(net, local, KDIR_OUT);
	*ret = p;
	return true;
}

struct range_list {
	const struct netd_networks *n;
	struct hold_range *list;
	size_t count, room;
};

/* Blocked ones are among them for what has no policy yet: packets from an
 * address that is ours since a moment ago. */
static int range_take(const struct addr *first, const struct addr *last,
		      const struct policy *p, void *user)
{
	struct range_list *l = user;
	bool esp = is_v6(first) ? l->n->config.esp6 : l->n->config.esp4;
	bool closed = p->level == POLICY_REQUIRE || p->level == POLICY_BLOCK;

	if (!closed &&
	    !(p->level == POLICY_OFFER && p->wait && l->n->armed && esp))
		return 0;
	if (l->count == l->room) {
		size_t room = l->room ? l->room * 2 : 16;
		struct hold_range *list =
			reallocarray(l->list, room, sizeof(*list));

		if (!list)
			return -ENOMEM;
		l->list = list;
		l->room = room;
	}
	l->list[l->count++] = (struct hold_range){
		.first = *first,
		.last = *last,
		.require = closed,
	};
	return 0;
}

int netd_networks_ranges(const struct netd_networks *n, struct hold_range **ret,
			 size_t *ret_n)
{
	struct range_list l = { .n = n };
	int r = policy_table_ranges(n->config.policies, AF_INET, range_take,
				    &l);

	if (r == 0)
		r = policy_table_ranges(n->config.policies, AF_INET6,
					range_take, &l);
	if (r < 0) {
		free(l.list);
		return r;
	}
	*ret = l.list;
	*ret_n = l.count;
	return 0;
}

void netd_networks_scope(const struct netd_networks *n,
			 const struct addr *remote, struct scope *ret)
{
	policy_table_scope(n->config.policies, remote, ret);
}
