/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of algorithms, and each done by OpenSSL.
 */
#include "ike/signature.h"

#include <errno.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <string.h>

#include "ike/der.h"

#define ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))
#define KEY_BIT(t)  (1u << (t))
#define EC_KEYS \
	(KEY_BIT(IKE_KEY_P256) | KEY_BIT(IKE_KEY_P384) | KEY_BIT(IKE_KEY_P521))
#define EC_ORDER_MAX 66u /* bytes, P-521 */

/* --- DER, as RFC 7427 appendix A and RFC 8420 give it ---------------------- */

#define OID_SHA2(n) \
	0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, n
#define OID_PKCS1(n) \
	0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, n
#define ECDSA(n) \
	0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, n
#define PKCS1(n) 0x30, 0x0d, OID_PKCS1(n), 0x05, 0x00
#define HASH(n)	 0x30, 0x0d, OID_SHA2(n), 0x05, 0x00
/* clang-format off */
#define PSS(n, salt)                                                           \
	0x30, 0x41, OID_PKCS1(0x0a), 0x30, 0x34,                               \
	0xa0, 0x0f, HASH(n),                                                   \
	0xa1, 0x1c, 0x30, 0x1a, OID_PKCS1(0x08), HASH(n),                      \
	0xa2, 0x03, 0x02, 0x01, salt
/* clang-format on */

static const uint8_t der_ed25519[] = {
	0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70
};
static const uint8_t der_ed448[] = { 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x71 };
static const uint8_t der_ecdsa_256[] = { ECDSA(2) };
static const uint8_t der_ecdsa_384[] = { ECDSA(3) };
static const uint8_t der_ecdsa_512[] = { ECDSA(4) };
static const uint8_t der_pkcs1_256[] = { PKCS1(11) };
static const uint8_t der_pkcs1_384[] = { PKCS1(12) };
static const uint8_t der_pkcs1_512[] = { PKCS1(13) };
static const uint8_t der_pss_256[] = { PSS(1, 32) };
static const uint8_t der_pss_384[] = { PSS(2, 48) };
static const uint8_t der_pss_512[] = { PSS(3, 64) };

enum form {
	FORM_EDDSA,
	FORM_ECDSA,
	FORM_ECDSA_RAW,
	FORM_PKCS1,
	FORM_PSS,
};

#define DER(a) a, sizeof(a)
#define SIG    IKE_AUTH_SIGNATURE

