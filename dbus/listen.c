/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Making the own socket, and taking connections from it.
 */
#define _GNU_SOURCE /* accept4(), struct ucred */
#include "dbus/listen.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 64

static int new_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : fd;
}

/* -EADDRINUSE when somebody listens, 0 when the way is free. */
static int clear_way(const struct sockaddr_un *sa)
{
	struct stat st;
	int fd, r = 0;

	if (lstat(sa->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = new_socket();
	if (fd < 0)
		return fd;
	/* EAGAIN: it listens, and is busy. */
	if (connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) == 0 ||
	    errno == EAGAIN)
		r = -EADDRINUSE;
	else if (errno != ECONNREFUSED && errno != ENOENT)
		r = -errno;
	close(fd);
	if (r < 0)
		return r;
	return unlink(sa->sun_path) < 0 && errno != ENOENT ? -errno : 0;
}

int dbus_listen_open(const char *path, struct dbus_listen *ret)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct dbus_listen l = { .fd = -1 };
	struct stat st;
	int r;

	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	strcpy(sa.sun_path, path);
	strcpy(l.path, path);
	r = clear_way(&sa);
	if (r < 0)
		return r;
	l.fd = new_socket();
	if (l.fd < 0)
		return l.fd;
	if (bind(l.fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0) {
		r = -errno;
		close(l.fd);
		return r;
	}
	if (stat(path, &st) < 0 || chmod(path, 0666) < 0 ||
	    listen(l.fd, BACKLOG) < 0) {
		r = -errno;
		unlink(path);
		close(l.fd);
		return r;
	}
	l.dev = st.st_dev;
	l.ino = st.st_ino;
	*ret = l;
	return 0;
}

void dbus_listen_close(struct dbus_listen *l)
{
	struct stat st;

	if (l->fd < 0)
		return;
	if (lstat(l->path, &st) == 0 && st.st_dev == l->dev &&
	    st.st_ino == l->ino)
		unlink(l->path);
	close(l->fd);
	l->fd = -1;
}

int dbus_listen_accept(const struct dbus_listen *l, uid_t *ret_uid)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return -errno;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	*ret_uid = cred.uid;
	return fd;
}
