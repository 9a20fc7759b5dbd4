/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Flows with hosts behind gateways that DNS names. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/negotiation-internal.h"
#include "tests/unit/negotiation-world.h"
#include "util/limits.h"

/* For IPv4 and IPv6: a host under Encryption=offer, one whose key is looked up
 * first, one of a require network; a gateway, and another. */
static const struct family {
	const char *host, *dns, *require, *gateway, *other;
} families[] = {
	{ "10.1.0.9", "10.8.0.9", "10.3.0.9", "10.1.9.1", "10.1.9.2" },
	{ "fd01::9", "fd08::9", "fd03::9", "fd01:9::1", "fd01:9::2" },
};

static bool is(const struct addr *a, const char *text)
{
	struct addr want = at(text);

	return addr_equal(a, &want);
}

static struct ike_identify asked(const char *host, const char *end)
{
	return (struct ike_identify){ .initiator = true,
				      .local = { local_of(host), 500 },
				      .remote = { at(end), 500 },
				      .host = at(host) };
}

static struct key_way way_of(const char *gateway, const char *next)
{
	struct key_way w = { .more = next != NULL };

	if (gateway)
		w.gateway = at(gateway);
	if (next && *next)
		w.next = at(next);
	return w;
}

/* What the key is that an attempt with end asks for; true: it is another way,
 * and the attempt has ended. */
static bool told(const char *host, const char *end, const struct key_way *w)
{
	struct handle sa = flow_of(host)->attempt;
	struct ike_identify q = asked(host, end);
	struct ike_failed f = { .initiator = true,
				.local = q.local,
				.remote = q.remote,
				.host = q.host,
				.reason = IKE_REASON_CLOSED };

	if (!negotiation_turn(&world.agent, sa, &q, w))
		return false;
	negotiation_on_failed(&world.agent, sa, &f);
	return true;
}

static void assert_toward(const char *end, const char *host)
{
	assert_true(is(&world.toward, end));
	if (host)
		assert_true(is(&world.host, host));
	else
		assert_int_equal(world.host.family, 0);
}

static void up(const char *host, const char *gateway, uint32_t spi)
{
	world.gateway = true;
	world.outer = at(gateway);
	child_up_by(host, true, spi, false, IKE_AUTH_SIGNATURE);
}

/* Its key was looked up beside IKE, with the host itself. */
static void test_turn(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const struct family *x = &families[i];
		struct key_way w = way_of(x->gateway, NULL);
		const struct record *r;
		struct flow *f;

		acquire(x->host, 7, false);
		assert_toward(x->host, NULL);
		world.initiated = 0;
		assert_true(told(x->host, x->host, &w));
		assert_int_equal(world.initiated, 1);
		assert_toward(x->gateway, x->host);
		expect_state(x->host, FLOW_NEGOTIATE);
		/* That one is by the way that it should be. */
		assert_false(told(x->host, x->gateway, &w));
		up(x->host, x->gateway, 0x4000 + (uint32_t)i * 16);
		f = flow_of(x->host);
		assert_true(f->behind);
		assert_true(is(flow_host(f), x->host));
		r = sent(RECORD_INSTALL);
		assert_true(is(&r->install.remote, x->host));
		assert_true(is(&r->install.outer, x->gateway));
		assert_int_equal(r->install.tunnel, 1);
		assert_int_equal(r->install.acquire_seq, 7);
		/* What is under way in the clear is that host's own. */
		assert_int_equal(r->install.flags, RECORD_IN_OPTIONAL);
		reply(x->host, RECORD_INSTALL, 0);
		pass(250);
		sent(RECORD_HARDEN);
		reply(x->host, RECORD_HARDEN, 0);
		expect_state(x->host, FLOW_SECURED);
		/* Renewed the same way, and judged by its own policy. */
		f->renew = true;
		negotiation_begin(&world.agent, f);
		assert_toward(x->gateway, x->host);
		assert_string_equal(f->policy->name, "offer");
	}
}