/* clang-format off */
static const struct algorithm {
	const char *name;
	enum ike_auth_method method;
	enum ike_hash hash;
	const char *digest;
	enum form form;
	unsigned keys; /* of KEY_BIT() */
	const uint8_t *der;
	size_t der_len;
} algorithms[IKE_SIGNATURES] = {
	[IKE_SIGNATURE_NONE] = { .name = "none" },
	[IKE_SIGNATURE_ED25519] = { "Ed25519", SIG, IKE_HASH_IDENTITY, NULL,
		FORM_EDDSA, KEY_BIT(IKE_KEY_ED25519), DER(der_ed25519) },
	[IKE_SIGNATURE_ED448] = { "Ed448", SIG, IKE_HASH_IDENTITY, NULL,
		FORM_EDDSA, KEY_BIT(IKE_KEY_ED448), DER(der_ed448) },
	[IKE_SIGNATURE_ECDSA_SHA2_256] = { "ECDSA-SHA2-256", SIG,
		IKE_HASH_SHA2_256, "SHA256", FORM_ECDSA, EC_KEYS,
		DER(der_ecdsa_256) },
	[IKE_SIGNATURE_ECDSA_SHA2_384] = { "ECDSA-SHA2-384", SIG,
		IKE_HASH_SHA2_384, "SHA384", FORM_ECDSA, EC_KEYS,
		DER(der_ecdsa_384) },
	[IKE_SIGNATURE_ECDSA_SHA2_512] = { "ECDSA-SHA2-512", SIG,
		IKE_HASH_SHA2_512, "SHA512", FORM_ECDSA, EC_KEYS,
		DER(der_ecdsa_512) },
	[IKE_SIGNATURE_RSA_PSS_SHA2_256] = { "RSA-PSS-SHA2-256", SIG,
		IKE_HASH_SHA2_256, "SHA256", FORM_PSS, KEY_BIT(IKE_KEY_RSA),
		DER(der_pss_256) },
	[IKE_SIGNATURE_RSA_PSS_SHA2_384] = { "RSA-PSS-SHA2-384", SIG,
		IKE_HASH_SHA2_384, "SHA384", FORM_PSS, KEY_BIT(IKE_KEY_RSA),
		DER(der_pss_384) },
	[IKE_SIGNATURE_RSA_PSS_SHA2_512] = { "RSA-PSS-SHA2-512", SIG,
		IKE_HASH_SHA2_512, "SHA512", FORM_PSS, KEY_BIT(IKE_KEY_RSA),
		DER(der_pss_512) },
	[IKE_SIGNATURE_RSA_PKCS1_SHA2_256] = { "RSA-PKCS1-SHA2-256", SIG,
		IKE_HASH_SHA2_256, "SHA256", FORM_PKCS1, KEY_BIT(IKE_KEY_RSA),
		DER(der_pkcs1_256) },
	[IKE_SIGNATURE_RSA_PKCS1_SHA2_384] = { "RSA-PKCS1-SHA2-384", SIG,
		IKE_HASH_SHA2_384, "SHA384", FORM_PKCS1, KEY_BIT(IKE_KEY_RSA),
		DER(der_pkcs1_384) },
	[IKE_SIGNATURE_RSA_PKCS1_SHA2_512] = { "RSA-PKCS1-SHA2-512", SIG,
		IKE_HASH_SHA2_512, "SHA512", FORM_PKCS1, KEY_BIT(IKE_KEY_RSA),
		DER(der_pkcs1_512) },
	[IKE_SIGNATURE_ECDSA_P256] = { "ECDSA-256", IKE_AUTH_ECDSA_256,
		IKE_HASH_SHA2_256, "SHA256", FORM_ECDSA_RAW,
		KEY_BIT(IKE_KEY_P256), NULL, 0 },
	[IKE_SIGNATURE_ECDSA_P384] = { "ECDSA-384", IKE_AUTH_ECDSA_384,
		IKE_HASH_SHA2_384, "SHA384", FORM_ECDSA_RAW,
		KEY_BIT(IKE_KEY_P384), NULL, 0 },
	[IKE_SIGNATURE_ECDSA_P521] = { "ECDSA-521", IKE_AUTH_ECDSA_521,
		IKE_HASH_SHA2_512, "SHA512", FORM_ECDSA_RAW,
		KEY_BIT(IKE_KEY_P521), NULL, 0 },
};
/* clang-format on */

const char *ike_signature_name(enum ike_signature s)
{
	return algorithms[s].name;
}

enum ike_auth_method ike_signature_method(enum ike_signature s)
{
	return algorithms[s].method;
}

enum ike_hash ike_signature_hash(enum ike_signature s)
{
	return algorithms[s].hash;
}

bool ike_signature_suits(enum ike_signature s, enum ike_key_type t)
{
	return algorithms[s].keys & KEY_BIT(t);
}

enum ike_signature ike_signature_of_method(uint8_t method)
{
	for (unsigned i = IKE_SIGNATURE_ECDSA_P256; i < IKE_SIGNATURES; i++)
		if (algorithms[i].method == method)
			return (enum ike_signature)i;
	return IKE_SIGNATURE_NONE;
}

struct ike_view ike_signature_algorithm(enum ike_signature s)
{
	return (struct ike_view){ algorithms[s].der, algorithms[s].der_len };
}

/* --- RSASSA-PSS-params (RFC 4055 3.1) ---------------------------------------- */

static const uint8_t oid_pss[] = { OID_PKCS1(0x0a) };
static const uint8_t oid_mgf1[] = { OID_PKCS1(0x08) };

/* An AlgorithmIdentifier of SHA-2, its parameters NULL or absent (RFC 4055
 * 2.1: both MUST be accepted). The last byte of its OID; 0: another one. */
static uint8_t read_hash(struct rbuf *r)
{
	static const uint8_t oid[] = { OID_SHA2(0) };
	struct rbuf s = der_open(r, DER_SEQUENCE);
	uint8_t n;

	(void)der_expect(&s, oid, sizeof(oid) - 1);
	n = rbuf_u8(&s);
	if (s.left)
		(void)der_expect(&s, "\x05", 2);
	if (!rbuf_finish(&s))
		return 0;
	return n;
}

