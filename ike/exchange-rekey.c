/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CREATE_CHILD_SA for the IKE SA itself (RFC 7296 1.3.2, 2.18): a new one with
 * SPIs, keys and message IDs of its own inherits the Child SAs.
 *
 * The new one is an heir until it is in charge. As responder it is that when
 * our response goes; while our own request is out, only when the outcome of
 * that is known, since both sides may have asked at once: then the heir with
 * the lowest of the four nonces loses (2.8.2). The side that initiated the
 * loser deletes it, the side that initiated the survivor deletes the old one.
 */
#include <errno.h>
#include <string.h>

#include "ike/core.h"

#define FALLBACK 4u

/* --- heirs -------------------------------------------------------------------- */

struct ike_sa *ike_rekey_predecessor(const struct ike_engine *e,
				     const struct ike_sa *sa)
{
	struct ike_sa *old = slots_get(e->sas, sa->predecessor);

	return old && handle_equal(old->heir, sa->handle) ? old : NULL;
}

/* What an IKE SA is besides its keys. */
static void inherit(struct ike_engine *e, struct ike_sa *heir,
		    struct ike_sa *old)
{
	/* Where there is no memory it stays where it was found. */
	(void)!ike_sa_move(e, heir, &old->remote);
	heir->local = old->local;
	heir->host = old->host;
	heir->lessor = old->lessor;
	old->lessor = false;
	heir->modes = old->modes;
	heir->scope = old->scope;
	heir->fragmentation = old->fragmentation;
	heir->fragment_mtu = old->fragment_mtu;
	heir->algorithms = old->algorithms;
	heir->proof = old->proof;
	heir->proofs = old->proofs;
	old->proof = NULL;
	/* Among duplicates it is what it comes from. */
	heir->doomed = old->doomed;
	heir->doomed_at = old->doomed_at;
	heir->begun = old->begun;
	heir->risen = old->risen;
	memcpy(heir->lowest, old->lowest, sizeof(heir->lowest));
}

void ike_rekey_adopt(struct ike_engine *e, uint64_t now, struct ike_sa *old,
		     struct ike_sa *heir, bool ours)
{
	struct ike_action_node *n = heir->last;

	heir->last = NULL;
	inherit(e, heir, old);
	ike_stranger_leave(e, old, heir);
	heir->children = old->children;
	heir->n_children = old->n_children;
	heir->add = old->add;
	heir->check = heir->check || old->check;
	heir->told = false;
	heir->established_at = heir->last_heard = now;
	old->children = NULL;
	old->n_children = 0;
	old->told = true;
	old->heir = heir->handle;
	ike_sa_set_state(e, heir, IKE_SA_ESTABLISHED);
	ike_task_lifetime(e, now, heir);
	ike_nat_inherit(e, now, heir, old);
	ike_sa_rearm(e, heir);
	n->action.type = IKE_REKEYED;
	n->action.sa = heir->handle;
	n->action.rekeyed = (struct ike_rekeyed){
		.old = old->handle,
		.new = heir->handle,
		.local = heir->local.addr,
		.remote = *ike_sa_selector_peer(heir),
	};
	ike_queue_push(&e->queue, n);
	if (old->state != IKE_SA_ESTABLISHED && old->state != IKE_SA_CHILDLESS)
		return;
	ike_sa_set_state(e, old, IKE_SA_REKEYED);
	old->doomed_at = now + (uint64_t)e->config.redundant_ms * FALLBACK;
	if (ours)
		ike_info_close(e, now, old, IKE_REASON_REPLACED, 0);
	else
		ike_sa_rearm(e, old);
}

/* The end of one that does not come into charge: by us, or by the peer (then
 * we wait until at). */
static void disinherit(struct ike_engine *e, uint64_t now, struct ike_sa *heir,
		       bool ours)
{
	if (ours) {
		ike_info_close(e, now, heir, IKE_REASON_REPLACED, 0);
		return;
	}
	heir->doomed_at = now + (uint64_t)e->config.redundant_ms * FALLBACK;
	ike_sa_rearm(e, heir);
}

/* Keys are there: it can receive. */
static int establish(struct ike_engine *e, uint64_t now, struct ike_sa *old,
		     struct ike_creation *c, const struct ike_keys *keys)
{
	struct ike_sa *heir = slots_get(e->sas, c->heir);
	int rc;

	heir->inner_us = old->inner_us;
	heir->inner_peer = old->inner_peer;
	heir->gateway = old->gateway;
	rc = ike_sa_index_remote(e, heir);

