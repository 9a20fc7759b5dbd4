/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bad input, group 10: what people off the path and on it can say without the
 * keys, how often they like: floods of notifies, answers from elsewhere,
 * replays, late repetitions; and both sides doing something at once.
 */
#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ike-bad.h"

#define INFO  IKE_EXCHANGE_INFORMATIONAL
#define CHILD IKE_EXCHANGE_CREATE_CHILD_SA

#define FLOOD 1000u

static const struct flood {
	const char *name;
	uint16_t type;
	size_t len;
	uint8_t data[8];
} floods[] = {
	{ "COOKIE", IKE_NOTIFY_COOKIE, 8, "cookie?" },
	{ "REDIRECT", 16407, 6, { 1, 4, 192, 0, 2, 66 } },
	{ "NO_PROPOSAL_CHOSEN", IKE_NOTIFY_NO_PROPOSAL_CHOSEN, 0, "" },
	{ "INVALID_KE_PAYLOAD", IKE_NOTIFY_INVALID_KE_PAYLOAD, 2, { 0, 19 } },
	{ "INVALID_SYNTAX", IKE_NOTIFY_INVALID_SYNTAX, 0, "" },
	{ "AUTHENTICATION_FAILED", IKE_NOTIFY_AUTHENTICATION_FAILED, 0, "" },
	{ "INVALID_IKE_SPI", 4, 0, "" },
	{ "INVALID_MAJOR_VERSION", 5, 0, "" },
	{ "unknown error", 8191, 0, "" },
	{ "unknown status", 40959, 0, "" },
};
#define N_FLOODS (sizeof(floods) / sizeof(floods[0]))

/* An attempt survives it, does not become a flood itself, and takes the right
 * answer when that comes. */
static void test_notify_flood(void **state)
{
	const struct puppet_script honest = { 0 };
	static struct bad b;

	(void)state;
	for (size_t i = 0; i < N_FLOODS; i++) {
		print_message("  %s\n", floods[i].name);
		bad_enter(&b, BAD_INIT_SENT);
		for (unsigned k = 0; k < FLOOD; k++)
			puppet_answer_notify(&b.p, floods[i].type,
					     floods[i].data, floods[i].len);
		assert_true(b.p.n_rx <= b.n_rx + LIMIT_IKE_INIT_RETRIES);
		assert_int_equal(host_sas(b.w.hosts), 1);
		assert_int_equal(b.w.hosts[0].n_failed, 0);
		/* Where it asked for another group, it gets that. */
		if (floods[i].type == IKE_NOTIFY_INVALID_KE_PAYLOAD) {
			EVP_PKEY *key = NULL;

			b.p.kex = ike_kex_find(IKE_KE_P256);
			assert_int_equal(
				ike_kex_generate(b.p.kex, &key, b.p.public), 0);
			EVP_PKEY_free(b.p.key);
			b.p.key = key;
		}
		bad_hold_honest(&b, &honest);
		bad_mark(&b);
		bad_send_held(&b);
		bad_assert_went_on(&b);
		bad_leave(&b);
	}
}

/* Nobody who is not where our request went ends or turns anything. */
static void test_off_path(void **state)
{
	const struct puppet_script honest = { 0 };
	static struct bad b;

	(void)state;
	for (size_t i = 0; i <= N_FLOODS; i++)
		for (unsigned k = 0; k < 3; k++) {
			struct endpoint local, remote;

			bad_enter(&b, BAD_INIT_SENT);
			b.p.hold = true;
			if (i < N_FLOODS)
				puppet_answer_notify(&b.p, floods[i].type,
						     floods[i].data,
						     floods[i].len);
			else /* even a good answer */
				bad_hold_honest(&b, &honest);
			b.p.hold = false;
			local = b.w.hosts[0].address;
			remote = b.w.hosts[1].address;
			if (k == 0)
				remote.addr.bytes[3] = 66;
			else if (k == 1)
				remote.port = 501;
			else
				local.addr.bytes[3] = 67;
			bad_mark(&b);
			ike_input(b.w.hosts[0].engine, b.w.now, &local, &remote,
				  b.p.held, b.p.held_len);
			world_settle(&b.w);
			bad_assert_unchanged(&b);
			assert_int_equal(b.p.n_rx, b.n_rx);
			assert_int_equal(bad_counted(&b).malformed, 1);
			bad_hold_honest(&b, &honest);
			bad_mark(&b);
			bad_send_held(&b);
			bad_assert_went_on(&b);
			bad_leave(&b);
		}
}

