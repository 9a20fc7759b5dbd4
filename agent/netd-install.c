/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * RECORD_INSTALL: an SA pair with its policies, all of it or nothing. What
 * needs memory comes first, then the kernel, then what cannot fail.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/netd-flow.h"
#include "util/limits.h"
#include "util/log.h"

/* Packets under way when the peer gets a new SA still come with the old. */
#define FLOW_DRAIN_MS 5000u

/* A pair may get its out-SA again, with the same keys: never with a sequence
 * number, and so an IV, of the one before. In the seconds in between nobody can
 * have sent so many packets. */
#define OUT_SHIFT 24

struct installation {
	const struct record_install *in;
	struct netd_flow *flow;
	struct netd_sa *sa_in, *sa_out;
	bool is_new;   /* the flow was made for it */
	bool takeover; /* an orphan's */
	bool defer;    /* the out-SA waits here, not in the kernel */
	bool send;     /* from now on with the new out-SA */
	bool gate;     /* but held back until RECORD_SWITCH */
	bool known;    /* the in-SA is there: INSTALL with IN_ONLY before */
	bool halted;   /* nothing of the pair leaves for the moment */
	uint32_t oseq; /* of the out-SA, see there */
};

static struct ksa install_ksa(const struct installation *x, bool inbound)
{
	const struct record_install *in = x->in;
	const struct addr *outer = in->outer.family ? &in->outer : &in->remote;
	struct kselector sel = { 0 };

	/* A packet that claims another sender than the flow's peer is none of
	 * it, even where the policy takes any SA. */
	if (inbound) {
		struct prefix src = prefix_host(&in->remote);
		struct prefix dst = prefix_host(&in->local);

		sel = kselector_between(&src, &dst);
	}
	return (struct ksa){
		.oseq = inbound ? 0 : x->oseq,
		.src = inbound ? *outer : in->local,
		.dst = inbound ? in->local : *outer,
		.sel = sel,
		.lease = inbound ? in->lease : (struct addr){ 0 },
		.reqid = in->reqid,
		.seq = inbound ? 0 : in->acquire_seq,
		.hard_s = in->hard_s,
		.soft_s = in->soft_s,
		.hard_kib = in->hard_kib,
		.soft_kib = in->soft_kib,
		.hard_packets = in->hard_packets,
		.soft_packets = in->soft_packets,
		.inbound = inbound,
		.tunnel = in->tunnel,
		.udp_src = inbound ? in->udp_remote : in->udp_local,
		.udp_dst = inbound ? in->udp_local : in->udp_remote,
		.esp = inbound ? in->in : in->out,
	};
}

static int install_prepare_sas(struct installation *x)
{
	const struct record_install *in = x->in;
	struct netd_flow *f = x->flow;

	if (f->n_sas + 2 > LIMIT_FLOW_SAS && !netd_rekey_evict(f))
		return -ENOSPC;
	x->known = netd_flow_in_alone(f->table, in->reqid, in->in.spi);
	if (x->known) {
		x->oseq = (uint32_t)netd_sa_find(f->table, &f->pair->local,
						 in->in.spi)
				  ->outs
			  << OUT_SHIFT;
	} else {
		x->sa_in = netd_sa_new(f, in->in.spi, true);
		if (!x->sa_in)
			return -ENOMEM;
	}
	if (in->flags & RECORD_IN_ONLY)
		return 0;
	x->sa_out = netd_sa_new(f, in->out.spi, false);
	if (!x->sa_out)
		return -ENOMEM;
	x->sa_out->waiting = x->defer;
	if (!x->defer)
		return 0;
	f->waiting = malloc(sizeof(*f->waiting));
	if (!f->waiting)
		return -ENOMEM;
	*f->waiting = install_ksa(x, false);
	return 0;
}

