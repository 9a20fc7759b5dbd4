/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SubjectPublicKeyInfo: one exact encoding for each type of key.
 */
#include "ike/public-key.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>
#include <string.h>

#include "ike/der.h"

#define ELEMENTS(a)  (sizeof(a) / sizeof((a)[0]))
#define EXPONENT_MAX 8u /* bytes */

/* AlgorithmIdentifiers as they stand in an SPKI (RFC 3279, 5480, 8410). */
static const uint8_t alg_rsa[] = { 0x30, 0x0d, 0x06, 0x09, 0x2a,
				   0x86, 0x48, 0x86, 0xf7, 0x0d,
				   0x01, 0x01, 0x01, 0x05, 0x00 };
static const uint8_t alg_p256[] = { 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
				    0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
				    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
static const uint8_t alg_p384[] = { 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86,
				    0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
				    0x05, 0x2b, 0x81, 0x04, 0x00, 0x22 };
static const uint8_t alg_p521[] = { 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86,
				    0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
				    0x05, 0x2b, 0x81, 0x04, 0x00, 0x23 };
static const uint8_t alg_ed25519[] = {
	0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70
};
static const uint8_t alg_ed448[] = { 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x71 };

static const struct {
	const uint8_t *alg;
	size_t alg_len;
	size_t point_len;
	const char *name, *evp, *group;
} types[IKE_KEY_TYPES] = {
	[IKE_KEY_RSA] = { alg_rsa, sizeof(alg_rsa), 0, "RSA", "RSA", NULL },
	[IKE_KEY_P256] = { alg_p256, sizeof(alg_p256), 65, "P-256", "EC",
			   "prime256v1" },
	[IKE_KEY_P384] = { alg_p384, sizeof(alg_p384), 97, "P-384", "EC",
			   "secp384r1" },
	[IKE_KEY_P521] = { alg_p521, sizeof(alg_p521), 133, "P-521", "EC",
			   "secp521r1" },
	[IKE_KEY_ED25519] = { alg_ed25519, sizeof(alg_ed25519), 32, "Ed25519",
			      "ED25519", NULL },
	[IKE_KEY_ED448] = { alg_ed448, sizeof(alg_ed448), 57, "Ed448", "ED448",
			    NULL },
};

const char *ike_key_type_name(enum ike_key_type t)
{
	return types[t].name;
}

static struct ike_view view(const struct rbuf *r)
{
	return (struct ike_view){ r->pos, r->left };
}

static bool is_odd(struct ike_view v)
{
	return v.data[v.len - 1] & 1;
}

static size_t count_bits(struct ike_view v)
{
	size_t bits = 8 * v.len;

	for (unsigned top = v.data[0]; top < 0x80; top <<= 1)
		bits--;
	return bits;
}

/* RSAPublicKey (RFC 8017 A.1.1), and what no honest key has. */
static int parse_rsa(struct rbuf *bits, struct ike_public_key *ret)
{
	struct rbuf s = der_open(bits, DER_SEQUENCE);
	struct rbuf n = der_positive(&s), e = der_positive(&s);

	if (!rbuf_finish(&s) || !rbuf_finish(bits))
		return -EBADMSG;
	ret->n = view(&n);
	ret->e = view(&e);
	if (count_bits(ret->n) < IKE_RSA_BITS_MIN ||
	    count_bits(ret->n) > IKE_RSA_BITS_MAX || !is_odd(ret->n) ||
	    !is_odd(ret->e) || ret->e.len > EXPONENT_MAX ||
	    (ret->e.len == 1 && ret->e.data[0] == 1))
		return -EKEYREJECTED;
	return 0;
}

static int parse_point(const struct rbuf *bits, struct ike_public_key *ret)
{
	if (bits->left != types[ret->type].point_len)
		return -EBADMSG;
	/* SEC 1 2.3.3: the uncompressed form, which everybody writes. */
	if (types[ret->type].group && bits->pos[0] != 0x04)
		return -EOPNOTSUPP;
	ret->point = view(bits);
	return 0;
}

static int find_type(struct rbuf *spki, enum ike_key_type *ret)
{
	for (unsigned i = 0; i < ELEMENTS(types); i++) {
		if (spki->left < types[i].alg_len ||
		    memcmp(spki->pos, types[i].alg, types[i].alg_len) != 0)
			continue;
		(void)rbuf_bytes(spki, types[i].alg_len);
		*ret = (enum ike_key_type)i;
		return 0;
	}
	/* A key all the same? */
	(void)der_open(spki, DER_SEQUENCE);
	(void)der_open(spki, DER_BIT_STRING);
	return rbuf_finish(spki) ? -EOPNOTSUPP : -EBADMSG;
}

int ike_public_key_parse(struct ike_view spki, struct ike_public_key *ret)
{
	struct rbuf outer = rbuf_of(spki.data, spki.len), r, bits;
	struct ike_public_key k = { 0 };
	int rc;

	if (spki.len > LIMIT_IKE_SPKI)
		return -EKEYREJECTED;
	r = der_open(&outer, DER_SEQUENCE);
	if (!rbuf_finish(&outer))
		return -EBADMSG;
	rc = find_type(&r, &k.type);
	if (rc < 0)
		return rc;
	bits = der_open(&r, DER_BIT_STRING);
	/* Whole bytes. */
	if (rbuf_u8(&bits) != 0 || !rbuf_ok(&bits) || !rbuf_finish(&r))
		return -EBADMSG;
	rc = k.type == IKE_KEY_RSA ? parse_rsa(&bits, &k)
				   : parse_point(&bits, &k);
	if (rc == 0)
		*ret = k;
	return rc;
}

/* --- with OpenSSL ----------------------------------------------------------- */

static int from_params(const char *type, OSSL_PARAM *params, EVP_PKEY **ret)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;
	int rc = -EIO;

	if (ctx && EVP_PKEY_fromdata_init(ctx) > 0) {
		rc = -EBADMSG;
		if (EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) >
		    0)
			rc = 0;
	}
	EVP_PKEY_CTX_free(ctx);
	if (rc == 0)
		*ret = key;
	return rc;
}

