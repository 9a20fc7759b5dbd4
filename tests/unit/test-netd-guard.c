/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * agent/netd-guard.c: every hostile request with its error, and every honest
 * one of the same kind.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/netd-guard.h"
#include "tests/unit/netd-fake.h"

#define R1 (RECORD_REQID_MIN + 1)
#define R2 (RECORD_REQID_MIN + 2)

static const char *const lines[] = {
	"offer 10.0.0.0/8 fd00::/8 fe80::/10",
	"require 10.20.0.0/16 fd20::/16",
	"block 10.21.0.0/16",
	"forbid 10.22.0.0/16",
	"allow 10.23.0.0/16",
	"require 10.23.7.0/24",
	"offer 100.64.7.0/24",
	"require 443/tcp 22/tcp 198.51.100.0/24",
	"allow 10.24.0.0/16",
	"allow 10.24.0.0/16 @a.lab",
	NULL,
};

struct world {
	struct fake kernel;
	struct policy_table *policies;
	struct netd_pairs pairs;
	struct netd_flows flows;
	struct address_table own;
	struct timer_wheel *wheel;
	struct netd_guard guard;
};

static void ready(void *user, const struct addr *local,
		  const struct addr *remote)
{
	(void)user;
	(void)local;
	(void)remote;
}

static struct record install(const char *local, const char *remote,
			     uint32_t reqid)
{
	struct record r;

	record_init(&r, RECORD_INSTALL, 1);
	r.install.local = fake_addr(local);
	r.install.remote = fake_addr(remote);
	r.install.reqid = reqid;
	r.install.in.spi = 0x5000;
	r.install.in.cipher = ESP_AES_GCM_16_128;
	r.install.in.key_len = 20;
	r.install.out = r.install.in;
	r.install.out.spi = 0x6000;
	return r;
}

static int gate(void *user, const struct addr *local, const struct addr *remote)
{
	(void)user;
	(void)local;
	(void)remote;
	return -EOPNOTSUPP;
}

/* Flow R1 from 10.0.0.1 to 10.0.0.2, SPIs 0x1000 and 0x2000. */
static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct hash_key key = { 1, 2 };
	struct address a = { .ifindex = 2, .prefix_len = 24 };
	struct record r = install("10.0.0.1", "10.0.0.2", R1);

	assert_non_null(w);
	fake_init(&w->kernel);
	w->policies = fake_policies(lines);
	w->wheel = timer_wheel_new(1, w);
	netd_pairs_init(&w->pairs, &w->kernel.kernel, &key);
	netd_flows_init(&w->flows, &w->pairs, &w->kernel.kernel, w->wheel);
	w->flows.ready = ready;
	w->flows.gate = gate;
	a.addr = fake_addr("10.0.0.1");
	a.broadcast = fake_addr("10.0.0.255");
	assert_int_equal(address_table_add(&w->own, &a), 0);
	a = (struct address){ .ifindex = 2,
			      .prefix_len = 64,
			      .addr = fake_addr("fd00::1") };
	assert_int_equal(address_table_add(&w->own, &a), 0);
	a.addr = fake_addr("fe80::1");
	a.addr.scope = 2;
	assert_int_equal(address_table_add(&w->own, &a), 0);
	w->guard = (struct netd_guard){ .policies = w->policies,
					.own = &w->own,
					.flows = &w->flows };
	r.install.in.spi = 0x1000;
	r.install.out.spi = 0x2000;
	assert_int_equal(netd_flow_install(&w->flows, &r.install, 1), 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	netd_flows_done(&w->flows);
	netd_pairs_done(&w->pairs);
	timer_wheel_free(w->wheel);
	address_table_done(&w->own);
	policy_table_free(w->policies);
	free(w);
	return 0;
}

static void expect(const struct world *w, const struct record *r, int want,
		   const char *what)
{
	const char *why = NULL;
	int got = netd_guard_check(&w->guard, r, &why);

	if (got != want)
		fail_msg("%s: %s, not %s (%s)", what, strerror(-got),
			 strerror(-want), why ? why : "");
	if (want)
		assert_non_null(why);
}

