/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Addresses that we lease to peers behind NATs (cat/pool.h): of which pool, as
 * the policy of the address that a peer comes from says, and to whom. Who has
 * proven who it is has a claim to what it had before, whoever has not by the
 * address that it comes from.
 */
#ifndef TACIT_AGENT_LEASES_H
#define TACIT_AGENT_LEASES_H

#include "cat/pool.h"
#include "ike/engine.h"
#include "policy/config.h"
#include "util/log.h"
#include "xfrm/record.h"

struct agent;

struct leases {
	struct hash_key key;
	struct lease_network {
		struct prefix network;
		struct pool *pool;
	} * list;
	size_t count;
	/* Addresses of ours, with the networks that are on their links: none of
	 * theirs is leased. */
	struct lease_link {
		struct addr own;
		uint8_t prefix_len;
	} links[LIMIT_OWN_ADDRESSES];
	size_t n_links;
	uint64_t refused;
	uint64_t exhausted_at;	  /* ms; 0: never */
	char exhausted_text[192]; /* see leases_warning() */
	struct log_limit limit;
};

/* 0; -ENOMEM. */
int leases_start(struct agent *a) __attribute__((warn_unused_result));
void leases_stop(struct agent *a);

/* Of struct ike_ops; user is the agent. */
int leases_grant(void *user, const struct endpoint *remote,
		 const struct ike_proof *peer, uint16_t family,
		 const struct addr *wanted, struct addr *ret)
	__attribute__((warn_unused_result));
void leases_release(void *user, const struct addr *lease);
/* Who has this lease has shown, by its IKE SA, that it is at another address, and
 * is about to begin anew from there. */
void leases_on_moved(struct agent *a, const struct addr *lease,
		     const struct endpoint *remote,
		     const struct ike_proof *peer);

/* An earlier agent leased it, and its SAs are still there. False: it is not
 * leased for that, and nothing is to be released. */
bool leases_adopt(struct agent *a, const struct addr *lease)
	__attribute__((warn_unused_result));
/* Is it one that may be leased? Then it is no host behind a gateway. */
bool leases_cover(const struct agent *a, const struct addr *addr);
/* Is it leased, or was it not long ago? Nobody is to be begun with there. */
bool leases_know(const struct agent *a, const struct addr *addr);
/* A new netd is there, and tells all addresses of ours; one came, or went. */
void leases_on_welcome(struct agent *a);
void leases_on_address(struct agent *a, const struct record_address *x);
/* a->config is another one now: the pools are its. Leases of those that are no
 * more are forgotten. */
void leases_on_policies(struct agent *a);

/* What needs attention: that a pool was exhausted not long ago; NULL. */
const char *leases_warning(const struct agent *a);
void leases_count(const struct agent *a, struct pool_counters *ret);

#endif
