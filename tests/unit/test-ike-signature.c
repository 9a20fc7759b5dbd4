/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signatures: those of the RFCs and of the openssl command line verify, ours
 * verify there as well as here, and what must not pass does not.
 */
#include "ike/signature.h"

#include <errno.h>
#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ike-vectors.h"

#define ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))

static struct ike_view view(const struct vector *v)
{
	return (struct ike_view){ v->data, v->len };
}

static const struct known {
	const char *key, *signature;
	enum ike_signature s;
} known[] = {
	{ "rsa2048", "sig-rsa2048-pss-256", IKE_SIGNATURE_RSA_PSS_SHA2_256 },
	{ "rsa2048", "sig-rsa2048-pss-384", IKE_SIGNATURE_RSA_PSS_SHA2_384 },
	{ "rsa2048", "sig-rsa2048-pss-512", IKE_SIGNATURE_RSA_PSS_SHA2_512 },
	{ "rsa2048", "sig-rsa2048-pkcs1-256",
	  IKE_SIGNATURE_RSA_PKCS1_SHA2_256 },
	{ "rsa2048", "sig-rsa2048-pkcs1-384",
	  IKE_SIGNATURE_RSA_PKCS1_SHA2_384 },
	{ "rsa2048", "sig-rsa2048-pkcs1-512",
	  IKE_SIGNATURE_RSA_PKCS1_SHA2_512 },
	{ "p256", "sig-p256-256", IKE_SIGNATURE_ECDSA_SHA2_256 },
	{ "p256", "sig-p256-384", IKE_SIGNATURE_ECDSA_SHA2_384 },
	{ "p256", "sig-p256-512", IKE_SIGNATURE_ECDSA_SHA2_512 },
	{ "p384", "sig-p384-256", IKE_SIGNATURE_ECDSA_SHA2_256 },
	{ "p384", "sig-p384-384", IKE_SIGNATURE_ECDSA_SHA2_384 },
	{ "p384", "sig-p384-512", IKE_SIGNATURE_ECDSA_SHA2_512 },
	{ "p521", "sig-p521-256", IKE_SIGNATURE_ECDSA_SHA2_256 },
	{ "p521", "sig-p521-384", IKE_SIGNATURE_ECDSA_SHA2_384 },
	{ "p521", "sig-p521-512", IKE_SIGNATURE_ECDSA_SHA2_512 },
	{ "ed25519", "sig-ed25519", IKE_SIGNATURE_ED25519 },
	{ "ed448", "sig-ed448", IKE_SIGNATURE_ED448 },
	{ "p256", "raw-p256", IKE_SIGNATURE_ECDSA_P256 },
	{ "p384", "raw-p384", IKE_SIGNATURE_ECDSA_P384 },
	{ "p521", "raw-p521", IKE_SIGNATURE_ECDSA_P521 },
};

/* As ike_signature_verify(), with the key of that name. */
static int verify(enum ike_signature s, const char *key, const void *message,
		  size_t len, struct ike_view signature)
{
	struct vector spki = vector_get2("spki", key);
	struct ike_public_key k;

	assert_int_equal(ike_public_key_parse(view(&spki), &k), 0);
	return ike_signature_verify(s, &k, message, len, signature);
}

static void test_known(void **state)
{
	struct vector m = vector_get("message");

	(void)state;
	for (size_t i = 0; i < ELEMENTS(known); i++) {
		struct vector sig = vector_get(known[i].signature);

		print_message("  %s\n", known[i].signature);
		assert_int_equal(verify(known[i].s, known[i].key, m.data, m.len,
					view(&sig)),
				 0);
		m.data[0] ^= 1;
		assert_int_equal(verify(known[i].s, known[i].key, m.data, m.len,
					view(&sig)),
				 -EACCES);
		m.data[0] ^= 1;
		assert_int_equal(verify(known[i].s, known[i].key, m.data,
					m.len - 1, view(&sig)),
				 -EACCES);
	}
}

