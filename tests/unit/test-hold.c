/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Held packets without a kernel: what hold-fake.h stands in for writes down
 * what it is asked. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/hold-fake.h"
#include "util/limits.h"
#include "xfrm/dest.h"
#include "xfrm/queue.h"

static void test_release(void **state)
{
	(void)state;
	assert_int_equal(hold_fd(fake.hold), 7);
	assert_true(hold_deadline(fake.hold) == UINT64_MAX);
	come(OFFER, "10.0.0.1");
	come(OFFER, "10.0.0.1");
	come(OFFER, "2001:db8::1");
	at(100);
	expect("first 10.0.0.1 first 2001:db8::1 "
	       "+offer 10.0.0.1 +offer 2001:db8::1");
	assert_int_equal(counters().now_held, 3);
	assert_int_equal(counters().now_peers, 2);
	assert_int_equal(hold_deadline(fake.hold), 100 + WAIT);
	come(OFFER, "10.0.0.1");
	at(110);
	expect("");
	release("10.0.0.1");
	expect("M1 M2 M4");
	/* What was on its way follows; the other one waits on. */
	come(OFFER, "10.0.0.1");
	come(OFFER, "2001:db8::1");
	at(111);
	expect("M5");
	/* Quiet: the element goes; a late packet still passes. */
	at(121);
	expect("-offer 10.0.0.1");
	come(OFFER, "10.0.0.1");
	at(122);
	expect("M7");
	assert_int_equal(counters().released, 5);
	assert_int_equal(counters().held, 5);
	/* Then it is forgotten, and held anew. */
	at(121 + DEST_REMEMBERED_MS);
	expect("+clear 2001:db8::1/10000 M3 M6");
	come(OFFER, "10.0.0.1");
	at(122 + DEST_REMEMBERED_MS);
	expect("first 10.0.0.1 +offer 10.0.0.1");
}

/* The element is there before the first verdict, also of one in a hurry. */
static void test_verdict_at_once(void **state)
{
	(void)state;
	fake.release_at_once = true;
	come(OFFER, "10.0.0.1");
	come(OFFER, "10.0.0.1");
	at(100);
	expect("first 10.0.0.1 +offer 10.0.0.1 M1 M2");
}

static void test_late_packets(void **state)
{
	(void)state;
	/* Released with nothing held: one that comes late is diverted, so
	 * that its mark is restored, but not held. */
	release("10.0.0.1");
	expect("");
	come(OFFER, "10.0.0.1");
	come(OFFER, "10.0.0.1");
	at(10);
	expect("+offer 10.0.0.1 M1 M2");
	at(20);
	expect("-offer 10.0.0.1");
	/* Only once, or a busy flow would come and go for ever. */
	come(OFFER, "10.0.0.1");
	at(21);
	expect("M3");
	at(40);
	expect("");
	assert_int_equal(counters().held, 0);
	assert_int_equal(counters().released, 3);
}

static void test_busy(void **state)
{
	uint64_t now;

	(void)state;
	come(OFFER, "10.0.0.1");
	at(0);
	release("10.0.0.1");
	expect("first 10.0.0.1 +offer 10.0.0.1 M1");
	fake.quiet = true;
	for (now = 1; now < DEST_PASSING_MS; now++) {
		come(OFFER, "10.0.0.1");
		at(now);
	}
	fake.quiet = false;
	come(OFFER, "10.0.0.1");
	at(DEST_PASSING_MS);
	expect("M251");
	come(OFFER, "10.0.0.1");
	at(DEST_PASSING_MS + DEST_QUIET_MS - 1);
	expect("M252 -offer 10.0.0.1");
}

