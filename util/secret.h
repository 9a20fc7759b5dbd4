/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A key in memory: fixed capacity, wiped when done, compared in constant time,
 * never logged. struct secret is a value that its owner embeds; copying one
 * by assignment is allowed, and each copy is wiped by its own owner.
 */
#ifndef TACIT_UTIL_SECRET_H
#define TACIT_UTIL_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The largest we keep: SKEYSEED input of P-521 or an HMAC-SHA2-512 output;
 * 512 bytes hold a MODP-4096 shared secret too. */
#define SECRET_MAX 512

struct secret {
	size_t len;
	uint8_t data[SECRET_MAX];
};

/* -E2BIG when len is over SECRET_MAX; *s is untouched then. */
int secret_set(struct secret *s, const void *data, size_t len)
	__attribute__((warn_unused_result));
/* Wipes; idempotent, takes NULL. */
void secret_done(struct secret *s);
bool secret_equal(const struct secret *a, const struct secret *b);
/* Constant-time comparison of equal-length memory. */
bool secret_memequal(const void *a, const void *b, size_t len);
/* Wipe memory that the compiler may not optimise away. */
void secret_wipe(void *p, size_t len);

#endif
