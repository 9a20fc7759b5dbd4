/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Copies of credentials: one block, what the pointers show behind the struct.
 */
#include "ike/credentials.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/secret.h"

const char *ike_auth_method_name(enum ike_auth_method m)
{
	switch (m) {
	case IKE_AUTH_NONE:
		break;
	case IKE_AUTH_RSA_SHA1:
		return "rsa-sha1";
	case IKE_AUTH_SHARED:
		return "shared";
	case IKE_AUTH_ECDSA_256:
		return "ecdsa-256";
	case IKE_AUTH_ECDSA_384:
		return "ecdsa-384";
	case IKE_AUTH_ECDSA_521:
		return "ecdsa-521";
	case IKE_AUTH_NULL:
		return "null";
	case IKE_AUTH_SIGNATURE:
		return "signature";
	}
	return "none";
}

struct ike_credentials ike_credentials_anonymous(void)
{
	return (struct ike_credentials){
		.identity = ike_identity_null(),
		.may_null = true,
		.accept_null = true,
	};
}

/* What the block holds behind the struct. */
struct block {
	struct ike_credentials c;
	size_t size;
	struct ike_own_key keys[LIMIT_IKE_OWN_KEYS];
	struct ike_view peer_keys[LIMIT_IKE_PEER_KEYS];
	uint8_t bytes[];
};

static bool is_possible(const struct ike_credentials *c)
{
	bool prove = c->may_null || c->n_keys || c->shared.len;
	bool accept = c->accept_null || c->n_peer_keys ||
		      (c->accept_shared && c->shared.len);

	if (c->n_keys > LIMIT_IKE_OWN_KEYS ||
	    c->n_peer_keys > LIMIT_IKE_PEER_KEYS ||
	    c->shared.len > LIMIT_IKE_SHARED_KEY ||
	    ike_identity_is_none(&c->identity))
		return false;
	/* RFC 7619 2.1: who is nobody proves that with NULL alone. */
	if (ike_identity_is_null(&c->identity) && !c->may_null)
		return false;
	return prove && accept;
}

/* Bytes behind the struct; SIZE_MAX: a key is over its limit. */
static size_t count(const struct ike_credentials *c)
{
	size_t n = c->shared.len;

	for (size_t i = 0; i < c->n_keys; i++) {
		if (c->keys[i].spki.len > LIMIT_IKE_SPKI)
			return SIZE_MAX;
		n += c->keys[i].spki.len;
	}
	for (size_t i = 0; i < c->n_peer_keys; i++) {
		if (c->peer_keys[i].len > LIMIT_IKE_SPKI)
			return SIZE_MAX;
		n += c->peer_keys[i].len;
	}
	return n;
}

static struct ike_view keep(uint8_t **at, struct ike_view v)
{
	struct ike_view kept = { *at, v.len };

	if (v.len)
		memcpy(*at, v.data, v.len);
	*at += v.len;
	return kept;
}

int ike_credentials_copy(const struct ike_credentials *c,
			 struct ike_credentials **ret)
{
	struct block *b;
	uint8_t *at;
	size_t n;

	if (!is_possible(c))
		return -EINVAL;
	n = count(c);
	if (n == SIZE_MAX)
		return -EINVAL;
	b = calloc(1, sizeof(*b) + n);
	if (!b)
		return -ENOMEM;
	b->c = *c;
	b->size = sizeof(*b) + n;
	b->c.keys = b->keys;
	b->c.peer_keys = b->peer_keys;
	at = b->bytes;
	for (size_t i = 0; i < c->n_keys; i++) {
		b->keys[i].id = c->keys[i].id;
		b->keys[i].spki = keep(&at, c->keys[i].spki);
	}
	for (size_t i = 0; i < c->n_peer_keys; i++)
		b->peer_keys[i] = keep(&at, c->peer_keys[i]);
	b->c.shared = keep(&at, c->shared);
	*ret = &b->c;
	return 0;
}

struct ike_credentials *ike_credentials_free(struct ike_credentials *c)
{
	struct block *b = (struct block *)c; /* its first member */

	if (b) {
		secret_wipe(b, b->size);
		free(b);
	}
	return NULL;
}
