/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is found in a kernel that others have meddled with, and what is set
 * again for it: agent/netd-found.c, netd_networks_mend(), netd_pair_mend().
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/netd-flows.h"
#include "agent/netd-found.h"
#include "agent/netd-shunts.h"
#include "tests/unit/netd-fake.h"

struct world {
	struct fake kernel;
	struct policy_table *policies;
	struct netd_networks *networks;
	struct netd_pairs pairs;
	struct netd_shunts shunts;
	struct timer_wheel *wheel;
	struct netd_found found;
};

static bool taken(void *user, const struct kpolicy *place)
{
	const struct world *w = user;

	return netd_pairs_taken(&w->pairs, place);
}

static void on_gone(void *user, const struct addr *local,
		    const struct addr *remote)
{
	(void)user;
	(void)local;
	(void)remote;
}

static int setup(void **state)
{
	static const char *const lines[] = { "wait 10.0.0.0/8",
					     "require 10.2.0.0/16",
					     "block 10.3.0.0/16", NULL };
	static const struct addr none;
	struct world *w = calloc(1, sizeof(*w));
	const struct hash_key key = { 1, 2 };
	struct netd_networks_config c = { .esp4 = true, .esp6 = true };
	struct addr own = fake_addr("10.0.0.1");

	assert_non_null(w);
	fake_init(&w->kernel);
	w->policies = fake_policies(lines);
	c.policies = w->policies;
	c.kernel = &w->kernel.kernel;
	c.taken = taken;
	c.user = w;
	w->wheel = timer_wheel_new(1000, w);
	netd_pairs_init(&w->pairs, &w->kernel.kernel, &key);
	w->shunts = (struct netd_shunts){ .pairs = &w->pairs,
					  .wheel = w->wheel,
					  .user = w,
					  .gone = on_gone };
	assert_int_equal(netd_networks_new(&c, &w->networks), 0);
	w->pairs.networks = w->networks;
	assert_int_equal(netd_networks_add(w->networks, &own, &none), 0);
	assert_int_equal(netd_networks_set_armed(w->networks, true), 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	netd_shunts_done(&w->shunts);
	netd_pairs_done(&w->pairs);
	netd_networks_free(w->networks);
	policy_table_free(w->policies);
	timer_wheel_free(w->wheel);
	free(w);
	return 0;
}

/* What the kernel has. */
static struct netd_found *look(struct world *w)
{
	w->found.policies = w->kernel.policies;
	w->found.n_policies = w->kernel.n_policies;
	w->found.sas = w->kernel.sas;
	w->found.n_sas = w->kernel.n_sas;
	netd_found_sort(&w->found);
	return &w->found;
}

static bool stands(void *user, const struct kpolicy *p)
{
	return netd_found_stands(user, p);
}

static size_t mend(struct world *w)
{
	struct netd_found *f = look(w);
	struct netd_found copy = *f;
	size_t n = 0, shunts = 0;

	/* The fake changes what the real one would have told before. */
	copy.policies = malloc((f->n_policies + 1) * sizeof(*f->policies));
	assert_non_null(copy.policies);
	memcpy(copy.policies, f->policies,
	       f->n_policies * sizeof(*f->policies));
	assert_int_equal(netd_networks_mend(w->networks, stands, &copy, &n), 0);
	assert_int_equal(netd_shunts_mend(&w->shunts, stands, &copy, &shunts),
			 0);
	free(copy.policies);
	return n + shunts;
}

static void test_networks(void **state)
{
	struct world *w = *state;
	size_t all = w->kernel.n_policies;
	struct kpolicy *p;

	assert_true(all > 6);
	assert_int_equal(mend(w), 0);
	w->kernel.n_policies = 0;
	assert_int_equal(mend(w), all);
	assert_int_equal(w->kernel.n_policies, all);
	/* One is gone, another is not what it was. */
	w->kernel.policies[2] = w->kernel.policies[--w->kernel.n_policies];
	assert_int_equal(mend(w), 1);
	p = (struct kpolicy *)(void *)fake_policy(&w->kernel, KDIR_OUT,
						  "10.0.0.1/32", "10.2.0.0/16");
	assert_false(p->optional);
	p->optional = true;
	assert_int_equal(mend(w), 1);
	p = (struct kpolicy *)(void *)fake_policy(&w->kernel, KDIR_OUT,
						  "10.0.0.1/32", "10.2.0.0/16");
	assert_false(p->optional);
	assert_int_equal(mend(w), 0);
}

static void count(void *user, const struct addr *local,
		  const struct addr *remote, uint32_t left_ms)
{
	(void)local;
	(void)remote;
	assert_int_equal(left_ms, 1500);
	++*(int *)user;
}

static void test_shunts(void **state)
{
	struct world *w = *state;
	struct addr a = fake_addr("10.0.0.1"), b = fake_addr("10.1.0.2");
	struct addr c = fake_addr("10.1.0.3");
	int told = 0;

	assert_int_equal(netd_shunt_set(&w->shunts, &a, &b, false, 2000, 1000),
			 0);
	assert_int_equal(netd_shunt_set(&w->shunts, &a, &c, true, 2000, 1000),
			 0);
	assert_int_equal(mend(w), 0);
	w->kernel.n_policies = 0;
	assert_true(mend(w) > 3);
	assert_int_equal(
		fake_policy(&w->kernel, KDIR_OUT, "10.0.0.1/32", "10.1.0.2/32")
			->action,
		KACTION_PASS);
	assert_int_equal(
		fake_policy(&w->kernel, KDIR_IN, "10.1.0.3/32", "10.0.0.1/32")
			->action,
		KACTION_BLOCK);
	assert_int_equal(mend(w), 0);
	/* Only what is in the clear is. */
	netd_shunts_tell(&w->shunts, 1500, count, &told);
	assert_int_equal(told, 1);
}

static void test_found(void **state)
{
	struct world *w = *state;
	struct addr a = fake_addr("10.0.0.1"), b = fake_addr("10.0.0.2");
	struct ksa sas[] = {
		{ .dst = b, .esp.spi = 7 },
		{ .dst = a, .esp.spi = 9 },
		{ .dst = a, .esp.spi = 7 },
	};
	struct netd_found f = { .sas = sas, .n_sas = 3 };

	(void)w;
	netd_found_sort(&f);
	assert_true(netd_found_sa(&f, &a, 7));
	assert_true(netd_found_sa(&f, &b, 7));
	assert_true(netd_found_sa(&f, &a, 9));
	assert_false(netd_found_sa(&f, &b, 9));
	f = (struct netd_found){ 0 };
	netd_found_sort(&f);
	assert_false(netd_found_sa(&f, &a, 7));
	assert_null(netd_found_policy(&f, &w->kernel.policies[0]));
	netd_found_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_networks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shunts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_found, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
