/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The policy table in the kernel: for each own address and network the traps,
 * blocks and passes that the table says, and what is always in the clear.
 * Traps of offer networks stand only while armed; closed networks (require,
 * block) always. A network needs a policy only where it differs from the next
 * wider one, so the world in the clear needs none.
 *
 * Own addresses are the source of what goes out and the destination of what
 * comes in: forwarded traffic matches nothing here.
 */
#ifndef TACIT_AGENT_NETD_NETWORKS_H
#define TACIT_AGENT_NETD_NETWORKS_H

#include "agent/netd-kernel.h"
#include "policy/policy.h"
#include "util/nameserver.h"
#include "xfrm/hold.h"

struct netd_networks;

struct netd_networks_config {
	const struct policy_table *policies; /* outlives this */
	const struct netd_kernel *kernel;    /* likewise */
	bool esp4, esp6; /* without ESP an offer is no trap */
	/* Of answers of name servers; 0: nothing marks them. */
	uint32_t dns_mark;
	bool recursive; /* the resolver's own packets have it too */
	/* Does a host pair's own policy stand in this place? Then it is left
	 * alone: see agent/netd-pairs.h. */
	bool (*taken)(void *user, const struct kpolicy *place);
	void *user;
};

/* Nothing is installed yet. 0 or -ENOMEM. */
int netd_networks_new(const struct netd_networks_config *c,
		      struct netd_networks **ret)
	__attribute__((warn_unused_result));
/* The kernel is left as it is. */
struct netd_networks *netd_networks_free(struct netd_networks *n);

/* An address of ours came or went; addresses are counted, and without regard
 * to their scope. broadcast may be unset. 0 or the first error (all that was
 * possible has been done, and errors are logged). */
int netd_networks_add(struct netd_networks *n, const struct addr *own,
		      const struct addr *broadcast)
	__attribute__((warn_unused_result));
int netd_networks_remove(struct netd_networks *n, const struct addr *own,
			 const struct addr *broadcast)
	__attribute__((warn_unused_result));
/* The ports of name servers that are always in the clear, LIMIT_DNS_OPENINGS at
 * most, in the place of those before. Errors likewise. */
int netd_networks_set_servers(struct netd_networks *n,
			      const struct nameserver *s, size_t count)
	__attribute__((warn_unused_result));
/* Traps of offer networks on or off. Errors likewise. */
int netd_networks_set_armed(struct netd_networks *n, bool armed)
	__attribute__((warn_unused_result));
bool netd_networks_armed(const struct netd_networks *n);
/* Sets again what does not stand as it should, by stands(); how many those are
 * in *ret_n. Errors likewise. */
int netd_networks_mend(struct netd_networks *n,
		       bool (*stands)(void *user, const struct kpolicy *p),
		       void *user, size_t *ret_n)
	__attribute__((warn_unused_result));
/*
 * Another policy table takes the place of this one, which outlives this as
 * well: *n is replaced, and only what is different changes in the kernel. What
 * is closed by both tables is closed at every moment. Errors likewise; where *n
 * is the same as before, nothing has changed.
 */
int netd_networks_replace(struct netd_networks **n,
			  const struct policy_table *policies)
	__attribute__((warn_unused_result));
/* Takes everything away. */
int netd_networks_clear(struct netd_networks *n)
	__attribute__((warn_unused_result));
bool netd_networks_any_closed(const struct netd_networks *n);

/* Which policy of ours belongs in this place now, as if no host pair had it?
 * False: none. */
bool netd_networks_want(const struct netd_networks *n,
			const struct kpolicy *place, struct kpolicy *ret);
/* The trap that a packet from local to remote meets, i 0, or one of those of
 * single services, from 1 on. False: there is no such. */
bool netd_networks_trap(const struct netd_networks *n, const struct addr *local,
			const struct addr *remote, size_t i,
			struct kpolicy *ret);
/* What SAs with this host are for. */
void netd_networks_scope(const struct netd_networks *n,
			 const struct addr *remote, struct scope *ret);
/* What the packet holder has to know: free(*ret). 0 or -ENOMEM. */
int netd_networks_ranges(const struct netd_networks *n, struct hold_range **ret,
			 size_t *ret_n) __attribute__((warn_unused_result));

#endif
