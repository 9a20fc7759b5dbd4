/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The life of an SA pair after it is up: it is rekeyed at the soft limit of
 * time, bytes or packets and ends at the hard one; its IKE SA is rekeyed; its
 * peer moves. A rekeyed pair takes over within tacit-netd, while the flow stays
 * as secured as it was.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/random.h>

#include "agent/negotiation-internal.h"

/* Without extended sequence numbers an SA ends with the 32-bit ones (RFC 4303
 * 3.3.3); some margin below. */
#define PACKETS_WITHOUT_ESN 0xf0000000u

/* After the clock was set back all flows get fresh SAs, not all at once. */
#define CLOCK_SPREAD_MS 5000u

static uint32_t negotiation_random(void)
{
	uint32_t r = 0;

	/* Without randomness all are alike, no more. */
	if (getrandom(&r, sizeof(r), 0) != sizeof(r))
		r = 0;
	return r;
}

/* SAs that were made together are not rekeyed together. Who made it comes
 * first, so that mostly one side rekeys and not both. */
void negotiation_set_limits(const struct policy *p,
			    const struct ike_child_up *up,
			    struct record_install *ret)
{
	uint32_t percent = 100u - (up->initiator ? p->rekey_margin
						 : p->rekey_margin * 2u / 5u);

	percent -= negotiation_random() % (p->rekey_fuzz + 1u);

	ret->hard_s = p->child_lifetime_s;
	ret->hard_kib = p->child_kib;
	ret->hard_packets = p->child_packets;
	if (!ret->hard_packets && !up->in.esn)
		ret->hard_packets = PACKETS_WITHOUT_ESN;
	ret->soft_s = (uint32_t)((uint64_t)ret->hard_s * percent / 100);
	ret->soft_kib = (uint32_t)((uint64_t)ret->hard_kib * percent / 100);
	ret->soft_packets =
		(uint32_t)((uint64_t)ret->hard_packets * percent / 100);
}

bool negotiation_rekeyed(struct agent *a, struct flow *f, struct handle sa,
			 const struct ike_child_up *up)
{
	struct ike_child_up first = *up;
	struct log_fields fields;

	if (!up->replaces)
		return false;
	/* Nothing to take over from: it is as good as a first one. */
	if (!f->child.spi_in || handle_is_none(f->child.ike) ||
	    (f->state != FLOW_SECURED && f->state != FLOW_INSTALL)) {
		first.replaces = 0;
		negotiation_on_child_up(a, sa, &first);
		esp_sa_wipe(&first.in);
		esp_sa_wipe(&first.out);
		return true;
	}
	esp_sa_wipe(&first.in);
	esp_sa_wipe(&first.out);
	negotiation_install(a, f, up, up->redundant);
	if (up->redundant)
		return true;
	negotiation_set_child(f, sa, up);
	if (log_level() >= LOG_DEBUG) {
		fields = negotiation_fields(f);
		log_full(LOG_DEBUG, &fields, "SA %08x rekeyed, now %08x",
			 up->replaces, up->in.spi);
	}
	return true;
}

void negotiation_on_used(struct agent *a, const struct record_flow *used)
{
	struct flow *f = flow_table_get(a->flows, &used->local, &used->remote);

	if (f && f->reqid == used->reqid)
		ike_child_used(a->ike, agent_now(a), f->child.ike, used->spi);
}

/* The peer does not rekey, or not now: a fresh IKE SA takes over. */
static void negotiation_renew(struct agent *a, struct flow *f)
{
	f->rekeying = false;
	if (f->state != FLOW_SECURED || f->renew)
		return;
	f->renew = true;
	negotiation_begin(a, f);
}

void negotiation_on_child_refused(struct agent *a, struct handle sa,
				  const struct ike_child_refused *refused)
{
	struct flow *f =
		flow_table_get(a->flows, &refused->local, &refused->remote);

	if (f && handle_equal(f->child.ike, sa) &&
	    f->child.spi_in == refused->spi_in)
		negotiation_renew(a, f);
}

