/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * agent/netd-ports.c: what policies for single ports put into the kernel, and
 * what they tell nftables.
 */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "agent/netd-networks.h"
#include "agent/netd-ports.h"
#include "tests/unit/netd-fake.h"

static const char *const lines[] = { "require 10.0.0.0/8 fd00::/8",
				     "forbid 9100/tcp 10.0.0.0/8 fd00::/8",
				     "block 25/tcp 10.0.0.0/8", NULL };
static const struct addr none;

#define MARK 0x800000u

static bool untaken(void *user, const struct kpolicy *place)
{
	(void)user;
	(void)place;
	return false;
}

/* The i-th place of a service of a network, for an address of ours. */
static struct kpolicy place_of(const char *own, const char *network,
			       uint16_t port, size_t i)
{
	struct addr a = fake_addr(own);
	struct prefix host = prefix_host(&a), net;
	struct kpolicy p = { .dir = i & 1 ? KDIR_IN : KDIR_OUT };
	const struct service s = { IPPROTO_TCP, port };

	assert_int_equal(prefix_parse(network, &net), 0);
	p.sel = p.dir == KDIR_OUT ? kselector_between(&host, &net)
				  : kselector_between(&net, &host);
	kselector_set_service(&p.sel, &s, (p.dir == KDIR_OUT) == !(i & 2));
	return p;
}

/* Out and in, the service at the peer and ours. */
static void test_four(void **state)
{
	static const struct {
		enum kdir dir;
		uint16_t sport, dport;
	} want[] = { { KDIR_OUT, 0, 9100 },
		     { KDIR_IN, 9100, 0 },
		     { KDIR_OUT, 9100, 0 },
		     { KDIR_IN, 0, 9100 } };
	struct netd_ports c = { .policies = fake_policies(lines),
				.mark = MARK };
	struct kpolicy p, found;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		p = place_of("fd00::1", "fd00::/8", 9100, i);
		/* What comes from there is let in as an answer. */
		p.mark = i == 1 ? MARK : 0;
		assert_int_equal(p.dir, want[i].dir);
		assert_int_equal(p.sel.sport, want[i].sport);
		assert_int_equal(p.sel.dport, want[i].dport);
		assert_true(netd_ports_want(&c, &p, &found));
		assert_int_equal(found.action, KACTION_PASS);
		assert_int_equal(found.priority, KPOLICY_PRIO_PORT_PASS);
		assert_true(kpolicy_is_ours(&found));
		assert_true(kselector_equal(&found.sel, &p.sel));
		/* Another network, port or mark is another place. */
		p.mark ^= 1;
		assert_false(netd_ports_want(&c, &p, &found));
		p.mark ^= 1;
		(i & 1 ? &p.sel.src : &p.sel.dst)->len = 9;
		assert_false(netd_ports_want(&c, &p, &found));
		p = place_of("10.0.0.1", "10.0.0.0/8", 25, i);
		assert_true(netd_ports_want(&c, &p, &found));
		assert_int_equal(found.action, KACTION_BLOCK);
		assert_true(found.priority < KPOLICY_PRIO_PORT_PASS);
	}
	assert_true(netd_ports_any(&c, AF_INET));
	assert_false(netd_ports_any(&c, AF_INET6));
	policy_table_free((struct policy_table *)c.policies);
}

static size_t with_port(const struct fake *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n_policies; i++)
		n += f->policies[i].priority == KPOLICY_PRIO_PORT_PASS ||
		     f->policies[i].priority == KPOLICY_PRIO_PORT_BLOCK ||
		     f->policies[i].priority == KPOLICY_PRIO_PORT_TRAP;
	return n;
}

/* Where nothing else needs a policy, a block does, and what is clear anyway
 * does not. */
static void test_alone(void **state)
{
	static const char *const tables[][3] = {
		{ "block 25/tcp 10.0.0.0/8" },
		{ "forbid 25/tcp 10.0.0.0/8" },
		{ "allow 10.0.0.0/8", "forbid 25/tcp 10.0.0.0/8" },
	};
	struct addr own = fake_addr("10.0.0.1");

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct netd_networks_config config = { .esp4 = true };
		struct fake *kernel = calloc(1, sizeof(*kernel));
		struct netd_networks *n;

		assert_non_null(kernel);
		fake_init(kernel);
		config.policies = fake_policies(tables[i]);
		config.kernel = &kernel->kernel;
		config.taken = untaken;
		assert_int_equal(netd_networks_new(&config, &n), 0);
		assert_int_equal(netd_networks_add(n, &own, &none), 0);
		assert_int_equal(with_port(kernel), i ? 0 : 4);
		netd_networks_free(n);
		policy_table_free((struct policy_table *)config.policies);
		free(kernel);
	}
}

