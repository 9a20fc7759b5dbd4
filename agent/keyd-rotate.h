/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rotation of a key of tacit-keyd: the next one is made and published
 * beside the active one, takes its place when DNS has had it for a TTL (so that
 * nobody knows only the old one any more), and the old one is kept for a TTL
 * longer. Each step is one rename (dnskeys/key-life.h). Time is Unix seconds.
 *
 * Root begins it, and the agent says what it has seen in DNS: whoever takes over
 * the agent can hurry what root has begun, and begin nothing.
 */
#ifndef TACIT_AGENT_KEYD_ROTATE_H
#define TACIT_AGENT_KEYD_ROTATE_H

#include "agent/keyd-keys.h"

/* A key to be made. */
struct keyd_wanted {
	char name[LIMIT_KEY_NAME + 1]; /* of the active one; "": a first key */
	enum own_key_kind kind;
};

/* Which keys are to be made to rotate the active one of this name, or each
 * one that can be made here (""). How many, at least 1; -ENOENT: there is no
 * such key; -EALREADY: its next one is there; -EOPNOTSUPP: keys of its kind are
 * not made here; -ENOSPC: too many keys; -ENAMETOOLONG. */
int keyd_rotate_begin(const struct keyd_keys *k, const char *name,
		      struct keyd_wanted ret[static LIMIT_OWN_KEYS])
	__attribute__((warn_unused_result));
/* Takes a key that was made for that, and saves it. 0 or -errno. */
int keyd_rotate_add(struct keyd_keys *k, const struct keyd_wanted *wanted,
		    struct own_key *key) __attribute__((warn_unused_result));
/* The next key of this name (or each) is active at the next tick, or goes.
 * How many; -ENOENT: none; -errno. */
int keyd_rotate_finish(struct keyd_keys *k, const char *name, uint64_t now)
	__attribute__((warn_unused_result));
int keyd_rotate_cancel(struct keyd_keys *k, const char *name)
	__attribute__((warn_unused_result));
/* This key is in DNS, with this TTL. True where that is news. */
bool keyd_rotate_seen(struct keyd_keys *k, uint64_t id, uint32_t ttl,
		      uint64_t now);
/* Does what is due. True where a key has changed. */
bool keyd_rotate_tick(struct keyd_keys *k, uint64_t now);

#endif
