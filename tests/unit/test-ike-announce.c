/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the two sides say that they take: read, written, and minded.
 */
#include "ike/announce.h"

#include <errno.h>
#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ike-puppet.h"
#include "tests/unit/ike-vectors.h"

#define ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))
#define P(type)	    IKE_PRESENT(IKE_PAYLOAD_##type)
#define SAYS(s)	    (1u << IKE_SIGNATURE_##s)
#define HASH(h)	    IKE_HASH_BIT(IKE_HASH_##h)
#define BYTES(s)    (const uint8_t *)(s), sizeof(s) - 1

static struct ike_view view(const struct vector *v)
{
	return (struct ike_view){ v->data, v->len };
}

/* A message of one notify. */
static struct ike_message one(uint8_t *buf, size_t cap, uint16_t type,
			      const void *data, size_t len)
{
	struct ike_header h = { .spi_i = 1, .exchange = IKE_EXCHANGE_AUTH };
	struct ike_message m;
	struct ike_builder b;

	h.flags = IKE_FLAG_INITIATOR;
	ike_builder_init(&b, buf, cap, &h);
	ike_notify_write(&b, type, data, len);
	assert_int_equal(ike_builder_finish(&b), 0);
	assert_int_equal(ike_message_parse(buf, b.w.len, &m), 0);
	return m;
}

static const struct {
	const char *what;
	uint16_t type;
	const uint8_t *data;
	size_t len;
	int rc;
	struct ike_wishes expect;
} cases[] = {
	{ "all hashes",
	  16431,
	  BYTES("\0\1\0\2\0\3\0\4\0\5"),
	  0,
	  { .signature = { .hashes = IKE_HASHES } } },
	{ "SHA-1 alone", 16431, BYTES("\0\1"), 0, { .null = false } },
	{ "Identity",
	  16431,
	  BYTES("\0\5"),
	  0,
	  { .signature = { .hashes = HASH(IDENTITY) } } },
	{ "hashes nobody knows",
	  16431,
	  BYTES("\0\6\0\x1f\0\x20\1\2\xff\xff"),
	  0,
	  { .null = false } },
	{ "no hash", 16431, BYTES(""), 0, { .null = false } },
	{ "half a hash", 16431, BYTES("\0\2\0"), -EBADMSG, { .null = false } },
	{ "no method yet", 16443, BYTES(""), 0, { .null = false } },
	{ "NULL",
	  16443,
	  BYTES("\2\x0d"),
	  0,
	  { .signature = { .announced = true }, .null = true } },
	{ "a shared key and NULL",
	  16443,
	  BYTES("\2\2\2\x0d"),
	  0,
	  { .signature = { .announced = true },
	    .null = true,
	    .shared = true } },
	{ "Ed25519",
	  16443,
	  BYTES("\x0a\x0e\0\x30\5\6\3\x2b\x65\x70"),
	  0,
	  { .signature = { 0, true, SAYS(ED25519) } } },
	{ "Ed25519, linked to a CA",
	  16443,
	  BYTES("\x0a\x0e\7\x30\5\6\3\x2b\x65\x70"),
	  0,
	  { .signature = { 0, true, SAYS(ED25519) } } },
	{ "RFC 4754",
	  16443,
	  BYTES("\3\x09\0\3\x0b\0"),
	  0,
	  { .signature = { 0, true, SAYS(ECDSA_P256) | SAYS(ECDSA_P521) } } },
	{ "RSA with SHA-1, which is nothing",
	  16443,
	  BYTES("\3\1\0"),
	  0,
	  { .signature = { 0, true, 1 } } },
	{ "an algorithm nobody knows",
	  16443,
	  BYTES("\x0a\x0e\0\x30\5\6\3\x2b\x65\x7f"),
	  0,
	  { .signature = { 0, true, 0 } } },
	{ "a signature without an algorithm",
	  16443,
	  BYTES("\3\x0e\0"),
	  0,
	  { .signature = { 0, true, 0 } } },
	{ "a method nobody knows",
	  16443,
	  BYTES("\5\xc8\1\2\3\2\x0d"),
	  0,
	  { .signature = { 0, true, 1 }, .null = true } },
	{ "length 0", 16443, BYTES("\0"), -EBADMSG, { .null = false } },
	{ "length 1", 16443, BYTES("\1"), -EBADMSG, { .null = false } },
	{ "longer than there is",
	  16443,
	  BYTES("\3\2"),
	  -EBADMSG,
	  { .null = false } },
	{ "one good, one bad",
	  16443,
	  BYTES("\2\2\5\x0d"),
	  -EBADMSG,
	  { .null = false } },
	{ "something else", 16430, BYTES("\2\2"), 0, { .null = false } },
};

