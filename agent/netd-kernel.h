/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel as tacit-netd's tables see it: a function that carries out
 * changes, and one that asks. Tests put a recorder in its place.
 */
#ifndef TACIT_AGENT_NETD_KERNEL_H
#define TACIT_AGENT_NETD_KERNEL_H

#include "xfrm/change.h"

struct netd_kernel {
	void *user;
	/* As change_apply(). */
	int (*apply)(void *user, struct change *c, size_t n);
	/* As sad_used(), and sad_look(). */
	int (*used)(void *user, const struct ksa *sa);
	int (*read)(void *user, const struct ksa *sa, struct ksa *ret);
	/* As sad_move(). */
	int (*move)(void *user, const struct ksa *sa, uint16_t udp_remote);
};

/* Changes of policies gathered and sent many at a time. What fails is logged;
 * the first error is kept. */
struct netd_batch {
	const struct netd_kernel *kernel;
	struct change *list;
	size_t n;
	int error;
	/* Changes that are needless, or NULL: all are made. */
	bool (*stands)(void *user, const struct kpolicy *p);
	void *user;
	size_t made;
};

void netd_batch_init(struct netd_batch *b, const struct netd_kernel *k);
void netd_batch_policy(struct netd_batch *b, enum change_op op,
		       const struct kpolicy *p);
/* Sends what is left and frees. 0 or the first error of all. */
int netd_batch_done(struct netd_batch *b) __attribute__((warn_unused_result));

#endif
