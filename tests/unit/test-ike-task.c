/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an established IKE SA does by itself, and when: its lifetime, one
 * exchange at a time, and what is noted while the way is not free.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ike-puppet.h"

static void start(struct world *w, uint64_t seed, const struct ike_config *c)
{
	world_init(w, seed, c);
	world_initiate(w, 0);
	world_run(w, w->now + 100);
	assert_true(world_agree(w));
}

static struct ike_config config(void)
{
	struct ike_config c;

	ike_config_init(&c);
	c.liveness_ms = 0;
	c.lifetime_ms = 100000;
	c.margin_ms = 20000;
	return c;
}

/* Between one and two margins before its end, again and again, and not always
 * at the same time; nobody notices. */
static void test_lifetime(void **state)
{
	uint64_t least = UINT64_MAX, most = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct ike_config c = config();
		struct world w;
		uint64_t since;
		uint32_t spi;

		start(&w, seed, &c);
		since = w.now;
		spi = host_child(&w.hosts[0])->up.in.spi;
		while (!w.hosts[0].n_rekeyed)
			assert_true(world_step(&w, since + 100000));
		since = w.now - since;
		assert_true(since >= 59000 && since <= 81000);
		least = since < least ? since : least;
		most = since > most ? since : most;
		world_run(&w, w.now + 1000000);
		assert_true(world_agree(&w));
		assert_true(w.hosts[0].n_rekeyed > 8);
		assert_int_equal(host_child(&w.hosts[0])->up.in.spi, spi);
		world_done(&w);
	}
	assert_true(most - least > 5000);
}

/* The peer puts it off for ever: it stays until its end, and not longer. */
static void test_hard_limit(void **state)
{
	struct ike_config c = config();
	struct world w;
	struct child *child;
	uint64_t since;

	(void)state;
	start(&w, 1, &c);
	since = w.now;
	/* Every attempt meets a peer that is just closing something. */
	child = host_child(&w.hosts[0]);
	for (unsigned i = 0; i < 2; i++) {
		struct ike_engine *e = w.hosts[i].engine;
		struct ike_sa *sa =
			slots_get(e->sas, host_child(&w.hosts[i])->sa);

		sa->deleting = 1;
	}
	world_run(&w, since + 98000);
	assert_false(child->down);
	assert_int_equal(w.hosts[0].n_rekeyed, 0);
	world_run(&w, since + 102000);
	assert_true(child->down);
	assert_true(child->reason == IKE_REASON_EXPIRED ||
		    child->reason == IKE_REASON_DELETED);
	world_run(&w, since + 200000);
	assert_true(world_empty(&w));
	world_done(&w);
}

static void test_no_lifetime(void **state)
{
	struct ike_config c = config();
	struct world w;

	(void)state;
	c.lifetime_ms = 0;
	start(&w, 1, &c);
	assert_int_equal(ike_engine_deadline(w.hosts[0].engine), UINT64_MAX);
	world_run(&w, w.now + 1000000000);
	assert_true(world_agree(&w));
	world_done(&w);
}

/* Everything at once: it goes one after the other. */
static void test_one_at_a_time(void **state)
{
	struct ike_config c = config();
	struct host *h;
	struct world w;
	struct child *child;

	(void)state;
	c.pfs = true;
	start(&w, 1, &c);
	h = &w.hosts[0];
	child = host_child(h);
	w.job_jitter = 30;
	assert_int_equal(ike_add_child(h->engine, w.now, child->sa), 0);
	ike_check(h->engine, w.now, child->sa);
	assert_int_equal(
		ike_rekey_child(h->engine, w.now, child->sa, child->up.in.spi),
		0);
	assert_int_equal(
		ike_rekey_child(h->engine, w.now, child->sa, child->up.in.spi),
		0);
	assert_int_equal(ike_rekey(h->engine, w.now, child->sa), 0);
	assert_int_equal(ike_add_child(h->engine, w.now, child->sa), 0);
	world_run(&w, w.now + 20000);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(host_children(&w.hosts[i]), 3);
		assert_int_equal(host_sas(&w.hosts[i]), 1);
		assert_int_equal(w.hosts[i].n_rekeyed, 1);
		assert_int_equal(w.hosts[i].n_replaced, 1);
	}
	world_done(&w);
}

/* Nothing is asked of what is not there, or on its way out. */
static void test_stale(void **state)
{
	struct ike_config c = config();
	struct handle none = { 0 }, old;
	struct child *child;
	struct host *h;
	struct world w;
	uint32_t spi;

	(void)state;
	start(&w, 1, &c);
	h = &w.hosts[0];
	child = host_child(h);
	old = child->sa;
	spi = child->up.in.spi;
	assert_int_equal(ike_add_child(h->engine, w.now, none), -ENOENT);
	assert_int_equal(ike_rekey(h->engine, w.now, none), -ENOENT);
	assert_int_equal(ike_rekey_child(h->engine, w.now, old, spi + 1),
			 -ENOENT);
	assert_int_equal(ike_delete_child(h->engine, w.now, old, spi + 1),
			 -ENOENT);
	ike_child_used(h->engine, w.now, none, spi);
	ike_child_used(h->engine, w.now, old, spi + 1);
	/* For a moment the old handle still means the new one. */
	assert_int_equal(ike_rekey(h->engine, w.now, old), 0);
	world_run(&w, w.now + 2);
	assert_int_equal(h->n_rekeyed, 1);
	assert_int_equal(ike_rekey_child(h->engine, w.now, old, spi), 0);
	for (unsigned n = 1; n < LIMIT_IKE_CHILDREN; n++)
		assert_int_equal(ike_add_child(h->engine, w.now, child->sa), 0);
	assert_int_equal(ike_add_child(h->engine, w.now, child->sa), -ENOSPC);
	ike_close(h->engine, w.now, child->sa);
	assert_int_equal(ike_add_child(h->engine, w.now, child->sa), -ENOENT);
	assert_int_equal(ike_rekey(h->engine, w.now, child->sa), -ENOENT);
	world_run(&w, w.now + 60000);
	assert_true(world_empty(&w));
	world_done(&w);
}

/* A job that never comes back ends the attempt, not the SA. */
static void test_lost_job(void **state)
{
	struct ike_config c = config();
	struct child *child;
	struct ike_action a;
	struct host *h;
	struct world w;

	(void)state;
	c.lifetime_ms = 0;
	c.pfs = true;
	c.half_open_ms = 5000;
	start(&w, 1, &c);
	h = &w.hosts[0];
	child = host_child(h);
	assert_int_equal(
		ike_rekey_child(h->engine, w.now, child->sa, child->up.in.spi),
		0);
	assert_true(ike_engine_next_action(h->engine, &a));
	assert_int_equal(a.type, IKE_JOB);
	ike_job_free(a.job);
	ike_action_done(&a);
	world_run(&w, w.now + 6000);
	assert_int_equal(h->n_refused, 1);
	assert_int_equal(h->refused.reason, IKE_REASON_RESOURCES);
	assert_true(world_agree(&w));
	/* And the next one works. */
	assert_int_equal(
		ike_rekey_child(h->engine, w.now, child->sa, child->up.in.spi),
		0);
	world_run(&w, w.now + 6000);
	assert_true(world_agree(&w));
	assert_int_equal(h->n_replaced, 1);
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lifetime),
		cmocka_unit_test(test_hard_limit),
		cmocka_unit_test(test_no_lifetime),
		cmocka_unit_test(test_one_at_a_time),
		cmocka_unit_test(test_stale),
		cmocka_unit_test(test_lost_job),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
