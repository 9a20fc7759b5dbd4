/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two sorted arrays: by identity, and by address. */
#include "policy/known-peer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct place {
	struct addr addr;
	const struct known_peer *peer;
};

struct known_peers {
	struct known_peer **list; /* by identity, those without one first */
	size_t n;
	struct place *places; /* by address */
	size_t n_places;
};

struct known_peer *known_peer_free(struct known_peer *p)
{
	if (!p)
		return NULL;
	for (size_t i = 0; i < p->n_keys; i++)
		free(p->keys[i].spki);
	free(p->identity);
	free(p->addresses);
	free(p->shared_key_file);
	free(p->file);
	free(p);
	return NULL;
}

static const char *name_of(const struct known_peer *p)
{
	return p->identity ? p->identity : "";
}

static int by_identity(const void *a, const void *b)
{
	const struct known_peer *const *x = a, *const *y = b;

	return strcmp(name_of(*x), name_of(*y));
}

static int by_address(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return addr_compare(&x->addr, &y->addr);
}

static int sort_places(struct known_peers *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++)
		n += t->list[i]->n_addresses;
	t->places = calloc(n + 1, sizeof(*t->places));
	if (!t->places)
		return -ENOMEM;
	for (size_t i = 0; i < t->n; i++) {
		for (size_t j = 0; j < t->list[i]->n_addresses; j++) {
			struct place *p = &t->places[t->n_places++];

			p->addr = t->list[i]->addresses[j];
			p->addr.scope = 0;
			p->peer = t->list[i];
		}
	}
	qsort(t->places, t->n_places, sizeof(*t->places), by_address);
	return 0;
}

static int twins(const struct known_peer *a, const struct known_peer *b,
		 const struct known_peer *ret_twins[2])
{
	if (ret_twins) {
		ret_twins[0] = a;
		ret_twins[1] = b;
	}
	return -EEXIST;
}

static int check(const struct known_peers *t,
		 const struct known_peer *ret_twins[2])
{
	for (size_t i = 1; i < t->n; i++)
		if (t->list[i]->identity &&
		    !strcmp(name_of(t->list[i]), name_of(t->list[i - 1])))
			return twins(t->list[i - 1], t->list[i], ret_twins);
	for (size_t i = 1; i < t->n_places; i++)
		if (by_address(&t->places[i], &t->places[i - 1]) == 0)
			return twins(t->places[i - 1].peer, t->places[i].peer,
				     ret_twins);
	return 0;
}

int known_peers_new(struct known_peer *const *peers, size_t n,
		    const struct known_peer *ret_twins[2],
		    struct known_peers **ret)
{
	struct known_peers *t = calloc(1, sizeof(*t));
	int r = -ENOMEM;

	if (!t)
		return -ENOMEM;
	t->list = calloc(n + 1, sizeof(struct known_peer *));
	if (t->list) {
		if (n)
			memcpy(t->list, peers, n * sizeof(*peers));
		t->n = n;
		qsort(t->list, n, sizeof(struct known_peer *), by_identity);
		for (size_t i = 0; i < n; i++)
			t->list[i]->index = i;
		r = sort_places(t);
	}
	if (r == 0)
		r = check(t, ret_twins);
	if (r < 0) {
		t->n = 0; /* the peers stay the caller's */
		known_peers_free(t);
		return r;
	}
	*ret = t;
	return 0;
}

struct known_peers *known_peers_free(struct known_peers *t)
{
	if (!t)
		return NULL;
	for (size_t i = 0; i < t->n; i++)
		known_peer_free(t->list[i]);
	free(t->list);
	free(t->places);
	free(t);
	return NULL;
}

const struct known_peer *known_peers_by_identity(const struct known_peers *t,
						 const char *identity)
{
	const struct known_peer key = { .identity =
						(char *)(uintptr_t)identity };
	const struct known_peer *at = &key;
	struct known_peer *const *found;

	if (!t || !*identity)
		return NULL;
	found = bsearch(&at, t->list, t->n, sizeof(struct known_peer *),
			by_identity);
	return found ? *found : NULL;
}

const struct known_peer *known_peers_by_address(const struct known_peers *t,
						const struct addr *a)
{
	struct place key = { .addr = *a };
	const struct place *found;

	if (!t)
		return NULL;
	key.addr.scope = 0;
	found = bsearch(&key, t->places, t->n_places, sizeof(*t->places),
			by_address);
	return found ? found->peer : NULL;
}

const struct known_peer *known_peers_at(const struct known_peers *t, size_t i)
{
	return t && i < t->n ? t->list[i] : NULL;
}
