/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The list, the policies, and the look once a second at what has ended.
 */
#include "agent/netd-connections.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/netd-flow.h"
#include "util/limits.h"

#define LOOK_MS 1000u

static void look(struct timer *timer, uint64_t now, void *user);

void netd_connections_init(struct netd_connections *t, struct netd_pairs *pairs,
			   struct timer_wheel *w)
{
	*t = (struct netd_connections){ .pairs = pairs,
					.kernel = pairs->kernel,
					.wheel = w,
					.between = sock_diag_between,
					.alive = sock_diag_alive };
	timer_init(&t->look, look);
}

static struct netd_connections_of *obtain(struct netd_connections *t,
					  struct netd_pair *p)
{
	struct netd_connections_of *of = p->connections;

	if (of)
		return of;
	of = calloc(1, sizeof(*of));
	if (!of)
		return NULL;
	of->table = t;
	of->pair = p;
	of->next = t->first;
	of->prev = &t->first;
	if (of->next)
		of->next->prev = &of->next;
	t->first = of;
	p->connections = of;
	return of;
}

/* The pair goes with the last one, unless something else is of it. */
static void release(struct netd_connections *t, struct netd_connections_of *of)
{
	if (of->n)
		return;
	*of->prev = of->next;
	if (of->next)
		of->next->prev = of->prev;
	of->pair->connections = NULL;
	netd_pair_release(t->pairs, of->pair);
	free(of);
	if (!t->first)
		timer_cancel(t->wheel, &t->look);
}

void netd_connections_done(struct netd_connections *t)
{
	while (t->first) {
		t->first->n = 0;
		release(t, t->first);
	}
}

static int nothing(const struct sock_diag_connection *c, void *user)
{
	(void)c;
	(void)user;
	return 0;
}

bool netd_connections_work(const struct netd_connections *t)
{
	const struct addr any = { .family = AF_INET };

	return t->between(&any, &any, nothing, NULL) == 0;
}

/* --- policies --------------------------------------------------------------- */

/* False: none in this direction. What is closed sends nothing, and so nothing
 * comes. */
static bool policy_of(const struct netd_pair *p,
		      const struct netd_connection *c, enum kdir dir,
		      struct kpolicy *ret)
{
	const struct sock_diag_connection *s = &c->socket;
	bool out = dir == KDIR_OUT;
	struct prefix local = prefix_host(&p->local);
	struct prefix remote = prefix_host(&p->remote);
	struct kpolicy k = { .dir = dir };

	if (!c->clear && !out)
		return false;
	k.sel = out ? kselector_between(&local, &remote)
		    : kselector_between(&remote, &local);
	k.sel.protocol = s->protocol;
	k.sel.sport = out ? s->local_port : s->remote_port;
	k.sel.dport = out ? s->remote_port : s->local_port;
	k.sel.sport_mask = k.sel.dport_mask = 0xffff;
	k.priority = KPOLICY_PRIO_CONNECTION;
	k.cookie = s->cookie;
	k.action = c->clear ? KACTION_PASS : KACTION_PROTECT;
	if (!c->clear)
		k.reqid = KERNEL_TRAP_REQID;
	*ret = k;
	return true;
}

static void put(struct netd_batch *b, enum change_op op,
		const struct netd_pair *p, const struct netd_connection *c)
{
	/* In before out. */
	static const enum kdir order[] = { KDIR_IN, KDIR_OUT };
	struct kpolicy k;

	for (size_t i = 0; i < 2; i++)
		if (policy_of(p, c, order[i], &k))
			netd_batch_policy(b, op, &k);
}

/* --- one more, one less ------------------------------------------------------- */

static void arm(struct netd_connections *t, uint64_t at)
{
	if (!timer_armed(&t->look))
		timer_arm(t->wheel, &t->look, at);
}

/* Looked after from now on, unless it is empty. */
static void keep(struct netd_connections *t, struct netd_connections_of *of,
		 uint64_t now)
{
	arm(t, now + LOOK_MS);
	release(t, of);
}

static int add(struct netd_connections *t, struct netd_connections_of *of,
	       const struct sock_diag_connection *s, bool clear)
{
	if (of->n >= LIMIT_CONNECTIONS_PAIR || t->count >= LIMIT_CONNECTIONS)
		return -E2BIG;
	of->list[of->n++] = (struct netd_connection){ *s, clear };
	of->n_clear += clear;
	t->count++;
	return 0;
}

