/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * With what we prove who we are to one peer, and what we take as its proof.
 * The owner fills one for each IKE SA, when IKE_IDENTIFY asks; the engine keeps
 * a copy until the peer is authenticated. All pointers are borrowed.
 *
 * A key is bound to the identity: a peer is authenticated by a signature of
 * one of peer_keys (or by the shared key) under the very identity in peer,
 * and by nothing else, unless accept_null lets it stay anonymous.
 */
#ifndef TACIT_IKE_CREDENTIALS_H
#define TACIT_IKE_CREDENTIALS_H

#include "ike/identity.h"
#include "ike/public-key.h"

enum ike_auth_method {
	IKE_AUTH_NONE = 0,
	IKE_AUTH_RSA_SHA1 = 1, /* refused: SHA-1 */
	IKE_AUTH_SHARED = 2,
	IKE_AUTH_ECDSA_256 = 9, /* RFC 4754 */
	IKE_AUTH_ECDSA_384 = 10,
	IKE_AUTH_ECDSA_521 = 11,
	IKE_AUTH_NULL = 13,	 /* RFC 7619 */
	IKE_AUTH_SIGNATURE = 14, /* RFC 7427 */
};
const char *ike_auth_method_name(enum ike_auth_method m); /* "signature" */

/* A private key that whoever answers IKE_SIGN holds. */
struct ike_own_key {
	uint64_t id;	      /* opaque: comes back in struct ike_sign */
	struct ike_view spki; /* SubjectPublicKeyInfo, DER */
};

struct ike_credentials {
	/* Ours. ID_NULL: we stay anonymous, whatever keys there are. */
	struct ike_identity identity;
	const struct ike_own_key *keys; /* in order of preference */
	size_t n_keys;			/* to LIMIT_IKE_OWN_KEYS */
	bool may_null; /* we may stay anonymous where nothing else serves */

	/* The peer's. Type 0: any identity that it claims. */
	struct ike_identity peer;
	const struct ike_view *peer_keys; /* SPKI DER that prove it */
	size_t n_peer_keys;		  /* to LIMIT_IKE_PEER_KEYS */
	bool accept_null;		  /* it may stay anonymous */

	/* One secret serves both ways (RFC 7296 2.15); len 0: none. */
	struct ike_view shared;
	bool accept_shared; /* and it proves the peer's identity */
};

/* Neither side is anybody. */
struct ike_credentials ike_credentials_anonymous(void);
/* It names something by which the peer has to prove who it is. */
static inline bool ike_credentials_know_peer(const struct ike_credentials *c)
{
	return c->n_peer_keys || (c->accept_shared && c->shared.len);
}
/* A deep copy in one piece of memory, wiped when freed. -EINVAL: over a limit,
 * or nothing by which one of the two sides could prove anything; -ENOMEM. */
int ike_credentials_copy(const struct ike_credentials *c,
			 struct ike_credentials **ret)
	__attribute__((warn_unused_result));
struct ike_credentials *ike_credentials_free(struct ike_credentials *c);

/* How a peer proved who it is. */
struct ike_proof {
	enum ike_auth_method method;
	struct ike_identity id; /* ID_NULL: nobody knows */
	/* Of the key that proved it; zero where the method has none. */
	uint8_t fingerprint[IKE_FINGERPRINT_LEN];
	/* "ECDSA-SHA2-256", "Ed25519", "shared", "null"; static. */
	const char *how;
};

#endif
