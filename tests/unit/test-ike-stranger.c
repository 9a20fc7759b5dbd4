/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ike-puppet.h"

#define INFO IKE_EXCHANGE_INFORMATIONAL

static struct ike_counters counters(struct world *w)
{
	struct ike_counters c;

	ike_engine_count(w->hosts[0].engine, &c);
	return c;
}

/* --- limits ---------------------------------------------------------------------- */

enum jobs { RUN, KEEP };

/* Requests of so many strangers, the nth from what source() says. */
static void flood(struct world *w, struct puppet *p, unsigned n,
		  void (*source)(unsigned i, struct endpoint *ret),
		  enum jobs jobs)
{
	struct ike_engine *e = w->hosts[0].engine;

	for (unsigned i = 0; i < n; i++) {
		struct endpoint from = w->hosts[1].address;
		struct ike_action a;

		source(i, &from);
		ike_input(e, w->now, &w->hosts[0].address, &from,
			  p->request.data, p->request.len);
		while (ike_engine_next_action(e, &a)) {
			if (a.type == IKE_JOB && jobs == RUN) {
				/* A failed job would end the SA. */
				a.job->result = 0;
				ike_job_done(e, w->now, a.job);
			} else if (a.type == IKE_JOB) {
				ike_job_free(a.job);
			}
			ike_action_done(&a);
		}
	}
}

static void one_address(unsigned i, struct endpoint *ret)
{
	ret->port = (uint16_t)(1000 + i);
}

static void many_addresses(unsigned i, struct endpoint *ret)
{
	ret->addr.bytes[1] = (uint8_t)(i >> 16);
	ret->addr.bytes[2] = (uint8_t)(i >> 8);
	ret->addr.bytes[3] = (uint8_t)i;
}

/* One /64, as many addresses in it as there are requests. */
static void one_network(unsigned i, struct endpoint *ret)
{
	memset(&ret->addr, 0, sizeof(ret->addr));
	assert_int_equal(addr_parse("2001:db8:1:2::", &ret->addr), 0);
	ret->addr.bytes[8] = (uint8_t)(i >> 8);
	ret->addr.bytes[15] = (uint8_t)i;
}

static void many_networks(unsigned i, struct endpoint *ret)
{
	one_network(0, ret);
	ret->addr.bytes[5] = (uint8_t)(i >> 16);
	ret->addr.bytes[6] = (uint8_t)(i >> 8);
	ret->addr.bytes[7] = (uint8_t)i;
}

