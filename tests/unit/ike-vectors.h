/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lines "NAME HEX" of tests/unit/data/ike-vectors.txt and of
 * signature-vectors.txt; and the keys of the latter. */
#ifndef TACIT_TESTS_IKE_VECTORS_H
#define TACIT_TESTS_IKE_VECTORS_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/types.h>

#define VECTOR_MAX 2048

struct vector {
	size_t len;
	uint8_t data[VECTOR_MAX];
};

/* Fails the test when it is not there. */
struct vector vector_get(const char *name);
/* The same, its name made of parts: "keys-256-gcm128" and "ei". */
struct vector vector_get2(const char *prefix, const char *name);
/* The private key "key-NAME"; "spki-NAME" is its public half. */
EVP_PKEY *vector_key(const char *name);
/* Fails the test when they differ. */
void vector_check(const struct vector *v, const void *data, size_t len);

#endif
