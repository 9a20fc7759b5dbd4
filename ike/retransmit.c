/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reliability (RFC 7296 2.1): the requester repeats its request until it is
 * answered or it gives up; the responder keeps its last response and repeats
 * that when asked again. One request at a time each way (2.3: window 1).
 */
#include <errno.h>
#include <stdlib.h>

#include "ike/core.h"

/* Requests without a response until another answer is tried: seconds. */
#define PATIENCE 3u

/* Requests without a response after which they may be too long for the path. */
#define RECUT 2u

static uint8_t own_flag(const struct ike_sa *sa)
{
	return sa->initiator ? IKE_FLAG_INITIATOR : 0;
}

static const uint8_t *own_key(const struct ike_sa *sa)
{
	return sa->initiator ? sa->keys.ei.data : sa->keys.er.data;
}

static void open_message(struct ike_sa *sa, const struct ike_header *h,
			 struct ike_outgoing *out)
{
	ike_builder_init(&out->b, out->buf, sizeof(out->buf), h);
	ike_protect_open(&out->b, sa->cipher, sa->iv++);
}

void ike_request_open(struct ike_sa *sa, enum ike_exchange exchange,
		      struct ike_outgoing *out)
{
	struct ike_header h = {
		.spi_i = sa->spi_i,
		.spi_r = sa->spi_r,
		.exchange = (uint8_t)exchange,
		.flags = own_flag(sa),
		.id = sa->next_id,
	};

	open_message(sa, &h, out);
}

/* One datagram, or the fragments of one message. */
static void send_blob(struct ike_engine *e, const struct ike_sa *sa,
		      const struct endpoint *local,
		      const struct endpoint *remote, const struct ike_blob *b)
{
	size_t len = 0;

	for (size_t at = 0; at < b->len; at += len) {
		len = ike_fragment_next(b->data + at, b->len - at);
		ike_engine_send(e, sa->handle, local, remote, b->data + at,
				len);
	}
	if (len < b->len)
		ike_tap_fragments(e, sa, local, remote, b->data, b->len);
}

/* 2.1 wants nothing in step: up to config.retransmit_jitter percent more or
 * less. */
static uint32_t spread(struct ike_engine *e, uint32_t interval)
{
	uint64_t width = (uint64_t)interval * e->config.retransmit_jitter / 100;
	uint32_t draw;

	if (width == 0 || width > interval ||
	    ike_engine_random(e, &draw, sizeof(draw)) < 0)
		return interval;
	return (uint32_t)(interval - width + draw % (2 * width + 1));
}

static void transmit(struct ike_engine *e, uint64_t now, struct ike_sa *sa)
{
	struct endpoint other = sa->remote;

	send_blob(e, sa, &sa->local, &sa->remote, &sa->request);
	other.port = sa->esp_port;
	if (other.port)
		send_blob(e, sa, &sa->local, &other, &sa->request);
	sa->sends++;
	sa->last_sent = now;
	timer_arm(e->wheel, &sa->retransmit, now + spread(e, sa->interval));
}

/* Begins to send what sa->request has. */
static void start(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		  uint32_t id)
{
	sa->request_id = id;
	sa->sends = 0;
	sa->interval =
		sa->probing ? e->config.probe_ms : e->config.retransmit_ms;
	transmit(e, now, sa);
}

void ike_request_hurry(struct ike_engine *e, uint64_t now, struct ike_sa *sa)
{
	if (ike_request_outstanding(sa))
		start(e, now, sa, sa->request_id);
}

int ike_request_send(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		     struct ike_outgoing *out)
{
	int rc;

	/* 2.2: message IDs never wrap. */
	if (sa->next_id == UINT32_MAX)
		return -EMSGSIZE;
	rc = ike_fragment_seal(sa, out, own_key(sa), &sa->request);
	if (rc == 0)
		start(e, now, sa, sa->next_id++);
	return rc;
}

