/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CREATE_CHILD_SA (RFC 7296 1.3) for Child SAs: further ones, and those that
 * take the place of another, with a key exchange of their own or without.
 *
 * When both sides rekey the same Child SA at once, both exchanges finish; the
 * new SA that holds the lowest of the four nonces is deleted by the side that
 * initiated it, and the old one by the side that initiated the survivor (2.8.1).
 * What crosses in other ways is answered as 2.25.1 says.
 */
#include <errno.h>
#include <string.h>

#include "ike/core.h"

/* How much longer the side waits that is not to delete. */
#define FALLBACK 4u

/* --- the end of a Child SA that was rekeyed --------------------------------- */

static void replace(struct ike_engine *e, uint64_t now, struct ike_child *c,
		    bool ours)
{
	if (!c || c->state == IKE_CHILD_DELETING)
		return;
	c->state = IKE_CHILD_REPLACED;
	c->rekey = false;
	/* Where it was for us to delete it, that stays so. */
	c->due_at =
		now + (uint64_t)e->config.redundant_ms * (ours ? 1 : FALLBACK);
	c->deleter = ours;
}

/* The peer has it, and it is not what we want: deleted without a word. */
static void discard(struct ike_sa *sa, struct ike_child *c, uint32_t spi_out,
		    uint64_t now)
{
	c->out = spi_out;
	c->state = IKE_CHILD_DELETING;
	c->due_at = now;
	c->down = ike_action_node_free(c->down);
	c->next = sa->children;
	sa->children = c;
	sa->n_children++;
}

/* --- as initiator ------------------------------------------------------------- */

static void tell_refused(struct ike_engine *e, const struct ike_sa *sa,
			 uint32_t spi_in, enum ike_reason reason,
			 uint16_t notify)
{
	struct ike_action_node *n = ike_action_node_new();

	if (!n)
		return; /* the Child SA's own end will be told */
	n->action.type = IKE_CHILD_REFUSED;
	n->action.sa = sa->handle;
	n->action.child_refused = (struct ike_child_refused){
		.local = sa->local.addr,
		.remote = *ike_sa_selector_peer(sa),
		.spi_in = spi_in,
		.reason = reason,
		.notify = notify,
	};
	ike_queue_push(&e->queue, n);
}

/* The Child SA that ours rekeys, if it is still there and wants it. */
static struct ike_child *rekeyed(const struct ike_sa *sa,
				 const struct ike_creation *c)
{
	struct ike_child *old = NULL;

	if (c->type == IKE_CREATION_REKEY_CHILD)
		old = ike_child_find_in(sa, c->replaces);
	return old && old->state == IKE_CHILD_LIVE ? old : NULL;
}

void ike_child_failed(struct ike_engine *e, struct ike_sa *sa,
		      enum ike_reason reason, uint16_t notify)
{
	struct ike_creation *c = sa->ours;
	struct ike_child *old = rekeyed(sa, c);

	sa->ours = NULL;
	/* Whether Child SAs have a key exchange of their own is nothing that a
	 * proposal leaves open to the peer: one that wants it otherwise is asked
	 * once more. Its heirs begin with what it took. */
	if (old && notify == IKE_NOTIFY_NO_PROPOSAL_CHOSEN &&
	    reason == IKE_REASON_REFUSED && !old->both_refused) {
		old->both_refused = true;
		old->other_pfs = !old->other_pfs;
		ike_creation_free(e, c);
		return;
	}
	if (old)
		old->rekey = old->both_refused = false;
	if (!sa->told && !c->unwanted && (old || c->type == IKE_CREATION_CHILD))
		tell_refused(e, sa, c->replaces, reason, notify);
	ike_creation_free(e, c);
}

/* 2.25: TEMPORARY_FAILURE, or our own exchange makes room for the peer's. */
void ike_child_put_off(struct ike_engine *e, uint64_t now, struct ike_sa *sa)
{
	struct ike_child *old = rekeyed(sa, sa->ours);

	if (old) {
		old->due_at = ike_task_retry_at(e, now, old->tries);
		if (old->tries < UINT8_MAX)
			old->tries++;
	} else if (sa->ours->type == IKE_CREATION_CHILD) {
		ike_child_failed(e, sa, IKE_REASON_REFUSED,
				 IKE_NOTIFY_TEMPORARY_FAILURE);
		return;
	}
	sa->ours = ike_creation_free(e, sa->ours);
}

