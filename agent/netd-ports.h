/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Policies for single services (policy/port-rule.h) in the kernel: each rule is
 * up to four policies for each own address, out and in, the service at the peer
 * and ours. Those in the clear or blocked are stronger than shunts, flows and
 * networks, those that are encrypted are traps of their own, stronger than
 * networks; and a rule has only those hosts whose most specific network has the
 * service, so nothing that is more specific is ever overruled.
 */
#ifndef TACIT_AGENT_NETD_PORTS_H
#define TACIT_AGENT_NETD_PORTS_H

#include "agent/netd-kernel.h"
#include "policy/port-rule.h"
#include "xfrm/nft.h"

/* What the kernel has of a table. */
struct netd_ports {
	const struct policy_table *policies; /* NULL: nothing */
	/* Of answers, as in struct netd_networks_config; what comes from a peer's
	 * service has to have it. */
	uint32_t mark;
	bool traps4, traps6; /* those of offer stand */
	bool (*taken)(void *user, const struct kpolicy *place);
	void *user;
};

/* Does any rule need a policy in this family, where networks need none? */
bool netd_ports_any(const struct netd_ports *c, int family);
/* For this address, from one state to another: first what is new or different,
 * then, behind everything else, what is no more. So a service that both leave
 * alone, or close, is at no moment in a rule, or open. */
void netd_ports_add(const struct netd_ports *from, const struct netd_ports *to,
		    struct netd_batch *b, const struct addr *own);
void netd_ports_remove(const struct netd_ports *from,
		       const struct netd_ports *to, struct netd_batch *b,
		       const struct addr *own);
/* The policy that belongs in this place, which is one of an address of ours. */
bool netd_ports_want(const struct netd_ports *c, const struct kpolicy *place,
		     struct kpolicy *ret);
/* The i-th trap that a packet between the two can meet; false behind the last. */
bool netd_ports_trap(const struct netd_ports *c, const struct addr *own,
		     const struct addr *remote, size_t i, struct kpolicy *ret);
/* What both nftables tables have to know: free(*ret). 0 or -ENOMEM. */
int netd_ports_openings(const struct policy_table *t, struct nft_opening **ret,
			size_t *ret_n) __attribute__((warn_unused_result));

#endif
