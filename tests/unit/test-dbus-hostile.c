/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every method that introspection names, called with other types than its own,
 * with hostile values, and by another user than root: a new one is in here
 * without a word.
 */
#define _GNU_SOURCE /* setresuid() */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "dbus-fake.h"
#include "dbus/names.h"
#include "dbus/server.h"
#include "util/log.h"

#define METHODS_MAX 64
#define LONG	    100000

/* What everybody may call; all else is root's. */
static const char *const open_to_all[] = {
	"GetPeer",     "ListPolicies", "ListKeys",
	"Explain",     "GetDNS",       "FindPolicy",
	"ExplainPort", "GetSocket",    "RequireEncryption",
	"NameSocket",  "WatchSocket",  "UnwatchSocket",
};

struct method {
	char name[64], in[32];
};

struct world {
	sd_event *event;
	struct fake fake;
	struct dbus_server *server;
	char dir[64], path[96], address[128];
	sd_bus *bus;
	struct method methods[METHODS_MAX];
	size_t n;
	char *text; /* a long one */
};

static int on_reply(sd_bus_message *m, void *user, sd_bus_error *error)
{
	(void)error;
	*(sd_bus_message **)user = sd_bus_message_ref(m);
	return 1;
}

/* Takes the message; the reply or error, which comes in any case. */
static sd_bus_message *call(struct world *w, sd_bus_message *m)
{
	sd_bus_message *reply = NULL;
	sd_bus_slot *slot = NULL;

	assert_true(sd_bus_call_async(w->bus, &slot, m, on_reply, &reply,
				      10000000) >= 0);
	sd_bus_message_unref(m);
	while (!reply)
		assert_true(sd_event_run(w->event, UINT64_MAX) >= 0);
	sd_bus_slot_unref(slot);
	return reply;
}

static sd_bus_message *new_call(struct world *w, const char *interface,
				const char *name)
{
	sd_bus_message *m;

	assert_true(sd_bus_message_new_method_call(w->bus, &m, NULL, DBUS_PATH,
						   interface, name) >= 0);
	return m;
}

/* The value of an attribute in this tag, or "". */
static void attribute(const char *tag, const char *name, char *ret, size_t size)
{
	const char *end = strchr(tag, '>'), *at = strstr(tag, name);

	*ret = '\0';
	if (!at || at > end)
		return;
	at += strlen(name) + 2;
	snprintf(ret, size, "%.*s", (int)strcspn(at, "\""), at);
}

static void read_methods(struct world *w, const char *xml)
{
	const char *at = strstr(xml, "<interface name=\"" DBUS_INTERFACE "\">");
	const char *end = strstr(at, "</interface>");

	while ((at = strstr(at, "<method ")) && at < end) {
		const char *over = strstr(at, "</method>");
		struct method *m = &w->methods[w->n++];

		assert_true(w->n < METHODS_MAX);
		attribute(at, "name", m->name, sizeof(m->name));
		/* One without arguments ends in its own tag. */
		if (strchr(at, '>')[-1] == '/')
			over = strchr(at, '>');
		while ((at = strpbrk(at + 1, "<")) && at < over) {
			char type[16], direction[8];

			attribute(at, "type", type, sizeof(type));
			attribute(at, "direction", direction,
				  sizeof(direction));
			if (!strcmp(direction, "in"))
				strcat(m->in, type);
		}
		at = over;
	}
}

