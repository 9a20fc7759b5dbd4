/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The own socket with real clients, all in one event loop: every method,
 * property, signal and error of org.tacit.Agent1, and clients that misbehave.
 */
#define _GNU_SOURCE /* pipe2(), setresuid() */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "dbus-fake.h"
#include "dbus/names.h"
#include "dbus/server.h"
#include "util/limits.h"
#include "util/log.h"

struct world {
	sd_event *event;
	struct fake fake;
	struct dbus_server *server;
	char dir[64], path[96];
	sd_bus *bus; /* a client */
	unsigned peer_changed, peers_changed;
};

static int on_signal(sd_bus_message *m, void *user, sd_bus_error *error)
{
	struct world *w = user;

	(void)error;
	if (sd_bus_message_is_signal(m, DBUS_INTERFACE, "PeersChanged") > 0)
		w->peers_changed++;
	if (sd_bus_message_is_signal(m, DBUS_INTERFACE, "PeerChanged") > 0)
		w->peer_changed++;
	return 0;
}

static sd_bus *new_client(struct world *w)
{
	char address[128];
	sd_bus *bus;

	snprintf(address, sizeof(address), "unix:path=%s", w->path);
	assert_true(sd_bus_new(&bus) >= 0);
	assert_true(sd_bus_set_address(bus, address) >= 0);
	assert_true(sd_bus_negotiate_fds(bus, 1) >= 0);
	assert_true(sd_bus_add_filter(bus, NULL, on_signal, w) >= 0);
	assert_true(sd_bus_attach_event(bus, w->event, 0) >= 0);
	assert_true(sd_bus_start(bus) >= 0);
	return bus;
}

static void run_for(struct world *w, unsigned ms)
{
	uint64_t now, end;

	assert_true(sd_event_now(w->event, CLOCK_MONOTONIC, &now) >= 0);
	end = now + ms * 1000ull;
	while (now < end) {
		assert_true(sd_event_run(w->event, end - now) >= 0);
		assert_true(sd_event_now(w->event, CLOCK_MONOTONIC, &now) >= 0);
	}
}

