/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * AEAD of whole messages by OpenSSL's EVP_CIPHER; nothing is kept.
 */
#include "ike/protect.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "util/esp.h"
#include "util/secret.h"

/* Where an SK payload is the only one: header and generic header before it. */
#define SK_BODY	  (IKE_HEADER_LEN + IKE_GENERIC_LEN)
#define NONCE_LEN (IKE_SALT_LEN + IKE_IV_LEN)

static const struct ike_cipher ciphers[] = {
	{ IKE_ENCR_AES_GCM_16, 128, 20, ESP_AES_GCM_16_128, "AES-GCM-16-128",
	  "AES-128-GCM" },
	{ IKE_ENCR_AES_GCM_16, 256, 36, ESP_AES_GCM_16_256, "AES-GCM-16-256",
	  "AES-256-GCM" },
	{ IKE_ENCR_CHACHA20_POLY1305, 0, 36, ESP_CHACHA20_POLY1305,
	  "ChaCha20-Poly1305", "ChaCha20-Poly1305" },
};

const struct ike_cipher *ike_cipher_find(uint16_t id, uint16_t key_bits)
{
	for (size_t i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++)
		if (ciphers[i].id == id && ciphers[i].key_bits == key_bits)
			return &ciphers[i];
	return NULL;
}

/* RFC 5282 4, RFC 7634 2: salt, then the explicit IV. */
static EVP_CIPHER_CTX *begin(const struct ike_cipher *cipher,
			     const uint8_t *key, const uint8_t *iv, int encrypt)
{
	uint8_t nonce[NONCE_LEN];
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	EVP_CIPHER *evp = EVP_CIPHER_fetch(NULL, cipher->evp, NULL);

	memcpy(nonce, key + cipher->key_len - IKE_SALT_LEN, IKE_SALT_LEN);
	memcpy(nonce + IKE_SALT_LEN, iv, IKE_IV_LEN);
	if (!ctx || !evp ||
	    !EVP_CipherInit_ex2(ctx, evp, key, nonce, encrypt, NULL)) {
		EVP_CIPHER_CTX_free(ctx);
		ctx = NULL;
	}
	EVP_CIPHER_free(evp);
	secret_wipe(nonce, sizeof(nonce));
	return ctx;
}

void ike_protect_open(struct ike_builder *b, uint64_t iv)
{
	wbuf_be64(ike_builder_open(b, IKE_PAYLOAD_SK), iv);
}

/* Encrypts text in place and puts the tag behind it. */
static int encrypt(const struct ike_cipher *cipher, const uint8_t *key,
		   uint8_t *message, uint8_t *text, size_t len)
{
	EVP_CIPHER_CTX *ctx = begin(cipher, key, message + SK_BODY, 1);
	int n, ok;

	ok = ctx && EVP_CipherUpdate(ctx, NULL, &n, message, SK_BODY) &&
	     EVP_CipherUpdate(ctx, text, &n, text, (int)len) &&
	     EVP_CipherFinal_ex(ctx, text + len, &n) &&
	     EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, IKE_TAG_LEN,
				 text + len);
	EVP_CIPHER_CTX_free(ctx);
	return ok ? 0 : -EIO;
}

int ike_protect_seal(struct ike_builder *b, const struct ike_cipher *cipher,
		     const uint8_t *key)
{
	struct wbuf *w = &b->w;
	size_t text = SK_BODY + IKE_IV_LEN, len;
	int rc;

	wbuf_u8(w, 0); /* 3.14: Pad Length; these ciphers need no padding */
	len = w->len - text;
	wbuf_zero(w, IKE_TAG_LEN);
	/* The lengths are authenticated: they are written before sealing. */
	b->open_at = SK_BODY - 2;
	ike_builder_close(b);
	rc = ike_builder_finish(b);
	if (rc < 0)
		return rc;
	return encrypt(cipher, key, w->data, w->data + text, len);
}

static int decrypt(const struct ike_cipher *cipher, const uint8_t *key,
		   const struct ike_message *m, const uint8_t *text, size_t len,
		   uint8_t *plain)
{
	uint8_t tag[IKE_TAG_LEN];
	EVP_CIPHER_CTX *ctx = begin(cipher, key, m->raw + SK_BODY, 0);
	int n, rc = -EIO;

	memcpy(tag, text + len, sizeof(tag));
	if (!ctx || !EVP_CipherUpdate(ctx, NULL, &n, m->raw, SK_BODY) ||
	    !EVP_CipherUpdate(ctx, plain, &n, text, (int)len) ||
	    !EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, IKE_TAG_LEN, tag))
		goto out;
	rc = EVP_CipherFinal_ex(ctx, plain + len, &n) ? 0 : -EACCES;
out:
	if (rc < 0)
		secret_wipe(plain, len);
	EVP_CIPHER_CTX_free(ctx);
	return rc;
}

int ike_protect_read(const struct ike_message *m,
		     const struct ike_cipher *cipher, const uint8_t *key,
		     uint8_t *plain, size_t *ret_len)
{
	const struct ike_payload *sk = ike_message_find(m, IKE_PAYLOAD_SK);
	size_t len, pad;
	int rc;

	/* The Pad Length at least; whatever stood before SK would not be
	 * protected, so nothing may. */
	if (!sk || m->n != 1 || sk->data != m->raw + SK_BODY ||
	    sk->len < IKE_IV_LEN + 1 + IKE_TAG_LEN)
		return -EBADMSG;
	len = sk->len - IKE_IV_LEN - IKE_TAG_LEN;
	rc = decrypt(cipher, key, m, sk->data + IKE_IV_LEN, len, plain);
	if (rc < 0)
		return rc;
	pad = plain[len - 1];
	if (pad >= len) {
		secret_wipe(plain, len);
		return IKE_PROTECT_PADDING;
	}
	*ret_len = len - 1 - pad;
	return IKE_PROTECT_OK;
}
