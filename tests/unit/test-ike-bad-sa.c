/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bad input, group 3: the SA payload, of IKE and of ESP, from either side. What
 * cannot be read is a syntax error; what can be read and is not for us is
 * refused; and an unknown transform rejects only itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ike-bad.h"

/* A transform without and with Key Length; more is 3, or 0 at the last. */
#define T(more, type, id) more, 0, 0, 8, type, 0, (id) >> 8, (id)&255
#define K(more, type, id, bits)                                              \
	more, 0, 0, 12, type, 0, (id) >> 8, (id)&255, 0x80, 14, (bits) >> 8, \
		(bits)&255
/* Proposals, of IKE and of ESP with an SPI. */
#define IKE(more, len, number, n) more, 0, 0, len, number, 1, 0, n
#define ESP(more, len, number, n) \
	more, 0, 0, len, number, 3, 4, n, 0x11, 0x22, 0x33, 0x44

#define GCM    K(3, 1, 20, 256)
#define PRF    T(3, 2, 5)
#define X25519 T(0, 4, 31)
#define NO_ESN T(0, 5, 0)

enum verdict {
	MALFORMED, /* a syntax error */
	REFUSED,   /* NO_PROPOSAL_CHOSEN, or as initiator: not our proposal */
	TAKEN,
};

struct sa_case {
	const char *name;
	enum verdict verdict;
	size_t len;
	uint8_t data[128];
};

#define LEN(...) sizeof((const uint8_t[]){ __VA_ARGS__ })
#define CASE(name, verdict, ...)                 \
	{                                        \
		name, verdict, LEN(__VA_ARGS__), \
		{                                \
			__VA_ARGS__              \
		}                                \
	}
#define NOTHING(name)               \
	{                           \
		name, MALFORMED, 0, \
		{                   \
			0           \
		}                   \
	}

