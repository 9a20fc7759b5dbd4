/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The peer table: peers by address, counted references. */
#include "agent/peer.h"

#include <errno.h>
#include <stdlib.h>

struct peer_table {
	struct hash_key key;
	struct hmap by_addr;
};

struct peer_table *peer_table_new(const struct hash_key *key)
{
	struct peer_table *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->key = *key;
	hmap_init(&t->by_addr);
	return t;
}

struct peer_table *peer_table_free(struct peer_table *t)
{
	if (!t)
		return NULL;
	hmap_done(&t->by_addr);
	free(t);
	return NULL;
}

static struct peer *find(const struct peer_table *t, const struct addr *addr,
			 uint64_t hash)
{
	hmap_for_each (n, &t->by_addr, hash) {
		struct peer *p = container_of(n, struct peer, node);

		if (addr_equal(&p->addr, addr))
			return p;
	}
	return NULL;
}

struct peer *peer_table_get(const struct peer_table *t, const struct addr *addr)
{
	return find(t, addr, hash_bytes(&t->key, addr, sizeof(*addr)));
}

int peer_table_obtain(struct peer_table *t, const struct addr *addr,
		      struct peer **ret)
{
	uint64_t hash = hash_bytes(&t->key, addr, sizeof(*addr));
	struct peer *p = find(t, addr, hash);
	int r;

	if (p) {
		p->refs++;
		*ret = p;
		return 0;
	}
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->addr = *addr;
	p->refs = 1;
	r = hmap_insert(&t->by_addr, &p->node, hash);
	if (r < 0) {
		free(p);
		return r;
	}
	*ret = p;
	return 0;
}

void peer_table_release(struct peer_table *t, struct peer *p)
{
	if (!p || --p->refs > 0)
		return;
	hmap_remove(&t->by_addr, &p->node);
	free(p);
}
