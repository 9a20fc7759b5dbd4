/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dnskeys/ipseckey.c: every form of RDATA, and keys that come back the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "dnskeys/ipseckey.h"

/* A hexadecimal string, spaces allowed, into buf. */
static size_t unhex(const char *text, uint8_t *buf)
{
	size_t n = 0;

	for (; *text; text += 2) {
		char byte[3] = { text[0], text[1], 0 };

		if (*text == ' ') {
			text--;
			continue;
		}
		buf[n++] = (uint8_t)strtoul(byte, NULL, 16);
	}
	return n;
}

#define KEY "01 03 51 53 79 86 ed 35 53 3b"

static const struct {
	const char *what, *rdata;
	int rc;
	uint8_t precedence, gateway, algorithm;
	const char *address;
	size_t key_len;
} forms[] = {
	{ "empty", "", -EBADMSG, 0, 0, 0, NULL, 0 },
	{ "short", "0a 00", -EBADMSG, 0, 0, 0, NULL, 0 },
	{ "no gateway", "0a 00 02" KEY, 0, 10, 0, 2, NULL, 10 },
	{ "no key", "0a 00 00", 0, 10, 0, 0, NULL, 0 },
	{ "no key, says RSA", "0a 00 02", -EBADMSG, 0, 0, 0, NULL, 0 },
	{ "a key, says none", "0a 00 00" KEY, -EBADMSG, 0, 0, 0, NULL, 0 },
	{ "an unknown algorithm", "0a 00 63" KEY, 0, 10, 0, 99, NULL, 10 },
	{ "an unknown gateway", "0a 04 02" KEY, -EOPNOTSUPP, 0, 0, 0, NULL, 0 },
	{ "IPv4", "0a 01 02 c0 00 02 26" KEY, 0, 10, 1, 2, "192.0.2.38", 10 },
	{ "IPv4, short", "0a 01 02 c0 00 02", -EBADMSG, 0, 0, 0, NULL, 0 },
	{ "IPv6",
	  "0a 02 02 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01" KEY, 0, 10,
	  2, 2, "2001:db8::1", 10 },
	{ "IPv6, short", "0a 02 02 20 01 0d b8", -EBADMSG, 0, 0, 0, NULL, 0 },
	{ "a name", "0a 03 02 02 67 77 02 78 79 00" KEY, 0, 10, 3, 2, NULL,
	  10 },
	{ "the root", "0a 03 02 00" KEY, 0, 10, 3, 2, NULL, 10 },
	{ "a name without an end", "0a 03 02 02 67 77 02 78", -EBADMSG, 0, 0, 0,
	  NULL, 0 },
	{ "a compressed name", "0a 03 02 02 67 77 c0 0c" KEY, -EBADMSG, 0, 0, 0,
	  NULL, 0 },
	{ "a label of the old extension", "0a 03 02 41 67 00" KEY, -EBADMSG, 0,
	  0, 0, NULL, 0 },
};

static void test_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		uint8_t buf[64];
		size_t len = unhex(forms[i].rdata, buf);
		struct ipseckey k = { .precedence = 77 };
		struct addr expected = { 0 };
		int rc = ipseckey_parse(buf, len, &k);

		print_message("%s\n", forms[i].what);
		assert_int_equal(rc, forms[i].rc);
		if (rc < 0) {
			assert_int_equal(k.precedence, 77);
			continue;
		}
		assert_int_equal(k.precedence, forms[i].precedence);
		assert_int_equal(k.gateway_type, forms[i].gateway);
		assert_int_equal(k.algorithm, forms[i].algorithm);
		assert_int_equal(k.key_len, forms[i].key_len);
		assert_int_equal(k.name_len != 0,
				 k.gateway_type == IPSECKEY_GATEWAY_NAME);
		if (forms[i].address)
			assert_int_equal(
				addr_parse(forms[i].address, &expected), 0);
		assert_true(addr_equal(&k.gateway, &expected));
	}
}

/* 2.3.4: 255 bytes at most, however many labels. */
static void test_long_name(void **state)
{
	uint8_t buf[3 + 6 * 64 + 1] = { 10, 3, 2 };
	struct ipseckey k;

	(void)state;
	for (size_t label = 0; label < 6; label++)
		buf[3 + label * 64] = 63;
	assert_int_equal(ipseckey_parse(buf, sizeof(buf), &k), -EBADMSG);
	/* 3 * 64 + 62 + 1 = 255 */
	buf[3 + 3 * 64] = 61;
	buf[3 + 3 * 64 + 62] = 0;
	assert_int_equal(ipseckey_parse(buf, sizeof(buf), &k), 0);
	assert_int_equal(k.name_len, 255);
	buf[3 + 3 * 64] = 62;
	buf[3 + 3 * 64 + 62] = 1;
	buf[3 + 3 * 64 + 63] = 0;
	assert_int_equal(ipseckey_parse(buf, sizeof(buf), &k), -EBADMSG);
}

static EVP_PKEY *make_key(const char *type, const char *group, unsigned bits)
{
	if (group)
		return EVP_PKEY_Q_keygen(NULL, NULL, type, group);
	if (bits)
		return EVP_PKEY_Q_keygen(NULL, NULL, type, (size_t)bits);
	return EVP_PKEY_Q_keygen(NULL, NULL, type);
}