	if (rc < 0)
		return rc;
	c->heir = (struct handle){ 0 };
	heir->keys = *keys;
	heir->next_id = heir->expected_id = 0;
	heir->told = true; /* for the time being */
	heir->predecessor = old->handle;
	ike_sa_forget_handshake(e, heir);
	ike_creation_lowest(&c->ni, &c->nr, heir->lowest);
	ike_sa_set_state(e, heir, IKE_SA_HEIR);
	heir->doomed_at = now + e->config.half_open_ms;
	ike_sa_rearm(e, heir);
	return 0;
}

void ike_rekey_failed(struct ike_engine *e, uint64_t now, struct ike_sa *sa)
{
	struct ike_sa *heir = slots_get(e->sas, sa->heir);

	sa->ours = ike_creation_free(e, sa->ours);
	if (sa->state != IKE_SA_ESTABLISHED)
		return;
	/* The peer's own came through instead. */
	if (heir && heir->state == IKE_SA_HEIR) {
		ike_rekey_adopt(e, now, sa, heir, false);
		return;
	}
	/* It stays until its hard limit, and this is tried again. */
	sa->rekey_at = ike_task_retry_at(e, now, sa->rekey_tries);
	if (sa->rekey_tries < UINT8_MAX)
		sa->rekey_tries++;
}

void ike_rekey_rescue(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		      bool check)
{
	struct ike_sa *heir = slots_get(e->sas, sa->heir);

	if (!heir || heir->state != IKE_SA_HEIR || sa->told)
		return;
	heir->check = check;
	ike_rekey_adopt(e, now, sa, heir, false);
}

/* --- as initiator --------------------------------------------------------------- */

int ike_rekey_begin(struct ike_engine *e, uint64_t now, struct ike_sa *sa)
{
	struct ike_creation *c;
	struct ike_sa *heir;
	int rc;

	rc = ike_creation_new(e, IKE_CREATION_REKEY_IKE, true, &c);
	if (rc < 0)
		return rc;
	sa->ours = c;
	rc = ike_sa_new(e, true, &sa->local, &sa->remote, &heir);
	if (rc == -ENOSPC) {
		ike_rekey_failed(e, now, sa);
		return 0;
	}
	if (rc < 0)
		return rc;
	c->heir = heir->handle;
	c->kex = heir->kex = sa->kex;
	return ike_creation_run(e, now, sa, c, IKE_JOB_GENERATE, NULL);
}

int ike_rekey_request_send(struct ike_engine *e, uint64_t now,
			   struct ike_sa *sa)
{
	struct ike_creation *c = sa->ours;
	struct ike_sa *heir = slots_get(e->sas, c->heir);
	struct ike_outgoing out;
	struct ike_offer offer;

	/* 2.25.2: the peer was quicker, or it would only be refused. */
	if (sa->theirs || sa->doomed) {
		ike_rekey_failed(e, now, sa);
		return 0;
	}
	ike_sa_propose(sa, IKE_OFFER_REKEY, &offer);
	ike_request_open(sa, IKE_EXCHANGE_CREATE_CHILD_SA, &out);
	ike_proposal_write_offer(&out.b, &offer, heir->spi_i);
	ike_nonce_write(&out.b, &c->ni);
	ike_ke_write(&out.b, c->kex->id, c->public, c->kex->public_len);
	c->sent = true;
	return ike_request_send(e, now, sa, &out);
}

/* Which algorithms the new one has. 0; -EBADMSG: not all of them. */
static int set_algorithms(struct ike_sa *heir, const struct ike_choice *choice)
{
	heir->cipher = ike_choice_cipher(choice);
	heir->prf = ike_prf_find(ike_choice_get(choice, IKE_TRANSFORM_PRF)->id);
	return heir->cipher && heir->prf ? 0 : -EBADMSG;
}

static int parse_answer(struct ike_engine *e, struct ike_sa *sa,
			const struct ike_message *m, struct ike_ke *ret_ke)
{
	const struct ike_payload *p_sa = ike_message_find(m, IKE_PAYLOAD_SA);
	const struct ike_payload *p_ke = ike_message_find(m, IKE_PAYLOAD_KE);
	const struct ike_payload *p_n = ike_message_find(m, IKE_PAYLOAD_NONCE);
	struct ike_creation *c = sa->ours;
	struct ike_sa *heir = slots_get(e->sas, c->heir);
	struct ike_offer offer;

	ike_sa_propose(sa, IKE_OFFER_REKEY, &offer);
	if (!p_sa || !p_ke || !p_n ||
	    ike_proposal_accept(p_sa, &offer, &c->choice) != 0 ||
	    ike_ke_parse(p_ke, ret_ke) < 0 ||
	    ike_nonce_parse(p_n, &c->nr) < 0 ||
	    ike_choice_get(&c->choice, IKE_TRANSFORM_KE)->id != c->kex->id ||
	    ret_ke->group != c->kex->id ||
	    ret_ke->data.len != c->kex->public_len ||
	    set_algorithms(heir, &c->choice) < 0)
		return -EBADMSG;
	heir->spi_r = c->choice.spi;
	return 0;
}

