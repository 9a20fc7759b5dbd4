/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ike/kex.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ike-vectors.h"

static const struct {
	uint16_t id;
	const char *name;
} kexes[] = {
	{ IKE_KE_X25519, "x25519" },	  { IKE_KE_P256, "p256" },
	{ IKE_KE_P384, "p384" },	  { IKE_KE_P521, "p521" },
	{ IKE_KE_X448, "x448" },	  { IKE_KE_MODP_2048, "modp2048" },
	{ IKE_KE_MODP_3072, "modp3072" },
};

#define N_KEXES (sizeof(kexes) / sizeof(kexes[0]))

/* A private key of the vectors. */
static EVP_PKEY *import_private(const struct ike_kex *kex,
				const struct vector *private,
				const struct vector *public)
{
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	BIGNUM *d = BN_bin2bn(private->data, (int)private->len, NULL);
	uint8_t point[1 + IKE_KEX_PUBLIC_MAX] = { 4 };
	EVP_PKEY_CTX *ctx;
	OSSL_PARAM *params;
	EVP_PKEY *key = NULL;
	BIGNUM *y;

	if (!kex->group) {
		OSSL_PARAM_BLD_free(bld);
		BN_free(d);
		return EVP_PKEY_new_raw_private_key_ex(
			NULL, kex->type, NULL, private->data, private->len);
	}
	memcpy(point + 1, public->data, public->len);
	OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME,
					kex->group, 0);
	OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, d);
	y = BN_bin2bn(public->data, (int)public->len, NULL);
	if (!strcmp(kex->type, "EC"))
		OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY,
						 point, 1 + public->len);
	else
		OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PUB_KEY, y);
	params = OSSL_PARAM_BLD_to_param(bld);
	ctx = EVP_PKEY_CTX_new_from_name(NULL, kex->type, NULL);
	assert_true(EVP_PKEY_fromdata_init(ctx) > 0);
	assert_true(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) > 0);
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	BN_free(d);
	BN_free(y);
	return key;
}

/* RFC 7748 6.1 and 6.2, RFC 5903 8.1 to 8.3, RFC 3526 */
static void test_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_KEXES; i++) {
		const struct ike_kex *kex = ike_kex_find(kexes[i].id);
		struct vector a = vector_get2(kexes[i].name, "a");
		struct vector pa = vector_get2(kexes[i].name, "public-a");
		struct vector b = vector_get2(kexes[i].name, "b");
		struct vector pb = vector_get2(kexes[i].name, "public-b");
		struct vector shared = vector_get2(kexes[i].name, "shared");
		EVP_PKEY *ka, *kb;
		struct secret s = { 0 };

		assert_non_null(kex);
		ka = import_private(kex, &a, &pa);
		kb = import_private(kex, &b, &pb);
		assert_int_equal(ike_kex_derive(kex, ka, pb.data, pb.len, &s),
				 0);
		vector_check(&shared, s.data, s.len);
		secret_done(&s);
		assert_int_equal(ike_kex_derive(kex, kb, pa.data, pa.len, &s),
				 0);
		vector_check(&shared, s.data, s.len);
		secret_done(&s);
		EVP_PKEY_free(ka);
		EVP_PKEY_free(kb);
	}
}

static void test_agree(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_KEXES; i++) {
		const struct ike_kex *kex = ike_kex_find(kexes[i].id);
		uint8_t pa[IKE_KEX_PUBLIC_MAX], pb[IKE_KEX_PUBLIC_MAX];
		struct secret sa = { 0 }, sb = { 0 };
		EVP_PKEY *a, *b;

		assert_int_equal(ike_kex_generate(kex, &a, pa), 0);
		assert_int_equal(ike_kex_generate(kex, &b, pb), 0);
		assert_memory_not_equal(pa, pb, kex->public_len);
		assert_int_equal(
			ike_kex_derive(kex, a, pb, kex->public_len, &sa), 0);
		assert_int_equal(
			ike_kex_derive(kex, b, pa, kex->public_len, &sb), 0);
		assert_int_equal(sa.len, kex->shared_len);
		assert_true(secret_equal(&sa, &sb));
		secret_done(&sa);
		secret_done(&sb);
		EVP_PKEY_free(a);
		EVP_PKEY_free(b);
	}
}

/* Points of low order on Curve25519, in every encoding that decodes to them
 * (RFC 7748 6.1: the output MUST be checked). */
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

static void test_low_order(void **state)
{
	const struct ike_kex *kex = ike_kex_find(IKE_KE_X25519);
	struct secret s = { 0 };
	uint8_t public[32];
	EVP_PKEY *key;

	(void)state;
	assert_int_equal(ike_kex_generate(kex, &key, public), 0);
	for (size_t i = 0; i < sizeof(low_order) / sizeof(low_order[0]); i++) {
		assert_int_equal(ike_kex_derive(kex, key, low_order[i], 32, &s),
				 -EBADMSG);
		assert_int_equal(s.len, 0);
	}
	EVP_PKEY_free(key);
}

