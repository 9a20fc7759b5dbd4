/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What of ours stands in the kernel now: policies and SAs, larval states left
 * out. Read in one go, to be compared with what should be there.
 */
#ifndef TACIT_AGENT_NETD_FOUND_H
#define TACIT_AGENT_NETD_FOUND_H

#include <stddef.h>

#include "xfrm/kernel.h"

struct nlsock;

struct netd_found {
	struct kpolicy *policies;
	struct ksa *sas; /* the newest first */
	size_t n_policies, n_sas;
};

/* 0 or -errno; netd_found_done() in any case. */
int netd_found_read(struct nlsock *nl, struct netd_found *ret)
	__attribute__((warn_unused_result));
void netd_found_done(struct netd_found *f);
/* For the questions below; the order of reading is lost. */
void netd_found_sort(struct netd_found *f);
/* The policy in this place, or NULL. */
const struct kpolicy *netd_found_policy(const struct netd_found *f,
					const struct kpolicy *place);
bool netd_found_sa(const struct netd_found *f, const struct addr *dst,
		   uint32_t spi);
/* Does it stand as it should be, but for the time that it has left? */
bool netd_found_stands(const struct netd_found *f, const struct kpolicy *p);

#endif