/* Everything that needs memory, before anything is done. */
static int install_prepare(struct netd_flows *t, struct installation *x)
{
	const struct record_install *in = x->in;
	struct netd_pair *p =
		netd_pair_obtain(t->pairs, &in->local, &in->remote);
	struct netd_flow *f;
	int r;

	if (!p)
		return -ENOMEM;
	x->is_new = !p->flow;
	if (x->is_new) {
		r = netd_flow_new(t, p, in->reqid, &p->flow);
		if (r < 0) {
			netd_pair_release(t->pairs, p);
			return r;
		}
		p->outer = in->outer;
		p->flow->lease = in->lease;
		p->flow->leased = in->outer.family && t->is_lease &&
				  t->is_lease(t->user, &in->remote);
	}
	f = x->flow = p->flow;
	x->takeover = f->orphan;
	x->send = !(in->flags & (RECORD_IN_ONLY | RECORD_OUT_LATER));
	x->gate = in->flags & RECORD_OUT_LATER;
	x->defer = (in->flags & RECORD_OUT_LATER) && f->sending &&
		   f->reqid == in->reqid;
	if (x->defer) {
		netd_flow_forget_waiting(f);
		x->gate = false;
	}
	return install_prepare_sas(x);
}

static int install_sas(struct netd_flows *t, const struct installation *x)
{
	struct change c[2] = { 0 };
	size_t n = 0;
	int r;

	if (x->sa_in) {
		c[n].op = CHANGE_SA_ADD;
		c[n++].sa = install_ksa(x, true);
	}
	if (x->sa_out && !x->defer) {
		c[n].op = CHANGE_SA_ADD;
		c[n++].sa = install_ksa(x, false);
	}
	r = n ? t->kernel->apply(t->kernel->user, c, n) : 0;
	for (size_t i = 0; r < 0 && i < n; i++) {
		struct change back = c[i];

		back.op = CHANGE_SA_DELETE;
		if (!c[i].error &&
		    t->kernel->apply(t->kernel->user, &back, 1) < 0)
			log_error("An SA could not be taken back.");
		change_wipe(&back, 1);
	}
	change_wipe(c, 2);
	return r;
}

/* Undoes install_prepare(), and what the kernel got when there. */
static void install_undo(struct netd_flows *t, struct installation *x,
			 bool there)
{
	struct netd_flow *f = x->flow;
	struct change c[2];
	size_t n = 0;

	if (!f)
		return;
	if (x->sa_in) {
		c[n++] = netd_sa_deletion(x->sa_in);
		netd_sa_free(x->sa_in);
	}
	if (x->defer) {
		netd_flow_forget_waiting(f);
	} else if (x->sa_out) {
		c[n++] = netd_sa_deletion(x->sa_out);
		netd_sa_free(x->sa_out);
	}
	if (there && n && t->kernel->apply(t->kernel->user, c, n) < 0)
		log_error("SAs of reqid %08x could not be taken back.",
			  f->reqid);
	if (x->is_new && f->table->connections)
		netd_connections_end(f->table->connections, f->pair);
	if (x->is_new && netd_flow_translate(f, false) < 0)
		log_error("The translation of reqid %08x could not be taken "
			  "back.",
			  f->reqid);
	if (x->is_new) {
		struct netd_pair *p = f->pair;

		netd_flow_free(f);
		netd_pair_release(t->pairs, p);
	}
}

/* What began in the clear would be another's with the lease. Nothing leaves
 * until it is known what that is and the policies are in, or what began in
 * between would be taken for one or the other. */
static int install_connections(struct installation *x, uint64_t now)
{
	struct netd_flow *f = x->flow;
	struct netd_flows *t = f->table;

	if (!x->is_new || !f->lease.family || !t->connections)
		return 0;
	/* Where they cannot be held they are few. */
	x->halted = t->gate(t->user, &f->pair->local, &f->pair->remote) == 0;
	return netd_connections_begin(t->connections, f->pair, now);
}

