/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The book of destinations: states, deadlines, limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "util/limits.h"
#include "xfrm/dest.h"

#define WAIT 1000u

static const struct hash_key key = { 1, 2 };

static struct addr address(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

/* Our address, as that of the tests is. */
static struct addr local_to(const struct addr *remote)
{
	struct addr a;

	if (remote->family == AF_INET)
		return address("10.9.9.9");
	a = address("fe80::99");
	a.scope = remote->scope;
	return a;
}

static struct dest *get(const struct dest_table *t, const struct addr *remote)
{
	struct addr local = local_to(remote);

	return dest_get(t, &local, remote);
}

static struct dest *holding(struct dest_table *t, const char *text,
			    bool require, uint64_t now)
{
	struct addr a = address(text), local = local_to(&a);
	struct dest *d = dest_new(t, &local, &a);

	assert_non_null(d);
	d->require = require;
	dest_set_state(t, d, DEST_HOLDING, now);
	return d;
}

static void hold(struct dest_table *t, struct dest *d, uint32_t id)
{
	assert_int_equal(dest_hold(t, d, &(struct dest_packet){ .id = id }), 0);
}

static void test_states(void **state)
{
	struct dest_table t;
	struct dest *d;
	struct addr a = address("10.0.0.1");

	(void)state;
	dest_table_init(&t, &key, WAIT);
	assert_null(get(&t, &a));
	assert_true(dest_deadline(&t) == UINT64_MAX);
	d = holding(&t, "10.0.0.1", false, 100);
	assert_ptr_equal(get(&t, &a), d);
	for (uint32_t id = 1; id <= 9; id++)
		hold(&t, d, id);
	for (uint32_t i = 0; i < 9; i++)
		assert_int_equal(d->packets[i].id, i + 1);
	assert_int_equal(t.n_packets, 9);
	assert_int_equal(t.n_holding, 1);
	assert_int_equal(dest_deadline(&t), 100 + WAIT);
	assert_null(dest_due(&t, 99 + WAIT, true));
	assert_ptr_equal(dest_due(&t, 100 + WAIT, true), d);

	dest_set_state(&t, d, DEST_PASSING, 200);
	assert_int_equal(d->n, 0);
	assert_int_equal(t.n_packets, 0);
	assert_int_equal(t.n_holding, 0);
	assert_int_equal(dest_deadline(&t), 200 + DEST_QUIET_MS);
	assert_null(dest_due(&t, 300, false));
	assert_ptr_equal(dest_due(&t, 300, true), d);

	dest_set_state(&t, d, DEST_REMEMBERED, 300);
	assert_int_equal(t.n_remembered, 1);
	assert_ptr_equal(dest_due(&t, 300 + DEST_REMEMBERED_MS, false), d);
	dest_remove(&t, d);
	assert_int_equal(t.n_remembered, 0);
	assert_null(get(&t, &a));
	dest_table_done(&t);
}

/* Each waits as long as its policy says: first who is due first. */
static void test_waits(void **state)
{
	static const uint32_t waits[] = { 700, 50, 700, 300, 20 };
	static const uint32_t order[] = { 20, 50, 300, 700, 700 };
	struct dest_table t;

	(void)state;
	dest_table_init(&t, &key, WAIT);
	for (unsigned i = 0; i < 5; i++) {
		struct addr a = { .family = AF_INET,
				  .bytes = { 10, 0, 0, (uint8_t)i } };
		struct addr local = local_to(&a);
		struct dest *d = dest_new(&t, &local, &a);

		assert_non_null(d);
		d->wait_ms = waits[i];
		dest_set_state(&t, d, DEST_HOLDING, 1000);
	}
	for (unsigned i = 0; i < 5; i++) {
		struct dest *d;

		assert_int_equal(dest_deadline(&t), 1000 + order[i]);
		assert_null(dest_due(&t, 999 + order[i], true));
		d = dest_due(&t, 1000 + order[i], true);
		assert_non_null(d);
		assert_int_equal(d->wait_ms, order[i]);
		dest_remove(&t, d);
	}
	dest_table_done(&t);
}

static void test_touch(void **state)
{
	struct dest_table t;
	struct dest *busy, *quiet;
	uint64_t now;

	(void)state;
	dest_table_init(&t, &key, WAIT);
	busy = holding(&t, "10.0.0.1", false, 0);
	quiet = holding(&t, "10.0.0.2", false, 0);
	dest_touch(&t, busy, 5);
	assert_int_equal(busy->deadline, WAIT);
	dest_set_state(&t, busy, DEST_PASSING, 10);
	dest_set_state(&t, quiet, DEST_PASSING, 10);
	/* Touching keeps one alive and the list in order. */
	dest_touch(&t, busy, 15);
	assert_ptr_equal(dest_due(&t, 10 + DEST_QUIET_MS, true), quiet);
	dest_set_state(&t, quiet, DEST_REMEMBERED, 20);
	for (now = 15; now < 10 + DEST_PASSING_MS; now++) {
		dest_touch(&t, busy, now);
		assert_null(dest_due(&t, now, true));
	}
	/* But not for ever. */
	for (; now <= 10 + DEST_PASSING_MS + DEST_QUIET_MS; now++)
		dest_touch(&t, busy, now);
	assert_ptr_equal(dest_due(&t, now, true), busy);
	dest_table_done(&t);
}

static void test_due_order(void **state)
{
	struct dest_table t;
	struct dest *offer, *require, *d;

	(void)state;
	dest_table_init(&t, &key, WAIT);
	require = holding(&t, "10.0.0.2", true, 0);
	offer = holding(&t, "10.0.0.1", false, 10);
	assert_int_equal(dest_deadline(&t), 10 + WAIT);
	assert_ptr_equal(dest_due(&t, 10 + WAIT, true), offer);
	dest_remove(&t, offer);
	assert_int_equal(dest_deadline(&t), LIMIT_HELD_REQUIRE_MS);
	d = dest_due(&t, LIMIT_HELD_REQUIRE_MS, true);
	assert_ptr_equal(d, require);
	assert_ptr_equal(TAILQ_FIRST(dest_holding(&t, true)), require);
	assert_null(TAILQ_FIRST(dest_holding(&t, false)));
	dest_table_done(&t);
}

static void test_limits(void **state)
{
	struct dest_table t;
	struct dest *d = NULL;
	char text[32];
	uint32_t n = 0;

	(void)state;
	dest_table_init(&t, &key, WAIT);
	for (unsigned i = 0; t.n_packets < LIMIT_HELD; i++) {
		snprintf(text, sizeof(text), "10.0.%u.%u", i / 256, i % 256);
		assert_true(dest_has_room(&t, NULL));
		d = holding(&t, text, false, 0);
		for (n = 0; dest_has_room(&t, d); n++)
			hold(&t, d, n);
		assert_int_equal(n, LIMIT_HELD_PEER);
	}
	assert_int_equal(t.n_packets, LIMIT_HELD);
	assert_false(dest_has_room(&t, NULL));
	dest_table_done(&t);

	dest_table_init(&t, &key, WAIT);
	for (unsigned i = 0; i < LIMIT_HELD_PEERS; i++) {
		snprintf(text, sizeof(text), "10.0.%u.%u", i / 256, i % 256);
		assert_true(dest_has_room(&t, NULL));
		d = holding(&t, text, false, 0);
		hold(&t, d, i);
	}
	assert_false(dest_has_room(&t, NULL));
	assert_true(dest_has_room(&t, d));
	dest_set_state(&t, d, DEST_PASSING, 0);
	assert_true(dest_has_room(&t, NULL));
	dest_table_done(&t);
}

static void test_pairs(void **state)
{
	struct addr one = address("10.9.9.9"), two = address("10.9.9.8");
	struct addr remote = address("10.0.0.1");
	struct dest_table t;
	struct dest *d, *other;

	(void)state;
	dest_table_init(&t, &key, WAIT);
	d = holding(&t, "10.0.0.1", false, 0);
	assert_ptr_equal(dest_get(&t, &one, &remote), d);
	assert_null(dest_get(&t, &two, &remote));
	assert_null(dest_get(&t, &remote, &one));
	other = dest_new(&t, &two, &remote);
	assert_non_null(other);
	assert_ptr_equal(dest_get(&t, &two, &remote), other);
	assert_ptr_equal(dest_get(&t, &one, &remote), d);
	d->drains = true;
	assert_false(dest_shares_drain(&t, other));
	dest_table_done(&t);
}

static void test_scopes(void **state)
{
	struct addr two = address("fe80::1%2"), three = address("fe80::1%3");
	struct addr other = address("fe80::2%3"), none = address("fe80::1");
	struct dest_table t;
	struct dest *a, *b;

	(void)state;
	dest_table_init(&t, &key, WAIT);
	a = holding(&t, "fe80::1%2", false, 0);
	assert_ptr_equal(get(&t, &two), a);
	assert_null(get(&t, &three));
	assert_null(get(&t, &other));
	/* Unknown is any. */
	assert_ptr_equal(get(&t, &none), a);
	a->drains = true;
	assert_false(dest_shares_drain(&t, a));
	b = holding(&t, "fe80::1%3", false, 0);
	assert_ptr_equal(get(&t, &three), b);
	assert_ptr_equal(get(&t, &two), a);
	assert_false(dest_shares_drain(&t, a));
	assert_true(dest_shares_drain(&t, b));
	b->drains = true;
	assert_true(dest_shares_drain(&t, a));
	dest_table_done(&t);

	dest_table_init(&t, &key, WAIT);
	a = holding(&t, "fe80::1", false, 0);
	assert_ptr_equal(get(&t, &three), a);
	dest_table_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_states), cmocka_unit_test(test_waits),
		cmocka_unit_test(test_touch),  cmocka_unit_test(test_due_order),
		cmocka_unit_test(test_limits), cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_scopes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
