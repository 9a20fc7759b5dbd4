/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The dialogue with the agent: requests pass the guard and are carried out,
 * what the kernel and the packet holder say is passed on.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/netd-flow.h"
#include "agent/netd-ports.h"
#include "agent/netd.h"
#include "agent/notify.h"
#include "util/log.h"
#include "xfrm/forwarding.h"
#include "xfrm/nft-hear.h"
#include "xfrm/nft-rules.h"
#include "xfrm/nlsock.h"
#include "xfrm/spd.h"

/* After lost events the databases are read at most so often. */
#define LOOK_MS 1000u

/* --- to the agent ------------------------------------------------------- */

static void reply(struct netd *n, const struct record *to, int error)
{
	struct record r;

	record_init(&r, RECORD_REPLY, to->seq);
	r.reply.error = error;
	r.reply.type =
		to->type < RECORD_TYPES && to->type ? to->type : RECORD_REPLY;
	netd_agent_send(&n->agent, &r, NULL, 0);
}

bool netd_agent_listens(const struct netd *n)
{
	return n->greeted && netd_agent_lives(&n->agent);
}

/* The link of a link-local address, where who told us of it knew none. */
void netd_complete_scopes(const struct netd *n, struct addr *local,
			  struct addr *remote)
{
	if (addr_is_linklocal(local) && local->family == AF_INET6 &&
	    !local->scope)
		local->scope = address_table_scope(n->guard.own, local);
	if (addr_is_linklocal(remote) && remote->family == AF_INET6 &&
	    !remote->scope)
		remote->scope = local->scope;
}

void netd_send_acquire(struct netd *n, struct record_acquire *a)
{
	struct record r;

	if (!netd_agent_listens(n))
		return;
	netd_complete_scopes(n, &a->local, &a->remote);
	if (!address_table_has(n->guard.own, &a->local) ||
	    !netd_guard_remote(&n->guard, &a->remote))
		return;
	record_init(&r, RECORD_ACQUIRE, 0);
	r.acquire = *a;
	netd_agent_send(&n->agent, &r, NULL, 0);
}

/* An ICMP selector has type and code where ports are. */
static bool has_ports(uint8_t protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP ||
	       protocol == IPPROTO_UDPLITE || protocol == IPPROTO_SCTP ||
	       protocol == IPPROTO_DCCP;
}

void netd_on_acquire(void *user, const struct kacquire *a)
{
	bool ports = has_ports(a->sel.protocol);
	struct record_acquire q = {
		.local = a->src,
		.remote = a->dst,
		.seq = a->seq,
		.reqid = a->reqid,
		.protocol = a->sel.protocol,
		.local_port = ports ? a->sel.sport : 0,
		.remote_port = ports ? a->sel.dport : 0,
	};

	netd_send_acquire(user, &q);
}

void netd_on_first(void *user, const struct hold_packet *p)
{
	struct netd *n = user;
	struct record_acquire q = {
		.local = p->local,
		.remote = p->remote,
		.reqid = KERNEL_TRAP_REQID,
		.protocol = p->protocol,
		.local_port = p->local_port,
		.remote_port = p->remote_port,
		.held = 1,
	};

	if (netd_flow_held(&n->flows, &p->local, &p->remote))
		return;
	/* One that the kernel took for no traffic of the flow's: of a raw
	 * socket, of which it does not know the ports; or a policy is gone. */
	if (netd_flow_runs(&n->flows, &p->local, &p->remote)) {
		log_debug("held beside SAs: protocol %u, ports %u, %u",
			  p->protocol, p->local_port, p->remote_port);
		netd_repair_soon(n);
	}
	netd_send_acquire(user, &q);
}

static bool is_past_soft_limit(const struct ksa *sa)
{
	return sa->full ||
	       (sa->soft_s && (uint64_t)time(NULL) >= sa->added_s + sa->soft_s);
}

static int unheard_found(const struct ksa *sa, void *user)
{
	const struct kexpire soft = { .sa = *sa };
	struct kacquire a = {
		.src = sa->src,
		.dst = sa->dst,
		.sel = sa->sel,
		.seq = sa->seq,
		.reqid = sa->reqid,
	};

	if (sa->larval && sa->reqid == KERNEL_TRAP_REQID)
		netd_on_acquire(user, &a);
	else if (!sa->larval && is_past_soft_limit(sa))
		netd_on_expire(user, &soft);
	return 0;
}

/* What the agent may not have heard: acquires, whose larval states still wait,
 * and soft limits, which the kernel announces once. */
