/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ordered tree against a plain array of what should be in it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "util/hmap.h"
#include "util/tree.h"

#define KEYS 512

struct item {
	struct tree_node node;
	int key;
};

static int compare(const struct tree_node *a, const struct tree_node *b)
{
	return container_of(a, struct item, node)->key -
	       container_of(b, struct item, node)->key;
}

static int compare_key(const void *key, const struct tree_node *n)
{
	return *(const int *)key - container_of(n, struct item, node)->key;
}

static int key_of(const struct tree_node *n)
{
	return n ? container_of(n, struct item, node)->key : -1;
}

static unsigned depth(const struct tree_node *n)
{
	unsigned l, r;

	if (!n)
		return 0;
	l = depth(n->left);
	r = depth(n->right);
	return 1 + (l > r ? l : r);
}

static void check(const struct tree *t, const bool *there)
{
	struct tree_node *n = tree_after(t, NULL, compare_key);

	for (int k = 0; k < KEYS; k++) {
		if (!there[k])
			continue;
		assert_int_equal(key_of(n), k);
		n = tree_next(t, n);
	}
	assert_null(n);
}

static void test_random(void **state)
{
	static struct item items[KEYS];
	static bool there[KEYS];
	struct tree t = { .compare = compare, .seed = 7 };

	(void)state;
	srand(1);
	for (int i = 0; i < 20000; i++) {
		int k = rand() % KEYS;

		items[k].key = k;
		if (there[k])
			tree_remove(&t, &items[k].node);
		else
			assert_int_equal(tree_insert(&t, &items[k].node), 0);
		there[k] = !there[k];
		if (i % 500 == 0)
			check(&t, there);
	}
	check(&t, there);
}

static void test_after(void **state)
{
	static struct item items[4] = {
		{ .key = 10 }, { .key = 20 }, { .key = 30 }, { .key = 20 }
	};
	struct tree t = { .compare = compare };
	static const struct {
		int key, after;
	} cases[] = {
		{ 5, 10 }, { 10, 20 }, { 19, 20 }, { 29, 30 }, { 30, -1 }
	};

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(tree_insert(&t, &items[i].node), 0);
	assert_int_equal(tree_insert(&t, &items[3].node), -EEXIST);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(
			key_of(tree_after(&t, &cases[i].key, compare_key)),
			cases[i].after);
}

/* In order of insertion a plain tree would be as deep as it is large. */
static void test_depth(void **state)
{
	static struct item items[4096];
	struct tree t = { .compare = compare, .seed = 3 };

	(void)state;
	for (int i = 0; i < 4096; i++) {
		items[i].key = i;
		assert_int_equal(tree_insert(&t, &items[i].node), 0);
	}
	assert_true(depth(t.root) < 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_after),
		cmocka_unit_test(test_depth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
