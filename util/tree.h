/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Intrusive ordered tree (a treap: shape by the caller's random priority), for
 * what must be listed in order and paged through. Insertion, removal and "the
 * first after" are logarithmic. Equal keys are refused.
 */
#ifndef TACIT_UTIL_TREE_H
#define TACIT_UTIL_TREE_H

#include <stdint.h>

struct tree_node {
	struct tree_node *left, *right;
	uint32_t priority;
};

/* Order of two nodes, or of a key and a node: negative, zero, positive. */
typedef int (*tree_compare)(const struct tree_node *a,
			    const struct tree_node *b);
typedef int (*tree_compare_key)(const void *key, const struct tree_node *n);

struct tree {
	struct tree_node *root;
	tree_compare compare;
	uint64_t seed; /* of the priorities; any random number */
};

/* 0, or -EEXIST and nothing changed. */
int tree_insert(struct tree *t, struct tree_node *n)
	__attribute__((warn_unused_result));
/* The node must be in the tree. */
void tree_remove(struct tree *t, struct tree_node *n);
/* The least node greater than key; the least of all when key is NULL; NULL
 * when there is none. */
struct tree_node *tree_after(const struct tree *t, const void *key,
			     tree_compare_key compare);
/* The one after n, by the tree's own order. */
struct tree_node *tree_next(const struct tree *t, const struct tree_node *n);

#endif