static void report_unheard(struct netd *n)
{
	int r;

	if (!netd_agent_listens(n))
		return;
	r = sad_dump_ours(n->nl, unheard_found, n);
	if (r < 0)
		log_limited(&n->limit, netd_now(n), LOG_WARNING, NULL,
			    "The kernel's SAs cannot be read: %s",
			    strerror(-r));
}

void netd_look(struct timer *t, uint64_t now, void *user)
{
	(void)now;
	(void)user;
	report_unheard(container_of(t, struct netd, look));
}

void netd_on_lost(void *user)
{
	struct netd *n = user;

	n->events_lost++;
	log_limited(&n->limit, netd_now(n), LOG_NOTICE, NULL,
		    "The kernel announced more than could be heard; its SAs "
		    "are read instead.");
	if (!timer_armed(&n->look))
		timer_arm(n->wheel, &n->look, netd_now(n) + LOOK_MS);
}

void netd_on_expire(void *user, const struct kexpire *e)
{
	struct netd *n = user;
	struct record r;

	record_init(&r, RECORD_EXPIRE, 0);
	if (netd_flow_expired(&n->flows, e, &r.expire) && netd_agent_listens(n))
		netd_agent_send(&n->agent, &r, NULL, 0);
}

void netd_on_flow_gone(void *user, const struct record_expire *x)
{
	struct netd *n = user;
	struct record r;

	record_init(&r, RECORD_EXPIRE, 0);
	r.expire = *x;
	if (netd_agent_listens(n))
		netd_agent_send(&n->agent, &r, NULL, 0);
}

void netd_on_flow_removed(void *user, uint32_t reqid)
{
	struct netd *n = user;

	netd_sockets_lost(&n->sockets, reqid, false, netd_now(n));
}

void netd_on_mapping(void *user, const struct kmapping *m)
{
	struct netd *n = user;
	const struct netd_flow *f = netd_flow_mapped(&n->flows, m, netd_now(n));
	struct record r;

	if (!f)
		return;
	log_debug("spi %08x: the peer's port is now %u", m->spi, m->udp_src);
	record_init(&r, RECORD_MAPPED, 0);
	r.flow.local = f->pair->local;
	r.flow.remote = f->pair->remote;
	r.flow.reqid = f->reqid;
	r.flow.udp_remote = m->udp_src;
	if (netd_agent_listens(n))
		netd_agent_send(&n->agent, &r, NULL, 0);
}

void netd_on_used(void *user, const struct record_flow *f)
{
	struct netd *n = user;
	struct record r;

	record_init(&r, RECORD_USED, 0);
	r.flow = *f;
	if (netd_agent_listens(n))
		netd_agent_send(&n->agent, &r, NULL, 0);
}

void netd_on_policy_gone(void *user, const struct kpolicy *p)
{
	struct netd *n = user;

	netd_shunt_expired(&n->shunts, p, netd_now(n));
}

void netd_on_address(struct netd *n, const struct address *a, bool gone)
{
	struct record r;

	if (!netd_agent_listens(n))
		return;
	record_init(&r, RECORD_ADDRESS, 0);
	r.address.addr = a->addr;
	r.address.gone = gone;
	r.address.prefix_len = a->prefix_len;
	netd_agent_send(&n->agent, &r, NULL, 0);
}

void netd_continue_reports(struct netd *n)
{
	struct record r;

	while (netd_agent_listens(n) && !netd_agent_busy(&n->agent)) {
		record_init(&r, RECORD_ORPHAN, 0);
		if (!netd_flows_report_next(&n->flows, &r.orphan))
			return;
		netd_agent_send(&n->agent, &r, NULL, 0);
		if (!r.orphan.last)
			continue;
		report_unheard(n);
		netd_apart_report(n);
	}
}

/* --- packets held --------------------------------------------------------- */

/* The kernel's own queue runs when its policy is touched. */
static void kick(struct netd *n, const struct addr *local,
		 const struct addr *remote)
{
	struct change c = { .op = CHANGE_POLICY_UPDATE };

	for (size_t i = 0;
	     netd_networks_trap(n->networks, local, remote, i, &c.policy) ||
	     i == 0;
	     i++) {
		int r = 0;

		if (c.policy.priority &&
		    !netd_pairs_taken(&n->pairs, &c.policy))
			r = n->kernel.apply(n->kernel.user, &c, 1);
		if (r < 0)
			log_debug("kick: %s", strerror(-r));
	}
}

