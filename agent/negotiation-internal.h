/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What negotiation.c and negotiation-child.c know of each other. */
#ifndef TACIT_AGENT_NEGOTIATION_INTERNAL_H
#define TACIT_AGENT_NEGOTIATION_INTERNAL_H

#include "agent/negotiation.h"

/* An acquire within this time of the installation was under way before it. */
#define NEGOTIATION_LOST_MS 2000u

/* Do we begin with such a peer, and not only answer? */
static inline bool negotiation_begins(const struct policy *p)
{
	return p && (p->level == POLICY_OFFER || p->level == POLICY_REQUIRE);
}

/* The network's policy; SAs stay under the one of whoever has proven himself. */
static inline void negotiation_set_policy(struct flow *f,
					  const struct policy *p)
{
	if (!f->child.spi_in)
		f->policy = p;
}
/* The flow's SAs are gone, and with them whoever had a policy of his own. */
void negotiation_unname(struct agent *a, struct flow *f);

struct log_fields negotiation_fields(const struct flow *f);
void negotiation_send_verdict(struct agent *a, const struct addr *local,
			      const struct addr *remote, struct handle flow,
			      enum record_verdict_type verdict,
			      uint64_t lifetime_ms);
void negotiation_idle(struct agent *a, struct flow *f);
/* A decision about a peer that could not is taken back: the next packet begins
 * anew, as if for the first time. Where none was needed the kernel may not tell
 * of that packet, so we begin. Others are left alone. */
void negotiation_retry(struct agent *a, struct flow *f);
void negotiation_fail(struct agent *a, struct flow *f, enum ike_reason reason,
		      uint16_t notify);
/* The beginning: with Discover=dns IKE only where a key is known. */
void negotiation_discover(struct agent *a, struct flow *f);
/* Queues the flow and starts what admission lets start. */
void negotiation_begin(struct agent *a, struct flow *f);
/* The same, where Discover=dns first asks for a key. */
void negotiation_discover(struct agent *a, struct flow *f);
/* The timer of a flow whose peer is suspected to have lost its SAs: true, when
 * it was for that. */
bool negotiation_on_suspicion(struct agent *a, struct flow *f);
/* The attempt of this handle has ended, if it is the flow's. */
void negotiation_attempt_over(struct agent *a, struct flow *f,
			      struct handle sa);
/* The timer of FLOW_INSTALL fired: next step. */
void negotiation_step(struct agent *a, struct flow *f);
/* A renewal could not be tried now; the flow goes on with what it has. */
void negotiation_renew_later(struct agent *a, struct flow *f);
/* Installs the SA pair of this CHILD_UP, as the flow's or only its in-SA beside
 * that. */
void negotiation_install(struct agent *a, struct flow *f,
			 const struct ike_child_up *up, bool beside);
/* --- negotiation-lease.c ------------------------------------------------- */

/* Whether the peer is asked for an address that stands for ours, and for which. */
void negotiation_wish(const struct agent *a, const struct flow *f,
		      struct ike_request *ret);
/* The flow's attempt has failed: true, if only for the lease that it asked for;
 * then it is worth one without, at once. */
bool negotiation_without_lease(struct agent *a, struct flow *f,
			       const struct ike_failed *failed);

/* The flow's lease was no good: none is asked for, for a while. */
void negotiation_no_lease(struct agent *a, struct flow *f);

/* --- negotiation-gateway.c ----------------------------------------------- */

/* With whom IKE is: the gateway, or the host itself. */
const struct addr *negotiation_toward(const struct flow *f);
/* The flow's next attempt is by this way; by the one that is in use. */
void negotiation_set_way(struct flow *f, const struct key_way *w);
void negotiation_first_way(struct flow *f);
/* By the next one, where that is known. */
bool negotiation_next_way(struct flow *f);
/* Skips ways by gateways that are left alone; false: there is none left. */
bool negotiation_way_is_open(struct agent *a, struct flow *f);
/* The flow's attempt has failed: true, where another way is worth one at once,
 * in its place. */
bool negotiation_other_way(struct agent *a, struct flow *f,
			   const struct ike_failed *failed);

/* From now on this is the flow's own. */
void negotiation_set_child(struct flow *f, struct handle sa,
			   const struct ike_child_up *up);
/* The flow has lost its SAs, or they are no good any more. */
void negotiation_lost(struct agent *a, struct flow *f, enum ike_reason reason);
/* Lifetimes, with some randomness. */
void negotiation_set_limits(const struct policy *p,
			    const struct ike_child_up *up,
			    struct record_install *ret);
/* Takes the CHILD_UP that rekeys the flow's SA pair; false: it is another. */
bool negotiation_rekeyed(struct agent *a, struct flow *f, struct handle sa,
			 const struct ike_child_up *up);
/* A fresh SA for a secured flow could not be had. */
void negotiation_renewal_failed(struct agent *a, struct flow *f,
				enum ike_reason reason, uint16_t notify);

#endif
