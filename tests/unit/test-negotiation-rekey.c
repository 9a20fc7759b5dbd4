/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lifetimes: what is rekeyed, replaced and moved, and what follows from that. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/negotiation-world.h"
#include "util/log.h"

/* The pair of child_up(), as the rekey of another. */
static void rekeyed(const char *remote, uint32_t spi, uint32_t old,
		    bool redundant)
{
	struct ike_child_up up = {
		.local = local_of(remote),
		.remote = at(remote),
		.outer = at(remote),
		.initiator = true,
		.redundant = redundant,
		.replaces = old,
		.in = { .spi = spi,
			.cipher = ESP_AES_GCM_16_256,
			.esn = 1,
			.key_len = 36 },
	};

	up.out = up.in;
	negotiation_on_child_up(&world.agent, flow_of(remote)->child.ike, &up);
}

static void test_expire(void **state)
{
	struct record_expire x = { .local = at("fd00::1"),
				   .remote = at("fd01::7"),
				   .spi = 0x9001 };
	struct record_flow used = { .local = x.local, .remote = x.remote };
	const struct record *r;

	(void)state;
	secure("fd01::7", 0x9000);
	x.reqid = used.reqid = flow_of("fd01::7")->reqid;
	negotiation_on_expire(&world.agent, &x);
	negotiation_on_expire(&world.agent, &x);
	assert_int_equal(world.rekeyed, 1); /* once, not twice */
	assert_int_equal(world.spi, 0x9000);
	/* One that lost against another's leaves the flow's own as it is. */
	rekeyed("fd01::7", 0xb000, 0x9000, true);
	assert_true(sent(RECORD_INSTALL)->install.flags & RECORD_IN_ONLY);
	assert_int_equal(flow_of("fd01::7")->child.spi_in, 0x9000);
	rekeyed("fd01::7", 0xa000, 0x9000, false);
	r = sent(RECORD_INSTALL);
	assert_int_equal(r->install.replaces, 0x9000);
	assert_int_equal(r->install.reqid, x.reqid);
	assert_int_equal(r->install.flags, RECORD_IN_OPTIONAL);
	assert_in_range(r->install.soft_s, r->install.hard_s / 100 * 65,
			r->install.hard_s / 100 * 76);
	assert_int_equal(flow_of("fd01::7")->child.spi_in, 0xa000);
	expect_state("fd01::7", FLOW_SECURED); /* all the while */
	used.spi = 0xa000;
	negotiation_on_used(&world.agent, &used);
	assert_int_equal(world.used, 0xa000);
	/* The old pair goes: the flow does not care. */
	child_down("fd01::7", 0x9000);
	assert_int_equal(sent(RECORD_REMOVE_SA)->flow.spi, 0x9001);
	assert_int_equal(sent(RECORD_REMOVE_SA)->flow.spi, 0x9000);
	negotiation_on_expire(&world.agent, &x); /* the old one's */
	assert_int_equal(world.rekeyed, 1);
	x.spi = 0xa000;
	x.hard = 1;
	negotiation_on_expire(&world.agent, &x);
	assert_int_equal(world.deleted, 1);
	negotiation_on_expire(&world.agent, &x);
	assert_int_equal(world.closed, 1);
	assert_int_equal(world.initiated, 1); /* that was the first */
}

/* A peer that does not rekey gets a fresh IKE SA, once. */
static void test_rekey_refused(void **state)
{
	struct ike_child_refused no = { .local = at("10.0.0.1"),
					.remote = at("10.2.0.23"),
					.spi_in = 0x2400 };
	struct record_expire x = { .local = at("10.0.0.1"),
				   .remote = at("10.2.0.23"),
				   .spi = 0x2400 };
	struct ike_moved moved = { .local = { at("10.0.0.1"), 4500 },
				   .remote = { at("10.2.0.23"), 1024 } };

	(void)state;
	secure("10.2.0.23", 0x2400);
	negotiation_on_moved(&world.agent, flow_of("10.2.0.23")->child.ike,
			     &moved);
	assert_int_equal(sent(RECORD_MOVE)->flow.udp_remote, 1024);
	x.reqid = flow_of("10.2.0.23")->reqid;
	negotiation_on_expire(&world.agent, &x);
	no.spi_in = 0x1234;
	negotiation_on_child_refused(&world.agent,
				     flow_of("10.2.0.23")->child.ike, &no);
	assert_int_equal(world.initiated, 1);
	no.spi_in = 0x2400;
	for (int i = 0; i < 2; i++)
		negotiation_on_child_refused(
			&world.agent, flow_of("10.2.0.23")->child.ike, &no);
	assert_int_equal(world.initiated, 2);
	expect_state("10.2.0.23", FLOW_SECURED);
	/* At another address it is another host. */
	moved.remote.addr = at("10.2.0.24");
	negotiation_on_moved(&world.agent, flow_of("10.2.0.23")->child.ike,
			     &moved);
	assert_int_equal(world.closed, 1);
}

/* The peer deletes the SA while we renew it: what comes then uses the attempt
 * that is under way, and gets its verdict when that fails. */
static void test_lost_while_renewing(void **state)
{
	(void)state;
	secure("10.2.0.20", 0x2100);
	struct record_expire x = { .local = at("10.0.0.1"),
				   .remote = at("10.2.0.20"),
				   .reqid = flow_of("10.2.0.20")->reqid,
				   .spi = 0x2100 };
	world.rekey_error = -ENOENT;
	negotiation_on_expire(&world.agent, &x);
	assert_int_equal(world.initiated, 2);
	child_down("10.2.0.20", 0x2100);
	sent(RECORD_REMOVE);
	expect_state("10.2.0.20", FLOW_IDLE);
	acquire("10.2.0.20", 11, true);
	expect_state("10.2.0.20", FLOW_NEGOTIATE);
	assert_int_equal(world.initiated, 2);
	failed("10.2.0.20", IKE_REASON_UNANSWERED);
	assert_int_equal(sent(RECORD_VERDICT)->verdict.verdict, RECORD_CLEAR);
}

/* A renewal that cannot start is tried again. */
static void test_renewal_cannot_start(void **state)
{
	(void)state;
	secure("fd01::22", 0x2300);
	struct record_expire x = { .local = at("fd00::1"),
				   .remote = at("fd01::22"),
				   .reqid = flow_of("fd01::22")->reqid,
				   .spi = 0x2300 };
	world.initiate_error = -ENOMEM;
	world.rekey_error = -ENOSPC;
	negotiation_on_expire(&world.agent, &x);
	expect_state("fd01::22", FLOW_SECURED);
	assert_false(flow_of("fd01::22")->renew);
	world.initiate_error = 0;
	pass(30001);
	assert_int_equal(world.initiated, 2);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_expire),
		T(test_rekey_refused),
		T(test_lost_while_renewing),
		T(test_renewal_cannot_start),
	};

	log_open("test-negotiation-rekey", LOG_ERR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