/* The same notifies, unprotected, with the right SPIs of an SA with keys. */
static void unprotected(struct bad *b, const struct flood *f, uint8_t exchange,
			uint8_t flags, uint32_t id)
{
	struct ike_header h = {
		.spi_i = b->p.spi_i,
		.spi_r = b->p.spi_r,
		.exchange = exchange,
		.flags = flags,
		.id = id,
	};
	struct ike_outgoing out;

	ike_builder_init(&out.b, out.buf, sizeof(out.buf), &h);
	ike_notify_write(&out.b, f->type, f->data, f->len);
	assert_int_equal(ike_builder_finish(&out.b), 0);
	world_inject(&b->w, 0, out.buf, out.b.w.len);
}

static void test_unprotected_notify(void **state)
{
	static const uint8_t exchanges[] = { IKE_EXCHANGE_SA_INIT,
					     IKE_EXCHANGE_AUTH, CHILD, INFO };
	const struct puppet_script honest = { 0 };
	static struct bad b;

	(void)state;
	for (unsigned s = BAD_INIT_DONE; s < BAD_STATES; s++)
		for (size_t i = 0; i < N_FLOODS; i++) {
			bad_enter(&b, s);
			for (unsigned k = 0; k < 4 * 4 * 4; k++) {
				/* A hint (2.4) starts a liveness check. */
				if (floods[i].type == 4 && k / 16 >= 2)
					continue;
				unprotected(&b, &floods[i], exchanges[k / 16],
					    (uint8_t)(k / 4 % 4 << 3 & 0x28),
					    k % 4);
			}
			assert_int_equal(bad_counted(&b).sas, 0);
			assert_int_equal(b.w.hosts[0].n_failed, b.n_failed);
			assert_int_equal(host_children(b.w.hosts), b.n_up);
			bad_hold_honest(&b, &honest);
			bad_mark(&b);
			bad_send_held(&b);
			bad_assert_went_on(&b);
			bad_leave(&b);
		}
}

/* A hint that we have lost an SA, a thousand times: one check, answered. */
static void test_invalid_ike_spi_flood(void **state)
{
	static struct bad b;

	(void)state;
	bad_enter(&b, BAD_RESPONDED);
	for (unsigned k = 0; k < FLOOD; k++)
		unprotected(&b, &floods[6], INFO,
			    IKE_FLAG_RESPONSE | IKE_FLAG_INITIATOR, k % 4);
	assert_true(b.p.n_rx <= b.n_rx + 1);
	assert_int_equal(host_children(b.w.hosts), 1);
	if (b.p.n_rx > b.n_rx) {
		puppet_open(&b.p);
		puppet_send_raw(&b.p, INFO, true, b.p.m.header.id, 0, "", 0);
	}
	world_run(&b.w, b.w.now + 5000);
	assert_int_equal(host_children(b.w.hosts), 1);
	bad_leave(&b);
}

/* --- replays ------------------------------------------------------------------- */

