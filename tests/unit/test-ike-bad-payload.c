/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bad input, group 2: payloads that are missing, doubled, empty, in another
 * order, unknown, of IKEv1, without end, or larger than what there is; in each
 * message of the handshake and inside the SK payload of an established SA.
 *
 * Before anybody is authenticated such a message is counted and forgotten;
 * from a peer that holds the keys it ends the IKE SA (RFC 7296 2.21.3).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ike-bad.h"

#define P(type) IKE_PRESENT(IKE_PAYLOAD_##type)
#define INFO	IKE_EXCHANGE_INFORMATIONAL
#define CHILD	IKE_EXCHANGE_CREATE_CHILD_SA

#define SYNTAX	 IKE_NOTIFY_INVALID_SYNTAX
#define CRITICAL IKE_NOTIFY_UNSUPPORTED_CRITICAL_PAYLOAD

/* The payloads that each message must have. */
static const struct {
	enum bad_state state;
	uint32_t types;
} mandatory[] = {
	{ BAD_NOTHING, P(SA) | P(KE) | P(NONCE) },
	{ BAD_INIT_SENT, P(SA) | P(KE) | P(NONCE) },
	{ BAD_INIT_DONE, P(IDI) | P(AUTH) | P(SA) | P(TSI) | P(TSR) },
	{ BAD_AUTH_SENT, P(IDR) | P(AUTH) | P(SA) | P(TSI) | P(TSR) },
};

/* A stranger's: nothing; the honest one is still taken. */
static void check_forgotten(struct bad *b)
{
	const struct puppet_script honest = { 0 };

	assert_int_equal(bad_counted(b).malformed, 1);
	bad_assert_unchanged(b);
	assert_int_equal(b->p.n_rx, b->n_rx);
	bad_hold_honest(b, &honest);
	bad_mark(b);
	bad_send_held(b);
	bad_assert_went_on(b);
}

/* The peer that we asked or that asks holds the keys: no Child SA comes of
 * it. A request gets its answer; then only repetitions do. */
static void check_over(struct bad *b, uint16_t notify)
{
	assert_int_equal(host_children(&b->w.hosts[0]), 0);
	assert_int_equal(b->w.hosts[0].n_children, b->n_children);
	assert_int_equal(b->w.hosts[0].n_failed, b->n_failed + 1);
	if (b->state != BAD_INIT_DONE)
		return;
	assert_int_equal(b->p.n_rx, b->n_rx + 1);
	puppet_open(&b->p);
	assert_int_equal(puppet_error(&b->p), notify);
	bad_send_held(b);
	assert_int_equal(b->p.n_rx, b->n_rx + 2);
}

static void check(struct bad *b, uint16_t notify)
{
	if (b->state == BAD_NOTHING || b->state == BAD_INIT_SENT)
		check_forgotten(b);
	else
		check_over(b, notify);
	bad_leave(b);
}

/* Calls for each mandatory payload of each message. */
static void each_mandatory(void (*attack)(struct bad *b, uint32_t bit))
{
	static struct bad b;

	for (size_t i = 0; i < sizeof(mandatory) / sizeof(mandatory[0]); i++)
		for (unsigned n = 0; n < 32; n++) {
			uint32_t bit = UINT32_C(1) << n;

			if (!(mandatory[i].types & bit))
				continue;
			print_message("  %s, payload %u\n",
				      bad_state_name(mandatory[i].state),
				      32 + n);
			bad_enter(&b, mandatory[i].state);
			attack(&b, bit);
		}
}

static void attack_with(struct bad *b, const struct puppet_script *s)
{
	bad_hold_honest(b, s);
	bad_mark(b);
	bad_send_held(b);
}

static void missing(struct bad *b, uint32_t bit)
{
	const struct puppet_script s = { .omit = bit };

	attack_with(b, &s);
	/* Without AUTH it asks for EAP (2.16), which we do not speak. */
	if (b->state == BAD_INIT_DONE && bit == P(AUTH))
		check(b, IKE_NOTIFY_AUTHENTICATION_FAILED);
	else
		check(b, SYNTAX);
}
static void test_missing(void **state)
{
	(void)state;
	each_mandatory(missing);
}

static void doubled(struct bad *b, uint32_t bit)
{
	const struct puppet_script s = { .twice = bit };

	attack_with(b, &s);
	check(b, SYNTAX);
}
static void test_doubled(void **state)
{
	(void)state;
	each_mandatory(doubled);
}

