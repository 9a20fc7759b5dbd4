/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The nflog dialogue against a socket that only remembers. */
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "xfrm/hear.h"
#include "xfrm/nfnl.h"

/* Of one test at a time. */
static struct {
	bool answer; /* the last request wants one */
	int bind_error, batch_error;
	unsigned batches, added, removed;
	uint8_t in[512];
	size_t in_len;
	unsigned heard;
	struct heard last;
} fake;

int nfnl_open(int receive_buffer, int send_buffer, struct nl_sock **ret)
{
	(void)receive_buffer;
	(void)send_buffer;
	*ret = (struct nl_sock *)&fake;
	return 0;
}

struct nl_sock *nfnl_close(struct nl_sock *s)
{
	(void)s;
	return NULL;
}

int nfnl_fd(const struct nl_sock *s)
{
	(void)s;
	return 42;
}

int nfnl_send(struct nl_sock *s, const void *data, size_t len)
{
	struct rbuf r = rbuf_of(data, len);
	struct nfnl_message m;

	(void)s;
	fake.answer = true;
	while (nfnl_next(&r, &m) > 0) {
		fake.batches += m.type == NFNL_MSG_BATCH_BEGIN;
		fake.added += m.type ==
			      (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSETELEM);
		fake.removed += m.type == (NFNL_SUBSYS_NFTABLES << 8 |
					   NFT_MSG_DELSETELEM);
	}
	return 0;
}

int nfnl_receive(struct nl_sock *s, void *buf, size_t cap)
{
	struct {
		struct nlmsghdr h;
		int32_t error;
	} e = { { .nlmsg_len = sizeof(e), .nlmsg_type = NLMSG_ERROR }, 0 };

	(void)s;
	(void)cap;
	if (fake.in_len) {
		size_t n = fake.in_len;

		memcpy(buf, fake.in, n);
		fake.in_len = 0;
		return (int)n;
	}
	if (!fake.answer)
		return 0;
	fake.answer = false;
	e.error = fake.batches ? fake.batch_error : fake.bind_error;
	memcpy(buf, &e, sizeof(e));
	return sizeof(e);
}

static void on_heard(void *user, const struct heard *what)
{
	(void)user;
	fake.heard++;
	fake.last = *what;
}

static const struct hear_config config = { .group = 7,
					   .port = 500,
					   .natt_port = 4500 };
static const struct hear_ops ops = { .heard = on_heard };

static int reset(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	return 0;
}

static struct hear *make(void)
{
	struct hear *h = NULL;

	assert_int_equal(hear_new(&config, &ops, &h), 0);
	memset(&fake, 0, sizeof(fake));
	return h;
}

static void test_new(void **state)
{
	static const struct {
		int bind, batch, want;
	} rows[] = {
		{ -EPERM, 0, -EADDRINUSE },
		{ -EINVAL, 0, -EOPNOTSUPP },
		{ 0, -ENOENT, -EOPNOTSUPP },
		{ 0, -ENOMEM, -ENOMEM },
	};
	struct hear *h = NULL;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		reset(state);
		fake.bind_error = rows[i].bind;
		fake.batch_error = rows[i].batch;
		assert_int_equal(hear_new(&config, &ops, &h), rows[i].want);
	}
	assert_null(h);
	reset(state);
	assert_null(hear_free(make()));
}

static struct addr address(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

/* Many changes, few transactions; an SPI that goes is known for a while. */
static void test_changes(void **state)
{
	struct hear *h = make();
	struct addr a = address("10.0.0.1"), b = address("10.0.0.2");

	(void)state;
	assert_int_equal(hear_flush(h), 0);
	assert_int_equal(fake.batches, 0);
	for (uint32_t i = 0; i < 100; i++)
		hear_spi(h, &a, 0x1000 + i, true);
	hear_secured(h, &a, &b, true);
	hear_secured(h, &a, &b, false);
	hear_spi(h, &a, 0x1000, false);
	assert_int_equal(hear_flush(h), 0);
	assert_int_equal(fake.added, 102);
	assert_int_equal(fake.removed, 2);
	assert_true(fake.batches <= 5);
	/* What went wrong is told once. */
	fake.batch_error = -ENOENT;
	hear_secured(h, &a, &b, true);
	assert_int_equal(hear_flush(h), -ENOENT);
	fake.batch_error = 0;
	assert_int_equal(hear_flush(h), 0);
	assert_int_equal(hear_renew(h), 0);
	hear_secured(h, &a, &b, true);
	assert_int_equal(hear_flush(h), 0);
	hear_free(h);
}

static void receive(uint8_t family, const void *head, size_t len)
{
	struct wbuf w = wbuf_of(fake.in, sizeof(fake.in));
	size_t at = nfnl_begin(&w, NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET, 0,
			       0, family, 7);

	nfnl_put_be32(&w, NFULA_IFINDEX_INDEV, 3);
	nfnl_put(&w, NFULA_PAYLOAD, head, len);
	nfnl_end(&w, at);
	assert_true(wbuf_ok(&w));
	fake.in_len = w.len;
}

static void test_heard(void **state)
{
	/* From fe80::2 to fe80::1. */
	uint8_t six[60] = { [0] = 0x60,	 [8] = 0xfe, 0x80,    [23] = 2,
			    [24] = 0xfe, 0x80,	     [39] = 1 };
	static const uint8_t esp[] = { 0xc0, 0xff, 0xee, 0x01, 0, 0, 0, 7 };
	static const uint8_t udp[] = { 0x4e, 0x20, 0x11, 0x94, 0,    20,
				       0,    0,	   0xc0, 0xff, 0xee, 0x02 };
	struct addr local = address("fe80::1%3");
	struct addr remote = address("fe80::2%3");
	struct hear *h = make();

	(void)state;
	six[6] = 50;
	memcpy(six + 40, esp, sizeof(esp));
	receive(AF_INET6, six, 48);
	assert_int_equal(hear_dispatch(h), 0);
	assert_int_equal(fake.heard, 1);
	assert_true(fake.last.esp);
	assert_int_equal(fake.last.spi, 0xc0ffee01);
	assert_int_equal(fake.last.udp_remote, 0);
	assert_true(addr_equal(&fake.last.local, &local));
	assert_true(addr_equal(&fake.last.remote, &remote));
	six[6] = 17;
	memcpy(six + 40, udp, sizeof(udp));
	receive(AF_INET6, six, 52);
	assert_int_equal(hear_dispatch(h), 0);
	assert_int_equal(fake.last.spi, 0xc0ffee02);
	assert_int_equal(fake.last.udp_remote, 20000);
	/* Another port; cut off before its SPI; no packet at all. */
	six[43] = 0x95;
	receive(AF_INET6, six, 52);
	assert_int_equal(hear_dispatch(h), 0);
	assert_false(fake.last.esp);
	assert_int_equal(fake.last.spi, 0);
	assert_int_equal(fake.heard, 3);
	six[43] = 0x94;
	receive(AF_INET6, six, 50);
	assert_int_equal(hear_dispatch(h), 0);
	receive(AF_INET, six, 52);
	assert_int_equal(hear_dispatch(h), 0);
	fake.in_len = 10;
	assert_int_equal(hear_dispatch(h), 0);
	assert_int_equal(fake.heard, 3);
	hear_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_new, reset),
		cmocka_unit_test_setup(test_changes, reset),
		cmocka_unit_test_setup(test_heard, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
