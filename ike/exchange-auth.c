/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * IKE_AUTH (RFC 7296 1.2): both sides prove who they are, or at least that they
 * are those of IKE_SA_INIT, and make the first Child SA between exactly the two
 * addresses. What a proof has to be is in proof.c. A message that waits for
 * the owner or for a job is kept, and read again when it goes on.
 */
#include <errno.h>
#include <string.h>

#include "ike/core.h"

/* --- what a message says --------------------------------------------------- */

/* Either direction of IKE_AUTH, parsed; has_* where it was there. */
struct auth_message {
	bool has_id, has_idr, has_auth, has_child;
	struct ike_claim claim; /* of the sender */
	struct ike_id idr;	/* in a request: who we should be */
	struct ike_child_terms child;
	bool initial_contact;
	uint16_t error; /* the first error notify, or 0 */
};

static int parse_notify(const struct ike_payload *p, struct auth_message *am)
{
	struct ike_notify n;

	if (ike_notify_parse(p, &n) < 0)
		return -EBADMSG;
	if (n.type == IKE_NOTIFY_INITIAL_CONTACT)
		am->initial_contact = true;
	else if (n.type == IKE_NOTIFY_NULL_AUTH)
		am->claim.null_auth = n.data;
	else if (n.type < IKE_NOTIFY_STATUS && !am->error)
		am->error = n.type;
	return 0;
}

/* 3.6: the first one is that of the AUTH payload. */
static int parse_cert(const struct ike_payload *p, struct auth_message *am)
{
	struct ike_cert c;

	if (ike_cert_parse(p, &c) < 0)
		return -EBADMSG;
	if (c.encoding == IKE_CERT_RAW_KEY && !am->claim.raw_key.len)
		am->claim.raw_key = c.data;
	return 0;
}

static int parse_many(const struct ike_message *m, struct auth_message *am)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < m->n; i++) {
		const struct ike_payload *p = &m->payloads[i];

		if (p->type == IKE_PAYLOAD_NOTIFY)
			rc = parse_notify(p, am);
		else if (p->type == IKE_PAYLOAD_CERT)
			rc = parse_cert(p, am);
	}
	return rc;
}

static int parse_id(const struct ike_message *m, enum ike_payload_type type,
		    bool *ret_has, struct ike_id *ret)
{
	const struct ike_payload *p = ike_message_find(m, type);

	*ret_has = p != NULL;
	return p ? ike_id_parse(p, ret) : 0;
}

static int parse_message(const struct ike_message *m, struct auth_message *ret)
{
	bool response = ike_header_is_response(&m->header);
	const struct ike_payload *auth = ike_message_find(m, IKE_PAYLOAD_AUTH);
	int rc;

	memset(ret, 0, sizeof(*ret));
	rc = parse_id(m, response ? IKE_PAYLOAD_IDR : IKE_PAYLOAD_IDI,
		      &ret->has_id, &ret->claim.id);
	if (rc == 0 && !response)
		rc = parse_id(m, IKE_PAYLOAD_IDR, &ret->has_idr, &ret->idr);
	if (rc == 0 && auth)
		rc = ike_authentication_parse(auth, &ret->claim.auth);
	if (rc == 0)
		rc = parse_many(m, ret);
	if (rc < 0)
		return rc;
	/* An IDr that nobody can have asks for nobody in particular. */
	if (ret->has_idr)
		(void)!ike_identity_from_payload(&ret->idr, &ret->claim.wanted);
	rc = ike_child_parse(m, &ret->child);
	if (rc < 0)
		return rc;
	ret->has_child = rc == 0;
	ret->has_auth = auth != NULL;
	return 0;
}

/* --- establishment ------------------------------------------------------ */

