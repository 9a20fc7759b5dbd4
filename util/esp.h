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
};

/* Largest key with its salt: 256 bits and 32 bits. */
#define ESP_KEY_MAX 36
/* RFC 4303 2.1: SPIs 0 to 255 are reserved; we stay clear of 0 to 0xfff. */
#define ESP_SPI_MIN 0x1000u

struct esp_sa {
	uint32_t spi;	/* host order */
	uint8_t cipher; /* enum esp_cipher */
	uint8_t esn;	/* 1: extended sequence numbers (RFC 4304) */
	uint8_t key_len;
	uint8_t reserved;
	uint8_t key[ESP_KEY_MAX]; /* key, then salt (RFC 4106 8.1) */
};

/* Key and salt length in bytes, or 0 for an unknown cipher. */
uint8_t esp_key_len(enum esp_cipher cipher);
/* "AES-GCM-16-128" and so on; NULL when unknown. */
const char *esp_cipher_name(enum esp_cipher cipher);
void esp_sa_wipe(struct esp_sa *sa);

#endif
