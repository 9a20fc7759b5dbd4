/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finding the agent and asking it. Nothing waits longer than TIMEOUT_US for a
 * connection, and as long again for an answer: an agent that hangs is told of,
 * not hung on.
 */
#define _GNU_SOURCE /* SOCK_CLOEXEC with connect(), program_invocation_name */
#include "dbus/tacit-client.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "dbus/names.h"
#include "util/exitcode.h"
#include "util/instance.h"

#define DEFAULT_SOCKET RUNSTATEDIR "/tacit/agent.sock"
#define TIMEOUT_US     5000000u
/* Where a password may have to be typed. */
#define ASK_US 150000000ull

struct tacit_client {
	sd_bus *bus;
	const char *path; /* of the socket */
	/* Of the agent on the system bus; "" if another one's socket is named,
	 * which is then the only way to it. */
	char bus_name[sizeof(DBUS_NAME) + INSTANCE_SIZE];
	const char *name; /* that, on the system bus; NULL: the other end */
};

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static int connect_socket(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd, r;

	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	strcpy(sa.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

/* Waits until the other end has greeted us. */
static int wait_ready(sd_bus *bus)
{
	uint64_t now = now_us(), end = now + TIMEOUT_US;
	int r;

	while ((r = sd_bus_is_ready(bus)) == 0) {
		r = sd_bus_process(bus, NULL);
		if (r < 0)
			return r;
		if (r > 0)
			continue;
		now = now_us();
		if (now >= end)
			return -ETIMEDOUT;
		r = sd_bus_wait(bus, end - now);
		if (r < 0 && r != -EINTR)
			return r;
	}
	return r < 0 ? r : 0;
}

static int open_socket(const char *path, sd_bus **ret)
{
	sd_bus *bus = NULL;
	int fd = connect_socket(path), r;

	if (fd < 0)
		return fd;
	r = sd_bus_new(&bus);
	if (r >= 0)
		r = sd_bus_set_fd(bus, fd, fd);
	if (r < 0) {
		close(fd);
		sd_bus_unref(bus);
		return r;
	}
	r = sd_bus_set_anonymous(bus, 1);
	if (r >= 0)
		r = sd_bus_negotiate_fds(bus, 1);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r >= 0)
		r = wait_ready(bus);
	if (r < 0) {
		sd_bus_close_unref(bus);
		return r;
	}
	*ret = bus;
	return 0;
}

static int open_system_bus(sd_bus **ret)
{
	sd_bus *bus = NULL;
	int r = sd_bus_open_system(&bus);

	if (r >= 0)
		r = wait_ready(bus);
	if (r < 0) {
		sd_bus_close_unref(bus);
		return r;
	}
	*ret = bus;
	return 0;
}

static int not_running(const char *path, int error)
{
	char instance[INSTANCE_SIZE];

	instance_of(path, instance);
	fprintf(stderr,
		"tacit: the agent is not running (%s: %s).\n"
		"       Start it with: systemctl start tacit%s%s\n",
		path, strerror(-error), *instance ? "@" : "", instance);
	return EXIT_NOT_RUNNING;
}

static int no_connection(const char *path, int error)
{
	switch (error) {
	case -ENOENT:
	case -ECONNREFUSED:
	case -ENOTDIR:
		return not_running(path, error);
	case -ETIMEDOUT:
	case -EAGAIN:
		fprintf(stderr,
			"tacit: the agent at %s does not answer. See what it "
			"does with: journalctl -u tacit\n",
			path);
		return EXIT_FAILED;
	default:
		fprintf(stderr, "tacit: cannot connect to %s: %s.\n", path,
			strerror(-error));
		return EXIT_FAILED;
	}
}

/* Who names a socket wants this agent and no other: that of the host when it is
 * not named, else the instance whose it is by its place. */
static void set_bus_name(struct tacit_client *c, const char *socket)
{
	char instance[INSTANCE_SIZE] = "";

	if (socket)
		instance_of(socket, instance);
	if (!socket || *instance)
		snprintf(c->bus_name, sizeof(c->bus_name), "%s%s%s", DBUS_NAME,
			 *instance ? "." : "", instance);
}

int tacit_client_try(const char *socket, struct tacit_client **ret)
{
	struct tacit_client *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	set_bus_name(c, socket);
	c->path = socket ? socket : DEFAULT_SOCKET;
	r = open_socket(c->path, &c->bus);
	if (r < 0 && *c->bus_name && open_system_bus(&c->bus) >= 0) {
		r = 0;
		c->name = c->bus_name;
	}
	if (r < 0) {
		free(c);
		return r;
	}
	(void)sd_bus_set_method_call_timeout(c->bus, TIMEOUT_US);
	*ret = c;
	return 0;
}

int tacit_client_new(const char *socket, struct tacit_client **ret)
{
	int r = tacit_client_try(socket, ret);

	return r < 0 ? no_connection(socket ? socket : DEFAULT_SOCKET, r)
		     : EXIT_OK;
}

struct tacit_client *tacit_client_free(struct tacit_client *c)
{
	if (!c)
		return NULL;
	sd_bus_close_unref(c->bus);
	free(c);
	return NULL;
}

void tacit_client_patience(struct tacit_client *c, uint32_t seconds)
{
	(void)sd_bus_set_method_call_timeout(c->bus, seconds * 1000000ull);
}

uint64_t tacit_client_now(void)
{
	return now_us();
}

int tacit_client_listen(struct tacit_client *c,
			sd_bus_message_handler_t handler, void *user)
{
	int r;

	/* On the own socket signals come unasked. */
	if (c->name)
		r = sd_bus_match_signal(c->bus, NULL, c->name, DBUS_PATH,
					DBUS_INTERFACE, NULL, handler, user);
	else
		r = sd_bus_add_filter(c->bus, NULL, handler, user);
	if (r >= 0)
		return EXIT_OK;
	fprintf(stderr, "tacit: cannot listen to the agent: %s.\n",
		strerror(-r));
	return EXIT_FAILED;
}

int tacit_client_run(struct tacit_client *c, uint64_t until_us)
{
	uint64_t now;
	int r = 0;

	while (r >= 0 && (now = now_us()) < until_us) {
		r = sd_bus_process(c->bus, NULL);
		if (r > 0)
			continue;
		if (r == 0)
			r = sd_bus_wait(c->bus, until_us - now);
		if (r == -EINTR)
			r = 0;
	}
	if (r >= 0)
		return EXIT_OK;
	fprintf(stderr, "tacit: the agent is gone.\n");
	return EXIT_NOT_RUNNING;
}

/* Errors of the agent that have an exit code of their own; the message says
 * what is to be said. */
static const struct {
	const char *name;
	int code;
} codes[] = {
	{ DBUS_ERROR_UNKNOWN_PEER, EXIT_NO_PEER },
	{ DBUS_ERROR_INVALID_ADDRESS, EXIT_USAGE },
	{ DBUS_ERROR_INVALID_LEVEL, EXIT_USAGE },
	{ DBUS_ERROR_INVALID_PORT, EXIT_USAGE },
	{ DBUS_ERROR_NOT_ENCRYPTED, EXIT_NOT_ENCRYPTED },
	{ DBUS_ERROR_POLICY_FORBIDS, EXIT_NOT_ENCRYPTED },
	{ DBUS_ERROR_BAD_CONFIGURATION, EXIT_BAD_CONFIG },
	{ DBUS_ERROR_TIMED_OUT, EXIT_TIMED_OUT },
	{ SD_BUS_ERROR_ACCESS_DENIED, EXIT_NO_PRIVILEGE },
};

static int explain(const struct tacit_client *c, const sd_bus_error *e, int r)
{
	if (sd_bus_error_has_name(e, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
	    sd_bus_error_has_name(e, SD_BUS_ERROR_NAME_HAS_NO_OWNER))
		return not_running(c->path, -ENOENT);
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (!sd_bus_error_has_name(e, codes[i].name))
			continue;
		fprintf(stderr, "tacit: %s\n",
			e->message ? e->message : e->name);
		if (codes[i].code == EXIT_NO_PRIVILEGE)
			fputs("       Try it with sudo.\n", stderr);
		return codes[i].code;
	}
	if (sd_bus_error_has_name(e, SD_BUS_ERROR_UNKNOWN_METHOD) ||
	    sd_bus_error_has_name(e, SD_BUS_ERROR_UNKNOWN_OBJECT))
		fprintf(stderr, "tacit: the agent does not know this call: is "
				"it of another version?\n");
	else if (r == -ETIMEDOUT)
		fprintf(stderr, "tacit: the agent does not answer. See what it "
				"does with: journalctl -u tacit\n");
	else
		fprintf(stderr, "tacit: the agent refuses: %s\n",
			e->message ? e->message : strerror(-r));
	return EXIT_FAILED;
}

int tacit_client_properties(struct tacit_client *c, const char *path,
			    const char *interface, sd_bus_message **ret)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int code = EXIT_OK;
	int r = sd_bus_call_method(c->bus, c->name, path,
				   "org.freedesktop.DBus.Properties", "GetAll",
				   &error, ret, "s", interface);

	if (r < 0)
		code = explain(c, &error, r);
	sd_bus_error_free(&error);
	return code;
}

