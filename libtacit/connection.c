/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The connection and the calls. The agent's own socket is tried first, since it
 * needs no bus; what is sent is the same on both.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libtacit/internal.h"

#define NAME	  "org.tacit.Agent1"
#define PATH	  "/org/tacit/Agent1"
#define INTERFACE "org.tacit.Agent1"
#define ERRORS	  INTERFACE ".Error."
#define SOCKET	  "/run/tacit/agent.sock"

#define TIMEOUT_MS 30000u
/* For an answer that says that the time is over. */
#define GRACE_MS 5000u
/* Changes that nobody fetches. Beyond: the oldest is forgotten; the one who
 * watches asks anyway. */
#define CHANGES_MAX 64u

struct change {
	uint64_t id;
	struct tacit_peer *peer;
};

struct tacit {
	sd_bus *bus;
	bool has_bus; /* there is one behind the connection */
	char error[256];
	struct change changes[CHANGES_MAX];
	size_t first, n;
};

/* --- errors ---------------------------------------------------------------- */

static const struct {
	const char *name;
	int error;
} errors[] = {
	{ ERRORS "NotASocket", -ENOTSOCK },
	{ ERRORS "WrongFamily", -EAFNOSUPPORT },
	{ ERRORS "WrongProtocol", -EPROTONOSUPPORT },
	{ ERRORS "ForeignNamespace", -EXDEV },
	{ ERRORS "Listening", -EOPNOTSUPP },
	{ ERRORS "NotConnected", -ENOTCONN },
	{ ERRORS "WrongAddress", -EISCONN },
	{ ERRORS "NoRoute", -ENETUNREACH },
	{ ERRORS "PolicyForbids", -EPERM },
	{ ERRORS "NotEncrypted", -ECONNREFUSED },
	{ ERRORS "WrongPeer", -EKEYREJECTED },
	{ ERRORS "TimedOut", -ETIMEDOUT },
	{ ERRORS "Unavailable", -EAGAIN },
	{ ERRORS "InvalidAddress", -EINVAL },
	{ ERRORS "InvalidIdentity", -EINVAL },
	{ ERRORS "InvalidName", -EINVAL },
	{ ERRORS "UnknownWatch", -ENOENT },
	{ SD_BUS_ERROR_LIMITS_EXCEEDED, -EDQUOT },
	{ SD_BUS_ERROR_SERVICE_UNKNOWN, -ENXIO },
	{ SD_BUS_ERROR_NAME_HAS_NO_OWNER, -ENXIO },
};

static int failed(struct tacit *t, int r, const char *text)
{
	snprintf(t->error, sizeof(t->error), "%s", text ? text : strerror(-r));
	return r;
}

/* r is of a call, with what came back as its error. */
static int call_failed(struct tacit *t, int r, const sd_bus_error *e)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (sd_bus_error_has_name(e, errors[i].name))
			return failed(t, errors[i].error, e->message);
	return failed(t, r < 0 ? r : -EIO, e->message);
}

const char *tacit_error(const struct tacit *t)
{
	return t ? t->error : "";
}

/* --- the connection ---------------------------------------------------------- */

static void push(struct tacit *t, uint64_t id, struct tacit_peer *peer)
{
	if (t->n == CHANGES_MAX) {
		tacit_peer_free(t->changes[t->first].peer);
		t->first = (t->first + 1) % CHANGES_MAX;
		t->n--;
	}
	t->changes[(t->first + t->n++) % CHANGES_MAX] =
		(struct change){ id, peer };
}

static int on_message(sd_bus_message *m, void *user, sd_bus_error *error)
{
	struct tacit *t = user;
	struct tacit_peer *peer;
	uint64_t id;

	(void)error;
	if (sd_bus_message_is_signal(m, INTERFACE, "SocketChanged") > 0 &&
	    sd_bus_message_read_basic(m, 't', &id) >= 0 &&
	    peer_read(m, &peer) >= 0)
		push(t, id, peer);
	return 0;
}

static int open_socket(const char *path, sd_bus **ret)
{
	char address[256];
	sd_bus *bus = NULL;
	int r;

	/* What would have to be escaped in an address. */
	if (strpbrk(path, ",;%") ||
	    snprintf(address, sizeof(address), "unix:path=%s", path) >=
		    (int)sizeof(address))
		return -EINVAL;
	r = sd_bus_new(&bus);
	if (r >= 0)
		r = sd_bus_set_address(bus, address);
	if (r >= 0)
		r = sd_bus_negotiate_fds(bus, 1);
	if (r >= 0)
		r = sd_bus_start(bus);
	/* It may have no place for us. */
	if (r >= 0)
		r = sd_bus_call_method(bus, NULL, PATH,
				       "org.freedesktop.DBus.Peer", "Ping",
				       NULL, NULL, NULL);
	if (r < 0) {
		sd_bus_unref(bus);
		return r;
	}
	*ret = bus;
	return 0;
}

int tacit_open(const char *path, struct tacit **ret)
{
	struct tacit *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	r = open_socket(path ? path : SOCKET, &t->bus);
	if (r < 0 && !path) {
		r = sd_bus_open_system(&t->bus);
		t->has_bus = r >= 0;
	}
	if (r >= 0)
		r = sd_bus_add_filter(t->bus, NULL, on_message, t);
	if (r < 0) {
		tacit_close(t);
		return r == -ENOMEM || r == -EINVAL ? r : -ENXIO;
	}
	*ret = t;
	return 0;
}

struct tacit *tacit_close(struct tacit *t)
{
	if (!t)
		return NULL;
	while (t->n) {
		tacit_peer_free(t->changes[t->first].peer);
		t->first = (t->first + 1) % CHANGES_MAX;
		t->n--;
	}
	sd_bus_flush_close_unref(t->bus);
	free(t);
	return NULL;
}

