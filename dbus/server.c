/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who is connected: the clients of the own socket, and the system bus, which
 * may come and go. And when signals go out.
 */
#define _GNU_SOURCE /* secure_getenv() */
#include "dbus/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-id128.h>
#include <unistd.h>

#include "dbus/changes.h"
#include "dbus/host-dbus.h"
#include "dbus/link.h"
#include "dbus/listen.h"
#include "dbus/names.h"
#include "dbus/policies-dbus.h"
#include "dbus/sockets-dbus.h"
#include "util/hmap.h"
#include "util/instance.h"
#include "util/limits.h"
#include "util/log.h"

#define SYSTEM_RETRY_MS 5000u /* how often the system bus is looked for */
#define SIGNAL_MS	100u  /* signals go out at most so often */
#define MISSED_MS	1000u /* and so often for those that missed some */

struct client {
	struct dbus_link link;
	struct dbus_server *server;
	struct client *next;
	uid_t uid;
};

struct dbus_server {
	sd_event *event;
	struct dbus_context context;
	struct dbus_listen listen;
	sd_event_source *accept;
	struct client *clients;
	struct dbus_link system;
	char name[sizeof(DBUS_NAME) + INSTANCE_SIZE]; /* on the system bus */
	sd_event_source *system_timer;
	bool system_complained;
	struct log_limit log_limit; /* for what clients cause */
	struct dbus_changes changes;
	sd_event_source *signal_timer;
	uint64_t signal_last; /* ms */
	/* What readers have been told of. */
	struct dbus_host_seen seen;
	bool seen_once;
	char **policies;
};

static uint64_t now_ms(const struct dbus_server *s)
{
	uint64_t us = 0;

	(void)sd_event_now(s->event, CLOCK_MONOTONIC, &us);
	return us / 1000;
}

