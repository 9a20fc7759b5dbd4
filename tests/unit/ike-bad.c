/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/ike-bad.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define INFO IKE_EXCHANGE_INFORMATIONAL

const char *bad_state_name(enum bad_state s)
{
	static const char *const names[] = {
		"no SA",     "init-sent", "init-done",
		"auth-sent", "initiated", "responded",
	};

	return names[s];
}

void bad_enter(struct bad *b, enum bad_state state)
{
	const struct puppet_script s = { 0 };

	memset(b, 0, sizeof(*b));
	b->state = state;
	world_init(&b->w, 1, NULL);
	if (state == BAD_INITIATED || state == BAD_RESPONDED) {
		puppet_establish(&b->p, &b->w, state == BAD_RESPONDED);
	} else {
		puppet_init(&b->p, &b->w,
			    state == BAD_NOTHING || state == BAD_INIT_DONE,
			    IKE_KE_X25519);
		if (state == BAD_INIT_DONE) {
			puppet_send_init(&b->p, &s);
			puppet_take_init(&b->p);
		} else if (state != BAD_NOTHING) {
			world_initiate(&b->w, 0);
		}
		if (state == BAD_AUTH_SENT)
			puppet_answer_init(&b->p, &s);
	}
	bad_mark(b);
}

void bad_leave(struct bad *b)
{
	puppet_done(&b->p);
	b->w.tap = NULL;
	b->w.wires[0].loss = 100;
	world_run(&b->w, b->w.now + 200000);
	assert_int_equal(host_sas(&b->w.hosts[0]), 0);
	assert_int_equal(host_children(&b->w.hosts[0]), 0);
	assert_true(ike_engine_deadline(b->w.hosts[0].engine) == UINT64_MAX);
	world_done(&b->w);
}

/* --- what matters of an SA ------------------------------------------------- */

static void put_blob(struct wbuf *w, const struct ike_blob *b)
{
	wbuf_be32(w, (uint32_t)b->len);
	wbuf_bytes(w, b->data, b->len);
}

static void put_handshake(struct wbuf *w, const struct ike_handshake *hs)
{
	wbuf_bytes(w, &hs->ni, sizeof(hs->ni));
	wbuf_bytes(w, &hs->nr, sizeof(hs->nr));
	put_blob(w, &hs->request);
	put_blob(w, &hs->response);
	put_blob(w, &hs->auth);
	wbuf_bytes(w, hs->cookie, hs->cookie_len);
	wbuf_u8(w, hs->retries);
	wbuf_u8(w, (uint8_t)hs->refused);
	wbuf_be16(w, hs->refused_notify);
	wbuf_u8(w, hs->credentials != NULL);
	wbuf_u8(w, hs->private != NULL);
}

static void put_sa(struct wbuf *w, const struct ike_sa *sa)
{
	const uint8_t flags[] = { sa->state,  sa->initiator,   sa->told,
				  sa->doomed, sa->delete_sent, sa->crossed,
				  sa->modes };

	wbuf_bytes(w, flags, sizeof(flags));
	wbuf_bytes(w, &sa->local, sizeof(sa->local));
	wbuf_bytes(w, &sa->remote, sizeof(sa->remote));
	wbuf_be64(w, sa->spi_i);
	wbuf_be64(w, sa->spi_r);
	wbuf_be64(w, sa->iv);
	wbuf_bytes(w, &sa->keys, sizeof(sa->keys));
	put_blob(w, &sa->request);
	put_blob(w, &sa->response);
	wbuf_be32(w, sa->request_id);
	wbuf_be32(w, sa->next_id);
	wbuf_be32(w, sa->expected_id);
	wbuf_be64(w, sa->last_heard);
	for (const struct ike_child *c = sa->children; c; c = c->next) {
		wbuf_be32(w, c->in);
		wbuf_be32(w, c->out);
		wbuf_be32(w, c->replaces);
		wbuf_u8(w, c->state);
		wbuf_u8(w, c->rekey);
	}
	if (sa->handshake)
		put_handshake(w, sa->handshake);
}

static size_t image_of(const struct bad *b, uint8_t *image)
{
	struct wbuf w = wbuf_of(image, BAD_IMAGE);
	uint32_t cursor = 0;
	struct ike_sa *sa;

	while ((sa = slots_next(b->w.hosts[0].engine->sas, &cursor)))
		put_sa(&w, sa);
	assert_true(wbuf_ok(&w));
	return w.len;
}

static unsigned n_up(const struct host *h)
{
	return (unsigned)host_children(h);
}

