/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Flows with a peer behind a lease of ours, and from behind one of a peer's. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <netinet/in.h>

#include "agent/negotiation-internal.h"
#include "tests/unit/negotiation-world.h"
#include "xfrm/kernel.h"

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

/* The address that it is behind is knocked at by programs alone, and no longer
 * than there is a lease there. */
static void test_hidden(void **state)
{
	struct record_acquire q = { .local = at("10.0.0.1"),
				    .remote = at(OUTER),
				    .seq = 7,
				    .reqid = KERNEL_TRAP_REQID,
				    .protocol = IPPROTO_TCP,
				    .local_port = 443,
				    .remote_port = 40000 };

	test_server(state);
	negotiation_on_acquire(&world.agent, &q);
	assert_int_equal(world.initiated, 0);
	assert_null(flow_of(OUTER));
	assert_int_equal(world.n_sent, 0);
	q.held = 1;
	negotiation_on_acquire(&world.agent, &q);
	assert_int_equal(sent(RECORD_VERDICT)->verdict.verdict, RECORD_CLEAR);
	q.held = 0;
	q.local_port = 50000;
	negotiation_on_acquire(&world.agent, &q);
	assert_int_equal(world.initiated, 1);
	negotiation_lost(&world.agent, flow_of(LEASE), IKE_REASON_CLOSED);
	assert_false(flow_table_hides(world.agent.flows, &q.remote));
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
	assert_int_equal(leases_start(&world.agent), 0);
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
	/* It is no good here, for it is ours: the next time without. */
	world.agent.kernel = RECORD_HAS_TRANSLATION;
	reply("10.1.0.2", RECORD_INSTALL, -EINVAL);
	assert_true(flow_of("10.1.0.2")->lease_at > world.now);
}

/* Whom we ask, by policy and by what the kernel can. */
static void test_wish(void **state)
{
	static const char *const files[] = {
		"Name=offer\nNetworks=10.1.0.0/16\nEncryption=offer\n",
		"Name=wait\nNetworks=10.2.0.0/16\nEncryption=offer\n"
		"Wait=yes\n",
		"Name=require\nNetworks=10.3.0.0/16\nEncryption=require\n",
		"Name=yes\nNetworks=10.4.0.0/16\nEncryption=offer\n"
		"ClientAddressTranslation=yes\n",
		"Name=no\nNetworks=10.5.0.0/16\nEncryption=require\n"
		"ClientAddressTranslation=no\n",
		"Name=mode\nNetworks=10.6.0.0/16\nEncryption=require\n"
		"Mode=transport\n",
		NULL
	};
	static const struct {
		const char *peer;
		enum ike_lease_wish wish;
		bool connections;
	} rows[] = {
		{ "10.1.0.1", IKE_LEASE_NONE, false },
		{ "10.1.0.2", IKE_LEASE_ANONYMOUS, true },
		{ "10.2.0.1", IKE_LEASE_ANONYMOUS, false },
		{ "10.3.0.1", IKE_LEASE_ANONYMOUS, false },
		{ "10.4.0.1", IKE_LEASE_ALWAYS, false },
		{ "10.5.0.1", IKE_LEASE_NONE, true },
		{ "10.6.0.1", IKE_LEASE_NONE, true },
	};
	struct config *before = world.agent.config;

	(void)state;
	world.agent.config = policies_of(files);
	acquire("10.3.0.9", 1, false);
	assert_int_equal(world.wish, IKE_LEASE_NONE);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		world.agent.kernel =
			RECORD_HAS_TRANSLATION |
			(rows[i].connections ? RECORD_HAS_CONNECTIONS : 0u);
		acquire(rows[i].peer, 1, false);
		assert_int_equal(world.wish, rows[i].wish);
	}
	assert_int_equal(world.initiated, 8);
	/* A host that forwards asks where policy says so, and else nobody. */
	world.agent.netd.forwards = 1;
	acquire("10.3.0.2", 1, false);
	assert_int_equal(world.wish, IKE_LEASE_NONE);
	acquire("10.4.0.2", 1, false);
	assert_int_equal(world.wish, IKE_LEASE_ALWAYS);
	world.agent.netd.forwards = 2;
	acquire("10.3.0.3", 1, false);
	assert_int_equal(world.wish, IKE_LEASE_ANONYMOUS);
	world.agent.netd.forwards = 0;
	config_free(before);
}

