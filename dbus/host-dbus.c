/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host on the bus: properties of the manager object. */
#include "dbus/host-dbus.h"

#include <string.h>

#include "dbus/marshal.h"
#include "dbus/names.h"
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
	FIELD("PacketsHeld", 'u', packets_held),
	FIELD("PacketsNoRoom", 't', packets_no_room),
	FIELD("PacketsLate", 't', packets_late),
	FIELD("EventsLost", 't', events_lost),
	FIELD("AcquiresRefused", 't', acquires_refused),
	FIELD("HalfOpenEvicted", 't', half_open_evicted),
	FIELD("RepeatsIgnored", 't', repeats_ignored),
	FIELD("PeersEvicted", 't', peers_evicted),
	FIELD("PeersRefused", 't', peers_refused),
	FIELD("ClearConnections", 'u', clear_connections),
	FIELD("Leases", 'u', leases),
	FIELD("LeasesRefused", 't', leases_refused),
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
#define COUNTER(name, type) SD_BUS_PROPERTY(name, type, get_property, 0, 0)
#define PROPERTY(name, type)                         \
	SD_BUS_PROPERTY(name, type, get_property, 0, \
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE)
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
	COUNTER("Acquires", "t"),
	COUNTER("Established", "t"),
	COUNTER("Failed", "t"),
	COUNTER("RefusedRecords", "t"),
	COUNTER("PacketsHeld", "u"),
	COUNTER("PacketsNoRoom", "t"),
	COUNTER("PacketsLate", "t"),
	COUNTER("EventsLost", "t"),
	COUNTER("AcquiresRefused", "t"),
	COUNTER("HalfOpenEvicted", "t"),
	COUNTER("RepeatsIgnored", "t"),
	COUNTER("PeersEvicted", "t"),
	COUNTER("PeersRefused", "t"),
	COUNTER("ClearConnections", "u"),
	COUNTER("Leases", "u"),
	COUNTER("LeasesRefused", "t"),
	COUNTER("UptimeMs", "t"),
	SD_BUS_VTABLE_END,
};

/* In the order of enum dbus_host_property. */
static const char *const changing[DBUS_HOST_PROPERTIES] = {
	"Warning", "Protecting", "PrivilegesSeparate", "Secured",
	"Clear",   "Blocked",	 "Negotiating",	       "HeldDown",
};

unsigned dbus_host_compare(const struct dbus_source *source,
			   struct dbus_host_seen *seen)
{
	struct dbus_host h = { 0 };
	struct dbus_host_seen now;
	unsigned changed = 0;

	source->host(source->user, &h);
	now = (struct dbus_host_seen){
		.values = { 0, h.protecting, h.privileges_separate, h.secured,
			    h.clear, h.blocked, h.negotiating, h.held_down },
	};
	strncpy(now.warning, h.warning, sizeof(now.warning) - 1);
	if (strcmp(now.warning, seen->warning) != 0)
		changed |= 1u;
	for (unsigned i = 1; i < DBUS_HOST_PROPERTIES; i++)
		changed |= (unsigned)(now.values[i] != seen->values[i]) << i;
	*seen = now;
	return changed;
}

int dbus_host_changed(sd_bus *bus, unsigned changed)
{
	const char *names[DBUS_HOST_PROPERTIES + 1] = { NULL };
	size_t n = 0;
	int r;

	for (unsigned i = 0; i < DBUS_HOST_PROPERTIES; i++) {
		if (changed & 1u << i)
			names[n++] = changing[i];
	}
	if (!n)
		return 0;
	r = sd_bus_emit_properties_changed_strv(bus, DBUS_PATH, DBUS_INTERFACE,
						(char **)names);
	return r < 0 ? r : 0;
}