int ike_child_begin(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		    struct ike_child *old)
{
	struct ike_creation *c;
	int rc;

	if (sa->n_children >= LIMIT_IKE_CHILDREN || ike_sa_has_moved(sa)) {
		if (old)
			old->rekey = false;
		tell_refused(e, sa, old ? old->in : 0, IKE_REASON_RESOURCES, 0);
		return 0;
	}
	rc = ike_creation_new(
		e, old ? IKE_CREATION_REKEY_CHILD : IKE_CREATION_CHILD, true,
		&c);
	if (rc < 0)
		return rc;
	sa->ours = c;
	rc = ike_child_new(e, &c->child);
	if (rc < 0)
		return rc;
	if (old) {
		c->replaces = old->in;
		c->child->mode = old->mode;
		c->child->other_pfs = old->other_pfs;
	}
	if (e->config.pfs == c->child->other_pfs)
		return ike_child_request_send(e, now, sa);
	c->kex = sa->kex;
	return ike_creation_run(e, now, sa, c, IKE_JOB_GENERATE, NULL);
}

int ike_child_request_send(struct ike_engine *e, uint64_t now,
			   struct ike_sa *sa)
{
	struct ike_creation *c = sa->ours;
	struct ike_outgoing out;
	struct ike_builder *b = &out.b;
	struct ike_offer offer;

	/* What it was for may have gone while the key pair was made. */
	if (c->type == IKE_CREATION_REKEY_CHILD && !rekeyed(sa, c)) {
		sa->ours = ike_creation_free(e, c);
		return 0;
	}
	ike_sa_propose(sa, c->kex ? IKE_OFFER_CHILD : IKE_OFFER_AUTH, &offer);
	ike_request_open(sa, IKE_EXCHANGE_CREATE_CHILD_SA, &out);
	/* 1.3.3: the SPI that the sender of the notify receives on. */
	if (c->replaces)
		ike_notify_write_esp(b, IKE_NOTIFY_REKEY_SA, c->replaces);
	ike_child_write_offer(sa, c->child, &offer, b);
	ike_nonce_write(b, &c->ni);
	if (c->kex)
		ike_ke_write(b, c->kex->id, c->public, c->kex->public_len);
	ike_child_write_wanted(sa, b);
	c->sent = true;
	return ike_request_send(e, now, sa, &out);
}

/* The first error notify; 0: none; -EBADMSG. */
int ike_child_find_error(const struct ike_message *m, struct ike_notify *ret)
{
	for (size_t i = 0; i < m->n; i++) {
		if (m->payloads[i].type != IKE_PAYLOAD_NOTIFY)
			continue;
		if (ike_notify_parse(&m->payloads[i], ret) < 0)
			return -EBADMSG;
		if (ret->type < IKE_NOTIFY_STATUS)
			return ret->type;
	}
	return 0;
}

/* 1.3: the peer wants another group. The kex, or NULL where that is no answer
 * to what we proposed. */
const struct ike_kex *ike_child_other_group(const struct ike_sa *sa,
					    const struct ike_notify *n)
{
	const struct ike_creation *c = sa->ours;
	struct ike_offer offer;
	struct rbuf r = rbuf_of(n->data.data, n->data.len);
	uint16_t group = rbuf_be16(&r);

	ike_sa_propose(sa, IKE_OFFER_REKEY, &offer);
	if (!rbuf_finish(&r) || !c->kex || group == c->kex->id ||
	    c->retries >= LIMIT_IKE_INIT_RETRIES ||
	    !ike_offer_has(&offer, IKE_TRANSFORM_KE, group))
		return NULL;
	return ike_kex_find(group);
}

/* 2.25: the peer does not know the one that we rekey: it is gone. */
static void gone(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_child *old = rekeyed(sa, sa->ours);

	sa->ours = ike_creation_free(e, sa->ours);
	if (!old)
		return;
	ike_child_tell(e, sa, old, IKE_REASON_DELETED);
	ike_child_remove(e, sa, old);
	/* And a new one is asked for, where it was the only one. */
	if (!sa->children)
		sa->add = 1;
}

