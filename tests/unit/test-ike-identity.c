/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Identities: as text, as payloads, compared. */
#include "ike/identity.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *text;
	uint8_t type; /* 0: no identity */
	const char *data;
	size_t len;
	const char *back; /* NULL: the same text */
} texts[] = {
	{ "192.0.2.1", IKE_ID_IPV4, "\xc0\x00\x02\x01", 4, NULL },
	{ "2001:db8::1", IKE_ID_IPV6,
	  "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16, NULL },
	{ "@host.example", IKE_ID_FQDN, "host.example", 12, NULL },
	{ "host.example", IKE_ID_FQDN, "host.example", 12, "@host.example" },
	{ "me@host.example", IKE_ID_RFC822, "me@host.example", 15, NULL },
	{ "keyid:00ff", IKE_ID_KEY_ID, "\x00\xff", 2, NULL },
	{ "dn:3000", IKE_ID_DN, "\x30\x00", 2, NULL },
	{ "dn:30AB", IKE_ID_DN, "\x30\xab", 2, "dn:30ab" },
	{ "%null", IKE_ID_NULL, "", 0, NULL },
	{ "", 0, NULL, 0, NULL },
	{ "@", 0, NULL, 0, NULL },
	{ "%any", 0, NULL, 0, NULL },
	{ "a@b@c", 0, NULL, 0, NULL },
	{ "@a@b", 0, NULL, 0, NULL },
	{ "host example", 0, NULL, 0, NULL },
	{ "host\nexample", 0, NULL, 0, NULL },
	{ "h\xc3\xb6st", 0, NULL, 0, NULL },
	{ "192.0.2.1/24", 0, NULL, 0, NULL },
	{ "2001:db8::g", 0, NULL, 0, NULL },
	{ "fe80::1%1", 0, NULL, 0, NULL },
	{ "keyid:", 0, NULL, 0, NULL },
	{ "keyid:0", 0, NULL, 0, NULL },
	{ "keyid:0g", 0, NULL, 0, NULL },
};

static void test_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < ELEMENTS(texts); i++) {
		char buf[IKE_IDENTITY_STRLEN];
		struct ike_identity id;

		print_message("  \"%s\"\n", texts[i].text);
		memset(&id, 0x55, sizeof(id));
		if (!texts[i].type) {
			assert_int_equal(ike_identity_parse(texts[i].text, &id),
					 -EINVAL);
			assert_int_equal(id.type, 0x55);
			continue;
		}
		assert_int_equal(ike_identity_parse(texts[i].text, &id), 0);
		assert_int_equal(id.type, texts[i].type);
		assert_int_equal(id.len, texts[i].len);
		assert_memory_equal(id.data, texts[i].data, id.len);
		assert_string_equal(ike_identity_format(&id, buf),
				    texts[i].back ? texts[i].back
						  : texts[i].text);
	}
}

static void test_longest(void **state)
{
	char text[2 * LIMIT_IKE_ID + 16] = "keyid:", buf[IKE_IDENTITY_STRLEN];
	struct ike_identity id;

	(void)state;
	memset(text + 6, 'a', 2 * LIMIT_IKE_ID);
	assert_int_equal(ike_identity_parse(text, &id), 0);
	assert_int_equal(id.len, LIMIT_IKE_ID);
	assert_string_equal(ike_identity_format(&id, buf), text);
	memset(text + 6, 'a', 2 * LIMIT_IKE_ID + 2);
	assert_int_equal(ike_identity_parse(text, &id), -EINVAL);
	memset(text, 'a', LIMIT_IKE_ID + 1);
	text[LIMIT_IKE_ID + 1] = 0;
	assert_int_equal(ike_identity_parse(text, &id), -EINVAL);
}

