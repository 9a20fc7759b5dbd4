/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bad input, groups 4 and 5: public keys that give the secret away or are
 * none, endless INVALID_KE_PAYLOAD, nonces and identities of wrong sizes,
 * identities and AUTH methods that do not go together, and EAP.
 */
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ike-bad.h"

#define P(type) IKE_PRESENT(IKE_PAYLOAD_##type)

/* The X coordinate of the points of small order (RFC 7748 7). */
static const uint8_t low_order[][32] = {
	{ 0 },
	{ 1 },
	{ 0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
	  0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
	  0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00 },
	{ 0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1,
	  0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c,
	  0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57 },
	/* p - 1, p, p + 1 */
	{ 0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f },
	{ 0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f },
	{ 0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f },
};

/* As responder: nothing is kept, nothing is said, the next one is served. */
static void bad_request(const struct puppet_script *s)
{
	const struct puppet_script honest = { 0 };
	static struct bad b;

	bad_enter(&b, BAD_NOTHING);
	bad_hold_honest(&b, s);
	bad_send_held(&b);
	bad_assert_unchanged(&b);
	assert_int_equal(b.p.n_rx, 0);
	assert_int_equal(bad_counted(&b).malformed, 1);
	bad_hold_honest(&b, &honest);
	bad_mark(&b);
	bad_send_held(&b);
	bad_assert_went_on(&b);
	bad_leave(&b);
}

/* As initiator in this group: it waits for a better answer, and takes it. */
static void bad_answer(uint16_t group, const struct puppet_script *s)
{
	const struct puppet_script honest = { 0 };
	const uint8_t wanted[] = { (uint8_t)(group >> 8), (uint8_t)group };
	struct algorithms *a;
	static struct bad b;

	bad_enter(&b, BAD_NOTHING);
	puppet_done(&b.p);
	/* With every group that there is. */
	a = &b.w.hosts[0].engine->config.algorithms;
	algorithm_list_fill(&a->propose, &a->accept, ALGORITHM_GROUP);
	algorithm_list_fill(&a->answer, &a->accept, ALGORITHM_GROUP);
	b.state = BAD_INIT_SENT;
	puppet_init(&b.p, &b.w, false, group);
	world_initiate(&b.w, 0);
	if (group != IKE_KE_X25519)
		puppet_answer_notify(&b.p, IKE_NOTIFY_INVALID_KE_PAYLOAD,
				     wanted, sizeof(wanted));
	bad_hold_honest(&b, s);
	bad_mark(&b);
	bad_send_held(&b);
	assert_int_equal(bad_counted(&b).malformed, 1);
	assert_int_equal(b.p.n_rx, b.n_rx);
	assert_int_equal(b.w.hosts[0].n_failed, 0);
	bad_hold_honest(&b, &honest);
	bad_mark(&b);
	bad_send_held(&b);
	bad_assert_went_on(&b);
	bad_leave(&b);
}

static void both(uint16_t group, const uint8_t *ke, size_t len)
{
	const uint8_t sa[] = {
		0,
		0,
		0,
		36,
		1,
		1,
		0,
		3,
		3,
		0,
		0,
		12,
		1,
		0,
		0,
		20,
		0x80,
		14,
		1,
		0, /* AES-GCM-256 */
		3,
		0,
		0,
		8,
		2,
		0,
		0,
		5, /* HMAC-SHA2-256 */
		0,
		0,
		0,
		8,
		4,
		0,
		(uint8_t)(group >> 8),
		(uint8_t)group,
	};
	const struct puppet_script request = { .sa = sa,
					       .sa_len = sizeof(sa),
					       .group = group,
					       .ke = ke,
					       .ke_len = len };
	const struct puppet_script answer = { .ke = ke, .ke_len = len };

	bad_request(&request);
	bad_answer(group, &answer);
}

static const uint16_t groups[] = { IKE_KE_P256, IKE_KE_P384, 21, IKE_KE_X25519,
				   32,		14,	     15 };