static int on_error(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		    const struct ike_notify *n)
{
	const struct ike_kex *kex;

	switch (n->type) {
	case IKE_NOTIFY_TEMPORARY_FAILURE:
		ike_child_put_off(e, now, sa);
		return 0;
	case IKE_NOTIFY_CHILD_SA_NOT_FOUND:
		gone(e, sa);
		return 0;
	case IKE_NOTIFY_INVALID_SYNTAX:
		/* 2.21.3: the peer holds the IKE SA to be over. */
		ike_sa_end(e, sa, IKE_REASON_PROTOCOL, n->type);
		return 0;
	case IKE_NOTIFY_INVALID_KE_PAYLOAD:
		kex = ike_child_other_group(sa, n);
		if (!kex)
			break;
		return ike_creation_again(e, now, sa, kex);
	}
	ike_child_failed(e, sa, IKE_REASON_REFUSED, n->type);
	return 0;
}

/* Exactly what we asked for: 0 and its KE payload, if there is to be one; 1:
 * something else; -EBADMSG. */
static int parse_answer(const struct ike_sa *sa, const struct ike_message *m,
			struct ike_ke *ret_ke)
{
	const struct ike_payload *p_ke = ike_message_find(m, IKE_PAYLOAD_KE);
	const struct ike_payload *p_n = ike_message_find(m, IKE_PAYLOAD_NONCE);
	struct ike_creation *c = sa->ours;
	struct ike_child_terms terms;
	const struct ike_transform *group;
	struct ike_offer offer;
	int rc;

	if (!p_n || ike_child_parse(m, &terms) != 0 ||
	    ike_nonce_parse(p_n, &c->nr) < 0 ||
	    (p_ke && ike_ke_parse(p_ke, ret_ke) < 0))
		return -EBADMSG;
	ike_sa_propose(sa, c->kex ? IKE_OFFER_CHILD : IKE_OFFER_AUTH, &offer);
	rc = ike_child_accept(sa, c->child, &terms, &offer, &c->agreed);
	if (rc == 0 && c->replaces && c->agreed.mode != c->child->mode)
		return 1;
	if (rc != 0 || !c->kex)
		return rc;
	group = ike_choice_get(&c->agreed.choice, IKE_TRANSFORM_KE);
	return group && group->id == c->kex->id && p_ke &&
			       ret_ke->group == c->kex->id &&
			       ret_ke->data.len == c->kex->public_len
		       ? 0
		       : 1;
}

/* Two new ones in place of one: 2.8.1. */
static bool lost(const struct ike_sa *sa, const struct ike_creation *c)
{
	const struct ike_child *rival = ike_child_find_in(sa, c->rival);
	uint8_t lowest[IKE_LOWEST_LEN];

	if (!c->rival || !rival || rival->state == IKE_CHILD_DELETING)
		return false;
	ike_creation_lowest(&c->ni, &c->nr, lowest);
	return memcmp(lowest, c->rival_lowest, sizeof(lowest)) < 0;
}

/* The new one of ours is there, keys and all. */
static int finish_ours(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		       const struct secret *shared)
{
	struct ike_creation *c = sa->ours;
	const struct ike_child_seed seed = { true, &c->ni, &c->nr, shared };
	struct ike_action_node *up = ike_action_node_new();
	struct ike_child *old = ike_child_find_in(sa, c->replaces);
	struct ike_child *child = c->child;
	bool loser = lost(sa, c);
	int rc = -ENOMEM;

	if (c->deleted && c->deleted == c->agreed.choice.spi) {
		ike_action_node_free(up);
		ike_child_failed(e, sa, IKE_REASON_DELETED, 0);
		return 0;
	}
	if (up)
		rc = ike_child_fill(sa, child, &c->agreed, &seed, up);
	if (rc < 0) {
		ike_action_node_free(up);
		return rc;
	}
	c->child = NULL;
	up->action.child_up.replaces = old ? c->replaces : 0;
	up->action.child_up.redundant = loser;
	ike_child_attach(sa, child, up);
	if (loser) {
		replace(e, now, child, true);
	} else {
		replace(e, now, ike_child_find_in(sa, c->rival), false);
		replace(e, now, old, true);
	}
	sa->ours = ike_creation_free(e, c);
	ike_queue_push(&e->queue, up);
	return 0;
}

/* The peer made something that we do not want, or cannot use. */
static void refuse_answer(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
			  enum ike_reason reason)
{
	struct ike_creation *c = sa->ours;

	discard(sa, c->child, (uint32_t)c->agreed.choice.spi, now);
	c->child = NULL;
	ike_child_failed(e, sa, reason, 0);
}

int ike_child_response(struct ike_engine *e, const struct ike_arrival *a,
		       struct ike_sa *sa)
{
	struct ike_ke ke = { 0 };
	struct ike_notify n;
	int rc;