static void test_limits(void **state)
{
	static const struct {
		void (*source)(unsigned i, struct endpoint *ret);
		enum jobs jobs;
		uint32_t threshold, limit;
	} rows[] = {
		{ one_address, RUN, UINT32_MAX, LIMIT_IKE_HALF_OPEN_PREFIX },
		{ one_network, RUN, UINT32_MAX, LIMIT_IKE_HALF_OPEN_PREFIX },
		{ many_addresses, RUN, UINT32_MAX, LIMIT_IKE_HALF_OPEN },
		{ many_networks, RUN, UINT32_MAX, LIMIT_IKE_HALF_OPEN },
		{ many_addresses, KEEP, UINT32_MAX, LIMIT_IKE_STRANGER_JOBS },
		{ many_networks, KEEP, UINT32_MAX, LIMIT_IKE_STRANGER_JOBS },
		/* Forged sources stop at the cookie. */
		{ many_addresses, RUN, 256, 256 },
		{ many_networks, RUN, 256, 256 },
		{ one_address, RUN, 256, 256 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct puppet_script s = { 0 };
		struct ike_config c;
		struct puppet p;
		struct world w;

		ike_config_init(&c);
		c.cookie_threshold = rows[i].threshold;
		world_init(&w, 61, &c);
		w.hosts[0].admission = IKE_IGNORE;
		puppet_init(&p, &w, true, IKE_KE_X25519);
		puppet_send_init(&p, &s);
		w.hosts[0].admission = IKE_ADMIT;
		flood(&w, &p, LIMIT_IKE_HALF_OPEN + 10, rows[i].source,
		      rows[i].jobs);
		assert_int_equal(counters(&w).half_open, rows[i].limit);
		assert_int_equal(counters(&w).sas, rows[i].limit);
		/* We can still begin ourselves. */
		world_initiate(&w, 0);
		assert_int_equal(counters(&w).sas, rows[i].limit + 1);
		world_run(&w, w.now + c.half_open_ms + 1000);
		assert_int_equal(counters(&w).half_open, 0);
		assert_int_equal(counters(&w).sas, 0);
		for (size_t k = 0; k < LIMIT_IKE_STRANGER_BUCKETS; k++)
			assert_int_equal(
				w.hosts[0].engine->strangers.by_prefix[k], 0);
		assert_int_equal(w.hosts[0].engine->strangers.jobs, 0);
		puppet_done(&p);
		world_done(&w);
	}
}

/* A few sources that fill the table, and go on. */
static void few_addresses(unsigned i, struct endpoint *ret)
{
	ret->addr.bytes[2] = (uint8_t)(100 + i % 20);
	ret->port = (uint16_t)(1000 + i / 20);
}

/* An honest peer of another source, or of theirs, comes up in the middle of it:
 * it takes its answer, and has as long for its own as a flood of 2000 a second
 * leaves it. */
static void test_eviction(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		const struct puppet_script s = { 0 };
		struct ike_config c;
		struct puppet p, honest;
		struct world w;

		ike_config_init(&c);
		c.cookie_threshold = UINT32_MAX;
		world_init(&w, 61, &c);
		w.hosts[0].admission = IKE_IGNORE;
		puppet_init(&p, &w, true, IKE_KE_X25519);
		puppet_send_init(&p, &s);
		puppet_init(&honest, &w, true, IKE_KE_X25519);
		w.hosts[0].admission = IKE_ADMIT;
		flood(&w, &p, 20 * LIMIT_IKE_HALF_OPEN_PREFIX,
		      i ? one_address : few_addresses, RUN);
		puppet_send_init(&honest, &s);
		puppet_take_init(&honest);
		flood(&w, &p, LIMIT_IKE_HALF_OPEN_PREFIX / 2,
		      i ? one_address : few_addresses, RUN);
		puppet_send_auth(&honest, &s);
		assert_non_null(host_child(&w.hosts[0]));
		assert_int_equal(counters(&w).half_open,
				 i ? LIMIT_IKE_HALF_OPEN_PREFIX - 1
				   : LIMIT_IKE_HALF_OPEN - 1);
		assert_true(counters(&w).half_open_evicted > 0);
		puppet_done(&honest);
		puppet_done(&p);
		world_done(&w);
	}
}

/* SAs that are up count too, by the network of who began them; also when they
 * have been rekeyed, until they end. */
static void test_established(void **state)
{
	uint16_t counted = 0;
	struct world w;

	(void)state;
	world_init(&w, 66, NULL);
	world_initiate(&w, 1);
	world_run(&w, w.now + 50);
	for (unsigned i = 0; i < 2; i++) {
		struct ike_strangers *s = &w.hosts[0].engine->strangers;

		counted = 0;
		for (size_t k = 0; k < LIMIT_IKE_STRANGER_BUCKETS; k++)
			counted += s->established[k];
		assert_int_equal(counted, 1);
		assert_int_equal(ike_rekey(w.hosts[i].engine, w.now,
					   host_child(&w.hosts[i])->sa),
				 0);
		world_run(&w, w.now + 10000);
		assert_int_equal(host_sas(&w.hosts[0]), 1);
		for (size_t k = 0; k < LIMIT_IKE_STRANGER_BUCKETS; k++)
			if (s->established[k])
				s->established[k] = LIMIT_IKE_SAS_PREFIX;
		/* No more of them. */
		w.hosts[1].n_failed = 0;
		world_initiate(&w, 1);
		world_run(&w, w.now + 20000);
		assert_int_equal(w.hosts[1].failed.reason,
				 IKE_REASON_UNANSWERED);
		for (size_t k = 0; k < LIMIT_IKE_STRANGER_BUCKETS; k++)
			if (s->established[k])
				s->established[k] = 1;
	}
	ike_close_all(w.hosts[1].engine, w.now);
	world_run(&w, w.now + 60000);
	for (size_t k = 0; k < LIMIT_IKE_STRANGER_BUCKETS; k++)
		assert_int_equal(w.hosts[0].engine->strangers.established[k],
				 0);
	world_done(&w);
}

