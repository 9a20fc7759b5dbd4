/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bad input, group 1: the header. Each case is what an honest peer would send
 * now, in each state of the engine, with one thing in its header wrong:
 * counted, unanswered, nothing changed; then the honest one, which is taken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ike-bad.h"

/* Where the fields of the header stand (RFC 7296 3.1). */
enum {
	SPI_I = 0,
	SPI_R = 8,
	VERSION = 17,
	EXCHANGE = 18,
	FLAGS = 19,
	ID = 20,
	LENGTH = 24,
};

/* Sends the held message, changed; then what is honest. */
static void expect_nothing(struct bad *b, const void *data, size_t len,
			   bool malformed)
{
	struct ike_counters c;

	bad_mark(b);
	world_inject(&b->w, 0, data, len);
	bad_assert_unchanged(b);
	bad_assert_silent(b);
	c = bad_counted(b);
	assert_int_equal(c.received, 1);
	assert_int_equal(c.auth_failed, 0);
	if (malformed) {
		assert_int_equal(c.malformed, 1);
		assert_int_equal(c.unknown_spi, 0);
		assert_int_equal(c.integrity_failed, 0);
	}
	/* Never counted twice; those out of the window are not counted. */
	assert_true(c.malformed + c.unknown_spi + c.integrity_failed <= 1);
}

static void each_state(void (*attack)(struct bad *b))
{
	static struct bad b;
	const struct puppet_script s = { 0 };

	for (unsigned state = 0; state < BAD_STATES; state++) {
		print_message("  %s\n", bad_state_name(state));
		bad_enter(&b, state);
		bad_hold_honest(&b, &s);
		attack(&b);
		bad_mark(&b);
		bad_send_held(&b);
		bad_assert_went_on(&b);
		bad_leave(&b);
	}
}

static void set_length(uint8_t *message, uint32_t len)
{
	struct wbuf w = wbuf_of(message + LENGTH, 4);

	wbuf_be32(&w, len);
}

/* A datagram that ends within its header. */
static void under_28(struct bad *b)
{
	for (size_t len = 0; len < IKE_HEADER_LEN; len++)
		expect_nothing(b, b->p.held, len, true);
}
static void test_length_under_28(void **state)
{
	(void)state;
	each_state(under_28);
}

/* The length of the header is another than the datagram's. */
static void not_the_datagrams(struct bad *b)
{
	const uint32_t len = (uint32_t)b->p.held_len;
	const uint32_t wrong[] = { 0,
				   1,
				   27,
				   28,
				   len - 1,
				   len + 1,
				   len ^ 0x100,
				   len | 1u << 16,
				   len | 1u << 31,
				   UINT32_MAX };
	static uint8_t copy[LIMIT_IKE_MESSAGE];

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		memcpy(copy, b->p.held, len);
		set_length(copy, wrong[i]);
		expect_nothing(b, copy, len, true);
	}
}
static void test_length_not_the_datagrams(void **state)
{
	(void)state;
	each_state(not_the_datagrams);
}

static void over_the_maximum(struct bad *b)
{
	static uint8_t copy[65536];

	for (size_t len = LIMIT_IKE_MESSAGE + 1; len < sizeof(copy);
	     len = len * 2 + 1) {
		memset(copy, 0, len);
		memcpy(copy, b->p.held, b->p.held_len);
		set_length(copy, (uint32_t)len);
		expect_nothing(b, copy, len, true);
	}
}
static void test_length_over_the_maximum(void **state)
{
	(void)state;
	each_state(over_the_maximum);
}

static void with_byte(struct bad *b, size_t at, uint8_t byte, bool malformed)
{
	static uint8_t copy[LIMIT_IKE_MESSAGE];

	memcpy(copy, b->p.held, b->p.held_len);
	if (copy[at] == byte)
		return;
	copy[at] = byte;
	expect_nothing(b, copy, b->p.held_len, malformed);
}

static void wrong_version(struct bad *b)
{
	for (unsigned major = 0; major < 16; major++)
		if (major != 2)
			with_byte(b, VERSION, (uint8_t)(major << 4), true);
}
static void test_wrong_version(void **state)
{
	(void)state;
	each_state(wrong_version);
}

/* RFC 7296 3.1: the minor version and reserved flags MUST be ignored. Where
 * the header is protected they must be those that the sender protected. */
