/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Other policies, and other keys of peers, while flows stand: those that are
 * decided as before go on and notice nothing. tacit-netd has changed its own
 * side already, so what a policy closes is closed, whatever we do here.
 */
#include <string.h>

#include "agent/negotiation-internal.h"
#include "agent/proof.h"
#include "policy/config-change.h"

/* What is held of a flow that is no longer ours to judge is let go, or dropped,
 * in this time. */
#define LET_GO_MS 1000u

/* What the new policies say of it, and of whoever has proven himself there. */
static const struct policy *reload_policy(struct agent *a, const struct flow *f)
{
	struct ike_sa_info info;
	bool known = f->child.spi_in && !handle_is_none(f->child.ike) &&
		     ike_sa_describe(a->ike, f->child.ike, &info);

	return proof_policy(a->config->policies, flow_host(f),
			    known ? &info.peer : NULL);
}

/* May the SA that stands stay under the new policy? */
static bool reload_suffices(struct agent *a, const struct flow *f)
{
	struct ike_sa_info info;

	if (!negotiation_wanted_by(f->policy))
		return false;
	if (f->behind && !negotiation_may_gateway(a, f->policy, &f->outer))
		return false;
	/* An earlier agent's is being renewed as it is. */
	if (handle_is_none(f->child.ike))
		return true;
	return ike_sa_describe(a->ike, f->child.ike, &info) &&
	       proof_suffices(f->policy, &info.peer);
}

static void reload_drop_attempt(struct agent *a, struct flow *f)
{
	struct handle attempt = f->attempt;

	negotiation_attempt_over(a, f, attempt);
	ike_abandon(a->ike, agent_now(a), attempt);
}

/* Begun under other premises: from the start, for what waits already. */
static void reload_restart(struct agent *a, struct flow *f)
{
	bool held = f->held;
	uint32_t seq = f->acquire_seq;

	reload_drop_attempt(a, f);
	negotiation_idle(a, f);
	f->failures = 0;
	if (!negotiation_begins(f->policy)) {
		if (held)
			negotiation_send_verdict(
				a, &f->local, &f->peer->addr, f->self,
				f->policy && f->policy->level == POLICY_BLOCK
					? RECORD_BLOCK
					: RECORD_CLEAR,
				LET_GO_MS);
		return;
	}
	f->held = held;
	f->acquire_seq = seq;
	negotiation_discover(a, f);
}

static void reload_close(struct agent *a, struct flow *f)
{
	struct handle sa = f->child.ike;

	reload_drop_attempt(a, f);
	negotiation_lost(a, f, IKE_REASON_POLICY);
	ike_close(a->ike, agent_now(a), sa);
}

/* Make before break. */
static void reload_renew(struct agent *a, struct flow *f)
{
	if (f->state != FLOW_SECURED || f->renew)
		return;
	f->renew = true;
	negotiation_begin(a, f);
}

/* A proof by a key that is not the peer's any more is none. */
static void reload_secured(struct agent *a, struct flow *f, bool keys,
			   bool algorithms)
{
	if (!reload_suffices(a, f) || (keys && proof_is_one(f->child.auth)))
		reload_close(a, f);
	else if (keys || algorithms)
		reload_renew(a, f);
}

/* The flow's verdict is another one now. */
static void reload_flow(struct agent *a, struct flow *f, bool keys,
			bool algorithms)
{
	switch (f->state) {
	case FLOW_CLEAR:
	case FLOW_BLOCKED:
	case FLOW_HOLDDOWN:
		negotiation_retry(a, f);
		break;
	case FLOW_LOOKUP:
	case FLOW_QUEUED:
	case FLOW_NEGOTIATE:
		reload_restart(a, f);
		break;
	case FLOW_INSTALL:
	case FLOW_SECURED:
		reload_secured(a, f, keys, algorithms);
		break;
	case FLOW_IDLE:
	case FLOW_STATES:
		break;
	}
}

/* Has what is known of this peer's keys changed? By its address, and by the
 * identity that it has proven. */
static bool reload_keys_changed(struct agent *a, const struct config *before,
				const struct flow *f)
{
	const struct known_peers *old = before->peers, *new = a->config->peers;
	char who[IKE_IDENTITY_STRLEN];
	struct ike_sa_info info;

	if (!known_peer_same(known_peers_by_address(old, flow_host(f)),
			     known_peers_by_address(new, flow_host(f))))
		return true;
	if (!proof_is_one(f->child.auth) ||
	    !ike_sa_describe(a->ike, f->child.ike, &info))
		return false;
	ike_identity_format(&info.peer.id, who);
	return !known_peer_same(known_peers_by_identity(old, who),
				known_peers_by_identity(new, who));
}

void negotiation_on_policies(struct agent *a, const struct config *before)
{
	struct flow *f;
	uint32_t cursor = 0;

	leases_on_policies(a);
	while ((f = flow_table_each(a->flows, &cursor))) {
		const struct policy *old = f->policy;
		bool keys, algorithms;

		f->policy = reload_policy(a, f);
		keys = reload_keys_changed(a, before, f);
		algorithms = old && f->policy &&
			     memcmp(&old->algorithms, &f->policy->algorithms,
				    sizeof(old->algorithms)) != 0;
		/* What has changed may be about the gateway. */
		if (keys || !policy_same(old, f->policy) ||
		    (f->behind &&
		     !negotiation_may_gateway(a, f->policy, &f->outer)))
			reload_flow(a, f, keys, algorithms);
	}
	negotiation_run_queue(a);
}
