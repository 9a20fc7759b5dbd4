/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * org.tacit.Agent1 on the system bus, where there is one, and always on the
 * agent's own socket as a peer-to-peer bus. The contract is in
 * dbus/org.tacit.Agent1.md.
 */
#ifndef TACIT_DBUS_SERVER_H
#define TACIT_DBUS_SERVER_H

#include <systemd/sd-event.h>

#include "dbus/pending.h"
#include "dbus/source.h"

struct dbus_server;

/* socket_path: the agent's own socket (mode 0666: status is open to all).
 * Without a system bus it serves the socket alone and looks for the bus again
 * every few seconds. source is copied. 0 or -errno. */
int dbus_server_new(sd_event *event, const char *socket_path,
		    const struct dbus_source *source, struct dbus_server **ret)
	__attribute__((warn_unused_result));
struct dbus_server *dbus_server_free(struct dbus_server *s);
/* The calls that the source answers later. */
struct dbus_pending *dbus_server_pending(struct dbus_server *s);
/* Something that the properties show may have changed; and the policies are
 * others. */
void dbus_server_host_changed(struct dbus_server *s);
void dbus_server_policies_changed(struct dbus_server *s);
/* Says PeerChanged for this peer, soon: signals are gathered, one a peer, and
 * sent together when the loop is next idle, at most once in 100 ms. */
void dbus_server_peer_changed(struct dbus_server *s, const struct addr *remote);

#endif
