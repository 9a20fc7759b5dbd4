/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The values are compared in test-ike-keymat.c; here: what must not pass. */
#include "ike/auth.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "ike/engine.h"

static const uint8_t null_id[4] = { IKE_ID_NULL };
static const uint8_t fqdn[8] = { IKE_ID_FQDN, 0, 0, 0, 'h', 'o', 's', 't' };

struct fixture {
	struct ike_key key;
	struct ike_nonce nonce;
	struct ike_auth_octets o;
	uint8_t data[IKE_AUTH_DATA_MAX];
	struct ike_authentication a;
};

static void fill(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
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
	f->a.method = IKE_AUTH_NULL;
	f->a.data.data = f->data;
	assert_int_equal(
		ike_auth_sign(IKE_AUTH_NULL, &f->o, f->data, &f->a.data.len),
		0);
	assert_int_equal(f->a.data.len, 32);
	assert_int_equal(ike_auth_verify(&f->o, &f->a), 0);
}

static void test_covers_everything(void **state)
{
	struct fixture f;

	(void)state;
	for (unsigned i = 0; i < 32; i++) {
		fill(&f);
		f.data[i] ^= 0x80;
		assert_int_equal(ike_auth_verify(&f.o, &f.a), -EACCES);
	}
	fill(&f);
	f.o.message.len--;
	assert_int_equal(ike_auth_verify(&f.o, &f.a), -EACCES);
	fill(&f);
	f.nonce.data[31] = 1;
	assert_int_equal(ike_auth_verify(&f.o, &f.a), -EACCES);
	fill(&f);
	f.key.data[0] ^= 1;
	assert_int_equal(ike_auth_verify(&f.o, &f.a), -EACCES);
	fill(&f);
	f.a.data.len = 31;
	assert_int_equal(ike_auth_verify(&f.o, &f.a), -EACCES);
	f.a.data.len = 0;
	assert_int_equal(ike_auth_verify(&f.o, &f.a), -EACCES);
}

static void test_methods(void **state)
{
	static const uint8_t methods[] = { 0, 1, 2, 3, 9, 12, 14, 255 };
	struct fixture f;
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(methods); i++) {
		fill(&f);
		f.a.method = methods[i];
		assert_int_equal(ike_auth_verify(&f.o, &f.a), -EOPNOTSUPP);
		assert_int_equal(ike_auth_sign(methods[i], &f.o, f.data, &len),
				 -EOPNOTSUPP);
	}
}

/* RFC 7619 2.1: NULL proves no identity. */
static void test_identity(void **state)
{
	struct fixture f;
	size_t len;

	(void)state;
	fill(&f);
	f.o.id = (struct ike_view){ fqdn, sizeof(fqdn) };
	assert_int_equal(ike_auth_verify(&f.o, &f.a), -EOPNOTSUPP);
	assert_int_equal(ike_auth_sign(IKE_AUTH_NULL, &f.o, f.data, &len),
			 -EOPNOTSUPP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_covers_everything),
		cmocka_unit_test(test_methods),
		cmocka_unit_test(test_identity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
