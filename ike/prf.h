/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pseudo-random functions (RFC 7296 2.13): HMAC-SHA2, and prf+ on top.
 */
#ifndef TACIT_IKE_PRF_H
#define TACIT_IKE_PRF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ike/number.h"

#define IKE_PRF_MAX 64u /* output of the largest */

struct ike_prf {
	uint16_t id; /* enum ike_prf_id */
	uint8_t len; /* of output and preferred key, bytes */
	const char *name;
	const char *digest; /* what OpenSSL calls it */
};

/* One part of what is hashed, in the order given. */
struct ike_part {
	const void *data;
	size_t len;
};

/* NULL when unknown. */
const struct ike_prf *ike_prf_find(uint16_t id);
/* out takes prf->len bytes. 0; -EIO when the library fails. */
int ike_prf(const struct ike_prf *prf, const void *key, size_t key_len,
	    const struct ike_part *parts, size_t n, uint8_t *out)
	__attribute__((warn_unused_result));
/* 2.13; len at most 255 times prf->len: else -EINVAL. */
int ike_prf_plus(const struct ike_prf *prf, const void *key, size_t key_len,
		 const struct ike_part *parts, size_t n, uint8_t *out,
		 size_t len) __attribute__((warn_unused_result));

#endif
