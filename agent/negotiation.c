/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From the acquire to the engine's answer: starting, waiting in line, failing
 * and trying again. What an SA pair does to a flow is in negotiation-child.c.
 */
#include "agent/negotiation.h"

#include <errno.h>
#include <inttypes.h>

#include "agent/identify.h"
#include "agent/negotiation-internal.h"
#include "util/limits.h"
#include "util/nameserver.h"

/* First time a failed peer is left alone; doubles up to the policy's RetryTime=
 * with each failure in a row. */
#define RETRY_FIRST_MS 5000u
/* Nothing is sent to a lease without SAs. */
#define LEASE_BLOCKED_MS (60 * 1000u)
/* A flow with nothing to say is forgotten after this. */
#define FORGET_MS (10 * 60 * 1000u)

struct log_fields negotiation_fields(const struct flow *f)
{
	return (struct log_fields){
		.peer = &f->peer->addr,
		.policy = f->policy ? f->policy->name : NULL,
		.state = flow_state_name(f->state),
	};
}

bool negotiation_wanted_by(const struct policy *p)
{
	return p && (p->level == POLICY_ALLOW || p->level == POLICY_OFFER ||
		     p->level == POLICY_REQUIRE);
}

void negotiation_send_verdict(struct agent *a, const struct addr *local,
			      const struct addr *remote, struct handle flow,
			      enum record_verdict_type verdict,
			      uint64_t lifetime_ms)
{
	struct record r;

	record_init(&r, RECORD_VERDICT, 0);
	r.verdict.local = *local;
	r.verdict.remote = *remote;
	r.verdict.verdict = verdict;
	if (verdict != RECORD_FORGET)
		r.verdict.lifetime_ms = (uint32_t)lifetime_ms;
	link_request(a->link, flow, &r);
}

void negotiation_idle(struct agent *a, struct flow *f)
{
	uint64_t now = agent_now(a);

	f->held = false;
	f->acquire_seq = 0;
	f->acquired_us = 0;
	flow_set_state(a->flows, f, FLOW_IDLE, now);
	timer_arm(a->timers, &f->timer, now + FORGET_MS);
}

static uint64_t negotiation_backoff(const struct flow *f)
{
	unsigned doublings = f->failures < 10 ? f->failures : 10;
	uint64_t wait = (uint64_t)RETRY_FIRST_MS << doublings;

	return wait < f->policy->retry_ms ? wait : f->policy->retry_ms;
}

/* Lets the flow's packets pass or not, as its level says, for that long. */
static void negotiation_decide(struct agent *a, struct flow *f,
			       uint64_t lifetime)
{
	uint64_t now = agent_now(a);

	if (f->policy->level == POLICY_REQUIRE ||
	    leases_know(a, &f->peer->addr)) {
		negotiation_send_verdict(a, &f->local, &f->peer->addr, f->self,
					 RECORD_BLOCK, lifetime);
		flow_set_state(a->flows, f, FLOW_BLOCKED, now);
	} else if (f->policy->wait) {
		negotiation_send_verdict(a, &f->local, &f->peer->addr, f->self,
					 RECORD_CLEAR, lifetime);
		flow_set_state(a->flows, f, FLOW_CLEAR, now);
	} else {
		flow_set_state(a->flows, f, FLOW_HOLDDOWN, now);
		f->asked = false;
	}
	f->held = false;
	timer_arm(a->timers, &f->timer, now + lifetime);
}

/* The verdict about a flow whose peer cannot, or must not, be talked to with
 * ESP now. */
void negotiation_fail(struct agent *a, struct flow *f, enum ike_reason reason,
		      uint16_t notify)
{
	uint64_t now = agent_now(a), lifetime;
	struct log_fields fields;

	a->counters.failed++;
	f->reason = reason;
	f->notify = notify;
	f->renew = false;
	if (!negotiation_begins(f->policy)) {
		negotiation_idle(a, f);
		return;
	}
	lifetime = negotiation_backoff(f);
	if (f->failures < UINT8_MAX)
		f->failures++;
	negotiation_decide(a, f, lifetime);
	fields = negotiation_fields(f);
	log_limited(&a->log_negotiation, now, LOG_INFO, &fields,
		    "not encrypted: %s%s; next attempt in %" PRIu64 " s at the "
		    "earliest",
		    ike_reason_name(reason),
		    f->state == FLOW_BLOCKED ? ", blocked as policy requires"
					     : ", in the clear",
		    lifetime / 1000);
}

