/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Netlink sockets. libnl makes and binds them and builds messages; receiving
 * is our own, because errors are wanted a message, and ENOBUFS as such.
 */
#include "xfrm/nlsock.h"

#include <errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "util/secret.h"

/* The kernel makes no dump message larger than the reader's buffer, nor than
 * a page or 8 KiB. */
#define NLSOCK_BUFFER 16384u
/* Events waiting for us: about 10,000 acquires (16 MiB of kernel memory at
 * most, and only while they wait). */
#define NLSOCK_EVENTS (8u << 20)
/* The kernel answers at once; this only bounds a broken one. */
#define NLSOCK_PATIENCE_S 5

struct nlsock {
	struct nl_sock *nl;
	uint32_t seq;
	char why[160];
};

static int nlsock_option(const struct nlsock *s, int option)
{
	int one = 1;

	return setsockopt(nlsock_fd(s), SOL_NETLINK, option, &one,
			  sizeof(one)) < 0
		       ? -errno
		       : 0;
}

int nlsock_open(int protocol, struct nlsock **ret)
{
	struct timeval patience = { .tv_sec = NLSOCK_PATIENCE_S };
	struct nlsock *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->nl = nl_socket_alloc();
	if (!s->nl) {
		free(s);
		return -ENOMEM;
	}
	errno = 0;
	r = nl_connect(s->nl, protocol);
	if (r < 0) {
		r = errno ? -errno : -EIO;
		nlsock_free(s);
		return r;
	}
	/* Texts for people; without them the errno has to do. */
	(void)nlsock_option(s, NETLINK_EXT_ACK);
	(void)nlsock_option(s, NETLINK_CAP_ACK);
	(void)setsockopt(nlsock_fd(s), SOL_SOCKET, SO_RCVTIMEO, &patience,
			 sizeof(patience));
	*ret = s;
	return 0;
}

struct nlsock *nlsock_free(struct nlsock *s)
{
	if (!s)
		return NULL;
	nl_socket_free(s->nl);
	free(s);
	return NULL;
}

int nlsock_fd(const struct nlsock *s)
{
	return nl_socket_get_fd(s->nl);
}

const char *nlsock_why(const struct nlsock *s)
{
	return s->why;
}

/* One datagram of the kernel's. Bytes, 0 nothing there, -errno. */
static ssize_t nlsock_read(struct nlsock *s, void *buf, size_t size, int flags)
{
	struct sockaddr_nl from = { 0 };
	struct iovec iov = { .iov_base = buf, .iov_len = size };
	struct msghdr m = {
		.msg_name = &from,
		.msg_namelen = sizeof(from),
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	ssize_t n;

	do {
		n = recvmsg(nlsock_fd(s), &m, flags);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	if (n < 0)
		return -errno;
	if (m.msg_flags & MSG_TRUNC)
		return -EMSGSIZE;
	/* Other processes can send to a netlink port; only the kernel is 0. */
	if (from.nl_pid != 0)
		return -EAGAIN;
	return n;
}

static void nlsock_keep_text(struct nlsock *s, const struct nlmsghdr *h)
{
	size_t head = NLMSG_HDRLEN + sizeof(struct nlmsgerr);
	const struct nlmsgerr *e = NLMSG_DATA(h);
	const char *text;
	const struct nlattr *a;

	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(h->nlmsg_flags & NLM_F_CAPPED) &&
	    e->msg.nlmsg_len >= NLMSG_HDRLEN)
		head += NLMSG_ALIGN(e->msg.nlmsg_len - NLMSG_HDRLEN);
	if (h->nlmsg_len <= head)
		return;
	a = nla_find(
		(const struct nlattr *)(const void *)((const char *)h + head),
		(int)(h->nlmsg_len - head), NLMSGERR_ATTR_MSG);
	if (!a)
		return;
	text = nla_data(a);
	memset(s->why, 0, sizeof(s->why));
	memcpy(s->why, text,
	       (size_t)nla_len(a) < sizeof(s->why) ? (size_t)nla_len(a)
						   : sizeof(s->why) - 1);
}

/* The error in an NLMSG_ERROR: 0 is an acknowledgement. */
static int nlsock_error(struct nlsock *s, const struct nlmsghdr *h)
{
	const struct nlmsgerr *e = NLMSG_DATA(h);

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*e)))
		return -EBADMSG;
	if (e->error)
		nlsock_keep_text(s, h);
	return e->error > 0 ? -EBADMSG : e->error;
}

