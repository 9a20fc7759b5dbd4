/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* agent/leases.c: who is given which address, and who none. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/negotiation-world.h"

static struct agent *agent(void)
{
	return &world.agent;
}

static int begin(void **state)
{
	int r = setup(state);

	return r < 0 ? r : leases_start(agent());
}

/* Four addresses, of which two can be leased. */
static void make_small(void)
{
	struct address_pool *p = &agent()->config->pools.list[0];

	p->n_networks = 1;
	assert_int_equal(prefix_parse("100.64.0.0/30", &p->networks[0]), 0);
	leases_on_policies(agent());
}

/* By an anonymous peer, or by one that has proven an address of its own. */
static int grant_as(const char *from, uint16_t port, const char *id,
		    const char *wanted, struct addr *ret)
{
	struct endpoint remote = { at(from), port };
	struct addr want = { 0 }, who = at(id ? id : from);
	struct ike_proof peer = { .method = id ? IKE_AUTH_SIGNATURE
					       : IKE_AUTH_NULL };

	if (id)
		peer.id = ike_identity_of_addr(&who);
	if (wanted)
		want = at(wanted);
	return leases_grant(agent(), &remote, &peer, remote.addr.family, &want,
			    ret);
}

static int grant(const char *from, struct addr *ret)
{
	return grant_as(from, 4500, NULL, NULL, ret);
}

static bool is_in(const struct addr *a, const char *network)
{
	struct prefix p;

	assert_int_equal(prefix_parse(network, &p), 0);
	return prefix_contains(&p, a);
}

static void test_grant(void **state)
{
	struct addr a, b, c, again;

	(void)state;
	assert_int_equal(grant("10.1.0.2", &a), 0);
	assert_true(is_in(&a, "100.64.0.0/10"));
	assert_int_equal(grant("fd01::2", &b), 0);
	assert_true(is_in(&b, "fd74:6163:6974::/64"));
	/* Of two behind one address each has its own. */
	assert_int_equal(grant("10.1.0.2", &c), 0);
	assert_false(addr_equal(&a, &c));
	/* Who comes back has the same, others another. */
	leases_release(agent(), &a);
	assert_int_equal(grant("10.1.0.3", &again), 0);
	assert_false(addr_equal(&again, &a));
	assert_int_equal(grant("10.1.0.2", &again), 0);
	assert_true(addr_equal(&again, &a));
	/* The name counts more than where it is used. */
	assert_int_equal(grant_as("10.1.0.9", 1, "10.1.0.77", NULL, &a), 0);
	leases_release(agent(), &a);
	assert_int_equal(grant_as("10.1.0.8", 2, "10.1.0.77", NULL, &again), 0);
	assert_true(addr_equal(&again, &a));
}

static void test_refused(void **state)
{
	static const char *const files[] = {
		"Name=no\nNetworks=10.1.0.0/16\nEncryption=offer\n"
		"AddressPool=no\n",
		"Name=transport\nNetworks=10.2.0.0/16\nEncryption=offer\n"
		"Mode=transport\n",
		"Name=forbid\nNetworks=10.3.0.0/16\nEncryption=forbid\n",
		"Name=allow\nNetworks=10.4.0.0/16\nEncryption=allow\n", NULL
	};
	struct addr a;

	(void)state;
	config_free(agent()->config);
	agent()->config = policies_of(files);
	assert_int_equal(grant("10.1.0.2", &a), 1);
	assert_int_equal(grant("10.2.0.2", &a), 1);
	assert_int_equal(grant("10.3.0.2", &a), 1);
	assert_int_equal(grant("10.9.0.2", &a), 1); /* no policy */
	assert_int_equal(grant("10.4.0.2", &a), 0);
}

/* All are leased: refused, counted and told; one that is back is leased again. */
static void test_exhausted(void **state)
{
	struct pool_counters count;
	struct addr a, b, c;

	(void)state;
	make_small();
	assert_null(leases_warning(agent()));
	assert_int_equal(grant("10.1.0.2", &a), 0);
	assert_int_equal(grant("10.1.0.3", &b), 0);
	assert_int_equal(grant("10.1.0.4", &c), -ENOSPC);
	assert_int_equal(grant("fd01::4", &c), 1); /* it has no network there */
	leases_count(agent(), &count);
	assert_int_equal(count.leased, 2);
	assert_int_equal(count.refused, 1);
	assert_non_null(strstr(leases_warning(agent()), "pool default"));
	leases_release(agent(), &b);
	assert_int_equal(grant("10.1.0.4", &c), 0);
	assert_true(addr_equal(&c, &b));
	world.now += 700000;
	assert_null(leases_warning(agent()));
}