	if (!sa->ours || !sa->ours->sent)
		return 0; /* given up meanwhile */
	if (sa->ours->type == IKE_CREATION_REKEY_IKE)
		return ike_rekey_response(e, a, sa);
	if (sa->state == IKE_SA_DELETING) {
		sa->ours = ike_creation_free(e, sa->ours);
		return 0;
	}
	rc = ike_child_find_error(a->m, &n);
	if (rc < 0)
		return rc;
	if (rc > 0)
		return on_error(e, a->now, sa, &n);
	rc = parse_answer(sa, a->m, &ke);
	if (rc < 0)
		return rc;
	if (rc > 0 || sa->ours->unwanted)
		refuse_answer(e, a->now, sa, IKE_REASON_MODE);
	else if (sa->ours->kex)
		return ike_creation_run(e, a->now, sa, sa->ours, IKE_JOB_DERIVE,
					&ke.data);
	else
		return finish_ours(e, a->now, sa, NULL);
	return 0;
}

/* --- as responder ------------------------------------------------------------- */

/* A request as far as it is understood. */
struct question {
	struct ike_child_terms terms;
	struct ike_nonce nonce;
	bool has_ke, rekey;
	struct ike_ke ke;
	uint8_t protocol; /* of the Child SA that is to be rekeyed */
	struct ike_view spi;
};

static int parse_question(const struct ike_message *m, struct question *q)
{
	const struct ike_payload *p_ke = ike_message_find(m, IKE_PAYLOAD_KE);

	memset(q, 0, sizeof(*q));
	q->has_ke = p_ke != NULL;
	if (ike_child_parse(m, &q->terms) != 0 ||
	    ike_nonce_parse(ike_message_find(m, IKE_PAYLOAD_NONCE), &q->nonce) <
		    0 ||
	    (p_ke && ike_ke_parse(p_ke, &q->ke) < 0))
		return -EBADMSG;
	for (size_t i = 0; i < m->n; i++) {
		struct ike_notify n;

		if (m->payloads[i].type != IKE_PAYLOAD_NOTIFY ||
		    ike_notify_parse(&m->payloads[i], &n) < 0 ||
		    n.type != IKE_NOTIFY_REKEY_SA)
			continue;
		q->rekey = true;
		q->protocol = n.protocol;
		q->spi = n.spi;
	}
	return 0;
}

/* The one that the peer wants to rekey, by the SPI that it receives on. */
static struct ike_child *find_old(const struct ike_sa *sa,
				  const struct question *q)
{
	struct rbuf r = rbuf_of(q->spi.data, q->spi.len);
	uint32_t spi = rbuf_be32(&r);

	if (q->protocol != IKE_PROTOCOL_ESP || !rbuf_finish(&r))
		return NULL;
	return ike_child_find_out(sa, spi);
}

static int answer_not_found(struct ike_engine *e, struct ike_sa *sa,
			    const struct question *q)
{
	struct ike_outgoing out;
	int rc;

	ike_response_open(sa, IKE_EXCHANGE_CREATE_CHILD_SA, &out);
	/* 2.25: with the SPI that was asked for. */
	ike_notify_write_spi(&out.b, IKE_NOTIFY_CHILD_SA_NOT_FOUND, q->protocol,
			     &q->spi);
	rc = ike_response_seal(sa, &out);
	if (rc == 0)
		ike_response_send(e, sa);
	return rc;
}

int ike_child_answer_notify(struct ike_engine *e, struct ike_sa *sa,
			    uint16_t notify)
{
	return ike_response_notify(e, sa, IKE_EXCHANGE_CREATE_CHILD_SA, notify,
				   NULL, 0);
}

int ike_child_answer_syntax(struct ike_engine *e, uint64_t now,
			    struct ike_sa *sa)
{
	int rc = ike_child_answer_notify(e, sa, IKE_NOTIFY_INVALID_SYNTAX);

	if (rc < 0)
		return rc;
	ike_sa_tell(e, sa, IKE_REASON_PROTOCOL, 0);
	ike_sa_linger(e, now, sa);
	return 0;
}

int ike_child_answer_group(struct ike_engine *e, struct ike_sa *sa,
			   uint16_t group)
{
	uint8_t data[2] = { (uint8_t)(group >> 8), (uint8_t)group };

	return ike_response_notify(e, sa, IKE_EXCHANGE_CREATE_CHILD_SA,
				   IKE_NOTIFY_INVALID_KE_PAYLOAD, data,
				   sizeof(data));
}

