/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An SA pair and its flow. Nothing may be lost while two hosts switch to ESP,
 * and they do not switch at the same instant:
 *  - netd holds the responder's packets back until the initiator has shown that
 *    it has its SAs, by using them, or for SWITCH_MS: it installs them only a
 *    moment after our IKE_AUTH response reached it;
 *  - both accept clear packets for HARDEN_MS more, since some are on the way;
 *    then the in-policy becomes required, and the flow is SECURED.
 * A require network never accepts clear packets: it is hardened from the start.
 */
#include <errno.h>
#include <string.h>

#include "agent/negotiation-internal.h"
#include "agent/proof.h"

#define SWITCH_MS 300u
/* Where both began, and the engine looks whether the peer has it. */
#define EARLY_MS  2000u
#define HARDEN_MS 250u
/* A renewal that failed is tried again after this. */
#define RENEW_RETRY_MS 30000u

static struct record negotiation_flow_record(enum record_type type,
					     const struct flow *f)
{
	struct record r;

	record_init(&r, type, 0);
	r.flow.local = f->local;
	r.flow.remote = f->peer->addr;
	r.flow.reqid = f->reqid;
	return r;
}

static void negotiation_send(struct agent *a, enum record_type type,
			     const struct flow *f)
{
	struct record r = negotiation_flow_record(type, f);

	link_request(a->link, f->self, &r);
}

static void negotiation_remove_sa(struct agent *a, const struct flow *f,
				  uint32_t spi, bool inbound)
{
	struct record r = negotiation_flow_record(RECORD_REMOVE_SA, f);

	r.flow.spi = spi;
	r.flow.inbound = inbound;
	if (spi)
		link_request(a->link, f->self, &r);
}

/* Clear packets of it are refused from the start. */
static bool negotiation_is_closed(const struct flow *f)
{
	return f->policy->level == POLICY_REQUIRE ||
	       (f->outer.family && !f->behind);
}

void negotiation_install(struct agent *a, struct flow *f,
			 const struct ike_child_up *up, bool beside)
{
	struct record r;

	record_init(&r, RECORD_INSTALL, 0);
	r.install.local = f->local;
	r.install.remote = f->peer->addr;
	r.install.reqid = f->reqid;
	policy_table_scope(a->config->policies, flow_host(f), &r.install.scope);
	if (r.install.scope.n)
		r.install.scope.sides = up->sides;
	r.install.acquire_seq = f->acquire_seq;
	negotiation_set_limits(f->policy, up, &r.install);
	r.install.replaces = up->replaces;
	r.install.tunnel = up->mode == IKE_MODE_TUNNEL;
	r.install.outer = f->outer;
	r.install.lease = f->lease;
	if (up->encapsulation.udp) {
		r.install.udp_local = up->encapsulation.local_port;
		r.install.udp_remote = up->encapsulation.remote_port;
	}
	r.install.in = up->in;
	if (!beside)
		r.install.out = up->out;
	if (!negotiation_is_closed(f))
		r.install.flags |= RECORD_IN_OPTIONAL;
	if (beside)
		r.install.flags |= RECORD_IN_ONLY;
	else if (!up->initiator)
		r.install.flags |= RECORD_OUT_LATER;
	if (f->installing < UINT8_MAX)
		f->installing++;
	link_request(a->link, f->self, &r);
	esp_sa_wipe(&r.install.in);
	esp_sa_wipe(&r.install.out);
}

/* The flow that an SA pair is for, if policy has a place for it. */
static struct flow *negotiation_child_flow(struct agent *a,
					   const struct ike_child_up *up,
					   const struct policy **ret_policy)
{
	/* A gateway proves itself, and not the host behind it. */
	const struct policy *p =
		up->gateway
			? policy_table_lookup(a->config->policies, &up->remote)
			: proof_policy(a->config->policies, &up->outer,
				       &up->peer);
	struct flow *f;

	if (!negotiation_wanted_by(p) || !link_is_up(a->link) ||
	    !proof_suffices(p, &up->peer) || !p->n_ports != !up->sides)
		return NULL;
	if (up->gateway && !negotiation_may_gateway(a, p, &up->outer))
		return NULL;
	if (flow_table_obtain(a->flows, &up->local, &up->remote, agent_now(a),
			      &f) < 0)
		return NULL;
	*ret_policy = p;
	return f;
}

