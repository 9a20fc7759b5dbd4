/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A peer that seems to have lost its SAs, as a host does that was restarted:
 * netd heard a packet in the clear from it, or ESP that nobody can read.
 *
 * Anybody can forge such packets, so they take nothing down. A peer that has an
 * IKE SA with us is asked whether it lives; when it does not say so soon, a
 * fresh IKE SA is begun beside the old one, which ends when its successor is
 * there, or when the question stays unanswered. To one that has none, and sends
 * ESP, we begin as to any other peer.
 */
#include "agent/negotiation-internal.h"
#include "util/limits.h"

/* A peer that lives has answered by then, also when one datagram was lost. */
#define SUSPECT_MS 700u

static bool hint_counts(struct agent *a, const struct flow *f)
{
	uint64_t now = agent_now(a);

	if (f && f->hinted_at && now < f->hinted_at + LIMIT_HINT_MS)
		return false;
	return ratelimit_take(&a->hints, now, LIMIT_HINT_RATE, LIMIT_HINT_RATE);
}

static void hint_probe(struct agent *a, struct flow *f)
{
	/* An orphan is being replaced already, and so is one with renew. */
	if (handle_is_none(f->child.ike))
		return;
	ike_probe(a->ike, agent_now(a), f->child.ike);
	if (f->renew)
		return;
	f->suspect = true;
	timer_arm(a->timers, &f->timer, agent_now(a) + SUSPECT_MS);
}

bool negotiation_on_suspicion(struct agent *a, struct flow *f)
{
	struct ike_sa_info info;

	if (!f->suspect)
		return false;
	f->suspect = false;
	if (ike_sa_describe(a->ike, f->child.ike, &info) &&
	    info.last_heard >= f->hinted_at)
		return true;
	f->renew = true;
	negotiation_begin(a, f);
	return true;
}

/* It speaks ESP, so it can: what was decided before is over. */
static void hint_begin(struct agent *a, struct flow *f, uint16_t udp_remote)
{
	timer_cancel(a->timers, &f->timer);
	if (f->state == FLOW_CLEAR || f->state == FLOW_BLOCKED)
		negotiation_send_verdict(a, &f->local, &f->peer->addr, f->self,
					 RECORD_FORGET, 0);
	if (f->state != FLOW_IDLE)
		negotiation_idle(a, f);
	f->knock_port = udp_remote;
	negotiation_discover(a, f);
}

void negotiation_on_hint(struct agent *a, const struct record_hint *h)
{
	const struct policy *p = policy_table_lookup(
		a->config->policies, flow_table_host(a->flows, &h->remote));
	struct flow *f;

	if (a->stopping || a->reconciling || !negotiation_wanted_by(p))
		return;
	f = flow_table_get(a->flows, &h->local, &h->remote);
	if ((!f && !h->spi) || !hint_counts(a, f))
		return;
	if (!f && flow_table_obtain(a->flows, &h->local, &h->remote,
				    agent_now(a), &f) < 0)
		return;
	negotiation_set_policy(f, p);
	f->hinted_at = agent_now(a);
	switch (f->state) {
	case FLOW_SECURED:
		hint_probe(a, f);
		break;
	case FLOW_IDLE:
	case FLOW_CLEAR:
	case FLOW_BLOCKED:
	case FLOW_HOLDDOWN:
		if (h->spi)
			hint_begin(a, f, (uint16_t)h->udp_remote);
		break;
	case FLOW_LOOKUP:
	case FLOW_QUEUED:
	case FLOW_NEGOTIATE:
	case FLOW_INSTALL:
	case FLOW_STATES:
		break;
	}
}