/* Not what is on a link of ours. */
static void test_link(void **state)
{
	struct record_address x = { .addr = at("100.64.0.1"),
				    .prefix_len = 30 };
	struct addr a;

	(void)state;
	make_small();
	leases_on_address(agent(), &x);
	leases_on_address(agent(), &x);
	assert_int_equal(grant("10.1.0.2", &a), -ENOSPC);
	x.gone = 1;
	leases_on_address(agent(), &x);
	assert_int_equal(grant("10.1.0.2", &a), 0);
}

/* An earlier agent's peer asks for what its SAs have. */
static void test_adopted(void **state)
{
	struct record_orphan o = { .local = at("10.0.0.1"),
				   .remote = at("100.64.0.1"),
				   .outer = at("10.1.0.7"),
				   .reqid = RECORD_REQID_MIN + 9,
				   .spi_in = 0x4000,
				   .spi_out = 0x4001,
				   .last = 1 };
	struct addr a;

	(void)state;
	make_small();
	negotiation_on_orphan(agent(), &o);
	assert_true(leases_know(agent(), &o.remote));
	/* Nobody else gets it, by its name or without. */
	assert_int_equal(grant_as("10.1.0.8", 1, NULL, "100.64.0.1", &a), 0);
	assert_false(addr_equal(&a, &o.remote));
	assert_int_equal(grant("10.1.0.9", &a), -ENOSPC);
	assert_int_equal(grant_as("10.1.0.7", 1, NULL, "100.64.0.1", &a), 0);
	assert_true(addr_equal(&a, &o.remote));
	/* It has them by its own SAs now. */
	world.outer = at("10.1.0.7");
	child_up("100.64.0.1", false, 0x5000, false);
	leases_release(agent(), &a);
	assert_int_equal(grant("10.1.0.7", &a), 0);
	assert_true(addr_equal(&a, &o.remote));
}

/* Their end without anybody coming back. */
static void test_orphan_ends(void **state)
{
	struct record_expire x = { .local = at("10.0.0.1"),
				   .remote = at("100.64.0.1"),
				   .reqid = RECORD_REQID_MIN + 9,
				   .spi = 0x4000,
				   .inbound = 1,
				   .hard = 1 };
	struct record_orphan o = { .local = x.local,
				   .remote = x.remote,
				   .outer = at("10.1.0.7"),
				   .reqid = x.reqid,
				   .spi_in = 0x4000,
				   .last = 1 };

	(void)state;
	make_small();
	negotiation_on_orphan(agent(), &o);
	assert_true(leases_know(agent(), &o.remote));
	negotiation_on_expire(agent(), &x);
	assert_false(leases_know(agent(), &o.remote));
}

/* A packet to a lease without SAs is for nobody. */
static void test_acquire(void **state)
{
	char text[ADDR_STRLEN];
	struct addr a;

	(void)state;
	assert_int_equal(grant("10.1.0.2", &a), 0);
	leases_release(agent(), &a);
	acquire(addr_format(&a, text), 7, false);
	assert_int_equal(sent(RECORD_VERDICT)->verdict.verdict, RECORD_BLOCK);
	assert_null(flow_of(text));
	assert_int_equal(world.initiated, 0);
}

/* One with SAs is none of these: somebody has flushed its policies. */
static void test_acquire_secured(void **state)
{
	char text[ADDR_STRLEN];
	struct addr a;

	(void)state;
	world.outer = at("10.1.0.2");
	assert_int_equal(grant("10.1.0.2", &a), 0);
	addr_format(&a, text);
	child_up(text, false, 0x5000, false);
	sent(RECORD_INSTALL);
	acquire(text, 7, false);
	assert_int_equal(world.n_sent, 0);
	assert_int_equal(flow_of(text)->state, FLOW_INSTALL);
}