static void hold_failed(struct netd *n, const char *what, int error)
{
	if (error < 0)
		log_limited(&n->limit, netd_now(n), LOG_WARNING, NULL,
			    "Held packets cannot be %s: %s", what,
			    strerror(-error));
}

static void forget_shunt(struct netd *n, const struct addr *local,
			 const struct addr *remote)
{
	int r = netd_shunt_forget(&n->shunts, local, remote);

	if (r < 0)
		log_warning("A shunt could not be removed: %s", strerror(-r));
	if (n->hold)
		hold_failed(n, "trapped again",
			    hold_forget(n->hold, local, remote));
}

int netd_on_gate(void *user, const struct addr *local,
		 const struct addr *remote)
{
	struct netd *n = user;

	if (!n->hold)
		return -EOPNOTSUPP;
	return hold_gate(n->hold, local, remote, netd_now(n));
}

void netd_on_ready(void *user, const struct addr *local,
		   const struct addr *remote)
{
	struct netd *n = user;
	const struct netd_pair *p = netd_pair_get(&n->pairs, local, remote);

	/* What was decided without an SA is decided anew. */
	if (p && p->shunt)
		forget_shunt(n, local, remote);
	if (n->hold)
		hold_failed(n, "released",
			    hold_release(n->hold, local, remote, netd_now(n)));
	else
		kick(n, local, remote);
}

void netd_on_shunt_gone(void *user, const struct addr *local,
			const struct addr *remote)
{
	struct netd *n = user;

	if (n->hold)
		hold_failed(n, "trapped again",
			    hold_forget(n->hold, local, remote));
}

/* The rules of a table are others by our own doing. */
static int note_table(struct netd *n, const char *table, bool intact, int r)
{
	/* It is gone: who mends it calls this again. */
	if (r == -ENOENT)
		return 0;
	return r == 0 && intact ? nft_watch_note(n->tables, table) : r;
}

static bool is_intact(struct netd *n, const char *table)
{
	return n->tables && nft_watch_intact(n->tables, table) > 0;
}

/* Before ranges: what is always in the clear is not to wait for a moment. */
void netd_set_openings(struct netd *n)
{
	struct nft_opening *list = NULL;
	size_t count = 0;
	int r = netd_ports_openings(n->config->policies, &list, &count);

	if (r == 0 && (count || n->opened)) {
		bool hold = is_intact(n, NFT_TABLE_HOLD);
		bool hear = is_intact(n, NFT_TABLE_HEAR);

		if (n->hold)
			r = note_table(n, NFT_TABLE_HOLD, hold,
				       hold_set_openings(n->hold, list, count));
		if (r == 0 && n->hear)
			r = note_table(n, NFT_TABLE_HEAR, hear,
				       hear_set_openings(n->hear, list, count));
		n->opened = count > 0;
	}
	free(list);
	if (r < 0)
		log_error("Ports that are always in the clear are not let "
			  "pass: %s",
			  strerror(-r));
}

void netd_set_ranges(struct netd *n)
{
	struct hold_range *ranges = NULL;
	size_t count = 0;
	int r;

	netd_set_openings(n);
	if (!n->hold)
		return;
	r = netd_networks_ranges(n->networks, &ranges, &count);
	if (r == 0)
		r = hold_set_ranges(n->hold, ranges, count);
	free(ranges);
	if (r < 0)
		log_error("First packets cannot be held: %s", strerror(-r));
}

void netd_arm(struct netd *n, bool armed)
{
	/* Errors have been logged; the rest of the traps stand. */
	int r = netd_networks_set_armed(n->networks, armed);

	if (r < 0)
		log_error("Not all traps could be %s.",
			  armed ? "set" : "taken away");
	netd_set_ranges(n);
}

/* --- from the agent ----------------------------------------------------- */

/* What `systemctl status` shows. */
static void show(const char *state)
{
	char text[128];

	snprintf(text, sizeof(text), "STATUS=%s", state);
	notify_say(text);
}

