/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Flows of tacit-netd whose ESP goes to another address than their peer's, or
 * stands for another than ours: agent/netd-flows.c and its like.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/netd-flows.h"
#include "agent/netd-shunts.h"
#include "tests/unit/netd-fake.h"

#define R1    (RECORD_REQID_MIN + 1)
#define LOCAL "10.0.0.1"
#define OUTER "192.0.2.7"
#define LEASE "100.64.0.5"

struct world {
	struct fake kernel;
	struct policy_table *policies;
	struct netd_networks *networks;
	struct netd_pairs pairs;
	struct netd_flows flows;
	struct netd_shunts shunts;
	struct timer_wheel *wheel;
	unsigned ready, moved, gone;
	int translate_error, translated;
	uint16_t port;
	int gate;
	uint64_t now;
};

static void on_ready(void *user, const struct addr *local,
		     const struct addr *remote)
{
	struct world *w = user;

	(void)local;
	(void)remote;
	w->ready++;
}

static int translate(void *user, const struct addr *local,
		     const struct addr *remote, const struct addr *lease,
		     bool on)
{
	struct world *w = user;

	assert_true(local->family && remote->family && lease->family);
	if (w->translate_error)
		return w->translate_error;
	/* Before the policy that sends, and gone after it. */
	assert_null(
		fake_policy(&w->kernel, KDIR_OUT, LOCAL "/32", OUTER "/32"));
	w->translated += on ? 1 : -1;
	return 0;
}

static int on_gate(void *user, const struct addr *local,
		   const struct addr *remote)
{
	const struct world *w = user;

	(void)local;
	(void)remote;
	return w->gate;
}

static bool is_lease(void *user, const struct addr *remote)
{
	struct addr lease = fake_addr(LEASE);

	(void)user;
	return addr_equal(remote, &lease);
}

static void on_closing(void *user, const struct addr *local,
		       const struct addr *remote)
{
	struct world *w = user;

	assert_int_equal(
		netd_shunt_keep(&w->shunts, local, remote, 60000, w->now), 0);
}

static void on_gone(void *user, const struct addr *local,
		    const struct addr *remote)
{
	struct world *w = user;

	(void)local;
	(void)remote;
	w->gone++;
}

static int move(void *user, const struct ksa *sa, uint16_t udp_remote)
{
	struct fake *k = user;
	struct world *w = container_of(k, struct world, kernel);
	struct addr outer = fake_addr(OUTER);

	w->moved += addr_equal(sa->inbound ? &sa->src : &sa->dst, &outer);
	w->port = udp_remote;
	return 0;
}

static bool taken(void *user, const struct kpolicy *place)
{
	const struct world *w = user;

	return netd_pairs_taken(&w->pairs, place);
}

static struct world *world(void)
{
	static const char *const lines[] = { "require 0.0.0.0/0", NULL };
	static const struct addr none;
	struct world *w = calloc(1, sizeof(*w));
	struct netd_networks_config c = { .esp4 = true, .taken = taken };
	struct hash_key key = { 1, 2 };
	struct addr own = fake_addr(LOCAL);

	assert_non_null(w);
	w->now = 1000000;
	w->gate = -EOPNOTSUPP;
	fake_init(&w->kernel);
	w->kernel.kernel.move = move;
	w->policies = fake_policies(lines);
	c.policies = w->policies;
	c.kernel = &w->kernel.kernel;
	c.user = w;
	w->wheel = timer_wheel_new(w->now, w);
	assert_non_null(w->wheel);
	netd_pairs_init(&w->pairs, &w->kernel.kernel, &key);
	netd_flows_init(&w->flows, &w->pairs, &w->kernel.kernel, w->wheel);
	w->flows.user = w;
	w->flows.ready = on_ready;
	w->flows.gate = on_gate;
	w->flows.is_lease = is_lease;
	w->flows.closing = on_closing;
	w->flows.translate = translate;
	w->shunts = (struct netd_shunts){ .pairs = &w->pairs,
					  .wheel = w->wheel,
					  .user = w,
					  .gone = on_gone };
	assert_int_equal(netd_networks_new(&c, &w->networks), 0);
	w->pairs.networks = w->networks;
	assert_int_equal(netd_networks_add(w->networks, &own, &none), 0);
	return w;
}

static void end(struct world *w)
{
	netd_shunts_done(&w->shunts);
	netd_flows_done(&w->flows);
	netd_pairs_done(&w->pairs);
	netd_networks_free(w->networks);
	policy_table_free(w->policies);
	timer_wheel_free(w->wheel);
	free(w);
}