static void test_clear(void **state)
{
	(void)state;
	come(OFFER, "10.0.0.1");
	come(OFFER, "10.0.0.1");
	at(100);
	fake.log[0] = '\0';
	assert_int_equal(clear("10.0.0.1", 5000), 0);
	expect("+clear 10.0.0.1/5000 M1 M2");
	come(OFFER, "10.0.0.1");
	at(101);
	expect("M3");
	at(111);
	expect("-offer 10.0.0.1");
	assert_int_equal(counters().cleared, 3);
	/* A release takes it back. */
	release("10.0.0.1");
	expect("-clear 10.0.0.1");
	/* So does forgetting, and a packet is held anew at once. */
	forget("10.0.0.1");
	expect("-clear 10.0.0.1");
	come(OFFER, "10.0.0.1");
	at(112);
	expect("first 10.0.0.1 +offer 10.0.0.1");
	/* Forgetting does not touch what waits. */
	forget("10.0.0.1");
	expect("-clear 10.0.0.1");
	assert_int_equal(counters().now_held, 1);
	/* Nothing lasts longer than it was said to. */
	assert_int_equal(clear("10.0.0.1", 0), 0);
	expect("M4");
	at(122);
	expect("-offer 10.0.0.1");
	come(OFFER, "10.0.0.1");
	at(123);
	expect("first 10.0.0.1 +offer 10.0.0.1");
	/* Long after: no clear element can be there to be removed. */
	fake.now = 100000;
	release("10.0.0.1");
	expect("M5");
}

static void set_ranges(const char *first, const char *last, bool require)
{
	struct hold_range r = { address(first), address(last), require };

	assert_int_equal(hold_set_ranges(fake.hold, &r, 1), 0);
}

static void test_never_clear(void **state)
{
	(void)state;
	set_ranges("10.0.0.0", "10.0.0.255", true);
	expect("require:10.0.0.0-10.0.0.255");
	come(REQUIRE, "10.0.0.1");
	at(0);
	expect("first 10.0.0.1! +require 10.0.0.1");
	assert_int_equal(clear("10.0.0.0", 5000), -EPERM);
	assert_int_equal(clear("10.0.0.1", 0), -EPERM);
	assert_int_equal(clear("10.0.0.255", 5000), -EPERM);
	assert_int_equal(counters().now_held, 1);
	expect("");
	assert_int_equal(clear("10.0.1.0", 5000), 0);
	assert_int_equal(clear("9.255.255.255", 5000), 0);
	assert_int_equal(clear("fe80::1%3", 5000), 0);
	fake.log[0] = '\0';
	set_ranges("fe80::", "fe80::ffff", true);
	assert_int_equal(clear("fe80::1%3", 5000), -EPERM);
}

static void test_drop(void **state)
{
	(void)state;
	come(REQUIRE, "10.0.0.1");
	come(REQUIRE, "10.0.0.1");
	at(0);
	fake.log[0] = '\0';
	drop("10.0.0.1");
	expect("D1 D2");
	drop("10.0.0.2");
	come(REQUIRE, "10.0.0.1");
	come(REQUIRE, "10.0.0.2");
	at(1);
	expect("D3 D4");
	at(20);
	expect("-require 10.0.0.1");
	assert_int_equal(counters().dropped, 4);
	/* A decision for it is heard at once. */
	release("10.0.0.2");
	come(REQUIRE, "10.0.0.2");
	at(21);
	expect("+require 10.0.0.2 M5");
}

static void test_time_limits(void **state)
{
	(void)state;
	come(OFFER, "10.0.0.1");
	come(REQUIRE, "10.0.0.2");
	at(0);
	come(OFFER, "10.0.0.1");
	at(WAIT - 1);
	expect("first 10.0.0.1 first 10.0.0.2! "
	       "+offer 10.0.0.1 +require 10.0.0.2");
	assert_int_equal(hold_deadline(fake.hold), WAIT);
	hold_tick(fake.hold, WAIT);
	expect("+clear 10.0.0.1/10000 M1 M3");
	assert_int_equal(counters().timed_out, 2);
	hold_tick(fake.hold, WAIT + DEST_QUIET_MS);
	expect("-offer 10.0.0.1");
	hold_tick(fake.hold, LIMIT_HELD_REQUIRE_MS - 1);
	expect("");
	hold_tick(fake.hold, LIMIT_HELD_REQUIRE_MS);
	expect("D2 -require 10.0.0.2");
	assert_int_equal(counters().timed_out, 3);
	/* The next one asks again. */
	come(REQUIRE, "10.0.0.2");
	at(LIMIT_HELD_REQUIRE_MS + 1);
	expect("first 10.0.0.2! +require 10.0.0.2");
}

