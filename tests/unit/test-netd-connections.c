/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * agent/netd-connections.c, with flows that come and go, and a list of sockets
 * in the place of the kernel's.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <netinet/in.h>

#include "agent/netd-connections.h"
#include "agent/netd-flows.h"
#include "tests/unit/netd-fake.h"
#include "util/limits.h"

#define R1     (RECORD_REQID_MIN + 1)
#define LOCAL  "10.0.0.1"
#define REMOTE "192.0.2.7"
#define MANY   (LIMIT_CONNECTIONS_PAIR + 1)

static struct world {
	struct fake kernel;
	struct netd_pairs pairs;
	struct netd_flows flows;
	struct netd_connections connections;
	struct timer_wheel *wheel;
	struct sock_diag_connection sockets[MANY];
	size_t n;
	int error;   /* of asking for them */
	bool closed; /* nothing may be clear */
	bool halted; /* gate, and not ready yet */
	uint64_t guarded;
	int elements; /* of the tables */
	unsigned changed, failed, wanted;
	uint64_t now;
} w;

static bool may_be_clear(void *user, const struct addr *remote)
{
	(void)user;
	(void)remote;
	return !w.closed;
}

static bool is_guarded(void *user, uint64_t cookie)
{
	(void)user;
	return cookie == w.guarded;
}

static void on_tables(void *user, const struct nft_change *c, size_t n)
{
	(void)user;
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(c[i].set, SET_CONNECTION);
		w.elements += c[i].remove ? -1 : 1;
	}
}

static void on_changed(void *user, const struct netd_pair *p)
{
	(void)user;
	assert_non_null(p->connections);
	w.changed++;
}

static void on_wanted(void *user, const struct netd_pair *p,
		      const struct sock_diag_connection *c)
{
	(void)user;
	assert_null(p->flow);
	w.wanted = c->local_port;
}

static void on_failed(void *user, int error)
{
	(void)user;
	assert_true(error < 0);
	w.failed++;
}

static int between(const struct addr *local, const struct addr *remote,
		   int (*each)(const struct sock_diag_connection *c,
			       void *user),
		   void *user)
{
	int r = w.error;

	(void)local;
	(void)remote;
	for (size_t i = 0; i < w.n && r == 0; i++)
		r = each(&w.sockets[i], user);
	return r;
}

/* Nothing leaves while they are read for the first time. */
static int between_halted(const struct addr *local, const struct addr *remote,
			  int (*each)(const struct sock_diag_connection *c,
				      void *user),
			  void *user)
{
	assert_true(w.halted);
	assert_null(
		fake_policy(&w.kernel, KDIR_OUT, LOCAL "/32", REMOTE "/32"));
	return between(local, remote, each, user);
}

static int alive(const struct addr *local, const struct addr *remote,
		 const struct sock_diag_connection *const *list, size_t n,
		 bool *ret)
{
	(void)local;
	(void)remote;
	for (size_t i = 0; i < n; i++) {
		ret[i] = false;
		for (size_t k = 0; k < w.n; k++)
			ret[i] |= w.sockets[k].cookie == list[i]->cookie;
	}
	return w.error;
}

static int on_gate(void *user, const struct addr *local,
		   const struct addr *remote)
{
	(void)user;
	(void)local;
	(void)remote;
	w.halted = true;
	return 0;
}

static void on_ready(void *user, const struct addr *local,
		     const struct addr *remote)
{
	(void)user;
	(void)local;
	(void)remote;
	w.halted = false;
}

static int translate(void *user, const struct addr *local,
		     const struct addr *remote, const struct addr *lease,
		     bool on)
{
	(void)user;
	(void)local;
	(void)remote;
	(void)lease;
	(void)on;
	return 0;
}

static void begin(void)
{
	static const struct hash_key key;

	netd_pairs_init(&w.pairs, &w.kernel.kernel, &key);
	netd_flows_init(&w.flows, &w.pairs, &w.kernel.kernel, w.wheel);
	netd_connections_init(&w.connections, &w.pairs, w.wheel);
	w.connections.may_be_clear = may_be_clear;
	w.connections.is_guarded = is_guarded;
	w.connections.tables = on_tables;
	w.connections.changed = on_changed;
	w.connections.wanted = on_wanted;
	w.connections.failed = on_failed;
	w.connections.between = between;
	w.connections.alive = alive;
	w.flows.connections = &w.connections;
	w.flows.gate = on_gate;
	w.flows.ready = on_ready;
	w.flows.translate = translate;
	w.elements = 0;
}

