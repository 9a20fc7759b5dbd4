/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From one SA pair of a flow to the next, without a packet lost. The in-SAs
 * of both take packets all the while. Sending changes over at once where the
 * peer has the new pair; else when the peer has used it or has deleted the old
 * one, and at the latest after CHANGE_MS. The old out-SA goes with the change,
 * since some kernels would go on using it, and the old in-SA a moment after it
 * was to be removed, for what is still on the way.
 */
#include <errno.h>

#include "agent/netd-flow.h"
#include "util/log.h"

/* How often is looked for the first packet: twice as long each time. */
#define LOOK_FIRST_MS 20u
#define LOOK_MOST_MS  1000u
/* A peer that sends nothing: it has had its answer long since. */
#define CHANGE_MS 5000u
/* After this nobody waits for the news any more. */
#define WATCH_MS 30000u
#define DRAIN_MS 1000u
/* A peer's port is followed at most so often. */
#define MOVE_MS 200u

/* All out-SAs but one. */
static void rekey_retire(struct netd_flow *f, const struct netd_sa *stays)
{
	const struct netd_kernel *k = f->table->kernel;

	for (struct netd_sa *sa = f->sas, *next; sa; sa = next) {
		struct change c;

		next = sa->next;
		if (sa->inbound || sa == stays || sa->waiting)
			continue;
		c = netd_sa_deletion(sa);
		if (k->apply(k->user, &c, 1) < 0)
			log_warning("The old out-SA of reqid %08x could not be "
				    "deleted; its lifetime will end it.",
				    f->reqid);
		netd_sa_free(sa);
	}
}

void netd_rekey_supersede(struct netd_flow *f, const struct netd_sa *out,
			  uint32_t spi_in)
{
	rekey_retire(f, out);
	for (struct netd_sa *sa = f->sas; sa; sa = sa->next)
		if (sa->inbound && sa->spi != spi_in)
			sa->alone = sa->outs < NETD_OUTS;
}

int netd_rekey_change(struct netd_flow *f)
{
	struct netd_sa *sa = f->sas;
	int r;

	while (sa && !sa->waiting)
		sa = sa->next;
	if (!sa)
		return -ENOENT;
	r = netd_flow_add_waiting(f);
	if (r < 0)
		return r;
	rekey_retire(f, sa);
	return 0;
}

void netd_rekey_begin(struct netd_flow *f, const struct record_install *in,
		      const struct netd_sa *sa_out, uint64_t now)
{
	struct netd_sa *old =
		netd_sa_find(f->table, &f->pair->local, in->replaces);

	if (old && old->flow == f)
		old->replaced = true;
	/* One that only receives takes nothing from a change under way. */
	if (!sa_out && f->changing)
		return;
	f->changing = sa_out && sa_out->waiting;
	if (sa_out && !sa_out->waiting)
		rekey_retire(f, sa_out);
	f->look_spi = in->in.spi;
	f->look_since = now;
	timer_arm(f->table->wheel, &f->look, now + LOOK_FIRST_MS);
}

static void rekey_report(struct netd_flow *f)
{
	struct record_flow used = {
		.local = f->pair->local,
		.remote = f->pair->remote,
		.reqid = f->reqid,
		.spi = f->look_spi,
		.inbound = 1,
	};

	if (f->table->used)
		f->table->used(f->table->user, &used);
}

void netd_rekey_look(struct timer *timer, uint64_t now, void *user)
{
	struct netd_flow *f = container_of(timer, struct netd_flow, look);
	const struct netd_kernel *k = f->table->kernel;
	struct ksa query = { .dst = f->pair->local, .esp.spi = f->look_spi };
	uint64_t age = now - f->look_since, wait = age;
	bool used = k->used(k->user, &query) > 0;

	(void)user;
	if (f->changing && (used || age >= CHANGE_MS) &&
	    netd_rekey_change(f) < 0)
		log_warning("reqid %08x goes on with its old out-SA.",
			    f->reqid);
	if (used) {
		rekey_report(f);
		return;
	}
	if (wait < LOOK_FIRST_MS)
		wait = LOOK_FIRST_MS;
	if (wait > LOOK_MOST_MS)
		wait = LOOK_MOST_MS;
	if (age < WATCH_MS)
		timer_arm(f->table->wheel, &f->look, now + wait);
}