static uint8_t read_mask(struct rbuf *r)
{
	struct rbuf s = der_open(r, DER_SEQUENCE);
	uint8_t n;

	(void)der_expect(&s, oid_mgf1, sizeof(oid_mgf1));
	n = read_hash(&s);
	return rbuf_finish(&s) ? n : 0;
}

/* Inside of the parameters. The defaults are SHA-1, so hash and mask have to be
 * there; so has the salt, whose default is that of SHA-1. */
static enum ike_signature read_pss(struct rbuf *r)
{
	static const struct {
		uint8_t oid, salt;
		enum ike_signature s;
	} known[] = {
		{ 1, 32, IKE_SIGNATURE_RSA_PSS_SHA2_256 },
		{ 2, 48, IKE_SIGNATURE_RSA_PSS_SHA2_384 },
		{ 3, 64, IKE_SIGNATURE_RSA_PSS_SHA2_512 },
	};
	struct rbuf part = der_open(r, DER_CONTEXT | 0);
	uint8_t hash = read_hash(&part), mask, salt;
	bool ok = rbuf_finish(&part);

	part = der_open(r, DER_CONTEXT | 1);
	mask = read_mask(&part);
	ok = ok && rbuf_finish(&part);
	part = der_open(r, DER_CONTEXT | 2);
	ok = ok && der_expect(&part, "\x02\x01", 2);
	salt = rbuf_u8(&part);
	ok = ok && rbuf_finish(&part);
	/* trailerFieldBC, which some write though it is the default. */
	if (r->left) {
		part = der_open(r, DER_CONTEXT | 3);
		ok = ok && der_expect(&part, "\x02\x01\x01", 3) &&
		     rbuf_finish(&part);
	}
	if (!ok || !rbuf_finish(r) || mask != hash)
		return IKE_SIGNATURE_NONE;
	for (unsigned i = 0; i < ELEMENTS(known); i++)
		if (known[i].oid == hash && known[i].salt == salt)
			return known[i].s;
	return IKE_SIGNATURE_NONE;
}

/* --- AlgorithmIdentifier ---------------------------------------------------- */

/* RFC 4055 5: the parameters of PKCS #1 v1.5 are NULL, and absent ones are to
 * be accepted too. */
static enum ike_signature find_without_null(struct ike_view der)
{
	for (unsigned i = IKE_SIGNATURE_RSA_PKCS1_SHA2_256;
	     i <= IKE_SIGNATURE_RSA_PKCS1_SHA2_512; i++) {
		const struct algorithm *a = &algorithms[i];

		if (der.len == a->der_len - 2 && der.data[0] == a->der[0] &&
		    der.data[1] == a->der[1] - 2 &&
		    memcmp(der.data + 2, a->der + 2, der.len - 2) == 0)
			return (enum ike_signature)i;
	}
	return IKE_SIGNATURE_NONE;
}

int ike_signature_read_algorithm(struct ike_view der, enum ike_signature *ret)
{
	struct rbuf outer = rbuf_of(der.data, der.len);
	enum ike_signature s = IKE_SIGNATURE_NONE;
	struct rbuf r = der_open(&outer, DER_SEQUENCE), params;

	/* A SEQUENCE that begins with an OID, and nothing behind it. */
	if (!rbuf_finish(&outer) || der_peek(&r) != 0x06)
		return -EBADMSG;
	for (unsigned i = 1; i < IKE_SIGNATURES; i++)
		if (algorithms[i].der_len == der.len &&
		    memcmp(algorithms[i].der, der.data, der.len) == 0)
			s = (enum ike_signature)i;
	if (!s)
		s = find_without_null(der);
	if (!s && der_expect(&r, oid_pss, sizeof(oid_pss))) {
		params = der_open(&r, DER_SEQUENCE);
		if (!rbuf_finish(&r))
			return -EBADMSG;
		s = read_pss(&params);
	}
	if (!s)
		return -EOPNOTSUPP;
	*ret = s;
	return 0;
}

int ike_signature_parse(struct ike_view data, enum ike_signature *ret,
			struct ike_view *ret_signature)
{
	struct rbuf r = rbuf_of(data.data, data.len);
	struct ike_view der = { .len = rbuf_u8(&r) };
	int rc;

	der.data = rbuf_bytes(&r, der.len);
	if (!rbuf_ok(&r) || r.left == 0 || r.left > LIMIT_IKE_SIGNATURE)
		return -EBADMSG;
	rc = ike_signature_read_algorithm(der, ret);
	if (rc == 0)
		*ret_signature = (struct ike_view){ r.pos, r.left };
	return rc;
}

