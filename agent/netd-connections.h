/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Single connections with a peer that leases us an address. To the peer each is
 * one with the address that it began from, so
 *  - what began in the clear, before there was a lease, stays in the clear until
 *    it ends: policies by its ports, above the flow's;
 *  - what began by the lease is never in the clear: while its flow is gone its
 *    packets wait for the next one, as in a network under require.
 * Read from the kernel's own list of sockets, when the lease comes and when it
 * goes: nothing that began later is ever taken for what began before, and the
 * agent has no say in it. A second after its socket is gone a connection is
 * forgotten; in that second another one between the same four ports and
 * addresses would be as it was.
 */
#ifndef TACIT_AGENT_NETD_CONNECTIONS_H
#define TACIT_AGENT_NETD_CONNECTIONS_H

#include "agent/netd-pairs.h"
#include "util/limits.h"
#include "util/log.h"
#include "util/timer.h"
#include "xfrm/nft.h"
#include "xfrm/sock-diag.h"

struct netd_connection {
	struct sock_diag_connection socket;
	bool clear; /* else closed: it began by a lease that is gone */
};

/* Those of a pair. */
struct netd_connections_of {
	struct netd_connections_of *next, **prev;
	struct netd_connections *table;
	struct netd_pair *pair;
	size_t n, n_clear;
	struct netd_connection list[LIMIT_CONNECTIONS_PAIR];
};

struct netd_connections {
	struct netd_connections_of *first;
	size_t count; /* at most LIMIT_CONNECTIONS */
	struct netd_pairs *pairs;
	const struct netd_kernel *kernel;
	struct timer_wheel *wheel;
	struct timer look;
	void *user;
	/* May anything be in the clear with this host? */
	bool (*may_be_clear)(void *user, const struct addr *remote);
	/* Is the socket kept to ESP by a policy of its own? */
	bool (*is_guarded)(void *user, uint64_t cookie);
	/* Is clear, or is no longer (SET_CONNECTION): for what is held and
	 * heard. May be NULL. */
	void (*tables)(void *user, const struct nft_change *c, size_t n);
	/* The clear ones of the pair are others: for the agent. May be NULL. */
	void (*changed)(void *user, const struct netd_pair *p);
	/* Is closed, and wants a flow: the kernel asks no more than every 30 s.
	 * Said once a second. */
	void (*wanted)(void *user, const struct netd_pair *p,
		       const struct sock_diag_connection *c);
	/* Not all that began by a lease could be closed. May be NULL. */
	void (*failed)(void *user, int error);
	/* The kernel's part: replaced in tests. As in xfrm/sock-diag.h. */
	int (*between)(const struct addr *local, const struct addr *remote,
		       int (*each)(const struct sock_diag_connection *c,
				   void *user),
		       void *user);
	int (*alive)(const struct addr *local, const struct addr *remote,
		     const struct sock_diag_connection *const *list, size_t n,
		     bool *alive);
};

void netd_connections_init(struct netd_connections *t, struct netd_pairs *pairs,
			   struct timer_wheel *w);
/* Frees all; the kernel is left as it is. */
void netd_connections_done(struct netd_connections *t);
/* Takes all away. */
void netd_connections_clear(struct netd_connections *t);
/* Can the kernel list them? */
bool netd_connections_work(const struct netd_connections *t);

/*
 * A flow with a lease is about to send, and no packet of the pair leaves now:
 * what is there and began in the clear stays there. 0; -E2BIG: more than
 * LIMIT_CONNECTIONS_PAIR, and nothing has changed; -errno likewise.
 */
int netd_connections_begin(struct netd_connections *t, struct netd_pair *p,
			   uint64_t now) __attribute__((warn_unused_result));
/* A flow sends: what waited for one need not wait. */
void netd_connections_go(struct netd_connections *t, struct netd_pair *p);
/* The flow of a lease is about to go: what began by it is closed. */
void netd_connections_close(struct netd_connections *t, struct netd_pair *p);
/* It has gone, or has not come: what is clear is as its network is. */
void netd_connections_end(struct netd_connections *t, struct netd_pair *p);
/* Other policies: nothing is clear where nothing may be, or closed where
 * nothing is encrypted. */
void netd_connections_review(struct netd_connections *t);

/* How many are clear, with all peers. */
size_t netd_connections_clear_now(const struct netd_connections *t);
/* How many sockets go by the flow of this pair; -errno. */
int netd_connections_count(const struct netd_connections *t,
			   const struct netd_pair *p)
	__attribute__((warn_unused_result));

/* At start, when flows are known: takes over what has its socket still. */
void netd_connections_adopt(struct netd_connections *t,
			    const struct kpolicy *found, size_t n,
			    uint64_t now);
/* Does a connection's policy belong in this place? */
bool netd_connections_want(const struct netd_connections *t,
			   const struct kpolicy *place, struct kpolicy *ret);
/* Sets again what does not stand, by stands(); how many in *ret_n. 0, -errno. */
int netd_connections_mend(struct netd_connections *t,
			  bool (*stands)(void *user, const struct kpolicy *p),
			  void *user, size_t *ret_n)
	__attribute__((warn_unused_result));
/* Calls tables() for all that are clear. */
void netd_connections_tell(const struct netd_connections *t);

#endif
