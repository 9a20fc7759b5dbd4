/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the kernel's XFRM announces: acquires, and the ends of SAs and
 * policies. Only events about ours come through.
 */
#ifndef TACIT_XFRM_EVENT_H
#define TACIT_XFRM_EVENT_H

#include "xfrm/kernel.h"

struct event_ops {
	void *user;
	void (*acquire)(void *user, const struct kacquire *a);
	void (*expire)(void *user, const struct kexpire *e);
	void (*mapping)(void *user, const struct kmapping *m);
	/* A policy of ours ran out: the kernel has removed it. */
	void (*policy_gone)(void *user, const struct kpolicy *p);
	/* Events were lost: look at the databases. */
	void (*lost)(void *user);
};

struct event_listener;

/* 0; -EPERM: no CAP_NET_ADMIN; -EPROTONOSUPPORT: no XFRM_USER; -errno. */
int event_listener_new(const struct event_ops *ops, struct event_listener **ret)
	__attribute__((warn_unused_result));
struct event_listener *event_listener_free(struct event_listener *l);
int event_listener_fd(const struct event_listener *l);
/* 0 or -errno (fatal). Takes a bounded number; the rest the next time. */
int event_listener_dispatch(struct event_listener *l)
	__attribute__((warn_unused_result));

#endif
