/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * util/secret.c: capacity, comparison, wiping.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "util/secret.h"

static bool all_zero(const uint8_t *p, size_t len)
{
	while (len--)
		if (*p++)
			return false;
	return true;
}

static void test_set(void **state)
{
	uint8_t data[SECRET_MAX + 1];
	static const size_t lens[] = { 0, 1, 32, SECRET_MAX };
	struct secret s = { 0 };

	(void)state;
	memset(data, 0xa5, sizeof(data));
	/* Downwards, so that the rest of a longer one has to go. */
	for (size_t i = sizeof(lens) / sizeof(lens[0]); i-- > 0;) {
		assert_int_equal(secret_set(&s, data, lens[i]), 0);
		assert_int_equal(s.len, lens[i]);
		assert_memory_equal(s.data, data, lens[i]);
		assert_true(all_zero(s.data + s.len, SECRET_MAX - s.len));
	}
	assert_int_equal(secret_set(&s, NULL, 0), 0);
}

static void test_set_too_long(void **state)
{
	uint8_t data[SECRET_MAX + 1] = { 0 };
	struct secret s, before;

	(void)state;
	assert_int_equal(secret_set(&s, "key", 3), 0);
	before = s;
	assert_int_equal(secret_set(&s, data, sizeof(data)), -E2BIG);
	assert_int_equal(secret_set(&s, data, SIZE_MAX), -E2BIG);
	assert_memory_equal(&s, &before, sizeof(s));
}

static void test_set_from_itself(void **state)
{
	struct secret s;

	(void)state;
	assert_int_equal(secret_set(&s, "abcdefgh", 8), 0);
	assert_int_equal(secret_set(&s, s.data + 2, 6), 0);
	assert_memory_equal(s.data, "cdefgh\0\0", 8);
}

static void test_equal(void **state)
{
	struct secret a = { 0 }, b = { 0 };
	uint8_t x[64] = { 0 }, y[64] = { 0 };

	(void)state;
	assert_true(secret_equal(&a, &b));
	assert_int_equal(secret_set(&a, "key", 3), 0);
	assert_int_equal(secret_set(&b, "key\0", 4), 0);
	assert_false(secret_equal(&a, &b));
	assert_int_equal(secret_set(&b, "key", 3), 0);
	assert_true(secret_equal(&a, &b));

	/* Every byte and every bit counts. */
	for (size_t i = 0; i < sizeof(x) * 8; i++) {
		y[i / 8] = (uint8_t)(1u << (i % 8));
		assert_false(secret_memequal(x, y, sizeof(x)));
		assert_true(secret_memequal(x, y, i / 8));
		y[i / 8] = 0;
	}
	assert_true(secret_memequal(x, y, sizeof(x)));
	assert_true(secret_memequal(NULL, NULL, 0));
}

static void test_done(void **state)
{
	struct secret s;

	(void)state;
	memset(&s, 0xa5, sizeof(s));
	secret_done(&s);
	assert_true(all_zero((uint8_t *)&s, sizeof(s)));
	secret_done(&s);
	secret_done(NULL);
	secret_wipe(NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_set_too_long),
		cmocka_unit_test(test_set_from_itself),
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
