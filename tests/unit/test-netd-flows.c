/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * agent/netd-flows.c, netd-orphans.c and netd-pairs.c against a recording
 * kernel: what stands there after each request, in which order it came, and
 * that a failure leaves everything as it was.
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

#define R1  (RECORD_REQID_MIN + 1)
#define R2  (RECORD_REQID_MIN + 2)
#define A   "10.0.0.1"
#define B   "10.0.0.2"
#define A32 A "/32"
#define B32 B "/32"

struct world {
	struct fake kernel;
	struct policy_table *policies;
	struct netd_networks *networks;
	struct netd_pairs pairs;
	struct netd_flows flows;
	struct netd_shunts shunts;
	struct timer_wheel *wheel;
	unsigned ready, gone, gated;
	int spis, secured; /* told of, and not taken back */
	int gate;	   /* what on_gate() returns */
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

static int on_gate(void *user, const struct addr *local,
		   const struct addr *remote)
{
	struct world *w = user;

	(void)local;
	(void)remote;
	w->gated += w->gate == 0;
	return w->gate;
}

static void on_spi(void *user, const struct addr *local, uint32_t spi,
		   bool known)
{
	struct addr own = fake_addr(A);
	struct world *w = user;

	(void)spi;
	assert_true(addr_equal(local, &own));
	w->spis += known ? 1 : -1;
}

static void on_secured(void *user, const struct addr *local,
		       const struct addr *remote, bool secured)
{
	struct world *w = user;

	(void)local;
	(void)remote;
	w->secured += secured ? 1 : -1;
	assert_true(w->secured >= 0);
}

static void on_gone(void *user, const struct addr *local,
		    const struct addr *remote)
{
	struct world *w = user;

	(void)local;
	(void)remote;
	w->gone++;
}

static bool taken(void *user, const struct kpolicy *place)
{
	const struct world *w = user;

	return netd_pairs_taken(&w->pairs, place);
}

static struct world *world_of(const char *line)
{
	static const struct addr none;
	struct world *w = calloc(1, sizeof(*w));
	const char *lines[] = { line, NULL };
	struct hash_key key = { 1, 2 };
	struct netd_networks_config c = { .esp4 = true, .esp6 = true };
	struct addr own = fake_addr(A);

	assert_non_null(w);
	w->now = 1000000;
	fake_init(&w->kernel);
	w->policies = fake_policies(lines);
	c.policies = w->policies;
	c.kernel = &w->kernel.kernel;
	c.taken = taken;
	c.user = w;
	w->wheel = timer_wheel_new(w->now, w);
	assert_non_null(w->wheel);
	netd_pairs_init(&w->pairs, &w->kernel.kernel, &key);
	netd_flows_init(&w->flows, &w->pairs, &w->kernel.kernel, w->wheel);
	w->flows.user = w;
	w->flows.ready = on_ready;
	w->flows.gate = on_gate;
	w->flows.spi = on_spi;
	w->flows.secured = on_secured;
	w->gate = -EOPNOTSUPP;
	w->shunts = (struct netd_shunts){ .pairs = &w->pairs,
					  .wheel = w->wheel,
					  .user = w,
					  .gone = on_gone };
	assert_int_equal(netd_networks_new(&c, &w->networks), 0);
	w->pairs.networks = w->networks;
	assert_int_equal(netd_networks_add(w->networks, &own, &none), 0);
	assert_int_equal(netd_networks_set_armed(w->networks, true), 0);
	w->kernel.n_log = 0;
	return w;
}

static struct world *world(void)
{
	return world_of("offer 10.0.0.0/8");
}

static void end(struct world *w)
{
	netd_shunts_done(&w->shunts);
	netd_flows_done(&w->flows);
	assert_int_equal(w->spis, 0);
	assert_int_equal(w->secured, 0);
	netd_pairs_done(&w->pairs);
	netd_networks_free(w->networks);
	policy_table_free(w->policies);
	timer_wheel_free(w->wheel);
	free(w);
}

static void wait_ms(struct world *w, uint64_t ms)
{
	w->now += ms;
	timer_wheel_run(w->wheel, w->now);
}

/* SPIs: in 0x1000 + n, out 0x2000 + n. */
static struct record_install request(uint32_t reqid, unsigned n, uint32_t flags)
{
	struct record_install in = {
		.local = fake_addr(A),
		.remote = fake_addr(B),
		.reqid = reqid,
		.acquire_seq = 77,
		.flags = flags,
		.hard_s = 3600,
		.in = { .spi = 0x1000 + n,
			.cipher = ESP_AES_GCM_16_128,
			.key_len = 20 },
		.out = { .spi = 0x2000 + n,
			 .cipher = ESP_AES_GCM_16_128,
			 .key_len = 20 },
	};

