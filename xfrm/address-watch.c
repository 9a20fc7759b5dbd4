/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Following our own addresses: a dump, then events; after lost events another
 * dump, compared with what was known.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>

#include "util/limits.h"
#include "util/log.h"
#include "xfrm/address.h"
#include "xfrm/nlsock.h"

struct address_watch {
	struct address_ops ops;
	struct address_table table;
	struct nlsock *events;
	bool said; /* that there are too many */
};

static bool same_address(const struct address *a, const struct address *b)
{
	return a->ifindex == b->ifindex && addr_equal(&a->addr, &b->addr);
}

static void address_watch_remove(struct address_watch *w,
				 const struct address *a)
{
	const struct address *known = address_table_get(&w->table, a);
	struct address gone;

	if (!known)
		return;
	gone = *known;
	(void)address_table_remove(&w->table, a);
	w->ops.removed(w->ops.user, &gone);
}

static int address_watch_add(struct address_watch *w, const struct address *a)
{
	const struct address *known = address_table_get(&w->table, a);
	int r;

	if (known && addr_equal(&known->broadcast, &a->broadcast))
		return 0;
	if (known)
		address_watch_remove(w, a);
	r = address_table_add(&w->table, a);
	if (r == -ENOSPC) {
		if (!w->said)
			log_error("This host has more than %u addresses: "
				  "traffic of the others is not protected.",
				  LIMIT_OWN_ADDRESSES);
		w->said = true;
		return 0;
	}
	if (r == 0)
		w->ops.added(w->ops.user, a);
	return r;
}

static void address_watch_link(struct address_watch *w, uint32_t ifindex,
			       bool running)
{
	for (size_t i = 0; i < w->table.count; i++) {
		struct address *a = &w->table.list[i];
		bool was_down = a->down;

		if (a->ifindex != ifindex)
			continue;
		a->down = !running;
		if (was_down && running && w->ops.back)
			w->ops.back(w->ops.user, a);
	}
}

static int address_watch_take(const struct nlmsghdr *h, void *user)
{
	struct address_watch *w = user;
	struct address a;
	uint32_t ifindex;
	bool gone, running;

	if (address_read_link(h, &ifindex, &running) == 0) {
		address_watch_link(w, ifindex, running);
		return 0;
	}
	/* What cannot be read is no address. */
	if (address_read(h, &a, &gone) < 0)
		return 0;
	if (!gone)
		return address_watch_add(w, &a);
	address_watch_remove(w, &a);
	return 0;
}

static int address_dump_take(const struct nlmsghdr *h, void *user)
{
	struct address a;
	bool gone;
	int r;

	if (address_read(h, &a, &gone) < 0 || gone)
		return 0;
	r = address_table_add(user, &a);
	return r == -ENOMEM ? r : 0;
}

static int address_dump(struct address_table *t)
{
	struct rtgenmsg all = { .rtgen_family = AF_UNSPEC };
	struct nlsock *s = NULL;
	struct nl_msg *m;
	int r = nlsock_open(NETLINK_ROUTE, &s);

	if (r < 0)
		return r;
	m = nlmsg_alloc_simple(RTM_GETADDR, NLM_F_DUMP);
	r = m && nlmsg_append(m, &all, sizeof(all), NLMSG_ALIGNTO) == 0
		    ? 0
		    : -ENOMEM;
	for (int i = 0; r == 0 && i < 5; i++) {
		r = nlsock_ask(s, m, NLM_F_DUMP, address_dump_take, t);
		if (r != -EINTR)
			break;
		address_table_done(t);
		r = 0;
	}
	nlmsg_free(m);
	nlsock_free(s);
	return r;
}

static bool address_listed(const struct address_table *t,
			   const struct address *a)
{
	for (size_t i = 0; i < t->count; i++)
		if (same_address(&t->list[i], a))
			return true;
	return false;
}

/* What went while we did not hear it, then what came. */
static int address_watch_read(struct address_watch *w)
{
	struct address_table now = { 0 };
	int r = address_dump(&now);

	for (size_t i = 0; r == 0 && i < w->table.count;) {
		struct address a = w->table.list[i];

		if (address_listed(&now, &a))
			i++;
		else
			address_watch_remove(w, &a);
	}
	for (size_t i = 0; r == 0 && i < now.count; i++)
		r = address_watch_add(w, &now.list[i]);
	if (r == 0 && now.left_out && !w->said) {
		w->said = true;
		log_error("%zu addresses of this host are beyond the limit of "
			  "%u: their traffic is not protected.",
			  now.left_out, LIMIT_OWN_ADDRESSES);
	}
	address_table_done(&now);
	return r;
}

int address_watch_new(const struct address_ops *ops, struct address_watch **ret)
{
	static const unsigned groups[] = { RTNLGRP_IPV4_IFADDR,
					   RTNLGRP_IPV6_IFADDR, RTNLGRP_LINK };
	struct address_watch *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	w->ops = *ops;
	r = nlsock_open(NETLINK_ROUTE, &w->events);
	if (r == 0)
		r = nlsock_listen(w->events, groups, 3);
	if (r == 0)
		r = address_watch_read(w);
	if (r < 0) {
		address_watch_free(w);
		return r;
	}
	*ret = w;
	return 0;
}

struct address_watch *address_watch_free(struct address_watch *w)
{
	if (!w)
		return NULL;
	nlsock_free(w->events);
	address_table_done(&w->table);
	free(w);
	return NULL;
}

int address_watch_fd(const struct address_watch *w)
{
	return nlsock_fd(w->events);
}

int address_watch_dispatch(struct address_watch *w)
{
	int r;

	while ((r = nlsock_receive(w->events, address_watch_take, w)) != 0) {
		if (r == -ENOBUFS)
			r = address_watch_read(w);
		if (r < 0)
			return r;
	}
	return 0;
}

const struct address_table *address_watch_table(const struct address_watch *w)
{
	return &w->table;
}
