/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sockets of this network namespace, by the kernel's list of them
 * (NETLINK_SOCK_DIAG), and their end: SOCK_DESTROY closes one with the error
 * ECONNABORTED, whoever has it, and needs CAP_NET_ADMIN.
 */
#ifndef TACIT_XFRM_SOCK_DIAG_H
#define TACIT_XFRM_SOCK_DIAG_H

#include <stdbool.h>
#include <stdint.h>

/* Calls wanted() with the cookie of every TCP or UDP socket of this family
 * that has a port or a peer (others are in no list), and destroys those for
 * which it says true. *ret_failed is how many of them could not be.
 * 0; -EOPNOTSUPP: the kernel has no such list; -errno. */
int sock_diag_destroy(uint16_t family, uint8_t protocol,
		      bool (*wanted)(uint64_t cookie, void *user), void *user,
		      unsigned *ret_failed) __attribute__((warn_unused_result));

#endif