/* The flow's new claims; on failure the old ones stand again. */
static int install_policies(struct installation *x)
{
	struct netd_flow *f = x->flow, before = *f;
	bool optional = (x->in->flags & RECORD_IN_OPTIONAL) != 0;
	struct scope scope;
	bool scoped = netd_pair_scope(f->pair, &scope);
	int r;

	/* A flow that has once required protection goes on to, unless a new
	 * agent begins anew. */
	f->hardened = !optional || (before.hardened && !x->takeover);
	if (f->reqid != x->in->reqid)
		f->mixed = true;
	f->reqid = x->in->reqid;
	f->tunnel = x->in->tunnel;
	if (x->send) {
		f->sending = true;
		f->out_reqid = f->reqid;
	}
	r = netd_pair_set_scope(f->pair, &x->in->scope);
	if (r == 0)
		r = netd_flow_sync(f);
	if (r == 0)
		return 0;
	if (scoped && netd_pair_set_scope(f->pair, &scope) < 0)
		log_error("The places of reqid %08x are lost.", f->reqid);
	f->hardened = before.hardened;
	f->mixed = before.mixed;
	f->reqid = before.reqid;
	f->tunnel = before.tunnel;
	f->sending = before.sending;
	f->out_reqid = before.out_reqid;
	if (x->is_new)
		memset(f->pair->flow_claim, 0, sizeof(f->pair->flow_claim));
	else
		netd_flow_claim(f);
	if (netd_pair_sync(f->table->pairs, f->pair) < 0)
		log_error("Policies of reqid %08x could not be put back.",
			  f->reqid);
	return r;
}

/* Nothing can fail from here on. */
static void install_commit(struct netd_flows *t, struct installation *x,
			   uint32_t reqid_before, uint64_t now)
{
	struct netd_flow *f = x->flow;
	struct netd_sa *sa_in;
	bool old = false;

	if (f->reqid != reqid_before) {
		hmap_remove(&t->by_reqid, &f->node);
		/* Only a first insertion needs memory. */
		if (hmap_insert(&t->by_reqid, &f->node, f->reqid) < 0)
			log_error("Out of memory: reqid %08x is lost.",
				  f->reqid);
	}
	for (struct netd_sa *sa = f->sas; x->takeover && sa; sa = sa->next)
		if (sa != x->sa_in && sa != x->sa_out) {
			sa->old = true;
			sa->until = now + FLOW_DRAIN_MS;
			old = true;
		}
	if (x->takeover) {
		f->orphan = false;
		timer_cancel(t->wheel, &f->lonely);
	}
	if (x->send)
		netd_rekey_supersede(f, x->sa_out, x->in->in.spi);
	if (old)
		timer_arm(t->wheel, &f->drain, now + FLOW_DRAIN_MS);
	sa_in = netd_sa_find(t, &f->pair->local, x->in->in.spi);
	sa_in->alone = x->in->flags & RECORD_IN_ONLY;
	sa_in->outs += x->sa_out != NULL;
	if (x->in->replaces)
		netd_rekey_begin(f, x->in, x->sa_out, now);
	if (f->sending && t->connections)
		netd_connections_go(t->connections, f->pair);
}

int netd_flow_install(struct netd_flows *t, const struct record_install *in,
		      uint64_t now)
{
	struct installation x = { .in = in };
	uint32_t reqid_before;
	int r;

	r = install_prepare(t, &x);
	if (r < 0) {
		install_undo(t, &x, false);
		return r;
	}
	r = install_sas(t, &x);
	if (r < 0) {
		install_undo(t, &x, false);
		return r;
	}
	/* Where packets cannot be held back, sending itself has to wait. */
	if (x.gate)
		x.gate = t->gate(t->user, &in->local, &in->remote) == 0;
	x.send = x.send || x.gate;
	reqid_before = x.flow->reqid;
	r = netd_flow_translate(x.flow, true);
	if (r == 0)
		r = install_connections(&x, now);
	if (r == 0)
		r = install_policies(&x);
	if (r < 0) {
		install_undo(t, &x, true);
	} else {
		install_commit(t, &x, reqid_before, now);
		/* One that waits changes nothing about those before it. */
		if (x.send)
			x.flow->gated = x.gate;
		if (x.gate || x.defer)
			x.flow->proof_spi = in->in.spi;
	}
	if (r < 0 ? x.gate || x.halted
		  : !x.gate && (x.halted || (x.send && !in->replaces)))
		t->ready(t->user, &in->local, &in->remote);
	return r;
}
