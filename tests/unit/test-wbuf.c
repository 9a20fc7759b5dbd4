/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * util/wbuf.h: capacity, the sticky error, lengths written afterwards.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/wbuf.h"

static void test_numbers(void **state)
{
	static const uint8_t want[] = { 0xff, 0x01, 0x02, 0x03, 0x04,
					0x05, 0x06, 0x11, 0x12, 0x13,
					0x14, 0x15, 0x16, 0x17, 0x18,
					'a',  'b',  0,	  0 };
	uint8_t buf[sizeof(want)];
	struct wbuf w = wbuf_of(buf, sizeof(buf));

	(void)state;
	memset(buf, 0x5a, sizeof(buf));
	wbuf_u8(&w, 0xff);
	wbuf_be16(&w, 0x0102);
	wbuf_be32(&w, 0x03040506);
	wbuf_be64(&w, 0x1112131415161718);
	wbuf_bytes(&w, "ab", 2);
	wbuf_zero(&w, 2);
	assert_true(wbuf_ok(&w));
	assert_int_equal(w.len, sizeof(want));
	assert_memory_equal(buf, want, sizeof(want));
}

/* Writes over a buffer that is one byte short of each. */
static void test_full(void **state)
{
	static const size_t need[] = { 1, 2, 4, 8, 3, 3 };

	(void)state;
	for (int kind = 0; kind < 6; kind++) {
		uint8_t buf[8];
		struct wbuf w = wbuf_of(buf, need[kind] - 1);

		memset(buf, 0x5a, sizeof(buf));
		if (kind == 0)
			wbuf_u8(&w, 1);
		else if (kind == 1)
			wbuf_be16(&w, 1);
		else if (kind == 2)
			wbuf_be32(&w, 1);
		else if (kind == 3)
			wbuf_be64(&w, 1);
		else if (kind == 4)
			wbuf_bytes(&w, "abc", 3);
		else
			wbuf_zero(&w, 3);
		assert_false(wbuf_ok(&w));
		assert_int_equal(buf[need[kind] - 1], 0x5a);
	}
}

static void test_error_sticks(void **state)
{
	uint8_t buf[4] = { 0 };
	struct wbuf w = wbuf_of(buf, sizeof(buf));

	(void)state;
	wbuf_u8(&w, 1);
	wbuf_bytes(&w, "abcd", 4);
	assert_false(wbuf_ok(&w));
	wbuf_u8(&w, 2);
	assert_null(wbuf_room(&w, 0));
	assert_null(wbuf_room(&w, SIZE_MAX));
	assert_false(wbuf_ok(&w));
	assert_int_equal(w.len, 1);
	assert_int_equal(buf[1], 0);
}

static void test_patch(void **state)
{
	static const struct {
		size_t value;
		bool ok;
	} rows[] = { { 0, true },
		     { 0x1234, true },
		     { UINT16_MAX, true },
		     { 0x10000, false },
		     { SIZE_MAX, false } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t buf[4];
		struct wbuf w = wbuf_of(buf, sizeof(buf));
		size_t at;

		wbuf_u8(&w, 7);
		at = wbuf_mark16(&w);
		wbuf_u8(&w, 8);
		wbuf_patch16(&w, at, rows[i].value);
		assert_int_equal(wbuf_ok(&w), rows[i].ok);
		if (rows[i].ok)
			assert_int_equal(buf[1] << 8 | buf[2], rows[i].value);
		assert_int_equal(buf[0], 7);
		assert_int_equal(buf[3], 8);
	}
}

/* The mark did not fit: the patch must not touch what is there. */
static void test_patch_after_failure(void **state)
{
	uint8_t buf[4] = { 1, 2, 3, 4 };
	struct wbuf w = wbuf_of(buf, 3);
	size_t at;

	(void)state;
	wbuf_be16(&w, 0x0102);
	at = wbuf_mark16(&w);
	wbuf_patch16(&w, at, 0xffff);
	assert_false(wbuf_ok(&w));
	assert_memory_equal(buf, "\1\2\3\4", 4);
}

static void test_nothing(void **state)
{
	struct wbuf w = wbuf_of(NULL, 0);

	(void)state;
	wbuf_bytes(&w, NULL, 0);
	wbuf_zero(&w, 0);
	assert_true(wbuf_ok(&w));
	wbuf_u8(&w, 0);
	assert_false(wbuf_ok(&w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_error_sticks),
		cmocka_unit_test(test_patch),
		cmocka_unit_test(test_patch_after_failure),
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
