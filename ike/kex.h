/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Key exchange methods (RFC 7296 Transform Type 4): X25519 and X448 (RFC
 * 8031), P-256, P-384 and P-521 (RFC 5903), MODP of 2048 and 3072 bits (RFC
 * 3526). Public keys and shared secrets are in the form that goes into the KE
 * payload and into SKEYSEED. Thread-safe: jobs call it.
 */
#ifndef TACIT_IKE_KEX_H
#define TACIT_IKE_KEX_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ike/number.h"
#include "util/secret.h"

#define IKE_KEX_PUBLIC_MAX 384u /* MODP-3072 */

struct ike_kex {
	uint16_t id; /* enum ike_ke_id */
	uint16_t public_len;
	uint16_t shared_len;
	const char *name;
	const char *type;  /* OpenSSL's key type */
	const char *group; /* its curve or group; NULL: the type says it */
};

/* NULL when unknown. */
const struct ike_kex *ike_kex_find(uint16_t id);
/* May a key pair serve several peers? Of X25519 and X448, which were made for
 * it (ike/ephemeral.h). */
bool ike_kex_is_reusable(const struct ike_kex *kex);
/* public takes kex->public_len bytes. *ret is the caller's, EVP_PKEY_free()
 * wipes it. 0; -EIO when the library fails. */
int ike_kex_generate(const struct ike_kex *kex, EVP_PKEY **ret, uint8_t *public)
	__attribute__((warn_unused_result));
/* 0; -EBADMSG: the peer's key has a wrong length, is not on the curve, not
 * between 2 and p - 2 (RFC 6989 2.1), or gives an all-zero secret (RFC 7748
 * 6.1); -EIO. */
int ike_kex_derive(const struct ike_kex *kex, EVP_PKEY *private,
		   const uint8_t *peer, size_t peer_len, struct secret *ret)
	__attribute__((warn_unused_result));

#endif