/* Discover=dns: it is known before IKE begins. */
static void test_discovered(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const struct family *x = &families[i];
		struct key_verdict v = { .way = way_of(x->gateway, NULL) };

		world.verdict = v;
		acquire(x->dns, 1, false);
		assert_toward(x->gateway, x->dns);
		failed(x->dns, IKE_REASON_AUTH);
		/* And when it comes later. */
		pass(5000);
		world.verdict.found = -EINPROGRESS;
		acquire(x->dns, 2, false);
		expect_state(x->dns, FLOW_LOOKUP);
		negotiation_on_discovered(&world.agent, flow_of(x->dns)->self,
					  &v);
		assert_toward(x->gateway, x->dns);
	}
}

/* What fails is followed by the next way, in its place. */
static void test_next(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const struct family *x = &families[i];
		struct key_way first = way_of(x->gateway, x->other),
			       second = way_of(x->other, ""),
			       third = way_of(NULL, NULL);

		world.verdict = (struct key_verdict){ .way = first };
		acquire(x->dns, 1, false);
		assert_false(told(x->dns, x->gateway, &first));
		failed(x->dns, IKE_REASON_AUTH);
		assert_toward(x->other, x->dns);
		assert_int_equal(flow_of(x->dns)->way, 1);
		assert_false(told(x->dns, x->other, &second));
		failed(x->dns, IKE_REASON_UNANSWERED);
		assert_toward(x->dns, NULL);
		assert_int_equal(flow_of(x->dns)->way, 2);
		assert_false(told(x->dns, x->dns, &third));
		expect_state(x->dns, FLOW_NEGOTIATE);
		failed(x->dns, IKE_REASON_UNANSWERED);
		expect_state(x->dns, FLOW_HOLDDOWN);
		assert_int_equal(world.n_sent, 0);
		/* From the beginning, but for who has not answered: that was no
		 * host's own fault. */
		pass(5000);
		acquire(x->dns, 1, false);
		assert_toward(x->gateway, x->dns);
		assert_int_equal(flow_of(x->dns)->way, 0);
		failed(x->dns, IKE_REASON_AUTH);
	}
}

/* One that does not answer is left alone, for all hosts behind it. */
static void test_rest(void **state)
{
	struct key_way w = way_of("10.1.9.1", NULL);

	(void)state;
	world.verdict = (struct key_verdict){ .way = w };
	acquire("10.8.0.1", 1, false);
	failed("10.8.0.1", IKE_REASON_UNANSWERED);
	world.initiated = 0;
	for (unsigned i = 2; i < 6; i++) {
		char host[] = "10.8.0.x";

		host[7] = (char)('0' + i);
		acquire(host, 1, false);
		expect_state(host, FLOW_HOLDDOWN);
		assert_int_equal(flow_of(host)->reason, IKE_REASON_UNANSWERED);
	}
	/* Nor beside IKE with the host. */
	acquire("10.1.0.9", 1, false);
	assert_int_equal(world.initiated, 1);
	assert_true(told("10.1.0.9", "10.1.0.9", &w));
	assert_int_equal(world.initiated, 1);
	expect_state("10.1.0.9", FLOW_HOLDDOWN);
	assert_int_equal(flow_of("10.1.0.9")->reason, IKE_REASON_UNANSWERED);
	/* Until the world has changed. */
	negotiation_on_resumed(&world.agent);
	acquire("10.8.0.7", 1, false);
	assert_toward("10.1.9.1", "10.8.0.7");
}

/* What goes to a gateway counts as going there: a victim is not knocked at for
 * every address of a zone. */
static void test_admission(void **state)
{
	unsigned n = 0;

	(void)state;
	world.verdict = (struct key_verdict){ .way = way_of("10.1.9.1", NULL) };
	for (unsigned i = 0; i < 4 * LIMIT_INITIATE_PREFIX; i++) {
		char host[32];

		/* Each of another prefix. */
		snprintf(host, sizeof(host), "10.8.%u.1", i % 256);
		acquire(host, 1, false);
		n += flow_of(host)->state == FLOW_NEGOTIATE;
		/* Refused in another way: nobody rests for that. */
		failed(host, IKE_REASON_AUTH);
	}
	assert_int_equal(n, LIMIT_INITIATE_PREFIX);
	assert_int_equal(world.initiated, n);
}

