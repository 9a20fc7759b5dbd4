/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "util/socket.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* asm-generic/socket.h; libc's headers may be older than the kernel. */
#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

static int get_int(int fd, int level, int option, int *ret)
{
	socklen_t len = sizeof(*ret);

	return getsockopt(fd, level, option, ret, &len) < 0 ? -errno : 0;
}

/* What not every kernel has, and may be without. */
static uint32_t get_optional(int fd, int option)
{
	int value = 0;

	return get_int(fd, SOL_SOCKET, option, &value) < 0 ? 0
							   : (uint32_t)value;
}

static int get_cookie(int fd, int option, uint64_t *ret)
{
	socklen_t len = sizeof(*ret);

	if (getsockopt(fd, SOL_SOCKET, option, ret, &len) < 0)
		return errno == ENOPROTOOPT ? -EOPNOTSUPP : -errno;
	return 0;
}

/* Does it live where we live? */
static int check_namespace(int fd)
{
	uint64_t its = 0, ours = 0;
	int own, r = get_cookie(fd, SO_NETNS_COOKIE, &its);

	if (r < 0)
		return r;
	own = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (own < 0)
		return -errno;
	r = get_cookie(own, SO_NETNS_COOKIE, &ours);
	close(own);
	if (r < 0)
		return r;
	return its == ours ? 0 : -EXDEV;
}

static int check_kind(int fd, struct socket_info *s)
{
	int family = 0, type = 0, protocol = 0;
	int r = get_int(fd, SOL_SOCKET, SO_DOMAIN, &family);

	if (r < 0)
		return r;
	if (family != AF_INET && family != AF_INET6)
		return -EAFNOSUPPORT;
	r = get_int(fd, SOL_SOCKET, SO_TYPE, &type);
	if (r == 0)
		r = get_int(fd, SOL_SOCKET, SO_PROTOCOL, &protocol);
	if (r < 0)
		return r;
	if ((type != SOCK_STREAM || protocol != IPPROTO_TCP) &&
	    (type != SOCK_DGRAM || protocol != IPPROTO_UDP))
		return -EPROTONOSUPPORT;
	s->family = (uint16_t)family;
	s->protocol = (uint8_t)protocol;
	return 0;
}

/* Both names; a peer is what makes it connected. */
static int get_names(int fd, struct socket_info *s)
{
	struct sockaddr_storage sa = { 0 };
	socklen_t len = sizeof(sa);
	int r;

	if (getsockname(fd, (struct sockaddr *)&sa, &len) < 0)
		return -errno;
	r = endpoint_from_sockaddr((const struct sockaddr *)&sa, len,
				   &s->local);
	if (r < 0)
		return r;
	len = sizeof(sa);
	if (getpeername(fd, (struct sockaddr *)&sa, &len) < 0)
		return errno == ENOTCONN ? 0 : -errno;
	s->connected = true;
	return endpoint_from_sockaddr((const struct sockaddr *)&sa, len,
				      &s->remote);
}

int socket_describe(int fd, struct socket_info *ret)
{
	struct socket_info s = { 0 };
	int listening = 0, v6only = 1;
	struct stat st;
	int r = check_kind(fd, &s);

	if (r == 0)
		r = check_namespace(fd);
	if (r == 0)
		r = get_cookie(fd, SO_COOKIE, &s.cookie);
	if (r == 0)
		r = get_int(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening);
	if (r == 0 && s.family == AF_INET6)
		r = get_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only);
	if (r == 0 && fstat(fd, &st) < 0)
		r = -errno;
	if (r == 0)
		r = get_names(fd, &s);
	if (r < 0)
		return r;
	s.listening = listening != 0;
	s.both_families = v6only == 0;
	s.owner = st.st_uid;
	s.mark = get_optional(fd, SO_MARK);
	s.ifindex = get_optional(fd, SO_BINDTOIFINDEX);
	*ret = s;
	return 0;
}
