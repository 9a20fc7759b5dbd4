/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where a helper's state lies: made by root, and by nobody else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/state-dir.h"

static void test_made(void **state)
{
	char base[] = "/tmp/test-state-dir.XXXXXX", outer[64], own[80];
	mode_t before = umask(0077);
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(base));
	snprintf(outer, sizeof(outer), "%s/state", base);
	snprintf(own, sizeof(own), "%s/own", outer);
	for (int i = 0; i < 2; i++)
		state_dir_make(outer, own, "nobody");
	umask(before);
	if (geteuid() == 0) {
		assert_int_equal(stat(outer, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0755);
		assert_int_equal(st.st_uid, 0);
		assert_int_equal(stat(own, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0700);
		assert_int_not_equal(st.st_uid, 0);
		rmdir(own);
		rmdir(outer);
	}
	assert_int_equal(rmdir(base), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_made) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
