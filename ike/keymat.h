/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keys from secrets: SKEYSEED and the SK_* of an IKE SA (RFC 7296 2.14, 2.18),
 * and the keys of its Child SAs (2.17). Pure; jobs call it.
 */
#ifndef TACIT_IKE_KEYMAT_H
#define TACIT_IKE_KEYMAT_H

#include "ike/payload.h"
#include "ike/prf.h"
#include "ike/protect.h"
#include "util/esp.h"
#include "util/secret.h"

#define IKE_SK_MAX 64u /* HMAC-SHA2-512 */

/* A key that lives as long as its SA does: smaller than struct secret. */
struct ike_key {
	uint8_t len;
	uint8_t data[IKE_SK_MAX];
};

/* What protects one direction: SK_e with its salt, then SK_a where the cipher
 * is no AEAD. */
struct ike_protect_key {
	uint8_t len;
	uint8_t data[IKE_KEY_MAX];
};

struct ike_keys {
	struct ike_key d, pi, pr;
	struct ike_protect_key ei, er;
};
void ike_keys_wipe(struct ike_keys *k);

/* What both sides put into SKEYSEED and prf+. */
struct ike_keymat {
	const struct ike_prf *prf;
	const struct ike_cipher *cipher;
	struct ike_nonce ni, nr;
	uint64_t spi_i, spi_r;
	/* Rekeying (2.18): those of the IKE SA that is replaced; else NULL. */
	const struct ike_prf *old_prf;
	struct ike_key old_d;
};

/* 0; -EIO: the library failed, *ret is then wiped. */
int ike_keymat_derive(const struct ike_keymat *in, const struct secret *shared,
		      struct ike_keys *ret) __attribute__((warn_unused_result));
/* Fills the keys of both ESP SAs, whose ciphers are set: first the one from
 * initiator to responder. shared: of an exchange of its own, or NULL. 0; -EIO: both are then untouched. */
int ike_keymat_child(const struct ike_prf *prf, const struct ike_key *sk_d,
		     const struct secret *shared, const struct ike_nonce *ni,
		     const struct ike_nonce *nr, struct esp_sa *from_initiator,
		     struct esp_sa *from_responder)
	__attribute__((warn_unused_result));

#endif