static const struct sa_case ike_cases[] = {
	CASE("good", TAKEN, IKE(0, 36, 1, 3), GCM, PRF, X25519),
	NOTHING("no proposal"),
	CASE("no transform", REFUSED, IKE(0, 8, 1, 0)),
	CASE("fewer transforms than counted", MALFORMED, IKE(0, 36, 1, 4), GCM,
	     PRF, X25519),
	CASE("more transforms than counted", MALFORMED, IKE(0, 36, 1, 2), GCM,
	     PRF, X25519),
	CASE("255 transforms counted", MALFORMED, IKE(0, 36, 1, 255), GCM, PRF,
	     X25519),
	CASE("no transform counted", MALFORMED, IKE(0, 36, 1, 0), GCM, PRF,
	     X25519),
	CASE("proposal longer than the payload", MALFORMED, IKE(0, 37, 1, 3),
	     GCM, PRF, X25519),
	CASE("proposal shorter than its transforms", MALFORMED,
	     IKE(0, 35, 1, 3), GCM, PRF, X25519),
	CASE("proposal of length 0", MALFORMED, IKE(0, 0, 1, 3), GCM, PRF,
	     X25519),
	CASE("proposal of length 7", MALFORMED, IKE(0, 7, 1, 3), GCM, PRF,
	     X25519),
	CASE("bytes behind it", MALFORMED, IKE(0, 36, 1, 3), GCM, PRF, X25519,
	     0),
	CASE("another one announced", MALFORMED, IKE(2, 36, 1, 3), GCM, PRF,
	     X25519),
	CASE("another transform announced", MALFORMED, IKE(0, 36, 1, 3), GCM,
	     PRF, T(3, 4, 31)),
	CASE("the end in the middle", MALFORMED, IKE(0, 36, 1, 3),
	     K(0, 1, 20, 256), PRF, X25519),
	CASE("transform of length 0", MALFORMED, IKE(0, 36, 1, 3), GCM, 3, 0, 0,
	     0, 2, 0, 0, 5, X25519),
	CASE("transform of length 7", MALFORMED, IKE(0, 36, 1, 3), GCM, 3, 0, 0,
	     7, 2, 0, 0, 5, X25519),
	CASE("transform longer than the proposal", MALFORMED, IKE(0, 36, 1, 3),
	     GCM, 3, 0, 1, 8, 2, 0, 0, 5, X25519),
	CASE("attribute cut short", MALFORMED, IKE(0, 34, 1, 3), 3, 0, 0, 10, 1,
	     0, 0, 20, 0x80, 14, PRF, X25519),
	CASE("attribute longer than its transform", MALFORMED, IKE(0, 36, 1, 3),
	     3, 0, 0, 12, 1, 0, 0, 20, 0, 14, 0, 9, PRF, X25519),
	CASE("missing PRF", REFUSED, IKE(0, 28, 1, 2), GCM, X25519),
	CASE("unknown PRF", REFUSED, IKE(0, 36, 1, 3), GCM, T(3, 2, 99),
	     X25519),
	CASE("PRF 0", REFUSED, IKE(0, 36, 1, 3), GCM, T(3, 2, 0), X25519),
	CASE("missing cipher", REFUSED, IKE(0, 24, 1, 2), PRF, X25519),
	CASE("missing key exchange", REFUSED, IKE(0, 28, 1, 2), GCM,
	     T(0, 2, 5)),
	CASE("key exchange NONE", REFUSED, IKE(0, 36, 1, 3), GCM, PRF,
	     T(0, 4, 0)),
	CASE("AEAD with an integrity transform", REFUSED, IKE(0, 44, 1, 4), GCM,
	     T(3, 3, 12), PRF, X25519),
	CASE("AEAD with integrity NONE", TAKEN, IKE(0, 44, 1, 4), GCM,
	     T(3, 3, 0), PRF, X25519),
	CASE("CBC without integrity", REFUSED, IKE(0, 36, 1, 3),
	     K(3, 1, 12, 256), PRF, X25519),
	CASE("CBC with integrity NONE", REFUSED, IKE(0, 44, 1, 4),
	     K(3, 1, 12, 256), T(3, 3, 0), PRF, X25519),
	CASE("no key length", REFUSED, IKE(0, 32, 1, 3), T(3, 1, 20), PRF,
	     X25519),
	CASE("key length 0", REFUSED, IKE(0, 36, 1, 3), K(3, 1, 20, 0), PRF,
	     X25519),
	CASE("key length 32", REFUSED, IKE(0, 36, 1, 3), K(3, 1, 20, 32), PRF,
	     X25519),
	CASE("key length 255", REFUSED, IKE(0, 36, 1, 3), K(3, 1, 20, 255), PRF,
	     X25519),
	CASE("key length 65535", REFUSED, IKE(0, 36, 1, 3), K(3, 1, 20, 65535),
	     PRF, X25519),
	CASE("a PRF with a key length", REFUSED, IKE(0, 40, 1, 3), GCM,
	     K(3, 2, 5, 256), X25519),
	CASE("an SPI where none is yet", MALFORMED, 0, 0, 0, 44, 1, 1, 8, 3, 1,
	     2, 3, 4, 5, 6, 7, 8, GCM, PRF, X25519),
	CASE("an SPI larger than the proposal", MALFORMED, 0, 0, 0, 36, 1, 1,
	     255, 3, GCM, PRF, X25519),
	CASE("of ESP", REFUSED, ESP(0, 32, 1, 2), GCM, NO_ESN),
	CASE("of protocol 0", REFUSED, 0, 0, 0, 36, 1, 0, 0, 3, GCM, PRF,
	     X25519),
	CASE("of protocol 255", REFUSED, 0, 0, 0, 36, 1, 255, 0, 3, GCM, PRF,
	     X25519),
	CASE("unknown transforms beside good ones", TAKEN, IKE(0, 72, 1, 7),
	     K(3, 1, 99, 256), GCM, T(3, 2, 99), PRF, T(3, 4, 2), T(3, 4, 999),
	     X25519),
	CASE("a transform of an unknown type", REFUSED, IKE(0, 44, 1, 4), GCM,
	     PRF, T(3, 99, 1), X25519),
	CASE("the same, and a good proposal", TAKEN, IKE(2, 44, 1, 4), GCM, PRF,
	     T(3, 99, 1), X25519, IKE(0, 36, 2, 3), GCM, PRF, X25519),
};

/* As responder to IKE_SA_INIT: nothing is kept of any of them. */
static void test_ike_requests(void **state)
{
	const struct puppet_script honest = { 0 };
	static struct bad b;

	(void)state;
	for (size_t i = 0; i < sizeof(ike_cases) / sizeof(ike_cases[0]); i++) {
		const struct sa_case *c = &ike_cases[i];
		const struct puppet_script s = { .sa = c->data,
						 .sa_len = c->len };

		print_message("  %s\n", c->name);
		bad_enter(&b, BAD_NOTHING);
		bad_hold_honest(&b, &s);
		bad_send_held(&b);
		if (c->verdict == TAKEN) {
			bad_assert_went_on(&b);
			bad_leave(&b);
			continue;
		}
		bad_assert_unchanged(&b);
		assert_int_equal(bad_counted(&b).malformed,
				 c->verdict == MALFORMED);
		assert_int_equal(bad_counted(&b).init_refused,
				 c->verdict == REFUSED);
		assert_int_equal(b.p.n_rx, c->verdict == REFUSED);
		if (c->verdict == REFUSED)
			assert_int_equal(puppet_plain_notify(&b.p),
					 IKE_NOTIFY_NO_PROPOSAL_CHOSEN);
		bad_hold_honest(&b, &honest);
		bad_mark(&b);
		bad_send_held(&b);
		bad_assert_went_on(&b);
		bad_leave(&b);
	}
}

