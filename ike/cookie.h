/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Stateless cookies as responder (RFC 7296 2.6): a keyed hash of what a
 * request must keep when it comes again (its SPI, its nonce, its source
 * address; not its key, so that a cookie stays good after INVALID_KE_PAYLOAD,
 * 2.6.1). The secret is drawn anew each LIMIT_IKE_COOKIE_MS, and the one before
 * is still accepted for so long.
 */
#ifndef TACIT_IKE_COOKIE_H
#define TACIT_IKE_COOKIE_H

#include "ike/payload.h"
#include "util/addr.h"
#include "util/hmap.h"

struct ike_engine;

/* The generation of the secret, and 128 bits of SipHash under two keys. */
#define IKE_COOKIE_LEN 17u

struct ike_cookie_secret {
	struct hash_key keys[2];
	bool usable;
};

struct ike_cookies {
	struct ike_cookie_secret current, previous;
	uint64_t made_at; /* ms */
	uint8_t generation;
};

/* What a cookie is about. */
struct ike_cookie_subject {
	uint64_t spi_i;
	const struct addr *remote;
	struct ike_view nonce;
};

/* 0; -EIO: no randomness. */
int ike_cookie_make(struct ike_engine *e, uint64_t now,
		    const struct ike_cookie_subject *s,
		    uint8_t ret[static IKE_COOKIE_LEN])
	__attribute__((warn_unused_result));
bool ike_cookie_check(struct ike_engine *e, uint64_t now,
		      const struct ike_cookie_subject *s,
		      const struct ike_view *cookie);

#endif
