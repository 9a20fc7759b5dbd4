/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is kept of a configuration, for a boot at which it has errors. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/netd-kept.h"

static char dir[] = "/tmp/test-netd-kept.XXXXXX";

static const char *in_dir(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void put(const char *name, const char *text)
{
	FILE *f = fopen(in_dir(name), "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static struct config *configured(void)
{
	struct config_errors errors;
	struct config *c;

	assert_int_equal(config_load(in_dir("etc"), &c, &errors), 0);
	config_errors_done(&errors);
	return c;
}

/* Of the address, in what is kept; -1: of no policy. */
static int level(const char *text)
{
	const struct policy *p;
	struct config *c;
	struct addr a;
	int got;

	assert_int_equal(netd_kept_load(in_dir("closed"), &c), 0);
	assert_int_equal(addr_parse(text, &a), 0);
	p = policy_table_lookup(c->policies, &a);
	got = p ? (int)p->level : -1;
	config_free(c);
	return got;
}

static void save(void)
{
	struct config *c = configured();

	assert_int_equal(netd_kept_save(in_dir("closed"), c), 0);
	config_free(c);
}

static void test_levels(void **state)
{
	struct config *c;

	(void)state;
	assert_int_equal(netd_kept_load(in_dir("closed"), &c), -ENOENT);
	put("etc/policy.d/a.conf", "[Policy]\nEncryption=require\n"
				   "Networks=10.0.0.0/8 fd00::/8\n");
	put("etc/policy.d/b.conf", "[Policy]\nEncryption=block\n"
				   "Networks=10.2.0.0/16\n");
	put("etc/policy.d/c.conf", "[Policy]\nEncryption=offer\n"
				   "Networks=10.3.0.0/16 0.0.0.0/0\n");
	put("etc/policy.d/d.conf", "[Policy]\nEncryption=require\n"
				   "Networks=10.3.3.0/24\n");
	put("etc/policy.d/e.conf", "[Policy]\nEncryption=forbid\n"
				   "Networks=10.0.0.0/8\nPorts=22/tcp\n");
	save();
	assert_int_equal(level("10.1.1.1"), POLICY_REQUIRE);
	assert_int_equal(level("fd00::1"), POLICY_REQUIRE);
	assert_int_equal(level("10.2.0.1"), POLICY_BLOCK);
	assert_int_equal(level("10.3.0.1"), POLICY_FORBID);
	assert_int_equal(level("10.3.3.1"), POLICY_REQUIRE);
	assert_int_equal(level("192.0.2.1"), POLICY_FORBID);
	assert_int_equal(level("2001:db8::1"), -1);
}

static void test_turns(void **state)
{
	struct config *c;
	char now[8];

	(void)state;
	assert_int_equal(readlink(in_dir("closed/kept"), now, sizeof(now)), 1);
	assert_int_equal(now[0], 'a');
	/* What is not there any more is not kept any more. */
	unlink(in_dir("etc/policy.d/b.conf"));
	save();
	assert_int_equal(readlink(in_dir("closed/kept"), now, sizeof(now)), 1);
	assert_int_equal(now[0], 'b');
	assert_int_equal(level("10.2.0.1"), POLICY_REQUIRE);
	/* A half-written one is nobody's concern. */
	put("closed/a/policy.d/require.conf", "[Poli");
	assert_int_equal(level("10.2.0.1"), POLICY_REQUIRE);
	save();
	assert_int_equal(level("10.2.0.1"), POLICY_REQUIRE);
	assert_int_equal(access(in_dir("closed/a/policy.d/block.conf"), F_OK),
			 -1);
	/* Where it cannot be kept what was kept is. */
	c = configured();
	assert_true(netd_kept_save(in_dir("none"), c) < 0);
	config_free(c);
	assert_int_equal(level("10.2.0.1"), POLICY_REQUIRE);
}

static void test_nothing_closed(void **state)
{
	struct config *c;

	(void)state;
	unlink(in_dir("etc/policy.d/a.conf"));
	unlink(in_dir("etc/policy.d/d.conf"));
	save();
	assert_int_equal(netd_kept_load(in_dir("closed"), &c), -ENOENT);
	save();
}

/* A port that alone is closed is so in what is kept, and one that is no more is
 * not. */
static void test_ports(void **state)
{
	const struct service s = { 6, 443 };
	struct config *c;
	struct addr a;

	(void)state;
	put("etc/policy.d/o.conf", "[Policy]\nEncryption=allow\n"
				   "Networks=10.0.0.0/8\n");
	for (int k = 0; k < 2; k++) {
		put("etc/policy.d/p.conf", "[Policy]\nEncryption=require\n"
					   "Networks=10.0.0.0/9\n"
					   "Ports=443/tcp 22/tcp\n");
		put("etc/policy.d/q.conf", "[Policy]\nEncryption=require\n"
					   "Networks=10.0.0.0/16\n"
					   "Ports=443/tcp 22/tcp 1/udp\n");
		save();
	}
	assert_int_equal(level("10.1.0.1"), POLICY_REQUIRE);
	unlink(in_dir("etc/policy.d/q.conf"));
	save();
	assert_int_equal(netd_kept_load(in_dir("closed"), &c), 0);
	assert_int_equal(policy_table_count(c->policies), 2);
	assert_int_equal(addr_parse("10.0.0.1", &a), 0);
	assert_non_null(policy_table_find_rule(c->policies, &a, &s));
	assert_int_equal(
		policy_table_packet(c->policies, &a, 6, 0, 80, NULL)->level,
		POLICY_FORBID);
	config_free(c);
	unlink(in_dir("etc/policy.d/p.conf"));
	unlink(in_dir("etc/policy.d/o.conf"));
	save();
	assert_int_equal(netd_kept_load(in_dir("closed"), &c), -ENOENT);
}

static void test_larval(void **state)
{
	(void)state;
	assert_int_equal(netd_kept_larval_load(in_dir("closed")), -ENOENT);
	assert_int_equal(netd_kept_larval_save(in_dir("closed"), 1), 0);
	assert_int_equal(netd_kept_larval_load(in_dir("closed")), 1);
	assert_int_equal(netd_kept_larval_save(in_dir("closed"), 0), 0);
	assert_int_equal(netd_kept_larval_load(in_dir("closed")), 0);
	assert_int_equal(netd_kept_larval_forget(in_dir("closed")), 0);
	assert_int_equal(netd_kept_larval_forget(in_dir("closed")), 0);
	assert_int_equal(netd_kept_larval_load(in_dir("closed")), -ENOENT);
	put("closed/xfrm_larval_drop", "x");
	assert_int_equal(netd_kept_larval_load(in_dir("closed")), -ENOENT);
	assert_int_equal(netd_kept_larval_forget(in_dir("closed")), 0);
	assert_true(netd_kept_larval_save(in_dir("none"), 0) < 0);
}

static int make(void **state)
{
	(void)state;
	if (!mkdtemp(dir) || mkdir(in_dir("etc"), 0755) < 0 ||
	    mkdir(in_dir("etc/policy.d"), 0755) < 0 ||
	    mkdir(in_dir("closed"), 0700) < 0)
		return -1;
	return 0;
}

static int clean(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command) == 0 ? 0 : -1;
}

int main(void)
{
	/* Each goes on where the one before has left it. */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_nothing_closed),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_larval),
	};

	return cmocka_run_group_tests(tests, make, clean);
}
