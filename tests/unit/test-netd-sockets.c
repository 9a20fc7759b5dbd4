/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * agent/netd-sockets.c, with real sockets and a kernel of our own: which are
 * taken, which are closed when, and what one user can make netd keep.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/netd-sockets.h"
#include "tests/unit/netd-fake.h"
#include "util/limits.h"
#include "util/socket.h"

#define R1 (RECORD_REQID_MIN + 1)
#define R2 (RECORD_REQID_MIN + 2)

/* What the kernel was asked for; cookies of all sockets that it lists. */
static struct {
	unsigned required, destroyed;
	uint32_t reqid;
	bool tunnel;
	uint64_t listed[8];
	size_t n_listed;
	uint64_t gone[8];
	int fail;
} kernel;

static int require(int fd, const struct addr *local, const struct addr *remote,
		   uint32_t reqid, bool tunnel)
{
	assert_true(fd >= 0);
	assert_int_equal(local->family, remote->family);
	kernel.required++;
	kernel.reqid = reqid;
	kernel.tunnel = tunnel;
	return 0;
}

static int destroy(uint16_t family, uint8_t protocol,
		   bool (*wanted)(uint64_t cookie, void *user), void *user,
		   unsigned *ret_failed)
{
	if (kernel.fail)
		return kernel.fail;
	*ret_failed = 0;
	/* All of them are TCP over IPv4. */
	for (size_t i = 0; family == AF_INET && protocol == IPPROTO_TCP &&
			   i < kernel.n_listed;
	     i++)
		if (wanted(kernel.listed[i], user))
			kernel.gone[kernel.destroyed++] = kernel.listed[i];
	return 0;
}

static int setup(void **state)
{
	struct netd_sockets *t = calloc(1, sizeof(*t));

	memset(&kernel, 0, sizeof(kernel));
	if (!t || netd_sockets_init(t) < 0)
		return -1;
	t->require = require;
	t->destroy = destroy;
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	netd_sockets_done(*state);
	free(*state);
	return 0;
}

static struct record_socket asks(uint32_t reqid)
{
	return (struct record_socket){ .local = fake_addr("10.0.0.1"),
				       .remote = fake_addr("10.0.0.2"),
				       .reqid = reqid };
}

static int new_socket(void)
{
	struct socket_info s;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(socket_describe(fd, &s), 0);
	if (kernel.n_listed < 8)
		kernel.listed[kernel.n_listed++] = s.cookie;
	return fd;
}

static void test_lost(void **state)
{
	struct netd_sockets *t = *state;
	struct record_socket one = asks(R1), two = asks(R2);
	int a = new_socket(), b = new_socket(), c = new_socket();

	assert_int_equal(netd_sockets_add(t, &one, a, NULL, 0), 0);
	assert_int_equal(netd_sockets_add(t, &two, b, &two.remote, 0), 0);
	assert_true(kernel.tunnel);
	assert_int_equal(netd_sockets_add(t, &one, c, NULL, 0), 0);
	assert_int_equal(kernel.required, 3);
	/* Twice is once. */
	assert_int_equal(netd_sockets_add(t, &one, c, NULL, 0), 0);
	assert_int_equal(netd_sockets_count(t), 3);
	netd_sockets_lost(t, R1, false, 1);
	assert_int_equal(kernel.destroyed, 2);
	assert_int_equal(kernel.gone[0], kernel.listed[0]);
	assert_int_equal(kernel.gone[1], kernel.listed[2]);
	assert_int_equal(netd_sockets_count(t), 1);
	netd_sockets_lost(t, R1, false, 2);
	assert_int_equal(kernel.destroyed, 2);
	/* A kernel that cannot: the entries go all the same. */
	kernel.fail = -EOPNOTSUPP;
	netd_sockets_lost(t, R2, false, 3);
	assert_int_equal(netd_sockets_count(t), 0);
	close(a);
	close(b);
	close(c);
}

/* Another flow's from now on. */
static void test_moved(void **state)
{
	struct netd_sockets *t = *state;
	struct record_socket one = asks(R1), two = asks(R2);
	int a = new_socket();

	assert_int_equal(netd_sockets_add(t, &one, a, NULL, 0), 0);
	assert_int_equal(netd_sockets_add(t, &two, a, NULL, 0), 0);
	assert_int_equal(kernel.reqid, R2);
	netd_sockets_lost(t, R1, false, 1);
	assert_int_equal(kernel.destroyed, 0);
	netd_sockets_lost(t, R2, false, 1);
	assert_int_equal(kernel.destroyed, 1);
	close(a);
}