/* Who is refused counts until it is forgotten. */
static void test_failed(void **state)
{
	static const struct addr elsewhere = { .family = AF_INET,
					       .bytes = { 9, 9, 9, 9 } };
	static const struct puppet_script scripts[] = {
		{ .bad_auth = true },  /* no authentication */
		{ .tsi = &elsewhere }, /* no Child SA */
		{ .omit = IKE_PRESENT(IKE_PAYLOAD_TSI) }, /* no sense */
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		const struct puppet_script s = { 0 };
		struct puppet p;
		struct world w;

		world_init(&w, 65, NULL);
		puppet_init(&p, &w, true, IKE_KE_X25519);
		puppet_send_init(&p, &s);
		puppet_take_init(&p);
		puppet_send_auth(&p, &scripts[i]);
		assert_null(host_child(&w.hosts[0]));
		assert_int_equal(counters(&w).half_open, 1);
		world_run(&w, w.now + 60000);
		assert_int_equal(counters(&w).half_open, 0);
		assert_int_equal(counters(&w).sas, 0);
		puppet_done(&p);
		world_done(&w);
	}
}

/*
 * One busy honest source, every default on: a thousand handshakes a second for
 * two seconds, so far away that cookies are asked for, or not. All come up, and
 * none is kept waiting for more than the round trip of its cookie.
 */
static void test_busy_source(void **state)
{
	static const struct {
		uint32_t delay;
		bool cookies;
	} rows[] = { { 10, false }, { 200, true } };

	(void)state;
	for (size_t k = 0; k < 2; k++) {
		struct ike_counters c;
		struct world w;

		world_init(&w, 62, NULL);
		for (unsigned i = 0; i < 2; i++) {
			w.wires[i].delay = rows[k].delay;
			w.hosts[i].config.retransmit_ms = 2000;
			world_restart(&w, i);
		}
		for (unsigned i = 0; i < 2000; i++) {
			struct ike_request req = {
				.remote = w.hosts[1].address,
			};
			struct handle sa;

			/* Many hosts at home there, so that none replaces
			 * another; they are counted as one /64. */
			one_network(i, &req.local);
			req.local.port = 500;
			assert_int_equal(ike_initiate(w.hosts[0].engine, w.now,
						      &req, &sa),
					 0);
			world_run(&w, w.now + 1);
			w.hosts[0].n_children = w.hosts[1].n_children = 0;
		}
		for (uint64_t end = w.now + 6 * rows[k].delay; w.now < end;
		     world_run(&w, w.now + 1))
			w.hosts[0].n_children = w.hosts[1].n_children = 0;
		assert_int_equal(w.hosts[0].n_failed, 0);
		ike_engine_count(w.hosts[1].engine, &c);
		assert_int_equal(c.cookies_sent > 0, rows[k].cookies);
		assert_int_equal(c.sas, 2000);
		assert_int_equal(host_sas(&w.hosts[0]), 2000);
		world_done(&w);
	}
}

/* A request that looks like any other. */
static void forge(struct ike_blob *ret)
{
	const struct puppet_script s = { 0 };
	struct puppet p;
	struct world w;

	world_init(&w, 70, NULL);
	w.hosts[0].admission = IKE_IGNORE;
	puppet_init(&p, &w, true, IKE_KE_X25519);
	puppet_send_init(&p, &s);
	*ret = p.request;
	p.request = (struct ike_blob){ 0 };
	puppet_done(&p);
	world_done(&w);
}

