/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The socket below. Apart from the codec, so that tests can stand in for it.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <sys/socket.h>

#include "xfrm/nfnl.h"

/* The forced form needs CAP_NET_ADMIN in the first user namespace; what a
 * container may have instead is bounded by rmem_max and wmem_max. */
static void set_buffer(int fd, int forced, int plain, int size)
{
	if (size && setsockopt(fd, SOL_SOCKET, forced, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, plain, &size, sizeof(size));
}

int nfnl_open(int receive_buffer, int send_buffer, struct nl_sock **ret)
{
	struct nl_sock *s;
	int fd;

	s = nl_socket_alloc();
	if (!s)
		return -ENOMEM;
	errno = 0;
	if (nl_connect(s, NETLINK_NETFILTER) < 0 ||
	    nl_socket_set_nonblocking(s) < 0) {
		int r = errno ? -errno : -EPROTONOSUPPORT;

		nl_socket_free(s);
		return r;
	}
	fd = nl_socket_get_fd(s);
	/* Errors come without a copy of the request. */
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &(int){ 1 }, sizeof(int));
	set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, receive_buffer);
	set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, send_buffer);
	*ret = s;
	return 0;
}

struct nl_sock *nfnl_close(struct nl_sock *s)
{
	if (s)
		nl_socket_free(s);
	return NULL;
}

int nfnl_fd(const struct nl_sock *s)
{
	return nl_socket_get_fd(s);
}

int nfnl_send(struct nl_sock *s, const void *data, size_t len)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t n;

	do {
		n = sendto(nl_socket_get_fd(s), data, len, 0,
			   (struct sockaddr *)&kernel, sizeof(kernel));
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

int nfnl_receive(struct nl_sock *s, void *buf, size_t cap)
{
	struct sockaddr_nl from;
	socklen_t from_len;
	ssize_t n;

	for (;;) {
		from_len = sizeof(from);
		n = recvfrom(nl_socket_get_fd(s), buf, cap,
			     MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *)&from,
			     &from_len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		if (from_len != sizeof(from) || from.nl_pid != 0 || n == 0)
			continue;
		return (size_t)n > cap ? -EMSGSIZE : (int)n;
	}
}
