/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * When there are nearly as many peers with SAs as MaxPeers= lets: each newcomer
 * whose address is its own makes us look at a few anonymous ones (agent/idlers.h),
 * and those for which the kernel has seen no packet for a while give way. Never
 * one who has proven who it is, one under require, with a lease, or with a
 * program's socket that is for it alone. Beyond MaxPeers= newcomers are turned
 * away, but looked for: when they ask again there may be room.
 */
#include "agent/negotiation-internal.h"
#include "util/limits.h"

/* Peers that are looked at for a newcomer. */
#define LOOKS 4u

static uint32_t room_taken(const struct agent *a)
{
	return flow_table_count_state(a->flows, FLOW_INSTALL) +
	       flow_table_count_state(a->flows, FLOW_SECURED);
}

bool negotiation_is_full(const struct agent *a)
{
	return room_taken(a) >= a->config->max_peers;
}

/* A sixteenth is kept free for those who come meanwhile. */
static bool room_is_short(const struct agent *a)
{
	uint32_t max = a->config->max_peers;

	return room_taken(a) > max - max / 16;
}

static bool room_has_sas(enum flow_state s)
{
	return s == FLOW_INSTALL || s == FLOW_SECURED;
}

static bool room_is_anonymous(const struct flow *f)
{
	return f->child.auth == IKE_AUTH_NULL &&
	       !handle_is_none(f->child.ike) && f->policy &&
	       f->policy->level != POLICY_REQUIRE && !f->outer.family &&
	       !f->lease.family;
}

static bool room_gives_way(const struct flow *f)
{
	return f->state == FLOW_SECURED && handle_is_none(f->attempt) &&
	       room_is_anonymous(f);
}

void negotiation_seek_room(struct agent *a, const struct addr *newcomer)
{
	struct idler *i;
	struct record r;
	struct flow *f;

	for (unsigned n = 0; n < LOOKS && room_is_short(a); n++) {
		i = idlers_pick(a->idlers, agent_now(a), newcomer);
		if (!i)
			return;
		f = container_of(i, struct flow, idler);
		f->weighed = true;
		record_init(&r, RECORD_COUNT, 0);
		r.flow.local = f->local;
		r.flow.remote = f->peer->addr;
		r.flow.reqid = f->reqid;
		link_request(a->link, f->self, &r);
	}
}

void negotiation_note_room(struct agent *a, struct flow *f,
			   enum flow_state before)
{
	/* From the start, or those who come together would not be a crowd. */
	if (room_has_sas(f->state) && room_is_anonymous(f))
		idlers_add(a->idlers, &f->idler, &f->peer->addr);
	else
		idlers_remove(a->idlers, &f->idler);
	if (room_has_sas(f->state) && !room_has_sas(before))
		negotiation_seek_room(a, &f->peer->addr);
}

void negotiation_on_counted(struct agent *a, struct handle flow,
			    const struct record_counted *c)
{
	struct flow *f = flow_table_by_handle(a->flows, flow);
	struct handle sa;

	if (!f || !f->weighed)
		return;
	f->weighed = false;
	if (!c || c->guarded || c->idle_s < LIMIT_IDLER_IDLE_S ||
	    !room_is_short(a) || !room_gives_way(f))
		return;
	a->counters.peers_evicted++;
	sa = f->child.ike;
	negotiation_lost(a, f, IKE_REASON_RESOURCES);
	ike_close(a->ike, agent_now(a), sa);
}
