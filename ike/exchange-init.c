/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * IKE_SA_INIT (RFC 7296 1.2): algorithms, the two halves of the key exchange,
 * nonces. Nothing in it is authenticated, so as initiator we take a response
 * only where it is one of our proposals, and believe a refusal only when no
 * better answer comes; as responder we refuse without keeping anything.
 */
#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "ike/core.h"
#include "util/slots.h"

/* Says to peers that know it that anonymous IKE is welcome. */
static const char vendor[] = "Opportunistic IPsec";

/* The first notify of that type; 0, 1: there is none, -EBADMSG. */
static int find_status(const struct ike_message *m, uint16_t type,
		       struct ike_notify *ret)
{
	for (size_t i = 0; i < m->n; i++) {
		if (m->payloads[i].type != IKE_PAYLOAD_NOTIFY)
			continue;
		if (ike_notify_parse(&m->payloads[i], ret) < 0)
			return -EBADMSG;
		if (ret->type == type)
			return 0;
	}
	return 1;
}

/* RFC 7383 2.3: the sender takes fragments. */
static bool can_fragment(const struct ike_message *m)
{
	struct ike_notify n;

	return find_status(m, IKE_NOTIFY_FRAGMENTATION_SUPPORTED, &n) == 0;
}

/* --- as initiator --------------------------------------------------------- */

static int generate(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		    const struct ike_kex *kex)
{
	struct ike_job *job;
	int rc;

	job = ike_job_new(IKE_JOB_GENERATE, sa->handle, kex);
	if (!job)
		return -ENOMEM;
	rc = ike_engine_run(e, job);
	if (rc < 0)
		return rc;
	sa->kex = kex;
	ike_sa_set_state(e, sa, IKE_SA_GENERATE);
	timer_arm(e->wheel, &sa->life, now + e->config.half_open_ms);
	return 0;
}

int ike_init_begin(struct ike_engine *e, uint64_t now, struct ike_sa *sa)
{
	const struct ike_kex *kex;
	struct ike_offer offer;
	int rc;

	ike_sa_propose(sa, IKE_OFFER_INIT, &offer);
	kex = ike_kex_find(ike_offer_first(&offer, IKE_TRANSFORM_KE));
	if (!kex)
		return -EINVAL;
	rc = ike_sa_index_remote(e, sa);
	if (rc < 0)
		return rc;
	sa->handshake->modes = sa->modes;
	sa->handshake->local_port = sa->local.port;
	sa->handshake->remote_port = sa->remote.port;
	return generate(e, now, sa, kex);
}

/* Sends the request anew: first, or with a cookie, or with another key. */
static int send_request(struct ike_engine *e, uint64_t now, struct ike_sa *sa)
{
	struct ike_handshake *hs = sa->handshake;
	struct ike_header h = {
		.spi_i = sa->spi_i,
		.exchange = IKE_EXCHANGE_SA_INIT,
		.flags = IKE_FLAG_INITIATOR,
	};
	struct ike_outgoing out;
	struct ike_offer offer;
	int rc;

	ike_sa_propose(sa, IKE_OFFER_INIT, &offer);
	ike_builder_init(&out.b, out.buf, sizeof(out.buf), &h);
	/* 2.6: the cookie comes first, the rest is unchanged. */
	if (hs->cookie_len)
		ike_notify_write(&out.b, IKE_NOTIFY_COOKIE, hs->cookie,
				 hs->cookie_len);
	ike_proposal_write_offer(&out.b, &offer, 0);
	ike_ke_write(&out.b, sa->kex->id, hs->public, sa->kex->public_len);
	ike_nonce_write(&out.b, &hs->ni);
	ike_nat_write(&out.b, &h, &sa->local, &sa->remote);
	ike_notify_write(&out.b, IKE_NOTIFY_FRAGMENTATION_SUPPORTED, NULL, 0);
	ike_announce_hashes(&out.b);
	hs->hashes_sent = true;
	ike_vendor_write(&out.b, vendor);
	rc = ike_builder_finish(&out.b);
	if (rc == 0)
		rc = ike_request_send_init(e, now, sa, &out);
	return rc;
}

