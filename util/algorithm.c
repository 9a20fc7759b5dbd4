/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names, kinds and the default lists.
 */
#include "util/algorithm.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

static const char *const names[ALGORITHMS] = {
	[ALGORITHM_AES_GCM_256] = "AES-GCM-16-256",
	[ALGORITHM_AES_GCM_128] = "AES-GCM-16-128",
	[ALGORITHM_CHACHA20_POLY1305] = "ChaCha20-Poly1305",
	[ALGORITHM_AES_CBC_256] = "AES-CBC-256",
	[ALGORITHM_AES_CBC_128] = "AES-CBC-128",
	[ALGORITHM_SHA2_256] = "HMAC-SHA2-256",
	[ALGORITHM_SHA2_384] = "HMAC-SHA2-384",
	[ALGORITHM_SHA2_512] = "HMAC-SHA2-512",
	[ALGORITHM_X25519] = "X25519",
	[ALGORITHM_X448] = "X448",
	[ALGORITHM_P256] = "P-256",
	[ALGORITHM_P384] = "P-384",
	[ALGORITHM_P521] = "P-521",
	[ALGORITHM_MODP_2048] = "MODP-2048",
	[ALGORITHM_MODP_3072] = "MODP-3072",
};

/* Shorter ways to say the same. */
static const struct {
	const char *name;
	enum algorithm algorithm;
} short_names[] = {
	{ "AES-GCM-256", ALGORITHM_AES_GCM_256 },
	{ "AES-GCM-128", ALGORITHM_AES_GCM_128 },
	{ "SHA2-256", ALGORITHM_SHA2_256 },
	{ "SHA2-384", ALGORITHM_SHA2_384 },
	{ "SHA2-512", ALGORITHM_SHA2_512 },
};

void algorithms_init(struct algorithms *a)
{
	/* SHA2-384 serves nobody who has not one of the others too. */
	static const struct algorithm_list proposed = {
		.n = 8,
		.list = { ALGORITHM_AES_GCM_256, ALGORITHM_AES_GCM_128,
			  ALGORITHM_CHACHA20_POLY1305, ALGORITHM_SHA2_256,
			  ALGORITHM_SHA2_512, ALGORITHM_X25519, ALGORITHM_P256,
			  ALGORITHM_P384 },
	};

	memset(a, 0, sizeof(*a));
	a->propose = proposed;
	a->answer = proposed;
	for (unsigned i = 0; i < ALGORITHMS; i++)
		algorithm_list_add(&a->accept, (enum algorithm)i);
}

enum algorithm_kind algorithm_kind_of(enum algorithm a)
{
	if (a < ALGORITHM_SHA2_256)
		return ALGORITHM_CIPHER;
	return a < ALGORITHM_X25519 ? ALGORITHM_HASH : ALGORITHM_GROUP;
}

const char *algorithm_name(enum algorithm a)
{
	return a < ALGORITHMS ? names[a] : NULL;
}

int algorithm_parse(const char *text, enum algorithm *ret)
{
	for (unsigned i = 0; i < ALGORITHMS; i++) {
		if (!strcasecmp(text, names[i])) {
			*ret = (enum algorithm)i;
			return 0;
		}
	}
	for (size_t i = 0; i < sizeof(short_names) / sizeof(*short_names);
	     i++) {
		if (!strcasecmp(text, short_names[i].name)) {
			*ret = short_names[i].algorithm;
			return 0;
		}
	}
	return -EINVAL;
}

const char *algorithm_word(size_t i)
{
	if (i < ALGORITHMS)
		return names[i];
	i -= ALGORITHMS;
	return i < sizeof(short_names) / sizeof(*short_names)
		       ? short_names[i].name
		       : NULL;
}

bool algorithm_list_has(const struct algorithm_list *l, enum algorithm a)
{
	return memchr(l->list, (int)a, l->n) != NULL;
}

void algorithm_list_add(struct algorithm_list *l, enum algorithm a)
{
	/* None is there twice, so that all have room. */
	if (a < ALGORITHMS && !algorithm_list_has(l, a))
		l->list[l->n++] = (uint8_t)a;
}

bool algorithm_list_has_kind(const struct algorithm_list *l,
			     enum algorithm_kind kind)
{
	for (size_t i = 0; i < l->n; i++)
		if (algorithm_kind_of((enum algorithm)l->list[i]) == kind)
			return true;
	return false;
}

void algorithm_list_remove(struct algorithm_list *l, enum algorithm a)
{
	struct algorithm_list rest = { 0 };

	for (size_t i = 0; i < l->n; i++)
		if (l->list[i] != a)
			algorithm_list_add(&rest, (enum algorithm)l->list[i]);
	if (algorithm_list_has_kind(&rest, algorithm_kind_of(a)))
		*l = rest;
}

void algorithm_list_fill(struct algorithm_list *l,
			 const struct algorithm_list *other,
			 enum algorithm_kind kind)
{
	for (size_t i = 0; i < other->n; i++) {
		enum algorithm a = (enum algorithm)other->list[i];

		if (algorithm_kind_of(a) == kind)
			algorithm_list_add(l, a);
	}
}
