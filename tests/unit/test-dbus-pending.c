/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls that are answered later: once, in time or not at all, and their callers
 * may go.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "dbus/names.h"
#include "dbus/pending.h"
#include "util/limits.h"

#define CALLS (LIMIT_BUS_PENDING_CALLER + 2)

struct world {
	sd_event *event;
	struct dbus_pending pending;
	sd_bus *server, *client;
	struct handle calls[CALLS];
	unsigned n_calls, answers;
	uint64_t timeout;
	char error[128]; /* of the last answer */
};

static int method_wait(sd_bus_message *m, void *user, sd_bus_error *error)
{
	struct world *w = user;
	int r = dbus_pending_add(&w->pending, m, w->timeout,
				 &w->calls[w->n_calls], error);

	if (r < 0)
		return r;
	w->n_calls++;
	return 1;
}

static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("Wait", "", "", method_wait, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

static int begin(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	sd_id128_t id = { 0 };
	int fds[2];

	assert_non_null(w);
	assert_int_equal(sd_event_new(&w->event), 0);
	assert_int_equal(dbus_pending_init(&w->pending, w->event), 0);
	assert_int_equal(socketpair(AF_UNIX,
				    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
				    0, fds),
			 0);
	assert_true(sd_bus_new(&w->server) >= 0);
	assert_true(sd_bus_set_fd(w->server, fds[0], fds[0]) >= 0);
	assert_true(sd_bus_set_server(w->server, 1, id) >= 0);
	assert_true(sd_bus_set_anonymous(w->server, 1) >= 0);
	assert_true(sd_bus_add_object_vtable(w->server, NULL, DBUS_PATH,
					     DBUS_INTERFACE, vtable, w) >= 0);
	assert_true(sd_bus_attach_event(w->server, w->event, 0) >= 0);
	assert_true(sd_bus_start(w->server) >= 0);
	assert_true(sd_bus_new(&w->client) >= 0);
	assert_true(sd_bus_set_fd(w->client, fds[1], fds[1]) >= 0);
	assert_true(sd_bus_attach_event(w->client, w->event, 0) >= 0);
	assert_true(sd_bus_start(w->client) >= 0);
	*state = w;
	return 0;
}

static int end(void **state)
{
	struct world *w = *state;

	if (w->server)
		dbus_pending_drop(&w->pending, w->server);
	sd_bus_close_unref(w->server);
	sd_bus_close_unref(w->client);
	dbus_pending_done(&w->pending);
	dbus_pending_done(&w->pending);
	sd_event_unref(w->event);
	free(w);
	return 0;
}

static int on_answer(sd_bus_message *m, void *user, sd_bus_error *error)
{
	const sd_bus_error *e = sd_bus_message_get_error(m);
	struct world *w = user;

	(void)error;
	w->answers++;
	strncpy(w->error, e ? e->name : "", sizeof(w->error) - 1);
	return 1;
}

static void ask(struct world *w, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		assert_true(sd_bus_call_method_async(w->client, NULL, NULL,
						     DBUS_PATH, DBUS_INTERFACE,
						     "Wait", on_answer, w,
						     "") >= 0);
}

/* Until there are so many answers, or nothing happens. */
static void run(struct world *w, unsigned answers)
{
	for (int i = 0; i < 100 && w->answers < answers; i++)
		assert_true(sd_event_run(w->event, 10000) >= 0);
}

static void test_answers(void **state)
{
	struct world *w = *state;
	struct handle call;

	ask(w, 3);
	run(w, 1);
	assert_int_equal(w->n_calls, 3);
	assert_int_equal(w->answers, 0);
	call = w->calls[1];
	assert_true(dbus_pending_waits(&w->pending, call));
	dbus_pending_return(&w->pending, call);
	run(w, 1);
	assert_int_equal(w->answers, 1);
	assert_string_equal(w->error, "");
	/* Once, and no more. */
	assert_false(dbus_pending_waits(&w->pending, call));
	assert_null(dbus_pending_take(&w->pending, call));
	dbus_pending_return(&w->pending, call);
	dbus_pending_fail(&w->pending, w->calls[0], DBUS_ERROR_UNKNOWN_PEER,
			  "gone");
	run(w, 3);
	assert_int_equal(w->answers, 2);
	assert_string_equal(w->error, DBUS_ERROR_UNKNOWN_PEER);
	dbus_pending_return(&w->pending, (struct handle){ 0 });
}

static void test_timeout(void **state)
{
	struct world *w = *state;

	w->timeout = 50;
	ask(w, 1);
	run(w, 1);
	assert_int_equal(w->answers, 1);
	assert_string_equal(w->error, DBUS_ERROR_TIMED_OUT);
	assert_false(dbus_pending_waits(&w->pending, w->calls[0]));
	dbus_pending_return(&w->pending, w->calls[0]);
	run(w, 2);
	assert_int_equal(w->answers, 1);
}

static void test_limit(void **state)
{
	struct world *w = *state;

	ask(w, CALLS);
	run(w, 2);
	assert_int_equal(w->n_calls, LIMIT_BUS_PENDING_CALLER);
	assert_int_equal(w->answers, 2);
	assert_string_equal(w->error, SD_BUS_ERROR_LIMITS_EXCEEDED);
	dbus_pending_return(&w->pending, w->calls[3]);
	run(w, 3);
	w->n_calls = 0;
	ask(w, 1);
	run(w, 4);
	assert_int_equal(w->n_calls, 1);
}

/* The caller goes: nothing is left of it, and its handle does nothing. */
static void test_gone(void **state)
{
	struct world *w = *state;

	w->timeout = 1000;
	ask(w, 2);
	run(w, 1);
	w->client = sd_bus_close_unref(w->client);
	dbus_pending_drop(&w->pending, w->server);
	w->server = sd_bus_close_unref(w->server);
	assert_false(dbus_pending_waits(&w->pending, w->calls[0]));
	dbus_pending_return(&w->pending, w->calls[0]);
	dbus_pending_fail(&w->pending, w->calls[1], DBUS_ERROR_TIMED_OUT, "");
	dbus_pending_drop(&w->pending, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_answers),
		TEST(test_timeout),
		TEST(test_limit),
		TEST(test_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
