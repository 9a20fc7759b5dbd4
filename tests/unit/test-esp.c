/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * util/esp.c: the allow-list and wiping.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "util/esp.h"

static void test_ciphers(void **state)
{
	static const struct {
		unsigned int cipher;
		uint8_t len;
		const char *name; /* NULL: not on the list */
	} rows[] = {
		{ 0, 0, NULL },
		{ ESP_AES_GCM_16_128, 20, "AES-GCM-16-128" },
		{ ESP_AES_GCM_16_256, 36, "AES-GCM-16-256" },
		{ ESP_CHACHA20_POLY1305, 36, "CHACHA20-POLY1305" },
		{ ESP_AES_CBC_128_SHA2_256, 48, "AES-CBC-128-HMAC-SHA2-256" },
		{ ESP_AES_CBC_128_SHA2_384, 64, "AES-CBC-128-HMAC-SHA2-384" },
		{ ESP_AES_CBC_128_SHA2_512, 80, "AES-CBC-128-HMAC-SHA2-512" },
		{ ESP_AES_CBC_256_SHA2_256, 64, "AES-CBC-256-HMAC-SHA2-256" },
		{ ESP_AES_CBC_256_SHA2_384, 80, "AES-CBC-256-HMAC-SHA2-384" },
		{ ESP_AES_CBC_256_SHA2_512, 96, "AES-CBC-256-HMAC-SHA2-512" },
		{ 10, 0, NULL },
		{ 255, 0, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum esp_cipher c = (enum esp_cipher)rows[i].cipher;

		assert_int_equal(esp_key_len(c), rows[i].len);
		assert_in_range(esp_key_len(c), 0, ESP_KEY_MAX);
		if (rows[i].name)
			assert_string_equal(esp_cipher_name(c), rows[i].name);
		else
			assert_null(esp_cipher_name(c));
	}
}

static void test_wipe(void **state)
{
	static const struct esp_sa zero;
	struct esp_sa sa;

	(void)state;
	memset(&sa, 0xa5, sizeof(sa));
	esp_sa_wipe(&sa);
	assert_memory_equal(&sa, &zero, sizeof(sa));
	esp_sa_wipe(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ciphers),
		cmocka_unit_test(test_wipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
