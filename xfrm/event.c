/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The listener for XFRM events.
 */
#include "xfrm/event.h"

#include <errno.h>
#include <linux/xfrm.h>
#include <stdlib.h>

#include "xfrm/codec.h"
#include "xfrm/nlsock.h"

/* Datagrams in one go: other work of the loop must come between. */
#define EVENT_ROUND 256

struct event_listener {
	struct event_ops ops;
	struct nlsock *s;
};

/* What cannot be read is not ours. */
static int event_take(const struct nlmsghdr *h, void *user)
{
	struct event_listener *l = user;
	struct kacquire a;
	struct kexpire e;
	struct kmapping m;
	struct kpolicy p;

	if (codec_read_acquire(h, &a) == 0) {
		if (a.reqid == KERNEL_TRAP_REQID)
			l->ops.acquire(l->ops.user, &a);
	} else if (codec_read_expire(h, &e) == 0) {
		if (kernel_flow_reqid(e.sa.reqid) && !e.sa.larval)
			l->ops.expire(l->ops.user, &e);
	} else if (codec_read_mapping(h, &m) == 0) {
		if (kernel_flow_reqid(m.reqid))
			l->ops.mapping(l->ops.user, &m);
	} else if (codec_read_policy_expire(h, &p) == 0) {
		if (kpolicy_is_ours(&p))
			l->ops.policy_gone(l->ops.user, &p);
	}
	return 0;
}

int event_listener_new(const struct event_ops *ops, struct event_listener **ret)
{
	static const unsigned groups[] = { XFRMNLGRP_ACQUIRE, XFRMNLGRP_EXPIRE,
					   XFRMNLGRP_MAPPING };
	struct event_listener *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	l->ops = *ops;
	r = nlsock_open(NETLINK_XFRM, &l->s);
	if (r == 0)
		r = nlsock_listen(l->s, groups, 3);
	if (r < 0) {
		event_listener_free(l);
		return r;
	}
	*ret = l;
	return 0;
}

struct event_listener *event_listener_free(struct event_listener *l)
{
	if (!l)
		return NULL;
	nlsock_free(l->s);
	free(l);
	return NULL;
}

int event_listener_fd(const struct event_listener *l)
{
	return nlsock_fd(l->s);
}

int event_listener_dispatch(struct event_listener *l)
{
	for (int i = 0; i < EVENT_ROUND; i++) {
		int r = nlsock_receive(l->s, event_take, l);

		if (r == -ENOBUFS)
			l->ops.lost(l->ops.user);
		else if (r <= 0)
			return r;
	}
	return 0;
}