static void test_limits(void **state)
{
	char text[32];
	uint32_t n;

	(void)state;
	fake.quiet = true;
	for (n = 0; n < LIMIT_HELD_PEER; n++)
		come(OFFER, "10.0.0.1");
	at(0);
	fake.quiet = false;
	come(OFFER, "10.0.0.1");
	at(0);
	/* It drains, so it is flipped, and flipped back. */
	expect("M257");
	fake.quiet = true;
	for (n = 0; n < LIMIT_HELD_PEERS - 1; n++) {
		snprintf(text, sizeof(text), "10.1.%u.%u", n / 256, n % 256);
		come(OFFER, text);
	}
	/* So many take more than one turn to read. */
	for (n = 0; fake.next_in < fake.n_in; n++) {
		size_t left = fake.n_in - fake.next_in;

		assert_int_equal(hold_dispatch(fake.hold, 0), 0);
		assert_true(fake.n_in - fake.next_in < left);
	}
	assert_true(n > 1);
	fake.quiet = false;
	assert_int_equal(counters().now_peers, LIMIT_HELD_PEERS);
	come(OFFER, "10.2.0.1");
	come(REQUIRE, "10.2.0.2");
	at(0);
	expect("A16641 D16642");
	assert_int_equal(counters().overflowed, 3);
	assert_int_equal(counters().held,
			 LIMIT_HELD_PEER + LIMIT_HELD_PEERS - 1);
	fake.quiet = true;
}

static void test_bad_input(void **state)
{
	(void)state;
	come(OFFER, "10.0.0.1");
	fake.in[0].head[0] = 0x41;
	come(REQUIRE, "10.0.0.1");
	fake.in[1].len = 10;
	come(OFFER, "10.0.0.1");
	fake.in[2].result = QUEUE_OVERRUN;
	come(OFFER, "10.0.0.1");
	fake.in[3].result = QUEUE_REFUSED;
	at(0);
	expect("A1 D2");
	assert_int_equal(counters().lost, 2);
	come(OFFER, "10.0.0.1");
	fake.in[0].result = -EBADF;
	assert_int_equal(hold_dispatch(fake.hold, 0), -EBADF);
}

static void test_table_gone(void **state)
{
	struct hold_range r = { address("10.0.0.0"), address("10.0.0.9"),
				false };
	(void)state;
	fake.change_error = fake.ranges_error = -ENOENT;
	come(OFFER, "10.0.0.1");
	at(0);
	release("10.0.0.1");
	assert_int_equal(clear("10.0.0.1", 1000), 0);
	forget("10.0.0.1");
	assert_int_equal(hold_set_ranges(fake.hold, &r, 1), -ENOENT);
	assert_int_equal(counters().refused, 3);
	fake.change_error = -ENOMEM;
	assert_int_equal(clear("10.0.0.1", 1000), -ENOMEM);
	come(OFFER, "10.0.0.7");
	at(1);
}

static void test_ranges(void **state)
{
	struct hold_range r[] = {
		{ address("10.0.0.8"), address("10.0.0.9"), true },
		{ address("2001:db8::"), address("2001:db8::ffff"), false },
		{ address("10.0.0.0"), address("10.0.0.7"), false },
		{ address("10.0.0.16"), address("10.0.0.31"), false },
	};
	static const struct {
		const char *first, *last;
		bool require;
	} bad[] = {
		{ "10.0.0.7", "10.0.0.7", true },
		{ "10.0.0.6", "10.0.0.8", false },
		{ "9.0.0.0", "10.0.0.0", true },
		{ "10.0.0.20", "10.0.0.21", true },
		{ "10.0.0.10", "10.0.0.40", true },
		{ "10.0.0.9", "10.0.0.12", true },
		{ "10.0.0.13", "10.0.0.12", true },
		{ "10.0.0.13", "2001:db9::", true },
	};

	(void)state;
	assert_int_equal(hold_set_ranges(fake.hold, r, 4), 0);
	expect("offer:10.0.0.0-10.0.0.7 offer:10.0.0.16-10.0.0.31 "
	       "offer:2001:db8::-2001:db8::ffff require:10.0.0.8-10.0.0.9");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		r[1] = (struct hold_range){ address(bad[i].first),
					    address(bad[i].last),
					    bad[i].require };
		assert_int_equal(hold_set_ranges(fake.hold, r, 4), -EINVAL);
	}
	expect("");
	/* What waits in no range any more is let go; nothing else is. */
	come(OFFER, "10.0.0.1");
	come(OFFER, "10.0.0.16");
	come(REQUIRE, "10.0.0.8");
	come(REQUIRE, "10.0.0.9");
	at(0);
	fake.log[0] = '\0';
	r[0].last = address("10.0.0.8");
	r[1] = (struct hold_range){ address("10.0.0.0"), address("10.0.0.7"),
				    true };
	assert_int_equal(hold_set_ranges(fake.hold, r, 2), 0);
	expect("require:10.0.0.0-10.0.0.7 require:10.0.0.8-10.0.0.8 "
	       "M1 M2 M4");
	assert_int_equal(counters().now_held, 1);
	assert_int_equal(hold_set_ranges(fake.hold, NULL, 0), 0);
	expect("M3");
}

