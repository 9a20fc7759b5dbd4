/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What failed is told apart, and tried again when the world changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/negotiation-world.h"
#include "util/log.h"

/* Failed in each way in which a decision can stand. */
static const struct {
	const char *remote;
	enum flow_state state;
} decided[] = {
	{ "10.1.0.2", FLOW_HOLDDOWN },
	{ "fd02::2", FLOW_CLEAR },
	{ "10.3.0.2", FLOW_BLOCKED },
};
#define DECIDED (sizeof(decided) / sizeof(decided[0]))

static void fail_all(void)
{
	for (size_t i = 0; i < DECIDED; i++) {
		acquire(decided[i].remote, 7, false);
		failed(decided[i].remote, IKE_REASON_UNANSWERED);
		expect_state(decided[i].remote, decided[i].state);
	}
	world.n_sent = 0;
}

static void test_address(void **state)
{
	struct addr v4 = at("10.0.0.1"), other = at("10.0.0.9");

	(void)state;
	fail_all();
	negotiation_on_address(&world.agent, &other);
	for (size_t i = 0; i < DECIDED; i++)
		expect_state(decided[i].remote, decided[i].state);
	assert_int_equal(world.n_sent, 0);
	negotiation_on_address(&world.agent, &v4);
	expect_state("10.1.0.2", FLOW_NEGOTIATE);
	expect_state("fd02::2", FLOW_CLEAR);
	expect_state("10.3.0.2", FLOW_IDLE);
	/* The kernel traps it again; a peer without a shunt needs nothing. */
	assert_int_equal(sent(RECORD_VERDICT)->verdict.verdict, RECORD_FORGET);
	assert_int_equal(world.n_sent, 0);
	/* As if for the first time. */
	acquire("10.3.0.2", 7, false);
	failed("10.3.0.2", IKE_REASON_UNANSWERED);
	assert_int_equal(sent(RECORD_VERDICT)->verdict.lifetime_ms, 5000);
}

static void test_resumed(void **state)
{
	(void)state;
	secure("10.1.0.3", 0x5000);
	fail_all();
	negotiation_on_resumed(&world.agent);
	expect_state("10.1.0.2", FLOW_NEGOTIATE);
	expect_state("fd02::2", FLOW_IDLE);
	expect_state("10.3.0.2", FLOW_IDLE);
	assert_int_equal(world.checked, 1);
	expect_state("10.1.0.3", FLOW_SECURED);
}

/* Fresh SAs for who is secured, and nothing for others. */
static void test_clock_back(void **state)
{
	(void)state;
	secure("10.1.0.3", 0x5000);
	negotiation_on_clock_back(&world.agent);
	assert_false(flow_of("10.1.0.3")->renew);
	pass(5001);
	assert_true(flow_of("10.1.0.3")->renew);
	expect_state("10.1.0.3", FLOW_SECURED);
}

/* What the administrator can mend is not hidden behind "closed". */
static void test_unproven(void **state)
{
	struct ike_identify q = { .initiator = true };
	struct handle other = { 77, 1 };
	struct flow *f;

	(void)state;
	q.local.addr = local_of("10.7.0.2");
	q.remote.addr = q.host = at("10.7.0.2");
	acquire("10.7.0.2", 7, true);
	f = flow_of("10.7.0.2");
	negotiation_on_unproven(&world.agent, other, &q, IKE_REASON_AUTH, "x");
	assert_null(f->why);
	negotiation_on_unproven(&world.agent, world.next_sa, &q,
				IKE_REASON_NO_KEY, "no key");
	failed("10.7.0.2", IKE_REASON_CLOSED);
	assert_int_equal(f->reason, IKE_REASON_NO_KEY);
	assert_string_equal(f->why, "no key");
	expect_state("10.7.0.2", FLOW_BLOCKED);
	/* The next attempt fails for another reason. */
	pass(5001);
	acquire("10.7.0.2", 8, true);
	failed("10.7.0.2", IKE_REASON_UNANSWERED);
	assert_int_equal(f->reason, IKE_REASON_UNANSWERED);
	assert_null(f->why);
}

/* A refusal is worth believing only where being clear is the way out. */
static void test_patience(void **state)
{
	(void)state;
	acquire("10.2.0.2", 7, true);
	assert_false(world.patient);
	acquire("10.3.0.2", 7, true);
	assert_true(world.patient);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_address, setup, teardown),
		cmocka_unit_test_setup_teardown(test_resumed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_clock_back, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_unproven, setup, teardown),
		cmocka_unit_test_setup_teardown(test_patience, setup, teardown),
	};

	log_open("test-negotiation-retry", LOG_ERR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
