/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The set of changed peers.
 */
#include "dbus/changes.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "util/limits.h"

struct dbus_change {
	struct hmap_node node;
	struct dbus_change *next;
	struct addr remote;
};

void dbus_changes_init(struct dbus_changes *c)
{
	memset(c, 0, sizeof(*c));
	hmap_init(&c->map);
	c->last = &c->first;
	/* Without randomness the set is bounded all the same. */
	if (getrandom(&c->key, sizeof(c->key), 0) < 0)
		memset(&c->key, 0, sizeof(c->key));
}

void dbus_changes_clear(struct dbus_changes *c)
{
	while (c->first) {
		struct dbus_change *d = c->first;

		c->first = d->next;
		hmap_remove(&c->map, &d->node);
		free(d);
	}
	c->last = &c->first;
	c->count = 0;
	c->all = false;
}

void dbus_changes_done(struct dbus_changes *c)
{
	dbus_changes_clear(c);
	hmap_done(&c->map);
}

static bool has(const struct dbus_changes *c, const struct addr *remote,
		uint64_t hash)
{
	hmap_for_each (n, &c->map, hash) {
		const struct dbus_change *d =
			container_of(n, struct dbus_change, node);

		if (addr_equal(&d->remote, remote))
			return true;
	}
	return false;
}

static void add_all(struct dbus_changes *c)
{
	dbus_changes_clear(c);
	c->all = true;
}

void dbus_changes_add(struct dbus_changes *c, const struct addr *remote)
{
	uint64_t hash = hash_bytes(&c->key, remote, sizeof(*remote));
	struct dbus_change *d;

	if (c->all || has(c, remote, hash))
		return;
	if (c->count >= LIMIT_BUS_CHANGES) {
		add_all(c);
		return;
	}
	d = calloc(1, sizeof(*d));
	if (!d || hmap_insert(&c->map, &d->node, hash) < 0) {
		free(d);
		add_all(c);
		return;
	}
	d->remote = *remote;
	*c->last = d;
	c->last = &d->next;
	c->count++;
}

bool dbus_changes_any(const struct dbus_changes *c)
{
	return c->all || c->first;
}

const struct addr *dbus_changes_next(const struct dbus_changes *c,
				     const struct dbus_change **cursor)
{
	*cursor = *cursor ? (*cursor)->next : c->first;
	return *cursor ? &(*cursor)->remote : NULL;
}