static int on_error(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		    const struct ike_notify *n)
{
	struct ike_creation *c = sa->ours;
	const struct ike_kex *kex = NULL;

	if (n->type == IKE_NOTIFY_INVALID_SYNTAX) {
		/* 2.21.3 */
		ike_sa_end(e, sa, IKE_REASON_PROTOCOL, n->type);
		return 0;
	}
	if (n->type == IKE_NOTIFY_INVALID_KE_PAYLOAD &&
	    sa->state == IKE_SA_ESTABLISHED)
		kex = ike_child_other_group(sa, n);
	if (!kex) {
		ike_rekey_failed(e, now, sa);
		return 0;
	}
	((struct ike_sa *)slots_get(e->sas, c->heir))->kex = kex;
	return ike_creation_again(e, now, sa, kex);
}

int ike_rekey_response(struct ike_engine *e, const struct ike_arrival *a,
		       struct ike_sa *sa)
{
	struct ike_notify n;
	struct ike_ke ke;
	int rc;

	rc = ike_child_find_error(a->m, &n);
	if (rc < 0)
		return rc;
	if (rc > 0)
		return on_error(e, a->now, sa, &n);
	rc = parse_answer(e, sa, a->m, &ke);
	if (rc < 0)
		return rc;
	return ike_creation_run(e, a->now, sa, sa->ours, IKE_JOB_DERIVE,
				&ke.data);
}

int ike_rekey_derived(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		      const struct ike_job *job)
{
	struct ike_creation *c = sa->ours;
	struct ike_sa *heir = slots_get(e->sas, c->heir), *rival;
	int rc;

	c->deadline = 0;
	if (job->result < 0) {
		ike_rekey_failed(e, now, sa);
		return 0;
	}
	rc = establish(e, now, sa, c, &job->keys);
	if (rc < 0)
		return rc;
	sa->ours = ike_creation_free(e, c);
	rival = slots_get(e->sas, sa->heir);
	if (rival && rival->state != IKE_SA_HEIR)
		rival = NULL;
	if (sa->state != IKE_SA_ESTABLISHED) {
		/* Closed, or the peer's own took its place: not needed. */
		disinherit(e, now, heir, true);
	} else if (rival && memcmp(heir->lowest, rival->lowest,
				   sizeof(heir->lowest)) < 0) {
		ike_rekey_adopt(e, now, sa, rival, false);
		disinherit(e, now, heir, true);
	} else {
		ike_rekey_adopt(e, now, sa, heir, true);
		if (rival)
			disinherit(e, now, rival, false);
	}
	return 0;
}

/* --- as responder ------------------------------------------------------------- */

struct question {
	struct ike_choice choice;
	struct ike_nonce nonce;
	struct ike_ke ke;
	const struct ike_kex *kex;
};

/* 0; a notify type; -EBADMSG. */
static int parse_question(const struct ike_sa *sa, const struct ike_message *m,
			  struct question *q)
{
	const struct ike_payload *ke = ike_message_find(m, IKE_PAYLOAD_KE);
	struct ike_offer offer;
	int rc;

	if (!ke || ike_ke_parse(ke, &q->ke) < 0 ||
	    ike_nonce_parse(ike_message_find(m, IKE_PAYLOAD_NONCE), &q->nonce) <
		    0)
		return -EBADMSG;
	ike_sa_accept(sa, IKE_OFFER_REKEY, &offer);
	rc = ike_proposal_choose(ike_message_find(m, IKE_PAYLOAD_SA), &offer,
				 q->ke.group, &q->choice);
	if (rc < 0)
		return rc;
	if (rc == IKE_PROPOSAL_NONE)
		return IKE_NOTIFY_NO_PROPOSAL_CHOSEN;
	q->kex = ike_kex_find(ike_choice_get(&q->choice, IKE_TRANSFORM_KE)->id);
	if (!q->kex ||
	    (q->kex->id == q->ke.group && q->ke.data.len != q->kex->public_len))
		return -EBADMSG;
	return q->kex->id == q->ke.group ? 0 : IKE_NOTIFY_INVALID_KE_PAYLOAD;
}