static void test_learn(void **state)
{
	(void)state;
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		uint8_t buf[256];
		struct ike_message m = one(buf, sizeof(buf), cases[i].type,
					   cases[i].data, cases[i].len);
		struct ike_wishes w = { .null = false };
		const struct ike_wishes *x = &cases[i].expect;

		print_message("  %s\n", cases[i].what);
		assert_int_equal(ike_wishes_learn(&m, &w), cases[i].rc);
		assert_int_equal(w.signature.hashes, x->signature.hashes);
		assert_int_equal(w.signature.announced, x->signature.announced);
		assert_int_equal(w.signature.signatures & ~1u,
				 x->signature.signatures & ~1u);
		assert_int_equal(w.shared, x->shared);
		assert_int_equal(w.null, x->null);
		assert_false(w.raw_key);
	}
}

/* Announced is all that a key can make, and what is written is read. */
static void test_round(void **state)
{
	static const struct {
		const char *key;
		uint32_t signatures;
	} keys[] = {
		{ "ed25519", SAYS(ED25519) },
		{ "ed448", SAYS(ED448) },
		{ "p256", SAYS(ECDSA_SHA2_256) | SAYS(ECDSA_SHA2_384) |
				  SAYS(ECDSA_SHA2_512) | SAYS(ECDSA_P256) },
		{ "rsa2048",
		  SAYS(RSA_PSS_SHA2_256) | SAYS(RSA_PSS_SHA2_384) |
			  SAYS(RSA_PSS_SHA2_512) | SAYS(RSA_PKCS1_SHA2_256) |
			  SAYS(RSA_PKCS1_SHA2_384) | SAYS(RSA_PKCS1_SHA2_512) },
		{ "rsa1024", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(keys); i++) {
		struct ike_header h = { .spi_i = 1,
					.exchange = IKE_EXCHANGE_AUTH,
					.flags = IKE_FLAG_INITIATOR };
		struct vector spki = vector_get2("spki", keys[i].key);
		struct ike_view v = view(&spki);
		struct ike_credentials c = {
			.peer_keys = &v,
			.n_peer_keys = 1,
			.accept_null = i % 2,
		};
		struct ike_wishes w = { .null = false };
		struct ike_message m;
		struct ike_builder b;
		uint8_t buf[1024];

		ike_builder_init(&b, buf, sizeof(buf), &h);
		ike_announce_hashes(&b);
		ike_announce_methods(&b, &c);
		assert_int_equal(ike_builder_finish(&b), 0);
		assert_int_equal(ike_message_parse(buf, b.w.len, &m), 0);
		assert_int_equal(ike_wishes_learn(&m, &w), 0);
		assert_int_equal(w.signature.hashes, IKE_HASHES);
		assert_int_equal(w.signature.signatures, keys[i].signatures);
		assert_int_equal(w.signature.announced,
				 keys[i].signatures != 0);
		assert_int_equal(w.raw_key, keys[i].signatures != 0);
		if (keys[i].signatures)
			assert_int_equal(w.null, i % 2);
	}
}

/* --- minded by the engine ------------------------------------------------------- */

/* Host 0 has an Ed25519 key, and is anonymous where it may. */
static void equip(struct world *w, struct ike_own_key *key, struct vector *spki,
		  bool may_null)
{
	struct ike_credentials *c = &w->hosts[0].credentials;

	*spki = vector_get("spki-ed25519");
	*key = (struct ike_own_key){ 5, view(spki) };
	assert_int_equal(ike_identity_parse("@h.example", &c->identity), 0);
	c->keys = key;
	c->n_keys = 1;
	c->may_null = may_null;
	w->hosts[0].key = vector_key("ed25519");
}

/* What the puppet says in IKE_SA_INIT as responder, and what we then do. */
static const struct {
	const char *what;
	bool hashes, may_null;
	const uint8_t *methods;
	size_t len;
	uint8_t expect; /* the method of our AUTH; 0: none */
} replies[] = {
	{ "hashes", true, false, NULL, 0, 14 },
	{ "hashes, and NULL would do", true, true, NULL, 0, 14 },
	{ "no hashes", false, false, NULL, 0, 0 },
	{ "no hashes, and NULL would do", false, true, NULL, 0, 13 },
	{ "Ed25519", true, false, BYTES("\x0a\x0e\0\x30\5\6\3\x2b\x65\x70"),
	  14 },
	{ "only Ed448", true, false, BYTES("\x0a\x0e\0\x30\5\6\3\x2b\x65\x71"),
	  0 },
	{ "only NULL", true, true, BYTES("\2\x0d"), 13 },
	{ "only NULL, which we may not", true, false, BYTES("\2\x0d"), 0 },
	{ "only a shared key", true, true, BYTES("\2\2"), 0 },
};

static uint8_t method_in(const struct ike_message *m)
{
	struct ike_authentication a;

	assert_int_equal(ike_authentication_parse(
				 ike_message_find(m, IKE_PAYLOAD_AUTH), &a),
			 0);
	return a.method;
}

static void test_replies(void **state)
{
	(void)state;
	for (size_t i = 0; i < ELEMENTS(replies); i++) {
		struct puppet_script s = { .hashes = replies[i].hashes };
		struct ike_own_key key;
		struct vector spki;
		struct puppet p;
		struct world w;

		print_message("  %s\n", replies[i].what);
		if (replies[i].methods) {
			s.notify = 16443;
			s.data = replies[i].methods;
			s.data_len = replies[i].len;
		}
		world_init(&w, 31, NULL);
		equip(&w, &key, &spki, replies[i].may_null);
		puppet_init(&p, &w, false, IKE_KE_X25519);
		world_initiate(&w, 0);
		puppet_answer_init(&p, &s);
		if (replies[i].expect) {
			assert_int_equal(p.n_rx, 2);
			puppet_open(&p);
			assert_int_equal(method_in(&p.m), replies[i].expect);
			assert_int_equal(w.hosts[0].n_failed, 0);
		} else {
			assert_int_equal(p.n_rx, 1);
			assert_int_equal(w.hosts[0].n_failed, 1);
			assert_int_equal(w.hosts[0].failed.reason,
					 IKE_REASON_AUTH);
			assert_non_null(w.hosts[0].failed.why);
		}
		EVP_PKEY_free(w.hosts[0].key);
		puppet_done(&p);
		world_done(&w);
	}
}

/* The same in the puppet's IKE_AUTH request. */
static void test_requests(void **state)
{
	(void)state;
	for (size_t i = 0; i < ELEMENTS(replies); i++) {
		struct puppet_script s = { .hashes = replies[i].hashes };
		struct ike_own_key key;
		struct vector spki;
		struct puppet p;
		struct world w;

		print_message("  %s\n", replies[i].what);
		world_init(&w, 32, NULL);
		equip(&w, &key, &spki, replies[i].may_null);
		puppet_init(&p, &w, true, IKE_KE_X25519);
		puppet_send_init(&p, &s);
		puppet_take_init(&p);
		if (replies[i].methods) {
			s.notify = 16443;
			s.data = replies[i].methods;
			s.data_len = replies[i].len;
		}
		s.omit = P(IDR); /* it does not ask for nobody */
		puppet_send_auth(&p, &s);
		puppet_open(&p);
		if (replies[i].expect)
			assert_int_equal(method_in(&p.m), replies[i].expect);
		else
			assert_int_equal(puppet_error(&p),
					 IKE_NOTIFY_AUTHENTICATION_FAILED);
		EVP_PKEY_free(w.hosts[0].key);
		puppet_done(&p);
		world_done(&w);
	}
}

/* RFC 7619 2.2: who asks for nobody gets nobody, where that may be. */
static void test_nobody_wanted(void **state)
{
	(void)state;
	for (unsigned may = 0; may < 2; may++) {
		const struct puppet_script s = { .hashes = true };
		struct ike_own_key key;
		struct vector spki;
		struct puppet p;
		struct world w;

		world_init(&w, 33, NULL);
		equip(&w, &key, &spki, may);
		puppet_init(&p, &w, true, IKE_KE_X25519);
		puppet_send_init(&p, &s);
		puppet_take_init(&p);
		puppet_send_auth(&p, &s);
		puppet_open(&p);
		assert_int_equal(method_in(&p.m), may ? 13 : 14);
		assert_int_equal(w.hosts[0].n_signed, !may);
		EVP_PKEY_free(w.hosts[0].key);
		puppet_done(&p);
		world_done(&w);
	}
}

/* RFC 7670: the key goes where it is asked for, and nowhere else. */
static void test_raw_key(void **state)
{
	(void)state;
	for (unsigned ask = 0; ask < 2; ask++) {
		struct puppet_script s = { .hashes = true };
		struct ike_own_key key;
		struct vector spki;
		struct ike_cert cert;
		struct puppet p;
		struct world w;

		world_init(&w, 34, NULL);
		equip(&w, &key, &spki, false);
		puppet_init(&p, &w, false, IKE_KE_X25519);
		world_initiate(&w, 0);
		s.certreq = ask;
		puppet_answer_init(&p, &s);
		puppet_open(&p);
		assert_int_equal(!!(p.m.present & P(CERT)), ask);
		if (ask) {
			assert_int_equal(
				ike_cert_parse(ike_message_find(
						       &p.m, IKE_PAYLOAD_CERT),
					       &cert),
				0);
			assert_int_equal(cert.encoding, IKE_CERT_RAW_KEY);
			vector_check(&spki, cert.data.data, cert.data.len);
		}
		EVP_PKEY_free(w.hosts[0].key);
		puppet_done(&p);
		world_done(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_learn),
		cmocka_unit_test(test_round),
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_nobody_wanted),
		cmocka_unit_test(test_raw_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
