/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * IKE_AUTH (RFC 7296 1.2): both sides prove that they are those of
 * IKE_SA_INIT, and make the first Child SA, in transport mode between exactly
 * the two addresses. Identities are ID_NULL (RFC 7619).
 */
#include <errno.h>
#include <string.h>

#include "ike/core.h"

/* --- AUTH of either side --------------------------------------------------- */

static struct ike_auth_octets octets(const struct ike_sa *sa, bool of_initiator,
				     struct ike_view id)
{
	const struct ike_handshake *hs = sa->handshake;
	const struct ike_blob *b = of_initiator ? &hs->request : &hs->response;

	return (struct ike_auth_octets){
		.prf = sa->prf,
		.sk_p = of_initiator ? &sa->keys.pi : &sa->keys.pr,
		.message = { b->data, b->len },
		.nonce = of_initiator ? &hs->nr : &hs->ni,
		.id = id,
	};
}

static int write_auth(struct ike_builder *b, const struct ike_sa *sa)
{
	uint8_t id[IKE_ID_NULL_BODY_LEN], data[IKE_AUTH_DATA_MAX];
	struct ike_auth_octets o;
	size_t len;
	int rc;

	ike_id_null_body(id);
	o = octets(sa, sa->initiator, (struct ike_view){ id, sizeof(id) });
	rc = ike_auth_sign(IKE_AUTH_NULL, &o, data, &len);
	if (rc == 0)
		ike_authentication_write(b, IKE_AUTH_NULL, data, len);
	return rc;
}

/* The peer's AUTH over its identity. As ike_auth_verify(). */
static int verify_auth(const struct ike_sa *sa, const struct ike_id *id,
		       const struct ike_authentication *auth)
{
	struct ike_auth_octets o = octets(sa, !sa->initiator, id->body);

	return ike_auth_verify(&o, auth);
}

/* --- what a message says --------------------------------------------------- */

/* Either direction of IKE_AUTH, parsed; has_* where it was there. */
struct auth_message {
	bool has_id, has_idr, has_auth, has_child;
	struct ike_id id;  /* of the sender */
	struct ike_id idr; /* in a request: who we should be */
	struct ike_authentication auth;
	struct ike_child_terms child;
	bool initial_contact;
	uint16_t error; /* the first error notify, or 0 */
};

static int parse_notifies(const struct ike_message *m, struct auth_message *am)
{
	for (size_t i = 0; i < m->n; i++) {
		struct ike_notify n;

		if (m->payloads[i].type != IKE_PAYLOAD_NOTIFY)
			continue;
		if (ike_notify_parse(&m->payloads[i], &n) < 0)
			return -EBADMSG;
		if (n.type == IKE_NOTIFY_INITIAL_CONTACT)
			am->initial_contact = true;
		else if (n.type < IKE_NOTIFY_STATUS && !am->error)
			am->error = n.type;
	}
	return 0;
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
		      &ret->has_id, &ret->id);
	if (rc == 0 && !response)
		rc = parse_id(m, IKE_PAYLOAD_IDR, &ret->has_idr, &ret->idr);
	if (rc == 0 && auth)
		rc = ike_authentication_parse(auth, &ret->auth);
	if (rc == 0)
		rc = parse_notifies(m, ret);
	if (rc < 0)
		return rc;
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
		      bool initial_contact, struct ike_action_node *up)
{
	ike_sa_set_state(e, sa, IKE_SA_ESTABLISHED);
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
	ike_duplicate_resolve(e, now, sa, initial_contact, up);
}

/* --- the owner is asked ------------------------------------------------------ */

static int wanted_identities(const struct ike_message *m,
			     struct ike_identify *ret)
{
	struct auth_message am;
	int rc = parse_message(m, &am);

	if (rc == 0)
		rc = ike_identity_from_payload(&am.id, &ret->peer);
	if (rc == 0 && am.has_idr)
		rc = ike_identity_from_payload(&am.idr, &ret->wanted);
	return rc;
}

int ike_auth_ask(struct ike_engine *e, struct ike_sa *sa,
		 const struct ike_message *request)
{
	struct ike_action_node *n = ike_action_node_new();
	struct ike_identify *ask;
	int rc = 0;

	if (!n)
		return -ENOMEM;
	ask = &n->action.identify;
	*ask = (struct ike_identify){
		.initiator = sa->initiator,
		.local = sa->local,
		.remote = sa->remote,
	};
	if (request)
		rc = wanted_identities(request, ask);
	if (rc < 0) {
		ike_action_node_free(n);
		return rc;
	}
	n->action.type = IKE_IDENTIFY;
	n->action.sa = sa->handle;
	ike_queue_push(&e->queue, n);
	return 0;
}

