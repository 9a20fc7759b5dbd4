/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * util/service.h: text and back, and the order.
 */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/service.h"

static void test_text(void **state)
{
	static const struct {
		const char *text;
		struct service service;
	} good[] = {
		{ "443/tcp", { IPPROTO_TCP, 443 } },
		{ "1/udp", { IPPROTO_UDP, 1 } },
		{ "65535/udp", { IPPROTO_UDP, 65535 } },
	};
	static const char *const bad[] = {
		"",	    "443",	 "/tcp",
		"0/tcp",    "65536/tcp", "443/TCP",
		"443/icmp", "443/sctp",	 "443/",
		"-1/tcp",   "+1/tcp",	 " 443/tcp",
		"443 /tcp", "443/tcp ",	 "99999999999/tcp",
		"443/6",    "tcp/443",
	};
	struct service s = { 1, 2 };
	char text[SERVICE_STRLEN];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(service_parse(bad[i], &s), -EINVAL);
	assert_int_equal(s.protocol, 1);
	assert_int_equal(s.port, 2);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(service_parse(good[i].text, &s), 0);
		assert_true(service_equal(&s, &good[i].service));
		assert_string_equal(service_format(&s, text), good[i].text);
	}
	s = (struct service){ 255, 65535 };
	assert_string_equal(service_format(&s, text), "65535/255");
	assert_null(service_protocol_name(1));
}

static void test_range(void **state)
{
	static const char *const bad[] = {
		"2-1/tcp",   "0-1/tcp",	    "1-/tcp",	"-1/tcp",      "1-2",
		"1-2-3/tcp", "1-65536/tcp", "1 -2/tcp", "65536-1/tcp",
	};
	struct service s;
	uint16_t last = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(service_parse_range(bad[i], &s, &last),
				 -EINVAL);
	assert_int_equal(last, 7);
	assert_int_equal(service_parse_range("8000-8010/udp", &s, &last), 0);
	assert_int_equal(s.protocol, IPPROTO_UDP);
	assert_int_equal(s.port, 8000);
	assert_int_equal(last, 8010);
	assert_int_equal(service_parse_range("1-65535/tcp", &s, &last), 0);
	assert_int_equal(service_parse_range("5-5/tcp", &s, &last), 0);
	assert_int_equal(service_parse_range("443/tcp", &s, &last), 0);
	assert_int_equal(s.port, 443);
	assert_int_equal(last, 443);
}

static void test_order(void **state)
{
	const struct service a = { 6, 443 }, b = { 6, 444 }, c = { 17, 1 };

	(void)state;
	assert_true(service_compare(&a, &b) < 0);
	assert_true(service_compare(&b, &c) < 0);
	assert_true(service_compare(&c, &a) > 0);
	assert_int_equal(service_compare(&a, &a), 0);
	assert_false(service_equal(&a, &c));
}

static void test_scope(void **state)
{
	struct scope s = { .n = 2,
			   .sides = SCOPE_REMOTE,
			   .list = { { 6, 443 }, { 17, 53 } } };
	const struct scope all = { 0 };

	(void)state;
	assert_true(scope_covers(&all, 1, 0, 0));
	assert_true(scope_covers(&s, 6, 40000, 443));
	assert_true(scope_covers(&s, 17, 443, 53));
	assert_false(scope_covers(&s, 6, 443, 40000));
	assert_false(scope_covers(&s, 17, 40000, 443));
	assert_false(scope_covers(&s, 1, 0, 0));
	s.sides = SCOPE_BOTH;
	assert_true(scope_covers(&s, 6, 443, 40000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_range),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_scope),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
