/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From one SA pair to the next: there is an SA in each direction at every
 * moment, sending changes over on evidence, and nothing stays behind.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/netd-flows.h"
#include "tests/unit/netd-fake.h"
#include "util/limits.h"

#define A  "10.0.0.1"
#define B  "10.1.0.2"
#define R1 (RECORD_REQID_MIN + 7)

static struct {
	struct fake kernel;
	struct timer_wheel *wheel;
	struct netd_pairs pairs;
	struct netd_flows flows;
	uint64_t now;
	unsigned ready, used;
	uint32_t used_spi;
} w;

static void on_ready(void *user, const struct addr *local,
		     const struct addr *remote)
{
	(void)user;
	(void)local;
	(void)remote;
	w.ready++;
}

static int on_gate(void *user, const struct addr *local,
		   const struct addr *remote)
{
	(void)user;
	(void)local;
	(void)remote;
	return -EOPNOTSUPP;
}

static void on_used(void *user, const struct record_flow *f)
{
	(void)user;
	assert_int_equal(f->reqid, R1);
	assert_int_equal(f->inbound, 1);
	w.used++;
	w.used_spi = f->spi;
}

/* SPIs: in 0x1000 + n, out 0x2000 + n. */
static int install(unsigned n, uint32_t replaces, uint32_t flags)
{
	struct record_install in = {
		.local = fake_addr(A),
		.remote = fake_addr(B),
		.reqid = R1,
		.flags = flags,
		.replaces = replaces,
		.hard_packets = 600,
		.soft_packets = 400,
		.in = { .spi = 0x1000 + n, .key_len = 20 },
		.out = { .spi = 0x2000 + n, .key_len = 20 },
	};

	if (flags & RECORD_IN_ONLY)
		memset(&in.out, 0, sizeof(in.out));
	return netd_flow_install(&w.flows, &in, w.now);
}

static int setup(void **state)
{
	struct hash_key key = { 1, 2 };

	(void)state;
	memset(&w, 0, sizeof(w));
	w.now = 1000000;
	fake_init(&w.kernel);
	w.wheel = timer_wheel_new(w.now, &w);
	netd_pairs_init(&w.pairs, &w.kernel.kernel, &key);
	netd_flows_init(&w.flows, &w.pairs, &w.kernel.kernel, w.wheel);
	w.flows.ready = on_ready;
	w.flows.gate = on_gate;
	w.flows.used = on_used;
	assert_int_equal(install(0, 0, 0), 0);
	w.kernel.n_log = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	netd_flows_done(&w.flows);
	netd_pairs_done(&w.pairs);
	timer_wheel_free(w.wheel);
	return 0;
}

static void pass(uint64_t ms)
{
	for (uint64_t end = w.now + ms; w.now < end;) {
		w.now++;
		timer_wheel_run(w.wheel, w.now);
	}
}

static bool has_in(unsigned n)
{
	return fake_sa(&w.kernel, A, 0x1000 + n) != NULL;
}

static bool has_out(unsigned n)
{
	return fake_sa(&w.kernel, B, 0x2000 + n) != NULL;
}

static int remove_sa(uint32_t spi, bool inbound)
{
	return netd_flow_remove_sa(&w.flows, R1, spi, inbound, w.now);
}

/* Both SAs of a pair, as the agent does after CHILD_DOWN. */
static void remove_pair(unsigned n)
{
	int r = remove_sa(0x2000 + n, false);

	assert_true(r == 0 || r == -ENOENT);
	assert_int_equal(remove_sa(0x1000 + n, true), 0);
}

/* We rekeyed: the peer can receive, so sending changes over at once. */
static void test_ours(void **state)
{
	const struct ksa *sa;

	(void)state;
	assert_int_equal(install(1, 0x1000, 0), 0);
	assert_true(has_in(0) && has_in(1) && has_out(1));
	assert_false(has_out(0));
	sa = fake_sa(&w.kernel, A, 0x1001);
	assert_int_equal(sa->soft_packets, 400);
	assert_int_equal(sa->hard_packets, 600);
	/* Never a moment without an out-SA. */
	assert_true(fake_log_sa(&w.kernel, CHANGE_SA_ADD, 0x2001) <
		    fake_log_sa(&w.kernel, CHANGE_SA_DELETE, 0x2000));
	pass(500);
	assert_int_equal(w.used, 0);
	w.kernel.used_spi = 0x1001;
	pass(1000);
	assert_int_equal(w.used, 1);
	assert_int_equal(w.used_spi, 0x1001);
	/* What is on the way by the old one still arrives. */
	remove_pair(0);
	assert_true(has_in(0));
	assert_int_equal(remove_sa(0x1000, true), -ENOENT);
	pass(999);
	assert_true(has_in(0));
	pass(2);
	assert_false(has_in(0));
	assert_int_equal(w.kernel.n_sas, 2);
	pass(60000);
	assert_int_equal(w.used, 1);
}

