/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One look-up of a peer's keys, by its address or by a name that is known to
 * be its own, judged into a key set.
 *
 * By address, the reverse tree is asked for IPSECKEY and for PTR at once. Keys
 * there that are secure are the answer. Else a name that a secure pointer gives
 * is asked for keys too, and counts only where its address records are secure
 * too and have the peer's address. Nothing below a bogus reverse tree is
 * believed. Of a gateway that keys of the reverse tree give by its name the
 * address is found, too, where that is secure: one of the peer's family.
 */
#ifndef TACIT_DNSKEYS_LOOKUP_H
#define TACIT_DNSKEYS_LOOKUP_H

#include "dnskeys/resolver.h"
#include "util/addr.h"
#include "util/keyset.h"

struct lookup;

struct lookup_request {
	struct addr peer;
	/* Asked instead of its address. NULL: none. */
	const char *name;
	/* The peer says that the name is its own: keys count only where the
	 * name has its address, securely. Else the name is known to be its. */
	bool claimed;
};

/* keys is borrowed: keyset_ref() to keep it. NULL: out of memory, or no room in
 * the resolver. The look-up is over, and freed when this returns. */
typedef void lookup_callback(void *user, struct keyset *keys);

/* The callback comes once, never from within this call. 0; -ENOBUFS: the
 * resolver has no room; -ENOMEM; -EINVAL: not a name. */
int lookup_new(struct resolver *r, const struct lookup_request *request,
	       lookup_callback *callback, void *user, struct lookup **ret)
	__attribute__((warn_unused_result));
/* Cancels: no callback. Takes NULL. Not from within its callback. */
struct lookup *lookup_free(struct lookup *l);

#endif
