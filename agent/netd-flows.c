/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The flow table: what a flow is, and its removal. Installation is
 * agent/netd-install.c's, the change from one SA pair to the next
 * agent/netd-rekey.c's; what is found at start, and what is left over, is
 * agent/netd-orphans.c's.
 */
#include "agent/netd-flow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/limits.h"
#include "util/log.h"
#include "util/secret.h"

/* --- the table ---------------------------------------------------------- */

static uint64_t spi_hash(const struct netd_flows *t, const struct addr *dst,
			 uint32_t spi)
{
	uint8_t key[21];

	key[0] = (uint8_t)dst->family;
	memcpy(key + 1, dst->bytes, 16);
	memcpy(key + 17, &spi, 4);
	return hash_bytes(&t->pairs->hash_key, key, sizeof(key));
}

const struct addr *netd_flow_outer(const struct netd_flow *f)
{
	return f->pair->outer.family ? &f->pair->outer : &f->pair->remote;
}

const struct addr *netd_sa_dst(const struct netd_sa *sa)
{
	return sa->inbound ? &sa->flow->pair->local : netd_flow_outer(sa->flow);
}

struct netd_sa *netd_sa_find(const struct netd_flows *t, const struct addr *dst,
			     uint32_t spi)
{
	struct addr want = *dst;

	want.scope = 0;
	hmap_for_each (n, &t->by_spi, spi_hash(t, dst, spi)) {
		struct netd_sa *sa = container_of(n, struct netd_sa, node);
		struct addr is = *netd_sa_dst(sa);

		is.scope = 0;
		if (sa->spi == spi && addr_equal(&is, &want))
			return sa;
	}
	return NULL;
}

static void tell_spi(const struct netd_sa *sa, bool known)
{
	const struct netd_flows *t = sa->flow->table;

	if (sa->inbound && t->spi)
		t->spi(t->user, &sa->flow->pair->local, sa->spi, known);
}

struct netd_sa *netd_sa_new(struct netd_flow *f, uint32_t spi, bool inbound)
{
	struct netd_sa *sa = calloc(1, sizeof(*sa));

	if (!sa)
		return NULL;
	sa->flow = f;
	sa->spi = spi;
	sa->inbound = inbound;
	if (hmap_insert(&f->table->by_spi, &sa->node,
			spi_hash(f->table, netd_sa_dst(sa), spi)) < 0) {
		free(sa);
		return NULL;
	}
	sa->next = f->sas;
	f->sas = sa;
	f->n_sas++;
	tell_spi(sa, true);
	return sa;
}

void netd_sa_free(struct netd_sa *sa)
{
	struct netd_flow *f = sa->flow;

	for (struct netd_sa **p = &f->sas; *p; p = &(*p)->next)
		if (*p == sa) {
			*p = sa->next;
			break;
		}
	f->n_sas--;
	tell_spi(sa, false);
	hmap_remove(&f->table->by_spi, &sa->node);
	free(sa);
}

struct change netd_sa_deletion(const struct netd_sa *sa)
{
	const struct netd_flow *f = sa->flow;

	return (struct change){
		.op = CHANGE_SA_DELETE,
		.sa = { .src = sa->inbound ? *netd_flow_outer(f)
					   : f->pair->local,
			.dst = *netd_sa_dst(sa),
			.esp.spi = sa->spi,
			.reqid = sa->flow->reqid,
			.inbound = sa->inbound },
	};
}

struct netd_flow *netd_flow_get(const struct netd_flows *t, uint32_t reqid)
{
	struct hmap_node *n = hmap_first(&t->by_reqid, reqid);

	/* The hash is the reqid itself. */
	return n ? container_of(n, struct netd_flow, node) : NULL;
}

int netd_flow_new(struct netd_flows *t, struct netd_pair *p, uint32_t reqid,
		  struct netd_flow **ret)
{
	struct netd_flow *f;

	if (t->count >= LIMIT_FLOWS)
		return -ENOSPC;
	f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	f->table = t;
	f->pair = p;
	f->reqid = reqid;
	f->out_reqid = reqid;
	timer_init(&f->drain, netd_rekey_drained);
	timer_init(&f->look, netd_rekey_look);
	timer_init(&f->lonely, netd_flow_lonely);
	if (hmap_insert(&t->by_reqid, &f->node, reqid) < 0) {
		free(f);
		return -ENOMEM;
	}
	f->next = t->first;
	f->prev = &t->first;
	if (f->next)
		f->next->prev = &f->next;
	t->first = f;
	t->count++;
	p->flow = f;
	*ret = f;
	return 0;
}

