/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of calls. A call keeps its connection from being freed.
 */
#include "dbus/pending.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dbus/names.h"
#include "util/limits.h"

struct call {
	struct dbus_pending *pending;
	struct handle self;
	sd_bus_message *message;
	sd_event_source *timer;
};

int dbus_pending_init(struct dbus_pending *p, sd_event *event)
{
	p->calls = slots_new(LIMIT_BUS_PENDING);
	if (!p->calls)
		return -ENOMEM;
	p->event = event;
	return 0;
}

static void call_free(struct call *c)
{
	sd_event_source_disable_unref(c->timer);
	sd_bus_message_unref(c->message);
	free(c);
}

/* Those of a bus, or all. */
static void forget(struct dbus_pending *p, const sd_bus *bus)
{
	struct call *c;
	uint32_t cursor = 0;

	while ((c = slots_next(p->calls, &cursor))) {
		if (bus && sd_bus_message_get_bus(c->message) != bus)
			continue;
		slots_remove(p->calls, c->self);
		call_free(c);
	}
}

void dbus_pending_drop(struct dbus_pending *p, sd_bus *bus)
{
	if (bus)
		forget(p, bus);
}

void dbus_pending_done(struct dbus_pending *p)
{
	if (!p->calls)
		return;
	forget(p, NULL);
	p->calls = slots_free(p->calls);
}

/* By whom: a connection of its own, or one behind a bus. */
static bool same_caller(sd_bus_message *a, sd_bus_message *b)
{
	const char *x = sd_bus_message_get_sender(a);
	const char *y = sd_bus_message_get_sender(b);

	return sd_bus_message_get_bus(a) == sd_bus_message_get_bus(b) &&
	       (!x || !y || !strcmp(x, y));
}

/* Nobody can take the places of all others. */
static bool has_place(const struct dbus_pending *p, sd_bus_message *m)
{
	unsigned bus = 0, caller = 0;
	uint32_t cursor = 0;
	struct call *c;

	while ((c = slots_next(p->calls, &cursor))) {
		bus += sd_bus_message_get_bus(c->message) ==
		       sd_bus_message_get_bus(m);
		caller += same_caller(c->message, m);
	}
	return caller < LIMIT_BUS_PENDING_CALLER &&
	       bus < LIMIT_BUS_PENDING_SYSTEM;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *user)
{
	struct call *c = user;

	(void)source;
	(void)usec;
	dbus_pending_fail(c->pending, c->self, DBUS_ERROR_TIMED_OUT,
			  "It is not done yet, and the time to wait is over.");
	return 0;
}

int dbus_pending_add(struct dbus_pending *p, sd_bus_message *m,
		     uint64_t timeout_ms, struct handle *ret,
		     sd_bus_error *error)
{
	struct call *c;
	int r = 0;

	if (!has_place(p, m))
		return sd_bus_error_setf(error, SD_BUS_ERROR_LIMITS_EXCEEDED,
					 "Too many calls wait for an answer.");
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->pending = p;
	if (timeout_ms)
		r = sd_event_add_time_relative(
			p->event, &c->timer, CLOCK_MONOTONIC, timeout_ms * 1000,
			0, on_timer, c);
	if (r >= 0)
		r = slots_add(p->calls, c, &c->self);
	if (r < 0) {
		call_free(c);
		return r;
	}
	c->message = sd_bus_message_ref(m);
	*ret = c->self;
	return 0;
}

bool dbus_pending_waits(const struct dbus_pending *p, struct handle call)
{
	return slots_get(p->calls, call) != NULL;
}

sd_bus_message *dbus_pending_peek(const struct dbus_pending *p,
				  struct handle call)
{
	const struct call *c = slots_get(p->calls, call);

	return c ? c->message : NULL;
}

sd_bus_message *dbus_pending_take(struct dbus_pending *p, struct handle call)
{
	struct call *c = slots_remove(p->calls, call);
	sd_bus_message *m;

	if (!c)
		return NULL;
	m = sd_bus_message_ref(c->message);
	call_free(c);
	return m;
}

void dbus_pending_return(struct dbus_pending *p, struct handle call)
{
	sd_bus_message *m = dbus_pending_take(p, call);

	if (m)
		(void)sd_bus_reply_method_return(m, NULL);
	sd_bus_message_unref(m);
}

void dbus_pending_return_number(struct dbus_pending *p, struct handle call,
				uint32_t number)
{
	sd_bus_message *m = dbus_pending_take(p, call);

	if (m)
		(void)sd_bus_reply_method_return(m, "u", number);
	sd_bus_message_unref(m);
}

void dbus_pending_fail(struct dbus_pending *p, struct handle call,
		       const char *name, const char *message)
{
	const sd_bus_error error = SD_BUS_ERROR_MAKE_CONST(name, message);
	sd_bus_message *m = dbus_pending_take(p, call);

	if (m)
		(void)sd_bus_reply_method_error(m, &error);
	sd_bus_message_unref(m);
}
