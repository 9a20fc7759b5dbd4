/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bad input, group 8: Notify and Delete from a peer that holds the keys: SPIs
 * of wrong sizes, of SAs that are not there or not the peer's to delete, the
 * same twice, and in the middle of rekeying.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ike-bad.h"

#define INFO	  IKE_EXCHANGE_INFORMATIONAL
#define CHILD	  IKE_EXCHANGE_CREATE_CHILD_SA
#define NOT_FOUND 44 /* CHILD_SA_NOT_FOUND */

/* The body of one payload; what becomes of the request. */
struct body {
	const char *name;
	bool good; /* read, and without any effect */
	size_t len;
	uint8_t data[64];
};
#define LEN(...) sizeof((const uint8_t[]){ __VA_ARGS__ })
#define BODY(name, good, ...)                 \
	{                                     \
		name, good, LEN(__VA_ARGS__), \
		{                             \
			__VA_ARGS__           \
		}                             \
	}

static const struct body notifies[] = {
	BODY("3 bytes", false, 0, 0, 64),
	BODY("an SPI that is not there", false, 3, 4, 64, 0),
	BODY("an SPI cut short", false, 3, 4, 64, 0, 1, 2, 3),
	BODY("an SPI of 255 bytes", false, 3, 255, 64, 0, 1, 2, 3, 4),
	BODY("an SPI of 3 bytes", false, 3, 3, 64, 0, 1, 2, 3),
	BODY("an SPI of 8 bytes", false, 3, 8, 64, 0, 1, 2, 3, 4, 5, 6, 7, 8),
	BODY("an SPI of no protocol", false, 0, 4, 64, 0, 1, 2, 3, 4),
	BODY("unknown status", true, 0, 0, 0xff, 0xff, 1, 2, 3),
	BODY("unknown error", true, 0, 0, 0x1f, 0xff),
	BODY("an error about another SA", true, 3, 4, 0, 11, 9, 9, 9, 9),
	BODY("COOKIE", true, 0, 0, 0x40, 6, 1, 2, 3),
	BODY("NO_PROPOSAL_CHOSEN", true, 0, 0, 0, 14),
	BODY("INVALID_KE_PAYLOAD", true, 0, 0, 0, 17, 0, 19),
	BODY("INITIAL_CONTACT", true, 0, 0, 0x40, 0),
	BODY("REKEY_SA of nothing", true, 3, 4, 0x40, 9, 9, 9, 9, 9),
	BODY("REDIRECT", true, 0, 0, 0x40, 23, 1, 4, 192, 0, 2, 9),
	BODY("INVALID_IKE_SPI", true, 0, 0, 0, 4),
	BODY("TICKET_OPAQUE", true, 0, 0, 0x40, 10, 1, 2, 3),
};

static const struct body deletes[] = {
	BODY("3 bytes", false, 3, 4, 0),
	BODY("ESP without a count", false, 3, 4),
	BODY("more SPIs than counted", false, 3, 4, 0, 1, 9, 9, 9, 9, 8, 8, 8,
	     8),
	BODY("fewer SPIs than counted", false, 3, 4, 0, 2, 9, 9, 9, 9),
	BODY("65535 counted", false, 3, 4, 255, 255, 9, 9, 9, 9),
	BODY("SPIs of 0 bytes", false, 3, 0, 0, 1),
	BODY("SPIs of 3 bytes", false, 3, 3, 0, 1, 9, 9, 9),
	BODY("SPIs of 8 bytes", false, 3, 8, 0, 1, 9, 9, 9, 9, 9, 9, 9, 9),
	BODY("SPIs of 255 bytes", false, 3, 255, 0, 1, 9, 9, 9, 9),
	BODY("the IKE SA with its SPIs, as in IKEv1", false, 1, 16, 0, 1, 1, 2,
	     3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8),
	BODY("the IKE SA, counted", false, 1, 0, 0, 1),
	BODY("no protocol", false, 0, 0, 0, 0),
	BODY("protocol 4", false, 4, 4, 0, 1, 9, 9, 9, 9),
	BODY("no SPI at all", true, 3, 4, 0, 0),
	BODY("an unknown SPI", true, 3, 4, 0, 1, 9, 9, 9, 9),
	BODY("SPI 0", true, 3, 4, 0, 1, 0, 0, 0, 0),
	BODY("an unknown SPI twice", true, 3, 4, 0, 2, 9, 9, 9, 9, 9, 9, 9, 9),
	BODY("AH", true, 2, 4, 0, 1, 9, 9, 9, 9),
};

