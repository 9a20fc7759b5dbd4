/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Record channel: sending, the queue of what did not fit, receiving, and the
 * two ways to a socket. The first error sticks: a dead link stays dead.
 */
#include "config.h"

#include "util/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/limits.h"
#include "util/secret.h"

struct queued {
	struct queued *next;
	size_t n_fds;
	int fds[CHANNEL_FDS_MAX];
	uint8_t record[];
};

struct channel {
	int fd;
	int error; /* 0, or what killed the link */
	size_t record_size;
	struct queued *head, **tail;
	uint32_t queued;
};

/* Control space for all descriptors that one record may carry. */
union control {
	struct cmsghdr align;
	uint8_t space[CMSG_SPACE(CHANNEL_FDS_MAX * sizeof(int))];
};

int channel_new(int fd, size_t record_size, struct channel **ret)
{
	struct channel *c = calloc(1, sizeof(*c));

	if (!c) {
		close(fd);
		return -ENOMEM;
	}
	c->fd = fd;
	c->record_size = record_size;
	c->tail = &c->head;
	*ret = c;
	return 0;
}

static void fds_close(const int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
}

static void queued_free(struct channel *c, struct queued *q)
{
	secret_wipe(q->record, c->record_size);
	fds_close(q->fds, q->n_fds);
	free(q);
}

static void channel_pop(struct channel *c)
{
	struct queued *q = c->head;

	c->head = q->next;
	if (!c->head)
		c->tail = &c->head;
	c->queued--;
	queued_free(c, q);
}

struct channel *channel_free(struct channel *c)
{
	if (!c)
		return NULL;
	while (c->head)
		channel_pop(c);
	close(c->fd);
	free(c);
	return NULL;
}

int channel_fd(const struct channel *c)
{
	return c->fd;
}

int channel_peer_uid(const struct channel *c, uid_t *ret)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return -errno;
	/* The kernel says so of a socket that was never connected. */
	if (cred.uid == (uid_t)-1)
		return -ENODATA;
	*ret = cred.uid;
	return 0;
}

/* Cuts the link, so that both sides see it. */
static int channel_cut(struct channel *c, int error)
{
	c->error = error == -ECONNRESET ? -EPIPE : error;
	shutdown(c->fd, SHUT_RDWR);
	while (c->head)
		channel_pop(c);
	return c->error;
}

/* 0, -EAGAIN or -errno. */
static int channel_write(struct channel *c, const void *record, const int *fds,
			 size_t n_fds)
{
	struct iovec iov = { (void *)(uintptr_t)record, c->record_size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union control control = { 0 };
	ssize_t n;

	if (n_fds) {
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(&control.align), fds, n_fds * sizeof(int));
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
	}
	do
		n = sendmsg(c->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

static int channel_queue(struct channel *c, const void *record, const int *fds,
			 size_t n_fds)
{
	struct queued *q;
	int r;

	if (c->queued >= LIMIT_RECORD_QUEUE)
		return -ENOBUFS;
	q = malloc(sizeof(*q) + c->record_size);
	if (!q)
		return -ENOMEM;
	q->next = NULL;
	memcpy(q->record, record, c->record_size);
	for (q->n_fds = 0; q->n_fds < n_fds; q->n_fds++) {
		q->fds[q->n_fds] = fcntl(fds[q->n_fds], F_DUPFD_CLOEXEC, 0);
		if (q->fds[q->n_fds] < 0) {
			r = -errno;
			queued_free(c, q);
			return r;
		}
	}
	*c->tail = q;
	c->tail = &q->next;
	c->queued++;
	return 0;
}

int channel_send(struct channel *c, const void *record, const int *fds,
		 size_t n_fds)
{
	int r = -EAGAIN;

	if (n_fds > CHANNEL_FDS_MAX)
		return -EINVAL;
	if (c->error)
		return c->error;
	if (!c->head)
		r = channel_write(c, record, fds, n_fds);
	if (r == -EAGAIN)
		r = channel_queue(c, record, fds, n_fds);
	return r < 0 ? channel_cut(c, r) : 0;
}

bool channel_wants_out(const struct channel *c)
{
	return c->head != NULL;
}

int channel_flush(struct channel *c)
{
	int r;

	if (c->error)
		return c->error;
	while (c->head) {
		r = channel_write(c, c->head->record, c->head->fds,
				  c->head->n_fds);
		if (r == -EAGAIN)
			return 0;
		if (r < 0)
			return channel_cut(c, r);
		channel_pop(c);
	}
	return 0;
}

/* All descriptors of a message, at most CHANNEL_FDS_MAX by the size of its
 * control space. */
static size_t control_fds(struct msghdr *msg, int fds[CHANNEL_FDS_MAX])
{
	size_t n = 0, len;

	for (struct cmsghdr *h = CMSG_FIRSTHDR(msg); h; h = CMSG_NXTHDR(msg, h))
		if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS) {
			len = h->cmsg_len - CMSG_LEN(0);
			memcpy(fds + n, CMSG_DATA(h), len);
			n += len / sizeof(int);
		}
	return n;
}

int channel_recv(struct channel *c, void *record, int fds[CHANNEL_FDS_MAX],
		 size_t *ret_n_fds)
{
	union control control;
	struct iovec iov = { record, c->record_size };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	int got[CHANNEL_FDS_MAX];
	size_t n_got;
	ssize_t n;

	if (c->error)
		return c->error;
	do
		n = recvmsg(c->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : channel_cut(c, -errno);
	n_got = control_fds(&msg, got);
	/* An empty record looks like the end of the link, and ends it. */
	if (n == 0) {
		fds_close(got, n_got);
		return channel_cut(c, -EPIPE);
	}
	if ((size_t)n != c->record_size ||
	    msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC) || (n_got && !fds)) {
		fds_close(got, n_got);
		secret_wipe(record, c->record_size);
		return -EBADMSG;
	}
	if (n_got)
		memcpy(fds, got, n_got * sizeof(int));
	if (ret_n_fds)
		*ret_n_fds = n_got;
	return 1;
}

/* A fresh socket, and where it is to be bound or connected. */
static int channel_socket(const char *path, struct sockaddr_un *ret)
{
	size_t len = strlen(path);
	int fd;

	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (len == 0)
		return -EINVAL;
	if (len >= sizeof(ret->sun_path))
		return -ENAMETOOLONG;
	memcpy(ret->sun_path, path, len);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return fd < 0 ? -errno : fd;
}

/* A socket file whose process is gone is removed. */
static int channel_unlink_dead(const char *path)
{
	struct stat st;
	int fd;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EADDRINUSE;
	fd = channel_connect(path);
	if (fd != -ECONNREFUSED) {
		if (fd >= 0)
			close(fd);
		return -EADDRINUSE;
	}
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

int channel_listen(const char *path)
{
	struct sockaddr_un sun;
	int fd, r;

	fd = channel_socket(path, &sun);
	if (fd < 0)
		return fd;
	r = channel_unlink_dead(path);
	if (r < 0)
		goto fail;
	/* On Linux the mode of the unbound socket becomes that of the file:
	 * it is never there with another one. */
	if (fchmod(fd, 0600) < 0 ||
	    bind(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0 ||
	    listen(fd, LIMIT_CHANNEL_BACKLOG) < 0) {
		r = -errno;
		goto fail;
	}
	return fd;
fail:
	close(fd);
	return r;
}

int channel_connect(const char *path)
{
	struct sockaddr_un sun;
	int fd, r;

	fd = channel_socket(path, &sun);
	if (fd < 0)
		return fd;
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}
