/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One connection, over a socket pair and with a clock of the test's: signals
 * to a reader that stops reading, and texts of strangers.
 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "dbus-fake.h"
#include "dbus/link.h"
#include "dbus/marshal.h"
#include "dbus/names.h"
#include "util/hmap.h"
#include "util/limits.h"

struct pair {
	sd_event *event;
	struct fake fake;
	struct dbus_context context;
	struct dbus_link link;
	bool down;
	char why[128];
	sd_bus *reader;
	/* What it has read. */
	unsigned peer_changed, peers_changed, forgotten;
	char address[ADDR_STRLEN];
};

static void on_down(struct dbus_link *l, const char *why)
{
	struct pair *p = container_of(l, struct pair, link);

	p->down = true;
	strncpy(p->why, why, sizeof(p->why) - 1);
	dbus_link_close(l);
}

static int on_signal(sd_bus_message *m, void *user, sd_bus_error *error)
{
	struct pair *p = user;
	const char *address;

	(void)error;
	if (sd_bus_message_is_signal(m, DBUS_INTERFACE, "PeersChanged") > 0) {
		p->peers_changed++;
	} else if (sd_bus_message_is_signal(m, DBUS_INTERFACE, "PeerChanged") >
		   0) {
		p->peer_changed++;
		assert_true(sd_bus_message_read(m, "s", &address) > 0);
		strcpy(p->address, address);
		assert_true(sd_bus_message_enter_container(m, 'a', "{sv}") >=
			    0);
		if (sd_bus_message_at_end(m, 0) > 0)
			p->forgotten++;
	}
	return 0;
}

static void run(struct pair *p)
{
	for (int i = 0; i < 5; i++) {
		while (sd_event_run(p->event, 0) > 0)
			;
	}
}

static int begin(void **state)
{
	struct pair *p = calloc(1, sizeof(*p));
	sd_id128_t id = { 0 };
	sd_bus *bus;
	int fds[2];

	assert_non_null(p);
	fake_init(&p->fake);
	p->context.source = fake_source(&p->fake);
	p->link.context = &p->context;
	p->link.sees_peers = true;
	p->link.down = on_down;
	assert_int_equal(sd_event_new(&p->event), 0);
	assert_int_equal(dbus_pending_init(&p->context.pending, p->event), 0);
	assert_int_equal(dbus_sockets_init(&p->context.sockets), 0);
	assert_int_equal(socketpair(AF_UNIX,
				    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
				    0, fds),
			 0);
	assert_true(sd_bus_new(&bus) >= 0);
	assert_true(sd_bus_set_fd(bus, fds[0], fds[0]) >= 0);
	assert_true(sd_bus_set_server(bus, 1, id) >= 0);
	assert_true(sd_bus_set_anonymous(bus, 1) >= 0);
	assert_int_equal(dbus_link_open(&p->link, bus, p->event), 0);
	assert_true(sd_bus_new(&p->reader) >= 0);
	assert_true(sd_bus_set_fd(p->reader, fds[1], fds[1]) >= 0);
	assert_true(sd_bus_add_filter(p->reader, NULL, on_signal, p) >= 0);
	assert_true(sd_bus_attach_event(p->reader, p->event, 0) >= 0);
	assert_true(sd_bus_start(p->reader) >= 0);
	run(p);
	assert_true(sd_bus_is_ready(p->link.bus) > 0);
	*state = p;
	return 0;
}

static int end(void **state)
{
	struct pair *p = *state;

	dbus_link_close(&p->link);
	dbus_link_close(&p->link);
	dbus_pending_done(&p->context.pending);
	dbus_sockets_done(&p->context.sockets);
	sd_bus_close_unref(p->reader);
	sd_event_unref(p->event);
	free(p);
	return 0;
}

/* n different peers, beginning at from. */
static void change(struct pair *p, struct dbus_changes *c, uint32_t from,
		   uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct addr a;

		fake_address(&p->fake, from + i, &a);
		dbus_changes_add(c, &a);
	}
}

static void test_signals(void **state)
{
	struct pair *p = *state;
	struct dbus_changes c = { 0 };
	struct addr stranger;

	dbus_changes_init(&c);
	assert_false(dbus_link_signal(&p->link, &c, 0, 1000));
	change(p, &c, 0, 3);
	assert_false(dbus_link_signal(&p->link, &c, 0, 1100));
	run(p);
	assert_int_equal(p->peer_changed, 3);
	assert_int_equal(p->peers_changed, 0);
	assert_string_equal(p->address, "10.0.0.2");
	assert_int_equal(p->forgotten, 0);
	/* Too many. */
	dbus_changes_clear(&c);
	change(p, &c, 0, LIMIT_BUS_CHANGES + 1);
	assert_false(dbus_link_signal(&p->link, &c, 0, 1200));
	run(p);
	assert_int_equal(p->peer_changed, 3);
	assert_int_equal(p->peers_changed, 1);
	/* One that the agent has forgotten. */
	dbus_changes_clear(&c);
	assert_int_equal(addr_parse("192.0.2.1", &stranger), 0);
	dbus_changes_add(&c, &stranger);
	assert_false(dbus_link_signal(&p->link, &c, 0, 1300));
	run(p);
	assert_int_equal(p->peer_changed, 4);
	assert_int_equal(p->forgotten, 1);
	dbus_changes_done(&c);
}

