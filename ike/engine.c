/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The public functions: each finds its SA and hands on to the file that knows.
 */
#include "ike/engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ike/core.h"

void ike_config_init(struct ike_config *c)
{
	*c = (struct ike_config){
		.retransmit_ms = 500,
		.retransmit_max_ms = 4000,
		.retransmit_sends = 5,
		.retransmit_jitter = 10,
		.probe_ms = 400,
		.refusal_wait_ms = 200,
		.half_open_ms = 30000,
		.liveness_ms = 30000,
		.redundant_ms = 1000,
		.lifetime_ms = 4 * 60 * 60 * 1000,
		.margin_ms = 10 * 60 * 1000,
		.retry_ms = 2000,
		.keepalive_ms = 20000,
		.cookie_threshold = 256,
		.fragment_mtu = 1280,
		.port = 500,
		.natt_port = 4500,
	};
	algorithms_init(&c->algorithms);
}

const char *ike_reason_name(enum ike_reason r)
{
	static const char *const names[] = {
		[IKE_REASON_NONE] = "none",
		[IKE_REASON_REFUSED] = "refused",
		[IKE_REASON_UNANSWERED] = "unanswered",
		[IKE_REASON_UNREACHABLE] = "unreachable",
		[IKE_REASON_AUTH] = "auth",
		[IKE_REASON_MODE] = "mode",
		[IKE_REASON_PROTOCOL] = "protocol",
		[IKE_REASON_DELETED] = "deleted",
		[IKE_REASON_REPLACED] = "replaced",
		[IKE_REASON_DEAD] = "dead",
		[IKE_REASON_CLOSED] = "closed",
		[IKE_REASON_EXPIRED] = "expired",
		[IKE_REASON_NO_KEY] = "no-key",
		[IKE_REASON_BOGUS] = "bogus",
		[IKE_REASON_RESOURCES] = "resources",
		[IKE_REASON_IDLE] = "idle",
		[IKE_REASON_POLICY] = "policy",
	};

	return names[r];
}

struct ike_engine *ike_engine_new(const struct ike_config *config,
				  const struct ike_ops *ops, uint64_t now)
{
	struct ike_engine *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->config = *config;
	e->ops = *ops;
	hmap_init(&e->by_spi);
	hmap_init(&e->by_remote);
	hmap_init(&e->by_init);
	hmap_init(&e->by_gateway);
	hmap_init(&e->by_child);
	ike_queue_init(&e->queue);
	ike_ephemeral_init(&e->ephemeral);
	e->wheel = timer_wheel_new(now, e);
	e->sas = slots_new(LIMIT_IKE_SAS);
	if (!e->wheel || !e->sas || ike_strangers_init(&e->strangers) < 0 ||
	    ike_engine_random(e, &e->hash_key, sizeof(e->hash_key)) < 0)
		return ike_engine_free(e);
	return e;
}

struct ike_engine *ike_engine_free(struct ike_engine *e)
{
	struct ike_sa *sa;
	uint32_t cursor = 0;

	if (!e)
		return NULL;
	while (e->sas && (sa = slots_next(e->sas, &cursor)))
		ike_sa_free(e, sa);
	ike_ephemeral_done(e);
	ike_strangers_done(&e->strangers);
	ike_queue_done(&e->queue);
	hmap_done(&e->by_spi);
	hmap_done(&e->by_remote);
	hmap_done(&e->by_init);
	hmap_done(&e->by_gateway);
	hmap_done(&e->by_child);
	slots_free(e->sas);
	timer_wheel_free(e->wheel);
	secret_wipe(e, sizeof(*e));
	free(e);
	return NULL;
}

int ike_engine_random(struct ike_engine *e, void *buf, size_t len)
{
	return e->ops.random(e->ops.user, buf, len) == 0 ? 0 : -EIO;
}

void ike_engine_send(struct ike_engine *e, struct handle sa,
		     const struct endpoint *local,
		     const struct endpoint *remote, const void *data,
		     size_t len)
{
	struct ike_action_node *n = ike_action_node_new();
	uint8_t *copy = malloc(len);

	if (!n || !copy) {
		ike_action_node_free(n);
		free(copy);
		return;
	}
	memcpy(copy, data, len);
	n->action.type = IKE_SEND;
	n->action.sa = sa;
	n->action.send = (struct ike_send){ *local, *remote, copy, len };
	ike_queue_push(&e->queue, n);
	e->counters.sent++;
	ike_tap_datagram(e, true, local, remote, data, len);
}