void negotiation_on_rekeyed(struct agent *a, const struct ike_rekeyed *r)
{
	struct flow *f = flow_table_get(a->flows, &r->local, &r->remote);

	if (f && handle_equal(f->child.ike, r->old))
		f->child.ike = r->new;
}

static void negotiation_soft_limit(struct agent *a, struct flow *f)
{
	if (f->rekeying || f->renew)
		return;
	if (handle_is_none(f->child.ike)) {
		negotiation_renew(a, f);
		return;
	}
	f->rekeying = true;
	if (ike_rekey_child(a->ike, agent_now(a), f->child.ike,
			    f->child.spi_in) < 0)
		negotiation_renew(a, f);
}

void negotiation_on_expire(struct agent *a, const struct record_expire *x)
{
	struct flow *f = flow_table_get(a->flows, &x->local, &x->remote);

	if (!f || f->reqid != x->reqid ||
	    (x->spi != f->child.spi_in && x->spi != f->child.spi_out))
		return;
	if (!x->hard)
		negotiation_soft_limit(a, f);
	else if (handle_is_none(f->child.ike))
		negotiation_lost(a, f, IKE_REASON_CLOSED);
	else if (ike_delete_child(a->ike, agent_now(a), f->child.ike,
				  f->child.spi_in) < 0)
		ike_close(a->ike, agent_now(a), f->child.ike);
}

void negotiation_on_clock_back(struct agent *a)
{
	struct flow *f;
	uint32_t cursor = 0;

	while ((f = flow_table_each(a->flows, &cursor)))
		if (f->state == FLOW_SECURED && !f->suspect && !f->renew)
			timer_arm(a->timers, &f->timer,
				  agent_now(a) + negotiation_random() %
							 CLOCK_SPREAD_MS);
}

void negotiation_on_idle(struct agent *a, const struct record_flow *idle)
{
	struct flow *f = flow_table_get(a->flows, &idle->local, &idle->remote);
	struct handle sa;

	if (!f || f->reqid != idle->reqid || f->state != FLOW_SECURED ||
	    !f->policy || !f->policy->idle_ms ||
	    idle->idle_ms < f->policy->idle_ms)
		return;
	sa = f->child.ike;
	negotiation_lost(a, f, IKE_REASON_IDLE);
	ike_close(a->ike, agent_now(a), sa);
}

void negotiation_on_mapped(struct agent *a, const struct record_flow *mapped)
{
	const struct flow *f =
		flow_table_get(a->flows, &mapped->local, &mapped->remote);

	if (f && f->reqid == mapped->reqid)
		ike_esp_from(a->ike, agent_now(a), f->child.ike,
			     (uint16_t)mapped->udp_remote);
}

static struct flow *negotiation_flow_of(struct agent *a, struct handle sa)
{
	struct flow *f;
	uint32_t cursor = 0;

	while ((f = flow_table_each(a->flows, &cursor)))
		if (handle_equal(f->child.ike, sa))
			return f;
	return NULL;
}

void negotiation_on_moved(struct agent *a, struct handle sa,
			  const struct ike_moved *moved)
{
	struct addr local = moved->local.addr, remote = moved->remote.addr;
	struct ike_sa_info info;
	struct record r;
	struct flow *f;

	(void)ike_sa_hosts(a->ike, sa, &local, &remote);
	f = flow_table_get(a->flows, &local, &remote);
	if (f && handle_equal(f->child.ike, sa) &&
	    addr_equal(f->outer.family ? &f->outer : &f->peer->addr,
		       &moved->remote.addr)) {
		record_init(&r, RECORD_MOVE, 0);
		r.flow.local = f->local;
		r.flow.remote = f->peer->addr;
		r.flow.reqid = f->reqid;
		r.flow.udp_remote = moved->remote.port;
		link_request(a->link, f->self, &r);
		return;
	}
	/* To policy another address is another host, and in transport mode its
	 * connections are lost anyway: it has to begin anew. */
	f = negotiation_flow_of(a, sa);
	if (!f)
		return;
	if (f->outer.family && !f->behind && ike_sa_describe(a->ike, sa, &info))
		leases_on_moved(a, &f->peer->addr, &moved->remote, &info.peer);
	ike_close(a->ike, agent_now(a), sa);
}
