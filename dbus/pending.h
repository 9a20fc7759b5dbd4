/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Method calls that are answered later. Whoever does the work has a handle:
 * it may be used at any time, and does nothing when the caller is gone or the
 * call has been answered, by a time-out for instance.
 */
#ifndef TACIT_DBUS_PENDING_H
#define TACIT_DBUS_PENDING_H

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "util/slots.h"

/* Embedded in its owner. */
struct dbus_pending {
	sd_event *event;
	struct slots *calls;
};

/* 0 or -ENOMEM. */
int dbus_pending_init(struct dbus_pending *p, sd_event *event)
	__attribute__((warn_unused_result));
/* Forgets all calls without an answer. Idempotent. */
void dbus_pending_done(struct dbus_pending *p);
/* Forgets those that came by this bus, which is about to close. */
void dbus_pending_drop(struct dbus_pending *p, sd_bus *bus);
/* Keeps the call m, for the handler that returns 1 then. After timeout_ms (0:
 * never) it is answered with the error TimedOut. Without a place for it error
 * is set, and its result is returned. */
int dbus_pending_add(struct dbus_pending *p, sd_bus_message *m,
		     uint64_t timeout_ms, struct handle *ret,
		     sd_bus_error *error) __attribute__((warn_unused_result));
/* Is somebody still waiting for this? */
bool dbus_pending_waits(const struct dbus_pending *p, struct handle call);
/* The call, borrowed, which goes on waiting; NULL: it has been answered. */
sd_bus_message *dbus_pending_peek(const struct dbus_pending *p,
				  struct handle call);
/* The call, which waits no more: the caller answers and unrefs it. NULL: it
 * has been answered. */
sd_bus_message *dbus_pending_take(struct dbus_pending *p, struct handle call);
/* Answers without a value. */
void dbus_pending_return(struct dbus_pending *p, struct handle call);
/* Answers with a number, "u". */
void dbus_pending_return_number(struct dbus_pending *p, struct handle call,
				uint32_t number);
/* Answers with an error of dbus/names.h. */
void dbus_pending_fail(struct dbus_pending *p, struct handle call,
		       const char *name, const char *message);

#endif
