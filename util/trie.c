/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Longest-prefix match: a path-compressed binary trie for each family. A node
 * stands for a prefix; its children agree with it in all its bits and differ
 * in the next one. Nodes without a value only part two branches. A path has
 * at most one node a bit, which bounds the stack of the walk.
 */
#include "util/trie.h"

#include <errno.h>
#include <stdlib.h>

#define DEPTH_MAX 129 /* prefix lengths 0 to 128 */

struct trie_node {
	struct prefix at;
	void *value; /* NULL: only a fork */
	struct trie_node *child[2];
};

struct trie {
	struct trie_node *root4, *root6;
};

struct trie *trie_new(void)
{
	return calloc(1, sizeof(struct trie));
}

static void trie_free_below(struct trie_node *n)
{
	if (!n)
		return;
	trie_free_below(n->child[0]);
	trie_free_below(n->child[1]);
	free(n);
}

struct trie *trie_free(struct trie *t)
{
	if (t) {
		trie_free_below(t->root4);
		trie_free_below(t->root6);
	}
	free(t);
	return NULL;
}

/* Bit number i, counted from the left. */
static unsigned int addr_bit(const struct addr *a, uint8_t i)
{
	return (a->bytes[i / 8] >> (7 - i % 8)) & 1;
}

/* How many leading bits agree, at most max. */
static uint8_t addr_common(const struct addr *a, const struct addr *b,
			   uint8_t max)
{
	for (unsigned int i = 0; i * 8 < max; i++) {
		unsigned int diff = a->bytes[i] ^ b->bytes[i];
		unsigned int same;

		if (!diff)
			continue;
		same = i * 8 + (unsigned int)__builtin_clz(diff) - 24;
		return same < max ? (uint8_t)same : max;
	}
	return max;
}

static struct trie_node *trie_root(const struct trie *t, const struct addr *a)
{
	if (a->family == AF_INET)
		return t->root4;
	return a->family == AF_INET6 ? t->root6 : NULL;
}

static struct trie_node *trie_node_new(const struct prefix *at, void *value)
{
	struct trie_node *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->at = *at;
	n->value = value;
	return n;
}

/* Puts p above the node at *link, or beside it under a new fork; they agree
 * in their first `common` bits. */
static int trie_split(struct trie_node **link, const struct prefix *p,
		      uint8_t common, void *value)
{
	struct trie_node *below = *link;
	struct trie_node *n = trie_node_new(p, value);
	struct trie_node *fork;
	struct prefix at;

	if (!n)
		return -ENOMEM;
	if (common == p->len) {
		n->child[addr_bit(&below->at.addr, common)] = below;
		*link = n;
		return 0;
	}
	at = prefix_of(&p->addr, common);
	fork = trie_node_new(&at, NULL);
	if (!fork) {
		free(n);
		return -ENOMEM;
	}
	fork->child[addr_bit(&below->at.addr, common)] = below;
	fork->child[addr_bit(&p->addr, common)] = n;
	*link = fork;
	return 0;
}

int trie_insert(struct trie *t, const struct prefix *prefix, void *value)
{
	struct prefix p = prefix_of(&prefix->addr, prefix->len);
	struct trie_node **link, *n;
	uint8_t common;

	if (!addr_len(&p.addr) || !value)
		return -EINVAL;
	link = p.addr.family == AF_INET ? &t->root4 : &t->root6;
	while ((n = *link)) {
		common = addr_common(&n->at.addr, &p.addr,
				     n->at.len < p.len ? n->at.len : p.len);
		if (common < n->at.len)
			return trie_split(link, &p, common, value);
		if (n->at.len == p.len) {
			if (n->value)
				return -EEXIST;
			n->value = value;
			return 0;
		}
		link = &n->child[addr_bit(&p.addr, n->at.len)];
	}
	*link = trie_node_new(&p, value);
	return *link ? 0 : -ENOMEM;
}

void *trie_lookup(const struct trie *t, const struct addr *a,
		  struct prefix *ret_prefix)
{
	const struct trie_node *best = NULL, *n = trie_root(t, a);
	size_t bits = addr_len(a) * 8;

	while (n && addr_common(&n->at.addr, a, n->at.len) == n->at.len) {
		if (n->value)
			best = n;
		if (n->at.len == bits)
			break;
		n = n->child[addr_bit(a, n->at.len)];
	}
	if (!best)
		return NULL;
	if (ret_prefix)
		*ret_prefix = best->at;
	return best->value;
}

/* The highest node inside p, or NULL. */
static struct trie_node *trie_find(const struct trie *t, const struct prefix *p)
{
	struct trie_node *n = trie_root(t, &p->addr);

	while (n && n->at.len < p->len) {
		if (addr_common(&n->at.addr, &p->addr, n->at.len) < n->at.len)
			return NULL;
		n = n->child[addr_bit(&p->addr, n->at.len)];
	}
	if (n && addr_common(&n->at.addr, &p->addr, p->len) < p->len)
		return NULL;
	return n;
}

void *trie_get(const struct trie *t, const struct prefix *prefix)
{
	struct prefix p = prefix_of(&prefix->addr, prefix->len);
	const struct trie_node *n = trie_find(t, &p);

	return n && n->at.len == p.len ? n->value : NULL;
}

int trie_walk(const struct trie *t, const struct prefix *prefix,
	      int (*func)(const struct prefix *at, void *value, void *user),
	      void *user)
{
	struct prefix p = prefix_of(&prefix->addr, prefix->len);
	const struct trie_node *stack[DEPTH_MAX + 1], *n;
	unsigned int top = 0;
	int r;

	stack[top++] = trie_find(t, &p);
	while (top) {
		n = stack[--top];
		if (!n)
			continue;
		r = n->value ? func(&n->at, n->value, user) : 0;
		if (r)
			return r;
		stack[top++] = n->child[1];
		stack[top++] = n->child[0];
	}
	return 0;
}
