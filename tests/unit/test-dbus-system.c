/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The system bus, as a dbus-daemon of the test's own: the agent finds it when
 * it comes, has its name, serves and signals there, and finds it again after
 * it went. Skipped where there is no dbus-daemon.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
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
#include "util/exitcode.h"
#include "util/log.h"

/* For what will come, however busy the machine is. */
#define LONG_MS 10000u

struct world {
	sd_event *event;
	struct fake fake;
	struct dbus_source source;
	struct dbus_server *server;
	char dir[64], socket[96], bus_path[96], config[96], address[128];
	pid_t daemon;
	sd_bus *bus;
	const char *name; /* of the agent that is called */
	unsigned peer_changed;
};

/* %s: the address, and whether the name may be owned. */
static const char config_text[] =
	"<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus "
	"Configuration 1.0//EN\"\n"
	" \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n"
	"<busconfig>\n"
	"  <type>system</type>\n"
	"  <listen>%s</listen>\n"
	"  <auth>EXTERNAL</auth>\n"
	"  <policy context=\"default\">\n"
	"    <allow user=\"*\"/>\n"
	"    <allow send_type=\"*\"/>\n"
	"    <allow receive_type=\"*\"/>\n"
	"    <%s own_prefix=\"org.tacit.Agent1\"/>\n"
	"  </policy>\n"
	"</busconfig>\n";

static void write_config(const struct world *w, bool may_own)
{
	FILE *f = fopen(w->config, "we");

	assert_non_null(f);
	fprintf(f, config_text, w->address, may_own ? "allow" : "deny");
	assert_int_equal(fclose(f), 0);
}

/* The name of its socket is there before it listens. */
static bool daemon_listens(const struct world *w)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool listens;

	assert_true(fd >= 0);
	strcpy(sa.sun_path, w->bus_path);
	listens = connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0;
	close(fd);
	return listens;
}

/* False: there is no dbus-daemon. */
static bool start_daemon(struct world *w)
{
	extern char **environ;
	char option[128];
	char *argv[] = { (char *)"dbus-daemon", (char *)"--nofork",
			 (char *)"--nopidfile", option, NULL };
	posix_spawn_file_actions_t quiet;
	int r;

	snprintf(option, sizeof(option), "--config-file=%s", w->config);
	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", O_WRONLY, 0);
	r = posix_spawnp(&w->daemon, argv[0], &quiet, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&quiet);
	if (r)
		return false;
	for (unsigned i = 0; i < LONG_MS / 10 && !daemon_listens(w); i++)
		usleep(10000);
	return daemon_listens(w);
}

static void stop_daemon(struct world *w)
{
	if (w->daemon <= 0)
		return;
	kill(w->daemon, SIGTERM);
	waitpid(w->daemon, NULL, 0);
	w->daemon = 0;
	(void)unlink(w->bus_path);
}

static int on_signal(sd_bus_message *m, void *user, sd_bus_error *error)
{
	struct world *w = user;

	(void)m;
	(void)error;
	w->peer_changed++;
	return 0;
}

static void connect_client(struct world *w)
{
	assert_true(sd_bus_new(&w->bus) >= 0);
	assert_true(sd_bus_set_address(w->bus, w->address) >= 0);
	assert_true(sd_bus_set_bus_client(w->bus, 1) >= 0);
	assert_true(sd_bus_start(w->bus) >= 0);
	assert_true(sd_bus_attach_event(w->bus, w->event, 0) >= 0);
	assert_true(sd_bus_match_signal(w->bus, NULL, NULL, DBUS_PATH,
					DBUS_INTERFACE, "PeerChanged",
					on_signal, w) >= 0);
}

static int on_reply(sd_bus_message *m, void *user, sd_bus_error *error)
{
	(void)error;
	*(sd_bus_message **)user = sd_bus_message_ref(m);
	return 1;
}

/* The reply to a call to the agent on the system bus. */
static sd_bus_message *call(struct world *w, const char *name,
			    const char *types, ...)
{
	sd_bus_message *reply = NULL, *m;
	sd_bus_slot *slot = NULL;
	va_list ap;

	assert_true(sd_bus_message_new_method_call(w->bus, &m, w->name,
						   DBUS_PATH, DBUS_INTERFACE,
						   name) >= 0);
	va_start(ap, types);
	assert_true(sd_bus_message_appendv(m, types, ap) >= 0);
	va_end(ap);
	assert_true(sd_bus_call_async(w->bus, &slot, m, on_reply, &reply, 0) >=
		    0);
	while (!reply)
		assert_true(sd_event_run(w->event, UINT64_MAX) >= 0);
	sd_bus_message_unref(m);
	sd_bus_slot_unref(slot);
	return reply;
}

