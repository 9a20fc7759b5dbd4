/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What must not get as far as a handler. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ike-puppet.h"

#define INFO IKE_EXCHANGE_INFORMATIONAL

static struct ike_counters counters(const struct world *w)
{
	struct ike_counters c;

	ike_engine_count(w->hosts[0].engine, &c);
	return c;
}

/* Where the fields of the header stand. */
enum {
	SPI_I = 0,
	SPI_R = 8,
	EXCHANGE = 18,
	FLAGS = 19,
	ID = 23,
};

/* An IKE_SA_INIT request with one byte changed says nothing to us. */
static void test_init_request_header(void **state)
{
	static const struct {
		const char *name;
		size_t at;
		uint8_t byte;
	} cases[] = {
		{ "our SPI in a first request", SPI_R + 7, 1 },
		{ "a response flag", FLAGS, IKE_FLAG_RESPONSE },
		{ "both flags", FLAGS, IKE_FLAG_RESPONSE | IKE_FLAG_INITIATOR },
		{ "no flag", FLAGS, 0 },
		{ "message ID 1", ID, 1 },
		{ "IKE_AUTH in the clear", EXCHANGE, IKE_EXCHANGE_AUTH },
		{ "INFORMATIONAL in the clear", EXCHANGE, INFO },
		{ "exchange 0", EXCHANGE, 0 },
		{ "exchange 33", EXCHANGE, 33 },
		{ "exchange 38", EXCHANGE, 38 },
		{ "exchange 255", EXCHANGE, 255 },
	};
	const struct puppet_script s = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct puppet p;
		struct world w;

		print_message("  %s\n", cases[i].name);
		world_init(&w, 1, NULL);
		w.hosts[0].admission = IKE_IGNORE;
		puppet_init(&p, &w, true, IKE_KE_X25519);
		puppet_send_init(&p, &s);
		assert_int_equal(w.hosts[0].n_admitted, 1);
		w.hosts[0].admission = IKE_ADMIT;
		p.request.data[cases[i].at] = cases[i].byte;
		world_inject(&w, 0, p.request.data, p.request.len);
		assert_int_equal(p.n_rx, 0);
		assert_int_equal(w.hosts[0].n_admitted, 1);
		assert_int_equal(counters(&w).sas, 0);
		puppet_done(&p);
		world_done(&w);
	}
}

/* One byte of a protected header changed: nothing happens, and afterwards the
 * honest message is still taken. */
static void test_protected_header(void **state)
{
	(void)state;
	for (size_t at = 0; at < IKE_HEADER_LEN; at++) {
		struct ike_outgoing out;
		struct puppet p;
		struct world w;

		world_init(&w, 1, NULL);
		puppet_establish(&p, &w, true);
		p.n_rx = 0;
		puppet_begin(&p, &out, INFO, false, 2);
		ike_delete_write_ike(&out.b);
		assert_int_equal(
			ike_protect_seal(&out.b, p.cipher, p.keys.ei.data), 0);
		for (unsigned bit = 0; bit < 8; bit++) {
			out.buf[at] ^= (uint8_t)(1u << bit);
			world_inject(&w, 0, out.buf, out.b.w.len);
			out.buf[at] ^= (uint8_t)(1u << bit);
		}
		/* At most an INVALID_IKE_SPI or two. */
		assert_true(p.n_rx == 0 || p.rx_len == 36);
		assert_true(p.n_rx <= LIMIT_IKE_REPLY_PREFIX);
		assert_non_null(host_child(&w.hosts[0]));
		p.n_rx = 0;
		world_inject(&w, 0, out.buf, out.b.w.len);
		assert_int_equal(p.n_rx, 1);
		assert_null(host_child(&w.hosts[0]));
		puppet_done(&p);
		world_done(&w);
	}
}