static void on_hello(struct netd *n, const struct record *r)
{
	const struct address_table *own = n->guard.own;
	int fds[NETD_SOCKETS];
	struct record w;
	size_t n_fds = 0;

	bool same = netd_reload(n, r->hello.digest) == 0;

	/* First: with the welcome the agent says that it is ready, and from
	 * then on packets have to be held. */
	netd_arm(n, true);
	record_init(&w, RECORD_WELCOME, r->seq);
	for (unsigned i = 0; i < NETD_SOCKETS; i++)
		if (n->udp[i] >= 0) {
			fds[n_fds++] = n->udp[i];
			w.welcome.sockets |= 1u << i;
		}
	w.welcome.flags =
		(n->probe.esp4 ? RECORD_HAS_ESP4 : 0u) |
		(n->probe.esp6 ? RECORD_HAS_ESP6 : 0u) |
		(n->hold ? RECORD_HAS_HOLD : 0u) |
		(n->probe.chacha ? RECORD_HAS_CHACHA : 0u) |
		(n->hear ? RECORD_HAS_HEAR : 0u) |
		(n->translation ? RECORD_HAS_TRANSLATION : 0u) |
		(netd_connections_work(&n->connections) ? RECORD_HAS_CONNECTIONS
							: 0u) |
		(same ? 0u : RECORD_CONFIG_DIFFERS);
	netd_agent_send(&n->agent, &w, fds, n_fds);
	n->greeted = true;
	netd_agent_beat(&n->agent);
	for (size_t i = 0; i < own->count; i++)
		netd_on_address(n, &own->list[i], false);
	netd_flows_report_start(&n->flows);
	netd_continue_reports(n);
	show("Serving the agent.");
}

static int on_install(struct netd *n, const struct record_install *in)
{
	int r = netd_flow_install(&n->flows, in, netd_now(n));

	if (r == 0)
		netd_lease_open(n, in);
	return r;
}

static int on_remove(struct netd *n, uint32_t reqid)
{
	struct addr local, remote;
	bool known = netd_flow_pair(&n->flows, reqid, &local, &remote);
	int r = netd_flow_remove(&n->flows, reqid);

	/* What was let through an SA a moment ago is cold again. */
	if (r == 0 && known && n->hold)
		hold_failed(n, "held again",
			    hold_forget(n->hold, &local, &remote));
	return r;
}

static int on_verdict(struct netd *n, const struct record_verdict *v)
{
	bool block = v->verdict == RECORD_BLOCK;
	uint64_t now = netd_now(n);
	int r;

	if (v->verdict == RECORD_FORGET) {
		forget_shunt(n, &v->local, &v->remote);
		return 0;
	}
	r = netd_shunt_set(&n->shunts, &v->local, &v->remote, block,
			   v->lifetime_ms, now);
	if (r < 0)
		return r;
	if (!n->hold) {
		if (!block)
			kick(n, &v->local, &v->remote);
	} else if (block) {
		hold_failed(n, "dropped",
			    hold_drop(n->hold, &v->local, &v->remote));
	} else {
		hold_failed(n, "let go",
			    hold_clear(n->hold, &v->local, &v->remote, now,
				       v->lifetime_ms));
	}
	return 0;
}

/* The agent stops by its own will: nothing of its remains. Closed networks
 * stay closed until we stop ourselves. */
static void on_bye(struct netd *n)
{
	n->greeted = false;
	netd_arm(n, false);
	netd_shunts_clear(&n->shunts, false);
	netd_flows_clear(&n->flows);
	show("The agent has stopped.");
}

static int on_socket(struct netd *n, const struct record_socket *s, int fd)
{
	if (fd < 0)
		return -EBADF;
	return netd_sockets_add(&n->sockets, s, fd,
				netd_flow_tunnel(&n->flows, s->reqid),
				netd_now(n));
}

static int on_count(struct netd *n, uint32_t reqid)
{
	struct record r;
	int e;

	record_init(&r, RECORD_COUNTED, 0);
	e = netd_flow_count(&n->flows, reqid, &r.counted);
	r.counted.guarded = netd_sockets_of(&n->sockets, reqid, netd_now(n));
	if (e == 0)
		netd_agent_send(&n->agent, &r, NULL, 0);
	return e;
}

