/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The agent's own socket, as a file: a listening stream socket that everybody
 * may connect to.
 */
#ifndef TACIT_DBUS_LISTEN_H
#define TACIT_DBUS_LISTEN_H

#include <sys/types.h>

struct dbus_listen {
	char path[108];
	int fd;
	dev_t dev; /* of the file, so that only ours is removed */
	ino_t ino;
};

/* 0; -EADDRINUSE: somebody listens there; -ENAMETOOLONG; -errno. A file that
 * nobody listens on is replaced. */
int dbus_listen_open(const char *path, struct dbus_listen *ret)
	__attribute__((warn_unused_result));
/* Closes, and removes the file. Idempotent. */
void dbus_listen_close(struct dbus_listen *l);
/* A connection and its user, or -EAGAIN, -errno. Non-blocking, close-on-exec. */
int dbus_listen_accept(const struct dbus_listen *l, uid_t *ret_uid)
	__attribute__((warn_unused_result));

#endif
