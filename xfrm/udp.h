/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The UDP sockets of IKE: bound, exempt from every XFRM policy, and on the
 * NAT traversal port with ESP taken out by the kernel (RFC 3948).
 */
#ifndef TACIT_XFRM_UDP_H
#define TACIT_XFRM_UDP_H

#include <stdbool.h>
#include <stdint.h>

/*
 * family AF_INET or AF_INET6 (which takes no IPv4). The descriptor (not
 * blocking, close-on-exec), or -EADDRINUSE: the port is taken; -EACCES: no
 * CAP_NET_BIND_SERVICE; -EPERM: no CAP_NET_ADMIN; -EAFNOSUPPORT: this host
 * lacks the family; -errno.
 */
int udp_open(int family, uint16_t port, bool natt)
	__attribute__((warn_unused_result));

#endif
