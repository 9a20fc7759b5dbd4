/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ike/message.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))

/* A message whose chain is n bytes. */
static size_t make(uint8_t *buf, uint8_t first, const void *chain, size_t n)
{
	struct wbuf w = wbuf_of(buf, LIMIT_IKE_MESSAGE + 64);

	wbuf_be64(&w, 1);
	wbuf_be64(&w, 2);
	wbuf_u8(&w, first);
	wbuf_u8(&w, IKE_VERSION);
	wbuf_u8(&w, IKE_EXCHANGE_INFORMATIONAL);
	wbuf_u8(&w, IKE_FLAG_RESPONSE | IKE_FLAG_INITIATOR);
	wbuf_be32(&w, 77);
	wbuf_be32(&w, (uint32_t)(IKE_HEADER_LEN + n));
	wbuf_bytes(&w, chain, n);
	assert_true(wbuf_ok(&w));
	return w.len;
}

static void test_header(void **state)
{
	uint8_t buf[LIMIT_IKE_MESSAGE + 64];
	struct ike_header h;
	size_t len = make(buf, 0, "", 0);

	(void)state;
	assert_int_equal(ike_header_parse(buf, len, &h), 0);
	assert_int_equal(h.spi_i, 1);
	assert_int_equal(h.spi_r, 2);
	assert_int_equal(h.id, 77);
	assert_int_equal(h.exchange, IKE_EXCHANGE_INFORMATIONAL);
	assert_true(ike_header_is_response(&h));
	assert_true(ike_header_from_initiator(&h));
	/* 3.1: minor versions and reserved flags are ignored. */
	buf[17] = 0x2f;
	buf[19] |= 0xc7 | IKE_FLAG_VERSION;
	assert_int_equal(ike_header_parse(buf, len, &h), 0);
}

/* Group 1 of the bad input. */
static void test_bad_header(void **state)
{
	static const struct {
		const char *name;
		size_t at;
		uint8_t byte;
	} cases[] = {
		{ "length 0", 27, 0 },	     { "length 27", 27, 27 },
		{ "length 29", 27, 29 },     { "length of 16 MB", 24, 1 },
		{ "version 1.0", 17, 0x10 }, { "version 3.0", 17, 0x30 },
		{ "version 0", 17, 0 },	     { "initiator SPI 0", 7, 0 },
	};
	static const uint8_t zeros[LIMIT_IKE_MESSAGE];
	uint8_t buf[LIMIT_IKE_MESSAGE + 64];
	struct ike_message m;
	struct ike_header h;

	(void)state;
	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		size_t len = make(buf, 0, "", 0);

		print_message("  %s\n", cases[i].name);
		buf[cases[i].at] = cases[i].byte;
		assert_int_equal(ike_header_parse(buf, len, &h), -EBADMSG);
		assert_int_equal(ike_message_parse(buf, len, &m), -EBADMSG);
	}
	for (size_t len = 0; len < IKE_HEADER_LEN; len++) {
		make(buf, 0, "", 0);
		buf[27] = (uint8_t)len;
		assert_int_equal(ike_header_parse(buf, len, &h), -EBADMSG);
	}
	/* Trailing bytes, and the largest. */
	make(buf, 0, "", 0);
	assert_int_equal(ike_header_parse(buf, IKE_HEADER_LEN + 1, &h),
			 -EBADMSG);
	make(buf, 0, zeros, LIMIT_IKE_MESSAGE - IKE_HEADER_LEN);
	assert_int_equal(ike_header_parse(buf, LIMIT_IKE_MESSAGE, &h), 0);
	make(buf, 0, zeros, LIMIT_IKE_MESSAGE - IKE_HEADER_LEN + 1);
	assert_int_equal(ike_header_parse(buf, LIMIT_IKE_MESSAGE + 1, &h),
			 -EBADMSG);
}

static const struct {
	const char *name;
	uint8_t first;
	uint8_t chain[32];
	size_t len;
	int rc;
	size_t n;
} chains[] = {
	{ "none", 0, { 0 }, 0, 0, 0 },
	{ "one", 40, { 0, 0, 0, 4 }, 4, 0, 1 },
	{ "two notifies", 41, { 41, 0, 0, 5, 1, 0, 0, 0, 4 }, 9, 0, 2 },
	{ "critical bit on a known one", 40, { 0, 0x80, 0, 4 }, 4, 0, 1 },
	{ "unknown", 60, { 0, 0, 0, 4 }, 4, 0, 0 },
	{ "IKEv1 SA", 1, { 0, 0, 0, 4 }, 4, 0, 0 },
	{ "unknown, then known", 60, { 40, 0, 0, 4, 0, 0, 0, 4 }, 8, 0, 1 },
	{ "unknown critical",
	  60,
	  { 0, 0x80, 0, 4 },
	  4,
	  IKE_MESSAGE_CRITICAL,
	  0 },
	{ "SK and its inner type", 46, { 40, 0, 0, 6, 1, 2 }, 6, 0, 1 },
	{ "SK not last", 46, { 40, 0, 0, 4, 0, 0, 0, 4 }, 8, -EBADMSG, 0 },
	{ "no payload", 40, { 0 }, 0, -EBADMSG, 0 },
	{ "half a generic header", 40, { 0, 0 }, 2, -EBADMSG, 0 },
	{ "length 0", 40, { 0, 0, 0, 0 }, 4, -EBADMSG, 0 },
	{ "length 3", 40, { 0, 0, 0, 3 }, 4, -EBADMSG, 0 },
	{ "length past the end", 40, { 0, 0, 0, 5 }, 4, -EBADMSG, 0 },
	{ "length of 64 KB", 40, { 0, 0, 255, 255 }, 4, -EBADMSG, 0 },
	{ "next that is not there", 40, { 41, 0, 0, 4 }, 4, -EBADMSG, 0 },
	{ "bytes behind the last", 40, { 0, 0, 0, 4, 0 }, 5, -EBADMSG, 0 },
	{ "bytes without a type", 0, { 0, 0, 0, 4 }, 4, -EBADMSG, 0 },
	{ "two nonces", 40, { 40, 0, 0, 4, 0, 0, 0, 4 }, 8, -EBADMSG, 0 },
	{ "two nonces apart",
	  40,
	  { 41, 0, 0, 4, 40, 0, 0, 4, 0, 0, 0, 4 },
	  12,
	  -EBADMSG,
	  0 },
};

