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

#include "ike/payload.h"

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

#endif