/* --- as initiator ------------------------------------------------------------ */

static int send_request(struct ike_engine *e, uint64_t now, struct ike_sa *sa)
{
	struct ike_outgoing out;
	struct ike_builder *b = &out.b;
	struct ike_offer offer;
	int rc;

	rc = ike_child_new(e, &sa->handshake->child);
	if (rc < 0)
		return rc;
	ike_nat_float(e, sa);
	ike_request_open(sa, IKE_EXCHANGE_AUTH, &out);
	ike_id_write_null(b, IKE_PAYLOAD_IDI);
	/* Asks the responder to be anonymous too. */
	ike_id_write_null(b, IKE_PAYLOAD_IDR);
	rc = write_auth(b, sa);
	if (rc < 0)
		return rc;
	/* 2.4: only where this is the only one. A peer that initiates too would
	 * drop its own attempt, which we may be about to answer. */
	if (!sa->crossed && !ike_duplicate_exists(e, sa))
		ike_notify_write(b, IKE_NOTIFY_INITIAL_CONTACT, NULL, 0);
	ike_sa_propose(sa, IKE_OFFER_AUTH, &offer);
	ike_child_propose(sa, sa->handshake->child, &offer, b);
	return ike_request_send(e, now, sa, &out);
}

static void begin(struct ike_engine *e, uint64_t now, struct ike_sa *sa)
{
	timer_cancel(e->wheel, &sa->life);
	ike_sa_set_state(e, sa, IKE_SA_AUTH_SENT);
	if (send_request(e, now, sa) < 0)
		ike_sa_end(e, sa, IKE_REASON_RESOURCES, 0);
}

