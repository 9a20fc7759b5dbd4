/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys that are taken, and keys that are not. */
#include "ike/public-key.h"

#include <errno.h>
#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ike-vectors.h"

#define ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *name;
	int rc;
	enum ike_key_type type;
} keys[] = {
	{ "rsa2048", 0, IKE_KEY_RSA },	 { "rsa3072", 0, IKE_KEY_RSA },
	{ "rsa1024", -EKEYREJECTED, 0 }, { "p256", 0, IKE_KEY_P256 },
	{ "p384", 0, IKE_KEY_P384 },	 { "p521", 0, IKE_KEY_P521 },
	{ "k256", -EOPNOTSUPP, 0 },	 { "ed25519", 0, IKE_KEY_ED25519 },
	{ "ed448", 0, IKE_KEY_ED448 },
};

static void test_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < ELEMENTS(keys); i++) {
		struct vector v = vector_get2("spki", keys[i].name);
		EVP_PKEY *private = vector_key(keys[i].name), *loaded = NULL;
		struct ike_view spki = { v.data, v.len };
		uint8_t out[LIMIT_IKE_SPKI];
		struct ike_public_key k;
		enum ike_key_type type;
		size_t len;

		print_message("  %s\n", keys[i].name);
		assert_int_equal(ike_public_key_parse(spki, &k), keys[i].rc);
		assert_int_equal(ike_public_key_type(private, &type),
				 keys[i].rc);
		assert_int_equal(ike_public_key_export(private, out, &len),
				 keys[i].rc);
		if (keys[i].rc == 0) {
			assert_int_equal(k.type, keys[i].type);
			assert_int_equal(type, keys[i].type);
			vector_check(&v, out, len);
			assert_int_equal(ike_public_key_load(&k, &loaded), 0);
			assert_int_equal(EVP_PKEY_eq(private, loaded), 1);
			assert_non_null(ike_key_type_name(k.type));
		}
		EVP_PKEY_free(private);
		EVP_PKEY_free(loaded);
	}
}

/* Cut anywhere, or with a byte behind it, or with one byte of its frame
 * changed, it is no key. */
static void test_frames(void **state)
{
	(void)state;
	for (size_t i = 0; i < ELEMENTS(keys); i++) {
		struct vector v = vector_get2("spki", keys[i].name);
		struct ike_public_key k;

		if (keys[i].rc < 0)
			continue;
		for (size_t len = 0; len < v.len; len++)
			assert_int_equal(
				ike_public_key_parse(
					(struct ike_view){ v.data, len }, &k),
				-EBADMSG);
		assert_int_equal(
			ike_public_key_parse(
				(struct ike_view){ v.data, v.len + 1 }, &k),
			-EBADMSG);
		for (size_t at = 0; at < 12; at++) {
			v.data[at] ^= 0x40;
			assert_int_not_equal(
				ike_public_key_parse(
					(struct ike_view){ v.data, v.len }, &k),
				0);
			v.data[at] ^= 0x40;
		}
	}
}

/* --- RSA by hand ---------------------------------------------------------------- */

static size_t put_header(uint8_t *at, uint8_t tag, size_t len)
{
	at[0] = tag;
	at[1] = 0x82;
	at[2] = (uint8_t)(len >> 8);
	at[3] = (uint8_t)len;
	return 4;
}

/* An SPKI with this modulus (a zero byte before it) and exponent. */
static size_t make_rsa(uint8_t *buf, const uint8_t *n, size_t n_len,
		       const uint8_t *e, size_t e_len)
{
	static const uint8_t alg[] = { 0x30, 0x0d, 0x06, 0x09, 0x2a,
				       0x86, 0x48, 0x86, 0xf7, 0x0d,
				       0x01, 0x01, 0x01, 0x05, 0x00 };
	size_t inner = 4 + 1 + n_len + 2 + e_len;
	size_t at = put_header(buf, 0x30, sizeof(alg) + 4 + 1 + 4 + inner);

	memcpy(buf + at, alg, sizeof(alg));
	at += sizeof(alg);
	at += put_header(buf + at, 0x03, 1 + 4 + inner);
	buf[at++] = 0;
	at += put_header(buf + at, 0x30, inner);
	at += put_header(buf + at, 0x02, 1 + n_len);
	buf[at++] = 0;
	memcpy(buf + at, n, n_len);
	at += n_len;
	buf[at++] = 0x02;
	buf[at++] = (uint8_t)e_len;
	memcpy(buf + at, e, e_len);
	return at + e_len;
}

