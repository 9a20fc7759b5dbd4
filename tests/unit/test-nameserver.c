/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * util/nameserver.c: what counts as a name server, and from which file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/nameserver.h"

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		size_t n;
		const char *first, *last;
	} rows[] = {
		{ "", 0, NULL, NULL },
		{ "# nameserver 192.0.2.1\n; nameserver 192.0.2.1\n", 0, NULL,
		  NULL },
		{ "nameserver 192.0.2.1", 1, "192.0.2.1", "192.0.2.1" },
		{ "search example.net\nnameserver\t192.0.2.1 # ours\n"
		  "options edns0\nnameserver 2001:db8::53\r\n",
		  2, "192.0.2.1", "2001:db8::53" },
		{ "nameserver fe80::1%7\n", 1, "fe80::1%7", "fe80::1%7" },
		{ "nameserver ns.example.net\nnameserverx 192.0.2.1\n"
		  " nameserver 192.0.2.1\nnameserver\n",
		  0, NULL, NULL },
		{ "nameserver 192.0.2.1\nnameserver 192.0.2.1\n", 1,
		  "192.0.2.1", "192.0.2.1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct nameservers s = { .n = 77 };
		struct addr a;

		nameservers_parse(rows[i].text, &s);
		assert_int_equal(s.n, rows[i].n);
		if (!s.n)
			continue;
		assert_int_equal(addr_parse(rows[i].first, &a), 0);
		assert_true(addr_equal(&s.list[0], &a));
		assert_int_equal(addr_parse(rows[i].last, &a), 0);
		assert_true(addr_equal(&s.list[s.n - 1], &a));
	}
}

static void test_limit(void **state)
{
	char text[2048];
	struct nameservers s;
	size_t at = 0;

	(void)state;
	for (int i = 1; i < 30; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at,
				       "nameserver 192.0.2.%d\n", i);
	nameservers_parse(text, &s);
	assert_int_equal(s.n, LIMIT_NAMESERVERS);
}

static void write_file(char *path, const char *text)
{
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* The first file that names one decides. */
static void test_files(void **state)
{
	char empty[] = "/tmp/tacit-ns.XXXXXX", full[] = "/tmp/tacit-ns.XXXXXX";
	const char *files[] = { "/nonexistent", empty, full, NULL };
	const char *none[] = { "/nonexistent", empty, NULL };
	struct nameservers s;

	(void)state;
	write_file(empty, "search example.net\n");
	write_file(full, "nameserver 192.0.2.9\n");
	nameservers_read(files, &s);
	assert_int_equal(s.n, 1);
	nameservers_read(none, &s);
	assert_int_equal(s.n, 0);
	unlink(empty);
	unlink(full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
