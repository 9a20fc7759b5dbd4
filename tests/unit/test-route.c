/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * util/route.c against this machine's own routes: what it says is what a
 * connected socket would have.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/route.h"

static int of_socket(const struct addr *remote, struct addr *ret)
{
	const struct endpoint there = { .addr = *remote, .port = 9 };
	struct sockaddr_storage sa;
	struct endpoint here;
	socklen_t len = endpoint_to_sockaddr(&there, &sa);
	int fd = socket(sa.ss_family, SOCK_DGRAM, 0), r = 0;

	if (fd < 0 || connect(fd, (struct sockaddr *)&sa, len) < 0)
		r = -errno;
	len = sizeof(sa);
	if (r == 0 && getsockname(fd, (struct sockaddr *)&sa, &len) < 0)
		r = -errno;
	if (fd >= 0)
		close(fd);
	if (r == 0)
		r = endpoint_from_sockaddr((struct sockaddr *)&sa, len, &here);
	if (r == 0)
		*ret = here.addr;
	return r;
}

static void test_same(void **state)
{
	/* Documentation addresses (RFC 5737, 3849) and loopback. */
	static const char *const hosts[] = { "127.0.0.1", "127.3.2.1", "::1",
					     "192.0.2.1", "2001:db8::1" };
	const struct route_from from = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		struct addr remote, want = { 0 }, is = { 0 };
		int r;

		assert_int_equal(addr_parse(hosts[i], &remote), 0);
		r = route_source(&remote, &from, &is);
		if (of_socket(&remote, &want) < 0) {
			assert_true(r < 0);
			assert_int_equal(is.family, 0);
			continue;
		}
		assert_int_equal(r, 0);
		assert_true(addr_equal(&is, &want));
	}
}

/* By a device that is not there. */
static void test_device(void **state)
{
	const struct route_from from = { .ifindex = 0x7ffffff0 };
	struct addr remote, is = { 0 };

	(void)state;
	assert_int_equal(addr_parse("127.0.0.1", &remote), 0);
	assert_true(route_source(&remote, &from, &is) < 0);
	assert_int_equal(is.family, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
