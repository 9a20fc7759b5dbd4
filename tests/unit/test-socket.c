/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * util/socket.c: descriptors of every kind. Those of another network namespace
 * are for a kernel where we may make one, which the lab's is.
 */
#define _GNU_SOURCE /* unshare() */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/socket.h"

static const struct sockaddr_in6 six = { .sin6_family = AF_INET6,
					 .sin6_addr = IN6ADDR_LOOPBACK_INIT };

static struct sockaddr_in four(void)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return sa;
}

/* A listening TCP socket, and where it listens. */
static int listener(struct sockaddr_storage *sa, socklen_t *len, int family)
{
	struct sockaddr_in in = four();
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	if (family == AF_INET)
		assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)),
				 0);
	else
		assert_int_equal(
			bind(fd, (const struct sockaddr *)&six, sizeof(six)),
			0);
	assert_int_equal(listen(fd, 4), 0);
	*len = sizeof(*sa);
	assert_int_equal(getsockname(fd, (struct sockaddr *)sa, len), 0);
	return fd;
}

static void test_refused(void **state)
{
	struct socket_info s = { .cookie = 42 };
	int pipes[2], fd;

	(void)state;
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(socket_describe(pipes[0], &s), -ENOTSOCK);
	close(pipes[0]);
	close(pipes[1]);
	assert_int_equal(socket_describe(-1, &s), -EBADF);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(socket_describe(fd, &s), -EAFNOSUPPORT);
	close(fd);
	fd = socket(AF_NETLINK, SOCK_RAW, 0);
	assert_int_equal(socket_describe(fd, &s), -EAFNOSUPPORT);
	close(fd);
	fd = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE);
	if (fd >= 0)
		assert_int_equal(socket_describe(fd, &s), -EPROTONOSUPPORT);
	close(fd);
	fd = socket(AF_INET, SOCK_STREAM, 262 /* IPPROTO_MPTCP */);
	if (fd >= 0)
		assert_int_equal(socket_describe(fd, &s), -EPROTONOSUPPORT);
	close(fd);
	assert_int_equal(s.cookie, 42);
}

static void test_states(void **state)
{
	const int families[] = { AF_INET, AF_INET6 };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct sockaddr_storage sa;
		struct socket_info s, c;
		socklen_t len;
		int l = listener(&sa, &len, families[i]), fd, other;

		assert_int_equal(socket_describe(l, &s), 0);
		assert_true(s.listening);
		assert_false(s.connected);
		assert_int_equal(s.owner, geteuid());
		fd = socket(families[i], SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(socket_describe(fd, &c), 0);
		assert_false(c.connected || c.listening);
		assert_int_equal(c.family, families[i]);
		assert_int_equal(c.protocol, IPPROTO_TCP);
		assert_true(addr_is_unspecified(&c.local.addr));
		assert_true(c.cookie != s.cookie);
		assert_int_equal(connect(fd, (struct sockaddr *)&sa, len), 0);
		assert_int_equal(socket_describe(fd, &s), 0);
		assert_int_equal(s.cookie, c.cookie);
		assert_true(s.connected);
		assert_true(addr_is_loopback(&s.remote.addr));
		assert_true(s.remote.port && s.local.port);
		/* The same socket by another descriptor. */
		other = dup(fd);
		close(fd);
		assert_int_equal(socket_describe(other, &c), 0);
		assert_int_equal(s.cookie, c.cookie);
		close(other);
		close(l);
	}
}

/* An IPv6 socket that speaks IPv4. */
static void test_mapped(void **state)
{
	struct sockaddr_in6 mapped = { .sin6_family = AF_INET6 };
	struct sockaddr_storage sa;
	struct sockaddr_in in;
	struct socket_info s;
	socklen_t len;
	int l = listener(&sa, &len, AF_INET);
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	(void)state;
	memcpy(&in, &sa, sizeof(in));
	assert_int_equal(socket_describe(fd, &s), 0);
	assert_true(s.both_families);
	inet_pton(AF_INET6, "::ffff:127.0.0.1", &mapped.sin6_addr);
	mapped.sin6_port = in.sin_port;
	assert_int_equal(
		connect(fd, (struct sockaddr *)&mapped, sizeof(mapped)), 0);
	assert_int_equal(socket_describe(fd, &s), 0);
	assert_int_equal(s.family, AF_INET6);
	assert_int_equal(s.remote.addr.family, AF_INET);
	assert_int_equal(s.local.addr.family, AF_INET);
	close(fd);
	close(l);
	fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	assert_int_equal(socket_describe(fd, &s), 0);
	assert_false(s.both_families);
	assert_int_equal(s.protocol, IPPROTO_UDP);
	close(fd);
}

static void test_namespace(void **state)
{
	struct socket_info s;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		if (unshare(CLONE_NEWNET) < 0)
			_exit(77);
		_exit(socket_describe(fd, &s) == -EXDEV ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(fd);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_mapped),
		cmocka_unit_test(test_namespace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