static void test_replayed_ids(void **state)
{
	static struct bad b;
	static struct ike_outgoing old[4];

	(void)state;
	bad_enter(&b, BAD_RESPONDED);
	for (unsigned i = 0; i < 4; i++) {
		puppet_begin(&b.p, &old[i], INFO, false, 2 + i);
		puppet_send(&b.p, &old[i]);
	}
	bad_mark(&b);
	for (unsigned k = 0; k < 40; k++)
		world_inject(&b.w, 0, old[k % 3].buf, old[k % 3].b.w.len);
	bad_assert_unchanged(&b);
	assert_int_equal(b.p.n_rx, b.n_rx);
	/* The last one alone is answered again, with the very same bytes. */
	world_inject(&b.w, 0, old[3].buf, old[3].b.w.len);
	assert_int_equal(b.p.n_rx, b.n_rx + 1);
	/* An ID from the future is no place for a request either. */
	for (uint32_t id = 7; id < 40; id++)
		puppet_send_raw(&b.p, INFO, false, id, 0, "", 0);
	puppet_send_raw(&b.p, INFO, false, UINT32_MAX, 0, "", 0);
	assert_int_equal(b.p.n_rx, b.n_rx + 1);
	bad_leave(&b);
}

static void input_from(struct bad *b, uint16_t port, const void *data,
		       size_t len)
{
	struct host *h = &b->w.hosts[0];
	struct endpoint from = { b->w.hosts[1].address.addr, port };

	ike_input(h->engine, b->w.now, &h->address, &from, data, len);
	world_settle(&b->w);
}

/* The last request, and an IKE_SA_INIT, again and again: answered at a rate.
 * From elsewhere it is slow, and nobody loses its answer by that. */
static void test_replay_rate(void **state)
{
	static const enum bad_state states[] = { BAD_RESPONDED, BAD_INIT_DONE };
	static struct bad b;
	static struct ike_outgoing out;

	(void)state;
	for (unsigned k = 0; k < 2; k++) {
		const uint8_t *data = out.buf;
		size_t len;

		bad_enter(&b, states[k]);
		if (k) {
			data = b.p.request.data;
			len = b.p.request.len;
		} else {
			puppet_begin(&b.p, &out, INFO, false, 2);
			puppet_send(&b.p, &out);
			len = out.b.w.len;
		}
		bad_mark(&b);
		for (unsigned ms = 0; ms < 2000; ms++) {
			input_from(&b, 500, data, len);
			world_run(&b.w, b.w.now + 1);
		}
		assert_in_range(b.p.n_rx - b.n_rx, 15, 20);
		bad_mark(&b);
		for (unsigned ms = 0; !k && ms < 3000; ms++) {
			input_from(&b, 4711, data, len);
			if (ms % 500 == 250)
				input_from(&b, 500, data, len);
			world_run(&b.w, b.w.now + 1);
		}
		if (!k)
			assert_in_range(b.p.n_rx - b.n_rx, 6, 10);
		bad_leave(&b);
	}
}

/* The right message ID, but the response of another exchange: a request is
 * not answered by it, and goes on until it is. */
static void test_response_of_another_exchange(void **state)
{
	static const uint8_t others[] = { IKE_EXCHANGE_AUTH, CHILD, 43, 0 };
	static struct bad b;
	struct handle sa;

	(void)state;
	for (unsigned k = 0; k < 2; k++) {
		bad_enter(&b, BAD_RESPONDED);
		sa = host_child(b.w.hosts)->sa;
		if (k)
			ike_close(b.w.hosts[0].engine, b.w.now, sa);
		else
			ike_check(b.w.hosts[0].engine, b.w.now, sa);
		world_settle(&b.w);
		bad_mark(&b);
		for (size_t i = 0; i < sizeof(others); i++)
			puppet_send_raw(&b.p, others[i], true, 0, 0, "", 0);
		bad_assert_unchanged(&b);
		assert_int_equal(b.p.n_rx, b.n_rx);
		puppet_send_raw(&b.p, INFO, true, 0, 0, "", 0);
		assert_int_equal(host_sas(b.w.hosts), !k);
		bad_leave(&b);
	}
}

/* Everything that was said to it, said again when the SA is gone: its memory
 * is free, and nothing is there to be found. */
