/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * agent/resolved.c with a stand-in for systemd-resolved on a bus of the test's
 * own: what it says is read, and read again when it changes. Skipped where
 * there is no dbus-daemon.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <systemd/sd-bus.h>

#include "agent/resolved.h"

#define MANAGER "/org/freedesktop/resolve1"
#define TURNS	500

static struct {
	sd_event *event;
	sd_bus *bus; /* the stand-in's */
	struct resolved *resolved;
	unsigned changed, domains;
	pid_t daemon;
	char dir[32];
} world;

/* --- the stand-in ----------------------------------------------------------- */

static int get_servers(sd_bus *bus, const char *path, const char *interface,
		       const char *property, sd_bus_message *m, void *user,
		       sd_bus_error *error)
{
	static const uint8_t v4[] = { 192, 0, 2, 1 }, vpn[] = { 10, 8, 0, 1 };
	static const uint8_t strange[] = { 1, 2, 3 };
	static const struct {
		int link;
		const uint8_t *address;
		size_t len;
		uint16_t port;
		const char *name;
	} rows[] = { { 2, v4, 4, 0, "" },
		     { 5, vpn, 4, 5353, "vpn.example" },
		     { 5, strange, 3, 0, "" } };
	int r = sd_bus_message_open_container(m, 'a', "(iiayqs)");

	(void)bus, (void)path, (void)interface, (void)property, (void)user,
		(void)error;
	for (size_t i = 0; i < 3 && r >= 0; i++) {
		r = sd_bus_message_open_container(m, 'r', "iiayqs");
		if (r >= 0)
			r = sd_bus_message_append(m, "ii", rows[i].link,
						  AF_INET);
		if (r >= 0)
			r = sd_bus_message_append_array(m, 'y', rows[i].address,
							rows[i].len);
		if (r >= 0)
			r = sd_bus_message_append(m, "qs", rows[i].port,
						  rows[i].name);
		if (r >= 0)
			r = sd_bus_message_close_container(m);
	}
	return r < 0 ? r : sd_bus_message_close_container(m);
}

static int get_domains(sd_bus *bus, const char *path, const char *interface,
		       const char *property, sd_bus_message *m, void *user,
		       sd_bus_error *error)
{
	(void)bus, (void)path, (void)interface, (void)property, (void)user,
		(void)error;
	return world.domains
		       ? sd_bus_message_append(m, "a(isb)", 2, 5,
					       "corp.example", 1, 2, ".", 1)
		       : sd_bus_message_append(m, "a(isb)", 0);
}

static int get_default(sd_bus *bus, const char *path, const char *interface,
		       const char *property, sd_bus_message *m, void *user,
		       sd_bus_error *error)
{
	(void)bus, (void)interface, (void)property, (void)user, (void)error;
	return sd_bus_message_append(m, "b",
				     !strcmp(path, MANAGER "/link/_32"));
}

