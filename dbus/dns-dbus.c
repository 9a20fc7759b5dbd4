/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How this host asks DNS, for programs that ask the same by themselves, and
 * which policy an address has.
 */
#include <errno.h>

#include "dbus/context.h"
#include "dbus/marshal.h"
#include "dbus/names.h"
#include "dbus/reply.h"
#include "dbus/topics.h"

static int method_get_dns(sd_bus_message *m, void *user, sd_bus_error *error)
{
	struct dbus_context *c = user;
	struct dbus_dns dns = { 0 };
	sd_bus_message *reply = NULL;
	int r = dbus_check_queue(m, error);

	if (r < 0)
		return r;
	c->source.dns(c->source.user, &dns);
	r = sd_bus_message_new_method_return(m, &reply);
	if (r >= 0)
		r = dbus_append_dns(reply, &dns);
	if (r >= 0)
		r = sd_bus_message_send(reply);
	sd_bus_message_unref(reply);
	return r;
}

static int method_find_policy(sd_bus_message *m, void *user,
			      sd_bus_error *error)
{
	struct dbus_context *c = user;
	sd_bus_message *reply = NULL;
	struct dbus_rule rule;
	struct addr address;
	const char *text;
	int r = sd_bus_message_read(m, "s", &text);

	if (r >= 0)
		r = dbus_parse_address(text, &address, error);
	if (r < 0)
		return r;
	r = c->source.rule(c->source.user, &address, &rule);
	if (r == -ENOENT)
		return sd_bus_error_setf(error, DBUS_ERROR_UNKNOWN_PEER,
					 "No policy covers %s: it is in the "
					 "clear.",
					 text);
	if (r < 0)
		return r;
	r = sd_bus_message_new_method_return(m, &reply);
	if (r >= 0)
		r = dbus_append_rule(reply, &rule);
	if (r >= 0)
		r = sd_bus_message_send(reply);
	sd_bus_message_unref(reply);
	return r;
}

const sd_bus_vtable dbus_dns_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD_WITH_ARGS("GetDNS", SD_BUS_NO_ARGS,
				SD_BUS_RESULT("a{sv}", dns), method_get_dns,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("FindPolicy", SD_BUS_ARGS("s", address),
				SD_BUS_RESULT("a{sv}", policy),
				method_find_policy, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};
