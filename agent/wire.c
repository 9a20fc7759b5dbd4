/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * UDP input and output with the local address of every datagram known (packet
 * info in both directions), because an IKE SA belongs to a pair of addresses.
 */
#include "config.h"

#include "agent/wire.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

#include "util/limits.h"

/* Datagrams taken in one turn of the loop, so that none starves the rest. */
#define WIRE_BATCH  64
#define WIRE_MARKER 4

struct wire_port {
	struct wire *wire;
	int fd;
	sd_event_source *source;
	uint16_t port;
	bool natt;
};

struct wire {
	sd_event *event;
	struct wire_ops ops;
	struct wire_port ports[WIRE_SOCKETS];
	struct wire_counters counters;
	uint8_t buf[LIMIT_IKE_MESSAGE + WIRE_MARKER];
};

union wire_control {
	struct cmsghdr align;
	uint8_t data[512];
};

static const uint8_t wire_marker[WIRE_MARKER];

int wire_new(sd_event *event, uint16_t port, uint16_t natt_port,
	     const struct wire_ops *ops, struct wire **ret)
{
	struct wire *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->event = sd_event_ref(event);
	w->ops = *ops;
	for (int i = 0; i < WIRE_SOCKETS; i++) {
		bool natt = i == WIRE_IP4_NATT || i == WIRE_IP6_NATT;

		w->ports[i] = (struct wire_port){
			.wire = w,
			.fd = -1,
			.port = natt ? natt_port : port,
			.natt = natt,
		};
	}
	*ret = w;
	return 0;
}

void wire_close(struct wire *w)
{
	for (int i = 0; i < WIRE_SOCKETS; i++) {
		struct wire_port *p = &w->ports[i];

		p->source = sd_event_source_disable_unref(p->source);
		if (p->fd >= 0)
			close(p->fd);
		p->fd = -1;
	}
}

struct wire *wire_free(struct wire *w)
{
	if (!w)
		return NULL;
	wire_close(w);
	sd_event_unref(w->event);
	free(w);
	return NULL;
}

/* Our own address of a received datagram, from its packet info. */
static bool wire_local(struct msghdr *msg, struct addr *ret)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c;
	     c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			addr_from_in(&info.ipi_addr, ret);
			return true;
		}
		if (c->cmsg_level == IPPROTO_IPV6 &&
		    c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			addr_from_in6(&info.ipi6_addr, info.ipi6_ifindex, ret);
			return true;
		}
	}
	return false;
}

/* 1: went well, 0: nothing there, negative: errno. */
static int wire_receive(struct wire_port *p)
{
	struct wire *w = p->wire;
	struct sockaddr_storage from;
	union wire_control control;
	struct iovec iov = { w->buf, sizeof(w->buf) };
	struct msghdr msg = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct endpoint local = { .port = p->port }, remote;
	size_t skip = p->natt ? WIRE_MARKER : 0;
	ssize_t n = recvmsg(p->fd, &msg, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	if (msg.msg_flags & MSG_TRUNC) {
		w->counters.oversized++;
		return 1;
	}
	if (!wire_local(&msg, &local.addr) ||
	    endpoint_from_sockaddr(msg.msg_name, msg.msg_namelen, &remote) < 0)
		return 1;
	if ((size_t)n < skip || memcmp(w->buf, wire_marker, skip) != 0) {
		w->counters.unmarked++;
		return 1;
	}
	w->ops.datagram(w->ops.user, &local, &remote, w->buf + skip,
			(size_t)n - skip);
	return 1;
}

static bool wire_error_is_icmp(struct msghdr *msg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c;
	     c = CMSG_NXTHDR(msg, c)) {
		struct sock_extended_err e;

		if (!(c->cmsg_level == IPPROTO_IP &&
		      c->cmsg_type == IP_RECVERR) &&
		    !(c->cmsg_level == IPPROTO_IPV6 &&
		      c->cmsg_type == IPV6_RECVERR))
			continue;
		memcpy(&e, CMSG_DATA(c), sizeof(e));
		if (e.ee_origin != SO_EE_ORIGIN_ICMP &&
		    e.ee_origin != SO_EE_ORIGIN_ICMP6)
			continue;
		/* Too big is not unreachable. */
		return e.ee_errno == ECONNREFUSED ||
		       e.ee_errno == EHOSTUNREACH ||
		       e.ee_errno == ENETUNREACH || e.ee_errno == EACCES;
	}
	return false;
}

