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

static const struct port_rule *rule(const struct policy_table *t,
				    const char *address, uint16_t port)
{
	const struct service s = { IPPROTO_TCP, port };
	struct addr a = fake_addr(address);

	return policy_table_find_rule(t, &a, &s);
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
	struct policy_table *t = fake_policies(lines);
	struct addr own = fake_addr("fd00::1");
	struct kpolicy p, found;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		bool out = want[i].dir == KDIR_OUT;

		assert_true(netd_port_policy(rule(t, "fd00::9", 9100), &own,
					     MARK, i, &p));
		/* What comes from there is let in as an answer. */
		assert_int_equal(p.mark, i == 1 ? MARK : 0);
		assert_int_equal(p.dir, want[i].dir);
		assert_int_equal(p.action, KACTION_PASS);
		assert_int_equal(p.priority, KPOLICY_PRIO_PORT_PASS);
		assert_true(kpolicy_is_ours(&p));
		assert_int_equal(p.sel.protocol, IPPROTO_TCP);
		assert_int_equal(p.sel.sport, want[i].sport);
		assert_int_equal(p.sel.dport, want[i].dport);
		assert_int_equal(p.sel.sport_mask, want[i].sport ? 0xffff : 0);
		assert_int_equal(p.sel.dport_mask, want[i].dport ? 0xffff : 0);
		assert_int_equal((out ? p.sel.src : p.sel.dst).len, 128);
		assert_int_equal((out ? p.sel.dst : p.sel.src).len, 8);
		assert_true(netd_ports_want(t, &p, MARK, &found));
		assert_int_equal(found.action, KACTION_PASS);
		/* Another network, port or mark is another place. */
		p.mark ^= 1;
		assert_false(netd_ports_want(t, &p, MARK, &found));
		p.mark ^= 1;
		(out ? &p.sel.dst : &p.sel.src)->len = 9;
		assert_false(netd_ports_want(t, &p, MARK, &found));
	}
	assert_false(
		netd_port_policy(rule(t, "fd00::9", 9100), &own, MARK, 4, &p));
	for (size_t i = 0; i < 4; i++) {
		assert_true(netd_port_policy(rule(t, "10.0.0.9", 25), &own,
					     MARK, i, &p));
		assert_int_equal(p.mark, 0);
	}
	assert_int_equal(p.action, KACTION_BLOCK);
	assert_true(p.priority < KPOLICY_PRIO_PORT_PASS);
	assert_true(netd_ports_close(t, AF_INET));
	assert_false(netd_ports_close(t, AF_INET6));
	policy_table_free(t);
}

static size_t with_port(const struct fake *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n_policies; i++)
		n += f->policies[i].priority == KPOLICY_PRIO_PORT_PASS ||
		     f->policies[i].priority == KPOLICY_PRIO_PORT_BLOCK;
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
		assert_int_equal(list[i].network.len, 8);
	}
	free(list);
	policy_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_four),
		cmocka_unit_test(test_alone),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_openings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
