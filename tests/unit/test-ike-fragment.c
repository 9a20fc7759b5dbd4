/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ike-puppet.h"

#define INFO IKE_EXCHANGE_INFORMATIONAL

/* --- the header of an SKF payload -------------------------------------------- */

static void test_parse(void **state)
{
	static const struct {
		uint8_t bytes[4];
		size_t len;
		int rc;
	} rows[] = {
		{ { 0, 1, 0, 1 }, 4, 0 },
		{ { 0, 1, 0, 2 }, 4, 0 },
		{ { 0, 2, 0, 2 }, 4, 0 },
		{ { 0, LIMIT_IKE_FRAGMENTS, 0, LIMIT_IKE_FRAGMENTS }, 4, 0 },
		{ { 0, 0, 0, 0 }, 4, -EBADMSG },
		{ { 0, 0, 0, 2 }, 4, -EBADMSG },
		{ { 0, 1, 0, 0 }, 4, -EBADMSG },
		{ { 0, 3, 0, 2 }, 4, -EBADMSG },
		{ { 0xff, 0xff, 0, 2 }, 4, -EBADMSG },
		{ { 0, 1, 0, LIMIT_IKE_FRAGMENTS + 1 }, 4, -EMSGSIZE },
		{ { 0, 1, 0xff, 0xff }, 4, -EMSGSIZE },
		{ { 0, 1, 0, 2 }, 3, -EBADMSG },
		{ { 0 }, 0, -EBADMSG },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ike_payload p = {
			.data = rows[i].bytes,
			.len = rows[i].len,
			.type = IKE_PAYLOAD_SKF,
			.inner = IKE_PAYLOAD_IDI,
		};
		struct ike_fragment f = { .total = 7 };

		assert_int_equal(ike_fragment_parse(&p, &f), rows[i].rc);
		if (rows[i].rc < 0) {
			assert_int_equal(f.total, 7);
			continue;
		}
		assert_int_equal(f.number, rows[i].bytes[1]);
		assert_int_equal(f.total, rows[i].bytes[3]);
		assert_int_equal(f.first, IKE_PAYLOAD_IDI);
	}
}

/* --- cutting ------------------------------------------------------------------ */

static const struct {
	uint16_t encr, bits, integ;
} ciphers[] = {
	{ IKE_ENCR_AES_GCM_16, 128, 0 },
	{ IKE_ENCR_CHACHA20_POLY1305, 0, 0 },
	{ IKE_ENCR_AES_CBC, 128, IKE_INTEG_HMAC_SHA2_256_128 },
	{ IKE_ENCR_AES_CBC, 256, IKE_INTEG_HMAC_SHA2_384_192 },
	{ IKE_ENCR_AES_CBC, 256, IKE_INTEG_HMAC_SHA2_512_256 },
};

/* A message with so many bytes of text, sealed for that MTU. */
static void seal(struct ike_sa *sa, const uint8_t *key, size_t len,
		 struct ike_blob *ret)
{
	struct ike_header h = { 1, 2, 0, INFO, IKE_FLAG_RESPONSE, 9 };
	struct ike_outgoing out;

	ike_builder_init(&out.b, out.buf, sizeof(out.buf), &h);
	ike_protect_open(&out.b, sa->cipher, sa->iv++);
	out.buf[IKE_HEADER_LEN] = IKE_PAYLOAD_VENDOR;
	for (size_t i = 0; i < len; i++)
		wbuf_u8(&out.b.w, (uint8_t)(i * 7 >> 3));
	assert_int_equal(ike_fragment_seal(sa, &out, key, ret), 0);
}

