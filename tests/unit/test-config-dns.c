/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy/config-dns.c: the section [DNS], what it comes to and what is wrong
 * with it.
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

#include "policy/config.h"

/* Loads "[DNS]\n" and this; the errors, without the path, one a line. */
static int load(const char *lines, struct config **ret, char *errors,
		size_t size)
{
	char dir[] = "/tmp/tacit-dns.XXXXXX", path[64];
	struct config_errors e;
	size_t at = 0;
	FILE *f;
	int r;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/tacit.conf", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "[DNS]\n%s", lines);
	fclose(f);
	r = config_load(dir, ret, &e);
	errors[0] = '\0';
	for (size_t i = 0; i < e.count; i++)
		at += (size_t)snprintf(errors + at, size - at, "%u: %s\n",
				       e.list[i].line, e.list[i].message);
	config_errors_done(&e);
	unlink(path);
	rmdir(dir);
	return r;
}

static void test_defaults(void **state)
{
	struct config *c = NULL;
	char errors[4096];

	(void)state;
	assert_int_equal(load("", &c, errors, sizeof(errors)), 0);
	assert_true(c->dns.lookup);
	assert_true(c->dns.system_servers);
	assert_false(c->dns.tls);
	assert_null(c->dns.servers);
	assert_null(c->dns.anchors);
	assert_null(c->dns.zones);
	assert_null(c->dns.root_hints);
	assert_int_equal(c->dns.wait_ms, 3000);
	config_free(c);
}

static void test_all(void **state)
{
	struct config *c = NULL;
	char errors[4096];

	(void)state;
	assert_int_equal(
		load("Lookup=no\n"
		     "Servers=192.0.2.53\n  2001:db8::53@5353\n"
		     "TLS=yes\n"
		     "TrustAnchors=/etc/a.key\n  /etc/b.key\n"
		     "Zones=corp.example.net=192.0.2.1 10.in-addr.arpa="
		     "2001:db8::1@54\n"
		     "RootHints=/etc/hints\n"
		     "LookupTime=500ms\n",
		     &c, errors, sizeof(errors)),
		0);
	assert_false(c->dns.lookup);
	assert_false(c->dns.system_servers);
	assert_string_equal(c->dns.servers[0], "192.0.2.53");
	assert_string_equal(c->dns.servers[1], "2001:db8::53@5353");
	assert_null(c->dns.servers[2]);
	assert_true(c->dns.tls);
	assert_string_equal(c->dns.anchors[0], "/etc/a.key");
	assert_string_equal(c->dns.anchors[1], "/etc/b.key");
	assert_null(c->dns.anchors[2]);
	assert_string_equal(c->dns.zones[1], "10.in-addr.arpa=2001:db8::1@54");
	assert_null(c->dns.zones[2]);
	assert_string_equal(c->dns.root_hints, "/etc/hints");
	assert_int_equal(c->dns.wait_ms, 500);
	config_free(c);
}

/* What [DNS] says is every policy's that says nothing itself. */
static void test_time(void **state)
{
	struct config *c = NULL;
	char errors[4096];

	(void)state;
	assert_int_equal(load("LookupTime=700ms\n", &c, errors, sizeof(errors)),
			 0);
	for (size_t i = 0; i < policy_table_count(c->policies); i++)
		assert_int_equal(policy_table_at(c->policies, i)->lookup_ms,
				 700);
	config_free(c);
}

static void test_servers(void **state)
{
	static const struct {
		const char *text;
		bool system;
		size_t n;
	} rows[] = {
		{ "Servers=system\n", true, 0 },
		{ "Servers=none\n", false, 0 },
		{ "Servers=192.0.2.53@853#dns.example.net\n", false, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct config *c = NULL;
		char errors[4096];
		size_t n = 0;

		assert_int_equal(load(rows[i].text, &c, errors, sizeof(errors)),
				 0);
		assert_int_equal(c->dns.system_servers, rows[i].system);
		while (c->dns.servers && c->dns.servers[n])
			n++;
		assert_int_equal(n, rows[i].n);
		config_free(c);
	}
}

static void test_errors(void **state)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
		{ "Lookup=maybe\n", "2: Lookup=maybe: write yes or no\n" },
		{ "TLS=1.3\n", "2: TLS=1.3: write yes or no\n" },
		{ "Servers=dns.example.net\n",
		  "2: Servers=dns.example.net: dns.example.net is no address: "
		  "write 192.0.2.53, 2001:db8::53@5353 or, for TLS, "
		  "192.0.2.53@853#dns.example.net\n" },
		{ "Servers=192.0.2.53@0\n",
		  "2: Servers=192.0.2.53@0: 192.0.2.53@0 has no port from 1 to "
		  "65535 after the @\n" },
		{ "Servers=192.0.2.53@65536\n",
		  "2: Servers=192.0.2.53@65536: 192.0.2.53@65536 has no port "
		  "from 1 to 65535 after the @\n" },
		{ "TrustAnchors=root.key\n",
		  "2: TrustAnchors=root.key: root.key is no path that begins "
		  "with /\n" },
		{ "Zones=example.net\n",
		  "2: Zones=example.net: write a zone and its server, "
		  "corp.example.net=192.0.2.53\n" },
		{ "Zones=example.net=ns\n",
		  "2: Zones=example.net=ns: ns is no address: write "
		  "192.0.2.53, 2001:db8::53@5353 or, for TLS, "
		  "192.0.2.53@853#dns.example.net\n" },
		{ "RootHints=hints\n",
		  "2: RootHints=hints: hints is no path that begins with /\n" },
		{ "LookupTime=1min\n",
		  "2: LookupTime=1min: write a time of at most 20s, like 3s or "
		  "500ms\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct config *c = NULL;
		char errors[4096];

		assert_true(load(rows[i].text, &c, errors, sizeof(errors)) < 0);
		assert_string_equal(errors, rows[i].error);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults), cmocka_unit_test(test_all),
		cmocka_unit_test(test_servers),	 cmocka_unit_test(test_time),
		cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
