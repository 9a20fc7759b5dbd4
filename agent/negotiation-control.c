/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A negotiation that somebody asked for, and the end of one.
 */
#include <errno.h>
#include <string.h>

#include "agent/negotiation-internal.h"

/* Asked for by name: what failed before, and whether DNS has a key, is no
 * question. */
static void negotiation_start(struct agent *a, struct flow *f)
{
	f->reason = IKE_REASON_NONE;
	f->notify = 0;
	f->lease_at = 0;
	f->acquired_us = agent_now_us(a);
	negotiation_retry(a, f);
	if (f->state == FLOW_IDLE || f->state == FLOW_LOOKUP)
		negotiation_begin(a, f);
}

int negotiation_connect(struct agent *a, const struct addr *local,
			const struct addr *remote, struct flow **ret)
{
	struct flow *f;
	int r;

	if (!link_is_up(a->link))
		return -ENOTCONN;
	r = flow_table_obtain(a->flows, local, remote, agent_now(a), &f);
	if (r < 0)
		return r;
	negotiation_set_policy(
		f, policy_table_lookup(a->config->policies, flow_host(f)));
	switch (f->state) {
	case FLOW_CLEAR:
	case FLOW_BLOCKED:
	case FLOW_HOLDDOWN:
	case FLOW_IDLE:
	case FLOW_LOOKUP:
		negotiation_start(a, f);
		break;
	case FLOW_QUEUED:
	case FLOW_NEGOTIATE:
	case FLOW_INSTALL:
	case FLOW_SECURED:
	case FLOW_STATES:
		break;
	}
	*ret = f;
	return 0;
}

/* Nothing is known of the peer, good or bad. */
static void negotiation_forget(struct agent *a, struct flow *f)
{
	if (f->state == FLOW_CLEAR || f->state == FLOW_BLOCKED)
		negotiation_send_verdict(a, &f->local, &f->peer->addr, f->self,
					 RECORD_FORGET, 0);
	timer_cancel(a->timers, &f->timer);
	f->failures = 0;
	negotiation_idle(a, f);
}

static void negotiation_end(struct agent *a, struct flow *f)
{
	struct handle attempt = f->attempt, sa = f->child.ike;

	negotiation_attempt_over(a, f, attempt);
	if (!handle_is_none(attempt))
		ike_close(a->ike, agent_now(a), attempt);
	if (f->child.spi_in)
		negotiation_lost(a, f, IKE_REASON_CLOSED);
	else if (f->state != FLOW_IDLE)
		negotiation_forget(a, f);
	if (!handle_is_none(sa))
		ike_close(a->ike, agent_now(a), sa);
}

int negotiation_disconnect(struct agent *a, const struct addr *remote)
{
	struct flow *f = flow_table_get_remote(a->flows, remote);

	if (!f)
		return -ENOENT;
	for (; f && addr_equal(&f->peer->addr, remote);
	     f = flow_table_next(a->flows, f))
		negotiation_end(a, f);
	return 0;
}
