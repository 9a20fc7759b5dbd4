/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a socket is that another program has handed to us: asked of the kernel
 * by its descriptor alone, so that nothing of it has to be believed.
 */
#ifndef TACIT_UTIL_SOCKET_H
#define TACIT_UTIL_SOCKET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/addr.h"

struct socket_info {
	uint16_t family;  /* of the socket: AF_INET or AF_INET6 */
	uint8_t protocol; /* IPPROTO_TCP or IPPROTO_UDP */
	bool connected;
	bool listening;
	bool both_families; /* AF_INET6 that can speak IPv4 as well */
	uid_t owner;	    /* who made it */
	uint64_t cookie;    /* the kernel's name for it; never used again */
	/* By which its route may be chosen; 0: none. */
	uint32_t mark, ifindex;
	/* An IPv4-mapped address is the IPv4 one; unspecified where unset. */
	struct endpoint local, remote;
};

/*
 * 0, or:
 *	-ENOTSOCK	 it is none
 *	-EAFNOSUPPORT	 neither AF_INET nor AF_INET6
 *	-EPROTONOSUPPORT neither TCP nor UDP
 *	-EXDEV		 it is of another network namespace than ours
 *	-EOPNOTSUPP	 this kernel cannot tell (before 5.14)
 *	-errno
 */
int socket_describe(int fd, struct socket_info *ret)
	__attribute__((warn_unused_result));

#endif