static void begin(struct bad *b, bool responded)
{
	bad_enter(b, responded ? BAD_RESPONDED : BAD_INITIATED);
	b->p.next_id = responded ? 2 : 0;
}

static void send_body(struct bad *b, uint8_t type, const void *data, size_t len)
{
	struct ike_outgoing out;

	puppet_begin(&b->p, &out, INFO, false, b->p.next_id++);
	wbuf_bytes(ike_builder_open(&out.b, type), data, len);
	ike_builder_close(&out.b);
	puppet_send(&b->p, &out);
	puppet_open(&b->p);
}

static void each_body(uint8_t type, const struct body *list, size_t n)
{
	static struct bad b;

	for (size_t i = 0; i < n; i++)
		for (unsigned k = 0; k < 2; k++) {
			print_message("  %s\n", list[i].name);
			begin(&b, k);
			send_body(&b, type, list[i].data, list[i].len);
			assert_int_equal(b.p.n_rx, b.n_rx + 1);
			if (list[i].good) {
				assert_int_equal(puppet_error(&b.p), 0);
				assert_int_equal(b.p.m.n, 0);
				assert_int_equal(host_children(b.w.hosts), 1);
				/* And the SA is used on. */
				send_body(&b, IKE_PAYLOAD_VENDOR, "", 0);
				assert_int_equal(b.p.n_rx, b.n_rx + 2);
			} else {
				assert_int_equal(puppet_error(&b.p),
						 IKE_NOTIFY_INVALID_SYNTAX);
				assert_int_equal(host_children(b.w.hosts), 0);
			}
			bad_leave(&b);
		}
}

static void test_notify(void **state)
{
	(void)state;
	each_body(IKE_PAYLOAD_NOTIFY, notifies,
		  sizeof(notifies) / sizeof(notifies[0]));
}

static void test_delete(void **state)
{
	(void)state;
	each_body(IKE_PAYLOAD_DELETE, deletes,
		  sizeof(deletes) / sizeof(deletes[0]));
}

/* SPIs are the sender's own: that of our inbound SA is not its to name. */
static void test_delete_of_our_own_spi(void **state)
{
	static struct bad b;
	uint8_t body[8] = { 3, 4, 0, 1 };
	struct wbuf w = wbuf_of(body + 4, 4);

	(void)state;
	begin(&b, true);
	wbuf_be32(&w, host_child(b.w.hosts)->up.in.spi);
	send_body(&b, IKE_PAYLOAD_DELETE, body, sizeof(body));
	assert_int_equal(b.p.m.n, 0);
	assert_int_equal(host_children(b.w.hosts), 1);
	bad_leave(&b);
}

/* The same twice in one payload, in two payloads, and in two messages. */
static void test_duplicated_delete(void **state)
{
	static struct bad b;
	uint8_t body[12] = { 3, 4, 0, 2 };
	struct ike_outgoing out;
	struct wbuf w;

	(void)state;
	for (unsigned k = 0; k < 3; k++) {
		begin(&b, true);
		w = wbuf_of(body + 4, 8);
		wbuf_be32(&w, b.p.child_spi);
		wbuf_be32(&w, b.p.child_spi);
		if (k == 0) {
			send_body(&b, IKE_PAYLOAD_DELETE, body, sizeof(body));
		} else if (k == 1) {
			puppet_begin(&b.p, &out, INFO, false, b.p.next_id++);
			ike_delete_write_esp(&out.b, b.p.child_spi);
			ike_delete_write_esp(&out.b, b.p.child_spi);
			puppet_send(&b.p, &out);
			puppet_open(&b.p);
		} else {
			body[3] = 1;
			send_body(&b, IKE_PAYLOAD_DELETE, body, 8);
		}
		/* Answered with the one other half, and told once. */
		assert_int_equal(puppet_error(&b.p), 0);
		assert_int_equal(b.p.m.n, 1);
		assert_int_equal(b.p.m.payloads[0].type, IKE_PAYLOAD_DELETE);
		assert_int_equal(b.p.m.payloads[0].len, 8);
		assert_int_equal(host_children(b.w.hosts), 0);
		if (k == 2) {
			send_body(&b, IKE_PAYLOAD_DELETE, body, 8);
			assert_int_equal(b.p.m.n, 0);
		}
		assert_int_equal(b.w.hosts[0].n_failed, 0);
		bad_leave(&b);
	}
}