/* --- calls --------------------------------------------------------------------- */

static int begin(struct tacit *t, const char *method, sd_bus_message **ret)
{
	t->error[0] = '\0';
	return sd_bus_message_new_method_call(
		t->bus, ret, t->has_bus ? NAME : NULL, PATH, INTERFACE, method);
}

/* Takes the message; r is how its making went. */
static int finish(struct tacit *t, int r, sd_bus_message *m,
		  unsigned timeout_ms, sd_bus_message **ret)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;

	if (r >= 0) {
		r = sd_bus_call(t->bus, m, (uint64_t)timeout_ms * 1000, &error,
				ret);
		if (r < 0)
			r = call_failed(t, r, &error);
	} else {
		failed(t, r, NULL);
	}
	sd_bus_message_unref(m);
	sd_bus_error_free(&error);
	return r < 0 ? r : 0;
}

static int finish_peer(struct tacit *t, int r, sd_bus_message *m,
		       unsigned timeout_ms, struct tacit_peer **ret)
{
	struct tacit_peer *peer;
	sd_bus_message *reply = NULL;

	r = finish(t, r, m, timeout_ms, &reply);
	if (r == 0 && ret) {
		r = peer_read(reply, &peer);
		if (r < 0)
			failed(t, r, "the agent's answer cannot be read");
		else
			*ret = peer;
	}
	sd_bus_message_unref(reply);
	return r < 0 ? r : 0;
}

int tacit_get(struct tacit *t, int fd, struct tacit_peer **ret)
{
	sd_bus_message *m = NULL;
	int r = begin(t, "GetSocket", &m);

	if (r >= 0)
		r = sd_bus_message_append(m, "h", fd);
	return finish_peer(t, r, m, TIMEOUT_MS, ret);
}

/* As the agent reads it; "" for no address. */
static int format_address(const struct sockaddr *sa, socklen_t len, char *buf,
			  size_t size)
{
	struct sockaddr_in6 six;
	struct sockaddr_in four;
	size_t used;

	buf[0] = '\0';
	if (!sa)
		return 0;
	if (sa->sa_family == AF_INET && len >= sizeof(four)) {
		memcpy(&four, sa, sizeof(four));
		inet_ntop(AF_INET, &four.sin_addr, buf, (socklen_t)size);
		return 0;
	}
	if (sa->sa_family != AF_INET6 || len < sizeof(six))
		return -EAFNOSUPPORT;
	memcpy(&six, sa, sizeof(six));
	inet_ntop(AF_INET6, &six.sin6_addr, buf, (socklen_t)size);
	used = strlen(buf);
	if (IN6_IS_ADDR_LINKLOCAL(&six.sin6_addr) && six.sin6_scope_id)
		snprintf(buf + used, size - used, "%%%u", six.sin6_scope_id);
	return 0;
}

int tacit_require(struct tacit *t, int fd, const struct sockaddr *address,
		  socklen_t len, const char *identity, unsigned timeout_ms,
		  struct tacit_peer **ret)
{
	unsigned wait = timeout_ms ? timeout_ms : TIMEOUT_MS;
	char text[INET6_ADDRSTRLEN + 12];
	sd_bus_message *m = NULL;
	int r = begin(t, "RequireEncryption", &m);

	if (r >= 0)
		r = format_address(address, len, text, sizeof(text));
	if (r >= 0)
		r = sd_bus_message_append(m, "hs", fd, text);
	if (r >= 0 && identity)
		r = sd_bus_message_append(m, "a{sv}", 2, "TimeoutMs", "u", wait,
					  "Identity", "s", identity);
	else if (r >= 0)
		r = sd_bus_message_append(m, "a{sv}", 1, "TimeoutMs", "u",
					  wait);
	return finish_peer(t, r, m, wait + GRACE_MS, ret);
}

int tacit_name(struct tacit *t, int fd, const char *name)
{
	sd_bus_message *m = NULL;
	int r = begin(t, "NameSocket", &m);

	if (r >= 0)
		r = sd_bus_message_append(m, "hs", fd, name);
	return finish(t, r, m, TIMEOUT_MS, NULL);
}

int tacit_watch(struct tacit *t, int fd, uint64_t *ret_id)
{
	sd_bus_message *m = NULL, *reply = NULL;
	uint64_t id = 0;
	int r = begin(t, "WatchSocket", &m);

	if (r >= 0)
		r = sd_bus_message_append(m, "h", fd);
	r = finish(t, r, m, TIMEOUT_MS, &reply);
	if (r == 0 && sd_bus_message_read_basic(reply, 't', &id) < 0)
		r = failed(t, -EBADMSG, "the agent's answer cannot be read");
	sd_bus_message_unref(reply);
	if (r == 0)
		*ret_id = id;
	return r;
}

int tacit_unwatch(struct tacit *t, uint64_t id)
{
	sd_bus_message *m = NULL;
	int r = begin(t, "UnwatchSocket", &m);

	if (r >= 0)
		r = sd_bus_message_append(m, "t", id);
	return finish(t, r, m, TIMEOUT_MS, NULL);
}

int tacit_fd(const struct tacit *t)
{
	return sd_bus_get_fd(t->bus);
}

int tacit_next(struct tacit *t, uint64_t *ret_id, struct tacit_peer **ret)
{
	int r = 1;

	t->error[0] = '\0';
	while (!t->n && r > 0)
		r = sd_bus_process(t->bus, NULL);
	if (r < 0)
		return failed(t, r, "the connection to the agent is lost");
	if (!t->n)
		return 0;
	*ret_id = t->changes[t->first].id;
	*ret = t->changes[t->first].peer;
	t->first = (t->first + 1) % CHANGES_MAX;
	t->n--;
	return 1;
}