static int load_rsa(const struct ike_public_key *k, EVP_PKEY **ret)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	BIGNUM *n = BN_bin2bn(k->n.data, (int)k->n.len, NULL);
	BIGNUM *e = BN_bin2bn(k->e.data, (int)k->e.len, NULL);
	OSSL_PARAM *params = NULL;
	int rc = -EIO;

	if (build && n && e &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e))
		params = OSSL_PARAM_BLD_to_param(build);
	if (params)
		rc = from_params("RSA", params, ret);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	BN_free(n);
	BN_free(e);
	return rc;
}

static int load_ec(const struct ike_public_key *k, EVP_PKEY **ret)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(
			OSSL_PKEY_PARAM_GROUP_NAME,
			(char *)(uintptr_t)types[k->type].group, 0),
		OSSL_PARAM_construct_octet_string(
			OSSL_PKEY_PARAM_PUB_KEY,
			(void *)(uintptr_t)k->point.data, k->point.len),
		OSSL_PARAM_construct_end(),
	};

	/* Refuses a point that is not on the curve. */
	return from_params("EC", params, ret);
}

int ike_public_key_load(const struct ike_public_key *k, EVP_PKEY **ret)
{
	const char *evp = types[k->type].evp;
	EVP_PKEY *key = NULL;
	int rc;

	if (k->type == IKE_KEY_RSA) {
		rc = load_rsa(k, &key);
	} else if (types[k->type].group) {
		rc = load_ec(k, &key);
	} else {
		key = EVP_PKEY_new_raw_public_key_ex(
			NULL, evp, NULL, k->point.data, k->point.len);
		rc = key ? 0 : -EIO;
	}
	ERR_clear_error();
	if (rc == 0)
		*ret = key;
	return rc;
}

int ike_public_key_type(const EVP_PKEY *key, enum ike_key_type *ret)
{
	char group[32] = "";
	int bits = EVP_PKEY_get_bits(key);

	if (EVP_PKEY_is_a(key, "RSA") &&
	    (bits < (int)IKE_RSA_BITS_MIN || bits > (int)IKE_RSA_BITS_MAX))
		return -EKEYREJECTED;
	if (EVP_PKEY_is_a(key, "EC") &&
	    EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) != 1)
		group[0] = 0;
	ERR_clear_error();
	for (unsigned i = 0; i < ELEMENTS(types); i++) {
		if (!EVP_PKEY_is_a(key, types[i].evp) ||
		    (types[i].group && strcmp(group, types[i].group) != 0))
			continue;
		*ret = (enum ike_key_type)i;
		return 0;
	}
	return -EOPNOTSUPP;
}

int ike_public_key_export(EVP_PKEY *key, uint8_t *ret, size_t *ret_len)
{
	struct ike_public_key parsed;
	uint8_t *p = ret;
	int len = i2d_PUBKEY(key, NULL), rc;

	ERR_clear_error();
	if (len <= 0)
		return -EIO;
	if ((size_t)len > LIMIT_IKE_SPKI)
		return -EKEYREJECTED;
	len = i2d_PUBKEY(key, &p);
	if (len <= 0)
		return -EIO;
	rc = ike_public_key_parse((struct ike_view){ ret, (size_t)len },
				  &parsed);
	if (rc == 0)
		*ret_len = (size_t)len;
	return rc;
}

int ike_public_key_fingerprint(struct ike_view spki,
			       uint8_t ret[static IKE_FINGERPRINT_LEN])
{
	unsigned len;

	if (EVP_Digest(spki.data, spki.len, ret, &len, EVP_sha256(), NULL) == 1)
		return 0;
	ERR_clear_error();
	return -EIO;
}
