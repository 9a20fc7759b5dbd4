/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* policy/config-ports.c: Ports=, what goes with it, and twins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/config-change.h"
#include "policy/config.h"

static void write_file(const char *dir, const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* Two policies, a.conf and b.conf; the errors without the directory, one a
 * line. */
static int load(const char *a, const char *b, struct config **ret, char *errors,
		size_t size)
{
	static const char *const names[] = { "policy.d/a.conf",
					     "policy.d/b.conf", "policy.d",
					     "" };
	char dir[] = "/tmp/tacit-ports.XXXXXX", path[128];
	struct config_errors e;
	size_t at = 0;
	int r;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/policy.d", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	write_file(dir, names[0], a);
	if (b)
		write_file(dir, names[1], b);
	r = config_load(dir, ret, &e);
	errors[0] = '\0';
	for (size_t i = 0; i < e.count; i++) {
		char *found;

		config_error_format(&e.list[i], errors + at, size - at);
		while ((found = strstr(errors, dir)))
			memmove(found, found + strlen(dir) + 10,
				strlen(found + strlen(dir) + 10) + 1);
		strcat(errors, "\n");
		at = strlen(errors);
	}
	config_errors_done(&e);
	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		(void)remove(path);
	}
	return r;
}

#define FORBID "[Policy]\nEncryption=forbid\nNetworks=10.0.0.0/8\n"
#define OFFER  "[Policy]\nEncryption=offer\n"
#define ALL    "[Policy]\nEncryption=require\nNetworks=10.0.0.0/8\n"

static void test_good(void **state)
{
	const struct policy *p;
	struct config *c = NULL;
	char errors[1024];

	(void)state;
	assert_int_equal(load(FORBID "Ports=443/tcp 161/udp\n  9/udp\n"
				     "Ports=53/udp 65530-65535/tcp\n",
			      ALL, &c, errors, sizeof(errors)),
			 0);
	p = policy_table_at(c->policies, 0);
	assert_int_equal(p->n_ports, 10);
	assert_int_equal(p->ports[4].port, 65530);
	assert_int_equal(p->ports[9].port, 65535);
	assert_int_equal(p->ports[0].port, 443);
	assert_int_equal(p->ports[2].protocol, IPPROTO_UDP);
	assert_int_equal(policy_table_at(c->policies, 1)->n_ports, 0);
	config_free(c);
}

static const struct {
	const char *a, *b, *errors;
} rows[] = {
	{ FORBID "Ports=443\n", NULL,
	  "a.conf:4: 443 is no port of a protocol: write it as in 443/tcp "
	  "or 8000-8010/tcp (tcp or udp)\n" },
	{ FORBID "Ports=1/tcp 2/icmp 1/tcp\n", NULL,
	  "a.conf:4: 2/icmp is no port of a protocol: write it as in 443/tcp "
	  "or 8000-8010/tcp (tcp or udp)\n"
	  "a.conf:4: 1/tcp is there already: remove one\n" },
	{ FORBID "Ports=1-3/tcp 3-4/tcp\n", NULL,
	  "a.conf:4: 3/tcp is there already: remove one\n" },
	{ FORBID "Ports=1-65/udp\n", NULL,
	  "a.conf:4: Ports=1-65/udp: a policy has at most 64 ports\n" },
	{ FORBID "Ports=\n", NULL,
	  "a.conf:4: Ports=: name a port, as in 443/tcp, or remove this\n" },
	/* What encrypts a port: in networks whose rest is in the clear. */
	{ ALL "Ports=443/tcp\n", NULL, "" },
	{ ALL "Ports=443/tcp\n", FORBID, "" },
	{ ALL "Ports=443/tcp\n", OFFER "Networks=10.0.0.0/16\n", "" },
	{ ALL "Ports=443/tcp\n", FORBID "Ports=443/tcp\n",
	  "b.conf:3: 10.0.0.0/8 with 443/tcp is there already, at a.conf:3: "
	  "remove one\n" },
	{ ALL "Ports=1/tcp\n", OFFER "Networks=0.0.0.0/0\n",
	  "a.conf:3: Ports= with Encryption=require goes with networks whose "
	  "other traffic is in the clear, and 10.0.0.0/8 is in one with "
	  "Encryption=offer, at b.conf:3: give 10.0.0.0/8 a policy with "
	  "Encryption=forbid, or remove Ports=\n" },
	{ OFFER "Networks=10.0.0.0/8\nPorts=1/tcp\n", ALL,
	  "a.conf:3: Ports= with Encryption=offer goes with networks whose "
	  "other traffic is in the clear, and 10.0.0.0/8 is in one with "
	  "Encryption=require, at b.conf:3: give 10.0.0.0/8 a policy with "
	  "Encryption=forbid, or remove Ports=\n" },
	{ ALL "Ports=1/tcp 2/tcp\n",
	  OFFER "Networks=10.9.0.0/16\nPorts=1/tcp\n",
	  "b.conf:3: 10.9.0.0/16 has other ports with Encryption=require, at "
	  "a.conf:3: name all of them in one policy\n" },
	{ ALL "Ports=1/tcp\n",
	  OFFER "Networks=10.9.0.0/16\nPorts=2/tcp 1/tcp\n", "" },
	{ ALL "Ports=1-17/tcp\n", NULL,
	  "a.conf:4: With Encryption=require a policy has at most 16 ports: "
	  "name fewer, or none and so all traffic\n" },
	{ ALL "Ports=1/tcp\nClientAddressTranslation=yes\n", NULL,
	  "a.conf:5: An address that a peer leases stands for all traffic: "
	  "remove ClientAddressTranslation= or Ports=\n" },
	{ ALL "Ports=1/tcp\nAddressPool=default\n", NULL,
	  "a.conf:5: An address is leased for all traffic: remove "
	  "AddressPool= or Ports=\n" },
	{ FORBID "Ports=1/tcp\n Wait=no\n", NULL,
	  "a.conf:5: Wait=no is no port of a protocol: write it as in 443/tcp "
	  "or 8000-8010/tcp (tcp or udp)\n" },
	/* Twins are those that share what they are for. */
	{ FORBID "Ports=1/tcp 2/tcp\n",
	  "[Policy]\nEncryption=block\nPorts=3/tcp 2/tcp\n"
	  "Networks=192.0.2.0/24 10.0.0.0/8\n",
	  "b.conf:4: 10.0.0.0/8 with 2/tcp is there already, at a.conf:3: "
	  "remove one\n" },
	{ FORBID "Ports=1/tcp\n",
	  "[Policy]\nEncryption=block\nPorts=1/udp 2/tcp\n"
	  "Networks=10.0.0.0/8\n",
	  "" },
	{ FORBID "Ports=1/tcp\n", ALL, "" },
	{ FORBID, ALL,
	  "b.conf:3: 10.0.0.0/8 is there already, at a.conf:3: remove one\n" },
};

