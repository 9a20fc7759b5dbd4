/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Peers whose keys the administrator has put into keys.d/: one file a peer.
 * Immutable once loaded. Secrets are not read here: a shared key is named by
 * its file, which only the process that uses it opens.
 */
#ifndef TACIT_POLICY_KNOWN_PEER_H
#define TACIT_POLICY_KNOWN_PEER_H

#include <stddef.h>
#include <stdint.h>

#include "util/addr.h"
#include "util/limits.h"

struct known_key {
	uint8_t *
		spki; /* SubjectPublicKeyInfo, DER; its inside is not checked */
	size_t len;
};

struct known_peer {
	/* Identity=, in canonical form: "192.0.2.1", "@host.example",
	 * "user@host.example", "keyid:00ff"; NULL: whichever of its addresses
	 * it is at. */
	char *identity;
	struct addr *addresses; /* none: wherever it is */
	size_t n_addresses;
	struct known_key keys[LIMIT_KNOWN_KEYS];
	size_t n_keys;
	char *shared_key_file; /* NULL: none; else there are no keys */
	char *file;
	unsigned line;
	size_t index; /* for known_peers_at() */
};

struct known_peers;

/* Takes NULL; returns NULL. */
struct known_peer *known_peer_free(struct known_peer *p);

/* The table takes them on success; they stay the caller's on failure. 0;
 * -EEXIST when two have the same identity or address: then ret_twins, where it
 * is not NULL, are those two; -ENOMEM. */
int known_peers_new(struct known_peer *const *peers, size_t n,
		    const struct known_peer *ret_twins[2],
		    struct known_peers **ret)
	__attribute__((warn_unused_result));
struct known_peers *known_peers_free(struct known_peers *t);

/* The peer with this identity (canonical), or NULL. t may be NULL. */
const struct known_peer *known_peers_by_identity(const struct known_peers *t,
						 const char *identity);
/* The peer that has this address (its scope does not count), or NULL. */
const struct known_peer *known_peers_by_address(const struct known_peers *t,
						const struct addr *a);
/* NULL at the end. */
const struct known_peer *known_peers_at(const struct known_peers *t, size_t i);

#endif