	if (flags & RECORD_IN_ONLY)
		memset(&in.out, 0, sizeof(in.out));
	return in;
}

static int install(struct world *w, uint32_t reqid, unsigned n, uint32_t flags)
{
	struct record_install in = request(reqid, n, flags);

	return netd_flow_install(&w->flows, &in, w->now);
}

static const struct kpolicy *in_policy(const struct world *w)
{
	return fake_policy(&w->kernel, KDIR_IN, B32, A32);
}

static const struct kpolicy *out_policy(const struct world *w)
{
	return fake_policy(&w->kernel, KDIR_OUT, A32, B32);
}

static bool has_in(const struct world *w, unsigned n)
{
	return fake_sa(&w->kernel, A, 0x1000 + n) != NULL;
}

static bool has_out(const struct world *w, unsigned n)
{
	return fake_sa(&w->kernel, B, 0x2000 + n) != NULL;
}

static void test_install(void **state)
{
	struct world *w = world();
	const struct fake *k = &w->kernel;
	const struct ksa *sa;

	(void)state;
	assert_int_equal(install(w, R1, 0, 0), 0);
	sa = fake_sa(k, A, 0x1000);
	assert_non_null(sa);
	assert_true(sa->inbound);
	assert_int_equal(sa->seq, 0);
	assert_int_equal(sa->hard_s, 3600);
	sa = fake_sa(k, B, 0x2000);
	assert_non_null(sa);
	assert_false(sa->inbound);
	assert_int_equal(sa->seq, 77);
	assert_int_equal(sa->reqid, R1);
	assert_int_equal(in_policy(w)->reqid, R1);
	assert_false(in_policy(w)->optional);
	assert_int_equal(in_policy(w)->priority, KPOLICY_PRIO_FLOW);
	assert_int_equal(out_policy(w)->reqid, R1);
	assert_false(out_policy(w)->optional);
	assert_int_equal(w->ready, 1);
	/* Nothing is sent before its answer could be taken in. */
	assert_true(fake_log_sa(k, CHANGE_SA_ADD, 0x1000) <
		    fake_log_sa(k, CHANGE_SA_ADD, 0x2000));
	assert_true(fake_log_sa(k, CHANGE_SA_ADD, 0x2000) <
		    fake_log_policy(k, CHANGE_POLICY_SET, KDIR_IN, R1));
	assert_true(fake_log_policy(k, CHANGE_POLICY_SET, KDIR_IN, R1) <
		    fake_log_policy(k, CHANGE_POLICY_SET, KDIR_OUT, R1));

	/* Policies go before the SAs that they look for. */
	w->kernel.n_log = 0;
	assert_int_equal(netd_flow_remove(&w->flows, R1), 0);
	assert_int_equal(k->n_sas, 0);
	assert_null(in_policy(w));
	assert_null(out_policy(w));
	assert_true(fake_log_policy(k, CHANGE_POLICY_DELETE, KDIR_OUT, 0) <
		    fake_log_sa(k, CHANGE_SA_DELETE, 0x2000));
	assert_int_equal(netd_flow_remove(&w->flows, R1), -ENOENT);
	assert_int_equal(hmap_count(&w->pairs.map), 0);
	end(w);
}

static void test_responder(void **state)
{
	struct world *w = world();

	(void)state;
	assert_int_equal(
		install(w, R1, 0, RECORD_OUT_LATER | RECORD_IN_OPTIONAL), 0);
	assert_true(has_in(w, 0) && has_out(w, 0));
	assert_true(in_policy(w)->optional);
	assert_null(out_policy(w));
	assert_int_equal(w->ready, 0);
	assert_int_equal(netd_flow_switch(&w->flows, R1), 0);
	assert_int_equal(out_policy(w)->reqid, R1);
	assert_int_equal(w->ready, 1);
	assert_true(in_policy(w)->optional);
	assert_int_equal(netd_flow_harden(&w->flows, R1), 0);
	assert_false(in_policy(w)->optional);
	assert_int_equal(netd_flow_harden(&w->flows, R1), 0);
	/* A second SA pair does not soften it. */
	assert_int_equal(install(w, R1, 1, RECORD_IN_OPTIONAL), 0);
	assert_false(in_policy(w)->optional);
	assert_int_equal(netd_flow_switch(&w->flows, R2), -ENOENT);
	assert_int_equal(netd_flow_harden(&w->flows, R2), -ENOENT);
	end(w);
}

/* Where packets can be held back, the responder's policy is in at once, and
 * they go when the initiator is known to have its SAs. */
static void test_gate(void **state)
{
	const uint32_t flags = RECORD_OUT_LATER | RECORD_IN_OPTIONAL;
	struct addr a = fake_addr(A), b = fake_addr(B);
	struct world *w = world();

	(void)state;
	w->gate = 0;
	assert_false(netd_flow_held(&w->flows, &a, &b));
	assert_int_equal(install(w, R1, 0, flags), 0);
	assert_int_equal(w->gated, 1);
	assert_int_equal(w->ready, 0);
	assert_int_equal(out_policy(w)->reqid, R1);
	/* A packet waits: nothing has come on the in-SA yet. */
	assert_true(netd_flow_held(&w->flows, &a, &b));
	assert_int_equal(w->ready, 0);
	w->kernel.used_spi = 0x1000;
	assert_true(netd_flow_held(&w->flows, &a, &b));
	assert_int_equal(w->ready, 1);
	assert_false(netd_flow_held(&w->flows, &a, &b));
	assert_int_equal(netd_flow_switch(&w->flows, R1), 0);
	assert_int_equal(netd_flow_remove(&w->flows, R1), 0);
	w->kernel.used_spi = 0;
	/* What fails lets go again. */
	w->ready = 0;
	w->kernel.fail_with = -ENOMEM;
	w->kernel.fail_at = 3;
	assert_int_equal(install(w, R1, 1, flags), -ENOMEM);
	assert_int_equal(w->ready, 1);
	assert_int_equal(w->kernel.n_sas, 0);
	/* So does an agent that dies, in between too. */
	assert_int_equal(install(w, R1, 2, flags), 0);
	assert_int_equal(install(w, R1, 3, flags), 0);
	assert_false(has_out(w, 3));
	netd_flows_orphan(&w->flows, w->now);
	assert_int_equal(w->ready, 2);
	assert_true(has_out(w, 2));
	end(w);
}

/* In a flow that sends already, a new out-SA would be used at once: it stays
 * with us until it may be. */
static void test_rekey(void **state)
{
	struct world *w = world();

	(void)state;
	assert_int_equal(install(w, R1, 0, 0), 0);
	assert_int_equal(install(w, R1, 1, RECORD_OUT_LATER), 0);
	assert_true(has_in(w, 0) && has_in(w, 1) && has_out(w, 0) &&
		    !has_out(w, 1));
	assert_int_equal(netd_flow_switch(&w->flows, R1), 0);
	assert_true(has_out(w, 1) && !has_out(w, 0) && has_in(w, 0));
	assert_int_equal(
		netd_flow_remove_sa(&w->flows, R1, 0x1000, true, w->now), 0);
	assert_int_equal(
		netd_flow_remove_sa(&w->flows, R1, 0x1000, true, w->now),
		-ENOENT);
	assert_int_equal(
		netd_flow_remove_sa(&w->flows, R1, 0x1001, false, w->now),
		-ENOENT);
	assert_true(has_in(w, 1) && has_out(w, 1));
	assert_int_equal(w->kernel.n_sas, 2);
	/* One that waits is forgotten, or replaced by the next one. */
	assert_int_equal(install(w, R1, 2, RECORD_OUT_LATER), 0);
	assert_int_equal(
		netd_flow_remove_sa(&w->flows, R1, 0x2002, false, w->now), 0);
	assert_int_equal(install(w, R1, 3, RECORD_OUT_LATER), 0);
	assert_int_equal(install(w, R1, 4, RECORD_OUT_LATER), 0);
	assert_int_equal(netd_flow_switch(&w->flows, R1), 0);
	assert_false(has_out(w, 2) || has_out(w, 3));
	assert_true(has_out(w, 4));
	/* In-SA alone. */
	assert_int_equal(install(w, R1, 5, RECORD_IN_ONLY), 0);
	assert_true(has_in(w, 5));
	assert_false(has_out(w, 5));
	assert_int_equal(out_policy(w)->reqid, R1);
	end(w);
}

static void test_in_only(void **state)
{
	struct world *w = world();

	(void)state;
	assert_int_equal(install(w, R1, 0, RECORD_IN_ONLY), 0);
	assert_true(has_in(w, 0));
	assert_null(out_policy(w));
	assert_int_equal(w->ready, 0);
	assert_int_equal(netd_flow_switch(&w->flows, R1), -ENODATA);
	end(w);
}

static void test_limit(void **state)
{
	struct world *w = world();
	unsigned n = 0;

	(void)state;
	while (install(w, R1, n, 0) == 0)
		n++;
	assert_int_equal(n, LIMIT_FLOW_SAS - 2);
	assert_int_equal(install(w, R1, n, 0), -ENOSPC);
	assert_int_equal(w->kernel.n_sas, LIMIT_FLOW_SAS - 1);
	end(w);
}

/* Whatever fails, first or in a flow that is there: as it was before. */
static void test_failures(void **state)
{
	(void)state;
	for (unsigned at = 1; at <= 4; at++) {
		struct world *w = world();
		size_t policies = w->kernel.n_policies;

		w->kernel.fail_at = at;
		w->kernel.fail_with = -ENOSYS;
		assert_int_equal(install(w, R1, 0, 0), -ENOSYS);
		assert_int_equal(w->kernel.n_sas, 0);
		assert_int_equal(w->kernel.n_policies, policies);
		assert_int_equal(hmap_count(&w->pairs.map), 0);
		assert_int_equal(w->ready, 0);
		assert_int_equal(install(w, R1, 0, 0), 0);

		w->kernel.fail_at = at;
		assert_int_equal(install(w, R1, 1, 0), -ENOSYS);
		assert_int_equal(w->kernel.n_sas, 2);
		assert_true(has_in(w, 0) && has_out(w, 0));
		assert_int_equal(out_policy(w)->reqid, R1);
		w->kernel.fail_at = 0;
		assert_int_equal(install(w, R1, 1, 0), 0);
		end(w);
	}
}

static void test_failed_switch(void **state)
{
	struct world *w = world();

	(void)state;
	assert_int_equal(
		install(w, R1, 0, RECORD_OUT_LATER | RECORD_IN_OPTIONAL), 0);
	w->kernel.fail_with = -ENOMEM;
	w->kernel.fail_at = 2; /* in, then out */
	assert_int_equal(netd_flow_switch(&w->flows, R1), -ENOMEM);
	assert_int_equal(w->ready, 0);
	assert_null(out_policy(w));
	w->kernel.fail_at = 1;
	assert_int_equal(netd_flow_harden(&w->flows, R1), -ENOMEM);
	assert_true(in_policy(w)->optional);
	assert_int_equal(netd_flow_switch(&w->flows, R1), 0);
	w->kernel.fail_at = 1;
	assert_int_equal(netd_flow_remove(&w->flows, R1), -ENOMEM);
	assert_int_equal(w->kernel.n_sas, 2);
	assert_int_equal(netd_flow_remove(&w->flows, R1), 0);
	assert_int_equal(w->kernel.n_sas, 0);
	end(w);
}

static void take_over(uint32_t reqid, uint32_t flags, int gate)
{
	struct world *w = world();
	struct record_orphan o;

	assert_int_equal(install(w, R1, 0, 0), 0);
	netd_flows_orphan(&w->flows, w->now);
	assert_int_equal(w->kernel.n_sas, 2);
	netd_flows_report_start(&w->flows);
	assert_true(netd_flows_report_next(&w->flows, &o));
	assert_int_equal(o.reqid, R1);
	assert_int_equal(o.spi_in, 0x1000);
	assert_int_equal(o.spi_out, 0x2000);
	assert_int_equal(o.last, 1);
	assert_false(netd_flows_report_next(&w->flows, &o));

	w->kernel.n_log = 0;
	w->gate = gate;
	assert_int_equal(install(w, reqid, 1, flags), 0);
	if (flags & RECORD_OUT_LATER) {
		/* Both ways in, the old way out or none. */
		assert_true(has_in(w, 0) && has_in(w, 1));
		assert_true(has_out(w, 0) || w->gated);
		assert_int_equal(out_policy(w)->reqid, w->gated ? reqid : R1);
		assert_int_equal(netd_flow_switch(&w->flows, reqid), 0);
	}
	assert_true(has_in(w, 0) && has_in(w, 1) && has_out(w, 1));
	assert_false(has_out(w, 0));
	assert_int_equal(out_policy(w)->reqid, reqid);
	assert_int_equal(in_policy(w)->reqid, reqid == R1 ? R1 : 0);
	/* Make before break. */
	assert_true(fake_log_sa(&w->kernel, CHANGE_SA_ADD, 0x2001) <
		    fake_log_sa(&w->kernel, CHANGE_SA_DELETE, 0x2000));
	wait_ms(w, 4900);
	assert_true(has_in(w, 0));
	wait_ms(w, 200);
	assert_false(has_in(w, 0));
	assert_true(has_in(w, 1) && has_out(w, 1));
	assert_int_equal(in_policy(w)->reqid, reqid);
	/* It is no orphan any more. */
	wait_ms(w, 4000000);
	assert_int_equal(w->kernel.n_sas, 2);
	netd_flows_report_start(&w->flows);
	assert_true(netd_flows_report_next(&w->flows, &o));
	assert_int_equal(o.reqid, 0);
	end(w);
}

static void test_takeover(void **state)
{
	(void)state;
	take_over(R1, 0, 0);
	take_over(R2, 0, 0);
	take_over(R1, RECORD_OUT_LATER, 0);
	take_over(R2, RECORD_OUT_LATER, 0);
	take_over(R1, RECORD_OUT_LATER, -EOPNOTSUPP);
	take_over(R2, RECORD_OUT_LATER, -EOPNOTSUPP);
}

static void test_failed_takeover(void **state)
{
	(void)state;
	for (unsigned at = 1; at <= 4; at++) {
		struct world *w = world();
		bool orphan = false;
		struct addr a = fake_addr(A), b = fake_addr(B);

		assert_int_equal(install(w, R1, 0, 0), 0);
		netd_flows_orphan(&w->flows, w->now);
		w->kernel.fail_at = at;
		w->kernel.fail_with = -ENOMEM;
		assert_int_equal(install(w, R2, 1, 0), -ENOMEM);
		assert_int_equal(w->kernel.n_sas, 2);
		assert_int_equal(out_policy(w)->reqid, R1);
		assert_int_equal(in_policy(w)->reqid, R1);
		assert_int_equal(netd_flow_of_pair(&w->flows, &a, &b, &orphan),
				 R1);
		assert_true(orphan);
		end(w);
	}
}

static void test_orphans(void **state)
{
	struct world *w = world();

	(void)state;
	/* Half a flow protects nothing. */
	assert_int_equal(install(w, R1, 0, RECORD_OUT_LATER), 0);
	netd_flows_orphan(&w->flows, w->now);
	assert_int_equal(w->kernel.n_sas, 0);
	assert_null(in_policy(w));

	assert_int_equal(install(w, R1, 1, 0), 0);
	netd_flows_orphan(&w->flows, w->now);
	wait_ms(w, 3500000);
	assert_int_equal(w->kernel.n_sas, 2);
	wait_ms(w, 200000);
	assert_int_equal(w->kernel.n_sas, 0);
	assert_null(out_policy(w));
	end(w);
}

static void adopt(struct world *w, enum kdir dir, uint32_t reqid, bool optional,
		  int want)
{
	struct addr a = fake_addr(A), b = fake_addr(B);
	struct prefix pa = prefix_host(&a), pb = prefix_host(&b);
	struct kpolicy p = {
		.dir = dir,
		.action = KACTION_PROTECT,
		.priority = KPOLICY_PRIO_FLOW,
		.reqid = reqid,
		.optional = optional,
		.sel = dir == KDIR_OUT ? kselector_between(&pa, &pb)
				       : kselector_between(&pb, &pa),
	};

	w->kernel.policies[w->kernel.n_policies++] = p;
	assert_int_equal(netd_flow_adopt_policy(&w->flows, &p, &a, &b), want);
}

static void adopt_sa(struct world *w, const char *src, const char *dst,
		     uint32_t spi, uint32_t reqid, int want)
{
	struct ksa sa = { .src = fake_addr(src),
			  .dst = fake_addr(dst),
			  .reqid = reqid,
			  .esp.spi = spi };

	w->kernel.sas[w->kernel.n_sas++] = sa;
	assert_int_equal(netd_flow_adopt_sa(&w->flows, &sa), want);
}

static void test_adopt(void **state)
{
	struct world *w = world();
	struct record_orphan o;

	(void)state;
	adopt(w, KDIR_OUT, R1, false, 0);
	adopt(w, KDIR_IN, 0, false, 0);
	adopt_sa(w, B, A, 0x1000, R1, 0);
	adopt_sa(w, A, B, 0x2000, R1, 0);
	adopt_sa(w, A, B, 0x2000, R1, 0); /* seen twice */
	adopt_sa(w, A, B, 0x2001, R2, -ENOENT);
	adopt_sa(w, "10.0.0.3", A, 0x1003, R1, -ENOENT);
	netd_flows_adopted(&w->flows, w->now);
	assert_int_equal(in_policy(w)->reqid, R1);
	assert_int_equal(out_policy(w)->reqid, R1);
	netd_flows_report_start(&w->flows);
	assert_true(netd_flows_report_next(&w->flows, &o));
	assert_int_equal(o.reqid, R1);
	assert_true(o.spi_in == 0x1000 && o.spi_out == 0x2000 && o.last);
	end(w);
}

static void test_adopt_half(void **state)
{
	struct world *w = world();

	(void)state;
	adopt(w, KDIR_OUT, R1, false, 0);
	adopt(w, KDIR_IN, R1, false, 0);
	adopt_sa(w, B, A, 0x1000, R1, 0);
	netd_flows_adopted(&w->flows, w->now);
	assert_null(in_policy(w));
	assert_null(out_policy(w));
	assert_int_equal(w->kernel.n_sas, 0);
	/* An in-policy alone is nobody's. */
	adopt(w, KDIR_IN, R1, false, -ENOENT);
	end(w);
}

static void test_expiry(void **state)
{
	struct world *w = world();
	struct kexpire e = { .sa = { .dst = fake_addr(A), .esp.spi = 0x1000 } };
	struct record_expire r;

	(void)state;
	assert_int_equal(install(w, R1, 0, 0), 0);
	assert_true(netd_flow_expired(&w->flows, &e, &r));
	assert_true(r.reqid == R1 && r.spi == 0x1000 && r.inbound && !r.hard);
	assert_int_equal(w->kernel.n_sas, 2);
	e.hard = true;
	e.sa.dst = fake_addr(B);
	assert_false(netd_flow_expired(&w->flows, &e, &r));
	e.sa.dst = fake_addr(A);
	/* There is another one in this direction. */
	assert_int_equal(install(w, R1, 1, 0), 0);
	assert_true(netd_flow_expired(&w->flows, &e, &r));
	assert_true(r.hard);
	assert_non_null(out_policy(w));
	e.sa.esp.spi = 0x1001;
	assert_true(netd_flow_expired(&w->flows, &e, &r));
	assert_null(out_policy(w));
	assert_null(in_policy(w));
	assert_false(has_out(w, 0) || has_out(w, 1));
	end(w);
}

static void test_shunts(void **state)
{
	struct world *w = world();
	struct addr a = fake_addr(A), b = fake_addr(B);
	struct change c = { .op = CHANGE_POLICY_DELETE };
	struct kpolicy p;

	(void)state;
	assert_int_equal(
		netd_shunt_set(&w->shunts, &a, &b, false, 1500, w->now), 0);
	assert_int_equal(out_policy(w)->action, KACTION_PASS);
	assert_int_equal(out_policy(w)->priority, KPOLICY_PRIO_SHUNT);
	assert_int_equal(out_policy(w)->hard_s, 2);
	assert_null(in_policy(w));
	wait_ms(w, 1400);
	assert_non_null(out_policy(w));
	wait_ms(w, 200);
	assert_null(out_policy(w));
	assert_int_equal(w->gone, 1);

	assert_int_equal(
		netd_shunt_set(&w->shunts, &a, &b, true, 60000, w->now), 0);
	assert_int_equal(out_policy(w)->action, KACTION_BLOCK);
	assert_int_equal(in_policy(w)->action, KACTION_BLOCK);
	/* An announcement of one that was replaced is not of this one. */
	p = *out_policy(w);
	netd_shunt_expired(&w->shunts, &p, w->now);
	assert_non_null(w->shunts.first);
	wait_ms(w, 59000);
	c.policy = p;
	assert_int_equal(w->kernel.kernel.apply(&w->kernel, &c, 1), 0);
	netd_shunt_expired(&w->shunts, &p, w->now);
	assert_null(w->shunts.first);
	assert_int_equal(w->gone, 2);
	assert_null(in_policy(w));

	w->kernel.fail_at = 2;
	w->kernel.fail_with = -ENOMEM;
	assert_int_equal(
		netd_shunt_set(&w->shunts, &a, &b, true, 60000, w->now),
		-ENOMEM);
	assert_null(in_policy(w));
	assert_null(out_policy(w));
	assert_int_equal(w->shunts.count, 0);
	assert_int_equal(hmap_count(&w->pairs.map), 0);
	assert_int_equal(netd_shunt_forget(&w->shunts, &a, &b), 0);
	end(w);
}

/* Shunt, flow and a network of one host share a place, never leaving it empty
 * in between. */
static void test_rivals(void **state)
{
	struct world *w = world_of("require 10.0.0.2/32");
	struct addr a = fake_addr(A), b = fake_addr(B);

	(void)state;
	assert_int_equal(out_policy(w)->reqid, KERNEL_TRAP_REQID);
	assert_int_equal(install(w, R1, 0, 0), 0);
	assert_int_equal(out_policy(w)->reqid, R1);
	assert_int_equal(netd_shunt_set(&w->shunts, &a, &b, true, 1000, w->now),
			 0);
	assert_int_equal(out_policy(w)->action, KACTION_BLOCK);
	/* The kernel's timer would open what is closed. */
	assert_int_equal(out_policy(w)->hard_s, 0);
	wait_ms(w, 1100);
	assert_int_equal(out_policy(w)->reqid, R1);
	assert_int_equal(netd_flow_remove(&w->flows, R1), 0);
	assert_int_equal(out_policy(w)->reqid, KERNEL_TRAP_REQID);
	assert_int_equal(in_policy(w)->reqid, 0);
	assert_false(in_policy(w)->optional);
	for (size_t i = 0; i < w->kernel.n_log; i++)
		assert_int_not_equal(w->kernel.log[i].op, CHANGE_POLICY_DELETE);
	/* The network may go and come while the pair holds the place. */
	assert_int_equal(install(w, R1, 1, 0), 0);
	assert_int_equal(netd_networks_clear(w->networks), 0);
	assert_int_equal(out_policy(w)->reqid, R1);
	end(w);
}

static void test_report(void **state)
{
	struct world *w = world();
	struct record_install in = request(R1, 0, 0);
	struct record_orphan o;
	unsigned n = 0;

	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		in.reqid = R1 + i;
		in.remote.bytes[3] = (uint8_t)(10 + i);
		in.in.spi = 0x1000 + i;
		in.out.spi = 0x2000 + i;
		assert_int_equal(netd_flow_install(&w->flows, &in, w->now), 0);
	}
	netd_flows_orphan(&w->flows, w->now);
	netd_flows_report_start(&w->flows);
	while (netd_flows_report_next(&w->flows, &o)) {
		n++;
		assert_int_equal(o.last, n == 9);
		/* The next one goes while we speak. */
		if (n == 3)
			assert_int_equal(
				netd_flow_remove(&w->flows, o.reqid - 1), 0);
	}
	assert_int_equal(n, 9);
	netd_flows_clear(&w->flows);
	assert_int_equal(w->kernel.n_sas, 0);
	end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_install),
		cmocka_unit_test(test_responder),
		cmocka_unit_test(test_gate),
		cmocka_unit_test(test_rekey),
		cmocka_unit_test(test_in_only),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_failed_switch),
		cmocka_unit_test(test_takeover),
		cmocka_unit_test(test_failed_takeover),
		cmocka_unit_test(test_orphans),
		cmocka_unit_test(test_adopt),
		cmocka_unit_test(test_adopt_half),
		cmocka_unit_test(test_expiry),
		cmocka_unit_test(test_shunts),
		cmocka_unit_test(test_rivals),
		cmocka_unit_test(test_report),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
