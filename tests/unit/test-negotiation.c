/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What happens to a flow, from the acquire to its end. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/negotiation-world.h"
#include "util/log.h"

static void test_no_wait(void **state)
{
	(void)state;
	acquire("10.1.0.2", 7, false);
	acquire("10.1.0.2", 7, false);
	assert_int_equal(world.initiated, 1);
	expect_state("10.1.0.2", FLOW_NEGOTIATE);
	failed("10.1.0.2", IKE_REASON_UNANSWERED);
	expect_state("10.1.0.2", FLOW_HOLDDOWN);
	assert_int_equal(world.n_sent, 0); /* no shunt */
	pass(5001);
	expect_state("10.1.0.2", FLOW_IDLE);
	acquire("10.1.0.2", 9, false);
	assert_int_equal(world.initiated, 2);
	/* The second failure in a row is left alone for longer. */
	failed("10.1.0.2", IKE_REASON_UNANSWERED);
	pass(9000);
	expect_state("10.1.0.2", FLOW_HOLDDOWN);
	pass(1001);
	expect_state("10.1.0.2", FLOW_IDLE);
	/* What the kernel asked meanwhile it may not ask again. */
	acquire("10.1.0.2", 10, false);
	failed("10.1.0.2", IKE_REASON_UNANSWERED);
	acquire("10.1.0.2", 11, false);
	assert_int_equal(world.initiated, 3);
	pass(20001);
	assert_int_equal(world.initiated, 4);
	failed("10.1.0.2", IKE_REASON_UNANSWERED);
	pass(40001);
	expect_state("10.1.0.2", FLOW_IDLE);
	pass(10 * 60 * 1000 + 6000);
	assert_null(flow_of("10.1.0.2"));
}

static void test_wait(void **state)
{
	(void)state;
	acquire("10.2.0.2", 7, true);
	failed("10.2.0.2", IKE_REASON_REFUSED);
	expect_state("10.2.0.2", FLOW_CLEAR);
	const struct record *r = sent(RECORD_VERDICT);
	assert_int_equal(r->verdict.verdict, RECORD_CLEAR);
	assert_int_equal(r->verdict.lifetime_ms, 5000);
	/* A packet that is held all the same gets the same verdict. */
	pass(2000);
	acquire("10.2.0.2", 0, true);
	r = sent(RECORD_VERDICT);
	assert_int_equal(r->verdict.verdict, RECORD_CLEAR);
	assert_int_equal(r->verdict.lifetime_ms, 3000);
	pass(3001);
	assert_int_equal(sent(RECORD_VERDICT)->verdict.verdict, RECORD_FORGET);
	expect_state("10.2.0.2", FLOW_IDLE);
}

static void test_require(void **state)
{
	(void)state;
	acquire("fd03::2", 7, true);
	failed("fd03::2", IKE_REASON_UNREACHABLE);
	expect_state("fd03::2", FLOW_BLOCKED);
	assert_int_equal(sent(RECORD_VERDICT)->verdict.verdict, RECORD_BLOCK);
	/* The peer appears and speaks first: no shunt is left. */
	child_up("fd03::2", false, 0x2000, false);
	assert_int_equal(sent(RECORD_VERDICT)->verdict.verdict, RECORD_FORGET);
	const struct record *r = sent(RECORD_INSTALL);
	assert_int_equal(r->install.flags, RECORD_OUT_LATER);
	reply("fd03::2", RECORD_INSTALL, 0);
	pass(301);
	sent(RECORD_SWITCH);
	reply("fd03::2", RECORD_SWITCH, 0);
	/* Hardened from the start: no grace for clear packets. */
	expect_state("fd03::2", FLOW_SECURED);
}

