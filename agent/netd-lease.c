/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Addresses that we lease to peers behind NATs: they are in the tunnels to
 * those peers and nowhere else. When its SAs are gone a lease is closed for a
 * while, for programs that go on sending to it.
 */
#include <string.h>

#include "agent/netd.h"
#include "util/log.h"

/* A connection gives up in this time (Linux: 15 retransmissions, 924 s). */
#define LEASE_CLOSED_MS 1200000u

bool netd_is_lease(void *user, const struct addr *remote)
{
	const struct netd *n = user;

	return netd_guard_is_lease(&n->guard, remote);
}

static void lease_failed(struct netd *n, const char *what, int error)
{
	if (error < 0)
		log_limited(&n->limit, netd_now(n), LOG_WARNING, NULL,
			    "A lease cannot be %s: %s", what, strerror(-error));
}

void netd_on_closing(void *user, const struct addr *local,
		     const struct addr *remote)
{
	struct netd *n = user;

	lease_failed(n, "closed",
		     netd_shunt_keep(&n->shunts, local, remote, LEASE_CLOSED_MS,
				     netd_now(n)));
	if (n->hold)
		lease_failed(n, "rid of its packets",
			     hold_drop(n->hold, local, remote));
}

void netd_lease_open(struct netd *n, const struct record_install *in)
{
	int r;

	if (!in->outer.family || !netd_is_lease(n, &in->remote))
		return;
	r = netd_shunt_unkeep(&n->shunts, &in->local, &in->remote);
	if (r == 0)
		r = netd_shunt_forget(&n->shunts, &in->local, &in->remote);
	lease_failed(n, "opened", r);
}