/* Nothing is under way for it. */
static bool negotiation_at_rest(const struct flow *f)
{
	return f->state == FLOW_IDLE || f->state == FLOW_LOOKUP;
}

/* Puts it in line; refuses when even the line is full. */
static void negotiation_wait(struct agent *a, struct flow *f)
{
	/* The attempt to renew an SA that went meanwhile will do. */
	if (negotiation_at_rest(f) && !handle_is_none(f->attempt)) {
		timer_cancel(a->timers, &f->timer);
		flow_set_state(a->flows, f, FLOW_QUEUED, agent_now(a));
		flow_set_state(a->flows, f, FLOW_NEGOTIATE, agent_now(a));
		return;
	}
	if (admission_enqueue(a->admission, f->self) < 0) {
		a->counters.acquires_refused++;
		if (negotiation_at_rest(f) || f->state == FLOW_QUEUED)
			negotiation_fail(a, f, IKE_REASON_RESOURCES, 0);
		else if (f->renew)
			negotiation_renew_later(a, f);
		return;
	}
	if (negotiation_at_rest(f)) {
		timer_cancel(a->timers, &f->timer);
		flow_set_state(a->flows, f, FLOW_QUEUED, agent_now(a));
	}
}

enum ike_modes negotiation_modes(const struct policy *p)
{
	if (!p || p->mode == POLICY_MODE_ANY)
		return IKE_MODES_EITHER;
	return p->mode == POLICY_MODE_TUNNEL ? IKE_MODES_TUNNEL
					     : IKE_MODES_TRANSPORT;
}

void negotiation_algorithms(const struct agent *a, const struct policy *p,
			    struct algorithms *ret)
{
	*ret = p ? p->algorithms : a->config->algorithms;
	if (a->kernel & RECORD_HAS_CHACHA)
		return;
	algorithm_list_remove(&ret->propose, ALGORITHM_CHACHA20_POLY1305);
	algorithm_list_remove(&ret->answer, ALGORITHM_CHACHA20_POLY1305);
	algorithm_list_remove(&ret->accept, ALGORITHM_CHACHA20_POLY1305);
}

/* Admission said yes: hand it to the engine. */
static void negotiation_initiate(struct agent *a, struct flow *f)
{
	struct algorithms algorithms;
	struct ike_request req = {
		.local = { f->local, a->config->port },
		.remote = { *negotiation_toward(f), a->config->port },
		.modes = negotiation_modes(f->policy),
		.patient = f->policy->level == POLICY_REQUIRE,
		.algorithms = &algorithms,
	};
	uint64_t now = agent_now(a);
	int r;

	f->given_up = IKE_REASON_NONE;
	if (f->gateway.family)
		req.host = f->peer->addr;
	if (f->knock_port && !f->gateway.family) {
		/* Behind a translator, whose way to the peer this is. */
		req.local.port = a->config->natt_port;
		req.remote.port = f->knock_port;
		f->knock_port = 0;
	}
	negotiation_algorithms(a, f->policy, &algorithms);
	negotiation_wish(a, f, &req);
	r = ike_initiate(a->ike, now, &req, &f->attempt);

	timer_cancel(a->timers, &f->timer);
	if (r < 0) {
		admission_done(a->admission);
		f->attempt = (struct handle){ 0 };
		if (f->state == FLOW_QUEUED || f->state == FLOW_NEGOTIATE)
			negotiation_fail(a, f, IKE_REASON_RESOURCES, 0);
		else if (f->renew)
			negotiation_renew_later(a, f);
		return;
	}
	if (f->state == FLOW_QUEUED)
		flow_set_state(a->flows, f, FLOW_NEGOTIATE, now);
}

/* May it begin? Who has SAs already takes no place. */
static enum admission_result negotiation_leave(struct agent *a,
					       const struct flow *f)
{
	if (f->state == FLOW_QUEUED && negotiation_is_full(a)) {
		a->counters.peers_refused++;
		return ADMISSION_REFUSED;
	}
	return admission_initiate(a->admission, agent_now(a),
				  negotiation_toward(f));
}

