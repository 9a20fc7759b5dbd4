/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/instance.h"

#define LONGEST "abcdefghijklmnopqrstuvwxyz-1234_"

static void test_valid(void **state)
{
	static const char *const good[] = { "blue", "B", "a-b_c9", LONGEST };
	static const char *const bad[] = { "",	  "9lives",   "-a",
					   "a/b", "a.b",      "..",
					   "a b", "_a",	      "bl\xc3\xbc",
					   "a\n", LONGEST "x" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(instance_valid(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(instance_valid(bad[i]));
}

static void test_dir(void **state)
{
	char dir[INSTANCE_DIR_SIZE];

	(void)state;
	assert_string_equal(instance_dir("/etc/tacit", "blue", dir),
			    "/etc/tacit-blue");
	assert_string_equal(instance_dir("/etc/tacit", LONGEST, dir),
			    "/etc/tacit-" LONGEST);
}

static void test_of(void **state)
{
	static const char *const cases[][2] = {
		{ RUNSTATEDIR "/tacit-blue", "blue" },
		{ RUNSTATEDIR "/tacit-blue/agent.sock", "blue" },
		{ RUNSTATEDIR "/tacit-" LONGEST "/", LONGEST },
		{ RUNSTATEDIR "/tacit-" LONGEST "x", "" },
		{ RUNSTATEDIR "/tacit", "" },
		{ RUNSTATEDIR "/tacit/agent.sock", "" },
		{ RUNSTATEDIR "/tacit-", "" },
		{ RUNSTATEDIR "/tacit-a.b/agent.sock", "" },
		{ "/tmp/tacit-blue/agent.sock", "" },
		{ "", "" },
	};
	char name[INSTANCE_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		instance_of(cases[i][0], name);
		assert_string_equal(name, cases[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_valid),
		cmocka_unit_test(test_dir),
		cmocka_unit_test(test_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