static void test_initiator(void **state)
{
	(void)state;
	acquire("fd01::2", 77, false);
	pass(3);
	child_up("fd01::2", true, 0x3000, false);
	const struct record *r = sent(RECORD_INSTALL);
	assert_int_equal(r->install.acquire_seq, 77);
	assert_int_equal(r->install.flags, RECORD_IN_OPTIONAL);
	assert_int_equal(r->install.in.spi, 0x3000);
	assert_int_equal(r->install.out.spi, 0x3001);
	reply("fd01::2", RECORD_INSTALL, 0);
	assert_int_equal(flow_of("fd01::2")->setup_us, 3000);
	pass(240);
	assert_int_equal(world.n_sent, 0);
	pass(20);
	sent(RECORD_HARDEN);
	expect_state("fd01::2", FLOW_INSTALL);
	reply("fd01::2", RECORD_HARDEN, 0);
	expect_state("fd01::2", FLOW_SECURED);
}

static void test_responder(void **state)
{
	(void)state;
	child_up("10.4.0.2", false, 0x4000, false);
	assert_int_equal(sent(RECORD_INSTALL)->install.flags,
			 RECORD_IN_OPTIONAL | RECORD_OUT_LATER);
	reply("10.4.0.2", RECORD_INSTALL, 0);
	pass(301);
	sent(RECORD_SWITCH);
	reply("10.4.0.2", RECORD_SWITCH, 0);
	pass(260);
	sent(RECORD_HARDEN);
	reply("10.4.0.2", RECORD_HARDEN, 0);
	expect_state("10.4.0.2", FLOW_SECURED);
}

/* The IKE_AUTH response leaves when we can receive what it invites. */
static void test_parked(void **state)
{
	struct ike_send s = { .local = { at("fd00::1"), 500 },
			      .remote = { at("fd04::2"), 500 },
			      .data = (const uint8_t *)"response",
			      .len = 8 };

	(void)state;
	assert_false(negotiation_park(&world.agent, (struct handle){ 0 }, &s));
	child_up("fd04::2", false, 0x4100, false);
	assert_true(negotiation_park(&world.agent, (struct handle){ 0 }, &s));
	assert_true(negotiation_park(&world.agent, (struct handle){ 0 }, &s));
	assert_int_equal(world.wired, 0);
	reply("fd04::2", RECORD_INSTALL, 0);
	assert_int_equal(world.wired, 2);
	assert_false(negotiation_park(&world.agent, (struct handle){ 0 }, &s));
}

static void test_redundant(void **state)
{
	(void)state;
	secure("10.1.0.3", 0x5000);
	child_up("10.1.0.3", false, 0x6000, true);
	assert_true(sent(RECORD_INSTALL)->install.flags & RECORD_IN_ONLY);
	expect_state("10.1.0.3", FLOW_SECURED);
	assert_int_equal(flow_of("10.1.0.3")->child.spi_in, 0x5000);
	child_down("10.1.0.3", 0x6000);
	assert_int_equal(sent(RECORD_REMOVE_SA)->flow.inbound, 0);
	assert_int_equal(sent(RECORD_REMOVE_SA)->flow.inbound, 1);
	expect_state("10.1.0.3", FLOW_SECURED);
	child_down("10.1.0.3", 0x5000);
	sent(RECORD_REMOVE);
	expect_state("10.1.0.3", FLOW_IDLE);
}

/* An SA of the peer that the engine is not sure of serves all the same while
 * there is none of ours; and again, without another INSTALL, when it is. */
static void test_early(void **state)
{
	struct flow *f;

	(void)state;
	acquire("fd03::9", 7, true);
	child_up("fd03::9", false, 0x6000, true);
	assert_int_equal(sent(RECORD_INSTALL)->install.flags, RECORD_OUT_LATER);
	f = flow_of("fd03::9");
	assert_int_equal(f->child.spi_in, 0x6000);
	child_up("fd03::9", true, 0x5000, false);
	assert_int_equal(sent(RECORD_INSTALL)->install.flags, 0);
	assert_int_equal(f->child.spi_in, 0x5000);
	/* Ours took its place meanwhile: it has to be completed again. */
	child_up("fd03::9", false, 0x6000, false);
	assert_int_equal(sent(RECORD_INSTALL)->install.flags, RECORD_OUT_LATER);
	assert_int_equal(f->child.spi_in, 0x6000);
	child_down("fd03::9", 0x5000);
	sent(RECORD_REMOVE_SA);
	sent(RECORD_REMOVE_SA);
	assert_int_equal(f->child.spi_in, 0x6000);
	/* One that went is not remembered. */
	child_up("fd03::9", false, 0x8000, true);
	assert_true(sent(RECORD_INSTALL)->install.flags & RECORD_IN_ONLY);
	assert_int_equal(f->early_in, 0);
}