/* --- the old in-SAs ----------------------------------------------------- */

void netd_rekey_drain(struct netd_sa *sa, uint64_t now)
{
	struct netd_flow *f = sa->flow;

	sa->old = true;
	sa->until = now + DRAIN_MS;
	if (!timer_armed(&f->drain))
		timer_arm(f->table->wheel, &f->drain, sa->until);
}

static void rekey_delete(struct netd_sa *sa)
{
	const struct netd_kernel *k = sa->flow->table->kernel;
	struct change c = netd_sa_deletion(sa);

	if (k->apply(k->user, &c, 1) < 0)
		log_warning("An SA of reqid %08x could not be deleted; its "
			    "lifetime will end it.",
			    sa->flow->reqid);
	netd_sa_free(sa);
}

/* When the next one is due; 0: none. */
static uint64_t rekey_next_drain(const struct netd_flow *f, uint64_t now)
{
	uint64_t next = 0;

	for (const struct netd_sa *sa = f->sas; sa; sa = sa->next)
		if (sa->old && sa->inbound && sa->until > now &&
		    (!next || sa->until < next))
			next = sa->until;
	return next;
}

void netd_rekey_drained(struct timer *timer, uint64_t now, void *user)
{
	struct netd_flow *f = container_of(timer, struct netd_flow, drain);
	uint64_t next = rekey_next_drain(f, now);

	(void)user;
	/* The in-policy first, so that none of it hits a template that does
	 * not know it; it is on its way out anyway. */
	if (!next && f->mixed) {
		f->mixed = false;
		if (netd_flow_sync(f) < 0)
			log_warning("The in-policy of reqid %08x still takes "
				    "any SA.",
				    f->reqid);
	}
	for (struct netd_sa *sa = f->sas, *after; sa; sa = after) {
		after = sa->next;
		if (sa->old && sa->inbound && sa->until <= now)
			rekey_delete(sa);
	}
	if (next)
		timer_arm(f->table->wheel, &f->drain, next);
}

bool netd_rekey_evict(struct netd_flow *f)
{
	struct netd_sa *oldest = NULL;
	unsigned room = 0;

	/* Newest first. */
	for (int i = 0; i < 2; i++) {
		oldest = NULL;
		for (struct netd_sa *sa = f->sas; sa; sa = sa->next)
			if (sa->old && sa->inbound)
				oldest = sa;
		if (oldest) {
			rekey_delete(oldest);
			room++;
		}
	}
	return room == 2;
}

/* --- ports -------------------------------------------------------------- */

int netd_flow_move(struct netd_flows *t, uint32_t reqid, uint16_t udp_remote)
{
	struct netd_flow *f = netd_flow_get(t, reqid);
	const struct netd_kernel *k = t->kernel;
	int first = 0;

	if (!f)
		return -ENOENT;
	if (f->waiting && f->waiting->udp_dst)
		f->waiting->udp_dst = udp_remote;
	for (const struct netd_sa *sa = f->sas; sa; sa = sa->next) {
		struct ksa moved = netd_sa_deletion(sa).sa;
		int r;

		if (sa->waiting)
			continue;
		r = k->move(k->user, &moved, udp_remote);
		if (r < 0 && first == 0)
			first = r;
	}
	return first;
}

const struct netd_flow *netd_flow_mapped(struct netd_flows *t,
					 const struct kmapping *m, uint64_t now)
{
	struct netd_sa *sa = netd_sa_find(t, &m->dst, m->spi);
	struct addr src = m->src;

	if (!sa || !sa->inbound)
		return NULL;
	src.scope = netd_flow_outer(sa->flow)->scope;
	/* Another address is another host to policy: IKE has to say so. */
	if (!addr_equal(&src, netd_flow_outer(sa->flow)))
		return NULL;
	/* The kernel says so with every packet until the SA has the port, and
	 * a peer may send each from another one. */
	if (sa->flow->moved && now - sa->flow->moved < MOVE_MS)
		return NULL;
	sa->flow->moved = now;
	return netd_flow_move(t, sa->flow->reqid, m->udp_src) == 0 ? sa->flow
								   : NULL;
}