/* Who gives none is tried without, at once and in the same place, and is asked
 * again only much later. */
static void test_without(void **state)
{
	static const char peer[] = "10.3.0.1";
	struct addr other = at("10.0.0.9"), remote = at(peer);
	struct ike_request req = { 0 };
	struct flow *f2;
	struct ike_failed f = { .initiator = true,
				.local = { local_of(peer), 500 },
				.remote = { at(peer), 500 },
				.host = at(peer),
				.reason = IKE_REASON_MODE,
				.lease = true };

	(void)state;
	world.agent.kernel = RECORD_HAS_TRANSLATION;
	acquire(peer, 7, true);
	assert_int_equal(world.wish, IKE_LEASE_ANONYMOUS);
	negotiation_on_failed(&world.agent, flow_of(peer)->attempt, &f);
	assert_int_equal(world.initiated, 2);
	assert_int_equal(world.wish, IKE_LEASE_NONE);
	expect_state(peer, FLOW_NEGOTIATE);
	assert_int_equal(world.n_sent, 0);
	assert_true(flow_of(peer)->held);
	/* That one failed by itself. */
	f.lease = false;
	negotiation_on_failed(&world.agent, flow_of(peer)->attempt, &f);
	expect_state(peer, FLOW_BLOCKED);
	sent(RECORD_VERDICT);
	pass(5000);
	sent(RECORD_VERDICT);
	acquire(peer, 8, true);
	assert_int_equal(world.wish, IKE_LEASE_NONE);
	/* No more attempts are under way than there are. */
	child_up(peer, true, 0x4000, false);
	assert_true(handle_is_none(flow_of(peer)->attempt));
	sent(RECORD_INSTALL);
	/* Those who talk would lose their connections. */
	flow_of(peer)->lease_at = world.now;
	flow_of(peer)->renew = true;
	negotiation_begin(&world.agent, flow_of(peer));
	assert_int_equal(world.wish, IKE_LEASE_NONE);
	failed(peer, IKE_REASON_UNANSWERED);
	flow_of(peer)->lease = at(LEASE);
	flow_of(peer)->renew = true;
	negotiation_begin(&world.agent, flow_of(peer));
	assert_int_equal(world.wish, IKE_LEASE_ANONYMOUS);
	/* By name: the one that it had. */
	assert_true(is(&world.wished, LEASE));
	/* From another address of ours, once the old one has no SAs. */
	assert_int_equal(flow_table_obtain(world.agent.flows, &other, &remote,
					   world.now, &f2),
			 0);
	f2->policy = flow_of(peer)->policy;
	assert_false(addr_equal(&f2->local, &flow_of(peer)->local));
	negotiation_wish(&world.agent, f2, &req);
	assert_int_equal(req.leased.family, 0);
	memset(&flow_of(peer)->child, 0, sizeof(flow_of(peer)->child));
	negotiation_wish(&world.agent, f2, &req);
	assert_true(is(&req.leased, LEASE));
}

/* It was in the clear meanwhile, and there may be connections. */
static void test_late(void **state)
{
	static const char *const peers[] = { "10.2.0.1", "10.3.0.1" };

	(void)state;
	world.agent.kernel = RECORD_HAS_TRANSLATION;
	for (size_t i = 0; i < 2; i++) {
		acquire(peers[i], 1, true);
		assert_int_equal(world.wish, IKE_LEASE_ANONYMOUS);
		failed(peers[i], IKE_REASON_UNANSWERED);
		sent(RECORD_VERDICT);
		pass(5000);
		sent(RECORD_VERDICT);
		acquire(peers[i], 2, true);
		assert_int_equal(world.wish,
				 i ? IKE_LEASE_ANONYMOUS : IKE_LEASE_NONE);
	}
}

