/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * util/pcapng.h: whole blocks, compared with bytes worked out by hand and
 * with checksums that must come out as zero.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/pcapng.h"
#include "util/rbuf.h"

static void test_section(void **state)
{
	static const uint8_t want[] = {
		0x0a, 0x0d, 0x0d, 0x0a, 0, 0,  0,    28,   0x1a, 0x2b,
		0x3c, 0x4d, 0,	  1,	0, 0,  0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0, 0,  0,    28,   0,	 0,
		0,    1,    0,	  0,	0, 20, 0,    101,  0,	 0,
		0,    0,    0,	  0,	0, 0,  0,    20,
	};
	uint8_t buf[PCAPNG_SECTION];
	struct wbuf w = wbuf_of(buf, sizeof(buf));

	(void)state;
	pcapng_write_section(&w);
	assert_true(wbuf_ok(&w));
	assert_int_equal(w.len, sizeof(want));
	assert_memory_equal(buf, want, sizeof(want));
}

static struct endpoint endpoint(const char *text, uint16_t port)
{
	struct endpoint e = { .port = port };

	assert_int_equal(addr_parse(text, &e.addr), 0);
	return e;
}

/* RFC 1071: over what carries its own checksum, the sum is all ones. */
static uint16_t sum_of(uint32_t s, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		s += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)s;
}

static const struct {
	const char *from, *to, *data, *comment;
} packets[] = {
	{ "192.0.2.1", "192.0.2.2", "", NULL },
	{ "192.0.2.1", "192.0.2.2", "abcde", NULL },
	{ "192.0.2.1", "192.0.2.2", "abcde", "decrypted" },
	{ "2001:db8::1", "2001:db8::2", "abcdefg", "four" },
	{ "2001:db8::1", "2001:db8::2", "x", NULL },
};

static void check_ip(const uint8_t *ip, size_t len, size_t data_len)
{
	if (len == 20 + 8 + data_len) {
		assert_int_equal(ip[0], 0x45);
		assert_int_equal(ip[2] << 8 | ip[3], len);
		assert_int_equal(ip[9], 17);
		assert_int_equal(sum_of(0, ip, 20), 0xffff);
		assert_int_equal(sum_of(17 + 8 + (uint32_t)data_len, ip + 12,
					8 + 8 + data_len),
				 0xffff);
	} else {
		assert_int_equal(len, 40 + 8 + data_len);
		assert_int_equal(ip[0], 0x60);
		assert_int_equal(ip[4] << 8 | ip[5], 8 + data_len);
		assert_int_equal(ip[6], 17);
		assert_int_equal(sum_of(17 + 8 + (uint32_t)data_len, ip + 8,
					32 + 8 + data_len),
				 0xffff);
	}
}

static void test_packets(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
		const char *data = packets[i].data;
		struct pcapng_packet p = {
			.time_us = UINT64_C(0x0006123456789abc),
			.from = endpoint(packets[i].from, 500),
			.to = endpoint(packets[i].to, 4500),
			.data = data,
			.len = strlen(data),
			.comment = packets[i].comment,
		};
		uint8_t buf[256];
		struct wbuf w = wbuf_of(buf, sizeof(buf));
		struct rbuf r;
		const uint8_t *ip;
		uint32_t len;

		pcapng_write_packet(&w, &p);
		assert_true(wbuf_ok(&w));
		assert_int_equal(w.len % 4, 0);
		assert_true(w.len <= PCAPNG_OVERHEAD + strlen(data) +
					     (p.comment ? 16 : 0));
		r = rbuf_of(buf, w.len);
		assert_int_equal(rbuf_be32(&r), 6);
		assert_int_equal(rbuf_be32(&r), w.len);
		assert_int_equal(rbuf_be32(&r), 0);
		assert_int_equal(rbuf_be64(&r), p.time_us);
		len = rbuf_be32(&r);
		assert_int_equal(rbuf_be32(&r), len);
		ip = rbuf_bytes(&r, len);
		assert_non_null(ip);
		check_ip(ip, len, strlen(data));
		assert_memory_equal(ip + len - strlen(data), data,
				    strlen(data));
		(void)rbuf_bytes(&r, (4 - len % 4) % 4);
		if (p.comment) {
			assert_int_equal(rbuf_be16(&r), 1);
			assert_int_equal(rbuf_be16(&r), strlen(p.comment));
			assert_memory_equal(r.pos, p.comment,
					    strlen(p.comment));
			(void)rbuf_bytes(&r, (strlen(p.comment) + 3) / 4 * 4);
			assert_int_equal(rbuf_be32(&r), 0);
		}
		assert_int_equal(rbuf_be32(&r), w.len);
		assert_true(rbuf_finish(&r));
	}
}

/* It never writes past its room, and says so. */
static void test_room(void **state)
{
	struct pcapng_packet p = {
		.from = endpoint("192.0.2.1", 500),
		.to = endpoint("192.0.2.2", 500),
		.data = "abcde",
		.len = 5,
		.comment = "decrypted",
	};
	static uint8_t large[65001];
	uint8_t buf[256];
	struct wbuf w = wbuf_of(buf, sizeof(buf));
	size_t whole;

	(void)state;
	pcapng_write_packet(&w, &p);
	whole = w.len;
	for (size_t cap = 0; cap < whole; cap++) {
		memset(buf, 0x5a, sizeof(buf));
		w = wbuf_of(buf, cap);
		pcapng_write_packet(&w, &p);
		assert_false(wbuf_ok(&w));
		for (size_t i = cap; i < sizeof(buf); i++)
			assert_int_equal(buf[i], 0x5a);
	}
	p.data = large;
	p.len = sizeof(large);
	w = wbuf_of(buf, sizeof(buf));
	pcapng_write_packet(&w, &p);
	assert_false(wbuf_ok(&w));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_section),
		cmocka_unit_test(test_packets),
		cmocka_unit_test(test_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
