/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What netd-networks.c and netd-networks-replace.c know of each other. */
#ifndef TACIT_AGENT_NETD_NETWORKS_INTERNAL_H
#define TACIT_AGENT_NETD_NETWORKS_INTERNAL_H

#include "agent/netd-networks.h"
#include "agent/netd-ports.h"
#include "util/trie.h"

struct network {
	struct prefix prefix;
	const struct policy *policy;
	const struct network *parent; /* the next wider one, or NULL */
};

struct counted {
	struct addr addr; /* scope is zero */
	unsigned uses;
};

struct counted_list {
	struct counted *list;
	size_t n;
};

/* What of them stands in the kernel. */
enum netd_networks_state {
	NETD_NETWORKS_NONE,
	NETD_NETWORKS_DISARMED,
	NETD_NETWORKS_ARMED,
};

struct netd_networks {
	struct netd_networks_config config;
	struct network *list; /* wider ones before those that they contain */
	size_t n;
	struct trie *trie; /* of struct network */
	struct counted_list own, broadcasts;
	struct nameserver servers[LIMIT_DNS_OPENINGS];
	size_t n_servers;
	bool armed;
	/* By family (v4, v6) and armed: does any network need a policy? */
	bool active[2][2];
	bool closed;
};

/* Its own policy in the kernel, without the selector; false: none needed. */
bool netd_network_needs(const struct netd_networks *n,
			const struct network *net, enum kdir dir, bool armed,
			struct kpolicy *ret);
struct kselector netd_network_place(const struct network *net,
				    const struct addr *own, enum kdir dir);
enum netd_networks_state netd_networks_now(const struct netd_networks *n);
/* Single services, as they are in this state. */
struct netd_ports netd_networks_ports(const struct netd_networks *n,
				      enum netd_networks_state state);
/* Do policies of this family stand in this state? */
bool netd_networks_active(const struct netd_networks *n, int family,
			  bool armed);
/* What is always in the clear where they do. */
void netd_networks_family(const struct netd_networks *n, struct netd_batch *b,
			  int family, bool there);

#endif
