/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pools of addresses: their files, and what policies make of them. */
#include <config.h> /* not policy/config.h: asprintf() and the like */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "policy/config-change.h"
#include "policy/config.h"

#define POLICY "[Policy]\nEncryption=offer\nNetworks=192.0.2.0/24\n"

static char dir[64];

static int begin(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/tacit-pool-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int end(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

static void put(const char *sub, const char *name, const char *content)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, sub);
	(void)mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/%s/%s.conf", dir, sub, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(content, f);
	fclose(f);
}

static struct config *load(void)
{
	struct config_errors e;
	struct config *c = NULL;
	int r = config_load(dir, &c, &e);

	config_errors_log(&e);
	config_errors_done(&e);
	assert_int_equal(r, 0);
	return c;
}

/* "policy.d/a.conf:4: ...", the only error. */
static void expect(const char *want)
{
	struct config_errors e;
	struct config *c = NULL;
	char text[1024];

	assert_int_equal(config_load(dir, &c, &e), -EINVAL);
	assert_int_equal(e.count, 1);
	config_error_format(&e.list[0], text, sizeof(text));
	assert_string_equal(text + strlen(dir) + 1, want);
	config_errors_done(&e);
}

static struct addr at(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static bool leases(const struct config *c, const char *pool, const char *text)
{
	const struct address_pool *p = address_pools_get(&c->pools, pool);
	struct addr a = at(text);

	return p && address_pool_leases(p, c->policies, &a);
}

static void test_builtin(void **state)
{
	struct config *c = load();
	struct addr world = at("203.0.113.1");

	(void)state;
	assert_true(leases(c, "default", "100.64.0.1"));
	assert_true(leases(c, "default", "100.127.255.1"));
	assert_true(leases(c, "default", "fd74:6163:6974::1"));
	assert_false(leases(c, "default", "100.128.0.1"));
	assert_null(address_pools_get(&c->pools, ""));
	assert_string_equal(policy_table_lookup(c->policies, &world)->pool,
			    "default");
	config_free(c);
}

static void test_named(void **state)
{
	struct addr host = at("192.0.2.1");
	struct config *c, *other;

	(void)state;
	put("pool.d", "cafe",
	    "[Pool]\nNetworks=10.8.0.0/16\n 10.9.0.0/16 "
	    "fd08::/64\n");
	put("policy.d", "a", POLICY "AddressPool=cafe\n");
	put("policy.d", "b",
	    "[Policy]\nEncryption=block\nNetworks=10.9.1.0/24\n");
	c = load();
	assert_string_equal(policy_table_lookup(c->policies, &host)->pool,
			    "cafe");
	assert_true(leases(c, "cafe", "10.8.0.1"));
	assert_true(leases(c, "cafe", "10.9.0.1"));
	assert_true(leases(c, "cafe", "fd08::1"));
	/* A policy's own are nobody's. */
	assert_false(leases(c, "cafe", "10.9.1.1"));
	/* With pools of one's own there is none beside them. */
	assert_null(address_pools_get(&c->pools, "default"));

	put("pool.d", "cafe", "[Pool]\nNetworks=10.8.0.0/16\n");
	other = load();
	assert_int_not_equal(config_digest(c), config_digest(other));
	assert_false(address_pools_same(&c->pools, &other->pools));
	assert_true(address_pools_same(&c->pools, &c->pools));
	config_free(other);
	put("policy.d", "a", POLICY "AddressPool=no\n");
	other = load();
	assert_string_equal(policy_table_lookup(other->policies, &host)->pool,
			    "");
	assert_false(policy_same(policy_table_lookup(c->policies, &host),
				 policy_table_lookup(other->policies, &host)));
	config_free(other);
	config_free(c);
}

static void test_bad_pools(void **state)
{
	static const struct {
		const char *content, *want;
	} rows[] = {
		{ "[Pool]\n", " Networks= is missing in [Pool]: name those "
			      "whose addresses are leased, as in "
			      "100.64.0.0/10" },
		{ "[Pool]\nNetworks=10.0.0.0\n",
		  "2: No address of 10.0.0.0 can be leased: name a private "
		  "network of at least four addresses" },
		{ "[Pool]\nNetworks=10.0.0.0/31\n",
		  "2: No address of 10.0.0.0/31 can be leased: name a private "
		  "network of at least four addresses" },
		{ "[Pool]\nNetworks=127.0.0.0/8\n",
		  "2: No address of 127.0.0.0/8 can be leased: name a private "
		  "network of at least four addresses" },
		{ "[Pool]\nNetworks=0.0.0.0/0\n",
		  "2: No address of 0.0.0.0/0 can be leased: name a private "
		  "network of at least four addresses" },
		{ "[Pool]\nNetworks=10.0.0.1/8\n",
		  "2: 10.0.0.1/8 has bits set behind its prefix length: write "
		  "10.0.0.0/8" },
		{ "[Pool]\nNetworks=many\n",
		  "2: many is not a network: write it as in 10.0.0.0/8 or "
		  "2001:db8::/32" },
		{ "[Pool]\nNetworks=10.0.0.0/8 10.1.0.0/16\n",
		  "1: 10.1.0.0/16 of the pool a and 10.0.0.0/8 of the pool a "
		  "have addresses in common: remove one" },
	};
	char want[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		put("pool.d", "a", rows[i].content);
		snprintf(want, sizeof(want), "pool.d/a.conf:%s", rows[i].want);
		expect(want);
	}
}

static void test_bad_policies(void **state)
{
	static const struct {
		const char *content, *want;
	} rows[] = {
		{ POLICY "AddressPool=cave\n",
		  "4: There is no pool cave: write pool.d/cave.conf with its "
		  "networks" },
		{ POLICY "AddressPool=a/b\n",
		  "4: AddressPool=a/b: write the name of a pool of pool.d, or "
		  "no" },
		{ POLICY "Mode=transport\nAddressPool=cafe\n",
		  "5: An address is leased in tunnel mode only: remove "
		  "AddressPool= or Mode=transport" },
		{ "[Policy]\nEncryption=block\nNetworks=192.0.2.0/24\n"
		  "AddressPool=cafe\n",
		  "4: AddressPool= has no meaning with Encryption=block: "
		  "remove it" },
		{ "[Policy]\nEncryption=offer\nNetworks=10.8.0.0/16\n", NULL },
	};
	char want[512];

	(void)state;
	put("pool.d", "cafe", "[Pool]\nNetworks=10.8.0.0/16\n");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		put("policy.d", "a", rows[i].content);
		snprintf(want, sizeof(want), "policy.d/a.conf:%s",
			 rows[i].want ? rows[i].want : "");
		if (!rows[i].want)
			snprintf(want, sizeof(want),
				 "policy.d/a.conf:3: 10.8.0.0/16 is the pool "
				 "cafe too (%s/pool.d/cafe.conf:1), and hosts "
				 "of this policy cannot be leases: remove it "
				 "from one of them",
				 dir);
		expect(want);
	}
	put("policy.d", "a", POLICY);
	put("pool.d", "no", "[Pool]\nNetworks=10.9.0.0/16\n");
	expect("pool.d/no.conf: This file's name is no name of a pool (1 to 63 "
	       "letters, digits, - _ or ., and not no): rename it");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_builtin, begin, end),
		cmocka_unit_test_setup_teardown(test_named, begin, end),
		cmocka_unit_test_setup_teardown(test_bad_pools, begin, end),
		cmocka_unit_test_setup_teardown(test_bad_policies, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
