/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From which address of ours packets to another host would go. Asked of the
 * routing table alone: no IPsec policy is looked at, and nothing is trapped.
 */
#ifndef TACIT_UTIL_ROUTE_H
#define TACIT_UTIL_ROUTE_H

#include <sys/types.h>

#include "util/addr.h"

/* What rules may choose a route by; all zero: nothing special, root's. */
struct route_from {
	uint32_t mark;	  /* SO_MARK */
	uint32_t ifindex; /* bound to this device; 0: none */
	uid_t owner;
};

/* 0; -ENETUNREACH, -EHOSTUNREACH, -EACCES...: there is no route; -errno. */
int route_source(const struct addr *remote, const struct route_from *from,
		 struct addr *ret) __attribute__((warn_unused_result));

#endif