/* They come and go with our addresses, not with the agent. */
static void test_addresses(void **state)
{
	struct addr a = fake_addr("10.0.0.1"), b = fake_addr("10.0.0.2"),
		    c = fake_addr("fd00::1");
	struct netd_networks_config config = { .esp4 = true,
					       .esp6 = true,
					       .dns_mark = MARK };
	struct fake *kernel = calloc(1, sizeof(*kernel));
	struct netd_networks *n;
	size_t mended;

	(void)state;
	assert_non_null(kernel);
	fake_init(kernel);
	config.policies = fake_policies(lines);
	config.kernel = &kernel->kernel;
	config.taken = untaken;
	assert_int_equal(netd_networks_new(&config, &n), 0);
	assert_int_equal(netd_networks_add(n, &a, &none), 0);
	assert_int_equal(with_port(kernel), 8);
	assert_int_equal(netd_networks_add(n, &b, &none), 0);
	assert_int_equal(netd_networks_add(n, &b, &none), 0);
	assert_int_equal(with_port(kernel), 16);
	assert_int_equal(netd_networks_add(n, &c, &none), 0);
	assert_int_equal(with_port(kernel), 20);
	assert_int_equal(netd_networks_set_armed(n, true), 0);
	assert_int_equal(netd_networks_set_armed(n, false), 0);
	assert_int_equal(with_port(kernel), 20);
	for (size_t i = 0; i < kernel->n_policies; i++) {
		struct kpolicy found, p = kernel->policies[i];

		assert_true(netd_networks_want(n, &p, &found));
		assert_int_equal(found.priority, p.priority);
	}
	kernel->n_policies = 0;
	assert_int_equal(netd_networks_mend(n, NULL, NULL, &mended), 0);
	assert_int_equal(with_port(kernel), 20);
	assert_int_equal(netd_networks_remove(n, &b, &none), 0);
	assert_int_equal(with_port(kernel), 20);
	assert_int_equal(netd_networks_remove(n, &b, &none), 0);
	assert_int_equal(with_port(kernel), 12);
	assert_int_equal(netd_networks_clear(n), 0);
	assert_int_equal(kernel->n_policies, 0);
	netd_networks_free(n);
	policy_table_free((struct policy_table *)config.policies);
	free(kernel);
}

/* What is encrypted where all else is clear: traps of offer out and while there
 * is an agent, of require both ways and always. */
static void test_traps(void **state)
{
	static const char *const tables[][4] = {
		{ "forbid 10.0.0.0/8", "offer 25/tcp 10.0.0.0/8" },
		{ "require 25/tcp 10.0.0.0/8" },
		{ "allow 25/tcp 10.0.0.0/8" },
		{ "require 25/tcp 10.0.0.0/8", "offer 25/tcp 10.9.0.0/16",
		  "forbid 25/tcp 10.9.9.0/24" },
	};
	static const size_t want[][2] = {
		{ 2, 0 }, { 4, 4 }, { 0, 0 }, { 8 * 4 + 2 * 8, 8 * 4 }
	};
	struct addr own = fake_addr("10.0.0.1"), peer = fake_addr("10.1.0.2");
	struct kpolicy p, found;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct netd_networks_config config = { .esp4 = true };
		struct fake *kernel = calloc(1, sizeof(*kernel));
		struct netd_networks *n;
		struct scope scope;

		assert_non_null(kernel);
		fake_init(kernel);
		config.policies = fake_policies(tables[i]);
		config.kernel = &kernel->kernel;
		config.taken = untaken;
		assert_int_equal(netd_networks_new(&config, &n), 0);
		assert_int_equal(netd_networks_set_armed(n, true), 0);
		assert_int_equal(netd_networks_add(n, &own, &none), 0);
		assert_int_equal(with_port(kernel), want[i][0]);
		for (size_t k = 0; k < kernel->n_policies; k++) {
			p = kernel->policies[k];
			assert_true(netd_networks_want(n, &p, &found));
			assert_true(p.priority != KPOLICY_PRIO_PORT_TRAP ||
				    p.reqid == (p.dir == KDIR_OUT
							? KERNEL_TRAP_REQID
							: 0));
		}
		assert_int_equal(netd_networks_trap(n, &own, &peer, 2, &p),
				 want[i][0] != 0);
		assert_false(netd_networks_trap(n, &own, &peer, 3, &p));
		netd_networks_scope(n, &peer, &scope);
		assert_int_equal(scope.n, 1);
		assert_int_equal(netd_networks_set_armed(n, false), 0);
		assert_int_equal(with_port(kernel), want[i][1]);
		assert_int_equal(netd_networks_remove(n, &own, &none), 0);
		assert_int_equal(kernel->n_policies, 0);
		netd_networks_free(n);
		policy_table_free((struct policy_table *)config.policies);
		free(kernel);
	}
}

/* Blocks are the kernel's business; what is not held is what is clear. */
static void test_openings(void **state)
{
	struct policy_table *t = fake_policies(lines);
	struct nft_opening *list;
	size_t n;

	(void)state;
	assert_int_equal(netd_ports_openings(t, &list, &n), 0);
	assert_int_equal(n, 2);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(list[i].service.port, 9100);
		assert_int_equal(list[i].kind, NFT_OPEN);
		assert_int_equal(list[i].last.bytes[1], 0xff);
	}
	free(list);
	policy_table_free(t);
}

/* Where all else is clear, those that are not are named; a service that is clear
 * there needs no word. */
static void test_named(void **state)
{
	static const char *const named[] = { "forbid 10.0.0.0/8",
					     "require 25/tcp 10.0.0.0/8",
					     "forbid 9100/tcp 10.0.0.0/8",
					     "offer 10.0.0.0/9", NULL };
	struct policy_table *t = fake_policies(named);
	struct nft_opening *list;
	size_t n;

	(void)state;
	assert_int_equal(netd_ports_openings(t, &list, &n), 0);
	assert_int_equal(n, 2);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(list[i].kind, i ? NFT_NARROW : NFT_NAMED);
		assert_int_equal(list[i].service.port, i ? 0 : 25);
		assert_int_equal(list[i].first.bytes[1], 0x80);
		assert_int_equal(list[i].last.bytes[1], 0xff);
	}
	free(list);
	policy_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_four),	  cmocka_unit_test(test_alone),
		cmocka_unit_test(test_addresses), cmocka_unit_test(test_traps),
		cmocka_unit_test(test_openings),  cmocka_unit_test(test_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
