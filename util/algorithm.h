/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The algorithms that there are, by readable names, and lists of them in
 * order of preference: the plain values in which a configuration says what
 * the IKE engine proposes and accepts. They are those that RFC 8247 and RFC
 * 8221 say MUST or SHOULD be implemented today, and nothing else.
 */
#ifndef TACIT_UTIL_ALGORITHM_H
#define TACIT_UTIL_ALGORITHM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum algorithm {
	ALGORITHM_AES_GCM_256,
	ALGORITHM_AES_GCM_128,
	ALGORITHM_CHACHA20_POLY1305,
	ALGORITHM_AES_CBC_256,
	ALGORITHM_AES_CBC_128,
	/* PRF; and the integrity of ciphers that have none of their own. */
	ALGORITHM_SHA2_256,
	ALGORITHM_SHA2_384,
	ALGORITHM_SHA2_512,
	ALGORITHM_X25519,
	ALGORITHM_X448,
	ALGORITHM_P256,
	ALGORITHM_P384,
	ALGORITHM_P521,
	ALGORITHM_MODP_2048,
	ALGORITHM_MODP_3072,
	ALGORITHMS
};

/* A usable list has at least one of each. */
enum algorithm_kind {
	ALGORITHM_CIPHER, /* of IKE and of ESP */
	ALGORITHM_HASH,
	ALGORITHM_GROUP,
	ALGORITHM_KINDS
};

/* In order of preference within each kind, none twice. */
struct algorithm_list {
	uint8_t n;
	uint8_t list[ALGORITHMS]; /* enum algorithm */
};

struct algorithms {
	struct algorithm_list propose; /* as initiator */
	/* What is taken of it when the responder chooses: part of propose. */
	struct algorithm_list answer;
	struct algorithm_list accept; /* as responder */
};

/* Proposed: AEAD ciphers, SHA2, and curves. Accepted: all. */
void algorithms_init(struct algorithms *a);

enum algorithm_kind algorithm_kind_of(enum algorithm a);
/* "AES-GCM-16-256": the name that status and configuration use. */
const char *algorithm_name(enum algorithm a);
/* Case does not matter, and the "-16" of AES-GCM may be left out. 0; -EINVAL.
 */
int algorithm_parse(const char *text, enum algorithm *ret)
	__attribute__((warn_unused_result));
/* Every word that algorithm_parse() knows; NULL behind the last. */
const char *algorithm_word(size_t i);

bool algorithm_list_has(const struct algorithm_list *l, enum algorithm a);
/* At the end, unless it is there. */
void algorithm_list_add(struct algorithm_list *l, enum algorithm a);
bool algorithm_list_has_kind(const struct algorithm_list *l,
			     enum algorithm_kind kind);
/* Where it is not the only one of its kind. */
void algorithm_list_remove(struct algorithm_list *l, enum algorithm a);
/* Adds what other has of this kind. */
void algorithm_list_fill(struct algorithm_list *l,
			 const struct algorithm_list *other,
			 enum algorithm_kind kind);

#endif