static int begin(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct dbus_source source;

	assert_non_null(w);
	strcpy(w->dir, "/tmp/tacit-dbus-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->path, sizeof(w->path), "%s/agent.sock", w->dir);
	assert_int_equal(sd_event_new(&w->event), 0);
	fake_init(&w->fake);
	source = fake_source(&w->fake);
	assert_int_equal(
		dbus_server_new(w->event, w->path, &source, &w->server), 0);
	w->fake.pending = dbus_server_pending(w->server);
	w->bus = new_client(w);
	*state = w;
	return 0;
}

static int end(void **state)
{
	struct world *w = *state;
	struct stat st;

	sd_bus_close_unref(w->bus);
	assert_null(dbus_server_free(w->server));
	assert_int_equal(stat(w->path, &st), -1);
	sd_event_unref(w->event);
	assert_int_equal(rmdir(w->dir), 0);
	free(w);
	return 0;
}

static int on_reply(sd_bus_message *m, void *user, sd_bus_error *error)
{
	(void)error;
	*(sd_bus_message **)user = sd_bus_message_ref(m);
	return 1;
}

/* Takes the message, returns the reply or the error; NULL: none in 5 s. */
static sd_bus_message *call(struct world *w, sd_bus *bus, sd_bus_message *m)
{
	sd_bus_message *reply = NULL;
	sd_bus_slot *slot = NULL;

	assert_true(sd_bus_call_async(bus, &slot, m, on_reply, &reply,
				      5000000) >= 0);
	sd_bus_message_unref(m);
	while (!reply)
		assert_true(sd_event_run(w->event, UINT64_MAX) >= 0);
	sd_bus_slot_unref(slot);
	return reply;
}

static sd_bus_message *method(sd_bus *bus, const char *interface,
			      const char *name)
{
	sd_bus_message *m;

	assert_true(sd_bus_message_new_method_call(bus, &m, NULL, DBUS_PATH,
						   interface, name) >= 0);
	return m;
}

static sd_bus_message *call_text(struct world *w, const char *name,
				 const char *text)
{
	sd_bus_message *m = method(w->bus, DBUS_INTERFACE, name);

	assert_true(sd_bus_message_append(m, "s", text) >= 0);
	return call(w, w->bus, m);
}

static void expect_error(sd_bus_message *reply, const char *name)
{
	assert_true(sd_bus_message_is_method_error(reply, NULL) > 0);
	assert_string_equal(sd_bus_message_get_error(reply)->name, name);
	assert_true(strlen(sd_bus_message_get_error(reply)->message) > 10);
	sd_bus_message_unref(reply);
}

/* One dictionary as "Key=value" lines. */
static void read_dictionary(sd_bus_message *m, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	assert_true(sd_bus_message_enter_container(m, 'a', "{sv}") >= 0);
	while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
		const char *key, *type, *s;
		uint64_t t;
		uint32_t u;
		int b;

		assert_true(sd_bus_message_read(m, "s", &key) > 0);
		assert_true(sd_bus_message_peek_type(m, NULL, &type) > 0);
		len += (size_t)snprintf(buf + len, size - len, "%s=", key);
		assert_true(sd_bus_message_enter_container(m, 'v', type) > 0);
		if (!strcmp(type, "s")) {
			assert_true(sd_bus_message_read(m, "s", &s) > 0);
			len += (size_t)snprintf(buf + len, size - len, "%s", s);
		} else if (!strcmp(type, "u")) {
			assert_true(sd_bus_message_read(m, "u", &u) > 0);
			len += (size_t)snprintf(buf + len, size - len, "u%u",
						u);
		} else if (!strcmp(type, "b")) {
			assert_true(sd_bus_message_read(m, "b", &b) > 0);
			len += (size_t)snprintf(buf + len, size - len, "%s",
						b ? "true" : "false");
		} else if (!strcmp(type, "t")) {
			assert_true(sd_bus_message_read(m, "t", &t) > 0);
			len += (size_t)snprintf(buf + len, size - len, "t%llu",
						(unsigned long long)t);
		} else {
			assert_string_equal(type, "as");
			assert_true(sd_bus_message_enter_container(m, 'a',
								   "s") >= 0);
			while (sd_bus_message_read(m, "s", &s) > 0)
				len += (size_t)snprintf(buf + len, size - len,
							"[%s]", s);
			assert_true(sd_bus_message_exit_container(m) >= 0);
		}
		len += (size_t)snprintf(buf + len, size - len, "\n");
		assert_true(len < size);
		assert_true(sd_bus_message_exit_container(m) >= 0);
		assert_true(sd_bus_message_exit_container(m) >= 0);
	}
	assert_true(sd_bus_message_exit_container(m) >= 0);
}

static void test_get_peer(void **state)
{
	struct world *w = *state;
	sd_bus_message *reply;
	char text[1024];

	reply = call_text(w, "GetPeer", "10.0.0.8");
	assert_string_equal(sd_bus_message_get_signature(reply, 1), "a{sv}");
	read_dictionary(reply, text, sizeof(text));
	assert_string_equal(
		text,
		"Address=10.0.0.8\n"
		"LocalAddress=10.255.0.1\n"
		"LeasedAddress=100.64.0.5\nOuterAddress=\n"
		"Gateway=\nState=secured\n"
		"Policy=private\nLevel=offer\n"
		"Identity=\n"
		"Authentication=null\n"
		"Proof=\nFingerprint=\n"
		"Algorithms=X25519, AES-GCM-16-256, SHA2-256\n"
		"Cipher=AES-GCM-16-256\n"
		"Reason=\n"
		"SPIIn=u268435464\nSPIOut=u4026531848\nClearConnections=u3\n"
		"SinceMs=t9500\nSetupUs=t4321\n");
	sd_bus_message_unref(reply);
	/* Another spelling of an address, and a text that is no UTF-8. */
	reply = call_text(w, "GetPeer", "2001:DB8:0:0::0");
	read_dictionary(reply, text, sizeof(text));
	assert_non_null(strstr(text, "Address=2001:db8::\n"));
	sd_bus_message_unref(reply);
	reply = call_text(w, "GetPeer", "10.0.0.4");
	read_dictionary(reply, text, sizeof(text));
	assert_non_null(strstr(text, "Identity=a\"b\\c\x1b[31m\xc3\xa9?.ex"));
	sd_bus_message_unref(reply);
}

