/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Write cursor over a buffer of fixed capacity. The first write that does not
 * fit sets a sticky error, after which all writes are ignored; check wbuf_ok()
 * once at the end. Lengths that are known only later are written with
 * wbuf_mark16() and wbuf_patch16(). Never owns the bytes.
 */
#ifndef TACIT_UTIL_WBUF_H
#define TACIT_UTIL_WBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct wbuf {
	uint8_t *data;
	size_t len;
	size_t cap;
	bool failed;
};

static inline struct wbuf wbuf_of(void *data, size_t cap)
{
	return (struct wbuf){ .data = data, .cap = cap };
}

/* Room for len bytes, to be filled by the caller; NULL when it is not there. */
static inline uint8_t *wbuf_room(struct wbuf *w, size_t len)
{
	uint8_t *p;

	if (w->failed || len > w->cap - w->len) {
		w->failed = true;
		return NULL;
	}
	p = w->cap ? w->data + w->len : w->data;
	w->len += len;
	return p;
}

static inline void wbuf_bytes(struct wbuf *w, const void *data, size_t len)
{
	uint8_t *p = wbuf_room(w, len);

	if (p && len)
		memcpy(p, data, len);
}

static inline void wbuf_zero(struct wbuf *w, size_t len)
{
	uint8_t *p = wbuf_room(w, len);

	if (p && len)
		memset(p, 0, len);
}

static inline void wbuf_u8(struct wbuf *w, uint8_t v)
{
	wbuf_bytes(w, &v, 1);
}

static inline void wbuf_be16(struct wbuf *w, uint16_t v)
{
	uint8_t b[2] = { (uint8_t)(v >> 8), (uint8_t)v };

	wbuf_bytes(w, b, sizeof(b));
}

static inline void wbuf_be32(struct wbuf *w, uint32_t v)
{
	wbuf_be16(w, (uint16_t)(v >> 16));
	wbuf_be16(w, (uint16_t)v);
}

static inline void wbuf_be64(struct wbuf *w, uint64_t v)
{
	wbuf_be32(w, (uint32_t)(v >> 32));
	wbuf_be32(w, (uint32_t)v);
}

/* Leaves two zero bytes for wbuf_patch16(); returns their offset. */
static inline size_t wbuf_mark16(struct wbuf *w)
{
	size_t at = w->len;

	wbuf_be16(w, 0);
	return at;
}

static inline void wbuf_patch16(struct wbuf *w, size_t at, size_t v)
{
	if (v > UINT16_MAX)
		w->failed = true;
	if (w->failed)
		return;
	w->data[at] = (uint8_t)(v >> 8);
	w->data[at + 1] = (uint8_t)v;
}

static inline bool wbuf_ok(const struct wbuf *w)
{
	return !w->failed;
}

#endif