static int begin(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct dbus_source source;
	sd_bus_message *reply;
	const char *xml;

	assert_non_null(w);
	strcpy(w->dir, "/tmp/tacit-hostile-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	assert_int_equal(chmod(w->dir, 0755), 0);
	snprintf(w->path, sizeof(w->path), "%s/agent.sock", w->dir);
	snprintf(w->address, sizeof(w->address), "unix:path=%s", w->path);
	w->text = malloc(LONG + 1);
	memset(w->text, 'a', LONG);
	w->text[LONG] = '\0';
	assert_int_equal(sd_event_new(&w->event), 0);
	fake_init(&w->fake);
	source = fake_source(&w->fake);
	assert_int_equal(
		dbus_server_new(w->event, w->path, &source, &w->server), 0);
	w->fake.pending = dbus_server_pending(w->server);
	assert_true(sd_bus_new(&w->bus) >= 0);
	assert_true(sd_bus_set_address(w->bus, w->address) >= 0);
	assert_true(sd_bus_negotiate_fds(w->bus, 1) >= 0);
	assert_true(sd_bus_attach_event(w->bus, w->event, 0) >= 0);
	assert_true(sd_bus_start(w->bus) >= 0);
	reply = call(w, new_call(w, "org.freedesktop.DBus.Introspectable",
				 "Introspect"));
	assert_true(sd_bus_message_read(reply, "s", &xml) > 0);
	read_methods(w, xml);
	sd_bus_message_unref(reply);
	assert_true(w->n >= 15);
	*state = w;
	return 0;
}

static int end(void **state)
{
	struct world *w = *state;

	sd_bus_close_unref(w->bus);
	dbus_server_free(w->server);
	sd_event_unref(w->event);
	assert_int_equal(rmdir(w->dir), 0);
	free(w->text);
	free(w);
	return 0;
}

/* One value for each type of the signature, the number-th of what is odd. */
static int append_odd(struct world *w, sd_bus_message *m, const char *types,
		      unsigned number)
{
	static const char *const odd[] = {
		"",
		"%s%n%x",
		"::ffff:10.0.0.1",
		"10.0.0.1%eth0",
		"../../etc",
		"fe80::1%999",
		"\x01\x1b[2J",
		"0.0.0.0",
		"255.255.255.255",
		"ff02::1",
		"\xc3\xa9",
		"-1",
	};
	static const uint64_t numbers[] = { 0, 1, UINT32_MAX, UINT64_MAX };
	const size_t n = sizeof(odd) / sizeof(odd[0]);
	uint64_t value = numbers[number % 4];
	int r = 0, fd = STDIN_FILENO;

	for (; *types && r >= 0; types++) {
		if (*types == 's')
			r = sd_bus_message_append_basic(
				m, 's',
				number % (n + 1) == n ? w->text
						      : odd[number % (n + 1)]);
		else if (*types == 'u' || *types == 't')
			r = sd_bus_message_append_basic(m, *types, &value);
		else if (*types == 'h')
			r = sd_bus_message_append_basic(m, 'h', &fd);
		else if (!strncmp(types, "a{sv}", 5))
			r = sd_bus_message_append(m, "a{sv}", 2, "identity",
						  "t", UINT64_MAX, w->text, "s",
						  w->text);
		else
			fail_msg("what is %s?", types);
		if (*types == 'a')
			types += 4;
	}
	return r;
}

static void test_types(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < w->n; i++) {
		const struct method *x = &w->methods[i];
		static const char *const types[] = { "",   "s",	    "u",
						     "t",  "h",	    "su",
						     "ss", "a{sv}", "sssssss" };

		for (size_t j = 0; j < sizeof(types) / sizeof(types[0]); j++) {
			sd_bus_message *m =
				new_call(w, DBUS_INTERFACE, x->name);

			if (!strcmp(types[j], x->in)) {
				sd_bus_message_unref(m);
				continue;
			}
			assert_true(append_odd(w, m, types[j], 1) >= 0);
			m = call(w, m);
			assert_true(sd_bus_message_is_method_error(
					    m, SD_BUS_ERROR_INVALID_ARGS) > 0);
			sd_bus_message_unref(m);
		}
	}
}

/* Whatever is said, there is an answer, and the next call has one too. */
static void test_values(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < w->n; i++) {
		for (unsigned j = 0; j < 52; j++) {
			sd_bus_message *m =
				new_call(w, DBUS_INTERFACE, w->methods[i].name);
			const sd_bus_error *e;

			assert_true(append_odd(w, m, w->methods[i].in, j) >= 0);
			m = call(w, m);
			e = sd_bus_message_get_error(m);
			/* Said in words, and never "out of memory". */
			if (e) {
				assert_non_null(e->message);
				assert_string_not_equal(e->name,
							SD_BUS_ERROR_NO_MEMORY);
			}
			sd_bus_message_unref(m);
		}
	}
}

static bool is_open(const char *name)
{
	for (size_t i = 0; i < sizeof(open_to_all) / sizeof(open_to_all[0]);
	     i++) {
		if (!strcmp(open_to_all[i], name))
			return true;
	}
	return false;
}

/* In a process of another user: its exit code is what has gone wrong. */
static int call_all_as_other(struct world *w)
{
	sd_bus *bus;

	if (setresuid(65534, 65534, 65534) < 0 || sd_bus_new(&bus) < 0 ||
	    sd_bus_set_address(bus, w->address) < 0 ||
	    sd_bus_negotiate_fds(bus, 1) < 0 || sd_bus_start(bus) < 0)
		return 100;
	for (size_t i = 0; i < w->n; i++) {
		sd_bus_error error = SD_BUS_ERROR_NULL;
		sd_bus_message *m = NULL;
		bool denied;

		if (sd_bus_message_new_method_call(bus, &m, NULL, DBUS_PATH,
						   DBUS_INTERFACE,
						   w->methods[i].name) < 0 ||
		    append_odd(w, m, w->methods[i].in, 2) < 0)
			return 101;
		(void)sd_bus_call(bus, m, 5000000, &error, NULL);
		denied = sd_bus_error_has_name(&error,
					       SD_BUS_ERROR_ACCESS_DENIED);
		if (denied == is_open(w->methods[i].name)) {
			fprintf(stderr, "%s is %s\n", w->methods[i].name,
				denied ? "denied" : "open to all");
			return 1;
		}
		sd_bus_error_free(&error);
		sd_bus_message_unref(m);
	}
	return 0;
}

static void test_other_user(void **state)
{
	struct world *w = *state;
	int status = -1;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(call_all_as_other(w));
	while (waitpid(pid, &status, WNOHANG) == 0)
		assert_true(sd_event_run(w->event, 5000) >= 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	/* Nothing of it was done. */
	assert_int_equal(w->fake.level, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_types),
		TEST(test_values),
		TEST(test_other_user),
	};

	setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus", 1);
	log_open("test-dbus-hostile", LOG_ERR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
