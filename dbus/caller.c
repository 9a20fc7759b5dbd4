/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sd_bus_query_sender_creds() would wait for the bus; this does not. Who is not
 * root may be somebody whom polkit lets.
 */
#include "dbus/caller.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

#include "dbus/polkit.h"

/* A call that waits for the bus to say who made it. */
struct question {
	struct dbus_context *context;
	struct handle call;
	sd_bus_message_handler_t then;
	const char *action;
};

static bool is_root(uid_t uid)
{
	return uid == 0 || uid == geteuid();
}

bool caller_is_root(sd_bus *bus)
{
	sd_bus_creds *creds = NULL;
	uid_t uid;
	int r = sd_bus_get_owner_creds(bus, SD_BUS_CREDS_EUID, &creds);

	if (r >= 0)
		r = sd_bus_creds_get_euid(creds, &uid);
	sd_bus_creds_unref(creds);
	return r >= 0 && is_root(uid);
}

static int refuse(sd_bus_error *error, const char *action)
{
	return sd_bus_error_setf(error, SD_BUS_ERROR_ACCESS_DENIED,
				 "Only root may do this (%s).", action);
}

/* What sd-bus does with the result of a handler that it calls itself. */
static void finish(sd_bus_message *call, int r, sd_bus_error *error)
{
	if (sd_bus_error_is_set(error))
		(void)sd_bus_reply_method_error(call, error);
	else if (r < 0)
		(void)sd_bus_reply_method_errno(call, r, NULL);
	sd_bus_error_free(error);
}

/* The question lives as long as somebody waits for its answer. */
static void keep(sd_bus_slot *slot)
{
	(void)sd_bus_slot_set_destroy_callback(slot, free);
	(void)sd_bus_slot_set_floating(slot, 1);
	sd_bus_slot_unref(slot);
}

static int on_polkit(sd_bus_message *m, void *user, sd_bus_error *unused)
{
	const struct question *q = user;
	struct dbus_context *c = q->context;
	sd_bus_message *call = dbus_pending_take(&c->pending, q->call);
	sd_bus_error error = SD_BUS_ERROR_NULL;
	bool asks;

	(void)unused;
	if (call && polkit_allows(m, &asks))
		finish(call, q->then(call, c, &error), &error);
	else if (call && asks)
		finish(call,
		       sd_bus_error_set(
			       &error,
			       SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
			       "This needs the password of an administrator."),
		       &error);
	else if (call)
		finish(call, refuse(&error, q->action), &error);
	sd_bus_message_unref(call);
	return 1;
}

/* Takes the call, unless it can be asked about. */
static sd_bus_message *ask_polkit(const struct question *q)
{
	struct dbus_pending *calls = &q->context->pending;
	sd_bus_message *call = dbus_pending_peek(calls, q->call);
	struct question *copy = malloc(sizeof(*copy));
	sd_bus_slot *slot = NULL;

	if (copy && call) {
		*copy = *q;
		if (polkit_ask(call, q->action, on_polkit, copy, &slot) == 0) {
			keep(slot);
			return NULL;
		}
	}
	free(copy);
	return dbus_pending_take(calls, q->call);
}

static int on_user(sd_bus_message *m, void *user, sd_bus_error *unused)
{
	const struct question *q = user;
	struct dbus_context *c = q->context;
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *call;
	uint32_t uid = (uint32_t)-1;
	bool there = !sd_bus_message_is_method_error(m, NULL) &&
		     sd_bus_message_read(m, "u", &uid) >= 0;

	(void)unused;
	if (there && !is_root(uid))
		call = ask_polkit(q);
	else
		call = dbus_pending_take(&c->pending, q->call);
	/* An error: the caller has left the bus. */
	if (call && there)
		finish(call,
		       is_root(uid) ? q->then(call, c, &error)
				    : refuse(&error, q->action),
		       &error);
	sd_bus_message_unref(call);
	return 1;
}

static int ask(struct dbus_context *c, sd_bus_message *m, const char *action,
	       sd_bus_message_handler_t then, sd_bus_error *error)
{
	struct question *q = calloc(1, sizeof(*q));
	sd_bus_slot *slot = NULL;
	int r;

	if (!q)
		return -ENOMEM;
	*q = (struct question){ .context = c, .then = then, .action = action };
	r = dbus_pending_add(&c->pending, m, 0, &q->call, error);
	if (r < 0) {
		free(q);
		return r;
	}
	r = sd_bus_call_method_async(
		sd_bus_message_get_bus(m), &slot, "org.freedesktop.DBus",
		"/org/freedesktop/DBus", "org.freedesktop.DBus",
		"GetConnectionUnixUser", on_user, q, "s",
		sd_bus_message_get_sender(m));
	if (r < 0) {
		sd_bus_message_unref(dbus_pending_take(&c->pending, q->call));
		free(q);
		return r;
	}
	keep(slot);
	return 1;
}

int caller_may(struct dbus_context *c, sd_bus_message *m, const char *action,
	       sd_bus_message_handler_t then, sd_bus_error *error)
{
	sd_bus *bus = sd_bus_message_get_bus(m);

	if (sd_bus_is_bus_client(bus) > 0)
		return ask(c, m, action, then, error);
	return caller_is_root(bus) ? then(m, c, error) : refuse(error, action);
}
