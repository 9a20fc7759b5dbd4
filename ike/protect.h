/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The Encrypted payload SK (RFC 7296 3.14) with AEAD ciphers (RFC 5282, RFC
 * 7634): the table of IKE ciphers, and sealing and opening of messages. No
 * state is kept: keys and the IV are the caller's.
 */
#ifndef TACIT_IKE_PROTECT_H
#define TACIT_IKE_PROTECT_H

#include "ike/message.h"

#define IKE_SALT_LEN 4u
#define IKE_IV_LEN   8u
#define IKE_TAG_LEN  16u
#define IKE_KEY_MAX  36u /* 256 bits and the salt */

struct ike_cipher {
	uint16_t id;
	uint16_t key_bits;  /* the Key Length attribute; 0: without */
	uint8_t key_len;    /* bytes, with the salt */
	uint8_t esp_cipher; /* enum esp_cipher: the same one for ESP */
	const char *name;
	const char *evp; /* what OpenSSL calls it */
};

/* NULL when unknown. */
const struct ike_cipher *ike_cipher_find(uint16_t id, uint16_t key_bits);

/*
 * A builder whose SK payload is open: start, write the inner payloads, seal.
 * The IV MUST NOT repeat under one key (RFC 5282 3.1): it is a counter.
 */
void ike_protect_open(struct ike_builder *b, uint64_t iv);
/* Pads, encrypts in place, finishes the message. 0; -EMSGSIZE; -EIO. */
int ike_protect_seal(struct ike_builder *b, const struct ike_cipher *cipher,
		     const uint8_t *key) __attribute__((warn_unused_result));

enum ike_protect_outcome {
	IKE_PROTECT_OK = 0,
	/* Authenticated, but the padding is longer than what there is. */
	IKE_PROTECT_PADDING = 1,
};

/* Opens the SK payload of a message whose only payload it is, into plain
 * (LIMIT_IKE_MESSAGE bytes); *ret_len is what the inner chain has. enum
 * ike_protect_outcome; -EBADMSG: no such form; -EACCES: integrity failed;
 * -EIO. */
int ike_protect_read(const struct ike_message *m,
		     const struct ike_cipher *cipher, const uint8_t *key,
		     uint8_t *plain, size_t *ret_len)
	__attribute__((warn_unused_result));

#endif