/* The SA pair finds no place; an attempt of ours that led to it is over. */
static void negotiation_unwanted(struct agent *a, struct handle sa,
				 const struct ike_child_up *up)
{
	struct flow *f = flow_table_get(a->flows, &up->local, &up->remote);

	if (!f || !handle_equal(f->attempt, sa))
		return;
	negotiation_attempt_over(a, f, sa);
	if (f->state == FLOW_NEGOTIATE && f->policy &&
	    !proof_suffices(f->policy, &up->peer))
		negotiation_fail(a, f, IKE_REASON_AUTH, 0);
	else if (f->state == FLOW_NEGOTIATE)
		negotiation_idle(a, f);
	else if (f->renew)
		negotiation_renew_later(a, f);
}

void negotiation_set_child(struct flow *f, struct handle sa,
			   const struct ike_child_up *up)
{
	f->rekeying = false;
	f->suspect = false;
	f->child = (struct flow_child){
		.ike = sa,
		.spi_in = up->in.spi,
		.spi_out = up->out.spi,
		.cipher = up->out.cipher,
		.auth = (uint8_t)up->peer.method,
		.sides = up->sides,
		.initiator = up->initiator,
	};
}

/* What an earlier agent's SAs had is theirs no more. */
static void negotiation_unlease(struct agent *a, struct flow *f)
{
	if (f->leased)
		leases_release(a, &f->peer->addr);
	f->leased = false;
}

/* An SA pair with other ends than the one before: that one goes first. False:
 * it is itself the one to go. */
static bool negotiation_set_ends(struct agent *a, struct flow *f,
				 const struct ike_child_up *up)
{
	struct handle before = f->child.ike;
	struct addr outer = { 0 };

	if (!addr_equal(&up->outer, &up->remote))
		outer = up->outer;
	if (f->child.spi_in && (!addr_equal(&f->outer, &outer) ||
				!addr_equal(&f->lease, &up->lease))) {
		if (up->redundant)
			return false;
		negotiation_lost(a, f, IKE_REASON_REPLACED);
		ike_close(a->ike, agent_now(a), before);
	}
	negotiation_unlease(a, f);
	f->behind = up->gateway;
	if (f->behind)
		gateways_work(&a->gateways, &outer);
	flow_set_outer(a->flows, f, &outer);
	f->lease = up->lease;
	f->bare = f->bare || !up->lease.family;
	return true;
}

void negotiation_on_child_up(struct agent *a, struct handle sa,
			     const struct ike_child_up *up)
{
	const struct policy *p;
	struct flow *f = negotiation_child_flow(a, up, &p);

	if (!f) {
		negotiation_unwanted(a, sa, up);
		ike_close(a->ike, agent_now(a), sa);
		return;
	}
	negotiation_attempt_over(a, f, sa);
	demand_on_proof(a, f, sa, &up->peer);
	if (!negotiation_set_ends(a, f, up))
		return;
	if (!up->redundant || !f->child.spi_in)
		f->policy = p;
	if (negotiation_rekeyed(a, f, sa, up))
		return;
	if (up->redundant && f->child.spi_in) {
		negotiation_install(a, f, up, true);
		return;
	}
	if (f->early_in == up->in.spi && f->child.spi_in == up->in.spi) {
		/* The engine is sure of it now: the peer has answered on it,
		 * and had its SAs in before that. */
		f->early_in = 0;
		negotiation_set_child(f, sa, up);
		if (f->state == FLOW_INSTALL && f->step == FLOW_STEP_SWITCH) {
			timer_cancel(a->timers, &f->timer);
			negotiation_step(a, f);
		}
		return;
	}
	/* With nothing better it is the flow's own for now: what the peer sends
	 * on it wants an answer. */
	f->early_in = up->redundant ? up->in.spi : 0;
	timer_cancel(a->timers, &f->timer);
	if (f->state == FLOW_CLEAR || f->state == FLOW_BLOCKED)
		negotiation_send_verdict(a, &f->local, &f->peer->addr, f->self,
					 RECORD_FORGET, 0);
	if (f->state == FLOW_NEGOTIATE || f->state == FLOW_IDLE ||
	    f->state == FLOW_LOOKUP || f->state == FLOW_QUEUED)
		f->setup_us =
			f->acquired_us ? agent_now_us(a) - f->acquired_us : 0;
	f->renew = false;
	f->unconfirmed = false; /* netd will know it as this agent's */
	negotiation_set_child(f, sa, up);
	negotiation_install(a, f, up, false);
	flow_set_state(a->flows, f, FLOW_INSTALL, agent_now(a));
	f->acquire_seq = 0;
	negotiation_run_queue(a);
}

