/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hosts that are reached by a gateway (RFC 4322): DNS names it beside its key,
 * in the host's own reverse zone. IKE goes to the gateway, which proves itself
 * by that key for that one host, so that each host has an IKE SA of its own:
 * with the key of another host the gateway has proven nothing for this one.
 *
 * Which way there is comes with the answer of a look-up. Where that comes before
 * IKE it is known at once; where it comes beside IKE an attempt by another way is
 * dropped, and begun anew in its place. One that fails is followed by that of
 * the next way.
 */
#include "agent/negotiation-internal.h"
#include "util/limits.h"

bool negotiation_may_gateway(const struct agent *a, const struct policy *p,
			     const struct addr *gateway)
{
	if (!policy_table_has_gateway(a->config->policies, p, gateway))
		return false;
	/* Our own address would be a loop; netd refuses it, too. */
	for (size_t i = 0; i < a->leases.n_links; i++)
		if (addr_equal(&a->leases.links[i].own, gateway))
			return false;
	return true;
}

const struct addr *negotiation_toward(const struct flow *f)
{
	return f->gateway.family ? &f->gateway : &f->peer->addr;
}

void negotiation_set_way(struct flow *f, const struct key_way *w)
{
	f->gateway = w->gateway;
	f->more = w->more;
	f->next = w->next;
}

/* What is in use comes first, until a look-up says otherwise. */
void negotiation_first_way(struct flow *f)
{
	struct key_way way = { 0 };

	if (f->behind)
		way.gateway = f->outer;
	negotiation_set_way(f, &way);
	f->way = 0;
	f->turns = 0;
	f->turned = false;
}

/* The way after this one, as far as it is known. */
bool negotiation_next_way(struct flow *f)
{
	struct key_way way = { .gateway = f->next };

	if (!f->more || ++f->turns > LIMIT_GATEWAY_TURNS)
		return false;
	negotiation_set_way(f, &way);
	f->way++;
	return true;
}

bool negotiation_turn(struct agent *a, struct handle sa,
		      const struct ike_identify *q, const struct key_way *way)
{
	struct flow *f = flow_table_get(a->flows, &q->local.addr, &q->host);
	bool other = way->gateway.family
			     ? !addr_equal(&way->gateway, &q->remote.addr)
			     : !addr_equal(&q->host, &q->remote.addr);

	if (!f || !handle_equal(f->attempt, sa))
		return false;
	negotiation_set_way(f, way);
	if (!other)
		return false;
	/* DNS says something else each time: enough of that. */
	if (++f->turns > LIMIT_GATEWAY_TURNS) {
		f->given_up = IKE_REASON_NO_KEY;
		f->more = false;
	} else {
		f->turned = true;
	}
	return true;
}

/* Nobody, or nobody with IKE, is there: for no host. */
static bool is_silent(enum ike_reason r)
{
	return r == IKE_REASON_UNANSWERED || r == IKE_REASON_UNREACHABLE ||
	       r == IKE_REASON_REFUSED;
}

bool negotiation_other_way(struct agent *a, struct flow *f,
			   const struct ike_failed *failed)
{
	uint64_t now = agent_now(a);
	bool turned = f->turned;

	f->turned = false;
	if (f->state != FLOW_NEGOTIATE && !f->renew)
		return false;
	if (f->gateway.family && !turned && is_silent(failed->reason))
		gateways_failed(&a->gateways, now, &f->gateway);
	if (!turned &&
	    (failed->reason == IKE_REASON_REPLACED || !negotiation_next_way(f)))
		return false;
	if (!negotiation_way_is_open(a, f))
		f->given_up = IKE_REASON_UNANSWERED;
	else if (!admission_also(a->admission, now, negotiation_toward(f)))
		f->given_up = IKE_REASON_RESOURCES;
	else
		return true;
	return false;
}

bool negotiation_way_is_open(struct agent *a, struct flow *f)
{
	while (f->gateway.family &&
	       gateways_rest(&a->gateways, agent_now(a), &f->gateway))
		if (!negotiation_next_way(f))
			return false;
	return true;
}
