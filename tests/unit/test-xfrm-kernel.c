/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xfrm/kernel.c and xfrm/change.c's words: which policies and SAs are ours,
 * and how a change reads in the log.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "xfrm/change.h"
#include "xfrm/kernel.h"

static void test_policies(void **state)
{
	static const struct {
		uint32_t priority, reqid;
		enum kaction action;
		bool strange, ours;
	} rows[] = {
		{ 0x00400000, 0, KACTION_PASS, false, true },
		{ 0x0040ffff, 0, KACTION_BLOCK, false, true },
		{ 0x003fffff, 0, KACTION_PASS, false, false },
		{ 0x00410000, 0, KACTION_PASS, false, false },
		{ 0, 0, KACTION_BLOCK, false, false },
		{ 0x00400200, 0x54000000, KACTION_PROTECT, false, true },
		{ 0x00400200, 0x54ffffff, KACTION_PROTECT, false, true },
		{ 0x00401000, 0x53ffffff, KACTION_PROTECT, false, true },
		{ 0x00401000, 0, KACTION_PROTECT, false, true },
		{ 0x00401000, 0x55000000, KACTION_PROTECT, false, false },
		{ 0x00401000, 16385, KACTION_PROTECT, false, false },
		{ 0x00400100, 0, KACTION_PASS, true, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct kpolicy p = { .priority = rows[i].priority,
				     .reqid = rows[i].reqid,
				     .action = rows[i].action,
				     .strange = rows[i].strange };

		if (kpolicy_is_ours(&p) != rows[i].ours)
			fail_msg("row %zu", i);
	}
}

static void test_sas(void **state)
{
	static const struct {
		uint32_t reqid;
		bool larval, ours;
	} rows[] = {
		{ 0x54000000, false, true }, { 0x54ffffff, true, true },
		{ 0x53ffffff, true, true },  { 0x53ffffff, false, false },
		{ 0x53fffffe, true, false }, { 0x55000000, false, false },
		{ 0, true, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ksa sa = { .reqid = rows[i].reqid,
				  .larval = rows[i].larval };

		if (ksa_is_ours(&sa) != rows[i].ours)
			fail_msg("row %zu", i);
	}
}

static struct kselector between(const char *src, const char *dst)
{
	struct prefix s, d;

	assert_int_equal(prefix_parse(src, &s), 0);
	assert_int_equal(prefix_parse(dst, &d), 0);
	return kselector_between(&s, &d);
}

static void test_places(void **state)
{
	struct kpolicy a = { .dir = KDIR_OUT,
			     .priority = 1,
			     .sel = between("10.0.0.1", "10.0.0.0/8") };
	struct kpolicy b = a;

	(void)state;
	/* Priority, action and template make no place. */
	b.priority = 2;
	b.action = KACTION_BLOCK;
	assert_true(kpolicy_same_place(&a, &b));
	b.dir = KDIR_IN;
	assert_false(kpolicy_same_place(&a, &b));
	b = a;
	b.sel.dst.len = 9;
	assert_false(kpolicy_same_place(&a, &b));
	b = a;
	b.sel.protocol = 6;
	assert_false(kpolicy_same_place(&a, &b));
	b = a;
	b.sel.dport_mask = 0xffff;
	assert_false(kpolicy_same_place(&a, &b));
	b = a;
	b.sel.ifindex = 3;
	assert_false(kpolicy_same_place(&a, &b));
	/* The kernel knows no scope. */
	a.sel = between("fe80::1", "fe80::2");
	b.sel = a.sel;
	b.sel.src.addr.scope = 4;
	assert_true(kpolicy_same_place(&a, &b));
}

static void test_words(void **state)
{
	struct change c = { .op = CHANGE_POLICY_SET };
	char text[CHANGE_STRLEN];

	(void)state;
	c.policy.dir = KDIR_OUT;
	c.policy.action = KACTION_PROTECT;
	c.policy.reqid = 0x54000001;
	c.policy.priority = KPOLICY_PRIO_FLOW;
	c.policy.sel = between("10.0.0.1", "10.0.0.2");
	assert_string_equal(change_format(&c, text),
			    "+policy out 10.0.0.1/32 -> 10.0.0.2/32 proto 0 "
			    "required prio 400200 reqid 54000001");
	c = (struct change){ .op = CHANGE_SA_DELETE };
	assert_int_equal(addr_parse("10.0.0.1", &c.sa.src), 0);
	assert_int_equal(addr_parse("10.0.0.2", &c.sa.dst), 0);
	c.sa.esp.spi = 0x1234;
	c.sa.esp.key[0] = 0xaa;
	assert_string_equal(change_format(&c, text),
			    "-sa 10.0.0.1 -> 10.0.0.2 spi 00001234 reqid "
			    "00000000");
	change_wipe(&c, 1);
	assert_int_equal(c.sa.esp.key[0], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_sas),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
