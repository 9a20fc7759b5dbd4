/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Flows that carry nothing. The kernel counts the packets of every SA; all are
 * read a few times in the shortest IdleTime=, in one go, and the agent hears of
 * the flows whose sums, both directions together, have not moved for theirs.
 * A connection by a leased address would not outlive its SAs: it may be silent.
 */
#include <string.h>

#include "agent/netd-flow.h"
#include "agent/netd.h"
#include "util/log.h"
#include "xfrm/spd.h"

#define LOOKS	      4u
#define LOOK_MS_LEAST 1000u

static uint32_t idle_period(const struct netd *n)
{
	const struct policy *p;
	uint32_t shortest = 0;

	for (size_t i = 0; (p = policy_table_at(n->config->policies, i)); i++)
		if (p->idle_ms && (!shortest || p->idle_ms < shortest))
			shortest = p->idle_ms;
	shortest /= LOOKS;
	return shortest && shortest < LOOK_MS_LEAST ? LOOK_MS_LEAST : shortest;
}

static int idle_count(const struct ksa *sa, void *user)
{
	struct netd *n = user;
	struct netd_flow *f = netd_flow_get(&n->flows, sa->reqid);

	if (f)
		f->idle.now += sa->packets;
	return 0;
}

/* The shortest time that any of the policies has whose peer it may be: which of
 * them it is the agent knows. */
static uint32_t idle_time(const struct netd *n, const struct netd_flow *f)
{
	const struct netd_pair *pair = f->pair;
	const struct addr *host = f->leased ? &pair->outer : &pair->remote;
	const struct policy *p =
		netd_guard_policy(&n->guard, &pair->remote, &pair->outer);
	uint32_t shortest = p ? p->idle_ms : 0;

	for (size_t i = 0;
	     p && (p = policy_table_named(n->config->policies, host, i)); i++)
		if (p->idle_ms && (!shortest || p->idle_ms < shortest))
			shortest = p->idle_ms;
	return shortest;
}

static void idle_tell(struct netd *n, const struct netd_flow *f, uint64_t ms)
{
	struct record r;

	record_init(&r, RECORD_IDLE, 0);
	r.flow.local = f->pair->local;
	r.flow.remote = f->pair->remote;
	r.flow.reqid = f->reqid;
	r.flow.idle_ms = ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
	netd_agent_send(&n->agent, &r, NULL, 0);
}

/* Do connections of this host need it? When in doubt: no. */
static bool idle_serves(struct netd *n, struct netd_flow *f, uint64_t now)
{
	if (netd_sockets_of(&n->sockets, f->reqid, now))
		return true;
	return (f->lease.family || f->leased) &&
	       netd_connections_count(&n->connections, f->pair) > 0;
}

static void idle_judge(struct netd *n, struct netd_flow *f, uint64_t now)
{
	uint32_t time = idle_time(n, f);

	/* The first look at it, or there was traffic. */
	if (!f->idle.since || f->idle.now != f->idle.packets) {
		f->idle.packets = f->idle.now;
		f->idle.since = now;
	} else if (time && now - f->idle.since >= time &&
		   !idle_serves(n, f, now)) {
		idle_tell(n, f, now - f->idle.since);
	}
	f->idle.now = 0;
}

void netd_idle_look(struct timer *t, uint64_t now, void *user)
{
	struct netd *n = container_of(t, struct netd, idle);
	int r = sad_dump_ours(n->nl, idle_count, n);

	(void)user;
	if (r < 0)
		log_limited(&n->limit, now, LOG_WARNING, NULL,
			    "The kernel's SAs cannot be read: %s",
			    strerror(-r));
	for (struct netd_flow *f = n->flows.first; f; f = f->next)
		if (r == 0 && netd_agent_listens(n))
			idle_judge(n, f, now);
		else
			f->idle.now = 0;
	netd_idle_start(n);
}

void netd_idle_start(struct netd *n)
{
	uint32_t period = idle_period(n);

	timer_cancel(n->wheel, &n->idle);
	if (period)
		timer_arm(n->wheel, &n->idle, netd_now(n) + period);
}