/* 2.25.2: what is under way with a Child SA of it would be lost. */
static bool is_changing(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_creation *c = sa->ours;

	if (c && c->type != IKE_CREATION_REKEY_IKE && !c->sent) {
		/* The peer does not know of it: it can wait. */
		if (c->type == IKE_CREATION_CHILD)
			sa->add++;
		c = sa->ours = ike_creation_free(e, c);
	}
	return sa->doomed || sa->deleting ||
	       (c && c->type != IKE_CREATION_REKEY_IKE);
}

static int go_on(struct ike_engine *e, const struct ike_arrival *a,
		 struct ike_sa *sa, const struct question *q)
{
	struct ike_creation *c;
	struct ike_sa *heir;
	int rc;

	rc = ike_creation_new(e, IKE_CREATION_REKEY_IKE, false, &c);
	if (rc < 0)
		return rc;
	sa->theirs = c;
	rc = ike_sa_new(e, false, &sa->local, &sa->remote, &heir);
	if (rc == -ENOSPC) {
		sa->theirs = ike_creation_free(e, c);
		return ike_child_answer_notify(e, sa,
					       IKE_NOTIFY_NO_ADDITIONAL_SAS);
	}
	if (rc < 0)
		return rc;
	c->heir = heir->handle;
	c->kex = heir->kex = q->kex;
	c->ni = q->nonce;
	c->choice = q->choice;
	heir->spi_i = q->choice.spi;
	rc = set_algorithms(heir, &q->choice);
	if (rc < 0)
		return -EIO;
	return ike_creation_run(e, a->now, sa, c, IKE_JOB_AGREE, &q->ke.data);
}

/* The peer rekeys faster than what it rekeyed goes. */
static bool is_hasty(const struct ike_engine *e, const struct ike_sa *sa)
{
	unsigned n = 0;

	while ((sa = slots_get(e->sas, sa->predecessor)))
		n++;
	return n >= LIMIT_IKE_REKEYED;
}

/* One that the peer made already, and that waits for the outcome of ours. */
static bool has_heir(const struct ike_engine *e, const struct ike_sa *sa)
{
	const struct ike_sa *heir = slots_get(e->sas, sa->heir);

	return heir && heir->state == IKE_SA_HEIR;
}

int ike_rekey_request(struct ike_engine *e, const struct ike_arrival *a,
		      struct ike_sa *sa)
{
	struct question q = { 0 };
	int rc;

	rc = parse_question(sa, a->m, &q);
	if (rc < 0)
		return rc;
	if (sa->state != IKE_SA_ESTABLISHED || is_changing(e, sa) ||
	    has_heir(e, sa) || is_hasty(e, sa))
		rc = IKE_NOTIFY_TEMPORARY_FAILURE;
	if (rc == IKE_NOTIFY_INVALID_KE_PAYLOAD)
		return ike_child_answer_group(e, sa, q.kex->id);
	if (rc > 0)
		return ike_child_answer_notify(e, sa, (uint16_t)rc);
	return go_on(e, a, sa, &q);
}

static int seal_answer(struct ike_sa *sa, const struct ike_sa *heir)
{
	const struct ike_creation *c = sa->theirs;
	struct ike_outgoing out;

	ike_response_open(sa, IKE_EXCHANGE_CREATE_CHILD_SA, &out);
	ike_proposal_write_choice(&out.b, &c->choice, heir->spi_r);
	ike_nonce_write(&out.b, &c->nr);
	ike_ke_write(&out.b, c->kex->id, c->public, c->kex->public_len);
	return ike_response_seal(sa, &out);
}

int ike_rekey_agreed(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		     const struct ike_job *job)
{
	struct ike_creation *c = sa->theirs;
	struct ike_sa *heir = slots_get(e->sas, c->heir);
	uint16_t notify = 0;
	int rc;

	c->deadline = 0;
	/* What has changed while the job ran. */
	if (job->result < 0 || sa->state != IKE_SA_ESTABLISHED ||
	    is_changing(e, sa))
		notify = IKE_NOTIFY_TEMPORARY_FAILURE;
	if (notify) {
		sa->theirs = ike_creation_free(e, c);
		if (job->result == -EBADMSG)
			return ike_child_answer_syntax(e, now, sa);
		return ike_child_answer_notify(e, sa, notify);
	}
	memcpy(c->public, job->public, sizeof(c->public));
	rc = seal_answer(sa, heir);
	if (rc == 0)
		rc = establish(e, now, sa, c, &job->keys);
	if (rc < 0)
		return rc;
	sa->theirs = ike_creation_free(e, c);
	sa->heir = heir->handle;
	ike_response_send(e, sa);
	if (sa->ours && !sa->ours->sent)
		sa->ours = ike_creation_free(e, sa->ours);
	if (!sa->ours)
		ike_rekey_adopt(e, now, sa, heir, false);
	return 0;
}
