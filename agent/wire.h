/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The IKE sockets: datagrams in and out, and what ICMP says about them.
 * tacit-netd opened and bypassed the sockets (xfrm/record.h); here they are
 * only used. Without sockets, sending is a silent loss like any other.
 */
#ifndef TACIT_AGENT_WIRE_H
#define TACIT_AGENT_WIRE_H

#include <systemd/sd-event.h>

#include "util/addr.h"

enum wire_socket { WIRE_IP4, WIRE_IP4_NATT, WIRE_IP6, WIRE_IP6_NATT };
#define WIRE_SOCKETS 4

struct wire_ops {
	void *user;
	/* One datagram, the non-ESP marker (RFC 3948 2.2) taken off. */
	void (*datagram)(void *user, const struct endpoint *local,
			 const struct endpoint *remote, const void *data,
			 size_t len);
	/* An ICMP error about what we sent to remote. Anybody may forge it. */
	void (*unreachable)(void *user, const struct endpoint *remote);
};

struct wire_counters {
	uint64_t sent, send_failed, oversized, unmarked;
};

struct wire;

int wire_new(sd_event *event, uint16_t port, uint16_t natt_port,
	     const struct wire_ops *ops, struct wire **ret)
	__attribute__((warn_unused_result));
struct wire *wire_free(struct wire *w);
/* Takes the descriptors, in the order of enum wire_socket, -1 where there is
 * none; closes those it had. 0 or -errno. */
int wire_open(struct wire *w, const int fds[WIRE_SOCKETS])
	__attribute__((warn_unused_result));
void wire_close(struct wire *w);
void wire_send(struct wire *w, const struct endpoint *local,
	       const struct endpoint *remote, const void *data, size_t len);
/* A NAT keepalive (RFC 3948 4), which no marker precedes. */
void wire_keepalive(struct wire *w, const struct endpoint *local,
		    const struct endpoint *remote);
const struct wire_counters *wire_count(const struct wire *w);

#endif
