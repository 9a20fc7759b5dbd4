/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Policies for single services (policy/port-rule.h) in the kernel: each rule is
 * four policies for each own address, out and in, the service at the peer and
 * ours. They are stronger than shunts, flows and networks, and a rule has only
 * those hosts whose most specific network has the service, so nothing that is
 * more specific is ever overruled.
 */
#ifndef TACIT_AGENT_NETD_PORTS_H
#define TACIT_AGENT_NETD_PORTS_H

#include "agent/netd-kernel.h"
#include "policy/port-rule.h"
#include "xfrm/nft.h"

/* The i-th policy of a rule for this address of ours; false behind the last.
 * mark: of answers, as in struct netd_networks_config; what comes from a peer's
 * service has to have it. */
bool netd_port_policy(const struct port_rule *r, const struct addr *own,
		      uint32_t mark, size_t i, struct kpolicy *ret);
/* Does any rule close something in this family? */
bool netd_ports_close(const struct policy_table *t, int family);
/* All rules for this address come, or go. */
void netd_ports_install(const struct policy_table *t, struct netd_batch *b,
			const struct addr *own, uint32_t mark, bool there);
/* From one table to the next: first what is new or different, then, behind
 * everything else, what is no more. So a service that both leave alone is at no
 * moment in a rule. */
void netd_ports_add(const struct policy_table *from,
		    const struct policy_table *to, struct netd_batch *b,
		    const struct addr *own, uint32_t mark);
void netd_ports_remove(const struct policy_table *from,
		       const struct policy_table *to, struct netd_batch *b,
		       const struct addr *own, uint32_t mark);
/* The policy that belongs in this place, which is one of an address of ours. */
bool netd_ports_want(const struct policy_table *t, const struct kpolicy *place,
		     uint32_t mark, struct kpolicy *ret);
/* What is always in the clear: free(*ret). 0 or -ENOMEM. */
int netd_ports_openings(const struct policy_table *t, struct nft_opening **ret,
			size_t *ret_n) __attribute__((warn_unused_result));

#endif
