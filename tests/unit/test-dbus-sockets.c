/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dbus/sockets-dbus.c and dbus/sockets.c: real descriptors over the own socket,
 * and an agent that says what a test wants. What a caller is refused, and who
 * hears of which socket.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "dbus-fake.h"
#include "dbus/names.h"
#include "dbus/server.h"
#include "dbus/sockets-dbus.h"
#include "util/limits.h"

struct world {
	sd_event *event;
	struct fake fake;
	struct dbus_server *server;
	char dir[64], path[96];
	sd_bus *bus, *other;
	unsigned heard, overheard;
	const char *state, *identity; /* what the agent says */
	unsigned asked;
	struct dbus_demand demand; /* what it was asked for last */
	char demanded[64];
};

static struct world *world;

static void source_socket(void *user, const struct socket_info *s,
			  struct dbus_peer *ret)
{
	(void)user;
	world->asked++;
	*ret = (struct dbus_peer){
		.local = s->local.addr,
		.remote = s->remote.addr,
		.state = world->state,
		.policy = "private",
		.level = "offer",
		.identity = world->identity,
		.auth = "signature",
		.proof = "",
		.fingerprint = "",
		.algorithms = "",
		.cipher = "",
		.reason = "",
	};
}

static void source_require(void *user, int fd, const struct dbus_demand *d,
			   struct handle call)
{
	struct dbus_pending *p = dbus_server_pending(world->server);
	struct dbus_peer peer;

	assert_true(fd >= 0);
	world->demand = *d;
	snprintf(world->demanded, sizeof(world->demanded), "%s", d->identity);
	source_socket(user, &d->socket, &peer);
	dbus_sockets_reply(p, call, &d->socket, &peer);
	/* Twice is once. */
	dbus_pending_fail(p, call, DBUS_ERROR_TIMED_OUT, "Too late.");
}

static int on_signal(sd_bus_message *m, void *user, sd_bus_error *error)
{
	unsigned *count = user;

	(void)error;
	*count += sd_bus_message_is_signal(m, DBUS_INTERFACE, "SocketChanged") >
		  0;
	return 0;
}

static sd_bus *new_client(struct world *w, unsigned *count)
{
	char address[128];
	sd_bus *bus;

	snprintf(address, sizeof(address), "unix:path=%s", w->path);
	assert_true(sd_bus_new(&bus) >= 0);
	assert_true(sd_bus_set_address(bus, address) >= 0);
	assert_true(sd_bus_negotiate_fds(bus, 1) >= 0);
	assert_true(sd_bus_add_filter(bus, NULL, on_signal, count) >= 0);
	assert_true(sd_bus_attach_event(bus, w->event, 0) >= 0);
	assert_true(sd_bus_start(bus) >= 0);
	/* Whether it takes descriptors has to be known. */
	while (sd_bus_is_ready(bus) <= 0)
		assert_true(sd_event_run(w->event, UINT64_MAX) >= 0);
	return bus;
}