static void empty(struct bad *b, uint32_t bit)
{
	const struct puppet_script s = { .empty = bit };

	attack_with(b, &s);
	check(b, SYNTAX);
}
static void test_empty(void **state)
{
	(void)state;
	each_mandatory(empty);
}

/* RFC 7296 2.5: payloads may come in any order. */
static void test_reordered(void **state)
{
	const struct puppet_script s = { .reverse = true };
	static struct bad b;

	(void)state;
	for (unsigned i = BAD_NOTHING; i <= BAD_AUTH_SENT; i++) {
		bad_enter(&b, i);
		attack_with(&b, &s);
		bad_assert_went_on(&b);
		bad_leave(&b);
	}
}

/* 2.5: skipped where they are not critical. */
static void test_unknown(void **state)
{
	static const uint8_t types[] = { 1, 13, 32, 49, 52, 54, 127, 128, 255 };
	static struct bad b;

	(void)state;
	for (size_t k = 0; k < sizeof(types); k++)
		for (unsigned i = BAD_NOTHING; i <= BAD_AUTH_SENT; i++) {
			const struct puppet_script s = { .unknown = types[k] };

			bad_enter(&b, i);
			attack_with(&b, &s);
			bad_assert_went_on(&b);
			bad_leave(&b);
		}
}

/* 2.5: refused where they are, and where nobody asked they are ignored. */
static void test_unknown_critical(void **state)
{
	static const uint8_t types[] = { 1, 13, 32, 49, 52, 54, 127, 128, 255 };
	const struct puppet_script honest = { 0 };
	static struct bad b;

	(void)state;
	for (size_t k = 0; k < sizeof(types); k++)
		for (unsigned i = BAD_NOTHING; i <= BAD_AUTH_SENT; i++) {
			const struct puppet_script s = { .unknown = types[k],
							 .critical = true };

			bad_enter(&b, i);
			attack_with(&b, &s);
			if (i != BAD_NOTHING) {
				check(&b, CRITICAL);
				continue;
			}
			/* Refused without keeping anything. */
			bad_assert_unchanged(&b);
			assert_int_equal(bad_counted(&b).init_refused, 1);
			assert_int_equal(puppet_plain_notify(&b.p), CRITICAL);
			assert_int_equal(b.p.rx[b.p.rx_len - 1], types[k]);
			bad_mark(&b);
			bad_hold_honest(&b, &honest);
			bad_send_held(&b);
			bad_assert_went_on(&b);
			bad_leave(&b);
		}
}

/* --- chains, byte by byte ---------------------------------------------------- */

struct chain {
	const char *name;
	uint8_t first;
	const char *data;
	size_t len;
	bool good; /* to be answered like any other */
};

#define CHAIN(name, first, data, good)                    \
	{                                                 \
		name, first, data, sizeof(data) - 1, good \
	}

/* Every payload of IKEv1, which share no number with those of IKEv2. */
static const struct chain chains[] = {
	CHAIN("nothing at all", 0, "", true),
	CHAIN("a payload that is not there", 41, "", false),
	CHAIN("bytes that no payload has", 0, "x", false),
	CHAIN("bytes behind the last payload", 43, "\0\0\0\5axyz", false),
	CHAIN("a header cut short", 43, "\0\0\0", false),
	CHAIN("length 0", 43, "\0\0\0\0", false),
	CHAIN("length 3", 43, "\0\0\0\3", false),
	CHAIN("one byte more than there is", 43, "\0\0\0\6a", false),
	CHAIN("64 KiB", 43, "\0\0\xff\xff", false),
	CHAIN("one more payload announced", 43, "\51\0\0\5a", false),
	CHAIN("the second one too long", 43, "\53\0\0\5a\0\0\0\6b", false),
	CHAIN("two in order", 43, "\53\0\0\5a\0\0\0\5b", true),
	CHAIN("an SK payload inside SK", 46, "\0\0\0\4", false),
	CHAIN("an SKF payload inside SK", 53,
	      "\0\0\0\x10\0\1\0\1"
	      "01234567",
	      false),
	CHAIN("IKEv1 SA", 1, "\0\0\0\x8wxyz", true),
	CHAIN("IKEv1 hash, nonce, notify, delete, vendor", 8,
	      "\x0a\0\0\5a\x0b\0\0\5b\x0c\0\0\5c\x0d\0\0\5d\0\0\0\5e", true),
	CHAIN("IKEv1 delete, critical", 12, "\0\x80\0\5a", true),
};