/* DNS that says something else each time is listened to for a while. */
static void test_flapping(void **state)
{
	struct key_way one = way_of("10.1.9.1", NULL),
		       two = way_of("10.1.9.2", NULL);
	const char *end = "10.1.0.9";
	unsigned n = 0;

	(void)state;
	acquire("10.1.0.9", 1, false);
	while (flow_of("10.1.0.9")->state == FLOW_NEGOTIATE) {
		struct key_way *w = n % 2 ? &two : &one;

		assert_true(n++ < 100);
		assert_true(told("10.1.0.9", end, w));
		end = n % 2 ? "10.1.9.1" : "10.1.9.2";
	}
	assert_int_equal(n, LIMIT_GATEWAY_TURNS + 1);
	expect_state("10.1.0.9", FLOW_HOLDDOWN);
}

/* Which gateways there may be: policy says, and what is ours is none. */
static void test_may(void **state)
{
	static const struct {
		const char *host, *gateway;
		bool may;
	} rows[] = {
		{ "10.1.0.9", "10.1.9.1", true },
		{ "fd01::9", "fd01:9::1", true },
		/* Another network is fine, if it may be spoken to. */
		{ "10.1.0.9", "10.8.0.1", true },
		{ "10.1.0.9", "10.4.0.1", true },
		{ "10.1.0.9", "10.3.0.1", false },
		{ "10.1.0.9", "10.5.0.1", false },
		{ "10.1.0.9", "10.6.0.1", false },
		{ "10.1.0.9", "192.0.2.1", false },
		/* By default no network that is closed has any. */
		{ "10.3.0.9", "10.1.9.1", false },
		{ "10.3.0.9", "10.3.9.1", false },
		{ "10.4.0.9", "10.1.9.1", false },
		{ "10.1.0.9", "127.0.0.1", false },
		{ "10.1.0.9", "224.0.0.1", false },
		{ "10.1.0.9", "0.0.0.0", false },
		{ "10.1.0.9", "169.254.0.1", false },
		{ "fd01::9", "fe80::1", false },
		{ "fd01::9", "::1", false },
		{ "fd01::9", "ff02::1", false },
		{ "10.1.0.9", "10.1.0.1", false }, /* our own */
	};
	struct record_address own = { .addr = at("10.1.0.1"),
				      .prefix_len = 32 };

	(void)state;
	leases_on_address(&world.agent, &own);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct addr host = at(rows[i].host), g = at(rows[i].gateway);

		print_message("%s %s\n", rows[i].host, rows[i].gateway);
		assert_int_equal(
			negotiation_may_gateway(
				&world.agent,
				policy_table_lookup(
					world.agent.config->policies, &host),
				&g),
			rows[i].may);
	}
}

/* Gateway=no, where it was yes: the flow goes; and where its own network is
 * closed. */
static void test_reload(void **state)
{
	static const char *const files[][3] = {
		{ "Name=offer\nNetworks=10.1.0.0/16\nEncryption=offer\n"
		  "Gateway=no\n",
		  NULL },
		{ "Name=offer\nNetworks=10.1.0.0/16\nEncryption=offer\n",
		  "Name=gone\nNetworks=10.1.9.0/24\nEncryption=block\n", NULL },
		{ "Name=offer\nNetworks=10.1.0.0/16\nEncryption=offer\n",
		  "Name=other\nNetworks=10.1.9.0/24\nEncryption=allow\n",
		  NULL },
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct key_way w = way_of("10.1.9.1", NULL);
		struct config *before;

		setup(state);
		acquire("10.1.0.9", 7, false);
		assert_true(told("10.1.0.9", "10.1.0.9", &w));
		up("10.1.0.9", "10.1.9.1", 0x4000);
		sent(RECORD_INSTALL);
		world.described = true;
		world.method = IKE_AUTH_SIGNATURE;
		before = world.agent.config;
		world.agent.config = policies_of(files[i]);
		negotiation_on_policies(&world.agent, before);
		config_free(before);
		if (i < 2) {
			sent(RECORD_REMOVE);
			expect_state("10.1.0.9", FLOW_IDLE);
			assert_int_equal(world.closed, 1);
			assert_false(flow_of("10.1.0.9")->behind);
		} else {
			assert_int_equal(world.n_sent, 0);
			expect_state("10.1.0.9", FLOW_INSTALL);
		}
		teardown(state);
	}
}

