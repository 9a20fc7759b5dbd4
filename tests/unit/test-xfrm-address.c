/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xfrm/address.c: what rtnetlink says, and the table; and xfrm/nlsock.c by
 * way of the watch, on this machine's own addresses.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/rtnetlink.h>

#include "util/limits.h"
#include "xfrm/address.h"

static struct addr address(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

struct message {
	struct nlmsghdr h;
	struct ifaddrmsg head;
	uint8_t rest[128];
};

static void start(struct message *m, uint16_t type, uint8_t family)
{
	*m = (struct message){
		.h = { .nlmsg_type = type,
		       .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifaddrmsg)) },
		.head = { .ifa_family = family, .ifa_index = 5 }
	};
}

static void put(struct message *m, uint16_t type, const char *text)
{
	struct addr a = address(text);
	struct rtattr head = { .rta_type = type,
			       .rta_len = (uint16_t)RTA_LENGTH(addr_len(&a)) };
	uint8_t *at = (uint8_t *)m + m->h.nlmsg_len;

	memcpy(at, &head, sizeof(head));
	memcpy(at + sizeof(head), a.bytes, addr_len(&a));
	m->h.nlmsg_len += RTA_ALIGN(head.rta_len);
}

static void test_read(void **state)
{
	struct addr want = address("10.0.0.1"), cast = address("10.0.0.255");
	struct address a;
	struct message m;
	bool gone = true;

	(void)state;
	start(&m, RTM_NEWADDR, AF_INET);
	put(&m, IFA_ADDRESS, "10.0.0.1");
	put(&m, IFA_LOCAL, "10.0.0.1");
	put(&m, IFA_BROADCAST, "10.0.0.255");
	assert_int_equal(address_read(&m.h, &a, &gone), 0);
	assert_true(addr_equal(&a.addr, &want));
	assert_true(addr_equal(&a.broadcast, &cast));
	assert_int_equal(a.ifindex, 5);
	assert_false(gone);
	/* On a point-to-point link IFA_ADDRESS is the peer. */
	start(&m, RTM_DELADDR, AF_INET);
	put(&m, IFA_ADDRESS, "10.9.9.9");
	put(&m, IFA_LOCAL, "10.0.0.1");
	assert_int_equal(address_read(&m.h, &a, &gone), 0);
	assert_true(addr_equal(&a.addr, &want));
	assert_int_equal(a.broadcast.family, 0);
	assert_true(gone);
	start(&m, RTM_NEWADDR, AF_INET6);
	put(&m, IFA_ADDRESS, "fe80::1");
	assert_int_equal(address_read(&m.h, &a, &gone), 0);
	assert_int_equal(a.addr.scope, 5);
	start(&m, RTM_NEWADDR, AF_INET6);
	put(&m, IFA_ADDRESS, "fd00::1");
	assert_int_equal(address_read(&m.h, &a, &gone), 0);
	assert_int_equal(a.addr.scope, 0);
}

static void test_refused(void **state)
{
	struct address a;
	struct message m;
	bool gone;

	(void)state;
	start(&m, RTM_NEWADDR, AF_INET);
	assert_int_equal(address_read(&m.h, &a, &gone), -EBADMSG);
	put(&m, IFA_LOCAL, "127.0.0.1");
	assert_int_equal(address_read(&m.h, &a, &gone), -ENOMSG);
	start(&m, RTM_NEWLINK, AF_INET);
	assert_int_equal(address_read(&m.h, &a, &gone), -ENOMSG);
	start(&m, RTM_NEWADDR, 7);
	assert_int_equal(address_read(&m.h, &a, &gone), -ENOMSG);
	/* An address of the other family's length. */
	start(&m, RTM_NEWADDR, AF_INET);
	put(&m, IFA_LOCAL, "fd00::1");
	assert_int_equal(address_read(&m.h, &a, &gone), -EBADMSG);
	/* Every shorter message, each in a block of its own. */
	start(&m, RTM_NEWADDR, AF_INET);
	put(&m, IFA_LOCAL, "10.0.0.1");
	put(&m, IFA_BROADCAST, "10.0.0.255");
	for (uint32_t len = NLMSG_HDRLEN; len < m.h.nlmsg_len; len++) {
		struct nlmsghdr *cut = malloc(len);

		assert_non_null(cut);
		memcpy(cut, &m, len);
		cut->nlmsg_len = len;
		/* What is cut between two attributes is whole. */
		if (address_read(cut, &a, &gone) == 0)
			assert_true(len >= m.h.nlmsg_len - 8);
		free(cut);
	}
}

static void test_table(void **state)
{
	struct address_table t = { 0 };
	struct address a = { .addr = address("10.0.0.1"), .ifindex = 2 };
	struct address l = { .addr = address("fe80::1"), .ifindex = 2 };
	struct addr x;

	(void)state;
	assert_int_equal(address_table_add(&t, &a), 0);
	assert_int_equal(address_table_add(&t, &a), -EEXIST);
	a.ifindex = 3;
	assert_int_equal(address_table_add(&t, &a), 0);
	assert_true(address_table_has(&t, &a.addr));
	assert_true(address_table_remove(&t, &a));
	assert_false(address_table_remove(&t, &a));
	assert_true(address_table_has(&t, &a.addr));
	a.ifindex = 2;
	assert_ptr_equal(address_table_get(&t, &a), &t.list[0]);
	assert_true(address_table_remove(&t, &a));
	assert_false(address_table_has(&t, &a.addr));

	l.addr.scope = 2;
	assert_int_equal(address_table_add(&t, &l), 0);
	x = l.addr;
	assert_true(address_table_has(&t, &x));
	x.scope = 3;
	assert_false(address_table_has(&t, &x));
	x.scope = 0;
	assert_true(address_table_has(&t, &x));
	assert_int_equal(address_table_scope(&t, &x), 2);
	l.ifindex = l.addr.scope = 3;
	assert_int_equal(address_table_add(&t, &l), 0);
	/* On two links: which one is meant cannot be told. */
	assert_int_equal(address_table_scope(&t, &x), 0);
	address_table_done(&t);
}

static void test_limit(void **state)
{
	struct address_table t = { 0 };
	struct address a = { .addr = address("10.0.0.0"), .ifindex = 2 };

	(void)state;
	for (unsigned i = 0; i < LIMIT_OWN_ADDRESSES; i++) {
		a.addr.bytes[2] = (uint8_t)(i >> 8);
		a.addr.bytes[3] = (uint8_t)i;
		assert_int_equal(address_table_add(&t, &a), 0);
	}
	a.addr.bytes[1] = 9;
	assert_int_equal(address_table_add(&t, &a), -ENOSPC);
	assert_int_equal(t.left_out, 1);
	address_table_done(&t);
}

static void counted(void *user, const struct address *a)
{
	(void)a;
	++*(unsigned *)user;
}

static void test_watch(void **state)
{
	unsigned count = 0;
	struct address_ops ops = { .user = &count,
				   .added = counted,
				   .removed = counted };
	struct address_watch *w = NULL;

	(void)state;
	assert_int_equal(address_watch_new(&ops, &w), 0);
	assert_int_equal(count, address_watch_table(w)->count);
	assert_true(address_watch_fd(w) >= 0);
	assert_int_equal(address_watch_dispatch(w), 0);
	for (size_t i = 0; i < address_watch_table(w)->count; i++)
		assert_false(addr_is_loopback(
			&address_watch_table(w)->list[i].addr));
	address_watch_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),  cmocka_unit_test(test_refused),
		cmocka_unit_test(test_table), cmocka_unit_test(test_limit),
		cmocka_unit_test(test_watch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
