/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The Encrypted payload SK (RFC 7296 3.14): the table of IKE ciphers, and
 * sealing and opening of messages. A cipher here is one that protects wholly:
 * an AEAD (RFC 5282, RFC 7634), or AES-CBC together with an HMAC. No state is
 * kept: keys and the IV are the caller's.
 */
#ifndef TACIT_IKE_PROTECT_H
#define TACIT_IKE_PROTECT_H

#include "ike/message.h"

#define IKE_SALT_LEN 4u
#define IKE_IV_MAX   16u
#define IKE_TAG_MAX  32u
#define IKE_KEY_MAX  96u /* AES-256 and HMAC-SHA2-512 */

struct ike_cipher {
	uint16_t id;
	uint16_t key_bits; /* the Key Length attribute; 0: without */
	uint16_t integ;	   /* enum ike_integ_id; IKE_INTEG_NONE: an AEAD */
	/* Bytes: all keys; of them SK_a, which stands behind SK_e (and its
	 * salt); the IV; the integrity tag; the cipher's block, or 1. */
	uint8_t key_len, auth_len, iv_len, tag_len, block;
	uint8_t esp_cipher; /* enum esp_cipher: the same one for ESP */
	const char *name;
	const char *evp;    /* what OpenSSL calls it */
	const char *digest; /* of the HMAC; NULL: an AEAD */
};

/* NULL when unknown. */
const struct ike_cipher *ike_cipher_find(uint16_t id, uint16_t key_bits,
					 uint16_t integ);
/* An AEAD: without an integrity transform of its own. */
bool ike_cipher_is_aead(uint16_t id);

/*
 * A builder whose SK payload is open: start, write the inner payloads, seal.
 * The IV MUST NOT repeat under one key (RFC 5282 3.1): it is a counter. With
 * CBC it is enciphered first, as it must be unpredictable too (RFC 7296 3.14).
 */
void ike_protect_open(struct ike_builder *b, const struct ike_cipher *cipher,
		      uint64_t iv);
/* The same with an SKF payload (RFC 7383 2.5); the type of the first inner
 * payload, which only the first fragment has, is the caller's to write. */
void ike_protect_open_fragment(struct ike_builder *b,
			       const struct ike_cipher *cipher, uint64_t iv,
			       uint16_t number, uint16_t total);
/* Where the text of a message with an open SK or SKF payload begins. */
size_t ike_protect_text_at(const struct ike_cipher *cipher,
			   const uint8_t *message);
/* How much text a sealed message of at most max bytes holds. */
size_t ike_protect_room(const struct ike_cipher *cipher, size_t max,
			bool fragment);
/* Pads, encrypts in place, finishes the message; key is key_len bytes. 0;
 * -EMSGSIZE; -EIO. */
int ike_protect_seal(struct ike_builder *b, const struct ike_cipher *cipher,
		     const uint8_t *key) __attribute__((warn_unused_result));

enum ike_protect_outcome {
	IKE_PROTECT_OK = 0,
	/* Authenticated, but the padding is longer than what there is. */
	IKE_PROTECT_PADDING = 1,
};

/* Opens the SK or SKF payload of a message whose only payload it is, into plain
 * (LIMIT_IKE_MESSAGE bytes); *ret_len is what the inner chain has. enum
 * ike_protect_outcome; -EBADMSG: no such form; -EACCES: integrity failed;
 * -EIO. */
int ike_protect_read(const struct ike_message *m,
		     const struct ike_cipher *cipher, const uint8_t *key,
		     uint8_t *plain, size_t *ret_len)
	__attribute__((warn_unused_result));

#endif