int ike_request_send_init(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
			  const struct ike_outgoing *out)
{
	int rc = ike_blob_set(&sa->request, out->b.w.data, out->b.w.len);

	if (rc == 0)
		start(e, now, sa, 0);
	return rc;
}

void ike_request_pause(struct ike_engine *e, struct ike_sa *sa)
{
	timer_cancel(e->wheel, &sa->retransmit);
}

void ike_request_resume(struct ike_engine *e, uint64_t now, struct ike_sa *sa)
{
	timer_arm(e->wheel, &sa->retransmit, now + sa->interval);
}

void ike_request_done(struct ike_engine *e, struct ike_sa *sa)
{
	timer_cancel(e->wheel, &sa->retransmit);
	ike_blob_done(&sa->request);
	sa->probing = false;
}

void ike_request_timeout(struct timer *t, uint64_t now, void *user)
{
	struct ike_sa *sa = container_of(t, struct ike_sa, retransmit);
	struct ike_engine *e = user;

	/* Who answered IKE_SA_INIT says no more, and another one did. */
	if (sa->state == IKE_SA_AUTH_SENT && sa->sends >= PATIENCE &&
	    ike_alternative_next(e, now, sa))
		return;
	if (sa->sends < e->config.retransmit_sends) {
		e->counters.retransmitted++;
		if (!sa->probing)
			sa->interval *= 2;
		if (sa->interval > e->config.retransmit_max_ms)
			sa->interval = e->config.retransmit_max_ms;
		if (sa->sends == RECUT && sa->state != IKE_SA_INIT_SENT)
			(void)!ike_fragment_recut(sa, own_key(sa),
						  &sa->request);
		transmit(e, now, sa);
		return;
	}
	ike_rekey_rescue(e, now, sa, true);
	if (sa->state == IKE_SA_INIT_SENT && sa->handshake->refused)
		ike_sa_end(e, sa, sa->handshake->refused,
			   sa->handshake->refused_notify);
	else
		ike_sa_end(e, sa,
			   sa->established_at ? IKE_REASON_DEAD
					      : IKE_REASON_UNANSWERED,
			   0);
}

void ike_response_open(struct ike_sa *sa, enum ike_exchange exchange,
		       struct ike_outgoing *out)
{
	struct ike_header h = {
		.spi_i = sa->spi_i,
		.spi_r = sa->spi_r,
		.exchange = (uint8_t)exchange,
		.flags = own_flag(sa) | IKE_FLAG_RESPONSE,
		.id = sa->expected_id,
	};

	open_message(sa, &h, out);
}

int ike_response_seal(struct ike_sa *sa, struct ike_outgoing *out)
{
	return ike_fragment_seal(sa, out, own_key(sa), &sa->response);
}

void ike_response_send(struct ike_engine *e, struct ike_sa *sa)
{
	sa->expected_id++;
	sa->repeated_at = 0;
	sa->repeated = false;
	/* 2.11 */
	send_blob(e, sa, &sa->asked_at, &sa->asked_from, &sa->response);
}

void ike_response_repeat(struct ike_engine *e, const struct ike_arrival *a,
			 struct ike_sa *sa)
{
	sa->repeated_at = a->now;
	/* Our first one may have been too long. */
	if (!sa->repeated)
		(void)!ike_fragment_recut(sa, own_key(sa), &sa->response);
	sa->repeated = true;
	send_blob(e, sa, a->local, a->remote, &sa->response);
}

int ike_response_notify(struct ike_engine *e, struct ike_sa *sa,
			enum ike_exchange exchange, uint16_t notify,
			const void *data, size_t len)
{
	struct ike_outgoing out;
	int rc;

	ike_response_open(sa, exchange, &out);
	ike_notify_write(&out.b, notify, data, len);
	rc = ike_response_seal(sa, &out);
	if (rc == 0)
		ike_response_send(e, sa);
	return rc;
}