static void test_link_local(void **state)
{
	(void)state;
	/* The stand-in's packets leave by interface 3. */
	come(OFFER, "fe80::1");
	at(0);
	expect("first fe80::1%3 +offer fe80::1%3");
	release("fe80::1%4");
	expect("");
	release("fe80::1%3");
	expect("M1");
}

/* Another address of ours has SAs of its own. */
static void test_second_address(void **state)
{
	(void)state;
	come(OFFER, "10.0.0.1");
	come_from(true, OFFER, "10.0.0.1");
	at(0);
	expect("first 10.0.0.1 first 10.0.0.1' "
	       "+offer 10.0.0.1 +offer 10.0.0.1'");
	release("10.0.0.1");
	expect("M1");
	come_from(true, OFFER, "10.0.0.1");
	come(OFFER, "10.0.0.1");
	at(1);
	expect("M4");
	assert_int_equal(clear("10.0.0.1", 1000), 0);
	drop("10.0.0.1");
	forget("10.0.0.1");
	expect("+clear 10.0.0.1/1000 -clear 10.0.0.1 -offer 10.0.0.1");
	assert_int_equal(counters().now_held, 2);
	at(WAIT);
	expect("+clear 10.0.0.1'/10000 M2 M3");
}

/* The gate: everything waits, whatever the ranges, until it opens. */
static void test_gate(void **state)
{
	(void)state;
	gate("10.0.0.1");
	expect("+offer 10.0.0.1");
	assert_int_equal(counters().now_peers, 1);
	/* Each packet is told. */
	come(OFFER, "10.0.0.1");
	come(OFFER, "10.0.0.1");
	at(1);
	expect("first 10.0.0.1 first 10.0.0.1");
	/* It is in no range, and stays. */
	set_ranges("10.0.1.0", "10.0.1.255", false);
	expect("offer:10.0.1.0-10.0.1.255");
	release("10.0.0.1");
	expect("M1 M2");
	at(1 + DEST_QUIET_MS);
	expect("-offer 10.0.0.1");
	/* What was decided before is no more. */
	gate("10.0.0.1");
	expect("+offer 10.0.0.1");
	come(OFFER, "10.0.0.1");
	at(20);
	expect("first 10.0.0.1");
	/* What waits already goes on waiting, in its place. */
	come(OFFER, "10.0.1.1");
	at(21);
	gate("10.0.1.1");
	come(OFFER, "10.0.1.1");
	at(22);
	expect("first 10.0.1.1 +offer 10.0.1.1 first 10.0.1.1");
	release("10.0.1.1");
	expect("M4 M5");
	/* In a closed network it does not open by itself. */
	set_ranges("10.0.2.0", "10.0.2.255", true);
	gate("10.0.2.1");
	come(REQUIRE, "10.0.2.1");
	at(23);
	fake.log[0] = '\0';
	hold_tick(fake.hold, 22 + LIMIT_HELD_REQUIRE_MS);
	assert_non_null(strstr(fake.log, "D6 -require 10.0.2.1"));
}