/* The first in line leaves it, for whatever; false: it has to wait. */
static bool negotiation_admitted(struct agent *a, struct flow *f)
{
	bool open = negotiation_way_is_open(a, f);
	enum admission_result r = ADMISSION_REFUSED;

	if (open)
		r = negotiation_leave(a, f);
	if (r == ADMISSION_WAIT)
		return false;
	admission_dequeue(a->admission);
	if (r == ADMISSION_GO)
		negotiation_initiate(a, f);
	else if (f->state == FLOW_QUEUED)
		negotiation_fail(
			a, f,
			open ? IKE_REASON_RESOURCES : IKE_REASON_UNANSWERED, 0);
	else
		negotiation_renew_later(a, f);
	return true;
}

static bool negotiation_wanted(const struct flow *f)
{
	return f && handle_is_none(f->attempt) &&
	       (f->state == FLOW_QUEUED || f->renew);
}

void negotiation_run_queue(struct agent *a)
{
	struct handle h;

	/* netd may yet name SAs of flows that wait: see reconciled(). And who
	 * had proven himself before he was started again would be refused as
	 * long as he cannot: keyd has its time first. */
	if (a->reconciling || !a->said_ready)
		return;
	while (!handle_is_none(h = admission_peek(a->admission))) {
		struct flow *f = flow_table_by_handle(a->flows, h);

		if (negotiation_wanted(f)) {
			if (!negotiation_admitted(a, f))
				return;
			continue;
		}
		admission_dequeue(a->admission);
	}
}

static void negotiation_enter(struct agent *a, struct flow *f)
{
	/* Nobody is reached at a lease: who has it comes by itself. */
	if ((f->outer.family && !f->behind) || leases_know(a, &f->peer->addr)) {
		f->renew = false;
		if (negotiation_at_rest(f))
			negotiation_fail(a, f, IKE_REASON_UNREACHABLE, 0);
		return;
	}
	if (!negotiation_wanted_by(f->policy)) {
		if (negotiation_at_rest(f))
			negotiation_fail(a, f, IKE_REASON_AUTH, 0);
		return;
	}
	negotiation_wait(a, f);
	negotiation_run_queue(a);
}

void negotiation_begin(struct agent *a, struct flow *f)
{
	negotiation_first_way(f);
	negotiation_enter(a, f);
}

/* A key is known, and the way to who has it. */
static void negotiation_found(struct agent *a, struct flow *f,
			      const struct key_verdict *v)
{
	negotiation_first_way(f);
	negotiation_set_way(f, &v->way);
	negotiation_enter(a, f);
}

/* No key of this peer is known, so that nobody knocks at its door. */
static void negotiation_no_key(struct agent *a, struct flow *f,
			       const struct key_verdict *v)
{
	a->counters.undiscovered++;
	f->reason = v->found == -EBADMSG ? IKE_REASON_BOGUS : IKE_REASON_NO_KEY;
	f->notify = 0;
	negotiation_decide(a, f, v->lifetime_ms);
}

void negotiation_discover(struct agent *a, struct flow *f)
{
	struct key_verdict v;
	int r;

	if (f->policy->discover != POLICY_DISCOVER_DNS) {
		negotiation_begin(a, f);
		return;
	}
	r = identify_discover(a, f->policy, &f->peer->addr, f->self, &v);
	if (r == -EINPROGRESS) {
		timer_cancel(a->timers, &f->timer);
		flow_set_state(a->flows, f, FLOW_LOOKUP, agent_now(a));
	} else if (r < 0) {
		negotiation_no_key(a, f, &v);
	} else {
		negotiation_found(a, f, &v);
	}
}

void negotiation_on_discovered(struct agent *a, struct handle flow,
			       const struct key_verdict *v)
{
	struct flow *f = flow_table_by_handle(a->flows, flow);

	/* The peer may have begun meanwhile. */
	if (!f || f->state != FLOW_LOOKUP)
		return;
	if (v->found == 0)
		negotiation_found(a, f, v);
	else
		negotiation_no_key(a, f, v);
}

void negotiation_attempt_over(struct agent *a, struct flow *f, struct handle sa)
{
	if (handle_is_none(f->attempt) || !handle_equal(f->attempt, sa))
		return;
	f->attempt = (struct handle){ 0 };
	admission_done(a->admission);
}

/* The kernel asks again about a flow whose fate is known. */
static void negotiation_repeat_verdict(struct agent *a, struct flow *f,
				       const struct record_acquire *q)
{
	uint64_t now = agent_now(a), left;

	if (!q->held || (f->state != FLOW_CLEAR && f->state != FLOW_BLOCKED))
		return;
	left = f->timer.deadline > now ? f->timer.deadline - now : 1;
	negotiation_send_verdict(
		a, &f->local, &f->peer->addr, f->self,
		f->state == FLOW_CLEAR ? RECORD_CLEAR : RECORD_BLOCK, left);
}