static void test_wrong_length(void **state)
{
	static uint8_t key[1024];

	(void)state;
	memset(key, 2, sizeof(key));
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		const struct ike_kex *kex = ike_kex_find(groups[i]);
		size_t right;

		if (!kex)
			continue;
		right = kex->public_len;
		print_message("  group %u\n", groups[i]);
		both(groups[i], key, 0);
		both(groups[i], key, 1);
		both(groups[i], key, right - 1);
		both(groups[i], key, right + 1);
		/* With the octet that says that it is not compressed. */
		both(groups[i], key, 2 * right);
	}
}

/* All zero bytes are no point of any curve, and 0 in every MODP group. */
static void test_zero(void **state)
{
	static const uint8_t key[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		const struct ike_kex *kex = ike_kex_find(groups[i]);

		print_message("  group %u\n", groups[i]);
		if (kex)
			both(groups[i], key, kex->public_len);
	}
}

static void test_all_zero_x25519_output(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(low_order) / sizeof(low_order[0]); i++)
		both(IKE_KE_X25519, low_order[i], 32);
}

static void test_off_curve(void **state)
{
	static const uint16_t curves[] = { IKE_KE_P256, IKE_KE_P384, 21 };
	uint8_t key[IKE_KEX_PUBLIC_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
		const struct ike_kex *kex = ike_kex_find(curves[i]);
		EVP_PKEY *private = NULL;

		if (!kex)
			continue;
		assert_int_equal(ike_kex_generate(kex, &private, key), 0);
		EVP_PKEY_free(private);
		/* One bit from a point; and coordinates over the prime. */
		key[kex->public_len - 1] ^= 1;
		both(curves[i], key, kex->public_len);
		memset(key, 0xff, sizeof(key));
		both(curves[i], key, kex->public_len);
	}
}

/* 1 and p - 1 give a secret that everybody knows, 0 and p none at all; what
 * is over p is no key (RFC 6989 2.1). */
static void test_modp_1_and_p_minus_1(void **state)
{
	static const uint16_t modp[] = { 14, 15 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const struct ike_kex *kex = ike_kex_find(modp[i]);
		uint8_t key[IKE_KEX_PUBLIC_MAX] = { 0 };
		BIGNUM *p;

		if (!kex)
			continue;
		p = modp[i] == 14 ? BN_get_rfc3526_prime_2048(NULL)
				  : BN_get_rfc3526_prime_3072(NULL);
		key[kex->public_len - 1] = 1;
		both(modp[i], key, kex->public_len);
		assert_int_equal(BN_bn2binpad(p, key, kex->public_len),
				 kex->public_len);
		both(modp[i], key, kex->public_len);
		key[kex->public_len - 1] -= 1;
		both(modp[i], key, kex->public_len);
		memset(key, 0xff, kex->public_len);
		both(modp[i], key, kex->public_len);
		BN_free(p);
	}
}

/* ML-KEM (35 to 37) is not one that we speak: another group is asked for. */
static void test_group_that_we_do_not_speak(void **state)
{
	static const uint16_t unknown[] = { 0, 1, 2, 35, 36, 37, 65535 };
	static const uint8_t key[800];
	static struct bad b;

	(void)state;
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		const struct puppet_script s = { .group = unknown[i],
						 .ke = key,
						 .ke_len = sizeof(key) };
		if (unknown[i] == 0) /* the script's own */
			continue;
		bad_enter(&b, BAD_NOTHING);
		bad_hold_honest(&b, &s);
		bad_send_held(&b);
		bad_assert_unchanged(&b);
		assert_int_equal(bad_counted(&b).init_refused, 1);
		assert_int_equal(puppet_plain_notify(&b.p),
				 IKE_NOTIFY_INVALID_KE_PAYLOAD);
		bad_leave(&b);
	}
}

