/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The named policies on the bus. */
#include "dbus/context.h"
#include "dbus/marshal.h"
#include "dbus/reply.h"
#include "dbus/topics.h"

static int append_policy(const struct dbus_policy *p, void *user)
{
	return dbus_append_policy(user, p);
}

static int append_policies(sd_bus_message *reply, void *user)
{
	const struct dbus_source *source = user;

	return source->policies(source->user, append_policy, reply);
}

static int method_list_policies(sd_bus_message *m, void *user,
				sd_bus_error *error)
{
	struct dbus_context *c = user;

	return dbus_reply_list(m, append_policies, &c->source, error);
}

const sd_bus_vtable dbus_policies_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD_WITH_ARGS("ListPolicies", SD_BUS_NO_ARGS,
				SD_BUS_RESULT("aa{sv}", policies),
				method_list_policies,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};