static int begin(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct dbus_source source;

	assert_non_null(w);
	world = w;
	w->state = "secured";
	w->identity = "@b.lab.test";
	strcpy(w->dir, "/tmp/tacit-dbus-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->path, sizeof(w->path), "%s/agent.sock", w->dir);
	assert_int_equal(sd_event_new(&w->event), 0);
	fake_init(&w->fake);
	source = fake_source(&w->fake);
	source.socket = source_socket;
	source.require = source_require;
	assert_int_equal(
		dbus_server_new(w->event, w->path, &source, &w->server), 0);
	w->bus = new_client(w, &w->heard);
	w->other = new_client(w, &w->overheard);
	*state = w;
	return 0;
}

static int end(void **state)
{
	struct world *w = *state;

	sd_bus_close_unref(w->bus);
	sd_bus_close_unref(w->other);
	dbus_server_free(w->server);
	sd_event_unref(w->event);
	rmdir(w->dir);
	free(w);
	return 0;
}

static void run_for(struct world *w, unsigned ms)
{
	uint64_t now, until;

	assert_true(sd_event_now(w->event, CLOCK_MONOTONIC, &now) >= 0);
	until = now + ms * 1000ull;
	while (now < until) {
		assert_true(sd_event_run(w->event, until - now) >= 0);
		assert_true(sd_event_now(w->event, CLOCK_MONOTONIC, &now) >= 0);
	}
}

static int on_reply(sd_bus_message *m, void *user, sd_bus_error *error)
{
	(void)error;
	*(sd_bus_message **)user = sd_bus_message_ref(m);
	return 1;
}

static sd_bus_message *begin_call(sd_bus *bus, const char *name, int fd)
{
	sd_bus_message *m;

	assert_true(sd_bus_message_new_method_call(bus, &m, NULL, DBUS_PATH,
						   DBUS_INTERFACE, name) >= 0);
	assert_true(sd_bus_message_append(m, "h", fd) >= 0);
	return m;
}

/* Takes the message. NULL, or the error that is expected. */
static sd_bus_message *finish(sd_bus *bus, sd_bus_message *m, const char *error)
{
	sd_bus_message *reply = NULL;
	sd_bus_slot *slot = NULL;

	assert_true(sd_bus_call_async(bus, &slot, m, on_reply, &reply,
				      5000000) >= 0);
	sd_bus_message_unref(m);
	while (!reply)
		assert_true(sd_event_run(world->event, UINT64_MAX) >= 0);
	sd_bus_slot_unref(slot);
	if (error) {
		assert_true(sd_bus_message_is_method_error(reply, NULL) > 0);
		assert_string_equal(sd_bus_message_get_error(reply)->name,
				    error);
		return sd_bus_message_unref(reply);
	}
	assert_false(sd_bus_message_is_method_error(reply, NULL));
	return reply;
}

static void get(int fd, const char *error)
{
	sd_bus_message_unref(finish(
		world->bus, begin_call(world->bus, "GetSocket", fd), error));
}

static void name(int fd, const char *text, const char *error)
{
	sd_bus_message *m = begin_call(world->bus, "NameSocket", fd);

	assert_true(sd_bus_message_append(m, "s", text) >= 0);
	sd_bus_message_unref(finish(world->bus, m, error));
}

static void require(int fd, const char *address, const char *key,
		    const char *value, const char *error)
{
	sd_bus_message *m = begin_call(world->bus, "RequireEncryption", fd);

	assert_true(sd_bus_message_append(m, "s", address) >= 0);
	if (key)
		assert_true(sd_bus_message_append(m, "a{sv}", 1, key, "s",
						  value) >= 0);
	else
		assert_true(sd_bus_message_append(m, "a{sv}", 0) >= 0);
	sd_bus_message_unref(finish(world->bus, m, error));
}

static uint64_t watch(sd_bus *bus, int fd)
{
	sd_bus_message *reply =
		finish(bus, begin_call(bus, "WatchSocket", fd), NULL);
	uint64_t id;

	assert_true(sd_bus_message_read(reply, "t", &id) > 0);
	sd_bus_message_unref(reply);
	return id;
}

/* A UDP socket of this family, connected to loopback or not. */
static int new_udp(int family, bool connected)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6,
				    .sin6_port = htons(9),
				    .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in four = { .sin_family = AF_INET,
				    .sin_port = htons(9) };
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connected && family == AF_INET)
		assert_int_equal(
			connect(fd, (struct sockaddr *)&four, sizeof(four)), 0);
	else if (connected)
		assert_int_equal(
			connect(fd, (struct sockaddr *)&six, sizeof(six)), 0);
	return fd;
}

static void test_get(void **state)
{
	int fd = new_udp(AF_INET, true), loose = new_udp(AF_INET, false);
	int local = socket(AF_UNIX, SOCK_STREAM, 0);
	int listens = socket(AF_INET, SOCK_STREAM, 0), pipes[2];

	(void)state;
	get(fd, NULL);
	get(loose, DBUS_ERROR_NOT_CONNECTED);
	get(local, DBUS_ERROR_WRONG_FAMILY);
	assert_int_equal(listen(listens, 1), 0);
	get(listens, DBUS_ERROR_LISTENING);
	assert_int_equal(pipe(pipes), 0);
	get(pipes[0], DBUS_ERROR_NOT_A_SOCKET);
	assert_int_equal(world->asked, 1);
	close(pipes[0]);
	close(pipes[1]);
	close(listens);
	close(local);
	close(loose);
	close(fd);
}

