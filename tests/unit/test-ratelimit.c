/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * util/ratelimit.c: rates, bursts, edges of time, and the bounded table.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "util/ratelimit.h"

/* How many tokens come out at once. */
static unsigned int drain(struct ratelimit *r, uint64_t now, uint32_t rate,
			  uint32_t burst)
{
	unsigned int n = 0;

	while (n < 100000 && ratelimit_take(r, now, rate, burst))
		n++;
	return n;
}

static void test_refill(void **state)
{
	static const struct {
		uint32_t rate, burst;
		uint64_t wait; /* ms after the bucket was emptied */
		unsigned int tokens;
	} rows[] = {
		{ 10, 5, 0, 0 },
		{ 10, 5, 99, 0 },
		{ 10, 5, 100, 1 },
		{ 10, 5, 199, 1 },
		{ 10, 5, 200, 2 },
		{ 10, 5, 500, 5 },
		{ 10, 5, 501, 5 },
		{ 10, 5, 1000000, 5 },
		{ 1000, 100, 1, 1 },
		{ 2000, 100, 1, 2 },
		{ 3, 10, 333, 0 },
		{ 3, 10, 334, 1 },
		{ 0, 5, UINT32_MAX, 0 },
		{ 5, 0, UINT32_MAX, 0 },
		{ 1, 1, 1000, 1 },
		{ UINT32_MAX, 7, 1, 7 },
		{ UINT32_MAX, 7, UINT64_MAX - 1000, 7 },
		{ 2, 7, 1ull << 63, 7 },
		{ 1, 7, UINT64_MAX - 1000, 7 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ratelimit r = { 0 };

		assert_int_equal(drain(&r, 1000, rows[i].rate, rows[i].burst),
				 rows[i].burst);
		assert_int_equal(drain(&r, 1000 + rows[i].wait, rows[i].rate,
				       rows[i].burst),
				 rows[i].tokens);
	}
}

/* Asked often, it gives as much as asked seldom: no rounding is lost. */
static void test_exact(void **state)
{
	static const uint32_t rates[] = { 1, 3, 7, 10, 333, 999 };

	(void)state;
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		struct ratelimit r = { 0 };
		unsigned int n = 0;

		/* With room for the part of a token that is left over. */
		drain(&r, 1, rates[i], 2);
		for (uint64_t now = 1; now <= 10001; now++)
			n += ratelimit_take(&r, now, rates[i], 2);
		assert_int_equal(n, rates[i] * 10);
	}
}

static void test_time(void **state)
{
	struct ratelimit r = { 0 };

	(void)state;
	/* A clock that starts at 0 fills it once only. */
	assert_int_equal(drain(&r, 0, 1, 3), 3);
	assert_int_equal(drain(&r, 0, 1, 3), 0);
	/* One that goes back gives nothing, then and after. */
	r = (struct ratelimit){ 0 };
	assert_int_equal(drain(&r, 5000, 1, 3), 3);
	assert_int_equal(drain(&r, 1000, 1, 3), 0);
	assert_int_equal(drain(&r, 5999, 1, 3), 0);
	assert_int_equal(drain(&r, 6000, 1, 3), 1);
}

static void test_smaller_burst(void **state)
{
	struct ratelimit r = { 0 };

	(void)state;
	assert_true(ratelimit_take(&r, 1, 10, 100));
	assert_int_equal(drain(&r, 2, 10, 5), 5);
}

static void test_table_keys(void **state)
{
	struct ratelimit_table *t = ratelimit_table_new(8);

	(void)state;
	assert_non_null(t);
	for (uint64_t key = 0; key < 8; key++) {
		assert_true(ratelimit_table_take(t, key << 32, 1000, 1, 1));
		assert_false(ratelimit_table_take(t, key << 32, 1000, 1, 1));
	}
	for (uint64_t key = 0; key < 8; key++) {
		assert_false(ratelimit_table_take(t, key << 32, 1999, 1, 1));
		assert_true(ratelimit_table_take(t, key << 32, 2000, 1, 1));
	}
	assert_null(ratelimit_table_free(t));
	assert_null(ratelimit_table_free(NULL));
}

static void test_table_forgets_the_oldest(void **state)
{
	struct ratelimit_table *t = ratelimit_table_new(3);

	(void)state;
	for (uint64_t key = 1; key <= 3; key++)
		assert_true(ratelimit_table_take(t, key, 1, 0, 1));
	/* 1 is used again, so 2 goes when 4 comes. */
	assert_false(ratelimit_table_take(t, 1, 1, 0, 1));
	assert_true(ratelimit_table_take(t, 4, 1, 0, 1));
	assert_false(ratelimit_table_take(t, 1, 1, 0, 1));
	assert_false(ratelimit_table_take(t, 3, 1, 0, 1));
	assert_false(ratelimit_table_take(t, 4, 1, 0, 1));
	assert_true(ratelimit_table_take(t, 2, 1, 0, 1));
	/* And 2 took the place of 1, now the oldest. */
	assert_true(ratelimit_table_take(t, 1, 1, 0, 1));
	ratelimit_table_free(t);
}

static void test_table_small(void **state)
{
	struct ratelimit_table *t = ratelimit_table_new(0);

	(void)state;
	assert_non_null(t);
	assert_false(ratelimit_table_take(t, 1, 1, 10, 10));
	ratelimit_table_free(t);

	t = ratelimit_table_new(1);
	assert_true(ratelimit_table_take(t, 1, 1, 0, 1));
	assert_false(ratelimit_table_take(t, 1, 1, 0, 1));
	assert_true(ratelimit_table_take(t, 2, 1, 0, 1));
	assert_true(ratelimit_table_take(t, 1, 1, 0, 1));
	ratelimit_table_free(t);
}

#define KEYS  64
#define LIMIT 16

/* Against a list of the keys in order of use. */
static void test_table_model(void **state)
{
	struct ratelimit_table *t = ratelimit_table_new(LIMIT);
	uint64_t recent[LIMIT];
	unsigned int n = 0, at;

	(void)state;
	srandom(2);
	for (int step = 0; step < 50000; step++) {
		uint64_t key = (uint64_t)random() % (random() % KEYS + 1);
		bool known;

		for (at = 0; at < n && recent[at] != key;)
			at++;
		known = at < n;
		/* Rate 0 and burst 1: a token means that it was forgotten. */
		assert_int_equal(ratelimit_table_take(t, key, 1, 0, 1), !known);
		if (!known)
			at = n < LIMIT ? n++ : LIMIT - 1;
		for (; at > 0; at--)
			recent[at] = recent[at - 1];
		recent[0] = key;
	}
	ratelimit_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refill),
		cmocka_unit_test(test_exact),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_smaller_burst),
		cmocka_unit_test(test_table_keys),
		cmocka_unit_test(test_table_forgets_the_oldest),
		cmocka_unit_test(test_table_small),
		cmocka_unit_test(test_table_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
