/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One bus that we serve: the system bus, or one client of the own socket.
 * Bounds what a reader that does not read can make us keep.
 */
#ifndef TACIT_DBUS_LINK_H
#define TACIT_DBUS_LINK_H

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "dbus/changes.h"
#include "dbus/context.h"

/* Embedded in its owner. */
struct dbus_link {
	sd_bus *bus; /* NULL: not connected */
	sd_event_source *early;
	struct dbus_context *context;
	bool sees_peers;       /* PeerChanged is for it; set by the owner */
	uint64_t missed_since; /* ms; 0: it has missed no signal */
	/* The bus is gone, or we want it gone: call dbus_link_close(), and
	 * free the owner if you like. why is for the log. */
	void (*down)(struct dbus_link *l, const char *why);
};

/* Attaches a bus that is set up but not started, with the manager object on
 * it, and starts it. Takes the bus, on failure too. 0 or -errno. */
int dbus_link_open(struct dbus_link *l, sd_bus *bus, sd_event *event)
	__attribute__((warn_unused_result));
/* Idempotent. What is queued is not waited for. */
void dbus_link_close(struct dbus_link *l);
/* Sends the signals of changes, and of the host's properties (bits of
 * dbus_host_compare()); may call down(). True: it missed some, come
 * again even if nothing changes. */
bool dbus_link_signal(struct dbus_link *l, const struct dbus_changes *changes,
		      unsigned host, uint64_t now);
/* The policies are others now: lists of names, in order. May call down(). */
void dbus_link_policies(struct dbus_link *l, char *const *before,
			char *const *after, uint64_t now);

#endif
