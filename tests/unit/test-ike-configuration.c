/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The Configuration payload: what is read, and what is no such payload. */
#include "ike/configuration.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct addr address(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static int parse(const void *data, size_t len, struct ike_configuration *ret)
{
	const struct ike_payload p = { .data = data, .len = len };

	return ike_configuration_parse(&p, ret);
}

static void write_one(enum ike_cfg_type type, uint16_t family,
		      const struct addr *addr, struct ike_configuration *ret)
{
	static const struct ike_header h = {
		.spi_i = 1,
		.exchange = IKE_EXCHANGE_SA_INIT,
	};
	uint8_t buf[256];
	struct ike_builder b;
	struct ike_message m;

	ike_builder_init(&b, buf, sizeof(buf), &h);
	ike_configuration_write(&b, type, family, addr);
	assert_int_equal(ike_builder_finish(&b), 0);
	assert_int_equal(ike_message_parse(buf, b.w.len, &m), 0);
	assert_int_equal(m.payloads[0].type, IKE_PAYLOAD_CP);
	assert_int_equal(ike_configuration_parse(&m.payloads[0], ret), 0);
}

static void test_round_trips(void **state)
{
	const struct addr v4 = address("100.64.0.5"),
			  v6 = address("fd7a:c17::5"), none = { 0 };
	struct ike_configuration c;

	(void)state;
	write_one(IKE_CFG_REQUEST, AF_INET, &none, &c);
	assert_int_equal(c.type, IKE_CFG_REQUEST);
	assert_true(c.v4.present);
	assert_false(c.v6.present);
	assert_int_equal(c.v4.addr.family, 0);
	write_one(IKE_CFG_REQUEST, AF_INET6, &none, &c);
	assert_false(c.v4.present);
	assert_true(c.v6.present);
	assert_int_equal(c.v6.addr.family, 0);
	write_one(IKE_CFG_REPLY, AF_INET, &v4, &c);
	assert_int_equal(c.type, IKE_CFG_REPLY);
	assert_true(addr_equal(&c.v4.addr, &v4));
	write_one(IKE_CFG_REPLY, AF_INET6, &v6, &c);
	assert_true(addr_equal(&c.v6.addr, &v6));
}

/* As others write them. */
static void test_forms(void **state)
{
	/* Two addresses, an unknown attribute, the reserved bit, 0.0.0.0. */
	static const uint8_t two[] = { 2, 0, 0, 0, 0, 1, 0,  4, 10, 0,
				       0, 1, 0, 1, 0, 4, 10, 0, 0,  2 };
	static const uint8_t unknown[] = { 1, 9, 9, 9,	  0x70, 1,    0,
					   2, 7, 7, 0x80, 1,	0x00, 0 };
	static const uint8_t zero[] = { 1, 0, 0, 0, 0, 1, 0, 4, 0, 0, 0, 0 };
	static const uint8_t empty[] = { 3, 0, 0, 0 };
	struct ike_configuration c;

	(void)state;
	assert_int_equal(parse(two, sizeof(two), &c), 0);
	assert_int_equal(c.v4.addr.bytes[3], 1);
	assert_int_equal(parse(unknown, sizeof(unknown), &c), 0);
	assert_true(c.v4.present);
	assert_int_equal(parse(zero, sizeof(zero), &c), 0);
	assert_true(c.v4.present);
	assert_int_equal(c.v4.addr.family, 0);
	assert_int_equal(parse(empty, sizeof(empty), &c), 0);
	assert_int_equal(c.type, IKE_CFG_SET);
	assert_false(c.v4.present || c.v6.present);
}

static void test_wrong(void **state)
{
	static const struct {
		uint8_t bytes[26];
		size_t len;
	} wrong[] = {
		{ { 0 }, 0 },
		{ { 1, 0, 0 }, 3 },
		{ { 1, 0, 0, 0, 0, 1 }, 6 },		   /* cut */
		{ { 1, 0, 0, 0, 0, 1, 0, 4, 10, 0 }, 10 }, /* beyond its end */
		{ { 1, 0, 0, 0, 0, 1, 0, 3, 1, 2, 3 }, 11 }, /* short */
		{ { 1, 0, 0, 0, 0, 1, 0, 5, 1, 2, 3, 4, 5 }, 13 },
		{ { 1, 0, 0, 0, 0, 8, 0, 16 }, 24 }, /* no prefix length */
		{ { 1, 0, 0, 0, 0, 8, 0, 17, [24] = 129 }, 25 },
	};
	struct ike_configuration c = { .type = 77 };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(parse(wrong[i].bytes, wrong[i].len, &c),
				 -EBADMSG);
		assert_int_equal(c.type, 77);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