/* Signals until the reader's socket is full and some are queued with us. */
static uint64_t stall(struct pair *p, struct dbus_changes *c, uint64_t now)
{
	uint64_t queued = 0;

	assert_true(sd_bus_detach_event(p->reader) >= 0);
	for (int i = 0; i < 1000 && !queued; i++, now += 100) {
		dbus_changes_clear(c);
		change(p, c, (uint32_t)i, 100);
		assert_false(dbus_link_signal(&p->link, c, 0, now));
		assert_false(p->down);
		run(p);
		assert_true(sd_bus_get_n_queued_write(p->link.bus, &queued) >=
			    0);
	}
	assert_true(queued > 0);
	assert_true(queued <= 100);
	return now;
}

static void test_late_reader(void **state)
{
	struct pair *p = *state;
	struct dbus_changes c = { 0 };
	uint64_t now, before, after;

	dbus_changes_init(&c);
	now = stall(p, &c, 1000);
	sd_bus_get_n_queued_write(p->link.bus, &before);
	for (int i = 0; i < 290; i++, now += 100) {
		assert_true(dbus_link_signal(&p->link, &c, 0, now));
		run(p);
	}
	/* Nothing was added meanwhile. */
	sd_bus_get_n_queued_write(p->link.bus, &after);
	assert_int_equal(before, after);
	assert_false(p->down);
	/* It reads again: it gets what was queued, and learns that it has
	 * missed some. */
	assert_true(sd_bus_attach_event(p->reader, p->event, 0) >= 0);
	run(p);
	assert_int_equal(p->peers_changed, 0);
	dbus_changes_clear(&c);
	assert_false(dbus_link_signal(&p->link, &c, 0, now));
	run(p);
	assert_int_equal(p->peers_changed, 1);
	assert_false(dbus_link_signal(&p->link, &c, 0, now));
	run(p);
	assert_int_equal(p->peers_changed, 1);
	dbus_changes_done(&c);
}

static void test_never_reads(void **state)
{
	struct pair *p = *state;
	struct dbus_changes c = { 0 };
	uint64_t now;

	dbus_changes_init(&c);
	now = stall(p, &c, 1000);
	assert_true(dbus_link_signal(&p->link, &c, 0, now));
	assert_true(dbus_link_signal(&p->link, &c, 0, now + LIMIT_BUS_STALL));
	assert_false(p->down);
	assert_false(
		dbus_link_signal(&p->link, &c, 0, now + LIMIT_BUS_STALL + 1));
	assert_true(p->down);
	assert_non_null(strstr(p->why, "does not read"));
	assert_null(p->link.bus);
	/* A closed link takes no harm. */
	assert_false(dbus_link_signal(&p->link, &c, 0, now + 99999));
	dbus_changes_done(&c);
}

/* A stalled reader that nothing changed for has missed nothing. */
static void test_nothing_missed(void **state)
{
	struct pair *p = *state;
	struct dbus_changes c = { 0 };
	uint64_t now;

	dbus_changes_init(&c);
	now = stall(p, &c, 1000);
	dbus_changes_clear(&c);
	assert_false(dbus_link_signal(&p->link, &c, 0, now));
	assert_false(dbus_link_signal(&p->link, &c, 0, now + 999999));
	assert_false(p->down);
	dbus_changes_done(&c);
}

static void test_hang_up(void **state)
{
	struct pair *p = *state;

	sd_bus_close(p->reader);
	run(p);
	assert_true(p->down);
	assert_null(p->link.bus);
}

/* Text as it arrives. */
static void test_text(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "", "" },
		{ "host.example", "host.example" },
		{ "\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\x92", NULL },
		{ "a\xff"
		  "b",
		  "a?b" },
		{ "\xc3", "?" },		/* cut */
		{ "\xe2\x82", "??" },		/* cut */
		{ "\xf0\x9f\x94", "???" },	/* cut */
		{ "\xc0\x80", "??" },		/* longer than needed */
		{ "\xe0\x80\x80", "???" },	/* longer than needed */
		{ "\xed\xa0\x80", "???" },	/* a surrogate */
		{ "\xf4\x90\x80\x80", "????" }, /* above U+10FFFF */
		{ "\xf5\x80\x80\x80", "????" },
		{ "\x80\xc3\xa9\xfe", "?\xc3\xa9?" },
	};
	struct pair *p = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *got, *want = cases[i].want;
		sd_bus_message *m;

		assert_true(sd_bus_message_new_signal(p->reader, &m, "/a",
						      "a.b", "C") >= 0);
		assert_int_equal(dbus_append_text(m, cases[i].text), 0);
		assert_true(sd_bus_message_seal(m, 1, 0) >= 0);
		assert_true(sd_bus_message_read(m, "s", &got) > 0);
		assert_string_equal(got, want ? want : cases[i].text);
		sd_bus_message_unref(m);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_signals),	TEST(test_late_reader),
		TEST(test_never_reads), TEST(test_nothing_missed),
		TEST(test_hang_up),	TEST(test_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
