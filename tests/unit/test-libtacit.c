/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libtacit against an agent that is none: a bus server in a thread that answers
 * with what a test wants, odd and hostile things among it.
 */
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <cmocka.h>

#include "libtacit/tacit.h"

struct agent {
	char path[64];
	int listener;
	pthread_t thread;
	/* What it answers: an error, or values. */
	const char *error;
	bool odd;
	atomic_bool over;
	/* What it was asked. */
	char method[32], address[80], identity[64], name[64];
	uint32_t timeout;
};

static int append_peer(sd_bus_message *m, bool odd)
{
	int r = sd_bus_message_open_container(m, 'a', "{sv}");

	if (r >= 0)
		r = sd_bus_message_append(m, "{sv}", "Encrypted", "b", 1);
	if (r >= 0)
		r = sd_bus_message_append(m, "{sv}", "Identity", "s",
					  odd ? "" : "@b.lab.test");
	if (r >= 0)
		r = sd_bus_message_append(m, "{sv}", "Port", "q", 7000);
	if (r >= 0)
		r = sd_bus_message_append(m, "{sv}", "SinceMs", "t",
					  UINT64_MAX);
	if (r >= 0 && odd)
		r = sd_bus_message_append(m, "{sv}", "Later", "as", 2, "a",
					  "b");
	for (int i = 0; odd && r >= 0 && i < 100; i++)
		r = sd_bus_message_append(m, "{sv}", "More", "u", i);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

static void read_require(struct agent *a, sd_bus_message *m)
{
	const char *text, *key;
	int fd;

	assert_true(sd_bus_message_read(m, "hs", &fd, &text) >= 0);
	snprintf(a->address, sizeof(a->address), "%s", text);
	assert_true(sd_bus_message_enter_container(m, 'a', "{sv}") >= 0);
	while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
		assert_true(sd_bus_message_read(m, "s", &key) >= 0);
		if (!strcmp(key, "TimeoutMs")) {
			assert_true(sd_bus_message_read(m, "v", "u",
							&a->timeout) >= 0);
		} else {
			assert_true(sd_bus_message_read(m, "v", "s", &text) >=
				    0);
			snprintf(a->identity, sizeof(a->identity), "%s", text);
		}
		assert_true(sd_bus_message_exit_container(m) >= 0);
	}
}

static int on_call(sd_bus_message *m, void *user, sd_bus_error *error)
{
	struct agent *a = user;
	sd_bus_message *reply = NULL;
	const char *text;
	int fd, r;

	if (!sd_bus_message_is_method_call(m, "org.tacit.Agent1", NULL))
		return 0;
	snprintf(a->method, sizeof(a->method), "%s",
		 sd_bus_message_get_member(m));
	if (!strcmp(a->method, "RequireEncryption"))
		read_require(a, m);
	if (!strcmp(a->method, "NameSocket")) {
		assert_true(sd_bus_message_read(m, "hs", &fd, &text) >= 0);
		snprintf(a->name, sizeof(a->name), "%s", text);
	}
	if (a->error)
		return sd_bus_error_set(error, a->error, "It is so.");
	r = sd_bus_message_new_method_return(m, &reply);
	if (r >= 0 && !strcmp(a->method, "WatchSocket"))
		r = sd_bus_message_append(reply, "t", (uint64_t)7);
	else if (r >= 0 && strcmp(a->method, "NameSocket") != 0 &&
		 strcmp(a->method, "UnwatchSocket") != 0)
		r = append_peer(reply, a->odd);
	if (r >= 0)
		r = sd_bus_message_send(reply);
	sd_bus_message_unref(reply);
	return r < 0 ? r : 1;
}

static void send_changes(sd_bus *bus, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		sd_bus_message *m = NULL;

		assert_true(sd_bus_message_new_signal(
				    bus, &m, "/org/tacit/Agent1",
				    "org.tacit.Agent1", "SocketChanged") >= 0);
		assert_true(sd_bus_message_append(m, "t", (uint64_t)i) >= 0);
		assert_true(append_peer(m, false) >= 0);
		assert_true(sd_bus_send(bus, m, NULL) >= 0);
		sd_bus_message_unref(m);
	}
}