static void test_install(void **state)
{
	static const struct {
		const char *local, *remote;
		uint32_t reqid, flags;
		int want;
	} rows[] = {
		{ "10.0.0.1", "10.9.9.9", R2, 0, 0 },
		{ "10.0.0.1", "10.9.9.9", R2, RECORD_IN_OPTIONAL, 0 },
		{ "10.0.0.1", "10.23.1.1", R2, RECORD_IN_OPTIONAL, 0 },
		{ "10.0.0.1", "10.20.1.1", R2, 0, 0 },
		{ "10.0.0.1", "10.20.1.1", R2, RECORD_OUT_LATER, 0 },
		{ "fd00::1", "fd00::9", R2, 0, 0 },
		/* the most specific network counts */
		{ "10.0.0.1", "10.23.7.1", R2, RECORD_IN_OPTIONAL, -EPERM },
		{ "10.0.0.1", "10.20.1.1", R2, RECORD_IN_OPTIONAL, -EPERM },
		{ "fd00::1", "fd20::9", R2, RECORD_IN_OPTIONAL, -EPERM },
		{ "10.0.0.1", "10.21.1.1", R2, 0, -EPERM },
		{ "10.0.0.1", "10.22.1.1", R2, 0, -EPERM },
		/* no network at all */
		{ "10.0.0.1", "192.0.2.1", R2, 0, -EPERM },
		{ "10.0.0.3", "10.9.9.9", R2, 0, -EADDRNOTAVAIL },
		{ "127.0.0.1", "10.9.9.9", R2, 0, -EADDRNOTAVAIL },
		{ "10.9.9.9", "10.0.0.1", R2, 0, -EADDRNOTAVAIL },
		{ "10.0.0.1", "10.0.0.1", R2, 0, -EINVAL },
		{ "10.0.0.1", "127.0.0.1", R2, 0, -EINVAL },
		{ "10.0.0.1", "0.0.0.0", R2, 0, -EINVAL },
		{ "10.0.0.1", "224.0.0.1", R2, 0, -EINVAL },
		{ "10.0.0.1", "255.255.255.255", R2, 0, -EINVAL },
		{ "10.0.0.1", "10.0.0.255", R2, 0, -EINVAL },
		{ "fd00::1", "ff02::1", R2, 0, -EINVAL },
		{ "fd00::1", "::1", R2, 0, -EINVAL },
		{ "fd00::1", "fd00::1", R2, 0, -EINVAL },
		{ "10.0.0.1", "fd00::9", R2, 0, -EPROTO },
		/* reqids */
		{ "10.0.0.1", "10.0.0.2", R1, 0, 0 },
		{ "10.0.0.1", "10.0.0.2", R2, 0, -EEXIST },
		{ "10.0.0.1", "10.9.9.9", R1, 0, -EEXIST },
		{ "10.0.0.1", "10.9.9.9", 16385, 0, -EPROTO },
		{ "10.0.0.1", "10.9.9.9", KERNEL_TRAP_REQID, 0, -EPROTO },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct record r =
			install(rows[i].local, rows[i].remote, rows[i].reqid);

		r.install.flags = rows[i].flags;
		expect(*state, &r, rows[i].want, rows[i].remote);
	}
}

