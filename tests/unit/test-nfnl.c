/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Framing: what is written is read again, and what is cut or lies about its
 * length is refused. */
#include <errno.h>
#include <linux/netlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "xfrm/nfnl.h"

#define TYPE 0x0301

static size_t write_two(uint8_t *data, size_t cap)
{
	struct wbuf w = wbuf_of(data, cap);
	size_t at, nest;

	at = nfnl_begin(&w, TYPE, NLM_F_ACK, 7, 2, 0x1234);
	nfnl_put(&w, 1, "abc", 3);
	nest = nfnl_nest(&w, 2);
	nfnl_put_be32(&w, 3, 0x01020304);
	nfnl_put_be64(&w, 4, 5);
	nfnl_nest_end(&w, nest);
	nfnl_end(&w, at);
	at = nfnl_begin(&w, TYPE + 1, 0, 8, 10, 0);
	nfnl_put_string(&w, 5, "x");
	nfnl_end(&w, at);
	return wbuf_ok(&w) ? w.len : 0;
}

static void test_round_trip(void **state)
{
	struct nfnl_message m;
	struct rbuf r, data, inner;
	uint8_t buf[256];
	size_t len = write_two(buf, sizeof(buf));
	uint16_t type;

	(void)state;
	assert_int_equal(len, 20 + 8 + 24 + 20 + 8);
	r = rbuf_of(buf, len);
	assert_int_equal(nfnl_next(&r, &m), 1);
	assert_int_equal(m.type, TYPE);
	assert_int_equal(m.seq, 7);
	assert_int_equal(m.family, 2);
	assert_int_equal(m.res_id, 0x1234);
	assert_int_equal(nfnl_next_attr(&m.attrs, &type, &data), 1);
	assert_int_equal(type, 1);
	assert_int_equal(data.left, 3);
	assert_memory_equal(data.pos, "abc", 3);
	assert_int_equal(nfnl_next_attr(&m.attrs, &type, &inner), 1);
	assert_int_equal(type, 2);
	assert_int_equal(nfnl_next_attr(&inner, &type, &data), 1);
	assert_int_equal(rbuf_be32(&data), 0x01020304);
	assert_int_equal(nfnl_next_attr(&inner, &type, &data), 1);
	assert_int_equal(rbuf_be64(&data), 5);
	assert_int_equal(nfnl_next_attr(&inner, &type, &data), 0);
	assert_int_equal(nfnl_next_attr(&m.attrs, &type, &data), 0);
	assert_int_equal(nfnl_next(&r, &m), 1);
	assert_int_equal(m.family, 10);
	assert_int_equal(nfnl_next_attr(&m.attrs, &type, &data), 1);
	assert_memory_equal(data.pos, "x", 2);
	assert_int_equal(nfnl_next(&r, &m), 0);
}

static void test_no_room(void **state)
{
	uint8_t buf[256];
	size_t len = write_two(buf, sizeof(buf));

	(void)state;
	for (size_t cap = 0; cap < len; cap++)
		assert_int_equal(write_two(buf, cap), 0);
}

static void test_cut(void **state)
{
	uint8_t buf[256];
	size_t first = 20 + 8 + 24;

	(void)state;
	assert_true(write_two(buf, sizeof(buf)) > first);
	for (size_t len = 1; len < first; len++) {
		uint8_t *copy = malloc(len);
		struct nfnl_message m = { .type = 99 };
		struct rbuf r = rbuf_of(copy, len);

		assert_non_null(copy);
		memcpy(copy, buf, len);
		assert_int_equal(nfnl_next(&r, &m), -EBADMSG);
		assert_int_equal(m.type, 99);
		free(copy);
	}
}

static void test_error_message(void **state)
{
	struct {
		struct nlmsghdr h;
		int32_t error;
	} e = { { .nlmsg_len = sizeof(e),
		  .nlmsg_type = NLMSG_ERROR,
		  .nlmsg_seq = 3 },
		-ENOENT };
	struct rbuf r = rbuf_of(&e, sizeof(e));
	struct nfnl_message m;

	(void)state;
	assert_int_equal(nfnl_next(&r, &m), 1);
	assert_int_equal(m.type, NLMSG_ERROR);
	assert_int_equal(m.error, -ENOENT);
	e.h.nlmsg_len = sizeof(e.h) + 3;
	r = rbuf_of(&e, sizeof(e));
	assert_int_equal(nfnl_next(&r, &m), -EBADMSG);
}

static void test_lengths(void **state)
{
	static const uint16_t attr_lengths[] = { 0, 1, 3, 9, 0xffff };
	static const uint32_t lengths[] = { 0, 15, 16, 19, 21, 0xffffffff };
	uint8_t buf[64] = { 0 };
	struct nfnl_message m;
	struct rbuf r, data;
	struct wbuf w;
	uint16_t type;

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		w = wbuf_of(buf, sizeof(buf));
		nfnl_begin(&w, TYPE, 0, 1, 2, 0);
		memcpy(buf, &lengths[i], 4);
		r = rbuf_of(buf, w.len);
		assert_int_equal(nfnl_next(&r, &m), -EBADMSG);
	}
	for (size_t i = 0; i < sizeof(attr_lengths) / 2; i++) {
		memset(buf, 0, sizeof(buf));
		memcpy(buf, &attr_lengths[i], 2);
		r = rbuf_of(buf, 8);
		assert_int_equal(nfnl_next_attr(&r, &type, &data), -EBADMSG);
	}
	/* The last attribute's padding may be missing. */
	memcpy(buf, &(uint16_t){ 5 }, 2);
	r = rbuf_of(buf, 5);
	assert_int_equal(nfnl_next_attr(&r, &type, &data), 1);
	assert_int_equal(data.left, 1);
	assert_int_equal(nfnl_next_attr(&r, &type, &data), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_error_message),
		cmocka_unit_test(test_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