static void generated(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		      struct ike_job *job)
{
	struct ike_handshake *hs = sa->handshake;

	if (job->result < 0) {
		ike_sa_end(e, sa, IKE_REASON_RESOURCES, 0);
		return;
	}
	EVP_PKEY_free(hs->private);
	hs->private = job->private;
	job->private = NULL;
	memcpy(hs->public, job->public, sizeof(hs->public));
	timer_cancel(e->wheel, &sa->life);
	ike_sa_set_state(e, sa, IKE_SA_INIT_SENT);
	if (send_request(e, now, sa) < 0)
		ike_sa_end(e, sa, IKE_REASON_RESOURCES, 0);
}

void ike_init_refused(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		      enum ike_reason reason, uint16_t notify)
{
	struct ike_handshake *hs = sa->handshake;

	if (hs->refused)
		return;
	hs->refused = reason;
	hs->refused_notify = notify;
	if (!sa->patient)
		timer_arm(e->wheel, &sa->life, now + e->config.refusal_wait_ms);
}

/* The peer wants something else: what it said before does not count. */
static void forget_refusal(struct ike_engine *e, struct ike_sa *sa)
{
	sa->handshake->refused = IKE_REASON_NONE;
	sa->handshake->refused_notify = 0;
	timer_cancel(e->wheel, &sa->life);
}

static int on_cookie(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		     const struct ike_notify *n)
{
	struct ike_handshake *hs = sa->handshake;

	/* 2.6: 1 to 64 bytes. */
	if (n->data.len == 0 || n->data.len > sizeof(hs->cookie))
		return -EBADMSG;
	hs->retries++;
	forget_refusal(e, sa);
	memcpy(hs->cookie, n->data.data, n->data.len);
	hs->cookie_len = (uint8_t)n->data.len;
	return send_request(e, now, sa);
}

static int on_invalid_ke(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
			 const struct ike_notify *n)
{
	struct rbuf r = rbuf_of(n->data.data, n->data.len);
	uint16_t group = rbuf_be16(&r);
	const struct ike_kex *kex = ike_kex_find(group);
	struct ike_offer offer;

	ike_sa_propose(sa, IKE_OFFER_INIT, &offer);
	/* 1.2: only a group that we proposed, and not the one just tried. */
	if (!rbuf_finish(&r) || !kex || kex == sa->kex ||
	    !ike_offer_has(&offer, IKE_TRANSFORM_KE, group))
		return -EBADMSG;
	sa->handshake->retries++;
	forget_refusal(e, sa);
	ike_request_done(e, sa);
	return generate(e, now, sa, kex);
}

/* A response without an SA payload. */
static int on_notify(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		     const struct ike_notify *n)
{
	bool retry = sa->handshake->retries < LIMIT_IKE_INIT_RETRIES;
	int rc = 0;

	sa->handshake->answered = true;
	if (n->type == IKE_NOTIFY_COOKIE && retry)
		rc = on_cookie(e, now, sa, n);
	else if (n->type == IKE_NOTIFY_INVALID_KE_PAYLOAD && retry)
		rc = on_invalid_ke(e, now, sa, n);
	else
		ike_init_refused(e, now, sa, IKE_REASON_REFUSED, n->type);
	if (rc < 0 && rc != -EBADMSG) {
		ike_sa_end(e, sa, IKE_REASON_RESOURCES, 0);
		rc = 0;
	}
	return rc;
}

/* The first notify that says no, or that asks for something. */
static int find_notify(const struct ike_message *m, struct ike_notify *ret)
{
	struct ike_notify found = { 0 };

	for (size_t i = 0; i < m->n; i++) {
		struct ike_notify n;

		if (m->payloads[i].type != IKE_PAYLOAD_NOTIFY)
			continue;
		if (ike_notify_parse(&m->payloads[i], &n) < 0)
			return -EBADMSG;
		if (found.type == 0 &&
		    (n.type < IKE_NOTIFY_STATUS || n.type == IKE_NOTIFY_COOKIE))
			found = n;
	}
	if (found.type == 0)
		return -EBADMSG;
	*ret = found;
	return 0;
}

/* What a response has that we can go on with. */
struct answer {
	struct ike_choice choice;
	struct ike_ke ke;
	struct ike_nonce nonce;
	struct ike_wishes wishes;
	const struct ike_prf *prf;
	const struct ike_cipher *cipher;
};

