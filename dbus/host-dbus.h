/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PropertiesChanged of the manager object. */
#ifndef TACIT_DBUS_HOST_DBUS_H
#define TACIT_DBUS_HOST_DBUS_H

#include <systemd/sd-bus.h>

#include "dbus/context.h"

/* Properties whose changes are told; each a bit. */
#define DBUS_HOST_PROPERTIES 8
#define DBUS_HOST_ALL	     ((1u << DBUS_HOST_PROPERTIES) - 1)

/* What readers have been told. */
struct dbus_host_seen {
	uint32_t values[DBUS_HOST_PROPERTIES];
	char warning[256];
};

/* The bits of those that have changed since; seen is then as they are now. */
unsigned dbus_host_compare(const struct dbus_source *source,
			   struct dbus_host_seen *seen);
/* Queues the signal, if there is anything: 0 or -errno. */
int dbus_host_changed(sd_bus *bus, unsigned changed)
	__attribute__((warn_unused_result));

#endif