int ike_engine_run(struct ike_engine *e, struct ike_job *job)
{
	struct ike_action_node *n = ike_action_node_new();

	if (!n) {
		ike_job_free(job);
		return -ENOMEM;
	}
	n->action.type = IKE_JOB;
	n->action.sa = job->sa;
	n->action.job = job;
	ike_queue_push(&e->queue, n);
	return 0;
}

void ike_engine_algorithms(const struct ike_engine *e,
			   const struct endpoint *local,
			   const struct endpoint *remote,
			   const struct ike_proof *peer, struct algorithms *ret)
{
	*ret = e->config.algorithms;
	if (e->ops.algorithms)
		e->ops.algorithms(e->ops.user, local, remote, peer, ret);
}

int ike_initiate(struct ike_engine *e, uint64_t now,
		 const struct ike_request *req, struct handle *ret_sa)
{
	struct ike_sa *sa;
	int rc;

	sa = ike_duplicate_attempt(e, &req->local.addr,
				   req->host.family ? &req->host
						    : &req->remote.addr);
	if (sa) {
		*ret_sa = sa->handle;
		return 0;
	}
	rc = ike_sa_new(e, true, &req->local, &req->remote, &sa);
	if (rc < 0)
		return rc;
	sa->gateway = req->host.family != 0;
	sa->inner_peer = req->host;
	sa->modes = (uint8_t)(sa->gateway ? IKE_MODES_TUNNEL : req->modes);
	/* By a gateway all that the host says goes. */
	if (e->ops.scope && !sa->gateway)
		e->ops.scope(e->ops.user, &req->remote.addr, &sa->scope);
	sa->patient = req->patient;
	sa->handshake->lease = req->lease;
	sa->handshake->leased = req->leased;
	sa->algorithms =
		req->algorithms ? *req->algorithms : e->config.algorithms;
	rc = ike_init_begin(e, now, sa);
	if (rc == 0)
		rc = ike_auth_ask(e, sa, NULL);
	if (rc < 0) {
		ike_sa_free(e, sa);
		return rc;
	}
	*ret_sa = sa->handle;
	return 0;
}

void ike_input(struct ike_engine *e, uint64_t now, const struct endpoint *local,
	       const struct endpoint *remote, const void *data, size_t len)
{
	struct ike_message m;
	struct ike_arrival a = { now, local, remote, &m };
	int outcome;

	e->counters.received++;
	ike_tap_datagram(e, false, local, remote, data, len);
	outcome = ike_message_parse(data, len, &m);
	if (outcome < 0) {
		e->counters.malformed++;
		ike_stranger_version(e, now, local, remote, data, len);
	} else {
		ike_dispatch(e, &a, &m, outcome);
	}
}

static void unreachable(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
			const struct endpoint *remote)
{
	if (sa->state == IKE_SA_INIT_SENT && !sa->handshake->answered &&
	    endpoint_equal(&sa->remote, remote))
		ike_init_refused(e, now, sa, IKE_REASON_UNREACHABLE, 0);
}

void ike_unreachable(struct ike_engine *e, uint64_t now,
		     const struct endpoint *remote)
{
	struct ike_sa *sa = ike_sa_first_remote(e, &remote->addr);

	for (; sa; sa = ike_sa_next_remote(sa))
		unreachable(e, now, sa, remote);
	sa = ike_sa_first_behind(e, &remote->addr);
	for (; sa; sa = ike_sa_next_behind(sa))
		unreachable(e, now, sa, remote);
}