/* The out-SA that waits, with its place in the table. */
void netd_flow_forget_waiting(struct netd_flow *f)
{
	if (f->waiting)
		secret_wipe(f->waiting, sizeof(*f->waiting));
	free(f->waiting);
	f->waiting = NULL;
	f->changing = false;
	for (struct netd_sa *sa = f->sas, *next; sa; sa = next) {
		next = sa->next;
		if (sa->waiting)
			netd_sa_free(sa);
	}
}

/* The pair stays. */
void netd_flow_free(struct netd_flow *f)
{
	struct netd_flows *t = f->table;

	netd_flow_tell_secured(f, false);
	netd_flow_forget_waiting(f);
	while (f->sas)
		netd_sa_free(f->sas);
	timer_cancel(t->wheel, &f->drain);
	timer_cancel(t->wheel, &f->look);
	timer_cancel(t->wheel, &f->lonely);
	hmap_remove(&t->by_reqid, &f->node);
	*f->prev = f->next;
	if (f->next)
		f->next->prev = f->prev;
	if (t->report == f)
		t->report = f->next;
	t->count--;
	f->pair->flow = NULL;
	f->pair->outer = (struct addr){ 0 };
	memset(f->pair->flow_claim, 0, sizeof(f->pair->flow_claim));
	free(f);
}

void netd_flows_init(struct netd_flows *t, struct netd_pairs *pairs,
		     const struct netd_kernel *k, struct timer_wheel *w)
{
	*t = (struct netd_flows){ .pairs = pairs, .kernel = k, .wheel = w };
	hmap_init(&t->by_reqid);
	hmap_init(&t->by_spi);
}

void netd_flows_done(struct netd_flows *t)
{
	while (t->first)
		netd_flow_free(t->first);
	hmap_done(&t->by_reqid);
	hmap_done(&t->by_spi);
}

/* --- claims ------------------------------------------------------------- */

void netd_flow_claim(struct netd_flow *f)
{
	struct netd_claim *in = &f->pair->flow_claim[KDIR_IN];
	struct netd_claim *out = &f->pair->flow_claim[KDIR_OUT];

	*in = (struct netd_claim){
		.set = true,
		.action = KACTION_PROTECT,
		.optional = !f->hardened,
		.tunnel = f->tunnel,
		.reqid = f->mixed ? 0 : f->reqid,
	};
	/* Who has another address outside must not be sent to there. */
	*out = (struct netd_claim){
		.set = f->sending || f->pair->outer.family,
		.action = f->sending ? KACTION_PROTECT : KACTION_BLOCK,
		.tunnel = f->tunnel,
		.reqid = f->out_reqid,
	};
}

void netd_flow_tell_secured(struct netd_flow *f, bool secured)
{
	const struct netd_flows *t = f->table;

	if (f->secured == secured)
		return;
	f->secured = secured;
	if (t->secured)
		t->secured(t->user, &f->pair->local, &f->pair->remote, secured);
}

int netd_flow_sync(struct netd_flow *f)
{
	int r;

	netd_flow_claim(f);
	r = netd_pair_sync(f->table->pairs, f->pair);
	if (r == 0)
		netd_flow_tell_secured(f, f->hardened);
	return r;
}

int netd_flow_translate(struct netd_flow *f, bool on)
{
	const struct netd_flows *t = f->table;
	int r;

	if (!f->lease.family || f->translated == on)
		return 0;
	r = t->translate ? t->translate(t->user, &f->pair->local,
					&f->pair->remote, &f->lease, on)
			 : -EOPNOTSUPP;
	if (r == 0)
		f->translated = on;
	return r;
}

/* Deletes SAs from the kernel and the table: those of a direction that are
 * old, or all. */
void netd_flow_delete(struct netd_flow *f, bool only_old, bool inbound)
{
	const struct netd_kernel *k = f->table->kernel;
	struct change c[LIMIT_FLOW_SAS];
	size_t n = 0;

	for (struct netd_sa *sa = f->sas, *next; sa; sa = next) {
		next = sa->next;
		if (only_old && (!sa->old || sa->inbound != inbound))
			continue;
		if (n < LIMIT_FLOW_SAS && !sa->waiting)
			c[n++] = netd_sa_deletion(sa);
		netd_sa_free(sa);
	}
	if (n && k->apply(k->user, c, n) < 0)
		log_warning("An SA of reqid %08x could not be deleted; its "
			    "lifetime will end it.",
			    f->reqid);
}

/* --- the other requests ------------------------------------------------- */

static bool flow_has_out(const struct netd_flow *f)
{
	for (const struct netd_sa *sa = f->sas; sa; sa = sa->next)
		if (!sa->inbound && !sa->old)
			return true;
	return false;
}