static struct nft_change element(const struct netd_pair *p,
				 const struct netd_connection *c, bool remove)
{
	return (struct nft_change){
		.set = SET_CONNECTION,
		.remove = remove,
		.local = p->local,
		.remote = p->remote,
		.ports = { c->socket.protocol, c->socket.local_port,
			   c->socket.remote_port },
	};
}

static void tell(const struct netd_connections_of *of, size_t from)
{
	const struct netd_connections *t = of->table;
	struct nft_change changes[LIMIT_CONNECTIONS_PAIR];
	size_t n = 0;

	for (size_t i = from; i < of->n; i++)
		if (of->list[i].clear)
			changes[n++] = element(of->pair, &of->list[i], false);
	if (n && t->tables)
		t->tables(t->user, changes, n);
}

/* Those for which wanted() says so, from the kernel too. */
static void drop(struct netd_connections_of *of,
		 bool (*wanted)(const struct netd_connection *c, void *user),
		 void *user)
{
	struct netd_connections *t = of->table;
	struct nft_change gone[LIMIT_CONNECTIONS_PAIR];
	size_t n = 0, left = 0;
	struct netd_batch b;

	netd_batch_init(&b, t->kernel);
	for (size_t i = 0; i < of->n; i++) {
		struct netd_connection *c = &of->list[i];

		if (!wanted(c, user)) {
			of->list[left++] = *c;
			continue;
		}
		put(&b, CHANGE_POLICY_DELETE, of->pair, c);
		of->n_clear -= c->clear;
		t->count--;
		if (c->clear)
			gone[n++] = element(of->pair, c, true);
	}
	of->n = left;
	if (netd_batch_done(&b) < 0)
		log_error("Policies of single connections remain.");
	if (n && t->tables)
		t->tables(t->user, gone, n);
	if (n && t->changed)
		t->changed(t->user, of->pair);
	release(t, of);
}

static bool any(const struct netd_connection *c, void *user)
{
	(void)c;
	(void)user;
	return true;
}

static bool is_clear(const struct netd_connection *c, void *user)
{
	(void)user;
	return c->clear;
}

static bool is_closed(const struct netd_connection *c, void *user)
{
	(void)user;
	return !c->clear;
}

void netd_connections_clear(struct netd_connections *t)
{
	while (t->first)
		drop(t->first, any, NULL);
}

/* --- what is there ------------------------------------------------------------ */

struct listing {
	struct netd_connections *table;
	const struct netd_pair *pair;
	struct netd_connections_of *of; /* may be NULL where they are counted */
	bool clear;
	int count;
};

static bool knows(const struct netd_connections_of *of, uint64_t cookie)
{
	for (size_t i = 0; of && i < of->n; i++)
		if (of->list[i].socket.cookie == cookie)
			return true;
	return false;
}

static bool is_guarded(const struct netd_connections *t, uint64_t cookie)
{
	return t->is_guarded && t->is_guarded(t->user, cookie);
}

/* What is not of the traffic that the flow is for is as policy says. */
static bool is_of_flow(const struct netd_pair *p,
		       const struct sock_diag_connection *s)
{
	struct scope scope;

	return !netd_pair_scope(p, &scope) ||
	       scope_covers(&scope, s->protocol, s->local_port, s->remote_port);
}

static int on_socket(const struct sock_diag_connection *s, void *user)
{
	struct listing *l = user;

	if (is_guarded(l->table, s->cookie) || knows(l->of, s->cookie) ||
	    !is_of_flow(l->pair, s))
		return 0;
	return add(l->table, l->of, s, l->clear);
}

/* Adds what is there and not known; *ret_from: the first of those. The order is
 * kept. */
static int list(struct netd_connections *t, struct netd_connections_of *of,
		bool clear, size_t *ret_from)
{
	struct listing l = { t, of->pair, of, clear, 0 };

	*ret_from = of->n;
	return t->between(&of->pair->local, &of->pair->remote, on_socket, &l);
}

static int install(struct netd_connections_of *of, size_t from)
{
	struct netd_connections *t = of->table;
	struct netd_batch b;

	netd_batch_init(&b, t->kernel);
	for (size_t i = from; i < of->n; i++)
		put(&b, CHANGE_POLICY_SET, of->pair, &of->list[i]);
	tell(of, from);
	return netd_batch_done(&b);
}