/* Of the IKE SA twice, with a Child SA beside it. */
static void test_delete_of_everything(void **state)
{
	static struct bad b;
	struct ike_outgoing out;

	(void)state;
	begin(&b, true);
	puppet_begin(&b.p, &out, INFO, false, b.p.next_id++);
	ike_delete_write_esp(&out.b, b.p.child_spi);
	ike_delete_write_ike(&out.b);
	ike_delete_write_ike(&out.b);
	puppet_send(&b.p, &out);
	puppet_open(&b.p);
	assert_int_equal(puppet_error(&b.p), 0);
	assert_int_equal(host_children(b.w.hosts), 0);
	/* Replayed: the same answer; anything new: none. */
	world_inject(&b.w, 0, out.buf, out.b.w.len);
	assert_int_equal(b.p.n_rx, b.n_rx + 2);
	puppet_send_raw(&b.p, INFO, false, b.p.next_id, 0, "", 0);
	assert_int_equal(b.p.n_rx, b.n_rx + 2);
	bad_leave(&b);
}

/* --- rekeying ----------------------------------------------------------------- */

static void begin_rekey(struct bad *b, struct ike_outgoing *out,
			const struct body *rekey)
{
	const struct ike_offer offer = puppet_offer(IKE_OFFER_AUTH);

	puppet_begin(&b->p, out, CHILD, false, b->p.next_id++);
	if (rekey) {
		wbuf_bytes(ike_builder_open(&out->b, IKE_PAYLOAD_NOTIFY),
			   rekey->data, rekey->len);
		ike_builder_close(&out->b);
	}
	ike_notify_write(&out->b, IKE_NOTIFY_USE_TRANSPORT_MODE, NULL, 0);
	ike_proposal_write_offer(&out->b, &offer, 0x22334455);
	ike_nonce_write(&out->b, &b->p.ni);
	ike_selectors_write(&out->b, IKE_PAYLOAD_TSI,
			    &b->w.hosts[1].address.addr);
	ike_selectors_write(&out->b, IKE_PAYLOAD_TSR,
			    &b->w.hosts[0].address.addr);
}

static const struct body rekeys[] = {
	BODY("an unknown SPI", true, 3, 4, 0x40, 9, 9, 9, 9, 9),
	BODY("SPI 0", true, 3, 4, 0x40, 9, 0, 0, 0, 0),
	BODY("of AH", true, 2, 4, 0x40, 9, 0, 0xc0, 0xff, 0xee),
	BODY("an SPI of 3 bytes", false, 3, 3, 0x40, 9, 9, 9, 9),
	BODY("an SPI cut short", false, 3, 4, 0x40, 9, 9, 9, 9),
};

/* RFC 7296 2.25: CHILD_SA_NOT_FOUND, and everything stays. */
static void test_rekey_of_what_is_not_there(void **state)
{
	static struct bad b;
	struct ike_outgoing out;

	(void)state;
	for (size_t i = 0; i < sizeof(rekeys) / sizeof(rekeys[0]); i++) {
		print_message("  %s\n", rekeys[i].name);
		begin(&b, true);
		begin_rekey(&b, &out, &rekeys[i]);
		puppet_send(&b.p, &out);
		assert_int_equal(b.p.n_rx, b.n_rx + 1);
		puppet_open(&b.p);
		assert_int_equal(puppet_error(&b.p),
				 rekeys[i].good ? NOT_FOUND
						: IKE_NOTIFY_INVALID_SYNTAX);
		assert_int_equal(host_children(b.w.hosts), rekeys[i].good);
		assert_int_equal(b.w.hosts[0].n_children, 1);
		bad_leave(&b);
	}
}

/* A Delete inside of the request that rekeys: it is no place for it, and the
 * SA that is rekeyed stays until its own Delete. */