static void test_chains(void **state)
{
	static struct bad b;

	(void)state;
	for (size_t i = 0; i < sizeof(chains) / sizeof(chains[0]); i++)
		for (unsigned k = 0; k < 2; k++) {
			const struct chain *c = &chains[i];

			print_message("  %s\n", c->name);
			bad_enter(&b, k ? BAD_RESPONDED : BAD_INITIATED);
			puppet_send_raw(&b.p, INFO, false, k ? 2 : 0, c->first,
					c->data, c->len);
			assert_int_equal(b.p.n_rx, b.n_rx + 1);
			puppet_open(&b.p);
			if (c->good) {
				assert_int_equal(host_children(&b.w.hosts[0]),
						 1);
			} else {
				assert_int_equal(puppet_error(&b.p), SYNTAX);
				assert_int_equal(host_children(&b.w.hosts[0]),
						 0);
				assert_int_equal(
					b.w.hosts[0].children[0].reason,
					IKE_REASON_PROTOCOL);
			}
			bad_leave(&b);
		}
}

/* A chain cannot go back; as long as it may be it has a bound. */
static void test_endless_chain(void **state)
{
	static const uint8_t types[] = { 41, 43, 99 };
	static struct bad b;
	uint8_t data[512] = { 0 };

	(void)state;
	for (size_t k = 0; k < sizeof(types); k++) {
		for (size_t i = 0; i < sizeof(data); i += 8) {
			data[i] = types[k];
			data[i + 3] = 8;
		}
		bad_enter(&b, BAD_RESPONDED);
		puppet_send_raw(&b.p, INFO, false, 2, types[k], data,
				sizeof(data));
		puppet_open(&b.p);
		assert_int_equal(puppet_error(&b.p), SYNTAX);
		assert_int_equal(host_children(&b.w.hosts[0]), 0);
		bad_leave(&b);
	}
}

/* In the clear the same ends nothing, in any state. */
static void test_chains_in_the_clear(void **state)
{
	static struct bad b;

	(void)state;
	for (size_t i = 0; i < sizeof(chains) / sizeof(chains[0]); i++)
		for (unsigned k = 0; k < BAD_STATES; k++) {
			const struct chain *c = &chains[i];
			uint8_t message[128];

			const struct puppet_script s = { 0 };

			bad_enter(&b, k);
			bad_hold_honest(&b, &s);
			memcpy(message, b.p.held, IKE_HEADER_LEN);
			message[16] = c->first;
			message[26] = 0;
			message[27] = (uint8_t)(IKE_HEADER_LEN + c->len);
			memcpy(message + IKE_HEADER_LEN, c->data, c->len);
			bad_mark(&b);
			world_inject(&b.w, 0, message, IKE_HEADER_LEN + c->len);
			bad_assert_unchanged(&b);
			assert_int_equal(bad_counted(&b).malformed +
						 bad_counted(&b).init_refused,
					 1);
			bad_hold_honest(&b, &s);
			bad_mark(&b);
			bad_send_held(&b);
			bad_assert_went_on(&b);
			bad_leave(&b);
		}
}

/* Each byte of the outer chain of an honest message set to the extremes: what
 * it claims is not there. */
static void test_every_length(void **state)
{
	static const uint8_t edges[] = { 0, 1, 3, 0x7f, 0xff };
	const struct puppet_script s = { 0 };
	static struct bad b;

	(void)state;
	bad_enter(&b, BAD_NOTHING);
	bad_hold_honest(&b, &s);
	for (size_t at = IKE_HEADER_LEN + 2; at < b.p.held_len; at++)
		for (size_t k = 0; k < sizeof(edges); k++) {
			uint8_t before = b.p.held[at];

			b.p.held[at] = edges[k];
			bad_send_held(&b);
			b.p.held[at] = before;
		}
	/* Some were good requests: bounded, and nothing but half-open. */
	assert_int_equal(host_children(&b.w.hosts[0]), 0);
	assert_true(bad_counted(&b).malformed > 20);
	assert_int_equal(bad_counted(&b).sas, bad_counted(&b).half_open);
	bad_leave(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_doubled),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_reordered),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_unknown_critical),
		cmocka_unit_test(test_chains),
		cmocka_unit_test(test_endless_chain),
		cmocka_unit_test(test_chains_in_the_clear),
		cmocka_unit_test(test_every_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