static void test_chains(void **state)
{
	uint8_t buf[LIMIT_IKE_MESSAGE + 64];
	struct ike_message m;

	(void)state;
	for (size_t i = 0; i < ELEMENTS(chains); i++) {
		size_t len = make(buf, chains[i].first, chains[i].chain,
				  chains[i].len);

		print_message("  %s\n", chains[i].name);
		assert_int_equal(ike_message_parse(buf, len, &m), chains[i].rc);
		if (chains[i].rc >= 0)
			assert_int_equal(m.n, chains[i].n);
		if (chains[i].rc == IKE_MESSAGE_CRITICAL)
			assert_int_equal(m.unsupported, 60);
	}
}

static void test_single_types(void **state)
{
	static const uint8_t many[] = { IKE_PAYLOAD_NOTIFY, IKE_PAYLOAD_DELETE,
					IKE_PAYLOAD_VENDOR, IKE_PAYLOAD_CERT,
					IKE_PAYLOAD_CERTREQ };
	uint8_t buf[LIMIT_IKE_MESSAGE + 64];
	struct ike_message m;

	(void)state;
	for (uint8_t type = 33; type <= 48; type++) {
		uint8_t chain[8] = { type, 0, 0, 4, 0, 0, 0, 4 };
		size_t len = make(buf, type, chain, sizeof(chain));
		bool ok = memchr(many, type, sizeof(many)) != NULL;

		assert_int_equal(ike_message_parse(buf, len, &m),
				 ok ? 0 : -EBADMSG);
	}
}

static void test_count(void **state)
{
	uint8_t chain[4 * (LIMIT_IKE_PAYLOADS + 1)];
	uint8_t buf[LIMIT_IKE_MESSAGE + 64];
	struct ike_message m;

	(void)state;
	for (unsigned n = LIMIT_IKE_PAYLOADS; n <= LIMIT_IKE_PAYLOADS + 1;
	     n++) {
		int expect = n > LIMIT_IKE_PAYLOADS ? -EBADMSG : 0;
		size_t len;

		for (unsigned i = 0; i < n; i++)
			memcpy(chain + (size_t)4 * i,
			       (uint8_t[]){ i + 1 < n ? 41 : 0, 0, 0, 4 }, 4);
		len = make(buf, 41, chain, (size_t)4 * n);
		assert_int_equal(ike_message_parse(buf, len, &m), expect);
		/* The same of unknown ones, which are not kept. */
		for (unsigned i = 0; i < n; i++)
			chain[(size_t)4 * i] = i + 1 < n ? 99 : 0;
		len = make(buf, 99, chain, (size_t)4 * n);
		assert_int_equal(ike_message_parse(buf, len, &m), expect);
	}
}

static void test_build(void **state)
{
	static const struct ike_header h = {
		.spi_i = 5,
		.spi_r = 6,
		.exchange = IKE_EXCHANGE_AUTH,
		.flags = IKE_FLAG_INITIATOR,
		.id = 1,
	};
	uint8_t buf[256];
	struct ike_builder b;
	struct ike_message m;

	(void)state;
	ike_builder_init(&b, buf, sizeof(buf), &h);
	wbuf_bytes(ike_builder_open(&b, IKE_PAYLOAD_VENDOR), "abc", 3);
	ike_builder_close(&b);
	ike_builder_open(&b, IKE_PAYLOAD_NONCE);
	ike_builder_close(&b);
	assert_int_equal(ike_builder_finish(&b), 0);
	assert_int_equal(b.w.len, 28 + 7 + 4);
	assert_int_equal(ike_message_parse(buf, b.w.len, &m), 0);
	assert_int_equal(m.header.spi_i, 5);
	assert_int_equal(m.header.spi_r, 6);
	assert_int_equal(m.header.id, 1);
	assert_int_equal(m.header.flags, IKE_FLAG_INITIATOR);
	assert_int_equal(m.n, 2);
	assert_int_equal(m.payloads[0].len, 3);
	assert_memory_equal(m.payloads[0].data, "abc", 3);
	assert_ptr_equal(ike_message_find(&m, IKE_PAYLOAD_NONCE),
			 &m.payloads[1]);
	assert_null(ike_message_find(&m, IKE_PAYLOAD_SA));
	/* Every buffer that is too small says so. */
	for (size_t cap = 0; cap < 39; cap++) {
		ike_builder_init(&b, buf, cap, &h);
		wbuf_bytes(ike_builder_open(&b, IKE_PAYLOAD_VENDOR), "abc", 3);
		ike_builder_close(&b);
		ike_builder_open(&b, IKE_PAYLOAD_NONCE);
		ike_builder_close(&b);
		assert_int_equal(ike_builder_finish(&b), -EMSGSIZE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_bad_header),
		cmocka_unit_test(test_chains),
		cmocka_unit_test(test_single_types),
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_build),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