/* One connection, until it ends. */
static void *serve(void *user)
{
	struct agent *a = user;
	sd_bus *bus = NULL;
	sd_id128_t id = { 0 };
	int fd = accept(a->listener, NULL, NULL), r;

	if (fd < 0)
		return NULL;
	assert_true(sd_bus_new(&bus) >= 0);
	assert_true(sd_bus_set_fd(bus, fd, fd) >= 0);
	assert_true(sd_bus_set_server(bus, 1, id) >= 0);
	assert_true(sd_bus_set_anonymous(bus, 1) >= 0);
	assert_true(sd_bus_add_filter(bus, NULL, on_call, a) >= 0);
	assert_true(sd_bus_start(bus) >= 0);
	do {
		r = sd_bus_process(bus, NULL);
		if (r > 0 && !strcmp(a->method, "UnwatchSocket")) {
			send_changes(bus, 70);
			a->method[0] = '\0';
		}
		if (r == 0)
			r = sd_bus_wait(bus, 100000);
	} while (r >= 0 && !atomic_load(&a->over));
	sd_bus_flush_close_unref(bus);
	return NULL;
}

static int setup(void **state)
{
	struct agent *a = calloc(1, sizeof(*a));
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	if (!a)
		return -1;
	snprintf(a->path, sizeof(a->path), "/tmp/test-libtacit.%d",
		 (int)getpid());
	strcpy(sa.sun_path, a->path);
	unlink(a->path);
	a->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(a->listener, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    listen(a->listener, 1) < 0 ||
	    pthread_create(&a->thread, NULL, serve, a) != 0)
		return -1;
	*state = a;
	return 0;
}

static int teardown(void **state)
{
	struct agent *a = *state;

	atomic_store(&a->over, true);
	shutdown(a->listener, SHUT_RDWR);
	pthread_join(a->thread, NULL);
	close(a->listener);
	unlink(a->path);
	free(a);
	return 0;
}

static void test_nobody(void **state)
{
	char path[300];
	struct tacit *t = NULL;

	(void)state;
	assert_int_equal(tacit_open("/nowhere/agent.sock", &t), -ENXIO);
	assert_int_equal(tacit_open("/tmp/a;b", &t), -EINVAL);
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(tacit_open(path, &t), -EINVAL);
	assert_null(t);
	assert_null(tacit_close(NULL));
	assert_null(tacit_peer_free(NULL));
	assert_string_equal(tacit_error(NULL), "");
}

static void test_get(void **state)
{
	struct agent *a = *state;
	struct tacit *t;
	struct tacit_peer *p;

	assert_int_equal(tacit_open(a->path, &t), 0);
	assert_int_equal(tacit_get(t, STDIN_FILENO, &p), 0);
	assert_string_equal(a->method, "GetSocket");
	assert_true(tacit_peer_encrypted(p));
	assert_string_equal(tacit_peer_identity(p), "@b.lab.test");
	assert_string_equal(tacit_peer_value(p, "Port"), "7000");
	assert_string_equal(tacit_peer_value(p, "SinceMs"),
			    "18446744073709551615");
	assert_null(tacit_peer_value(p, "Nothing"));
	tacit_peer_free(p);
	/* Types and numbers of keys of a later agent. */
	a->odd = true;
	assert_int_equal(tacit_get(t, STDIN_FILENO, &p), 0);
	assert_null(tacit_peer_identity(p));
	assert_null(tacit_peer_value(p, "Later"));
	assert_string_equal(tacit_peer_value(p, "More"), "0");
	tacit_peer_free(p);
	assert_true(tacit_get(t, -1, &p) < 0);
	assert_true(*tacit_error(t) != '\0');
	tacit_close(t);
}

