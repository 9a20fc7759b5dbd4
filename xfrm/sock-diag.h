/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sockets of this network namespace, by the kernel's list of them
 * (NETLINK_SOCK_DIAG), and their end: SOCK_DESTROY closes one with the error
 * ECONNABORTED, whoever has it, and needs CAP_NET_ADMIN.
 */
#ifndef TACIT_XFRM_SOCK_DIAG_H
#define TACIT_XFRM_SOCK_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/addr.h"

/* Calls wanted() with the cookie of every TCP or UDP socket of this family
 * that has a port or a peer (others are in no list), and destroys those for
 * which it says true. *ret_failed is how many of them could not be.
 * 0; -EOPNOTSUPP: the kernel has no such list; -errno. */
int sock_diag_destroy(uint16_t family, uint8_t protocol,
		      bool (*wanted)(uint64_t cookie, void *user), void *user,
		      unsigned *ret_failed) __attribute__((warn_unused_result));

/* One end of a TCP connection, or a UDP socket with a peer. */
struct sock_diag_connection {
	uint64_t cookie;
	uint32_t ifindex; /* that it is bound to; 0: none */
	uint8_t protocol; /* IPPROTO_TCP or IPPROTO_UDP */
	uint16_t local_port, remote_port;
};

/* All of those between the two, but for those that only wait for their time to
 * be over (TIME-WAIT); anything but 0 of each() ends it and is returned. 0;
 * -EOPNOTSUPP as above; -errno. */
int sock_diag_between(const struct addr *local, const struct addr *remote,
		      int (*each)(const struct sock_diag_connection *c,
				  void *user),
		      void *user) __attribute__((warn_unused_result));
/* Which of them are there still, or are over and wait for their time:
 * alive[i]. 0 or -errno. */
int sock_diag_alive(const struct addr *local, const struct addr *remote,
		    const struct sock_diag_connection *const *list, size_t n,
		    bool *alive) __attribute__((warn_unused_result));

#endif
