/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "util/algorithm.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_names(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ALGORITHMS; i++) {
		const char *name = algorithm_name((enum algorithm)i);
		enum algorithm a = ALGORITHMS;

		assert_non_null(name);
		assert_int_equal(algorithm_parse(name, &a), 0);
		assert_int_equal(a, i);
	}
	for (size_t i = 0; algorithm_word(i); i++) {
		enum algorithm a;

		assert_in_range(i, 0, 2 * ALGORITHMS);
		assert_int_equal(algorithm_parse(algorithm_word(i), &a), 0);
	}
	assert_null(algorithm_name(ALGORITHMS));
}

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		enum algorithm a; /* ALGORITHMS: none */
	} rows[] = {
		{ "aes-gcm-256", ALGORITHM_AES_GCM_256 },
		{ "AES-GCM-128", ALGORITHM_AES_GCM_128 },
		{ "chacha20-POLY1305", ALGORITHM_CHACHA20_POLY1305 },
		{ "aes-cbc-128", ALGORITHM_AES_CBC_128 },
		{ "sha2-384", ALGORITHM_SHA2_384 },
		{ "hmac-sha2-384", ALGORITHM_SHA2_384 },
		{ "p-521", ALGORITHM_P521 },
		{ "modp-3072", ALGORITHM_MODP_3072 },
		{ "", ALGORITHMS },
		{ "AES", ALGORITHMS },
		{ "AES-GCM-192", ALGORITHMS },
		{ "MODP-1024", ALGORITHMS },
		{ "SHA1", ALGORITHMS },
		{ "3DES", ALGORITHMS },
		{ "X25519 ", ALGORITHMS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum algorithm a = ALGORITHMS;
		int r = algorithm_parse(rows[i].text, &a);

		assert_int_equal(r, rows[i].a == ALGORITHMS ? -EINVAL : 0);
		assert_int_equal(a, rows[i].a);
	}
}

static void test_lists(void **state)
{
	struct algorithm_list l = { 0 }, more = { 0 };

	(void)state;
	algorithm_list_add(&l, ALGORITHM_P256);
	algorithm_list_add(&l, ALGORITHM_AES_CBC_128);
	algorithm_list_add(&l, ALGORITHM_P256);
	algorithm_list_add(&l, ALGORITHMS);
	assert_int_equal(l.n, 2);
	assert_true(algorithm_list_has(&l, ALGORITHM_AES_CBC_128));
	assert_false(algorithm_list_has(&l, ALGORITHM_AES_CBC_256));
	assert_true(algorithm_list_has_kind(&l, ALGORITHM_GROUP));
	assert_false(algorithm_list_has_kind(&l, ALGORITHM_HASH));
	algorithm_list_add(&more, ALGORITHM_SHA2_512);
	algorithm_list_add(&more, ALGORITHM_X25519);
	algorithm_list_add(&more, ALGORITHM_SHA2_256);
	algorithm_list_fill(&l, &more, ALGORITHM_HASH);
	assert_int_equal(l.n, 4);
	assert_int_equal(l.list[2], ALGORITHM_SHA2_512);
	assert_int_equal(l.list[3], ALGORITHM_SHA2_256);
	algorithm_list_remove(&l, ALGORITHM_SHA2_512);
	assert_int_equal(l.n, 3);
	assert_int_equal(l.list[2], ALGORITHM_SHA2_256);
	/* The last of its kind stays. */
	algorithm_list_remove(&l, ALGORITHM_SHA2_256);
	algorithm_list_remove(&l, ALGORITHM_X448);
	assert_int_equal(l.n, 3);
}

/* Proposed: nothing without integrity of its own. Accepted: everything. */
static void test_defaults(void **state)
{
	struct algorithms a;

	(void)state;
	algorithms_init(&a);
	assert_int_equal(a.accept.n, ALGORITHMS);
	assert_memory_equal(&a.propose, &a.answer, sizeof(a.propose));
	for (unsigned k = 0; k < ALGORITHM_KINDS; k++)
		assert_true(algorithm_list_has_kind(&a.propose,
						    (enum algorithm_kind)k));
	assert_false(algorithm_list_has(&a.propose, ALGORITHM_AES_CBC_256));
	assert_false(algorithm_list_has(&a.propose, ALGORITHM_AES_CBC_128));
	assert_false(algorithm_list_has(&a.propose, ALGORITHM_MODP_2048));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_defaults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
