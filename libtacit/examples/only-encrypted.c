/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A client that refuses to speak in the clear: connects to a port of a host,
 * sends its standard input and prints what comes back, or says why not.
 *
 *	only-encrypted [--to NAME] ADDRESS PORT
 *
 * With --to the peer has to prove that it is NAME, wherever the address came
 * from. Build: cc only-encrypted.c $(pkg-config --cflags --libs libtacit)
 */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <tacit.h>
#include <unistd.h>

/* A socket that is protected and then connected. */
static int connect_protected(struct tacit *t, const struct addrinfo *to,
			     const char *name)
{
	struct tacit_peer *peer = NULL;
	int fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0), r;
	const char *who;

	if (fd < 0)
		return -errno;
	r = name ? tacit_name(t, fd, name) : 0;
	if (r == 0)
		r = tacit_require(t, fd, to->ai_addr, to->ai_addrlen, NULL, 0,
				  &peer);
	if (r < 0) {
		fprintf(stderr, "not sent: %s\n", tacit_error(t));
	} else {
		who = tacit_peer_identity(peer);
		fprintf(stderr, "encrypted, to %s\n", who ? who : "anybody");
		if (connect(fd, to->ai_addr, to->ai_addrlen) < 0) {
			r = -errno;
			fprintf(stderr, "connect: %s\n", strerror(errno));
		}
	}
	tacit_peer_free(peer);
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

/* Standard input to the peer, its answer to standard output. */
static int speak(int fd)
{
	char buf[4096];
	ssize_t n;

	while ((n = read(STDIN_FILENO, buf, sizeof(buf))) > 0)
		if (send(fd, buf, (size_t)n, MSG_NOSIGNAL) != n)
			break;
	shutdown(fd, SHUT_WR);
	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
		if (fwrite(buf, 1, (size_t)n, stdout) != (size_t)n)
			break;
	fflush(stdout);
	/* ECONNABORTED: protection was lost, and with it the connection. */
	if (n < 0)
		fprintf(stderr, "the connection ended: %s\n", strerror(errno));
	return n < 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	bool named = argc == 5 && !strcmp(argv[1], "--to");
	struct addrinfo *to;
	struct tacit *t;
	int fd, r;

	if (!named && argc != 3) {
		fprintf(stderr, "usage: only-encrypted [--to NAME] ADDRESS "
				"PORT\n");
		return 2;
	}
	r = getaddrinfo(argv[argc - 2], argv[argc - 1], &hints, &to);
	if (r != 0) {
		fprintf(stderr, "%s: %s\n", argv[argc - 2], gai_strerror(r));
		return 1;
	}
	r = tacit_open(getenv("TACIT_SOCKET"), &t);
	if (r < 0) {
		fprintf(stderr, "not sent: there is no agent\n");
		freeaddrinfo(to);
		return 1;
	}
	fd = connect_protected(t, to, named ? argv[2] : NULL);
	freeaddrinfo(to);
	tacit_close(t);
	if (fd < 0)
		return 1;
	r = speak(fd);
	close(fd);
	return r;
}
