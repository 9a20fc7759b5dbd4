/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a key command prints (tacit-keys(5)): lines KEY=VALUE of UTF-8 text,
 *
 *	Identity=host.example.org	once at most
 *	PublicKey=BASE64		up to LIMIT_KNOWN_KEYS times
 *	Lifetime=5min			once at most
 *
 * blank lines and those that begin with "#" passed over.
 */
#ifndef TACIT_AGENT_KEY_OUTPUT_H
#define TACIT_AGENT_KEY_OUTPUT_H

#include "agent/key-source.h"

/* Where it says no lifetime; and the bounds of one that it says. */
#define KEY_OUTPUT_MS	  300000u
#define KEY_OUTPUT_MS_MIN 5000u
#define KEY_OUTPUT_MS_MAX 86400000u

/* text need not end with a NUL. identity is what counts where no line says
 * another. 0 and *ret, with one key at least; -EBADMSG with the number of the
 * bad line, 0 where there is no key, in *ret_line; -ENOMEM. */
int key_output_parse(const char *text, size_t len,
		     const struct ike_identity *identity,
		     struct key_answer *ret, unsigned *ret_line)
	__attribute__((warn_unused_result));

#endif
