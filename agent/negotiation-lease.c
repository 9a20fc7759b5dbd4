/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Behind a NAT we ask the peer for an address that stands for ours in ESP
 * (ike/lease.c), where policy wants it and the kernel can translate. Who gives
 * none is talked to without.
 */
#include "agent/negotiation-internal.h"

/* Who gave none is asked again after so long, with the next attempt: each time
 * costs a handshake. */
#define LEASE_RETRY_MS (10 * 60 * 1000u)

static enum ike_lease_wish wish(const struct agent *a, const struct policy *p)
{
	switch (p->translation) {
	case POLICY_TRANSLATION_NO:
		break;
	case POLICY_TRANSLATION_YES:
		return IKE_LEASE_ALWAYS;
	case POLICY_TRANSLATION_ANONYMOUS:
		if (p->mode == POLICY_MODE_TRANSPORT)
			break;
		/* What begins in the clear must be able to stay so. */
		if (p->wait || a->kernel & RECORD_HAS_CONNECTIONS)
			return IKE_LEASE_ANONYMOUS;
		break;
	}
	return IKE_LEASE_NONE;
}

/* To the peer connections from another address are others, and are reset: those
 * that may be there are of none that it has leased us. What began in the clear
 * stays so; what began in ESP without a lease must neither be in the clear nor
 * be reset. */
static bool would_break(const struct agent *a, const struct flow *f)
{
	uint32_t forwards = f->local.family == AF_INET ? 1 : 2;

	if (f->lease.family)
		return false;
	/* What we masquerade for containers would get no answers: the kernel
	 * forwards nothing that comes out of a tunnel without a policy. */
	if (a->netd.forwards & forwards)
		return true;
	if (f->child.spi_in)
		return true;
	if (f->policy->level == POLICY_REQUIRE)
		return false;
	return a->kernel & RECORD_HAS_CONNECTIONS ? f->bare : f->failures > 0;
}

/* What the peer has leased us: with the flow's own address, or, where that one has
 * none, with one that is ours no more, or has no SAs. */
static struct addr leased(const struct agent *a, const struct flow *f)
{
	const struct addr *remote = &f->peer->addr;
	const struct flow *x = flow_table_get_remote(a->flows, remote);

	if (f->lease.family)
		return f->lease;
	for (; x && addr_equal(&x->peer->addr, remote);
	     x = flow_table_next(a->flows, x))
		if (x->lease.family && !x->child.spi_in)
			return x->lease;
	return (struct addr){ 0 };
}

void negotiation_wish(const struct agent *a, const struct flow *f,
		      struct ike_request *ret)
{
	/* A gateway is asked for the host behind it, and for no more. */
	if (!(a->kernel & RECORD_HAS_TRANSLATION) ||
	    agent_now(a) < f->lease_at || f->gateway.family)
		return;
	ret->lease = wish(a, f->policy);
	if (ret->lease == IKE_LEASE_ANONYMOUS && would_break(a, f))
		ret->lease = IKE_LEASE_NONE;
	/* A peer that comes back is to be known again by those who talk to it. */
	ret->leased = leased(a, f);
}

void negotiation_no_lease(struct agent *a, struct flow *f)
{
	f->lease_at = agent_now(a) + LEASE_RETRY_MS;
}

bool negotiation_without_lease(struct agent *a, struct flow *f,
			       const struct ike_failed *failed)
{
	struct log_fields fields = negotiation_fields(f);

	if (!failed->lease || (f->state != FLOW_NEGOTIATE && !f->renew))
		return false;
	negotiation_no_lease(a, f);
	log_limited(&a->log_negotiation, agent_now(a), LOG_INFO, &fields,
		    "it leases us no address (notify %u): without one, then",
		    failed->notify);
	return true;
}