/* The lower nonce, cut or filled to a fixed length: both sides do the same. */
static void keep_lowest(struct ike_sa *sa)
{
	const struct ike_handshake *hs = sa->handshake;
	uint8_t ni[IKE_LOWEST_LEN] = { 0 }, nr[IKE_LOWEST_LEN] = { 0 };
	size_t ni_len = hs->ni.len, nr_len = hs->nr.len;

	memcpy(ni, hs->ni.data, ni_len < sizeof(ni) ? ni_len : sizeof(ni));
	memcpy(nr, hs->nr.data, nr_len < sizeof(nr) ? nr_len : sizeof(nr));
	memcpy(sa->lowest, memcmp(ni, nr, sizeof(ni)) < 0 ? ni : nr,
	       sizeof(sa->lowest));
}

/* The keys of the Child SA and its CHILD_UP; queued by establish(). */
static int fill_child(const struct ike_sa *sa,
		      const struct ike_child_agreed *agreed,
		      struct ike_action_node **ret)
{
	const struct ike_handshake *hs = sa->handshake;
	const struct ike_child_seed seed = { sa->initiator, &hs->ni, &hs->nr,
					     NULL };
	struct ike_action_node *up = ike_action_node_new();
	int rc;

	if (!up)
		return -ENOMEM;
	rc = ike_child_fill(sa, hs->child, agreed, &seed, up);
	if (rc < 0) {
		ike_action_node_free(up);
		return rc;
	}
	*ret = up;
	return 0;
}

/* Nothing can fail any more. */
static void establish(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		      const struct auth_message *am, struct ike_action_node *up)
{
	sa->proofs = (sa->handshake->plan.method != IKE_AUTH_NULL) +
		     (am->claim.auth.method != IKE_AUTH_NULL);
	ike_sa_set_state(e, sa, IKE_SA_ESTABLISHED);
	ike_stranger_settle(e, sa);
	sa->risen = ++e->events;
	sa->established_at = sa->last_heard = now;
	ike_child_attach(sa, sa->handshake->child, up);
	sa->handshake->child = NULL;
	sa->last = ike_action_node_free(sa->last);
	keep_lowest(sa);
	ike_sa_forget_handshake(e, sa);
	ike_task_lifetime(e, now, sa);
	ike_sa_rearm(e, sa);
	ike_nat_begin(e, now, sa);
	ike_duplicate_resolve(e, now, sa, am->initial_contact && !sa->initiator,
			      up);
}

/* --- what takes a while -------------------------------------------------- */

/* Waits in that state, but not for ever. */
static void await(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		  enum ike_sa_state state)
{
	ike_sa_set_state(e, sa, state);
	timer_arm(e->wheel, &sa->life, now + e->config.half_open_ms);
}

static int keep(struct ike_sa *sa, const struct ike_message *m)
{
	struct ike_handshake *hs = sa->handshake;

	hs->auth_first = m->inner_first;
	return ike_blob_set(&hs->auth, m->inner, m->inner_len);
}

/* Goes on with the message that was kept: the peer's request, or its response
 * to ours. A step is a handler as dispatch.c has them; 1: it waits again. */
static void resume(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		   int (*step)(struct ike_engine *e,
			       const struct ike_arrival *a, struct ike_sa *sa))
{
	struct ike_handshake *hs = sa->handshake;
	struct ike_message m = {
		.header = {
			.spi_i = sa->spi_i,
			.spi_r = sa->spi_r,
			.exchange = IKE_EXCHANGE_AUTH,
			.flags = sa->initiator ? IKE_FLAG_RESPONSE
					       : IKE_FLAG_INITIATOR,
			.id = 1,
		},
	};
	const struct ike_arrival a = { now, &sa->local, &sa->remote, &m };
	struct ike_blob kept = hs->auth;
	int rc;

	/* The step may end the SA, and the handshake with it. */
	hs->auth = (struct ike_blob){ 0 };
	rc = ike_message_parse_inner(&m, hs->auth_first, kept.data, kept.len);
	if (rc == 0)
		rc = step(e, &a, sa);
	if (rc == 1) {
		hs->auth = kept;
		return;
	}
	if (rc == -EBADMSG)
		ike_dispatch_reject(e, &a, sa, IKE_NOTIFY_INVALID_SYNTAX, NULL,
				    0);
	else if (rc < 0)
		ike_sa_end(e, sa, IKE_REASON_RESOURCES, 0);
	secret_wipe(kept.data, kept.len);
	ike_blob_done(&kept);
}