void ike_auth_ready(struct ike_engine *e, uint64_t now, struct ike_sa *sa)
{
	ike_sa_set_state(e, sa, IKE_SA_IDENTIFY);
	if (sa->handshake->credentials)
		begin(e, now, sa);
	else
		timer_arm(e->wheel, &sa->life, now + e->config.half_open_ms);
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

/* The peer is authenticated: its half of the Child SA. */
static int take_child(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		      const struct auth_message *am)
{
	struct ike_child_agreed agreed;
	struct ike_action_node *up;
	struct ike_offer offer;
	int rc;

	if (!am->has_child && !am->error)
		return -EBADMSG;
	ike_sa_propose(sa, IKE_OFFER_AUTH, &offer);
	rc = am->has_child ? ike_child_accept(sa, sa->handshake->child,
					      &am->child, &offer, &agreed)
			   : 1;
	if (rc < 0)
		return rc;
	if (rc > 0) {
		ike_info_close(e, now, sa, IKE_REASON_MODE, am->error);
		return 0;
	}
	rc = fill_child(sa, &agreed, &up);
	if (rc < 0)
		return rc;
	establish(e, now, sa, false, up);
	return 0;
}

int ike_auth_response(struct ike_engine *e, const struct ike_arrival *a,
		      struct ike_sa *sa)
{
	struct auth_message am;
	int rc;

	rc = parse_message(a->m, &am);
	if (rc < 0)
		return rc;
	/* 2.21.2: refused before it proved anything; nothing to delete. */
	if (!am.has_auth && am.error) {
		ike_sa_end(e, sa, reason_of(am.error), am.error);
		return 0;
	}
	if (!am.has_auth || !am.has_id)
		return -EBADMSG;
	rc = verify_auth(sa, &am.id, &am.auth);
	if (rc == -EIO)
		return rc;
	if (rc < 0) {
		e->counters.auth_failed++;
		ike_info_close(e, a->now, sa, IKE_REASON_AUTH,
			       IKE_NOTIFY_AUTHENTICATION_FAILED);
		return 0;
	}
	if (sa->told) { /* closed meanwhile */
		ike_info_close(e, a->now, sa, IKE_REASON_CLOSED, 0);
		return 0;
	}
	return take_child(e, a->now, sa, &am);
}

/* --- as responder ------------------------------------------------------------ */

/* 2.21.2: a failed authentication is answered, and that is the end. */
static int fail_auth(struct ike_engine *e, const struct ike_arrival *a,
		     struct ike_sa *sa)
{
	int rc;

	e->counters.auth_failed++;
	rc = ike_response_notify(e, sa, IKE_EXCHANGE_AUTH,
				 IKE_NOTIFY_AUTHENTICATION_FAILED, NULL, 0);
	if (rc < 0)
		return rc;
	ike_sa_tell(e, sa, IKE_REASON_AUTH, 0);
	ike_sa_linger(e, a->now, sa);
	return 0;
}

/* IDr and AUTH, then the child or why there is none; sealed. */
static int seal_response(struct ike_sa *sa, uint16_t refusal,
			 const struct ike_child_agreed *agreed)
{
	struct ike_outgoing out;
	struct ike_builder *b = &out.b;
	int rc;

	ike_response_open(sa, IKE_EXCHANGE_AUTH, &out);
	ike_id_write_null(b, IKE_PAYLOAD_IDR);
	rc = write_auth(b, sa);
	if (rc < 0)
		return rc;
	if (refusal)
		ike_notify_write(b, refusal, NULL, 0);
	else
		ike_child_answer(sa->handshake->child, agreed, b);
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
	establish(e, a->now, sa, am->initial_contact, up);
	ike_response_send(e, sa);
	return 0;
}

/* The request waits for the owner's word; what is asked again meanwhile is
 * passed over, for want of a response (dispatch.c). */
int ike_auth_request(struct ike_engine *e, const struct ike_arrival *a,
		     struct ike_sa *sa)
{
	struct ike_handshake *hs = sa->handshake;
	struct auth_message am;
	int rc;

	rc = parse_message(a->m, &am);
	if (rc < 0)
		return rc;
	/* Without AUTH it asks for EAP (2.16); an IDr other than ID_NULL asks
	 * us to be somebody. */
	if (!am.has_auth || (am.has_idr && am.idr.type != IKE_ID_NULL))
		return fail_auth(e, a, sa);
	rc = ike_blob_set(&hs->auth, a->m->inner, a->m->inner_len);
	if (rc < 0)
		return rc;
	hs->auth_first = a->m->inner_first;
	rc = ike_auth_ask(e, sa, a->m);
	/* An identity that nobody can have. */
	if (rc == -EBADMSG)
		return fail_auth(e, a, sa);
	if (rc < 0)
		return rc;
	ike_sa_set_state(e, sa, IKE_SA_IDENTIFY);
	timer_arm(e->wheel, &sa->life, a->now + e->config.half_open_ms);
	return 0;
}

/* The request, with the credentials there. As a handler. */
static int answer_request(struct ike_engine *e, const struct ike_arrival *a,
			  struct ike_sa *sa)
{
	struct ike_child_agreed agreed;
	struct auth_message am;
	struct ike_offer offer;
	int rc;

	rc = parse_message(a->m, &am);
	if (rc < 0)
		return rc;
	rc = verify_auth(sa, &am.id, &am.auth);
	if (rc == -EIO)
		return rc;
	if (rc < 0)
		return fail_auth(e, a, sa);
	if (e->ops.modes)
		sa->modes = (uint8_t)e->ops.modes(e->ops.user, &sa->local.addr,
						  &sa->remote.addr);
	ike_sa_accept(sa, IKE_OFFER_AUTH, &offer);
	rc = ike_child_choose(sa, &am.child, &offer, 0, &agreed);
	if (rc < 0)
		return rc;
	if (rc > 0)
		return refuse_child(e, a, sa, (uint16_t)rc);
	return grant_child(e, a, sa, &am, &agreed);
}

/* --- the owner's answer -------------------------------------------------------- */

/* Goes on with the request that was kept. */
static void resume(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		   int (*handler)(struct ike_engine *e,
				  const struct ike_arrival *a,
				  struct ike_sa *sa))
{
	struct ike_handshake *hs = sa->handshake;
	struct ike_message m = {
		.header = {
			.spi_i = sa->spi_i,
			.spi_r = sa->spi_r,
			.exchange = IKE_EXCHANGE_AUTH,
			.flags = IKE_FLAG_INITIATOR,
			.id = sa->expected_id,
		},
	};
	const struct ike_arrival a = { now, &sa->local, &sa->remote, &m };
	struct ike_blob kept = hs->auth;
	int rc;

	/* The handler may free the SA. */
	hs->auth = (struct ike_blob){ 0 };
	rc = ike_message_parse_inner(&m, hs->auth_first, kept.data, kept.len);
	if (rc == 0)
		rc = handler(e, &a, sa);
	if (rc == -EBADMSG)
		ike_dispatch_reject(e, &a, sa, IKE_NOTIFY_INVALID_SYNTAX, NULL,
				    0);
	else if (rc < 0)
		ike_sa_end(e, sa, IKE_REASON_RESOURCES, 0);
	secret_wipe(kept.data, kept.len);
	ike_blob_done(&kept);
}

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
		resume(e, now, sa, answer_request);
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
