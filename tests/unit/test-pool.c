/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Leases: who gets which address, and what becomes of it. */
#include "cat/pool.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct hash_key key = { 1, 2 };
static const struct addr unset;

static struct addr address(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static struct pool *pool_of(const char *network,
			    bool (*taken)(void *user, const struct addr *a),
			    void *user)
{
	struct prefix p;
	struct pool *pool;

	assert_int_equal(prefix_parse(network, &p), 0);
	assert_int_equal(pool_new(&p, &key, taken, user, &pool), 0);
	return pool;
}

static struct addr lease(struct pool *p, const char *owner, const char *wanted)
{
	struct addr want = wanted ? address(wanted) : unset, got;

	assert_int_equal(pool_lease(p, owner, strlen(owner), &want, &got), 0);
	return got;
}

static int refused(struct pool *p, const char *owner)
{
	struct addr got;

	return pool_lease(p, owner, strlen(owner), &unset, &got);
}

static void assert_addr(struct addr got, const char *want)
{
	char buf[ADDR_STRLEN];

	assert_string_equal(addr_format(&got, buf), want);
}

static void test_size(void **state)
{
	struct prefix p;
	struct pool *pool;

	(void)state;
	assert_int_equal(prefix_parse("10.0.0.0/31", &p), 0);
	assert_int_equal(pool_new(&p, &key, NULL, NULL, &pool), -EINVAL);
	assert_int_equal(prefix_parse("fd00::/127", &p), 0);
	assert_int_equal(pool_new(&p, &key, NULL, NULL, &pool), -EINVAL);
	pool_free(NULL);
}

/* All addresses but the first and the last, each once, then no more. */
static void test_exhaustion(void **state)
{
	struct pool *p = pool_of("100.64.0.0/29", NULL, NULL);
	struct pool_counters c;
	bool seen[8] = { false };

	(void)state;
	for (int i = 0; i < 6; i++) {
		char owner[16];
		struct addr a;

		snprintf(owner, sizeof(owner), "o%d", i);
		a = lease(p, owner, NULL);
		assert_in_range(a.bytes[3], 1, 6);
		assert_false(seen[a.bytes[3]]);
		seen[a.bytes[3]] = true;
	}
	assert_int_equal(refused(p, "another"), -ENOSPC);
	pool_count(p, &c);
	assert_int_equal(c.leased, 6);
	assert_int_equal(c.kept, 0);
	assert_int_equal(c.refused, 1);
	pool_free(p);
}

static void test_return(void **state)
{
	struct pool *p = pool_of("fd7a:c17::/64", NULL, NULL);
	struct addr first = lease(p, "a", NULL), second, other;

	(void)state;
	pool_release(p, &first);
	pool_release(p, &first); /* not leased: ignored */
	other = lease(p, "b", NULL);
	assert_false(addr_equal(&first, &other));
	second = lease(p, "a", NULL);
	assert_true(addr_equal(&first, &second));
	/* Its own is in use: it gets a further one. */
	other = lease(p, "a", NULL);
	assert_false(addr_equal(&first, &other));
	pool_free(p);
}

static void test_wish(void **state)
{
	struct pool *p = pool_of("100.64.0.0/10", NULL, NULL);
	struct addr a = address("100.64.0.5");

	(void)state;
	assert_addr(lease(p, "a", "100.64.0.5"), "100.64.0.5");
	/* In use: not even for the same, who may be another behind its NAT. */
	assert_false(a.bytes[3] == lease(p, "a", "100.64.0.5").bytes[3]);
	pool_release(p, &a);
	/* Kept for another. */
	assert_false(a.bytes[3] == lease(p, "b", "100.64.0.5").bytes[3]);
	assert_addr(lease(p, "a", "100.64.0.5"), "100.64.0.5");
	/* Not of this pool, of another family, nobody's. */
	assert_int_equal(lease(p, "c", "100.128.0.1").bytes[1] & 0xc0, 64);
	assert_int_equal(lease(p, "c", "fd00::1").bytes[0], 100);
	assert_int_not_equal(lease(p, "c", "100.64.0.0").bytes[3], 0);
	assert_false(lease(p, "c", "100.127.255.255").bytes[1] == 127);
	pool_free(p);
}

/* When all have been somebody's, the one that is out of use longest goes. */
static void test_oldest(void **state)
{
	struct pool *p = pool_of("100.64.0.0/30", NULL, NULL);
	struct addr a = lease(p, "a", NULL), b = lease(p, "b", NULL), c;
	struct pool_counters n;

	(void)state;
	pool_release(p, &b);
	pool_release(p, &a);
	c = lease(p, "c", NULL);
	assert_true(addr_equal(&c, &b));
	c = lease(p, "a", NULL);
	assert_true(addr_equal(&c, &a));
	assert_int_equal(refused(p, "b"), -ENOSPC);
	pool_count(p, &n);
	assert_int_equal(n.leased, 2);
	assert_int_equal(n.kept, 0);
	pool_free(p);
}

static void test_claim(void **state)
{
	struct pool *p = pool_of("100.64.0.0/30", NULL, NULL);
	struct addr a = address("100.64.0.1"), other = address("10.0.0.1");

	(void)state;
	assert_int_equal(pool_claim(p, &other), -ENOENT);
	assert_int_equal(pool_claim(p, &a), 0);
	assert_int_equal(pool_claim(p, &a), -EEXIST);
	assert_addr(lease(p, "b", "100.64.0.1"), "100.64.0.2");
	pool_release(p, &a);
	assert_addr(lease(p, "c", NULL), "100.64.0.1");
	pool_free(p);
}

static bool is_two(void *user, const struct addr *a)
{
	(void)user;
	return a->bytes[3] == 2;
}

/* An address that is in use outside of the pool. */
/* By two SAs of one peer: it goes with the last, and is its owner's then. */
static void test_share(void **state)
{
	struct pool *p = pool_of("100.64.0.0/29", NULL, NULL);
	struct addr a = address("100.64.0.3"), b = address("100.64.0.4");

	(void)state;
	assert_false(pool_share(p, "a", 1, &a));
	assert_false(pool_knows(p, &a));
	assert_int_equal(pool_claim(p, &a), 0);
	assert_true(pool_knows(p, &a));
	assert_true(pool_share(p, "a", 1, &a));
	/* Once that it has an owner it keeps it. */
	assert_true(pool_share(p, "b", 1, &a));
	pool_release(p, &a);
	pool_release(p, &a);
	assert_int_equal(pool_claim(p, &a), -EEXIST);
	pool_release(p, &a);
	assert_true(pool_knows(p, &a));
	assert_addr(lease(p, "a", NULL), "100.64.0.3");
	/* What nobody is known to have had is forgotten. */
	assert_int_equal(pool_claim(p, &b), 0);
	pool_release(p, &b);
	assert_false(pool_knows(p, &b));
	pool_free(p);
}

/* Under another name. */
static void test_own(void **state)
{
	struct pool *p = pool_of("100.64.0.0/29", NULL, NULL);
	struct addr a = address("100.64.0.3"), other;

	(void)state;
	pool_own(p, "b", 1, &a); /* nobody has it */
	assert_false(pool_knows(p, &a));
	assert_addr(lease(p, "a", "100.64.0.3"), "100.64.0.3");
	pool_own(p, "b", 1, &a);
	pool_release(p, &a);
	pool_own(p, "a", 1, &a); /* nor is it anybody's to give away */
	other = lease(p, "a", "100.64.0.3");
	assert_false(addr_equal(&other, &a));
	assert_addr(lease(p, "b", NULL), "100.64.0.3");
	pool_free(p);
}

static void test_taken(void **state)
{
	struct pool *p = pool_of("100.64.0.0/30", is_two, NULL);

	(void)state;
	assert_addr(lease(p, "a", "100.64.0.2"), "100.64.0.1");
	assert_int_equal(refused(p, "b"), -ENOSPC);
	pool_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_exhaustion),
		cmocka_unit_test(test_return),
		cmocka_unit_test(test_wish),
		cmocka_unit_test(test_oldest),
		cmocka_unit_test(test_claim),
		cmocka_unit_test(test_share),
		cmocka_unit_test(test_own),
		cmocka_unit_test(test_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