/* Each piece fits, opens, and says what it is; together they are the text. */
static size_t check_pieces(const struct ike_sa *sa, const uint8_t *key,
			   const struct ike_blob *b, size_t len, size_t max)
{
	uint8_t plain[LIMIT_IKE_MESSAGE];
	size_t pieces = 0, at = 0, total = 1;

	for (size_t pos = 0, n; pos < b->len; pos += n) {
		struct ike_fragment f = { 1, 1, 0 };
		struct ike_message m;
		size_t got;

		n = ike_fragment_next(b->data + pos, b->len - pos);
		assert_true(n <= max);
		assert_int_equal(ike_message_parse(b->data + pos, n, &m), 0);
		assert_int_equal(m.header.id, 9);
		assert_int_equal(m.header.exchange, INFO);
		assert_int_equal(m.header.flags, IKE_FLAG_RESPONSE);
		if (m.payloads[0].type == IKE_PAYLOAD_SKF)
			assert_int_equal(ike_fragment_parse(m.payloads, &f), 0);
		total = f.total;
		assert_int_equal(f.number, ++pieces);
		assert_int_equal(m.payloads[0].inner,
				 f.number == 1 ? IKE_PAYLOAD_VENDOR : 0);
		assert_int_equal(
			ike_protect_read(&m, sa->cipher, key, plain, &got), 0);
		for (size_t i = 0; i < got; i++)
			assert_int_equal(plain[i],
					 (uint8_t)((at + i) * 7 >> 3));
		at += got;
	}
	assert_int_equal(at, len);
	assert_int_equal(pieces, total);
	return pieces;
}

static void test_seal(void **state)
{
	static const size_t lens[] = { 4,    100,  500,	 1100, 1190,
				       1200, 1300, 2000, 2400, 3900 };
	static const uint16_t mtus[] = { 0, 300, 576, 1280, 1500 };
	uint8_t key[IKE_KEY_MAX];

	(void)state;
	memset(key, 0x5a, sizeof(key));
	for (size_t i = 0; i < 10 * 5 * 5 * 2; i++) {
		size_t len = lens[i % 10], pieces;
		uint16_t mtu = mtus[i / 10 % 5];
		bool six = i / 250;
		size_t max = mtu ? mtu - (six ? 52u : 32u) : LIMIT_IKE_MESSAGE;
		struct ike_blob b = { 0 };
		struct ike_sa sa = { .fragmentation = true };

		sa.cipher = ike_cipher_find(ciphers[i / 50 % 5].encr,
					    ciphers[i / 50 % 5].bits,
					    ciphers[i / 50 % 5].integ);
		sa.fragment_mtu = mtu;
		sa.remote.addr.family = six ? AF_INET6 : AF_INET;
		seal(&sa, key, len, &b);
		pieces = check_pieces(&sa, key, &b, len, max);
		/* No more than needed, and one where one does. */
		assert_int_equal(pieces > 1, b.len > max);
		assert_true(pieces <= 1 + len / (max - 36 - 16 - 32 - 16));
		ike_blob_done(&b);
		/* Who does not take fragments gets none. */
		sa.fragmentation = false;
		seal(&sa, key, len, &b);
		assert_int_equal(
			check_pieces(&sa, key, &b, len, LIMIT_IKE_MESSAGE), 1);
		ike_blob_done(&b);
	}
}

/* Too many would be needed: refused, and the message before is kept. */
static void test_seal_limit(void **state)
{
	struct ike_header h = { 1, 2, 0, INFO, 0, 9 };
	uint8_t key[IKE_KEY_MAX] = { 0 };
	struct ike_sa sa = { .fragmentation = true, .fragment_mtu = 110 };
	struct ike_blob b = { 0 };
	struct ike_outgoing out;

	(void)state;
	sa.remote.addr.family = AF_INET;
	sa.cipher = ike_cipher_find(IKE_ENCR_AES_GCM_16, 128, 0);
	for (unsigned mtu = 33; mtu < 110; mtu += 7) {
		sa.fragment_mtu = (uint16_t)mtu;
		ike_builder_init(&out.b, out.buf, sizeof(out.buf), &h);
		ike_protect_open(&out.b, sa.cipher, 1);
		wbuf_zero(&out.b.w, 3000);
		assert_int_equal(ike_fragment_seal(&sa, &out, key, &b),
				 -EMSGSIZE);
		assert_null(b.data);
	}
}

