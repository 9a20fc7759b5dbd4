/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Few places, many peers: who gives way, who does not, who is turned away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/negotiation-world.h"
#include "util/limits.h"

#define MAX 16u

static const char *host(bool six, unsigned net, unsigned number)
{
	static char text[ADDR_STRLEN];

	snprintf(text, sizeof(text), six ? "fd01:0:%u::%u" : "10.1.%u.%u", net,
		 number);
	return text;
}

/* So many peers of a network, by their own wish. */
static void fill(bool six, unsigned net, unsigned n,
		 enum ike_auth_method method)
{
	static uint32_t spi = 0x3000;

	for (unsigned i = 1; i <= n; i++) {
		const char *peer = host(six, net, i);

		child_up_by(peer, false, spi += 2, false, method);
		reply(peer, RECORD_INSTALL, 0);
		pass(300);
		reply(peer, RECORD_SWITCH, 0);
		pass(250);
		reply(peer, RECORD_HARDEN, 0);
		expect_state(peer, FLOW_SECURED);
	}
}

/* Other records are gone by; how many ask what a flow carries, and for whom the
 * latest of them is. */
static unsigned asked(struct record *ret)
{
	unsigned n = 0;

	for (unsigned i = 0; i < world.n_sent; i++) {
		if (world.sent[i].type != RECORD_COUNT)
			continue;
		n++;
		*ret = world.sent[i];
	}
	world.n_sent = 0;
	return n;
}

static void answer(const struct record *r, uint32_t idle_s, bool guarded)
{
	struct record_counted c = { .idle_s = idle_s, .guarded = guarded };
	struct flow *f = flow_table_get(world.agent.flows, &r->flow.local,
					&r->flow.remote);

	negotiation_on_counted(&world.agent, f->self, &c);
}

/* A newcomer of this network wants a place. */
static void knock(bool six, unsigned net)
{
	struct addr a = at(host(six, net, 200));

	negotiation_seek_room(&world.agent, &a);
}

static uint64_t evicted(void)
{
	return world.agent.counters.peers_evicted;
}

static void test_gives_way(void **state)
{
	struct record r;

	(void)state;
	world.agent.config->max_peers = MAX;
	for (int six = 0; six < 2; six++) {
		uint64_t before = evicted();
		unsigned closed = world.closed;

		fill(six, 1, 10, IKE_AUTH_NULL);
		fill(six, 2, 5, IKE_AUTH_NULL);
		assert_int_equal(asked(&r), 0);
		/* One too many: a few of the crowd are looked at. */
		fill(six, 3, 1, IKE_AUTH_NULL);
		assert_int_equal(asked(&r), 4);
		assert_int_equal(six ? r.flow.remote.bytes[5]
				     : r.flow.remote.bytes[2],
				 1);
		answer(&r, LIMIT_IDLER_IDLE_S - 1, false);
		assert_int_equal(evicted(), before);
		answer(&r, LIMIT_IDLER_IDLE_S, false); /* it was not asked */
		assert_int_equal(evicted(), before);
		knock(six, 3);
		assert_int_equal(asked(&r), 4);
		answer(&r, LIMIT_IDLER_IDLE_S, true);
		assert_int_equal(evicted(), before);
		/* The crowd has none left, for one of it and for others. */
		knock(six, 1);
		assert_int_equal(asked(&r), 2);
		knock(six, 1);
		assert_int_equal(asked(&r), 0);
		knock(six, 4);
		assert_int_equal(asked(&r), 4);
		pass(LIMIT_IDLER_REST_MS);
		knock(six, 3);
		assert_true(asked(&r) > 1);
		answer(&r, LIMIT_IDLER_IDLE_S, false);
		assert_int_equal(evicted(), before + 1);
		assert_int_equal(world.closed, closed + 1);
		assert_int_equal(sent(RECORD_REMOVE)->flow.reqid, r.flow.reqid);
		/* There is room again: nobody else is asked, or goes. */
		knock(six, 3);
		assert_int_equal(asked(&r), 0);
		teardown(state);
		setup(state);
		world.agent.config->max_peers = MAX;
	}
}

/* A crowd that comes in one go is one before its SAs are all in force. */
static void test_together(void **state)
{
	struct record r;

	(void)state;
	world.agent.config->max_peers = MAX;
	fill(false, 2, 5, IKE_AUTH_NULL);
	for (unsigned i = 1; i <= 11; i++)
		child_up(host(false, 1, i), false, 0x9000 + 2 * i, false);
	assert_int_equal(asked(&r), 4);
	assert_int_equal(r.flow.remote.bytes[2], 1);
	answer(&r, LIMIT_IDLER_IDLE_S, false);
	assert_int_equal(evicted(), 0);
}

/* Who has proven who it is, and who must not be in the clear. */
static void test_stay(void **state)
{
	struct record r;

	(void)state;
	world.agent.config->max_peers = MAX;
	fill(false, 1, MAX - 1, IKE_AUTH_SIGNATURE);
	secure("10.3.0.1", 0x8000);
	assert_int_equal(asked(&r), 0);
	knock(false, 2);
	assert_int_equal(asked(&r), 0);
	assert_true(negotiation_is_full(&world.agent));
}

static void test_full(void **state)
{
	struct endpoint one = { at("10.1.2.1"), 500 },
			known = { at("10.1.1.1"), 500 },
			six = { at("fd01:0:2::1"), 500 };
	struct agent *a = &world.agent;

	(void)state;
	a->config->max_peers = MAX;
	fill(false, 1, MAX - 1, IKE_AUTH_SIGNATURE);
	assert_int_equal(negotiation_admit(a, &one, false), IKE_ADMIT);
	fill(true, 1, 1, IKE_AUTH_SIGNATURE);
	assert_int_equal(negotiation_admit(a, &one, false), IKE_PROVE);
	assert_int_equal(negotiation_admit(a, &one, true), IKE_IGNORE);
	assert_int_equal(negotiation_admit(a, &six, true), IKE_IGNORE);
	/* It has lost its SAs, and its place is still there. */
	assert_int_equal(negotiation_admit(a, &known, false), IKE_ADMIT);
	acquire("10.1.2.1", 7, false);
	expect_state("10.1.2.1", FLOW_HOLDDOWN);
	acquire("10.3.0.1", 8, true);
	expect_state("10.3.0.1", FLOW_BLOCKED);
	assert_int_equal(world.initiated, 0);
	assert_int_equal(a->counters.peers_refused, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_gives_way, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_together, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stay, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
