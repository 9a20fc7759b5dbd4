/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Networks are nested or apart. Sorted wide before narrow, each comes right
 * after those around it; for each service one sweep cuts out of its networks
 * what is inside them and says otherwise, halving until nothing is left that is
 * of both.
 */
#include "policy/port-rule.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A network of a policy, once for each of its services. */
struct span {
	const struct prefix *network;
	const struct policy *policy;
	struct service service; /* protocol 0: a policy for all traffic */
};

struct builder {
	struct span *spans; /* in order of network, then of service */
	size_t n_spans;
	struct port_rule *rules;
	size_t n, room;
};

static int by_network(const void *a, const void *b)
{
	const struct span *x = a, *y = b;
	int r = addr_compare(&x->network->addr, &y->network->addr);

	if (!r)
		r = (int)x->network->len - (int)y->network->len;
	return r ? r : service_compare(&x->service, &y->service);
}

static int by_service(const void *a, const void *b)
{
	const struct port_rule *x = a, *y = b;
	int r = service_compare(&x->service, &y->service);

	return r ? r : addr_compare(&x->network.addr, &y->network.addr);
}

static int collect(struct builder *b, struct policy *const *policies, size_t n)
{
	size_t total = 0;

	for (size_t i = 0; i < n; i++)
		total += policies[i]->n_networks *
			 (policies[i]->n_ports ? policies[i]->n_ports : 1);
	b->spans = calloc(total ? total : 1, sizeof(*b->spans));
	if (!b->spans)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct policy *p = policies[i];

		for (size_t j = 0; j < p->n_networks && !p->named; j++) {
			struct span s = { .network = &p->networks[j],
					  .policy = p };

			if (!p->n_ports)
				b->spans[b->n_spans++] = s;
			for (size_t k = 0; k < p->n_ports; k++) {
				s.service = p->ports[k];
				b->spans[b->n_spans++] = s;
			}
		}
	}
	qsort(b->spans, b->n_spans, sizeof(*b->spans), by_network);
	return 0;
}

static bool inside(const struct prefix *wide, const struct prefix *p)
{
	return wide->addr.family == p->addr.family && wide->len <= p->len &&
	       prefix_contains(wide, &p->addr);
}

static int add(struct builder *b, const struct span *s, const struct prefix *at)
{
	struct port_rule *rules;
	size_t room = b->room ? b->room * 2 : 16;

	if (b->n == LIMIT_PORT_RULES)
		return -E2BIG;
	if (b->n == b->room) {
		rules = reallocarray(b->rules, room, sizeof(*rules));
		if (!rules)
			return -ENOMEM;
		b->rules = rules;
		b->room = room;
	}
	b->rules[b->n++] = (struct port_rule){
		.network = *at,
		.service = s->service,
		.policy = s->policy,
		.of = s->network,
	};
	return 0;
}

/* The second half of a network that is no host. */
static struct prefix upper_half(const struct prefix *p)
{
	struct prefix half = *p;

	half.addr.bytes[p->len / 8] |= (uint8_t)(0x80u >> p->len % 8);
	half.len++;
	return half;
}

/* Does this one take away from s what it has? One of another service does
 * not, and one of the same network only makes way. */
static bool cuts(const struct span *other, const struct span *s)
{
	return (!other->service.protocol ||
		service_equal(&other->service, &s->service)) &&
	       !prefix_equal(other->network, s->network);
}

/* The first span from i on that lies in `at` and cuts, or n_spans. */
static size_t next_cut(const struct builder *b, const struct span *s,
		       const struct prefix *at, size_t i)
{
	for (; i < b->n_spans; i++) {
		const struct prefix *p = b->spans[i].network;

		if (inside(at, p) && cuts(&b->spans[i], s))
			return i;
		if (!prefix_contains(at, &p->addr) &&
		    addr_compare(&p->addr, &at->addr) > 0)
			break;
	}
	return b->n_spans;
}

/* What of the network `at` is of s: all, or what its halves have. */
static int carve(struct builder *b, const struct span *s,
		 const struct prefix *at, size_t first)
{
	size_t cut = next_cut(b, s, at, first);
	struct prefix half = *at;
	int r;

	if (cut == b->n_spans)
		return add(b, s, at);
	if (prefix_equal(at, b->spans[cut].network))
		return 0;
	half.len++;
	r = carve(b, s, &half, cut);
	half = upper_half(at);
	return r < 0 ? r : carve(b, s, &half, cut);
}

int port_rules_new(struct policy *const *policies, size_t n,
		   struct port_rule **ret, size_t *ret_n)
{
	struct builder b = { 0 };
	int r = collect(&b, policies, n);

	for (size_t i = 0; i < b.n_spans && r == 0; i++) {
		const struct span *s = &b.spans[i];

		if (i && by_network(s - 1, s) == 0)
			r = -EEXIST;
		else if (s->service.protocol)
			r = carve(&b, s, s->network, i);
	}
	free(b.spans);
	if (r < 0) {
		free(b.rules);
		return r;
	}
	if (b.n)
		qsort(b.rules, b.n, sizeof(*b.rules), by_service);
	*ret = b.rules;
	*ret_n = b.n;
	return 0;
}

const struct port_rule *port_rules_find(const struct port_rule *rules, size_t n,
					const struct addr *a,
					const struct service *s)
{
	const struct port_rule *found;
	size_t low = 0, high = n;
	struct addr key = *a;

	key.scope = 0;
	/* The last one that begins at the address or before. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = service_compare(&rules[middle].service, s);

		if (!order)
			order = addr_compare(&rules[middle].network.addr, &key);
		if (order <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	found = low ? &rules[low - 1] : NULL;
	return found && service_equal(&found->service, s) &&
			       prefix_contains(&found->network, &key)
		       ? found
		       : NULL;
}