static void test_netd_refuses(void **state)
{
	(void)state;
	acquire("10.2.0.4", 7, true);
	child_up("10.2.0.4", true, 0x7000, false);
	sent(RECORD_INSTALL);
	reply("10.2.0.4", RECORD_INSTALL, -EPERM);
	sent(RECORD_REMOVE);
	assert_int_equal(sent(RECORD_VERDICT)->verdict.verdict, RECORD_CLEAR);
	assert_int_equal(world.closed, 1);
	assert_true(handle_equal(world.last_closed, world.next_sa));
	expect_state("10.2.0.4", FLOW_CLEAR);
}

static void test_refused_by_level(void **state)
{
	static const struct {
		const char *remote;
		enum ike_admission admit;
		unsigned held_verdict;
	} cases[] = {
		{ "10.4.0.9", IKE_ADMIT, RECORD_CLEAR },
		{ "fd05::9", IKE_REFUSE, RECORD_CLEAR },
		{ "10.6.0.9", IKE_IGNORE, RECORD_BLOCK },
		{ "192.0.2.1", IKE_REFUSE, RECORD_CLEAR }, /* of no policy */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct endpoint e = { at(cases[i].remote), 500 };

		assert_int_equal(negotiation_admit(&world.agent, &e, false),
				 cases[i].admit);
		acquire(cases[i].remote, 0, true);
		assert_int_equal(sent(RECORD_VERDICT)->verdict.verdict,
				 cases[i].held_verdict);
		if (cases[i].admit == IKE_ADMIT)
			continue;
		/* Nor by an SA that came up all the same. */
		world.closed = 0;
		child_up(cases[i].remote, false, 0x8000, false);
		assert_int_equal(world.closed, 1);
		assert_int_equal(world.n_sent, 0);
	}
	assert_int_equal(world.initiated, 0);
	world.link_down = true;
	struct endpoint e = { at("10.4.0.9"), 500 };
	assert_int_equal(negotiation_admit(&world.agent, &e, false),
			 IKE_IGNORE);
}

/* Authentication=require: only who has proven it. */
static void test_proof_required(void **state)
{
	(void)state;
	acquire("10.7.0.30", 7, true);
	assert_int_equal(world.initiated, 1);
	child_up("10.7.0.30", true, 0x2400, false);
	assert_int_equal(world.closed, 1);
	assert_int_equal(sent(RECORD_VERDICT)->verdict.verdict, RECORD_BLOCK);
	expect_state("10.7.0.30", FLOW_BLOCKED);
	child_up_by("10.7.0.30", false, 0x2402, false, IKE_AUTH_SIGNATURE);
	assert_int_equal(world.closed, 1);
	expect_state("10.7.0.30", FLOW_INSTALL);
}

/* netd goes away between the attempt and its SA: the attempt is over. */
static void test_child_up_without_netd(void **state)
{
	(void)state;
	acquire("10.1.0.21", 7, false);
	world.link_down = true;
	child_up("10.1.0.21", true, 0x2200, false);
	assert_int_equal(world.closed, 1);
	expect_state("10.1.0.21", FLOW_IDLE);
	assert_true(handle_is_none(flow_of("10.1.0.21")->attempt));
	world.link_down = false;
	acquire("10.1.0.21", 8, false);
	assert_int_equal(world.initiated, 2);
}

