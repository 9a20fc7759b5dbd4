/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * util/addr.c: text forms, classes, prefixes, socket addresses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "util/addr.h"

#define ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))

static struct addr addr(const char *text)
{
	struct addr a = { 0 };

	if (addr_parse(text, &a) != 0)
		fail_msg("cannot parse \"%s\"", text);
	return a;
}

static struct prefix prefix(const char *text)
{
	struct prefix p = { 0 };

	if (prefix_parse(text, &p) != 0)
		fail_msg("cannot parse \"%s\"", text);
	return p;
}

static void test_parse_and_format(void **state)
{
	static const struct {
		const char *text, *canonical; /* NULL: the same */
		uint16_t family;
		uint32_t scope;
	} rows[] = {
		{ "0.0.0.0", NULL, AF_INET, 0 },
		{ "192.0.2.1", NULL, AF_INET, 0 },
		{ "255.255.255.255", NULL, AF_INET, 0 },
		{ "::", NULL, AF_INET6, 0 },
		{ "2001:DB8:0:0::1", "2001:db8::1", AF_INET6, 0 },
		{ "fe80::1", NULL, AF_INET6, 0 },
		{ "fe80::1%7", NULL, AF_INET6, 7 },
		{ "fe80::1%4294967295", NULL, AF_INET6, UINT32_MAX },
		{ "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295", NULL,
		  AF_INET6, UINT32_MAX },
		{ "::ffff:192.0.2.1", NULL, AF_INET6, 0 },
	};
	char buf[ADDR_STRLEN];

	(void)state;
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct addr a = addr(rows[i].text);
		const char *want = rows[i].canonical;

		assert_int_equal(a.family, rows[i].family);
		assert_int_equal(a.scope, rows[i].scope);
		assert_int_equal(a.reserved, 0);
		assert_string_equal(addr_format(&a, buf),
				    want ? want : rows[i].text);
	}
}

static void test_parse_refuses(void **state)
{
	static const char *const rows[] = {
		"",
		" ",
		"1",
		"1.2.3",
		"1.2.3.4.5",
		"1.2.3.256",
		"01.2.3.4",
		"1.2.3.4 ",
		"1.2.3.4%1",
		"0x7f.0.0.1",
		":",
		":::",
		"::1::",
		"12345::",
		"::g",
		"2001:db8::1%1", /* not link-local: no zone */
		"ff02::1%1",
		"fe80::1%",
		"fe80::1%0",
		"fe80::1%4294967296",
		"fe80::1%99999999999",
		"fe80::1%no-such-interface",
		"fe80::1%1%1",
		"%1",
		"[::1]",
		"10.0.0.0/8",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb",
	};
	struct addr a, before;

	(void)state;
	memset(&before, 0x5a, sizeof(before));
	a = before;
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		if (addr_parse(rows[i], &a) != -EINVAL)
			fail_msg("\"%s\" was taken", rows[i]);
		assert_memory_equal(&a, &before, sizeof(a));
	}
}

static void test_parse_interface_name(void **state)
{
	unsigned int index = if_nametoindex("lo");
	struct addr a;

	(void)state;
	if (!index)
		skip();
	a = addr("fe80::1%lo");
	assert_int_equal(a.scope, index);
}

static void test_unset(void **state)
{
	struct addr a = { 0 };
	struct prefix p = { 0 };
	char buf[PREFIX_STRLEN];

	(void)state;
	assert_int_equal(addr_len(&a), 0);
	assert_string_equal(addr_format(&a, buf), "unset");
	assert_string_equal(prefix_format(&p, buf), "unset");
	assert_false(addr_is_loopback(&a));
	assert_false(addr_is_multicast(&a));
	assert_false(addr_is_linklocal(&a));
	assert_false(addr_is_unspecified(&a));
	assert_false(prefix_contains(&p, &a));
	assert_int_equal(prefix_host(&a).len, 0);
}

static void test_compare(void **state)
{
	/* Each is less than all after it. */
	static const char *const rows[] = {
		"0.0.0.0",     "10.0.0.1", "10.0.1.0",	"255.0.0.0", "::",
		"2001:db8::1", "fe80::1",  "fe80::1%1", "fe80::1%2", "fe80::2",
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(rows); i++)
		for (size_t j = 0; j < ELEMENTS(rows); j++) {
			struct addr a = addr(rows[i]), b = addr(rows[j]);
			int order = addr_compare(&a, &b);

			assert_int_equal((order > 0) - (order < 0),
					 (i > j) - (i < j));
			assert_int_equal(addr_equal(&a, &b), i == j);
		}
}

