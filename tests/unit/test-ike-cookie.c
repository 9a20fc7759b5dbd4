/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ike-puppet.h"

/* --- the cookie itself --------------------------------------------------------- */

struct subject {
	struct addr remote;
	uint8_t nonce[32];
	struct ike_cookie_subject s;
};

static void fill(struct subject *x)
{
	memset(x, 0, sizeof(*x));
	assert_int_equal(addr_parse("192.0.2.7", &x->remote), 0);
	memset(x->nonce, 0x11, sizeof(x->nonce));
	x->s = (struct ike_cookie_subject){
		.spi_i = 0x77,
		.remote = &x->remote,
		.nonce = { x->nonce, sizeof(x->nonce) },
	};
}

static bool check(struct world *w, const struct subject *x,
		  const uint8_t *cookie, size_t len)
{
	struct ike_view v = { cookie, len };

	return ike_cookie_check(w->hosts[0].engine, w->now, &x->s, &v);
}

static void make(struct world *w, const struct subject *x, uint8_t *cookie)
{
	assert_int_equal(
		ike_cookie_make(w->hosts[0].engine, w->now, &x->s, cookie), 0);
}

/* Bound to the SPI, the address and the nonce; every bit of it counts. */
static void test_bound(void **state)
{
	uint8_t cookie[IKE_COOKIE_LEN + 1] = { 0 };
	struct subject x, y;
	struct world w;

	(void)state;
	world_init(&w, 51, NULL);
	fill(&x);
	make(&w, &x, cookie);
	assert_true(check(&w, &x, cookie, IKE_COOKIE_LEN));
	assert_false(check(&w, &x, cookie, IKE_COOKIE_LEN - 1));
	assert_false(check(&w, &x, cookie, IKE_COOKIE_LEN + 1));
	assert_false(check(&w, &x, cookie, 0));
	for (unsigned bit = 0; bit < 8 * IKE_COOKIE_LEN; bit++) {
		cookie[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_false(check(&w, &x, cookie, IKE_COOKIE_LEN));
		cookie[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	fill(&y);
	y.s.spi_i++;
	assert_false(check(&w, &y, cookie, IKE_COOKIE_LEN));
	fill(&y);
	y.nonce[31] ^= 1;
	assert_false(check(&w, &y, cookie, IKE_COOKIE_LEN));
	fill(&y);
	y.s.nonce.len--;
	assert_false(check(&w, &y, cookie, IKE_COOKIE_LEN));
	fill(&y);
	y.remote.bytes[3]++;
	assert_false(check(&w, &y, cookie, IKE_COOKIE_LEN));
	fill(&y);
	y.remote.family = AF_INET6;
	assert_false(check(&w, &y, cookie, IKE_COOKIE_LEN));
	/* Another host's secret is another one. */
	assert_int_equal(
		ike_cookie_make(w.hosts[1].engine, w.now, &x.s, cookie), 0);
	assert_false(check(&w, &x, cookie, IKE_COOKIE_LEN));
	world_done(&w);
}

/* Good for one to two lives of the secret, with and without others made in
 * between. */
static void test_rotation(void **state)
{
	uint8_t cookie[IKE_COOKIE_LEN], other[IKE_COOKIE_LEN];
	struct subject x;

	(void)state;
	fill(&x);
	for (int busy = 0; busy < 2; busy++) {
		struct world w;
		uint64_t end;

		world_init(&w, 52, NULL);
		make(&w, &x, cookie);
		end = w.now + 2 * LIMIT_IKE_COOKIE_MS;
		for (; w.now < end; w.now += 500) {
			if (busy)
				make(&w, &x, other);
			assert_true(check(&w, &x, cookie, IKE_COOKIE_LEN));
		}
		if (busy)
			make(&w, &x, other);
		assert_false(check(&w, &x, cookie, IKE_COOKIE_LEN));
		/* 256 generations later the number is the same. */
		for (int i = 0; i < 254; i++) {
			w.now += LIMIT_IKE_COOKIE_MS;
			make(&w, &x, other);
			assert_false(check(&w, &x, cookie, IKE_COOKIE_LEN));
		}
		assert_true(check(&w, &x, other, IKE_COOKIE_LEN));
		world_done(&w);
	}
}

static void test_idle(void **state)
{
	uint8_t cookie[IKE_COOKIE_LEN];
	struct subject x;
	struct world w;

	(void)state;
	fill(&x);
	world_init(&w, 53, NULL);
	memset(cookie, 0, sizeof(cookie));
	/* No secret yet: nothing is good. */
	assert_false(check(&w, &x, cookie, IKE_COOKIE_LEN));
	make(&w, &x, cookie);
	w.now += 2 * LIMIT_IKE_COOKIE_MS;
	assert_false(check(&w, &x, cookie, IKE_COOKIE_LEN));
	make(&w, &x, cookie);
	assert_true(check(&w, &x, cookie, IKE_COOKIE_LEN));
	world_done(&w);
}

/* --- in the exchange ------------------------------------------------------------ */

static void begin(struct world *w)
{
	struct ike_config c;

	ike_config_init(&c);
	c.cookie_threshold = 0;
	world_init(w, 54, &c);
}

static struct ike_counters counters(struct host *h)
{
	struct ike_counters c;

	ike_engine_count(h->engine, &c);
	return c;
}

/* One round trip more, and nothing else, on IPv4 and on IPv6. */
static void test_engines(void **state)
{
	(void)state;
	for (int six = 0; six < 2; six++) {
		struct world w;

		begin(&w);
		if (six)
			world_use_ip6(&w);
		world_initiate(&w, 0);
		world_run(&w, w.now + 100);
		assert_true(world_agree(&w));
		assert_int_equal(counters(&w.hosts[1]).cookies_sent, 1);
		/* The stranger was looked at only with its cookie. */
		assert_int_equal(w.hosts[1].n_admitted, 1);
		assert_int_equal(w.hosts[0].sent, 3);
		world_done(&w);
	}
}

/* The owner wants to be sure of the address first, whatever the threshold. */
static void test_owner(void **state)
{
	(void)state;
	for (int six = 0; six < 2; six++) {
		struct world w;

		world_init(&w, 54, NULL);
		if (six)
			world_use_ip6(&w);
		w.hosts[1].admission = IKE_PROVE;
		world_initiate(&w, 0);
		world_run(&w, w.now + 100);
		assert_true(world_agree(&w));
		assert_int_equal(counters(&w.hosts[1]).cookies_sent, 1);
		/* Twice without a cookie, and once more with it. */
		assert_int_equal(w.hosts[1].n_admitted, 3);
		world_done(&w);
	}
}

static void test_loss(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed < 60; seed++) {
		struct ike_config c;
		struct world w;

		ike_config_init(&c);
		c.cookie_threshold = 0;
		c.retransmit_sends = 12;
		c.retransmit_max_ms = 1000;
		world_init(&w, seed, &c);
		for (unsigned i = 0; i < 2; i++)
			w.wires[i] = (struct wire){
				.loss = 25,
				.duplicate = 25,
				.delay = 1,
				.jitter = 20,
			};
		world_initiate(&w, 0);
		world_run(&w, w.now + 20000);
		assert_int_equal(host_children(&w.hosts[0]), 1);
		world_done(&w);
	}
}

/* Without a cookie, with a wrong one, with that of another: a fresh cookie,
 * and no memory, no job, no question to the owner. */
static void test_stateless(void **state)
{
	uint8_t wrong[64] = { 0 };
	struct puppet_script s[3] = {
		{ 0 },
		{ .notify = IKE_NOTIFY_COOKIE, .data = wrong, .data_len = 17 },
		{ .notify = IKE_NOTIFY_COOKIE, .data = wrong, .data_len = 64 },
	};
	struct puppet p;
	struct world w;

	(void)state;
	begin(&w);
	puppet_init(&p, &w, true, IKE_KE_X25519);
	for (unsigned i = 0; i < 3; i++) {
		p.n_rx = 0;
		puppet_send_init(&p, &s[i]);
		assert_int_equal(p.n_rx, 1);
		assert_int_equal(puppet_plain_notify(&p), IKE_NOTIFY_COOKIE);
		assert_true(p.rx_len < p.request.len);
		assert_int_equal(host_sas(&w.hosts[0]), 0);
		assert_int_equal(w.hosts[0].n_admitted, 0);
	}
	puppet_done(&p);
	world_done(&w);
}

/* What the puppet was sent, for its next request. */
static void take_cookie(const struct puppet *p, struct puppet_script *s,
			uint8_t cookie[static 64])
{
	struct ike_message m;
	struct ike_notify n;

	assert_int_equal(ike_message_parse(p->rx, p->rx_len, &m), 0);
	assert_int_equal(ike_notify_parse(&m.payloads[0], &n), 0);
	assert_int_equal(n.type, IKE_NOTIFY_COOKIE);
	memcpy(cookie, n.data.data, n.data.len);
	*s = (struct puppet_script){
		.notify = IKE_NOTIFY_COOKIE,
		.data = cookie,
		.data_len = n.data.len,
	};
}

/* 2.6.1: the cookie is good again for the same request with another key, and
 * INVALID_KE_PAYLOAD is only said to who has shown one. */
static void test_invalid_ke(void **state)
{
	struct puppet_script s = { 0 };
	uint8_t cookie[64];
	struct puppet p;
	struct world w;

	(void)state;
	begin(&w);
	puppet_init(&p, &w, true, IKE_KE_X25519);
	/* Its key is of a group that nobody has. */
	s.group = 2;
	puppet_send_init(&p, &s);
	take_cookie(&p, &s, cookie);
	s.group = 2;
	puppet_send_init(&p, &s);
	assert_int_equal(puppet_plain_notify(&p),
			 IKE_NOTIFY_INVALID_KE_PAYLOAD);
	assert_int_equal(host_sas(&w.hosts[0]), 0);
	s.group = 0;
	puppet_send_init(&p, &s);
	puppet_take_init(&p);
	s = (struct puppet_script){ 0 };
	puppet_send_auth(&p, &s);
	assert_non_null(host_child(&w.hosts[0]));
	puppet_done(&p);
	world_done(&w);
}

/* From another address the same request is not good. */
static void test_elsewhere(void **state)
{
	struct endpoint thief = { .port = 500 };
	struct puppet_script s = { 0 };
	uint8_t cookie[64];
	struct puppet p;
	struct world w;

	(void)state;
	begin(&w);
	puppet_init(&p, &w, true, IKE_KE_X25519);
	puppet_send_init(&p, &s);
	take_cookie(&p, &s, cookie);
	w.hosts[0].admission = IKE_IGNORE;
	puppet_send_init(&p, &s);
	assert_int_equal(w.hosts[0].n_admitted, 1);
	assert_int_equal(addr_parse("192.0.2.99", &thief.addr), 0);
	p.n_rx = 0;
	ike_input(w.hosts[0].engine, w.now, &w.hosts[0].address, &thief,
		  p.request.data, p.request.len);
	world_settle(&w);
	assert_int_equal(w.hosts[0].n_admitted, 1);
	assert_int_equal(p.n_rx, 1);
	assert_int_equal(puppet_plain_notify(&p), IKE_NOTIFY_COOKIE);
	puppet_done(&p);
	world_done(&w);
}

/* A nonce of the wrong size is not worth a cookie, which is longer than a
 * request of empty payloads. */
static void test_bad_nonce(void **state)
{
	const struct puppet_script rows[] = {
		{ .nonce_len = 300 },
		{ .nonce_len = 15 },
		{ .empty = IKE_PRESENT(IKE_PAYLOAD_SA) |
			   IKE_PRESENT(IKE_PAYLOAD_KE) |
			   IKE_PRESENT(IKE_PAYLOAD_NONCE) },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct puppet p;
		struct world w;

		begin(&w);
		puppet_init(&p, &w, true, IKE_KE_X25519);
		puppet_send_init(&p, &rows[i]);
		assert_int_equal(p.n_rx, 0);
		assert_int_equal(counters(&w.hosts[0]).malformed, 1);
		puppet_done(&p);
		world_done(&w);
	}
}

/* With the longest of everything it still is what tacit-keyd signs, and comes
 * in one piece anywhere. */
static void test_longest(void **state)
{
	static const uint8_t cookie[64] = { 1 };
	struct ike_config c;
	struct puppet p;
	struct world w;

	(void)state;
	ike_config_init(&c);
	c.algorithms.propose = (struct algorithm_list){ 0 };
	algorithm_list_add(&c.algorithms.propose, ALGORITHM_MODP_3072);
	for (unsigned a = 0; a < ALGORITHMS; a++)
		algorithm_list_add(&c.algorithms.propose, (enum algorithm)a);
	world_init(&w, 55, &c);
	puppet_init(&p, &w, false, IKE_KE_MODP_3072);
	world_initiate(&w, 0);
	world_settle(&w);
	puppet_answer_notify(&p, IKE_NOTIFY_COOKIE, cookie, sizeof(cookie));
	assert_in_range(p.rx_len, 880, 899);
	puppet_done(&p);
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_rotation),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_engines),
		cmocka_unit_test(test_owner),
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_stateless),
		cmocka_unit_test(test_invalid_ke),
		cmocka_unit_test(test_elsewhere),
		cmocka_unit_test(test_bad_nonce),
		cmocka_unit_test(test_longest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