void ike_signature_write(struct wbuf *w, enum ike_signature s,
			 const void *signature, size_t len)
{
	const struct algorithm *a = &algorithms[s];

	if (a->method == IKE_AUTH_SIGNATURE) {
		wbuf_u8(w, (uint8_t)a->der_len);
		wbuf_bytes(w, a->der, a->der_len);
	}
	wbuf_bytes(w, signature, len);
}

/* --- choosing ----------------------------------------------------------------- */

/* In order of preference: PSS before PKCS #1 v1.5, the hash of the strength of
 * the key first, RFC 4754 only where the peer knows no RFC 7427. */
static const struct {
	enum ike_key_type type;
	enum ike_signature s[7];
} preferences[] = {
	{ IKE_KEY_RSA,
	  { IKE_SIGNATURE_RSA_PSS_SHA2_256, IKE_SIGNATURE_RSA_PSS_SHA2_384,
	    IKE_SIGNATURE_RSA_PSS_SHA2_512, IKE_SIGNATURE_RSA_PKCS1_SHA2_256,
	    IKE_SIGNATURE_RSA_PKCS1_SHA2_384,
	    IKE_SIGNATURE_RSA_PKCS1_SHA2_512 } },
	{ IKE_KEY_P256,
	  { IKE_SIGNATURE_ECDSA_SHA2_256, IKE_SIGNATURE_ECDSA_SHA2_384,
	    IKE_SIGNATURE_ECDSA_SHA2_512, IKE_SIGNATURE_ECDSA_P256 } },
	{ IKE_KEY_P384,
	  { IKE_SIGNATURE_ECDSA_SHA2_384, IKE_SIGNATURE_ECDSA_SHA2_512,
	    IKE_SIGNATURE_ECDSA_SHA2_256, IKE_SIGNATURE_ECDSA_P384 } },
	{ IKE_KEY_P521,
	  { IKE_SIGNATURE_ECDSA_SHA2_512, IKE_SIGNATURE_ECDSA_SHA2_384,
	    IKE_SIGNATURE_ECDSA_SHA2_256, IKE_SIGNATURE_ECDSA_P521 } },
	{ IKE_KEY_ED25519, { IKE_SIGNATURE_ED25519 } },
	{ IKE_KEY_ED448, { IKE_SIGNATURE_ED448 } },
};

static bool is_wanted(enum ike_signature s,
		      const struct ike_signature_wishes *w)
{
	if (w->announced && !(w->signatures & 1u << s))
		return false;
	/* RFC 7427 4: only a hash that the peer named. */
	if (algorithms[s].method == IKE_AUTH_SIGNATURE)
		return w->hashes & IKE_HASH_BIT(algorithms[s].hash);
	return true;
}

enum ike_signature ike_signature_choose(
	enum ike_key_type t, const struct ike_signature_wishes *wishes)
{
	for (unsigned i = 0; i < ELEMENTS(preferences); i++) {
		const enum ike_signature *s = preferences[i].s;

		if (preferences[i].type != t)
			continue;
		for (; *s; s++)
			if (is_wanted(*s, wishes))
				return *s;
	}
	return IKE_SIGNATURE_NONE;
}

/* --- signing and verifying ---------------------------------------------------- */

static int set_padding(EVP_PKEY_CTX *ctx, enum form form)
{
	if (form == FORM_PKCS1)
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING);
	if (form != FORM_PSS)
		return 1;
	return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) > 0 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) >
		       0;
}

static int order_len(enum ike_key_type t)
{
	return t == IKE_KEY_P256 ? 32 : t == IKE_KEY_P384 ? 48 : 66;
}

/* Of the only key that can make it. */
static int raw_half(enum ike_signature s)
{
	for (unsigned t = IKE_KEY_P256; t <= IKE_KEY_P521; t++)
		if (ike_signature_suits(s, (enum ike_key_type)t))
			return order_len((enum ike_key_type)t);
	return 0;
}

/* DER to r | s, in place. 0; -EIO. */
static int to_raw(enum ike_signature s, uint8_t *sig, size_t *len)
{
	const uint8_t *p = sig;
	ECDSA_SIG *parsed = d2i_ECDSA_SIG(NULL, &p, (long)*len);
	int half = raw_half(s), rc = -EIO;

	if (parsed &&
	    BN_bn2binpad(ECDSA_SIG_get0_r(parsed), sig, half) == half &&
	    BN_bn2binpad(ECDSA_SIG_get0_s(parsed), sig + half, half) == half) {
		*len = 2 * (size_t)half;
		rc = 0;
	}
	ECDSA_SIG_free(parsed);
	return rc;
}