/* RFC 7296 2.3: window 1. Replays and the future are not for us. */
static void test_window(void **state)
{
	static const uint32_t ids[] = { 0, 3, 4, 100, UINT32_MAX };
	struct puppet p;
	struct world w;

	(void)state;
	world_init(&w, 1, NULL);
	puppet_establish(&p, &w, true);
	p.n_rx = 0;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		puppet_send_raw(&p, INFO, false, ids[i], 0, "", 0);
	assert_int_equal(p.n_rx, 0);
	/* The one before is answered with what it got: IKE_AUTH's answer. */
	puppet_send_raw(&p, INFO, false, 1, 0, "", 0);
	assert_int_equal(p.n_rx, 1);
	puppet_open(&p);
	assert_int_equal(p.m.header.exchange, IKE_EXCHANGE_AUTH);
	for (uint32_t id = 2; id < 6; id++) {
		puppet_send_raw(&p, INFO, false, id, 0, "", 0);
		assert_int_equal(p.n_rx, id);
		puppet_open(&p);
		assert_int_equal(p.m.header.id, id);
	}
	puppet_done(&p);
	world_done(&w);
}

/* A response that nobody asked for. */
static void test_unasked_response(void **state)
{
	struct puppet p;
	struct world w;

	(void)state;
	world_init(&w, 1, NULL);
	puppet_establish(&p, &w, false);
	p.n_rx = 0;
	for (uint32_t id = 0; id < 4; id++) {
		puppet_send_raw(&p, INFO, true, id, 0, "\0\0\0\3", 4);
		puppet_send_raw(&p, IKE_EXCHANGE_AUTH, true, id, 0, "", 0);
	}
	assert_int_equal(p.n_rx, 0);
	assert_non_null(host_child(&w.hosts[0]));
	puppet_done(&p);
	world_done(&w);
}

/* The answer to an earlier check does not answer this one. */
static void test_replayed_response(void **state)
{
	struct ike_outgoing old;
	struct handle sa;
	struct puppet p;
	struct world w;

	(void)state;
	world_init(&w, 1, NULL);
	puppet_establish(&p, &w, true);
	sa = host_child(&w.hosts[0])->sa;
	ike_check(w.hosts[0].engine, w.now, sa);
	world_settle(&w);
	puppet_begin(&p, &old, INFO, true, 0);
	puppet_send(&p, &old);
	ike_check(w.hosts[0].engine, w.now, sa);
	world_settle(&w);
	puppet_open(&p);
	assert_int_equal(p.m.header.id, 1);
	world_inject(&w, 0, old.buf, old.b.w.len);
	puppet_send_raw(&p, INFO, true, 2, 0, "", 0);
	world_run(&w, w.now + 20000);
	assert_int_equal(w.hosts[0].children[0].reason, IKE_REASON_DEAD);
	puppet_done(&p);
	world_done(&w);
}

/* Who does not know both SPIs does not get as far as decryption. */
static void test_spis(void **state)
{
	struct ike_outgoing out;
	struct puppet p;
	struct world w;

	(void)state;
	world_init(&w, 1, NULL);
	puppet_establish(&p, &w, true);
	p.n_rx = 0;
	puppet_begin(&p, &out, INFO, false, 2);
	assert_int_equal(ike_protect_seal(&out.b, p.cipher, p.keys.ei.data), 0);
	out.buf[SPI_I] ^= 1;
	world_inject(&w, 0, out.buf, out.b.w.len);
	out.buf[SPI_I] ^= 1;
	out.buf[SPI_R] ^= 1;
	world_inject(&w, 0, out.buf, out.b.w.len);
	out.buf[SPI_R] ^= 1;
	out.buf[FLAGS] ^= IKE_FLAG_INITIATOR;
	world_inject(&w, 0, out.buf, out.b.w.len);
	assert_int_equal(counters(&w).unknown_spi, 3);
	assert_int_equal(counters(&w).integrity_failed, 0);
	assert_int_equal(counters(&w).stray_replies, 3);
	assert_int_equal(p.n_rx, 3);
	puppet_done(&p);
	world_done(&w);
}

