/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host on the bus: properties of the manager object. */
#include <string.h>

#include "dbus/context.h"
#include "dbus/marshal.h"
#include "dbus/topics.h"

#define FIELD(name, type, field)                               \
	{                                                      \
		name, type, offsetof(struct dbus_host, field), \
	}

/* Property, type and place in struct dbus_host. */
static const struct {
	const char *name;
	char type;
	size_t offset;
} host_fields[] = {
	FIELD("Version", 's', version),
	FIELD("Instance", 's', instance),
	FIELD("Warning", 's', warning),
	FIELD("Protecting", 'b', protecting),
	FIELD("PrivilegesSeparate", 'b', privileges_separate),
	FIELD("Secured", 'u', secured),
	FIELD("Clear", 'u', clear),
	FIELD("Blocked", 'u', blocked),
	FIELD("Negotiating", 'u', negotiating),
	FIELD("HeldDown", 'u', held_down),
	FIELD("Acquires", 't', acquires),
	FIELD("Established", 't', established),
	FIELD("Failed", 't', failed),
	FIELD("RefusedRecords", 't', refused_records),
	FIELD("UptimeMs", 't', uptime_ms),
};

static int get_property(sd_bus *bus, const char *path, const char *interface,
			const char *property, sd_bus_message *reply, void *user,
			sd_bus_error *error)
{
	const struct dbus_context *c = user;
	struct dbus_host host = { 0 };

	(void)bus;
	(void)path;
	(void)interface;
	c->source.host(c->source.user, &host);
	for (size_t i = 0; i < sizeof(host_fields) / sizeof(host_fields[0]);
	     i++) {
		const void *at = (const char *)&host + host_fields[i].offset;
		int truth;

		if (strcmp(host_fields[i].name, property))
			continue;
		if (host_fields[i].type == 's')
			return dbus_append_text(reply,
						*(const char *const *)at);
		if (host_fields[i].type == 'b') {
			truth = *(const bool *)at;
			at = &truth;
		}
		return sd_bus_message_append_basic(reply, host_fields[i].type,
						   at);
	}
	return sd_bus_error_setf(error, SD_BUS_ERROR_UNKNOWN_PROPERTY,
				 "There is no property %s.", property);
}

/* Counters change all the time: no PropertiesChanged for them. */
#define PROPERTY(name, type) SD_BUS_PROPERTY(name, type, get_property, 0, 0)
#define CONSTANT(name, type)                         \
	SD_BUS_PROPERTY(name, type, get_property, 0, \
			SD_BUS_VTABLE_PROPERTY_CONST)

const sd_bus_vtable dbus_host_vtable[] = {
	SD_BUS_VTABLE_START(0),
	CONSTANT("Version", "s"),
	CONSTANT("Instance", "s"),
	PROPERTY("Warning", "s"),
	PROPERTY("Protecting", "b"),
	PROPERTY("PrivilegesSeparate", "b"),
	PROPERTY("Secured", "u"),
	PROPERTY("Clear", "u"),
	PROPERTY("Blocked", "u"),
	PROPERTY("Negotiating", "u"),
	PROPERTY("HeldDown", "u"),
	PROPERTY("Acquires", "t"),
	PROPERTY("Established", "t"),
	PROPERTY("Failed", "t"),
	PROPERTY("RefusedRecords", "t"),
	PROPERTY("UptimeMs", "t"),
	SD_BUS_VTABLE_END,
};
