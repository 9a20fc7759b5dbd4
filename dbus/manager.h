/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The manager object, /org/tacit/Agent1 with the interface org.tacit.Agent1:
 * the same on every bus that we serve.
 */
#ifndef TACIT_DBUS_MANAGER_H
#define TACIT_DBUS_MANAGER_H

#include <systemd/sd-bus.h>

#include "dbus/source.h"

#define DBUS_NAME      "org.tacit.Agent1"
#define DBUS_PATH      "/org/tacit/Agent1"
#define DBUS_INTERFACE "org.tacit.Agent1"

#define DBUS_ERROR_UNKNOWN_PEER	   DBUS_INTERFACE ".Error.UnknownPeer"
#define DBUS_ERROR_INVALID_ADDRESS DBUS_INTERFACE ".Error.InvalidAddress"
#define DBUS_ERROR_INVALID_CURSOR  DBUS_INTERFACE ".Error.InvalidCursor"

/* Adds the object, for as long as the bus lives; source must live as long.
 * 0 or -errno. */
int dbus_manager_add(sd_bus *bus, const struct dbus_source *source)
	__attribute__((warn_unused_result));
/* Queues the signal: 0 or -errno. */
int dbus_manager_peer_changed(sd_bus *bus, const struct dbus_source *source,
			      const struct addr *remote)
	__attribute__((warn_unused_result));
int dbus_manager_peers_changed(sd_bus *bus) __attribute__((warn_unused_result));

#endif
