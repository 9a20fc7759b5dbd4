/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A kernel for test-hold: the queues and the table are stand-ins that write
 * down, in order, what is asked of them. "+offer A" is an element that is
 * added, "A1" packet 1 accepted, "M1" accepted with its mark flipped, "D1"
 * dropped, "first A" the callback. A is the destination, of packets from our
 * first address; with a "'" behind it, from our second.
 */
#ifndef TACIT_TESTS_HOLD_FAKE_H
#define TACIT_TESTS_HOLD_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "xfrm/hold.h"

#define OFFER	1
#define REQUIRE 2
#define WAIT	1000u
#define BIT	4
#define INPUT	32768

struct input {
	uint16_t queue;
	uint32_t id;
	uint8_t head[48];
	size_t len;
	uint8_t family;
	int result;
};

/* Of one test at a time. */
struct hold_fake {
	char log[65536];
	bool quiet;
	struct input in[INPUT];
	size_t n_in, next_in;
	uint32_t next_id;
	int queue_error, table_error, change_error, ranges_error;
	/* What the callback does. */
	bool release_at_once;
	struct hold *hold;
	uint64_t now;
	size_t n_verdicts;
};
extern struct hold_fake fake;

/* What was asked since the last look. */
#define expect(text)                                   \
	do {                                           \
		assert_string_equal(fake.log, (text)); \
		fake.log[0] = '\0';                    \
	} while (0)

struct addr address(const char *text);
/* A fresh struct hold, and its end: set-up and tear-down of a test. */
int make(void **state);
int unmake(void **state);
/* The callback. */
void on_first(void *user, const struct hold_packet *p);
/* A packet comes by a queue. */
void come_from(bool second, uint16_t queue, const char *to);
void come(uint16_t queue, const char *to);
/* hold_dispatch() at this time. */
void at(uint64_t now);
/* Orders about the destination, for our first address. */
void release(const char *to);
int clear(const char *to, uint32_t lifetime_ms);
void forget(const char *to);
void drop(const char *to);
void gate(const char *to);
struct hold_counters counters(void);

#endif
