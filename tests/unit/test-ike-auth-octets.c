/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The octets are those of RFC 7296 2.15, and nothing else is ever signed.
 */
#include "ike/auth-octets.h"

#include <errno.h>
#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ike-vectors.h"

static size_t make_init(uint8_t *buf, size_t cap, bool initiator)
{
	struct ike_header h = {
		.spi_i = 1,
		.spi_r = initiator ? 0 : 2,
		.exchange = IKE_EXCHANGE_SA_INIT,
		.flags = initiator ? IKE_FLAG_INITIATOR : IKE_FLAG_RESPONSE,
	};
	struct ike_builder b;

	ike_builder_init(&b, buf, cap, &h);
	ike_vendor_write(&b, "a message");
	assert_int_equal(ike_builder_finish(&b), 0);
	return b.w.len;
}

static struct ike_sign make(const uint8_t *message, size_t len, bool initiator)
{
	struct ike_sign s = {
		.key = 1,
		.algorithm = IKE_SIGNATURE_ED25519,
		.prf = IKE_PRF_HMAC_SHA2_256,
		.initiator = initiator,
		.sk_p = { .len = 32, .data = { 1, 2, 3 } },
		.nonce = { .len = 32, .data = { 4, 5, 6 } },
		.message = message,
		.message_len = len,
	};

	assert_int_equal(ike_identity_parse("@host.example", &s.id), 0);
	return s;
}

/* RealMessage | Nonce | prf(SK_p, IDType | RESERVED | ID) */
static void test_octets(void **state)
{
	uint8_t message[64], id[32] = { IKE_ID_FQDN };
	size_t len = make_init(message, sizeof(message), true), n;
	struct ike_sign s = make(message, len, true);
	const struct ike_prf *prf = ike_prf_find(s.prf);
	struct ike_part part = { id, 4 + 12 };
	uint8_t mac[IKE_PRF_MAX], *octets;
	struct ike_auth_octets o = {
		.prf = prf,
		.sk_p = &s.sk_p,
		.message = { message, len },
		.nonce = &s.nonce,
		.id = { id, 4 + 12 },
	};

	(void)state;
	memcpy(id + 4, "host.example", 12);
	assert_int_equal(ike_prf(prf, s.sk_p.data, 32, &part, 1, mac), 0);
	assert_int_equal(ike_auth_octets_build(&o, &octets, &n), 0);
	assert_int_equal(n, len + 32 + 32);
	assert_memory_equal(octets, message, len);
	assert_memory_equal(octets + len, s.nonce.data, 32);
	assert_memory_equal(octets + len + 32, mac, 32);
	free(octets);
}

static void test_sign(void **state)
{
	struct vector spki = vector_get("spki-ed25519");
	EVP_PKEY *key = vector_key("ed25519");
	struct ike_public_key k;

	(void)state;
	assert_int_equal(ike_public_key_parse(
				 (struct ike_view){ spki.data, spki.len }, &k),
			 0);
	for (unsigned initiator = 0; initiator < 2; initiator++) {
		uint8_t message[64], id[IKE_IDENTITY_BODY_MAX];
		uint8_t sig[LIMIT_IKE_SIGNATURE], *octets;
		size_t len = make_init(message, sizeof(message), initiator);
		struct ike_sign s = make(message, len, initiator);
		struct ike_auth_octets o = {
			.prf = ike_prf_find(s.prf),
			.sk_p = &s.sk_p,
			.message = { message, len },
			.nonce = &s.nonce,
		};
		size_t n, octets_len;

		o.id = (struct ike_view){ id, ike_identity_body(&s.id, id) };
		assert_int_equal(ike_sign_with(key, &s, sig, &n), 0);
		assert_int_equal(
			ike_auth_octets_build(&o, &octets, &octets_len), 0);
		assert_int_equal(ike_signature_verify(
					 s.algorithm, &k, octets, octets_len,
					 (struct ike_view){ sig, n }),
				 0);
		free(octets);
	}
	EVP_PKEY_free(key);
}

#define REFUSED(change)                                                     \
	do {                                                                \
		struct ike_sign x = make(message, len, true);               \
		change;                                                     \
		assert_int_equal(ike_sign_with(key, &x, sig, &n), -EINVAL); \
	} while (0)

static void test_refused(void **state)
{
	EVP_PKEY *key = vector_key("ed25519");
	uint8_t message[64], response[64], other[64];
	uint8_t sig[LIMIT_IKE_SIGNATURE];
	size_t len = make_init(message, sizeof(message), true);
	size_t response_len = make_init(response, sizeof(response), false), n;

	(void)state;
	/* Not of this role. */
	REFUSED(x.initiator = false);
	REFUSED(x.message = response; x.message_len = response_len);
	memcpy(other, response, response_len);
	other[19] |= IKE_FLAG_INITIATOR;
	REFUSED(x.initiator = false; x.message = other;
		x.message_len = response_len);
	/* No message of IKE_SA_INIT, or no message at all. */
	memcpy(other, message, len);
	other[18] = IKE_EXCHANGE_AUTH;
	REFUSED(x.message = other);
	memcpy(other, message, len);
	other[23] = 1; /* message ID */
	REFUSED(x.message = other);
	REFUSED(x.message_len = len - 1);
	REFUSED(x.message_len = 0);
	/* An identity that no key can prove. */
	REFUSED(x.id = ike_identity_null());
	REFUSED(x.id = (struct ike_identity){ 0 });
	REFUSED(x.id.len = LIMIT_IKE_ID + 1);
	/* Numbers that are out of their range. */
	REFUSED(x.algorithm = IKE_SIGNATURE_NONE);
	REFUSED(x.algorithm = IKE_SIGNATURES);
	REFUSED(x.algorithm = IKE_SIGNATURE_ED448);
	REFUSED(x.prf = 1);
	REFUSED(x.sk_p.len = 31);
	REFUSED(x.sk_p.len = 200);
	REFUSED(x.nonce.len = 15);
	REFUSED(x.nonce.len = 257);
	EVP_PKEY_free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_octets),
		cmocka_unit_test(test_sign),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