static void close_sa(struct ike_engine *e, uint64_t now, struct ike_sa *sa)
{
	switch ((enum ike_sa_state)sa->state) {
	case IKE_SA_GENERATE:
	case IKE_SA_INIT_SENT:
	case IKE_SA_DERIVE:
	case IKE_SA_IDENTIFY:
	case IKE_SA_SIGN:
		ike_sa_end(e, sa, IKE_REASON_CLOSED, 0);
		break;
	case IKE_SA_RESPOND:
	case IKE_SA_INIT_DONE:
		ike_sa_free(e, sa);
		break;
	case IKE_SA_VERIFY:
		if (!sa->initiator) {
			ike_sa_end(e, sa, IKE_REASON_CLOSED, 0);
			break;
		}
		/* fall through */
	case IKE_SA_AUTH_SENT:
		/* The peer may have it already: deleted when it answers. */
		ike_sa_tell(e, sa, IKE_REASON_CLOSED, 0);
		break;
	case IKE_SA_ESTABLISHED:
	case IKE_SA_CHILDLESS:
		ike_info_close(e, now, sa, IKE_REASON_CLOSED, 0);
		break;
	case IKE_SA_DELETING:
	case IKE_SA_HEIR:
	case IKE_SA_REKEYED:
	case IKE_SA_LINGER:
	case IKE_SA_NONE:
	case IKE_SA_DEAD:
		break;
	}
}

void ike_close(struct ike_engine *e, uint64_t now, struct handle h)
{
	struct ike_sa *sa = slots_get(e->sas, h);

	if (sa)
		close_sa(e, now, sa);
}

void ike_abandon(struct ike_engine *e, uint64_t now, struct handle h)
{
	struct ike_sa *sa = slots_get(e->sas, h);

	(void)now;
	if (sa)
		ike_sa_end(e, sa, IKE_REASON_CLOSED, 0);
}

void ike_check(struct ike_engine *e, uint64_t now, struct handle h)
{
	struct ike_sa *sa = slots_get(e->sas, h);

	if (sa)
		ike_info_check(e, now, sa);
}

void ike_probe(struct ike_engine *e, uint64_t now, struct handle h)
{
	struct ike_sa *sa = slots_get(e->sas, h);

	if (!sa || sa->state != IKE_SA_ESTABLISHED)
		return;
	sa->probing = true;
	ike_request_hurry(e, now, sa);
	ike_info_check(e, now, sa);
}

/* Where an owner that has not heard of the rekeying means the new one. */
static struct ike_sa *in_charge(const struct ike_engine *e, struct handle h)
{
	struct ike_sa *sa = slots_get(e->sas, h);

	while (sa && sa->told && !handle_is_none(sa->heir))
		sa = slots_get(e->sas, sa->heir);
	if (!sa || sa->doomed || sa->told ||
	    (sa->state != IKE_SA_ESTABLISHED && sa->state != IKE_SA_CHILDLESS))
		return NULL;
	return sa;
}

int ike_add_child(struct ike_engine *e, uint64_t now, struct handle h)
{
	struct ike_sa *sa = in_charge(e, h);

	if (!sa)
		return -ENOENT;
	if (sa->n_children + sa->add >= LIMIT_IKE_CHILDREN)
		return -ENOSPC;
	sa->add++;
	ike_task_next(e, now, sa);
	return 0;
}

int ike_rekey_child(struct ike_engine *e, uint64_t now, struct handle h,
		    uint32_t spi_in)
{
	struct ike_sa *sa = in_charge(e, h);
	struct ike_child *c = sa ? ike_child_find_in(sa, spi_in) : NULL;

	if (!c || c->state != IKE_CHILD_LIVE)
		return -ENOENT;
	if (c->rekey)
		return 0;
	c->rekey = true;
	c->tries = 0;
	c->due_at = now;
	ike_task_next(e, now, sa);
	return 0;
}

int ike_delete_child(struct ike_engine *e, uint64_t now, struct handle h,
		     uint32_t spi_in)
{
	struct ike_sa *sa = in_charge(e, h);
	struct ike_child *c = sa ? ike_child_find_in(sa, spi_in) : NULL;

	if (!c || c->state == IKE_CHILD_DELETING)
		return -ENOENT;
	if (sa->n_children == 1 && !sa->ours && !sa->theirs && !sa->add) {
		ike_info_close(e, now, sa, IKE_REASON_CLOSED, 0);
		return 0;
	}
	if (sa->ours && sa->ours->replaces == spi_in)
		sa->ours->unwanted = true;
	ike_child_tell(e, sa, c, IKE_REASON_CLOSED);
	c->state = IKE_CHILD_DELETING;
	c->due_at = now;
	ike_task_next(e, now, sa);
	return 0;
}

