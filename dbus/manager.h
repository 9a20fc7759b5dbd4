/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The manager object, /org/tacit/Agent1 with the interface org.tacit.Agent1:
 * the same on every bus that we serve. What it can is in dbus/topics.h.
 */
#ifndef TACIT_DBUS_MANAGER_H
#define TACIT_DBUS_MANAGER_H

#include <systemd/sd-bus.h>

#include "dbus/context.h"

/* Adds the object, for as long as the bus lives; context must live as long.
 * 0 or -errno. */
int dbus_manager_add(sd_bus *bus, struct dbus_context *context)
	__attribute__((warn_unused_result));

#endif
