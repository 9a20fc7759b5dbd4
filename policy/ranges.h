/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The policy table as disjoint address ranges, for nftables, which has no
 * longest-prefix match.
 */
#ifndef TACIT_POLICY_RANGES_H
#define TACIT_POLICY_RANGES_H

#include "policy/policy.h"

/*
 * Calls each() for ranges of the family (AF_INET or AF_INET6) in ascending
 * order, both ends included: p governs exactly these addresses, as
 * policy_table_lookup() says (and where all services of one have been taken
 * away by networks inside, it as well). Neighbouring ranges of one policy come
 * as one; addresses of no policy are left out. Stops at the first non-zero
 * return of each() and returns it; else 0 or -ENOMEM (nothing was called then).
 */
int policy_table_ranges(const struct policy_table *t, int family,
			int (*each)(const struct addr *first,
				    const struct addr *last,
				    const struct policy *p, void *user),
			void *user) __attribute__((warn_unused_result));

#endif
