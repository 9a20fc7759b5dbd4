/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ike/selector.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))

#define V4(protocol, p0, p1, first, last)                                    \
	7, protocol, 0, 16, (p0) >> 8, (p0)&255, (p1) >> 8, (p1)&255, 10, 0, \
		0, first, 10, 0, 0, last

static const struct addr host = {
	.family = AF_INET,
	.bytes = { 10, 0, 0, 5 },
};

static const struct {
	const char *name;
	uint8_t data[64];
	size_t len;
	int rc;
	bool contain, are;
} cases[] = {
	{ "the host",
	  { 1, 0, 0, 0, V4(0, 0, 65535, 5, 5) },
	  20,
	  0,
	  true,
	  true },
	{ "a range",
	  { 1, 0, 0, 0, V4(0, 0, 65535, 1, 9) },
	  20,
	  0,
	  true,
	  false },
	{ "from it",
	  { 1, 0, 0, 0, V4(0, 0, 65535, 5, 9) },
	  20,
	  0,
	  true,
	  false },
	{ "to it", { 1, 0, 0, 0, V4(0, 0, 65535, 1, 5) }, 20, 0, true, false },
	{ "below it",
	  { 1, 0, 0, 0, V4(0, 0, 65535, 1, 4) },
	  20,
	  0,
	  false,
	  false },
	{ "above it",
	  { 1, 0, 0, 0, V4(0, 0, 65535, 6, 9) },
	  20,
	  0,
	  false,
	  false },
	{ "TCP", { 1, 0, 0, 0, V4(6, 0, 65535, 5, 5) }, 20, 0, false, false },
	{ "ports", { 1, 0, 0, 0, V4(0, 1, 65535, 5, 5) }, 20, 0, false, false },
	{ "OPAQUE ports",
	  { 1, 0, 0, 0, V4(0, 65535, 0, 5, 5) },
	  20,
	  0,
	  false,
	  false },
	{ "two",
	  { 2, 0, 0, 0, V4(6, 0, 80, 5, 5), V4(0, 0, 65535, 5, 5) },
	  36,
	  0,
	  true,
	  false },
	{ "unknown type",
	  { 1, 0, 0, 0, 9, 0, 0, 8, 1, 2, 3, 4 },
	  12,
	  0,
	  false,
	  false },
	{ "unknown type beside the host",
	  { 2, 0, 0, 0, 9, 0, 0, 4, V4(0, 0, 65535, 5, 5) },
	  24,
	  0,
	  true,
	  false },
	{ "IPv6 of the same bytes",
	  { 1, 0, 0, 0, 8, 0, 0, 40, 0, 0, 255, 255, 10, 0, 0, 5,
	    0, 0, 0, 0, 0, 0, 0, 0,  0, 0, 0,	0,   10, 0, 0, 5 },
	  44,
	  0,
	  false,
	  false },
	{ "start after end",
	  { 1, 0, 0, 0, V4(0, 0, 65535, 6, 5) },
	  20,
	  -EBADMSG,
	  false,
	  false },
	{ "ports turned",
	  { 1, 0, 0, 0, V4(0, 9, 8, 5, 5) },
	  20,
	  -EBADMSG,
	  false,
	  false },
	{ "none", { 0, 0, 0, 0 }, 4, -EBADMSG, false, false },
	{ "none said, one there",
	  { 0, 0, 0, 0, V4(0, 0, 65535, 5, 5) },
	  20,
	  -EBADMSG,
	  false,
	  false },
	{ "two said, one there",
	  { 2, 0, 0, 0, V4(0, 0, 65535, 5, 5) },
	  20,
	  -EBADMSG,
	  false,
	  false },
	{ "one said, two there",
	  { 1, 0, 0, 0, V4(6, 0, 80, 5, 5), V4(0, 0, 65535, 5, 5) },
	  36,
	  -EBADMSG,
	  false,
	  false },
	{ "17 of them", { 17, 0, 0, 0 }, 64, -EBADMSG, false, false },
	{ "length 0", { 1, 0, 0, 0, 7, 0, 0, 0 }, 20, -EBADMSG, false, false },
	{ "length 3", { 1, 0, 0, 0, 9, 0, 0, 3 }, 8, -EBADMSG, false, false },
	{ "IPv4 of 15",
	  { 1, 0, 0, 0, 7, 0, 0, 15 },
	  19,
	  -EBADMSG,
	  false,
	  false },
	{ "IPv4 of 17",
	  { 1, 0, 0, 0, 7, 0, 0, 17 },
	  21,
	  -EBADMSG,
	  false,
	  false },
	{ "IPv6 of 16",
	  { 1, 0, 0, 0, 8, 0, 0, 16 },
	  20,
	  -EBADMSG,
	  false,
	  false },
	{ "past the end",
	  { 1, 0, 0, 0, 7, 0, 0, 16 },
	  19,
	  -EBADMSG,
	  false,
	  false },
	{ "no header", { 1 }, 1, -EBADMSG, false, false },
	{ "empty", { 0 }, 0, -EBADMSG, false, false },
};

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct ike_payload p = {
			.data = cases[i].data,
			.len = cases[i].len,
		};
		struct ike_selectors s;

		print_message("  %s\n", cases[i].name);
		assert_int_equal(ike_selectors_parse(&p, &s), cases[i].rc);
		if (cases[i].rc < 0)
			continue;
		assert_int_equal(ike_selectors_contain(&s, &host, false),
				 cases[i].contain);
		assert_int_equal(ike_selectors_are(&s, &host), cases[i].are);
	}
}