/* The reply to a step of the SA pair before moves nothing. */
static void test_stale_reply(void **state)
{
	(void)state;
	child_up("10.4.0.23", false, 0x2400, false);
	sent(RECORD_INSTALL);
	reply("10.4.0.23", RECORD_INSTALL, 0);
	pass(301);
	sent(RECORD_SWITCH);
	child_up("10.4.0.23", false, 0x2500, false);
	sent(RECORD_INSTALL);
	reply("10.4.0.23", RECORD_SWITCH, 0);
	reply("10.4.0.23", RECORD_HARDEN, 0);
	expect_state("10.4.0.23", FLOW_INSTALL);
	reply("10.4.0.23", RECORD_INSTALL, 0);
	pass(301);
	sent(RECORD_SWITCH);
}

static void orphan(const char *remote, uint32_t reqid, uint32_t spi, bool last)
{
	struct record_orphan o = {
		.local = local_of(remote),
		.remote = at(remote),
		.reqid = reqid,
		.spi_in = spi,
		.spi_out = spi + 1,
		.last = last,
	};

	negotiation_on_orphan(&world.agent, &o);
}

static void test_orphan(void **state)
{
	(void)state;
	negotiation_on_welcome(&world.agent);
	orphan("10.1.0.5", RECORD_REQID_MIN + 5, 0xb000, true);
	expect_state("10.1.0.5", FLOW_SECURED);
	assert_int_equal(flow_of("10.1.0.5")->reqid, RECORD_REQID_MIN + 5);
	assert_int_equal(world.initiated, 1);
	child_up("10.1.0.5", true, 0xc000, false);
	assert_int_equal(sent(RECORD_INSTALL)->install.reqid,
			 RECORD_REQID_MIN + 5);
}

static void test_orphan_without_peer(void **state)
{
	(void)state;
	negotiation_on_welcome(&world.agent);
	orphan("10.1.0.6", RECORD_REQID_MIN + 6, 0xd000, true);
	failed("10.1.0.6", IKE_REASON_UNANSWERED);
	sent(RECORD_REMOVE);
	expect_state("10.1.0.6", FLOW_HOLDDOWN);
}

static void test_netd_restarted(void **state)
{
	(void)state;
	secure("10.1.0.7", 0xe000);
	secure("fd01::8", 0xf000);
	negotiation_on_welcome(&world.agent);
	orphan("10.1.0.7", flow_of("10.1.0.7")->reqid, 0xe000, true);
	/* The one that netd named stays, and netd hears it; the other is gone. */
	sent(RECORD_HARDEN);
	expect_state("10.1.0.7", FLOW_SECURED);
	expect_state("fd01::8", FLOW_IDLE);
	assert_int_equal(world.closed, 1);
}

static void test_address_gone(void **state)
{
	struct addr local = local_of("10.1.0.1"), other = at("10.0.0.77");

	(void)state;
	secure("10.1.0.9", 0x1100);
	acquire("10.1.0.10", 9, false);
	negotiation_on_address_gone(&world.agent, &other);
	expect_state("10.1.0.9", FLOW_SECURED);
	negotiation_on_address_gone(&world.agent, &local);
	sent(RECORD_REMOVE);
	expect_state("10.1.0.9", FLOW_IDLE);
	expect_state("10.1.0.10", FLOW_IDLE);
	assert_int_equal(world.closed, 0); /* nowhere to send a Delete from */
}

static void test_replaced_attempt(void **state)
{
	(void)state;
	acquire("10.1.0.8", 7, false);
	failed("10.1.0.8", IKE_REASON_REPLACED);
	expect_state("10.1.0.8", FLOW_IDLE);
	assert_int_equal(world.agent.counters.failed, 0);
}

static void discovered(const char *remote, int found, uint64_t lifetime)
{
	const struct key_verdict v = { .found = found,
				       .lifetime_ms = lifetime };

	negotiation_on_discovered(&world.agent, flow_of(remote)->self, &v);
}

