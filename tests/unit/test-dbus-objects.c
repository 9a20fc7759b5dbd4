/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Objects and properties: the policies below the manager, what a reload does
 * to them, PropertiesChanged, and a list of 100,000 peers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "dbus-fake.h"
#include "dbus/names.h"
#include "dbus/server.h"
#include "util/limits.h"
#include "util/log.h"

#define OBJECT_MANAGER "org.freedesktop.DBus.ObjectManager"
#define PROPERTIES     "org.freedesktop.DBus.Properties"
#define VAULT	       DBUS_POLICY_PATH "/vault"

struct world {
	sd_event *event;
	struct fake fake;
	struct dbus_server *server;
	char dir[64], path[96];
	sd_bus *bus;
	unsigned added, removed, changed;
	char changed_path[128], changed_names[256];
};

static void note_changed(struct world *w, sd_bus_message *m)
{
	const char *interface, *name;

	w->changed++;
	strncpy(w->changed_path, sd_bus_message_get_path(m),
		sizeof(w->changed_path) - 1);
	assert_true(sd_bus_message_read(m, "s", &interface) > 0);
	w->changed_names[0] = '\0';
	assert_true(sd_bus_message_enter_container(m, 'a', "{sv}") >= 0);
	while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
		assert_true(sd_bus_message_read(m, "s", &name) > 0);
		strcat(strcat(w->changed_names, name), " ");
		assert_true(sd_bus_message_skip(m, "v") > 0);
		assert_true(sd_bus_message_exit_container(m) >= 0);
	}
}