/* Where ESP goes to, and what stands in it for us. */
static const struct {
	const char *remote, *outer, *lease;
	uint32_t flags;
	int want;
} ends[] = {
	{ "100.64.0.5", "10.9.9.9", NULL, 0, 0 },
	{ "fd64::5", "fd00:9::9", NULL, 0, 0 },
	{ "100.64.0.5", "10.9.9.9", NULL, RECORD_OUT_LATER, 0 },
	/* the policy is that of the address outside */
	{ "100.64.0.5", "10.20.1.1", NULL, 0, 0 },
	{ "100.64.0.5", "10.21.1.1", NULL, 0, -EPERM },
	{ "100.64.0.5", "10.22.1.1", NULL, 0, -EPERM },
	{ "100.64.0.5", "192.0.2.1", NULL, 0, -EPERM },
	/* that has no pool */
	{ "100.64.0.5", "10.23.1.1", NULL, 0, -EPERM },
	/* that has one for somebody, who may be there */
	{ "100.64.0.5", "10.24.1.1", NULL, 0, 0 },
	/* nothing of a lease is under way in the clear */
	{ "100.64.0.5", "10.9.9.9", NULL, RECORD_IN_OPTIONAL, -EPERM },
	/* no other host's traffic */
	{ "10.9.9.8", "10.9.9.9", NULL, 0, -EPERM },
	{ "10.20.1.1", "10.9.9.9", NULL, 0, -EPERM },
	{ "fd00:8::1", "fd00:9::9", NULL, 0, -EPERM },
	/* of a policy of its own within the pool, or on our link */
	{ "100.64.7.5", "10.9.9.9", NULL, 0, -EPERM },
	{ "100.64.9.5", "10.9.9.9", NULL, 0, -EPERM },
	{ "100.64.0.5", "10.0.0.1", NULL, 0, -EINVAL },
	{ "100.64.0.5", "10.0.0.255", NULL, 0, -EINVAL },
	{ "100.64.0.5", "224.0.0.1", NULL, 0, -EINVAL },
	{ "100.64.0.5", "127.0.0.1", NULL, 0, -EINVAL },
	/* as a client: anything that is not ours */
	{ "10.9.9.9", NULL, "100.64.0.5", 0, 0 },
	{ "10.9.9.9", NULL, "192.0.2.77", RECORD_IN_OPTIONAL, 0 },
	{ "10.9.9.9", NULL, "10.0.0.1", 0, -EINVAL },
	{ "10.9.9.9", NULL, "127.0.0.1", 0, -EINVAL },
	{ "10.9.9.9", NULL, "224.0.0.1", 0, -EINVAL },
	{ "10.20.1.1", NULL, "100.64.0.5", RECORD_IN_OPTIONAL, -EPERM },
	{ "10.9.9.9", NULL, NULL, 0, 0 },
};

static void test_ends(void **state)
{
	struct address_pool pool = {
		.name = "default",
		.networks = { { fake_addr("100.64.0.0"), 10 },
			      { fake_addr("fd64::"), 64 } },
		.n_networks = 2,
	};
	const struct address_pools pools = { &pool, 1 };
	struct world *w = *state;
	struct address link = { .ifindex = 3,
				.addr = fake_addr("100.64.9.1"),
				.prefix_len = 24 };

	w->guard.pools = &pools;
	assert_int_equal(address_table_add(&w->own, &link), 0);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		bool six = strchr(ends[i].remote, ':');
		struct record r = install(six ? "fd00::1" : "10.0.0.1",
					  ends[i].remote, R2);

		r.install.flags = ends[i].flags;
		r.install.tunnel = 1;
		if (ends[i].outer)
			r.install.outer = fake_addr(ends[i].outer);
		if (ends[i].lease)
			r.install.lease = fake_addr(ends[i].lease);
		expect(w, &r, ends[i].want, ends[i].remote);
	}
}

/* Where only services are encrypted, SAs are for those and no others. */
static void test_services(void **state)
{
	const struct world *w = *state;
	struct record r = install("10.0.0.1", "198.51.100.7", R2);

	expect(w, &r, -EPERM, "all traffic");
	r.install.scope = (struct scope){ 1, SCOPE_BOTH, { { 6, 443 } } };
	expect(w, &r, 0, "one of two");
	r.install.scope.list[0].port = 80;
	expect(w, &r, -EPERM, "another");
	r.install.flags = RECORD_IN_OPTIONAL;
	r.install.scope.list[0].port = 443;
	expect(w, &r, -EPERM, "optional");
	r = install("10.0.0.1", "10.20.1.1", R2);
	r.install.scope = (struct scope){ 1, SCOPE_BOTH, { { 6, 80 } } };
	expect(w, &r, 0, "less than all");
	record_init(&r, RECORD_VERDICT, 7);
	r.verdict =
		(struct record_verdict){ .local = fake_addr("10.0.0.1"),
					 .remote = fake_addr("198.51.100.7"),
					 .verdict = RECORD_CLEAR,
					 .lifetime_ms = 1000 };
	expect(w, &r, -EPERM, "a clear verdict");
	r.verdict.verdict = RECORD_BLOCK;
	expect(w, &r, 0, "a block");
}

/* Gateway=yes for the policy of this address, or no. */
static void set_gateway(struct world *w, const char *text, bool yes)
{
	struct addr a = fake_addr(text);
	const struct policy *p = policy_table_lookup(w->policies, &a);

	((struct policy *)(uintptr_t)p)->gateway = yes;
}

/* A host behind a gateway: only where the configuration says so of the host,
 * whatever the agent wants; and to no end that it has closed. */