int ike_auth_ask(struct ike_engine *e, struct ike_sa *sa,
		 const struct ike_message *request)
{
	struct ike_action_node *n;
	struct auth_message am = { 0 };
	struct ike_identity peer = { 0 };
	int rc = request ? parse_message(request, &am) : 0;

	if (rc == 0 && request)
		rc = ike_identity_from_payload(&am.claim.id, &peer);
	if (rc < 0)
		return rc;
	n = ike_action_node_new();
	if (!n)
		return -ENOMEM;
	n->action = (struct ike_action){
		.type = IKE_IDENTIFY,
		.sa = sa->handle,
		.identify = {
			.initiator = sa->initiator,
			.local = sa->local,
			.remote = sa->remote,
			.host = *ike_sa_selector_peer(sa),
			.peer = peer,
			.wanted = am.claim.wanted,
		},
	};
	ike_queue_push(&e->queue, n);
	return 0;
}

/* --- as initiator ------------------------------------------------------------ */

/* Who we want: nobody, where only nobody is taken. */
static void write_wanted(const struct ike_credentials *c, struct ike_builder *b)
{
	if (!ike_credentials_know_peer(c))
		ike_id_write_null(b, IKE_PAYLOAD_IDR);
	else if (!ike_identity_is_none(&c->peer))
		ike_identity_write(b, IKE_PAYLOAD_IDR, &c->peer);
}

/* ID, and the key where the peer asked to see it. */
static void write_identity(const struct ike_handshake *hs,
			   struct ike_builder *b, enum ike_payload_type type)
{
	const struct ike_plan *plan = &hs->plan;

	ike_identity_write(b, type, &plan->id);
	if (plan->key && hs->wishes.raw_key)
		ike_cert_write(b, IKE_CERT_RAW_KEY, plan->key->spki.data,
			       plan->key->spki.len);
}

static int send_request(struct ike_engine *e, uint64_t now, struct ike_sa *sa)
{
	struct ike_handshake *hs = sa->handshake;
	struct ike_outgoing out;
	struct ike_builder *b = &out.b;
	struct ike_offer offer;
	int rc;

	rc = ike_child_new(e, &hs->child);
	if (rc < 0)
		return rc;
	ike_nat_float(e, sa);
	ike_request_open(sa, IKE_EXCHANGE_AUTH, &out);
	write_identity(hs, b, IKE_PAYLOAD_IDI);
	ike_announce_methods(b, hs->credentials);
	write_wanted(hs->credentials, b);
	rc = ike_proof_write(sa, b);
	if (rc == 0)
		rc = ike_proof_write_fallback(sa, b);
	if (rc < 0)
		return rc;
	/* 2.4: only where this is the only one. A peer that initiates too would
	 * drop its own attempt, which we may be about to answer; a gateway the
	 * SAs for all other hosts behind it, and itself. */
	if (!sa->crossed && !sa->gateway &&
	    !ike_sa_first_behind(e, &sa->remote.addr) &&
	    !ike_duplicate_exists(e, sa))
		ike_notify_write(b, IKE_NOTIFY_INITIAL_CONTACT, NULL, 0);
	if (ike_lease_asked(sa))
		ike_lease_ask(sa, b);
	ike_sa_propose(sa, IKE_OFFER_AUTH, &offer);
	ike_child_propose(sa, hs->child, &offer, b);
	return ike_request_send(e, now, sa, &out);
}

