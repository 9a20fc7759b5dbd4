/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * IPSECKEY RDATA. What follows the gateway has no length of its own: the rest
 * of the record is the key.
 */
#include "dnskeys/ipseckey.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <string.h>

#include "util/rbuf.h"

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192

/* RFC 1035 2.3.4, and two bits that would say compression (4.1.4), which RFC
 * 4025 2.5 rules out. */
#define LABEL_MAX 63u

/* --- reading ---------------------------------------------------------------- */

static int parse_name(struct rbuf *r, struct ipseckey *k)
{
	struct wbuf w = wbuf_of(k->name, sizeof(k->name));
	const uint8_t *label;
	uint8_t len;

	do {
		len = rbuf_u8(r);
		label = rbuf_bytes(r, len);
		if (len > LABEL_MAX || !rbuf_ok(r))
			return -EBADMSG;
		wbuf_u8(&w, len);
		wbuf_bytes(&w, label, len);
	} while (len);
	if (!wbuf_ok(&w))
		return -EBADMSG;
	k->name_len = (uint8_t)w.len;
	return 0;
}

static int parse_address(struct rbuf *r, uint16_t family, struct addr *ret)
{
	size_t len = family == AF_INET ? 4 : 16;
	const uint8_t *p = rbuf_bytes(r, len);

	if (!p)
		return -EBADMSG;
	ret->family = family;
	memcpy(ret->bytes, p, len);
	return 0;
}

static int parse_gateway(struct rbuf *r, struct ipseckey *k)
{
	switch (k->gateway_type) {
	case IPSECKEY_GATEWAY_NONE:
		return 0;
	case IPSECKEY_GATEWAY_IPV4:
		return parse_address(r, AF_INET, &k->gateway);
	case IPSECKEY_GATEWAY_IPV6:
		return parse_address(r, AF_INET6, &k->gateway);
	case IPSECKEY_GATEWAY_NAME:
		return parse_name(r, k);
	}
	return -EOPNOTSUPP;
}

int ipseckey_parse(const void *rdata, size_t len, struct ipseckey *ret)
{
	struct rbuf r = rbuf_of(rdata, len);
	struct ipseckey k = { 0 };
	int rc;

	k.precedence = rbuf_u8(&r);
	k.gateway_type = rbuf_u8(&r);
	k.algorithm = rbuf_u8(&r);
	if (!rbuf_ok(&r))
		return -EBADMSG;
	rc = parse_gateway(&r, &k);
	if (rc < 0)
		return rc;
	k.key_len = r.left;
	k.key = rbuf_bytes(&r, r.left);
	/* 2.4: 0 says that no key is present. */
	if ((k.algorithm == IPSECKEY_NO_KEY) != (k.key_len == 0))
		return -EBADMSG;
	*ret = k;
	return 0;
}

/* --- keys ------------------------------------------------------------------- */

static int from_params(const char *type, OSSL_PARAM *params, EVP_PKEY **ret)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;
	int rc = -EIO;

	if (ctx && EVP_PKEY_fromdata_init(ctx) > 0)
		rc = EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) >
				     0
			     ? 0
			     : -EBADMSG;
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	if (rc == 0)
		*ret = key;
	return rc;
}

/* An odd exponent above 1, and a modulus of a sane size. */
static int check_rsa(const BIGNUM *n, const BIGNUM *e)
{
	int bits = BN_num_bits(n);

	if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX || !BN_is_odd(n) ||
	    !BN_is_odd(e) || BN_is_one(e) || BN_num_bits(e) > 64)
		return -EKEYREJECTED;
	return 0;
}

static int rsa_pkey(const BIGNUM *n, const BIGNUM *e, EVP_PKEY **ret)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;
	int rc = -EIO;

	if (build && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) &&
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e))
		params = OSSL_PARAM_BLD_to_param(build);
	if (params)
		rc = from_params("RSA", params, ret);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	return rc;
}

/* RFC 3110 2: the exponent's length in one byte, or in two behind a zero. */
static int read_rsa(struct rbuf r, EVP_PKEY **ret)
{
	size_t len = rbuf_u8(&r);
	BIGNUM *n = NULL, *e = NULL;
	const uint8_t *p;
	int rc;

	if (len == 0)
		len = rbuf_be16(&r);
	p = rbuf_bytes(&r, len);
	if (!p || len == 0 || r.left == 0)
		return -EBADMSG;
	if (len > IPSECKEY_KEY_MAX || r.left > IPSECKEY_KEY_MAX)
		return -EKEYREJECTED;
	e = BN_bin2bn(p, (int)len, NULL);
	n = BN_bin2bn(r.pos, (int)r.left, NULL);
	rc = n && e ? check_rsa(n, e) : -EIO;
	if (rc == 0)
		rc = rsa_pkey(n, e, ret);
	BN_free(n);
	BN_free(e);
	return rc;
}

/* The curve is told by the length (RFC 6605 4: Q = x | y). */
static const struct curve {
	const char *name;
	size_t len;
} curves[] = {
	{ "P-256", 64 },
	{ "P-384", 96 },
};

