/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The public keys of a peer and how they came to be known: what a key source
 * finds and what authentication is judged by. Filled by its maker, then never
 * changed; shared by reference, on one thread.
 */
#ifndef TACIT_UTIL_KEYSET_H
#define TACIT_UTIL_KEYSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/addr.h"

/* The longest SubjectPublicKeyInfo: RSA of 8192 bits, and the name of a host
 * in text, each byte of it escaped. */
#define KEYSET_SPKI_MAX 1100u
#define KEYSET_NAME_MAX 1024u
#define KEYSET_WHY_MAX	128u

enum keyset_status {
	KEYSET_SECURE,	    /* keys that are proven to be the peer's */
	KEYSET_INSECURE,    /* keys that anybody could have put there */
	KEYSET_BOGUS,	    /* the proof is broken: somebody may be lying */
	KEYSET_NONE,	    /* it is known that there are none */
	KEYSET_UNREACHABLE, /* nothing is known */
};

/* Which name was asked, and why it stands for the peer. */
enum keyset_source {
	KEYSET_REVERSE, /* the reverse tree of its address */
	KEYSET_FORWARD, /* a name that policy or an application gave */
	KEYSET_POINTER, /* a reverse pointer whose name has this address */
	KEYSET_FILE,
	KEYSET_COMMAND,
};

struct keyset_key {
	uint8_t precedence; /* the lowest is tried first */
	/* The gateway that it is the key of, unset: the peer itself; and its
	 * name, NULL: none was given. Only with a name: no address is known. */
	struct addr gateway;
	char *gateway_name;
	const uint8_t *spki; /* SubjectPublicKeyInfo, DER */
	size_t spki_len;
};

struct keyset {
	unsigned refs;
	enum keyset_status status;
	enum keyset_source source;
	uint32_t ttl;		  /* seconds from when it was found */
	char *name;		  /* "www.example.net.", NULL: none */
	char why[KEYSET_WHY_MAX]; /* of BOGUS and UNREACHABLE */
	bool mismatch;	/* the name is not the peer's: it has other addresses */
	size_t skipped; /* keys that could not be used */
	size_t n;	/* LIMIT_KEYSET_KEYS at most */
	struct keyset_key *keys; /* by precedence */
};

const char *keyset_status_name(enum keyset_status s); /* "secure" */
const char *keyset_source_name(enum keyset_source s); /* "reverse" */

/* With one reference and no keys; name is copied and may be NULL. NULL: out of
 * memory. */
struct keyset *keyset_new(enum keyset_status status, enum keyset_source source,
			  const char *name);
/* Adds a copy, in its place by precedence. Only before it is shared. 0;
 * -ENOSPC at LIMIT_KEYSET_KEYS; -EMSGSIZE over KEYSET_SPKI_MAX; -ENOMEM. */
int keyset_add(struct keyset *k, const struct keyset_key *key)
	__attribute__((warn_unused_result));
struct keyset *keyset_ref(struct keyset *k);
/* Takes NULL, returns NULL. */
struct keyset *keyset_unref(struct keyset *k);

#endif
