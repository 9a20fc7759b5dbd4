/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an AUTH payload covers (RFC 7296 2.15), made from typed inputs and from
 * nothing else: the engine, and the process that holds the private keys, link
 * this same file. So who may ask for signatures can get them for IKE_AUTH
 * only, in the name of an identity that the holder of the key allows.
 */
#ifndef TACIT_IKE_AUTH_OCTETS_H
#define TACIT_IKE_AUTH_OCTETS_H

#include "ike/identity.h"
#include "ike/keymat.h"
#include "ike/signature.h"

/* What one side's AUTH covers; all borrowed. */
struct ike_auth_octets {
	const struct ike_prf *prf;
	const struct ike_key *sk_p;    /* of the side that signs */
	struct ike_view message;       /* its IKE_SA_INIT message */
	const struct ike_nonce *nonce; /* of the other side */
	struct ike_view id;	       /* body of its ID payload */
};

/* message | nonce | prf(SK_p, id), in memory of its own. 0; -ENOMEM; -EIO. */
int ike_auth_octets_build(const struct ike_auth_octets *o, uint8_t **ret,
			  size_t *ret_len) __attribute__((warn_unused_result));

/* One signature that is wanted. Holds a secret (sk_p). */
struct ike_sign {
	uint64_t key; /* of struct ike_own_key */
	enum ike_signature algorithm;
	uint16_t prf;		/* enum ike_prf_id */
	bool initiator;		/* our role */
	struct ike_identity id; /* ours */
	struct ike_key sk_p;	/* of our role */
	struct ike_nonce nonce; /* of the peer */
	const uint8_t *message; /* our IKE_SA_INIT message, borrowed */
	size_t message_len;
};

/* Signs in process; the key is not kept. ret takes LIMIT_IKE_SIGNATURE bytes.
 * 0; -EINVAL: such a key cannot sign so, or the inputs are not those of an
 * IKE_SA_INIT of this role; -ENOMEM; -EIO. */
int ike_sign_with(EVP_PKEY *key, const struct ike_sign *s, uint8_t *ret,
		  size_t *ret_len) __attribute__((warn_unused_result));

#endif