static int on_signal(sd_bus_message *m, void *user, sd_bus_error *error)
{
	struct world *w = user;

	(void)error;
	if (sd_bus_message_is_signal(m, OBJECT_MANAGER, "InterfacesAdded") > 0)
		w->added++;
	if (sd_bus_message_is_signal(m, OBJECT_MANAGER, "InterfacesRemoved") >
	    0)
		w->removed++;
	if (sd_bus_message_is_signal(m, PROPERTIES, "PropertiesChanged") > 0)
		note_changed(w, m);
	return 0;
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
	char address[128];

	assert_non_null(w);
	strcpy(w->dir, "/tmp/tacit-objects-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->path, sizeof(w->path), "%s/agent.sock", w->dir);
	snprintf(address, sizeof(address), "unix:path=%s", w->path);
	assert_int_equal(sd_event_new(&w->event), 0);
	fake_init(&w->fake);
	source = fake_source(&w->fake);
	assert_int_equal(
		dbus_server_new(w->event, w->path, &source, &w->server), 0);
	w->fake.pending = dbus_server_pending(w->server);
	assert_true(sd_bus_new(&w->bus) >= 0);
	assert_true(sd_bus_set_address(w->bus, address) >= 0);
	assert_true(sd_bus_add_filter(w->bus, NULL, on_signal, w) >= 0);
	assert_true(sd_bus_attach_event(w->bus, w->event, 0) >= 0);
	assert_true(sd_bus_start(w->bus) >= 0);
	run_for(w, 20);
	*state = w;
	return 0;
}

static int end(void **state)
{
	struct world *w = *state;

	sd_bus_close_unref(w->bus);
	dbus_server_free(w->server);
	sd_event_unref(w->event);
	(void)remove(w->dir);
	free(w);
	return 0;
}

static int on_reply(sd_bus_message *m, void *user, sd_bus_error *error)
{
	(void)error;
	*(sd_bus_message **)user = sd_bus_message_ref(m);
	return 1;
}

static sd_bus_message *call(struct world *w, const char *path,
			    const char *interface, const char *name,
			    const char *types, ...)
{
	sd_bus_message *reply = NULL, *m;
	sd_bus_slot *slot = NULL;
	va_list ap;

	assert_true(sd_bus_message_new_method_call(w->bus, &m, NULL, path,
						   interface, name) >= 0);
	va_start(ap, types);
	assert_true(sd_bus_message_appendv(m, types, ap) >= 0);
	va_end(ap);
	assert_true(sd_bus_call_async(w->bus, &slot, m, on_reply, &reply, 0) >=
		    0);
	sd_bus_message_unref(m);
	while (!reply)
		assert_true(sd_event_run(w->event, UINT64_MAX) >= 0);
	sd_bus_slot_unref(slot);
	return reply;
}

/* Its type must be that; a text, or a number as text. */
static void property(struct world *w, const char *path, const char *name,
		     const char *type, char value[static 64])
{
	sd_bus_message *m = call(w, path, PROPERTIES, "Get", "ss",
				 DBUS_POLICY_INTERFACE, name);
	const char *text, *found;
	uint64_t number = 0;

	assert_false(sd_bus_message_is_method_error(m, NULL));
	assert_true(sd_bus_message_peek_type(m, NULL, &found) > 0);
	assert_string_equal(found, type);
	assert_true(sd_bus_message_enter_container(m, 'v', type) > 0);
	if (*type == 's') {
		assert_true(sd_bus_message_read(m, "s", &text) > 0);
		snprintf(value, 64, "%s", text);
	} else if (!strcmp(type, "as")) {
		assert_true(sd_bus_message_enter_container(m, 'a', "s") > 0);
		assert_true(sd_bus_message_read(m, "s", &text) > 0);
		snprintf(value, 64, "%s", text);
	} else {
		assert_true(sd_bus_message_read_basic(m, *type, &number) > 0);
		snprintf(value, 64, "%llu", (unsigned long long)number);
	}
	sd_bus_message_unref(m);
}

static void test_properties(void **state)
{
	static const struct {
		const char *name, *type, *value;
	} rows[] = {
		{ "Name", "s", "vault" },
		{ "Level", "s", "require" },
		{ "Authentication", "s", "allow" },
		{ "Discover", "s", "always" },
		{ "Wait", "b", "1" },
		{ "Networks", "as", "10.1.2.0/24" },
		{ "File", "s", "/etc/tacit/policy.d/vault.conf" },
		{ "Line", "u", "1" },
		{ "Secured", "u", "7" },
		{ "Clear", "u", "0" },
		{ "Blocked", "u", "0" },
		{ "Established", "t", "0" },
		{ "Failed", "t", "5000000000" },
	};
	struct world *w = *state;
	sd_bus_message *m;
	char value[64];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		property(w, VAULT, rows[i].name, rows[i].type, value);
		assert_string_equal(value, rows[i].value);
	}
	/* Not there: never, and encoded wrongly. */
	m = call(w, DBUS_POLICY_PATH "/office", PROPERTIES, "GetAll", "s",
		 DBUS_POLICY_INTERFACE);
	assert_true(sd_bus_message_is_method_error(
			    m, SD_BUS_ERROR_UNKNOWN_OBJECT) > 0);
	sd_bus_message_unref(m);
	m = call(w, DBUS_POLICY_PATH "/_zz", PROPERTIES, "GetAll", "s",
		 DBUS_POLICY_INTERFACE);
	assert_true(sd_bus_message_is_method_error(m, NULL) > 0);
	sd_bus_message_unref(m);
}

static void test_objects(void **state)
{
	struct world *w = *state;
	sd_bus_message *m =
		call(w, DBUS_PATH, OBJECT_MANAGER, "GetManagedObjects", "");
	const char *path, *text;
	unsigned n = 0;

	assert_true(sd_bus_message_enter_container(m, 'a', "{oa{sa{sv}}}") > 0);
	while (sd_bus_message_enter_container(m, 'e', "oa{sa{sv}}") > 0) {
		assert_true(sd_bus_message_read(m, "o", &path) > 0);
		n += !strncmp(path, DBUS_POLICY_PATH "/", 25);
		assert_true(sd_bus_message_skip(m, "a{sa{sv}}") > 0);
		assert_true(sd_bus_message_exit_container(m) >= 0);
	}
	assert_int_equal(n, 2);
	sd_bus_message_unref(m);
	m = call(w, DBUS_POLICY_PATH, "org.freedesktop.DBus.Introspectable",
		 "Introspect", "");
	assert_true(sd_bus_message_read(m, "s", &text) > 0);
	assert_non_null(strstr(text, "<node name=\"vault\"/>"));
	sd_bus_message_unref(m);
}