static struct record_install request(uint32_t flags)
{
	return (struct record_install){
		.local = fake_addr(LOCAL),
		.remote = fake_addr(LEASE),
		.outer = fake_addr(OUTER),
		.reqid = R1,
		.flags = flags,
		.tunnel = 1,
		.udp_local = 4500,
		.udp_remote = 1024,
		.in = { .spi = 0x1000,
			.cipher = ESP_AES_GCM_16_128,
			.key_len = 20 },
		.out = { .spi = 0x2000,
			 .cipher = ESP_AES_GCM_16_128,
			 .key_len = 20 },
	};
}

static const struct kpolicy *policy(const struct world *w, enum kdir dir)
{
	bool out = dir == KDIR_OUT;

	return fake_policy(&w->kernel, dir, out ? LOCAL "/32" : LEASE "/32",
			   out ? LEASE "/32" : LOCAL "/32");
}

static bool is_to(const struct kpolicy *p, const char *outer)
{
	struct addr a = fake_addr(outer);

	return p && p->action == KACTION_PROTECT && p->tunnel &&
	       addr_equal(&p->outer, &a);
}

/* SAs and templates have the outer address, selectors the lease. */
static void test_install(void **state)
{
	struct world *w = world();
	struct record_install in = request(0);
	struct addr outer = fake_addr(OUTER), lease = fake_addr(LEASE);
	const struct ksa *sa;

	(void)state;
	assert_int_equal(netd_flow_install(&w->flows, &in, w->now), 0);
	sa = fake_sa(&w->kernel, LOCAL, 0x1000);
	assert_non_null(sa);
	assert_true(addr_equal(&sa->src, &outer));
	assert_true(addr_equal(&sa->sel.src.addr, &lease));
	assert_int_equal(sa->sel.src.len, 32);
	assert_non_null(fake_sa(&w->kernel, OUTER, 0x2000));
	assert_true(is_to(policy(w, KDIR_IN), OUTER));
	assert_true(is_to(policy(w, KDIR_OUT), OUTER));
	assert_true(netd_flow_has_spi(&w->flows, &outer, 0x2000));
	assert_false(netd_flow_has_spi(&w->flows, &lease, 0x2000));
	assert_true(addr_equal(netd_flow_tunnel(&w->flows, R1), &outer));
	end(w);
}

/* What is to have its SAs later is closed until then, where nothing holds it
 * back. */
static void test_later(void **state)
{
	struct world *w = world();
	struct record_install in = request(RECORD_OUT_LATER);

	(void)state;
	assert_int_equal(netd_flow_install(&w->flows, &in, w->now), 0);
	assert_int_equal(policy(w, KDIR_OUT)->action, KACTION_BLOCK);
	assert_int_equal(netd_flow_switch(&w->flows, R1), 0);
	assert_true(is_to(policy(w, KDIR_OUT), OUTER));
	assert_int_equal(w->ready, 1);
	end(w);
}

static void test_mapping(void **state)
{
	struct kmapping m = { .src = fake_addr(OUTER),
			      .dst = fake_addr(LOCAL),
			      .spi = 0x1000,
			      .udp_src = 2000 };
	struct world *w = world();
	struct record_install in = request(0);

	(void)state;
	assert_int_equal(netd_flow_install(&w->flows, &in, w->now), 0);
	assert_true(netd_flow_mapped(&w->flows, &m, w->now));
	assert_int_equal(w->moved, 2);
	assert_int_equal(w->port, 2000);
	m.src = fake_addr(LEASE);
	assert_false(netd_flow_mapped(&w->flows, &m, w->now + 1000));
	end(w);
}

/* The address stays closed when its SAs go, whatever the agent says, until it
 * has others, or for its time. */
static void test_close(void **state)
{
	struct addr local = fake_addr(LOCAL), lease = fake_addr(LEASE);
	struct world *w = world();
	struct record_install in = request(0);

	(void)state;
	assert_int_equal(netd_flow_install(&w->flows, &in, w->now), 0);
	w->kernel.n_log = 0;
	assert_int_equal(netd_flow_remove(&w->flows, R1), 0);
	assert_int_equal(w->kernel.n_sas, 0);
	assert_int_equal(policy(w, KDIR_OUT)->action, KACTION_BLOCK);
	assert_int_equal(policy(w, KDIR_IN)->action, KACTION_BLOCK);
	for (size_t i = 0; i < w->kernel.n_log; i++)
		assert_int_not_equal(w->kernel.log[i].op, CHANGE_POLICY_DELETE);
	assert_int_equal(
		netd_shunt_set(&w->shunts, &local, &lease, false, 1000, w->now),
		-EPERM);
	assert_int_equal(netd_shunt_forget(&w->shunts, &local, &lease), 0);
	netd_shunts_clear(&w->shunts, false);
	assert_int_equal(policy(w, KDIR_OUT)->action, KACTION_BLOCK);

	assert_int_equal(netd_flow_install(&w->flows, &in, w->now), 0);
	assert_int_equal(policy(w, KDIR_OUT)->action, KACTION_BLOCK);
	assert_int_equal(netd_shunt_unkeep(&w->shunts, &local, &lease), 0);
	assert_true(is_to(policy(w, KDIR_OUT), OUTER));
	assert_true(is_to(policy(w, KDIR_IN), OUTER));

	assert_int_equal(netd_flow_remove(&w->flows, R1), 0);
	w->now += 60001;
	timer_wheel_run(w->wheel, w->now);
	assert_null(policy(w, KDIR_OUT));
	assert_int_equal(w->gone, 1);
	assert_int_equal(hmap_count(&w->pairs.map), 0);
	end(w);
}