static void end(void)
{
	netd_connections_done(&w.connections);
	netd_flows_done(&w.flows);
	netd_pairs_done(&w.pairs);
}

static int setup(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	w.now = 1000;
	fake_init(&w.kernel);
	w.wheel = timer_wheel_new(w.now, NULL);
	begin();
	return w.wheel ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	end();
	timer_wheel_free(w.wheel);
	return 0;
}

static void later(uint64_t ms)
{
	w.now += ms;
	timer_wheel_run(w.wheel, w.now);
}

static void open_socket(uint16_t port)
{
	w.sockets[w.n++] = (struct sock_diag_connection){
		.cookie = 100u + port,
		.protocol = port & 1 ? IPPROTO_TCP : IPPROTO_UDP,
		.local_port = port,
		.remote_port = 443,
	};
}

static void close_socket(uint16_t port)
{
	for (size_t i = 0; i < w.n; i++)
		if (w.sockets[i].local_port == port)
			w.sockets[i] = w.sockets[--w.n];
}

static struct record_install record(const char *lease)
{
	struct record_install in = {
		.local = fake_addr(LOCAL),
		.remote = fake_addr(REMOTE),
		.reqid = R1,
		.tunnel = lease != NULL,
		.in = { .spi = 0x1000, .cipher = ESP_AES_GCM_16_128 },
		.out = { .spi = 0x2000, .cipher = ESP_AES_GCM_16_128 },
	};

	if (lease)
		in.lease = fake_addr(lease);
	return in;
}

static int install(const char *lease)
{
	const struct record_install in = record(lease);

	return netd_flow_install(&w.flows, &in, w.now);
}

static const struct kpolicy *policy_of(uint16_t port, enum kdir dir)
{
	for (size_t i = 0; i < w.kernel.n_policies; i++) {
		const struct kpolicy *p = &w.kernel.policies[i];

		if (p->priority == KPOLICY_PRIO_CONNECTION && p->dir == dir &&
		    (dir == KDIR_OUT ? p->sel.sport : p->sel.dport) == port)
			return p;
	}
	return NULL;
}

static size_t policies(void)
{
	return fake_count(&w.kernel, KPOLICY_PRIO_CONNECTION);
}

/* What is there before the lease stays clear; what comes after does not. */
static void test_clear(void **state)
{
	const struct kpolicy *p;

	(void)state;
	open_socket(1001);
	open_socket(1002);
	open_socket(1003);
	w.guarded = 1103;
	w.connections.between = between_halted;
	assert_int_equal(install("100.64.0.5"), 0);
	assert_false(w.halted);
	assert_int_equal(policies(), 4);
	p = policy_of(1001, KDIR_OUT);
	assert_non_null(p);
	assert_int_equal(p->action, KACTION_PASS);
	assert_int_equal(p->sel.protocol, IPPROTO_TCP);
	assert_int_equal(p->sel.dport, 443);
	assert_int_equal(p->sel.sport_mask, 0xffff);
	assert_int_equal(p->cookie, 1101);
	assert_true(p->priority < KPOLICY_PRIO_FLOW);
	assert_non_null(policy_of(1002, KDIR_IN));
	assert_null(policy_of(1003, KDIR_OUT));
	assert_int_equal(w.elements, 2);
	assert_int_equal(w.changed, 1);
	assert_int_equal(netd_connections_clear_now(&w.connections), 2);
	/* A rekeyed pair, and what began by the lease, are nothing to it. */
	open_socket(1005);
	w.connections.between = between;
	{
		struct record_install in = record("100.64.0.5");

		in.in.spi = 0x1001;
		in.out.spi = 0x2001;
		in.replaces = 0x1000;
		assert_int_equal(netd_flow_install(&w.flows, &in, w.now), 0);
	}
	assert_int_equal(policies(), 4);
	/* One ends, its port is another's at once. */
	close_socket(1001);
	open_socket(1001);
	w.sockets[w.n - 1].cookie = 7;
	later(1000);
	assert_null(policy_of(1001, KDIR_OUT));
	assert_null(policy_of(1001, KDIR_IN));
	assert_int_equal(policies(), 2);
	assert_int_equal(w.elements, 1);
	assert_int_equal(w.changed, 2);
	/* Who cannot ask does not forget. */
	w.error = -ENOMEM;
	close_socket(1002);
	later(1000);
	assert_int_equal(policies(), 2);
	w.error = 0;
	later(1000);
	assert_int_equal(policies(), 0);
	assert_null(w.connections.first);
	assert_int_equal(w.elements, 0);
}