static void test_delete_inside_a_rekey(void **state)
{
	static struct bad b;
	struct body rekey = BODY("", true, 3, 4, 0x40, 9, 0, 0, 0, 0);
	struct ike_outgoing out;
	struct wbuf w = wbuf_of(rekey.data + 4, 4);
	uint16_t error;

	(void)state;
	begin(&b, true);
	wbuf_be32(&w, b.p.child_spi);
	begin_rekey(&b, &out, &rekey);
	ike_delete_write_esp(&out.b, b.p.child_spi);
	ike_delete_write_ike(&out.b);
	puppet_send(&b.p, &out);
	puppet_open(&b.p);
	error = puppet_error(&b.p);
	assert_true(error == 0 || error == IKE_NOTIFY_INVALID_SYNTAX);
	if (error == 0) {
		assert_false(b.w.hosts[0].children[0].down);
		assert_int_equal(host_children(b.w.hosts), 2);
		/* Its own Delete, then. */
		puppet_begin(&b.p, &out, INFO, false, b.p.next_id++);
		ike_delete_write_esp(&out.b, b.p.child_spi);
		puppet_send(&b.p, &out);
		assert_true(b.w.hosts[0].children[0].down);
		assert_int_equal(host_children(b.w.hosts), 1);
	}
	bad_leave(&b);
}

/* The peer deletes what we are rekeying, before it answers; then whatever it
 * answers. */
static void test_delete_during_our_rekey(void **state)
{
	static const uint16_t answers[] = { 0, NOT_FOUND, 14, 7, 43, 35 };
	static struct bad b;

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		for (unsigned k = 0; k < 2; k++) {
			struct ike_outgoing out;
			struct child *c;

			begin(&b, true);
			c = host_child(b.w.hosts);
			assert_int_equal(ike_rekey_child(b.w.hosts[0].engine,
							 b.w.now, c->sa,
							 c->up.in.spi),
					 0);
			world_settle(&b.w);
			assert_int_equal(b.p.rx[18], CHILD);
			puppet_begin(&b.p, &out, INFO, false, b.p.next_id++);
			if (k)
				ike_delete_write_ike(&out.b);
			else
				ike_delete_write_esp(&out.b, b.p.child_spi);
			puppet_send(&b.p, &out);
			/* An empty answer cannot be read either. */
			puppet_begin(&b.p, &out, CHILD, true, 0);
			if (answers[i])
				ike_notify_write(&out.b, answers[i], NULL, 0);
			puppet_send(&b.p, &out);
			assert_int_equal(host_children(b.w.hosts), 0);
			bad_leave(&b);
		}
}

/* What we asked for is answered with what cannot be read: the end of the IKE
 * SA on both sides (RFC 7296 2.21.3), with whatever was to come of it. */
static void test_malformed_answer(void **state)
{
	static const struct {
		const char *data;
		size_t len;
		uint8_t first;
	} answers[] = {
		{ "", 0, 0 },
		{ "x", 1, 0 },
		{ "\0\0\0\4", 4, IKE_PAYLOAD_SA },
		{ "\0\0\0\6", 4, IKE_PAYLOAD_NOTIFY },
		{ "\0\x80\0\4", 4, 99 },
	};
	static struct bad b;

	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		for (unsigned k = 0; k < 3; k++) {
			struct ike_engine *e;
			struct child *c;
			int rc;

			begin(&b, true);
			e = b.w.hosts[0].engine;
			c = host_child(b.w.hosts);
			if (k == 0)
				rc = ike_rekey(e, b.w.now, c->sa);
			else if (k == 1)
				rc = ike_rekey_child(e, b.w.now, c->sa,
						     c->up.in.spi);
			else
				rc = ike_add_child(e, b.w.now, c->sa);
			assert_int_equal(rc, 0);
			world_settle(&b.w);
			assert_int_equal(b.p.rx[18], CHILD);
			puppet_send_raw(&b.p, CHILD, true, 0, answers[i].first,
					answers[i].data, answers[i].len);
			assert_int_equal(host_children(b.w.hosts), 0);
			/* It says so, and waits for nothing else. */
			assert_int_equal(b.p.rx[18], INFO);
			bad_leave(&b);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_notify),
		cmocka_unit_test(test_delete),
		cmocka_unit_test(test_delete_of_our_own_spi),
		cmocka_unit_test(test_duplicated_delete),
		cmocka_unit_test(test_delete_of_everything),
		cmocka_unit_test(test_rekey_of_what_is_not_there),
		cmocka_unit_test(test_delete_inside_a_rekey),
		cmocka_unit_test(test_delete_during_our_rekey),
		cmocka_unit_test(test_malformed_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
