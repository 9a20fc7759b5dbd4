/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whoever waits for keys has the place; whoever says nothing loses it. */
#include "config.h"

#include "agent/keyd-order.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/log.h"

struct keyd_orders {
	sd_event *event;
	struct keyd_orders_ops ops;
	sd_event_source *listener, *io;
	int fd; /* -1: nobody */
	unsigned pending;
	struct key_order_reply reply;
};

static void orders_close(struct keyd_orders *o)
{
	o->io = sd_event_source_disable_unref(o->io);
	if (o->fd >= 0)
		close(o->fd);
	o->fd = -1;
}

static void orders_answer(struct keyd_orders *o)
{
	/* Who does not wait for it does without. */
	if (o->fd >= 0)
		(void)send(o->fd, &o->reply, sizeof(o->reply),
			   MSG_NOSIGNAL | MSG_DONTWAIT);
	orders_close(o);
}

void keyd_orders_done(struct keyd_orders *o, int error)
{
	if (!o->pending)
		return;
	if (error < 0) {
		o->reply.error = error;
		snprintf(o->reply.text, sizeof(o->reply.text),
			 "a key could not be made or written: %s",
			 strerror(-error));
	}
	if (--o->pending == 0)
		orders_answer(o);
}

static int on_order(sd_event_source *s, int fd, uint32_t revents, void *user)
{
	struct keyd_orders *o = user;
	struct key_order order = { 0 };
	ssize_t n;

	(void)s;
	(void)revents;
	n = recv(fd, &order, sizeof(order), MSG_TRUNC);
	if (n < 0 && errno == EAGAIN)
		return 0;
	/* A second order before the answer, or the end, is the end. */
	if (o->pending || n != sizeof(order) ||
	    order.version != KEY_ORDER_VERSION ||
	    !memchr(order.name, '\0', sizeof(order.name))) {
		orders_close(o);
		return 0;
	}
	o->reply = (struct key_order_reply){ .version = KEY_ORDER_VERSION };
	o->pending = o->ops.order(o->ops.user, &order, &o->reply);
	if (!o->pending)
		orders_answer(o);
	return 0;
}

/* Where users are not told apart, root is who we are. */
static bool may_order(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 &&
	       (cred.uid == 0 || cred.uid == geteuid());
}

static int on_listen(sd_event_source *s, int fd, uint32_t revents, void *user)
{
	struct keyd_orders *o = user;
	int c = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)s;
	(void)revents;
	if (c < 0)
		return 0;
	if (o->pending || !may_order(c)) {
		close(c);
		return 0;
	}
	orders_close(o);
	if (sd_event_add_io(o->event, &o->io, c, EPOLLIN, on_order, o) < 0)
		close(c);
	else
		o->fd = c;
	return 0;
}

int keyd_orders_new(sd_event *event, int listen_fd,
		    const struct keyd_orders_ops *ops, struct keyd_orders **ret)
{
	struct keyd_orders *o = calloc(1, sizeof(*o));
	int r = 0;

	if (!o) {
		if (listen_fd >= 0)
			close(listen_fd);
		return -ENOMEM;
	}
	o->event = sd_event_ref(event);
	o->ops = *ops;
	o->fd = -1;
	if (listen_fd >= 0) {
		r = sd_event_add_io(event, &o->listener, listen_fd, EPOLLIN,
				    on_listen, o);
		if (r < 0)
			close(listen_fd);
		else
			r = sd_event_source_set_io_fd_own(o->listener, 1);
	}
	if (r < 0) {
		keyd_orders_free(o);
		return r;
	}
	*ret = o;
	return 0;
}

struct keyd_orders *keyd_orders_free(struct keyd_orders *o)
{
	if (!o)
		return NULL;
	orders_close(o);
	sd_event_source_disable_unref(o->listener);
	sd_event_unref(o->event);
	free(o);
	return NULL;
}
