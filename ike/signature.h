/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signatures as IKEv2 names and packs them: the algorithms of RFC 7427 and RFC
 * 8420 with the one DER encoding of each AlgorithmIdentifier that counts, and
 * ECDSA in the form of RFC 4754. What a key must be to be taken at all, signing
 * and verifying. Pure: no state, any thread.
 */
#ifndef TACIT_IKE_SIGNATURE_H
#define TACIT_IKE_SIGNATURE_H

#include <openssl/types.h>

#include "ike/credentials.h"

enum ike_hash { /* RFC 7427 7, RFC 8420 */
		IKE_HASH_SHA2_256 = 2,
		IKE_HASH_SHA2_384 = 3,
		IKE_HASH_SHA2_512 = 4,
		IKE_HASH_IDENTITY = 5,
};
/* A set of them, as bits. */
#define IKE_HASH_BIT(hash) (1u << (hash))

enum ike_signature {
	IKE_SIGNATURE_NONE = 0,
	IKE_SIGNATURE_ED25519,
	IKE_SIGNATURE_ED448,
	IKE_SIGNATURE_ECDSA_SHA2_256, /* any of the three curves */
	IKE_SIGNATURE_ECDSA_SHA2_384,
	IKE_SIGNATURE_ECDSA_SHA2_512,
	IKE_SIGNATURE_RSA_PSS_SHA2_256, /* salt as long as the hash */
	IKE_SIGNATURE_RSA_PSS_SHA2_384,
	IKE_SIGNATURE_RSA_PSS_SHA2_512,
	IKE_SIGNATURE_RSA_PKCS1_SHA2_256,
	IKE_SIGNATURE_RSA_PKCS1_SHA2_384,
	IKE_SIGNATURE_RSA_PKCS1_SHA2_512,
	/* RFC 4754: curve and hash go together, r | s. Methods 9 to 11. */
	IKE_SIGNATURE_ECDSA_P256,
	IKE_SIGNATURE_ECDSA_P384,
	IKE_SIGNATURE_ECDSA_P521,
	IKE_SIGNATURES,
};

/* Every hash that we take, which is what SIGNATURE_HASH_ALGORITHMS says. */
#define IKE_HASHES                                                           \
	(IKE_HASH_BIT(IKE_HASH_SHA2_256) | IKE_HASH_BIT(IKE_HASH_SHA2_384) | \
	 IKE_HASH_BIT(IKE_HASH_SHA2_512) | IKE_HASH_BIT(IKE_HASH_IDENTITY))

const char *ike_signature_name(enum ike_signature s); /* "RSA-PSS-SHA2-256" */
enum ike_auth_method ike_signature_method(enum ike_signature s);
enum ike_hash ike_signature_hash(enum ike_signature s);
/* Such a key can make it. */
bool ike_signature_suits(enum ike_signature s, enum ike_key_type t);
/* Of methods 9 to 11; NONE. */
enum ike_signature ike_signature_of_method(uint8_t method);

/* Longest AlgorithmIdentifier that we write, or take. */
#define IKE_ALGORITHM_MAX 80u
/* The DER that we write; of NONE and of RFC 4754: empty. */
struct ike_view ike_signature_algorithm(enum ike_signature s);
/* 0; -EBADMSG: not an AlgorithmIdentifier; -EOPNOTSUPP: one that we do not
 * take: another algorithm, SHA-1, or parameters of no use (RFC 4055 3.1: a
 * mask by another hash, a salt of another length). */
int ike_signature_read_algorithm(struct ike_view der, enum ike_signature *ret)
	__attribute__((warn_unused_result));
/* The data of an AUTH payload of method 14 (RFC 7427 3): reader and writer.
 * -EBADMSG and -EOPNOTSUPP as above. */
int ike_signature_parse(struct ike_view data, enum ike_signature *ret,
			struct ike_view *ret_signature)
	__attribute__((warn_unused_result));
void ike_signature_write(struct wbuf *w, enum ike_signature s,
			 const void *signature, size_t len);

/* What the peer said that it can verify. */
struct ike_signature_wishes {
	uint32_t hashes;     /* of IKE_HASH_BIT(); 0: none, no RFC 7427 */
	bool announced;	     /* RFC 9593: only what follows */
	uint32_t signatures; /* bits of enum ike_signature */
};
/* The best that such a key can make and the peer can verify; NONE. */
enum ike_signature ike_signature_choose(
	enum ike_key_type t, const struct ike_signature_wishes *wishes);

/* ret takes LIMIT_IKE_SIGNATURE bytes. 0; -EINVAL: such a key cannot; -EIO. */
int ike_signature_make(enum ike_signature s, EVP_PKEY *key, const void *octets,
		       size_t octets_len, uint8_t *ret, size_t *ret_len)
	__attribute__((warn_unused_result));
/* 0; -EACCES: it is not; -EINVAL: such a key cannot; -EIO. */
int ike_signature_verify(enum ike_signature s, const struct ike_public_key *key,
			 const void *octets, size_t octets_len,
			 struct ike_view signature)
	__attribute__((warn_unused_result));

#endif
