/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A server that logs who its peer is: answers each connection with what it
 * sent, and prints whether it was encrypted, to whom, and when that changes.
 *
 *	who-is-there PORT
 *
 * Build: cc who-is-there.c $(pkg-config --cflags --libs libtacit)
 */
#define _GNU_SOURCE /* accept4() */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <tacit.h>
#include <unistd.h>

static int listen_on(const char *port)
{
	struct sockaddr_in6 any = {
		.sin6_family = AF_INET6,
		.sin6_port = htons((uint16_t)strtoul(port, NULL, 10)),
	};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 ||
	    listen(fd, 16) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

static void print(const char *what, const struct tacit_peer *p)
{
	const char *who = tacit_peer_identity(p);

	printf("%s %s: ", what, tacit_peer_value(p, "Address"));
	if (!tacit_peer_encrypted(p))
		printf("in the clear\n");
	else if (who)
		printf("encrypted, it is %s, proven by %s\n", who,
		       tacit_peer_value(p, "Proof"));
	else
		printf("encrypted, to somebody\n");
	fflush(stdout);
}

static void print_changes(struct tacit *t)
{
	struct tacit_peer *p;
	uint64_t id;
	int r;

	while ((r = tacit_next(t, &id, &p)) > 0) {
		print("changed", p);
		tacit_peer_free(p);
	}
	if (r < 0) {
		fprintf(stderr, "%s\n", tacit_error(t));
		exit(1);
	}
}

/* One peer at a time, until it ends. */
static void serve(struct tacit *t, int fd)
{
	struct pollfd p[2] = { { .fd = fd, .events = POLLIN },
			       { .fd = tacit_fd(t), .events = POLLIN } };
	struct tacit_peer *peer;
	char buf[4096];
	uint64_t id = 0;
	ssize_t n = 1;

	if (tacit_watch(t, fd, &id) < 0 || tacit_get(t, fd, &peer) < 0) {
		fprintf(stderr, "nothing is known of it: %s\n", tacit_error(t));
		return;
	}
	print("connected", peer);
	tacit_peer_free(peer);
	while (n > 0 && poll(p, 2, -1) > 0) {
		print_changes(t);
		if (!p[0].revents)
			continue;
		n = recv(fd, buf, sizeof(buf), 0);
		if (n > 0 && send(fd, buf, (size_t)n, MSG_NOSIGNAL) != n)
			break;
	}
	(void)tacit_unwatch(t, id);
}

int main(int argc, char **argv)
{
	struct tacit *t;
	int listener, fd;

	if (argc != 2) {
		fprintf(stderr, "usage: who-is-there PORT\n");
		return 2;
	}
	if (tacit_open(getenv("TACIT_SOCKET"), &t) < 0) {
		fprintf(stderr, "there is no agent\n");
		return 1;
	}
	listener = listen_on(argv[1]);
	if (listener < 0) {
		fprintf(stderr, "port %s: %s\n", argv[1], strerror(-listener));
		return 1;
	}
	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		serve(t, fd);
		close(fd);
	}
	return 1;
}
