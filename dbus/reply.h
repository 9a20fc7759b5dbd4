/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What many methods do alike: reading an address, answering later, and with a
 * list.
 */
#ifndef TACIT_DBUS_REPLY_H
#define TACIT_DBUS_REPLY_H

#include <systemd/sd-bus.h>

#include "dbus/pending.h"
#include "util/addr.h"

/* 0, or error is set. */
int dbus_parse_address(const char *text, struct addr *ret, sd_bus_error *error)
	__attribute__((warn_unused_result));
/* Sets error to UnknownPeer, and returns what sd_bus_error_setf() does. */
int dbus_unknown_peer(const char *address, sd_bus_error *error)
	__attribute__((warn_unused_result));
/* Answers a call that was kept (dbus/pending.h) with what append() adds; nothing
 * where its caller has left. */
void dbus_reply_later(struct dbus_pending *p, struct handle call,
		      int (*append)(sd_bus_message *reply, const void *what),
		      const void *what);
/* Lists are large: whoever has not read the last ones gets no more. 0, or error
 * is set. */
int dbus_check_queue(sd_bus_message *m, sd_bus_error *error)
	__attribute__((warn_unused_result));
/* Answers m with aa{sv}, which append() fills. */
int dbus_reply_list(sd_bus_message *m,
		    int (*append)(sd_bus_message *reply, void *user),
		    void *user, sd_bus_error *error)
	__attribute__((warn_unused_result));

#endif