static void send_auth(struct ike_engine *e, uint64_t now, struct ike_sa *sa)
{
	timer_cancel(e->wheel, &sa->life);
	ike_sa_set_state(e, sa, IKE_SA_AUTH_SENT);
	if (send_request(e, now, sa) < 0)
		ike_sa_end(e, sa, IKE_REASON_RESOURCES, 0);
}

/* Keys and credentials are there. */
static void begin(struct ike_engine *e, uint64_t now, struct ike_sa *sa)
{
	if (!ike_proof_plan(sa, NULL)) {
		if (!ike_alternative_next(e, now, sa))
			ike_sa_end(e, sa, IKE_REASON_AUTH, 0);
	} else if (!sa->handshake->plan.key) {
		send_auth(e, now, sa);
	} else {
		await(e, now, sa, IKE_SA_SIGN);
		if (ike_proof_ask(e, sa) < 0)
			ike_sa_end(e, sa, IKE_REASON_RESOURCES, 0);
	}
}

void ike_auth_ready(struct ike_engine *e, uint64_t now, struct ike_sa *sa)
{
	await(e, now, sa, IKE_SA_IDENTIFY);
	if (sa->handshake->credentials)
		begin(e, now, sa);
}

/* Why a protected error notify ended the attempt. */
static enum ike_reason reason_of(uint16_t notify)
{
	switch (notify) {
	case IKE_NOTIFY_AUTHENTICATION_FAILED:
		return IKE_REASON_AUTH;
	case IKE_NOTIFY_NO_PROPOSAL_CHOSEN:
	case IKE_NOTIFY_TS_UNACCEPTABLE:
	case IKE_NOTIFY_SINGLE_PAIR_REQUIRED:
	case IKE_NOTIFY_INTERNAL_ADDRESS_FAILURE:
	case IKE_NOTIFY_FAILED_CP_REQUIRED:
		return IKE_REASON_MODE;
	case IKE_NOTIFY_INVALID_SYNTAX:
	case IKE_NOTIFY_UNSUPPORTED_CRITICAL_PAYLOAD:
		return IKE_REASON_PROTOCOL;
	}
	return IKE_REASON_REFUSED;
}

/* The Child SA of the response, where it is one that we asked for. 0; 1: not
 * that; -EBADMSG; -ENOMEM. */
static int accept_child(struct ike_sa *sa, const struct ike_message *m,
			const struct auth_message *am,
			struct ike_child_agreed *ret)
{
	struct ike_offer offer;
	int rc = 0;

	/* 3.10.1: an error notify is the failure of the whole, whatever else
	 * there is. */
	if (am->error)
		return 1;
	if (!am->has_child)
		return -EBADMSG;
	if (ike_lease_asked(sa))
		rc = ike_lease_take(sa, m);
	if (rc != 0)
		return rc;
	ike_sa_propose(sa, IKE_OFFER_AUTH, &offer);
	return ike_child_accept(sa, sa->handshake->child, &am->child, &offer,
				ret);
}

/* The peer is authenticated: its half of the Child SA. */
static int take_child(struct ike_engine *e, const struct ike_arrival *a,
		      struct ike_sa *sa, const struct auth_message *am)
{
	struct ike_child_agreed agreed;
	struct ike_action_node *up;
	int rc;

	rc = accept_child(sa, a->m, am, &agreed);
	if (rc < 0)
		return rc;
	if (rc > 0) {
		ike_info_close(e, a->now, sa, IKE_REASON_MODE, am->error);
		return 0;
	}
	rc = fill_child(sa, &agreed, &up);
	if (rc < 0)
		return rc;
	establish(e, a->now, sa, am, up);
	return 0;
}

/* Whether the peer is who it has to be: hs->why says what not. */
static bool suffices(struct ike_engine *e, const struct ike_arrival *a,
		     struct ike_sa *sa)
{
	if (!sa->handshake->proven)
		return false;
	if (!ike_duplicate_guarded(e, a->now, sa))
		return true;
	sa->handshake->why = "it is anonymous, where a peer that has proven "
			     "who it is still may be";
	return false;
}

