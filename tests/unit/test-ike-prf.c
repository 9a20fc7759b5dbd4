/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ike/prf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ike-vectors.h"

static const struct {
	uint16_t id;
	uint8_t len;
	const char *name, *number;
} prfs[] = {
	{ IKE_PRF_HMAC_SHA2_256, 32, "HMAC-SHA2-256", "256" },
	{ IKE_PRF_HMAC_SHA2_384, 48, "HMAC-SHA2-384", "384" },
	{ IKE_PRF_HMAC_SHA2_512, 64, "HMAC-SHA2-512", "512" },
};

static void test_find(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const struct ike_prf *p = ike_prf_find(prfs[i].id);

		assert_non_null(p);
		assert_int_equal(p->len, prfs[i].len);
		assert_string_equal(p->name, prfs[i].name);
	}
	assert_null(ike_prf_find(0));
	assert_null(ike_prf_find(1)); /* HMAC-MD5 */
	assert_null(ike_prf_find(2)); /* HMAC-SHA1 */
	assert_null(ike_prf_find(4)); /* AES128-XCBC */
}

/* RFC 4231 4.2 and 4.3 */
static void test_hmac(void **state)
{
	uint8_t key[20], out[IKE_PRF_MAX];
	struct ike_part hi[] = { { "Hi ", 3 }, { "", 0 }, { "There", 5 } };
	struct ike_part what = { "what do ya want for nothing?", 28 };
	char name[32];
	struct vector v;

	(void)state;
	memset(key, 0x0b, sizeof(key));
	for (size_t i = 0; i < 3; i++) {
		const struct ike_prf *p = ike_prf_find(prfs[i].id);

		snprintf(name, sizeof(name), "hmac%s-1", prfs[i].number);
		v = vector_get(name);
		assert_int_equal(ike_prf(p, key, sizeof(key), hi, 3, out), 0);
		vector_check(&v, out, p->len);
		snprintf(name, sizeof(name), "hmac%s-2", prfs[i].number);
		v = vector_get(name);
		assert_int_equal(ike_prf(p, "Jefe", 4, &what, 1, out), 0);
		vector_check(&v, out, p->len);
	}
}

static void test_plus(void **state)
{
	struct ike_part seed[] = { { "se", 2 }, { "ed", 2 } };
	uint8_t out[256 * 64];
	char name[32];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const struct ike_prf *p = ike_prf_find(prfs[i].id);
		size_t max = 255 * (size_t)p->len;
		struct vector v;

		snprintf(name, sizeof(name), "prfplus%s", prfs[i].number);
		v = vector_get(name);
		assert_int_equal(ike_prf_plus(p, "key", 3, seed, 2, out, v.len),
				 0);
		vector_check(&v, out, v.len);
		/* Every length is a prefix of a longer one. */
		memset(out, 0, sizeof(out));
		assert_int_equal(ike_prf_plus(p, "key", 3, seed, 2, out, 33),
				 0);
		assert_memory_equal(out, v.data, 33);
		assert_int_equal(out[33], 0);
		/* 2.13: the counter is one byte. */
		assert_int_equal(ike_prf_plus(p, "key", 3, seed, 2, out, max),
				 0);
		assert_int_equal(
			ike_prf_plus(p, "key", 3, seed, 2, out, max + 1),
			-EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_hmac),
		cmocka_unit_test(test_plus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
