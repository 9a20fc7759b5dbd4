/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What happens to a flow: an acquire starts it, the IKE engine and tacit-netd
 * answer, a verdict or an SA pair ends it. All functions run on the loop, with
 * the agent's time.
 */
#ifndef TACIT_AGENT_NEGOTIATION_H
#define TACIT_AGENT_NEGOTIATION_H

#include "agent/agent.h"
#include "agent/identify.h"

/* The kernel trapped, or netd holds, the first packet of a flow. */
void negotiation_on_acquire(struct agent *a, const struct record_acquire *q);
/* What a look-up for Discover=dns has found, for a flow that waits for it. */
void negotiation_on_discovered(struct agent *a, struct handle flow,
			       const struct key_verdict *v);
/* The engine's outcomes. */
void negotiation_on_child_up(struct agent *a, struct handle sa,
			     const struct ike_child_up *up);
void negotiation_on_rekeyed(struct agent *a, const struct ike_rekeyed *rekeyed);
void negotiation_on_child_down(struct agent *a,
			       const struct ike_child_down *down);
void negotiation_on_child_refused(struct agent *a, struct handle sa,
				  const struct ike_child_refused *refused);
void negotiation_on_moved(struct agent *a, struct handle sa,
			  const struct ike_moved *moved);
void negotiation_on_failed(struct agent *a, struct handle sa,
			   const struct ike_failed *failed);
/* Takes the datagram if it has to wait for netd; false: send it now. */
bool negotiation_park(struct agent *a, struct handle sa,
		      const struct ike_send *send);
/* netd's answers and events. */
void negotiation_on_reply(struct agent *a, struct handle flow,
			  const struct record_reply *reply);
void negotiation_on_expire(struct agent *a, const struct record_expire *x);
void negotiation_on_used(struct agent *a, const struct record_flow *used);
/* Nothing has been said either way for the policy's IdleTime=. */
void negotiation_on_idle(struct agent *a, const struct record_flow *idle);
/* Its ESP comes from another port. */
void negotiation_on_mapped(struct agent *a, const struct record_flow *mapped);
void negotiation_on_orphan(struct agent *a, const struct record_orphan *o);
void negotiation_on_hint(struct agent *a, const struct record_hint *h);
/* --- negotiation-room.c ------------------------------------------------ */

/* As many peers have SAs as MaxPeers= lets. */
bool negotiation_is_full(const struct agent *a);
/* Where it is, or nearly: this peer, whose address is its own, wants a place. */
void negotiation_seek_room(struct agent *a, const struct addr *remote);
/* The flow has come into its state. */
void negotiation_note_room(struct agent *a, struct flow *f,
			   enum flow_state before);
/* What netd counts of a flow; NULL: it does not know it. */
void negotiation_on_counted(struct agent *a, struct handle flow,
			    const struct record_counted *c);
/* --- negotiation-reload.c --------------------------------------------- */

/* a->config is another one now; before: what it was, which is still there. */
void negotiation_on_policies(struct agent *a, const struct config *before);

/* --- negotiation-gateway.c ---------------------------------------------- */

/* May what is sent to hosts of this policy go to this gateway? */
bool negotiation_may_gateway(const struct agent *a, const struct policy *p,
			     const struct addr *gateway);
/* The keys of the host are there, and the way to it. True: this attempt is not
 * by that way. It is to be refused, and another follows its IKE_FAILED. */
bool negotiation_turn(struct agent *a, struct handle sa,
		      const struct ike_identify *q, const struct key_way *way);
/* --- negotiation-retry.c: the world has changed ------------------------ */

/* The attempt of this SA is given up for what its credentials lack; why is
 * static. IKE_FAILED follows. */
void negotiation_on_unproven(struct agent *a, struct handle sa,
			     const struct ike_identify *q,
			     enum ike_reason reason, const char *why);
/* An address came, or its link is up again: what failed from there is tried
 * again with the next packet. */
void negotiation_on_address(struct agent *a, const struct addr *local);
/* We were suspended: nothing is known of anybody. */
void negotiation_on_resumed(struct agent *a);
/* The wall clock was set back. By it the kernel measures how old an SA is, so
 * that those of now would live longer by as much: others take their places. */
void negotiation_on_clock_back(struct agent *a);

/* This address is ours no more: flows from it end without a word. */
void negotiation_on_address_gone(struct agent *a, const struct addr *local);
/* A new netd is there: every flow waits to be named by it. */
void negotiation_on_welcome(struct agent *a);
/* A flow's timer: user is the agent. */
void negotiation_on_timer(struct timer *t, uint64_t now, void *user);
/* Starts those that wait in line, as far as admission lets them. */
void negotiation_run_queue(struct agent *a);
/* Begins now, whatever failed before, where nothing is under way. 0 and the
 * flow; -ENOTCONN: no netd; -ENOSPC, -ENOMEM. */
int negotiation_connect(struct agent *a, const struct addr *local,
			const struct addr *remote, struct flow **ret)
	__attribute__((warn_unused_result));
/* Ends the SAs with this address, of all our own, and tells it. The next packet
 * begins anew. 0 or -ENOENT. */
int negotiation_disconnect(struct agent *a, const struct addr *remote)
	__attribute__((warn_unused_result));
/* What policy says about a stranger's IKE_SA_INIT. */
enum ike_admission negotiation_admit(struct agent *a,
				     const struct endpoint *remote, bool shown);
/* May this policy lead to an SA at all? */
bool negotiation_wanted_by(const struct policy *p);
/* Those of Mode=; p may be NULL. */
enum ike_modes negotiation_modes(const struct policy *p);
/* What is proposed to this peer and accepted from it: its policy's, without
 * what the kernel has not. */
void negotiation_algorithms(const struct agent *a, const struct policy *p,
			    struct algorithms *ret);

#endif