/*
 * Ten thousand requests a second with forged addresses, for three seconds:
 * every honest peer gets in meanwhile, and what the flood makes us keep and
 * compute has its bound.
 */
static void test_flood(void **state)
{
	struct ike_blob request = { 0 };
	struct ike_counters c;
	unsigned honest = 0;
	struct host *h;
	struct world w;

	(void)state;
	forge(&request);
	world_init(&w, 71, NULL);
	h = &w.hosts[1];
	for (unsigned ms = 0; ms < 3000; ms++) {
		for (unsigned i = 0; i < 10; i++) {
			struct endpoint from = { .port = 500 };

			(i & 1 ? many_networks : many_addresses)(ms * 10 + i,
								 &from);
			from.addr.family = i & 1 ? AF_INET6 : AF_INET;
			ike_input(h->engine, w.now, &h->address, &from,
				  request.data, request.len);
		}
		if (ms % 20 == 0) {
			struct ike_request req = { .remote = h->address };
			struct handle sa;

			one_network(honest++, &req.local);
			req.local.port = 500;
			assert_int_equal(ike_initiate(w.hosts[0].engine, w.now,
						      &req, &sa),
					 0);
		}
		world_run(&w, w.now + 1);
		w.hosts[0].n_children = h->n_children = 0;
		ike_engine_count(h->engine, &c);
		assert_true(c.half_open <= h->config.cookie_threshold + 20);
	}
	world_run(&w, w.now + 100);
	assert_int_equal(w.hosts[0].n_failed, 0);
	assert_int_equal(host_sas(&w.hosts[0]), honest);
	/* The owner is asked about the forged ones only until then. */
	assert_true(h->n_admitted <= h->config.cookie_threshold + honest);
	ike_blob_done(&request);
	world_done(&w);
}

/* --- INVALID_IKE_SPI ---------------------------------------------------------------- */

static void write_stray(struct ike_outgoing *out, uint64_t spi, uint8_t flags)
{
	struct ike_header h = { spi, spi + 1, 0, INFO, flags, 5 };

	ike_builder_init(&out->b, out->buf, sizeof(out->buf), &h);
	wbuf_zero(ike_builder_open(&out->b, IKE_PAYLOAD_SK), 40);
	ike_builder_close(&out->b);
	assert_int_equal(ike_builder_finish(&out->b), 0);
}

static void test_unknown_spi(void **state)
{
	static const uint8_t flags[] = { 0, IKE_FLAG_INITIATOR };
	struct ike_outgoing out;
	struct ike_message m;
	struct ike_notify n;
	struct puppet p;
	struct world w;

	(void)state;
	world_init(&w, 63, NULL);
	puppet_init(&p, &w, true, IKE_KE_X25519);
	for (unsigned i = 0; i < 2; i++) {
		write_stray(&out, 0x1234, flags[i]);
		world_inject(&w, 0, out.buf, out.b.w.len);
		assert_int_equal(p.n_rx, i + 1);
		assert_true(p.rx_len < out.b.w.len);
		assert_int_equal(ike_message_parse(p.rx, p.rx_len, &m), 0);
		/* 1.5 */
		assert_int_equal(m.header.spi_i, 0x1234);
		assert_int_equal(m.header.spi_r, 0x1235);
		assert_int_equal(m.header.id, 5);
		assert_int_equal(m.header.exchange, INFO);
		assert_int_equal(m.header.flags,
				 IKE_FLAG_RESPONSE |
					 (flags[i] ^ IKE_FLAG_INITIATOR));
		assert_int_equal(m.n, 1);
		assert_int_equal(ike_notify_parse(&m.payloads[0], &n), 0);
		assert_int_equal(n.type, IKE_NOTIFY_INVALID_IKE_SPI);
	}
	/* 2.21.4: never to a response; nor to what nobody encrypted. */
	write_stray(&out, 0x1234, IKE_FLAG_RESPONSE);
	world_inject(&w, 0, out.buf, out.b.w.len);
	world_inject(&w, 0, p.rx, p.rx_len);
	p.rx[19] = 0;
	world_inject(&w, 0, p.rx, p.rx_len);
	assert_int_equal(p.n_rx, 2);
	puppet_done(&p);
	world_done(&w);
}

