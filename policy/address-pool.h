/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pools of addresses that are leased to peers behind NATs: which networks they
 * are of. Who has what of them is cat/pool.h's.
 */
#ifndef TACIT_POLICY_ADDRESS_POOL_H
#define TACIT_POLICY_ADDRESS_POOL_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/policy.h"

/* The one that policies have which name none. */
#define ADDRESS_POOL_DEFAULT "default"

struct address_pool {
	char name[LIMIT_POLICY_NAME + 1];
	struct prefix networks[LIMIT_POOL_NETWORKS];
	size_t n_networks;
	char *file; /* where it stands; NULL: built in */
	unsigned line;
};

struct address_pools {
	struct address_pool *list;
	size_t count;
};

/* Borrowed; NULL: there is none of this name, or the name is empty. */
const struct address_pool *address_pools_get(const struct address_pools *all,
					     const char *name);
/* May it be leased, as far as the configuration goes? What is in a policy's own
 * network within the pool's is that policy's. */
bool address_pool_leases(const struct address_pool *p,
			 const struct policy_table *t, const struct addr *a);
bool address_pools_same(const struct address_pools *a,
			const struct address_pools *b);
void address_pools_done(struct address_pools *all);

#endif