/* 2.25.1, 2.25.2: what stands in the way; 0: nothing. */
static int obstacle(const struct ike_sa *sa, const struct question *q,
		    const struct ike_child *old)
{
	if (sa->ours && sa->ours->type == IKE_CREATION_REKEY_IKE)
		return IKE_NOTIFY_TEMPORARY_FAILURE;
	/* It may be the one that we are about to learn of. */
	if (q->rekey && !old)
		return sa->ours && sa->ours->sent
			       ? IKE_NOTIFY_TEMPORARY_FAILURE
			       : IKE_NOTIFY_CHILD_SA_NOT_FOUND;
	if (old && old->state != IKE_CHILD_LIVE)
		return IKE_NOTIFY_TEMPORARY_FAILURE;
	/* Whoever may be at that address has not agreed to anything. */
	if (ike_sa_has_moved(sa))
		return IKE_NOTIFY_TS_UNACCEPTABLE;
	if (sa->n_children >= LIMIT_IKE_CHILDREN)
		return IKE_NOTIFY_NO_ADDITIONAL_SAS;
	return 0;
}

/* Both want to rekey it, and the peer does not know of ours yet. */
static void give_way(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		     const struct ike_child *old)
{
	if (sa->ours && sa->ours->type == IKE_CREATION_REKEY_CHILD &&
	    !sa->ours->sent && old && sa->ours->replaces == old->in)
		ike_child_put_off(e, now, sa);
}

/* Into the response, and into effect. 0; -ENOMEM; -EIO; -EMSGSIZE. */
static int finish_theirs(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
			 const struct secret *shared)
{
	struct ike_creation *c = sa->theirs;
	const struct ike_child_seed seed = { false, &c->ni, &c->nr, shared };
	struct ike_action_node *up = ike_action_node_new();
	struct ike_child *old = ike_child_find_in(sa, c->replaces);
	struct ike_outgoing out;
	int rc = -ENOMEM;

	if (up)
		rc = ike_child_fill(sa, c->child, &c->agreed, &seed, up);
	if (rc == 0) {
		ike_response_open(sa, IKE_EXCHANGE_CREATE_CHILD_SA, &out);
		ike_child_write_choice(c->child, &c->agreed, &out.b);
		ike_nonce_write(&out.b, &c->nr);
		if (c->kex)
			ike_ke_write(&out.b, c->kex->id, c->public,
				     c->kex->public_len);
		ike_child_write_agreed(sa, &c->agreed, &out.b);
		rc = ike_response_seal(sa, &out);
	}
	if (rc < 0) {
		ike_action_node_free(up);
		return rc;
	}
	up->action.child_up.replaces = c->replaces;
	ike_child_attach(sa, c->child, up);
	if (old && sa->ours && sa->ours->sent &&
	    sa->ours->replaces == old->in) {
		sa->ours->rival = c->child->in;
		ike_creation_lowest(&c->ni, &c->nr, sa->ours->rival_lowest);
	}
	replace(e, now, old, false);
	c->child = NULL;
	sa->theirs = ike_creation_free(e, c);
	/* CHILD_UP before the response: we can receive before it sends. */
	ike_queue_push(&e->queue, up);
	ike_response_send(e, sa);
	return 0;
}

/* Acceptable so far: its group, then its job or the end of it. */
static int go_on(struct ike_engine *e, const struct ike_arrival *a,
		 struct ike_sa *sa, const struct question *q,
		 const struct ike_child_agreed *agreed, uint32_t replaces)
{
	const struct ike_transform *ke =
		ike_choice_get(&agreed->choice, IKE_TRANSFORM_KE);
	const struct ike_kex *kex = NULL;
	struct ike_creation *c;
	int rc;

	if (ke && ke->id != IKE_KE_NONE) {
		kex = ike_kex_find(ke->id);
		if (!kex)
			return -EIO;
		if (!q->has_ke || q->ke.group != ke->id)
			return ike_child_answer_group(e, sa, ke->id);
		if (q->ke.data.len != kex->public_len)
			return -EBADMSG;
	}
	rc = ike_creation_new(
		e, replaces ? IKE_CREATION_REKEY_CHILD : IKE_CREATION_CHILD,
		false, &c);
	if (rc < 0)
		return rc;
	sa->theirs = c;
	c->kex = kex;
	c->ni = q->nonce;
	c->replaces = replaces;
	c->agreed = *agreed;
	rc = ike_child_new(e, &c->child);
	if (rc < 0)
		return rc;
	if (kex)
		return ike_creation_run(e, a->now, sa, c, IKE_JOB_AGREE,
					&q->ke.data);
	return finish_theirs(e, a->now, sa, NULL);
}