/* What began by the lease is closed as soon as its flow goes, until the next. */
static void test_closed(void **state)
{
	const struct kpolicy *p;

	(void)state;
	open_socket(1001);
	assert_int_equal(install("100.64.0.5"), 0);
	open_socket(1003);
	assert_int_equal(netd_flow_remove(&w.flows, R1), 0);
	assert_int_equal(policies(), 1);
	p = policy_of(1003, KDIR_OUT);
	assert_non_null(p);
	assert_int_equal(p->action, KACTION_PROTECT);
	assert_false(p->optional);
	assert_int_equal(p->reqid, KERNEL_TRAP_REQID);
	assert_int_equal(w.elements, 0);
	/* It wants another flow: at once, and once a second. */
	later(1);
	assert_int_equal(w.wanted, 1003);
	w.wanted = 0;
	later(1000);
	assert_int_equal(w.wanted, 1003);
	w.wanted = 0;
	/* Before the flow's own policy was gone, and after the next one's. */
	assert_true(
		fake_log_policy(&w.kernel, CHANGE_POLICY_SET, KDIR_OUT,
				KERNEL_TRAP_REQID) <
		fake_log_policy(&w.kernel, CHANGE_POLICY_DELETE, KDIR_OUT, 0));
	assert_int_equal(install("100.64.0.5"), 0);
	assert_null(policy_of(1003, KDIR_OUT));
	assert_non_null(policy_of(1001, KDIR_OUT));
	later(1000);
	assert_int_equal(w.wanted, 0);
	/* Once more; it ends meanwhile. */
	assert_int_equal(netd_flow_remove(&w.flows, R1), 0);
	assert_int_equal(policies(), 1);
	close_socket(1003);
	later(1000);
	assert_int_equal(policies(), 0);
	/* Where nothing is left there is nothing to look at. */
	assert_true(timer_wheel_deadline(w.wheel) > w.now + 10000);
	/* All flows go: what is closed, too. */
	open_socket(1003);
	assert_int_equal(install("100.64.0.5"), 0);
	netd_flows_clear(&w.flows);
	assert_int_equal(policies(), 0);
	assert_null(w.connections.first);
}

/* Nothing is kept apart without a lease, and under require. */
static void test_none(void **state)
{
	(void)state;
	open_socket(1001);
	assert_int_equal(install(NULL), 0);
	assert_int_equal(policies(), 0);
	assert_int_equal(netd_flow_remove(&w.flows, R1), 0);
	assert_int_equal(policies(), 0);
	w.closed = true;
	assert_int_equal(install("100.64.0.5"), 0);
	assert_int_equal(policies(), 0);
	assert_int_equal(netd_flow_remove(&w.flows, R1), 0);
	assert_int_equal(policies(), 0);
	/* It is so from now on. */
	w.closed = false;
	assert_int_equal(install("100.64.0.5"), 0);
	assert_int_equal(policies(), 2);
	w.closed = true;
	netd_connections_review(&w.connections);
	assert_int_equal(policies(), 0);
	assert_int_equal(w.elements, 0);
}