static void test_reload(void **state)
{
	struct world *w = *state;
	sd_bus_message *m;

	w->fake.n_policies = 1;
	dbus_server_policies_changed(w->server);
	run_for(w, 20);
	assert_int_equal(w->removed, 1);
	assert_int_equal(w->added, 0);
	assert_int_equal(w->changed, 1);
	assert_string_equal(w->changed_path, DBUS_POLICY_PATH "/private");
	assert_string_equal(
		w->changed_names,
		"Level Authentication Discover Wait WaitTimeMs LookupTimeMs "
		"RetryTimeMs IdleTimeMs ChildLifetimeMs Lookup "
		"Mode ClientAddressTranslation AddressPool Gateway Identities Ports Networks File Line ");
	w->fake.n_policies = 2;
	dbus_server_policies_changed(w->server);
	run_for(w, 20);
	assert_int_equal(w->removed, 1);
	assert_int_equal(w->added, 1);
	m = call(w, DBUS_PATH, DBUS_INTERFACE, "Reload", "");
	assert_false(sd_bus_message_is_method_error(m, NULL));
	sd_bus_message_unref(m);
	w->fake.n_policies = 6;
	m = call(w, DBUS_PATH, DBUS_INTERFACE, "Reload", "");
	assert_true(sd_bus_message_is_method_error(
			    m, DBUS_ERROR_BAD_CONFIGURATION) > 0);
	assert_string_equal(sd_bus_message_get_error(m)->message,
			    "/etc/tacit/policy.d/x.conf:3: wrong");
	sd_bus_message_unref(m);
}

/* What is told, what is not, and nothing when nothing has changed. */
static void test_changed(void **state)
{
	struct world *w = *state;

	dbus_server_host_changed(w->server);
	run_for(w, 150);
	assert_int_equal(w->changed, 0);
	w->fake.host.warning = "tacit-netd does not answer";
	w->fake.host.secured++;
	w->fake.host.failed++;
	w->fake.host.uptime_ms += 1000;
	dbus_server_host_changed(w->server);
	run_for(w, 150);
	assert_int_equal(w->changed, 1);
	assert_string_equal(w->changed_path, DBUS_PATH);
	assert_string_equal(w->changed_names, "Warning Secured ");
	w->fake.host.protecting = false;
	for (int i = 0; i < 100; i++)
		dbus_server_host_changed(w->server);
	run_for(w, 150);
	assert_int_equal(w->changed, 2);
	assert_string_equal(w->changed_names, "Protecting ");
}

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* 100,000 peers, page by page: each page costs the same, and in between the
 * loop does what else there is. */
static void test_many_peers(void **state)
{
	struct world *w = *state;
	char cursor[ADDR_STRLEN] = "";
	uint64_t longest = 0;
	unsigned n = 0, pages = 0;

	w->fake.n_ipv4 = 80000;
	w->fake.n_ipv6 = 20000;
	do {
		uint64_t start = now_us(), took;
		sd_bus_message *m = call(w, DBUS_PATH, DBUS_INTERFACE,
					 "ListPeers", "su", cursor, 0);
		const char *next;

		took = now_us() - start;
		longest = took > longest ? took : longest;
		assert_true(sd_bus_message_enter_container(m, 'a', "a{sv}") >
			    0);
		while (sd_bus_message_at_end(m, 0) == 0) {
			assert_true(sd_bus_message_skip(m, "a{sv}") > 0);
			n++;
		}
		assert_true(sd_bus_message_exit_container(m) >= 0);
		assert_true(sd_bus_message_read(m, "s", &next) > 0);
		strcpy(cursor, next);
		sd_bus_message_unref(m);
		pages++;
	} while (*cursor);
	assert_int_equal(n, 100000);
	assert_int_equal(pages, 100000 / LIMIT_LIST_PEERS + 1);
	/* Of sanitizers and a busy machine; it is some 10 ms without. */
	assert_true(longest < 1000000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_properties), TEST(test_objects),    TEST(test_reload),
		TEST(test_changed),    TEST(test_many_peers),
	};

	setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus", 1);
	log_open("test-dbus-objects", LOG_WARNING);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