static const sd_bus_vtable manager[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("DNSEx", "a(iiayqs)", get_servers, 0, 0),
	SD_BUS_PROPERTY("Domains", "a(isb)", get_domains, 0,
			SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_VTABLE_END
};

static const sd_bus_vtable link_table[] = { SD_BUS_VTABLE_START(0),
					    SD_BUS_PROPERTY("DefaultRoute", "b",
							    get_default, 0, 0),
					    SD_BUS_VTABLE_END };

static void serve(void)
{
	static const char *const links[] = { MANAGER "/link/_32",
					     MANAGER "/link/_35" };

	assert_true(sd_bus_open_system(&world.bus) >= 0);
	assert_true(sd_bus_attach_event(world.bus, world.event, 0) >= 0);
	assert_true(sd_bus_add_object_vtable(world.bus, NULL, MANAGER,
					     "org.freedesktop.resolve1.Manager",
					     manager, NULL) >= 0);
	for (size_t i = 0; i < 2; i++)
		assert_true(sd_bus_add_object_vtable(
				    world.bus, NULL, links[i],
				    "org.freedesktop.resolve1.Link", link_table,
				    NULL) >= 0);
	assert_true(sd_bus_request_name(world.bus, "org.freedesktop.resolve1",
					0) >= 0);
}

/* --- the bus ------------------------------------------------------------------ */

static bool start_daemon(void)
{
	extern char **environ;
	char config[64], address[64], option[96];
	char *argv[] = { (char *)"dbus-daemon", (char *)"--nofork",
			 (char *)"--nopidfile", option, NULL };
	FILE *f;

	strcpy(world.dir, "/tmp/tacit-bus.XXXXXX");
	assert_non_null(mkdtemp(world.dir));
	snprintf(config, sizeof(config), "%s/conf", world.dir);
	snprintf(address, sizeof(address), "unix:path=%s/bus", world.dir);
	snprintf(option, sizeof(option), "--config-file=%s", config);
	f = fopen(config, "we");
	assert_non_null(f);
	fprintf(f,
		"<busconfig><type>system</type><listen>%s</listen>"
		"<auth>EXTERNAL</auth><policy context=\"default\">"
		"<allow user=\"*\"/><allow own=\"*\"/><allow send_type=\"*\"/>"
		"<allow receive_type=\"*\"/></policy></busconfig>\n",
		address);
	fclose(f);
	setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1);
	if (posix_spawnp(&world.daemon, argv[0], NULL, NULL, argv, environ))
		return false;
	for (int i = 0; i < 500 && access(strchr(address, '/'), F_OK) < 0; i++)
		usleep(10000);
	return access(strchr(address, '/'), F_OK) == 0;
}

static void on_changed(void *user)
{
	assert_ptr_equal(user, &world);
	world.changed++;
}

static void wait_changed(unsigned n)
{
	for (int i = 0; i < TURNS && world.changed < n; i++)
		assert_true(sd_event_run(world.event, 10000) >= 0);
	assert_int_equal(world.changed, n);
}

static void test_state(void **state)
{
	const struct resolved_state *s;

	(void)state;
	if (!start_daemon())
		skip();
	assert_true(sd_event_new(&world.event) >= 0);
	assert_int_equal(
		resolved_new(world.event, on_changed, &world, &world.resolved),
		0);
	/* Nobody has that name yet. */
	resolved_refresh(world.resolved);
	for (int i = 0; i < 20; i++)
		assert_true(sd_event_run(world.event, 1000) >= 0);
	assert_int_equal(world.changed, 0);
	assert_null(resolved_get(world.resolved));
	serve();
	resolved_refresh(world.resolved);
	wait_changed(1);
	s = resolved_get(world.resolved);
	assert_int_equal(s->n_servers, 2);
	assert_int_equal(s->servers[1].link, 5);
	assert_int_equal(s->servers[1].at.port, 5353);
	assert_string_equal(s->servers[1].name, "vpn.example");
	assert_int_equal(s->n_domains, 0);
	assert_int_equal(s->n_defaults, 1);
	assert_int_equal(s->defaults[0], 2);
	/* It says that something is new. */
	world.domains = 1;
	assert_true(sd_bus_emit_properties_changed(
			    world.bus, MANAGER,
			    "org.freedesktop.resolve1.Manager", "Domains",
			    NULL) >= 0);
	wait_changed(2);
	s = resolved_get(world.resolved);
	assert_int_equal(s->n_domains, 2);
	assert_string_equal(s->domains[0].name, "corp.example");
	assert_string_equal(s->domains[1].name, ".");
	/* It goes in the middle of a question. */
	resolved_refresh(world.resolved);
	resolved_refresh(world.resolved);
	world.resolved = resolved_free(world.resolved);
}

static int teardown(void **state)
{
	char command[64];

	(void)state;
	resolved_free(world.resolved);
	sd_bus_close_unref(world.bus);
	sd_event_unref(world.event);
	if (world.daemon > 0) {
		kill(world.daemon, SIGTERM);
		waitpid(world.daemon, NULL, 0);
	}
	snprintf(command, sizeof(command), "rm -rf %s", world.dir);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_state, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