/* A flood gets its few answers, by source and in all. */
static void test_reply_rate(void **state)
{
	static const struct {
		void (*source)(unsigned i, struct endpoint *ret);
		unsigned limit;
	} rows[] = {
		{ one_address, LIMIT_IKE_REPLY_PREFIX },
		{ one_network, LIMIT_IKE_REPLY_PREFIX },
		{ many_addresses, LIMIT_IKE_REPLY_RATE },
		{ many_networks, LIMIT_IKE_REPLY_RATE },
	};
	struct ike_outgoing out;

	(void)state;
	write_stray(&out, 0x1234, 0);
	for (size_t i = 0; i < 4; i++) {
		struct puppet p;
		struct world w;

		world_init(&w, 64, NULL);
		puppet_init(&p, &w, true, IKE_KE_X25519);
		for (unsigned k = 0; k < 2000; k++) {
			struct endpoint from = w.hosts[1].address;

			rows[i].source(k, &from);
			ike_input(w.hosts[0].engine, w.now, &w.hosts[0].address,
				  &from, out.buf, out.b.w.len);
			world_settle(&w);
		}
		assert_int_equal(p.n_rx, rows[i].limit);
		assert_int_equal(counters(&w).stray_replies, rows[i].limit);
		w.now += 1000;
		world_inject(&w, 0, out.buf, out.b.w.len);
		assert_int_equal(p.n_rx, rows[i].limit + 1);
		puppet_done(&p);
		world_done(&w);
	}
}

/* --- versions ----------------------------------------------------------------------- */