void bad_mark(struct bad *b)
{
	const struct host *h = &b->w.hosts[0];

	ike_engine_count(h->engine, &b->counters);
	b->n_rx = b->p.n_rx;
	b->n_failed = h->n_failed;
	b->n_children = (unsigned)h->n_children;
	b->n_up = n_up(h);
	b->len = image_of(b, b->image);
}

void bad_assert_unchanged(struct bad *b)
{
	static uint8_t image[BAD_IMAGE];
	const struct host *h = &b->w.hosts[0];
	size_t len = image_of(b, image);

	assert_int_equal(len, b->len);
	assert_memory_equal(image, b->image, len);
	assert_int_equal(h->n_failed, b->n_failed);
	assert_int_equal(h->n_children, b->n_children);
	assert_int_equal(n_up(h), b->n_up);
	assert_int_equal(bad_counted(b).sas, 0);
	assert_int_equal(bad_counted(b).half_open, 0);
}

void bad_assert_silent(struct bad *b)
{
	unsigned n = b->p.n_rx - b->n_rx;
	struct ike_notify notify;
	struct ike_message m;

	if (n == 0)
		return;
	/* RFC 7296 1.5 and 2.5: to who asked, and nothing to act upon. */
	assert_int_equal(n, 1);
	assert_int_equal(ike_message_parse(b->p.rx, b->p.rx_len, &m), 0);
	assert_true(ike_header_is_response(&m.header));
	assert_int_equal(m.n, 1);
	assert_int_equal(ike_notify_parse(&m.payloads[0], &notify), 0);
	assert_int_equal(notify.spi.len, 0);
	if (bad_counted(b).unknown_spi)
		assert_int_equal(notify.type, 4); /* INVALID_IKE_SPI */
	else
		assert_int_equal(notify.type, 5); /* INVALID_MAJOR_VERSION */
}

struct ike_counters bad_counted(const struct bad *b)
{
	struct ike_counters c;

	ike_engine_count(b->w.hosts[0].engine, &c);
	c.received -= b->counters.received;
	c.malformed -= b->counters.malformed;
	c.unknown_spi -= b->counters.unknown_spi;
	c.sent -= b->counters.sent;
	c.retransmitted -= b->counters.retransmitted;
	c.init_refused -= b->counters.init_refused;
	c.init_ignored -= b->counters.init_ignored;
	c.auth_failed -= b->counters.auth_failed;
	c.integrity_failed -= b->counters.integrity_failed;
	c.sas -= b->counters.sas;
	c.half_open -= b->counters.half_open;
	return c;
}

/* --- the honest peer -------------------------------------------------------- */

void bad_hold_honest(struct bad *b, const struct puppet_script *s)
{
	struct puppet *p = &b->p;

	p->hold = true;
	switch (b->state) {
	case BAD_NOTHING:
		puppet_send_init(p, s);
		break;
	case BAD_INIT_SENT:
		puppet_answer_init(p, s);
		break;
	case BAD_INIT_DONE:
		puppet_send_auth(p, s);
		p->next_id--;
		break;
	case BAD_AUTH_SENT:
		puppet_answer_auth(p, s);
		break;
	case BAD_INITIATED:
		puppet_send_raw(p, INFO, false, 0, 0, "", 0);
		break;
	case BAD_RESPONDED:
		puppet_send_raw(p, INFO, false, 2, 0, "", 0);
		break;
	case BAD_STATES:
		fail();
	}
	p->hold = false;
}

void bad_send_held(struct bad *b)
{
	world_inject(&b->w, 0, b->p.held, b->p.held_len);
}

void bad_assert_went_on(struct bad *b)
{
	const struct host *h = &b->w.hosts[0];

	switch (b->state) {
	case BAD_NOTHING:
		assert_int_equal(b->p.n_rx, b->n_rx + 1);
		assert_int_equal(bad_counted(b).half_open, 1);
		break;
	case BAD_INIT_SENT: /* IKE_AUTH follows */
		assert_int_equal(b->p.n_rx, b->n_rx + 1);
		assert_int_equal(b->p.rx[18], IKE_EXCHANGE_AUTH);
		break;
	case BAD_INIT_DONE:
		assert_int_equal(b->p.n_rx, b->n_rx + 1);
		assert_int_equal(n_up(h), 1);
		break;
	case BAD_AUTH_SENT:
		assert_int_equal(n_up(h), 1);
		break;
	case BAD_INITIATED:
	case BAD_RESPONDED:
		assert_int_equal(b->p.n_rx, b->n_rx + 1);
		assert_int_equal(n_up(h), 1);
		break;
	case BAD_STATES:
		fail();
	}
}