/* r | s to DER; ret takes 2 * EC_ORDER_MAX + 16. 0; -EACCES; -EIO. */
static int from_raw(enum ike_signature s, struct ike_view sig, uint8_t *ret,
		    size_t *ret_len)
{
	int half = raw_half(s), len = 0;
	ECDSA_SIG *made;
	BIGNUM *r, *t;

	if (sig.len != 2 * (size_t)half)
		return -EACCES;
	made = ECDSA_SIG_new();
	r = BN_bin2bn(sig.data, half, NULL);
	t = BN_bin2bn(sig.data + half, half, NULL);
	if (made && r && t && ECDSA_SIG_set0(made, r, t) == 1) {
		len = i2d_ECDSA_SIG(made, &ret);
	} else {
		BN_free(r);
		BN_free(t);
	}
	ECDSA_SIG_free(made);
	*ret_len = (size_t)(len > 0 ? len : 0);
	return len > 0 ? 0 : -EIO;
}

int ike_signature_make(enum ike_signature s, EVP_PKEY *key, const void *octets,
		       size_t octets_len, uint8_t *ret, size_t *ret_len)
{
	const struct algorithm *a = &algorithms[s];
	size_t len = LIMIT_IKE_SIGNATURE;
	enum ike_key_type type;
	EVP_PKEY_CTX *ctx; /* of md */
	EVP_MD_CTX *md;
	int rc = -EIO;

	if (ike_public_key_type(key, &type) < 0 ||
	    !ike_signature_suits(s, type))
		return -EINVAL;
	md = EVP_MD_CTX_new();
	if (md &&
	    EVP_DigestSignInit_ex(md, &ctx, a->digest, NULL, NULL, key, NULL) >
		    0 &&
	    set_padding(ctx, a->form) > 0 &&
	    EVP_DigestSign(md, ret, &len, octets, octets_len) > 0)
		rc = 0;
	EVP_MD_CTX_free(md);
	if (rc == 0 && a->form == FORM_ECDSA_RAW)
		rc = to_raw(s, ret, &len);
	ERR_clear_error();
	if (rc == 0)
		*ret_len = len;
	return rc;
}

static int verify(const struct algorithm *a, EVP_PKEY *key, const void *octets,
		  size_t octets_len, struct ike_view signature)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx; /* of md */
	int rc = -EIO;

	if (md &&
	    EVP_DigestVerifyInit_ex(md, &ctx, a->digest, NULL, NULL, key,
				    NULL) > 0 &&
	    set_padding(ctx, a->form) > 0)
		rc = EVP_DigestVerify(md, signature.data, signature.len, octets,
				      octets_len) == 1
			     ? 0
			     : -EACCES;
	EVP_MD_CTX_free(md);
	return rc;
}

/* RFC 8017 8.1.2, 8.2.2: as long as the modulus, and below it. */
static bool is_below_modulus(const struct ike_public_key *k,
			     struct ike_view signature)
{
	return signature.len == k->n.len &&
	       memcmp(signature.data, k->n.data, k->n.len) < 0;
}

int ike_signature_verify(enum ike_signature s, const struct ike_public_key *key,
			 const void *octets, size_t octets_len,
			 struct ike_view signature)
{
	const struct algorithm *a = &algorithms[s];
	uint8_t der[2 * EC_ORDER_MAX + 16];
	EVP_PKEY *loaded = NULL;
	int rc;

	if (!ike_signature_suits(s, key->type))
		return -EINVAL;
	if (key->type == IKE_KEY_RSA && !is_below_modulus(key, signature))
		return -EACCES;
	if (a->form == FORM_ECDSA_RAW) {
		rc = from_raw(s, signature, der, &signature.len);
		if (rc < 0)
			return rc;
		signature.data = der;
	}
	rc = ike_public_key_load(key, &loaded);
	if (rc == 0)
		rc = verify(a, loaded, octets, octets_len, signature);
	EVP_PKEY_free(loaded);
	ERR_clear_error();
	/* A key that is none verifies nothing. */
	return rc == -EBADMSG ? -EACCES : rc;
}