static void round_trip(const struct addr *a)
{
	static const struct ike_header h = {
		.spi_i = 1,
		.exchange = IKE_EXCHANGE_AUTH,
	};
	uint8_t buf[256];
	struct ike_selectors s;
	struct ike_builder b;
	struct ike_message m;

	ike_builder_init(&b, buf, sizeof(buf), &h);
	ike_selectors_write(&b, IKE_PAYLOAD_TSR, a);
	assert_int_equal(ike_builder_finish(&b), 0);
	assert_int_equal(ike_message_parse(buf, b.w.len, &m), 0);
	assert_int_equal(m.payloads[0].type, IKE_PAYLOAD_TSR);
	assert_int_equal(ike_selectors_parse(&m.payloads[0], &s), 0);
	assert_true(ike_selectors_are(&s, a));
	assert_true(ike_selectors_contain(&s, a, false));
	assert_int_equal(ike_selectors_are(&s, &host), addr_equal(a, &host));
}

static void test_round_trips(void **state)
{
	struct addr six = { .family = AF_INET6, .bytes = { 0xfe, 0x80 } };

	(void)state;
	round_trip(&host);
	six.bytes[15] = 1;
	round_trip(&six);
	/* Interface indices do not travel. */
	six.scope = 7;
	round_trip(&six);
}

static const struct scope two = { 2, SCOPE_BOTH, { { 6, 443 }, { 17, 53 } } };

/* As it is read again. */
static struct ike_selectors written(const struct addr *a, bool services,
				    bool other)
{
	static const struct ike_header h = {
		.spi_i = 1,
		.exchange = IKE_EXCHANGE_AUTH,
	};
	struct ike_selectors s;
	struct ike_builder b;
	struct ike_message m;
	uint8_t buf[512];

	ike_builder_init(&b, buf, sizeof(buf), &h);
	ike_selectors_write_scope(&b, IKE_PAYLOAD_TSI, a, &two, services,
				  other);
	assert_int_equal(ike_builder_finish(&b), 0);
	assert_int_equal(ike_message_parse(buf, b.w.len, &m), 0);
	assert_int_equal(ike_selectors_parse(&m.payloads[0], &s), 0);
	return s;
}

/* Services of one side or of both, and what is more or less than that. */
static void test_scope(void **state)
{
	const struct addr peer = { .family = AF_INET,
				   .bytes = { 10, 0, 0, 9 } };
	struct ike_selectors both = written(&host, true, true),
			     at = written(&host, true, false),
			     from = written(&peer, false, true);
	struct addr found;

	(void)state;
	assert_int_equal(both.n, 4);
	assert_int_equal(at.n, 2);
	assert_int_equal(from.n, 2);
	assert_true(ike_selectors_cover(&at, &host, &from, &peer, &two));
	assert_false(ike_selectors_cover(&from, &peer, &at, &host, &two));
	assert_true(ike_selectors_cover(&both, &host, &from, &peer, &two));
	/* Any port of its own is one of the other's choice. */
	assert_true(ike_selectors_cover(&from, &peer, &both, &host, &two));
	assert_false(ike_selectors_cover(&at, &host, &from, &host, &two));
	assert_true(ike_selectors_within(&at, &host, &two));
	assert_false(ike_selectors_within(&at, &peer, &two));
	assert_true(ike_selectors_contain(&at, &host, true));
	assert_false(ike_selectors_contain(&at, &host, false));
	assert_true(ike_selectors_host(&at, AF_INET, true, &found));
	assert_true(addr_equal(&found, &host));

	at.list[1].port_first = 54;
	at.list[1].port_last = 54;
	assert_false(ike_selectors_cover(&at, &host, &from, &peer, &two));
	assert_false(ike_selectors_within(&at, &host, &two));
	at.list[1].port_first = 50;
	assert_true(ike_selectors_cover(&at, &host, &from, &peer, &two));
	assert_false(ike_selectors_within(&at, &host, &two));
	from.list[0].port_first = 1;
	assert_false(ike_selectors_cover(&at, &host, &from, &peer, &two));
	both.unknown = 1;
	assert_false(ike_selectors_within(&both, &host, &two));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_scope),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