/* The out-SA that waited here goes into the kernel. */
int netd_flow_add_waiting(struct netd_flow *f)
{
	struct change c = { .op = CHANGE_SA_ADD };
	int r;

	if (!f->waiting)
		return 0;
	c.sa = *f->waiting;
	r = f->table->kernel->apply(f->table->kernel->user, &c, 1);
	change_wipe(&c, 1);
	if (r < 0)
		return r;
	for (struct netd_sa *sa = f->sas; sa; sa = sa->next)
		sa->waiting = false;
	netd_flow_forget_waiting(f);
	return 0;
}

int netd_flow_switch(struct netd_flows *t, uint32_t reqid)
{
	struct netd_flow *f = netd_flow_get(t, reqid);
	struct netd_sa *sa = f ? f->sas : NULL;
	bool sending;
	uint32_t out_reqid;
	int r;

	if (!f)
		return -ENOENT;
	if (!flow_has_out(f))
		return -ENODATA;
	while (sa && !sa->waiting)
		sa = sa->next;
	/* A rekeyed pair changes over by itself. */
	r = f->changing ? 0 : netd_flow_add_waiting(f);
	if (r < 0)
		return r;
	sending = f->sending;
	out_reqid = f->out_reqid;
	f->sending = true;
	f->out_reqid = f->reqid;
	r = netd_flow_sync(f);
	if (r < 0) {
		f->sending = sending;
		f->out_reqid = out_reqid;
		netd_flow_claim(f);
		return r;
	}
	if (sa && !sa->waiting)
		netd_rekey_supersede(f, sa, f->proof_spi);
	netd_flow_delete(f, true, false);
	f->gated = false;
	t->ready(t->user, &f->pair->local, &f->pair->remote);
	return 0;
}

bool netd_flow_held(struct netd_flows *t, const struct addr *local,
		    const struct addr *remote)
{
	const struct netd_pair *p = netd_pair_get(t->pairs, local, remote);
	struct netd_flow *f = p ? p->flow : NULL;
	struct ksa query = { .dst = *local };

	if (!f || !flow_has_out(f) || (f->sending && !f->waiting && !f->gated))
		return false;
	query.esp.spi = f->proof_spi;
	if (t->kernel->used(t->kernel->user, &query) > 0 &&
	    netd_flow_switch(t, f->reqid) < 0)
		log_debug("reqid %08x waits for SWITCH", f->reqid);
	return true;
}

bool netd_flow_runs(const struct netd_flows *t, const struct addr *local,
		    const struct addr *remote)
{
	const struct netd_pair *p = netd_pair_get(t->pairs, local, remote);

	return p && p->flow && p->flow->sending && !p->flow->gated && !p->shunt;
}

int netd_flow_harden(struct netd_flows *t, uint32_t reqid)
{
	struct netd_flow *f = netd_flow_get(t, reqid);
	int r;

	if (!f)
		return -ENOENT;
	/* Only an agent that knows the flow asks for this. */
	f->orphan = false;
	timer_cancel(t->wheel, &f->lonely);
	if (f->hardened)
		return 0;
	f->hardened = true;
	r = netd_flow_sync(f);
	if (r < 0) {
		f->hardened = false;
		netd_flow_claim(f);
	}
	return r;
}

int netd_flow_remove_sa(struct netd_flows *t, uint32_t reqid, uint32_t spi,
			bool inbound, uint64_t now)
{
	struct netd_flow *f = netd_flow_get(t, reqid);
	struct change c;
	int r;

	for (struct netd_sa *sa = f ? f->sas : NULL; sa; sa = sa->next) {
		if (sa->spi != spi || sa->inbound != inbound)
			continue;
		if (sa->waiting) {
			netd_flow_forget_waiting(f);
			return 0;
		}
		if (sa->old)
			break;
		/* The peer deletes what it has replaced: it has the new one. */
		if (!inbound && f->changing)
			return netd_rekey_change(f);
		if (inbound && (sa->replaced || f->waiting)) {
			netd_rekey_drain(sa, now);
			return 0;
		}
		/* The peer began anew, and has not got the new SAs yet: what
		 * it has goes on until the switch. */
		if (!inbound && f->waiting) {
			sa->old = true;
			return 0;
		}
		c = netd_sa_deletion(sa);
		r = t->kernel->apply(t->kernel->user, &c, 1);
		if (r == 0)
			netd_sa_free(sa);
		return r;
	}
	return -ENOENT;
}