/* An exchange that the state has no row for. */
static void test_wrong_state(void **state)
{
	const struct puppet_script s = { 0 };
	struct puppet p;
	struct world w;

	(void)state;
	/* Before IKE_AUTH there is nothing else. */
	world_init(&w, 1, NULL);
	puppet_init(&p, &w, true, IKE_KE_X25519);
	puppet_send_init(&p, &s);
	puppet_take_init(&p);
	p.n_rx = 0;
	puppet_send_raw(&p, INFO, false, 1, 0, "", 0);
	puppet_send_raw(&p, IKE_EXCHANGE_CREATE_CHILD_SA, false, 1, 0, "", 0);
	puppet_send_raw(&p, IKE_EXCHANGE_SA_INIT, false, 1, 0, "", 0);
	assert_int_equal(p.n_rx, 0);
	assert_int_equal(counters(&w).half_open, 1);
	/* And after it, not a second one. */
	puppet_send_auth(&p, &s);
	p.n_rx = 0;
	puppet_send_auth(&p, &s);
	assert_int_equal(p.n_rx, 0);
	assert_int_equal(w.hosts[0].n_children, 1);
	puppet_done(&p);
	world_done(&w);
}

/* The responder speaks before its IKE_AUTH response arrives: not yet. */
static void test_too_early(void **state)
{
	const struct puppet_script s = { 0 };
	struct puppet p;
	struct world w;

	(void)state;
	world_init(&w, 1, NULL);
	puppet_init(&p, &w, false, IKE_KE_X25519);
	world_initiate(&w, 0);
	puppet_answer_init(&p, &s);
	puppet_open(&p);
	p.n_rx = 0;
	puppet_send_raw(&p, INFO, false, 0, 0, "", 0);
	assert_int_equal(p.n_rx, 0);
	puppet_answer_auth(&p, &s);
	assert_non_null(host_child(&w.hosts[0]));
	puppet_send_raw(&p, INFO, false, 0, 0, "", 0);
	assert_int_equal(p.n_rx, 1);
	puppet_done(&p);
	world_done(&w);
}

/* IKE_AUTH in the clear, with a plain chain in place of SK. */
static void test_auth_in_the_clear(void **state)
{
	struct ike_offer offer = puppet_offer(IKE_OFFER_AUTH);
	const struct puppet_script s = { 0 };
	struct ike_outgoing out;
	struct ike_header h;
	struct puppet p;
	struct world w;

	(void)state;
	world_init(&w, 1, NULL);
	puppet_init(&p, &w, true, IKE_KE_X25519);
	puppet_send_init(&p, &s);
	puppet_take_init(&p);
	p.n_rx = 0;
	h = (struct ike_header){
		.spi_i = p.spi_i,
		.spi_r = p.spi_r,
		.exchange = IKE_EXCHANGE_AUTH,
		.flags = IKE_FLAG_INITIATOR,
		.id = 1,
	};
	ike_builder_init(&out.b, out.buf, sizeof(out.buf), &h);
	ike_id_write_null(&out.b, IKE_PAYLOAD_IDI);
	ike_proposal_write_offer(&out.b, &offer, 0x11223344);
	ike_selectors_write(&out.b, IKE_PAYLOAD_TSI, &w.hosts[1].address.addr);
	ike_selectors_write(&out.b, IKE_PAYLOAD_TSR, &w.hosts[0].address.addr);
	assert_int_equal(ike_builder_finish(&out.b), 0);
	world_inject(&w, 0, out.buf, out.b.w.len);
	assert_int_equal(p.n_rx, 0);
	assert_int_equal(counters(&w).half_open, 1);
	assert_int_equal(counters(&w).malformed, 1);
	puppet_done(&p);
	world_done(&w);
}

