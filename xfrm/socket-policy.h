/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A socket's own policy: what it sends goes out as ESP with one SA, or not at
 * all, wherever it sends to; what comes in otherwise is dropped. It goes before
 * all policies of the host, and needs CAP_NET_ADMIN. It is never taken away.
 */
#ifndef TACIT_XFRM_SOCKET_POLICY_H
#define TACIT_XFRM_SOCKET_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "util/addr.h"

/* For a socket of local's family. 0 or -errno; on failure half of it may be
 * there, which closes the socket. */
int socket_policy_require(int fd, const struct addr *local,
			  const struct addr *remote, uint32_t reqid,
			  bool tunnel) __attribute__((warn_unused_result));

#endif