static void test_errors(void **state)
{
	static const char *const bad[] = {
		"",	     "10.0.0", "10.0.0.1/32",	   "host.example",
		"10.0.0.1 ", "::g",    "1:2:3:4:5:6:7:8:9"
	};
	struct world *w = *state;
	sd_bus_message *m;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		expect_error(call_text(w, "GetPeer", bad[i]),
			     "org.tacit.Agent1.Error.InvalidAddress");
		if (!*bad[i])
			continue;
		m = method(w->bus, DBUS_INTERFACE, "ListPeers");
		assert_true(sd_bus_message_append(m, "su", bad[i], 10) >= 0);
		expect_error(call(w, w->bus, m),
			     "org.tacit.Agent1.Error.InvalidCursor");
	}
	expect_error(call_text(w, "GetPeer", "192.0.2.1"),
		     "org.tacit.Agent1.Error.UnknownPeer");
	expect_error(call_text(w, "GetPeer", "fe80::1%1"),
		     "org.tacit.Agent1.Error.UnknownPeer");
	/* Wrong types, methods, interfaces. */
	m = method(w->bus, DBUS_INTERFACE, "GetPeer");
	assert_true(sd_bus_message_append(m, "u", 1) >= 0);
	expect_error(call(w, w->bus, m), SD_BUS_ERROR_INVALID_ARGS);
	m = method(w->bus, DBUS_INTERFACE, "GetPeer");
	expect_error(call(w, w->bus, m), SD_BUS_ERROR_INVALID_ARGS);
	expect_error(call_text(w, "ListPeers", ""), SD_BUS_ERROR_INVALID_ARGS);
	expect_error(call_text(w, "ListPolicies", ""),
		     SD_BUS_ERROR_INVALID_ARGS);
	expect_error(call_text(w, "Reboot", ""), SD_BUS_ERROR_UNKNOWN_METHOD);
	m = method(w->bus, "org.tacit.Agent2", "ListPolicies");
	expect_error(call(w, w->bus, m), SD_BUS_ERROR_UNKNOWN_METHOD);
	/* Nothing can be set. */
	m = method(w->bus, "org.freedesktop.DBus.Properties", "Set");
	assert_true(sd_bus_message_append(m, "ssv", DBUS_INTERFACE, "Secured",
					  "u", 1) >= 0);
	expect_error(call(w, w->bus, m), SD_BUS_ERROR_PROPERTY_READ_ONLY);
}

/* Pages through all peers; returns how many pages. */
static unsigned list(struct world *w, uint32_t limit, uint32_t want_page)
{
	char cursor[ADDR_STRLEN] = "";
	unsigned pages = 0;
	uint32_t next = 0;

	do {
		sd_bus_message *m = method(w->bus, DBUS_INTERFACE, "ListPeers");
		sd_bus_message *reply;
		const char *text;
		uint32_t n = 0;

		assert_true(sd_bus_message_append(m, "su", cursor, limit) >= 0);
		reply = call(w, w->bus, m);
		assert_string_equal(sd_bus_message_get_signature(reply, 1),
				    "aa{sv}s");
		assert_true(sd_bus_message_enter_container(reply, 'a',
							   "a{sv}") > 0);
		while (sd_bus_message_at_end(reply, 0) == 0) {
			char got[1024], want[128], address[ADDR_STRLEN];
			struct addr a;

			read_dictionary(reply, got, sizeof(got));
			fake_address(&w->fake, next++, &a);
			snprintf(want, sizeof(want), "Address=%s\n",
				 addr_format(&a, address));
			assert_memory_equal(got, want, strlen(want));
			n++;
		}
		assert_true(n <= want_page);
		assert_true(sd_bus_message_exit_container(reply) >= 0);
		assert_true(sd_bus_message_read(reply, "s", &text) > 0);
		strcpy(cursor, text);
		sd_bus_message_unref(reply);
		pages++;
	} while (*cursor);
	assert_int_equal(next, w->fake.n_ipv4 + w->fake.n_ipv6);
	return pages;
}