/* Another algorithm, another key, one bit, one byte more or less. */
static void test_false(void **state)
{
	struct vector m = vector_get("message");

	(void)state;
	for (size_t i = 0; i < ELEMENTS(known); i++) {
		struct vector sig = vector_get(known[i].signature);
		struct ike_view v = view(&sig);

		for (unsigned s = 1; s < IKE_SIGNATURES; s++)
			if (s != known[i].s)
				assert_int_not_equal(
					verify((enum ike_signature)s,
					       known[i].key, m.data, m.len, v),
					0);
		for (size_t at = 0; at < sig.len; at += sig.len / 8) {
			sig.data[at] ^= 0x01;
			assert_int_equal(verify(known[i].s, known[i].key,
						m.data, m.len, v),
					 -EACCES);
			sig.data[at] ^= 0x01;
		}
		for (v.len = 0; v.len < sig.len; v.len += sig.len - 1)
			assert_int_equal(verify(known[i].s, known[i].key,
						m.data, m.len, v),
					 -EACCES);
		v.len = sig.len + 1;
		assert_int_equal(
			verify(known[i].s, known[i].key, m.data, m.len, v),
			-EACCES);
	}
}

static void test_another_key(void **state)
{
	static const struct {
		const char *key, *signature;
		enum ike_signature s;
	} cases[] = {
		{ "rsa2048b", "sig-rsa2048-pss-256",
		  IKE_SIGNATURE_RSA_PSS_SHA2_256 },
		{ "rsa3072", "sig-rsa2048-pss-256",
		  IKE_SIGNATURE_RSA_PSS_SHA2_256 },
		{ "p256b", "sig-p256-256", IKE_SIGNATURE_ECDSA_SHA2_256 },
		{ "p384", "sig-p256-256", IKE_SIGNATURE_ECDSA_SHA2_256 },
		{ "ed25519b", "sig-ed25519", IKE_SIGNATURE_ED25519 },
		{ "p256b", "raw-p256", IKE_SIGNATURE_ECDSA_P256 },
	};
	struct vector m = vector_get("message");

	(void)state;
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct vector sig = vector_get(cases[i].signature);

		assert_int_equal(verify(cases[i].s, cases[i].key, m.data, m.len,
					view(&sig)),
				 -EACCES);
	}
	/* A key that cannot make such a signature at all. */
	assert_int_equal(
		verify(IKE_SIGNATURE_ED25519, "ed448", m.data, m.len, view(&m)),
		-EINVAL);
	assert_int_equal(verify(IKE_SIGNATURE_ECDSA_P256, "p384", m.data, m.len,
				view(&m)),
			 -EINVAL);
}

/* RFC 8032 7.1 and 7.4, RFC 4754 8.1 and 8.2. */
static void test_published(void **state)
{
	static const struct {
		const char *name;
		enum ike_signature s;
	} cases[] = {
		{ "rfc8032-ed25519", IKE_SIGNATURE_ED25519 },
		{ "rfc8032-ed448", IKE_SIGNATURE_ED448 },
		{ "rfc4754-256", IKE_SIGNATURE_ECDSA_P256 },
		{ "rfc4754-384", IKE_SIGNATURE_ECDSA_P384 },
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct vector spki = vector_get2(cases[i].name, "spki");
		struct vector m = vector_get2(cases[i].name, "message");
		struct vector sig = vector_get2(cases[i].name, "signature");
		struct ike_public_key k;

		assert_int_equal(ike_public_key_parse(view(&spki), &k), 0);
		assert_int_equal(ike_signature_verify(cases[i].s, &k, m.data,
						      m.len, view(&sig)),
				 0);
		m.data[0] ^= 1;
		assert_int_equal(ike_signature_verify(cases[i].s, &k, m.data,
						      m.len, view(&sig)),
				 -EACCES);
	}
}

/* The salt is as long as the hash, or it is not taken. */
static void test_pss_salt(void **state)
{
	static const char *const others[] = {
		"sig-rsa2048-pss-256-salt-0",
		"sig-rsa2048-pss-256-salt-max",
	};
	struct vector m = vector_get("message");

	(void)state;
	for (size_t i = 0; i < ELEMENTS(others); i++) {
		struct vector sig = vector_get(others[i]);

		assert_int_equal(verify(IKE_SIGNATURE_RSA_PSS_SHA2_256,
					"rsa2048", m.data, m.len, view(&sig)),
				 -EACCES);
	}
}

/* Not below the modulus, though equal to a good one modulo it; and a good one
 * without, or with, zeros in front. */