static void test_version(void **state)
{
	static const struct {
		uint8_t version, flags;
		bool answered;
	} rows[] = {
		{ 0x10, 0, false },
		{ 0x00, IKE_FLAG_INITIATOR, false },
		{ 0x30, IKE_FLAG_INITIATOR, true },
		{ 0x30, IKE_FLAG_RESPONSE, false },
		{ 0xf1, 0, true },
		/* 2.5: a higher minor version is read. */
		{ 0x2f, IKE_FLAG_RESPONSE, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ike_outgoing out;
		struct ike_message m;
		struct ike_notify n;
		struct puppet p;
		struct world w;

		world_init(&w, 65, NULL);
		puppet_init(&p, &w, true, IKE_KE_X25519);
		write_stray(&out, 0x99, rows[i].flags);
		out.buf[17] = rows[i].version;
		world_inject(&w, 0, out.buf, out.b.w.len);
		assert_int_equal(p.n_rx, rows[i].answered);
		if (rows[i].answered) {
			assert_int_equal(p.rx[17], 0x20);
			assert_int_equal(ike_message_parse(p.rx, p.rx_len, &m),
					 0);
			assert_int_equal(m.header.spi_i, 0x99);
			assert_true(ike_header_is_response(&m.header));
			assert_int_equal(ike_notify_parse(&m.payloads[0], &n),
					 0);
			assert_int_equal(n.type,
					 IKE_NOTIFY_INVALID_MAJOR_VERSION);
			for (int k = 0; k < 100; k++)
				world_inject(&w, 0, out.buf, out.b.w.len);
			assert_int_equal(p.n_rx, LIMIT_IKE_REPLY_PREFIX);
		}
		/* Cut short it is only wrong. */
		p.n_rx = 0;
		world_inject(&w, 0, out.buf, IKE_HEADER_LEN - 1);
		assert_int_equal(p.n_rx, 0);
		puppet_done(&p);
		world_done(&w);
	}
}

/* --- hints --------------------------------------------------------------------------- */

static void write_hint(struct ike_outgoing *out, const struct puppet *p,
		       uint16_t notify, uint8_t flags)
{
	struct ike_header h = { p->spi_i, p->spi_r, 0, INFO, flags, 0 };

	ike_builder_init(&out->b, out->buf, sizeof(out->buf), &h);
	ike_notify_write(&out->b, notify, NULL, 0);
	assert_int_equal(ike_builder_finish(&out->b), 0);
}

/* 2.4: an unprotected INVALID_IKE_SPI makes us ask, seldom, and no more. */
static void test_hint(void **state)
{
	struct endpoint elsewhere;
	struct ike_outgoing out;
	struct ike_config c;
	struct puppet p;
	struct world w;

	(void)state;
	ike_config_init(&c);
	c.liveness_ms = 0;
	world_init(&w, 66, &c);
	elsewhere = w.hosts[1].address;
	puppet_establish(&p, &w, true);
	p.n_rx = 0;
	/* Not this. */
	write_hint(&out, &p, IKE_NOTIFY_INVALID_SYNTAX,
		   IKE_FLAG_RESPONSE | IKE_FLAG_INITIATOR);
	world_inject(&w, 0, out.buf, out.b.w.len);
	write_hint(&out, &p, IKE_NOTIFY_INVALID_IKE_SPI, IKE_FLAG_INITIATOR);
	world_inject(&w, 0, out.buf, out.b.w.len);
	assert_int_equal(p.n_rx, 0);
	/* Nor from somebody else. */
	write_hint(&out, &p, IKE_NOTIFY_INVALID_IKE_SPI,
		   IKE_FLAG_RESPONSE | IKE_FLAG_INITIATOR);
	many_addresses(1, &elsewhere);
	ike_input(w.hosts[0].engine, w.now, &w.hosts[0].address, &elsewhere,
		  out.buf, out.b.w.len);
	world_settle(&w);
	assert_int_equal(p.n_rx, 0);
	/* This, once. */
	for (int i = 0; i < 100; i++)
		world_inject(&w, 0, out.buf, out.b.w.len);
	assert_int_equal(p.n_rx, 1);
	puppet_open(&p);
	assert_int_equal(p.m.header.exchange, INFO);
	assert_int_equal(p.m.n, 0);
	/* Answered: the peer is well, and the hint was a lie. */
	puppet_send_raw(&p, INFO, true, p.m.header.id, 0, "", 0);
	world_run(&w, w.now + LIMIT_IKE_HINT_MS - 100);
	world_inject(&w, 0, out.buf, out.b.w.len);
	assert_int_equal(p.n_rx, 1);
	assert_non_null(host_child(&w.hosts[0]));
	/* Later once more, and this time it was true. */
	world_run(&w, w.now + 200);
	world_inject(&w, 0, out.buf, out.b.w.len);
	assert_int_equal(p.n_rx, 2);
	world_run(&w, w.now + 60000);
	assert_int_equal(host_sas(&w.hosts[0]), 0);
	assert_int_equal(w.hosts[0].children[0].reason, IKE_REASON_DEAD);
	puppet_done(&p);
	world_done(&w);
}

/* A peer that restarted says so itself: the SA is gone within seconds. */
static void test_restarted_peer(void **state)
{
	struct ike_config c;
	struct world w;

	(void)state;
	ike_config_init(&c);
	c.liveness_ms = 1000;
	world_init(&w, 67, &c);
	world_initiate(&w, 0);
	world_run(&w, w.now + 100);
	assert_true(world_agree(&w));
	world_restart(&w, 1);
	world_run(&w, w.now + 30000);
	assert_int_equal(host_sas(&w.hosts[0]), 0);
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_eviction),
		cmocka_unit_test(test_failed),
		cmocka_unit_test(test_established),
		cmocka_unit_test(test_busy_source),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_unknown_spi),
		cmocka_unit_test(test_reply_rate),
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_hint),
		cmocka_unit_test(test_restarted_peer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