static void test_end(void **state)
{
	come(OFFER, "10.0.0.1");
	come(REQUIRE, "10.0.0.2");
	come(OFFER, "10.0.0.1");
	at(0);
	fake.log[0] = '\0';
	come(OFFER, "10.0.0.1");
	come(REQUIRE, "10.0.0.2");
	hold_free(fake.hold, true);
	assert_non_null(strstr(fake.log, "M1 M3"));
	assert_non_null(strstr(fake.log, "D2"));
	assert_non_null(strstr(fake.log, "disarm A4 D5 unbind"));
	assert_null(strstr(fake.log, "remove"));
	assert_int_equal(make(state), 0);
}

static uint32_t wait_by_name(void *user, const struct addr *remote)
{
	(void)user;
	return remote->bytes[3] == 1 ? 20 : UINT32_MAX;
}

/* The policy's own time, but none longer than what was announced. */
static void test_wait(void **state)
{
	const struct hold_config c = { .queue_offer = OFFER,
				       .queue_require = REQUIRE,
				       .mark_bit = BIT,
				       .wait_ms = WAIT };
	const struct hold_ops ops = { .user = &fake,
				      .first = on_first,
				      .wait_ms = wait_by_name };

	(void)state;
	hold_free(fake.hold, false);
	assert_int_equal(hold_new(&c, &ops, &fake.hold), 0);
	come(OFFER, "10.0.0.2");
	come(OFFER, "10.0.0.1");
	at(0);
	assert_int_equal(hold_deadline(fake.hold), 20);
	hold_tick(fake.hold, 20 + DEST_QUIET_MS);
	fake.log[0] = '\0';
	hold_tick(fake.hold, WAIT - 1);
	assert_null(strstr(fake.log, "M"));
	hold_tick(fake.hold, WAIT);
	assert_non_null(strstr(fake.log, "M"));
}

/* The table is made anew: what is diverted is again. */
static void test_renew(void **state)
{
	struct addr local = address("10.255.0.1"), held = address("10.0.0.1");

	(void)state;
	come(OFFER, "10.0.0.1");
	come(REQUIRE, "10.0.0.2");
	at(0);
	expect("first 10.0.0.1 first 10.0.0.2! +offer 10.0.0.1 "
	       "+require 10.0.0.2");
	assert_false(hold_waits(fake.hold, &held, &local));
	fake.change_error = -ENOENT;
	come(OFFER, "10.0.0.3");
	at(10);
	assert_true(hold_is_broken(fake.hold));
	fake.change_error = 0;
	fake.log[0] = '\0';
	assert_int_equal(hold_renew(fake.hold), 0);
	assert_false(hold_is_broken(fake.hold));
	expect("+offer 10.0.0.1 +offer 10.0.0.3 +require 10.0.0.2");
}

static void test_new_fails(void **state)
{
	struct hold_config c = { .queue_offer = OFFER,
				 .queue_require = REQUIRE,
				 .mark_bit = 32 };
	const struct hold_ops ops = { .first = on_first };
	struct hold *h = NULL;

	(void)state;
	assert_int_equal(hold_new(&c, &ops, &h), -EINVAL);
	c.mark_bit = 0;
	fake.table_error = -EOPNOTSUPP;
	assert_int_equal(hold_new(&c, &ops, &h), -EOPNOTSUPP);
	expect("unbind");
	fake.queue_error = -EADDRINUSE;
	assert_int_equal(hold_new(&c, &ops, &h), -EADDRINUSE);
	expect("");
	assert_null(h);
	assert_null(hold_free(NULL, false));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_release),	 TEST(test_verdict_at_once),
		TEST(test_late_packets), TEST(test_busy),
		TEST(test_clear),	 TEST(test_never_clear),
		TEST(test_drop),	 TEST(test_time_limits),
		TEST(test_limits),	 TEST(test_bad_input),
		TEST(test_table_gone),	 TEST(test_ranges),
		TEST(test_link_local),	 TEST(test_second_address),
		TEST(test_gate),	 TEST(test_end),
		TEST(test_new_fails),	 TEST(test_wait),
		TEST(test_renew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