static void test_rsa_range(void **state)
{
	struct vector spki = vector_get("spki-rsa2048"), m, sig;
	struct ike_public_key k;
	uint8_t all[256];

	(void)state;
	m = vector_get("message");
	sig = vector_get("sig-rsa2048-pkcs1-256");
	assert_int_equal(ike_public_key_parse(view(&spki), &k), 0);
	assert_int_equal(k.n.len, sizeof(all));
	memset(all, 0xff, sizeof(all));
	assert_int_equal(ike_signature_verify(
				 IKE_SIGNATURE_RSA_PKCS1_SHA2_256, &k, m.data,
				 m.len, (struct ike_view){ all, sizeof(all) }),
			 -EACCES);
	assert_int_equal(ike_signature_verify(IKE_SIGNATURE_RSA_PKCS1_SHA2_256,
					      &k, m.data, m.len, k.n),
			 -EACCES);
	memset(all, 0, sizeof(all));
	assert_int_equal(ike_signature_verify(
				 IKE_SIGNATURE_RSA_PKCS1_SHA2_256, &k, m.data,
				 m.len, (struct ike_view){ all, sizeof(all) }),
			 -EACCES);
	memmove(sig.data + 1, sig.data, sig.len);
	sig.data[0] = 0;
	sig.len++;
	assert_int_equal(ike_signature_verify(IKE_SIGNATURE_RSA_PKCS1_SHA2_256,
					      &k, m.data, m.len, view(&sig)),
			 -EACCES);
}

/* r or s zero. */
static void test_ecdsa_zero(void **state)
{
	struct vector m = vector_get("message");

	(void)state;
	for (unsigned half = 0; half < 3; half++) {
		struct vector sig = vector_get("raw-p256");

		if (half == 2)
			memset(sig.data, 0, 64);
		else
			memset(sig.data + 32 * half, 0, 32);
		assert_int_equal(verify(IKE_SIGNATURE_ECDSA_P256, "p256",
					m.data, m.len, view(&sig)),
				 -EACCES);
	}
}

/* What each type of key makes, verifies. */
static void test_make(void **state)
{
	struct vector m = vector_get("message");

	(void)state;
	for (size_t i = 0; i < ELEMENTS(known); i++) {
		EVP_PKEY *key = vector_key(known[i].key);
		uint8_t sig[LIMIT_IKE_SIGNATURE];
		size_t len = 0;

		assert_int_equal(ike_signature_make(known[i].s, key, m.data,
						    m.len, sig, &len),
				 0);
		assert_int_equal(verify(known[i].s, known[i].key, m.data, m.len,
					(struct ike_view){ sig, len }),
				 0);
		EVP_PKEY_free(key);
	}
}

/* EdDSA has one signature for each message. */
static void test_make_is_known(void **state)
{
	static const struct {
		const char *key;
		enum ike_signature s;
	} cases[] = {
		{ "ed25519", IKE_SIGNATURE_ED25519 },
		{ "ed448", IKE_SIGNATURE_ED448 },
	};
	struct vector m = vector_get("message");

	(void)state;
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		struct vector expected = vector_get2("sig", cases[i].key);
		EVP_PKEY *key = vector_key(cases[i].key);
		uint8_t sig[LIMIT_IKE_SIGNATURE];
		size_t len = 0;

		assert_int_equal(ike_signature_make(cases[i].s, key, m.data,
						    m.len, sig, &len),
				 0);
		vector_check(&expected, sig, len);
		EVP_PKEY_free(key);
	}
}

static void test_make_wrong_key(void **state)
{
	static const char *const keys[] = { "ed448", "p256", "rsa2048" };
	uint8_t sig[LIMIT_IKE_SIGNATURE];
	EVP_PKEY *key;
	size_t len;

	(void)state;
	for (size_t i = 0; i < ELEMENTS(keys); i++) {
		key = vector_key(keys[i]);
		assert_int_equal(ike_signature_make(IKE_SIGNATURE_ED25519, key,
						    "a", 1, sig, &len),
				 -EINVAL);
		EVP_PKEY_free(key);
	}
	key = vector_key("rsa1024");
	assert_int_equal(ike_signature_make(IKE_SIGNATURE_RSA_PSS_SHA2_256, key,
					    "a", 1, sig, &len),
			 -EINVAL);
	EVP_PKEY_free(key);
}

/* --- AlgorithmIdentifier ------------------------------------------------------ */

