/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Flows with a peer behind a lease of ours, and from behind one of a peer's. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/negotiation-internal.h"
#include "tests/unit/negotiation-world.h"

#define LEASE "100.64.0.5"
#define OUTER "10.1.0.7"

static bool is(const struct addr *a, const char *text)
{
	struct addr want = at(text);

	return addr_equal(a, &want);
}

static void up(uint32_t spi)
{
	world.outer = at(OUTER);
	child_up(LEASE, false, spi, false);
}

/* The policy is that of where it is, and nothing of it is ever in the clear. */
static void test_server(void **state)
{
	struct ike_send s = { .local = { at("10.0.0.1"), 4500 },
			      .remote = { at(OUTER), 4500 },
			      .data = (const uint8_t *)"response",
			      .len = 8 };
	struct flow *f;
	const struct record *r;

	(void)state;
	up(0x4000);
	f = flow_of(LEASE);
	assert_non_null(f);
	assert_true(is(flow_host(f), OUTER));
	r = sent(RECORD_INSTALL);
	assert_true(is(&r->install.remote, LEASE));
	assert_true(is(&r->install.outer, OUTER));
	assert_int_equal(r->install.tunnel, 1);
	assert_int_equal(r->install.flags, RECORD_OUT_LATER);
	/* The response waits for its SA, among those to that address. */
	assert_true(negotiation_park(&world.agent, f->child.ike, &s));
	assert_false(negotiation_park(&world.agent, (struct handle){ 0 }, &s));
	reply(LEASE, RECORD_INSTALL, 0);
	assert_int_equal(world.wired, 1);
	pass(300);
	sent(RECORD_SWITCH);
	reply(LEASE, RECORD_SWITCH, 0);
	expect_state(LEASE, FLOW_SECURED);
}

/* Whoever has it comes by itself. */
static void test_never_begun(void **state)
{
	struct flow *f;

	(void)state;
	test_server(state);
	f = flow_of(LEASE);
	f->renew = true;
	negotiation_begin(&world.agent, f);
	assert_false(f->renew);
	assert_int_equal(world.initiated, 0);
}

/* It moves only with its port; at another address it begins anew. */
static void test_moved(void **state)
{
	struct ike_moved m = { .local = { at("10.0.0.1"), 4500 },
			       .remote = { at(OUTER), 5000 } };
	const struct record *r;
	struct handle sa;

	(void)state;
	test_server(state);
	sa = flow_of(LEASE)->child.ike;
	negotiation_on_moved(&world.agent, sa, &m);
	r = sent(RECORD_MOVE);
	assert_true(is(&r->flow.remote, LEASE));
	assert_int_equal(r->flow.udp_remote, 5000);
	m.remote.addr = at("10.1.0.8");
	negotiation_on_moved(&world.agent, sa, &m);
	assert_int_equal(world.n_sent, 0);
	assert_int_equal(world.closed, 1);
}

/* The same address for who comes from elsewhere: the old SAs go first. */
static void test_elsewhere(void **state)
{
	const struct record *r;

	(void)state;
	test_server(state);
	world.outer = at("10.1.0.8");
	child_up(LEASE, false, 0x5000, false);
	sent(RECORD_REMOVE);
	r = sent(RECORD_INSTALL);
	assert_true(is(&r->install.outer, "10.1.0.8"));
	assert_int_equal(world.closed, 1);
	expect_state(LEASE, FLOW_INSTALL);
}

static void test_orphan(void **state)
{
	struct record_orphan o = { .local = at("10.0.0.1"),
				   .remote = at(LEASE),
				   .outer = at(OUTER),
				   .reqid = RECORD_REQID_MIN + 9,
				   .spi_in = 0x4000,
				   .spi_out = 0x4001,
				   .last = 1 };

	(void)state;
	negotiation_on_orphan(&world.agent, &o);
	expect_state(LEASE, FLOW_SECURED);
	assert_string_equal(flow_of(LEASE)->policy->name, "offer");
	assert_int_equal(world.initiated, 0);
	up(0x5000);
	assert_int_equal(sent(RECORD_INSTALL)->install.reqid, o.reqid);
}

static void test_client(void **state)
{
	const struct record *r;

	(void)state;
	world.lease = at(LEASE);
	acquire("10.1.0.2", 7, false);
	child_up("10.1.0.2", true, 0x4000, false);
	r = sent(RECORD_INSTALL);
	assert_true(is(&r->install.lease, LEASE));
	assert_int_equal(r->install.outer.family, 0);
	assert_int_equal(r->install.flags, RECORD_IN_OPTIONAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_server, setup, teardown),
		cmocka_unit_test_setup_teardown(test_never_begun, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_moved, setup, teardown),
		cmocka_unit_test_setup_teardown(test_elsewhere, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_orphan, setup, teardown),
		cmocka_unit_test_setup_teardown(test_client, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