/* --- two engines ---------------------------------------------------------------- */

struct sizes {
	size_t max;
	unsigned protected, fragments;
};

static bool on_tap(struct world *w, unsigned from, const struct ike_send *s,
		   void *user)
{
	struct sizes *z = user;
	struct ike_message m;

	(void)w;
	(void)from;
	assert_int_equal(ike_message_parse(s->data, s->len, &m), 0);
	if (m.header.exchange == IKE_EXCHANGE_SA_INIT)
		return false;
	assert_true(s->len <= z->max);
	z->protected ++;
	z->fragments += !!(m.present & IKE_PRESENT(IKE_PAYLOAD_SKF));
	return false;
}

static void begin(struct world *w, struct sizes *z, uint64_t seed, bool six,
		  uint16_t mtu)
{
	struct ike_config c;

	ike_config_init(&c);
	c.fragment_mtu = mtu;
	c.retransmit_sends = 12;
	c.retransmit_max_ms = 1000;
	world_init(w, seed, &c);
	if (six)
		world_use_ip6(w);
	*z = (struct sizes){ .max = mtu - (six ? 52u : 32u) };
	w->tap = on_tap;
	w->tap_user = z;
}

/* IKE_AUTH both ways in fragments, over a path that takes nothing larger. */
static void test_engines(void **state)
{
	(void)state;
	for (int six = 0; six < 2; six++) {
		struct sizes z;
		struct world w;

		begin(&w, &z, 41, six, 200);
		world_initiate(&w, 0);
		world_run(&w, w.now + 100);
		assert_true(world_agree(&w));
		assert_int_equal(z.fragments, z.protected);
		assert_true(z.fragments >= 4);
		/* A small one goes whole. */
		ike_check(w.hosts[1].engine, w.now,
			  host_child(&w.hosts[1])->sa);
		world_run(&w, w.now + 100);
		assert_int_equal(z.protected, z.fragments + 2);
		world_done(&w);
	}
}

/* Messages that do not fit do not arrive; those that are cut do. */
static void test_mtu(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		bool six = i & 1, cut = i & 2;
		struct world w;
		struct ike_config c;

		ike_config_init(&c);
		c.fragment_mtu = cut ? 210 : 1280;
		world_init(&w, 42, &c);
		if (six)
			world_use_ip6(&w);
		world_initiate(&w, 0);
		/* IKE_SA_INIT cannot be cut. */
		world_run(&w, w.now + 1);
		for (unsigned k = 0; k < 2; k++)
			w.wires[k].mtu = 1280;
		world_run(&w, w.now + 1);
		for (unsigned k = 0; k < 2; k++)
			w.wires[k].mtu = 210;
		world_run(&w, w.now + 60000);
		assert_int_equal(world_agree(&w), cut);
		world_done(&w);
	}
}

/* A message that does not arrive is cut smaller, once: on IPv4 there are paths
 * that take less than we begin with (2.5.2). */
static void test_recut(void **state)
{
	static const uint8_t secret[] = "a secret";
	struct ike_credentials c[2];
	struct world w;

	(void)state;
	world_init(&w, 43, NULL);
	for (unsigned i = 0; i < 2; i++) {
		c[i] = ike_credentials_anonymous();
		c[i].identity.type = IKE_ID_KEY_ID;
		c[i].identity.len = LIMIT_IKE_ID;
		memset(c[i].identity.data, (int)i + 1, LIMIT_IKE_ID);
		c[i].shared = (struct ike_view){ secret, sizeof(secret) };
		c[i].accept_shared = true;
	}
	for (unsigned i = 0; i < 2; i++) {
		c[i].peer = c[!i].identity;
		w.hosts[i].credentials = c[i];
	}
	world_initiate(&w, 0);
	world_run(&w, w.now + 1);
	for (unsigned k = 0; k < 2; k++)
		w.wires[k].mtu = 576;
	world_run(&w, w.now + 1000);
	assert_null(host_child(&w.hosts[1]));
	world_run(&w, w.now + 4000);
	assert_true(world_agree(&w));
	world_done(&w);
}