/* Nor is anybody begun with there on request. */
static void test_connect(void **state)
{
	static const char *const files[] = {
		"Name=wait\nNetworks=0.0.0.0/0\nEncryption=offer\nWait=yes\n",
		NULL
	};
	struct addr a, local = at("10.0.0.1");
	struct flow *f;

	(void)state;
	config_free(agent()->config);
	agent()->config = policies_of(files);
	assert_int_equal(grant("10.1.0.2", &a), 0);
	leases_release(agent(), &a);
	assert_int_equal(negotiation_connect(agent(), &local, &a, &f), 0);
	assert_int_equal(world.initiated, 0);
	assert_int_equal(f->state, FLOW_BLOCKED);
	assert_int_equal(sent(RECORD_VERDICT)->verdict.verdict, RECORD_BLOCK);
}

/* Somebody has it, by an SA that lives; from elsewhere it is given to nobody but
 * the one that has proven who it is. */
static void test_moved(void **state)
{
	char text[ADDR_STRLEN];
	struct addr a, b, id = at("10.1.0.77");

	(void)state;
	world.described = true;
	world.method = IKE_AUTH_SIGNATURE;
	world.id = ike_identity_of_addr(&id);
	world.from = (struct endpoint){ at("10.1.0.2"), 4500 };
	world.outer = world.from.addr;
	assert_int_equal(grant_as("10.1.0.2", 4500, "10.1.0.77", NULL, &a), 0);
	child_up(addr_format(&a, text), false, 0x5000, false);
	assert_int_equal(grant_as("10.1.0.3", 9, "10.1.0.78", text, &b), 0);
	assert_false(addr_equal(&a, &b));
	assert_int_equal(grant_as("10.1.0.3", 9, NULL, text, &b), 0);
	assert_false(addr_equal(&a, &b));
	assert_int_equal(grant_as("10.1.0.3", 9, "10.1.0.77", text, &b), 0);
	assert_true(addr_equal(&a, &b));
	/* Nobody has proven anything: the endpoint counts. */
	world.method = IKE_AUTH_NULL;
	world.id = (struct ike_identity){ 0 };
	assert_int_equal(grant_as("10.1.0.3", 9, "10.1.0.77", text, &b), 0);
	assert_false(addr_equal(&a, &b));
}

/* Its IKE SA has shown where an anonymous one is now. */
static void test_moved_anonymous(void **state)
{
	struct endpoint there = { at("10.1.0.3"), 9 };
	struct ike_proof nobody = { .method = IKE_AUTH_NULL };
	char text[ADDR_STRLEN];
	struct addr a, b;

	(void)state;
	assert_int_equal(grant("10.1.0.2", &a), 0);
	addr_format(&a, text);
	leases_on_moved(agent(), &a, &there, &nobody);
	leases_release(agent(), &a);
	assert_int_equal(grant_as("10.1.0.2", 4500, NULL, text, &b), 0);
	assert_false(addr_equal(&a, &b));
	assert_int_equal(grant_as("10.1.0.3", 10, NULL, text, &b), 0);
	assert_true(addr_equal(&a, &b));
}

/* Pools that stay keep what they know. */
static void test_reload(void **state)
{
	struct address_pool *p = &agent()->config->pools.list[0];
	struct addr a, b;

	(void)state;
	assert_int_equal(grant("10.1.0.2", &a), 0);
	assert_int_equal(grant("fd01::2", &b), 0);
	leases_release(agent(), &a);
	leases_release(agent(), &b);
	p->n_networks = 1;
	leases_on_policies(agent());
	assert_true(leases_know(agent(), &a));
	assert_false(leases_know(agent(), &b));
	p->n_networks = 2;
	leases_on_policies(agent());
	assert_true(leases_know(agent(), &a));
	assert_int_equal(grant("fd01::2", &b), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_grant, begin, teardown),
		cmocka_unit_test_setup_teardown(test_refused, begin, teardown),
		cmocka_unit_test_setup_teardown(test_exhausted, begin,
						teardown),
		cmocka_unit_test_setup_teardown(test_link, begin, teardown),
		cmocka_unit_test_setup_teardown(test_adopted, begin, teardown),
		cmocka_unit_test_setup_teardown(test_orphan_ends, begin,
						teardown),
		cmocka_unit_test_setup_teardown(test_acquire, begin, teardown),
		cmocka_unit_test_setup_teardown(test_acquire_secured, begin,
						teardown),
		cmocka_unit_test_setup_teardown(test_connect, begin, teardown),
		cmocka_unit_test_setup_teardown(test_moved, begin, teardown),
		cmocka_unit_test_setup_teardown(test_moved_anonymous, begin,
						teardown),
		cmocka_unit_test_setup_teardown(test_reload, begin, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