void negotiation_unname(struct agent *a, struct flow *f)
{
	if (f->policy && f->policy->named)
		f->policy =
			policy_table_lookup(a->config->policies, flow_host(f));
}

/* The flow has lost its SAs, or they are no good any more. */
void negotiation_lost(struct agent *a, struct flow *f, enum ike_reason reason)
{
	struct log_fields fields;

	negotiation_send(a, RECORD_REMOVE, f);
	memset(&f->child, 0, sizeof(f->child));
	began_done(&f->began);
	negotiation_unlease(a, f);
	negotiation_unname(a, f);
	flow_set_outer(a->flows, f, &(struct addr){ 0 });
	f->behind = false;
	f->reason = reason;
	if (f->state != FLOW_INSTALL && f->state != FLOW_SECURED)
		return;
	f->renew = false;
	timer_cancel(a->timers, &f->timer);
	negotiation_idle(a, f);
	fields = negotiation_fields(f);
	log_limited(&a->log_negotiation, agent_now(a), LOG_INFO, &fields,
		    "no longer encrypted: %s", ike_reason_name(reason));
}

void negotiation_on_child_down(struct agent *a,
			       const struct ike_child_down *down)
{
	struct flow *f = flow_table_get(a->flows, &down->local, &down->remote);

	if (!f)
		return;
	if (f->early_in == down->spi_in)
		f->early_in = 0;
	if (f->child.spi_in == down->spi_in) {
		negotiation_lost(a, f, down->reason);
		return;
	}
	negotiation_remove_sa(a, f, down->spi_out, false);
	negotiation_remove_sa(a, f, down->spi_in, true);
}

void negotiation_renew_later(struct agent *a, struct flow *f)
{
	f->renew = false;
	timer_arm(a->timers, &f->timer, agent_now(a) + RENEW_RETRY_MS);
}

void negotiation_renewal_failed(struct agent *a, struct flow *f,
				enum ike_reason reason, uint16_t notify)
{
	if (!handle_is_none(f->child.ike)) {
		negotiation_renew_later(a, f);
		return;
	}
	f->renew = false;
	/* An orphan's peer does not answer: the SA leads nowhere. */
	negotiation_send(a, RECORD_REMOVE, f);
	memset(&f->child, 0, sizeof(f->child));
	negotiation_fail(a, f, reason, notify);
}

/* For the log: who the peer is. */
static const char *negotiation_who(struct agent *a, const struct flow *f,
				   char buf[IKE_IDENTITY_STRLEN])
{
	struct ike_sa_info info;

	if (!f->child.auth)
		return "of an earlier agent";
	if (!proof_is_one(f->child.auth) ||
	    !ike_sa_describe(a->ike, f->child.ike, &info))
		return "anonymous";
	return ike_identity_format(&info.peer.id, buf);
}

static void negotiation_secured(struct agent *a, struct flow *f)
{
	char who[IKE_IDENTITY_STRLEN];
	struct log_fields fields;

	f->failures = 0;
	f->held = false;
	f->reason = IKE_REASON_NONE;
	f->notify = 0;
	f->why = NULL;
	a->counters.established++;
	flow_set_state(a->flows, f, FLOW_SECURED, agent_now(a));
	fields = negotiation_fields(f);
	if (!log_limited_wanted(&a->log_negotiation, agent_now(a), LOG_INFO,
				&fields))
		return;
	log_limited(&a->log_negotiation, agent_now(a), LOG_INFO, &fields,
		    "encrypted, %s, peer %s",
		    f->child.cipher ? esp_cipher_name(f->child.cipher) : "ESP",
		    negotiation_who(a, f, who));
}