/* The peer rekeyed: it has our answer when it uses the new pair. */
static void test_theirs(void **state)
{
	(void)state;
	assert_int_equal(install(1, 0x1000, RECORD_OUT_LATER), 0);
	assert_true(has_in(0) && has_in(1) && has_out(0));
	assert_false(has_out(1));
	/* The agent's timer is for first pairs, and moves no rekeyed one. */
	assert_int_equal(netd_flow_switch(&w.flows, R1), 0);
	pass(1500);
	assert_false(has_out(1));
	w.kernel.used_spi = 0x1001;
	pass(1000);
	assert_true(has_out(1));
	assert_false(has_out(0));
	assert_int_equal(w.used, 1);
	remove_pair(0);
	pass(1001);
	assert_int_equal(w.kernel.n_sas, 2);
}

/* It deletes the old pair, or says nothing at all. */
static void test_theirs_silent(void **state)
{
	(void)state;
	assert_int_equal(install(1, 0x1000, RECORD_OUT_LATER), 0);
	assert_int_equal(remove_sa(0x2000, false), 0);
	assert_true(has_out(1));
	assert_false(has_out(0));
	assert_int_equal(remove_sa(0x1000, true), 0);
	pass(1001);
	assert_int_equal(w.kernel.n_sas, 2);

	assert_int_equal(install(2, 0x1001, RECORD_OUT_LATER), 0);
	pass(4900);
	assert_true(has_out(1));
	pass(4000);
	assert_true(has_out(2));
	assert_false(has_out(1));
	assert_int_equal(w.used, 0);
}

/* The old out-SA reaches its hard limit before the evidence is there. */
static void test_theirs_expired(void **state)
{
	struct kexpire e = { .sa = { .dst = fake_addr(B), .esp.spi = 0x2000 },
			     .hard = true };
	struct record_expire x;

	(void)state;
	assert_int_equal(install(1, 0x1000, RECORD_OUT_LATER), 0);
	assert_true(netd_flow_expired(&w.flows, &e, &x));
	assert_true(has_out(1));
	assert_true(has_in(0) && has_in(1));
}

/* Both rekey at once: of the one that lost there is only the in-SA, until it
 * wins after all. */
static void test_both(void **state)
{
	(void)state;
	assert_int_equal(install(1, 0x1000, RECORD_IN_ONLY), 0);
	assert_true(has_out(0));
	assert_int_equal(install(2, 0x1000, 0), 0);
	assert_true(has_in(0) && has_in(1) && has_in(2) && has_out(2));
	assert_int_equal(install(1, 0x1000, 0), 0);
	assert_true(has_out(1) && has_in(1));
	assert_false(has_out(2));
	assert_int_equal(remove_sa(0x1002, true), 0);
	remove_pair(0);
	pass(1001);
	assert_int_equal(w.kernel.n_sas, 2);
	assert_true(has_in(1) && has_out(1));
}

/* Both rekey at once, and ours is known to have lost only when the change to
 * the peer's is under way: it goes on. */
static void test_both_late(void **state)
{
	(void)state;
	assert_int_equal(install(1, 0x1000, RECORD_OUT_LATER), 0);
	assert_int_equal(install(2, 0x1000, RECORD_IN_ONLY), 0);
	assert_true(has_in(1) && has_in(2) && has_out(0));
	remove_pair(0);
	assert_true(has_out(1));
	assert_false(has_out(0));

	assert_int_equal(install(3, 0x1001, RECORD_OUT_LATER), 0);
	assert_int_equal(install(4, 0x1001, RECORD_IN_ONLY), 0);
	w.kernel.used_spi = 0x1003;
	pass(1000);
	assert_true(has_out(3));
	assert_false(has_out(1));
	assert_int_equal(w.used, 1);
	assert_int_equal(w.used_spi, 0x1003);
}

/* What fails changes nothing. */
static void test_fails(void **state)
{
	(void)state;
	for (int at = 1; at <= 2; at++) {
		w.kernel.fail_with = -ENOMEM;
		w.kernel.fail_at = at;
		assert_int_equal(install(1, 0x1000, 0), -ENOMEM);
		assert_true(has_in(0) && has_out(0));
		assert_int_equal(w.kernel.n_sas, 2);
	}
	w.kernel.fail_at = 0;
	assert_int_equal(install(1, 0x1000, 0), 0);
}

/* However fast they come, SAs do not pile up, and none is refused. */
static void test_fast(void **state)
{
	(void)state;
	for (unsigned n = 1; n < 100; n++) {
		assert_int_equal(install(n, 0x1000 + n - 1, 0), 0);
		remove_pair(n - 1);
		w.kernel.n_log = 0;
		pass(10);
		assert_true(has_in(n) && has_out(n));
		assert_in_range(w.kernel.n_sas, 2, LIMIT_FLOW_SAS);
	}
	pass(1001);
	assert_int_equal(w.kernel.n_sas, 2);
}

