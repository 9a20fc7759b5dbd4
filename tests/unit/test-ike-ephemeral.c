/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ike-puppet.h"

/* What host 0 has of its own in an IKE_SA_INIT message. */
struct half {
	uint64_t spi;
	uint8_t public[IKE_KEX_PUBLIC_MAX];
	struct ike_nonce nonce;
};

static struct half half_of(const struct puppet *p)
{
	struct half h = { 0 };
	struct ike_message m;
	struct ike_ke ke;

	assert_int_equal(ike_message_parse(p->rx, p->rx_len, &m), 0);
	assert_int_equal(
		ike_ke_parse(ike_message_find(&m, IKE_PAYLOAD_KE), &ke), 0);
	assert_int_equal(
		ike_nonce_parse(ike_message_find(&m, IKE_PAYLOAD_NONCE),
				&h.nonce),
		0);
	memcpy(h.public, ke.data.data, ke.data.len);
	h.spi = ike_header_is_response(&m.header) ? m.header.spi_r
						  : m.header.spi_i;
	return h;
}

/* Fresh is what has to be, whatever the key pair is. */
static bool same_key(const struct half *a, const struct half *b)
{
	assert_int_not_equal(a->spi, b->spi);
	assert_memory_not_equal(a->nonce.data, b->nonce.data, a->nonce.len);
	return memcmp(a->public, b->public, sizeof(a->public)) == 0;
}

/* A stranger asks; with that key, where ke is one. */
static void ask(struct puppet *p, struct world *w, uint16_t group,
		const uint8_t *ke)
{
	const struct puppet_script s = { .ke = ke, .ke_len = ke ? 32 : 0 };

	puppet_init(p, w, true, group);
	puppet_send_init(p, &s);
}

static struct half answer(struct world *w, uint16_t group)
{
	struct puppet p;
	struct half h;

	ask(&p, w, group, NULL);
	assert_int_equal(p.n_rx, 1);
	h = half_of(&p);
	puppet_done(&p);
	return h;
}

static bool is_kept(const struct world *w)
{
	return w->hosts[0].engine->ephemeral.private != NULL;
}

/* One key pair for a moment, from when it was made, and no longer. */
static void test_moment(void **state)
{
	static const uint16_t groups[] = { IKE_KE_X25519, IKE_KE_X448 };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct half first, second, third;
		struct world w;

		world_init(&w, 61 + i, NULL);
		assert_false(is_kept(&w));
		first = answer(&w, groups[i]);
		assert_true(is_kept(&w));
		world_run(&w, w.now + IKE_EPHEMERAL_MS - 2);
		second = answer(&w, groups[i]);
		assert_true(same_key(&first, &second));
		/* Its use does not make it live longer. */
		world_run(&w, w.now + 4);
		assert_false(is_kept(&w));
		third = answer(&w, groups[i]);
		assert_false(same_key(&first, &third));
		world_done(&w);
	}
}

/* The keys that come of it are right for each. */
static void test_handshakes(void **state)
{
	const struct puppet_script s = { 0 };
	struct half first, second;
	struct puppet p;
	struct world w;

	(void)state;
	world_init(&w, 63, NULL);
	first = answer(&w, IKE_KE_X25519);
	ask(&p, &w, IKE_KE_X25519, NULL);
	second = half_of(&p);
	assert_true(same_key(&first, &second));
	puppet_take_init(&p);
	puppet_send_auth(&p, &s);
	assert_non_null(host_child(&w.hosts[0]));
	puppet_check_child(&p, host_child(&w.hosts[0]));
	puppet_done(&p);
	world_done(&w);
}

/* One at a time. */
static void test_two_groups(void **state)
{
	struct half first, second, third;
	struct world w;

	(void)state;
	world_init(&w, 68, NULL);
	first = answer(&w, IKE_KE_X25519);
	second = answer(&w, IKE_KE_X448);
	assert_false(same_key(&first, &second));
	third = answer(&w, IKE_KE_X448);
	assert_true(same_key(&second, &third));
	third = answer(&w, IKE_KE_X25519);
	assert_false(same_key(&first, &third));
	world_done(&w);
}

/* Where it hangs on checks that a key is safe it is used once. */
static void test_others(void **state)
{
	static const uint16_t groups[] = { IKE_KE_P256, IKE_KE_P384,
					   IKE_KE_P521, IKE_KE_MODP_2048,
					   IKE_KE_MODP_3072 };

	(void)state;
	for (unsigned i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		struct half first, second;
		struct world w;

		world_init(&w, 64, NULL);
		first = answer(&w, groups[i]);
		assert_false(is_kept(&w));
		second = answer(&w, groups[i]);
		assert_false(same_key(&first, &second));
		world_done(&w);
	}
}

/* Whom we ask gets a key of his own. */
static void test_initiator(void **state)
{
	struct half ours, theirs;
	struct puppet p;
	struct world w;

	(void)state;
	world_init(&w, 65, NULL);
	theirs = answer(&w, IKE_KE_X25519);
	puppet_init(&p, &w, false, IKE_KE_X25519);
	world_initiate(&w, 0);
	world_settle(&w);
	ours = half_of(&p);
	assert_false(same_key(&ours, &theirs));
	/* Nor is that one lent. */
	puppet_done(&p);
	ours = answer(&w, IKE_KE_X25519);
	assert_true(same_key(&ours, &theirs));
	world_done(&w);
}

/* A public key that gives the secret zero (RFC 7748 6.1) is refused as before,
 * and the next one is served. */
static void test_zero(void **state)
{
	static const uint8_t zero[32];
	struct half first, second;
	struct puppet p;
	struct world w;

	(void)state;
	world_init(&w, 66, NULL);
	ask(&p, &w, IKE_KE_X25519, zero);
	assert_int_equal(p.n_rx, 0);
	assert_false(is_kept(&w));
	puppet_done(&p);
	first = answer(&w, IKE_KE_X25519);
	ask(&p, &w, IKE_KE_X25519, zero);
	assert_int_equal(p.n_rx, 0);
	assert_int_equal(host_sas(&w.hosts[0]), 1);
	puppet_done(&p);
	second = answer(&w, IKE_KE_X25519);
	assert_true(same_key(&first, &second));
	world_done(&w);
}

/* A job that comes back late does not bring the key pair back. */
static void test_late(void **state)
{
	struct half first, second;
	struct puppet p;
	struct world w;

	(void)state;
	world_init(&w, 67, NULL);
	first = answer(&w, IKE_KE_X25519);
	w.job_jitter = 1000;
	ask(&p, &w, IKE_KE_X25519, NULL);
	world_run(&w, w.now + IKE_EPHEMERAL_MS + 2);
	assert_int_equal(p.n_rx, 0);
	assert_false(is_kept(&w));
	world_run(&w, w.now + 1000);
	assert_int_equal(p.n_rx, 1);
	assert_false(is_kept(&w));
	second = half_of(&p);
	assert_true(same_key(&first, &second));
	puppet_done(&p);
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_moment),
		cmocka_unit_test(test_handshakes),
		cmocka_unit_test(test_two_groups),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_initiator),
		cmocka_unit_test(test_zero),
		cmocka_unit_test(test_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