static void test_minor_version_and_reserved_flags(void **state)
{
	static const struct {
		size_t at;
		uint8_t bit;
	} cases[] = { { VERSION, 0x01 }, { VERSION, 0x0f }, { FLAGS, 0x10 },
		      { FLAGS, 0x01 },	 { FLAGS, 0x80 },   { FLAGS, 0xc7 } };
	const struct puppet_script s = { 0 };
	static struct bad b;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bad_enter(&b, BAD_NOTHING);
		bad_hold_honest(&b, &s);
		b.p.held[cases[i].at] |= cases[i].bit;
		bad_send_held(&b);
		bad_assert_went_on(&b);
		bad_leave(&b);
		bad_enter(&b, BAD_RESPONDED);
		bad_hold_honest(&b, &s);
		b.p.held[cases[i].at] |= cases[i].bit;
		bad_send_held(&b);
		bad_assert_unchanged(&b);
		bad_assert_silent(&b);
		assert_int_equal(bad_counted(&b).integrity_failed, 1);
		bad_leave(&b);
	}
}

static void wrong_flags(struct bad *b)
{
	const uint8_t honest = b->p.held[FLAGS];

	with_byte(b, FLAGS, honest ^ IKE_FLAG_INITIATOR, false);
	with_byte(b, FLAGS, honest ^ IKE_FLAG_RESPONSE, false);
	with_byte(b, FLAGS, honest ^ (IKE_FLAG_INITIATOR | IKE_FLAG_RESPONSE),
		  false);
}
static void test_wrong_flags(void **state)
{
	(void)state;
	each_state(wrong_flags);
}

/* Those of this protocol that do not belong here, those of IKEv1 (2 to 6 and
 * 32, 33), and numbers without a meaning. */
static void wrong_exchange(struct bad *b)
{
	for (unsigned exchange = 0; exchange < 256; exchange++)
		with_byte(b, EXCHANGE, (uint8_t)exchange, false);
}
static void test_wrong_exchange(void **state)
{
	(void)state;
	each_state(wrong_exchange);
}

static void spi_zero(struct bad *b)
{
	static uint8_t copy[LIMIT_IKE_MESSAGE];

	memcpy(copy, b->p.held, b->p.held_len);
	memset(copy + SPI_I, 0, 8);
	expect_nothing(b, copy, b->p.held_len, true);
	if (b->state == BAD_NOTHING) /* it is zero */
		return;
	memcpy(copy, b->p.held, b->p.held_len);
	memset(copy + SPI_R, 0, 8);
	expect_nothing(b, copy, b->p.held_len, false);
	memset(copy + SPI_I, 0, 16);
	expect_nothing(b, copy, b->p.held_len, true);
}
static void test_spi_zero(void **state)
{
	(void)state;
	each_state(spi_zero);
}

static void spi_not_ours(struct bad *b)
{
	static uint8_t copy[LIMIT_IKE_MESSAGE];

	for (size_t at = SPI_I; at < SPI_I + 16; at++) {
		/* The initiator's is its own choice; and a responder's in an
		 * IKE_SA_INIT response is new to us. */
		if (b->state == BAD_NOTHING
			    ? at < SPI_R
			    : b->state == BAD_INIT_SENT && at >= SPI_R)
			continue;
		memcpy(copy, b->p.held, b->p.held_len);
		copy[at] ^= 0x40;
		expect_nothing(b, copy, b->p.held_len, b->state == BAD_NOTHING);
		if (b->state != BAD_NOTHING)
			assert_int_equal(bad_counted(b).unknown_spi, 1);
	}
}
static void test_spi_not_ours(void **state)
{
	(void)state;
	each_state(spi_not_ours);
}

/* Every bit of every header, one at a time. */
static void every_bit(struct bad *b)
{
	for (size_t at = 0; at < IKE_HEADER_LEN; at++)
		for (unsigned bit = 0; bit < 8; bit++) {
			if (b->state == BAD_NOTHING &&
			    (at < SPI_R || at == FLAGS || at == VERSION))
				continue; /* another request, ignored bits */
			/* And in a response another first payload. */
			if (b->state == BAD_INIT_SENT &&
			    (at >= SPI_R &&
			     (at <= 16 || at == FLAGS || at == VERSION)))
				continue;
			with_byte(b, at, b->p.held[at] ^ (uint8_t)(1u << bit),
				  false);
		}
}
static void test_every_bit(void **state)
{
	(void)state;
	each_state(every_bit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_length_under_28),
		cmocka_unit_test(test_length_not_the_datagrams),
		cmocka_unit_test(test_length_over_the_maximum),
		cmocka_unit_test(test_wrong_version),
		cmocka_unit_test(test_minor_version_and_reserved_flags),
		cmocka_unit_test(test_wrong_flags),
		cmocka_unit_test(test_wrong_exchange),
		cmocka_unit_test(test_spi_zero),
		cmocka_unit_test(test_spi_not_ours),
		cmocka_unit_test(test_every_bit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
