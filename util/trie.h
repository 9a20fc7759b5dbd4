/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Longest-prefix match for IPv4 and IPv6 together (two path-compressed binary
 * tries). Values are pointers that the trie does not own, never NULL.
 */
#ifndef TACIT_UTIL_TRIE_H
#define TACIT_UTIL_TRIE_H

#include "util/addr.h"

struct trie;

struct trie *trie_new(void); /* NULL: out of memory */
struct trie *trie_free(struct trie *t);
/* 0; -EEXIST when this very prefix is there; -EINVAL for an unset address or
 * no value; -ENOMEM. */
int trie_insert(struct trie *t, const struct prefix *p, void *value)
	__attribute__((warn_unused_result));
/* Value of the longest prefix that contains a, or NULL; *ret_prefix, where
 * given, is that prefix. */
void *trie_lookup(const struct trie *t, const struct addr *a,
		  struct prefix *ret_prefix);
/* Value at exactly this prefix, or NULL. */
void *trie_get(const struct trie *t, const struct prefix *p);
/* Calls func for every prefix inside (or equal to) p, in order of address, a
 * prefix before those inside it; stops at its first non-zero return and
 * returns it. */
int trie_walk(const struct trie *t, const struct prefix *p,
	      int (*func)(const struct prefix *at, void *value, void *user),
	      void *user);

#endif
