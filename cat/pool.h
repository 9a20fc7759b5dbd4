/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A pool of addresses for clients that translate theirs (RFC 7296 3.15,
 * INTERNAL_IP4_ADDRESS and INTERNAL_IP6_ADDRESS): which are leased, and which
 * are kept for a peer that has gone and may come back.
 *
 * An address in use is nobody else's, whatever is asked. One that is kept is
 * its last owner's, until all others are taken: then the one that has been
 * out of use longest goes. Constant cost; at most LIMIT_LEASES are known.
 */
#ifndef TACIT_CAT_POOL_H
#define TACIT_CAT_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "util/addr.h"
#include "util/hmap.h"

struct pool;

/* What a pool needs to be: so many addresses of host bits. */
#define POOL_HOST_BITS_MIN 2u

/*
 * The key is copied. taken() says of an address that it is in use outside of
 * the pool (it is ours, for instance) and must not be leased; NULL: none is.
 * 0; -EINVAL: the network is too small; -ENOMEM.
 */
int pool_new(const struct prefix *network, const struct hash_key *key,
	     bool (*taken)(void *user, const struct addr *a), void *user,
	     struct pool **ret) __attribute__((warn_unused_result));
/* Takes NULL; returns NULL. */
struct pool *pool_free(struct pool *p);

/*
 * An address for a peer: the one that it wants where that is to be had, else
 * one that is kept for it, else any. owner says who it is, as well as is known:
 * a proven identity, or for an anonymous peer the address that it comes from,
 * which others may share. wanted: unset where it has no wish.
 * 0; -ENOSPC: all are in use; -ENOMEM.
 */
int pool_lease(struct pool *p, const void *owner, size_t owner_len,
	       const struct addr *wanted, struct addr *ret)
	__attribute__((warn_unused_result));
/* An address that is in use already: an earlier agent leased it. 0; -ENOENT:
 * not of this pool; -EEXIST: it is leased; -ENOSPC; -ENOMEM. */
int pool_claim(struct pool *p, const struct addr *a)
	__attribute__((warn_unused_result));
/* Once more for the peer that has it, who is about to have it by other SAs: it
 * is to be released as often. Its owner from now on, where it has none yet.
 * False: it is not leased, or there is no memory. */
bool pool_share(struct pool *p, const void *owner, size_t owner_len,
		const struct addr *a) __attribute__((warn_unused_result));
/* Who has it is known by another name from now on. An address that is not leased
 * is ignored. */
void pool_own(struct pool *p, const void *owner, size_t owner_len,
	      const struct addr *a);
/* Is it leased, or kept for somebody? */
bool pool_knows(const struct pool *p, const struct addr *a);
/* Kept for its owner from now on. An address that is not leased is ignored. */
void pool_release(struct pool *p, const struct addr *a);

struct pool_counters {
	uint32_t leased, kept;
	uint64_t refused; /* for want of addresses */
};
void pool_count(const struct pool *p, struct pool_counters *ret);

#endif