static void test_list_peers(void **state)
{
	struct world *w = *state;

	assert_int_equal(list(w, 0, LIMIT_LIST_PEERS), 3020 / 256 + 1);
	assert_int_equal(list(w, UINT32_MAX, LIMIT_LIST_PEERS), 3020 / 256 + 1);
	assert_int_equal(list(w, LIMIT_LIST_PEERS + 1, LIMIT_LIST_PEERS),
			 3020 / 256 + 1);
	assert_int_equal(list(w, 100, 100), 31);
	/* The last page is full: the next one is empty. */
	w->fake.n_ipv4 = 20;
	w->fake.n_ipv6 = 0;
	assert_int_equal(list(w, 10, 10), 3);
	assert_int_equal(list(w, 1, 1), 21);
	w->fake.n_ipv4 = 0;
	assert_int_equal(list(w, 10, 10), 1);
}

static void test_constant_work(void **state)
{
	struct world *w = *state;
	sd_bus_message *m = method(w->bus, DBUS_INTERFACE, "ListPeers");

	w->fake.asked = 0;
	assert_true(sd_bus_message_append(m, "su", "10.0.4.0", 5) >= 0);
	sd_bus_message_unref(call(w, w->bus, m));
	assert_int_equal(w->fake.asked, 5);
}

static void test_keys(void **state)
{
	struct world *w = *state;
	sd_bus_message *reply;
	char text[1024];

	reply = call(w, w->bus, method(w->bus, DBUS_INTERFACE, "ListKeys"));
	assert_string_equal(sd_bus_message_get_signature(reply, 1), "aa{sv}");
	assert_true(sd_bus_message_enter_container(reply, 'a', "a{sv}") > 0);
	read_dictionary(reply, text, sizeof(text));
	assert_string_equal(
		text,
		"Name=ed25519\nType=Ed25519\n"
		"Fingerprint=SHA256:print\n"
		"PublicKey=MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\nStage=active\n"
		"Until=t0\n");
	assert_true(sd_bus_message_at_end(reply, 0) > 0);
	sd_bus_message_unref(reply);
}

static void test_policies(void **state)
{
	struct world *w = *state;
	sd_bus_message *reply;
	char text[1024];

	reply = call(w, w->bus, method(w->bus, DBUS_INTERFACE, "ListPolicies"));
	assert_string_equal(sd_bus_message_get_signature(reply, 1), "aa{sv}");
	assert_true(sd_bus_message_enter_container(reply, 'a', "a{sv}") > 0);
	read_dictionary(reply, text, sizeof(text));
	assert_string_equal(text, "Name=private\nLevel=offer\n"
				  "Authentication=allow\nWait=false\n"
				  "Networks=[10.0.0.0/8][fe80::/10]\nPorts=\n"
				  "File=\n");
	read_dictionary(reply, text, sizeof(text));
	assert_string_equal(text, "Name=vault\nLevel=require\n"
				  "Authentication=allow\nWait=true\n"
				  "Networks=[10.1.2.0/24]\nPorts=[443/tcp]\n"
				  "File=/etc/tacit/policy.d/vault.conf\n");
	assert_true(sd_bus_message_at_end(reply, 0) > 0);
	sd_bus_message_unref(reply);
}

