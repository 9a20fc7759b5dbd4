/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * util/keyset.c: order, limits, sharing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "util/keyset.h"
#include "util/limits.h"

static int add(struct keyset *k, uint8_t precedence, const char *spki)
{
	struct keyset_key key = {
		.precedence = precedence,
		.spki = (const uint8_t *)spki,
		.spki_len = strlen(spki),
	};

	return keyset_add(k, &key);
}

/* The lowest precedence first, equal ones as they came. */
static void test_order(void **state)
{
	static const char *const expected = "cabd";
	struct keyset *k;

	(void)state;
	k = keyset_new(KEYSET_SECURE, KEYSET_REVERSE, "a.test.");
	assert_non_null(k);
	assert_int_equal(add(k, 10, "a"), 0);
	assert_int_equal(add(k, 10, "b"), 0);
	assert_int_equal(add(k, 5, "c"), 0);
	assert_int_equal(add(k, 255, "d"), 0);
	assert_int_equal(k->n, 4);
	for (size_t i = 0; i < 4; i++)
		assert_memory_equal(k->keys[i].spki, expected + i, 1);
	assert_string_equal(k->name, "a.test.");
	assert_string_equal(keyset_status_name(k->status), "secure");
	assert_string_equal(keyset_source_name(k->source), "reverse");
	keyset_unref(k);
}

static void test_limits(void **state)
{
	struct keyset *k = keyset_new(KEYSET_SECURE, KEYSET_FILE, NULL);
	static const uint8_t long_key[KEYSET_SPKI_MAX + 1];
	struct keyset_key key = { .spki = long_key,
				  .spki_len = sizeof(long_key) };

	(void)state;
	assert_int_equal(keyset_add(k, &key), -EMSGSIZE);
	assert_int_equal(add(k, 1, ""), -EMSGSIZE);
	key.spki_len--;
	assert_int_equal(keyset_add(k, &key), 0);
	while (k->n < LIMIT_KEYSET_KEYS)
		assert_int_equal(add(k, 1, "x"), 0);
	assert_int_equal(add(k, 1, "y"), -ENOSPC);
	assert_int_equal(k->n, LIMIT_KEYSET_KEYS);
	keyset_unref(k);
}

/* It keeps copies, and lives as long as the last that holds it. */
static void test_sharing(void **state)
{
	char name[] = "gw.test.", spki[] = "key";
	struct keyset *k = keyset_new(KEYSET_SECURE, KEYSET_REVERSE, name);
	struct keyset_key key = {
		.spki = (const uint8_t *)spki,
		.spki_len = 3,
		.gateway_name = name,
	};

	(void)state;
	assert_int_equal(keyset_add(k, &key), 0);
	memset(name, 'x', 3);
	memset(spki, 'x', 3);
	assert_ptr_equal(keyset_ref(k), k);
	assert_null(keyset_unref(k));
	assert_string_equal(k->name, "gw.test.");
	assert_string_equal(k->keys[0].gateway_name, "gw.test.");
	assert_memory_equal(k->keys[0].spki, "key", 3);
	keyset_unref(k);
	keyset_unref(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_sharing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