static void test_require(void **state)
{
	int fd = new_udp(AF_INET, false), one = new_udp(AF_INET, true);
	int six = new_udp(AF_INET6, false), late = new_udp(AF_INET6, true);
	int v6only = 0;
	socklen_t len = sizeof(v6only);

	(void)state;
	require(fd, "10.0.0.2", NULL, NULL, NULL);
	assert_int_equal(world->demand.timeout_ms, 30000);
	assert_string_equal(world->demanded, "");
	require(fd, "10.0.0.2", "Identity", "@x.test", NULL);
	assert_string_equal(world->demanded, "@x.test");
	/* The name that it was given, unless the call says otherwise. */
	name(fd, "Host.Example.", NULL);
	require(fd, "10.0.0.2", NULL, NULL, NULL);
	assert_string_equal(world->demanded, "@host.example");
	require(fd, "10.0.0.2", "Identity", "@x.test", NULL);
	assert_string_equal(world->demanded, "@x.test");
	require(fd, "10.0.0.2", "Colour", "red", SD_BUS_ERROR_INVALID_ARGS);
	require(fd, "10.0.0.2", "TimeoutMs", "1", "System.Error.ENXIO");
	require(fd, "", NULL, NULL, DBUS_ERROR_NOT_CONNECTED);
	require(fd, "fd00::2", NULL, NULL, DBUS_ERROR_WRONG_FAMILY);
	require(fd, "host", NULL, NULL, DBUS_ERROR_INVALID_ADDRESS);
	require(one, "", NULL, NULL, NULL);
	assert_true(addr_is_loopback(&world->demand.remote));
	require(one, "10.0.0.2", NULL, NULL, DBUS_ERROR_WRONG_ADDRESS);
	/* From now on it does not speak IPv4. */
	require(six, "fd00::2", NULL, NULL, NULL);
	assert_int_equal(
		getsockopt(six, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, &len), 0);
	assert_int_equal(v6only, 1);
	require(late, "", NULL, NULL, DBUS_ERROR_WRONG_FAMILY);
	close(late);
	close(six);
	close(one);
	close(fd);
}

static void test_names(void **state)
{
	static const char *const bad[] = { "",	   ".",	    "host", "a..b",
					   ".a.b", "a b.c", "a/b.c" };
	int fd = new_udp(AF_INET, false);

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		name(fd, bad[i], DBUS_ERROR_INVALID_NAME);
	name(fd, "host.example", NULL);
	name(fd, "another.example", NULL);
	require(fd, "10.0.0.2", NULL, NULL, NULL);
	assert_string_equal(world->demanded, "@another.example");
	close(fd);
}

static void test_watch(void **state)
{
	const struct addr peer = { .family = AF_INET,
				   .bytes = { 10, 0, 0, 2 } };
	struct world *w = *state;
	int fd = new_udp(AF_INET, true);
	uint64_t id = watch(w->bus, fd);
	sd_bus_message *m;
	unsigned asked;

	/* Twice is once, and nothing has changed. */
	assert_int_equal(watch(w->bus, fd), id);
	dbus_server_peer_changed(w->server, &peer);
	run_for(w, 250);
	assert_int_equal(w->heard, 0);
	w->state = "idle";
	dbus_server_peer_changed(w->server, &peer);
	run_for(w, 250);
	assert_int_equal(w->heard, 1);
	/* Not encrypted in another way is no news; somebody else is. */
	w->state = "clear";
	dbus_server_peer_changed(w->server, &peer);
	run_for(w, 250);
	assert_int_equal(w->heard, 1);
	w->identity = "@c.lab.test";
	dbus_server_peer_changed(w->server, &peer);
	run_for(w, 250);
	assert_int_equal(w->heard, 2);
	assert_int_equal(w->overheard, 0);
	/* The other one's, who leaves. */
	assert_int_equal(watch(w->other, fd), id);
	assert_true(sd_bus_message_new_method_call(w->bus, &m, NULL, DBUS_PATH,
						   DBUS_INTERFACE,
						   "UnwatchSocket") >= 0);
	assert_true(sd_bus_message_append(m, "t", id) >= 0);
	sd_bus_message_unref(finish(w->bus, m, NULL));
	w->other = sd_bus_close_unref(w->other);
	run_for(w, 50);
	asked = w->asked;
	w->state = "secured";
	dbus_server_peer_changed(w->server, &peer);
	run_for(w, 250);
	assert_int_equal(w->asked, asked);
	assert_int_equal(w->heard, 2);
	close(fd);
}

static void test_share(void **state)
{
	struct world *w = *state;
	int fds[LIMIT_BUS_SOCKETS_CALLER + 1];
	const unsigned n = LIMIT_BUS_SOCKETS_CALLER;

	for (unsigned i = 0; i <= n; i++)
		fds[i] = new_udp(AF_INET, true);
	for (unsigned i = 0; i < n; i++)
		watch(w->bus, fds[i]);
	name(fds[n], "host.example", SD_BUS_ERROR_LIMITS_EXCEEDED);
	watch(w->other, fds[n]);
	for (unsigned i = 0; i <= n; i++)
		close(fds[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_get, begin, end),
		cmocka_unit_test_setup_teardown(test_require, begin, end),
		cmocka_unit_test_setup_teardown(test_names, begin, end),
		cmocka_unit_test_setup_teardown(test_watch, begin, end),
		cmocka_unit_test_setup_teardown(test_share, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