static int carry_out(struct netd *n, const struct record *r, int fd)
{
	const struct record_flow *f = &r->flow;

	switch ((enum record_type)r->type) {
	case RECORD_INSTALL:
		return on_install(n, &r->install);
	case RECORD_SWITCH:
		return netd_flow_switch(&n->flows, f->reqid);
	case RECORD_HARDEN:
		return netd_flow_harden(&n->flows, f->reqid);
	case RECORD_REMOVE_SA:
		return netd_flow_remove_sa(&n->flows, f->reqid, f->spi,
					   f->inbound, netd_now(n));
	case RECORD_MOVE:
		return netd_flow_move(&n->flows, f->reqid,
				      (uint16_t)f->udp_remote);
	case RECORD_REMOVE:
		return on_remove(n, f->reqid);
	case RECORD_VERDICT:
		return on_verdict(n, &r->verdict);
	case RECORD_SOCKET:
		return on_socket(n, &r->socket, fd);
	case RECORD_ABANDON:
		netd_sockets_lost(&n->sockets, f->reqid, true, netd_now(n));
		return 0;
	case RECORD_RELOAD:
		return netd_reload(n, r->reload.digest);
	case RECORD_COUNT:
		return on_count(n, f->reqid);
	case RECORD_BYE:
		on_bye(n);
		return 0;
	case RECORD_HELLO:
	case RECORD_ALIVE:
	case RECORD_WELCOME:
	case RECORD_REPLY:
	case RECORD_ACQUIRE:
	case RECORD_EXPIRE:
	case RECORD_USED:
	case RECORD_ORPHAN:
	case RECORD_ADDRESS:
	case RECORD_HINT:
	case RECORD_IDLE:
	case RECORD_MAPPED:
	case RECORD_BEGAN:
	case RECORD_REPAIR:
	case RECORD_COUNTED:
	case RECORD_TYPES:
		break;
	}
	return -EPROTO;
}

static void on_repair(struct netd *n, const struct record *to)
{
	struct record r;
	size_t mended = 0;
	int e = netd_repair(n, &mended);

	record_init(&r, RECORD_REPLY, to->seq);
	r.reply.error = e;
	r.reply.type = RECORD_REPAIR;
	r.reply.count = (uint32_t)mended;
	netd_agent_send(&n->agent, &r, NULL, 0);
}

static void refuse(struct netd *n, const struct record *r, int error,
		   const char *why)
{
	n->agent.refused++;
	log_limited(&n->limit, netd_now(n), LOG_WARNING, NULL,
		    "Refused: %s of the agent: %s (%s)",
		    record_type_name(r->type), why, strerror(-error));
	reply(n, r, error);
}

void netd_on_record(void *user, const struct record *r, int fd)
{
	struct netd *n = user;
	const char *why = "";
	int e = netd_guard_check(&n->guard, r, &why);

	if (e == 0 && !n->greeted && r->type != RECORD_HELLO &&
	    r->type != RECORD_ALIVE) {
		why = "no HELLO before";
		e = -EPROTO;
	}
	/* We may have ended it by ourselves meanwhile. */
	if (e == -ENOENT &&
	    (r->type == RECORD_REMOVE || r->type == RECORD_REMOVE_SA)) {
		reply(n, r, e);
		return;
	}
	if (e < 0) {
		refuse(n, r, e, why);
		return;
	}
	if (r->type == RECORD_ALIVE)
		return;
	if (r->type == RECORD_HELLO) {
		on_hello(n, r);
		return;
	}
	if (r->type == RECORD_REPAIR) {
		on_repair(n, r);
		return;
	}
	e = carry_out(n, r, fd);
	if (e < 0)
		log_limited(&n->limit, netd_now(n),
			    /* What is to go may be gone already. */
			    e == -ENOENT ? LOG_DEBUG : LOG_WARNING, NULL,
			    "%s failed: %s", record_type_name(r->type),
			    strerror(-e));
	reply(n, r, e);
}

void netd_on_hung(void *user, bool hung)
{
	struct netd *n = user;

	if (!n->greeted)
		return;
	netd_arm(n, !hung);
	show(hung ? "The agent hangs." : "Serving the agent.");
	if (!hung)
		report_unheard(n);
}

void netd_on_describe(void *user, struct record_alive *ret)
{
	const struct netd *n = user;
	struct hold_counters c = { 0 };

	ret->left_out = (uint32_t)n->guard.own->left_out;
	ret->events_lost = n->events_lost;
	ret->forwards = (forwarding_is_on(AF_INET) ? 1u : 0u) |
			(forwarding_is_on(AF_INET6) ? 2u : 0u);
	ret->began = (uint32_t)netd_connections_clear_now(&n->connections);
	if (n->hold)
		hold_count(n->hold, &c);
	ret->held = c.now_held;
	ret->held_no_room = (uint32_t)(c.overflowed + c.lost);
	ret->held_late = (uint32_t)c.timed_out;
}

void netd_on_closed(void *user)
{
	struct netd *n = user;

	n->greeted = false;
	netd_arm(n, false);
	netd_shunts_clear(&n->shunts, false);
	netd_flows_orphan(&n->flows, netd_now(n));
	show("Waiting for the agent.");
}
