/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Treap: a search tree in key order that is a heap in the order of random
 * priorities, and so balanced without keeping account of it.
 */
#include "util/tree.h"

#include <errno.h>
#include <stddef.h>

/* xorshift64*: the shape needs to be random, not secret. */
static uint32_t tree_priority(struct tree *t)
{
	uint64_t x = t->seed ? t->seed : 0x9e3779b97f4a7c15u;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	t->seed = x;
	return (uint32_t)(x * 0x2545f4914f6cdd1du >> 32);
}

static void tree_split(const struct tree *t, struct tree_node *root,
		       const struct tree_node *at, struct tree_node **ret_less,
		       struct tree_node **ret_more)
{
	while (root) {
		if (t->compare(root, at) < 0) {
			*ret_less = root;
			ret_less = &root->right;
			root = root->right;
		} else {
			*ret_more = root;
			ret_more = &root->left;
			root = root->left;
		}
	}
	*ret_less = *ret_more = NULL;
}

int tree_insert(struct tree *t, struct tree_node *n)
{
	struct tree_node **at;

	for (struct tree_node *p = t->root; p;) {
		int order = t->compare(n, p);

		if (order == 0)
			return -EEXIST;
		p = order < 0 ? p->left : p->right;
	}
	n->priority = tree_priority(t);
	at = &t->root;
	while (*at && (*at)->priority >= n->priority)
		at = t->compare(n, *at) < 0 ? &(*at)->left : &(*at)->right;
	tree_split(t, *at, n, &n->left, &n->right);
	*at = n;
	return 0;
}

void tree_remove(struct tree *t, struct tree_node *n)
{
	struct tree_node **at = &t->root, *less = n->left, *more = n->right;

	while (*at != n)
		at = t->compare(n, *at) < 0 ? &(*at)->left : &(*at)->right;
	while (less && more) {
		if (less->priority >= more->priority) {
			*at = less;
			at = &less->right;
			less = less->right;
		} else {
			*at = more;
			at = &more->left;
			more = more->left;
		}
	}
	*at = less ? less : more;
	n->left = n->right = NULL;
}

struct tree_node *tree_after(const struct tree *t, const void *key,
			     tree_compare_key compare)
{
	struct tree_node *best = NULL;

	for (struct tree_node *p = t->root; p;) {
		if (!key || compare(key, p) < 0) {
			best = p;
			p = p->left;
		} else {
			p = p->right;
		}
	}
	return best;
}

struct tree_node *tree_next(const struct tree *t, const struct tree_node *n)
{
	struct tree_node *best = NULL;

	for (struct tree_node *p = t->root; p;) {
		if (t->compare(n, p) < 0) {
			best = p;
			p = p->left;
		} else {
			p = p->right;
		}
	}
	return best;
}