static const struct {
	uint8_t type;
	const char *data;
	size_t len;
	int rc;
} bodies[] = {
	{ IKE_ID_IPV4, "abcd", 4, 0 },
	{ IKE_ID_IPV4, "abc", 3, -EBADMSG },
	{ IKE_ID_IPV4, "abcdefghijklmnop", 16, -EBADMSG },
	{ IKE_ID_IPV6, "abcdefghijklmnop", 16, 0 },
	{ IKE_ID_IPV6, "abcd", 4, -EBADMSG },
	{ IKE_ID_FQDN, "host", 4, 0 },
	{ IKE_ID_FQDN, "ho\0t", 4, -EBADMSG },
	{ IKE_ID_FQDN, "ho\x1bt", 4, -EBADMSG },
	{ IKE_ID_FQDN, "a@b", 3, -EBADMSG },
	{ IKE_ID_FQDN, "", 0, -EBADMSG },
	{ IKE_ID_FQDN, "a:b", 3, -EBADMSG },
	{ IKE_ID_FQDN, "_a-b.c1", 7, 0 },
	{ IKE_ID_RFC822, "a:b@c", 5, -EBADMSG },
	{ IKE_ID_RFC822, "a@b", 3, 0 },
	{ IKE_ID_RFC822, "ab", 2, -EBADMSG },
	{ IKE_ID_RFC822, "@b", 2, -EBADMSG },
	{ IKE_ID_KEY_ID, "\0\xff", 2, 0 },
	{ IKE_ID_DN, "\x30", 1, 0 },
	{ IKE_ID_NULL, "", 0, 0 },
	{ IKE_ID_NULL, "a", 1, -EBADMSG },
	{ 0, "", 0, -EBADMSG },
	{ 10, "a", 1, -EBADMSG }, /* GN */
	{ 255, "a", 1, -EBADMSG },
};

static void test_bodies(void **state)
{
	(void)state;
	for (size_t i = 0; i < ELEMENTS(bodies); i++) {
		struct ike_identity id = { .type = 99 };
		uint8_t body[IKE_IDENTITY_BODY_MAX];
		size_t len;

		assert_int_equal(ike_identity_make(bodies[i].type,
						   bodies[i].data,
						   bodies[i].len, &id),
				 bodies[i].rc);
		if (bodies[i].rc < 0) {
			assert_int_equal(id.type, 99);
			continue;
		}
		len = ike_identity_body(&id, body);
		assert_int_equal(len, 4 + bodies[i].len);
		assert_int_equal(body[0], bodies[i].type);
		assert_memory_equal(body + 1, "\0\0", 3);
		assert_memory_equal(body + 4, bodies[i].data, bodies[i].len);
	}
}

static void test_payload(void **state)
{
	struct ike_header h = { .spi_i = 1, .exchange = IKE_EXCHANGE_AUTH };
	struct ike_builder b;
	struct ike_identity id, back;
	struct ike_payload p;
	struct ike_id parsed;
	uint8_t buf[512];

	(void)state;
	assert_int_equal(ike_identity_parse("@host.example", &id), 0);
	ike_builder_init(&b, buf, sizeof(buf), &h);
	ike_identity_write(&b, IKE_PAYLOAD_IDR, &id);
	assert_true(wbuf_ok(&b.w));
	p = (struct ike_payload){
		.data = buf + IKE_HEADER_LEN + IKE_GENERIC_LEN,
		.len = b.w.len - IKE_HEADER_LEN - IKE_GENERIC_LEN
	};
	assert_int_equal(ike_id_parse(&p, &parsed), 0);
	assert_int_equal(ike_identity_from_payload(&parsed, &back), 0);
	assert_true(ike_identity_equal(&id, &back));
}

/* Bytes, and nothing else: no case, no final dot, no other type. */
static void test_equal(void **state)
{
	static const char *const different[] = {
		"@host.example",   "Me@host.example", "@host.example.",
		"me@host.example", "192.0.2.1",	      "keyid:c0000201",
		"@host.exampl",	   "%null",	      "keyid:686f7374",
	};
	static const char *const same[][2] = {
		{ "@HOST.Example", "@host.example" },
		{ "Me@Host.EXAMPLE", "Me@host.example" },
	};
	struct ike_identity a, b, none = { 0 };

	(void)state;
	for (size_t i = 0; i < ELEMENTS(different); i++)
		for (size_t j = 0; j < ELEMENTS(different); j++) {
			assert_int_equal(ike_identity_parse(different[i], &a),
					 0);
			assert_int_equal(ike_identity_parse(different[j], &b),
					 0);
			assert_int_equal(ike_identity_equal(&a, &b), i == j);
			assert_false(ike_identity_equal(&a, &none));
		}
	assert_true(ike_identity_is_none(&none));
	for (size_t i = 0; i < ELEMENTS(same); i++) {
		char text[IKE_IDENTITY_STRLEN];

		assert_int_equal(ike_identity_parse(same[i][0], &a), 0);
		assert_int_equal(ike_identity_parse(same[i][1], &b), 0);
		assert_true(ike_identity_equal(&a, &b));
		assert_string_equal(ike_identity_format(&a, text), same[i][1]);
	}
	a = ike_identity_null();
	assert_true(ike_identity_is_null(&a));
	assert_false(ike_identity_is_none(&a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),   cmocka_unit_test(test_longest),
		cmocka_unit_test(test_bodies), cmocka_unit_test(test_payload),
		cmocka_unit_test(test_equal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
