/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "ike/core.h"
#include "tests/unit/ike-harness.h"
#include "util/slots.h"

struct trace {
	unsigned n;
	uint64_t at[32];
	unsigned drop; /* bit by number: what host 0 sends is lost */
};

static bool on_tap(struct world *w, unsigned from, const struct ike_send *s,
		   void *user)
{
	struct trace *t = user;

	(void)s;
	if (from != 0 || t->n == 32)
		return false;
	t->at[t->n] = w->now;
	return t->drop & (1u << t->n++);
}

static void begin(struct world *w, struct trace *t, unsigned drop)
{
	struct ike_config c;

	ike_config_init(&c);
	c.retransmit_ms = 100;
	c.retransmit_max_ms = 400;
	c.retransmit_sends = 5;
	c.retransmit_jitter = 0;
	c.liveness_ms = 0;
	world_init(w, 11, &c);
	*t = (struct trace){ .drop = drop };
	w->tap = on_tap;
	w->tap_user = t;
	world_initiate(w, 0);
}

static void assert_about(uint64_t got, uint64_t expected)
{
	assert_in_range(got, expected, expected + expected / 50 + 3);
}

static void test_intervals(void **state)
{
	struct trace t;
	struct world w;

	(void)state;
	begin(&w, &t, ~0u);
	world_run(&w, w.now + 5000);
	assert_int_equal(t.n, 5);
	assert_about(t.at[1] - t.at[0], 100);
	assert_about(t.at[2] - t.at[1], 200);
	assert_about(t.at[3] - t.at[2], 400);
	assert_about(t.at[4] - t.at[3], 400);
	assert_int_equal(w.hosts[0].failed.reason, IKE_REASON_UNANSWERED);
	assert_true(world_empty(&w));
	world_done(&w);
}

/* With jitter: each wait within its bounds, and not two runs alike. */
static void test_jitter(void **state)
{
	unsigned differ = 0;

	(void)state;
	for (uint64_t seed = 1; seed < 20; seed++) {
		struct trace t = { .drop = ~0u };
		struct ike_config c;
		struct world w;

		ike_config_init(&c);
		c.retransmit_ms = 1000;
		c.retransmit_max_ms = 4000;
		c.retransmit_jitter = 20;
		world_init(&w, seed, &c);
		w.tap = on_tap;
		w.tap_user = &t;
		world_initiate(&w, 0);
		world_run(&w, w.now + 60000);
		assert_int_equal(t.n, c.retransmit_sends);
		for (unsigned i = 1; i < t.n; i++) {
			uint64_t base = i > 2 ? 4000 : 1000u << (i - 1);
			uint64_t wait = t.at[i] - t.at[i - 1];

			assert_in_range(wait, base * 80 / 100,
					base * 123 / 100);
			differ += wait < base * 95 / 100 ||
				  wait > base * 105 / 100;
		}
		world_done(&w);
	}
	assert_in_range(differ, 20, 76);
}

/* Each of the four messages lost, one or several times. */
static void test_losses(void **state)
{
	(void)state;
	for (unsigned drop = 0; drop < 16; drop++) {
		struct trace t;
		struct world w;

		begin(&w, &t, drop);
		world_run(&w, w.now + 5000);
		assert_true(world_agree(&w));
		assert_int_equal(w.hosts[0].n_failed, 0);
		world_done(&w);
	}
}

struct lost {
	unsigned count, wanted;
};

static bool on_tap_response(struct world *w, unsigned from,
			    const struct ike_send *s, void *user)
{
	struct lost *l = user;

	(void)w;
	(void)s;
	return from == 1 && l->wanted & (1u << l->count++);
}

/* The response to IKE_AUTH lost: the responder has one SA and answers again,
 * without another CHILD_UP. */
static void test_lost_responses(void **state)
{
	(void)state;
	for (unsigned wanted = 0; wanted < 16; wanted++) {
		struct lost l = { .wanted = wanted };
		struct world w;

		world_init(&w, 12, NULL);
		w.tap = on_tap_response;
		w.tap_user = &l;
		world_initiate(&w, 0);
		world_run(&w, w.now + 10000);
		assert_true(world_agree(&w));
		assert_int_equal(w.hosts[0].n_children, 1);
		assert_int_equal(w.hosts[1].n_children, 1);
		assert_int_equal(w.hosts[1].n_admitted, 1);
		world_done(&w);
	}
}

static void test_duplicates(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, 13, NULL);
	for (unsigned i = 0; i < 2; i++)
		w.wires[i] = (struct wire){
			.duplicate = 100,
			.delay = 1,
			.jitter = 5,
		};
	world_initiate(&w, 0);
	world_run(&w, w.now + 5000);
	assert_true(world_agree(&w));
	assert_int_equal(w.hosts[1].n_admitted, 1);
	world_done(&w);
}

/* Not before the answer, not after the end: nothing is sent twice. */
static void test_answered(void **state)
{
	struct trace t;
	struct world w;

	(void)state;
	begin(&w, &t, 0);
	world_run(&w, w.now + 20000);
	assert_int_equal(t.n, 2);
	world_done(&w);
}

/* 2.2: message IDs do not wrap: the SA ends instead, and takes no request
 * under an ID that was used before. */
static void test_last_id(void **state)
{
	(void)state;
	for (int ours = 0; ours < 2; ours++) {
		struct ike_sa *sa, *peer;
		struct host *h, *other;
		struct world w;

		world_init(&w, 14, NULL);
		h = &w.hosts[0];
		other = &w.hosts[1];
		world_initiate(&w, 0);
		world_run(&w, w.now + 100);
		assert_true(world_agree(&w));
		sa = slots_get(h->engine->sas, host_child(h)->sa);
		peer = slots_get(other->engine->sas, host_child(other)->sa);
		assert_true(sa && peer);
		if (ours) {
			sa->next_id = UINT32_MAX;
			ike_check(h->engine, w.now, sa->handle);
			world_settle(&w);
			assert_int_equal(host_children(h), 0);
		} else {
			sa->expected_id = UINT32_MAX;
			peer->next_id = UINT32_MAX - 1;
			ike_check(other->engine, w.now, peer->handle);
			world_run(&w, w.now + 20000);
			assert_int_equal(host_children(other), 0);
		}
		world_done(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_intervals),
		cmocka_unit_test(test_jitter),
		cmocka_unit_test(test_losses),
		cmocka_unit_test(test_lost_responses),
		cmocka_unit_test(test_duplicates),
		cmocka_unit_test(test_answered),
		cmocka_unit_test(test_last_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
