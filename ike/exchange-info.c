/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * INFORMATIONAL (RFC 7296 1.4): liveness, Delete of the IKE SA and of Child
 * SAs, error notifies.
 */
#include <errno.h>
#include <string.h>

#include "ike/core.h"

void ike_info_check(struct ike_engine *e, uint64_t now, struct ike_sa *sa)
{
	if (sa->state != IKE_SA_ESTABLISHED)
		return;
	/* What is outstanding will tell. */
	if (!ike_request_outstanding(sa))
		sa->check = true;
	ike_task_next(e, now, sa);
}

int ike_info_probe(struct ike_engine *e, uint64_t now, struct ike_sa *sa)
{
	struct ike_outgoing out;

	sa->check = false;
	ike_request_open(sa, IKE_EXCHANGE_INFORMATIONAL, &out);
	return ike_request_send(e, now, sa, &out);
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

int ike_info_delete(struct ike_engine *e, uint64_t now, struct ike_sa *sa)
{
	return send_delete(e, now, sa, 0);
}

int ike_info_delete_child(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
			  struct ike_child *c)
{
	struct ike_outgoing out;

	/* One that was rekeyed receives until the peer has stopped to send. */
	c->state = IKE_CHILD_DELETING;
	sa->deleting = c->in;
	ike_request_open(sa, IKE_EXCHANGE_INFORMATIONAL, &out);
	ike_delete_write_esp(&out.b, c->in);
	return ike_request_send(e, now, sa, &out);
}

/* What is under way ends with the IKE SA, but for an heir that the peer may
 * know of already: that one has to be deleted too, when it is there. */
static void stop_creation(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_creation *c = sa->ours;

	if (c && (c->type != IKE_CREATION_REKEY_IKE || !c->sent))
		sa->ours = ike_creation_free(e, c);
}

void ike_info_close(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		    enum ike_reason reason, uint16_t notify)
{
	struct ike_sa *heir = slots_get(e->sas, sa->heir);
	int rc = 0;

	ike_sa_tell(e, sa, reason, notify);
	if (sa->state == IKE_SA_DELETING) {
		ike_sa_free(e, sa);
		return;
	}
	if (heir && heir->state == IKE_SA_HEIR)
		ike_info_close(e, now, heir, reason, 0);
	ike_sa_set_state(e, sa, IKE_SA_DELETING);
	ike_sa_forget_handshake(e, sa);
	stop_creation(e, sa);
	ike_sa_rearm(e, sa);
	/* 2.3: one request at a time; else the response brings us here. */
	if (!ike_request_outstanding(sa) && !sa->ours)
		rc = send_delete(e, now, sa,
				 reason == IKE_REASON_AUTH ? notify : 0);
	if (rc < 0)
		ike_sa_free(e, sa);
}

/* What a request asks for. */
struct wish {
	bool delete_ike;
	bool failed;	  /* 2.21.2: our AUTH did not convince the peer */
	uint32_t unknown; /* an SPI that we do not know, or 0 */
	/* Child SAs to delete, each once. */
	struct ike_child *children[LIMIT_IKE_CHILDREN];
	size_t n_children;
};

static void add_child(struct wish *w, const struct ike_sa *sa,
		      struct ike_child *c)
{
	/* 1.4.1: what our own Delete is about is not answered with one. */
	if (!c || c->in == sa->deleting || w->n_children == LIMIT_IKE_CHILDREN)
		return;
	for (size_t i = 0; i < w->n_children; i++)
		if (w->children[i] == c)
			return;
	w->children[w->n_children++] = c;
}

static int parse_delete(const struct ike_payload *p, const struct ike_sa *sa,
			struct wish *w)
{
	struct ike_delete d;
	struct rbuf r;

	if (ike_delete_parse(p, &d) < 0)
		return -EBADMSG;
	if (d.protocol == IKE_PROTOCOL_IKE)
		w->delete_ike = true;
	/* 1.4.1: SPIs as the sender knows them, of its inbound SAs. Those
	 * that we do not know are passed over. */
	r = rbuf_of(d.spis.data, d.spis.len);
	while (d.protocol == IKE_PROTOCOL_ESP && r.left) {
		uint32_t spi = rbuf_be32(&r);
		struct ike_child *c = ike_child_find_out(sa, spi);

		add_child(w, sa, c);
		if (!c)
			w->unknown = spi;
	}
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

/* The peer uses a rekeyed IKE SA that we had not decided for. */
static void decide(struct ike_engine *e, const struct ike_arrival *a,
		   struct ike_sa *sa)
{
	struct ike_sa *old = ike_rekey_predecessor(e, sa);

	for (size_t i = 0; old && i < a->m->n; i++) {
		struct ike_delete d;

		if (sa->state == IKE_SA_HEIR &&
		    a->m->payloads[i].type == IKE_PAYLOAD_DELETE &&
		    ike_delete_parse(&a->m->payloads[i], &d) == 0 &&
		    d.protocol == IKE_PROTOCOL_ESP)
			ike_rekey_adopt(e, a->now, old, sa, false);
	}
}

static void perform(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		    const struct wish *w)
{
	if (w->failed || w->delete_ike) {
		/* 2.25.2: also while our own Delete is under way; an heir
		 * that the peer decided for takes over. */
		if (!w->failed)
			ike_rekey_rescue(e, now, sa, false);
		ike_sa_tell(e, sa,
			    w->failed ? IKE_REASON_AUTH : IKE_REASON_DELETED,
			    0);
		ike_sa_linger(e, now, sa);
		return;
	}
	if (sa->ours && sa->ours->sent && w->unknown)
		sa->ours->deleted = w->unknown;
	for (size_t i = 0; i < w->n_children; i++) {
		struct ike_child *c = w->children[i];

		ike_child_tell(e, sa, c,
			       c->state == IKE_CHILD_REPLACED
				       ? IKE_REASON_REPLACED
				       : IKE_REASON_DELETED);
		ike_child_remove(e, sa, c);
	}
}

int ike_info_request(struct ike_engine *e, const struct ike_arrival *a,
		     struct ike_sa *sa)
{
	struct ike_outgoing out;
	struct wish w;
	int rc;

	decide(e, a, sa);
	rc = parse_request(a->m, sa, &w);
	if (rc < 0)
		return rc;
	ike_response_open(sa, IKE_EXCHANGE_INFORMATIONAL, &out);
	/* 1.4.1: the answer deletes the other half; for the IKE SA it is
	 * empty. */
	if (!w.delete_ike && !w.failed)
		for (size_t i = 0; i < w.n_children; i++)
			ike_delete_write_esp(&out.b, w.children[i]->in);
	rc = ike_response_seal(sa, &out);
	if (rc < 0)
		return rc;
	ike_response_send(e, sa);
	perform(e, a->now, sa, &w);
	return 0;
}

int ike_info_response(struct ike_engine *e, const struct ike_arrival *a,
		      struct ike_sa *sa)
{
	struct ike_child *c = ike_child_find_in(sa, sa->deleting);

	(void)a;
	if (sa->state == IKE_SA_DELETING && sa->delete_sent) {
		ike_sa_free(e, sa);
		return 0;
	}
	if (sa->deleting && c) {
		ike_child_tell(e, sa, c, IKE_REASON_REPLACED);
		ike_child_remove(e, sa, c);
	}
	sa->deleting = 0;
	return 0;
}
