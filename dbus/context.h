/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the handlers of all objects get as their user data: one a server, the
 * same on every bus that it serves. It lives longer than every bus.
 */
#ifndef TACIT_DBUS_CONTEXT_H
#define TACIT_DBUS_CONTEXT_H

#include "dbus/pending.h"
#include "dbus/sockets.h"
#include "dbus/source.h"

struct dbus_context {
	struct dbus_source source;
	struct dbus_pending pending;
	struct dbus_sockets sockets;
};

#endif
