/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Public keys as SubjectPublicKeyInfo (RFC 5280 4.1, RFC 7670): what a key has
 * to be to be taken at all, and its fingerprint. Parsed here, strictly and
 * cheaply; OpenSSL sees only the numbers.
 */
#ifndef TACIT_IKE_PUBLIC_KEY_H
#define TACIT_IKE_PUBLIC_KEY_H

#include <openssl/types.h>

#include "ike/payload.h"

enum ike_key_type {
	IKE_KEY_RSA,
	IKE_KEY_P256,
	IKE_KEY_P384,
	IKE_KEY_P521,
	IKE_KEY_ED25519,
	IKE_KEY_ED448,
	IKE_KEY_TYPES,
};
/* "RSA", "P-256", "Ed25519". */
const char *ike_key_type_name(enum ike_key_type t);

/* RFC 8247 4: 2048 bits and more; 8192 bound the work. */
#define IKE_RSA_BITS_MIN 2048u
#define IKE_RSA_BITS_MAX 8192u

/* Views into the SPKI. */
struct ike_public_key {
	enum ike_key_type type;
	struct ike_view n, e;  /* RSA, without leading zeros */
	struct ike_view point; /* the others: 04 | x | y, or the raw key */
};

/* 0; -EBADMSG: not one such key in DER; -EOPNOTSUPP: another type, curve or
 * form; -EKEYREJECTED: RSA with a modulus under 2048 or over 8192 bits, or an
 * exponent that is even, 1, or over 64 bits. */
int ike_public_key_parse(struct ike_view spki, struct ike_public_key *ret)
	__attribute__((warn_unused_result));
/* 0; -EBADMSG: a point that is not on its curve; -EIO. */
int ike_public_key_load(const struct ike_public_key *k, EVP_PKEY **ret)
	__attribute__((warn_unused_result));
/* The type of a key, public or private, without writing it. 0; -EOPNOTSUPP;
 * -EKEYREJECTED: RSA of another size. */
int ike_public_key_type(const EVP_PKEY *key, enum ike_key_type *ret)
	__attribute__((warn_unused_result));
/* The SPKI of a key, public or private: ret takes LIMIT_IKE_SPKI bytes. 0;
 * -EOPNOTSUPP, -EKEYREJECTED: no key that we would take; -EIO. */
int ike_public_key_export(EVP_PKEY *key, uint8_t *ret, size_t *ret_len)
	__attribute__((warn_unused_result));

#define IKE_FINGERPRINT_LEN 32u /* SHA-256 of the SPKI */
/* 0; -EIO. */
int ike_public_key_fingerprint(struct ike_view spki,
			       uint8_t ret[static IKE_FINGERPRINT_LEN])
	__attribute__((warn_unused_result));

#endif