/* They were never there. */
static void forget(struct netd_connections_of *of, size_t from)
{
	for (size_t i = from; i < of->n; i++)
		of->n_clear -= of->list[i].clear;
	of->table->count -= of->n - from;
	of->n = from;
}

static int begin(struct netd_connections *t, struct netd_connections_of *of)
{
	struct netd_pair *p = of->pair;
	size_t from;
	int r = list(t, of, true, &from);

	if (r < 0) {
		forget(of, from);
		return r == -EOPNOTSUPP ? 0 : r;
	}
	r = install(of, from);
	if (r == 0 && of->n_clear && t->changed)
		t->changed(t->user, p);
	return r;
}

int netd_connections_begin(struct netd_connections *t, struct netd_pair *p,
			   uint64_t now)
{
	struct netd_connections_of *of;
	int r;

	if (!t->may_be_clear(t->user, &p->remote))
		return 0;
	of = obtain(t, p);
	if (!of)
		return -ENOMEM;
	r = begin(t, of);
	if (r < 0)
		drop(of, is_clear, NULL);
	else
		keep(t, of, now);
	return r;
}

void netd_connections_go(struct netd_connections *t, struct netd_pair *p)
{
	(void)t;
	if (p->connections)
		drop(p->connections, is_closed, NULL);
}

void netd_connections_close(struct netd_connections *t, struct netd_pair *p)
{
	struct netd_connections_of *of;
	size_t from;
	int r = -ENOMEM;

	if (!t->may_be_clear(t->user, &p->remote))
		return;
	of = obtain(t, p);
	if (of) {
		r = list(t, of, false, &from);
		/* As many as there is room for. */
		if (install(of, from) < 0 && r == 0)
			r = -EIO;
		timer_arm(t->wheel, &t->look, 0); /* at once: see want() */
		release(t, of);
	}
	if (r < 0 && r != -EOPNOTSUPP && t->failed)
		t->failed(t->user, r);
}

void netd_connections_end(struct netd_connections *t, struct netd_pair *p)
{
	(void)t;
	if (p->connections)
		drop(p->connections, is_clear, NULL);
}

void netd_connections_review(struct netd_connections *t)
{
	for (struct netd_connections_of *of = t->first, *next; of; of = next) {
		next = of->next;
		if (!t->may_be_clear(t->user, &of->pair->remote))
			drop(of, any, NULL);
	}
}

size_t netd_connections_clear_now(const struct netd_connections *t)
{
	size_t n = 0;

	for (struct netd_connections_of *of = t->first; of; of = of->next)
		n += of->n_clear;
	return n;
}

static int on_count(const struct sock_diag_connection *s, void *user)
{
	struct listing *l = user;

	l->count += is_of_flow(l->pair, s) && !knows(l->of, s->cookie);
	return 0;
}

int netd_connections_count(const struct netd_connections *t,
			   const struct netd_pair *p)
{
	struct listing l = { .pair = p, .of = p->connections };
	int r = t->between(&p->local, &p->remote, on_count, &l);

	return r < 0 ? r : l.count;
}

/* --- what has ended ----------------------------------------------------------- */

struct verdicts {
	const struct netd_connections_of *of;
	bool alive[LIMIT_CONNECTIONS_PAIR];
};

static bool is_over(const struct netd_connection *c, void *user)
{
	const struct verdicts *v = user;

	return !v->alive[c - v->of->list];
}

static int ask(const struct netd_connections_of *of, struct verdicts *v)
{
	const struct sock_diag_connection *sockets[LIMIT_CONNECTIONS_PAIR];

	v->of = of;
	for (size_t i = 0; i < of->n; i++)
		sockets[i] = &of->list[i].socket;
	return of->table->alive(&of->pair->local, &of->pair->remote, sockets,
				of->n, v->alive);
}

/* The peer cannot begin with us, and may have something to say. */
static void want(const struct netd_connections_of *of)
{
	const struct netd_connections *t = of->table;

	for (size_t i = 0; i < of->n && t->wanted; i++)
		if (!of->list[i].clear && !of->pair->flow) {
			t->wanted(t->user, of->pair, &of->list[i].socket);
			return;
		}
}

