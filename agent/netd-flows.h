/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Flows as tacit-netd keeps them: for each host pair with protection its
 * reqid, its SAs and its two policies. It knows neither keys (the kernel has
 * them) nor why; it keeps the order in which things go in and out, so that no
 * packet is lost or leaves in the clear.
 */
#ifndef TACIT_AGENT_NETD_FLOWS_H
#define TACIT_AGENT_NETD_FLOWS_H

#include "agent/netd-connections.h"
#include "agent/netd-pairs.h"
#include "util/timer.h"
#include "xfrm/record.h"

struct netd_flow;

struct netd_flows {
	struct hmap by_reqid, by_spi;
	struct netd_flow *first;
	size_t count;		  /* at most LIMIT_FLOWS */
	struct netd_flow *report; /* the next to look at */
	bool reporting;
	struct netd_pairs *pairs;
	const struct netd_kernel *kernel;
	struct timer_wheel *wheel;
	/* Apart from their flows, or NULL: nothing is. */
	struct netd_connections *connections;
	bool clearing; /* all flows go, and nothing is kept for later ones */
	void *user;
	/* Hold packets to this destination back until ready(); 0 or -errno:
	 * it cannot be done. */
	int (*gate)(void *user, const struct addr *local,
		    const struct addr *remote);
	/* A flow ends that nobody asked to end; may be NULL. */
	void (*gone)(void *user, const struct record_expire *x);
	/* Is it an address that we lease to peers? NULL: there are none. */
	bool (*is_lease)(void *user, const struct addr *remote);
	/* The SAs of a lease are about to go: nothing may leave for it in
	 * another way, and what is held is dropped. May be NULL. */
	void (*closing)(void *user, const struct addr *local,
			const struct addr *remote);
	/* From now on, or no longer, the lease stands in ESP to remote for our
	 * address. 0 or -errno; NULL: it cannot be had. */
	int (*translate)(void *user, const struct addr *local,
			 const struct addr *remote, const struct addr *lease,
			 bool on);
	/* A flow's SAs and policies are gone; may be NULL. */
	void (*removed)(void *user, uint32_t reqid);
	/* A rekeyed pair carries packets; may be NULL. */
	void (*used)(void *user, const struct record_flow *f);
	/* An in-SA came or went; a pair that talks by ESP alone from now on,
	 * or no longer. May be NULL. */
	void (*spi)(void *user, const struct addr *local, uint32_t spi,
		    bool known);
	void (*secured)(void *user, const struct addr *local,
			const struct addr *remote, bool secured);
	/* Packets to this destination can go now. */
	void (*ready)(void *user, const struct addr *local,
		      const struct addr *remote);
};

void netd_flows_init(struct netd_flows *t, struct netd_pairs *pairs,
		     const struct netd_kernel *k, struct timer_wheel *w);
/* Frees all; the kernel is left as it is. */
void netd_flows_done(struct netd_flows *t);

/* The requests of xfrm/record.h; the guard has let them through. 0 or
 * -errno, and then the flow is as it was before. */
int netd_flow_install(struct netd_flows *t, const struct record_install *in,
		      uint64_t now) __attribute__((warn_unused_result));
/* -ENOENT: no such flow (all of these). -ENODATA: no SA waits for it. */
int netd_flow_switch(struct netd_flows *t, uint32_t reqid)
	__attribute__((warn_unused_result));
/* A packet for remote is held. If the peer has sent on the in-SA, it has its
 * SAs: an out-SA that waits for RECORD_SWITCH need wait no longer. False when the
 * flow does not wait for that, or there is none. */
bool netd_flow_held(struct netd_flows *t, const struct addr *local,
		    const struct addr *remote);
/* Does it send, and nothing stands in its way? */
bool netd_flow_runs(const struct netd_flows *t, const struct addr *local,
		    const struct addr *remote);
int netd_flow_harden(struct netd_flows *t, uint32_t reqid)
	__attribute__((warn_unused_result));