/* Sending has begun; what is left is to refuse clear packets. */
static void negotiation_sending(struct agent *a, struct flow *f)
{
	if (negotiation_is_closed(f)) {
		negotiation_secured(a, f);
		return;
	}
	f->step = FLOW_STEP_HARDEN;
	timer_arm(a->timers, &f->timer, agent_now(a) + HARDEN_MS);
}

void negotiation_step(struct agent *a, struct flow *f)
{
	switch (f->step) {
	case FLOW_STEP_SWITCH:
		negotiation_send(a, RECORD_SWITCH, f);
		break;
	case FLOW_STEP_HARDEN:
		negotiation_send(a, RECORD_HARDEN, f);
		break;
	case FLOW_STEP_NONE:
		break;
	}
}

static void negotiation_install_refused(struct agent *a, struct flow *f,
					const struct record_reply *reply)
{
	struct handle sa = f->child.ike;
	struct log_fields fields = negotiation_fields(f);

	a->counters.netd_refused++;
	log_limited(&a->log_netd, agent_now(a), LOG_WARNING, &fields,
		    "tacit-netd refused %s: %s", record_type_name(reply->type),
		    strerror(-reply->error));
	/* It may be an address of ours. */
	if (f->lease.family)
		negotiation_no_lease(a, f);
	negotiation_send(a, RECORD_REMOVE, f);
	memset(&f->child, 0, sizeof(f->child));
	negotiation_unname(a, f);
	timer_cancel(a->timers, &f->timer);
	negotiation_fail(a, f, IKE_REASON_RESOURCES, 0);
	ike_close(a->ike, agent_now(a), sa);
}

bool negotiation_park(struct agent *a, struct handle sa,
		      const struct ike_send *send)
{
	struct addr local = send->local.addr, remote = send->remote.addr;
	struct flow *f;

	(void)ike_sa_hosts(a->ike, sa, &local, &remote);
	f = flow_table_get(a->flows, &local, &remote);
	if (!f || !f->installing)
		return false;
	parked_add(&f->parked, send);
	return true;
}

static void negotiation_send_parked(const struct ike_send *s, void *user)
{
	struct agent *a = user;

	wire_send(a->wire, &s->local, &s->remote, s->data, s->len);
}

void negotiation_on_reply(struct agent *a, struct handle flow,
			  const struct record_reply *reply)
{
	struct flow *f = flow_table_by_handle(a->flows, flow);

	if (!f)
		return;
	if (reply->type == RECORD_INSTALL && f->installing &&
	    --f->installing == 0)
		parked_flush(&f->parked, negotiation_send_parked, a);
	if (f->state == FLOW_SECURED && reply->type == RECORD_INSTALL &&
	    reply->error < 0)
		negotiation_install_refused(a, f, reply);
	if (f->state != FLOW_INSTALL)
		return;
	if (reply->type != RECORD_INSTALL && reply->type != RECORD_SWITCH &&
	    reply->type != RECORD_HARDEN)
		return;
	if (reply->error < 0) {
		negotiation_install_refused(a, f, reply);
		return;
	}
	/* The answer to a step of the SA pair before. */
	if ((reply->type == RECORD_HARDEN && f->step != FLOW_STEP_HARDEN) ||
	    (reply->type == RECORD_SWITCH && f->step != FLOW_STEP_SWITCH))
		return;
	if (reply->type == RECORD_HARDEN) {
		negotiation_secured(a, f);
	} else if (reply->type == RECORD_SWITCH) {
		negotiation_sending(a, f);
	} else if (f->step == FLOW_STEP_NONE) {
		if (f->child.initiator) {
			negotiation_sending(a, f);
		} else {
			f->step = FLOW_STEP_SWITCH;
			timer_arm(a->timers, &f->timer,
				  agent_now(a) +
					  (f->early_in ? EARLY_MS : SWITCH_MS));
		}
	}
}

