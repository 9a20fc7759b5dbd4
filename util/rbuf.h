/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Read cursor over bytes that a stranger sent. Every access is bounds-checked;
 * the first one that does not fit sets a sticky error, after which all reads
 * give zero or NULL. Check rbuf_ok() once at the end, or rbuf_finish() where
 * everything must have been consumed. Never owns the bytes.
 */
#ifndef TACIT_UTIL_RBUF_H
#define TACIT_UTIL_RBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rbuf {
	const uint8_t *pos;
	size_t left;
	bool failed;
};

static inline struct rbuf rbuf_of(const void *data, size_t len)
{
	return (struct rbuf){ .pos = data, .left = len };
}

/* The next len bytes, borrowed; NULL when they are not there (or when none are
 * asked for of a cursor over NULL: with len 0, look at rbuf_ok()). */
static inline const uint8_t *rbuf_bytes(struct rbuf *r, size_t len)
{
	const uint8_t *p = r->pos;

	if (r->failed || len > r->left) {
		r->failed = true;
		r->left = 0;
		return NULL;
	}
	if (len)
		r->pos += len;
	r->left -= len;
	return p;
}

static inline uint8_t rbuf_u8(struct rbuf *r)
{
	const uint8_t *p = rbuf_bytes(r, 1);

	return p ? p[0] : 0;
}

static inline uint16_t rbuf_be16(struct rbuf *r)
{
	const uint8_t *p = rbuf_bytes(r, 2);

	return p ? (uint16_t)(p[0] << 8 | p[1]) : 0;
}

static inline uint32_t rbuf_be32(struct rbuf *r)
{
	const uint8_t *p = rbuf_bytes(r, 4);

	return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
			       (uint32_t)p[2] << 8 | p[3]
		 : 0;
}

static inline uint64_t rbuf_be64(struct rbuf *r)
{
	uint64_t high = rbuf_be32(r);

	return high << 32 | rbuf_be32(r);
}

/* A sub-cursor of exactly len bytes, for a parser that must consume it; a
 * failed one when they are not there. */
static inline struct rbuf rbuf_slice(struct rbuf *r, size_t len)
{
	struct rbuf s = { 0 };

	s.pos = rbuf_bytes(r, len);
	s.failed = r->failed;
	if (!s.failed)
		s.left = len;
	return s;
}

static inline bool rbuf_ok(const struct rbuf *r)
{
	return !r->failed;
}

/* Nothing failed and nothing is left over. */
static inline bool rbuf_finish(const struct rbuf *r)
{
	return !r->failed && r->left == 0;
}

#endif
