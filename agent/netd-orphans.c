/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Flows without an agent: left by one that died, or found in the kernel at
 * start. They go on protecting until a new agent takes them over, their SAs
 * end, or an hour has passed.
 */
#include <errno.h>

#include "agent/netd-flow.h"
#include "util/log.h"

#define ORPHAN_MS 3600000u

void netd_flow_end(struct netd_flow *f)
{
	struct record_expire x = {
		.local = f->pair->local,
		.remote = f->pair->remote,
		.reqid = f->reqid,
		.inbound = 1,
		.hard = 1,
	};

	for (const struct netd_sa *sa = f->sas; sa; sa = sa->next)
		if (sa->inbound && !sa->old && !x.spi)
			x.spi = sa->spi;
	if (f->table->gone && x.spi)
		f->table->gone(f->table->user, &x);
	netd_flow_drop(f);
}

void netd_flow_lonely(struct timer *timer, uint64_t now, void *user)
{
	struct netd_flow *f = container_of(timer, struct netd_flow, lonely);

	(void)now;
	(void)user;
	log_info("reqid %08x: no agent took it over; removed.", f->reqid);
	netd_flow_end(f);
}

/* SAs in both directions, and in use. */
static bool flow_complete(const struct netd_flow *f)
{
	bool in = false, out = false;

	for (const struct netd_sa *sa = f->sas; sa; sa = sa->next) {
		if (sa->inbound)
			in = true;
		else if (!sa->waiting)
			out = true;
	}
	return in && out && f->sending;
}

static void flow_orphan(struct netd_flow *f, uint64_t now)
{
	if (f->orphan)
		return;
	if (!flow_complete(f)) {
		netd_flow_drop(f);
		return;
	}
	f->orphan = true;
	timer_arm(f->table->wheel, &f->lonely, now + ORPHAN_MS);
}

void netd_flows_orphan(struct netd_flows *t, uint64_t now)
{
	t->reporting = false;
	for (struct netd_flow *f = t->first, *next; f; f = next) {
		next = f->next;
		/* Nobody is left to say SWITCH. */
		if (f->gated)
			t->ready(t->user, &f->pair->local, &f->pair->remote);
		f->gated = false;
		flow_orphan(f, now);
	}
}

int netd_flow_adopt_policy(struct netd_flows *t, const struct kpolicy *p,
			   const struct addr *local, const struct addr *remote)
{
	struct netd_pair *pair;
	struct netd_flow *f;
	int r;

	if (p->priority != KPOLICY_PRIO_FLOW || p->action != KACTION_PROTECT ||
	    (p->dir == KDIR_OUT && !kernel_flow_reqid(p->reqid)))
		return -ENOENT;
	pair = netd_pair_obtain(t->pairs, local, remote);
	if (!pair)
		return -ENOMEM;
	/* Out-policies name the flow; an in-policy may take any SA. */
	f = pair->flow;
	if ((p->dir == KDIR_IN && !f) ||
	    (f && !addr_equal(&p->outer, &pair->outer)) ||
	    (p->dir == KDIR_OUT && netd_flow_get(t, p->reqid) != f)) {
		netd_pair_release(t->pairs, pair);
		return -ENOENT;
	}
	if (p->dir == KDIR_IN) {
		f->hardened = !p->optional;
		f->mixed = p->reqid != f->reqid;
	}
	if (f)
		return netd_pair_found(pair, p);
	r = netd_flow_new(t, pair, p->reqid, &f);
	if (r < 0) {
		netd_pair_release(t->pairs, pair);
		return r;
	}
	r = netd_pair_found(pair, p);
	if (r < 0)
		return r;
	f->sending = true;
	f->tunnel = p->tunnel;
	pair->outer = p->outer;
	f->leased =
		p->outer.family && t->is_lease && t->is_lease(t->user, remote);
	return 0;
}

int netd_flow_adopt_sa(struct netd_flows *t, const struct ksa *sa)
{
	struct netd_flow *f = netd_flow_get(t, sa->reqid);
	struct addr local, outer, src = sa->src, dst = sa->dst;

	if (!f || sa->larval)
		return -ENOENT;
	if (netd_sa_find(t, &sa->dst, sa->esp.spi))
		return 0;
	local = f->pair->local;
	outer = *netd_flow_outer(f);
	local.scope = outer.scope = src.scope = dst.scope = 0;
	if (addr_equal(&dst, &local) && addr_equal(&src, &outer)) {
		f->lease = sa->lease;
		return netd_sa_new(f, sa->esp.spi, true) ? 0 : -ENOMEM;
	}
	if (addr_equal(&src, &local) && addr_equal(&dst, &outer))
		return netd_sa_new(f, sa->esp.spi, false) ? 0 : -ENOMEM;
	return -ENOENT;
}

void netd_flows_adopted(struct netd_flows *t, uint64_t now)
{
	size_t kept = 0;

	for (struct netd_flow *f = t->first, *next; f; f = next) {
		next = f->next;
		if (!flow_complete(f) ||
		    !netd_pair_there(f->pair, KDIR_IN, true)) {
			netd_flow_drop(f);
			continue;
		}
		netd_flow_claim(f);
		if (f->mixed) {
			f->mixed = false;
			netd_flow_claim(f);
			if (netd_pair_sync(t->pairs, f->pair) < 0)
				log_warning("The in-policy of reqid %08x takes "
					    "any SA.",
					    f->reqid);
		}
		flow_orphan(f, now);
		kept++;
	}
	if (kept)
		log_info("%zu protected flows of an earlier run go on.", kept);
}

void netd_flows_report_start(struct netd_flows *t)
{
	t->report = t->first;
	t->reporting = true;
}

static void flow_describe(const struct netd_flow *f, struct record_orphan *ret)
{
	*ret = (struct record_orphan){
		.local = f->pair->local,
		.remote = f->pair->remote,
		.reqid = f->reqid,
		.outer = f->pair->outer,
		.lease = f->lease,
	};
	for (const struct netd_sa *sa = f->sas; sa; sa = sa->next) {
		uint32_t *spi = sa->inbound ? &ret->spi_in : &ret->spi_out;

		if (!sa->old && !sa->waiting && !*spi)
			*spi = sa->spi;
	}
}

static struct netd_flow *next_orphan(struct netd_flow *f)
{
	while (f && !f->orphan)
		f = f->next;
	return f;
}

bool netd_flows_report_next(struct netd_flows *t, struct record_orphan *ret)
{
	struct netd_flow *f;

	if (!t->reporting)
		return false;
	f = next_orphan(t->report);
	if (f) {
		flow_describe(f, ret);
		t->report = next_orphan(f->next);
	} else {
		*ret = (struct record_orphan){ 0 };
		t->report = NULL;
	}
	ret->last = t->report == NULL;
	t->reporting = t->report != NULL;
	return true;
}
