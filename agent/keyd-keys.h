/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The private keys of tacit-keyd: what is in the key directory, and the pair
 * that is made where there is nothing, the RSA key of which is added when it is
 * ready. What changes later is agent/keyd-rotate.h's.
 */
#ifndef TACIT_AGENT_KEYD_KEYS_H
#define TACIT_AGENT_KEYD_KEYS_H

#include <stdbool.h>

#include "dnskeys/own-key.h"

struct keyd_keys {
	struct own_key list[LIMIT_OWN_KEYS]; /* active ones first, and of
						these Ed25519 first, RSA last */
	unsigned count;
	unsigned refused; /* files that are not used, each logged */
	int dir;	  /* of the files; -1: keys are not kept */
	bool make_rsa;	  /* a first start: the slow one is still to be made */
	bool complained;  /* of a rotation that cannot go on */
};

/* The directory is made where it is not there (0700). Opens and reads it as
 * the user that we are; a file that is refused is named in the log with its
 * remedy. 0; -EACCES: the directory is others' too (logged); -errno (logged). */
int keyd_keys_open(struct keyd_keys *k, const char *path)
	__attribute__((warn_unused_result));
/* Takes the key, to the place that its kind has. -ENOSPC. */
int keyd_keys_add(struct keyd_keys *k, struct own_key *key)
	__attribute__((warn_unused_result));
/* Wiped and left out; its file is another matter. */
void keyd_keys_forget(struct keyd_keys *k, struct own_key *key);
/* After the life of one has changed. */
void keyd_keys_sort(struct keyd_keys *k);
void keyd_keys_done(struct keyd_keys *k);
/* By the id that the agent knows it by; NULL. */
struct own_key *keyd_keys_find(struct keyd_keys *k, uint64_t id);

#endif