static void test_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct config *c = NULL;
		char errors[1024];
		int r = load(rows[i].a, rows[i].b, &c, errors, sizeof(errors));

		assert_string_equal(errors, rows[i].errors);
		assert_int_equal(r, *rows[i].errors ? -EINVAL : 0);
		config_free(c);
	}
}

static void test_limits(void **state)
{
	char *text = malloc(1 << 20), errors[4096];
	struct config *c = NULL;
	size_t at;

	(void)state;
	assert_non_null(text);
	at = (size_t)sprintf(text, FORBID "Ports=1/tcp\n");
	for (unsigned i = 2; i <= LIMIT_POLICY_PORTS + 1; i++)
		at += (size_t)sprintf(text + at, " %u/tcp\n", i);
	assert_int_equal(load(text, NULL, &c, errors, sizeof(errors)), -EINVAL);
	assert_non_null(strstr(errors, "a policy has at most 64 ports"));
	at = (size_t)sprintf(text, "[Policy]\nEncryption=block\nPorts=1/tcp\n"
				   "Networks=192.0.2.0/24\n");
	for (unsigned i = 0; i <= LIMIT_PORT_RULES; i++)
		at += (size_t)sprintf(text + at, " 10.%u.%u.0/24\n", i / 256,
				      i % 256);
	assert_int_equal(load(text, NULL, &c, errors, sizeof(errors)), -EINVAL);
	assert_non_null(strstr(errors, "come to more than 1024 rules"));
	free(text);
}

static void test_alone(void **state)
{
	char dir[] = "/tmp/tacit-ports.XXXXXX", path[128];
	static const char *const names[] = { "policy.d/b.conf",
					     "policy.d/a.conf", "policy.d",
					     "" };
	struct config *c = NULL;
	struct config_errors e;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/policy.d", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	write_file(dir, "policy.d/a.conf", FORBID "Ports=1/tcp\n");
	assert_int_equal(config_load(dir, &c, &e), 0);
	assert_int_equal(e.n_warnings, 1);
	assert_non_null(strstr(e.warnings[0].message, "all other traffic"));
	assert_int_equal(e.warnings[0].line, 1);
	config_errors_done(&e);
	config_free(c);
	write_file(dir, "policy.d/b.conf", ALL);
	assert_int_equal(config_load(dir, &c, &e), 0);
	assert_int_equal(e.n_warnings, 0);
	config_errors_done(&e);
	config_free(c);
	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		(void)remove(path);
	}
}

/* Another port is another configuration, to both programs. */
static void test_digest(void **state)
{
	struct config *a = NULL, *b = NULL;
	char errors[1024];

	(void)state;
	assert_int_equal(
		load(FORBID "Ports=1/tcp\n", NULL, &a, errors, sizeof(errors)),
		0);
	assert_int_equal(
		load(FORBID "Ports=1/udp\n", NULL, &b, errors, sizeof(errors)),
		0);
	assert_int_not_equal(config_digest(a), config_digest(b));
	config_free(b);
	assert_int_equal(load(FORBID, NULL, &b, errors, sizeof(errors)), 0);
	assert_int_not_equal(config_digest(a), config_digest(b));
	config_free(a);
	config_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),   cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_limits), cmocka_unit_test(test_alone),
		cmocka_unit_test(test_digest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