/* Lost, doubled and out of order: all of it comes again until it is whole. */
static void test_loss(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct sizes z;
		struct world w;

		begin(&w, &z, seed, seed & 1, 210);
		for (unsigned i = 0; i < 2; i++)
			w.wires[i] = (struct wire){
				.loss = 20,
				.duplicate = 20,
				.delay = 1,
				.jitter = 30,
			};
		world_initiate(&w, 0);
		world_run(&w, w.now + 25000);
		assert_int_equal(host_children(&w.hosts[0]), 1);
		assert_int_equal(host_children(&w.hosts[1]), 1);
		assert_int_equal(w.hosts[1].n_admitted, 1);
		for (unsigned i = 0; i < 2; i++)
			ike_close(w.hosts[i].engine, w.now,
				  host_child(&w.hosts[i])->sa);
		world_run(&w, w.now + 60000);
		assert_true(world_empty(&w));
		world_done(&w);
	}
}

/* --- a peer that cuts as it likes ------------------------------------------------ */

struct pieces {
	struct world w;
	struct puppet p;
	uint8_t text[LIMIT_IKE_MESSAGE];
	size_t len;
};

static struct ike_counters counters(struct pieces *t)
{
	struct ike_counters c;

	ike_engine_count(t->w.hosts[0].engine, &c);
	return c;
}

/* Established, with a message to be sent in pieces: vendor IDs and a Delete,
 * so that the end of the SA says that it was taken. */
static void open_pieces(struct pieces *t, uint16_t notify)
{
	struct puppet_script s = { .notify = notify };
	struct wbuf w = wbuf_of(t->text, sizeof(t->text));

	world_init(&t->w, 43, NULL);
	puppet_init(&t->p, &t->w, true, IKE_KE_X25519);
	puppet_send_init(&t->p, &s);
	puppet_take_init(&t->p);
	s.notify = 0;
	puppet_send_auth(&t->p, &s);
	assert_non_null(host_child(&t->w.hosts[0]));
	for (int i = 0; i < 3; i++) {
		wbuf_u8(&w, i < 2 ? IKE_PAYLOAD_VENDOR : IKE_PAYLOAD_DELETE);
		wbuf_u8(&w, 0);
		wbuf_be16(&w, 104);
		for (int k = 0; k < 100; k++)
			wbuf_u8(&w, (uint8_t)k);
	}
	/* Of the IKE SA. */
	wbuf_be32(&w, 8);
	wbuf_be32(&w, 0x01000000);
	t->len = w.len;
	t->p.n_rx = 0;
}

static void close_pieces(struct pieces *t)
{
	puppet_done(&t->p);
	world_done(&t->w);
}

static struct puppet_fragment cut(const struct pieces *t, uint16_t number,
				  uint16_t total)
{
	size_t room = total ? t->len / total : t->len;
	size_t at = (number - 1u) * room;

	return (struct puppet_fragment){
		.exchange = INFO,
		.id = 2,
		.number = number,
		.total = total,
		.first = number == 1 ? IKE_PAYLOAD_VENDOR : 0,
		.data = t->text + at,
		.len = number == total ? t->len - at : room,
	};
}

static void send_piece(struct pieces *t, uint16_t number, uint16_t total)
{
	struct puppet_fragment f = cut(t, number, total);

	puppet_send_fragment(&t->p, &f);
}

static bool taken(struct pieces *t)
{
	return t->p.n_rx == 1 && !host_child(&t->w.hosts[0]);
}

static bool untouched(struct pieces *t)
{
	return t->p.n_rx == 0 && host_child(&t->w.hosts[0]);
}

#define SUPPORTED IKE_NOTIFY_FRAGMENTATION_SUPPORTED

