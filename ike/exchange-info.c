/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * INFORMATIONAL (RFC 7296 1.4): liveness, Delete of the IKE SA and of its
 * Child SA, error notifies; and the refusal of CREATE_CHILD_SA (1.3), of
 * which this engine makes no use yet.
 */
#include <errno.h>
#include <string.h>

#include "ike/core.h"

void ike_info_check(struct ike_engine *e, uint64_t now, struct ike_sa *sa)
{
	struct ike_outgoing out;

	if (sa->state != IKE_SA_ESTABLISHED || ike_request_outstanding(sa))
		return;
	/* Answered or not, that decides what comes next. */
	timer_cancel(e->wheel, &sa->life);
	if (sa->doomed)
		ike_sa_rearm(e, sa);
	ike_request_open(sa, IKE_EXCHANGE_INFORMATIONAL, &out);
	if (ike_request_send(e, now, sa, &out) < 0)
		ike_sa_end(e, sa, IKE_REASON_RESOURCES, 0);
}

static int send_delete(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		       uint16_t notify)
{
	struct ike_outgoing out;

	ike_request_open(sa, IKE_EXCHANGE_INFORMATIONAL, &out);
	if (notify)
		ike_notify_write(&out.b, notify, NULL, 0);
	ike_delete_write_ike(&out.b);
	sa->delete_sent = true;
	return ike_request_send(e, now, sa, &out);
}

void ike_info_close(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		    enum ike_reason reason, uint16_t notify)
{
	int rc = 0;

	ike_sa_tell(e, sa, reason, notify);
	if (sa->state == IKE_SA_DELETING) {
		ike_sa_free(e, sa);
		return;
	}
	ike_sa_set_state(e, sa, IKE_SA_DELETING);
	ike_sa_forget_handshake(e, sa);
	timer_cancel(e->wheel, &sa->life);
	/* 2.3: one request at a time; else the response brings us here. */
	if (!ike_request_outstanding(sa))
		rc = send_delete(e, now, sa,
				 reason == IKE_REASON_AUTH ? notify : 0);
	if (rc < 0)
		ike_sa_free(e, sa);
}

/* What a request asks for. */
struct wish {
	bool delete_ike;
	bool delete_child;
	bool failed; /* 2.21.2: our AUTH did not convince the peer */
};

static bool has_spi(const struct ike_delete *d, uint32_t spi)
{
	struct rbuf r = rbuf_of(d->spis.data, d->spis.len);

	while (r.left)
		if (rbuf_be32(&r) == spi)
			return true;
	return false;
}

static int parse_delete(const struct ike_payload *p, const struct ike_sa *sa,
			struct wish *w)
{
	struct ike_delete d;

	if (ike_delete_parse(p, &d) < 0)
		return -EBADMSG;
	if (d.protocol == IKE_PROTOCOL_IKE)
		w->delete_ike = true;
	/* 1.4.1: SPIs as the sender knows them, of its inbound SAs. Those
	 * that we do not know are passed over. */
	if (d.protocol == IKE_PROTOCOL_ESP && sa->children &&
	    has_spi(&d, sa->children->out))
		w->delete_child = sa->state == IKE_SA_ESTABLISHED;
	return 0;
}

static int parse_request(const struct ike_message *m, const struct ike_sa *sa,
			 struct wish *ret)
{
	struct wish w = { 0 };

	for (size_t i = 0; i < m->n; i++) {
		const struct ike_payload *p = &m->payloads[i];
		struct ike_notify n;

		if (p->type == IKE_PAYLOAD_DELETE) {
			if (parse_delete(p, sa, &w) < 0)
				return -EBADMSG;
		} else if (p->type == IKE_PAYLOAD_NOTIFY) {
			if (ike_notify_parse(p, &n) < 0)
				return -EBADMSG;
			if (n.type == IKE_NOTIFY_AUTHENTICATION_FAILED)
				w.failed = true;
		}
	}
	*ret = w;
	return 0;
}

int ike_info_request(struct ike_engine *e, const struct ike_arrival *a,
		     struct ike_sa *sa)
{
	struct ike_outgoing out;
	struct wish w;
	int rc;

	rc = parse_request(a->m, sa, &w);
	if (rc < 0)
		return rc;
	ike_response_open(sa, IKE_EXCHANGE_INFORMATIONAL, &out);
	/* 1.4.1: the answer deletes the other half; for the IKE SA it is
	 * empty. */
	if (w.delete_child && !w.delete_ike && !w.failed)
		ike_delete_write_esp(&out.b, sa->children->in);
	rc = ike_response_seal(sa, &out);
	if (rc < 0)
		return rc;
	ike_response_send(e, sa);
	if (w.failed) {
		ike_sa_tell(e, sa, IKE_REASON_AUTH, 0);
		ike_sa_linger(e, a->now, sa);
	} else if (w.delete_ike) {
		/* 2.25.2: also while our own Delete is under way. */
		ike_sa_tell(e, sa, IKE_REASON_DELETED, 0);
		ike_sa_linger(e, a->now, sa);
	} else if (w.delete_child) {
		ike_sa_tell(e, sa, IKE_REASON_DELETED, 0);
		ike_sa_set_state(e, sa, IKE_SA_CHILDLESS);
		timer_arm(e->wheel, &sa->life, a->now + e->config.redundant_ms);
	}
	return 0;
}

int ike_info_response(struct ike_engine *e, const struct ike_arrival *a,
		      struct ike_sa *sa)
{
	if (sa->state != IKE_SA_DELETING) {
		/* A liveness check, answered. */
		if (sa->state == IKE_SA_ESTABLISHED)
			ike_sa_rearm(e, sa);
		return 0;
	}
	if (sa->delete_sent || send_delete(e, a->now, sa, 0) < 0)
		ike_sa_free(e, sa);
	return 0;
}

int ike_child_request(struct ike_engine *e, const struct ike_arrival *a,
		      struct ike_sa *sa)
{
	(void)a;
	/* 4: what an implementation answers that makes no further ones. */
	return ike_response_notify(e, sa, IKE_EXCHANGE_CREATE_CHILD_SA,
				   IKE_NOTIFY_NO_ADDITIONAL_SAS, NULL, 0);
}
