/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ike/payload.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))

struct fixture {
	uint8_t buf[1024];
	struct ike_builder b;
	struct ike_message m;
};

static void begin(struct fixture *f)
{
	static const struct ike_header h = {
		.spi_i = 1,
		.exchange = IKE_EXCHANGE_SA_INIT,
	};

	ike_builder_init(&f->b, f->buf, sizeof(f->buf), &h);
}

static const struct ike_payload *end(struct fixture *f)
{
	assert_int_equal(ike_builder_finish(&f->b), 0);
	assert_int_equal(ike_message_parse(f->buf, f->b.w.len, &f->m), 0);
	assert_int_equal(f->m.n, 1);
	return &f->m.payloads[0];
}

static struct ike_payload body(const void *data, size_t len)
{
	return (struct ike_payload){ .data = data, .len = len };
}

static void test_round_trips(void **state)
{
	struct ike_nonce nonce = { .len = 32 }, n2;
	struct ike_authentication a;
	struct ike_notify n;
	struct ike_delete d;
	struct fixture f;
	struct ike_ke ke;
	struct ike_id id;

	(void)state;
	begin(&f);
	ike_ke_write(&f.b, IKE_KE_P256, "0123456789", 10);
	assert_int_equal(ike_ke_parse(end(&f), &ke), 0);
	assert_int_equal(ke.group, IKE_KE_P256);
	assert_int_equal(ke.data.len, 10);
	assert_memory_equal(ke.data.data, "0123456789", 10);

	begin(&f);
	memset(nonce.data, 3, 32);
	ike_nonce_write(&f.b, &nonce);
	assert_int_equal(ike_nonce_parse(end(&f), &n2), 0);
	assert_int_equal(n2.len, 32);
	assert_memory_equal(n2.data, nonce.data, 32);

	begin(&f);
	ike_id_write_null(&f.b, IKE_PAYLOAD_IDI);
	assert_int_equal(ike_id_parse(end(&f), &id), 0);
	assert_int_equal(id.type, IKE_ID_NULL);
	assert_int_equal(id.data.len, 0);
	assert_int_equal(id.body.len, 4);

	begin(&f);
	ike_authentication_write(&f.b, 13, "mac", 3);
	assert_int_equal(ike_authentication_parse(end(&f), &a), 0);
	assert_int_equal(a.method, 13);
	assert_memory_equal(a.data.data, "mac", 3);

	begin(&f);
	ike_notify_write(&f.b, IKE_NOTIFY_COOKIE, "cookie", 6);
	assert_int_equal(ike_notify_parse(end(&f), &n), 0);
	assert_int_equal(n.type, IKE_NOTIFY_COOKIE);
	assert_int_equal(n.spi.len, 0);
	assert_memory_equal(n.data.data, "cookie", 6);

	begin(&f);
	ike_delete_write_ike(&f.b);
	assert_int_equal(ike_delete_parse(end(&f), &d), 0);
	assert_int_equal(d.protocol, IKE_PROTOCOL_IKE);
	assert_int_equal(d.count, 0);

	begin(&f);
	ike_delete_write_esp(&f.b, 0x01020304);
	assert_int_equal(ike_delete_parse(end(&f), &d), 0);
	assert_int_equal(d.protocol, IKE_PROTOCOL_ESP);
	assert_int_equal(d.count, 1);
	assert_memory_equal(d.spis.data, "\1\2\3\4", 4);

	begin(&f);
	ike_vendor_write(&f.b, "Opportunistic IPsec");
	assert_int_equal(end(&f)->type, IKE_PAYLOAD_VENDOR);
	assert_int_equal(f.m.payloads[0].len, 19);
}

/* The least and the greatest length that each takes. */
static void test_lengths(void **state)
{
	static const uint8_t zeros[600];
	uint8_t fqdn[600] = { IKE_ID_FQDN };

	(void)state;
	for (size_t len = 0; len < sizeof(zeros); len++) {
		struct ike_payload p = body(zeros, len), f = body(fqdn, len);
		struct ike_authentication a;
		struct ike_notify notify;
		struct ike_nonce nonce;
		struct ike_ke ke;
		struct ike_id id;

		assert_int_equal(ike_ke_parse(&p, &ke), len > 4 ? 0 : -EBADMSG);
		assert_int_equal(ike_nonce_parse(&p, &nonce),
				 len >= 16 && len <= 256 ? 0 : -EBADMSG);
		assert_int_equal(ike_id_parse(&f, &id),
				 len > 4 && len <= 4 + 256 ? 0 : -EBADMSG);
		assert_int_equal(ike_authentication_parse(&p, &a),
				 len > 4 ? 0 : -EBADMSG);
		assert_int_equal(ike_notify_parse(&p, &notify),
				 len >= 4 ? 0 : -EBADMSG);
	}
}