static int parse_answer(const struct ike_sa *sa, const struct ike_message *m,
			struct answer *ret)
{
	const struct ike_payload *p_sa = ike_message_find(m, IKE_PAYLOAD_SA);
	const struct ike_payload *p_ke = ike_message_find(m, IKE_PAYLOAD_KE);
	const struct ike_payload *p_n = ike_message_find(m, IKE_PAYLOAD_NONCE);
	const struct ike_transform *prf, *ke;
	struct ike_offer offer;

	ike_sa_propose(sa, IKE_OFFER_INIT, &offer);
	if (!p_sa || !p_ke || !p_n || m->header.spi_r == 0 ||
	    ike_proposal_accept(p_sa, &offer, &ret->choice) != 0 ||
	    ike_ke_parse(p_ke, &ret->ke) < 0 ||
	    ike_nonce_parse(p_n, &ret->nonce) < 0)
		return -EBADMSG;
	ret->wishes = (struct ike_wishes){ 0 };
	if (ike_wishes_learn(m, &ret->wishes) < 0)
		return -EBADMSG;
	prf = ike_choice_get(&ret->choice, IKE_TRANSFORM_PRF);
	ke = ike_choice_get(&ret->choice, IKE_TRANSFORM_KE);
	ret->cipher = ike_choice_cipher(&ret->choice);
	ret->prf = ike_prf_find(prf->id);
	/* 2.7: the group chosen is the one of both KE payloads. */
	if (!ret->cipher || !ret->prf || ke->id != sa->kex->id ||
	    ret->ke.group != sa->kex->id ||
	    ret->ke.data.len != sa->kex->public_len)
		return -EBADMSG;
	return 0;
}

bool ike_init_understands(const struct ike_sa *sa, const struct ike_message *m)
{
	struct answer an;

	return parse_answer(sa, m, &an) == 0;
}

static struct ike_job *derive_job(const struct ike_sa *sa,
				  const struct answer *an, uint64_t spi_r)
{
	struct ike_job *job;

	job = ike_job_new(IKE_JOB_DERIVE, sa->handle, sa->kex);
	if (!job)
		return NULL;
	EVP_PKEY_up_ref(sa->handshake->private);
	job->private = sa->handshake->private;
	memcpy(job->peer, an->ke.data.data, an->ke.data.len);
	job->peer_len = an->ke.data.len;
	job->keymat = (struct ike_keymat){
		.prf = an->prf,
		.cipher = an->cipher,
		.ni = sa->handshake->ni,
		.nr = an->nonce,
		.spi_i = sa->spi_i,
		.spi_r = spi_r,
	};
	return job;
}

int ike_init_response(struct ike_engine *e, const struct ike_arrival *a,
		      struct ike_sa *sa)
{
	struct ike_handshake *hs = sa->handshake;
	struct ike_notify notify;
	struct answer an;
	struct ike_job *job;

	if (!(a->m->present & IKE_PRESENT(IKE_PAYLOAD_SA))) {
		if (find_notify(a->m, &notify) < 0)
			return -EBADMSG;
		return on_notify(e, a->now, sa, &notify);
	}
	if (parse_answer(sa, a->m, &an) < 0)
		return -EBADMSG;
	if (ike_blob_set(&hs->response, a->m->raw, a->m->raw_len) < 0)
		return -ENOMEM;
	job = derive_job(sa, &an, a->m->header.spi_r);
	if (!job || ike_engine_run(e, job) < 0)
		return -ENOMEM; /* its retransmission is another chance */
	hs->answered = true;
	forget_refusal(e, sa);
	hs->nr = an.nonce;
	hs->wishes = an.wishes;
	sa->nat = (struct ike_nat){ 0 };
	(void)ike_nat_detect(a->m, a->local, a->remote, &sa->nat);
	sa->fragmentation = can_fragment(a->m);
	sa->spi_r = a->m->header.spi_r;
	sa->prf = an.prf;
	sa->cipher = an.cipher;
	ike_request_pause(e, sa);
	ike_sa_set_state(e, sa, IKE_SA_DERIVE);
	timer_arm(e->wheel, &sa->life, a->now + e->config.half_open_ms);
	return 0;
}

