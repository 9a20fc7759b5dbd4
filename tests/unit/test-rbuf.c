/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * util/rbuf.h: bounds, the sticky error, slices.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/rbuf.h"

static const uint8_t bytes[] = { 1, 2,	3,  4,	5,  6,	7,   8,
				 9, 10, 11, 12, 13, 14, 0xff };

static void test_numbers(void **state)
{
	struct rbuf r = rbuf_of(bytes, sizeof(bytes));

	(void)state;
	assert_int_equal(rbuf_be16(&r), 0x0102);
	assert_int_equal(rbuf_be32(&r), 0x03040506);
	assert_true(rbuf_be64(&r) == 0x0708090a0b0c0d0e);
	assert_false(rbuf_finish(&r));
	assert_int_equal(rbuf_u8(&r), 0xff);
	assert_true(rbuf_finish(&r));
}

static void test_high_bits(void **state)
{
	static const uint8_t ones[8] = { 0xff, 0xff, 0xff, 0xff,
					 0xff, 0xff, 0xff, 0xff };
	struct rbuf r;

	(void)state;
	r = rbuf_of(ones, 8);
	assert_int_equal(rbuf_be16(&r), UINT16_MAX);
	r = rbuf_of(ones, 8);
	assert_int_equal(rbuf_be32(&r), UINT32_MAX);
	r = rbuf_of(ones, 8);
	assert_true(rbuf_be64(&r) == UINT64_MAX);
}

/* One byte short of what each read needs. */
static void test_short(void **state)
{
	(void)state;
	for (int kind = 0; kind < 6; kind++) {
		static const size_t need[] = { 1, 2, 4, 8, 5, 5 };
		struct rbuf r = rbuf_of(bytes, need[kind] - 1);
		struct rbuf s = rbuf_of(bytes, 1);

		if (kind == 0)
			assert_int_equal(rbuf_u8(&r), 0);
		else if (kind == 1)
			assert_int_equal(rbuf_be16(&r), 0);
		else if (kind == 2)
			assert_int_equal(rbuf_be32(&r), 0);
		else if (kind == 3)
			assert_int_equal(rbuf_be64(&r) & UINT32_MAX, 0);
		else if (kind == 4)
			assert_null(rbuf_bytes(&r, 5));
		else
			s = rbuf_slice(&r, 5);
		assert_false(rbuf_ok(&r));
		assert_false(rbuf_finish(&r));
		assert_int_equal(rbuf_ok(&s), kind != 5);
	}
}

static void test_error_sticks(void **state)
{
	struct rbuf r = rbuf_of(bytes, 4);
	struct rbuf s;

	(void)state;
	assert_null(rbuf_bytes(&r, 5));
	/* What would have fitted before does not any more. */
	assert_int_equal(rbuf_u8(&r), 0);
	assert_int_equal(rbuf_be32(&r), 0);
	assert_null(rbuf_bytes(&r, 0));
	s = rbuf_slice(&r, 0);
	assert_false(rbuf_ok(&s));
	assert_false(rbuf_ok(&r));
	assert_null(rbuf_bytes(&r, SIZE_MAX));
}

static void test_slice(void **state)
{
	struct rbuf r = rbuf_of(bytes, 6);
	struct rbuf s = rbuf_slice(&r, 4);

	(void)state;
	assert_true(rbuf_ok(&s));
	assert_int_equal(s.left, 4);
	assert_int_equal(rbuf_be32(&s), 0x01020304);
	assert_true(rbuf_finish(&s));
	/* The slice ends where it should, the outer one goes on behind. */
	assert_int_equal(rbuf_u8(&s), 0);
	assert_false(rbuf_ok(&s));
	assert_int_equal(rbuf_be16(&r), 0x0506);
	assert_true(rbuf_finish(&r));
	s = rbuf_slice(&r, 0);
	assert_true(rbuf_finish(&s));
	assert_true(rbuf_finish(&r));
}

static void test_nothing(void **state)
{
	struct rbuf r = rbuf_of(NULL, 0);
	struct rbuf s;

	(void)state;
	assert_true(rbuf_finish(&r));
	assert_null(rbuf_bytes(&r, 0));
	assert_true(rbuf_finish(&r));
	s = rbuf_slice(&r, 0);
	assert_true(rbuf_finish(&s));
	assert_int_equal(rbuf_u8(&r), 0);
	assert_false(rbuf_ok(&r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_high_bits),
		cmocka_unit_test(test_short),
		cmocka_unit_test(test_error_sticks),
		cmocka_unit_test(test_slice),
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