static const struct {
	const char *remote, *outer;
	bool yes;
	uint32_t flags;
	int want;
} gateways[] = {
	{ "10.9.9.8", "10.9.9.9", true, 0, 0 },
	{ "10.9.9.8", "10.9.9.9", true, RECORD_IN_OPTIONAL, 0 },
	{ "fd00:8::1", "fd00:9::9", true, RECORD_IN_OPTIONAL, 0 },
	{ "10.9.9.8", "10.9.9.9", false, 0, -EPERM },
	{ "fd00:8::1", "fd00:9::9", false, 0, -EPERM },
	/* What is required is never optional, behind a gateway either. */
	{ "10.20.1.1", "10.9.9.9", true, 0, 0 },
	{ "10.20.1.1", "10.20.9.9", true, 0, 0 },
	{ "10.20.1.1", "10.9.9.9", true, RECORD_IN_OPTIONAL, -EPERM },
	{ "10.20.1.1", "10.9.9.9", false, 0, -EPERM },
	{ "fd20::1", "fd00:9::9", true, 0, 0 },
	{ "fd20::1", "fd00:9::9", false, 0, -EPERM },
	/* The gateway's own network: it may be spoken to. */
	{ "10.9.9.8", "10.23.1.1", true, 0, 0 },
	{ "10.9.9.8", "10.20.1.1", true, 0, -EPERM },
	{ "10.9.9.8", "10.21.1.1", true, 0, -EPERM },
	{ "10.9.9.8", "10.22.1.1", true, 0, -EPERM },
	{ "10.9.9.8", "192.0.2.1", true, 0, -EPERM },
	{ "10.20.1.1", "10.23.7.1", true, 0, -EPERM },
	{ "10.9.9.8", "10.0.0.1", true, 0, -EINVAL },
	{ "10.9.9.8", "10.0.0.255", true, 0, -EINVAL },
	{ "10.9.9.8", "255.255.255.255", true, 0, -EINVAL },
	{ "10.9.9.8", "224.0.0.1", true, 0, -EINVAL },
	{ "10.9.9.8", "127.0.0.1", true, 0, -EINVAL },
	{ "fd00:8::1", "::1", true, 0, -EINVAL },
	{ "fd00:8::1", "ff02::1", true, 0, -EINVAL },
	{ "10.9.9.8", "fd00:9::9", true, 0, -EPROTO },
	{ "10.9.9.8", "10.9.9.8", true, 0, -EPROTO },
};

static void test_gateways(void **state)
{
	static const struct address_pools pools;
	struct world *w = *state;

	w->guard.pools = &pools;
	for (size_t i = 0; i < sizeof(gateways) / sizeof(gateways[0]); i++) {
		const char *remote = gateways[i].remote;
		bool six = strchr(remote, ':');
		struct record r =
			install(six ? "fd00::1" : "10.0.0.1", remote, R2);
		struct addr outer = fake_addr(gateways[i].outer);
		struct addr host = fake_addr(remote);

		set_gateway(w, remote, gateways[i].yes);
		r.install.flags = gateways[i].flags;
		r.install.tunnel = 1;
		r.install.outer = outer;
		print_message("%zu\n", i);
		expect(w, &r, gateways[i].want, gateways[i].outer);
		/* The flow's policy is the host's, or there is to be none. */
		if (!gateways[i].want)
			assert_ptr_equal(
				netd_guard_policy(&w->guard, &host, &outer),
				policy_table_lookup(w->policies, &host));
		set_gateway(w, remote, false);
		assert_null(netd_guard_policy(&w->guard, &host, &outer));
		r.install.outer = (struct addr){ 0 };
		r.install.flags = 0;
		expect(w, &r, 0, remote);
	}
}