/* More than fit: no lease. A kernel that cannot list them: as without. */
static void test_refused(void **state)
{
	(void)state;
	for (uint16_t i = 0; i < MANY; i++)
		open_socket((uint16_t)(1000 + i));
	assert_int_equal(install("100.64.0.5"), -E2BIG);
	assert_false(w.halted);
	assert_int_equal(w.kernel.n_policies, 0);
	assert_int_equal(w.kernel.n_sas, 0);
	assert_int_equal(w.connections.count, 0);
	assert_int_equal(w.elements, 0);
	w.n = 1;
	w.kernel.fail_at = 4; /* after two SAs and the in-policy */
	w.kernel.fail_with = -ENOMEM;
	assert_int_equal(install("100.64.0.5"), -ENOMEM);
	assert_int_equal(w.kernel.n_policies, 0);
	assert_null(w.connections.first);
	w.error = -EOPNOTSUPP;
	assert_false(netd_connections_work(&w.connections));
	assert_int_equal(install("100.64.0.5"), 0);
	assert_int_equal(policies(), 0);
	w.error = 0;
	assert_true(netd_connections_work(&w.connections));
	/* What outlives the lease beyond the limit is told. */
	for (uint16_t i = 1; i < MANY; i++)
		open_socket((uint16_t)(1000 + i));
	w.n = MANY;
	assert_int_equal(netd_flow_remove(&w.flows, R1), 0);
	assert_int_equal(w.failed, 1);
	assert_int_equal(policies(), LIMIT_CONNECTIONS_PAIR);
}

/* Another tacit-netd finds the policies, with the flow and without it. */
static void test_adopt(void **state)
{
	struct kpolicy found[16];
	size_t n;

	(void)state;
	open_socket(1001);
	open_socket(1003);
	open_socket(1005);
	assert_int_equal(install("100.64.0.5"), 0);
	n = w.kernel.n_policies;
	assert_true(n <= 16);
	memcpy(found, w.kernel.policies, n * sizeof(found[0]));
	end();
	begin();
	close_socket(1003);
	/* Another socket has its port. */
	close_socket(1005);
	open_socket(1005);
	w.sockets[w.n - 1].cookie = 7;
	{
		const struct addr local = fake_addr(LOCAL);
		const struct addr remote = fake_addr(REMOTE);
		struct ksa sa = w.kernel.sas[0];

		for (size_t d = 2; d-- > 0;)
			for (size_t i = 0; i < n; i++)
				if (found[i].dir == d)
					(void)!netd_flow_adopt_policy(
						&w.flows, &found[i], &local,
						&remote);
		sa.lease = fake_addr("100.64.0.5");
		assert_int_equal(netd_flow_adopt_sa(&w.flows, &sa), 0);
	}
	netd_connections_adopt(&w.connections, found, n, w.now);
	assert_int_equal(netd_connections_clear_now(&w.connections), 1);
	assert_int_equal(w.elements, 1);
	assert_non_null(policy_of(1001, KDIR_OUT));
	assert_non_null(policy_of(1001, KDIR_IN));
	assert_null(policy_of(1003, KDIR_OUT));
	assert_null(policy_of(1005, KDIR_IN));
	for (size_t i = 0; i < n; i++) {
		const struct kpolicy *p = &found[i];
		struct kpolicy want;

		if (p->priority == KPOLICY_PRIO_CONNECTION)
			assert_int_equal(
				netd_connections_want(&w.connections, p, &want),
				p->sel.sport == 1001 || p->sel.dport == 1001);
	}
	/* The flow is gone at the next start: no reason is left. */
	end();
	begin();
	netd_connections_adopt(&w.connections, found, n, w.now);
	assert_null(w.connections.first);
	assert_null(netd_pair_get(&w.pairs, &found[0].sel.src.addr,
				  &found[0].sel.dst.addr));
}

static bool stands(void *user, const struct kpolicy *p)
{
	const uint16_t *missing = user;

	return p->sel.sport != *missing && p->sel.dport != *missing;
}

static void test_mend(void **state)
{
	uint16_t missing = 1003;
	size_t n = 0;

	(void)state;
	open_socket(1001);
	open_socket(1003);
	assert_int_equal(install("100.64.0.5"), 0);
	assert_int_equal(
		netd_connections_mend(&w.connections, stands, &missing, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(w.elements, 2);
	netd_connections_tell(&w.connections);
	assert_int_equal(w.elements, 4);
	assert_int_equal(netd_connections_count(&w.connections,
						w.connections.first->pair),
			 0);
	open_socket(1005);
	assert_int_equal(netd_connections_count(&w.connections,
						w.connections.first->pair),
			 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_clear, setup, teardown),
		cmocka_unit_test_setup_teardown(test_closed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_none, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_adopt, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mend, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