static void derived(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		    struct ike_job *job)
{
	struct ike_handshake *hs = sa->handshake;

	timer_cancel(e->wheel, &sa->life);
	if (job->result == -EBADMSG) {
		/* Not the answer of an honest peer: wait for a better one. */
		e->counters.malformed++;
		sa->spi_r = 0;
		ike_sa_set_state(e, sa, IKE_SA_INIT_SENT);
		ike_request_resume(e, now, sa);
		return;
	}
	if (job->result < 0) {
		ike_sa_end(e, sa, IKE_REASON_RESOURCES, 0);
		return;
	}
	sa->keys = job->keys;
	sa->next_id = 1;
	hs->request = sa->request;
	sa->request = (struct ike_blob){ 0 };
	ike_auth_ready(e, now, sa);
}

/* --- as responder ---------------------------------------------------------- */

/* Without an SPI of ours: nothing is kept. */
static void answer_plain(struct ike_engine *e, const struct ike_arrival *a,
			 uint16_t notify, const void *data, size_t len)
{
	struct ike_header h = {
		.spi_i = a->m->header.spi_i,
		.exchange = IKE_EXCHANGE_SA_INIT,
		.flags = IKE_FLAG_RESPONSE,
	};
	struct ike_outgoing out;

	ike_builder_init(&out.b, out.buf, sizeof(out.buf), &h);
	ike_notify_write(&out.b, notify, data, len);
	if (ike_builder_finish(&out.b) < 0)
		return;
	ike_engine_send(e, (struct handle){ 0 }, a->local, a->remote, out.buf,
			out.b.w.len);
}

void ike_init_refuse(struct ike_engine *e, const struct ike_arrival *a,
		     uint16_t notify, const void *data, size_t len)
{
	e->counters.init_refused++;
	answer_plain(e, a, notify, data, len);
}

/* A request as far as it is understood; group is the one chosen. */
struct question {
	struct algorithms algorithms;
	struct ike_choice choice;
	bool acceptable;
	struct ike_ke ke;
	struct ike_nonce nonce;
	struct ike_wishes wishes;
	const struct ike_kex *kex;
};

static int parse_question(const struct ike_engine *e,
			  const struct ike_arrival *a, struct question *ret)
{
	const struct ike_message *m = a->m;
	struct ike_offer offer;
	int rc;

	if (ike_ke_parse(ike_message_find(m, IKE_PAYLOAD_KE), &ret->ke) < 0 ||
	    ike_nonce_parse(ike_message_find(m, IKE_PAYLOAD_NONCE),
			    &ret->nonce) < 0 ||
	    ike_wishes_learn(m, &ret->wishes) < 0)
		return -EBADMSG;
	ike_engine_algorithms(e, a->local, a->remote, NULL, &ret->algorithms);
	ike_offer_init(&offer, IKE_OFFER_INIT, &ret->algorithms.accept);
	/* The group of its KE payload saves a round trip, and each that we
	 * accept is as good as another. */
	rc = ike_proposal_choose(ike_message_find(m, IKE_PAYLOAD_SA), &offer,
				 ret->ke.group, &ret->choice);
	if (rc < 0)
		return rc;
	ret->acceptable = rc == IKE_PROPOSAL_CHOSEN;
	if (!ret->acceptable)
		return 0;
	ret->kex = ike_kex_find(
		ike_choice_get(&ret->choice, IKE_TRANSFORM_KE)->id);
	if (!ret->kex || (ret->kex->id == ret->ke.group &&
			  ret->ke.data.len != ret->kex->public_len))
		return -EBADMSG;
	return 0;
}

