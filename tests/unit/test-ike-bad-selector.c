/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bad input, group 7: traffic selectors. An anonymous peer that asks for the
 * whole Internet would get all our traffic; it gets its own address, and who
 * asks for another one gets nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ike-bad.h"

/* A selector of IPv4: protocol, ports, addresses 192.0.2.x. */
#define V4(protocol, p0, p1, first, last)                                     \
	7, protocol, 0, 16, (p0) >> 8, (p0)&255, (p1) >> 8, (p1)&255, 192, 0, \
		2, first, 192, 0, 2, last
#define HOST(n) V4(0, 0, 65535, n, n)
#define RANGE(a, b, c, d, e, f, g, h) \
	7, 0, 0, 16, 0, 0, 255, 255, a, b, c, d, e, f, g, h
#define EVERYTHING RANGE(0, 0, 0, 0, 255, 255, 255, 255)
#define V6(first, last)                                                        \
	8, 0, 0, 40, 0, 0, 255, 255, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0,  \
		0, 0, 0, 0, first, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, \
		0, 0, 0, last
#define UNKNOWN7                                                             \
	9, 0, 0, 4, 9, 0, 0, 4, 9, 0, 0, 4, 9, 0, 0, 4, 9, 0, 0, 4, 9, 0, 0, \
		4, 9, 0, 0, 4
#define V6_EVERYTHING                                                          \
	8, 0, 0, 40, 0, 0, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, \
		0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,   \
		255, 255, 255, 255, 255

enum verdict {
	MALFORMED,
	REFUSED,  /* TS_UNACCEPTABLE */
	NARROWED, /* to the one host, whatever else was asked for */
};