/* What the peer proved, or did not. As a step. */
static int finish(struct ike_engine *e, const struct ike_arrival *a,
		  struct ike_sa *sa)
{
	struct auth_message am;
	int rc;

	if (!suffices(e, a, sa)) {
		e->counters.auth_failed++;
		if (ike_alternative_next(e, a->now, sa))
			return 0;
		ike_info_close(e, a->now, sa, IKE_REASON_AUTH,
			       IKE_NOTIFY_AUTHENTICATION_FAILED);
		return 0;
	}
	if (sa->told) { /* closed meanwhile */
		ike_info_close(e, a->now, sa, IKE_REASON_CLOSED, 0);
		return 0;
	}
	rc = parse_message(a->m, &am);
	return rc < 0 ? rc : take_child(e, a, sa, &am);
}

int ike_auth_response(struct ike_engine *e, const struct ike_arrival *a,
		      struct ike_sa *sa)
{
	struct auth_message am;
	int rc;

	rc = parse_message(a->m, &am);
	if (rc < 0)
		return rc;
	/* 2.21.2: refused before it proved anything; nothing to delete. SK says
	 * that the same peer answered both messages: a better answer there can
	 * only be to IKE_SA_INIT, and has come by now. */
	if (!am.has_auth && am.error) {
		if (ike_alternative_next(e, a->now, sa))
			return 0;
		ike_sa_end(e, sa, reason_of(am.error), am.error);
		return 0;
	}
	if (!am.has_auth || !am.has_id)
		return -EBADMSG;
	rc = ike_proof_judge(e, sa, &am.claim);
	if (rc != IKE_PROOF_BUSY)
		return rc < 0 ? rc : finish(e, a, sa);
	rc = keep(sa, a->m);
	if (rc == 0)
		await(e, a->now, sa, IKE_SA_VERIFY);
	return rc;
}

/* --- as responder ------------------------------------------------------------ */

/* 2.21.2: a failed authentication is answered, and that is the end. */
static int end_auth(struct ike_engine *e, const struct ike_arrival *a,
		    struct ike_sa *sa, enum ike_reason reason)
{
	int rc;

	rc = ike_response_notify(e, sa, IKE_EXCHANGE_AUTH,
				 IKE_NOTIFY_AUTHENTICATION_FAILED, NULL, 0);
	if (rc < 0)
		return rc;
	ike_sa_tell(e, sa, reason, 0);
	ike_sa_linger(e, a->now, sa);
	return 0;
}

static int fail_auth(struct ike_engine *e, const struct ike_arrival *a,
		     struct ike_sa *sa)
{
	e->counters.auth_failed++;
	return end_auth(e, a, sa, IKE_REASON_AUTH);
}

/* Not the peer's fault: no signature of ours was to be had. */
static int fail_signing(struct ike_engine *e, const struct ike_arrival *a,
			struct ike_sa *sa)
{
	return end_auth(e, a, sa, IKE_REASON_RESOURCES);
}

/* IDr and AUTH, then the child or why there is none; sealed. */
static int seal_response(struct ike_sa *sa, uint16_t refusal,
			 const struct ike_child_agreed *agreed)
{
	struct ike_outgoing out;
	struct ike_builder *b = &out.b;
	int rc;

	ike_response_open(sa, IKE_EXCHANGE_AUTH, &out);
	write_identity(sa->handshake, b, IKE_PAYLOAD_IDR);
	rc = ike_proof_write(sa, b);
	if (rc < 0)
		return rc;
	if (refusal) {
		ike_notify_write(b, refusal, NULL, 0);
	} else {
		ike_lease_answer(sa, b);
		ike_child_answer(sa, sa->handshake->child, agreed, b);
	}
	return ike_response_seal(sa, &out);
}