static const struct {
	const char *type, *group;
	unsigned bits;
	uint8_t algorithm;
	size_t key_len; /* as published */
} keys[] = {
	{ "RSA", NULL, 2048, IPSECKEY_RSA, 1 + 3 + 256 },
	{ "RSA", NULL, 3072, IPSECKEY_RSA, 1 + 3 + 384 },
	{ "EC", "P-256", 0, IPSECKEY_ECDSA, 64 },
	{ "EC", "P-384", 0, IPSECKEY_ECDSA, 96 },
	{ "ED25519", NULL, 0, IPSECKEY_EDDSA, 32 },
	{ "ED448", NULL, 0, IPSECKEY_EDDSA, 57 },
};

/* What is written is read as the same key. */
static void test_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		EVP_PKEY *key, *back = NULL;
		uint8_t buf[3 + IPSECKEY_KEY_MAX];
		struct wbuf w = wbuf_of(buf, sizeof(buf)), none = { 0 };
		struct ipseckey k;

		key = make_key(keys[i].type, keys[i].group, keys[i].bits);
		assert_non_null(key);
		assert_int_equal(ipseckey_write(&w, 10, key), 0);
		assert_true(wbuf_ok(&w));
		assert_int_equal(ipseckey_parse(buf, w.len, &k), 0);
		assert_int_equal(k.algorithm, keys[i].algorithm);
		assert_int_equal(k.key_len, keys[i].key_len);
		assert_int_equal(ipseckey_to_pkey(&k, &back), 0);
		assert_int_equal(EVP_PKEY_eq(key, back), 1);
		assert_int_equal(ipseckey_write(&none, 10, key), 0);
		assert_false(wbuf_ok(&none));
		EVP_PKEY_free(back);
		EVP_PKEY_free(key);
	}
}

static void test_foreign_curve(void **state)
{
	EVP_PKEY *key = make_key("EC", "P-521", 0);
	uint8_t buf[300];
	struct wbuf w = wbuf_of(buf, sizeof(buf));

	(void)state;
	assert_int_equal(ipseckey_write(&w, 10, key), -EOPNOTSUPP);
	EVP_PKEY_free(key);
}

/* RFC 3110: the exponent's length may take two bytes behind a zero. */
static void test_wide_exponent(void **state)
{
	EVP_PKEY *key = make_key("RSA", NULL, 2048), *back = NULL;
	uint8_t buf[600], wide[600] = { 10, 0, 2, 0, 0, 3 };
	struct wbuf w = wbuf_of(buf, sizeof(buf));
	struct ipseckey k;

	(void)state;
	assert_int_equal(ipseckey_write(&w, 10, key), 0);
	memcpy(wide + 6, buf + 4, w.len - 4);
	assert_int_equal(ipseckey_parse(wide, w.len + 2, &k), 0);
	assert_int_equal(ipseckey_to_pkey(&k, &back), 0);
	assert_int_equal(EVP_PKEY_eq(key, back), 1);
	EVP_PKEY_free(back);
	EVP_PKEY_free(key);
}

static const struct {
	const char *what;
	uint8_t algorithm;
	const char *head;
	size_t len; /* of the whole key, filled with 0xff */
	int rc;
} bad[] = {
	{ "algorithm DSA", 1, "", 300, -EOPNOTSUPP },
	{ "algorithm 5", 5, "", 300, -EOPNOTSUPP },
	{ "RSA, empty", 2, "", 1, -EBADMSG },
	{ "RSA, no modulus", 2, "03 01 00 01", 4, -EBADMSG },
	{ "RSA, exponent longer than all", 2, "00 ff ff", 300, -EBADMSG },
	{ "RSA, exponent without length", 2, "00 00 00", 300, -EBADMSG },
	{ "RSA, 256 bits", 2, "01 03", 2 + 32, -EKEYREJECTED },
	{ "RSA, 2040 bits", 2, "03 01 00 01", 4 + 255, -EKEYREJECTED },
	{ "RSA, 8200 bits", 2, "03 01 00 01", 4 + 1025, -EKEYREJECTED },
	{ "RSA, exponent 0", 2, "01 00", 2 + 256, -EKEYREJECTED },
	{ "RSA, exponent 1", 2, "01 01", 2 + 256, -EKEYREJECTED },
	{ "RSA, exponent 2", 2, "01 02", 2 + 256, -EKEYREJECTED },
	{ "RSA, exponent of 72 bits", 2, "09", 10 + 256, -EKEYREJECTED },
	{ "ECDSA, off the curve", 3, "", 64, -EBADMSG },
	{ "ECDSA, a length of no curve", 3, "", 65, -EOPNOTSUPP },
	{ "EdDSA, a length of no curve", 4, "", 33, -EOPNOTSUPP },
};

static void test_bad_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint8_t buf[1100];
		EVP_PKEY *key = NULL;
		struct ipseckey k = {
			.algorithm = bad[i].algorithm,
			.key = buf,
			.key_len = bad[i].len,
		};

		print_message("%s\n", bad[i].what);
		memset(buf, 0xff, sizeof(buf));
		unhex(bad[i].head, buf);
		assert_int_equal(ipseckey_to_pkey(&k, &key), bad[i].rc);
		assert_null(key);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_long_name),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_foreign_curve),
		cmocka_unit_test(test_wide_exponent),
		cmocka_unit_test(test_bad_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
