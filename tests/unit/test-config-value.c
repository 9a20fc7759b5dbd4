/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Values of configuration keys, good and bad.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/config-value.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void test_bool(void **state)
{
	static const char *const yes[] = { "yes", "true", "on", "1", "YES" };
	static const char *const no[] = { "no", "false", "off", "0", "No" };
	static const char *const bad[] = { "", "y", "2", "yes ", "maybe" };
	bool b = false;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(config_value_bool(yes[i], &b), 0);
		assert_true(b);
		assert_int_equal(config_value_bool(bad[i], &b), -EINVAL);
		assert_true(b);
		assert_int_equal(config_value_bool(no[i], &b), 0);
		assert_false(b);
	}
}

static void test_number(void **state)
{
	static const struct {
		const char *text;
		uint32_t max;
		int r;
		uint32_t v;
	} cases[] = {
		{ "0", 9, 0, 0 },
		{ "9", 9, 0, 9 },
		{ "10", 9, -ERANGE, 0 },
		{ "007", 9, 0, 7 },
		{ "4294967295", UINT32_MAX, 0, UINT32_MAX },
		{ "4294967296", UINT32_MAX, -ERANGE, 0 },
		{ "99999999999999999999999999", UINT32_MAX, -ERANGE, 0 },
		{ "99999999999999999999999999x", UINT32_MAX, -EINVAL, 0 },
		{ "", 9, -EINVAL, 0 },
		{ "-1", 9, -EINVAL, 0 },
		{ "+1", 9, -EINVAL, 0 },
		{ " 1", 9, -EINVAL, 0 },
		{ "1 ", 9, -EINVAL, 0 },
		{ "0x1", 9, -EINVAL, 0 },
		{ "1.0", 9, -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint32_t v = 77;

		assert_int_equal(
			config_value_number(cases[i].text, cases[i].max, &v),
			cases[i].r);
		assert_int_equal(v, cases[i].r ? 77 : cases[i].v);
	}
}

static void test_span(void **state)
{
	static const struct {
		const char *text;
		int r;
		uint64_t ms;
	} cases[] = {
		{ "2s", 0, 2000 },
		{ "2", 0, 2000 },
		{ "0", 0, 0 },
		{ "500ms", 0, 500 },
		{ "500 ms", 0, 500 },
		{ "1h 30min", 0, 5400000 },
		{ "1h30min", 0, 5400000 },
		{ "1h  30 m 2 sec ", 0, 5402000 },
		{ "7d", 0, 604800000 },
		{ "1w", 0, 604800000 },
		{ "1hr", 0, 3600000 },
		{ "366d", 0, 31622400000 },
		{ "367d", -ERANGE, 0 },
		{ "31622401", -ERANGE, 0 },
		{ "200d 200d", -ERANGE, 0 },
		{ "99999999999999999999w", -ERANGE, 0 },
		{ "31622400000w", -ERANGE, 0 },
		{ "30500568905w", -ERANGE, 0 }, /* in 64 bits: under a day */
		{ "366d 1ms", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ " ", -EINVAL, 0 },
		{ "s", -EINVAL, 0 },
		{ "-2s", -EINVAL, 0 },
		{ "2.5s", -EINVAL, 0 },
		{ "2S", -EINVAL, 0 },
		{ "2 s 3", -EINVAL, 0 },
		{ "2x", -EINVAL, 0 },
		{ "2minutes", -EINVAL, 0 },
		{ "2s x", -EINVAL, 0 },
		{ "infinity", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint64_t ms = 77;

		assert_int_equal(config_value_span(cases[i].text, &ms),
				 cases[i].r);
		assert_int_equal(ms, cases[i].r ? 77 : cases[i].ms);
	}
}

static void test_network(void **state)
{
	static const struct {
		const char *text;
		enum config_network r;
		const char *prefix;
	} cases[] = {
		{ "10.0.0.0/8", CONFIG_NETWORK_OK, "10.0.0.0/8" },
		{ "10.0.0.1", CONFIG_NETWORK_OK, "10.0.0.1/32" },
		{ "::/0", CONFIG_NETWORK_OK, "::/0" },
		{ "10.0.0.1/8", CONFIG_NETWORK_HOST_BITS, "10.0.0.0/8" },
		{ "10.0.0.1/0", CONFIG_NETWORK_HOST_BITS, "0.0.0.0/0" },
		{ "2001:db8::1/64", CONFIG_NETWORK_HOST_BITS, "2001:db8::/64" },
		{ "10.0.0.0/33", CONFIG_NETWORK_LENGTH, NULL },
		{ "::/129", CONFIG_NETWORK_LENGTH, NULL },
		{ "10.0.0.0/", CONFIG_NETWORK_LENGTH, NULL },
		{ "10.0.0.0/-1", CONFIG_NETWORK_LENGTH, NULL },
		{ "10.0.0.0/8/8", CONFIG_NETWORK_LENGTH, NULL },
		{ "10.0.0.0/255.0.0.0", CONFIG_NETWORK_LENGTH, NULL },
		{ "10.0/8", CONFIG_NETWORK_SYNTAX, NULL },
		{ "/8", CONFIG_NETWORK_SYNTAX, NULL },
		{ "", CONFIG_NETWORK_SYNTAX, NULL },
		{ "example.org", CONFIG_NETWORK_SYNTAX, NULL },
		{ "any", CONFIG_NETWORK_SYNTAX, NULL },
		{ "10.0.0.0-10.0.0.9", CONFIG_NETWORK_SYNTAX, NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[PREFIX_STRLEN];
		struct prefix p;

		assert_int_equal(config_value_network(cases[i].text, &p),
				 cases[i].r);
		if (cases[i].prefix)
			assert_string_equal(prefix_format(&p, text),
					    cases[i].prefix);
	}
}

static void test_size(void **state)
{
	static const struct {
		const char *text;
		int r;
		uint64_t bytes;
	} cases[] = {
		{ "0", 0, 0 },
		{ "1023", 0, 1023 },
		{ "1K", 0, 1024 },
		{ "500M", 0, 500ull << 20 },
		{ "64G", 0, 64ull << 30 },
		{ "16777215T", 0, 16777215ull << 40 },
		{ "16777216T", -ERANGE, 0 },
		{ "99999999999999999999", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "G", -EINVAL, 0 },
		{ "1GB", -EINVAL, 0 },
		{ "1 G", -EINVAL, 0 },
		{ "1g", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "1.5G", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint64_t v = 0;

		assert_int_equal(config_value_size(cases[i].text, &v),
				 cases[i].r);
		assert_true(v == cases[i].bytes);
	}
}

static void test_nearest(void **state)
{
	static const char *const words[] = { "Encryption", "Wait", "WaitTime",
					     "Name", NULL };
	static const struct {
		const char *text, *word;
	} cases[] = {
		{ "Encryption", "Encryption" },
		{ "encryption", "Encryption" },
		{ "Encrpytion", "Encryption" },
		{ "Encription", "Encryption" },
		{ "wait", "Wait" },
		{ "WaitTim", "WaitTime" },
		{ "Wiat", "Wait" },
		{ "Names", "Name" },
		{ "Networks", NULL },
		{ "", NULL },
		{ "W", NULL },
		{ "Gate", NULL },
		{ "EncryptionEncryptionEncryptionEncryption", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *got = config_value_nearest(cases[i].text, words);

		if (!cases[i].word)
			assert_null(got);
		else
			assert_string_equal(got ? got : "", cases[i].word);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bool), cmocka_unit_test(test_number),
		cmocka_unit_test(test_span), cmocka_unit_test(test_network),
		cmocka_unit_test(test_size), cmocka_unit_test(test_nearest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