/* Makes the SA of an acceptable request and starts its job. */
static int respond(struct ike_engine *e, const struct ike_arrival *a,
		   const struct question *q)
{
	const struct ike_message *m = a->m;
	const struct ike_transform *prf;
	struct ike_handshake *hs;
	struct ike_job *job = NULL;
	struct ike_sa *sa;
	int rc;

	rc = ike_sa_new(e, false, a->local, a->remote, &sa);
	if (rc < 0)
		return rc;
	hs = sa->handshake;
	sa->asked_from = *a->remote;
	prf = ike_choice_get(&q->choice, IKE_TRANSFORM_PRF);
	sa->spi_i = m->header.spi_i;
	sa->algorithms = q->algorithms;
	sa->cipher = ike_choice_cipher(&q->choice);
	sa->prf = ike_prf_find(prf->id);
	sa->kex = q->kex;
	hs->ni = q->nonce;
	hs->choice = q->choice;
	hs->wishes = q->wishes;
	sa->fragmentation = can_fragment(m);
	hs->nat_known = ike_nat_detect(m, a->local, a->remote, &sa->nat);
	rc = ike_sa_index_init(e, sa, m->raw, m->raw_len);
	if (rc == 0)
		rc = ike_blob_set(&hs->request, m->raw, m->raw_len);
	if (rc == 0)
		job = ike_job_new(IKE_JOB_AGREE, sa->handle, q->kex);
	if (!job) {
		ike_sa_free(e, sa);
		return -ENOMEM;
	}
	memcpy(job->peer, q->ke.data.data, q->ke.data.len);
	job->peer_len = q->ke.data.len;
	job->keymat = (struct ike_keymat){
		.prf = sa->prf,
		.cipher = sa->cipher,
		.ni = hs->ni,
		.nr = hs->nr,
		.spi_i = sa->spi_i,
		.spi_r = sa->spi_r,
	};
	ike_ephemeral_lend(e, job);
	ike_sa_slim(sa);
	ike_sa_set_state(e, sa, IKE_SA_RESPOND);
	timer_arm(e->wheel, &sa->life, a->now + e->config.half_open_ms);
	rc = ike_engine_run(e, job);
	if (rc < 0)
		ike_sa_free(e, sa);
	return rc;
}

/* 2.6: a good cookie and on with it, or a cookie to come back with. 0: it has
 * one; 1: it was sent one; -EBADMSG; -EIO. */
static int demand_cookie(struct ike_engine *e, const struct ike_arrival *a)
{
	const struct ike_payload *nonce =
		ike_message_find(a->m, IKE_PAYLOAD_NONCE);
	const struct ike_cookie_subject s = {
		.spi_i = a->m->header.spi_i,
		.remote = &a->remote->addr,
		.nonce = { nonce->data, nonce->len },
	};
	uint8_t cookie[IKE_COOKIE_LEN];
	struct ike_notify n;
	int rc;

	/* 2.10. The answer is no longer than what has one. */
	if (nonce->len < LIMIT_IKE_NONCE_MIN ||
	    nonce->len > LIMIT_IKE_NONCE_MAX)
		return -EBADMSG;
	rc = find_status(a->m, IKE_NOTIFY_COOKIE, &n);
	if (rc < 0)
		return rc;
	if (rc == 0 && ike_cookie_check(e, a->now, &s, &n.data))
		return 0;
	rc = ike_cookie_make(e, a->now, &s, cookie);
	if (rc < 0)
		return rc;
	e->counters.cookies_sent++;
	answer_plain(e, a, IKE_NOTIFY_COOKIE, cookie, sizeof(cookie));
	return 1;
}

/* The cheap questions first. 0: go on; 1: that was all; -EBADMSG; -EIO. */
static int screen(struct ike_engine *e, const struct ike_arrival *a)
{
	switch (ike_stranger_judge(e, &a->remote->addr)) {
	case IKE_STRANGER_WELCOME:
		break;
	case IKE_STRANGER_PROVE:
		return demand_cookie(e, a);
	case IKE_STRANGER_NO:
		e->counters.init_ignored++;
		return 1;
	}
	return 0;
}

/* 0; 1: its address is to be shown first; -EBADMSG; -ENOMEM. */
static int admit(struct ike_engine *e, const struct ike_arrival *a,
		 enum ike_admission *ret)
{
	int rc;

	*ret = e->ops.admit(e->ops.user, a->local, a->remote, false);
	if (*ret != IKE_PROVE)
		return 0;
	rc = demand_cookie(e, a);
	if (rc == 0)
		*ret = e->ops.admit(e->ops.user, a->local, a->remote, true);
	return rc;
}

int ike_init_request(struct ike_engine *e, const struct ike_arrival *a,
		     struct ike_sa *sa)
{
	const struct ike_message *m = a->m;
	struct question q = { 0 };
	enum ike_admission verdict;
	uint8_t group[2];
	int rc;