void ike_child_used(struct ike_engine *e, uint64_t now, struct handle h,
		    uint32_t spi_in)
{
	struct ike_sa *sa = in_charge(e, h);
	struct ike_child *c = sa ? ike_child_find_in(sa, spi_in) : NULL;
	struct ike_child *old = c ? ike_child_find_in(sa, c->replaces) : NULL;

	if (c)
		ike_duplicate_proven(e, now, sa);
	if (!old || old->state != IKE_CHILD_REPLACED || !old->deleter)
		return;
	old->due_at = now;
	ike_task_next(e, now, sa);
}

int ike_rekey(struct ike_engine *e, uint64_t now, struct handle h)
{
	struct ike_sa *sa = in_charge(e, h);

	if (!sa)
		return -ENOENT;
	sa->rekey_at = now;
	sa->rekey_tries = 0;
	ike_task_next(e, now, sa);
	return 0;
}

void ike_close_all(struct ike_engine *e, uint64_t now)
{
	struct ike_sa *sa;
	uint32_t cursor = 0;

	while ((sa = slots_next(e->sas, &cursor)))
		close_sa(e, now, sa);
}

void ike_tick(struct ike_engine *e, uint64_t now)
{
	timer_wheel_run(e->wheel, now);
}

uint64_t ike_engine_deadline(const struct ike_engine *e)
{
	return timer_wheel_deadline(e->wheel);
}

bool ike_engine_next_action(struct ike_engine *e, struct ike_action *ret)
{
	return ike_queue_take(&e->queue, ret);
}

void ike_job_done(struct ike_engine *e, uint64_t now, struct ike_job *job)
{
	struct ike_sa *sa = slots_get(e->sas, job->sa);

	if (sa && job->serial)
		ike_creation_job_done(e, now, sa, job);
	else if (sa)
		ike_init_job_done(e, now, sa, job);
	ike_job_free(job);
}

int ike_authenticate(struct ike_engine *e, uint64_t now, struct handle h,
		     const struct ike_credentials *c)
{
	struct ike_sa *sa = slots_get(e->sas, h);

	return sa ? ike_auth_identified(e, now, sa, c) : -ESTALE;
}

void ike_refuse(struct ike_engine *e, uint64_t now, struct handle h)
{
	struct ike_sa *sa = slots_get(e->sas, h);

	if (sa)
		ike_auth_refused(e, now, sa);
}

void ike_sign_done(struct ike_engine *e, uint64_t now, struct handle h,
		   const void *signature, size_t len, int error)
{
	struct ike_sa *sa = slots_get(e->sas, h);

	if (sa && sa->state == IKE_SA_SIGN)
		ike_auth_signed(e, now, sa, (struct ike_view){ signature, len },
				error);
}

bool ike_sa_describe(const struct ike_engine *e, struct handle h,
		     struct ike_sa_info *ret)
{
	const struct ike_sa *sa = slots_get(e->sas, h);

	if (!sa)
		return false;
	*ret = (struct ike_sa_info){
		.spi_i = sa->spi_i,
		.spi_r = sa->spi_r,
		.initiator = sa->initiator,
		.established = sa->state == IKE_SA_ESTABLISHED,
		.local = sa->local,
		.remote = sa->remote,
		.nat = sa->nat,
		.established_at = sa->established_at,
		.last_heard = sa->last_heard,
	};
	if (ret->established)
		ret->peer = ike_sa_proof(sa);
	if (sa->cipher && sa->prf && sa->kex)
		snprintf(ret->algorithms, sizeof(ret->algorithms), "%s/%s/%s",
			 sa->cipher->name, sa->prf->name, sa->kex->name);
	return true;
}

bool ike_sa_hosts(const struct ike_engine *e, struct handle handle,
		  struct addr *ret_local, struct addr *ret_remote)
{
	const struct ike_sa *sa = slots_get(e->sas, handle);

	if (!sa)
		return false;
	*ret_local = sa->local.addr;
	*ret_remote = *ike_sa_selector_peer(sa);
	return true;
}

void ike_engine_count(const struct ike_engine *e, struct ike_counters *ret)
{
	*ret = e->counters;
	ret->sas = slots_count(e->sas);
	ret->half_open = e->strangers.half_open;
}