/* ask: polkit may ask the user for a password, which takes its time. */
static int call_once(struct tacit_client *c, bool ask, const char *interface,
		     const char *method, sd_bus_message **ret,
		     sd_bus_error *error, const char *types, va_list ap)
{
	sd_bus_message *m = NULL;
	va_list copy;
	int r = sd_bus_message_new_method_call(c->bus, &m, c->name, DBUS_PATH,
					       interface, method);

	va_copy(copy, ap);
	if (r >= 0)
		r = sd_bus_message_appendv(m, types, copy);
	va_end(copy);
	if (r >= 0)
		r = sd_bus_message_set_allow_interactive_authorization(m, ask);
	if (r >= 0)
		r = sd_bus_call(c->bus, m, ask ? ASK_US : 0, error, ret);
	sd_bus_message_unref(m);
	return r;
}

/* The own socket is for root; on the system bus polkit may let others. */
static bool be_on_system_bus(struct tacit_client *c)
{
	sd_bus *bus;

	if (c->name)
		return true;
	if (!*c->bus_name || open_system_bus(&bus) < 0)
		return false;
	sd_bus_close_unref(c->bus);
	c->bus = bus;
	c->name = c->bus_name;
	return true;
}

int tacit_client_callv(struct tacit_client *c, const char *interface,
		       const char *method, sd_bus_message **ret,
		       const char *types, va_list ap)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int r = call_once(c, false, interface, method, ret, &error, types, ap);
	int code;

	if (r < 0 &&
	    sd_bus_error_has_name(&error, SD_BUS_ERROR_ACCESS_DENIED) &&
	    be_on_system_bus(c)) {
		sd_bus_error_free(&error);
		r = call_once(c, true, interface, method, ret, &error, types,
			      ap);
	}
	code = r < 0 ? explain(c, &error, r) : EXIT_OK;
	sd_bus_error_free(&error);
	return code;
}

int tacit_client_call(struct tacit_client *c, const char *interface,
		      const char *method, sd_bus_message **ret,
		      const char *types, ...)
{
	va_list ap;
	int code;

	va_start(ap, types);
	code = tacit_client_callv(c, interface, method, ret, types, ap);
	va_end(ap);
	return code;
}

int tacit_client_bad_reply(void)
{
	fprintf(stderr, "tacit: the agent's answer is not understood: is it of "
			"another version?\n");
	return EXIT_FAILED;
}
