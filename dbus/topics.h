/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The topics of the manager object: each has a file of its own with its methods,
 * properties and signals, and they are one interface together. The handlers'
 * user data is the struct dbus_context. A new topic is one more line here and
 * in dbus/manager.c.
 */
#ifndef TACIT_DBUS_TOPICS_H
#define TACIT_DBUS_TOPICS_H

#include <systemd/sd-bus.h>

extern const sd_bus_vtable dbus_control_vtable[];
extern const sd_bus_vtable dbus_dns_vtable[];
extern const sd_bus_vtable dbus_explain_vtable[];
extern const sd_bus_vtable dbus_host_vtable[];
extern const sd_bus_vtable dbus_keys_vtable[];
extern const sd_bus_vtable dbus_peers_vtable[];
extern const sd_bus_vtable dbus_policies_vtable[];
extern const sd_bus_vtable dbus_policy_vtable[]; /* of one policy's object */
extern const sd_bus_vtable dbus_sockets_vtable[];
extern const sd_bus_vtable dbus_traffic_vtable[];

#endif
