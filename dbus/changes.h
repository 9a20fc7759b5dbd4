/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The peers that signals are due for: a set in order of first change, at most
 * LIMIT_BUS_CHANGES of them. One more, and it is "all of them" instead.
 */
#ifndef TACIT_DBUS_CHANGES_H
#define TACIT_DBUS_CHANGES_H

#include "util/addr.h"
#include "util/hmap.h"

struct dbus_change;

/* Embedded in its owner; zero-initialise, then dbus_changes_init(). */
struct dbus_changes {
	struct hmap map;
	struct hash_key key;
	struct dbus_change *first, **last;
	size_t count;
	bool all; /* nothing is kept one by one */
};

void dbus_changes_init(struct dbus_changes *c);
void dbus_changes_done(struct dbus_changes *c);
void dbus_changes_add(struct dbus_changes *c, const struct addr *remote);
bool dbus_changes_any(const struct dbus_changes *c);
/* The peers in order, then NULL; start with *cursor NULL. Valid until a call that
 * changes the set. Empty when all is set. */
const struct addr *dbus_changes_next(const struct dbus_changes *c,
				     const struct dbus_change **cursor);
void dbus_changes_clear(struct dbus_changes *c);

#endif
