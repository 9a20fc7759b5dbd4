/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who gives way: the most crowded network, the oldest of it, one at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "agent/idlers.h"
#include "util/limits.h"

static const struct hash_key key = { 3, 4 };

/* A host of a network, a /24 or a /48. */
static struct addr host(bool six, uint8_t net, uint8_t number)
{
	if (six)
		return (struct addr){ .family = AF_INET6,
				      .bytes = { 0xfd, 0, 0, 0, 0,
						 net, [15] = number } };
	return (struct addr){ .family = AF_INET,
			      .bytes = { 10, 0, net, number } };
}

static void crowd(struct idlers *t, struct idler *list, unsigned n, bool six,
		  uint8_t net)
{
	for (unsigned i = 0; i < n; i++) {
		struct addr a = host(six, net, (uint8_t)(i + 1));

		idlers_add(t, &list[i], &a);
	}
}

static void test_busiest(void **state)
{
	(void)state;
	for (int six = 0; six < 2; six++) {
		struct idlers *t = idlers_new(&key);
		struct idler few[3] = { 0 }, many[5] = { 0 };
		struct addr friend = host(six, 1, 9), other = host(six, 3, 1),
			    stranger = host(six, 2, 9);

		assert_null(idlers_pick(t, 0, &other));
		/* Those of the small network have been there for longer. */
		crowd(t, few, 3, six, 1);
		crowd(t, many, 5, six, 2);
		for (unsigned i = 0; i < 2; i++)
			assert_ptr_equal(idlers_pick(t, 0, &friend), &many[i]);
		assert_ptr_equal(idlers_pick(t, 0, &stranger), &many[2]);
		assert_ptr_equal(idlers_pick(t, 0, &other), &many[3]);
		assert_ptr_equal(idlers_pick(t, 0, &stranger), &many[4]);
		/* The crowd has none left to give: it takes nobody else's. */
		assert_null(idlers_pick(t, 0, &stranger));
		assert_ptr_equal(idlers_pick(t, 0, &other), &few[0]);
		idlers_free(t);
	}
}

/* Whoever was looked at and stays comes again, after the others. */
static void test_rest(void **state)
{
	struct idlers *t = idlers_new(&key);
	struct addr other = host(false, 2, 1);
	struct idler list[3] = { 0 };
	uint64_t now = 1000;

	(void)state;
	crowd(t, list, 3, false, 1);
	for (unsigned i = 0; i < 3; i++)
		assert_ptr_equal(idlers_pick(t, now + i, &other), &list[i]);
	assert_null(idlers_pick(t, now + LIMIT_IDLER_REST_MS - 1, &other));
	/* One that goes while it rests. */
	idlers_remove(t, &list[0]);
	idlers_remove(t, &list[0]);
	now += LIMIT_IDLER_REST_MS + 2;
	assert_ptr_equal(idlers_pick(t, now, &other), &list[1]);
	assert_ptr_equal(idlers_pick(t, now, &other), &list[2]);
	assert_null(idlers_pick(t, now, &other));
	idlers_free(t);
}

/* Against a table that is counted by hand, through thousands of changes. */
static void test_random(void **state)
{
	enum { NETS = 40, HOSTS = 30 };
	static struct idler list[NETS][HOSTS];
	struct idlers *t = idlers_new(&key);
	struct addr other = host(false, NETS, 1);
	unsigned all[NETS] = { 0 }, seed = 1;

	(void)state;
	for (unsigned step = 0; step < 20000; step++) {
		unsigned net = (unsigned)rand_r(&seed) % NETS, most = 0;
		unsigned i = (unsigned)rand_r(&seed) % HOSTS;
		struct addr a = host(step % 2, (uint8_t)net, (uint8_t)i);
		struct idler *found;

		all[net] += list[net][i].in ? -1u : 1u;
		if (list[net][i].in)
			idlers_remove(t, &list[net][i]);
		else
			idlers_add(t, &list[net][i], &a);
		if (step % 16)
			continue;
		/* Each network is two, one a family. */
		found = idlers_pick(t, step * LIMIT_IDLER_REST_MS, &other);
		for (net = 0; net < NETS; net++)
			most += all[net];
		assert_int_equal(found != NULL, most != 0);
	}
	for (unsigned net = 0; net < NETS; net++)
		for (unsigned i = 0; i < HOSTS; i++)
			idlers_remove(t, &list[net][i]);
	assert_null(idlers_pick(t, UINT64_MAX / 2, &other));
	idlers_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_busiest),
		cmocka_unit_test(test_rest),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
