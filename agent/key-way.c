/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/key-way.h"

#include <errno.h>

/* The other end that a key is for; false: none that can be used. */
static bool end_of(const struct keyset_key *k, const struct key_ways *w,
		   struct addr *ret)
{
	*ret = (struct addr){ 0 };
	if (!k->gateway.family)
		return !k->gateway_name;
	if (addr_equal(&k->gateway, &w->peer))
		return true;
	if (k->gateway.family != w->peer.family || !w->may ||
	    !w->may(w->user, &k->gateway))
		return false;
	*ret = k->gateway;
	return true;
}

static bool same_end(const struct addr *a, const struct addr *b)
{
	return a->family ? addr_equal(a, b) : !b->family;
}

static size_t list_ends(const struct keyset *keys, const struct key_ways *w,
			struct addr ret[static KEY_WAYS])
{
	size_t n = 0;

	for (size_t i = 0; i < keys->n && n < KEY_WAYS; i++) {
		size_t at = 0;

		if (!end_of(&keys->keys[i], w, &ret[n]))
			continue;
		while (at < n && !same_end(&ret[at], &ret[n]))
			at++;
		n += at == n;
	}
	return n;
}

/* Of one end, named as it is named. */
static struct keyset *copy(const struct keyset *keys, const struct key_ways *w,
			   const struct addr *end)
{
	struct keyset *own = NULL;
	size_t skipped = 0;

	for (size_t i = 0; i < keys->n; i++) {
		const struct keyset_key *k = &keys->keys[i];
		struct addr other;

		if (!end_of(k, w, &other) || !same_end(end, &other)) {
			skipped++;
			continue;
		}
		if (!own)
			own = keyset_new(keys->status, keys->source,
					 end->family ? k->gateway_name
						     : keys->name);
		if (!own || keyset_add(own, k) < 0)
			return keyset_unref(own);
		own->ttl = keys->ttl;
	}
	if (own)
		own->skipped = skipped;
	return own;
}

int key_way_choose(const struct keyset *keys, const struct key_ways *ways,
		   unsigned number, struct key_way *ret,
		   struct keyset **ret_keys)
{
	struct addr ends[KEY_WAYS];
	size_t n = list_ends(keys, ways, ends);
	struct keyset *own;

	if (number >= n)
		return -ENOENT;
	own = copy(keys, ways, &ends[number]);
	if (!own)
		return -ENOMEM;
	*ret_keys = own;
	*ret = (struct key_way){ .gateway = ends[number],
				 .more = number + 1 < n };
	if (ret->more)
		ret->next = ends[number + 1];
	return 0;
}

unsigned key_way_find(const struct keyset *keys, const struct key_ways *ways,
		      const struct addr *gateway)
{
	struct addr ends[KEY_WAYS];
	size_t n = list_ends(keys, ways, ends);
	unsigned at = 0;

	while (at < n && !same_end(&ends[at], gateway))
		at++;
	return at < n ? at : KEY_WAYS;
}
