/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The values are compared in test-ike-keymat.c; here: what must not pass. */
#include "ike/auth.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t null_id[4] = { IKE_ID_NULL };
static const uint8_t fqdn[8] = { IKE_ID_FQDN, 0, 0, 0, 'h', 'o', 's', 't' };
static const struct ike_view secret = { (const uint8_t *)"secret", 6 };

struct fixture {
	uint8_t method;
	struct ike_key key;
	struct ike_nonce nonce;
	struct ike_auth_octets o;
	uint8_t data[IKE_AUTH_DATA_MAX];
	struct ike_view view;
};

static int verify(struct fixture *f)
{
	return ike_auth_mac_verify(f->method, &f->o, secret, f->view);
}

static void fill(struct fixture *f, uint8_t method)
{
	memset(f, 0, sizeof(*f));
	f->method = method;
	f->key.len = 32;
	memset(f->key.data, 7, 32);
	f->nonce.len = 32;
	f->o = (struct ike_auth_octets){
		.prf = ike_prf_find(IKE_PRF_HMAC_SHA2_256),
		.sk_p = &f->key,
		.message = { (const uint8_t *)"message", 7 },
		.nonce = &f->nonce,
		.id = { null_id, sizeof(null_id) },
	};
	f->view.data = f->data;
	assert_int_equal(
		ike_auth_mac(method, &f->o, secret, f->data, &f->view.len), 0);
	assert_int_equal(f->view.len, 32);
	assert_int_equal(verify(f), 0);
}

static void check_covers(uint8_t method)
{
	struct fixture f;

	for (unsigned i = 0; i < 32; i++) {
		fill(&f, method);
		f.data[i] ^= 0x80;
		assert_int_equal(verify(&f), -EACCES);
	}
	fill(&f, method);
	f.o.message.len--;
	assert_int_equal(verify(&f), -EACCES);
	fill(&f, method);
	f.nonce.data[31] = 1;
	assert_int_equal(verify(&f), -EACCES);
	fill(&f, method);
	f.key.data[0] ^= 1;
	assert_int_equal(verify(&f), -EACCES);
	fill(&f, method);
	f.o.id = (struct ike_view){ fqdn, sizeof(fqdn) };
	assert_int_equal(verify(&f), -EACCES);
	fill(&f, method);
	f.view.len = 31;
	assert_int_equal(verify(&f), -EACCES);
	f.view.len = 0;
	assert_int_equal(verify(&f), -EACCES);
}

static void test_covers_everything(void **state)
{
	(void)state;
	check_covers(IKE_AUTH_NULL);
	check_covers(IKE_AUTH_SHARED);
}

static void test_secret(void **state)
{
	static const struct ike_view other = { (const uint8_t *)"Secret", 6 };
	struct ike_view none = { 0 };
	struct fixture f;

	(void)state;
	fill(&f, IKE_AUTH_SHARED);
	assert_int_equal(ike_auth_mac_verify(f.method, &f.o, other, f.view),
			 -EACCES);
	assert_int_equal(ike_auth_mac_verify(f.method, &f.o, none, f.view),
			 -EOPNOTSUPP);
	/* NULL has its own. */
	fill(&f, IKE_AUTH_NULL);
	assert_int_equal(ike_auth_mac_verify(f.method, &f.o, other, f.view), 0);
	assert_int_equal(
		ike_auth_mac_verify(IKE_AUTH_SHARED, &f.o, secret, f.view),
		-EACCES);
}

static void test_methods(void **state)
{
	static const uint8_t methods[] = { 0, 1, 3, 9, 12, 14, 255 };
	struct fixture f;
	size_t len;

	(void)state;
	fill(&f, IKE_AUTH_NULL);
	for (size_t i = 0; i < sizeof(methods); i++) {
		f.method = methods[i];
		assert_int_equal(verify(&f), -EOPNOTSUPP);
		assert_int_equal(
			ike_auth_mac(methods[i], &f.o, secret, f.data, &len),
			-EOPNOTSUPP);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_covers_everything),
		cmocka_unit_test(test_secret),
		cmocka_unit_test(test_methods),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
