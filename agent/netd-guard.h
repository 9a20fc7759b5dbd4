/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the agent may not have: tacit-netd's invariants (design section 1).
 * A taken-over agent can neither open what the administrator closed, nor
 * touch what is not Tacit's. Pure: it only looks.
 *
 *	-EPROTO		not a request, or a field out of its domain
 *	-EADDRNOTAVAIL	local is not an address of ours
 *	-EINVAL		remote is our own, multicast, loopback or unspecified
 *	-EPERM		the policy of remote's network says no
 *	-EEXIST		the reqid, the host pair or the SPI is another flow's
 *	-ENOENT		no such flow
 */
#ifndef TACIT_AGENT_NETD_GUARD_H
#define TACIT_AGENT_NETD_GUARD_H

#include "agent/netd-flows.h"
#include "policy/address-pool.h"
#include "policy/policy.h"
#include "xfrm/address.h"
#include "xfrm/record.h"

struct netd_guard {
	const struct policy_table *policies;
	const struct address_table *own;
	const struct netd_flows *flows;
	const struct address_pools *pools; /* that we lease to peers */
};

/* 0, or an error as above with the reason in *ret_why (a constant string). */
int netd_guard_check(const struct netd_guard *g, const struct record *r,
		     const char **ret_why) __attribute__((warn_unused_result));
/* Is it an address that may be leased: in a pool, and not on a
 * link of ours? */
bool netd_guard_is_lease(const struct netd_guard *g, const struct addr *a);
/* The policy of a flow with this other end (unset: remote itself): for a lease
 * that of the address outside, which has to lease from that pool; else remote's
 * own, which has to allow that gateway. NULL: none, and there must be no such
 * flow. */
const struct policy *netd_guard_policy(const struct netd_guard *g,
				       const struct addr *remote,
				       const struct addr *outer);
/* May its SAs be for this traffic? Where policy has services, for no other. */
bool netd_guard_scope(const struct netd_guard *g, const struct addr *remote,
		      const struct addr *outer, const struct scope *s);
/* Is this a destination that the agent can be asked about? */
bool netd_guard_remote(const struct netd_guard *g, const struct addr *remote);

#endif