static void test_properties(void **state)
{
	struct world *w = *state;
	sd_bus_message *m, *reply;
	const char *text;
	char got[1024];

	m = method(w->bus, "org.freedesktop.DBus.Properties", "GetAll");
	assert_true(sd_bus_message_append(m, "s", DBUS_INTERFACE) >= 0);
	reply = call(w, w->bus, m);
	read_dictionary(reply, got, sizeof(got));
	assert_string_equal(
		got, "Version=1.2.3\nInstance=\nWarning=\nProtecting=true\n"
		     "PrivilegesSeparate=true\nSecured=u755\nClear=u755\n"
		     "Blocked=u755\nNegotiating=u755\nHeldDown=u0\n"
		     "Acquires=t5000000000\nEstablished=t4000\nFailed=t12\n"
		     "RefusedRecords=t0\nPacketsHeld=u0\nPacketsNoRoom=t2\n"
		     "PacketsLate=t3\nEventsLost=t4\nAcquiresRefused=t5\n"
		     "HalfOpenEvicted=t6\nRepeatsIgnored=t7\nPeersEvicted=t8\n"
		     "PeersRefused=t9\nClearConnections=u4\nLeases=u2\n"
		     "LeasesRefused=t1\nUptimeMs=t93784000\n");
	sd_bus_message_unref(reply);
	m = method(w->bus, "org.freedesktop.DBus.Introspectable", "Introspect");
	reply = call(w, w->bus, m);
	assert_true(sd_bus_message_read(reply, "s", &text) > 0);
	assert_non_null(strstr(text, "<interface name=\"org.tacit.Agent1\">"));
	assert_non_null(strstr(text, "name=\"next_cursor\""));
	sd_bus_message_unref(reply);
}

static void test_signals(void **state)
{
	struct world *w = *state;
	sd_bus *other = new_client(w);
	struct addr a;

	run_for(w, 20); /* until both are greeted */
	for (int i = 0; i < 1000; i++) {
		fake_address(&w->fake, (uint32_t)i % 3, &a);
		dbus_server_peer_changed(w->server, &a);
	}
	run_for(w, 50);
	/* Three peers, to each of two clients. */
	assert_int_equal(w->peer_changed, 6);
	assert_int_equal(w->peers_changed, 0);
	/* Not sooner than 100 ms after that. */
	dbus_server_peer_changed(w->server, &a);
	run_for(w, 20);
	assert_int_equal(w->peer_changed, 6);
	run_for(w, 130);
	assert_int_equal(w->peer_changed, 8);
	for (uint32_t i = 0; i < 3000; i++) {
		fake_address(&w->fake, i, &a);
		dbus_server_peer_changed(w->server, &a);
	}
	run_for(w, 150);
	assert_int_equal(w->peer_changed, 8);
	assert_int_equal(w->peers_changed, 2);
	sd_bus_close_unref(other);
	run_for(w, 20);
	dbus_server_peer_changed(w->server, &a);
	run_for(w, 130);
	assert_int_equal(w->peer_changed, 9);
}

/* Calls that are never read: cut off, after a bounded number of replies. */
static void test_mute_caller(void **state)
{
	struct world *w = *state;
	sd_bus *mute = new_client(w);
	uint64_t cookie; /* without it, no reply is expected */
	struct pollfd p;

	run_for(w, 20);
	assert_true(sd_bus_is_ready(mute) > 0);
	p = (struct pollfd){ .fd = sd_bus_get_fd(mute), .events = 0 };
	assert_true(sd_bus_detach_event(mute) >= 0);
	w->fake.asked = 0;
	for (int i = 0; i < 20000 && poll(&p, 1, 0) == 0; i++) {
		sd_bus_message *m = method(mute, DBUS_INTERFACE, "GetPeer");

		assert_true(sd_bus_message_append(m, "s", "10.0.0.1") >= 0);
		(void)sd_bus_send(mute, m, &cookie);
		sd_bus_message_unref(m);
		while (sd_event_run(w->event, 0) > 0)
			;
	}
	assert_true(p.revents & POLLHUP);
	/* What fits in the socket, and LIMIT_BUS_QUEUE. */
	assert_true(w->fake.asked > LIMIT_BUS_QUEUE);
	assert_true(w->fake.asked < LIMIT_BUS_QUEUE + 2000);
	/* The others are served. */
	sd_bus_message_unref(call_text(w, "GetPeer", "10.0.0.1"));
	sd_bus_close_unref(mute);
}