static void test_id(void **state)
{
	static const uint8_t null_empty[] = { 13, 0, 0, 0 };
	static const uint8_t null_data[] = { 13, 0, 0, 0, 1 };
	static const uint8_t address_empty[] = { 1, 0, 0, 0 };
	struct ike_payload p;
	struct ike_id id;

	(void)state;
	p = body(null_empty, 4);
	assert_int_equal(ike_id_parse(&p, &id), 0);
	p = body(null_data, 5);
	assert_int_equal(ike_id_parse(&p, &id), -EBADMSG);
	p = body(address_empty, 4);
	assert_int_equal(ike_id_parse(&p, &id), -EBADMSG);
}

/* Group 8 of the bad input. */
static const struct {
	uint8_t data[16];
	size_t len;
	bool ok;
} notifies[] = {
	{ { 0, 0, 64, 0 }, 4, true },
	{ { 1, 0, 64, 0 }, 4, true },
	{ { 3, 0, 64, 0 }, 4, true },
	{ { 3, 4, 64, 9, 1, 2, 3, 4 }, 8, true },
	{ { 2, 4, 64, 9, 1, 2, 3, 4, 5 }, 9, true },
	{ { 0, 4, 64, 9, 1, 2, 3, 4 }, 8, false },
	{ { 1, 8, 64, 9, 1, 2, 3, 4, 5, 6, 7, 8 }, 12, false },
	{ { 3, 8, 64, 9, 1, 2, 3, 4, 5, 6, 7, 8 }, 12, false },
	{ { 3, 4, 64, 9, 1, 2, 3 }, 7, false },
	{ { 3, 255, 64, 9, 1, 2, 3 }, 7, false },
};

static const struct {
	uint8_t data[16];
	size_t len;
	bool ok;
} deletes[] = {
	{ { 1, 0, 0, 0 }, 4, true },
	{ { 3, 4, 0, 0 }, 4, true },
	{ { 3, 4, 0, 1, 1, 2, 3, 4 }, 8, true },
	{ { 2, 4, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8 }, 12, true },
	{ { 0, 0, 0, 0 }, 4, false },
	{ { 4, 4, 0, 0 }, 4, false },
	{ { 1, 0, 0, 1 }, 4, false },
	{ { 1, 0, 0, 0, 0 }, 5, false },
	{ { 1, 8, 0, 0 }, 4, false },
	{ { 3, 0, 0, 1 }, 4, false },
	{ { 3, 3, 0, 1, 1, 2, 3 }, 7, false },
	{ { 3, 8, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8 }, 12, false },
	{ { 3, 4, 0, 2, 1, 2, 3, 4 }, 8, false },
	{ { 3, 4, 255, 255, 1, 2, 3, 4 }, 8, false },
	{ { 3, 4, 0, 1, 1, 2, 3 }, 7, false },
	{ { 3, 4, 0, 1, 1, 2, 3, 4, 5 }, 9, false },
	{ { 3, 4, 0 }, 3, false },
};

static void test_notify_and_delete(void **state)
{
	struct ike_payload p;
	struct ike_notify n;
	struct ike_delete d;

	(void)state;
	for (size_t i = 0; i < ELEMENTS(notifies); i++) {
		p = body(notifies[i].data, notifies[i].len);
		assert_int_equal(ike_notify_parse(&p, &n),
				 notifies[i].ok ? 0 : -EBADMSG);
	}
	for (size_t i = 0; i < ELEMENTS(deletes); i++) {
		p = body(deletes[i].data, deletes[i].len);
		assert_int_equal(ike_delete_parse(&p, &d),
				 deletes[i].ok ? 0 : -EBADMSG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_id),
		cmocka_unit_test(test_notify_and_delete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
