/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The listener for deletions.
 */
#include "xfrm/watch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/xfrm.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "xfrm/codec.h"
#include "xfrm/nlsock.h"

/* Datagrams in one go: other work of the loop must come between. */
#define WATCH_ROUND 256

struct watch {
	struct watch_ops ops;
	struct nlsock *s;
};

static int watch_take(const struct nlmsghdr *h, void *user)
{
	struct watch *w = user;
	struct kpolicy p;
	struct ksa sa;

	if (h->nlmsg_type == XFRM_MSG_FLUSHSA ||
	    h->nlmsg_type == XFRM_MSG_FLUSHPOLICY)
		w->ops.flushed(w->ops.user);
	else if (codec_read_policy_gone(h, &p) == 0)
		w->ops.policy(w->ops.user, &p);
	else if (codec_read_sa_gone(h, &sa) == 0)
		w->ops.sa(w->ops.user, &sa);
	return 0;
}

/* Classic BPF reads in network order; a datagram is one message. */
static int watch_filter(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS,
			 offsetof(struct nlmsghdr, nlmsg_type)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(XFRM_MSG_DELSA), 4,
			 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(XFRM_MSG_DELPOLICY),
			 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(XFRM_MSG_FLUSHSA), 2,
			 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(XFRM_MSG_FLUSHPOLICY),
			 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	struct sock_fprog program = {
		.len = sizeof(code) / sizeof(code[0]),
		.filter = code,
	};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program,
			  sizeof(program)) < 0
		       ? -errno
		       : 0;
}

int watch_new(const struct watch_ops *ops, struct watch **ret)
{
	static const unsigned groups[] = { XFRMNLGRP_SA, XFRMNLGRP_POLICY };
	struct watch *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	w->ops = *ops;
	r = nlsock_open(NETLINK_XFRM, &w->s);
	if (r == 0)
		r = watch_filter(nlsock_fd(w->s));
	if (r == 0)
		r = nlsock_listen(w->s, groups, 2);
	if (r < 0) {
		watch_free(w);
		return r;
	}
	*ret = w;
	return 0;
}

struct watch *watch_free(struct watch *w)
{
	if (!w)
		return NULL;
	nlsock_free(w->s);
	free(w);
	return NULL;
}

int watch_fd(const struct watch *w)
{
	return nlsock_fd(w->s);
}

int watch_dispatch(struct watch *w)
{
	for (int i = 0; i < WATCH_ROUND; i++) {
		int r = nlsock_receive(w->s, watch_take, w);

		if (r == -ENOBUFS)
			w->ops.flushed(w->ops.user);
		else if (r <= 0)
			return r;
	}
	return 0;
}
