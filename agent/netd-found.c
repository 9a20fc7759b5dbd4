/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lists of what the kernel has, and looking things up in them.
 */
#include "agent/netd-found.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "xfrm/spd.h"

/* A list grows in powers of two. */
static void *grow(void *list, size_t n, size_t size)
{
	return n & (n - 1) ? list : reallocarray(list, n ? n * 2 : 1, size);
}

static int found_policy(const struct kpolicy *p, void *user)
{
	struct netd_found *f = user;
	void *list = grow(f->policies, f->n_policies, sizeof(*p));

	if (!list)
		return -ENOMEM;
	f->policies = list;
	f->policies[f->n_policies++] = *p;
	return 0;
}

static int found_sa(const struct ksa *sa, void *user)
{
	struct netd_found *f = user;
	void *list;

	if (sa->larval)
		return 0;
	list = grow(f->sas, f->n_sas, sizeof(*sa));
	if (!list)
		return -ENOMEM;
	f->sas = list;
	f->sas[f->n_sas++] = *sa;
	return 0;
}

int netd_found_read(struct nlsock *nl, struct netd_found *ret)
{
	int r;

	*ret = (struct netd_found){ 0 };
	r = spd_dump_ours(nl, found_policy, ret);
	return r < 0 ? r : sad_dump_ours(nl, found_sa, ret);
}

void netd_found_done(struct netd_found *f)
{
	free(f->policies);
	free(f->sas);
	*f = (struct netd_found){ 0 };
}

static int compare_prefix(const struct prefix *a, const struct prefix *b)
{
	int r = addr_compare(&a->addr, &b->addr);

	return r ? r : (int)a->len - (int)b->len;
}

static int compare_number(uint32_t a, uint32_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_places(const void *x, const void *y)
{
	const struct kpolicy *a = x, *b = y;
	const struct kselector *s = &a->sel, *t = &b->sel;
	int r = compare_number(a->dir, b->dir);

	if (!r)
		r = compare_prefix(&s->src, &t->src);
	if (!r)
		r = compare_prefix(&s->dst, &t->dst);
	if (!r)
		r = compare_number(s->protocol, t->protocol);
	if (!r)
		r = compare_number((uint32_t)s->sport << 16 | s->dport,
				   (uint32_t)t->sport << 16 | t->dport);
	if (!r)
		r = compare_number(
			(uint32_t)s->sport_mask << 16 | s->dport_mask,
			(uint32_t)t->sport_mask << 16 | t->dport_mask);
	return r ? r : compare_number(a->mark, b->mark);
}

static int compare_sas(const void *x, const void *y)
{
	const struct ksa *a = x, *b = y;
	int r = compare_number(a->esp.spi, b->esp.spi);

	/* The kernel knows no scopes. */
	if (!r)
		r = compare_number(a->dst.family, b->dst.family);
	return r ? r : memcmp(a->dst.bytes, b->dst.bytes, sizeof(a->dst.bytes));
}

void netd_found_sort(struct netd_found *f)
{
	if (f->n_policies)
		qsort(f->policies, f->n_policies, sizeof(*f->policies),
		      compare_places);
	if (f->n_sas)
		qsort(f->sas, f->n_sas, sizeof(*f->sas), compare_sas);
}

const struct kpolicy *netd_found_policy(const struct netd_found *f,
					const struct kpolicy *place)
{
	return f->n_policies ? bsearch(place, f->policies, f->n_policies,
				       sizeof(*place), compare_places)
			     : NULL;
}

bool netd_found_sa(const struct netd_found *f, const struct addr *dst,
		   uint32_t spi)
{
	struct ksa key = { .dst = *dst };

	key.esp.spi = spi;
	return f->n_sas &&
	       bsearch(&key, f->sas, f->n_sas, sizeof(key), compare_sas);
}

bool netd_found_stands(const struct netd_found *f, const struct kpolicy *p)
{
	const struct kpolicy *is = netd_found_policy(f, p);

	return is && is->action == p->action && is->priority == p->priority &&
	       (p->action != KACTION_PROTECT ||
		(is->optional == p->optional && is->tunnel == p->tunnel &&
		 addr_equal(&is->outer, &p->outer) && is->reqid == p->reqid));
}