/* What began in the clear can stay so, what began in ESP without a lease cannot
 * go by one. */
static void test_bare(void **state)
{
	static const char peer[] = "10.2.0.1";

	(void)state;
	world.agent.kernel = RECORD_HAS_TRANSLATION | RECORD_HAS_CONNECTIONS;
	acquire(peer, 1, true);
	failed(peer, IKE_REASON_UNANSWERED);
	sent(RECORD_VERDICT);
	pass(5000);
	sent(RECORD_VERDICT);
	acquire(peer, 2, true);
	assert_int_equal(world.wish, IKE_LEASE_ANONYMOUS);
	child_up(peer, true, 0x4000, false);
	sent(RECORD_INSTALL);
	child_down(peer, 0x4000);
	acquire(peer, 3, true);
	assert_int_equal(world.wish, IKE_LEASE_NONE);
}

static void began(uint32_t first, uint16_t port, uint32_t n)
{
	struct record_began b = { .local = local_of("10.1.0.2"),
				  .remote = at("10.1.0.2"),
				  .first = first,
				  .n = n };

	for (uint32_t i = 0; i < n; i++)
		b.list[i] =
			(struct record_connection){ IPPROTO_TCP,
						    (uint16_t)(port + i), 443 };
	began_on_record(&world.agent, &b);
}

static bool has(const struct flow *f, uint8_t protocol, uint16_t port)
{
	struct socket_info s = { .protocol = protocol,
				 .local = { .port = port },
				 .remote = { .port = 443 } };

	return began_has(&f->began, &s);
}

/* What netd says that is in the clear, in as many records as it takes. */
static void test_began(void **state)
{
	const struct flow *f;

	test_client(state);
	f = flow_of("10.1.0.2");
	began(1, 1000, RECORD_BEGAN_MAX);
	began(0, 2000, 2);
	assert_int_equal(f->began.n, RECORD_BEGAN_MAX + 2);
	assert_true(has(f, IPPROTO_TCP, 1000) && has(f, IPPROTO_TCP, 2001));
	assert_false(has(f, IPPROTO_UDP, 1000) || has(f, IPPROTO_TCP, 2002));
	for (int i = 0; i < 20; i++)
		began(0, 3000, RECORD_BEGAN_MAX);
	assert_true(f->began.n <= LIMIT_CONNECTIONS_PAIR);
	began(1, 0, 0);
	assert_int_equal(f->began.n, 0);
	began(1, 1000, 1);
	negotiation_lost(&world.agent, flow_of("10.1.0.2"), IKE_REASON_CLOSED);
	assert_int_equal(f->began.n, 0);
}

/* The second attempt could not even begin. */
static void test_without_memory(void **state)
{
	struct ike_failed f = { .initiator = true,
				.local = { local_of("10.2.0.1"), 500 },
				.remote = { at("10.2.0.1"), 500 },
				.host = at("10.2.0.1"),
				.reason = IKE_REASON_MODE,
				.lease = true };

	(void)state;
	world.agent.kernel = RECORD_HAS_TRANSLATION;
	acquire("10.2.0.1", 7, true);
	world.initiate_error = -ENOMEM;
	negotiation_on_failed(&world.agent, flow_of("10.2.0.1")->attempt, &f);
	expect_state("10.2.0.1", FLOW_CLEAR);
	sent(RECORD_VERDICT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_server, setup, teardown),
		cmocka_unit_test_setup_teardown(test_never_begun, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_hidden, setup, teardown),
		cmocka_unit_test_setup_teardown(test_moved, setup, teardown),
		cmocka_unit_test_setup_teardown(test_elsewhere, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_orphan, setup, teardown),
		cmocka_unit_test_setup_teardown(test_client, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wish, setup, teardown),
		cmocka_unit_test_setup_teardown(test_without, setup, teardown),
		cmocka_unit_test_setup_teardown(test_late, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bare, setup, teardown),
		cmocka_unit_test_setup_teardown(test_began, setup, teardown),
		cmocka_unit_test_setup_teardown(test_without_memory, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