/* As openssl writes them into certificates. */
static const struct {
	const char *name;
	int rc;
	enum ike_signature s;
} identifiers[] = {
	{ "alg-ed25519", 0, IKE_SIGNATURE_ED25519 },
	{ "alg-ed448", 0, IKE_SIGNATURE_ED448 },
	{ "alg-ecdsa-256", 0, IKE_SIGNATURE_ECDSA_SHA2_256 },
	{ "alg-ecdsa-384", 0, IKE_SIGNATURE_ECDSA_SHA2_384 },
	{ "alg-ecdsa-512", 0, IKE_SIGNATURE_ECDSA_SHA2_512 },
	{ "alg-pkcs1-256", 0, IKE_SIGNATURE_RSA_PKCS1_SHA2_256 },
	{ "alg-pkcs1-384", 0, IKE_SIGNATURE_RSA_PKCS1_SHA2_384 },
	{ "alg-pkcs1-512", 0, IKE_SIGNATURE_RSA_PKCS1_SHA2_512 },
	{ "alg-pss-256-digest", 0, IKE_SIGNATURE_RSA_PSS_SHA2_256 },
	{ "alg-pss-384-digest", 0, IKE_SIGNATURE_RSA_PSS_SHA2_384 },
	{ "alg-pss-512-digest", 0, IKE_SIGNATURE_RSA_PSS_SHA2_512 },
	{ "alg-ecdsa-1", -EOPNOTSUPP, 0 },
	{ "alg-pkcs1-1", -EOPNOTSUPP, 0 },
	{ "alg-pss-1-digest", -EOPNOTSUPP, 0 },
	{ "alg-pss-1-0", -EOPNOTSUPP, 0 },
	{ "alg-pss-1-max", -EOPNOTSUPP, 0 },
	{ "alg-pss-256-0", -EOPNOTSUPP, 0 },
	{ "alg-pss-256-11", -EOPNOTSUPP, 0 },
	{ "alg-pss-256-max", -EOPNOTSUPP, 0 },
	{ "alg-pss-512-max", -EOPNOTSUPP, 0 },
	{ "alg-pss-256-mgf-512", -EOPNOTSUPP, 0 },
};

static void test_identifiers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ELEMENTS(identifiers); i++) {
		struct vector v = vector_get(identifiers[i].name);
		enum ike_signature s = IKE_SIGNATURE_NONE;
		struct ike_view own;

		print_message("  %s\n", identifiers[i].name);
		assert_int_equal(ike_signature_read_algorithm(view(&v), &s),
				 identifiers[i].rc);
		assert_int_equal(s, identifiers[i].s);
		if (identifiers[i].rc < 0)
			continue;
		/* And that is how we write it. */
		own = ike_signature_algorithm(s);
		vector_check(&v, own.data, own.len);
	}
}

#define H256	    "300d06096086480165030402010500"
#define H256_BARE   "300b0609608648016503040201"
#define MGF(inside) "06092a864886f70d010108" inside

/* By hand: forms that are allowed, and forms that are not. */
static const struct {
	const char *what, *hex;
	int rc;
	enum ike_signature s;
} by_hand[] = {
	{ "PKCS1 without NULL", "300b06092a864886f70d01010b", 0,
	  IKE_SIGNATURE_RSA_PKCS1_SHA2_256 },
	{ "PSS, hashes without NULL",
	  "303d06092a864886f70d01010a3030a00d" H256_BARE
	  "a11a3018" MGF(H256_BARE) "a203020120",
	  0, IKE_SIGNATURE_RSA_PSS_SHA2_256 },
	{ "PSS with a trailer",
	  "304606092a864886f70d01010a3039a00f" H256
	  "a11c301a" MGF(H256) "a203020120a303020101",
	  0, IKE_SIGNATURE_RSA_PSS_SHA2_256 },
	{ "PSS with another trailer",
	  "304606092a864886f70d01010a3039a00f" H256
	  "a11c301a" MGF(H256) "a203020120a303020102",
	  -EOPNOTSUPP, 0 },
	{ "PSS without a salt",
	  "303c06092a864886f70d01010a302fa00f" H256 "a11c301a" MGF(H256),
	  -EOPNOTSUPP, 0 },
	{ "PSS with a negative salt",
	  "304106092a864886f70d01010a3034a00f" H256
	  "a11c301a" MGF(H256) "a2030201ff",
	  -EOPNOTSUPP, 0 },
	{ "PSS with a salt of two bytes",
	  "304206092a864886f70d01010a3035a00f" H256
	  "a11c301a" MGF(H256) "a20402020020",
	  -EOPNOTSUPP, 0 },
	{ "PSS without parameters", "300b06092a864886f70d01010a", -EBADMSG, 0 },
	{ "PSS with NULL", "300d06092a864886f70d01010a0500", -EBADMSG, 0 },
	{ "PSS, more behind the parameters",
	  "304306092a864886f70d01010a3034a00f" H256
	  "a11c301a" MGF(H256) "a2030201200500",
	  -EBADMSG, 0 },
	{ "Ed25519 with NULL", "300706032b65700500", -EOPNOTSUPP, 0 },
	{ "ECDSA with NULL", "300c06082a8648ce3d0403020500", -EOPNOTSUPP, 0 },
	{ "a long form of a short length", "30810506032b6570", -EBADMSG, 0 },
	{ "indefinite length", "308006032b65700000", -EBADMSG, 0 },
	{ "longer than there is", "300606032b6570", -EBADMSG, 0 },
	{ "something behind", "300506032b657000", -EBADMSG, 0 },
	{ "a SET", "310506032b6570", -EBADMSG, 0 },
	{ "no OID", "300502032b6570", -EBADMSG, 0 },
	{ "empty SEQUENCE", "3000", -EBADMSG, 0 },
	{ "X25519", "300506032b656e", -EOPNOTSUPP, 0 },
	{ "MD5 with RSA", "300d06092a864886f70d0101040500", -EOPNOTSUPP, 0 },
	{ "DSA with SHA-1", "300906072a8648ce380403", -EOPNOTSUPP, 0 },
};