static int nlsock_send(struct nlsock *s, struct iovec *iov, size_t n)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct msghdr m = {
		.msg_name = &kernel,
		.msg_namelen = sizeof(kernel),
		.msg_iov = iov,
		.msg_iovlen = n,
	};
	ssize_t r;

	s->why[0] = '\0';
	do {
		r = sendmsg(nlsock_fd(s), &m, 0);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

/* What was left over from a request that broke down is not the next one's. */
static void nlsock_drain(struct nlsock *s)
{
	char buf[256];

	for (unsigned i = 0; i < NLSOCK_BATCH; i++)
		if (nlsock_read(s, buf, sizeof(buf), MSG_DONTWAIT) == 0)
			return;
}

/* Reads errors and acknowledgements until that of the last message. */
static int nlsock_collect(struct nlsock *s, uint32_t first, size_t n,
			  int *errors)
{
	for (;;) {
		uint64_t buf[NLSOCK_BUFFER / 8];
		const struct nlmsghdr *h = (const void *)buf;
		ssize_t len = nlsock_read(s, buf, sizeof(buf), 0);
		int left = (int)len;

		if (len == -EAGAIN)
			continue;
		if (len <= 0)
			return len ? (int)len : -ETIMEDOUT;
		for (; NLMSG_OK(h, (unsigned)left); h = NLMSG_NEXT(h, left)) {
			uint32_t at = h->nlmsg_seq - first;

			if (h->nlmsg_type != NLMSG_ERROR || at >= n)
				continue;
			errors[at] = nlsock_error(s, h);
			if (at == n - 1)
				return 0;
		}
	}
}

int nlsock_batch(struct nlsock *s, struct nl_msg *const *messages, size_t n,
		 int *errors)
{
	struct iovec iov[NLSOCK_BATCH];
	int found[NLSOCK_BATCH] = { 0 };
	uint32_t first = s->seq + 1;
	int r;

	if (n == 0)
		return 0;
	if (n > NLSOCK_BATCH)
		return -E2BIG;
	for (size_t i = 0; i < n; i++) {
		struct nlmsghdr *h = nlmsg_hdr(messages[i]);

		h->nlmsg_seq = ++s->seq;
		h->nlmsg_pid = 0;
		h->nlmsg_flags |= NLM_F_REQUEST;
		/* Errors come without asking. */
		if (i == n - 1)
			h->nlmsg_flags |= NLM_F_ACK;
		iov[i] = (struct iovec){ h, NLMSG_ALIGN(h->nlmsg_len) };
	}
	r = nlsock_send(s, iov, n);
	if (r == 0)
		r = nlsock_collect(s, first, n, found);
	for (size_t i = 0; i < n; i++)
		secret_wipe(iov[i].iov_base, iov[i].iov_len);
	if (r < 0) {
		nlsock_drain(s);
		return r;
	}
	memcpy(errors, found, n * sizeof(errors[0]));
	return 0;
}

/* One datagram of an answer: 1 when it was the last. */
static int nlsock_answer(struct nlsock *s, const struct nlmsghdr *h, int left,
			 nlsock_each each, void *user)
{
	for (; NLMSG_OK(h, (unsigned)left); h = NLMSG_NEXT(h, left)) {
		int r;

		if (h->nlmsg_seq != s->seq)
			continue;
		if (h->nlmsg_flags & NLM_F_DUMP_INTR)
			return -EINTR;
		if (h->nlmsg_type == NLMSG_DONE)
			return 1;
		if (h->nlmsg_type == NLMSG_ERROR) {
			r = nlsock_error(s, h);
			return r < 0 ? r : 1;
		}
		r = each(h, user);
		if (r != 0)
			return r < 0 ? r : -ECANCELED;
	}
	return 0;
}

int nlsock_ask(struct nlsock *s, struct nl_msg *m, uint16_t flags,
	       nlsock_each each, void *user)
{
	struct nlmsghdr *h = nlmsg_hdr(m);
	struct iovec iov = { h, NLMSG_ALIGN(h->nlmsg_len) };
	int r;

	h->nlmsg_seq = ++s->seq;
	h->nlmsg_pid = 0;
	h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	if (!(flags & NLM_F_DUMP))
		h->nlmsg_flags |= NLM_F_ACK;
	r = nlsock_send(s, &iov, 1);
	while (r == 0) {
		uint64_t buf[NLSOCK_BUFFER / 8];
		ssize_t len = nlsock_read(s, buf, sizeof(buf), 0);

		if (len == -EAGAIN)
			continue;
		if (len <= 0)
			r = len ? (int)len : -ETIMEDOUT;
		else
			r = nlsock_answer(s, (const void *)buf, (int)len, each,
					  user);
	}
	if (r == 1)
		return 0;
	nlsock_drain(s);
	return r;
}

int nlsock_listen(struct nlsock *s, const unsigned *groups, size_t n)
{
	int size = (int)NLSOCK_EVENTS, r;

	for (size_t i = 0; i < n; i++) {
		errno = 0;
		r = nl_socket_add_membership(s->nl, (int)groups[i]);
		if (r < 0)
			return errno ? -errno : -EIO;
	}
	/* Beyond net.core.rmem_max only with CAP_NET_ADMIN in the initial user
	 * namespace; a rootless container makes do. */
	if (setsockopt(nlsock_fd(s), SOL_SOCKET, SO_RCVBUFFORCE, &size,
		       sizeof(size)) < 0)
		(void)setsockopt(nlsock_fd(s), SOL_SOCKET, SO_RCVBUF, &size,
				 sizeof(size));
	r = nl_socket_set_nonblocking(s->nl);
	return r < 0 ? -EIO : 0;
}

int nlsock_receive(struct nlsock *s, nlsock_each each, void *user)
{
	uint64_t buf[NLSOCK_BUFFER / 8];
	const struct nlmsghdr *h = (const void *)buf;
	ssize_t len = nlsock_read(s, buf, sizeof(buf), MSG_DONTWAIT);
	int left = (int)len;

	if (len == -EAGAIN)
		return 1;
	if (len <= 0)
		return (int)len;
	for (; NLMSG_OK(h, (unsigned)left); h = NLMSG_NEXT(h, left)) {
		int r = each(h, user);

		if (r != 0)
			return r < 0 ? r : -ECANCELED;
	}
	return 1;
}
