/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dnskeys/name.c: reverse names, and names from strangers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "dnskeys/name.h"

static void test_reverse(void **state)
{
	static const struct {
		const char *address, *name;
	} rows[] = {
		{ "192.0.2.1", "1.2.0.192.in-addr.arpa." },
		{ "255.255.255.254", "254.255.255.255.in-addr.arpa." },
		{ "2001:db8::1", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
				 "0.0.8.b.d.0.1.0.0.2.ip6.arpa." },
	};
	char name[NAME_STRLEN];
	struct addr a = { 0 };

	(void)state;
	assert_int_equal(name_of_address(&a, name), -EAFNOSUPPORT);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(addr_parse(rows[i].address, &a), 0);
		assert_int_equal(name_of_address(&a, name), 0);
		assert_string_equal(name, rows[i].name);
	}
}

static void test_valid(void **state)
{
	static const char *const good[] = {
		".", "a", "a.", "a.b.c.", "\\000\\.\\255.x.", "x\\032y"
	};
	static const char *const bad[] = { "",	  "..",	   ".a",     "a..b",
					   "a\\", "a\\25", "a\\256", "a\\2x5" };
	char label[70], name[300];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(name_is_valid(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(name_is_valid(bad[i]));
	memset(label, 'a', sizeof(label));
	label[63] = '\0';
	assert_true(name_is_valid(label));
	label[63] = 'a';
	label[64] = '\0';
	assert_false(name_is_valid(label));
	/* 255 bytes on the wire, and 256. */
	for (size_t i = 0; i < 254; i++)
		name[i] = i % 2 ? '.' : 'a';
	name[254] = '\0';
	assert_true(name_is_valid(name));
	strcpy(name + 254, "a");
	assert_false(name_is_valid(name));
}

static void test_wire(void **state)
{
	static const struct {
		const char *wire;
		size_t len;
		const char *name; /* NULL: refused */
	} rows[] = {
		{ "\2gw\4test\0", 9, "gw.test." },
		{ "\2Gw\4TEST\0", 9, "gw.test." },
		{ "\0", 1, "." },
		{ "", 0, NULL },
		{ "\2gw", 3, NULL },
		{ "\2gw\4test\0x", 10, NULL },
		{ "\3gw\0", 4, NULL },
		{ "\300\014", 2, NULL },
		{ "\3a.b\0", 5, "a\\.b." },
		{ "\3\\\"@\0", 5, "\\\\\\\"\\@." },
		{ "\4\0\33 \377\0", 6, "\\000\\027\\032\\255." },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char name[NAME_STRLEN] = "untouched";
		int rc = name_from_wire((const uint8_t *)rows[i].wire,
					rows[i].len, name);

		assert_int_equal(rc, rows[i].name ? 0 : -EBADMSG);
		assert_string_equal(name,
				    rows[i].name ? rows[i].name : "untouched");
	}
}

/* The longest name, every byte of it escaped. */
static void test_longest(void **state)
{
	uint8_t wire[256];
	char name[NAME_STRLEN];

	(void)state;
	memset(wire, 0xff, sizeof(wire));
	wire[0] = wire[64] = wire[128] = 63;
	wire[192] = 61;
	wire[254] = 0;
	assert_int_equal(name_from_wire(wire, 255, name), 0);
	assert_int_equal(strlen(name), 4 * (3 * 63 + 61) + 4);
	wire[192] = 62;
	wire[254] = 0xff;
	wire[255] = 0;
	assert_int_equal(name_from_wire(wire, 256, name), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reverse),
		cmocka_unit_test(test_valid),
		cmocka_unit_test(test_wire),
		cmocka_unit_test(test_longest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
