/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who calls, and what they may. Root may everything, and so may the user that
 * the agent runs as. On the own socket the kernel says who it is; on the system
 * bus the bus is asked, and for others polkit, where there is one; the answer
 * is not waited for.
 */
#ifndef TACIT_DBUS_CALLER_H
#define TACIT_DBUS_CALLER_H

#include "dbus/context.h"

/* Runs the handler then(), with the context as its user data, when the caller
 * of m may do what action (dbus/names.h) names: now, or later. Else the caller
 * gets AccessDenied. The result is for the handler that calls this to return. */
int caller_may(struct dbus_context *c, sd_bus_message *m, const char *action,
	       sd_bus_message_handler_t then, sd_bus_error *error)
	__attribute__((warn_unused_result));
/* For a connection to the own socket: may the one at its other end do all? */
bool caller_is_root(sd_bus *bus);

#endif