/* What no honest responder chooses of what we proposed. */
static const struct sa_case ike_answers[] = {
	CASE("two proposals", REFUSED, IKE(2, 36, 1, 3), GCM, PRF, X25519,
	     IKE(0, 36, 2, 3), GCM, PRF, X25519),
	CASE("two ciphers", REFUSED, IKE(0, 48, 1, 4), GCM, K(3, 1, 20, 128),
	     PRF, X25519),
	CASE("two groups", REFUSED, IKE(0, 44, 1, 4), GCM, PRF, T(3, 4, 31),
	     T(0, 4, 19)),
	CASE("proposal 0", REFUSED, IKE(0, 36, 0, 3), GCM, PRF, X25519),
	CASE("proposal 9", REFUSED, IKE(0, 36, 9, 3), GCM, PRF, X25519),
	CASE("3DES", REFUSED, IKE(0, 32, 1, 3), T(3, 1, 3), PRF, X25519),
	CASE("NULL", REFUSED, IKE(0, 32, 1, 3), T(3, 1, 11), PRF, X25519),
	CASE("a group that we did not propose", REFUSED, IKE(0, 36, 1, 3), GCM,
	     PRF, T(0, 4, 2)),
	CASE("another group than the KE payload's", REFUSED, IKE(0, 36, 1, 3),
	     GCM, PRF, T(0, 4, 19)),
	CASE("SHA-1", REFUSED, IKE(0, 36, 1, 3), GCM, T(3, 2, 2), X25519),
};

/* As initiator: each is counted as what it is, and waits for a better one. */
static void answer_case(const struct sa_case *c)
{
	const struct puppet_script honest = { 0 };
	const struct puppet_script s = { .sa = c->data, .sa_len = c->len };
	static struct bad b;

	print_message("  %s\n", c->name);
	bad_enter(&b, BAD_INIT_SENT);
	bad_hold_honest(&b, &s);
	bad_send_held(&b);
	bad_assert_unchanged(&b);
	assert_int_equal(bad_counted(&b).malformed, 1);
	assert_int_equal(b.p.n_rx, b.n_rx);
	bad_hold_honest(&b, &honest);
	bad_mark(&b);
	bad_send_held(&b);
	bad_assert_went_on(&b);
	bad_leave(&b);
}

static void test_ike_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ike_cases) / sizeof(ike_cases[0]); i++)
		/* NONE spelt out is what we did not propose; but that an
		 * honest responder may do, too. */
		if (ike_cases[i].verdict != TAKEN)
			answer_case(&ike_cases[i]);
	for (size_t i = 0; i < sizeof(ike_answers) / sizeof(ike_answers[0]);
	     i++)
		answer_case(&ike_answers[i]);
}

static const struct sa_case esp_cases[] = {
	CASE("good", TAKEN, ESP(0, 32, 1, 2), GCM, NO_ESN),
	NOTHING("no proposal"),
	CASE("no transform", REFUSED, ESP(0, 12, 1, 0)),
	CASE("wrong count", MALFORMED, ESP(0, 32, 1, 3), GCM, NO_ESN),
	CASE("no SPI", MALFORMED, 0, 0, 0, 28, 1, 3, 0, 2, GCM, NO_ESN),
	CASE("an SPI of 3 bytes", MALFORMED, 0, 0, 0, 31, 1, 3, 3, 2, 1, 2, 3,
	     GCM, NO_ESN),
	CASE("an SPI of 8 bytes", MALFORMED, 0, 0, 0, 36, 1, 3, 8, 2, 1, 2, 3,
	     4, 5, 6, 7, 8, GCM, NO_ESN),
	CASE("an SPI of 255 bytes", MALFORMED, 0, 0, 0, 28, 1, 3, 255, 2, GCM,
	     NO_ESN),
	CASE("SPI 0", REFUSED, 0, 0, 0, 32, 1, 3, 4, 2, 0, 0, 0, 0, GCM,
	     NO_ESN),
	CASE("SPI 255, which is reserved", REFUSED, 0, 0, 0, 32, 1, 3, 4, 2, 0,
	     0, 0, 255, GCM, NO_ESN),
	CASE("of IKE", REFUSED, IKE(0, 36, 1, 3), GCM, PRF, X25519),
	CASE("AH", REFUSED, 0, 0, 0, 28, 1, 2, 4, 2, 1, 2, 3, 4, T(3, 3, 12),
	     NO_ESN),
	CASE("NULL encryption", REFUSED, ESP(0, 36, 1, 3), T(3, 1, 11),
	     T(3, 3, 12), NO_ESN),
	CASE("no encryption at all", REFUSED, ESP(0, 28, 1, 2), T(3, 3, 12),
	     NO_ESN),
	CASE("AEAD with an integrity transform", REFUSED, ESP(0, 40, 1, 3), GCM,
	     T(3, 3, 12), NO_ESN),
	CASE("CBC without integrity", REFUSED, ESP(0, 32, 1, 2),
	     K(3, 1, 12, 256), NO_ESN),
	CASE("key length 1", REFUSED, ESP(0, 32, 1, 2), K(3, 1, 20, 1), NO_ESN),
	CASE("no key length", REFUSED, ESP(0, 28, 1, 2), T(3, 1, 20), NO_ESN),
	CASE("unknown sequence numbers", REFUSED, ESP(0, 32, 1, 2), GCM,
	     T(0, 5, 9)),
	CASE("unknown ones beside good ones", TAKEN, ESP(0, 52, 1, 4),
	     K(3, 1, 99, 256), GCM, T(3, 5, 9), NO_ESN),
};

