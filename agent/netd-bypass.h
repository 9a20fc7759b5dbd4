/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is always in the clear (design section 5): neighbour discovery,
 * multicast and broadcast, DHCP, packet-too-big. Kernel policies stronger
 * than all others of ours.
 */
#ifndef TACIT_AGENT_NETD_BYPASS_H
#define TACIT_AGENT_NETD_BYPASS_H

#include "util/nameserver.h"
#include "xfrm/kernel.h"

/* The i-th bypass policy of the family; false behind the last. */
bool netd_bypass_at(int family, size_t i, struct kpolicy *ret);
/*
 * To and from an address of ours that we talk to ourselves: IPv6 asks XFRM on
 * the loopback path too (IPv4 does not). Inbound that lets in who forges our
 * own address on the link; IPv4 drops such as martians.
 */
struct kpolicy netd_bypass_own(const struct addr *own, enum kdir dir);
/*
 * A port of a name server: what is sent there goes, and what comes from there
 * is let in where it has the mark (0: always), which nftables gives to answers
 * only (xfrm/nft-rules.c). The i-th of both protocols and directions; false
 * behind the last.
 */
bool netd_bypass_server(const struct nameserver *s, uint32_t mark, size_t i,
			struct kpolicy *ret);
/* The same of port 53 of all hosts of the family, and what goes has to have the
 * mark, too: full recursion. */
bool netd_bypass_resolver(int family, uint32_t mark, size_t i,
			  struct kpolicy *ret);
/* Those of one broadcast address. */
struct kpolicy netd_bypass_broadcast(const struct addr *broadcast,
				     enum kdir dir);

#endif