/* Nobody knocks where no key is known, for as long as that holds. */
static void test_discover(void **state)
{
	static const struct {
		const char *remote;
		enum flow_state without;
		bool shunt;
	} rows[] = {
		{ "10.8.0.2", FLOW_HOLDDOWN, false },
		{ "fd08::2", FLOW_HOLDDOWN, false },
		{ "10.9.0.2", FLOW_CLEAR, true },
		{ "fd0a::2", FLOW_BLOCKED, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned before = world.initiated;

		world.verdict = (struct key_verdict){ .found = -EINPROGRESS };
		acquire(rows[i].remote, 7, rows[i].shunt);
		expect_state(rows[i].remote, FLOW_LOOKUP);
		acquire(rows[i].remote, 7, rows[i].shunt);
		assert_int_equal(world.initiated, before);
		assert_int_equal(world.n_sent, 0);
		discovered(rows[i].remote, -ENOENT, 60000);
		expect_state(rows[i].remote, rows[i].without);
		assert_int_equal(flow_of(rows[i].remote)->reason,
				 IKE_REASON_NO_KEY);
		if (rows[i].shunt)
			assert_int_equal(
				sent(RECORD_VERDICT)->verdict.lifetime_ms,
				60000);
		pass(59999);
		expect_state(rows[i].remote, rows[i].without);
		pass(2);
		expect_state(rows[i].remote, FLOW_IDLE);
		if (rows[i].shunt)
			assert_int_equal(sent(RECORD_VERDICT)->verdict.verdict,
					 RECORD_FORGET);
		/* A key has appeared; it is in the cache by now. */
		world.verdict = (struct key_verdict){ .lifetime_ms = 60000 };
		acquire(rows[i].remote, 8, rows[i].shunt);
		expect_state(rows[i].remote, FLOW_NEGOTIATE);
		assert_int_equal(world.initiated, before + 1);
	}
	assert_int_equal(world.agent.counters.undiscovered, 4);
	assert_int_equal(world.agent.counters.failed, 0);
	/* Networks of Discover=always ask nobody. */
	world.discovered = 0;
	acquire("10.1.0.2", 7, false);
	expect_state("10.1.0.2", FLOW_NEGOTIATE);
	assert_int_equal(world.discovered, 0);
}

/* While the key is looked up: it is found, it is bogus, or the peer begins. */
static void test_discovered(void **state)
{
	(void)state;
	world.verdict = (struct key_verdict){ .found = -EINPROGRESS };
	acquire("10.8.0.2", 77, false);
	discovered("10.8.0.2", 0, 60000);
	expect_state("10.8.0.2", FLOW_NEGOTIATE);
	child_up("10.8.0.2", true, 0x3000, false);
	assert_int_equal(sent(RECORD_INSTALL)->install.acquire_seq, 77);
	acquire("fd08::2", 78, false);
	discovered("fd08::2", -EBADMSG, 10000);
	assert_int_equal(flow_of("fd08::2")->reason, IKE_REASON_BOGUS);
	acquire("fd08::3", 79, false);
	child_up("fd08::3", false, 0x4000, false);
	expect_state("fd08::3", FLOW_INSTALL);
	discovered("fd08::3", -ENOENT, 10000);
	expect_state("fd08::3", FLOW_INSTALL);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_discover, setup, teardown),
		cmocka_unit_test_setup_teardown(test_discovered, setup,
						teardown),
		T(test_no_wait),
		T(test_wait),
		T(test_require),
		T(test_initiator),
		T(test_responder),
		T(test_parked),
		T(test_redundant),
		T(test_early),
		T(test_netd_refuses),
		T(test_refused_by_level),
		T(test_proof_required),
		T(test_child_up_without_netd),
		T(test_stale_reply),
		T(test_orphan),
		T(test_orphan_without_peer),
		T(test_netd_restarted),
		T(test_address_gone),
		T(test_replaced_attempt),
	};

	log_open("test-negotiation", LOG_ERR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