static void test_orders(void **state)
{
	static const uint8_t orders[][6] = {
		{ 1, 2, 3 },	{ 3, 2, 1 },	   { 2, 3, 1 },
		{ 1, 1, 2, 3 }, { 2, 2, 3, 3, 1 }, { 3, 1, 3, 1, 2 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		struct pieces t;

		open_pieces(&t, SUPPORTED);
		for (unsigned k = 0; k < 6 && orders[i][k]; k++) {
			assert_true(untouched(&t));
			send_piece(&t, orders[i][k], 3);
		}
		assert_true(taken(&t));
		close_pieces(&t);
	}
}

/* One fragment that is all, and as many as there may be. */
static void test_counts(void **state)
{
	(void)state;
	for (uint16_t total = 1; total <= LIMIT_IKE_FRAGMENTS + 1; total++) {
		struct pieces t;

		open_pieces(&t, SUPPORTED);
		for (uint16_t n = total; n > 0; n--)
			send_piece(&t, n, total);
		assert_int_equal(taken(&t), total <= LIMIT_IKE_FRAGMENTS);
		close_pieces(&t);
	}
}

/* Number 0, above the total, a total of 0: not even decrypted. */
static void test_bad_numbers(void **state)
{
	static const uint16_t bad[][2] = {
		{ 0, 3 }, { 4, 3 }, { 0, 0 }, { 1, 0 }, { 0xffff, 3 },
	};
	struct pieces t;

	(void)state;
	open_pieces(&t, SUPPORTED);
	send_piece(&t, 1, 3);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct puppet_fragment f = cut(&t, 2, 3);

		f.number = bad[i][0];
		f.total = bad[i][1];
		puppet_send_fragment(&t.p, &f);
	}
	assert_true(untouched(&t));
	assert_int_equal(counters(&t).malformed, 5);
	/* And what was there is still there. */
	send_piece(&t, 2, 3);
	send_piece(&t, 3, 3);
	assert_true(taken(&t));
	close_pieces(&t);
}

/* RFC 7383 2.6: a larger total begins anew, a smaller one is late. */
static void test_changed_total(void **state)
{
	struct pieces t;

	(void)state;
	open_pieces(&t, SUPPORTED);
	send_piece(&t, 1, 3);
	send_piece(&t, 2, 3);
	send_piece(&t, 4, 5);
	send_piece(&t, 3, 3);
	assert_true(untouched(&t));
	send_piece(&t, 1, 5);
	send_piece(&t, 2, 5);
	send_piece(&t, 3, 5);
	assert_true(untouched(&t));
	send_piece(&t, 5, 5);
	assert_true(taken(&t));
	close_pieces(&t);
}

/* The first copy of a fragment counts, the one with another text does not. */
static void test_second_copy(void **state)
{
	struct puppet_fragment f;
	struct pieces t;

	(void)state;
	open_pieces(&t, SUPPORTED);
	send_piece(&t, 1, 2);
	f = cut(&t, 1, 2);
	f.data = "something else";
	f.len = 14;
	f.first = IKE_PAYLOAD_DELETE;
	puppet_send_fragment(&t.p, &f);
	assert_true(untouched(&t));
	send_piece(&t, 2, 2);
	assert_true(taken(&t));
	close_pieces(&t);
}

/* Only what is authentic is kept, and a forgery does not take a place. */
static void test_forged(void **state)
{
	struct puppet_fragment f;
	struct pieces t;

	(void)state;
	open_pieces(&t, SUPPORTED);
	for (uint16_t n = 1; n <= 3; n++) {
		f = cut(&t, n, 3);
		f.forged = true;
		puppet_send_fragment(&t.p, &f);
		f.total = 4;
		puppet_send_fragment(&t.p, &f);
	}
	assert_int_equal(counters(&t).integrity_failed, 6);
	assert_int_equal(t.w.hosts[0].engine->fragments.bytes, 0);
	send_piece(&t, 1, 3);
	f = cut(&t, 2, 4);
	f.forged = true;
	puppet_send_fragment(&t.p, &f);
	send_piece(&t, 2, 3);
	send_piece(&t, 3, 3);
	assert_true(taken(&t));
	close_pieces(&t);
}

