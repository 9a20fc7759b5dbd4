/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What callers have told us of their sockets, and which of them they watch. A
 * socket is known by the kernel's cookie, a caller by his connection; what he
 * has told goes when he leaves the bus.
 */
#ifndef TACIT_DBUS_SOCKETS_H
#define TACIT_DBUS_SOCKETS_H

#include <systemd/sd-bus.h>

#include "util/slots.h"
#include "util/socket.h"

struct dbus_context;

struct dbus_socket {
	struct handle self;
	sd_bus *bus;  /* a reference */
	char *sender; /* on a bus; NULL: the connection is his alone */
	struct socket_info info;
	char *name; /* that he gave it, or NULL */
	bool watched;
	char *last; /* what he was told last, to be compared */
};

/* Embedded in the context. */
struct dbus_sockets {
	struct slots *all;
	sd_bus_slot *departures; /* who leaves the system bus; NULL: nobody
				    there has told us anything */
};

/* 0 or -ENOMEM. */
int dbus_sockets_init(struct dbus_sockets *s)
	__attribute__((warn_unused_result));
/* Idempotent. */
void dbus_sockets_done(struct dbus_sockets *s);
/* Forgets what came by this bus, which is about to close. */
void dbus_sockets_drop(struct dbus_sockets *s, sd_bus *bus);

/* The caller's entry for this socket, made if there is none. 0; error is set;
 * -errno. */
int dbus_sockets_obtain(struct dbus_sockets *s, sd_bus_message *m,
			const struct socket_info *info,
			struct dbus_socket **ret, sd_bus_error *error)
	__attribute__((warn_unused_result));
/* NULL: he has told us nothing of it. */
struct dbus_socket *dbus_sockets_get(const struct dbus_sockets *s,
				     sd_bus_message *m, uint64_t cookie);
void dbus_sockets_remove(struct dbus_sockets *s, struct dbus_socket *e);

#endif
