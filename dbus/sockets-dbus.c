/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Everybody may call these: whoever has a socket's descriptor may know about
 * its connection, and may shut it to clear packets. Descriptors are the
 * message's, and are closed with it.
 */
#include "dbus/sockets-dbus.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "dbus/marshal.h"
#include "dbus/names.h"
#include "dbus/reply.h"
#include "dbus/topics.h"
#include "util/limits.h"

#define TIMEOUT_MS_DEFAULT 30000u
#define TIMEOUT_MS_MAX	   300000u

/* --- descriptors -------------------------------------------------------------- */

static int refuse_socket(int r, sd_bus_error *error)
{
	static const struct {
		int error;
		const char *name, *text;
	} rows[] = {
		{ -ENOTSOCK, DBUS_ERROR_NOT_A_SOCKET,
		  "The descriptor is no socket." },
		{ -EAFNOSUPPORT, DBUS_ERROR_WRONG_FAMILY,
		  "The socket is neither AF_INET nor AF_INET6." },
		{ -EPROTONOSUPPORT, DBUS_ERROR_WRONG_PROTOCOL,
		  "The socket is neither TCP nor UDP." },
		{ -EXDEV, DBUS_ERROR_FOREIGN_NAMESPACE,
		  "The socket is of another network namespace than this "
		  "agent: ask the agent that runs there." },
		{ -EOPNOTSUPP, DBUS_ERROR_UNAVAILABLE,
		  "This kernel does not say which network namespace a socket "
		  "is of: it takes Linux 5.14." },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].error == r)
			return sd_bus_error_set(error, rows[i].name,
						rows[i].text);
	return r;
}

static int read_socket(sd_bus_message *m, int *ret_fd, struct socket_info *ret,
		       sd_bus_error *error)
{
	int fd, r = sd_bus_message_read_basic(m, 'h', &fd);

	if (r < 0)
		return r;
	r = socket_describe(fd, ret);
	if (r < 0)
		return refuse_socket(r, error);
	if (ret->listening)
		return sd_bus_error_set(error, DBUS_ERROR_LISTENING,
					"The socket listens: it has no peer. "
					"Ask about those that accept() gives.");
	*ret_fd = fd;
	return 0;
}

static int check_connected(const struct socket_info *s, sd_bus_error *error)
{
	if (s->connected)
		return 0;
	return sd_bus_error_set(error, DBUS_ERROR_NOT_CONNECTED,
				"The socket has no peer: it is not connected, "
				"or not any more.");
}

/* --- answers ------------------------------------------------------------------- */

static int append_socket(sd_bus_message *m, const struct socket_info *s,
			 const struct dbus_peer *p)
{
	const struct dbus_socket_ends ends = {
		.protocol = s->protocol == IPPROTO_TCP ? "tcp" : "udp",
		.local_port = s->local.port,
		.port = s->remote.port,
	};

	return dbus_append_socket(m, &ends, p);
}

static int reply_socket(sd_bus_message *m, const struct socket_info *s,
			const struct dbus_peer *peer)
{
	sd_bus_message *reply = NULL;
	int r = sd_bus_message_new_method_return(m, &reply);

	if (r >= 0)
		r = append_socket(reply, s, peer);
	if (r >= 0)
		r = sd_bus_message_send(reply);
	sd_bus_message_unref(reply);
	return r;
}

void dbus_sockets_reply(struct dbus_pending *p, struct handle call,
			const struct socket_info *s,
			const struct dbus_peer *peer)
{
	sd_bus_message *m = dbus_pending_take(p, call);
	int r;

	if (!m)
		return;
	r = reply_socket(m, s, peer);
	if (r < 0)
		(void)sd_bus_reply_method_errno(m, r, NULL);
	sd_bus_message_unref(m);
}

static int method_get(sd_bus_message *m, void *user, sd_bus_error *error)
{
	const struct dbus_context *c = user;
	struct socket_info s;
	struct dbus_peer peer;
	int fd, r = read_socket(m, &fd, &s, error);

	if (r >= 0)
		r = check_connected(&s, error);
	if (r < 0)
		return r;
	c->source.socket(c->source.user, &s, &peer);
	return reply_socket(m, &s, &peer);
}

/* --- RequireEncryption ---------------------------------------------------------- */

static int read_option(sd_bus_message *m, struct dbus_demand *d,
		       sd_bus_error *error)
{
	const char *key;
	uint32_t ms;
	int r = sd_bus_message_read_basic(m, 's', &key);

	if (r < 0)
		return r;
	if (!strcmp(key, "Identity"))
		return sd_bus_message_read(m, "v", "s", &d->identity);
	if (strcmp(key, "TimeoutMs") != 0)
		return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
					 "There is no option %s.", key);
	r = sd_bus_message_read(m, "v", "u", &ms);
	if (r < 0)
		return r;
	if (!ms || ms > TIMEOUT_MS_MAX)
		return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
					 "TimeoutMs is 1 to %u.",
					 TIMEOUT_MS_MAX);
	d->timeout_ms = ms;
	return r;
}