static size_t unhex(const char *hex, uint8_t *ret)
{
	unsigned byte;
	size_t n = 0;

	for (; sscanf(hex, "%2x", &byte) == 1; hex += 2)
		ret[n++] = (uint8_t)byte;
	return n;
}

static void test_by_hand(void **state)
{
	(void)state;
	for (size_t i = 0; i < ELEMENTS(by_hand); i++) {
		enum ike_signature s = IKE_SIGNATURE_NONE;
		uint8_t buf[128];
		struct ike_view v = { buf, unhex(by_hand[i].hex, buf) };

		print_message("  %s\n", by_hand[i].what);
		assert_int_equal(ike_signature_read_algorithm(v, &s),
				 by_hand[i].rc);
		assert_int_equal(s, by_hand[i].s);
	}
	assert_int_equal(
		ike_signature_read_algorithm((struct ike_view){ NULL, 0 },
					     &(enum ike_signature){ 0 }),
		-EBADMSG);
}

/* No byte of an identifier can be another one. */
static void test_every_byte(void **state)
{
	(void)state;
	for (unsigned i = 1; i < IKE_SIGNATURE_ECDSA_P256; i++) {
		struct ike_view own =
			ike_signature_algorithm((enum ike_signature)i);
		uint8_t buf[IKE_ALGORITHM_MAX];

		for (size_t at = 0; at < own.len; at++) {
			enum ike_signature s = IKE_SIGNATURE_NONE;

			memcpy(buf, own.data, own.len);
			buf[at] ^= 0x80;
			assert_int_not_equal(
				ike_signature_read_algorithm(
					(struct ike_view){ buf, own.len }, &s),
				0);
			assert_int_not_equal(
				ike_signature_read_algorithm(
					(struct ike_view){ own.data, at }, &s),
				0);
		}
	}
}

/* RFC 7427 3: AUTH data. */
static void test_data(void **state)
{
	uint8_t buf[256];
	enum ike_signature s;
	struct ike_view sig;

	(void)state;
	for (unsigned i = 1; i < IKE_SIGNATURE_ECDSA_P256; i++) {
		struct wbuf w = wbuf_of(buf, sizeof(buf));

		ike_signature_write(&w, (enum ike_signature)i, "signature", 9);
		assert_int_equal(
			ike_signature_parse((struct ike_view){ buf, w.len }, &s,
					    &sig),
			0);
		assert_int_equal(s, i);
		assert_int_equal(sig.len, 9);
		assert_memory_equal(sig.data, "signature", 9);
		/* No signature; a length that is not there; none at all. */
		assert_int_equal(
			ike_signature_parse((struct ike_view){ buf, w.len - 9 },
					    &s, &sig),
			-EBADMSG);
		buf[0]++;
		assert_int_equal(
			ike_signature_parse((struct ike_view){ buf, w.len }, &s,
					    &sig),
			-EBADMSG);
		buf[0] = 0;
		assert_int_equal(
			ike_signature_parse((struct ike_view){ buf, w.len }, &s,
					    &sig),
			-EBADMSG);
	}
	assert_int_equal(
		ike_signature_parse((struct ike_view){ NULL, 0 }, &s, &sig),
		-EBADMSG);
}

/* --- choosing ----------------------------------------------------------------- */

#define ALL	IKE_HASHES
#define ONLY(h) IKE_HASH_BIT(IKE_HASH_##h)
#define SAYS(s) (1u << IKE_SIGNATURE_##s)