static void test_retransmission_after_free(void **state)
{
	static struct bad b;
	struct ike_outgoing out;
	uint64_t end;

	(void)state;
	for (unsigned k = 0; k < 3; k++) {
		bad_enter(&b, BAD_RESPONDED);
		puppet_begin(&b.p, &out, INFO, false, 2);
		ike_delete_write_ike(&out.b);
		if (k == 0)
			puppet_send(&b.p, &out);
		else
			assert_int_equal(ike_protect_seal(&out.b, b.p.cipher,
							  b.p.keys.ei.data),
					 0);
		if (k == 1)
			ike_abandon(b.w.hosts[0].engine, b.w.now,
				    host_child(b.w.hosts)->sa);
		if (k == 2)
			ike_close(b.w.hosts[0].engine, b.w.now,
				  host_child(b.w.hosts)->sa);
		/* Through LINGER or DELETING, and past it. */
		for (end = b.w.now + 120000; b.w.now < end;) {
			world_inject(&b.w, 0, out.buf, out.b.w.len);
			world_inject(&b.w, 0, b.p.request.data,
				     b.p.request.len);
			world_run(&b.w, b.w.now + 1000);
		}
		assert_int_equal(host_children(b.w.hosts), 0);
		bad_leave(&b);
	}
}

/* --- both at once --------------------------------------------------------------- */

enum op { NOTHING, INITIATE, REKEY_CHILD, REKEY_IKE, DELETE_CHILD, CLOSE, OPS };

static void act(struct world *w, unsigned host, enum op op)
{
	struct ike_engine *e = w->hosts[host].engine;
	struct child *c = host_child(&w->hosts[host]);

	if (!c && op != INITIATE)
		return;
	switch (op) {
	case NOTHING:
	case OPS:
		break;
	case INITIATE:
		world_initiate(w, host);
		break;
	case REKEY_CHILD:
		(void)!ike_rekey_child(e, w->now, c->sa, c->up.in.spi);
		break;
	case REKEY_IKE:
		(void)!ike_rekey(e, w->now, c->sa);
		break;
	case DELETE_CHILD:
		(void)!ike_delete_child(e, w->now, c->sa, c->up.in.spi);
		break;
	case CLOSE:
		ike_close(e, w->now, c->sa);
		break;
	}
	world_settle(w);
}

/* Any two things at once, either message slower: afterwards both have one pair
 * or none, and nothing else. */
static void test_every_order(void **state)
{
	static const uint32_t delays[] = { 1, 2, 7 };
	static struct world w;

	(void)state;
	for (unsigned i = 0; i < OPS * OPS * 3 * 3 * 4; i++) {
		enum op a = i % OPS, b = i / OPS % OPS;
		unsigned r = i / OPS / OPS;

		world_init(&w, i + 1, NULL);
		world_initiate(&w, 0);
		world_run(&w, w.now + 1000);
		assert_true(world_agree(&w));
		w.wires[0].delay = delays[r % 3];
		w.wires[1].delay = delays[r / 3 % 3];
		act(&w, 0, a);
		world_run(&w, w.now + r / 9);
		act(&w, 1, b);
		/* Half-open ones of attempts given up live for 30 s. */
		world_run(&w, w.now + 60000);
		if (!world_agree(&w) && !world_empty(&w))
			fail_msg("operation %u, and %u after %u ms, with "
				 "delays %u and %u: %u and %u SAs, %zu and %zu "
				 "children",
				 a, b, r / 9, w.wires[0].delay,
				 w.wires[1].delay, host_sas(&w.hosts[0]),
				 host_sas(&w.hosts[1]),
				 host_children(&w.hosts[0]),
				 host_children(&w.hosts[1]));
		world_done(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_notify_flood),
		cmocka_unit_test(test_off_path),
		cmocka_unit_test(test_unprotected_notify),
		cmocka_unit_test(test_invalid_ike_spi_flood),
		cmocka_unit_test(test_replayed_ids),
		cmocka_unit_test(test_response_of_another_exchange),
		cmocka_unit_test(test_replay_rate),
		cmocka_unit_test(test_retransmission_after_free),
		cmocka_unit_test(test_every_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