/* RFC 7296 1.2 has no bound; we do: then it is a refusal. */
static void test_endless_invalid_ke(void **state)
{
	const uint8_t wanted[2][2] = { { 0, 19 }, { 0, 31 } };
	static struct bad b;
	unsigned n_rx;

	(void)state;
	bad_enter(&b, BAD_INIT_SENT);
	for (unsigned i = 0; i < 40; i++)
		puppet_answer_notify(&b.p, IKE_NOTIFY_INVALID_KE_PAYLOAD,
				     wanted[i % 2], 2);
	n_rx = b.p.n_rx;
	assert_true(n_rx <= 1 + LIMIT_IKE_INIT_RETRIES);
	world_run(&b.w, b.w.now + 10000);
	assert_int_equal(b.w.hosts[0].n_failed, 1);
	assert_int_equal(b.w.hosts[0].failed.reason, IKE_REASON_REFUSED);
	assert_int_equal(host_sas(&b.w.hosts[0]), 0);
	bad_leave(&b);
}

/* --- group 5 ----------------------------------------------------------------- */

/* RFC 7296 3.9: 16 to 256 bytes. */
static void test_nonce(void **state)
{
	static const struct {
		size_t len;
		bool good;
	} cases[] = { { 1, false },   { 8, false },  { 15, false },
		      { 16, true },   { 256, true }, { 257, false },
		      { 300, false }, { 512, false } };
	static struct bad b;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct puppet_script s = { .nonce_len = cases[i].len };

		print_message("  %zu\n", cases[i].len);
		for (unsigned k = BAD_NOTHING; k <= BAD_INIT_SENT; k++) {
			bad_enter(&b, k);
			bad_hold_honest(&b, &s);
			bad_send_held(&b);
			if (cases[i].good) {
				bad_assert_went_on(&b);
			} else {
				bad_assert_unchanged(&b);
				assert_int_equal(b.p.n_rx, b.n_rx);
				assert_int_equal(bad_counted(&b).malformed, 1);
			}
			bad_leave(&b);
		}
	}
}

/* In IKE_AUTH of either side: it fails, and the owner hears of it once. */
static void auth_fails(const struct puppet_script *s, uint16_t notify)
{
	static struct bad b;

	for (unsigned k = BAD_INIT_DONE; k <= BAD_AUTH_SENT; k++) {
		bad_enter(&b, k);
		bad_hold_honest(&b, s);
		bad_send_held(&b);
		assert_int_equal(b.w.hosts[0].n_children, 0);
		assert_int_equal(b.w.hosts[0].n_failed, 1);
		assert_int_equal(b.w.hosts[0].failed.reason,
				 notify == IKE_NOTIFY_INVALID_SYNTAX
					 ? IKE_REASON_PROTOCOL
					 : IKE_REASON_AUTH);
		assert_int_equal(bad_counted(&b).auth_failed,
				 notify != IKE_NOTIFY_INVALID_SYNTAX);
		if (k == BAD_INIT_DONE) {
			puppet_open(&b.p);
			assert_int_equal(puppet_error(&b.p), notify);
		}
		bad_leave(&b);
		assert_int_equal(b.w.hosts[0].n_failed, 1);
	}
}

static void test_oversized_id(void **state)
{
	static uint8_t id[3000] = { IKE_ID_KEY_ID };
	static const size_t lens[] = { LIMIT_IKE_ID + 5, 1000, sizeof(id) };

	(void)state;
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		const struct puppet_script s = { .id = id, .id_len = lens[i] };

		auth_fails(&s, IKE_NOTIFY_INVALID_SYNTAX);
	}
}