static int read_options(sd_bus_message *m, struct dbus_demand *d,
			sd_bus_error *error)
{
	int r = sd_bus_message_enter_container(m, 'a', "{sv}");

	while (r >= 0 &&
	       (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		r = read_option(m, d, error);
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
	}
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

/* Whom the socket is to talk to; "": its peer. */
static int read_address(sd_bus_message *m, struct dbus_demand *d,
			sd_bus_error *error)
{
	const struct socket_info *s = &d->socket;
	const char *text;
	int r = sd_bus_message_read_basic(m, 's', &text);

	if (r < 0)
		return r;
	if (!*text) {
		d->remote = s->remote.addr;
		return check_connected(s, error);
	}
	r = dbus_parse_address(text, &d->remote, error);
	if (r < 0)
		return r;
	if (s->connected && !addr_equal(&s->remote.addr, &d->remote))
		return sd_bus_error_setf(error, DBUS_ERROR_WRONG_ADDRESS,
					 "The socket is connected, and not to "
					 "%s.",
					 text);
	return 0;
}

/* A socket's policy is for one family: an IPv6 socket must not speak IPv4. */
static int check_family(int fd, const struct dbus_demand *d,
			sd_bus_error *error)
{
	const struct socket_info *s = &d->socket;
	const int one = 1;

	if (s->family != d->remote.family)
		return sd_bus_error_set(
			error, DBUS_ERROR_WRONG_FAMILY,
			"The address is of another family than the socket. For "
			"IPv4 use an AF_INET socket, also where an AF_INET6 "
			"one would do.");
	if (!s->both_families || (s->connected && s->protocol == IPPROTO_TCP) ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) == 0)
		return 0;
	return sd_bus_error_set(error, DBUS_ERROR_WRONG_FAMILY,
				"The socket can speak IPv4 too, and it is too "
				"late to change that: set IPV6_V6ONLY before "
				"it is bound or connected.");
}

static int method_require(sd_bus_message *m, void *user, sd_bus_error *error)
{
	struct dbus_context *c = user;
	struct dbus_demand d = { .identity = "",
				 .timeout_ms = TIMEOUT_MS_DEFAULT };
	const struct dbus_socket *told;
	struct handle call;
	int fd, r = read_socket(m, &fd, &d.socket, error);

	if (r >= 0)
		r = read_address(m, &d, error);
	if (r >= 0)
		r = read_options(m, &d, error);
	if (r >= 0)
		r = check_family(fd, &d, error);
	if (r < 0)
		return r;
	told = dbus_sockets_get(&c->sockets, m, d.socket.cookie);
	if (!*d.identity && told && told->name)
		d.identity = told->name;
	/* The time-out is the source's: it knows why. */
	r = dbus_pending_add(&c->pending, m, 0, &call, error);
	if (r < 0)
		return r;
	c->source.require(c->source.user, fd, &d, call);
	return 1;
}

/* --- NameSocket ------------------------------------------------------------------ */

/* "host.example" as the identity "@host.example", in lower case. */
static char *identity_of(const char *name)
{
	size_t len = strlen(name), labels = 0;
	char *text;

	if (len && name[len - 1] == '.')
		len--;
	if (!len || len > LIMIT_BUS_SOCKET_NAME || name[0] == '.')
		return NULL;
	text = calloc(1, len + 2);
	if (!text)
		return NULL;
	text[0] = '@';
	for (size_t i = 0; i < len; i++) {
		unsigned char ch = (unsigned char)name[i];

		labels += ch == '.';
		if (!isalnum(ch) && ch != '-' && ch != '_' &&
		    (ch != '.' || name[i - 1] == '.')) {
			free(text);
			return NULL;
		}
		text[i + 1] = (char)tolower(ch);
	}
	if (labels)
		return text;
	free(text);
	return NULL;
}

static int method_name(sd_bus_message *m, void *user, sd_bus_error *error)
{
	struct dbus_context *c = user;
	struct dbus_socket *e;
	struct socket_info s;
	const char *text;
	char *name;
	int fd, r = read_socket(m, &fd, &s, error);

	if (r >= 0)
		r = sd_bus_message_read_basic(m, 's', &text);
	if (r < 0)
		return r;
	name = identity_of(text);
	if (!name)
		return sd_bus_error_set(error, DBUS_ERROR_INVALID_NAME,
					"This is no full name of a host, such "
					"as host.example.");
	r = dbus_sockets_obtain(&c->sockets, m, &s, &e, error);
	if (r < 0) {
		free(name);
		return r;
	}
	free(e->name);
	e->name = name;
	return sd_bus_reply_method_return(m, NULL);
}

/* --- WatchSocket ------------------------------------------------------------------ */

/* What is worth a signal, in one text: encrypted or not, to whom, how proven. */
static char *summary(const struct dbus_peer *p)
{
	const char *encrypted = !strcmp(p->state, "secured") ? "yes " : "no ";
	size_t len =
		strlen(encrypted) + strlen(p->auth) + strlen(p->identity) + 2;
	char *text = malloc(len);

	if (text)
		snprintf(text, len, "%s%s %s", encrypted, p->auth, p->identity);
	return text;
}

static int method_watch(sd_bus_message *m, void *user, sd_bus_error *error)
{
	struct dbus_context *c = user;
	struct dbus_socket *e;
	struct socket_info s;
	struct dbus_peer peer;
	int fd, r = read_socket(m, &fd, &s, error);

	if (r >= 0)
		r = check_connected(&s, error);
	if (r >= 0)
		r = dbus_sockets_obtain(&c->sockets, m, &s, &e, error);
	if (r < 0)
		return r;
	c->source.socket(c->source.user, &s, &peer);
	e->watched = true;
	free(e->last);
	e->last = summary(&peer);
	return sd_bus_reply_method_return(m, "t", s.cookie);
}

static int method_unwatch(sd_bus_message *m, void *user, sd_bus_error *error)
{
	struct dbus_context *c = user;
	struct dbus_socket *e;
	uint64_t id;
	int r = sd_bus_message_read_basic(m, 't', &id);

	if (r < 0)
		return r;
	e = dbus_sockets_get(&c->sockets, m, id);
	if (!e || !e->watched)
		return sd_bus_error_set(error, DBUS_ERROR_UNKNOWN_WATCH,
					"You do not watch such a socket.");
	e->watched = false;
	if (!e->name)
		dbus_sockets_remove(&c->sockets, e);
	return sd_bus_reply_method_return(m, NULL);
}

/* To its caller alone. */
static int send_changed(const struct dbus_socket *e,
			const struct dbus_peer *peer)
{
	sd_bus_message *m = NULL;
	int r = sd_bus_message_new_signal(e->bus, &m, DBUS_PATH, DBUS_INTERFACE,
					  "SocketChanged");

	if (r >= 0 && e->sender)
		r = sd_bus_message_set_destination(m, e->sender);
	if (r >= 0)
		r = sd_bus_message_append_basic(m, 't', &e->info.cookie);
	if (r >= 0)
		r = append_socket(m, &e->info, peer);
	if (r >= 0)
		r = sd_bus_send(e->bus, m, NULL);
	sd_bus_message_unref(m);
	return r < 0 ? r : 0;
}

bool dbus_sockets_signal(struct dbus_context *c)
{
	uint32_t cursor = 0;
	struct dbus_socket *e;
	bool missed = false;

	while ((e = slots_next(c->sockets.all, &cursor))) {
		struct dbus_peer peer;
		uint64_t unread = 0;
		char *now;

		if (!e->watched)
			continue;
		c->source.socket(c->source.user, &e->info, &peer);
		now = summary(&peer);
		(void)sd_bus_get_n_queued_write(e->bus, &unread);
		if (!now || (e->last && !strcmp(now, e->last)) ||
		    unread >= LIMIT_BUS_QUEUE_LISTS ||
		    send_changed(e, &peer) < 0) {
			missed |= unread >= LIMIT_BUS_QUEUE_LISTS;
			free(now);
			continue;
		}
		free(e->last);
		e->last = now;
	}
	return missed;
}

const sd_bus_vtable dbus_sockets_vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD_WITH_ARGS("GetSocket", SD_BUS_ARGS("h", fd),
				SD_BUS_RESULT("a{sv}", socket), method_get,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS(
		"RequireEncryption",
		SD_BUS_ARGS("h", fd, "s", address, "a{sv}", options),
		SD_BUS_RESULT("a{sv}", socket), method_require,
		SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("NameSocket", SD_BUS_ARGS("h", fd, "s", name),
				SD_BUS_NO_RESULT, method_name,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("WatchSocket", SD_BUS_ARGS("h", fd),
				SD_BUS_RESULT("t", id), method_watch,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("UnwatchSocket", SD_BUS_ARGS("t", id),
				SD_BUS_NO_RESULT, method_unwatch,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_SIGNAL_WITH_ARGS("SocketChanged",
				SD_BUS_ARGS("t", id, "a{sv}", socket), 0),
	SD_BUS_VTABLE_END,
};
