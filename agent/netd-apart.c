/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whom connections apart from their flows (agent/netd-connections.h) concern:
 * the tables that hold packets and hear of them, and the agent.
 */
#include <errno.h>
#include <string.h>

#include "agent/netd.h"
#include "util/log.h"

/* Where it is left to programs and peers. */
static bool may_be_clear(void *user, const struct addr *remote)
{
	const struct netd *n = user;
	const struct policy *p =
		policy_table_lookup(n->config->policies, remote);

	return p && (p->level == POLICY_ALLOW || p->level == POLICY_OFFER);
}

static bool is_guarded(void *user, uint64_t cookie)
{
	const struct netd *n = user;

	return netd_sockets_has(&n->sockets, cookie);
}

/* A table that somebody has removed is made anew with all of them. */
static void on_tables(void *user, const struct nft_change *c, size_t n)
{
	struct netd *d = user;
	int r = d->hold ? hold_connections(d->hold, c, n) : 0;
	int h = d->hear ? hear_connections(d->hear, c, n) : 0;

	if (r == 0)
		r = h;
	if (r < 0)
		log_limited(&d->limit, netd_now(d), LOG_DEBUG, NULL,
			    "single connections: %s", strerror(-r));
}

static void on_failed(void *user, int error)
{
	struct netd *n = user;

	log_limited(&n->limit, netd_now(n), LOG_WARNING, NULL,
		    "Not all connections by an address that was leased us are "
		    "kept out of the clear: %s",
		    strerror(-error));
}

static void send_began(struct netd *n, struct record *r)
{
	netd_agent_send(&n->agent, r, NULL, 0);
	r->began.first = 0;
	r->began.n = 0;
	memset(r->began.list, 0, sizeof(r->began.list));
}

static void on_changed(void *user, const struct netd_pair *p)
{
	const struct netd_connections_of *of = p->connections;
	struct netd *n = user;
	struct record r;

	if (!netd_agent_listens(n))
		return;
	record_init(&r, RECORD_BEGAN, 0);
	r.began.local = p->local;
	r.began.remote = p->remote;
	r.began.first = 1;
	for (size_t i = 0; i < of->n; i++) {
		const struct sock_diag_connection *s = &of->list[i].socket;

		if (!of->list[i].clear)
			continue;
		if (r.began.n == RECORD_BEGAN_MAX)
			send_began(n, &r);
		r.began.list[r.began.n++] = (struct record_connection){
			.protocol = s->protocol,
			.local_port = s->local_port,
			.remote_port = s->remote_port,
		};
	}
	send_began(n, &r);
}

static void on_wanted(void *user, const struct netd_pair *p,
		      const struct sock_diag_connection *c)
{
	struct record_acquire q = {
		.local = p->local,
		.remote = p->remote,
		.reqid = KERNEL_TRAP_REQID,
		.protocol = c->protocol,
		.local_port = c->local_port,
		.remote_port = c->remote_port,
	};

	netd_send_acquire(user, &q);
}

void netd_apart_report(struct netd *n)
{
	for (const struct netd_connections_of *of = n->connections.first; of;
	     of = of->next)
		if (of->n_clear)
			on_changed(n, of->pair);
}

void netd_apart_renew(struct netd *n)
{
	netd_connections_tell(&n->connections);
}

void netd_apart_start(struct netd *n)
{
	struct netd_connections *t = &n->connections;

	netd_connections_init(t, &n->pairs, n->wheel);
	t->user = n;
	t->may_be_clear = may_be_clear;
	t->is_guarded = is_guarded;
	t->tables = on_tables;
	t->changed = on_changed;
	t->wanted = on_wanted;
	t->failed = on_failed;
	n->flows.connections = t;
}
