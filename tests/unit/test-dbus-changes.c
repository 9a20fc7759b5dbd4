/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The set of changed peers: each once, in order, bounded.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dbus/changes.h"
#include "util/limits.h"

static struct addr address(uint32_t i)
{
	return (struct addr){ .family = AF_INET,
			      .bytes = { 10, (uint8_t)(i >> 16),
					 (uint8_t)(i >> 8), (uint8_t)i } };
}

static size_t count(const struct dbus_changes *c)
{
	const struct dbus_change *cursor = NULL;
	size_t n = 0;

	while (dbus_changes_next(c, &cursor))
		n++;
	return n;
}

static void test_once(void **state)
{
	const struct dbus_change *cursor = NULL;
	struct dbus_changes c = { 0 };

	(void)state;
	dbus_changes_init(&c);
	assert_false(dbus_changes_any(&c));
	assert_int_equal(count(&c), 0);
	for (uint32_t i = 0; i < 300; i++) {
		struct addr a = address(i % 100);

		dbus_changes_add(&c, &a);
	}
	assert_true(dbus_changes_any(&c));
	assert_false(c.all);
	for (uint32_t i = 0; i < 100; i++) {
		struct addr a = address(i);

		assert_true(addr_equal(dbus_changes_next(&c, &cursor), &a));
	}
	assert_null(dbus_changes_next(&c, &cursor));
	dbus_changes_clear(&c);
	assert_false(dbus_changes_any(&c));
	dbus_changes_done(&c);
}

static void test_overflow(void **state)
{
	struct dbus_changes c = { 0 };

	(void)state;
	dbus_changes_init(&c);
	for (int round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < LIMIT_BUS_CHANGES; i++) {
			struct addr a = address(i);

			dbus_changes_add(&c, &a);
		}
		assert_false(c.all);
		assert_int_equal(count(&c), LIMIT_BUS_CHANGES);
		for (uint32_t i = 0; i < 100000; i++) {
			struct addr a = address(LIMIT_BUS_CHANGES + i);

			dbus_changes_add(&c, &a);
		}
		assert_true(c.all);
		assert_true(dbus_changes_any(&c));
		assert_int_equal(count(&c), 0);
		dbus_changes_clear(&c);
		assert_false(c.all);
	}
	dbus_changes_done(&c);
}

static void test_done_full(void **state)
{
	struct dbus_changes c = { 0 };
	struct addr a = address(1);

	(void)state;
	dbus_changes_init(&c);
	dbus_changes_add(&c, &a);
	dbus_changes_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_once),
		cmocka_unit_test(test_overflow),
		cmocka_unit_test(test_done_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
