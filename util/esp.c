/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is known about each ESP cipher of the allow-list.
 */
#include "util/esp.h"

#include <stddef.h>

#include "util/secret.h"

#define SALT_LEN 4 /* RFC 4106 4, RFC 7634 2 */

uint8_t esp_auth_len(enum esp_cipher cipher)
{
	switch (cipher) {
	case ESP_AES_GCM_16_128:
	case ESP_AES_GCM_16_256:
	case ESP_CHACHA20_POLY1305:
		return 0;
	/* RFC 4868 2.1.1: as long as the hash. */
	case ESP_AES_CBC_128_SHA2_256:
	case ESP_AES_CBC_256_SHA2_256:
		return 32;
	case ESP_AES_CBC_128_SHA2_384:
	case ESP_AES_CBC_256_SHA2_384:
		return 48;
	case ESP_AES_CBC_128_SHA2_512:
	case ESP_AES_CBC_256_SHA2_512:
		return 64;
	}
	return 0;
}

uint8_t esp_key_len(enum esp_cipher cipher)
{
	uint8_t auth = esp_auth_len(cipher);

	switch (cipher) {
	case ESP_AES_GCM_16_128:
		return 16 + SALT_LEN;
	case ESP_AES_GCM_16_256:
	case ESP_CHACHA20_POLY1305:
		return 32 + SALT_LEN;
	case ESP_AES_CBC_128_SHA2_256:
	case ESP_AES_CBC_128_SHA2_384:
	case ESP_AES_CBC_128_SHA2_512:
		return (uint8_t)(16 + auth);
	case ESP_AES_CBC_256_SHA2_256:
	case ESP_AES_CBC_256_SHA2_384:
	case ESP_AES_CBC_256_SHA2_512:
		return (uint8_t)(32 + auth);
	}
	return 0;
}

const char *esp_cipher_name(enum esp_cipher cipher)
{
	switch (cipher) {
	case ESP_AES_GCM_16_128:
		return "AES-GCM-16-128";
	case ESP_AES_GCM_16_256:
		return "AES-GCM-16-256";
	case ESP_CHACHA20_POLY1305:
		return "CHACHA20-POLY1305";
	case ESP_AES_CBC_128_SHA2_256:
		return "AES-CBC-128-HMAC-SHA2-256";
	case ESP_AES_CBC_128_SHA2_384:
		return "AES-CBC-128-HMAC-SHA2-384";
	case ESP_AES_CBC_128_SHA2_512:
		return "AES-CBC-128-HMAC-SHA2-512";
	case ESP_AES_CBC_256_SHA2_256:
		return "AES-CBC-256-HMAC-SHA2-256";
	case ESP_AES_CBC_256_SHA2_384:
		return "AES-CBC-256-HMAC-SHA2-384";
	case ESP_AES_CBC_256_SHA2_512:
		return "AES-CBC-256-HMAC-SHA2-512";
	}
	return NULL;
}

void esp_sa_wipe(struct esp_sa *sa)
{
	if (sa)
		secret_wipe(sa, sizeof(*sa));
}
