/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Gateways that do not answer are left alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "agent/gateways.h"

static struct addr at(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static void test_rest(void **state)
{
	static const char *const texts[] = { "192.0.2.1", "2001:db8::1" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct gateways g = { 0 };
		struct addr a = at(texts[i]), b = at(texts[!i]);
		uint64_t now = 1000;

		assert_false(gateways_rest(&g, now, &a));
		gateways_failed(&g, now, &a);
		assert_true(gateways_rest(&g, now + 4999, &a));
		assert_false(gateways_rest(&g, now + 4999, &b));
		assert_false(gateways_rest(&g, now + 5000, &a));
		/* Twice as long each time, for an hour at most. */
		now += 5000;
		gateways_failed(&g, now, &a);
		assert_true(gateways_rest(&g, now + 9999, &a));
		assert_false(gateways_rest(&g, now + 10000, &a));
		for (unsigned n = 0; n < 300; n++)
			gateways_failed(&g, now, &a);
		assert_true(gateways_rest(&g, now + 3599999, &a));
		assert_false(gateways_rest(&g, now + 3600000, &a));
		gateways_work(&g, &b);
		assert_true(gateways_rest(&g, now, &a));
		gateways_work(&g, &a);
		assert_false(gateways_rest(&g, now, &a));
		gateways_failed(&g, now, &a);
		gateways_forget(&g);
		assert_false(gateways_rest(&g, now, &a));
	}
}

/* One that is full forgets who failed longest ago. */
static void test_full(void **state)
{
	struct gateways g = { 0 };
	struct addr first = at("10.0.0.0"), second = at("10.0.0.1");

	(void)state;
	for (unsigned i = 0; i <= LIMIT_GATEWAYS; i++) {
		char text[32];
		struct addr a;

		snprintf(text, sizeof(text), "10.0.%u.%u", i / 256, i % 256);
		a = at(text);
		gateways_failed(&g, 1000 + i, &a);
		assert_true(gateways_rest(&g, 1000 + i, &a));
	}
	assert_false(gateways_rest(&g, 1300, &first));
	assert_true(gateways_rest(&g, 1300, &second));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rest),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