static const struct {
	enum ike_key_type type;
	struct ike_signature_wishes wishes;
	enum ike_signature expect;
} choices[] = {
	{ IKE_KEY_RSA, { .hashes = ALL }, IKE_SIGNATURE_RSA_PSS_SHA2_256 },
	{ IKE_KEY_RSA,
	  { .hashes = ONLY(SHA2_512) },
	  IKE_SIGNATURE_RSA_PSS_SHA2_512 },
	{ IKE_KEY_RSA, { .hashes = ONLY(IDENTITY) }, IKE_SIGNATURE_NONE },
	/* RSA without RFC 7427 is SHA-1. */
	{ IKE_KEY_RSA, { 0 }, IKE_SIGNATURE_NONE },
	{ IKE_KEY_P256, { .hashes = ALL }, IKE_SIGNATURE_ECDSA_SHA2_256 },
	{ IKE_KEY_P384, { .hashes = ALL }, IKE_SIGNATURE_ECDSA_SHA2_384 },
	{ IKE_KEY_P521, { .hashes = ALL }, IKE_SIGNATURE_ECDSA_SHA2_512 },
	{ IKE_KEY_P384,
	  { .hashes = ONLY(SHA2_256) },
	  IKE_SIGNATURE_ECDSA_SHA2_256 },
	{ IKE_KEY_P256, { 0 }, IKE_SIGNATURE_ECDSA_P256 },
	{ IKE_KEY_P384, { 0 }, IKE_SIGNATURE_ECDSA_P384 },
	{ IKE_KEY_P521, { 0 }, IKE_SIGNATURE_ECDSA_P521 },
	{ IKE_KEY_ED25519, { .hashes = ALL }, IKE_SIGNATURE_ED25519 },
	{ IKE_KEY_ED25519,
	  { .hashes = ALL & ~ONLY(IDENTITY) },
	  IKE_SIGNATURE_NONE },
	{ IKE_KEY_ED448, { .hashes = ONLY(IDENTITY) }, IKE_SIGNATURE_ED448 },
	{ IKE_KEY_ED448, { 0 }, IKE_SIGNATURE_NONE },
	/* RFC 9593 */
	{ IKE_KEY_RSA,
	  { ALL, true, SAYS(RSA_PKCS1_SHA2_384) },
	  IKE_SIGNATURE_RSA_PKCS1_SHA2_384 },
	{ IKE_KEY_RSA, { ALL, true, SAYS(ED25519) }, IKE_SIGNATURE_NONE },
	{ IKE_KEY_RSA, { ALL, true, 0 }, IKE_SIGNATURE_NONE },
	{ IKE_KEY_P256,
	  { ALL, true, SAYS(ECDSA_P256) },
	  IKE_SIGNATURE_ECDSA_P256 },
};

static void test_choose(void **state)
{
	(void)state;
	for (size_t i = 0; i < ELEMENTS(choices); i++) {
		enum ike_signature s = ike_signature_choose(choices[i].type,
							    &choices[i].wishes);

		assert_int_equal(s, choices[i].expect);
		if (s)
			assert_true(ike_signature_suits(s, choices[i].type));
	}
}

static void test_methods(void **state)
{
	(void)state;
	assert_int_equal(ike_signature_of_method(9), IKE_SIGNATURE_ECDSA_P256);
	assert_int_equal(ike_signature_of_method(10), IKE_SIGNATURE_ECDSA_P384);
	assert_int_equal(ike_signature_of_method(11), IKE_SIGNATURE_ECDSA_P521);
	assert_int_equal(ike_signature_of_method(1), IKE_SIGNATURE_NONE);
	assert_int_equal(ike_signature_of_method(14), IKE_SIGNATURE_NONE);
	for (unsigned i = 1; i < IKE_SIGNATURES; i++) {
		assert_non_null(ike_signature_name((enum ike_signature)i));
		assert_true(IKE_HASHES & IKE_HASH_BIT(ike_signature_hash(
						 (enum ike_signature)i)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_false),
		cmocka_unit_test(test_another_key),
		cmocka_unit_test(test_published),
		cmocka_unit_test(test_pss_salt),
		cmocka_unit_test(test_rsa_range),
		cmocka_unit_test(test_ecdsa_zero),
		cmocka_unit_test(test_make),
		cmocka_unit_test(test_make_is_known),
		cmocka_unit_test(test_make_wrong_key),
		cmocka_unit_test(test_identifiers),
		cmocka_unit_test(test_by_hand),
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_data),
		cmocka_unit_test(test_choose),
		cmocka_unit_test(test_methods),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
