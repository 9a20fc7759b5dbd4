/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who holds the policies between two hosts. The kernel keeps one policy a
 * selector and direction, whatever its priority, so a pair's shunt, its flow
 * and a network of one host are rivals for one place: the shunt wins, then
 * the flow, then the network, and whoever leaves makes way for the next in
 * one step, never by way of an empty place.
 *
 * Where SAs are for single services only, a pair has places for each of them,
 * and none for the rest.
 */
#ifndef TACIT_AGENT_NETD_PAIRS_H
#define TACIT_AGENT_NETD_PAIRS_H

#include "agent/netd-networks.h"
#include "util/hmap.h"

/* A wish for one direction. */
struct netd_claim {
	bool set;
	enum kaction action;
	bool optional, tunnel;
	uint32_t reqid;
	uint32_t hard_s; /* 0: none */
};

/* What traffic: of a service of one side, or (protocol 0) all. */
struct netd_place {
	struct service service;
	uint8_t side;  /* SCOPE_LOCAL or SCOPE_REMOTE; 0: all traffic */
	bool wanted;   /* it is of the pair's scope now */
	bool there[2]; /* by enum kdir: a policy of the pair's stands there */
};

struct netd_flow;
struct netd_shunt;
struct netd_connections_of;

struct netd_pair {
	struct hmap_node node;
	/* Found without regard to scope: see xfrm/kernel.h. */
	struct addr local, remote;
	struct addr outer; /* of its flow: where ESP goes to; unset: remote */
	struct netd_flow *flow;			 /* borrowed; netd-flows */
	struct netd_shunt *shunt;		 /* borrowed; netd-shunts */
	struct netd_connections_of *connections; /* borrowed; likewise */
	struct netd_claim flow_claim[2], shunt_claim[2]; /* by enum kdir */
	struct netd_place *places;
	size_t n_places;
};

struct netd_pairs {
	struct hmap map;
	struct hash_key hash_key;
	const struct netd_kernel *kernel;
	const struct netd_networks *networks; /* NULL: none (yet) */
};

void netd_pairs_init(struct netd_pairs *t, const struct netd_kernel *k,
		     const struct hash_key *key);
/* Frees all pairs; the kernel is left as it is. */
void netd_pairs_done(struct netd_pairs *t);

/* NULL when there is none. */
struct netd_pair *netd_pair_get(const struct netd_pairs *t,
				const struct addr *local,
				const struct addr *remote);
/* Finds or makes one; NULL: out of memory. */
struct netd_pair *netd_pair_obtain(struct netd_pairs *t,
				   const struct addr *local,
				   const struct addr *remote);
/* Frees it when nothing is left of it. */
void netd_pair_release(struct netd_pairs *t, struct netd_pair *p);

/* What the claims are about, from the next netd_pair_sync() on. 0 or -ENOMEM,
 * and then it is as before. */
int netd_pair_set_scope(struct netd_pair *p, const struct scope *scope)
	__attribute__((warn_unused_result));
/* What they are about where nobody has said so: all that policy says, or
 * everything. Errors likewise. */
int netd_pair_set_default(const struct netd_pairs *t, struct netd_pair *p)
	__attribute__((warn_unused_result));
/* What they are about. False: nothing yet. */
bool netd_pair_scope(const struct netd_pair *p, struct scope *ret);
/* Found in the kernel, in a place of the pair's, whose scope grows by it. 0 or
 * -ENOMEM. */
int netd_pair_found(struct netd_pair *p, const struct kpolicy *k)
	__attribute__((warn_unused_result));
/* Does anything of the pair's stand in this direction? wherever: in all places
 * of its scope. */
bool netd_pair_there(const struct netd_pair *p, enum kdir dir, bool wherever);
/* Of a shunt that the kernel has ended by itself. */
void netd_pair_missed(struct netd_pair *p, const struct kpolicy *k);
/* Brings all places in the kernel to what is claimed. 0 or -errno, and then
 * what stands there is the old or the new one, as `there` says. */
int netd_pair_sync(struct netd_pairs *t, struct netd_pair *p)
	__attribute__((warn_unused_result));
/* Sets again what is the pair's own and does not stand as it should, by
 * stands(); how many places that was in *ret_n. 0 or -errno. */
int netd_pair_mend(struct netd_pairs *t, struct netd_pair *p,
		   bool (*stands)(void *user, const struct kpolicy *p),
		   void *user, size_t *ret_n)
	__attribute__((warn_unused_result));
/* Does a pair's own policy stand in this place? (netd_networks_config) */
bool netd_pairs_taken(const struct netd_pairs *t, const struct kpolicy *place);
/* The pair whose place this is, or NULL. */
struct netd_pair *netd_pairs_at(const struct netd_pairs *t,
				const struct kpolicy *place);

#endif