struct ts_case {
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

/* HOSTS is the one that may be asked for, OTHER the other end. */
#define CASES(THE_HOST, OTHER)                                                 \
	CASE("none", MALFORMED, 0, 0, 0, 0),                                   \
		CASE("less than counted", MALFORMED, 2, 0, 0, 0,               \
		     HOST(THE_HOST)),                                          \
		CASE("more than counted", MALFORMED, 1, 0, 0, 0,               \
		     HOST(THE_HOST), HOST(THE_HOST)),                          \
		CASE("255 counted", MALFORMED, 255, 0, 0, 0, HOST(THE_HOST)),  \
		CASE("a byte behind it", MALFORMED, 1, 0, 0, 0,                \
		     HOST(THE_HOST), 0),                                       \
		CASE("a byte short", MALFORMED, 1, 0, 0, 0, 7, 0, 0, 16, 0, 0, \
		     255, 255, 192, 0, 2, THE_HOST, 192, 0, 2),                \
		CASE("start after end", MALFORMED, 1, 0, 0, 0,                 \
		     V4(0, 0, 65535, 9, 0)),                                   \
		CASE("length 0", MALFORMED, 1, 0, 0, 0, 7, 0, 0, 0),           \
		CASE("length 15", MALFORMED, 1, 0, 0, 0, 7, 0, 0, 15, 0, 0,    \
		     255, 255, 192, 0, 2, 2, 192, 0, 2),                       \
		CASE("length 65535", MALFORMED, 1, 0, 0, 0, 7, 0, 255, 255, 0, \
		     0, 255, 255, 192, 0, 2, 2, 192, 0, 2, 2),                 \
		CASE("an IPv6 one of the length of IPv4", MALFORMED, 1, 0, 0,  \
		     0, 8, 0, 0, 16, 0, 0, 255, 255, 192, 0, 2, 2, 192, 0, 2,  \
		     2),                                                       \
		CASE("an IPv4 one of the length of IPv6", MALFORMED, 1, 0, 0,  \
		     0, 7, 0, 0, 40, 0, 0, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0,   \
		     0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  \
		     0, 0, 0, 0, 0, 0, 0),                                     \
		CASE("21 of them", MALFORMED, 21, 0, 0, 0, UNKNOWN7, UNKNOWN7, \
		     UNKNOWN7),                                                \
		CASE("another family", REFUSED, 1, 0, 0, 0, V6(2, 2)),         \
		CASE("everything of the other family", REFUSED, 1, 0, 0, 0,    \
		     V6_EVERYTHING),                                           \
		CASE("a type that nobody knows", REFUSED, 1, 0, 0, 0, 9, 0, 0, \
		     8, 1, 2, 3, 4),                                           \
		CASE("its neighbour", REFUSED, 1, 0, 0, 0, HOST(3)),           \
		CASE("the other end", REFUSED, 1, 0, 0, 0, HOST(OTHER)),       \
		CASE("a network that it is not in", REFUSED, 1, 0, 0, 0,       \
		     RANGE(10, 0, 0, 0, 10, 255, 255, 255)),                   \
		CASE("all but itself", REFUSED, 2, 0, 0, 0,                    \
		     RANGE(0, 0, 0, 0, 192, 0, 2, THE_HOST - 1),               \
		     RANGE(192, 0, 2, THE_HOST + 1, 255, 255, 255, 255)),      \
		CASE("TCP alone", REFUSED, 1, 0, 0, 0,                         \
		     V4(6, 0, 65535, THE_HOST, THE_HOST)),                     \
		CASE("one port", REFUSED, 1, 0, 0, 0,                          \
		     V4(0, 53, 53, THE_HOST, THE_HOST)),                       \
		CASE("0.0.0.0/0", NARROWED, 1, 0, 0, 0, EVERYTHING),           \
		CASE("its network", NARROWED, 1, 0, 0, 0,                      \
		     V4(0, 0, 65535, 0, 255)),                                 \
		CASE("everything behind a network of others", NARROWED, 2, 0,  \
		     0, 0, RANGE(10, 0, 0, 0, 10, 255, 255, 255), EVERYTHING), \
		CASE("itself, and its neighbour", NARROWED, 2, 0, 0, 0,        \
		     HOST(THE_HOST), HOST(3)),                                 \
		CASE("an unknown type, and itself", NARROWED, 2, 0, 0, 0, 9,   \
		     0, 0, 8, 1, 2, 3, 4, HOST(THE_HOST))

/* Asked for by the peer, 192.0.2.2, of us, 192.0.2.1. */
static const struct ts_case tsi_cases[] = { CASES(2, 1) };
static const struct ts_case tsr_cases[] = { CASES(1, 2) };
#define N_CASES (sizeof(tsi_cases) / sizeof(tsi_cases[0]))

static void assert_answered(const struct puppet *p, enum ike_payload_type type,
			    const struct addr *host)
{
	const struct ike_payload *payload = ike_message_find(&p->m, type);
	struct ike_selectors ts;

	assert_non_null(payload);
	assert_int_equal(ike_selectors_parse(payload, &ts), 0);
	assert_true(ike_selectors_are(&ts, host));
}

/* The two hosts are what was answered, and what the owner was told. */
static void assert_narrow(struct bad *b)
{
	const struct host *h = b->w.hosts;
	const struct child *c = host_child(&b->w.hosts[0]);

	assert_int_equal(puppet_error(&b->p), 0);
	assert_answered(&b->p, IKE_PAYLOAD_TSI, &h[1].address.addr);
	assert_answered(&b->p, IKE_PAYLOAD_TSR, &h[0].address.addr);
	assert_non_null(c);
	assert_true(addr_equal(&c->up.local, &h[0].address.addr));
	assert_true(addr_equal(&c->up.remote, &h[1].address.addr));
}

static uint16_t error_of(enum verdict v)
{
	switch (v) {
	case MALFORMED:
		return IKE_NOTIFY_INVALID_SYNTAX;
	case REFUSED:
		return IKE_NOTIFY_TS_UNACCEPTABLE;
	case NARROWED:
		break;
	}
	return 0;
}

static void auth_request(const struct ts_case *c, bool tsr, bool no_transport)
{
	const struct puppet_script s = { .ts = c->data,
					 .ts_len = c->len,
					 .ts_is_tsr = tsr,
					 .no_transport = no_transport };
	static struct bad b;

	print_message("  %s: %s\n", tsr ? "TSr" : "TSi", c->name);
	bad_enter(&b, BAD_INIT_DONE);
	bad_hold_honest(&b, &s);
	bad_send_held(&b);
	assert_int_equal(b.p.n_rx, b.n_rx + 1);
	puppet_open(&b.p);
	if (c->verdict == NARROWED && puppet_error(&b.p) == 0)
		assert_narrow(&b);
	else if (!no_transport)
		assert_int_equal(puppet_error(&b.p), error_of(c->verdict));
	if (c->verdict != NARROWED)
		assert_int_equal(b.w.hosts[0].n_children, 0);
	bad_leave(&b);
}

static void test_auth_request(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_CASES; i++) {
		auth_request(&tsi_cases[i], false, false);
		auth_request(&tsr_cases[i], true, false);
	}
}