/* No flow can be kept for it: what is held still needs its verdict. */
static void negotiation_refuse(struct agent *a, const struct record_acquire *q,
			       const struct policy *p)
{
	bool open = !p || p->level == POLICY_FORBID ||
		    p->level == POLICY_ALLOW || p->level == POLICY_OFFER;

	a->counters.acquires_refused++;
	if (q->held)
		negotiation_send_verdict(
			a, &q->local, &q->remote, (struct handle){ 0 },
			open ? RECORD_CLEAR : RECORD_BLOCK, RETRY_FIRST_MS);
}

/* Who has it is behind a NAT, and comes by itself. With SAs nothing is to be
 * asked for: netd puts right what somebody has flushed. */
static void negotiation_refuse_lease(struct agent *a,
				     const struct record_acquire *q)
{
	const struct flow *f = flow_table_get(a->flows, &q->local, &q->remote);

	if (f && f->child.spi_in)
		return;
	a->counters.acquires_refused++;
	negotiation_send_verdict(a, &q->local, &q->remote, (struct handle){ 0 },
				 RECORD_BLOCK, LEASE_BLOCKED_MS);
}

/* With full recursion the resolver's packets meet the trap before tacit-netd
 * lets them pass: every name server would be knocked at, for which others
 * would have to be asked. Those of programs, where they wait, are not meant. */
static bool negotiation_is_lookup(const struct agent *a,
				  const struct record_acquire *q)
{
	const struct config_dns *c = &a->config->dns;

	return c->lookup && !c->system_servers && !c->servers && !q->held &&
	       q->remote_port == NAMESERVER_PORT &&
	       (q->protocol == IPPROTO_UDP || q->protocol == IPPROTO_TCP);
}

/* Where ports for outgoing connections begin, unless somebody has changed it. */
#define EPHEMERAL_PORT 32768u

/* Is it from a service of ours? Then it answers a packet that came in, which
 * anybody may have forged. */
static bool negotiation_is_answer(const struct record_acquire *q)
{
	return q->local_port && q->local_port < EPHEMERAL_PORT;
}

/* A trap that fires beside a flow's own policy says that the policy is gone:
 * somebody flushed the kernel. Or the peer has SAs for the service at one side
 * only, and this is the other. */
static void negotiation_on_trap(struct agent *a, struct flow *f,
				const struct record_acquire *q)
{
	if (!q->seq || agent_now(a) - f->since <= NEGOTIATION_LOST_MS ||
	    f->renew ||
	    !flow_covers(f, (uint8_t)q->protocol, q->local_port,
			 q->remote_port))
		return;
	f->renew = true;
	negotiation_begin(a, f);
}

/* Is it such an answer, and nothing to begin for? */
static bool negotiation_is_provoked(struct agent *a,
				    const struct record_acquire *q,
				    uint64_t now)
{
	if (!negotiation_is_answer(q))
		return false;
	/* To a connection that began in the clear, before there was a lease. */
	if (flow_table_hides(a->flows, &q->remote))
		return true;
	return !flow_table_get(a->flows, &q->local, &q->remote) &&
	       !admission_provoked(a->admission, now, &q->remote);
}

void negotiation_on_acquire(struct agent *a, const struct record_acquire *q)
{
	const struct policy *p =
		policy_table_lookup(a->config->policies, &q->remote);
	uint64_t now = agent_now(a);
	struct flow *f;

	if (negotiation_is_lookup(a, q))
		return;
	if (leases_know(a, &q->remote)) {
		negotiation_refuse_lease(a, q);
		return;
	}
	if (negotiation_is_provoked(a, q, now) || a->stopping ||
	    !negotiation_begins(p) ||
	    flow_table_obtain(a->flows, &q->local, &q->remote, now, &f) < 0) {
		negotiation_refuse(a, q, p);
		return;
	}
	negotiation_set_policy(f, p);
	if (q->seq)
		f->acquire_seq = q->seq;
	f->held = f->held || q->held;
	switch (f->state) {
	case FLOW_IDLE:
		/* What anybody may have set off makes nobody give way. */
		if (!negotiation_is_answer(q))
			negotiation_seek_room(a, &q->remote);
		a->counters.acquires++;
		f->acquired_us = agent_now_us(a);
		negotiation_discover(a, f);
		break;
	case FLOW_SECURED:
		negotiation_on_trap(a, f, q);
		break;
	case FLOW_CLEAR:
	case FLOW_BLOCKED:
		negotiation_repeat_verdict(a, f, q);
		break;
	case FLOW_HOLDDOWN:
		/* The kernel asks once in a while only. */
		f->asked = true;
		break;
	case FLOW_LOOKUP:
	case FLOW_QUEUED:
	case FLOW_NEGOTIATE:
	case FLOW_INSTALL:
	case FLOW_STATES:
		break;
	}
}

