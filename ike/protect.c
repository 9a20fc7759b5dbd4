/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Protection of whole messages by OpenSSL's EVP; nothing is kept.
 */
#include "ike/protect.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "ike/prf.h"
#include "util/esp.h"
#include "util/secret.h"

/* Where the body of the only payload is, behind header and generic header. */
#define BODY (IKE_HEADER_LEN + IKE_GENERIC_LEN)

/* Where the IV is: behind the numbers that make a fragment of it (RFC 7383
 * 2.5). All before it is authenticated in the clear. */
static size_t iv_at(const uint8_t *message)
{
	return message[IKE_NEXT_PAYLOAD_AT] == IKE_PAYLOAD_SKF
		       ? BODY + IKE_FRAGMENT_LEN
		       : BODY;
}

static const struct ike_cipher ciphers[] = {
	{ IKE_ENCR_AES_GCM_16, 128, 0, 20, 0, 8, 16, 1, ESP_AES_GCM_16_128,
	  "AES-GCM-16-128", "AES-128-GCM", NULL },
	{ IKE_ENCR_AES_GCM_16, 256, 0, 36, 0, 8, 16, 1, ESP_AES_GCM_16_256,
	  "AES-GCM-16-256", "AES-256-GCM", NULL },
	{ IKE_ENCR_CHACHA20_POLY1305, 0, 0, 36, 0, 8, 16, 1,
	  ESP_CHACHA20_POLY1305, "ChaCha20-Poly1305", "ChaCha20-Poly1305",
	  NULL },
	{ IKE_ENCR_AES_CBC, 128, IKE_INTEG_HMAC_SHA2_256_128, 48, 32, 16, 16,
	  16, ESP_AES_CBC_128_SHA2_256, "AES-CBC-128-HMAC-SHA2-256",
	  "AES-128-CBC", "SHA256" },
	{ IKE_ENCR_AES_CBC, 128, IKE_INTEG_HMAC_SHA2_384_192, 64, 48, 16, 24,
	  16, ESP_AES_CBC_128_SHA2_384, "AES-CBC-128-HMAC-SHA2-384",
	  "AES-128-CBC", "SHA384" },
	{ IKE_ENCR_AES_CBC, 128, IKE_INTEG_HMAC_SHA2_512_256, 80, 64, 16, 32,
	  16, ESP_AES_CBC_128_SHA2_512, "AES-CBC-128-HMAC-SHA2-512",
	  "AES-128-CBC", "SHA512" },
	{ IKE_ENCR_AES_CBC, 256, IKE_INTEG_HMAC_SHA2_256_128, 64, 32, 16, 16,
	  16, ESP_AES_CBC_256_SHA2_256, "AES-CBC-256-HMAC-SHA2-256",
	  "AES-256-CBC", "SHA256" },
	{ IKE_ENCR_AES_CBC, 256, IKE_INTEG_HMAC_SHA2_384_192, 80, 48, 16, 24,
	  16, ESP_AES_CBC_256_SHA2_384, "AES-CBC-256-HMAC-SHA2-384",
	  "AES-256-CBC", "SHA384" },
	{ IKE_ENCR_AES_CBC, 256, IKE_INTEG_HMAC_SHA2_512_256, 96, 64, 16, 32,
	  16, ESP_AES_CBC_256_SHA2_512, "AES-CBC-256-HMAC-SHA2-512",
	  "AES-256-CBC", "SHA512" },
};

const struct ike_cipher *ike_cipher_find(uint16_t id, uint16_t key_bits,
					 uint16_t integ)
{
	for (size_t i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++)
		if (ciphers[i].id == id && ciphers[i].key_bits == key_bits &&
		    ciphers[i].integ == integ)
			return &ciphers[i];
	return NULL;
}

bool ike_cipher_is_aead(uint16_t id)
{
	return id == IKE_ENCR_AES_GCM_16 || id == IKE_ENCR_CHACHA20_POLY1305;
}

/* Of an AEAD the nonce is salt, then the explicit IV (RFC 5282 4, RFC 7634
 * 2). */
