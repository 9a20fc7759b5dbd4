/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * util/hmap.c: SipHash against its vectors, the map against what it should
 * hold, and that no insertion pays for the whole table.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/hmap.h"

#define MANY	 20000u
#define MOVE_MAX 4u /* buckets that one insertion may move */

struct item {
	struct hmap_node node;
	uint32_t id;
	bool in;
};

static struct item *item_of(struct hmap_node *n)
{
	return container_of(n, struct item, node);
}

static FILE *open_vectors(void)
{
	const char *srcdir = getenv("srcdir");
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/tests/unit/data/siphash-2-4.txt",
		 srcdir ? srcdir : ".");
	f = fopen(path, "r");
	if (!f)
		fail_msg("cannot open %s", path);
	return f;
}

static void test_siphash(void **state)
{
	const struct hash_key key = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };
	FILE *f = open_vectors();
	char line[128];
	uint8_t data[64];
	int rows = 0;

	(void)state;
	for (unsigned int i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)i;
	while (fgets(line, sizeof(line), f)) {
		unsigned int len;
		unsigned long long want;

		if (line[0] == '#')
			continue;
		assert_int_equal(sscanf(line, "%u %llx", &len, &want), 2);
		assert_in_range(len, 0, 63);
		/* The vectors give bytes in order, the lowest first. */
		assert_true(hash_bytes(&key, data, len) ==
			    __builtin_bswap64(want));
		rows++;
	}
	fclose(f);
	assert_int_equal(rows, 64);
}

static void test_empty(void **state)
{
	struct hmap m;

	(void)state;
	hmap_init(&m);
	assert_null(hmap_first(&m, 0));
	assert_null(hmap_any(&m));
	assert_int_equal(hmap_count(&m), 0);
	hmap_done(&m);
}

static struct item *find(const struct hmap *m, uint64_t hash, uint32_t id)
{
	struct item *found = NULL;

	hmap_for_each (n, m, hash) {
		assert_true(n->hash == hash);
		if (item_of(n)->id == id) {
			assert_null(found); /* each once */
			found = item_of(n);
		}
	}
	return found;
}

/* A few hashes shared by many items, and whole tables of one bucket. */
static void test_same_hash(void **state)
{
	static const uint64_t masks[] = { 0, 1, 7, 0xff00000000000000 };
	struct item items[500];

	(void)state;
	for (size_t k = 0; k < sizeof(masks) / sizeof(masks[0]); k++) {
		struct hmap m;
		unsigned int n = sizeof(items) / sizeof(items[0]);

		hmap_init(&m);
		for (uint32_t i = 0; i < n; i++) {
			uint64_t hash = (i * 0x0101010101010101ull) & masks[k];

			items[i].id = i;
			assert_int_equal(hmap_insert(&m, &items[i].node, hash),
					 0);
		}
		for (uint32_t i = 0; i < n; i++) {
			uint64_t hash = (i * 0x0101010101010101ull) & masks[k];

			assert_ptr_equal(find(&m, hash, i), &items[i]);
			assert_null(find(&m, hash, n));
		}
		for (uint32_t i = 0; i < n; i++) {
			uint64_t hash = items[i].node.hash;

			hmap_remove(&m, &items[i].node);
			assert_null(find(&m, hash, i));
			assert_int_equal(hmap_count(&m), n - 1 - i);
		}
		hmap_done(&m);
	}
}

/* How many buckets of an old table the insertion moved. */
static size_t moved(const struct hmap *before, const struct hmap *after)
{
	size_t from = before->old ? before->old_pos : 0;

	if (!before->old && !after->old)
		return 0;
	if (!before->old) /* growing began with it */
		return after->old_pos;
	return (after->old ? after->old_pos : before->old_mask + 1) - from;
}