/* As responder to IKE_AUTH: the peer is authenticated, its child is not
 * granted. */
static void test_esp_requests(void **state)
{
	static struct bad b;

	(void)state;
	for (size_t i = 0; i < sizeof(esp_cases) / sizeof(esp_cases[0]); i++) {
		const struct sa_case *c = &esp_cases[i];
		const struct puppet_script s = { .sa = c->data,
						 .sa_len = c->len };
		uint16_t error;

		print_message("  %s\n", c->name);
		bad_enter(&b, BAD_INIT_DONE);
		bad_hold_honest(&b, &s);
		bad_send_held(&b);
		assert_int_equal(b.p.n_rx, b.n_rx + 1);
		puppet_open(&b.p);
		error = puppet_error(&b.p);
		if (c->verdict == TAKEN)
			assert_int_equal(error, 0);
		else if (c->verdict == REFUSED)
			assert_int_equal(error, IKE_NOTIFY_NO_PROPOSAL_CHOSEN);
		else
			assert_int_equal(error, IKE_NOTIFY_INVALID_SYNTAX);
		assert_int_equal(host_children(&b.w.hosts[0]),
				 c->verdict == TAKEN);
		bad_leave(&b);
	}
}

/* As initiator: whatever it is, no Child SA comes of it, and the owner hears
 * of it once. */
static void test_esp_answers(void **state)
{
	static struct bad b;

	(void)state;
	for (size_t i = 0; i < sizeof(esp_cases) / sizeof(esp_cases[0]); i++) {
		const struct sa_case *c = &esp_cases[i];
		const struct puppet_script s = { .sa = c->data,
						 .sa_len = c->len };

		if (c->verdict == TAKEN)
			continue;
		print_message("  %s\n", c->name);
		bad_enter(&b, BAD_AUTH_SENT);
		bad_hold_honest(&b, &s);
		bad_send_held(&b);
		assert_int_equal(b.w.hosts[0].n_children, 0);
		assert_int_equal(b.w.hosts[0].n_failed, 1);
		bad_leave(&b);
		assert_int_equal(b.w.hosts[0].n_failed, 1);
	}
}

/* As many as a payload may have, and one more. */
static void test_too_many(void **state)
{
	const uint8_t proposal[] = { IKE(2, 36, 1, 3), GCM, PRF, X25519 };
	static uint8_t data[3000];
	static struct bad b;

	(void)state;
	for (size_t n = LIMIT_IKE_PROPOSALS; n <= LIMIT_IKE_PROPOSALS + 1;
	     n++) {
		const size_t len = n * sizeof(proposal);
		const struct puppet_script s = { .sa = data, .sa_len = len };

		for (size_t i = 0; i < n; i++) {
			memcpy(data + i * sizeof(proposal), proposal,
			       sizeof(proposal));
			data[i * sizeof(proposal) + 4] = (uint8_t)(i + 1);
		}
		data[len - sizeof(proposal)] = 0;
		bad_enter(&b, BAD_NOTHING);
		bad_hold_honest(&b, &s);
		bad_send_held(&b);
		assert_int_equal(bad_counted(&b).malformed,
				 n > LIMIT_IKE_PROPOSALS);
		assert_int_equal(bad_counted(&b).half_open,
				 n <= LIMIT_IKE_PROPOSALS);
		bad_leave(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ike_requests),
		cmocka_unit_test(test_ike_answers),
		cmocka_unit_test(test_esp_requests),
		cmocka_unit_test(test_esp_answers),
		cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