/* Lists that are never read: few are made, then only errors. */
static void test_mute_lister(void **state)
{
	struct world *w = *state;
	sd_bus *mute = new_client(w);
	uint64_t cookie; /* without it, no reply is expected */
	unsigned pages;

	run_for(w, 20);
	assert_true(sd_bus_detach_event(mute) >= 0);
	w->fake.asked = 0;
	for (int i = 0; i < 200; i++) {
		sd_bus_message *m = method(mute, DBUS_INTERFACE, "ListPeers");

		assert_true(sd_bus_message_append(m, "su", "", 0) >= 0);
		assert_true(sd_bus_send(mute, m, &cookie) >= 0);
		sd_bus_message_unref(m);
		while (sd_event_run(w->event, 0) > 0)
			;
	}
	pages = w->fake.asked / LIMIT_LIST_PEERS;
	assert_true(pages >= LIMIT_BUS_QUEUE_LISTS);
	assert_true(pages <= LIMIT_BUS_QUEUE_LISTS + 3);
	sd_bus_close_unref(mute);
}

static int connect_raw(struct world *w)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	strcpy(sa.sun_path, w->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	return fd;
}

static bool hung_up(int fd)
{
	struct pollfd p = { .fd = fd };

	return poll(&p, 1, 0) > 0 && (p.revents & POLLHUP);
}

/* Cut off, or told that this is wrong, and never served. */
static void test_rubbish(void **state)
{
	static const char hello[] = "\0AUTH ANONYMOUS 62\r\nBEGIN\r\n";
	static const struct {
		bool greeted;
		const char *bytes;
		size_t len;
		const char *answer; /* NULL: it hangs up */
	} cases[] = {
#define CASE(greeted, text, answer) { greeted, text, sizeof(text) - 1, answer }
		CASE(false, "GET / HTTP/1.1\r\n\r\n", NULL),
		CASE(false, "\0AUTH NOTHING\r\n", "REJECTED"),
		CASE(false, "\0BEGIN\r\n", "ERROR"),
		CASE(true, "lllllllllllllllllllllllllllllllllllll", NULL),
		/* A header that promises 4 GB. */
		CASE(true, "l\1\0\1\xff\xff\xff\xff\1\0\0\0\xff\xff\xff\xff",
		     NULL),
		/* A byte order that there is not. */
		CASE(true, "x\1\0\1\0\0\0\0\1\0\0\0\0\0\0\0", NULL),
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *want = cases[i].answer;
		char answer[64] = "";
		int fd = connect_raw(w);

		if (cases[i].greeted) {
			assert_int_equal(write(fd, hello, sizeof(hello) - 1),
					 sizeof(hello) - 1);
			run_for(w, 20);
			assert_true(read(fd, answer, sizeof(answer) - 1) > 0);
			assert_memory_equal(answer, "OK ", 3);
		}
		assert_int_equal(write(fd, cases[i].bytes, cases[i].len),
				 (ssize_t)cases[i].len);
		run_for(w, 20);
		if (want) {
			assert_true(read(fd, answer, sizeof(answer) - 1) > 0);
			assert_memory_equal(answer, want, strlen(want));
		} else {
			assert_true(hung_up(fd));
		}
		close(fd);
		sd_bus_message_unref(call_text(w, "GetPeer", "10.0.0.1"));
	}
}

