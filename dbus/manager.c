/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Methods, properties and signals of org.tacit.Agent1. Everything here only
 * reads, so everybody may call it.
 */
#include "dbus/manager.h"

#include <errno.h>
#include <string.h>

#include "dbus/marshal.h"
#include "util/limits.h"

static int parse_address(const char *text, struct addr *ret,
			 sd_bus_error *error)
{
	if (addr_parse(text, ret) == 0)
		return 0;
	return sd_bus_error_setf(error, DBUS_ERROR_INVALID_ADDRESS,
				 "This is no IPv4 or IPv6 address.");
}

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
	const struct dbus_source *source = user;
	sd_bus_message *reply = NULL;
	struct dbus_peer peer;
	struct addr address;
	const char *text;
	int r = sd_bus_message_read(m, "s", &text);

	if (r < 0)
		return r;
	r = parse_address(text, &address, error);
	if (r < 0)
		return r;
	r = find_peer(source, &address, &peer);
	if (r == -ENOENT)
		return sd_bus_error_setf(error, DBUS_ERROR_UNKNOWN_PEER,
					 "Nothing is known of %s: no packet "
					 "went there lately, or no policy "
					 "covers it.",
					 text);
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

/* Lists are large: whoever has not read the last ones gets no more. */
static int check_queue(sd_bus_message *m, sd_bus_error *error)
{
	uint64_t queued = 0;

	(void)sd_bus_get_n_queued_write(sd_bus_message_get_bus(m), &queued);
	if (queued < LIMIT_BUS_QUEUE_LISTS)
		return 0;
	return sd_bus_error_setf(error, SD_BUS_ERROR_LIMITS_EXCEEDED,
				 "Replies of earlier calls have not been read: "
				 "read them first.");
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

static int method_list_peers(sd_bus_message *m, void *user, sd_bus_error *error)
{
	const struct dbus_source *source = user;
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
	r = check_queue(m, error);
	if (r < 0)
		return r;
	if (!limit || limit > LIMIT_LIST_PEERS)
		limit = LIMIT_LIST_PEERS;
	r = sd_bus_message_new_method_return(m, &page.reply);
	if (r >= 0)
		r = fill_page(source, &after, limit, &page);
	if (r >= 0)
		r = sd_bus_message_send(page.reply);
	sd_bus_message_unref(page.reply);
	return r;
}

static int append_key(const struct dbus_key *k, void *user)
{
	return dbus_append_key(user, k);
}

/* A handful at most: no page and no limit. */
static int method_list_keys(sd_bus_message *m, void *user, sd_bus_error *error)
{
	const struct dbus_source *source = user;
	sd_bus_message *reply = NULL;
	int r = check_queue(m, error);

	if (r < 0)
		return r;
	r = sd_bus_message_new_method_return(m, &reply);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "a{sv}");
	if (r >= 0)
		r = source->keys(source->user, append_key, reply);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	if (r >= 0)
		r = sd_bus_message_send(reply);
	sd_bus_message_unref(reply);
	return r;
}

static int append_to_list(const struct dbus_policy *p, void *user)
{
	return dbus_append_policy(user, p);
}

static int method_list_policies(sd_bus_message *m, void *user,
				sd_bus_error *error)
{
	const struct dbus_source *source = user;
	sd_bus_message *reply = NULL;
	int r = check_queue(m, error);

	if (r < 0)
		return r;
	r = sd_bus_message_new_method_return(m, &reply);
	if (r >= 0)
		r = sd_bus_message_open_container(reply, 'a', "a{sv}");
	if (r >= 0)
		r = source->policies(source->user, append_to_list, reply);
	if (r >= 0)
		r = sd_bus_message_close_container(reply);
	if (r >= 0)
		r = sd_bus_message_send(reply);
	sd_bus_message_unref(reply);
	return r;
}

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
	const struct dbus_source *source = user;
	struct dbus_host host = { 0 };

	(void)bus;
	(void)path;
	(void)interface;
	source->host(source->user, &host);
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

static const sd_bus_vtable manager_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD_WITH_ARGS("GetPeer", SD_BUS_ARGS("s", address),
				SD_BUS_RESULT("a{sv}", peer), method_get_peer,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS(
		"ListPeers", SD_BUS_ARGS("s", cursor, "u", limit),
		SD_BUS_RESULT("aa{sv}", peers, "s", next_cursor),
		method_list_peers, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("ListPolicies", SD_BUS_NO_ARGS,
				SD_BUS_RESULT("aa{sv}", policies),
				method_list_policies,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("ListKeys", SD_BUS_NO_ARGS,
				SD_BUS_RESULT("aa{sv}", keys), method_list_keys,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_SIGNAL_WITH_ARGS("PeerChanged",
				SD_BUS_ARGS("s", address, "a{sv}", peer), 0),
	SD_BUS_SIGNAL_WITH_ARGS("PeersChanged", SD_BUS_NO_ARGS, 0),
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

int dbus_manager_add(sd_bus *bus, const struct dbus_source *source)
{
	int r = sd_bus_add_object_vtable(bus, NULL, DBUS_PATH, DBUS_INTERFACE,
					 manager_vtable,
					 (struct dbus_source *)source);

	return r < 0 ? r : 0;
}

int dbus_manager_peer_changed(sd_bus *bus, const struct dbus_source *source,
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

int dbus_manager_peers_changed(sd_bus *bus)
{
	int r = sd_bus_emit_signal(bus, DBUS_PATH, DBUS_INTERFACE,
				   "PeersChanged", NULL);

	return r < 0 ? r : 0;
}
