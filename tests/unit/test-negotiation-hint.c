/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Signs that a peer has lost its SAs: what they start, and how often. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/negotiation-world.h"
#include "util/limits.h"

static void hint(const char *remote, uint32_t spi, uint16_t udp_remote)
{
	struct record_hint h = {
		.local = local_of(remote),
		.remote = at(remote),
		.spi = spi,
		.udp_remote = udp_remote,
	};

	negotiation_on_hint(&world.agent, &h);
}

/* The peer answers: nothing more comes of it, however often it is said. */
static void test_alive(void **state)
{
	(void)state;
	secure("10.1.0.2", 0x3000);
	hint("10.1.0.2", 0, 0);
	assert_int_equal(world.probed, 1);
	world.heard = world.now + 20;
	for (int i = 0; i < 10; i++)
		hint("10.1.0.2", 0x12345678, 0);
	pass(LIMIT_HINT_MS - 1);
	hint("10.1.0.2", 0, 0);
	assert_int_equal(world.probed, 1);
	assert_int_equal(world.initiated, 1);
	expect_state("10.1.0.2", FLOW_SECURED);
	pass(2);
	hint("10.1.0.2", 0, 0);
	assert_int_equal(world.probed, 2);
}

/* It does not: a fresh IKE SA is begun beside the old one. */
static void test_silent(void **state)
{
	(void)state;
	secure("10.1.0.2", 0x3000);
	world.heard = world.now - 5;
	hint("10.1.0.2", 0, 0);
	pass(699);
	assert_int_equal(world.initiated, 1);
	pass(2);
	assert_int_equal(world.initiated, 2);
	expect_state("10.1.0.2", FLOW_SECURED);
	assert_int_equal(world.n_sent, 0);
	child_up("10.1.0.2", true, 0x4000, false);
	assert_int_equal(sent(RECORD_INSTALL)->install.in.spi, 0x4000);
}

/* The peer has begun by itself meanwhile. */
static void test_overtaken(void **state)
{
	(void)state;
	secure("10.1.0.2", 0x3000);
	hint("10.1.0.2", 0, 0);
	child_up("10.1.0.2", false, 0x4000, false);
	sent(RECORD_INSTALL);
	reply("10.1.0.2", RECORD_INSTALL, 0);
	pass(5000);
	assert_int_equal(world.initiated, 1);
}

static void test_stranger(void **state)
{
	(void)state;
	/* In the clear anybody may talk. */
	hint("10.1.0.9", 0, 0);
	assert_null(flow_of("10.1.0.9"));
	hint("10.1.0.9", 0x12345678, 0);
	assert_int_equal(world.initiated, 1);
	assert_int_equal(world.initiated_to, 500);
	expect_state("10.1.0.9", FLOW_NEGOTIATE);
	hint("10.1.0.9", 0x12345678, 0);
	/* Behind a translator, by the way that is open. */
	hint("10.1.0.8", 0x12345678, 20000);
	assert_int_equal(world.initiated_from, 4500);
	assert_int_equal(world.initiated_to, 20000);
	failed("10.1.0.8", IKE_REASON_UNANSWERED);
	expect_state("10.1.0.8", FLOW_HOLDDOWN);
	/* What failed is tried again at once: it can, by now. */
	pass(LIMIT_HINT_MS);
	hint("10.1.0.8", 0x12345678, 0);
	assert_int_equal(world.initiated_to, 500);
	assert_int_equal(world.initiated, 3);
	/* No policy, no reaction. */
	hint("192.0.2.1", 0x12345678, 0);
	assert_null(flow_of("192.0.2.1"));
}

static void test_blocked(void **state)
{
	(void)state;
	acquire("fd03::2", 7, true);
	failed("fd03::2", IKE_REASON_UNANSWERED);
	sent(RECORD_VERDICT);
	hint("fd03::2", 0x12345678, 0);
	assert_int_equal(sent(RECORD_VERDICT)->verdict.verdict, RECORD_FORGET);
	expect_state("fd03::2", FLOW_NEGOTIATE);
}

static void test_flood(void **state)
{
	char remote[16] = "10.1.0.00";

	(void)state;
	for (unsigned i = 0; i < 90; i++) {
		remote[7] = (char)('1' + i / 10);
		remote[8] = (char)('0' + i % 10);
		hint(remote, 0x12345678, 0);
	}
	assert_int_equal(world.initiated, LIMIT_HINT_RATE);
	assert_int_equal(flow_table_count(world.agent.flows), LIMIT_HINT_RATE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_alive, setup, teardown),
		cmocka_unit_test_setup_teardown(test_silent, setup, teardown),
		cmocka_unit_test_setup_teardown(test_overtaken, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_stranger, setup, teardown),
		cmocka_unit_test_setup_teardown(test_blocked, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flood, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
