/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table. Who leaves the system bus is told by the bus: one match for all,
 * while anybody there has an entry.
 */
#include "dbus/sockets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/limits.h"

int dbus_sockets_init(struct dbus_sockets *s)
{
	s->all = slots_new(LIMIT_BUS_SOCKETS);
	return s->all ? 0 : -ENOMEM;
}

void dbus_sockets_remove(struct dbus_sockets *s, struct dbus_socket *e)
{
	slots_remove(s->all, e->self);
	sd_bus_unref(e->bus);
	free(e->sender);
	free(e->name);
	free(e->last);
	free(e);
}

/* Those of a bus, of one sender on it, or all. */
static void forget(struct dbus_sockets *s, const sd_bus *bus,
		   const char *sender)
{
	uint32_t cursor = 0;
	struct dbus_socket *e;

	while ((e = slots_next(s->all, &cursor))) {
		if (bus && e->bus != bus)
			continue;
		if (sender && (!e->sender || strcmp(e->sender, sender) != 0))
			continue;
		dbus_sockets_remove(s, e);
	}
}

void dbus_sockets_drop(struct dbus_sockets *s, sd_bus *bus)
{
	if (!bus || !s->all)
		return;
	if (s->departures && sd_bus_slot_get_bus(s->departures) == bus)
		s->departures = sd_bus_slot_unref(s->departures);
	forget(s, bus, NULL);
}

void dbus_sockets_done(struct dbus_sockets *s)
{
	if (!s->all)
		return;
	s->departures = sd_bus_slot_unref(s->departures);
	forget(s, NULL, NULL);
	s->all = slots_free(s->all);
}

static bool same_caller(const struct dbus_socket *e, sd_bus_message *m)
{
	const char *sender = sd_bus_message_get_sender(m);

	if (e->bus != sd_bus_message_get_bus(m))
		return false;
	return !e->sender || (sender && !strcmp(e->sender, sender));
}

struct dbus_socket *dbus_sockets_get(const struct dbus_sockets *s,
				     sd_bus_message *m, uint64_t cookie)
{
	uint32_t cursor = 0;
	struct dbus_socket *e;

	while ((e = slots_next(s->all, &cursor)))
		if (e->info.cookie == cookie && same_caller(e, m))
			return e;
	return NULL;
}

/* --- who leaves ------------------------------------------------------------- */

static int on_departure(sd_bus_message *m, void *user, sd_bus_error *error)
{
	struct dbus_sockets *s = user;
	const char *name, *before, *after;

	(void)error;
	if (sd_bus_message_read(m, "sss", &name, &before, &after) < 0 || *after)
		return 0;
	forget(s, sd_bus_message_get_bus(m), name);
	if (slots_count(s->all) == 0)
		s->departures = sd_bus_slot_unref(s->departures);
	return 0;
}

/* Has the one behind an entry left before the match was there? */
struct question {
	struct dbus_sockets *sockets;
	struct handle entry;
};

static int on_owner(sd_bus_message *m, void *user, sd_bus_error *error)
{
	const struct question *q = user;
	struct dbus_socket *e = slots_get(q->sockets->all, q->entry);
	int there = 1;

	(void)error;
	if (e && !sd_bus_message_is_method_error(m, NULL) &&
	    sd_bus_message_read(m, "b", &there) >= 0 && !there)
		dbus_sockets_remove(q->sockets, e);
	return 1;
}

static int ask_owner(struct dbus_sockets *s, const struct dbus_socket *e)
{
	struct question *q = calloc(1, sizeof(*q));
	sd_bus_slot *slot = NULL;
	int r;

	if (!q)
		return -ENOMEM;
	*q = (struct question){ s, e->self };
	r = sd_bus_call_method_async(e->bus, &slot, "org.freedesktop.DBus",
				     "/org/freedesktop/DBus",
				     "org.freedesktop.DBus", "NameHasOwner",
				     on_owner, q, "s", e->sender);
	if (r < 0) {
		free(q);
		return r;
	}
	(void)sd_bus_slot_set_destroy_callback(slot, free);
	(void)sd_bus_slot_set_floating(slot, 1);
	sd_bus_slot_unref(slot);
	return 0;
}

static int watch_departure(struct dbus_sockets *s, const struct dbus_socket *e)
{
	int r = 0;

	if (!s->departures)
		r = sd_bus_match_signal_async(
			e->bus, &s->departures, "org.freedesktop.DBus",
			"/org/freedesktop/DBus", "org.freedesktop.DBus",
			"NameOwnerChanged", on_departure, NULL, s);
	return r < 0 ? r : ask_owner(s, e);
}

/* --- adding ----------------------------------------------------------------- */

/* Nobody can take the places of all others. */
static bool has_place(const struct dbus_sockets *s, sd_bus_message *m)
{
	unsigned bus = 0, caller = 0;
	uint32_t cursor = 0;
	const struct dbus_socket *e;

	while ((e = slots_next(s->all, &cursor))) {
		bus += e->bus == sd_bus_message_get_bus(m);
		caller += same_caller(e, m);
	}
	return caller < LIMIT_BUS_SOCKETS_CALLER &&
	       bus < LIMIT_BUS_SOCKETS_SYSTEM;
}

static struct dbus_socket *new_entry(sd_bus_message *m,
				     const struct socket_info *info)
{
	struct dbus_socket *e = calloc(1, sizeof(*e));
	sd_bus *bus = sd_bus_message_get_bus(m);
	const char *sender = sd_bus_message_get_sender(m);

	if (!e)
		return NULL;
	e->info = *info;
	if (sd_bus_is_bus_client(bus) > 0 && sender) {
		e->sender = strdup(sender);
		if (!e->sender) {
			free(e);
			return NULL;
		}
	}
	e->bus = sd_bus_ref(bus);
	return e;
}

int dbus_sockets_obtain(struct dbus_sockets *s, sd_bus_message *m,
			const struct socket_info *info,
			struct dbus_socket **ret, sd_bus_error *error)
{
	struct dbus_socket *e = dbus_sockets_get(s, m, info->cookie);
	int r;

	if (e) {
		e->info = *info;
		*ret = e;
		return 0;
	}
	if (!has_place(s, m))
		return sd_bus_error_setf(error, SD_BUS_ERROR_LIMITS_EXCEEDED,
					 "Too many sockets are named or "
					 "watched.");
	e = new_entry(m, info);
	if (!e)
		return -ENOMEM;
	r = slots_add(s->all, e, &e->self);
	if (r == 0 && e->sender)
		r = watch_departure(s, e);
	if (r < 0) {
		dbus_sockets_remove(s, e);
		return r;
	}
	*ret = e;
	return 0;
}
