/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The signals about peers. */
#ifndef TACIT_DBUS_PEERS_DBUS_H
#define TACIT_DBUS_PEERS_DBUS_H

#include <systemd/sd-bus.h>

#include "dbus/source.h"

/* Queue the signal: 0 or -errno. */
int dbus_peers_changed_one(sd_bus *bus, const struct dbus_source *source,
			   const struct addr *remote)
	__attribute__((warn_unused_result));
int dbus_peers_changed(sd_bus *bus) __attribute__((warn_unused_result));

#endif