static const struct {
	const char *what;
	size_t bytes; /* of the modulus */
	uint8_t first, last;
	uint8_t e[10];
	size_t e_len;
	int rc;
} rsa[] = {
	{ "2048 bits", 256, 0x80, 1, { 1, 0, 1 }, 3, 0 },
	{ "2047 bits", 256, 0x7f, 1, { 1, 0, 1 }, 3, -EBADMSG },
	{ "8192 bits", 1024, 0x80, 1, { 1, 0, 1 }, 3, 0 },
	{ "8200 bits", 1025, 0x80, 1, { 1, 0, 1 }, 3, -EKEYREJECTED },
	{ "512 bits", 64, 0x80, 1, { 1, 0, 1 }, 3, -EBADMSG },
	{ "an even modulus", 256, 0x80, 2, { 1, 0, 1 }, 3, -EKEYREJECTED },
	{ "exponent 0", 256, 0x80, 1, { 0 }, 1, -EBADMSG },
	{ "exponent 1", 256, 0x80, 1, { 1 }, 1, -EKEYREJECTED },
	{ "exponent 2", 256, 0x80, 1, { 2 }, 1, -EKEYREJECTED },
	{ "exponent 3", 256, 0x80, 1, { 3 }, 1, 0 },
	{ "an even exponent", 256, 0x80, 1, { 1, 0, 0 }, 3, -EKEYREJECTED },
	{ "a negative exponent", 256, 0x80, 1, { 0x81 }, 1, -EBADMSG },
	{ "an exponent not shortest", 256, 0x80, 1, { 0, 3 }, 2, -EBADMSG },
	{ "no exponent", 256, 0x80, 1, { 0 }, 0, -EBADMSG },
	{ "64 bits of exponent",
	  256,
	  0x80,
	  1,
	  { 0x7f, 1, 1, 1, 1, 1, 1, 1 },
	  8,
	  0 },
	{ "more than 64 bits of exponent",
	  256,
	  0x80,
	  1,
	  { 1, 1, 1, 1, 1, 1, 1, 1, 1 },
	  9,
	  -EKEYREJECTED },
};

static void test_rsa(void **state)
{
	uint8_t n[1100], buf[1300];

	(void)state;
	for (size_t i = 0; i < ELEMENTS(rsa); i++) {
		struct ike_public_key k;
		struct ike_view v = { buf, 0 };

		print_message("  %s\n", rsa[i].what);
		memset(n, 0x55, sizeof(n));
		n[0] = rsa[i].first;
		n[rsa[i].bytes - 1] = rsa[i].last;
		v.len = make_rsa(buf, n, rsa[i].bytes, rsa[i].e, rsa[i].e_len);
		assert_int_equal(ike_public_key_parse(v, &k), rsa[i].rc);
	}
}

/* A point that is not on its curve, or compressed. */
static void test_points(void **state)
{
	static const char *const curves[] = { "p256", "p384", "p521" };

	(void)state;
	for (size_t i = 0; i < ELEMENTS(curves); i++) {
		struct vector v = vector_get2("spki", curves[i]);
		struct ike_view spki = { v.data, v.len };
		struct ike_public_key k;
		EVP_PKEY *loaded = NULL;
		size_t point;

		v.data[v.len - 1] ^= 1;
		assert_int_equal(ike_public_key_parse(spki, &k), 0);
		assert_int_equal(ike_public_key_load(&k, &loaded), -EBADMSG);
		assert_null(loaded);
		point = v.len - k.point.len;
		memset(v.data + point + 1, 0, k.point.len - 1);
		assert_int_equal(ike_public_key_parse(spki, &k), 0);
		assert_int_equal(ike_public_key_load(&k, &loaded), -EBADMSG);
		v.data[point] = 0x02;
		assert_int_equal(ike_public_key_parse(spki, &k), -EOPNOTSUPP);
		v.data[point] = 0x00;
		assert_int_equal(ike_public_key_parse(spki, &k), -EOPNOTSUPP);
	}
}

static void test_fingerprint(void **state)
{
	struct vector a = vector_get("spki-ed25519");
	struct vector b = vector_get("spki-ed25519b");
	uint8_t fa[IKE_FINGERPRINT_LEN], fb[IKE_FINGERPRINT_LEN];
	uint8_t expected[32];
	unsigned len;

	(void)state;
	assert_int_equal(ike_public_key_fingerprint(
				 (struct ike_view){ a.data, a.len }, fa),
			 0);
	assert_int_equal(ike_public_key_fingerprint(
				 (struct ike_view){ b.data, b.len }, fb),
			 0);
	assert_memory_not_equal(fa, fb, sizeof(fa));
	assert_int_equal(
		EVP_Digest(a.data, a.len, expected, &len, EVP_sha256(), NULL),
		1);
	assert_memory_equal(fa, expected, sizeof(fa));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_rsa),
		cmocka_unit_test(test_points),
		cmocka_unit_test(test_fingerprint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