void negotiation_on_address_gone(struct agent *a, const struct addr *local)
{
	struct flow *f;
	uint32_t cursor = 0;

	while ((f = flow_table_each(a->flows, &cursor))) {
		struct handle attempt = f->attempt, sa = f->child.ike;

		if (!addr_equal(&f->local, local))
			continue;
		negotiation_attempt_over(a, f, attempt);
		ike_abandon(a->ike, agent_now(a), attempt);
		if (f->child.spi_in)
			negotiation_lost(a, f, IKE_REASON_CLOSED);
		else if (f->state == FLOW_NEGOTIATE)
			negotiation_idle(a, f);
		ike_abandon(a->ike, agent_now(a), sa);
	}
}

void negotiation_on_welcome(struct agent *a)
{
	struct flow *f;
	uint32_t cursor = 0;

	while ((f = flow_table_each(a->flows, &cursor))) {
		f->unconfirmed = f->child.spi_in != 0;
		/* Replies that were due will not come. */
		f->installing = 0;
		parked_drop(&f->parked);
		/* netd starts without shunts. */
		if (f->state == FLOW_CLEAR || f->state == FLOW_BLOCKED)
			negotiation_idle(a, f);
	}
	a->reconciling = true;
}

/* netd has named all it has: what it did not name is gone. */
static void negotiation_reconciled(struct agent *a)
{
	struct flow *f;
	uint32_t cursor = 0;

	a->reconciling = false;
	while ((f = flow_table_each(a->flows, &cursor))) {
		struct handle sa = f->child.ike;

		if (!f->unconfirmed)
			continue;
		f->unconfirmed = false;
		negotiation_lost(a, f, IKE_REASON_CLOSED);
		ike_close(a->ike, agent_now(a), sa);
	}
	negotiation_run_queue(a);
}

/* An SA pair that outlived its agent: it goes on encrypting, and is replaced
 * by one of our own as soon as the line lets us. */
static void negotiation_adopt(struct agent *a, struct flow *f,
			      const struct record_orphan *o)
{
	if (f->child.spi_in)
		ike_abandon(a->ike, agent_now(a), f->child.ike);
	if (f->state == FLOW_HOLDDOWN || f->state == FLOW_LOOKUP)
		negotiation_idle(a, f);
	if (f->state != FLOW_IDLE && f->state != FLOW_SECURED)
		return; /* a new SA pair is on its way already */
	f->child = (struct flow_child){
		.spi_in = o->spi_in,
		.spi_out = o->spi_out,
	};
	timer_cancel(a->timers, &f->timer);
	if (f->state == FLOW_IDLE) {
		flow_set_state(a->flows, f, FLOW_INSTALL, agent_now(a));
		flow_set_state(a->flows, f, FLOW_SECURED, agent_now(a));
	}
	f->renew = true;
	negotiation_begin(a, f);
}

void negotiation_on_orphan(struct agent *a, const struct record_orphan *o)
{
	const struct policy *p;
	struct flow *f;
	bool behind;

	if (o->reqid == 0)
		goto end;
	behind = o->outer.family && !leases_cover(a, &o->remote);
	p = policy_table_lookup(a->config->policies, o->outer.family && !behind
							     ? &o->outer
							     : &o->remote);
	if (flow_table_obtain(a->flows, &o->local, &o->remote, agent_now(a),
			      &f) < 0)
		goto end;
	f->policy = p;
	if (f->child.spi_in == o->spi_in && f->child.spi_out == o->spi_out) {
		f->unconfirmed = false;
		/* HARDEN also says that the flow has its agent again. */
		if (f->state == FLOW_INSTALL) {
			timer_cancel(a->timers, &f->timer);
			f->step = FLOW_STEP_HARDEN;
		}
		if (f->state == FLOW_INSTALL || f->state == FLOW_SECURED)
			negotiation_send(a, RECORD_HARDEN, f);
		goto end;
	}
	f->unconfirmed = false;
	f->behind = behind;
	flow_set_outer(a->flows, f, &o->outer);
	f->lease = o->lease;
	f->bare = f->bare || !o->lease.family;
	if (o->outer.family && !behind && !f->leased)
		f->leased = leases_adopt(a, &o->remote);
	if (flow_table_set_reqid(a->flows, f, o->reqid) == 0)
		negotiation_adopt(a, f, o);
end:
	if (o->last)
		negotiation_reconciled(a);
}
