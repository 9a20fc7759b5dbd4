/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The methods for applications, of which dbus/org.tacit.Agent1.md says what they
 * promise: GetSocket, RequireEncryption, NameSocket, WatchSocket.
 */
#ifndef TACIT_DBUS_SOCKETS_DBUS_H
#define TACIT_DBUS_SOCKETS_DBUS_H

#include "dbus/context.h"

/* Answers RequireEncryption. */
void dbus_sockets_reply(struct dbus_pending *p, struct handle call,
			const struct socket_info *s,
			const struct dbus_peer *peer);
/* Tells those who watch a socket of which something is new. True: a reader is
 * slow, come again even if nothing changes. */
bool dbus_sockets_signal(struct dbus_context *c);

#endif
