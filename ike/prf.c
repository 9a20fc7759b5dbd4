/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * HMAC-SHA2 by OpenSSL's EVP_MAC; nothing is kept between calls.
 */
#include "ike/prf.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

#include "util/secret.h"

static const struct ike_prf prfs[] = {
	{ IKE_PRF_HMAC_SHA2_256, 32, "HMAC-SHA2-256", "SHA256" },
	{ IKE_PRF_HMAC_SHA2_384, 48, "HMAC-SHA2-384", "SHA384" },
	{ IKE_PRF_HMAC_SHA2_512, 64, "HMAC-SHA2-512", "SHA512" },
};

const struct ike_prf *ike_prf_find(uint16_t id)
{
	for (size_t i = 0; i < sizeof(prfs) / sizeof(prfs[0]); i++)
		if (prfs[i].id == id)
			return &prfs[i];
	return NULL;
}

/* A context keyed for prf; prf+ uses one for all its rounds. */
static EVP_MAC_CTX *keyed(const struct ike_prf *prf, const void *key,
			  size_t key_len)
{
	char digest[16];
	OSSL_PARAM params[2];
	EVP_MAC_CTX *ctx;
	EVP_MAC *mac;

	strncpy(digest, prf->digest, sizeof(digest) - 1);
	digest[sizeof(digest) - 1] = '\0';
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
						     digest, 0);
	params[1] = OSSL_PARAM_construct_end();
	mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	ctx = EVP_MAC_CTX_new(mac);
	EVP_MAC_free(mac);
	if (ctx && !EVP_MAC_init(ctx, key, key_len, params)) {
		EVP_MAC_CTX_free(ctx);
		ctx = NULL;
	}
	return ctx;
}

static bool add(EVP_MAC_CTX *ctx, const struct ike_part *parts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (parts[i].len &&
		    !EVP_MAC_update(ctx, parts[i].data, parts[i].len))
			return false;
	return true;
}

static bool finish(EVP_MAC_CTX *ctx, const struct ike_prf *prf, uint8_t *out)
{
	size_t len;

	return EVP_MAC_final(ctx, out, &len, prf->len) && len == prf->len;
}

int ike_prf(const struct ike_prf *prf, const void *key, size_t key_len,
	    const struct ike_part *parts, size_t n, uint8_t *out)
{
	EVP_MAC_CTX *ctx = keyed(prf, key, key_len);
	bool ok = ctx && add(ctx, parts, n) && finish(ctx, prf, out);

	EVP_MAC_CTX_free(ctx);
	return ok ? 0 : -EIO;
}

/* T1 = prf(K, S | 1), Tn = prf(K, Tn-1 | S | n) */
int ike_prf_plus(const struct ike_prf *prf, const void *key, size_t key_len,
		 const struct ike_part *parts, size_t n, uint8_t *out,
		 size_t len)
{
	uint8_t t[IKE_PRF_MAX];
	EVP_MAC_CTX *ctx;
	bool ok = true;

	if (len > 255 * (size_t)prf->len)
		return -EINVAL;
	ctx = keyed(prf, key, key_len);
	ok = ctx != NULL;
	for (uint8_t round = 1; ok && len; round++) {
		struct ike_part last = { t, round > 1 ? prf->len : 0 };
		struct ike_part count = { &round, 1 };
		size_t take = len < prf->len ? len : prf->len;

		/* Keyed already; a second init begins with the same key. */
		ok = (round == 1 || EVP_MAC_init(ctx, NULL, 0, NULL)) &&
		     add(ctx, &last, 1) && add(ctx, parts, n) &&
		     add(ctx, &count, 1) && finish(ctx, prf, t);
		if (!ok)
			break;
		memcpy(out, t, take);
		out += take;
		len -= take;
	}
	EVP_MAC_CTX_free(ctx);
	secret_wipe(t, sizeof(t));
	return ok ? 0 : -EIO;
}
