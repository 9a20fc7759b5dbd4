/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* agent/netd-pairs.c: pairs whose SAs are for single services. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "agent/netd-pairs.h"
#include "tests/unit/netd-fake.h"

static const struct scope narrow = { 1, SCOPE_REMOTE, { { 6, 443 } } };

static bool stands(void *user, const struct kpolicy *p)
{
	const struct fake *f = user;

	for (size_t i = 0; i < f->n_policies; i++)
		if (kpolicy_same_place(&f->policies[i], p))
			return true;
	return false;
}

static void expect(const struct fake *f, size_t want)
{
	for (size_t i = 0; i < f->n_policies; i++)
		assert_int_not_equal(f->policies[i].sel.protocol, 0);
	assert_int_equal(f->n_policies, want);
}

static void test_places(void **state)
{
	struct fake *f = calloc(1, sizeof(*f));
	const struct hash_key key = { 1, 2 };
	struct addr a = fake_addr("10.0.0.1"), b = fake_addr("10.0.0.2");
	const struct scope wide = { 2, SCOPE_BOTH, { { 6, 443 }, { 17, 53 } } };
	struct netd_pairs t;
	struct netd_pair *p;
	struct scope scope;
	size_t mended;

	(void)state;
	assert_non_null(f);
	fake_init(f);
	netd_pairs_init(&t, &f->kernel, &key);
	p = netd_pair_obtain(&t, &a, &b);
	assert_non_null(p);
	assert_false(netd_pair_scope(p, &scope));
	for (size_t i = 0; i < 2; i++)
		p->flow_claim[i] =
			(struct netd_claim){ .set = true,
					     .action = KACTION_PROTECT,
					     .reqid = 0x54000001 };
	assert_int_equal(netd_pair_set_scope(p, &wide), 0);
	assert_int_equal(netd_pair_sync(&t, p), 0);
	expect(f, 8);
	assert_true(netd_pair_there(p, KDIR_IN, true));
	assert_true(netd_pair_scope(p, &scope));
	assert_true(scope.n == 2 && scope.sides == SCOPE_BOTH);
	for (size_t i = 0; i < f->n_policies; i++)
		assert_true(netd_pairs_taken(&t, &f->policies[i]));

	/* What is not of it any more goes; in half, where that fails. */
	f->fail_at = 3;
	f->fail_with = -ENOMEM;
	assert_int_equal(netd_pair_set_scope(p, &narrow), 0);
	assert_int_equal(netd_pair_sync(&t, p), -ENOMEM);
	assert_true(f->n_policies > 2 && f->n_policies < 8);
	assert_int_equal(netd_pair_sync(&t, p), 0);
	expect(f, 2);
	assert_int_equal(p->n_places, 1);
	assert_int_equal(f->policies[0].reqid, 0x54000001);

	/* What somebody took away comes back. */
	f->n_policies = 1;
	assert_int_equal(netd_pair_mend(&t, p, stands, f, &mended), 0);
	assert_int_equal(mended, 1);
	expect(f, 2);

	p->flow_claim[KDIR_IN].set = p->flow_claim[KDIR_OUT].set = false;
	assert_int_equal(netd_pair_sync(&t, p), 0);
	expect(f, 0);
	netd_pair_release(&t, p);
	assert_null(netd_pair_get(&t, &a, &b));
	netd_pairs_done(&t);
	free(f);
}

/* From what stands in the kernel one learns what it was for. */
static void test_found(void **state)
{
	struct fake *f = calloc(1, sizeof(*f));
	const struct hash_key key = { 1, 2 };
	struct addr a = fake_addr("fd00::1"), b = fake_addr("fd00::2");
	struct prefix pa = prefix_host(&a), pb = prefix_host(&b);
	struct kpolicy out = { .dir = KDIR_OUT,
			       .sel = kselector_between(&pa, &pb) },
		       in = { .dir = KDIR_IN,
			      .sel = kselector_between(&pb, &pa) };
	struct netd_pairs t;
	struct netd_pair *p;
	struct scope scope;

	(void)state;
	fake_init(f);
	netd_pairs_init(&t, &f->kernel, &key);
	p = netd_pair_obtain(&t, &a, &b);
	kselector_set_service(&out.sel, &narrow.list[0], true);
	kselector_set_service(&in.sel, &narrow.list[0], false);
	assert_int_equal(netd_pair_found(p, &out), 0);
	assert_false(netd_pair_there(p, KDIR_IN, true));
	assert_int_equal(netd_pair_found(p, &in), 0);
	assert_true(netd_pair_there(p, KDIR_IN, true));
	assert_true(netd_pair_scope(p, &scope));
	assert_memory_equal(&scope, &narrow, sizeof(scope));
	assert_ptr_equal(netd_pairs_at(&t, &in), p);
	netd_pair_missed(p, &in);
	assert_false(netd_pairs_taken(&t, &in));
	/* The port of the other side is another place. */
	in.sel.sport_mask = in.sel.sport = 0;
	kselector_set_service(&in.sel, &narrow.list[0], true);
	assert_null(netd_pairs_at(&t, &in));
	netd_pairs_done(&t);
	free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
