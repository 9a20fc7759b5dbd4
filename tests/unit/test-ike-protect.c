/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ike/protect.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ike/payload.h"
#include "tests/unit/ike-vectors.h"
#include "util/esp.h"

#define SK_BODY (IKE_HEADER_LEN + IKE_GENERIC_LEN)

static const struct {
	uint16_t id, bits, integ;
	const char *vector, *name;
	enum esp_cipher esp;
} ciphers[] = {
	{ IKE_ENCR_AES_GCM_16, 128, 0, "keys-256-gcm128", "AES-GCM-16-128",
	  ESP_AES_GCM_16_128 },
	{ IKE_ENCR_AES_GCM_16, 256, 0, "keys-256-gcm256", "AES-GCM-16-256",
	  ESP_AES_GCM_16_256 },
	{ IKE_ENCR_CHACHA20_POLY1305, 0, 0, "keys-256-chacha",
	  "ChaCha20-Poly1305", ESP_CHACHA20_POLY1305 },
	{ IKE_ENCR_AES_CBC, 128, IKE_INTEG_HMAC_SHA2_256_128,
	  "keys-256-cbc128-256", "AES-CBC-128-HMAC-SHA2-256",
	  ESP_AES_CBC_128_SHA2_256 },
	{ IKE_ENCR_AES_CBC, 128, IKE_INTEG_HMAC_SHA2_384_192,
	  "keys-256-cbc128-384", "AES-CBC-128-HMAC-SHA2-384",
	  ESP_AES_CBC_128_SHA2_384 },
	{ IKE_ENCR_AES_CBC, 128, IKE_INTEG_HMAC_SHA2_512_256,
	  "keys-256-cbc128-512", "AES-CBC-128-HMAC-SHA2-512",
	  ESP_AES_CBC_128_SHA2_512 },
	{ IKE_ENCR_AES_CBC, 256, IKE_INTEG_HMAC_SHA2_256_128,
	  "keys-256-cbc256-256", "AES-CBC-256-HMAC-SHA2-256",
	  ESP_AES_CBC_256_SHA2_256 },
	{ IKE_ENCR_AES_CBC, 256, IKE_INTEG_HMAC_SHA2_384_192,
	  "keys-256-cbc256-384", "AES-CBC-256-HMAC-SHA2-384",
	  ESP_AES_CBC_256_SHA2_384 },
	{ IKE_ENCR_AES_CBC, 256, IKE_INTEG_HMAC_SHA2_512_256,
	  "keys-256-cbc256-512", "AES-CBC-256-HMAC-SHA2-512",
	  ESP_AES_CBC_256_SHA2_512 },
};

#define N_CIPHERS (sizeof(ciphers) / sizeof(ciphers[0]))

static const struct ike_cipher *find(size_t i)
{
	const struct ike_cipher *c = ike_cipher_find(
		ciphers[i].id, ciphers[i].bits, ciphers[i].integ);

	assert_non_null(c);
	return c;
}

static const struct ike_header header = {
	.spi_i = UINT64_C(0x0102030405060708),
	.spi_r = UINT64_C(0x0b0c0d0e0f101112),
	.exchange = IKE_EXCHANGE_INFORMATIONAL,
	.flags = IKE_FLAG_INITIATOR,
	.id = 2,
};

static void build(struct ike_builder *b, uint8_t *buf, size_t cap,
		  const struct ike_cipher *c, const uint8_t *key)
{
	ike_builder_init(b, buf, cap, &header);
	ike_protect_open(b, c, 7);
	ike_delete_write_ike(b);
	assert_int_equal(ike_protect_seal(b, c, key), 0);
}

/* RFC 5282, RFC 7634, RFC 7296 3.14 */
static void test_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_CIPHERS; i++) {
		const struct ike_cipher *c = find(i);
		struct vector key = vector_get2(ciphers[i].vector, "ei");
		struct vector v = vector_get2(ciphers[i].vector, "message");
		uint8_t buf[LIMIT_IKE_MESSAGE], plain[LIMIT_IKE_MESSAGE];
		struct ike_message m;
		struct ike_builder b;
		size_t len;

		assert_non_null(c);
		assert_string_equal(c->name, ciphers[i].name);
		assert_int_equal(c->esp_cipher, ciphers[i].esp);
		assert_int_equal(c->key_len, key.len);
		build(&b, buf, sizeof(buf), c, key.data);
		vector_check(&v, buf, b.w.len);
		assert_int_equal(ike_message_parse(v.data, v.len, &m), 0);
		assert_int_equal(ike_protect_read(&m, c, key.data, plain, &len),
				 0);
		assert_int_equal(len, 8);
		assert_int_equal(ike_message_parse_inner(
					 &m, m.payloads[0].inner, plain, len),
				 0);
		assert_int_equal(m.n, 1);
		assert_int_equal(m.payloads[0].type, IKE_PAYLOAD_DELETE);
	}
	assert_null(ike_cipher_find(IKE_ENCR_AES_GCM_16, 0, 0));
	assert_null(ike_cipher_find(IKE_ENCR_AES_GCM_16, 192, 0));
	assert_null(ike_cipher_find(IKE_ENCR_AES_GCM_16, 256, 12));
	assert_null(ike_cipher_find(IKE_ENCR_AES_CBC, 256, 0));
	assert_null(ike_cipher_find(IKE_ENCR_AES_CBC, 192, 12));
	assert_null(ike_cipher_find(IKE_ENCR_AES_CBC, 128, 2));
}