/* Some fragments, then the message as one: that counts, and the rest of the
 * fragments are those of an old message. */
static void test_then_whole(void **state)
{
	struct pieces t;

	(void)state;
	open_pieces(&t, SUPPORTED);
	send_piece(&t, 1, 3);
	send_piece(&t, 2, 3);
	puppet_send_raw(&t.p, INFO, false, 2, IKE_PAYLOAD_NONE, "", 0);
	assert_int_equal(t.p.n_rx, 1);
	assert_int_equal(t.w.hosts[0].engine->fragments.bytes, 0);
	send_piece(&t, 3, 3);
	assert_non_null(host_child(&t.w.hosts[0]));
	assert_int_equal(t.p.n_rx, 1);
	close_pieces(&t);
}

/* The type of the first payload is that of fragment 1, whatever others say. */
static void test_first_type(void **state)
{
	struct puppet_fragment f;
	struct pieces t;

	(void)state;
	open_pieces(&t, SUPPORTED);
	for (uint16_t n = 3; n > 0; n--) {
		f = cut(&t, n, 3);
		f.first = n == 1 ? IKE_PAYLOAD_VENDOR : IKE_PAYLOAD_KE;
		puppet_send_fragment(&t.p, &f);
	}
	assert_true(taken(&t));
	close_pieces(&t);
}

/* RFC 7383 2.6.1: of a request that comes again only fragment 1 is answered. */
static void test_repeated(void **state)
{
	struct pieces t;

	(void)state;
	open_pieces(&t, SUPPORTED);
	t.len -= 8; /* without the Delete */
	t.text[208] = IKE_PAYLOAD_NONE;
	for (uint16_t n = 1; n <= 3; n++)
		send_piece(&t, n, 3);
	assert_int_equal(t.p.n_rx, 1);
	for (uint16_t n = 3; n > 1; n--)
		send_piece(&t, n, 3);
	assert_int_equal(t.p.n_rx, 1);
	send_piece(&t, 1, 3);
	assert_int_equal(t.p.n_rx, 2);
	assert_int_equal(t.w.hosts[0].engine->fragments.bytes, 0);
	close_pieces(&t);
}

/* Another exchange or message ID does not add to what is there. */
static void test_mixed(void **state)
{
	struct puppet_fragment f;
	struct pieces t;

	(void)state;
	open_pieces(&t, SUPPORTED);
	send_piece(&t, 1, 2);
	f = cut(&t, 2, 2);
	f.id = 3;
	puppet_send_fragment(&t.p, &f);
	f = cut(&t, 2, 2);
	f.exchange = IKE_EXCHANGE_CREATE_CHILD_SA;
	puppet_send_fragment(&t.p, &f);
	assert_true(untouched(&t));
	send_piece(&t, 1, 2);
	send_piece(&t, 2, 2);
	assert_true(taken(&t));
	close_pieces(&t);
}

/* Never complete: forgotten after a while, and then it begins anew. */
static void test_timeout(void **state)
{
	struct pieces t;

	(void)state;
	open_pieces(&t, SUPPORTED);
	send_piece(&t, 1, 2);
	assert_true(t.w.hosts[0].engine->fragments.bytes > 0);
	world_run(&t.w, t.w.now + LIMIT_IKE_FRAGMENTS_MS + 200);
	assert_int_equal(t.w.hosts[0].engine->fragments.bytes, 0);
	send_piece(&t, 2, 2);
	assert_true(untouched(&t));
	send_piece(&t, 1, 2);
	assert_true(taken(&t));
	close_pieces(&t);
}