static EVP_CIPHER_CTX *begin(const struct ike_cipher *cipher,
			     const uint8_t *key, const uint8_t *iv, int encrypt)
{
	uint8_t nonce[IKE_SALT_LEN + IKE_IV_MAX];
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	EVP_CIPHER *evp = EVP_CIPHER_fetch(NULL, cipher->evp, NULL);
	size_t salt = cipher->digest ? 0 : IKE_SALT_LEN;

	memcpy(nonce, key + cipher->key_len - salt, salt);
	memcpy(nonce + salt, iv, cipher->iv_len);
	if (!ctx || !evp ||
	    !EVP_CipherInit_ex2(ctx, evp, key, nonce, encrypt, NULL) ||
	    !EVP_CIPHER_CTX_set_padding(ctx, 0)) {
		EVP_CIPHER_CTX_free(ctx);
		ctx = NULL;
	}
	EVP_CIPHER_free(evp);
	secret_wipe(nonce, sizeof(nonce));
	return ctx;
}

/* RFC 7296 3.14: over everything from the header to the end of the
 * ciphertext. tag takes IKE_PRF_MAX bytes, of which tag_len count. */
static int mac(const struct ike_cipher *cipher, const uint8_t *key,
	       const uint8_t *message, size_t len, uint8_t *tag)
{
	struct ike_prf hmac = { .len = cipher->auth_len,
				.digest = cipher->digest };
	struct ike_part part = { message, len };

	return ike_prf(&hmac, key + cipher->key_len - cipher->auth_len,
		       cipher->auth_len, &part, 1, tag);
}

void ike_protect_open(struct ike_builder *b, const struct ike_cipher *cipher,
		      uint64_t iv)
{
	struct wbuf *w = ike_builder_open(b, IKE_PAYLOAD_SK);

	wbuf_zero(w, cipher->iv_len - sizeof(iv));
	wbuf_be64(w, iv);
}

void ike_protect_open_fragment(struct ike_builder *b,
			       const struct ike_cipher *cipher, uint64_t iv,
			       uint16_t number, uint16_t total)
{
	struct wbuf *w = ike_builder_open(b, IKE_PAYLOAD_SKF);

	wbuf_be16(w, number);
	wbuf_be16(w, total);
	wbuf_zero(w, cipher->iv_len - sizeof(iv));
	wbuf_be64(w, iv);
}

size_t ike_protect_text_at(const struct ike_cipher *cipher,
			   const uint8_t *message)
{
	return iv_at(message) + cipher->iv_len;
}

size_t ike_protect_room(const struct ike_cipher *cipher, size_t max,
			bool fragment)
{
	size_t other = BODY + (fragment ? IKE_FRAGMENT_LEN : 0) +
		       cipher->iv_len + cipher->tag_len;

	if (max < other + cipher->block)
		return 0;
	return (max - other) / cipher->block * cipher->block - 1;
}

static int seal_aead(const struct ike_cipher *cipher, const uint8_t *key,
		     uint8_t *message, uint8_t *text, size_t len)
{
	size_t iv = iv_at(message);
	EVP_CIPHER_CTX *ctx = begin(cipher, key, message + iv, 1);
	int n, ok;

	ok = ctx && EVP_CipherUpdate(ctx, NULL, &n, message, (int)iv) &&
	     EVP_CipherUpdate(ctx, text, &n, text, (int)len) &&
	     EVP_CipherFinal_ex(ctx, text + len, &n) &&
	     EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, cipher->tag_len,
				 text + len);
	EVP_CIPHER_CTX_free(ctx);
	return ok ? 0 : -EIO;
}

/* NIST SP 800-38A, appendix C: the IV is the counter's block enciphered under
 * the same key, which CBC does with an IV of zero. */
static int seal_cbc(const struct ike_cipher *cipher, const uint8_t *key,
		    uint8_t *message, uint8_t *text, size_t len)
{
	static const uint8_t zero[IKE_IV_MAX];
	EVP_CIPHER_CTX *ctx = begin(cipher, key, zero, 1);
	uint8_t *iv = message + iv_at(message), tag[IKE_PRF_MAX];
	int n, rc = -EIO;

	/* IV and text are one run of blocks. */
	if (ctx &&
	    EVP_CipherUpdate(ctx, iv, &n, iv, (int)(len + cipher->iv_len)))
		rc = mac(cipher, key, message, (size_t)(text - message) + len,
			 tag);
	if (rc == 0)
		memcpy(text + len, tag, cipher->tag_len);
	EVP_CIPHER_CTX_free(ctx);
	return rc;
}