/* 1.2: authenticated, but no child: the IKE SA has no purpose for us. */
static int refuse_child(struct ike_engine *e, const struct ike_arrival *a,
			struct ike_sa *sa, uint16_t refusal)
{
	int rc = seal_response(sa, refusal, NULL);

	if (rc < 0)
		return rc;
	ike_sa_tell(e, sa, IKE_REASON_MODE, 0);
	ike_sa_set_state(e, sa, IKE_SA_CHILDLESS);
	ike_sa_forget_handshake(e, sa);
	ike_response_send(e, sa);
	sa->doomed_at = a->now + e->config.redundant_ms;
	ike_sa_rearm(e, sa);
	return 0;
}

static int grant_child(struct ike_engine *e, const struct ike_arrival *a,
		       struct ike_sa *sa, const struct auth_message *am,
		       const struct ike_child_agreed *agreed)
{
	struct ike_action_node *up = NULL;
	int rc;

	rc = ike_child_new(e, &sa->handshake->child);
	if (rc == 0)
		rc = fill_child(sa, agreed, &up);
	if (rc == 0)
		rc = seal_response(sa, 0, agreed);
	if (rc == 0)
		rc = ike_sa_index_remote(e, sa);
	if (rc < 0) {
		ike_action_node_free(up);
		return rc;
	}
	/* CHILD_UP before the response: we can receive before it sends. */
	establish(e, a->now, sa, am, up);
	ike_response_send(e, sa);
	return 0;
}

/* Both sides have proven who they are. As a step. */
static int answer(struct ike_engine *e, const struct ike_arrival *a,
		  struct ike_sa *sa)
{
	struct ike_child_agreed agreed;
	struct auth_message am;
	struct ike_proof proof;
	struct ike_offer offer;
	int rc;

	rc = ike_lease_grant(e, sa, a->m);
	if (rc < 0)
		return rc;
	if (rc > 0)
		return refuse_child(e, a, sa, (uint16_t)rc);
	/* Once more: much may have happened while we signed. */
	if (!suffices(e, a, sa))
		return fail_auth(e, a, sa);
	rc = parse_message(a->m, &am);
	if (rc < 0)
		return rc;
	if (e->ops.scope)
		e->ops.scope(e->ops.user, &sa->remote.addr, &sa->scope);
	proof = ike_sa_proof(sa);
	ike_engine_algorithms(e, &sa->local, &sa->remote, &proof,
			      &sa->algorithms);
	if (e->ops.modes)
		sa->modes = (uint8_t)e->ops.modes(e->ops.user, &sa->local.addr,
						  &sa->remote.addr, &proof);
	ike_sa_accept(sa, IKE_OFFER_AUTH, &offer);
	rc = ike_child_choose(sa, &am.child, &offer, 0, &agreed);
	if (rc < 0)
		return rc;
	if (rc > 0)
		return refuse_child(e, a, sa, (uint16_t)rc);
	return grant_child(e, a, sa, &am, &agreed);
}

/* The peer has proven who it is, or not: our turn. As a step. */
static int prove(struct ike_engine *e, const struct ike_arrival *a,
		 struct ike_sa *sa)
{
	struct auth_message am;
	int rc;

	/* With an address of its own it takes nobody's place. */
	if (!(sa->handshake->proven && ike_lease_wanted(e, sa, a->m)) &&
	    !suffices(e, a, sa))
		return fail_auth(e, a, sa);
	rc = parse_message(a->m, &am);
	if (rc < 0)
		return rc;
	if (!ike_proof_plan(sa, &am.claim))
		return fail_auth(e, a, sa);
	if (!sa->handshake->plan.key)
		return answer(e, a, sa);
	rc = ike_proof_ask(e, sa);
	if (rc < 0)
		return rc;
	await(e, a->now, sa, IKE_SA_SIGN);
	return 1;
}

/* The credentials are there. As a step. */
static int judge(struct ike_engine *e, const struct ike_arrival *a,
		 struct ike_sa *sa)
{
	struct auth_message am;
	int rc;