/* A later tacit-netd finds it as it was. */
static void test_adopt(void **state)
{
	struct addr local = fake_addr(LOCAL), lease = fake_addr(LEASE);
	struct addr outer = fake_addr(OUTER);
	struct kpolicy out, in;
	struct ksa sa_in, sa_out;
	struct world *w = world();
	struct record_install req = request(0);
	struct record_orphan o;

	(void)state;
	assert_int_equal(netd_flow_install(&w->flows, &req, w->now), 0);
	out = *policy(w, KDIR_OUT);
	in = *policy(w, KDIR_IN);
	sa_in = *fake_sa(&w->kernel, LOCAL, 0x1000);
	sa_out = *fake_sa(&w->kernel, OUTER, 0x2000);
	end(w);

	w = world();
	assert_int_equal(
		netd_flow_adopt_policy(&w->flows, &out, &local, &lease), 0);
	assert_int_equal(netd_flow_adopt_policy(&w->flows, &in, &local, &lease),
			 0);
	assert_int_equal(netd_flow_adopt_sa(&w->flows, &sa_in), 0);
	assert_int_equal(netd_flow_adopt_sa(&w->flows, &sa_out), 0);
	netd_flows_adopted(&w->flows, w->now);
	netd_flows_report_start(&w->flows);
	assert_true(netd_flows_report_next(&w->flows, &o));
	assert_true(addr_equal(&o.outer, &outer));
	assert_true(addr_equal(&o.remote, &lease));
	assert_int_equal(o.spi_in, 0x1000);
	assert_int_equal(o.spi_out, 0x2000);
	end(w);
}

/* What a peer has leased us is in the in-SA, and is found there again. */
static void test_client(void **state)
{
	struct addr local = fake_addr(LOCAL), lease = fake_addr(LEASE);
	struct addr server = fake_addr(OUTER);
	struct world *w = world();
	struct record_install req = request(0);
	struct addr outer, ours;
	struct kpolicy out;
	struct ksa sa;

	(void)state;
	req.remote = server;
	req.outer = (struct addr){ 0 };
	req.lease = lease;
	/* Without it nothing is left. */
	w->translate_error = -ENOMEM;
	assert_int_equal(netd_flow_install(&w->flows, &req, w->now), -ENOMEM);
	assert_int_equal(w->kernel.n_sas, 0);
	assert_null(w->flows.first);
	w->translate_error = 0;
	assert_int_equal(netd_flow_install(&w->flows, &req, w->now), 0);
	assert_int_equal(w->translated, 1);
	sa = *fake_sa(&w->kernel, LOCAL, 0x1000);
	assert_true(addr_equal(&sa.lease, &lease));
	out = *fake_policy(&w->kernel, KDIR_OUT, LOCAL "/32", OUTER "/32");
	assert_int_equal(out.outer.family, 0);
	netd_flow_ends(&w->flows, R1, &outer, &ours);
	assert_int_equal(outer.family, 0);
	assert_true(addr_equal(&ours, &lease));
	/* It is no address of ours that would be closed. */
	assert_int_equal(netd_flow_remove(&w->flows, R1), 0);
	assert_null(w->shunts.first);
	assert_int_equal(w->translated, 0);
	end(w);

	w = world();
	assert_int_equal(
		netd_flow_adopt_policy(&w->flows, &out, &local, &server), 0);
	assert_int_equal(netd_flow_adopt_sa(&w->flows, &sa), 0);
	netd_flow_ends(&w->flows, R1, &outer, &ours);
	assert_true(addr_equal(&ours, &lease));
	end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_install), cmocka_unit_test(test_later),
		cmocka_unit_test(test_mapping), cmocka_unit_test(test_close),
		cmocka_unit_test(test_adopt),	cmocka_unit_test(test_client),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