int ike_protect_seal(struct ike_builder *b, const struct ike_cipher *cipher,
		     const uint8_t *key)
{
	struct wbuf *w = &b->w;
	size_t text = ike_protect_text_at(cipher, w->data), len, pad;
	int rc;

	/* 3.14: padding up to the block, and the Pad Length in its end. */
	pad = cipher->block - 1 - (w->len - text) % cipher->block;
	wbuf_zero(w, pad);
	wbuf_u8(w, (uint8_t)pad);
	len = w->len - text;
	wbuf_zero(w, cipher->tag_len);
	/* The lengths are authenticated: they are written before sealing. */
	b->open_at = BODY - 2;
	ike_builder_close(b);
	rc = ike_builder_finish(b);
	if (rc < 0)
		return rc;
	if (cipher->digest)
		return seal_cbc(cipher, key, w->data, w->data + text, len);
	return seal_aead(cipher, key, w->data, w->data + text, len);
}

static int open_aead(const struct ike_cipher *cipher, const uint8_t *key,
		     const uint8_t *message, const uint8_t *text, size_t len,
		     uint8_t *plain)
{
	uint8_t tag[IKE_TAG_MAX];
	size_t iv = iv_at(message);
	EVP_CIPHER_CTX *ctx = begin(cipher, key, message + iv, 0);
	int n, rc = -EIO;

	memcpy(tag, text + len, cipher->tag_len);
	if (ctx && EVP_CipherUpdate(ctx, NULL, &n, message, (int)iv) &&
	    EVP_CipherUpdate(ctx, plain, &n, text, (int)len) &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, cipher->tag_len,
				tag))
		rc = EVP_CipherFinal_ex(ctx, plain + len, &n) ? 0 : -EACCES;
	EVP_CIPHER_CTX_free(ctx);
	return rc;
}

static int open_cbc(const struct ike_cipher *cipher, const uint8_t *key,
		    const uint8_t *message, const uint8_t *text, size_t len,
		    uint8_t *plain)
{
	uint8_t tag[IKE_PRF_MAX];
	EVP_CIPHER_CTX *ctx;
	int n, rc;

	rc = mac(cipher, key, message, (size_t)(text - message) + len, tag);
	if (rc < 0)
		return rc;
	if (!secret_memequal(tag, text + len, cipher->tag_len))
		return -EACCES;
	ctx = begin(cipher, key, message + iv_at(message), 0);
	rc = ctx && EVP_CipherUpdate(ctx, plain, &n, text, (int)len) ? 0 : -EIO;
	EVP_CIPHER_CTX_free(ctx);
	return rc;
}

int ike_protect_read(const struct ike_message *m,
		     const struct ike_cipher *cipher, const uint8_t *key,
		     uint8_t *plain, size_t *ret_len)
{
	const struct ike_payload *sk = m->payloads;
	const uint8_t *text;
	size_t len, pad, clear;
	int rc;

	/* The Pad Length at least; whatever stood before SK would not be
	 * protected, so nothing may. */
	if (!ike_message_is_protected(m) || m->n != 1 ||
	    sk->data != m->raw + BODY)
		return -EBADMSG;
	clear = ike_protect_text_at(cipher, m->raw) - BODY;
	if (sk->len < clear + cipher->block + cipher->tag_len)
		return -EBADMSG;
	len = sk->len - clear - cipher->tag_len;
	if (len % cipher->block)
		return -EBADMSG;
	text = sk->data + clear;
	if (cipher->digest)
		rc = open_cbc(cipher, key, m->raw, text, len, plain);
	else
		rc = open_aead(cipher, key, m->raw, text, len, plain);
	if (rc < 0) {
		secret_wipe(plain, len);
		return rc;
	}
	pad = plain[len - 1];
	if (pad >= len) {
		secret_wipe(plain, len);
		return IKE_PROTECT_PADDING;
	}
	*ret_len = len - 1 - pad;
	return IKE_PROTECT_OK;
}