/* Every message of a handshake, cut at every length. */
static void test_cut(void **state)
{
	const struct puppet_script s = { 0 };
	struct puppet p;
	struct world w;

	(void)state;
	world_init(&w, 1, NULL);
	puppet_init(&p, &w, true, IKE_KE_X25519);
	w.hosts[0].admission = IKE_IGNORE;
	puppet_send_init(&p, &s);
	w.hosts[0].admission = IKE_ADMIT;
	for (size_t len = 0; len < p.request.len; len++) {
		world_inject(&w, 0, p.request.data, len);
		/* Also where the header says so. */
		if (len < IKE_HEADER_LEN)
			continue;
		p.request.data[26] = (uint8_t)(len >> 8);
		p.request.data[27] = (uint8_t)len;
		world_inject(&w, 0, p.request.data, len);
		p.request.data[26] = (uint8_t)(p.request.len >> 8);
		p.request.data[27] = (uint8_t)p.request.len;
	}
	assert_int_equal(p.n_rx, 0);
	assert_int_equal(counters(&w).sas, 0);
	assert_int_equal(counters(&w).malformed, counters(&w).received - 1);
	world_inject(&w, 0, p.request.data, p.request.len);
	assert_int_equal(p.n_rx, 1);
	puppet_done(&p);
	world_done(&w);
}

struct record {
	struct packet *packets[64];
	size_t n;
};

static bool on_record(struct world *w, unsigned from, const struct ike_send *s,
		      void *user)
{
	struct record *r = user;
	struct packet *p = calloc(1, sizeof(*p) + s->len);

	(void)w;
	assert_true(p && r->n < 64);
	p->from = from;
	p->local = s->local;
	p->remote = s->remote;
	p->len = s->len;
	memcpy(p->data, s->data, s->len);
	r->packets[r->n++] = p;
	return false;
}

static void replay(struct world *w, const struct record *r)
{
	for (size_t i = 0; i < 3 * r->n; i++) {
		const struct packet *p = r->packets[i * 7 % r->n];

		world_inject(w, !p->from, p->data, p->len);
	}
}

/* All that was ever said, said again: while it is up, and after its end. */
static void test_replay(void **state)
{
	struct record r = { 0 };
	struct world w;

	(void)state;
	world_init(&w, 1, NULL);
	w.tap = on_record;
	w.tap_user = &r;
	world_initiate(&w, 0);
	world_run(&w, w.now + 100);
	for (unsigned i = 0; i < 4; i++) {
		ike_check(w.hosts[i % 2].engine, w.now,
			  host_child(&w.hosts[i % 2])->sa);
		world_run(&w, w.now + 100);
	}
	w.tap = NULL;
	assert_int_equal(r.n, 4 + 8);
	replay(&w, &r);
	world_run(&w, w.now + 1000);
	assert_true(world_agree(&w));
	w.tap = on_record;
	ike_close(w.hosts[0].engine, w.now, host_child(&w.hosts[0])->sa);
	world_run(&w, w.now + 60000);
	w.tap = NULL;
	assert_true(world_empty(&w));
	replay(&w, &r);
	/* At most a half-open SA of the old IKE_SA_INIT. */
	assert_int_equal(host_sas(&w.hosts[0]), 0);
	assert_int_equal(counters(&w).half_open, 0);
	world_run(&w, w.now + 60000);
	assert_true(world_empty(&w));
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(w.hosts[i].n_children, 1);
		assert_int_equal(w.hosts[i].n_failed, 0);
	}
	while (r.n)
		free(r.packets[--r.n]);
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_init_request_header),
		cmocka_unit_test(test_protected_header),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_unasked_response),
		cmocka_unit_test(test_replayed_response),
		cmocka_unit_test(test_spis),
		cmocka_unit_test(test_wrong_state),
		cmocka_unit_test(test_too_early),
		cmocka_unit_test(test_auth_in_the_clear),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_replay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
