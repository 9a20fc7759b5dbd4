/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * util/slots.c: stale handles, the limit, iteration.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "util/slots.h"

#define MANY 1000

static void test_handles(void **state)
{
	struct slots *s = slots_new(100);
	struct handle a, b, none = { 0 };
	int x, y;

	(void)state;
	assert_non_null(s);
	assert_true(handle_is_none(none));
	assert_null(slots_get(s, none));
	assert_null(slots_remove(s, none));

	assert_int_equal(slots_add(s, &x, &a), 0);
	assert_int_equal(slots_add(s, &y, &b), 0);
	assert_false(handle_is_none(a));
	assert_false(handle_equal(a, b));
	assert_true(handle_equal(a, a));
	assert_ptr_equal(slots_get(s, a), &x);
	assert_ptr_equal(slots_get(s, b), &y);
	assert_null(slots_get(s, none));
	assert_int_equal(slots_count(s), 2);

	assert_ptr_equal(slots_remove(s, a), &x);
	assert_null(slots_get(s, a));
	assert_null(slots_remove(s, a));
	assert_int_equal(slots_count(s), 1);
	assert_ptr_equal(slots_get(s, b), &y);

	b.index = UINT32_MAX;
	assert_null(slots_get(s, b));
	assert_null(slots_free(s));
	assert_null(slots_free(NULL));
}

static void test_limit(void **state)
{
	static const uint32_t limits[] = { 0, 1, 2, 15, 16, 17, 100 };
	int x;

	(void)state;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct slots *s = slots_new(limits[i]);
		struct handle h, kept = { 7, 7 };

		for (uint32_t n = 0; n < limits[i]; n++)
			assert_int_equal(slots_add(s, &x, &h), 0);
		assert_int_equal(slots_add(s, &x, &kept), -ENOSPC);
		assert_int_equal(kept.index, 7);
		assert_int_equal(slots_count(s), limits[i]);
		if (limits[i]) {
			/* One goes, one comes. */
			assert_ptr_equal(slots_remove(s, h), &x);
			assert_int_equal(slots_add(s, &x, &h), 0);
			assert_int_equal(slots_add(s, &x, &h), -ENOSPC);
		}
		slots_free(s);
	}
}

static void test_no_object(void **state)
{
	struct slots *s = slots_new(10);
	struct handle h;

	(void)state;
	assert_int_equal(slots_add(s, NULL, &h), -EINVAL);
	assert_int_equal(slots_count(s), 0);
	slots_free(s);
}

/* A slot comes back with another generation, each time. */
static void test_reuse(void **state)
{
	struct slots *s = slots_new(1);
	struct handle seen[MANY];
	int x;

	(void)state;
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(slots_add(s, &x, &seen[i]), 0);
		for (int j = 0; j < i; j++)
			assert_null(slots_get(s, seen[j]));
		assert_ptr_equal(slots_remove(s, seen[i]), &x);
	}
	slots_free(s);
}

/* The slot freed last is used last. */
static void test_rests(void **state)
{
	struct slots *s = slots_new(100);
	struct handle h, again;
	int x;

	(void)state;
	assert_int_equal(slots_add(s, &x, &h), 0);
	slots_remove(s, h);
	for (int i = 0; i < 15; i++) {
		assert_int_equal(slots_add(s, &x, &again), 0);
		assert_int_not_equal(again.index, h.index);
	}
	slots_free(s);
}

static void test_iterate(void **state)
{
	struct slots *s = slots_new(MANY);
	struct handle h[MANY];
	int objects[MANY], seen[MANY] = { 0 };
	uint32_t cursor = 0;
	int *p, *last = NULL;

	(void)state;
	assert_null(slots_next(s, &cursor));
	for (int i = 0; i < MANY; i++)
		assert_int_equal(slots_add(s, &objects[i], &h[i]), 0);
	for (int i = 0; i < MANY; i += 3)
		slots_remove(s, h[i]);
	cursor = 0;
	while ((p = slots_next(s, &cursor))) {
		int i = (int)(p - objects);

		assert_true(last == NULL || p > last); /* index order */
		last = p;
		seen[i]++;
		assert_ptr_equal(slots_remove(s, h[i]), p);
	}
	for (int i = 0; i < MANY; i++)
		assert_int_equal(seen[i], i % 3 != 0);
	assert_int_equal(slots_count(s), 0);
	assert_null(slots_next(s, &cursor));
	slots_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handles),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_no_object),
		cmocka_unit_test(test_reuse),
		cmocka_unit_test(test_rests),
		cmocka_unit_test(test_iterate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
