/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * By which way a host is reached: by itself, or by a gateway that its IPSECKEY
 * records name (RFC 4025 2.5, RFC 4322). Each has keys of its own, and the
 * lowest precedence comes first; of two that are alike the one that DNS gives
 * first. Pure.
 */
#ifndef TACIT_AGENT_KEY_WAY_H
#define TACIT_AGENT_KEY_WAY_H

#include "util/keyset.h"

/* Ways that are looked at. Beyond: left out. */
#define KEY_WAYS 4u

/* What a source knows beside the keys. */
struct key_way {
	struct addr gateway; /* unset: the host itself */
	/* There is another way, and by which gateway, if any. */
	bool more;
	struct addr next;
};

struct key_ways {
	struct addr peer; /* the host */
	/* Which gateways may be used; NULL: none. */
	bool (*may)(void *user, const struct addr *gateway);
	void *user;
};

/* The way of this number, from 0 in order of precedence, and its keys, with one
 * reference; their name is the gateway's, where it was given by one (NULL: by
 * its address). 0; -ENOENT: there are not so many; -ENOMEM. */
int key_way_choose(const struct keyset *keys, const struct key_ways *ways,
		   unsigned number, struct key_way *ret,
		   struct keyset **ret_keys)
	__attribute__((warn_unused_result));
/* The number of the way by this gateway; KEY_WAYS: there is none. */
unsigned key_way_find(const struct keyset *keys, const struct key_ways *ways,
		      const struct addr *gateway);

#endif
