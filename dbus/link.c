/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sd-bus queues what a peer does not read, by number of messages and far too
 * many of them. So whoever has too much unread is cut off, and signals are
 * left out (and told of later in one) while there is anything unread.
 */
#include "dbus/link.h"

#include <string.h>

#include "dbus/host-dbus.h"
#include "dbus/manager.h"
#include "dbus/peers-dbus.h"
#include "dbus/policies-dbus.h"
#include "util/limits.h"

/* After the packets: a reader of status is never urgent. */
#define PRIORITY (SD_EVENT_PRIORITY_NORMAL + 10)

static uint64_t unread(const struct dbus_link *l)
{
	uint64_t n = 0;

	if (sd_bus_get_n_queued_write(l->bus, &n) < 0)
		return 0;
	return n;
}

/* Runs before every message is handled: each may cause a reply. */
static int on_message(sd_bus_message *m, void *user, sd_bus_error *error)
{
	struct dbus_link *l = user;

	(void)m;
	(void)error;
	if (unread(l) < LIMIT_BUS_QUEUE)
		return 0;
	l->down(l, "it calls, and does not read the replies");
	return 1;
}

static int on_disconnected(sd_bus_message *m, void *user, sd_bus_error *error)
{
	struct dbus_link *l = user;

	(void)m;
	(void)error;
	l->down(l, "it hung up");
	return 1;
}

/* What came in one piece with the greeting's end lies in sd-bus's buffer, and
 * would wait there for more to come. libdbus sends like this. */
static int on_early(sd_event_source *source, void *user)
{
	struct dbus_link *l = user;
	int r = sd_bus_process(l->bus, NULL);

	if (r > 0)
		return 0; /* there may be more, and l may be gone */
	(void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
	if (r < 0)
		l->down(l, strerror(-r));
	return 0;
}

static int on_connected(sd_bus_message *m, void *user, sd_bus_error *error)
{
	struct dbus_link *l = user;

	(void)m;
	(void)error;
	(void)sd_event_source_set_enabled(l->early, SD_EVENT_ON);
	return 1;
}

static int match_local(struct dbus_link *l, const char *member,
		       sd_bus_message_handler_t handler)
{
	return sd_bus_match_signal_async(
		l->bus, NULL, "org.freedesktop.DBus.Local",
		"/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local",
		member, handler, NULL, l);
}

static int set_up(struct dbus_link *l, sd_event *event)
{
	int r = dbus_manager_add(l->bus, l->context);

	if (r >= 0)
		r = sd_bus_add_filter(l->bus, NULL, on_message, l);
	if (r >= 0)
		r = match_local(l, "Disconnected", on_disconnected);
	if (r >= 0)
		r = match_local(l, "Connected", on_connected);
	if (r >= 0)
		r = sd_bus_set_connected_signal(l->bus, 1);
	if (r >= 0)
		r = sd_event_add_defer(event, &l->early, on_early, l);
	if (r >= 0)
		r = sd_event_source_set_enabled(l->early, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_source_set_priority(l->early, PRIORITY);
	if (r >= 0)
		r = sd_bus_attach_event(l->bus, event, PRIORITY);
	return r < 0 ? r : 0;
}

int dbus_link_open(struct dbus_link *l, sd_bus *bus, sd_event *event)
{
	int r;

	l->bus = bus;
	l->missed_since = 0;
	r = set_up(l, event);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r < 0) {
		dbus_link_close(l);
		return r;
	}
	return 0;
}

void dbus_link_close(struct dbus_link *l)
{
	l->early = sd_event_source_disable_unref(l->early);
	dbus_pending_drop(&l->context->pending, l->bus);
	dbus_sockets_drop(&l->context->sockets, l->bus);
	l->bus = sd_bus_close_unref(l->bus);
}

static int send_changes(struct dbus_link *l, const struct dbus_changes *changes)
{
	const struct dbus_change *cursor = NULL;
	const struct addr *remote;
	int r = 0;

	if (!dbus_changes_any(changes))
		return 0;
	if (changes->all || !l->sees_peers)
		return dbus_peers_changed(l->bus);
	while (r >= 0 && (remote = dbus_changes_next(changes, &cursor)))
		r = dbus_peers_changed_one(l->bus, &l->context->source, remote);
	return r;
}

void dbus_link_policies(struct dbus_link *l, char *const *before,
			char *const *after, uint64_t now)
{
	int r;

	if (!l->bus || sd_bus_is_ready(l->bus) <= 0)
		return;
	if (unread(l) > 0) {
		if (!l->missed_since)
			l->missed_since = now;
		return;
	}
	r = dbus_policies_changed(l->bus, before, after);
	if (r < 0)
		l->down(l, strerror(-r));
}

bool dbus_link_signal(struct dbus_link *l, const struct dbus_changes *changes,
		      unsigned host, uint64_t now)
{
	int r = 0;

	/* Who is still being greeted has asked for nothing. */
	if (!l->bus || sd_bus_is_ready(l->bus) <= 0)
		return false;
	if (unread(l) > 0) {
		if (!l->missed_since) {
			if (!dbus_changes_any(changes) && !host)
				return false;
			l->missed_since = now;
		}
		if (now - l->missed_since <= LIMIT_BUS_STALL)
			return true;
		l->down(l, "it does not read its signals");
		return false;
	}
	if (l->missed_since) {
		l->missed_since = 0;
		host = DBUS_HOST_ALL;
		r = dbus_peers_changed(l->bus);
	} else {
		r = send_changes(l, changes);
	}
	if (r >= 0)
		r = dbus_host_changed(l->bus, host);
	if (r < 0)
		l->down(l, strerror(-r));
	return false;
}
