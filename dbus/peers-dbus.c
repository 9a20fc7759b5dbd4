/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Peers on the bus. One that is named is shown to everybody, the list of them
 * only to root and those whom it lets.
 */
#include "dbus/peers-dbus.h"

#include <errno.h>

#include "dbus/caller.h"
#include "dbus/marshal.h"
#include "dbus/names.h"
#include "dbus/reply.h"
#include "dbus/topics.h"
#include "util/limits.h"

/* A link-local peer may be known without its interface. */
static int find_peer(const struct dbus_source *source, const struct addr *a,
		     struct dbus_peer *ret)
{
	struct addr plain = *a;
	int r = source->peer(source->user, a, ret);

	if (r != -ENOENT || !a->scope)
		return r;
	plain.scope = 0;
	return source->peer(source->user, &plain, ret);
}

static int method_get_peer(sd_bus_message *m, void *user, sd_bus_error *error)
{
	const struct dbus_context *c = user;
	sd_bus_message *reply = NULL;
	struct dbus_peer peer;
	struct addr address;
	const char *text;
	int r = sd_bus_message_read(m, "s", &text);

	if (r < 0)
		return r;
	r = dbus_parse_address(text, &address, error);
	if (r < 0)
		return r;
	r = find_peer(&c->source, &address, &peer);
	if (r == -ENOENT)
		return dbus_unknown_peer(text, error);
	if (r < 0)
		return r;
	r = sd_bus_message_new_method_return(m, &reply);
	if (r >= 0)
		r = dbus_append_peer(reply, &peer);
	if (r >= 0)
		r = sd_bus_message_send(reply);
	sd_bus_message_unref(reply);
	return r;
}

struct page {
	sd_bus_message *reply;
	struct addr last;
	uint32_t count;
};

static int append_to_page(const struct dbus_peer *p, void *user)
{
	struct page *page = user;

	page->last = p->remote;
	page->count++;
	return dbus_append_peer(page->reply, p);
}

static int fill_page(const struct dbus_source *source, const struct addr *after,
		     uint32_t limit, struct page *page)
{
	char cursor[ADDR_STRLEN] = "";
	int r = sd_bus_message_open_container(page->reply, 'a', "a{sv}");

	if (r >= 0)
		r = source->peers(source->user, after, limit, append_to_page,
				  page);
	if (r >= 0)
		r = sd_bus_message_close_container(page->reply);
	if (r < 0)
		return r;
	/* A full page may be the last one: the next is empty then. */
	if (page->count >= limit)
		addr_format(&page->last, cursor);
	return sd_bus_message_append_basic(page->reply, 's', cursor);
}

static int list_peers(sd_bus_message *m, void *user, sd_bus_error *error)
{
	const struct dbus_context *c = user;
	struct addr after = { 0 };
	struct page page = { 0 };
	const char *cursor;
	uint32_t limit;
	int r = sd_bus_message_read(m, "su", &cursor, &limit);

	if (r < 0)
		return r;
	if (*cursor && addr_parse(cursor, &after) < 0)
		return sd_bus_error_setf(error, DBUS_ERROR_INVALID_CURSOR,
					 "The cursor is neither empty nor one "
					 "that ListPeers returned.");
	r = dbus_check_queue(m, error);
	if (r < 0)
		return r;
	if (!limit || limit > LIMIT_LIST_PEERS)
		limit = LIMIT_LIST_PEERS;
	r = sd_bus_message_new_method_return(m, &page.reply);
	if (r >= 0)
		r = fill_page(&c->source, &after, limit, &page);
	if (r >= 0)
		r = sd_bus_message_send(page.reply);
	sd_bus_message_unref(page.reply);
	return r;
}

static int method_list_peers(sd_bus_message *m, void *user, sd_bus_error *error)
{
	return caller_may(user, m, DBUS_ACTION_LIST, list_peers, error);
}

const sd_bus_vtable dbus_peers_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD_WITH_ARGS("GetPeer", SD_BUS_ARGS("s", address),
				SD_BUS_RESULT("a{sv}", peer), method_get_peer,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS(
		"ListPeers", SD_BUS_ARGS("s", cursor, "u", limit),
		SD_BUS_RESULT("aa{sv}", peers, "s", next_cursor),
		method_list_peers, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_SIGNAL_WITH_ARGS("PeerChanged",
				SD_BUS_ARGS("s", address, "a{sv}", peer), 0),
	SD_BUS_SIGNAL_WITH_ARGS("PeersChanged", SD_BUS_NO_ARGS, 0),
	SD_BUS_VTABLE_END,
};

int dbus_peers_changed_one(sd_bus *bus, const struct dbus_source *source,
			   const struct addr *remote)
{
	sd_bus_message *m = NULL;
	char text[ADDR_STRLEN];
	struct dbus_peer peer;
	int known = source->peer(source->user, remote, &peer);
	int r = sd_bus_message_new_signal(bus, &m, DBUS_PATH, DBUS_INTERFACE,
					  "PeerChanged");

	if (r >= 0)
		r = sd_bus_message_append_basic(m, 's',
						addr_format(remote, text));
	/* Nothing of it: it is forgotten. */
	if (r >= 0)
		r = dbus_append_peer(m, known < 0 ? NULL : &peer);
	if (r >= 0)
		r = sd_bus_send(bus, m, NULL);
	sd_bus_message_unref(m);
	return r < 0 ? r : 0;
}

int dbus_peers_changed(sd_bus *bus)
{
	int r = sd_bus_emit_signal(bus, DBUS_PATH, DBUS_INTERFACE,
				   "PeersChanged", NULL);

	return r < 0 ? r : 0;
}

static int append_peer(sd_bus_message *m, const void *what)
{
	return dbus_append_peer(m, what);
}

void dbus_reply_peer(struct dbus_pending *p, struct handle call,
		     const struct dbus_peer *peer)
{
	dbus_reply_later(p, call, append_peer, peer);
}