int netd_flow_remove_sa(struct netd_flows *t, uint32_t reqid, uint32_t spi,
			bool inbound, uint64_t now)
	__attribute__((warn_unused_result));
/* ESP in UDP of the peer comes from another port. 0; -EINVAL: its SAs are not
 * encapsulated; -errno. */
int netd_flow_move(struct netd_flows *t, uint32_t reqid, uint16_t udp_remote)
	__attribute__((warn_unused_result));
/* An authentic packet came from another port: sending follows. NULL: it is of no
 * SA here, from another address, or too soon after the last one. */
const struct netd_flow *netd_flow_mapped(struct netd_flows *t,
					 const struct kmapping *m,
					 uint64_t now);
int netd_flow_remove(struct netd_flows *t, uint32_t reqid)
	__attribute__((warn_unused_result));
/* Takes every flow out of the kernel. */
void netd_flows_clear(struct netd_flows *t);

/* An SA's lifetime ends. After the hard one the kernel has deleted it, and a
 * flow that has none left in one direction goes as a whole. True and what to
 * tell the agent, when the SA is in use here. */
bool netd_flow_expired(struct netd_flows *t, const struct kexpire *e,
		       struct record_expire *ret);

/* --- questions -------------------------------------------------------- */

/* The other end of the SAs of the flow with this reqid, and what the peer has
 * leased us; each unset where there is none of its own. */
void netd_flow_ends(const struct netd_flows *t, uint32_t reqid,
		    struct addr *ret_outer, struct addr *ret_lease);
/* The pair whose flow has this reqid; false: none. */
bool netd_flow_pair(const struct netd_flows *t, uint32_t reqid,
		    struct addr *ret_local, struct addr *ret_remote);
/* The reqid of the pair's flow, or 0; is it an orphan? */
uint32_t netd_flow_of_pair(const struct netd_flows *t, const struct addr *local,
			   const struct addr *remote, bool *ret_orphan);
/* The other end of the flow's tunnel (borrowed); NULL: it is none. */
const struct addr *netd_flow_tunnel(const struct netd_flows *t, uint32_t reqid);
/* Does any SA of ours to this address have the SPI? */
bool netd_flow_has_spi(const struct netd_flows *t, const struct addr *dst,
		       uint32_t spi);

/* What the flow is to the kernel now: netd-count.c. 0; -ENOENT. */
int netd_flow_count(const struct netd_flows *t, uint32_t reqid,
		    struct record_counted *ret)
	__attribute__((warn_unused_result));

/* Is it an in-SA of this flow that came alone (RECORD_IN_ONLY)? */
bool netd_flow_in_alone(const struct netd_flows *t, uint32_t reqid,
			uint32_t spi);

/* --- orphans ---------------------------------------------------------- */

/* The agent is gone: every complete flow is an orphan now, and goes unless
 * somebody takes it over in time; the others go at once. */
void netd_flows_orphan(struct netd_flows *t, uint64_t now);

/*
 * At start: what stands in the kernel. First all policies, then all SAs, then
 * netd_flows_adopted(), which takes away what is not complete; the rest are
 * orphans. 0; -ENOENT: it belongs to no flow, the caller deletes it; -ENOMEM.
 */
int netd_flow_adopt_policy(struct netd_flows *t, const struct kpolicy *p,
			   const struct addr *local, const struct addr *remote)
	__attribute__((warn_unused_result));
int netd_flow_adopt_sa(struct netd_flows *t, const struct ksa *sa)
	__attribute__((warn_unused_result));
void netd_flows_adopted(struct netd_flows *t, uint64_t now);

/* Reports the orphans one by one, the last one marked: start, then next until
 * it returns false. Flows may come and go in between. */
void netd_flows_report_start(struct netd_flows *t);
bool netd_flows_report_next(struct netd_flows *t, struct record_orphan *ret);

#endif
