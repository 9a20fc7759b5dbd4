/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two ways to find an entry, and two walks over the kernel's sockets: one that
 * closes, one that finds out which are gone.
 */
#include "agent/netd-sockets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/limits.h"
#include "util/socket.h"
#include "xfrm/sock-diag.h"
#include "xfrm/socket-policy.h"

/* No SA has it: not one of a flow, and not a trap's. */
#define CLOSED_REQID (RECORD_REQID_MIN - 2)
/* So long a socket may have neither port nor peer; the kernel lists it only
 * with one of them. */
#define UNBOUND_MS 60000u
/* A user who is at his limit does not make us look all the time. */
#define SWEEP_MS 1000u

struct guarded {
	struct handle self;
	struct hmap_node by_cookie; /* hash: the cookie */
	struct hmap_node by_reqid;  /* hash: the reqid */
	uint64_t cookie;
	uint64_t since; /* ms */
	uid_t owner;
	uint16_t family;
	uint8_t protocol;
	bool identified;
	bool lost; /* its flow has gone */
	bool seen; /* the kernel has it, says the walk under way */
};

static const struct {
	uint16_t family;
	uint8_t protocol;
} kinds[] = {
	{ AF_INET, IPPROTO_TCP },
	{ AF_INET6, IPPROTO_TCP },
	{ AF_INET, IPPROTO_UDP },
	{ AF_INET6, IPPROTO_UDP },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

int netd_sockets_init(struct netd_sockets *t)
{
	*t = (struct netd_sockets){ .require = socket_policy_require,
				    .destroy = sock_diag_destroy };
	hmap_init(&t->by_cookie);
	hmap_init(&t->by_reqid);
	t->all = slots_new(LIMIT_GUARDED_SOCKETS);
	return t->all ? 0 : -ENOMEM;
}

static void guarded_free(struct netd_sockets *t, struct guarded *g)
{
	slots_remove(t->all, g->self);
	hmap_remove(&t->by_cookie, &g->by_cookie);
	hmap_remove(&t->by_reqid, &g->by_reqid);
	free(g);
}

void netd_sockets_done(struct netd_sockets *t)
{
	uint32_t cursor = 0;
	struct guarded *g;

	if (!t->all)
		return;
	while ((g = slots_next(t->all, &cursor)))
		guarded_free(t, g);
	t->all = slots_free(t->all);
	hmap_done(&t->by_cookie);
	hmap_done(&t->by_reqid);
}

size_t netd_sockets_count(const struct netd_sockets *t)
{
	return slots_count(t->all);
}

static struct guarded *find(const struct netd_sockets *t, uint64_t cookie)
{
	struct hmap_node *n = hmap_first(&t->by_cookie, cookie);

	/* The hash is the cookie itself. */
	return n ? container_of(n, struct guarded, by_cookie) : NULL;
}

bool netd_sockets_has(const struct netd_sockets *t, uint64_t cookie)
{
	return find(t, cookie) != NULL;
}

/* --- which are gone ------------------------------------------------------- */

static bool mark_seen(uint64_t cookie, void *user)
{
	struct guarded *g = find(user, cookie);

	if (g)
		g->seen = true;
	return false;
}

static void sweep(struct netd_sockets *t, uint64_t now)
{
	unsigned failed = 0;
	uint32_t cursor = 0;
	struct guarded *g;

	if (t->swept && now - t->swept < SWEEP_MS)
		return;
	t->swept = now;
	for (size_t i = 0; i < KINDS; i++)
		/* Without a list nothing is known to be gone. */
		if (t->destroy(kinds[i].family, kinds[i].protocol, mark_seen, t,
			       &failed) < 0)
			return;
	while ((g = slots_next(t->all, &cursor))) {
		if (!g->seen && now - g->since > UNBOUND_MS)
			guarded_free(t, g);
		else
			g->seen = false;
	}
}

bool netd_sockets_of(struct netd_sockets *t, uint32_t reqid, uint64_t now)
{
	if (hmap_first(&t->by_reqid, reqid))
		sweep(t, now);
	return hmap_first(&t->by_reqid, reqid) != NULL;
}

/* --- adding --------------------------------------------------------------- */

static bool has_place(const struct netd_sockets *t, uid_t owner)
{
	const struct guarded *g;
	uint32_t cursor = 0, own = 0;

	if (slots_count(t->all) >= LIMIT_GUARDED_SOCKETS)
		return false;
	while ((g = slots_next(t->all, &cursor)))
		own += g->owner == owner;
	return own < LIMIT_GUARDED_SOCKETS_USER;
}

static int add(struct netd_sockets *t, const struct socket_info *s,
	       struct guarded **ret)
{
	struct guarded *g = find(t, s->cookie);
	int r;

	if (g) {
		*ret = g;
		return 0;
	}
	g = calloc(1, sizeof(*g));
	if (!g)
		return -ENOMEM;
	g->cookie = s->cookie;
	g->owner = s->owner;
	g->family = s->family;
	g->protocol = s->protocol;
	r = slots_add(t->all, g, &g->self);
	if (r < 0) {
		free(g);
		return r;
	}
	/* Only the first insertion of each needs memory. */
	r = hmap_insert(&t->by_cookie, &g->by_cookie, s->cookie);
	if (r == 0)
		r = hmap_insert(&t->by_reqid, &g->by_reqid, 0);
	if (r < 0) {
		slots_remove(t->all, g->self);
		free(g);
		return r;
	}
	*ret = g;
	return 0;
}

/* Is it one whose every packet can be kept to this peer? */
static bool is_fit(const struct socket_info *s, const struct record_socket *r)
{
	if (s->listening || s->family != r->local.family)
		return false;
	if (s->connected && !addr_equal(&s->remote.addr, &r->remote))
		return false;
	/* A policy is for one family: packets of the other would pass by. */
	return !s->both_families ||
	       (s->protocol == IPPROTO_TCP && s->connected);
}

int netd_sockets_add(struct netd_sockets *t, const struct record_socket *r,
		     int fd, const struct addr *tunnel, uint64_t now)
{
	struct socket_info s;
	struct guarded *g;
	int e = socket_describe(fd, &s);

	if (e < 0)
		return e;
	if (!is_fit(&s, r))
		return -EINVAL;
	g = find(t, s.cookie);
	if (!r->reqid) {
		if (g)
			guarded_free(t, g);
		return t->require(fd, &r->local, &r->remote, CLOSED_REQID,
				  false);
	}
	if (!g && !has_place(t, s.owner)) {
		sweep(t, now);
		if (!has_place(t, s.owner))
			return -EDQUOT;
	}
	e = add(t, &s, &g);
	if (e < 0)
		return e;
	/* Cannot fail: it is not the first one. */
	hmap_remove(&t->by_reqid, &g->by_reqid);
	e = hmap_insert(&t->by_reqid, &g->by_reqid, r->reqid);
	if (e < 0)
		return e;
	g->identified = r->identified;
	g->since = now;
	return t->require(fd, &r->local, tunnel ? tunnel : &r->remote, r->reqid,
			  tunnel != NULL);
}

/* --- losing --------------------------------------------------------------- */

static bool is_lost(uint64_t cookie, void *user)
{
	const struct guarded *g = find(user, cookie);

	return g && g->lost;
}

/* The kernel may lack the means; the sockets are closed to clear packets all
 * the same. */
static void destroy_lost(struct netd_sockets *t, size_t kind, uint64_t now)
{
	unsigned failed = 0;
	int r = t->destroy(kinds[kind].family, kinds[kind].protocol, is_lost, t,
			   &failed);

	if (r == 0 && !failed)
		return;
	log_limited(&t->limit, now, LOG_WARNING, NULL,
		    "Sockets whose protection is lost could not be closed "
		    "(%s); they send nothing, and their programs find out "
		    "late.",
		    r < 0 ? strerror(-r) : "CONFIG_INET_DIAG_DESTROY missing");
}

void netd_sockets_lost(struct netd_sockets *t, uint32_t reqid, bool identified,
		       uint64_t now)
{
	bool any[KINDS] = { false };

	hmap_for_each (n, &t->by_reqid, reqid) {
		struct guarded *g = container_of(n, struct guarded, by_reqid);

		g->lost = g->identified || !identified;
		for (size_t i = 0; i < KINDS; i++)
			any[i] |= g->lost && g->family == kinds[i].family &&
				  g->protocol == kinds[i].protocol;
	}
	for (size_t i = 0; i < KINDS; i++)
		if (any[i])
			destroy_lost(t, i, now);
	for (struct hmap_node *n = hmap_first(&t->by_reqid, reqid), *next; n;
	     n = next) {
		struct guarded *g = container_of(n, struct guarded, by_reqid);

		next = hmap_next_same(n);
		if (g->lost)
			guarded_free(t, g);
	}
}