/* The greeting and two calls in one piece. */
static void test_early_calls(void **state)
{
	static const char hello[] = "\0AUTH ANONYMOUS 62\r\nBEGIN\r\n";
	static const char ping[] =
		"l\1\0\1\0\0\0\0\1\0\0\0E\0\0\0"
		"\1\1o\0\1\0\0\0/\0\0\0\0\0\0\0"
		"\2\1s\0\x19\0\0\0org.freedesktop.DBus.Peer\0\0\0\0\0\0\0"
		"\3\1s\0\4\0\0\0Ping\0\0\0";
	struct world *w = *state;
	char bytes[512], answer[512];
	size_t len = sizeof(hello) - 1;
	int fd = connect_raw(w);
	ssize_t n;

	memcpy(bytes, hello, len);
	for (int i = 0; i < 2; i++, len += sizeof(ping))
		memcpy(bytes + len, ping, sizeof(ping));
	assert_int_equal(write(fd, bytes, len), (ssize_t)len);
	run_for(w, 20);
	n = read(fd, answer, sizeof(answer));
	/* "OK", the server's id, and two method returns. */
	assert_true(n > 37 + 2 * 16);
	assert_memory_equal(answer, "OK ", 3);
	assert_memory_equal(answer + 37, "l\2", 2);
	assert_int_equal((n - 37) % 2, 0);
	assert_memory_equal(answer + 37 + (n - 37) / 2, "l\2", 2);
	close(fd);
}

/* One user has his places, and no more; when some go, there are some. */
static void test_crowd(void **state)
{
	struct world *w = *state;
	unsigned places = getuid() ? LIMIT_BUS_CLIENTS_USER : LIMIT_BUS_CLIENTS;
	int fds[100];
	unsigned served = 1; /* w->bus */

	run_for(w, 20);
	for (size_t i = 0; i < 100; i++) {
		fds[i] = connect_raw(w);
		/* The listening queue is shorter. */
		if (i % 32 == 31)
			run_for(w, 20);
	}
	run_for(w, 50);
	for (size_t i = 0; i < 100; i++)
		served += !hung_up(fds[i]);
	assert_int_equal(served, places);
	sd_bus_message_unref(call_text(w, "GetPeer", "10.0.0.1"));
	for (size_t i = 0; i < 100; i++)
		close(fds[i]);
	run_for(w, 20);
	fds[0] = connect_raw(w);
	run_for(w, 20);
	assert_false(hung_up(fds[0]));
	close(fds[0]);
}

static sd_bus_message *call_with(struct world *w, const char *name,
				 const char *types, ...)
{
	sd_bus_message *m = method(w->bus, DBUS_INTERFACE, name);
	va_list ap;

	va_start(ap, types);
	assert_true(sd_bus_message_appendv(m, types, ap) >= 0);
	va_end(ap);
	return call(w, w->bus, m);
}

static void test_connect(void **state)
{
	struct world *w = *state;
	sd_bus_message *reply;
	char text[1024];

	reply = call_with(w, "Connect", "su", "10.0.0.4", 1000);
	read_dictionary(reply, text, sizeof(text));
	assert_non_null(strstr(text, "State=secured\n"));
	sd_bus_message_unref(reply);
	expect_error(call_with(w, "Connect", "su", "10.0.0.1", 0),
		     DBUS_ERROR_NOT_ENCRYPTED);
	expect_error(call_with(w, "Connect", "su", "10.0.0.2", 50),
		     DBUS_ERROR_TIMED_OUT);
	expect_error(call_with(w, "Connect", "su", "192.0.2.1", 50),
		     DBUS_ERROR_POLICY_FORBIDS);
	expect_error(call_with(w, "Connect", "su", "example.", 50),
		     DBUS_ERROR_INVALID_ADDRESS);
	reply = call_with(w, "Disconnect", "s", "10.0.0.1");
	assert_false(sd_bus_message_is_method_error(reply, NULL));
	sd_bus_message_unref(reply);
	expect_error(call_with(w, "Disconnect", "s", "192.0.2.1"),
		     DBUS_ERROR_UNKNOWN_PEER);
}