static void test_growth(void **state)
{
	const struct hash_key key = { 1, 2 };
	struct item *items = calloc(MANY, sizeof(*items));
	unsigned int growths = 0;
	struct hmap m;

	(void)state;
	assert_non_null(items);
	hmap_init(&m);
	for (uint32_t i = 0; i < MANY; i++) {
		struct hmap before = m;
		uint32_t probe;

		items[i].id = i;
		assert_int_equal(hmap_insert(&m, &items[i].node,
					     hash_bytes(&key, &i, sizeof(i))),
				 0);
		assert_in_range(moved(&before, &m), 0, MOVE_MAX);
		growths += before.buckets && before.buckets != m.buckets;
		/* The chains stay short: never two nodes a bucket. */
		if (!m.old)
			assert_in_range(hmap_count(&m), 0, m.mask + 1);
		for (unsigned int j = 0; j < 4; j++) {
			probe = (i * 7919u + j * 104729u) % (i + 1);
			assert_ptr_equal(
				find(&m,
				     hash_bytes(&key, &probe, sizeof(probe)),
				     probe),
				&items[probe]);
		}
	}
	assert_in_range(growths, 8, 20);
	hmap_done(&m);
	free(items);
}

/* Random insertions and removals, at every stage of growing. */
static void test_model(void **state)
{
	const struct hash_key key = { 3, 4 };
	struct item *items = calloc(MANY, sizeof(*items));
	uint32_t count = 0;
	struct hmap m;

	(void)state;
	assert_non_null(items);
	hmap_init(&m);
	srandom(1);
	for (unsigned int step = 0; step < 10 * MANY; step++) {
		/* The range grows, so that the table does, and falls back. */
		uint32_t range = 1 + step / 10;
		uint32_t i = (uint32_t)random() % range;
		uint64_t hash = hash_bytes(&key, &i, sizeof(i));
		struct item *found = find(&m, hash, i);

		assert_ptr_equal(found, items[i].in ? &items[i] : NULL);
		if (found) {
			hmap_remove(&m, &found->node);
			count--;
		} else {
			items[i].id = i;
			assert_int_equal(hmap_insert(&m, &items[i].node, hash),
					 0);
			count++;
		}
		items[i].in = !found;
		assert_int_equal(hmap_count(&m), count);
	}
	hmap_done(&m);
	free(items);
}

/* Emptying by hmap_any(), begun in the middle of growing and after it. */
static void test_any(void **state)
{
	static const uint32_t sizes[] = { 1, 16, 17, 18, 32, 33, 1000, 1025 };
	static struct item items[1025];

	(void)state;
	for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
		uint32_t removed = 0;
		struct hmap_node *n;
		struct hmap m;

		hmap_init(&m);
		for (uint32_t i = 0; i < sizes[k]; i++) {
			items[i] = (struct item){ .id = i, .in = true };
			assert_int_equal(hmap_insert(&m, &items[i].node,
						     i * 0x9e3779b97f4a7c15ull),
					 0);
		}
		while ((n = hmap_any(&m))) {
			hmap_remove(&m, n);
			/* Half way, one comes back where all is empty. */
			if (++removed == sizes[k] / 2 + 1) {
				assert_int_equal(hmap_insert(&m, n, n->hash),
						 0);
				continue;
			}
			assert_true(item_of(n)->in);
			item_of(n)->in = false;
		}
		assert_int_equal(removed, sizes[k] + 1);
		assert_int_equal(hmap_count(&m), 0);
		hmap_done(&m);
	}
}

/* Removing the node that the loop is at. */
static void test_remove_in_loop(void **state)
{
	struct item items[20];
	struct hmap m;
	int seen = 0;

	(void)state;
	hmap_init(&m);
	for (uint32_t i = 0; i < 20; i++)
		assert_int_equal(hmap_insert(&m, &items[i].node, 42), 0);
	hmap_for_each (n, &m, 42) {
		hmap_remove(&m, n);
		seen++;
	}
	assert_int_equal(seen, 20);
	assert_int_equal(hmap_count(&m), 0);
	hmap_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_siphash),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_same_hash),
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_model),
		cmocka_unit_test(test_any),
		cmocka_unit_test(test_remove_in_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
