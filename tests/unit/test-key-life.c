/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dnskeys/key-life.c: file names and what they say, both ways.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dnskeys/key-life.h"

static const struct {
	const char *file, *name;
	struct key_life life;
} good[] = {
	{ "ed25519.pem", "ed25519", { KEY_ACTIVE, 0, 0 } },
	{ "rsa.next.pem", "rsa", { KEY_NEXT, 0, 0 } },
	{ "rsa.next-1764531200-60.pem", "rsa", { KEY_NEXT, 1764531200, 60 } },
	{ "rsa.old-1764531200.pem", "rsa", { KEY_RETIRED, 1764531200, 0 } },
	/* A name may have dots, and even a stage. */
	{ "a.b.pem", "a.b", { KEY_ACTIVE, 0, 0 } },
	{ "a.next.next.pem", "a.next", { KEY_NEXT, 0, 0 } },
	{ ".next.pem", ".next", { KEY_ACTIVE, 0, 0 } },
	/* What is not exactly a stage is a name. */
	{ "a.old.pem", "a.old", { KEY_ACTIVE, 0, 0 } },
	{ "a.old-.pem", "a.old-", { KEY_ACTIVE, 0, 0 } },
	{ "a.old-0.pem", "a.old-0", { KEY_ACTIVE, 0, 0 } },
	{ "a.old-07.pem", "a.old-07", { KEY_ACTIVE, 0, 0 } },
	{ "a.old-7x.pem", "a.old-7x", { KEY_ACTIVE, 0, 0 } },
	{ "a.next-7.pem", "a.next-7", { KEY_ACTIVE, 0, 0 } },
	{ "a.next-7-.pem", "a.next-7-", { KEY_ACTIVE, 0, 0 } },
	{ "a.next-7-8-9.pem", "a.next-7-8-9", { KEY_ACTIVE, 0, 0 } },
	{ "a.next-7-4294967296.pem",
	  "a.next-7-4294967296",
	  { KEY_ACTIVE, 0, 0 } },
	{ "a.old-99999999999999999999.pem",
	  "a.old-99999999999999999999",
	  { KEY_ACTIVE, 0, 0 } },
	{ "a.nextx.pem", "a.nextx", { KEY_ACTIVE, 0, 0 } },
};

static void test_both_ways(void **state)
{
	char name[LIMIT_KEY_NAME + 1], file[KEY_FILE_LEN];
	struct key_life l;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(key_life_parse(good[i].file, name, &l), 0);
		assert_string_equal(name, good[i].name);
		assert_int_equal(l.stage, good[i].life.stage);
		assert_int_equal(l.until, good[i].life.until);
		assert_int_equal(l.hold, good[i].life.hold);
		assert_int_equal(key_life_format(name, &l, file), 0);
		assert_string_equal(file, good[i].file);
	}
}

static void test_refused(void **state)
{
	static const char *const bad[] = { "", ".pem", "a", "a.pe", "a.pem " };
	const struct key_life old = { KEY_RETIRED, 1764531200, 0 };
	char name[LIMIT_KEY_NAME + 1], file[KEY_FILE_LEN], longest[80];
	struct key_life l;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(key_life_parse(bad[i], name, &l), -EINVAL);
	memset(longest, 'n', sizeof(longest));
	strcpy(longest + LIMIT_KEY_NAME, ".pem");
	assert_int_equal(key_life_parse(longest, name, &l), 0);
	assert_int_equal(key_life_format(name, &l, file), 0);
	assert_int_equal(key_life_format(name, &old, file), -ENAMETOOLONG);
	strcpy(longest + LIMIT_KEY_NAME, "n.pem");
	assert_int_equal(key_life_parse(longest, name, &l), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