static void test_classes(void **state)
{
	static const struct {
		const char *text;
		bool loopback, multicast, linklocal, unspecified;
	} rows[] = {
		{ "127.0.0.1", true, false, false, false },
		{ "127.255.255.255", true, false, false, false },
		{ "128.0.0.0", false, false, false, false },
		{ "126.255.255.255", false, false, false, false },
		{ "223.255.255.255", false, false, false, false },
		{ "224.0.0.0", false, true, false, false },
		{ "239.255.255.255", false, true, false, false },
		{ "240.0.0.0", false, false, false, false },
		{ "169.254.0.0", false, false, true, false },
		{ "169.254.255.255", false, false, true, false },
		{ "169.255.0.0", false, false, false, false },
		{ "168.254.0.0", false, false, false, false },
		{ "0.0.0.0", false, false, false, true },
		{ "0.0.0.1", false, false, false, false },
		{ "::", false, false, false, true },
		{ "::1", true, false, false, false },
		{ "::2", false, false, false, false },
		{ "1::1", false, false, false, false },
		{ "fe80::", false, false, true, false },
		{ "febf::1", false, false, true, false },
		{ "fec0::1", false, false, false, false },
		{ "fe7f::1", false, false, false, false },
		{ "ff00::", false, true, false, false },
		{ "fe00::", false, false, false, false },
		{ "7f00:1::", false, false, false, false },
		{ "a9fe::1", false, false, false, false },
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct addr a = addr(rows[i].text);

		assert_int_equal(addr_is_loopback(&a), rows[i].loopback);
		assert_int_equal(addr_is_multicast(&a), rows[i].multicast);
		assert_int_equal(addr_is_linklocal(&a), rows[i].linklocal);
		assert_int_equal(addr_is_unspecified(&a), rows[i].unspecified);
	}
}

static void test_from_in6(void **state)
{
	struct in6_addr in6;
	struct in_addr in;
	struct addr a;

	(void)state;
	inet_pton(AF_INET, "192.0.2.7", &in);
	addr_from_in(&in, &a);
	assert_true(
		addr_equal(&a, &(struct addr){ .family = AF_INET,
					       .bytes = { 192, 0, 2, 7 } }));
	inet_pton(AF_INET6, "fe80::7", &in6);
	addr_from_in6(&in6, 3, &a);
	assert_int_equal(a.scope, 3);
	inet_pton(AF_INET6, "2001:db8::7", &in6);
	addr_from_in6(&in6, 3, &a);
	assert_int_equal(a.scope, 0);
}

static void test_prefix_parse(void **state)
{
	static const struct {
		const char *text, *canonical; /* canonical NULL: refused */
	} rows[] = {
		{ "0.0.0.0/0", "0.0.0.0/0" },
		{ "10.0.0.0/8", "10.0.0.0/8" },
		{ "10.128.0.0/9", "10.128.0.0/9" },
		{ "192.0.2.1", "192.0.2.1/32" },
		{ "192.0.2.1/32", "192.0.2.1/32" },
		{ "::/0", "::/0" },
		{ "2001:db8::/32", "2001:db8::/32" },
		{ "2001:db8::1", "2001:db8::1/128" },
		{ "fe80::/10", "fe80::/10" },
		{ "::ffff:192.0.2.0/120", "::ffff:192.0.2.0/120" },
		{ "10.0.0.1/8", NULL },
		{ "10.64.0.0/9", NULL },
		{ "192.0.2.1/31", NULL },
		{ "2001:db8::1/127", NULL },
		{ "8000::/0", NULL },
		{ "10.0.0.0/33", NULL },
		{ "::/129", NULL },
		{ "::/1000", NULL },
		{ "10.0.0.0/", NULL },
		{ "10.0.0.0/08", NULL },
		{ "10.0.0.0/+8", NULL },
		{ "10.0.0.0/-8", NULL },
		{ "10.0.0.0/ 8", NULL },
		{ "10.0.0.0/8 ", NULL },
		{ "10.0.0.0/8/8", NULL },
		{ "/8", NULL },
		{ "", NULL },
		{ "fe80::1%1/128", NULL },
		{ "fe80::1%1", NULL },
		{ "1111111111111111111111111111111111111111111111111111111111"
		  "1111111111/8",
		  NULL },
	};
	char buf[PREFIX_STRLEN];

	(void)state;
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct prefix p = { .len = 77 };
		int r = prefix_parse(rows[i].text, &p);

		if (r != (rows[i].canonical ? 0 : -EINVAL))
			fail_msg("\"%s\": %d", rows[i].text, r);
		if (r == 0)
			assert_string_equal(prefix_format(&p, buf),
					    rows[i].canonical);
		else
			assert_int_equal(p.len, 77);
	}
}

static void test_prefix_contains(void **state)
{
	static const struct {
		const char *prefix, *addr;
		bool inside;
	} rows[] = {
		{ "0.0.0.0/0", "255.1.2.3", true },
		{ "0.0.0.0/0", "::", false },
		{ "::/0", "0.0.0.0", false },
		{ "10.0.0.0/8", "10.255.255.255", true },
		{ "10.0.0.0/8", "11.0.0.0", false },
		{ "10.128.0.0/9", "10.127.255.255", false },
		{ "10.128.0.0/9", "10.128.0.0", true },
		{ "192.0.2.4/30", "192.0.2.7", true },
		{ "192.0.2.4/30", "192.0.2.8", false },
		{ "192.0.2.4/32", "192.0.2.4", true },
		{ "192.0.2.4/32", "192.0.2.5", false },
		{ "fe80::/10", "febf::1%9", true },
		{ "fe80::/10", "fec0::", false },
		{ "2001:db8::1", "2001:db8::1", true },
		{ "2001:db8::1", "2001:db8::", false },
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct prefix p = prefix(rows[i].prefix);
		struct addr a = addr(rows[i].addr);

		if (prefix_contains(&p, &a) != rows[i].inside)
			fail_msg("%s in %s", rows[i].addr, rows[i].prefix);
	}
}