static void look(struct timer *timer, uint64_t now, void *user)
{
	struct netd_connections *t =
		container_of(timer, struct netd_connections, look);

	(void)user;
	for (struct netd_connections_of *of = t->first, *next; of; of = next) {
		struct verdicts v = { 0 };
		int r = ask(of, &v);
		bool over = false;

		next = of->next;
		want(of);
		for (size_t i = 0; i < of->n && r == 0; i++)
			over |= !v.alive[i];
		if (over)
			drop(of, is_over, &v);
	}
	if (t->first)
		arm(t, now + LOOK_MS);
}

/* --- start and repair ----------------------------------------------------------- */

/* The connection whose out-policy this is; false: it is none of ours. */
static bool read_policy(const struct kpolicy *p, struct netd_connection *ret)
{
	const struct kselector *s = &p->sel;

	if (p->priority != KPOLICY_PRIO_CONNECTION || p->dir != KDIR_OUT ||
	    s->sport_mask != 0xffff || s->dport_mask != 0xffff || !p->cookie)
		return false;
	*ret = (struct netd_connection){
		.socket = { .cookie = p->cookie,
			    .protocol = s->protocol,
			    .local_port = s->sport,
			    .remote_port = s->dport },
		.clear = p->action == KACTION_PASS,
	};
	return true;
}

/* Clear beside a lease, closed without one. */
static bool has_reason(const struct netd_connections *t,
		       const struct netd_pair *p,
		       const struct netd_connection *c)
{
	if (!t->may_be_clear(t->user, &p->remote))
		return false;
	return c->clear ? p->flow && p->flow->lease.family : !p->flow;
}

static void adopt_one(struct netd_connections *t, const struct kpolicy *k)
{
	struct netd_connections_of *of;
	struct netd_connection c;
	struct netd_pair *p;

	if (!read_policy(k, &c))
		return;
	p = netd_pair_obtain(t->pairs, &k->sel.src.addr, &k->sel.dst.addr);
	if (!p)
		return;
	of = has_reason(t, p, &c) ? obtain(t, p) : NULL;
	if (!of)
		netd_pair_release(t->pairs, p);
	else if (add(t, of, &c.socket, c.clear) < 0)
		release(t, of);
}

void netd_connections_adopt(struct netd_connections *t,
			    const struct kpolicy *found, size_t n, uint64_t now)
{
	for (size_t i = 0; i < n; i++)
		adopt_one(t, &found[i]);
	for (struct netd_connections_of *of = t->first, *next; of; of = next) {
		struct verdicts v = { 0 };

		next = of->next;
		if (ask(of, &v) < 0)
			memset(v.alive, 0, sizeof(v.alive));
		if (install(of, 0) < 0)
			log_error("A connection that began in the clear will "
				  "not go on.");
		drop(of, is_over, &v);
	}
	if (t->first)
		arm(t, now + LOOK_MS);
}

bool netd_connections_want(const struct netd_connections *t,
			   const struct kpolicy *place, struct kpolicy *ret)
{
	bool out = place->dir == KDIR_OUT;
	const struct kselector *s = &place->sel;
	const struct addr *local = out ? &s->src.addr : &s->dst.addr;
	const struct addr *remote = out ? &s->dst.addr : &s->src.addr;
	const struct netd_pair *p;
	struct kpolicy k;

	if (!t->first || place->dir == KDIR_FWD)
		return false;
	p = netd_pair_get(t->pairs, local, remote);
	for (size_t i = 0; p && p->connections && i < p->connections->n; i++)
		if (policy_of(p, &p->connections->list[i], place->dir, &k) &&
		    kpolicy_same_place(&k, place)) {
			*ret = k;
			return true;
		}
	return false;
}

int netd_connections_mend(struct netd_connections *t,
			  bool (*stands)(void *user, const struct kpolicy *p),
			  void *user, size_t *ret_n)
{
	struct netd_batch b;
	int r;

	netd_batch_init(&b, t->kernel);
	b.stands = stands;
	b.user = user;
	for (struct netd_connections_of *of = t->first; of; of = of->next)
		for (size_t i = 0; i < of->n; i++)
			put(&b, CHANGE_POLICY_SET, of->pair, &of->list[i]);
	r = netd_batch_done(&b);
	*ret_n = b.made;
	return r;
}

void netd_connections_tell(const struct netd_connections *t)
{
	for (struct netd_connections_of *of = t->first; of; of = of->next)
		tell(of, 0);
}
