/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Other policies while flows stand in every state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/negotiation-world.h"
#include "util/log.h"

/* The networks of the world, each with another policy; 10.1 as before. */
static const char *const others[] = {
	"Name=renamed\nNetworks=10.1.0.0/17 10.1.128.0/17 fd01::/16\n"
	"Encryption=offer\n",
	"Name=forbid\nNetworks=10.2.0.0/16 fd02::/16\nEncryption=forbid\n",
	"Name=proof\nNetworks=10.3.0.0/16 fd03::/16\nEncryption=require\n"
	"Authentication=require\n",
	"Name=offer\nNetworks=10.4.0.0/16 fd04::/16\nEncryption=offer\n"
	"[Algorithms]\nPropose=AES-GCM-128\n",
	"Name=allow\nNetworks=10.7.0.0/16\nEncryption=allow\n",
	"Name=wait\nNetworks=10.8.0.0/16\nEncryption=offer\nWait=yes\n",
	NULL
};

static void reload(const char *const *files)
{
	struct config *next = policies_of(files), before;
	struct config *now = world.agent.config;

	before = *now;
	*now = *next;
	*next = before;
	world.n_sent = 0;
	negotiation_on_policies(&world.agent, next);
	config_free(next);
}

static void test_same(void **state)
{
	(void)state;
	world.described = true;
	world.method = IKE_AUTH_NULL;
	secure("10.1.0.2", 0x5000);
	acquire("10.1.0.3", 7, false);
	acquire("10.1.0.4", 7, false);
	failed("10.1.0.4", IKE_REASON_REFUSED);
	reload(others);
	assert_int_equal(world.n_sent, 0);
	assert_int_equal(world.closed + world.abandoned, 0);
	expect_state("10.1.0.2", FLOW_SECURED);
	expect_state("10.1.0.3", FLOW_NEGOTIATE);
	expect_state("10.1.0.4", FLOW_HOLDDOWN);
	/* Nobody points to what is gone. */
	assert_string_equal(flow_of("10.1.0.2")->policy->name, "renamed");
}

static void test_secured(void **state)
{
	(void)state;
	world.described = true;
	world.method = IKE_AUTH_NULL;
	secure("fd02::2", 0x5000);
	secure("10.3.0.2", 0x5100);
	secure("10.4.0.2", 0x5200);
	reload(others);
	/* Forbidden; not proven enough; other algorithms, make before break. */
	expect_state("fd02::2", FLOW_IDLE);
	expect_state("10.3.0.2", FLOW_IDLE);
	assert_int_equal(world.closed, 2);
	expect_state("10.4.0.2", FLOW_SECURED);
	assert_true(flow_of("10.4.0.2")->renew);
	assert_int_equal(world.n_sent, 2);
	sent(RECORD_REMOVE);
	sent(RECORD_REMOVE);
}

static void test_proven(void **state)
{
	(void)state;
	world.described = true;
	world.method = IKE_AUTH_SIGNATURE;
	secure("10.3.0.2", 0x5100);
	reload(others);
	expect_state("10.3.0.2", FLOW_SECURED);
	assert_int_equal(world.n_sent, 0);
}

static void test_under_way(void **state)
{
	(void)state;
	acquire("10.2.0.2", 7, true);
	acquire("10.3.0.2", 8, true);
	assert_int_equal(world.initiated, 2);
	reload(others);
	/* Nothing to wait for any more. */
	expect_state("10.2.0.2", FLOW_IDLE);
	assert_int_equal(sent(RECORD_VERDICT)->verdict.verdict, RECORD_CLEAR);
	/* What is held waits on, for an attempt under the new policy. */
	expect_state("10.3.0.2", FLOW_NEGOTIATE);
	assert_int_equal(world.abandoned, 2);
	assert_int_equal(world.initiated, 3);
	assert_int_equal(flow_of("10.3.0.2")->acquire_seq, 8);
	assert_true(flow_of("10.3.0.2")->held);
}

static void test_decided(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		static const char *const peers[] = { "10.2.0.2", "10.3.0.2",
						     "10.7.0.2" };

		acquire(peers[i], 7, false);
		failed(peers[i], IKE_REASON_REFUSED);
	}
	reload(others);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(sent(RECORD_VERDICT)->verdict.verdict,
				 RECORD_FORGET);
	expect_state("10.2.0.2", FLOW_IDLE);
	expect_state("10.3.0.2", FLOW_IDLE);
	/* No policy at all: nobody begins. */
	acquire("10.1.0.2", 7, false);
	failed("10.1.0.2", IKE_REASON_REFUSED);
	reload(others + 1);
	expect_state("10.1.0.2", FLOW_IDLE);
	assert_null(flow_of("10.1.0.2")->policy);
}

/* A network for everybody, and for one who may be anywhere in it. */
static const char *const named[] = {
	"Name=rest\nNetworks=10.1.0.0/16 fd01::/16\nEncryption=offer\n",
	"Name=friend\nNetworks=10.1.0.0/16 fd01::/16\nEncryption=offer\n"
	"Identity=x.lab\nIdleTime=5min\n",
	NULL
};

static void expect_policy(const char *remote, const char *name)
{
	assert_string_equal(flow_of(remote)->policy->name, name);
}

/* It is whose SAs stand, and no longer; the kernel asks in anybody's name. */
static void test_named(void **state)
{
	static const char *const peers[] = { "10.1.0.2", "fd01::2" };
	struct record_flow idle = { .idle_ms = 299999 };

	(void)state;
	world.described = true;
	world.method = IKE_AUTH_SIGNATURE;
	assert_int_equal(ike_identity_parse("x.lab", &world.id), 0);
	reload(named);
	for (unsigned i = 0; i < 2; i++) {
		acquire(peers[i], 7, false);
		expect_policy(peers[i], "rest");
		child_up_by(peers[i], true, 0x5000 + 16 * i, false,
			    IKE_AUTH_SIGNATURE);
		expect_policy(peers[i], "friend");
		acquire(peers[i], 8, false);
		expect_policy(peers[i], "friend");
		/* One that is anonymous is nobody's friend, and not in use. */
		child_up_by(peers[i], false, 0x6000 + 16 * i, true,
			    IKE_AUTH_NULL);
		expect_policy(peers[i], "friend");
	}
	reply(peers[0], RECORD_INSTALL, 0);
	pass(1000);
	reply(peers[0], RECORD_HARDEN, 0);
	expect_state(peers[0], FLOW_SECURED);
	reload(others);
	expect_policy(peers[0], "renamed");
	reload(named);
	expect_policy(peers[0], "friend");
	idle.local = local_of(peers[0]);
	idle.remote = at(peers[0]);
	idle.reqid = flow_of(peers[0])->reqid;
	negotiation_on_idle(&world.agent, &idle);
	expect_state(peers[0], FLOW_SECURED);
	idle.idle_ms++;
	negotiation_on_idle(&world.agent, &idle);
	expect_state(peers[0], FLOW_IDLE);
	expect_policy(peers[0], "rest");
	child_down(peers[1], 0x5010);
	expect_policy(peers[1], "rest");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_same, setup, teardown),
		cmocka_unit_test_setup_teardown(test_secured, setup, teardown),
		cmocka_unit_test_setup_teardown(test_proven, setup, teardown),
		cmocka_unit_test_setup_teardown(test_named, setup, teardown),
		cmocka_unit_test_setup_teardown(test_under_way, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_decided, setup, teardown),
	};

	log_open("test-negotiation-reload", LOG_ERR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