static void test_prefix_of(void **state)
{
	struct addr a = addr("fe80::ffff%3"), b = addr("192.0.2.255");
	struct prefix p;

	(void)state;
	p = prefix_of(&a, 200);
	assert_int_equal(p.len, 128);
	assert_int_equal(p.addr.scope, 0);
	assert_memory_equal(p.addr.bytes, a.bytes, 16);
	for (unsigned int len = 0; len <= 255; len++) {
		p = prefix_of(&b, (uint8_t)len);
		assert_int_equal(p.len, len > 32 ? 32 : len);
		for (unsigned int bit = 0; bit < 128; bit++) {
			unsigned int got = p.addr.bytes[bit / 8] >>
						   (7 - bit % 8) &
					   1,
				     was = b.bytes[bit / 8] >> (7 - bit % 8) &
					   1;

			assert_int_equal(got, bit < p.len ? was : 0);
		}
	}
	assert_int_equal(prefix_host(&b).len, 32);
	p = prefix("10.0.0.0/8");
	assert_true(prefix_equal(&p, &p));
	assert_false(prefix_equal(&p, &(struct prefix){ p.addr, 9 }));
}

static void test_endpoint(void **state)
{
	static const struct {
		const char *addr;
		uint16_t port;
		const char *text;
		socklen_t len;
	} rows[] = {
		{ "192.0.2.1", 500, "192.0.2.1:500",
		  sizeof(struct sockaddr_in) },
		{ "0.0.0.0", 0, "0.0.0.0:0", sizeof(struct sockaddr_in) },
		{ "2001:db8::1", 65535, "[2001:db8::1]:65535",
		  sizeof(struct sockaddr_in6) },
		{ "fe80::1%42", 4500, "[fe80::1%42]:4500",
		  sizeof(struct sockaddr_in6) },
	};
	char buf[ENDPOINT_STRLEN];
	struct sockaddr_storage ss;

	(void)state;
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct endpoint e = { addr(rows[i].addr), rows[i].port };
		struct endpoint back;

		assert_string_equal(endpoint_format(&e, buf), rows[i].text);
		assert_int_equal(endpoint_to_sockaddr(&e, &ss), rows[i].len);
		assert_int_equal(ss.ss_family, e.addr.family);
		assert_int_equal(endpoint_from_sockaddr((struct sockaddr *)&ss,
							rows[i].len, &back),
				 0);
		assert_true(endpoint_equal(&e, &back));
		back.port ^= 1;
		assert_false(endpoint_equal(&e, &back));
		assert_int_equal(endpoint_from_sockaddr((struct sockaddr *)&ss,
							rows[i].len - 1, &back),
				 -EINVAL);
	}
}

static void test_endpoint_refuses(void **state)
{
	struct sockaddr_storage ss = { .ss_family = AF_UNIX };
	struct endpoint e = { .port = 77 };

	(void)state;
	assert_int_equal(
		endpoint_from_sockaddr((struct sockaddr *)&ss, sizeof(ss), &e),
		-EAFNOSUPPORT);
	assert_int_equal(endpoint_from_sockaddr((struct sockaddr *)&ss, 1, &e),
			 -EINVAL);
	assert_int_equal(endpoint_from_sockaddr(NULL, 0, &e), -EINVAL);
	assert_int_equal(e.port, 77);
	assert_int_equal(endpoint_to_sockaddr(&e, &ss), 0);
}

static void test_endpoint_mapped(void **state)
{
	struct endpoint e = { addr("::ffff:192.0.2.1"), 4500 };
	struct sockaddr_storage ss;
	socklen_t len = endpoint_to_sockaddr(&e, &ss);
	char buf[ENDPOINT_STRLEN];

	(void)state;
	assert_int_equal(
		endpoint_from_sockaddr((struct sockaddr *)&ss, len, &e), 0);
	assert_string_equal(endpoint_format(&e, buf), "192.0.2.1:4500");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_and_format),
		cmocka_unit_test(test_parse_refuses),
		cmocka_unit_test(test_parse_interface_name),
		cmocka_unit_test(test_unset),
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_from_in6),
		cmocka_unit_test(test_prefix_parse),
		cmocka_unit_test(test_prefix_contains),
		cmocka_unit_test(test_prefix_of),
		cmocka_unit_test(test_endpoint),
		cmocka_unit_test(test_endpoint_refuses),
		cmocka_unit_test(test_endpoint_mapped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