	rc = parse_message(a->m, &am);
	if (rc == 0)
		rc = ike_wishes_learn(a->m, &sa->handshake->wishes);
	if (rc < 0)
		return rc;
	rc = ike_proof_judge(e, sa, &am.claim);
	if (rc != IKE_PROOF_BUSY)
		return rc < 0 ? rc : prove(e, a, sa);
	await(e, a->now, sa, IKE_SA_VERIFY);
	return 1;
}

/* The request waits for the owner's word; what is asked again meanwhile is
 * passed over, for want of a response (dispatch.c). */
int ike_auth_request(struct ike_engine *e, const struct ike_arrival *a,
		     struct ike_sa *sa)
{
	struct auth_message am;
	int rc;

	rc = parse_message(a->m, &am);
	if (rc < 0)
		return rc;
	/* Without AUTH it asks for EAP (2.16). */
	if (!am.has_auth) {
		sa->handshake->why = "it asks for EAP";
		return fail_auth(e, a, sa);
	}
	rc = keep(sa, a->m);
	if (rc == 0)
		rc = ike_auth_ask(e, sa, a->m);
	if (rc == -EBADMSG) {
		sa->handshake->why = "an identity that nobody can have";
		return fail_auth(e, a, sa);
	}
	if (rc == 0)
		await(e, a->now, sa, IKE_SA_IDENTIFY);
	return rc;
}

/* --- answers --------------------------------------------------------------------- */

int ike_auth_identified(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
			const struct ike_credentials *c)
{
	struct ike_handshake *hs = sa->handshake;
	int rc;

	if (!hs || hs->credentials ||
	    (!sa->initiator && sa->state != IKE_SA_IDENTIFY))
		return -ESTALE;
	rc = ike_credentials_copy(c, &hs->credentials);
	if (rc < 0 || sa->state != IKE_SA_IDENTIFY)
		return rc;
	if (sa->initiator)
		begin(e, now, sa);
	else
		resume(e, now, sa, judge);
	return 0;
}

void ike_auth_refused(struct ike_engine *e, uint64_t now, struct ike_sa *sa)
{
	if (!sa->handshake || sa->handshake->credentials)
		return;
	if (sa->initiator)
		ike_sa_end(e, sa, IKE_REASON_CLOSED, 0);
	else if (sa->state == IKE_SA_IDENTIFY)
		resume(e, now, sa, fail_auth);
}

void ike_auth_signed(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		     struct ike_view signature, int error)
{
	struct ike_handshake *hs = sa->handshake;
	int rc = error;

	if (rc == 0 &&
	    (signature.len == 0 || signature.len > LIMIT_IKE_SIGNATURE))
		rc = -EINVAL;
	if (rc == 0)
		rc = ike_blob_set(&hs->signature, signature.data,
				  signature.len);
	if (rc < 0)
		hs->why = "our signature could not be made";
	if (!sa->initiator)
		resume(e, now, sa, rc < 0 ? fail_signing : answer);
	else if (rc < 0)
		ike_sa_end(e, sa, IKE_REASON_RESOURCES, 0);
	else
		send_auth(e, now, sa);
}

static void ask_again(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_handshake *hs = sa->handshake;

	hs->credentials = ike_credentials_free(hs->credentials);
	secret_wipe(hs->auth.data, hs->auth.len);
	ike_blob_done(&hs->auth);
	ike_sa_set_state(e, sa, IKE_SA_INIT_DONE);
}

void ike_auth_verified(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		       const struct ike_job *job)
{
	/* Nobody had time for it: a stranger's next retransmission is tried
	 * afresh. */
	if (job->result == -ECANCELED && !sa->initiator)
		ask_again(e, sa);
	else if (ike_proof_verified(sa, job) < 0)
		ike_sa_end(e, sa, IKE_REASON_RESOURCES, 0);
	else
		resume(e, now, sa, sa->initiator ? finish : prove);
}