/* It outlived its agent. */
static void test_orphan(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const struct family *x = &families[i];
		struct record_orphan o = { .local = local_of(x->host),
					   .remote = at(x->host),
					   .outer = at(x->gateway),
					   .reqid = RECORD_REQID_MIN + 9 +
						    (uint32_t)i,
					   .spi_in = 0x4000,
					   .spi_out = 0x4001,
					   .last = 1 };

		world.initiated = 0;
		negotiation_on_orphan(&world.agent, &o);
		expect_state(x->host, FLOW_SECURED);
		assert_true(flow_of(x->host)->behind);
		assert_int_equal(world.initiated, 1);
		assert_toward(x->gateway, x->host);
		up(x->host, x->gateway, 0x5000);
		assert_int_equal(sent(RECORD_INSTALL)->install.reqid, o.reqid);
	}
}

/* The gateway is behind a NAT, and its port another one. */
static void test_moved(void **state)
{
	struct ike_moved m = { .local = { at("10.0.0.1"), 4500 },
			       .remote = { at("10.1.9.1"), 5000 } };
	const struct record *r;
	struct handle sa;

	(void)state;
	acquire("10.1.0.9", 7, false);
	up("10.1.0.9", "10.1.9.1", 0x4000);
	sent(RECORD_INSTALL);
	sa = flow_of("10.1.0.9")->child.ike;
	negotiation_on_moved(&world.agent, sa, &m);
	r = sent(RECORD_MOVE);
	assert_true(is(&r->flow.remote, "10.1.0.9"));
	assert_int_equal(r->flow.udp_remote, 5000);
	m.remote.addr = at("10.1.0.9");
	negotiation_on_moved(&world.agent, sa, &m);
	assert_int_equal(world.n_sent, 0);
	assert_int_equal(world.closed, 1);
}

/* From the host itself to its gateway, and back: one way at a time. */
static void test_change(void **state)
{
	(void)state;
	secure("10.1.0.9", 0x4000);
	up("10.1.0.9", "10.1.9.1", 0x5000);
	sent(RECORD_REMOVE);
	assert_true(is(&sent(RECORD_INSTALL)->install.outer, "10.1.9.1"));
	world.gateway = false;
	world.outer = (struct addr){ 0 };
	child_up("10.1.0.9", false, 0x6000, false);
	sent(RECORD_REMOVE);
	assert_int_equal(sent(RECORD_INSTALL)->install.outer.family, 0);
	assert_false(flow_of("10.1.0.9")->behind);
}

/* A gateway is not asked for an address of its own. */
static void test_no_lease(void **state)
{
	struct key_way w = way_of("10.2.9.1", NULL);

	(void)state;
	world.agent.kernel = RECORD_HAS_TRANSLATION;
	acquire("10.2.0.9", 1, true);
	assert_int_equal(world.wish, IKE_LEASE_ANONYMOUS);
	assert_true(told("10.2.0.9", "10.2.0.9", &w));
	assert_int_equal(world.wish, IKE_LEASE_NONE);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_turn),	   T(test_discovered),
		T(test_next),	   T(test_rest),
		T(test_admission), T(test_flapping),
		T(test_may),	   T(test_orphan),
		T(test_change),	   T(test_no_lease),
		T(test_moved),	   cmocka_unit_test(test_reload),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
