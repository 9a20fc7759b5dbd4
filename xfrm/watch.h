/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hears when SAs and policies are deleted in the kernel, by whomever, so that
 * somebody's "ip xfrm policy flush" does not go unnoticed. A filter in the
 * kernel keeps what is added and changed away from us.
 */
#ifndef TACIT_XFRM_WATCH_H
#define TACIT_XFRM_WATCH_H

#include "xfrm/kernel.h"

struct watch_ops {
	void *user;
	/* In this place (selector, direction, mark) a policy was deleted. */
	void (*policy)(void *user, const struct kpolicy *place);
	/* The SA of this destination and SPI was. */
	void (*sa)(void *user, const struct ksa *sa);
	/* All were, or events were lost: compare. */
	void (*flushed)(void *user);
};

struct watch;

/* 0 or -errno, as event_listener_new(). */
int watch_new(const struct watch_ops *ops, struct watch **ret)
	__attribute__((warn_unused_result));
struct watch *watch_free(struct watch *w);
int watch_fd(const struct watch *w);
/* 0 or -errno (fatal). Takes a bounded number; the rest the next time. */
int watch_dispatch(struct watch *w) __attribute__((warn_unused_result));

#endif
