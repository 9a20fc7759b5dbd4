/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Somebody who sees our IKE_SA_INIT request, and cannot stop it, answers before
 * the peer does: that costs time, and no more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ike-puppet.h"

static const struct puppet_script honest;

/* Host 0 has asked; both have its request. */
static void begin(struct world *w, struct puppet *liar, struct puppet *peer)
{
	world_init(w, 1, NULL);
	puppet_init(liar, w, false, IKE_KE_X25519);
	puppet_init(peer, w, false, IKE_KE_X25519);
	world_initiate(w, 0);
	memcpy(liar->rx, peer->rx, peer->rx_len);
	liar->rx_len = peer->rx_len;
	peer->child_spi++;
}

static void end(struct world *w, struct puppet *liar, struct puppet *peer)
{
	puppet_done(liar);
	puppet_done(peer);
	world_done(w);
}

static void check_up(struct world *w, const struct puppet *peer)
{
	struct child *c = host_child(&w->hosts[0]);

	assert_non_null(c);
	assert_int_equal(c->up.out.spi, peer->child_spi);
	puppet_check_child(peer, c);
	assert_int_equal(w->hosts[0].n_failed, 0);
	assert_int_equal(host_sas(&w->hosts[0]), 1);
}

enum lie { NO_PROOF, REFUSAL, NONSENSE, SILENCE, LIES };

static void tell(struct puppet *liar, enum lie lie)
{
	const struct puppet_script bad = { .bad_auth = true };
	struct ike_outgoing out;

	switch (lie) {
	case NO_PROOF:
		puppet_answer_auth(liar, &bad);
		break;
	case REFUSAL:
		puppet_begin(liar, &out, IKE_EXCHANGE_AUTH, true, 1);
		ike_notify_write(&out.b, IKE_NOTIFY_AUTHENTICATION_FAILED, NULL,
				 0);
		puppet_send(liar, &out);
		break;
	case NONSENSE:
		puppet_send_raw(liar, IKE_EXCHANGE_AUTH, true, 1, 39, "xyz", 3);
		break;
	case SILENCE:
		world_run(liar->w, liar->w->now + 5000);
		break;
	case LIES:
		break;
	}
}

static void test_forged_first(void **state)
{
	(void)state;
	for (unsigned i = 0; i < LIES; i++) {
		struct puppet liar, peer;
		struct world w;

		begin(&w, &liar, &peer);
		w.tap_user = &liar;
		puppet_answer_init(&liar, &honest);
		puppet_answer_init(&peer, &honest);
		w.tap_user = &peer;
		tell(&liar, (enum lie)i);
		puppet_answer_auth(&peer, &honest);
		check_up(&w, &peer);
		/* What is left of the other one comes too late. */
		tell(&liar, (enum lie)i);
		check_up(&w, &peer);
		end(&w, &liar, &peer);
	}
}

/* The liar is late: nobody listens to it. */
static void test_honest_first(void **state)
{
	struct puppet liar, peer;
	struct world w;

	(void)state;
	begin(&w, &liar, &peer);
	puppet_answer_init(&peer, &honest);
	puppet_answer_init(&liar, &honest);
	puppet_answer_auth(&peer, &honest);
	check_up(&w, &peer);
	end(&w, &liar, &peer);
}

/* Any number of them: a few are tried, and then it is over. */
static void test_bound(void **state)
{
	struct puppet liar, peer;
	struct world w;

	(void)state;
	begin(&w, &liar, &peer);
	for (unsigned i = 0; i < 20; i++) {
		struct puppet p;

		puppet_init(&p, &w, false, IKE_KE_X25519);
		memcpy(p.rx, peer.rx, peer.rx_len);
		p.rx_len = peer.rx_len;
		p.spi_r = 100 + i;
		p.nr.data[0] = (uint8_t)i;
		puppet_answer_init(&p, &honest);
		puppet_done(&p);
	}
	w.wires[0].loss = 100;
	world_run(&w, w.now + 60000);
	assert_int_equal(w.hosts[0].n_failed, 1);
	assert_int_equal(w.hosts[0].failed.reason, IKE_REASON_UNANSWERED);
	assert_int_equal(host_sas(&w.hosts[0]), 0);
	/* IKE_SA_INIT; three times IKE_AUTH to each, five times to the last. */
	assert_int_equal(w.hosts[0].sent, 1 + 3 * LIMIT_IKE_INIT_ANSWERS + 5);
	end(&w, &liar, &peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forged_first),
		cmocka_unit_test(test_honest_first),
		cmocka_unit_test(test_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