/* More text than a message may have. */
static void test_too_long(void **state)
{
	static const uint8_t text[1200];
	struct puppet_fragment f = {
		.exchange = INFO,
		.id = 2,
		.total = 5,
		.data = text,
		.len = 1200,
	};
	struct pieces t;

	(void)state;
	open_pieces(&t, SUPPORTED);
	for (f.number = 1; f.number <= 4; f.number++)
		puppet_send_fragment(&t.p, &f);
	assert_true(untouched(&t));
	assert_int_equal(t.w.hosts[0].engine->fragments.bytes, 0);
	assert_int_equal(counters(&t).malformed, 1);
	/* Nor may one be without any. */
	f.number = 1;
	f.len = 0;
	puppet_send_fragment(&t.p, &f);
	assert_int_equal(t.w.hosts[0].engine->fragments.bytes, 0);
	close_pieces(&t);
}

/* Put together it is nonsense: answered as any other (2.21.3). */
static void test_nonsense(void **state)
{
	struct puppet_fragment f;
	struct pieces t;

	(void)state;
	open_pieces(&t, SUPPORTED);
	memset(t.text + 100, 0xff, 50);
	for (uint16_t n = 1; n <= 2; n++) {
		f = cut(&t, n, 2);
		puppet_send_fragment(&t.p, &f);
	}
	assert_int_equal(t.p.n_rx, 1);
	puppet_open(&t.p);
	assert_int_equal(puppet_error(&t.p), IKE_NOTIFY_INVALID_SYNTAX);
	close_pieces(&t);
}

/* RFC 7383 2.3: not agreed on, not taken. */
static void test_not_agreed(void **state)
{
	struct pieces t;

	(void)state;
	open_pieces(&t, 0);
	send_piece(&t, 1, 2);
	send_piece(&t, 2, 2);
	assert_true(untouched(&t));
	close_pieces(&t);
}

/* --- many strangers ---------------------------------------------------------------- */

/* Each leaves one large fragment of an IKE_AUTH behind: the memory has its
 * bound, what is oldest goes, and an honest peer still gets in. */
static void test_strangers(void **state)
{
	static const uint8_t text[3900];
	struct puppet_fragment f = {
		.exchange = IKE_EXCHANGE_AUTH,
		.id = 1,
		.number = 1,
		.total = 2,
		.data = text,
		.len = sizeof(text),
	};
	struct puppet_script s = { .notify = SUPPORTED };
	struct ike_config c;
	struct ike_engine *e;
	struct ike_counters n;
	struct world w;
	size_t most = 0;

	(void)state;
	ike_config_init(&c);
	c.cookie_threshold = UINT32_MAX;
	world_init(&w, 44, &c);
	e = w.hosts[0].engine;
	for (unsigned i = 0; i < 700; i++) {
		struct puppet p;

		puppet_init(&p, &w, true, IKE_KE_X25519);
		puppet_send_init(&p, &s);
		puppet_take_init(&p);
		puppet_send_fragment(&p, &f);
		puppet_done(&p);
		if (e->fragments_strange.bytes > most)
			most = e->fragments_strange.bytes;
	}
	ike_engine_count(e, &n);
	assert_int_equal(n.half_open, 700);
	assert_in_range(most, LIMIT_IKE_FRAGMENTS_STRANGE / 2,
			LIMIT_IKE_FRAGMENTS_STRANGE);
	assert_true(n.fragments_lost > 100);
	assert_int_equal(e->fragments.bytes, 0);
	w.hosts[1].config.fragment_mtu = 200;
	world_restart(&w, 1);
	world_initiate(&w, 1);
	world_run(&w, w.now + 100);
	assert_int_equal(host_children(&w.hosts[0]), 1);
	world_run(&w, w.now + LIMIT_IKE_FRAGMENTS_MS);
	assert_int_equal(e->fragments_strange.bytes, 0);
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_seal),
		cmocka_unit_test(test_seal_limit),
		cmocka_unit_test(test_engines),
		cmocka_unit_test(test_mtu),
		cmocka_unit_test(test_recut),
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_orders),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_bad_numbers),
		cmocka_unit_test(test_changed_total),
		cmocka_unit_test(test_second_copy),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_then_whole),
		cmocka_unit_test(test_first_type),
		cmocka_unit_test(test_repeated),
		cmocka_unit_test(test_mixed),
		cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_not_agreed),
		cmocka_unit_test(test_strangers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
