/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Key sets by peer, kept for as long as DNS says: one look-up at a time for
 * each peer, however many ask. What is used shortly before it runs out is
 * looked up again in the background. Bounded: the least recently used go.
 *
 * Questions are rationed, in all and per prefix, so that forged packets cannot
 * make us ask DNS about the whole Internet. Time is milliseconds, monotonic.
 */
#ifndef TACIT_DNSKEYS_KEY_CACHE_H
#define TACIT_DNSKEYS_KEY_CACHE_H

#include "dnskeys/lookup.h"
#include "util/slots.h"

struct key_cache;

struct key_cache_config {
	/* Bounds for how long each answer is kept, seconds: the TTL is raised
	 * to the floor and cut to the ceiling. */
	uint32_t floor, ceiling;
	uint32_t negative_ceiling; /* KEYSET_NONE */
	uint32_t bogus;		   /* fixed */
	uint32_t unreachable;	   /* fixed */
	uint32_t entries;	   /* at most */
	/* Look-ups begun a second, in all and per /24 or /48. */
	uint32_t rate, rate_prefix;
};
void key_cache_config_init(struct key_cache_config *c);

/* r is borrowed, and may be NULL: then nothing can be asked (-ENETDOWN). */
struct key_cache *key_cache_new(const struct key_cache_config *config,
				struct resolver *r);
/* No callback comes any more; takes NULL. Before the resolver is freed. */
struct key_cache *key_cache_free(struct key_cache *c);
/* Another resolver from now on (the network changed): what is known to be
 * secure stays, all else is forgotten, look-ups under way begin anew. */
void key_cache_set_resolver(struct key_cache *c, uint64_t now,
			    struct resolver *r);

/* What is known now, borrowed; NULL: nothing, or it ran out. */
struct keyset *key_cache_get(struct key_cache *c, uint64_t now,
			     const struct lookup_request *request);

/* The same, but it does not count as use, and nothing is refreshed. */
const struct keyset *key_cache_peek(const struct key_cache *c, uint64_t now,
				    const struct lookup_request *request);

/* Milliseconds for which what is known holds; 0: nothing is. */
uint64_t key_cache_left(const struct key_cache *c, uint64_t now,
			const struct lookup_request *request);
/* The same for a set that has just been found. */
uint64_t key_cache_lifetime(const struct key_cache *c,
			    const struct keyset *keys);

/* keys is borrowed and never NULL: what fails for a reason of our own is
 * KEYSET_UNREACHABLE. */
typedef void key_cache_callback(void *user, struct keyset *keys);

/* Looks it up, or joins the look-up that is under way, whatever is known. The
 * callback comes once, never from within this call. 0; -EBUSY: over the rate;
 * -ENETDOWN: no resolver; -ENOBUFS; -ENOMEM; -EINVAL: not a name. */
int key_cache_ask(struct key_cache *c, uint64_t now,
		  const struct lookup_request *request,
		  key_cache_callback *callback, void *user, struct handle *ret)
	__attribute__((warn_unused_result));
/* Stale handles are passed over. */
void key_cache_cancel(struct key_cache *c, struct handle waiter);

struct key_cache_counters {
	uint64_t hits, misses, asked, joined, refreshed, limited, evicted;
	uint32_t entries, pending;
};
void key_cache_count(const struct key_cache *c, struct key_cache_counters *ret);

#endif
