/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SAs for single services, between two who may see that differently. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/ike-harness.h"

static const struct scope one = { 1, SCOPE_BOTH, { { 6, 443 } } };
static const struct scope two = { 2, SCOPE_BOTH, { { 17, 53 }, { 6, 443 } } };

static void begin(struct world *w, const struct scope *a, const struct scope *b)
{
	world_init(w, 17, NULL);
	w->hosts[0].scope = a ? *a : (struct scope){ 0 };
	w->hosts[1].scope = b ? *b : (struct scope){ 0 };
	world_initiate(w, 0);
	world_run(w, w->now + 5000);
}

/* Also when it is rekeyed, by either, and with the IKE SA. */
static void test_same(void **state)
{
	(void)state;
	for (unsigned who = 0; who < 2; who++) {
		struct world w;
		struct host *h = &w.hosts[who];
		struct child *c;

		begin(&w, &two, &two);
		assert_true(world_agree(&w));
		c = host_child(h);
		assert_int_equal(c->up.sides, SCOPE_BOTH);
		assert_int_equal(
			ike_rekey_child(h->engine, w.now, c->sa, c->up.in.spi),
			0);
		world_run(&w, w.now + 5000);
		assert_true(world_agree(&w));
		assert_int_equal(w.hosts[0].n_replaced, 1);
		assert_int_equal(host_child(h)->up.sides, SCOPE_BOTH);
		assert_int_equal(ike_rekey(h->engine, w.now, host_child(h)->sa),
				 0);
		world_run(&w, w.now + 5000);
		c = host_child(h);
		assert_int_equal(
			ike_rekey_child(h->engine, w.now, c->sa, c->up.in.spi),
			0);
		world_run(&w, w.now + 5000);
		assert_true(world_agree(&w));
		assert_int_equal(host_child(&w.hosts[!who])->up.sides,
				 SCOPE_BOTH);
		world_done(&w);
	}
}

/* Neither gets what it could not use, whoever begins. */
static void test_others(void **state)
{
	static const struct scope *const pairs[][2] = {
		{ &one, NULL }, { NULL, &one }, { &one, &two }, { &two, &one }
	};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct world w;

		begin(&w, pairs[i][0], pairs[i][1]);
		assert_int_equal(host_children(&w.hosts[0]), 0);
		assert_int_equal(host_children(&w.hosts[1]), 0);
		assert_int_equal(w.hosts[0].n_failed, 1);
		assert_int_equal(w.hosts[0].failed.reason, IKE_REASON_MODE);
		world_run(&w, w.now + 60000);
		assert_true(world_empty(&w));
		world_done(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
