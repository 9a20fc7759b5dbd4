/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The busiest peers on the bus. */
#include "dbus/traffic-dbus.h"

#include "dbus/caller.h"
#include "dbus/marshal.h"
#include "dbus/names.h"
#include "dbus/reply.h"
#include "dbus/topics.h"
#include "util/limits.h"

#define TRAFFIC_MS 5000u

static int append_flow(sd_bus_message *m, const struct dbus_traffic_flow *f)
{
	char remote[ADDR_STRLEN], local[ADDR_STRLEN];
	int r;

	addr_format(&f->remote, remote);
	addr_format(&f->local, local);
	r = sd_bus_message_append(m, "a{sv}", 8, "Address", "s", remote,
				  "LocalAddress", "s", local, "BytesIn", "t",
				  f->bytes_in, "BytesOut", "t", f->bytes_out,
				  "PacketsIn", "t", f->packets_in, "PacketsOut",
				  "t", f->packets_out, "RateIn", "t",
				  f->rate_in, "RateOut", "t", f->rate_out);
	return r < 0 ? r : 0;
}

static int append(sd_bus_message *m, const void *what)
{
	const struct dbus_traffic *t = what;
	int r = sd_bus_message_open_container(m, 'a', "a{sv}");

	for (size_t i = 0; i < t->count && r >= 0; i++)
		r = append_flow(m, &t->flows[i]);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	if (r >= 0)
		r = sd_bus_message_append(m, "tu", t->interval_ms, t->left_out);
	return r;
}

void dbus_reply_traffic(struct dbus_pending *p, struct handle call,
			const struct dbus_traffic *t)
{
	dbus_reply_later(p, call, append, t);
}

static int list_traffic(sd_bus_message *m, void *user, sd_bus_error *error)
{
	struct dbus_context *c = user;
	struct handle call;
	uint32_t limit;
	int r = sd_bus_message_read(m, "u", &limit);

	if (r >= 0)
		r = dbus_pending_add(&c->pending, m, TRAFFIC_MS, &call, error);
	if (r < 0)
		return r;
	if (!limit || limit > LIMIT_LIST_PEERS)
		limit = LIMIT_LIST_PEERS;
	c->source.traffic(c->source.user, limit, call);
	return 1;
}

static int method_list_traffic(sd_bus_message *m, void *user,
			       sd_bus_error *error)
{
	return caller_may(user, m, DBUS_ACTION_LIST, list_traffic, error);
}

const sd_bus_vtable dbus_traffic_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD_WITH_ARGS(
		"ListTraffic", SD_BUS_ARGS("u", limit),
		SD_BUS_RESULT("aa{sv}", flows, "t", interval_ms, "u", left_out),
		method_list_traffic, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};
