/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The keys of this host on the bus. */
#include "dbus/context.h"
#include "dbus/marshal.h"
#include "dbus/reply.h"
#include "dbus/topics.h"

static int append_key(const struct dbus_key *k, void *user)
{
	return dbus_append_key(user, k);
}

static int append_keys(sd_bus_message *reply, void *user)
{
	const struct dbus_source *source = user;

	return source->keys(source->user, append_key, reply);
}

/* A handful at most: no page and no limit. */
static int method_list_keys(sd_bus_message *m, void *user, sd_bus_error *error)
{
	struct dbus_context *c = user;

	return dbus_reply_list(m, append_keys, &c->source, error);
}

const sd_bus_vtable dbus_keys_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD_WITH_ARGS("ListKeys", SD_BUS_NO_ARGS,
				SD_BUS_RESULT("aa{sv}", keys), method_list_keys,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};
