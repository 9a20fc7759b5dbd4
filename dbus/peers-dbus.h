/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The signals about peers, and the answer to a call that waited for one. */
#ifndef TACIT_DBUS_PEERS_DBUS_H
#define TACIT_DBUS_PEERS_DBUS_H

#include <systemd/sd-bus.h>

#include "dbus/pending.h"
#include "dbus/source.h"

/* Queue the signal: 0 or -errno. */
int dbus_peers_changed_one(sd_bus *bus, const struct dbus_source *source,
			   const struct addr *remote)
	__attribute__((warn_unused_result));
int dbus_peers_changed(sd_bus *bus) __attribute__((warn_unused_result));
/* Answers the call with the peer as it is now. */
void dbus_reply_peer(struct dbus_pending *p, struct handle call,
		     const struct dbus_peer *peer);

#endif
