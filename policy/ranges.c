/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Networks are nested or apart, never overlapping: sorted by first address
 * and then by length, each comes right after those around it. One sweep with
 * a stack of the networks that are open at the present address makes the
 * ranges.
 */
#include "policy/ranges.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One network of the family, with its owner. */
struct span {
	const struct prefix *network;
	const struct policy *policy;
};

struct sweep {
	int (*each)(const struct addr *first, const struct addr *last,
		    const struct policy *p, void *user);
	void *user;
	struct addr at; /* everything below is done */
	bool past_end;	/* at would be above the last address */
	/* The networks that contain at; each is longer than the one below. */
	struct span open[2 * 129]; /* of a policy with services, too */
	size_t n_open;
	/* A range that may yet grow; policy NULL: none. */
	struct addr first, last;
	const struct policy *policy;
};

/* The next address; false: there is none. */
static bool next_of(struct addr *a)
{
	for (size_t i = addr_len(a); i-- > 0;) {
		if (++a->bytes[i])
			return true;
	}
	return false;
}

/* The address before, which there is. */
static struct addr before(const struct addr *a)
{
	struct addr b = *a;

	for (size_t i = addr_len(a); i-- > 0;) {
		if (b.bytes[i]--)
			break;
	}
	return b;
}

static int flush(struct sweep *s)
{
	const struct policy *p = s->policy;

	s->policy = NULL;
	return p ? s->each(&s->first, &s->last, p, s->user) : 0;
}

/* Addresses from s->at to last belong to p. */
static int add(struct sweep *s, const struct addr *last, const struct policy *p)
{
	struct addr next = s->last;
	int r;

	if (s->policy == p && next_of(&next) && addr_equal(&next, &s->at)) {
		s->last = *last;
		return 0;
	}
	r = flush(s);
	if (r)
		return r;
	s->first = s->at;
	s->last = *last;
	s->policy = p;
	return 0;
}

/* The innermost open network is over: what is left of it is its policy's. */
static int close_innermost(struct sweep *s)
{
	const struct span *top = &s->open[--s->n_open];
	struct addr last = prefix_last(top->network);
	int r;

	if (s->past_end || addr_compare(&s->at, &last) > 0)
		return 0;
	r = add(s, &last, top->policy);
	if (r)
		return r;
	s->at = last;
	s->past_end = !next_of(&s->at);
	return 0;
}

static int open_network(struct sweep *s, const struct span *span)
{
	const struct addr *start = &span->network->addr;
	int r;

	while (s->n_open &&
	       !prefix_contains(s->open[s->n_open - 1].network, start)) {
		r = close_innermost(s);
		if (r)
			return r;
	}
	if (s->n_open && addr_compare(&s->at, start) < 0) {
		struct addr last = before(start);

		r = add(s, &last, s->open[s->n_open - 1].policy);
		if (r)
			return r;
	}
	s->at = *start;
	s->open[s->n_open++] = *span;
	return 0;
}

static int by_address(const void *a, const void *b)
{
	const struct span *x = a, *y = b;
	int r = addr_compare(&x->network->addr, &y->network->addr);

	if (!r)
		r = (int)x->network->len - (int)y->network->len;
	/* What has services lies in what is for all traffic. */
	return r ? r : !!x->policy->n_ports - !!y->policy->n_ports;
}

/* The family's networks in order; *ret is the caller's. */
static int collect(const struct policy_table *t, int family, struct span **ret,
		   size_t *ret_n)
{
	const struct policy *p;
	struct span *list;
	size_t n = 0;

	for (size_t i = 0; (p = policy_table_at(t, i)); i++)
		n += p->n_networks;
	list = calloc(n ? n : 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	n = 0;
	for (size_t i = 0; (p = policy_table_at(t, i)); i++) {
		if (p->named || (p->n_ports && !policy_encrypts(p)))
			continue;
		for (size_t j = 0; j < p->n_networks; j++) {
			if (p->networks[j].addr.family != family)
				continue;
			list[n++] = (struct span){ &p->networks[j], p };
		}
	}
	qsort(list, n, sizeof(*list), by_address);
	*ret = list;
	*ret_n = n;
	return 0;
}

int policy_table_ranges(const struct policy_table *t, int family,
			int (*each)(const struct addr *first,
				    const struct addr *last,
				    const struct policy *p, void *user),
			void *user)
{
	struct sweep s = { .each = each, .user = user };
	struct span *list;
	size_t n;
	int r = collect(t, family, &list, &n);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n && !r; i++)
		r = open_network(&s, &list[i]);
	while (s.n_open && !r)
		r = close_innermost(&s);
	if (!r)
		r = flush(&s);
	free(list);
	return r;
}