/* A flow that stands keeps its ends. */
static void test_other_ends(void **state)
{
	struct address_pool pool = {
		.name = "default",
		.networks = { { fake_addr("100.64.0.0"), 10 } },
		.n_networks = 1,
	};
	const struct address_pools pools = { &pool, 1 };
	struct world *w = *state;
	struct record r = install("10.0.0.1", "100.64.0.5", R2);

	w->guard.pools = &pools;
	r.install.tunnel = 1;
	r.install.outer = fake_addr("10.9.9.9");
	r.install.in.spi = 0x1002;
	assert_int_equal(netd_flow_install(&w->flows, &r.install, 1), 0);
	r.install.in.spi = 0x1003;
	expect(w, &r, -EEXIST, "outbound SPI, by the outer address");
	r.install.out.spi = 0x6001;
	expect(w, &r, 0, "the same ends");
	r.install.outer = fake_addr("10.9.9.8");
	expect(w, &r, -EEXIST, "another outer address");
	/* A program's socket is judged as its flow is. */
	record_init(&r, RECORD_SOCKET, 1);
	r.socket.local = fake_addr("10.0.0.1");
	r.socket.remote = fake_addr("100.64.0.5");
	r.socket.reqid = R2;
	expect(w, &r, 0, "socket of a lease");
	r.socket.remote = fake_addr("100.64.0.6");
	expect(w, &r, -EPERM, "socket of another");
	r = install("10.0.0.1", "10.0.0.2", R1);
	r.install.tunnel = 1;
	expect(w, &r, 0, "no lease");
	r.install.lease = fake_addr("100.64.0.6");
	expect(w, &r, -EEXIST, "another lease");
}

static void test_spis(void **state)
{
	struct world *w = *state;
	struct record r = install("10.0.0.1", "10.0.0.2", R1);

	r.install.in.spi = 0x1000;
	expect(w, &r, -EEXIST, "inbound SPI");
	r.install.in.spi = 0x2000; /* to another destination */
	expect(w, &r, 0, "same number");
	r.install.out.spi = 0x2000;
	expect(w, &r, -EEXIST, "outbound SPI");
	r = install("10.0.0.1", "10.9.9.9", R2);
	r.install.out.spi = 0x2000;
	expect(w, &r, 0, "another remote");
	r.install.in.spi = 0x1000;
	expect(w, &r, -EEXIST, "of another flow");
}

static void test_orphan(void **state)
{
	struct world *w = *state;
	struct record r = install("10.0.0.1", "10.0.0.2", R2);

	expect(w, &r, -EEXIST, "an owned flow");
	netd_flows_orphan(&w->flows, 1);
	expect(w, &r, 0, "an orphan");
	r.install.reqid = R1;
	expect(w, &r, 0, "its own reqid");
	r = install("10.0.0.1", "10.9.9.9", R1);
	expect(w, &r, -EEXIST, "an orphan's reqid");
}

static void test_link_local(void **state)
{
	struct world *w = *state;
	struct record r = install("fe80::1", "fe80::2", R2);

	r.install.local.scope = 2;
	r.install.remote.scope = 2;
	expect(w, &r, 0, "our link");
	r.install.local.scope = 3;
	r.install.remote.scope = 3;
	expect(w, &r, -EADDRNOTAVAIL, "another link");
}