/* Policies first: nothing may look for an SA that is gone. */
static int flow_remove(struct netd_flow *f, bool force)
{
	struct netd_pair *p = f->pair;
	struct netd_flows *t = f->table;
	struct netd_pairs *pairs = t->pairs;
	uint32_t reqid;
	int r;

	if (f->leased && t->closing) {
		t->closing(t->user, &p->local, &p->remote);
		f->gated = false;
	}
	if (f->lease.family && t->connections && !t->clearing)
		netd_connections_close(t->connections, p);
	memset(p->flow_claim, 0, sizeof(p->flow_claim));
	r = netd_pair_sync(pairs, p);
	if (r < 0 && !force) {
		netd_flow_claim(f);
		return r;
	}
	netd_flow_delete(f, false, false);
	if (netd_flow_translate(f, false) < 0)
		log_warning("The translation of reqid %08x stays until "
			    "tacit-netd ends.",
			    f->reqid);
	/* What was held back meets the network's policy now. */
	if (f->gated)
		t->ready(t->user, &p->local, &p->remote);
	if (t->connections)
		netd_connections_end(t->connections, p);
	reqid = f->reqid;
	netd_flow_free(f);
	netd_pair_release(pairs, p);
	if (t->removed)
		t->removed(t->user, reqid);
	return r;
}

int netd_flow_remove(struct netd_flows *t, uint32_t reqid)
{
	struct netd_flow *f = netd_flow_get(t, reqid);

	return f ? flow_remove(f, false) : -ENOENT;
}

void netd_flow_drop(struct netd_flow *f)
{
	uint32_t reqid = f->reqid;

	if (flow_remove(f, true) < 0)
		log_error("Policies of reqid %08x could not be removed.",
			  reqid);
}

void netd_flows_clear(struct netd_flows *t)
{
	t->clearing = true;
	while (t->first)
		netd_flow_drop(t->first);
	t->clearing = false;
	if (t->connections)
		netd_connections_clear(t->connections);
}

bool netd_flow_expired(struct netd_flows *t, const struct kexpire *e,
		       struct record_expire *ret)
{
	struct netd_sa *sa = netd_sa_find(t, &e->sa.dst, e->sa.esp.spi);
	bool left = false, old;
	struct netd_flow *f;

	if (!sa)
		return false;
	f = sa->flow;
	old = sa->old;
	*ret = (struct record_expire){
		.local = f->pair->local,
		.remote = f->pair->remote,
		.reqid = f->reqid,
		.spi = sa->spi,
		.inbound = sa->inbound,
		.hard = e->hard,
	};
	if (!e->hard)
		return !old;
	netd_sa_free(sa);
	for (sa = f->sas; sa; sa = sa->next)
		if (sa->inbound == (ret->inbound != 0) && !sa->waiting)
			left = true;
	if (left || (!ret->inbound && f->changing && netd_rekey_change(f) == 0))
		return !old;
	netd_flow_drop(f);
	return !old;
}

/* --- questions ---------------------------------------------------------- */

void netd_flow_ends(const struct netd_flows *t, uint32_t reqid,
		    struct addr *ret_outer, struct addr *ret_lease)
{
	const struct netd_flow *f = netd_flow_get(t, reqid);

	*ret_outer = f ? f->pair->outer : (struct addr){ 0 };
	*ret_lease = f ? f->lease : (struct addr){ 0 };
}

bool netd_flow_pair(const struct netd_flows *t, uint32_t reqid,
		    struct addr *ret_local, struct addr *ret_remote)
{
	const struct netd_flow *f = netd_flow_get(t, reqid);

	if (!f)
		return false;
	*ret_local = f->pair->local;
	*ret_remote = f->pair->remote;
	return true;
}

uint32_t netd_flow_of_pair(const struct netd_flows *t, const struct addr *local,
			   const struct addr *remote, bool *ret_orphan)
{
	const struct netd_pair *p = netd_pair_get(t->pairs, local, remote);

	*ret_orphan = p && p->flow && p->flow->orphan;
	return p && p->flow ? p->flow->reqid : 0;
}

const struct addr *netd_flow_tunnel(const struct netd_flows *t, uint32_t reqid)
{
	const struct netd_flow *f = netd_flow_get(t, reqid);

	return f && f->tunnel ? netd_flow_outer(f) : NULL;
}

bool netd_flow_has_spi(const struct netd_flows *t, const struct addr *dst,
		       uint32_t spi)
{
	return netd_sa_find(t, dst, spi) != NULL;
}

bool netd_flow_in_alone(const struct netd_flows *t, uint32_t reqid,
			uint32_t spi)
{
	const struct netd_flow *f = netd_flow_get(t, reqid);

	for (const struct netd_sa *sa = f ? f->sas : NULL; sa; sa = sa->next)
		if (sa->inbound && sa->spi == spi)
			return sa->alone;
	return false;
}
