/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Nobody takes the place of somebody: an anonymous peer beside one that has
 * proven who it is, one after the other and at once, whoever initiates.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ike-harness.h"

#define SEEDS 400u

static const uint8_t secret[] = "between the two of us";
static const char *const names[] = { "@a.example", "@b.example" };

/* Proves who it is by a shared key, and takes that, or nobody. */
static struct ike_credentials proving(unsigned host)
{
	struct ike_credentials c = ike_credentials_anonymous();

	assert_int_equal(ike_identity_parse(names[host], &c.identity), 0);
	assert_int_equal(ike_identity_parse(names[!host], &c.peer), 0);
	c.shared = (struct ike_view){ secret, sizeof(secret) };
	c.accept_shared = true;
	return c;
}

static struct ike_config quiet(void)
{
	struct ike_config c;

	ike_config_init(&c);
	c.liveness_ms = 0;
	c.lifetime_ms = 0;
	return c;
}

static enum ike_auth_method method_of(struct host *h)
{
	struct child *c = host_child(h);

	return c ? c->up.peer.method : IKE_AUTH_NONE;
}

/* Host 0 has an SA with host 1, which has proven who it is and is then another
 * one that cannot. */
static void prepare(struct world *w, uint64_t seed)
{
	struct ike_config c = quiet();

	world_init(w, seed, &c);
	for (unsigned i = 0; i < 2; i++)
		w->hosts[i].credentials = proving(i);
	world_initiate(w, seed % 2);
	world_run(w, w->now + 50);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(method_of(&w->hosts[i]), IKE_AUTH_SHARED);
	world_restart(w, 1);
	w->hosts[1].credentials = ike_credentials_anonymous();
}

/* Refused, until a check has found that the proven one is gone. */
static void check_refused(struct world *w, unsigned initiator)
{
	struct host *a = &w->hosts[0], *b = &w->hosts[1];
	uint32_t spi = host_child(a)->up.in.spi;

	world_initiate(w, initiator);
	world_run(w, w->now + 50);
	assert_null(host_child(b));
	assert_int_equal(host_children(a), 1);
	assert_int_equal(host_child(a)->up.in.spi, spi);
	assert_int_equal(a->failed.reason, IKE_REASON_AUTH);
	assert_non_null(strstr(a->failed.why, "anonymous"));
	if (initiator == 1)
		assert_int_equal(b->failed.reason, IKE_REASON_AUTH);
	world_run(w, w->now + 20000);
	assert_null(host_child(a));
	assert_int_equal(a->children[0].reason, IKE_REASON_DEAD);
	world_initiate(w, initiator);
	world_run(w, w->now + 50);
	assert_true(world_agree(w));
	assert_int_equal(method_of(a), IKE_AUTH_NULL);
}

static void test_refused(void **state)
{
	const struct ike_credentials nobody = ike_credentials_anonymous();

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct world w;

		prepare(&w, i);
		w.hosts[0].initiating = &nobody;
		check_refused(&w, i / 2);
		world_done(&w);
	}
}

/* It is there after all: it stays, however often somebody asks. */
static void test_alive(void **state)
{
	struct ike_credentials nobody = ike_credentials_anonymous();
	struct ike_config c = quiet();
	struct world w;

	(void)state;
	world_init(&w, 5, &c);
	for (unsigned i = 0; i < 2; i++)
		w.hosts[i].credentials = proving(i);
	world_initiate(&w, 0);
	world_run(&w, w.now + 50);
	w.hosts[1].initiating = &nobody;
	for (unsigned i = 0; i < 5; i++) {
		world_initiate(&w, 1);
		world_run(&w, w.now + 20000);
		assert_true(world_agree(&w));
		assert_int_equal(method_of(&w.hosts[0]), IKE_AUTH_SHARED);
		assert_int_equal(w.hosts[1].n_failed, i + 1);
	}
	/* Who proves it is welcome. */
	w.hosts[1].initiating = NULL;
	world_initiate(&w, 1);
	world_run(&w, w.now + 20000);
	assert_true(world_agree(&w));
	assert_int_equal(w.hosts[0].n_children, 2);
	world_done(&w);
}

/* Somebody takes the place of nobody, nobody that of nobody. */
static void test_replaces(void **state)
{
	struct ike_config c = quiet();

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		bool proves = i / 2;
		struct world w;

		world_init(&w, 7 + i, &c);
		world_initiate(&w, 0);
		world_run(&w, w.now + 50);
		world_restart(&w, 1);
		for (unsigned k = 0; proves && k < 2; k++)
			w.hosts[k].credentials = proving(k);
		world_initiate(&w, i % 2);
		world_run(&w, w.now + 20000);
		assert_true(world_agree(&w));
		assert_int_equal(method_of(&w.hosts[0]),
				 proves ? IKE_AUTH_SHARED : IKE_AUTH_NULL);
		world_done(&w);
	}
}

/* Both begin at once, one of them as nobody: the proof decides, whatever the
 * nonces say and in whichever order it comes about. */
static void test_at_once(void **state)
{
	struct ike_credentials nobody = ike_credentials_anonymous();
	struct ike_config c = quiet();
	unsigned two = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		struct world w;

		world_init(&w, seed, &c);
		w.job_jitter = 1 + world_random(&w) % 10;
		for (unsigned i = 0; i < 2; i++) {
			w.hosts[i].credentials = proving(i);
			w.wires[i].delay = 1;
			w.wires[i].jitter = 1 + world_random(&w) % 30;
		}
		w.hosts[seed & 1].initiating = &nobody;
		world_initiate(&w, 0);
		world_run(&w, w.now + world_random(&w) % 40);
		world_initiate(&w, 1);
		/* What was abandoned stays half-open for 30 s. */
		world_run(&w, w.now + 40000);
		assert_true(world_agree(&w));
		for (unsigned i = 0; i < 2; i++)
			assert_int_equal(method_of(&w.hosts[i]),
					 IKE_AUTH_SHARED);
		two += w.hosts[0].n_children == 2;
		world_done(&w);
	}
	/* Both orders have been seen. */
	assert_in_range(two, 1, SEEDS - 1);
}

/* The peer ends the one that was to stay: the other one serves again. */
static void test_second_thoughts(void **state)
{
	struct ike_config c = quiet();

	(void)state;
	for (uint64_t seed = 1; seed <= 8; seed++) {
		struct world w;
		struct child *winner;
		uint32_t spi;

		world_init(&w, seed, &c);
		world_initiate(&w, 0);
		world_initiate(&w, 1);
		world_run(&w, w.now + 10);
		assert_int_equal(host_children(&w.hosts[0]), 2);
		winner = host_child(&w.hosts[1]);
		spi = host_child(&w.hosts[0])->up.in.spi;
		assert_int_equal(winner->up.out.spi, spi);
		ike_close(w.hosts[1].engine, w.now, winner->sa);
		world_run(&w, w.now + 5);
		assert_int_equal(host_children(&w.hosts[0]), 1);
		assert_non_null(host_child(&w.hosts[0]));
		assert_true(host_child(&w.hosts[0])->up.in.spi != spi);
		world_done(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_alive),
		cmocka_unit_test(test_replaces),
		cmocka_unit_test(test_at_once),
		cmocka_unit_test(test_second_thoughts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