static void test_verdicts(void **state)
{
	static const struct {
		const char *remote;
		int clear, block;
	} rows[] = {
		{ "10.9.9.9", 0, 0 },
		{ "10.20.1.1", -EPERM, 0 },
		{ "10.21.1.1", -EPERM, 0 },
		{ "10.22.1.1", 0, -EPERM },
		{ "10.23.1.1", 0, -EPERM },
		{ "10.23.7.1", -EPERM, 0 },
		{ "192.0.2.1", 0, -EPERM },
		{ "10.0.0.1", -EINVAL, -EINVAL },
		{ "224.0.0.1", -EINVAL, -EINVAL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct record r;

		record_init(&r, RECORD_VERDICT, 1);
		r.verdict.local = fake_addr("10.0.0.1");
		r.verdict.remote = fake_addr(rows[i].remote);
		r.verdict.lifetime_ms = 1000;
		r.verdict.verdict = RECORD_CLEAR;
		expect(*state, &r, rows[i].clear, rows[i].remote);
		r.verdict.verdict = RECORD_BLOCK;
		expect(*state, &r, rows[i].block, rows[i].remote);
		r.verdict.verdict = RECORD_FORGET;
		expect(*state, &r, 0, rows[i].remote);
		r.verdict.local = fake_addr("10.0.0.9");
		expect(*state, &r, 0, rows[i].remote);
		r.verdict.verdict = RECORD_CLEAR;
		expect(*state, &r, -EADDRNOTAVAIL, rows[i].remote);
	}
}

static void test_flows(void **state)
{
	static const enum record_type types[] = { RECORD_SWITCH, RECORD_HARDEN,
						  RECORD_REMOVE_SA,
						  RECORD_REMOVE };

	for (size_t i = 0; i < 4; i++) {
		struct record r;

		record_init(&r, types[i], 1);
		r.flow.reqid = R1;
		r.flow.spi = 0x1000;
		r.flow.inbound = 1;
		expect(*state, &r, 0, "reqid alone");
		r.flow.local = fake_addr("10.0.0.1");
		r.flow.remote = fake_addr("10.0.0.2");
		expect(*state, &r, 0, "its hosts");
		r.flow.remote = fake_addr("10.0.0.3");
		expect(*state, &r, -EEXIST, "other hosts");
		r.flow.reqid = R2;
		expect(*state, &r, -ENOENT, "no flow");
		r.flow.reqid = 16385;
		expect(*state, &r, -EPROTO, "a foreign reqid");
	}
}

static struct record socket_record(const char *local, const char *remote,
				   uint32_t reqid)
{
	struct record r;

	record_init(&r, RECORD_SOCKET, 1);
	r.socket.local = fake_addr(local);
	r.socket.remote = fake_addr(remote);
	r.socket.reqid = reqid;
	return r;
}

/* Wherever there may be SAs, and nowhere else. */
static void test_sockets(void **state)
{
	static const struct {
		const char *local, *remote;
		uint32_t reqid;
		int want;
	} rows[] = {
		{ "10.0.0.1", "10.0.0.2", R1, 0 },
		{ "10.0.0.1", "10.0.0.3", 0, 0 },
		{ "10.0.0.1", "10.20.0.2", 0, 0 },
		{ "10.0.0.1", "10.23.0.2", 0, 0 },
		{ "10.0.0.1", "10.0.0.3", R2, -ENOENT },
		{ "10.0.0.1", "10.0.0.3", R1, -EEXIST },
		{ "10.0.0.1", "10.21.0.2", R2, -EPERM },
		{ "10.0.0.1", "10.22.0.2", R2, -EPERM },
		{ "10.0.0.9", "10.0.0.2", R2, -EADDRNOTAVAIL },
		{ "10.0.0.1", "127.0.0.1", R2, -EINVAL },
		{ "10.0.0.1", "10.0.0.2", 16385, -EPROTO },
	};
	struct record r;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		r = socket_record(rows[i].local, rows[i].remote, rows[i].reqid);
		expect(*state, &r, rows[i].want, rows[i].remote);
	}
}

/* What tacit-netd says is nothing to ask of it. */
static void test_directions(void **state)
{
	struct record r;

	record_init(&r, RECORD_HELLO, 1);
	expect(*state, &r, 0, "HELLO");
	record_init(&r, RECORD_ALIVE, 0);
	expect(*state, &r, 0, "ALIVE");
	record_init(&r, RECORD_BYE, 1);
	expect(*state, &r, 0, "BYE");
	record_init(&r, RECORD_WELCOME, 1);
	expect(*state, &r, -EPROTO, "WELCOME");
	record_init(&r, RECORD_REPLY, 1);
	r.reply.type = RECORD_INSTALL;
	expect(*state, &r, -EPROTO, "REPLY");
	record_init(&r, RECORD_ORPHAN, 0);
	r.orphan.last = 1;
	expect(*state, &r, -EPROTO, "ORPHAN");
	record_init(&r, RECORD_ADDRESS, 0);
	r.address.addr = fake_addr("10.0.0.1");
	expect(*state, &r, -EPROTO, "ADDRESS");
}

static void test_remote(void **state)
{
	static const struct {
		const char *addr;
		bool want;
	} rows[] = { { "10.0.0.2", true },     { "10.0.0.1", false },
		     { "10.0.0.255", false },  { "255.255.255.255", false },
		     { "224.0.0.251", false }, { "127.0.0.53", false },
		     { "fd00::2", true },      { "fd00::1", false },
		     { "ff02::fb", false },    { "::1", false },
		     { "::", false },	       { "0.0.0.0", false },
		     { "fe80::2", true },      { "fe80::1", false } };
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct addr a = fake_addr(rows[i].addr);

		assert_int_equal(netd_guard_remote(&w->guard, &a),
				 rows[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_install, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gateways, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_ends, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_spis, setup, teardown),
		cmocka_unit_test_setup_teardown(test_orphan, setup, teardown),
		cmocka_unit_test_setup_teardown(test_link_local, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_verdicts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sockets, setup, teardown),
		cmocka_unit_test_setup_teardown(test_directions, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_remote, setup, teardown),
		cmocka_unit_test_setup_teardown(test_services, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
