/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sockets of other programs that have asked never to be in the clear: each has
 * a policy of its own (xfrm/socket-policy.h) that names a flow's reqid. When
 * the flow goes they are closed with an error. The descriptor is not kept, or
 * a program could not close its connection: a socket is known by its cookie.
 */
#ifndef TACIT_AGENT_NETD_SOCKETS_H
#define TACIT_AGENT_NETD_SOCKETS_H

#include "util/hmap.h"
#include "util/log.h"
#include "util/slots.h"
#include "xfrm/record.h"

struct netd_sockets {
	struct slots *all;
	struct hmap by_cookie, by_reqid;
	uint64_t swept; /* ms: when closed ones were last looked for */
	struct log_limit limit;
	/* The kernel's part: replaced in tests. As the functions of
	 * xfrm/socket-policy.h and xfrm/sock-diag.h. */
	int (*require)(int fd, const struct addr *local,
		       const struct addr *remote, uint32_t reqid, bool tunnel);
	int (*destroy)(uint16_t family, uint8_t protocol,
		       bool (*wanted)(uint64_t cookie, void *user), void *user,
		       unsigned *ret_failed);
};

/* 0 or -ENOMEM. */
int netd_sockets_init(struct netd_sockets *t)
	__attribute__((warn_unused_result));
/* The policies stay: they are for as long as the sockets live. */
void netd_sockets_done(struct netd_sockets *t);
/* Is there one that is for the flow with this reqid? Those that are closed are
 * looked for first. */
bool netd_sockets_of(struct netd_sockets *t, uint32_t reqid, uint64_t now);
/* Is it one of them? */
bool netd_sockets_has(const struct netd_sockets *t, uint64_t cookie);
size_t netd_sockets_count(const struct netd_sockets *t);

/*
 * Gives the socket its policy, or another one; tunnel: the other end of the
 * flow's tunnel, or NULL. The guard has let the record through; the descriptor
 * stays the caller's. 0, or what socket_describe() says,
 * and
 *	-EINVAL	      it listens, is of the other family, speaks both families,
 *		      or is connected to another address
 *	-EDQUOT	      its owner has too many, or there are too many in all
 */
int netd_sockets_add(struct netd_sockets *t, const struct record_socket *r,
		     int fd, const struct addr *tunnel, uint64_t now)
	__attribute__((warn_unused_result));
/* The flow with this reqid has gone: its sockets are closed. identified: only
 * those that are for one identity. */
void netd_sockets_lost(struct netd_sockets *t, uint32_t reqid, bool identified,
		       uint64_t now);

#endif