static void test_malformed_id(void **state)
{
	static const struct {
		const char *name;
		uint8_t id[24];
		size_t len;
	} cases[] = {
		{ "3 bytes", { IKE_ID_NULL }, 3 },
		{ "ID_NULL with data", { IKE_ID_NULL, 0, 0, 0, 1 }, 5 },
		{ "another one without", { IKE_ID_FQDN }, 4 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct puppet_script s = { .id = cases[i].id,
						 .id_len = cases[i].len };

		print_message("  %s\n", cases[i].name);
		auth_fails(&s, IKE_NOTIFY_INVALID_SYNTAX);
	}
}

/* RFC 7619 2: who has no identity cannot prove it. */
static void test_id_null_with_another_method(void **state)
{
	(void)state;
	for (unsigned method = 1; method < 256; method++) {
		const struct puppet_script s = { .method = (uint8_t)method };

		if (method != IKE_AUTH_NULL)
			auth_fails(&s, IKE_NOTIFY_AUTHENTICATION_FAILED);
	}
}

/* And who has one, and proves nothing, is not taken for it. */
static void test_null_method_with_an_id(void **state)
{
	static const uint8_t types[] = { 1, 2, 3, 5, 9, 10, 11, 12, 14, 255 };
	static struct bad b;

	(void)state;
	for (size_t i = 0; i < sizeof(types); i++) {
		const struct puppet_script s = { .id_type = types[i] };

		for (unsigned k = BAD_INIT_DONE; k <= BAD_AUTH_SENT; k++) {
			bad_enter(&b, k);
			bad_hold_honest(&b, &s);
			bad_send_held(&b);
			assert_int_equal(b.w.hosts[0].n_children, 0);
			bad_leave(&b);
			assert_int_equal(b.w.hosts[0].n_children, 0);
			assert_int_equal(b.w.hosts[0].n_failed, 1);
		}
	}
}

/* EAP where nobody speaks it: beside AUTH, in place of it, and later. */
static void test_eap(void **state)
{
	static const uint8_t eap[] = { 0, 0, 0, 9, 1, 1, 0, 5, 1 };
	const struct puppet_script without = { .omit = P(AUTH),
					       .unknown = IKE_PAYLOAD_EAP };
	const struct puppet_script beside = { .unknown = IKE_PAYLOAD_EAP };
	static struct bad b;

	(void)state;
	bad_enter(&b, BAD_INIT_DONE);
	bad_hold_honest(&b, &without);
	bad_send_held(&b);
	puppet_open(&b.p);
	assert_int_equal(puppet_error(&b.p), IKE_NOTIFY_AUTHENTICATION_FAILED);
	assert_int_equal(bad_counted(&b).auth_failed, 1);
	bad_leave(&b);
	/* What a responder says when it wants EAP of us. */
	bad_enter(&b, BAD_AUTH_SENT);
	bad_hold_honest(&b, &without);
	bad_send_held(&b);
	assert_int_equal(b.w.hosts[0].n_children, 0);
	assert_int_equal(b.w.hosts[0].n_failed, 1);
	bad_leave(&b);
	for (unsigned k = BAD_INIT_DONE; k <= BAD_AUTH_SENT; k++) {
		bad_enter(&b, k);
		bad_hold_honest(&b, &beside);
		bad_send_held(&b);
		assert_int_equal(host_children(&b.w.hosts[0]), 1);
		bad_leave(&b);
	}
	/* IKE_AUTH is over: no second round. */
	bad_enter(&b, BAD_RESPONDED);
	puppet_send_raw(&b.p, IKE_EXCHANGE_AUTH, false, 2, IKE_PAYLOAD_EAP, eap,
			sizeof(eap));
	bad_assert_unchanged(&b);
	assert_int_equal(b.p.n_rx, b.n_rx);
	bad_leave(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wrong_length),
		cmocka_unit_test(test_zero),
		cmocka_unit_test(test_all_zero_x25519_output),
		cmocka_unit_test(test_off_curve),
		cmocka_unit_test(test_modp_1_and_p_minus_1),
		cmocka_unit_test(test_group_that_we_do_not_speak),
		cmocka_unit_test(test_endless_invalid_ke),
		cmocka_unit_test(test_nonce),
		cmocka_unit_test(test_oversized_id),
		cmocka_unit_test(test_malformed_id),
		cmocka_unit_test(test_id_null_with_another_method),
		cmocka_unit_test(test_null_method_with_an_id),
		cmocka_unit_test(test_eap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