/* Whose proof did not do, and why: also where there is no flow with it. */
static void negotiation_log_proof(struct agent *a,
				  const struct ike_failed *failed)
{
	struct log_fields fields = { .peer = &failed->remote.addr };

	log_limited(&a->log_negotiation, agent_now(a), LOG_INFO, &fields,
		    "authentication failed: %s", failed->why);
}

void negotiation_on_failed(struct agent *a, struct handle sa,
			   const struct ike_failed *failed)
{
	struct flow *f =
		flow_table_get(a->flows, &failed->local.addr, &failed->host);
	enum ike_reason reason = failed->reason;

	if (failed->why)
		negotiation_log_proof(a, failed);
	if (!f || handle_is_none(f->attempt) || !handle_equal(f->attempt, sa))
		return;
	if (negotiation_without_lease(a, f, failed) ||
	    negotiation_other_way(a, f, failed)) {
		/* In its place among those that are under way. */
		negotiation_initiate(a, f);
		return;
	}
	negotiation_attempt_over(a, f, sa);
	if (f->given_up)
		reason = f->given_up;
	else
		f->why = failed->why;
	if (f->state == FLOW_NEGOTIATE) {
		if (failed->reason == IKE_REASON_REPLACED)
			negotiation_idle(a, f); /* the other SA comes up */
		else
			negotiation_fail(a, f, reason, failed->notify);
	} else if (f->renew && failed->reason != IKE_REASON_REPLACED) {
		negotiation_renewal_failed(a, f, reason, failed->notify);
	}
	negotiation_run_queue(a);
}

void negotiation_on_timer(struct timer *t, uint64_t now, void *user)
{
	struct flow *f = container_of(t, struct flow, timer);
	struct agent *a = user;

	(void)now;
	switch (f->state) {
	case FLOW_IDLE:
		flow_table_remove(a->flows, f);
		break;
	case FLOW_CLEAR:
	case FLOW_BLOCKED:
		negotiation_send_verdict(a, &f->local, &f->peer->addr, f->self,
					 RECORD_FORGET, 0);
		negotiation_idle(a, f);
		break;
	case FLOW_HOLDDOWN:
		negotiation_idle(a, f);
		if (f->asked)
			negotiation_discover(a, f);
		break;
	case FLOW_INSTALL:
		negotiation_step(a, f);
		break;
	case FLOW_SECURED:
		if (negotiation_on_suspicion(a, f))
			break;
		f->renew = true;
		negotiation_begin(a, f);
		break;
	case FLOW_LOOKUP:
	case FLOW_QUEUED:
	case FLOW_NEGOTIATE:
	case FLOW_STATES:
		break;
	}
}

static bool negotiation_has_sas(const struct agent *a,
				const struct addr *remote)
{
	const struct flow *f = flow_table_get_remote(a->flows, remote);

	return f && f->child.spi_in;
}

enum ike_admission negotiation_admit(struct agent *a,
				     const struct endpoint *remote, bool shown)
{
	const struct policy *p =
		policy_table_lookup(a->config->policies, &remote->addr);

	if (a->stopping || a->reconciling || !link_is_up(a->link))
		return IKE_IGNORE;
	if (p && p->level == POLICY_BLOCK)
		return IKE_IGNORE;
	if (negotiation_is_full(a) && !negotiation_has_sas(a, &remote->addr)) {
		if (!shown)
			return IKE_PROVE;
		a->counters.peers_refused++;
		negotiation_seek_room(a, &remote->addr);
		return IKE_IGNORE;
	}
	if (!admission_answer(a->admission, agent_now(a), &remote->addr))
		return IKE_IGNORE;
	return negotiation_wanted_by(p) ? IKE_ADMIT : IKE_REFUSE;
}
