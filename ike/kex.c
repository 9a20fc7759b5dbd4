/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Key pairs and shared secrets by OpenSSL's EVP. Whatever a peer's public key
 * can be, it is refused here or it gives a secret.
 */
#include "ike/kex.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

#define UNCOMPRESSED 4 /* SEC 1, 2.3.3; not sent in IKE (RFC 5903 7) */
#define POINT_MAX    (1 + IKE_KEX_PUBLIC_MAX)

static const struct ike_kex kexes[] = {
	{ IKE_KE_X25519, 32, 32, "X25519", "X25519" },
	{ IKE_KE_P256, 64, 32, "P-256", "P-256" },
	{ IKE_KE_P384, 96, 48, "P-384", "P-384" },
};

const struct ike_kex *ike_kex_find(uint16_t id)
{
	for (size_t i = 0; i < sizeof(kexes) / sizeof(kexes[0]); i++)
		if (kexes[i].id == id)
			return &kexes[i];
	return NULL;
}

static bool is_curve(const struct ike_kex *kex)
{
	return kex->id != IKE_KE_X25519;
}

int ike_kex_generate(const struct ike_kex *kex, EVP_PKEY **ret, uint8_t *public)
{
	uint8_t point[POINT_MAX];
	size_t skip = is_curve(kex) ? 1 : 0, len = 0;
	EVP_PKEY *key;
	int ok;

	if (is_curve(kex))
		key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", kex->group);
	else
		key = EVP_PKEY_Q_keygen(NULL, NULL, kex->group);
	ok = key && EVP_PKEY_get_octet_string_param(
			    key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point,
			    sizeof(point), &len);
	if (!ok || len != skip + kex->public_len ||
	    (skip && point[0] != UNCOMPRESSED)) {
		EVP_PKEY_free(key);
		return -EIO;
	}
	memcpy(public, point + skip, kex->public_len);
	*ret = key;
	return 0;
}

/* NULL where it is no valid public key. */
static EVP_PKEY *import_curve(const struct ike_kex *kex, const uint8_t *peer)
{
	uint8_t point[POINT_MAX];
	char group[16];
	OSSL_PARAM params[3];
	EVP_PKEY_CTX *ctx;
	EVP_PKEY *key = NULL;

	point[0] = UNCOMPRESSED;
	memcpy(point + 1, peer, kex->public_len);
	strncpy(group, kex->group, sizeof(group) - 1);
	group[sizeof(group) - 1] = '\0';
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
						     group, 0);
	params[1] = OSSL_PARAM_construct_octet_string(
		OSSL_PKEY_PARAM_PUB_KEY, point, 1 + (size_t)kex->public_len);
	params[2] = OSSL_PARAM_construct_end();
	ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	/* Refuses a point that is not on the curve; the cofactor is 1. */
	if (!ctx || EVP_PKEY_fromdata_init(ctx) <= 0 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static EVP_PKEY *import(const struct ike_kex *kex, const uint8_t *peer)
{
	if (is_curve(kex))
		return import_curve(kex, peer);
	return EVP_PKEY_new_raw_public_key_ex(NULL, kex->group, NULL, peer,
					      kex->public_len);
}

static bool is_zero(const uint8_t *p, size_t len)
{
	uint8_t all = 0;

	for (size_t i = 0; i < len; i++)
		all |= p[i];
	return all == 0;
}

int ike_kex_derive(const struct ike_kex *kex, EVP_PKEY *private,
		   const uint8_t *peer, size_t peer_len, struct secret *ret)
{
	uint8_t shared[SECRET_MAX];
	size_t len = sizeof(shared);
	EVP_PKEY_CTX *ctx = NULL;
	EVP_PKEY *key = NULL;
	int rc = -EBADMSG;

	if (peer_len != kex->public_len)
		return -EBADMSG;
	key = import(kex, peer);
	if (!key)
		goto out;
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, private, NULL);
	if (!ctx || EVP_PKEY_derive_init(ctx) <= 0) {
		rc = -EIO;
		goto out;
	}
	/* From here on, a failure is the fault of the peer's key. */
	if (EVP_PKEY_derive_set_peer(ctx, key) <= 0 ||
	    EVP_PKEY_derive(ctx, shared, &len) <= 0 || len != kex->shared_len ||
	    is_zero(shared, len))
		goto out;
	rc = secret_set(ret, shared, len);
out:
	secret_wipe(shared, sizeof(shared));
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
	return rc;
}