/* Another pair, which rekeys nothing: sending is by it alone, since of two that
 * were made in the same second the kernel takes either. The one before may serve
 * again, and with the same keys never by a sequence number that it has had. */
static void test_supersede(void **state)
{
	(void)state;
	assert_int_equal(install(1, 0, RECORD_OUT_LATER), 0);
	assert_true(has_out(0) && !has_out(1));
	assert_int_equal(netd_flow_switch(&w.flows, R1), 0);
	assert_true(has_out(1) && !has_out(0));
	assert_int_equal(install(1, 0, 0), -EEXIST);
	assert_int_equal(install(0, 0, 0), 0);
	assert_true(has_out(0) && !has_out(1));
	assert_true(has_in(0) && has_in(1));
	assert_int_equal(fake_sa(&w.kernel, B, 0x2000)->oseq, 1 << 24);
}

/* A peer that has lost its agent makes a new pair and drops the old one, before
 * it can have ours: the old one goes on until the switch. */
static void test_begun_anew(void **state)
{
	(void)state;
	assert_int_equal(install(1, 0, RECORD_OUT_LATER), 0);
	remove_pair(0);
	assert_true(has_in(0) && has_out(0) && !has_out(1));
	assert_int_equal(netd_flow_switch(&w.flows, R1), 0);
	assert_true(has_out(1) && !has_out(0));
	assert_true(has_in(0) && has_in(1));
	pass(1001);
	assert_true(has_in(1) && !has_in(0));
	assert_int_equal(w.kernel.n_sas, 2);
}

static struct record_install in_udp(uint16_t remote)
{
	return (struct record_install){
		.local = fake_addr(A),
		.remote = fake_addr(B),
		.reqid = R1,
		.tunnel = 1,
		.udp_local = 4500,
		.udp_remote = remote,
		.replaces = 0x1000,
		.in = { .spi = 0x1001, .key_len = 20 },
		.out = { .spi = 0x2001, .key_len = 20 },
	};
}

/* Ports of ESP in UDP, the mode, and a peer whose port changes. */
static void test_udp(void **state)
{
	struct record_install in = in_udp(1024);
	struct kmapping m = { .src = fake_addr(B),
			      .dst = fake_addr(A),
			      .spi = 0x1001,
			      .udp_src = 2000 };
	const struct ksa *sa;

	(void)state;
	assert_int_equal(netd_flow_move(&w.flows, R1, 1), -EINVAL);
	assert_int_equal(netd_flow_move(&w.flows, R1 + 1, 1), -ENOENT);
	assert_int_equal(netd_flow_install(&w.flows, &in, w.now), 0);
	remove_pair(0);
	pass(1001);
	sa = fake_sa(&w.kernel, B, 0x2001);
	assert_int_equal(sa->udp_src, 4500);
	assert_int_equal(sa->udp_dst, 1024);
	assert_true(sa->tunnel);
	assert_true(fake_policy(&w.kernel, KDIR_OUT, A "/32", B "/32")->tunnel);
	assert_true(fake_policy(&w.kernel, KDIR_IN, B "/32", A "/32")->tunnel);
	assert_true(netd_flow_mapped(&w.flows, &m, w.now));
	sa = fake_sa(&w.kernel, B, 0x2001);
	assert_int_equal(sa->udp_dst, 2000);
	sa = fake_sa(&w.kernel, A, 0x1001);
	assert_int_equal(sa->udp_src, 2000);
	assert_int_equal(sa->udp_dst, 4500);
	/* A peer with a port for each packet does not keep us busy. */
	m.udp_src = 3000;
	assert_false(netd_flow_mapped(&w.flows, &m, w.now));
	assert_int_equal(fake_sa(&w.kernel, B, 0x2001)->udp_dst, 2000);
	pass(200);
	assert_true(netd_flow_mapped(&w.flows, &m, w.now));
	assert_int_equal(fake_sa(&w.kernel, B, 0x2001)->udp_dst, 3000);
	pass(200);
	/* Another host is not followed, nor an SA that is not ours. */
	m.src = fake_addr("10.1.0.3");
	assert_false(netd_flow_mapped(&w.flows, &m, w.now));
	m.src = fake_addr(B);
	m.spi = 0x7777;
	assert_false(netd_flow_mapped(&w.flows, &m, w.now));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_supersede),     T(test_begun_anew),
		T(test_ours),	       T(test_theirs),
		T(test_theirs_silent), T(test_theirs_expired),
		T(test_both),	       T(test_fails),
		T(test_fast),	       T(test_udp),
		T(test_both_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
