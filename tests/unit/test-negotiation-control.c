/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is asked for over the bus: to begin now, and to end. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/negotiation-world.h"
#include "util/log.h"

static struct flow *connect_to(const char *remote)
{
	struct addr local = local_of(remote), peer = at(remote);
	struct flow *f;

	assert_int_equal(negotiation_connect(&world.agent, &local, &peer, &f),
			 0);
	return f;
}

static int disconnect(const char *remote)
{
	struct addr peer = at(remote);

	return negotiation_disconnect(&world.agent, &peer);
}

/* From nothing, and after each kind of failure, at once. */
static void test_connect(void **state)
{
	static const char *const remotes[] = { "10.1.0.2", "fd02::2",
					       "10.3.0.2" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		unsigned before = world.initiated;

		connect_to(remotes[i]);
		expect_state(remotes[i], FLOW_NEGOTIATE);
		/* Once more changes nothing. */
		connect_to(remotes[i]);
		assert_int_equal(world.initiated, before + 1);
		failed(remotes[i], IKE_REASON_UNANSWERED);
		assert_int_equal(flow_of(remotes[i])->reason,
				 IKE_REASON_UNANSWERED);
		connect_to(remotes[i]);
		expect_state(remotes[i], FLOW_NEGOTIATE);
		assert_int_equal(world.initiated, before + 2);
		assert_int_equal(flow_of(remotes[i])->reason, IKE_REASON_NONE);
	}
}

static void test_connected(void **state)
{
	(void)state;
	secure("10.1.0.3", 0x5000);
	assert_int_equal(connect_to("10.1.0.3")->state, FLOW_SECURED);
	assert_int_equal(world.initiated, 1);
}

static void test_no_link(void **state)
{
	struct addr local = local_of("10.1.0.2"), peer = at("10.1.0.2");
	struct flow *f;

	(void)state;
	world.link_down = true;
	assert_int_equal(negotiation_connect(&world.agent, &local, &peer, &f),
			 -ENOTCONN);
}

static void test_disconnect(void **state)
{
	(void)state;
	assert_int_equal(disconnect("10.1.0.2"), -ENOENT);
	secure("10.1.0.2", 0x5000);
	world.n_sent = 0;
	assert_int_equal(disconnect("10.1.0.2"), 0);
	expect_state("10.1.0.2", FLOW_IDLE);
	assert_int_equal(world.closed, 1);
	sent(RECORD_REMOVE);
	/* The next packet begins anew. */
	acquire("10.1.0.2", 9, false);
	expect_state("10.1.0.2", FLOW_NEGOTIATE);
	/* While it is under way. */
	assert_int_equal(disconnect("10.1.0.2"), 0);
	expect_state("10.1.0.2", FLOW_IDLE);
	assert_int_equal(world.closed, 2);
	/* After it failed: the kernel traps again. */
	acquire("10.3.0.2", 9, false);
	failed("10.3.0.2", IKE_REASON_UNANSWERED);
	expect_state("10.3.0.2", FLOW_BLOCKED);
	world.n_sent = 0;
	assert_int_equal(disconnect("10.3.0.2"), 0);
	expect_state("10.3.0.2", FLOW_IDLE);
	assert_int_equal(sent(RECORD_VERDICT)->verdict.verdict, RECORD_FORGET);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_connect),
		TEST(test_connected),
		TEST(test_no_link),
		TEST(test_disconnect),
	};

	log_open("test-negotiation-control", LOG_ERR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
