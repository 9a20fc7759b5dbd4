/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copies of credentials, and those that make no sense. */
#include "ike/credentials.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))

static uint8_t bytes[2000];

static const struct ike_own_key own[] = {
	{ 7, { bytes, 44 } },
	{ 8, { bytes + 44, 91 } },
};
static const struct ike_view theirs[] = {
	{ bytes + 200, 44 },
	{ bytes + 300, 294 },
};

static struct ike_credentials full(void)
{
	struct ike_credentials c = {
		.keys = own,
		.n_keys = ELEMENTS(own),
		.peer_keys = theirs,
		.n_peer_keys = ELEMENTS(theirs),
		.shared = { bytes + 600, 16 },
		.accept_shared = true,
		.may_null = true,
	};

	assert_int_equal(ike_identity_parse("@a.example", &c.identity), 0);
	assert_int_equal(ike_identity_parse("@b.example", &c.peer), 0);
	return c;
}

static void test_copy(void **state)
{
	struct ike_credentials c = full(), *copy;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7);
	assert_int_equal(ike_credentials_copy(&c, &copy), 0);
	/* The copy is its own. */
	memset(bytes, 0, sizeof(bytes));
	assert_true(ike_identity_equal(&copy->identity, &c.identity));
	assert_true(ike_identity_equal(&copy->peer, &c.peer));
	assert_int_equal(copy->n_keys, 2);
	assert_int_equal(copy->keys[1].id, 8);
	assert_int_equal(copy->keys[1].spki.len, 91);
	assert_int_equal(copy->keys[1].spki.data[3], (uint8_t)(47 * 7));
	assert_int_equal(copy->n_peer_keys, 2);
	assert_int_equal(copy->peer_keys[1].len, 294);
	assert_int_equal(copy->peer_keys[1].data[0], (uint8_t)(300 * 7));
	assert_int_equal(copy->shared.len, 16);
	assert_int_equal(copy->shared.data[15], (uint8_t)(615 * 7));
	assert_true(copy->accept_shared);
	assert_true(copy->may_null);
	assert_false(copy->accept_null);
	assert_null(ike_credentials_free(copy));
	assert_null(ike_credentials_free(NULL));
}

static void test_anonymous(void **state)
{
	struct ike_credentials c = ike_credentials_anonymous(), *copy;

	(void)state;
	assert_int_equal(ike_credentials_copy(&c, &copy), 0);
	assert_true(ike_identity_is_null(&copy->identity));
	assert_true(ike_identity_is_none(&copy->peer));
	assert_true(copy->may_null);
	assert_true(copy->accept_null);
	ike_credentials_free(copy);
}

static void expect_refused(const struct ike_credentials *c)
{
	struct ike_credentials *copy = NULL;

	assert_int_equal(ike_credentials_copy(c, &copy), -EINVAL);
	assert_null(copy);
}

static void test_refused(void **state)
{
	static const struct ike_own_key long_key[] = {
		{ 1, { bytes, LIMIT_IKE_SPKI + 1 } },
	};
	static const struct ike_view long_view[] = {
		{ bytes, LIMIT_IKE_SPKI + 1 },
	};
	struct ike_credentials c = full();

	(void)state;
	c.n_keys = LIMIT_IKE_OWN_KEYS + 1;
	expect_refused(&c);
	c = full();
	c.n_peer_keys = LIMIT_IKE_PEER_KEYS + 1;
	expect_refused(&c);
	c = full();
	c.shared.len = LIMIT_IKE_SHARED_KEY + 1;
	expect_refused(&c);
	c = full();
	c.keys = long_key;
	c.n_keys = 1;
	expect_refused(&c);
	c = full();
	c.peer_keys = long_view;
	c.n_peer_keys = 1;
	expect_refused(&c);
	/* We are nobody at all, or nobody who may not be anonymous. */
	c = full();
	c.identity.type = 0;
	expect_refused(&c);
	c = full();
	c.identity = ike_identity_null();
	c.may_null = false;
	expect_refused(&c);
	/* Nothing to prove with, and nothing to accept. */
	c = full();
	c.n_keys = 0;
	c.shared.len = 0;
	c.may_null = false;
	expect_refused(&c);
	c = full();
	c.n_peer_keys = 0;
	c.accept_shared = false;
	expect_refused(&c);
	c = full();
	c.n_peer_keys = 0;
	c.shared.len = 0;
	expect_refused(&c);
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(ike_auth_method_name(IKE_AUTH_NULL), "null");
	assert_string_equal(ike_auth_method_name(IKE_AUTH_SIGNATURE),
			    "signature");
	assert_string_equal(ike_auth_method_name(IKE_AUTH_NONE), "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_anonymous),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
