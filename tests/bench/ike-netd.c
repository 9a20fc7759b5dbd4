/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Stands in for tacit-netd where the kernel has no ESP: opens the sockets and
 * says yes to whatever the agent asks. For tests/bench/handshake --bare, which
 * measures what IKE costs in tacitd and tacit-keyd on the machine itself, where
 * the lab kernel's system calls do not hide it.
 */
#include "config.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/notify.h"
#include "util/channel.h"
#include "xfrm/record.h"

static void die(const char *what)
{
	fprintf(stderr, "ike-netd: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static int open_socket(int family, uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
				   .sin_port = htons(port) };
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6,
				     .sin6_port = htons(port) };
	bool six = family == AF_INET6;
	int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1, size = 4 << 20;

	if (fd < 0 ||
	    setsockopt(fd, six ? SOL_IPV6 : SOL_IP,
		       six ? IPV6_RECVPKTINFO : IP_PKTINFO, &one,
		       sizeof(one)) ||
	    (six && setsockopt(fd, SOL_IPV6, IPV6_V6ONLY, &one, sizeof(one))) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) ||
	    bind(fd, six ? (struct sockaddr *)&sin6 : (struct sockaddr *)&sin,
		 six ? sizeof(sin6) : sizeof(sin)))
		die("socket");
	return fd;
}

static void put(struct channel *c, const struct record *r, const int *fds,
		size_t n)
{
	if (channel_send(c, r, fds, n) < 0)
		exit(0); /* the agent has ended */
}

static void welcome(struct channel *c)
{
	int fds[4] = { open_socket(AF_INET, 500), open_socket(AF_INET, 4500),
		       open_socket(AF_INET6, 500),
		       open_socket(AF_INET6, 4500) };
	struct record r;

	record_init(&r, RECORD_WELCOME, 0);
	r.welcome.sockets = 15;
	r.welcome.flags = RECORD_HAS_ESP4 | RECORD_HAS_ESP6;
	put(c, &r, fds, 4);
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	record_init(&r, RECORD_ORPHAN, 0);
	r.orphan.last = 1;
	put(c, &r, NULL, 0);
}

static void answer(struct channel *c, const struct record *q)
{
	struct record r;

	if (q->type == RECORD_ALIVE)
		return;
	if (q->type == RECORD_HELLO) {
		welcome(c);
		return;
	}
	record_init(&r, RECORD_REPLY, q->seq);
	r.reply.type = q->type;
	put(c, &r, NULL, 0);
}

static void serve(struct channel *c)
{
	uint64_t alive_at = 0;

	for (;;) {
		struct pollfd p = { .fd = channel_fd(c), .events = POLLIN };
		struct record r;
		int n;

		if (channel_wants_out(c))
			p.events |= POLLOUT;
		(void)poll(&p, 1, RECORD_ALIVE_MS / 4);
		if (channel_flush(c) < 0)
			return;
		while ((n = channel_recv(c, &r, NULL, NULL)) > 0)
			answer(c, &r);
		if (n < 0)
			return;
		if (now_ms() < alive_at)
			continue;
		alive_at = now_ms() + RECORD_ALIVE_MS;
		record_init(&r, RECORD_ALIVE, 0);
		put(c, &r, NULL, 0);
		notify_say("WATCHDOG=1");
	}
}

int main(int argc, char **argv)
{
	char path[256] = "";
	struct channel *c;
	int fd, peer;

	/* tacitd --standalone starts it in the place of the other one. */
	for (int i = 1; i + 1 < argc; i++)
		if (!strcmp(argv[i], "--runtime-dir"))
			snprintf(path, sizeof(path), "%s/netd.sock",
				 argv[i + 1]);
	fd = channel_listen(path);
	if (fd < 0) {
		errno = -fd;
		die(path);
	}
	if (chmod(path, 0666) < 0)
		die(path);
	notify_say("READY=1");
	do {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		(void)poll(&p, 1, (int)RECORD_ALIVE_MS);
		notify_say("WATCHDOG=1");
		peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	} while (peer < 0);
	if (channel_new(peer, sizeof(struct record), &c) < 0)
		die("channel");
	serve(c);
	channel_free(c);
	return 0;
}
