/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* agent/policy-count.h: what is counted is what there is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/policy-count.h"

static void move(struct policy_counts *c, struct flow *f, enum flow_state to)
{
	enum flow_state before = f->state;

	f->state = to;
	policy_counts_move(c, f, before);
}

static void test_moves(void **state)
{
	const struct hash_key key = { 1, 2 };
	struct policy office = { .name = "office" },
		      vault = { .name = "vault" };
	struct flow a = { .policy = &office }, b = { .policy = &office };
	const struct policy_count *n;
	struct policy_counts c;

	(void)state;
	policy_counts_init(&c, &key);
	assert_null(policy_counts_get(&c, "office"));
	move(&c, &a, FLOW_NEGOTIATE);
	move(&c, &b, FLOW_NEGOTIATE);
	n = policy_counts_get(&c, "office");
	assert_int_equal(n->now[FLOW_NEGOTIATE], 2);
	move(&c, &a, FLOW_INSTALL);
	move(&c, &a, FLOW_SECURED);
	move(&c, &b, FLOW_BLOCKED);
	assert_int_equal(n->now[FLOW_NEGOTIATE], 0);
	assert_int_equal(n->now[FLOW_SECURED], 1);
	assert_int_equal(n->now[FLOW_BLOCKED], 1);
	assert_int_equal(n->established, 1);
	assert_int_equal(n->failed, 1);
	/* A reload: another policy, and the same state. */
	a.policy = &vault;
	policy_counts_move(&c, &a, a.state);
	assert_int_equal(n->now[FLOW_SECURED], 0);
	assert_int_equal(n->established, 1);
	n = policy_counts_get(&c, "vault");
	assert_int_equal(n->now[FLOW_SECURED], 1);
	assert_int_equal(n->established, 0);
	/* At rest a flow may go at any time. */
	move(&c, &a, FLOW_IDLE);
	move(&c, &b, FLOW_IDLE);
	assert_null(a.counted);
	assert_int_equal(n->now[FLOW_SECURED], 0);
	n = policy_counts_get(&c, "office");
	for (unsigned i = 0; i < FLOW_STATES; i++)
		assert_int_equal(n->now[i], 0);
	/* Of no policy: nowhere. */
	a.policy = NULL;
	move(&c, &a, FLOW_SECURED);
	assert_null(a.counted);
	policy_counts_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_moves) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