static void test_debug(void **state)
{
	struct world *w = *state;
	sd_bus_message *reply;
	char buf[64];
	int fd;

	sd_bus_message_unref(
		call_with(w, "SetDebug", "ss", "warning", "10.0.0.1"));
	assert_int_equal(w->fake.level, LOG_WARNING);
	assert_int_equal(w->fake.level_peer.family, AF_INET);
	sd_bus_message_unref(call_with(w, "SetDebug", "ss", "debug", ""));
	assert_int_equal(w->fake.level, LOG_DEBUG);
	assert_int_equal(w->fake.level_peer.family, 0);
	expect_error(call_with(w, "SetDebug", "ss", "loud", ""),
		     DBUS_ERROR_INVALID_LEVEL);
	expect_error(call_with(w, "SetDebug", "ss", "debug", "x"),
		     DBUS_ERROR_INVALID_ADDRESS);
	reply = call_with(w, "StartCapture", "su", "", 7);
	assert_true(sd_bus_message_read(reply, "h", &fd) > 0);
	assert_int_equal(read(fd, buf, sizeof(buf)), 4);
	assert_int_equal(read(fd, buf, sizeof(buf)), 3);
	assert_int_equal(read(fd, buf, sizeof(buf)), 0);
	assert_int_equal(w->fake.capture_seconds, 7);
	sd_bus_message_unref(reply);
	expect_error(call_with(w, "StartCapture", "su", "::1", 7),
		     SD_BUS_ERROR_LIMITS_EXCEEDED);
}

/* Another user, in a process of its own: an error name, or "" for success. */
static void call_as_other(struct world *w, const char *name, const char *types,
			  const char *text, uint32_t number,
			  char ret[static 128])
{
	int out[2];
	pid_t pid;
	ssize_t n;

	assert_int_equal(pipe2(out, O_CLOEXEC | O_NONBLOCK), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		sd_bus_error error = SD_BUS_ERROR_NULL;
		char address[128];
		sd_bus *bus;

		snprintf(address, sizeof(address), "unix:path=%s", w->path);
		if (setresuid(65534, 65534, 65534) < 0 ||
		    sd_bus_new(&bus) < 0 ||
		    sd_bus_set_address(bus, address) < 0 ||
		    sd_bus_start(bus) < 0)
			_exit(1);
		(void)sd_bus_call_method(bus, NULL, DBUS_PATH, DBUS_INTERFACE,
					 name, &error, NULL, types, text,
					 number);
		dprintf(out[1], "%s.", error.name ? error.name : "");
		_exit(0);
	}
	while ((n = read(out[0], ret, 127)) < 0)
		run_for(w, 5);
	ret[n - 1] = '\0';
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(out[0]);
	close(out[1]);
}

/* One peer is everybody's, the list is not. */
static void test_other_user(void **state)
{
	struct world *w = *state;
	char error[128];

	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(w->dir, 0755), 0);
	call_as_other(w, "GetPeer", "s", "10.0.0.1", 0, error);
	assert_string_equal(error, "");
	call_as_other(w, "ListPeers", "su", "", 0, error);
	assert_string_equal(error, SD_BUS_ERROR_ACCESS_DENIED);
}

static void test_second_agent(void **state)
{
	struct world *w = *state;
	struct dbus_source source = fake_source(&w->fake);
	struct dbus_server *second;

	assert_int_equal(dbus_server_new(w->event, w->path, &source, &second),
			 -EADDRINUSE);
	sd_bus_message_unref(call_text(w, "GetPeer", "10.0.0.1"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_get_peer),	TEST(test_errors),
		TEST(test_list_peers),	TEST(test_constant_work),
		TEST(test_keys),	TEST(test_policies),
		TEST(test_properties),	TEST(test_signals),
		TEST(test_mute_caller), TEST(test_mute_lister),
		TEST(test_rubbish),	TEST(test_early_calls),
		TEST(test_crowd),	TEST(test_second_agent),
		TEST(test_other_user),	TEST(test_connect),
		TEST(test_debug),
	};

	/* There is no system bus here: test-dbus-system has one. */
	setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus", 1);
	log_open("test-dbus-server", LOG_WARNING);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
