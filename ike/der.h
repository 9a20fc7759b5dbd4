/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The little DER (X.690 10) that keys and AlgorithmIdentifiers need: definite
 * lengths in their shortest form, and nothing else. Errors stick in the cursor
 * as in util/rbuf.h.
 */
#ifndef TACIT_IKE_DER_H
#define TACIT_IKE_DER_H

#include <string.h>

#include "util/rbuf.h"

enum der_tag {
	DER_INTEGER = 0x02,
	DER_BIT_STRING = 0x03,
	DER_NULL = 0x05,
	DER_SEQUENCE = 0x30,
	DER_CONTEXT = 0xa0, /* | number: explicit, constructed */
};

/* The contents of the next element, which has to have this tag. */
static inline struct rbuf der_open(struct rbuf *r, uint8_t tag)
{
	struct rbuf none = { .failed = true };
	size_t len;

	if (rbuf_u8(r) != tag)
		r->failed = true;
	len = rbuf_u8(r);
	if (len == 0x81) {
		len = rbuf_u8(r);
		if (len < 0x80)
			r->failed = true;
	} else if (len == 0x82) {
		len = rbuf_be16(r);
		if (len < 0x100)
			r->failed = true;
	} else if (len >= 0x80) {
		r->failed = true;
	}
	if (r->failed) {
		r->left = 0;
		return none;
	}
	return rbuf_slice(r, len);
}

/* The next bytes are these. */
static inline bool der_expect(struct rbuf *r, const void *bytes, size_t len)
{
	const uint8_t *p = rbuf_bytes(r, len);

	if (p && memcmp(p, bytes, len) == 0)
		return true;
	r->failed = true;
	r->left = 0;
	return false;
}

/* The tag of the next element; 0 at the end. */
static inline uint8_t der_peek(const struct rbuf *r)
{
	return r->left ? r->pos[0] : 0;
}

/* A positive INTEGER in its shortest form, without the zero byte in front. */
static inline struct rbuf der_positive(struct rbuf *r)
{
	struct rbuf i = der_open(r, DER_INTEGER);

	if (i.left && i.pos[0] == 0) {
		/* Needed only before a byte that would make it negative. */
		if (i.left < 2 || i.pos[1] < 0x80)
			i.failed = true;
		(void)rbuf_u8(&i);
	} else if (i.left == 0 || i.pos[0] >= 0x80) {
		i.failed = true;
	}
	if (i.failed) {
		i.left = 0;
		r->failed = true;
		r->left = 0;
	}
	return i;
}

#endif