#define POINT_MAX (1 + 96)

static int read_ecdsa(struct rbuf r, EVP_PKEY **ret)
{
	uint8_t point[POINT_MAX] = { 0x04 }; /* uncompressed */
	const struct curve *c = curves;
	OSSL_PARAM params[3];

	while (c < curves + 2 && c->len != r.left)
		c++;
	if (c == curves + 2)
		return -EOPNOTSUPP;
	memcpy(point + 1, r.pos, c->len);
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
						     (char *)c->name, 0);
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
						      point, 1 + c->len);
	params[2] = OSSL_PARAM_construct_end();
	return from_params("EC", params, ret);
}

/* RFC 9373: as in a DNSKEY (RFC 8080 3), the curve by the length. */
static int read_eddsa(struct rbuf r, EVP_PKEY **ret)
{
	const char *name = r.left == 32	  ? "ED25519"
			   : r.left == 57 ? "ED448"
					  : NULL;
	EVP_PKEY *key;

	if (!name)
		return -EOPNOTSUPP;
	key = EVP_PKEY_new_raw_public_key_ex(NULL, name, NULL, r.pos, r.left);
	ERR_clear_error();
	if (!key)
		return -EBADMSG;
	*ret = key;
	return 0;
}

int ipseckey_to_pkey(const struct ipseckey *k, EVP_PKEY **ret)
{
	struct rbuf r = rbuf_of(k->key, k->key_len);

	switch (k->algorithm) {
	case IPSECKEY_RSA:
		return read_rsa(r, ret);
	case IPSECKEY_ECDSA:
		return read_ecdsa(r, ret);
	case IPSECKEY_EDDSA:
		return read_eddsa(r, ret);
	}
	return -EOPNOTSUPP;
}

/* --- writing ---------------------------------------------------------------- */

static int write_rsa(struct wbuf *w, const EVP_PKEY *key)
{
	BIGNUM *n = NULL, *e = NULL;
	uint8_t *p;
	int rc = -EIO;

	if (!EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) ||
	    !EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e))
		goto out;
	/* Wider exponents are not read by us, nor made by anybody. */
	rc = check_rsa(n, e) < 0 ? -EOPNOTSUPP : 0;
	if (rc < 0)
		goto out;
	wbuf_u8(w, (uint8_t)BN_num_bytes(e));
	p = wbuf_room(w, (size_t)BN_num_bytes(e));
	if (p)
		BN_bn2bin(e, p);
	p = wbuf_room(w, (size_t)BN_num_bytes(n));
	if (p)
		BN_bn2bin(n, p);
out:
	BN_free(n);
	BN_free(e);
	ERR_clear_error();
	return rc;
}

static int write_ecdsa(struct wbuf *w, const EVP_PKEY *key)
{
	uint8_t point[POINT_MAX + 40];
	size_t len = 0;

	if (!EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY,
					     point, sizeof(point), &len)) {
		ERR_clear_error();
		return -EOPNOTSUPP; /* larger curves */
	}
	if (point[0] != 0x04 || (len != 65 && len != 97))
		return -EOPNOTSUPP;
	wbuf_bytes(w, point + 1, len - 1);
	return 0;
}

static int write_eddsa(struct wbuf *w, const EVP_PKEY *key)
{
	uint8_t raw[57];
	size_t len = sizeof(raw);

	if (EVP_PKEY_get_raw_public_key(key, raw, &len) <= 0)
		return -EIO;
	wbuf_bytes(w, raw, len);
	return 0;
}

int ipseckey_write(struct wbuf *w, uint8_t precedence, const EVP_PKEY *key)
{
	static const struct {
		const char *type;
		uint8_t algorithm;
		int (*write)(struct wbuf *w, const EVP_PKEY *key);
	} forms[] = {
		{ "RSA", IPSECKEY_RSA, write_rsa },
		{ "EC", IPSECKEY_ECDSA, write_ecdsa },
		{ "ED25519", IPSECKEY_EDDSA, write_eddsa },
		{ "ED448", IPSECKEY_EDDSA, write_eddsa },
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (!EVP_PKEY_is_a(key, forms[i].type))
			continue;
		wbuf_u8(w, precedence);
		wbuf_u8(w, IPSECKEY_GATEWAY_NONE);
		wbuf_u8(w, forms[i].algorithm);
		return forms[i].write(w, key);
	}
	return -EOPNOTSUPP;
}

const char *ipseckey_algorithm_name(uint8_t algorithm)
{
	static const char *const names[] = {
		[IPSECKEY_NO_KEY] = "none", [IPSECKEY_DSA] = "DSA",
		[IPSECKEY_RSA] = "RSA",	    [IPSECKEY_ECDSA] = "ECDSA",
		[IPSECKEY_EDDSA] = "EdDSA",
	};

	if (algorithm >= sizeof(names) / sizeof(names[0]))
		return NULL;
	return names[algorithm];
}
