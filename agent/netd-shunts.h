/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shunts: destinations that are decided without an SA, in the clear or
 * blocked, for a time. The kernel's own lifetime bounds each, so that none
 * outlives us for long; our timer ends it to the millisecond.
 *
 * One that is kept is tacit-netd's own and no verdict of the agent's: an address
 * that was leased to a peer is not to be sent to in another way when the peer's
 * SAs are gone.
 */
#ifndef TACIT_AGENT_NETD_SHUNTS_H
#define TACIT_AGENT_NETD_SHUNTS_H

#include "agent/netd-pairs.h"
#include "util/timer.h"

struct netd_shunts {
	struct netd_pairs *pairs;
	struct timer_wheel *wheel;
	struct netd_shunt *first;
	size_t count; /* at most LIMIT_SHUNTS */
	void *user;
	/* It is no more: the trap is back. */
	void (*gone)(void *user, const struct addr *local,
		     const struct addr *remote);
};

/* Installs or replaces the pair's shunt. 0, -EPERM: one is kept there; -ENOSPC,
 * -ENOMEM, -errno. */
int netd_shunt_set(struct netd_shunts *t, const struct addr *local,
		   const struct addr *remote, bool block, uint32_t lifetime_ms,
		   uint64_t now) __attribute__((warn_unused_result));
/* Takes it away, without gone(), unless it is kept. No shunt is no error. */
int netd_shunt_forget(struct netd_shunts *t, const struct addr *local,
		      const struct addr *remote)
	__attribute__((warn_unused_result));
/* Blocks the pair for so long, and keeps that; and the end of it. Errors
 * likewise. */
int netd_shunt_keep(struct netd_shunts *t, const struct addr *local,
		    const struct addr *remote, uint32_t lifetime_ms,
		    uint64_t now) __attribute__((warn_unused_result));
int netd_shunt_unkeep(struct netd_shunts *t, const struct addr *local,
		      const struct addr *remote)
	__attribute__((warn_unused_result));
/* As netd_pair_mend(), for all. */
int netd_shunts_mend(struct netd_shunts *t,
		     bool (*stands)(void *user, const struct kpolicy *p),
		     void *user, size_t *ret_n)
	__attribute__((warn_unused_result));
/* Calls each() for those that let pass, with the time that they have left. */
void netd_shunts_tell(const struct netd_shunts *t, uint64_t now,
		      void (*each)(void *user, const struct addr *local,
				   const struct addr *remote, uint32_t left_ms),
		      void *user);
/* The kernel has removed this policy: its time was up. */
void netd_shunt_expired(struct netd_shunts *t, const struct kpolicy *p,
			uint64_t now);
/* Takes those away, with gone(), that must not stay, or are for other traffic
 * than policy now; not those that are kept. */
void netd_shunts_review(struct netd_shunts *t,
			bool (*stays)(void *user, const struct addr *remote,
				      bool block),
			void *user);
/* Takes all away, with gone(); those that are kept only on request. */
void netd_shunts_clear(struct netd_shunts *t, bool kept);
/* Frees them; the kernel is left as it is. */
void netd_shunts_done(struct netd_shunts *t);

#endif
