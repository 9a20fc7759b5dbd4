/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dbus/manager.h"

#include "dbus/names.h"
#include "dbus/policies-dbus.h"
#include "dbus/topics.h"

/* clang-format off */
static const sd_bus_vtable *const topics[] = {
	dbus_control_vtable,
	dbus_dns_vtable,
	dbus_explain_vtable,
	dbus_host_vtable,
	dbus_keys_vtable,
	dbus_peers_vtable,
	dbus_policies_vtable,
	dbus_sockets_vtable,
	dbus_traffic_vtable,
};
/* clang-format on */

int dbus_manager_add(sd_bus *bus, struct dbus_context *context)
{
	int r = 0;

	for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]) && r >= 0;
	     i++)
		r = sd_bus_add_object_vtable(bus, NULL, DBUS_PATH,
					     DBUS_INTERFACE, topics[i],
					     context);
	if (r >= 0)
		r = dbus_policies_add(bus, context);
	return r < 0 ? r : 0;
}