/* 1: one error read, 0: none left. */
static int wire_receive_error(struct wire_port *p)
{
	struct wire *w = p->wire;
	struct sockaddr_storage to;
	union wire_control control;
	struct iovec iov = { w->buf, sizeof(w->buf) };
	struct msghdr msg = {
		.msg_name = &to,
		.msg_namelen = sizeof(to),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct endpoint remote;

	if (recvmsg(p->fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
		return 0;
	if (wire_error_is_icmp(&msg) &&
	    endpoint_from_sockaddr(msg.msg_name, msg.msg_namelen, &remote) >= 0)
		w->ops.unreachable(w->ops.user, &remote);
	return 1;
}

static int wire_on_io(sd_event_source *source, int fd, uint32_t revents,
		      void *user)
{
	struct wire_port *p = user;

	(void)source;
	(void)fd;
	if (revents & EPOLLERR)
		for (int i = 0; i < WIRE_BATCH && wire_receive_error(p) > 0;
		     i++)
			;
	/* An error on the socket is that of some datagram, told above. */
	for (int i = 0; i < WIRE_BATCH && wire_receive(p) != 0; i++)
		;
	return 0;
}

int wire_open(struct wire *w, const int fds[WIRE_SOCKETS])
{
	int ret = 0;

	wire_close(w);
	for (int i = 0; i < WIRE_SOCKETS; i++) {
		struct wire_port *p = &w->ports[i];
		int r;

		p->fd = fds[i];
		if (p->fd < 0)
			continue;
		r = sd_event_add_io(w->event, &p->source, p->fd, EPOLLIN,
				    wire_on_io, p);
		if (r < 0)
			ret = r;
	}
	return ret;
}

static void wire_set_local(struct msghdr *msg, const struct addr *local)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);

	if (local->family == AF_INET) {
		struct in_pktinfo info = { 0 };

		memcpy(&info.ipi_spec_dst, local->bytes, 4);
		c->cmsg_level = IPPROTO_IP;
		c->cmsg_type = IP_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(c), &info, sizeof(info));
	} else {
		struct in6_pktinfo info = { .ipi6_ifindex = local->scope };

		memcpy(&info.ipi6_addr, local->bytes, 16);
		c->cmsg_level = IPPROTO_IPV6;
		c->cmsg_type = IPV6_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(c), &info, sizeof(info));
	}
	msg->msg_controllen = CMSG_ALIGN(c->cmsg_len);
}

static void wire_put(struct wire *w, const struct endpoint *local,
		     const struct endpoint *remote, bool marked,
		     const void *data, size_t len)
{
	bool six = local->addr.family == AF_INET6;
	bool natt = local->port == w->ports[WIRE_IP4_NATT].port;
	struct wire_port *p = &w->ports[(six ? WIRE_IP6 : WIRE_IP4) + natt];
	struct sockaddr_storage to;
	union wire_control control = { 0 };
	struct iovec iov[2] = {
		{ (void *)wire_marker, natt && marked ? WIRE_MARKER : 0 },
		{ (void *)data, len },
	};
	struct msghdr msg = {
		.msg_name = &to,
		.msg_namelen = endpoint_to_sockaddr(remote, &to),
		.msg_iov = iov,
		.msg_iovlen = 2,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	if (p->fd < 0) {
		w->counters.send_failed++;
		return;
	}
	wire_set_local(&msg, &local->addr);
	/* A pending ICMP error is reported once in place of sending. */
	for (int tries = 0; tries < 2; tries++) {
		if (sendmsg(p->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
			w->counters.sent++;
			return;
		}
	}
	w->counters.send_failed++;
}

void wire_send(struct wire *w, const struct endpoint *local,
	       const struct endpoint *remote, const void *data, size_t len)
{
	wire_put(w, local, remote, true, data, len);
}

void wire_keepalive(struct wire *w, const struct endpoint *local,
		    const struct endpoint *remote)
{
	static const uint8_t octet = 0xff; /* RFC 3948 2.3 */

	wire_put(w, local, remote, false, &octet, sizeof(octet));
}

const struct wire_counters *wire_count(const struct wire *w)
{
	return &w->counters;
}