static void test_bad_points(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_KEXES; i++) {
		const struct ike_kex *kex = ike_kex_find(kexes[i].id);
		size_t len = kex->public_len;
		uint8_t public[IKE_KEX_PUBLIC_MAX + 1] = { 0 };
		uint8_t bad[IKE_KEX_PUBLIC_MAX];
		struct secret s = { 0 };
		EVP_PKEY *key;

		if (!kex->group || strcmp(kex->type, "EC") != 0)
			continue;
		assert_int_equal(ike_kex_generate(kex, &key, public), 0);
		/* Off the curve: each coordinate in turn; zero; too large. */
		for (size_t at = 0; at < len; at += len / 4) {
			memcpy(bad, public, len);
			bad[at] ^= 1;
			assert_int_equal(ike_kex_derive(kex, key, bad, len, &s),
					 -EBADMSG);
		}
		memset(bad, 0, len);
		assert_int_equal(ike_kex_derive(kex, key, bad, len, &s),
				 -EBADMSG);
		memset(bad, 0xff, len);
		assert_int_equal(ike_kex_derive(kex, key, bad, len, &s),
				 -EBADMSG);
		assert_int_equal(s.len, 0);
		EVP_PKEY_free(key);
	}
}

/* RFC 7748 6.2: 0, 1, p - 1 and p of Curve448. */
static void test_low_order_448(void **state)
{
	const struct ike_kex *kex = ike_kex_find(IKE_KE_X448);
	uint8_t public[56], bad[56];
	struct secret s = { 0 };
	EVP_PKEY *key;

	(void)state;
	assert_int_equal(ike_kex_generate(kex, &key, public), 0);
	for (unsigned i = 0; i < 4; i++) {
		memset(bad, i < 2 ? 0 : 0xff, sizeof(bad));
		if (i < 2)
			bad[0] = (uint8_t)i;
		else
			bad[28] = 0xfe;
		if (i == 2)
			bad[0] = 0xfe;
		assert_int_equal(ike_kex_derive(kex, key, bad, 56, &s),
				 -EBADMSG);
	}
	assert_int_equal(s.len, 0);
	EVP_PKEY_free(key);
}

/* RFC 6989 2.1: 0, 1, p - 1, p and above; and 2 and p - 2, which pass. */
static void test_bad_modp(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_KEXES; i++) {
		const struct ike_kex *kex = ike_kex_find(kexes[i].id);
		size_t len = kex->public_len;
		uint8_t public[IKE_KEX_PUBLIC_MAX], y[IKE_KEX_PUBLIC_MAX];
		struct secret s = { 0 };
		struct vector p;
		EVP_PKEY *key;

		if (!kex->group || strcmp(kex->type, "DH") != 0)
			continue;
		p = vector_get2(kexes[i].name, "p");
		assert_int_equal(ike_kex_generate(kex, &key, public), 0);
		for (int d = -2; d <= 2; d++) {
			memcpy(y, p.data, len);
			y[len - 1] = (uint8_t)(y[len - 1] + (d < 0 ? d : 0));
			if (d > 0) {
				/* The lowest bytes of both are all ones. */
				memset(y, 0xff, len);
				y[len - 1] = (uint8_t)(0xff - d + 1);
			}
			assert_int_equal(ike_kex_derive(kex, key, y, len, &s),
					 d == -2 ? 0 : -EBADMSG);
		}
		secret_done(&s);
		for (uint8_t d = 0; d <= 2; d++) {
			memset(y, 0, len);
			y[len - 1] = d;
			assert_int_equal(ike_kex_derive(kex, key, y, len, &s),
					 d == 2 ? 0 : -EBADMSG);
		}
		secret_done(&s);
		EVP_PKEY_free(key);
	}
}

static void test_lengths(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_KEXES; i++) {
		const struct ike_kex *kex = ike_kex_find(kexes[i].id);
		size_t len = kex->public_len;
		uint8_t public[IKE_KEX_PUBLIC_MAX + 1] = { 0 };
		struct secret s = { 0 };
		EVP_PKEY *key;

		assert_int_equal(ike_kex_generate(kex, &key, public), 0);
		assert_int_equal(ike_kex_derive(kex, key, public, len - 1, &s),
				 -EBADMSG);
		assert_int_equal(ike_kex_derive(kex, key, public, len + 1, &s),
				 -EBADMSG);
		assert_int_equal(ike_kex_derive(kex, key, public, 0, &s),
				 -EBADMSG);
		assert_int_equal(s.len, 0);
		EVP_PKEY_free(key);
	}
}

static void test_find(void **state)
{
	(void)state;
	assert_null(ike_kex_find(0));
	assert_null(ike_kex_find(2));
	assert_null(ike_kex_find(5));
	assert_int_equal(ike_kex_find(IKE_KE_P256)->public_len, 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_agree),
		cmocka_unit_test(test_low_order),
		cmocka_unit_test(test_bad_points),
		cmocka_unit_test(test_low_order_448),
		cmocka_unit_test(test_bad_modp),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_find),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