/* Whether the agent answers on the system bus. */
static bool answers(struct world *w)
{
	sd_bus_message *reply = call(w, "GetPeer", "s", "10.0.0.1");
	bool good;

	good = !sd_bus_message_is_method_error(reply, NULL);
	if (!good)
		assert_true(sd_bus_message_is_method_error(
				    reply, SD_BUS_ERROR_SERVICE_UNKNOWN) > 0);
	sd_bus_message_unref(reply);
	return good;
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

static bool answers_within(struct world *w, unsigned ms)
{
	for (unsigned i = 0; i < ms; i += 100) {
		if (answers(w))
			return true;
		run_for(w, 100);
	}
	return false;
}

static int begin(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	strcpy(w->dir, "/tmp/tacit-bus-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->socket, sizeof(w->socket), "%s/agent.sock", w->dir);
	snprintf(w->bus_path, sizeof(w->bus_path), "%s/bus", w->dir);
	snprintf(w->config, sizeof(w->config), "%s/bus.conf", w->dir);
	snprintf(w->address, sizeof(w->address), "unix:path=%s", w->bus_path);
	setenv("DBUS_SYSTEM_BUS_ADDRESS", w->address, 1);
	assert_int_equal(sd_event_new(&w->event), 0);
	fake_init(&w->fake);
	w->name = DBUS_NAME;
	w->source = fake_source(&w->fake);
	*state = w;
	return 0;
}

static int end(void **state)
{
	struct world *w = *state;

	dbus_server_free(w->server);
	sd_bus_close_unref(w->bus);
	stop_daemon(w);
	sd_event_unref(w->event);
	(void)unlink(w->config);
	assert_int_equal(rmdir(w->dir), 0);
	free(w);
	return 0;
}

static void start_server(struct world *w)
{
	assert_int_equal(
		dbus_server_new(w->event, w->socket, &w->source, &w->server),
		0);
}

/* The command line, which finds no own socket: its exit code. */
static int run_tacit(struct world *w)
{
	extern char **environ;
	char *argv[] = { (char *)"./tacit", (char *)"peers", (char *)"10.0.0.1",
			 NULL };
	posix_spawn_file_actions_t quiet;
	int status = -1;
	pid_t pid;

	unsetenv("TACIT_SOCKET");
	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
	assert_int_equal(
		posix_spawn(&pid, argv[0], &quiet, NULL, argv, environ), 0);
	posix_spawn_file_actions_destroy(&quiet);
	while (waitpid(pid, &status, WNOHANG) == 0)
		run_for(w, 10);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_command_line(void **state)
{
	struct world *w = *state;

	write_config(w, true);
	if (!start_daemon(w) ||
	    access(RUNSTATEDIR "/tacit/agent.sock", F_OK) == 0)
		skip();
	assert_int_equal(run_tacit(w), EXIT_NOT_RUNNING);
	start_server(w);
	connect_client(w);
	assert_true(answers_within(w, LONG_MS));
	assert_int_equal(run_tacit(w), EXIT_OK);
	w->fake.n_ipv4 = w->fake.n_ipv6 = 0;
	assert_int_equal(run_tacit(w), EXIT_NO_PEER);
}

static void test_name(void **state)
{
	struct world *w = *state;
	struct addr a;

	write_config(w, true);
	if (!start_daemon(w))
		skip();
	start_server(w);
	connect_client(w);
	assert_true(answers_within(w, LONG_MS));
	fake_address(&w->fake, 1, &a);
	dbus_server_peer_changed(w->server, &a);
	for (unsigned i = 0; i < LONG_MS && w->peer_changed == 0; i += 100)
		run_for(w, 100);
	assert_int_equal(w->peer_changed, 1);
}

/* The bus comes after the agent, goes, and comes again. */
static void test_late_bus(void **state)
{
	struct world *w = *state;

	write_config(w, true);
	start_server(w);
	run_for(w, 100);
	if (!start_daemon(w))
		skip();
	connect_client(w);
	assert_true(answers_within(w, LONG_MS));
	w->bus = sd_bus_close_unref(w->bus);
	stop_daemon(w);
	run_for(w, 100);
	assert_true(start_daemon(w));
	connect_client(w);
	assert_true(answers_within(w, LONG_MS));
}

/* The name is not ours to have: no harm, and the own socket serves. */
static void test_no_name(void **state)
{
	struct world *w = *state;

	write_config(w, false);
	if (!start_daemon(w))
		skip();
	start_server(w);
	connect_client(w);
	run_for(w, 300);
	assert_false(answers(w));
	w->bus = sd_bus_close_unref(w->bus);
	snprintf(w->address, sizeof(w->address), "unix:path=%s", w->socket);
	assert_true(sd_bus_new(&w->bus) >= 0);
	assert_true(sd_bus_set_address(w->bus, w->address) >= 0);
	assert_true(sd_bus_attach_event(w->bus, w->event, 0) >= 0);
	assert_true(sd_bus_start(w->bus) >= 0);
	assert_true(answers(w));
}

/* The bus says who calls: root may, another may not. */
static void test_callers(void **state)
{
	struct world *w = *state;
	sd_bus_message *reply;

	write_config(w, true);
	if (geteuid() != 0 || !start_daemon(w))
		skip();
	start_server(w);
	connect_client(w);
	assert_true(answers_within(w, LONG_MS));
	reply = call(w, "ListPeers", "su", "", 3);
	assert_string_equal(sd_bus_message_get_signature(reply, 1), "aa{sv}s");
	sd_bus_message_unref(reply);
	reply = call(w, "ListPeers", "su", "nonsense", 3);
	assert_true(sd_bus_message_is_method_error(
			    reply, DBUS_ERROR_INVALID_CURSOR) > 0);
	sd_bus_message_unref(reply);
	sd_bus_close_unref(w->bus);
	/* The bus reads the user at its greeting. */
	assert_int_equal(chmod(w->dir, 0755), 0);
	assert_int_equal(seteuid(65534), 0);
	connect_client(w);
	while (sd_bus_is_ready(w->bus) == 0)
		assert_true(sd_event_run(w->event, UINT64_MAX) >= 0);
	assert_int_equal(seteuid(0), 0);
	assert_true(answers(w));
	reply = call(w, "ListPeers", "su", "", 3);
	assert_true(sd_bus_message_is_method_error(
			    reply, SD_BUS_ERROR_ACCESS_DENIED) > 0);
	sd_bus_message_unref(reply);
}

/* The agent goes with questions open, and leaves nothing behind. */
static void test_open_question(void **state)
{
	struct world *w = *state;

	write_config(w, true);
	if (!start_daemon(w))
		skip();
	start_server(w);
	connect_client(w);
	assert_true(answers_within(w, LONG_MS));
	for (int i = 0; i < 5; i++)
		assert_true(sd_bus_call_method_async(w->bus, NULL, DBUS_NAME,
						     DBUS_PATH, DBUS_INTERFACE,
						     "ListPeers", NULL, NULL,
						     "su", "", 3) >= 0);
	kill(w->daemon, SIGSTOP);
	run_for(w, 50);
	w->server = dbus_server_free(w->server);
	kill(w->daemon, SIGCONT);
}

/* An agent with an instance name has that on the bus, beside the host's, and one
 * goes without the other. */
static void test_instance(void **state)
{
	struct world *w = *state;
	struct dbus_server *second;
	char path[128];

	snprintf(path, sizeof(path), "%s.2", w->socket);
	w->fake.host.instance = "second";
	write_config(w, true);
	if (!start_daemon(w))
		skip();
	assert_int_equal(dbus_server_new(w->event, path, &w->source, &second),
			 0);
	connect_client(w);
	w->name = DBUS_NAME ".second";
	assert_true(answers_within(w, LONG_MS));
	w->name = DBUS_NAME;
	assert_false(answers(w));
	w->fake.host.instance = "";
	start_server(w);
	assert_true(answers_within(w, LONG_MS));
	w->server = dbus_server_free(w->server);
	w->name = DBUS_NAME ".second";
	assert_true(answers(w));
	dbus_server_free(second);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_name),	  TEST(test_late_bus),
		TEST(test_no_name),	  TEST(test_instance),
		TEST(test_command_line),  TEST(test_callers),
		TEST(test_open_question),
	};

	log_open("test-dbus-system", LOG_ERR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
