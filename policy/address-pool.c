/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Looking for a pool, and for an address in it. There are few.
 */
#include "policy/address-pool.h"

#include <stdlib.h>
#include <string.h>

const struct address_pool *address_pools_get(const struct address_pools *all,
					     const char *name)
{
	for (size_t i = 0; *name && i < all->count; i++)
		if (!strcmp(all->list[i].name, name))
			return &all->list[i];
	return NULL;
}

bool address_pool_leases(const struct address_pool *p,
			 const struct policy_table *t, const struct addr *a)
{
	struct prefix own;

	for (size_t i = 0; i < p->n_networks; i++) {
		const struct prefix *n = &p->networks[i];

		if (prefix_contains(n, a))
			return !policy_table_match(t, a, &own) ||
			       own.len < n->len;
	}
	return false;
}

static bool same(const struct address_pool *a, const struct address_pool *b)
{
	if (a->n_networks != b->n_networks || strcmp(a->name, b->name))
		return false;
	for (size_t i = 0; i < a->n_networks; i++)
		if (!prefix_equal(&a->networks[i], &b->networks[i]))
			return false;
	return true;
}

bool address_pools_same(const struct address_pools *a,
			const struct address_pools *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!same(&a->list[i], &b->list[i]))
			return false;
	return true;
}

void address_pools_done(struct address_pools *all)
{
	for (size_t i = 0; i < all->count; i++)
		free(all->list[i].file);
	free(all->list);
	*all = (struct address_pools){ 0 };
}
