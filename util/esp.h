/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The parameters of one ESP SA, as the IKE engine derives them and tacit-netd
 * installs them. They hold a key: wipe with esp_sa_wipe() when done.
 */
#ifndef TACIT_UTIL_ESP_H
#define TACIT_UTIL_ESP_H

#include <stdbool.h>
#include <stdint.h>

/* The allow-list: nothing else is ever proposed, accepted or installed. */
enum esp_cipher {
	ESP_AES_GCM_16_128 = 1,
	ESP_AES_GCM_16_256 = 2,
	ESP_CHACHA20_POLY1305 = 3,
	/* Encryption with HMAC-SHA2 (RFC 4868), tag half of the hash. */
	ESP_AES_CBC_128_SHA2_256 = 4,
	ESP_AES_CBC_128_SHA2_384 = 5,
	ESP_AES_CBC_128_SHA2_512 = 6,
	ESP_AES_CBC_256_SHA2_256 = 7,
	ESP_AES_CBC_256_SHA2_384 = 8,
	ESP_AES_CBC_256_SHA2_512 = 9,
};

/* Largest keys: AES-256 and HMAC-SHA2-512. */
#define ESP_KEY_MAX 96
/* RFC 4303 2.1: SPIs 0 to 255 are reserved; we stay clear of 0 to 0xfff. */
#define ESP_SPI_MIN 0x1000u

struct esp_sa {
	uint32_t spi;	/* host order */
	uint8_t cipher; /* enum esp_cipher */
	uint8_t esn;	/* 1: extended sequence numbers (RFC 4304) */
	uint8_t key_len;
	uint8_t reserved;
	/* As KEYMAT has them (RFC 7296 2.17): the encryption key with its salt
	 * (RFC 4106 8.1), then the integrity key where there is one. */
	uint8_t key[ESP_KEY_MAX];
};

/* Length of all keys and the salt in bytes, or 0 for an unknown cipher. */
uint8_t esp_key_len(enum esp_cipher cipher);
/* Of it, the integrity key at the end; 0 for an AEAD. */
uint8_t esp_auth_len(enum esp_cipher cipher);
/* "AES-GCM-16-128" and so on; NULL when unknown. */
const char *esp_cipher_name(enum esp_cipher cipher);
void esp_sa_wipe(struct esp_sa *sa);

#endif
