/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy/config-named.c: policies for some of the peers of a network.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/config.h"

static void write_file(const char *dir, const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/policy.d/%s", dir, name);
	f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int begin(void **state)
{
	static char dir[32];
	char path[64];

	strcpy(dir, "/tmp/tacit-named.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/policy.d", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	*state = dir;
	return 0;
}

static int end(void **state)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", (char *)*state);
	return system(command);
}

/* All errors, as "FILE:LINE: MESSAGE\n"; none: *ret. */
static void expect_errors(const char *dir, const char *want,
			  struct config **ret)
{
	struct config_errors e;
	char text[2048] = "";
	size_t at = 0;
	int r = config_load(dir, ret, &e);

	for (size_t i = 0; i < e.count; i++) {
		const char *m = e.list[i].message;

		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s:%u: ",
				       strrchr(e.list[i].file, '/') + 1,
				       e.list[i].line);
		/* Other places by the names of their files. */
		for (const char *p; (p = strstr(m, dir)); m = p) {
			at += (size_t)snprintf(text + at, sizeof(text) - at,
					       "%.*s", (int)(p - m), m);
			p += strlen(dir) + strlen("/policy.d/");
		}
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s\n", m);
	}
	assert_string_equal(text, want);
	assert_int_equal(r, *want ? -EINVAL : 0);
	config_errors_done(&e);
}

/* One network: for everybody, and for whoever proves a name. */
static void test_named(void **state)
{
	const char *dir = *state;
	struct config *c;
	struct addr a;

	write_file(dir, "rest.conf",
		   "[Policy]\nEncryption=offer\n"
		   "Networks=10.0.0.0/8 2001:db8::/32\n");
	write_file(dir, "staff.conf",
		   "[Policy]\nEncryption=offer\nIdentity=*.example.org\n"
		   "Networks=10.0.0.0/8 2001:db8::/32\nChildLifetime=1h\n");
	write_file(dir, "gone.conf",
		   "[Policy]\nEncryption=forbid\nIdentity=x.example.org\n"
		   "Networks=2001:db8::/32\n");
	expect_errors(dir, "", &c);
	assert_int_equal(addr_parse("10.1.1.1", &a), 0);
	assert_string_equal(policy_table_lookup(c->policies, &a)->name, "rest");
	assert_string_equal(
		policy_table_for(c->policies, &a, "@x.example.org")->name,
		"staff");
	assert_int_equal(addr_parse("2001:db8::1", &a), 0);
	assert_string_equal(
		policy_table_for(c->policies, &a, "@x.example.org")->name,
		"gone");
	config_free(c);
}

static void test_named_errors(void **state)
{
	static const struct {
		const char *a, *b, *want;
	} rows[] = {
		{ "Encryption=offer\nNetworks=10.0.0.0/8\nIdentity=x.lab\n",
		  "Encryption=offer\nNetworks=10.0.0.0/8\nIdentity=y.lab\n",
		  "b.conf:3: 10.0.0.0/8 is there already, at "
		  "a.conf:3, and in no policy without Identity=: add "
		  "one for everybody else\n" },
		{ "Encryption=offer\nNetworks=10.0.0.0/8\n",
		  "Encryption=require\nNetworks=10.0.0.0/8\nIdentity=y.lab\n",
		  "b.conf:3: Policy a says Encryption=offer of this "
		  "network too, which holds before anybody has proven who it "
		  "is: write the same here, or forbid\n" },
		{ "Encryption=require\nNetworks=10.0.0.0/8\n",
		  "Encryption=offer\nNetworks=10.0.0.0/8\nIdentity=y.lab\n",
		  "b.conf:3: Policy a says Encryption=require of this "
		  "network too, which holds before anybody has proven who it "
		  "is: write the same here, or forbid\n" },
		{ "Encryption=forbid\nNetworks=10.0.0.0/8\n",
		  "Encryption=allow\nNetworks=10.0.0.0/8\nIdentity=y.lab\n",
		  "b.conf:3: Policy a says Encryption=forbid of this "
		  "network too, so that nobody gets to prove who it is: write "
		  "allow there, or remove this\n" },
		{ "Encryption=offer\nNetworks=10.0.0.0/8\n",
		  "Encryption=offer\nIdentity=y.lab\n"
		  "Networks=10.0.0.0/8\nNetworks=10.1.0.0/16\n",
		  "b.conf:5: 10.1.0.0/16 is in no policy without "
		  "Identity=, and 10.0.0.0/8 is in a: give it a policy of its "
		  "own\n" },
	};
	const char *dir = *state;
	char text[256];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(text, sizeof(text), "[Policy]\n%s", rows[i].a);
		write_file(dir, "a.conf", text);
		snprintf(text, sizeof(text), "[Policy]\n%s", rows[i].b);
		write_file(dir, "b.conf", text);
		expect_errors(dir, rows[i].want, NULL);
	}
	write_file(dir, "a.conf",
		   "[Policy]\nEncryption=offer\nNetworks=10.0.0.0/8\n");
	write_file(dir, "b.conf",
		   "[Policy]\nEncryption=offer\nNetworks=10.0.0.0/8\n"
		   "Identity=y.lab x.lab\n");
	write_file(dir, "c.conf",
		   "[Policy]\nEncryption=offer\nNetworks=10.0.0.0/8\n"
		   "Identity=X.lab\n");
	expect_errors(dir,
		      "c.conf:3: 10.0.0.0/8 with Identity=x.lab is "
		      "there already, at b.conf:3: remove one\n",
		      NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_named),
		TEST(test_named_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