/* Those for one identity, and those that were only shut. */
static void test_identified(void **state)
{
	struct netd_sockets *t = *state;
	struct record_socket any = asks(R1), one = asks(R1), shut = asks(0);
	int a = new_socket(), b = new_socket(), c = new_socket();

	one.identified = 1;
	assert_int_equal(netd_sockets_add(t, &any, a, NULL, 0), 0);
	assert_int_equal(netd_sockets_add(t, &one, b, NULL, 0), 0);
	assert_int_equal(netd_sockets_add(t, &shut, c, NULL, 0), 0);
	/* A reqid that no SA can have. */
	assert_true(kernel.reqid < RECORD_REQID_MIN && kernel.reqid);
	assert_int_equal(netd_sockets_count(t), 2);
	netd_sockets_lost(t, R1, true, 1);
	assert_int_equal(kernel.destroyed, 1);
	assert_int_equal(kernel.gone[0], kernel.listed[1]);
	assert_int_equal(netd_sockets_add(t, &shut, a, NULL, 0), 0);
	assert_int_equal(netd_sockets_count(t), 0);
	close(a);
	close(b);
	close(c);
}

static void test_unfit(void **state)
{
	struct netd_sockets *t = *state;
	struct record_socket r = asks(R1), six = asks(R1);
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(9) };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(netd_sockets_add(t, &r, fd, NULL, 0), -EAFNOSUPPORT);
	close(fd);
	fd = socket(AF_INET6, SOCK_STREAM, 0);
	assert_int_equal(netd_sockets_add(t, &r, fd, NULL, 0), -EINVAL);
	/* It speaks IPv4 too. */
	six.local = fake_addr("fd00::1");
	six.remote = fake_addr("fd00::2");
	assert_int_equal(netd_sockets_add(t, &six, fd, NULL, 0), -EINVAL);
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){ 1 }, sizeof(int));
	assert_int_equal(netd_sockets_add(t, &six, fd, NULL, 0), 0);
	close(fd);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(netd_sockets_add(t, &r, fd, NULL, 0), -EINVAL);
	close(fd);
	/* Connected to somebody else. */
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(netd_sockets_add(t, &r, fd, NULL, 0), -EINVAL);
	close(fd);
	assert_int_equal(kernel.required, 1);
	assert_int_equal(netd_sockets_count(t), 1);
}

/* One user's share; those that the kernel lists no more make room, later. */
static void test_share(void **state)
{
	struct netd_sockets *t = *state;
	struct record_socket r = asks(R1);
	int fd = -1;

	for (unsigned i = 0; i < LIMIT_GUARDED_SOCKETS_USER; i++) {
		fd = new_socket();
		assert_int_equal(netd_sockets_add(t, &r, fd, NULL, 1000), 0);
		close(fd);
	}
	fd = new_socket();
	/* They may yet be bound. */
	assert_int_equal(netd_sockets_add(t, &r, fd, NULL, 2000), -EDQUOT);
	/* Looked for once a second at most. */
	assert_int_equal(netd_sockets_add(t, &r, fd, NULL, 2999), -EDQUOT);
	assert_int_equal(netd_sockets_add(t, &r, fd, NULL, 70000), 0);
	/* Those in the kernel's list have stayed. */
	assert_int_equal(netd_sockets_count(t), 9);
	close(fd);
}

/* A flow is in use while one of its sockets is open. */
static void test_in_use(void **state)
{
	struct netd_sockets *t = *state;
	struct record_socket r = asks(R1);
	int fd = new_socket();

	assert_false(netd_sockets_of(t, R1, 0));
	assert_int_equal(netd_sockets_add(t, &r, fd, NULL, 1000), 0);
	assert_true(netd_sockets_of(t, R1, 2000));
	assert_false(netd_sockets_of(t, R2, 2000));
	assert_true(netd_sockets_of(t, R1, 100000));
	close(fd);
	kernel.n_listed = 0;
	/* Not looked for all the time. */
	assert_true(netd_sockets_of(t, R1, 100001));
	assert_false(netd_sockets_of(t, R1, 102000));
	assert_int_equal(netd_sockets_count(t), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(test_moved, setup, teardown),
		cmocka_unit_test_setup_teardown(test_identified, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_unfit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_share, setup, teardown),
		cmocka_unit_test_setup_teardown(test_in_use, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