/* Fires once, at a time in ms. */
static int arm(sd_event_source *timer, uint64_t at)
{
	int r = sd_event_source_set_time(timer, at * 1000);

	return r < 0 ? r : sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

/* --- clients of the own socket ------------------------------------------ */

static void client_remove(struct client *c)
{
	struct client **at = &c->server->clients;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	dbus_link_close(&c->link);
	free(c);
}

static void client_down(struct dbus_link *l, const char *why)
{
	struct client *c = container_of(l, struct client, link);

	log_limited(&c->server->log_limit, now_ms(c->server), LOG_DEBUG, NULL,
		    "A D-Bus client of user %u is gone: %s", (unsigned)c->uid,
		    why);
	client_remove(c);
}

/* One user cannot keep the others out, and nobody root. */
static bool has_place(const struct dbus_server *s, uid_t uid)
{
	unsigned all = 0, own = 0;

	for (const struct client *c = s->clients; c; c = c->next) {
		all++;
		own += c->uid == uid;
	}
	if (uid == 0)
		return all < LIMIT_BUS_CLIENTS;
	return own < LIMIT_BUS_CLIENTS_USER &&
	       all < LIMIT_BUS_CLIENTS - LIMIT_BUS_CLIENTS_ROOT;
}

/* A bus of which we are the one end and fd is the other. Takes fd. */
static int new_peer_bus(int fd, sd_bus **ret)
{
	sd_bus *bus = NULL;
	sd_id128_t id;
	int r = sd_id128_randomize(&id);

	if (r >= 0)
		r = sd_bus_new(&bus);
	if (r >= 0)
		r = sd_bus_set_fd(bus, fd, fd);
	if (r < 0) {
		close(fd);
		sd_bus_unref(bus);
		return r;
	}
	r = sd_bus_set_server(bus, 1, id);
	/* Whoever may open the socket may ask; the kernel says who it is. */
	if (r >= 0)
		r = sd_bus_set_anonymous(bus, 1);
	if (r >= 0)
		r = sd_bus_negotiate_creds(bus, 1,
					   SD_BUS_CREDS_UID |
						   SD_BUS_CREDS_EUID |
						   SD_BUS_CREDS_PID);
	if (r >= 0)
		r = sd_bus_negotiate_fds(bus, 1);
	if (r >= 0)
		r = sd_bus_set_sender(bus, DBUS_NAME);
	if (r < 0) {
		sd_bus_unref(bus);
		return r;
	}
	*ret = bus;
	return 0;
}

/* Takes fd. */
static int add_client(struct dbus_server *s, int fd, uid_t uid)
{
	const int buffer = LIMIT_BUS_SOCKET;
	struct client *c;
	sd_bus *bus;
	int r = new_peer_bus(fd, &bus);

	if (r < 0)
		return r;
	c = calloc(1, sizeof(*c));
	if (!c) {
		sd_bus_unref(bus);
		return -ENOMEM;
	}
	c->server = s;
	c->uid = uid;
	c->link.context = &s->context;
	c->link.sees_peers = uid == 0 || uid == geteuid();
	c->link.down = client_down;
	r = dbus_link_open(&c->link, bus, s->event);
	if (r < 0) {
		free(c);
		return r;
	}
	/* sd-bus asks for megabytes, and root gets them. */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
	c->next = s->clients;
	s->clients = c;
	return 0;
}

static int on_accept(sd_event_source *source, int fd, uint32_t events,
		     void *user)
{
	struct dbus_server *s = user;
	uid_t uid;
	int client, r = 0;

	(void)source;
	(void)fd;
	(void)events;
	client = dbus_listen_accept(&s->listen, &uid);
	if (client < 0)
		return 0; /* it went away, or we have no descriptors left */
	if (!has_place(s, uid)) {
		log_limited(&s->log_limit, now_ms(s), LOG_NOTICE, NULL,
			    "Too many D-Bus clients: one of user %u refused",
			    (unsigned)uid);
		close(client);
		return 0;
	}
	r = add_client(s, client, uid);
	if (r < 0)
		log_limited(&s->log_limit, now_ms(s), LOG_NOTICE, NULL,
			    "A D-Bus client cannot be served: %s",
			    strerror(-r));
	return 0;
}

static int open_socket(struct dbus_server *s, const char *path)
{
	int r = dbus_listen_open(path, &s->listen);

	if (r < 0)
		return r;
	r = sd_event_add_io(s->event, &s->accept, s->listen.fd, EPOLLIN,
			    on_accept, s);
	if (r >= 0)
		r = sd_event_source_set_priority(s->accept,
						 SD_EVENT_PRIORITY_NORMAL + 10);
	/* Without it the loop would spin when there are no descriptors. */
	if (r >= 0)
		r = sd_event_source_set_ratelimit(s->accept, 1000000,
						  LIMIT_BUS_ACCEPT_RATE);
	return r < 0 ? r : 0;
}

/* --- the system bus ----------------------------------------------------- */

static void system_retry(struct dbus_server *s)
{
	if (arm(s->system_timer, now_ms(s) + SYSTEM_RETRY_MS) < 0)
		log_warning("The system bus will not be looked for again");
}

static void system_down(struct dbus_link *l, const char *why)
{
	struct dbus_server *s = container_of(l, struct dbus_server, system);

	log_debug("No system bus: %s", why);
	dbus_link_close(l);
	system_retry(s);
}

static int on_name(sd_bus_message *m, void *user, sd_bus_error *error)
{
	struct dbus_server *s = user;
	const sd_bus_error *e = sd_bus_message_get_error(m);
	uint32_t result = 0;

	(void)error;
	if (!e && sd_bus_message_read(m, "u", &result) >= 0 && result == 1) {
		log_info("On the system bus as %s", s->name);
		s->system_complained = false;
		return 1;
	}
	if (!s->system_complained)
		log_warning("Cannot be %s on the system bus: %s", s->name,
			    e && e->message ? e->message
					    : "another program has this name");
	s->system_complained = true;
	system_down(&s->system, "no name");
	return 1;
}

static int new_system_bus(sd_bus **ret)
{
	const char *address = secure_getenv("DBUS_SYSTEM_BUS_ADDRESS");
	sd_bus *bus = NULL;
	int r = sd_bus_new(&bus);

	if (r >= 0)
		r = sd_bus_set_address(
			bus, address ? address
				     : "unix:path=/run/dbus/system_bus_socket");
	if (r >= 0)
		r = sd_bus_set_bus_client(bus, 1);
	/* We may be up before it is, at boot for one. */
	if (r >= 0)
		r = sd_bus_set_watch_bind(bus, 1);
	if (r < 0) {
		sd_bus_unref(bus);
		return r;
	}
	*ret = bus;
	return 0;
}

/* Agents of other network namespaces may be on the same bus. */
static void set_name(struct dbus_server *s)
{
	struct dbus_host host = { 0 };

	s->context.source.host(s->context.source.user, &host);
	snprintf(s->name, sizeof(s->name), "%s%s%s", DBUS_NAME,
		 host.instance && *host.instance ? "." : "",
		 host.instance ? host.instance : "");
}

/* Nothing here waits for the bus: its answers come through the loop. */
static int on_system_timer(sd_event_source *source, uint64_t usec, void *user)
{
	struct dbus_server *s = user;
	sd_bus *bus;
	int r;

	(void)source;
	(void)usec;
	set_name(s);
	r = new_system_bus(&bus);
	if (r >= 0)
		r = dbus_link_open(&s->system, bus, s->event);
	if (r >= 0)
		r = sd_bus_request_name_async(s->system.bus, NULL, s->name, 0,
					      on_name, s);
	if (r < 0) {
		system_down(&s->system, strerror(-r));
	}
	return 0;
}

/* --- signals ------------------------------------------------------------ */

/* The first time there is nothing to compare with: the source may not have been
 * ready when we began. */
static unsigned host_changes(struct dbus_server *s)
{
	unsigned changed = dbus_host_compare(&s->context.source, &s->seen);
	bool first = !s->seen_once;

	s->seen_once = true;
	return first ? 0 : changed;
}

static int on_signal_timer(sd_event_source *source, uint64_t usec, void *user)
{
	struct dbus_server *s = user;
	struct client *c, *next;
	unsigned host = host_changes(s);
	bool missed;

	(void)usec;
	s->signal_last = now_ms(s);
	missed = dbus_sockets_signal(&s->context);
	missed |=
		dbus_link_signal(&s->system, &s->changes, host, s->signal_last);
	for (c = s->clients; c; c = next) {
		next = c->next;
		missed |= dbus_link_signal(&c->link, &s->changes, host,
					   s->signal_last);
	}
	dbus_changes_clear(&s->changes);
	if (missed)
		(void)arm(source, s->signal_last + MISSED_MS);
	return 0;
}

/* Nothing is sent if nothing has changed. */
void dbus_server_host_changed(struct dbus_server *s)
{
	uint64_t now = now_ms(s), at = s->signal_last + SIGNAL_MS;

	if (!dbus_changes_any(&s->changes))
		(void)arm(s->signal_timer, at > now ? at : now);
}

void dbus_server_policies_changed(struct dbus_server *s)
{
	struct client *c, *next;
	char **names;

	if (dbus_policies_names(&s->context.source, &names) < 0)
		return;
	dbus_link_policies(&s->system, s->policies, names, now_ms(s));
	for (c = s->clients; c; c = next) {
		next = c->next;
		dbus_link_policies(&c->link, s->policies, names, now_ms(s));
	}
	dbus_names_free(s->policies);
	s->policies = names;
	dbus_server_host_changed(s);
}

void dbus_server_peer_changed(struct dbus_server *s, const struct addr *remote)
{
	uint64_t now = now_ms(s), at = s->signal_last + SIGNAL_MS;

	if (!dbus_changes_any(&s->changes))
		(void)arm(s->signal_timer, at > now ? at : now);
	dbus_changes_add(&s->changes, remote);
}

/* --- all of it ---------------------------------------------------------- */

static int add_timers(struct dbus_server *s)
{
	int r = sd_event_add_time(s->event, &s->system_timer, CLOCK_MONOTONIC,
				  0, 0, on_system_timer, s);

	if (r >= 0)
		r = sd_event_add_time(s->event, &s->signal_timer,
				      CLOCK_MONOTONIC, 0, 10000,
				      on_signal_timer, s);
	if (r >= 0)
		r = sd_event_source_set_enabled(s->signal_timer, SD_EVENT_OFF);
	/* When nothing else is to be done. */
	if (r >= 0)
		r = sd_event_source_set_priority(s->signal_timer,
						 SD_EVENT_PRIORITY_IDLE);
	return r < 0 ? r : 0;
}

int dbus_server_new(sd_event *event, const char *socket_path,
		    const struct dbus_source *source, struct dbus_server **ret)
{
	struct dbus_server *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->event = sd_event_ref(event);
	s->context.source = *source;
	s->listen.fd = -1;
	s->system.context = &s->context;
	/* There the bus lets through what a reader may see. */
	s->system.sees_peers = true;
	s->system.down = system_down;
	dbus_changes_init(&s->changes);
	r = dbus_policies_names(source, &s->policies);
	if (r >= 0)
		r = dbus_pending_init(&s->context.pending, event);
	if (r >= 0)
		r = dbus_sockets_init(&s->context.sockets);
	if (r >= 0)
		r = open_socket(s, socket_path);
	if (r >= 0)
		r = add_timers(s);
	if (r < 0) {
		dbus_server_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

struct dbus_pending *dbus_server_pending(struct dbus_server *s)
{
	return &s->context.pending;
}

struct dbus_server *dbus_server_free(struct dbus_server *s)
{
	if (!s)
		return NULL;
	while (s->clients)
		client_remove(s->clients);
	dbus_link_close(&s->system);
	sd_event_source_disable_unref(s->system_timer);
	sd_event_source_disable_unref(s->signal_timer);
	sd_event_source_disable_unref(s->accept);
	dbus_listen_close(&s->listen);
	dbus_pending_done(&s->context.pending);
	dbus_sockets_done(&s->context.sockets);
	dbus_changes_done(&s->changes);
	dbus_names_free(s->policies);
	sd_event_unref(s->event);
	free(s);
	return NULL;
}