/* Every bit counts, header and all. */
static void test_integrity(void **state)
{
	uint8_t buf[256], plain[LIMIT_IKE_MESSAGE];

	(void)state;
	for (size_t i = 0; i < N_CIPHERS; i++) {
		const struct ike_cipher *c = find(i);
		struct vector key = vector_get2(ciphers[i].vector, "ei");
		struct ike_builder b;

		build(&b, buf, sizeof(buf), c, key.data);
		for (size_t bit = 0; bit < 8 * b.w.len; bit++) {
			struct ike_message m;
			size_t len = 0;

			buf[bit / 8] ^= (uint8_t)(1u << bit % 8);
			if (ike_message_parse(buf, b.w.len, &m) == 0 &&
			    ike_message_find(&m, IKE_PAYLOAD_SK))
				assert_int_equal(ike_protect_read(&m, c,
								  key.data,
								  plain, &len),
						 -EACCES);
			assert_int_equal(len, 0);
			buf[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
	}
}

/* Reads with the keys of ciphers[which]; the length inside. */
static int read_back(size_t which, const uint8_t *buf, size_t len,
		     size_t *ret_len)
{
	const struct ike_cipher *c = find(which);
	struct vector key = vector_get2(ciphers[which].vector, "ei");
	uint8_t plain[LIMIT_IKE_MESSAGE];
	struct ike_message m;

	assert_int_equal(ike_message_parse(buf, len, &m), 0);
	return ike_protect_read(&m, c, key.data, plain, ret_len);
}

/* 3.14: as much padding as the sender likes, but not more than there is. */
static void test_padding(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_CIPHERS; i++) {
		struct vector v = vector_get2(ciphers[i].vector, "padded");
		size_t len = 0;

		assert_int_equal(read_back(i, v.data, v.len, &len), 0);
		assert_int_equal(len, 8);
		v = vector_get2(ciphers[i].vector, "overpadded");
		len = 0;
		assert_int_equal(read_back(i, v.data, v.len, &len),
				 IKE_PROTECT_PADDING);
		assert_int_equal(len, 0);
	}
}

static void seal_zeros(uint8_t *buf, size_t cap, size_t len, size_t *ret_len)
{
	const struct ike_cipher *c =
		ike_cipher_find(IKE_ENCR_AES_GCM_16, 128, 0);
	struct vector key = vector_get2(ciphers[0].vector, "ei");
	struct ike_builder b;

	ike_builder_init(&b, buf, cap, &header);
	ike_protect_open(&b, c, 1);
	wbuf_zero(&b.w, len);
	assert_int_equal(ike_protect_seal(&b, c, key.data), 0);
	*ret_len = b.w.len;
}

static void test_sizes(void **state)
{
	uint8_t buf[LIMIT_IKE_MESSAGE];
	size_t len, inside;

	(void)state;
	seal_zeros(buf, sizeof(buf), 0, &len);
	assert_int_equal(len, SK_BODY + 8 + 1 + 16);
	assert_int_equal(read_back(0, buf, len, &inside), 0);
	assert_int_equal(inside, 0);
	inside = sizeof(buf) - SK_BODY - 8 - 1 - 16;
	seal_zeros(buf, sizeof(buf), inside, &len);
	assert_int_equal(len, sizeof(buf));
	assert_int_equal(read_back(0, buf, len, &len), 0);
	assert_int_equal(len, inside);
}

static void test_too_large(void **state)
{
	const struct ike_cipher *c =
		ike_cipher_find(IKE_ENCR_AES_GCM_16, 128, 0);
	uint8_t buf[64], key[20] = { 0 };
	struct ike_builder b;

	(void)state;
	ike_builder_init(&b, buf, sizeof(buf), &header);
	ike_protect_open(&b, c, 1);
	ike_delete_write_ike(&b);
	assert_int_equal(ike_protect_seal(&b, c, key), -EMSGSIZE);
}

/* Nothing may stand outside SK, and SK must have its least length. */
static void test_form(void **state)
{
	uint8_t buf[LIMIT_IKE_MESSAGE] = { 0 }, plain[LIMIT_IKE_MESSAGE];
	const struct ike_cipher *c =
		ike_cipher_find(IKE_ENCR_AES_GCM_16, 128, 0);
	uint8_t key[20] = { 0 };
	struct ike_message m;
	struct ike_builder b;
	size_t len;

	(void)state;
	for (size_t body = 0; body < 8 + 1 + 16; body++) {
		ike_builder_init(&b, buf, sizeof(buf), &header);
		wbuf_zero(ike_builder_open(&b, IKE_PAYLOAD_SK), body);
		ike_builder_close(&b);
		assert_int_equal(ike_builder_finish(&b), 0);
		assert_int_equal(ike_message_parse(buf, b.w.len, &m), 0);
		assert_int_equal(ike_protect_read(&m, c, key, plain, &len),
				 -EBADMSG);
	}
	ike_builder_init(&b, buf, sizeof(buf), &header);
	ike_builder_open(&b, 99);
	ike_builder_close(&b);
	wbuf_zero(ike_builder_open(&b, IKE_PAYLOAD_SK), 64);
	ike_builder_close(&b);
	assert_int_equal(ike_builder_finish(&b), 0);
	assert_int_equal(ike_message_parse(buf, b.w.len, &m), 0);
	assert_int_equal(ike_protect_read(&m, c, key, plain, &len), -EBADMSG);
	ike_builder_init(&b, buf, sizeof(buf), &header);
	ike_notify_write(&b, 1, NULL, 0);
	wbuf_zero(ike_builder_open(&b, IKE_PAYLOAD_SK), 64);
	ike_builder_close(&b);
	assert_int_equal(ike_builder_finish(&b), 0);
	assert_int_equal(ike_message_parse(buf, b.w.len, &m), 0);
	assert_int_equal(ike_protect_read(&m, c, key, plain, &len), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_integrity),
		cmocka_unit_test(test_padding),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