static int child_request(struct ike_engine *e, const struct ike_arrival *a,
			 struct ike_sa *sa)
{
	struct ike_child_agreed agreed;
	struct ike_offer offer;
	struct ike_child *old = NULL;
	struct question q;
	int rc;

	rc = parse_question(a->m, &q);
	if (rc < 0)
		return rc;
	if (q.rekey)
		old = find_old(sa, &q);
	give_way(e, a->now, sa, old);
	rc = obstacle(sa, &q, old);
	if (rc == IKE_NOTIFY_CHILD_SA_NOT_FOUND)
		return answer_not_found(e, sa, &q);
	if (rc == 0) {
		ike_sa_accept(sa, IKE_OFFER_CHILD, &offer);
		rc = ike_child_choose(sa, &q.terms, &offer,
				      q.has_ke ? q.ke.group : 0, &agreed);
		/* The kernel cannot change from one to the other without a
		 * gap: what is to be another one begins anew. */
		if (rc == 0 && old && agreed.mode != old->mode)
			rc = IKE_NOTIFY_NO_PROPOSAL_CHOSEN;
	}
	if (rc < 0)
		return rc;
	if (rc > 0)
		return ike_child_answer_notify(e, sa, (uint16_t)rc);
	return go_on(e, a, sa, &q, &agreed, old ? old->in : 0);
}

int ike_child_request(struct ike_engine *e, const struct ike_arrival *a,
		      struct ike_sa *sa)
{
	const uint32_t selectors =
		IKE_PRESENT(IKE_PAYLOAD_TSI) | IKE_PRESENT(IKE_PAYLOAD_TSR);
	/* The peer uses a rekeyed IKE SA that we had not decided for. */
	struct ike_sa *old = ike_rekey_predecessor(e, sa);

	if (old && sa->state == IKE_SA_HEIR)
		ike_rekey_adopt(e, a->now, old, sa, false);
	/* Nor where the owner was told that it is over: nobody would be told
	 * of the end of what is made now. */
	if ((sa->state != IKE_SA_ESTABLISHED &&
	     sa->state != IKE_SA_CHILDLESS) ||
	    sa->told || sa->doomed)
		return ike_child_answer_notify(e, sa,
					       IKE_NOTIFY_TEMPORARY_FAILURE);
	/* 1.3.2: rekeying of the IKE SA has no selectors. */
	if (!(a->m->present & selectors))
		return ike_rekey_request(e, a, sa);
	return child_request(e, a, sa);
}

/* --- jobs --------------------------------------------------------------------- */

int ike_child_agreed(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		     const struct ike_job *job)
{
	struct ike_creation *c = sa->theirs;
	struct ike_child *old = ike_child_find_in(sa, c->replaces);
	uint16_t notify = 0;

	c->deadline = 0;
	memcpy(c->public, job->public, sizeof(c->public));
	/* What has changed while the job ran. */
	if (job->result < 0 || sa->doomed ||
	    (sa->state != IKE_SA_ESTABLISHED &&
	     sa->state != IKE_SA_CHILDLESS) ||
	    (c->replaces && (!old || old->state != IKE_CHILD_LIVE)))
		notify = IKE_NOTIFY_TEMPORARY_FAILURE;
	else if (sa->n_children >= LIMIT_IKE_CHILDREN)
		notify = IKE_NOTIFY_NO_ADDITIONAL_SAS;
	if (!notify)
		return finish_theirs(e, now, sa, &job->shared);
	sa->theirs = ike_creation_free(e, c);
	if (job->result == -EBADMSG)
		return ike_child_answer_syntax(e, now, sa);
	return ike_child_answer_notify(e, sa, notify);
}

int ike_child_derived(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		      const struct ike_job *job)
{
	sa->ours->deadline = 0;
	if (sa->state == IKE_SA_DELETING || sa->state == IKE_SA_LINGER)
		sa->ours = ike_creation_free(e, sa->ours);
	else if (job->result == 0 && !sa->ours->unwanted)
		return finish_ours(e, now, sa, &job->shared);
	else
		refuse_answer(e, now, sa,
			      job->result == -EBADMSG ? IKE_REASON_PROTOCOL
						      : IKE_REASON_RESOURCES);
	return 0;
}