/* Tunnel mode, where selectors could mean networks, gives no more. */
static void test_auth_request_tunnel(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_CASES; i++) {
		auth_request(&tsi_cases[i], false, true);
		auth_request(&tsr_cases[i], true, true);
	}
}

/* As initiator we take what we asked for and nothing else: not even more. */
static void auth_response(const struct ts_case *c, bool tsr)
{
	const struct puppet_script s = {
		.ts = c->data,
		.ts_len = c->len,
		.ts_is_tsr = tsr,
	};
	static struct bad b;

	print_message("  %s: %s\n", tsr ? "TSr" : "TSi", c->name);
	bad_enter(&b, BAD_AUTH_SENT);
	bad_hold_honest(&b, &s);
	bad_send_held(&b);
	assert_int_equal(b.w.hosts[0].n_children, 0);
	assert_int_equal(b.w.hosts[0].n_failed, 1);
	assert_int_equal(b.w.hosts[0].failed.reason,
			 c->verdict == MALFORMED ? IKE_REASON_PROTOCOL
						 : IKE_REASON_MODE);
	bad_leave(&b);
	assert_int_equal(b.w.hosts[0].n_failed, 1);
}

static void test_auth_response(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_CASES; i++) {
		auth_response(&tsr_cases[i], false);
		auth_response(&tsi_cases[i], true);
	}
}

/* A further Child SA is asked for: no wider than the first. */
static void child_request(const struct ts_case *c, bool tsr)
{
	const struct ike_offer offer = puppet_offer(IKE_OFFER_AUTH);
	static struct bad b;
	struct ike_outgoing out;
	struct wbuf *w;

	print_message("  %s: %s\n", tsr ? "TSr" : "TSi", c->name);
	bad_enter(&b, BAD_RESPONDED);
	puppet_begin(&b.p, &out, IKE_EXCHANGE_CREATE_CHILD_SA, false, 2);
	ike_proposal_write_offer(&out.b, &offer, 0x22334455);
	ike_nonce_write(&out.b, &b.p.ni);
	ike_notify_write(&out.b, IKE_NOTIFY_USE_TRANSPORT_MODE, NULL, 0);
	for (unsigned k = 0; k < 2; k++) {
		if (k == tsr) {
			w = ike_builder_open(&out.b, k ? IKE_PAYLOAD_TSR
						       : IKE_PAYLOAD_TSI);
			wbuf_bytes(w, c->data, c->len);
			ike_builder_close(&out.b);
		} else {
			ike_selectors_write(
				&out.b, k ? IKE_PAYLOAD_TSR : IKE_PAYLOAD_TSI,
				&b.w.hosts[k ? 0 : 1].address.addr);
		}
	}
	puppet_send(&b.p, &out);
	assert_int_equal(b.p.n_rx, b.n_rx + 1);
	puppet_open(&b.p);
	if (c->verdict == NARROWED && puppet_error(&b.p) == 0)
		assert_narrow(&b);
	else if (puppet_error(&b.p) != IKE_NOTIFY_NO_ADDITIONAL_SAS)
		assert_int_equal(puppet_error(&b.p), error_of(c->verdict));
	if (c->verdict == REFUSED)
		assert_int_equal(host_children(&b.w.hosts[0]), 1);
	bad_leave(&b);
}

static void test_child_request(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_CASES; i++) {
		child_request(&tsi_cases[i], false);
		child_request(&tsr_cases[i], true);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_auth_request),
		cmocka_unit_test(test_auth_request_tunnel),
		cmocka_unit_test(test_auth_response),
		cmocka_unit_test(test_child_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