	(void)sa;
	rc = m->unsupported ? 0 : screen(e, a);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	rc = m->unsupported ? 0 : parse_question(e, a, &q);
	if (rc < 0)
		return rc;
	rc = admit(e, a, &verdict);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	switch (verdict) {
	case IKE_PROVE:
	case IKE_IGNORE:
		e->counters.init_ignored++;
		return 0;
	case IKE_REFUSE:
		ike_init_refuse(e, a, IKE_NOTIFY_NO_PROPOSAL_CHOSEN, NULL, 0);
		return 0;
	case IKE_ADMIT:
		break;
	}
	if (m->unsupported) {
		/* 2.5 */
		ike_init_refuse(e, a, IKE_NOTIFY_UNSUPPORTED_CRITICAL_PAYLOAD,
				&m->unsupported, 1);
	} else if (!q.acceptable) {
		ike_init_refuse(e, a, IKE_NOTIFY_NO_PROPOSAL_CHOSEN, NULL, 0);
	} else if (q.kex->id != q.ke.group) {
		/* 1.2: the group that would do. */
		group[0] = (uint8_t)(q.kex->id >> 8);
		group[1] = (uint8_t)q.kex->id;
		ike_init_refuse(e, a, IKE_NOTIFY_INVALID_KE_PAYLOAD, group,
				sizeof(group));
	} else if (!ike_stranger_make_room(e, &a->remote->addr)) {
		e->counters.init_ignored++;
	} else {
		return respond(e, a, &q);
	}
	return 0;
}

static int send_response(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_handshake *hs = sa->handshake;
	struct ike_header h = {
		.spi_i = sa->spi_i,
		.spi_r = sa->spi_r,
		.exchange = IKE_EXCHANGE_SA_INIT,
		.flags = IKE_FLAG_RESPONSE,
	};
	struct ike_outgoing out;
	int rc;

	ike_builder_init(&out.b, out.buf, sizeof(out.buf), &h);
	ike_proposal_write_choice(&out.b, &hs->choice, 0);
	ike_ke_write(&out.b, sa->kex->id, hs->public, sa->kex->public_len);
	ike_nonce_write(&out.b, &hs->nr);
	if (hs->nat_known)
		ike_nat_write(&out.b, &h, &sa->local, &sa->remote);
	/* RFC 7383 2.3: where the request has it. */
	if (sa->fragmentation)
		ike_notify_write(&out.b, IKE_NOTIFY_FRAGMENTATION_SUPPORTED,
				 NULL, 0);
	/* RFC 7427 4: the peer speaks of signatures. */
	if (hs->wishes.signature.hashes) {
		ike_announce_hashes(&out.b);
		ike_announce_raw_key(&out.b);
		hs->hashes_sent = true;
	}
	ike_vendor_write(&out.b, vendor);
	rc = ike_builder_finish(&out.b);
	if (rc == 0)
		rc = ike_blob_set(&hs->response, out.buf, out.b.w.len);
	if (rc == 0)
		ike_engine_send(e, sa->handle, &sa->local, &sa->remote, out.buf,
				out.b.w.len);
	return rc;
}

static void agreed(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		   struct ike_job *job)
{
	struct ike_handshake *hs = sa->handshake;
	struct ike_sa *attempt;

	if (job->result < 0) {
		e->counters.malformed += job->result == -EBADMSG;
		ike_sa_free(e, sa);
		return;
	}
	ike_ephemeral_keep(e, now, job);
	sa->keys = job->keys;
	sa->expected_id = 1;
	memcpy(hs->public, job->public, sizeof(hs->public));
	ike_sa_set_state(e, sa, IKE_SA_INIT_DONE);
	attempt = ike_duplicate_attempt(e, &sa->local.addr, &sa->remote.addr);
	if (attempt)
		attempt->crossed = true;
	timer_arm(e->wheel, &sa->life, now + e->config.half_open_ms);
	if (send_response(e, sa) < 0)
		ike_sa_free(e, sa);
}

void ike_init_job_done(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		       struct ike_job *job)
{
	switch (job->type) {
	case IKE_JOB_GENERATE:
		if (sa->state == IKE_SA_GENERATE)
			generated(e, now, sa, job);
		break;
	case IKE_JOB_DERIVE:
		if (sa->state == IKE_SA_DERIVE)
			derived(e, now, sa, job);
		break;
	case IKE_JOB_AGREE:
		if (sa->state == IKE_SA_RESPOND)
			agreed(e, now, sa, job);
		break;
	case IKE_JOB_VERIFY:
		if (sa->state == IKE_SA_VERIFY)
			ike_auth_verified(e, now, sa, job);
		break;
	}
}
