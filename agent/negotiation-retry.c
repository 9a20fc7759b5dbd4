/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Prompt new attempts: what was decided about peers that could not be talked to
 * with ESP holds for a time, and no longer than the world is as it was.
 */
#include "agent/negotiation-internal.h"

void negotiation_retry(struct agent *a, struct flow *f)
{
	bool shunt = f->state == FLOW_CLEAR || f->state == FLOW_BLOCKED;

	if (!shunt && f->state != FLOW_HOLDDOWN)
		return;
	f->failures = 0;
	if (shunt)
		negotiation_send_verdict(a, &f->local, &f->peer->addr, f->self,
					 RECORD_FORGET, 0);
	negotiation_idle(a, f);
	if (!shunt && negotiation_begins(f->policy))
		negotiation_discover(a, f);
}

void negotiation_on_unproven(struct agent *a, struct handle sa,
			     const struct ike_identify *q,
			     enum ike_reason reason, const char *why)
{
	struct flow *f = flow_table_get(a->flows, &q->local.addr, &q->host);

	if (!f || !handle_equal(f->attempt, sa))
		return;
	f->given_up = reason;
	f->why = why;
}

void negotiation_on_address(struct agent *a, const struct addr *local)
{
	struct flow *f;
	uint32_t cursor = 0;

	gateways_forget(&a->gateways);
	while ((f = flow_table_each(a->flows, &cursor)))
		if (addr_equal(&f->local, local))
			negotiation_retry(a, f);
}

void negotiation_on_resumed(struct agent *a)
{
	struct flow *f;
	uint32_t cursor = 0;

	gateways_forget(&a->gateways);
	while ((f = flow_table_each(a->flows, &cursor))) {
		negotiation_retry(a, f);
		if (f->state == FLOW_SECURED)
			ike_check(a->ike, agent_now(a), f->child.ike);
	}
}