static void test_require(void **state)
{
	struct agent *a = *state;
	struct sockaddr_in four = { .sin_family = AF_INET };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6,
				    .sin6_scope_id = 3 };
	const struct sockaddr *sa = (const struct sockaddr *)&four;
	struct tacit *t;

	four.sin_addr.s_addr = htonl(0x0a000002);
	six.sin6_addr.s6_addr[0] = 0xfe;
	six.sin6_addr.s6_addr[1] = 0x80;
	six.sin6_addr.s6_addr[15] = 1;
	assert_int_equal(tacit_open(a->path, &t), 0);
	assert_int_equal(tacit_name(t, 0, "b.lab.test"), 0);
	assert_string_equal(a->name, "b.lab.test");
	assert_int_equal(tacit_require(t, 0, sa, sizeof(four), NULL, 0, NULL),
			 0);
	assert_string_equal(a->address, "10.0.0.2");
	assert_string_equal(a->identity, "");
	assert_int_equal(a->timeout, 30000);
	sa = (const struct sockaddr *)&six;
	assert_int_equal(
		tacit_require(t, 0, sa, sizeof(six), "@x.test", 5, NULL), 0);
	assert_string_equal(a->address, "fe80::1%3");
	assert_string_equal(a->identity, "@x.test");
	assert_int_equal(a->timeout, 5);
	assert_int_equal(tacit_require(t, 0, NULL, 0, NULL, 0, NULL), 0);
	assert_string_equal(a->address, "");
	assert_int_equal(tacit_require(t, 0, sa, 4, NULL, 0, NULL),
			 -EAFNOSUPPORT);
	tacit_close(t);
}

static void test_errors(void **state)
{
	static const struct {
		const char *name;
		int error;
	} rows[] = {
		{ "org.tacit.Agent1.Error.WrongPeer", -EKEYREJECTED },
		{ "org.tacit.Agent1.Error.NotEncrypted", -ECONNREFUSED },
		{ "org.tacit.Agent1.Error.TimedOut", -ETIMEDOUT },
		{ "org.tacit.Agent1.Error.ForeignNamespace", -EXDEV },
		{ SD_BUS_ERROR_LIMITS_EXCEEDED, -EDQUOT },
		{ SD_BUS_ERROR_ACCESS_DENIED, -EACCES },
	};
	struct agent *a = *state;
	struct tacit *t;
	struct tacit_peer *p = NULL;

	assert_int_equal(tacit_open(a->path, &t), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		a->error = rows[i].name;
		assert_int_equal(tacit_get(t, 0, &p), rows[i].error);
		assert_string_equal(tacit_error(t), "It is so.");
	}
	/* One of a later agent. */
	a->error = "org.tacit.Agent1.Error.Unheard";
	assert_true(tacit_get(t, 0, &p) < 0);
	assert_null(p);
	a->error = NULL;
	assert_int_equal(tacit_get(t, 0, &p), 0);
	assert_string_equal(tacit_error(t), "");
	tacit_peer_free(p);
	tacit_close(t);
}

/* More changes than are kept; then the agent goes. */
static void test_changes(void **state)
{
	struct agent *a = *state;
	struct tacit_peer *p;
	struct tacit *t;
	uint64_t id = 0, n = 0;
	int r;

	assert_int_equal(tacit_open(a->path, &t), 0);
	assert_true(tacit_fd(t) >= 0);
	assert_int_equal(tacit_next(t, &id, &p), 0);
	assert_int_equal(tacit_watch(t, 0, &id), 0);
	assert_int_equal(id, 7);
	assert_int_equal(tacit_unwatch(t, id), 0);
	/* Those that came with this answer wait. */
	assert_int_equal(tacit_get(t, 0, &p), 0);
	tacit_peer_free(p);
	while ((r = tacit_next(t, &id, &p)) > 0) {
		assert_true(tacit_peer_encrypted(p));
		tacit_peer_free(p);
		n++;
	}
	assert_int_equal(r, 0);
	assert_true(n >= 64 && n <= 70);
	assert_int_equal(id, 69);
	tacit_close(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody),
		cmocka_unit_test_setup_teardown(test_get, setup, teardown),
		cmocka_unit_test_setup_teardown(test_require, setup, teardown),
		cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_changes, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
