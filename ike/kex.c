/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Key pairs and shared secrets by OpenSSL's EVP. Whatever a peer's public key
 * can be, it is refused here or it gives a secret.
 */
#include "ike/kex.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/dh.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

#define UNCOMPRESSED 4 /* SEC 1, 2.3.3; not sent in IKE (RFC 5903 7) */
#define POINT_MAX    (1 + IKE_KEX_PUBLIC_MAX)

static const struct ike_kex kexes[] = {
	{ IKE_KE_X25519, 32, 32, "X25519", "X25519", NULL },
	{ IKE_KE_X448, 56, 56, "X448", "X448", NULL },
	{ IKE_KE_P256, 64, 32, "P-256", "EC", "P-256" },
	{ IKE_KE_P384, 96, 48, "P-384", "EC", "P-384" },
	{ IKE_KE_P521, 132, 66, "P-521", "EC", "P-521" },
	{ IKE_KE_MODP_2048, 256, 256, "MODP-2048", "DH", "modp_2048" },
	{ IKE_KE_MODP_3072, 384, 384, "MODP-3072", "DH", "modp_3072" },
};

const struct ike_kex *ike_kex_find(uint16_t id)
{
	for (size_t i = 0; i < sizeof(kexes) / sizeof(kexes[0]); i++)
		if (kexes[i].id == id)
			return &kexes[i];
	return NULL;
}

/* OpenSSL's form of the public key has one byte more. */
static bool is_curve(const struct ike_kex *kex)
{
	return kex->id >= IKE_KE_P256 && kex->id <= IKE_KE_P521;
}

static bool is_modp(const struct ike_kex *kex)
{
	return kex->id == IKE_KE_MODP_2048 || kex->id == IKE_KE_MODP_3072;
}

bool ike_kex_is_reusable(const struct ike_kex *kex)
{
	return kex->id == IKE_KE_X25519 || kex->id == IKE_KE_X448;
}

/* params takes two. group is the caller's, of 16 bytes. */
static void group_params(const struct ike_kex *kex, char *group,
			 OSSL_PARAM *params)
{
	strncpy(group, kex->group, 15);
	group[15] = '\0';
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
						     group, 0);
	params[1] = OSSL_PARAM_construct_end();
}

static EVP_PKEY *generate(const struct ike_kex *kex)
{
	char group[16];
	OSSL_PARAM params[2];
	EVP_PKEY *key = NULL;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, kex->type, NULL);
	bool ok = ctx && EVP_PKEY_keygen_init(ctx) > 0;

	if (ok && kex->group) {
		group_params(kex, group, params);
		ok = EVP_PKEY_CTX_set_params(ctx, params) > 0;
	}
	if (!ok || EVP_PKEY_generate(ctx, &key) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

int ike_kex_generate(const struct ike_kex *kex, EVP_PKEY **ret, uint8_t *public)
{
	uint8_t point[POINT_MAX];
	size_t skip = is_curve(kex) ? 1 : 0, len = 0;
	EVP_PKEY *key = generate(kex);
	int ok;

	/* All of them are padded to the length of the field. */
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

/* RFC 6989 2.1: with a safe prime, 1 < public < p - 1 is all that counts. */
static bool modp_in_range(const struct ike_kex *kex, const uint8_t *peer)
{
	BIGNUM *p = kex->id == IKE_KE_MODP_2048
			    ? BN_get_rfc3526_prime_2048(NULL)
			    : BN_get_rfc3526_prime_3072(NULL);
	BIGNUM *y = BN_bin2bn(peer, kex->public_len, NULL);
	bool ok = p && y && BN_sub_word(p, 1) && BN_cmp(y, p) < 0 &&
		  BN_cmp(y, BN_value_one()) > 0;

	BN_free(p);
	BN_free(y);
	return ok;
}

/* Of the group of our own key. NULL where it is no valid public key. */
static EVP_PKEY *import(const struct ike_kex *kex, const EVP_PKEY *private,
			const uint8_t *peer)
{
	uint8_t point[POINT_MAX];
	size_t skip = is_curve(kex) ? 1 : 0;
	EVP_PKEY *key;

	if (is_modp(kex) && !modp_in_range(kex, peer))
		return NULL;
	point[0] = UNCOMPRESSED;
	memcpy(point + skip, peer, kex->public_len);
	key = EVP_PKEY_new();
	/* Refuses a point that is not on the curve; the cofactor is 1. */
	if (!key || EVP_PKEY_copy_parameters(key, private) <= 0 ||
	    EVP_PKEY_set1_encoded_public_key(key, point,
					     skip + kex->public_len) <= 0) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	return key;
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
	key = import(kex, private, peer);
	if (!key)
		goto out;
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, private, NULL);
	if (!ctx || EVP_PKEY_derive_init(ctx) <= 0) {
		rc = -EIO;
		goto out;
	}
	/* 2.14: g^ir with its leading zeros. */
	if (is_modp(kex) && EVP_PKEY_CTX_set_dh_pad(ctx, 1) <= 0) {
		rc = -EIO;
		goto out;
	}
	/* From here on, a failure is the fault of the peer's key. It has been
	 * checked: the library need not do so for as long as deriving takes. */
	if (EVP_PKEY_derive_set_peer_ex(ctx, key, 0) <= 0 ||
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
