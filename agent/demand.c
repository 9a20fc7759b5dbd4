/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each demand goes through: shut (netd has the socket closed), waiting for its
 * flow, opening (netd gives it the flow's SAs), answered. Whatever happens, it
 * is looked at as a whole again: nothing here depends on the order of events.
 */
#include "agent/demand.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/negotiation-internal.h"
#include "agent/negotiation.h"
#include "agent/proof.h"
#include "agent/status.h"
#include "dbus/names.h"
#include "dbus/sockets-dbus.h"
#include "util/limits.h"
#include "util/route.h"

enum demand_step {
	DEMAND_SHUT,	/* netd has been asked to shut it */
	DEMAND_WAIT,	/* for the flow */
	DEMAND_OPENING, /* netd has been asked to open it to the flow */
};

struct demand {
	struct handle self, call, flow;
	struct agent *agent;
	enum demand_step step;
	int fd; /* the call's: as long as that waits */
	struct socket_info socket;
	struct addr local, remote;
	struct ike_identity identity; /* type 0: anybody */
	bool renewed; /* a fresh IKE SA was asked for, for the identity */
	struct timer timer;
};

int demand_start(struct demands *d)
{
	d->all = slots_new(LIMIT_BUS_PENDING);
	return d->all ? 0 : -ENOMEM;
}

static void demand_free(struct demand *d)
{
	timer_cancel(d->agent->timers, &d->timer);
	slots_remove(d->agent->demands.all, d->self);
	free(d);
}

void demand_stop(struct agent *a)
{
	uint32_t cursor = 0;
	struct demand *d;

	if (!a->demands.all)
		return;
	while ((d = slots_next(a->demands.all, &cursor)))
		demand_free(d);
	a->demands.all = slots_free(a->demands.all);
}

void demand_note(struct agent *a)
{
	a->demands.due = true;
}

/* --- answers ---------------------------------------------------------------- */

__attribute__((format(printf, 4, 5))) static void refuse(struct agent *a,
							 struct handle call,
							 const char *name,
							 const char *format,
							 ...)
{
	char text[256];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	dbus_pending_fail(dbus_server_pending(a->bus), call, name, text);
}

static void fail(struct demand *d, const char *name, const char *why)
{
	char text[ADDR_STRLEN];

	refuse(d->agent, d->call, name,
	       "%s: %s. The socket stays shut: close it.",
	       addr_format(&d->remote, text), why);
	demand_free(d);
}

/* What netd says of a socket that looked well to us. */
static void fail_netd(struct demand *d, int error)
{
	switch (error) {
	case -EDQUOT:
	case -ENOSPC:
		fail(d, SD_BUS_ERROR_LIMITS_EXCEEDED,
		     "this user has too many sockets that are never in the "
		     "clear");
		break;
	case -EPERM:
		fail(d, DBUS_ERROR_POLICY_FORBIDS,
		     "policy has no encryption for it");
		break;
	default:
		fail(d, DBUS_ERROR_UNAVAILABLE, strerror(-error));
	}
}

static void on_timer(struct timer *t, uint64_t now, void *user)
{
	struct demand *d = container_of(t, struct demand, timer);
	struct flow *f = flow_table_by_handle(d->agent->flows, d->flow);
	bool reason = f && f->reason != IKE_REASON_NONE;

	(void)now;
	(void)user;
	fail(d, DBUS_ERROR_TIMED_OUT,
	     reason ? ike_reason_name(f->reason)
		    : "it does not answer in time");
}

/* --- questions ---------------------------------------------------------------- */

void demand_socket(void *user, const struct socket_info *s,
		   struct dbus_peer *ret)
{
	struct agent *a = user;
	const struct policy *p = policy_table_packet(
		a->config->policies, &s->remote.addr, s->protocol,
		s->local.port, s->remote.port, NULL);
	const struct flow *f =
		flow_table_get(a->flows, &s->local.addr, &s->remote.addr);
	bool decided = f || (p && p->n_ports && !policy_encrypts(p));

	bool began = f && f->child.spi_in && began_has(&f->began, s);

	/* Else it is not of the traffic that the flow is for. */
	if (f && f->policy == p && !began &&
	    flow_covers(f, s->protocol, s->local.port, s->remote.port)) {
		status_of_flow(a, f, ret);
		return;
	}
	*ret = (struct dbus_peer){
		.local = s->local.addr,
		.remote = s->remote.addr,
		.state = !decided			 ? "none"
			 : p && p->level == POLICY_BLOCK ? "blocked"
							 : "clear",
		.policy = p ? p->name : "",
		.level = p ? policy_level_name(p->level) : "",
		.identity = "",
		.auth = "none",
		.proof = "",
		.fingerprint = "",
		.algorithms = "",
		.cipher = "",
		.reason = began ? "began in the clear, before the peer leased "
				  "us an address"
				: "",
	};
}

/* --- the flow --------------------------------------------------------------- */

static void send_socket(struct demand *d, uint32_t reqid)
{
	struct record r;

	record_init(&r, RECORD_SOCKET, 0);
	r.socket.local = d->local;
	r.socket.remote = d->remote;
	r.socket.reqid = reqid;
	r.socket.identified = !ike_identity_is_none(&d->identity);
	link_request_fd(d->agent->link, d->self, &r, d->fd);
}

/* Is the flow's peer the one that is demanded? proven: it is somebody. */
static bool is_it(const struct demand *d, const struct flow *f,
		  bool *ret_proven)
{
	struct ike_sa_info info;

	*ret_proven = proof_is_one(f->child.auth) &&
		      ike_sa_describe(d->agent->ike, f->child.ike, &info);
	if (ike_identity_is_none(&d->identity))
		return true;
	return *ret_proven && ike_identity_equal(&info.peer.id, &d->identity);
}

static void look_secured(struct demand *d, struct flow *f)
{
	struct agent *a = d->agent;
	bool proven;

	if (is_it(d, f, &proven)) {
		d->step = DEMAND_OPENING;
		send_socket(d, f->reqid);
		return;
	}
	if (proven) {
		fail(d, DBUS_ERROR_WRONG_PEER,
		     "the peer has proven to be somebody else");
		return;
	}
	/* An attempt from before may not have asked for the proof. */
	if (f->renew || !handle_is_none(f->attempt))
		return;
	if (d->renewed) {
		fail(d, DBUS_ERROR_WRONG_PEER,
		     "the peer has not proven who it is");
		return;
	}
	d->renewed = true;
	f->renew = true;
	negotiation_begin(a, f);
}

static void look_failed(struct demand *d, struct flow *f)
{
	struct agent *a = d->agent;
	bool named = !ike_identity_is_none(&d->identity);

	if (named && f->reason == IKE_REASON_AUTH)
		fail(d, DBUS_ERROR_WRONG_PEER, ike_reason_name(f->reason));
	else
		fail(d, DBUS_ERROR_NOT_ENCRYPTED, ike_reason_name(f->reason));
	/* What failed for one program's demand is tried for the others. */
	if (named)
		negotiation_retry(a, f);
}

static void look(struct demand *d)
{
	struct flow *f = flow_table_by_handle(d->agent->flows, d->flow);

	if (!dbus_pending_waits(dbus_server_pending(d->agent->bus), d->call)) {
		demand_free(d); /* the caller has left */
		return;
	}
	if (d->step != DEMAND_WAIT)
		return;
	if (!f) {
		fail(d, DBUS_ERROR_NOT_ENCRYPTED, "nothing is known of it");
		return;
	}
	switch (f->state) {
	case FLOW_SECURED:
		look_secured(d, f);
		break;
	case FLOW_CLEAR:
	case FLOW_BLOCKED:
	case FLOW_HOLDDOWN:
		look_failed(d, f);
		break;
	case FLOW_IDLE:
		/* Between two attempts, if there is nothing to blame. */
		if (f->reason != IKE_REASON_NONE)
			look_failed(d, f);
		break;
	case FLOW_LOOKUP:
	case FLOW_QUEUED:
	case FLOW_NEGOTIATE:
	case FLOW_INSTALL:
	case FLOW_STATES:
		break;
	}
}

void demand_run(struct agent *a)
{
	uint32_t cursor = 0;
	struct demand *d;

	if (!a->demands.due)
		return;
	a->demands.due = false;
	while ((d = slots_next(a->demands.all, &cursor)))
		look(d);
}

/* Shut: now IKE may begin, and no packet of it can leave meanwhile. */
static void begin(struct demand *d)
{
	struct flow *f;
	int r = negotiation_connect(d->agent, &d->local, &d->remote, &f);

	if (r < 0) {
		fail(d, DBUS_ERROR_UNAVAILABLE, strerror(-r));
		return;
	}
	d->flow = f->self;
	d->step = DEMAND_WAIT;
	demand_note(d->agent);
}

static void answer(struct demand *d)
{
	struct dbus_peer peer;

	demand_socket(d->agent, &d->socket, &peer);
	dbus_sockets_reply(dbus_server_pending(d->agent->bus), d->call,
			   &d->socket, &peer);
	demand_free(d);
}

void demand_on_reply(struct agent *a, struct handle demand,
		     const struct record_reply *reply)
{
	struct demand *d = slots_get(a->demands.all, demand);

	if (!d)
		return;
	/* The flow has just gone: what follows on that will be seen. */
	if (d->step == DEMAND_OPENING && reply->error == -ENOENT) {
		d->step = DEMAND_WAIT;
		return;
	}
	if (reply->error < 0)
		fail_netd(d, reply->error);
	else if (d->step == DEMAND_SHUT)
		begin(d);
	else
		answer(d);
}

void demand_on_down(struct agent *a)
{
	uint32_t cursor = 0;
	struct demand *d;

	while ((d = slots_next(a->demands.all, &cursor)))
		fail(d, DBUS_ERROR_UNAVAILABLE, "tacit-netd has gone");
}

const struct ike_identity *demand_identity(const struct agent *a,
					   const struct addr *local,
					   const struct addr *remote)
{
	uint32_t cursor = 0;
	const struct demand *d;

	while ((d = slots_next(a->demands.all, &cursor)))
		if (!ike_identity_is_none(&d->identity) &&
		    addr_equal(&d->remote, remote) &&
		    addr_equal(&d->local, local))
			return &d->identity;
	return NULL;
}

void demand_on_proof(struct agent *a, const struct flow *f, struct handle sa,
		     const struct ike_proof *proof)
{
	struct ike_sa_info info;
	struct record r;

	if (!f->child.spi_in || handle_equal(f->child.ike, sa))
		return;
	/* Who is anonymous has no such sockets, unless another agent made them:
	 * then nobody knows any more for whom. */
	if (f->child.auth == IKE_AUTH_NULL ||
	    (proof_is_one(f->child.auth) && proof_is_one(proof->method) &&
	     ike_sa_describe(a->ike, f->child.ike, &info) &&
	     ike_identity_equal(&info.peer.id, &proof->id)))
		return;
	record_init(&r, RECORD_ABANDON, 0);
	r.flow.local = f->local;
	r.flow.remote = f->peer->addr;
	r.flow.reqid = f->reqid;
	link_request(a->link, f->self, &r);
}

/* --- the call ----------------------------------------------------------------- */

/* Our end: the socket's own where it has one, else as its packets will go. */
static int find_local(const struct socket_info *s, const struct addr *remote,
		      struct addr *ret)
{
	const struct route_from from = { .mark = s->mark,
					 .ifindex = s->ifindex,
					 .owner = s->owner };

	if (s->local.addr.family == remote->family &&
	    !addr_is_unspecified(&s->local.addr)) {
		*ret = s->local.addr;
		return 0;
	}
	return route_source(remote, &from, ret);
}

/* True, and who is to be at the other end, when policy lets it be. */
static bool is_possible(struct agent *a, const struct dbus_demand *q,
			struct handle call, struct ike_identity *ret)
{
	const struct policy *p = policy_table_packet(
		a->config->policies, flow_table_host(a->flows, &q->remote),
		q->socket.protocol, q->socket.local.port, q->socket.remote.port,
		NULL);
	char address[ADDR_STRLEN], who[IKE_IDENTITY_STRLEN];

	addr_format(&q->remote, address);
	if (!negotiation_wanted_by(p)) {
		refuse(a, call, DBUS_ERROR_POLICY_FORBIDS,
		       "%s: policy %s has no encryption for it.", address,
		       p ? p->name : "(none)");
		return false;
	}
	if (!*q->identity)
		return true;
	if (ike_identity_parse(q->identity, ret) < 0 ||
	    ike_identity_is_null(ret)) {
		refuse(a, call, DBUS_ERROR_INVALID_IDENTITY,
		       "The identity is none that a peer could prove.");
		return false;
	}
	if (policy_accepts_identity(p, ike_identity_format(ret, who)))
		return true;
	refuse(a, call, DBUS_ERROR_POLICY_FORBIDS,
	       "%s: policy %s does not accept %s.", address, p->name, who);
	return false;
}

static bool has_way(struct agent *a, const struct dbus_demand *q,
		    struct handle call, struct addr *ret_local)
{
	char address[ADDR_STRLEN];
	int r;

	if (!link_is_up(a->link)) {
		refuse(a, call, DBUS_ERROR_UNAVAILABLE,
		       "tacit-netd does not answer.");
		return false;
	}
	r = find_local(&q->socket, &q->remote, ret_local);
	if (r == 0 && !addr_equal(ret_local, &q->remote))
		return true;
	refuse(a, call, DBUS_ERROR_NO_ROUTE, "%s: %s.",
	       addr_format(&q->remote, address),
	       r < 0 ? strerror(-r) : "this is the host itself");
	return false;
}

/* To the peer it is of another address than the flow's ESP has. */
static bool has_begun(struct agent *a, const struct dbus_demand *q,
		      const struct addr *local, struct handle call)
{
	const struct flow *f = flow_table_get(a->flows, local, &q->remote);
	char address[ADDR_STRLEN];

	if (!f || !f->child.spi_in || !began_has(&f->began, &q->socket))
		return false;
	refuse(a, call, DBUS_ERROR_NOT_ENCRYPTED,
	       "%s: this connection began in the clear, before the peer leased "
	       "us an address, and cannot be encrypted any more: open another.",
	       addr_format(&q->remote, address));
	return true;
}

void demand_require(void *user, int fd, const struct dbus_demand *q,
		    struct handle call)
{
	struct agent *a = user;
	struct ike_identity identity = { 0 };
	struct demand *d;
	struct addr local;
	int r = -ENOMEM;

	if (!is_possible(a, q, call, &identity) ||
	    !has_way(a, q, call, &local) || has_begun(a, q, &local, call))
		return;
	d = calloc(1, sizeof(*d));
	if (d) {
		*d = (struct demand){ .agent = a,
				      .call = call,
				      .step = DEMAND_SHUT,
				      .fd = fd,
				      .socket = q->socket,
				      .local = local,
				      .remote = q->remote,
				      .identity = identity };
		d->socket.local.addr = local;
		d->socket.remote.addr = q->remote;
		timer_init(&d->timer, on_timer);
		r = slots_add(a->demands.all, d, &d->self);
	}
	if (r < 0) {
		refuse(a, call, SD_BUS_ERROR_LIMITS_EXCEEDED,
		       "Too many sockets wait: %s.", strerror(-r));
		free(d);
		return;
	}
	timer_arm(a->timers, &d->timer, agent_now(a) + q->timeout_ms);
	send_socket(d, 0);
}
