/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ike/nat.h"
#include "tests/unit/ike-puppet.h"
#include "util/slots.h"

/* --- the payloads ----------------------------------------------------------- */

static struct endpoint at(const char *addr, uint16_t port)
{
	struct endpoint e = { .port = port };

	assert_int_equal(addr_parse(addr, &e.addr), 0);
	return e;
}

/* Computed with Python's hashlib. */
static void test_hash(void **state)
{
	static const struct {
		const char *addr;
		uint16_t port;
		uint8_t digest[IKE_NAT_HASH_LEN];
	} rows[] = {
		{ "192.0.2.1", 500, { 0xd7, 0x98, 0xd9, 0x86, 0x14, 0x3f, 0x87,
				      0x8f, 0x70, 0x76, 0x5e, 0x0e, 0x86, 0x9c,
				      0x80, 0xbb, 0xc3, 0x75, 0xf7, 0x01 } },
		{ "192.0.2.1", 4500, { 0x51, 0x84, 0xf4, 0x38, 0x75, 0xff, 0x7d,
				       0x9e, 0x3d, 0xfd, 0xc9, 0x2b, 0xd1, 0xde,
				       0xe1, 0xa0, 0x82, 0x04, 0xde, 0x3e } },
		{ "2001:db8::1", 500, { 0x64, 0x5e, 0xfd, 0xf3, 0xa4,
					0xd4, 0x73, 0x67, 0x9c, 0x6a,
					0x65, 0x30, 0xab, 0xef, 0xd3,
					0xb7, 0x1d, 0x8c, 0x18, 0xaf } },
	};
	struct ike_header h = {
		.spi_i = UINT64_C(0x0102030405060708),
		.spi_r = UINT64_C(0x1112131415161718),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct endpoint e = at(rows[i].addr, rows[i].port);
		uint8_t got[IKE_NAT_HASH_LEN];

		assert_int_equal(ike_nat_hash(&h, &e, got), 0);
		assert_memory_equal(got, rows[i].digest, sizeof(got));
	}
}

enum { SOURCE = 1, DESTINATION = 2, DECOYS = 4, SHORT = 8 };

/* A request with these notifies, from an endpoint to another. */
static void write_request(struct ike_outgoing *out, unsigned what,
			  const struct endpoint *from,
			  const struct endpoint *to)
{
	struct ike_header h = { .spi_i = 77, .exchange = IKE_EXCHANGE_SA_INIT };
	uint8_t hash[IKE_NAT_HASH_LEN] = { 0 };
	size_t len = sizeof(hash) - !!(what & SHORT);
	struct ike_builder *b = &out->b;

	ike_builder_init(b, out->buf, sizeof(out->buf), &h);
	for (unsigned n = 0; what & DECOYS && n < 5; n++) {
		hash[0] = (uint8_t)n;
		ike_notify_write(b, IKE_NOTIFY_NAT_DETECTION_SOURCE_IP, hash,
				 len);
	}
	assert_int_equal(ike_nat_hash(&h, from, hash), 0);
	if (what & SOURCE)
		ike_notify_write(b, IKE_NOTIFY_NAT_DETECTION_SOURCE_IP, hash,
				 len);
	assert_int_equal(ike_nat_hash(&h, to, hash), 0);
	if (what & DESTINATION)
		ike_notify_write(b, IKE_NOTIFY_NAT_DETECTION_DESTINATION_IP,
				 hash, len);
	assert_int_equal(ike_builder_finish(b), 0);
}

/* What each side of a NAT finds, and what is no finding at all. */
static void test_detect(void **state)
{
	static const struct {
		unsigned what;
		const char *from, *to; /* as the sender sees it */
		bool known, us, peer;
	} rows[] = {
		{ SOURCE | DESTINATION, "192.0.2.1", "192.0.2.2", true, false,
		  false },
		{ SOURCE | DESTINATION, "10.0.0.1", "192.0.2.2", true, false,
		  true },
		{ SOURCE | DESTINATION, "192.0.2.1", "10.0.0.2", true, true,
		  false },
		{ SOURCE | DESTINATION, "10.0.0.1", "10.0.0.2", true, true,
		  true },
		/* 2.23: several sources, one of which is right. */
		{ SOURCE | DESTINATION | DECOYS, "192.0.2.1", "192.0.2.2", true,
		  false, false },
		{ SOURCE | DESTINATION | DECOYS, "10.0.0.1", "192.0.2.2", true,
		  false, true },
		{ 0, "10.0.0.1", "10.0.0.2", false, false, false },
		{ SOURCE, "10.0.0.1", "10.0.0.2", false, false, false },
		{ DESTINATION, "10.0.0.1", "10.0.0.2", false, false, false },
		{ SOURCE | DESTINATION | SHORT, "10.0.0.1", "10.0.0.2", false,
		  false, false },
	};
	struct endpoint local = at("192.0.2.2", 500);
	struct endpoint remote = at("192.0.2.1", 500);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct endpoint from = at(rows[i].from, 500);
		struct endpoint to = at(rows[i].to, 500);
		struct ike_nat nat = { 0 };
		struct ike_outgoing out;
		struct ike_message m;

		write_request(&out, rows[i].what, &from, &to);
		assert_int_equal(ike_message_parse(out.buf, out.b.w.len, &m),
				 0);
		assert_int_equal(ike_nat_detect(&m, &local, &remote, &nat),
				 rows[i].known);
		assert_int_equal(nat.us, rows[i].us);
		assert_int_equal(nat.peer, rows[i].peer);
	}
}

/* --- two engines and a box -------------------------------------------------- */

static void begin(struct world *w, bool six)
{
	world_init(w, 31, NULL);
	if (six)
		world_use_ip6(w);
}

static struct ike_sa_info describe(struct host *h)
{
	struct ike_sa_info info;

	assert_non_null(host_child(h));
	assert_true(ike_sa_describe(h->engine, host_child(h)->sa, &info));
	return info;
}

static void test_none(void **state)
{
	(void)state;
	for (int six = 0; six < 2; six++) {
		struct world w;

		begin(&w, six);
		world_initiate(&w, 0);
		world_run(&w, w.now + 100000);
		assert_true(world_agree(&w));
		for (unsigned i = 0; i < 2; i++) {
			struct host *h = &w.hosts[i];
			struct ike_sa_info info = describe(h);

			assert_false(info.nat.us || info.nat.peer);
			assert_int_equal(info.remote.port, 500);
			assert_int_equal(info.local.port, 500);
			assert_false(host_child(h)->up.encapsulation.udp);
			assert_int_equal(h->n_keepalives, 0);
		}
		world_done(&w);
	}
}

/* The initiator is behind a NAT: both find it, both use 4500. */
static void test_inside_initiates(void **state)
{
	(void)state;
	for (int six = 0; six < 2; six++) {
		struct ike_encapsulation e;
		struct ike_sa_info a, b;
		struct world w;

		begin(&w, six);
		world_nat(&w, 0);
		world_initiate(&w, 0);
		world_run(&w, w.now + 100);
		assert_true(world_agree(&w));
		a = describe(&w.hosts[0]);
		b = describe(&w.hosts[1]);
		assert_true(a.nat.us && !a.nat.peer);
		assert_true(!b.nat.us && b.nat.peer);
		assert_int_equal(a.local.port, 4500);
		assert_int_equal(a.remote.port, 4500);
		assert_int_equal(b.local.port, 4500);
		assert_int_equal(b.remote.port, 40001);
		assert_true(addr_equal(&b.remote.addr, &w.nat.public));
		e = host_child(&w.hosts[0])->up.encapsulation;
		assert_true(e.udp && e.local_port == 4500 &&
			    e.remote_port == 4500);
		e = host_child(&w.hosts[1])->up.encapsulation;
		assert_true(e.udp && e.local_port == 4500 &&
			    e.remote_port == 40001);
		/* The floated port is part of the CHILD_UP, not a move. */
		assert_int_equal(w.hosts[1].n_moved, 0);
		world_done(&w);
	}
}

/* A port that the box forwards: the responder is the one behind it. */
static void test_inside_responds(void **state)
{
	struct ike_request req = { 0 };
	struct ike_sa_info a, b;
	struct handle sa;
	struct world w;

	(void)state;
	begin(&w, false);
	world_nat(&w, 1);
	w.nat.map[0].inside = w.nat.map[0].outside = 500;
	w.nat.map[1].inside = w.nat.map[1].outside = 4500;
	w.nat.n = 2;
	req.local = w.hosts[0].address;
	req.remote = (struct endpoint){ w.nat.public, 500 };
	assert_int_equal(ike_initiate(w.hosts[0].engine, w.now, &req, &sa), 0);
	world_run(&w, w.now + 100);
	/* 2.23.1: asked for an address that is not its own, it takes it for
	 * its own, and answers with the one that the initiator knows. */
	assert_true(world_agree(&w));
	a = describe(&w.hosts[0]);
	b = describe(&w.hosts[1]);
	assert_true(!a.nat.us && a.nat.peer);
	assert_true(b.nat.us && !b.nat.peer);
	assert_true(addr_equal(&host_child(&w.hosts[1])->up.local,
			       &w.hosts[1].address.addr));
	assert_true(
		addr_equal(&host_child(&w.hosts[0])->up.remote, &w.nat.public));
	assert_int_equal(a.remote.port, 4500);
	assert_int_equal(b.local.port, 4500);
	/* Only who is behind the box sends keepalives. */
	world_run(&w, w.now + 25000);
	assert_int_equal(w.hosts[0].n_keepalives, 0);
	assert_int_equal(w.hosts[1].n_keepalives, 1);
	world_done(&w);
}

/* 20 s after the last word, only from inside, over and over. */
static void test_keepalive(void **state)
{
	struct ike_config c;
	struct world w;

	(void)state;
	ike_config_init(&c);
	c.liveness_ms = 0;
	world_init(&w, 32, &c);
	world_nat(&w, 0);
	world_initiate(&w, 0);
	world_run(&w, w.now + 19000);
	assert_int_equal(w.hosts[0].n_keepalives, 0);
	world_run(&w, w.now + 2000);
	assert_int_equal(w.hosts[0].n_keepalives, 1);
	assert_int_equal(w.hosts[0].keepalive.remote.port, 4500);
	assert_int_equal(w.hosts[0].keepalive.local.port, 4500);
	world_run(&w, w.now + 80000);
	assert_in_range(w.hosts[0].n_keepalives, 4, 5);
	assert_int_equal(w.hosts[1].n_keepalives, 0);
	/* An exchange puts it off. */
	world_run(&w, w.now + 10000);
	ike_check(w.hosts[0].engine, w.now, host_child(&w.hosts[0])->sa);
	world_settle(&w);
	w.hosts[0].n_keepalives = 0;
	world_run(&w, w.now + 19000);
	assert_int_equal(w.hosts[0].n_keepalives, 0);
	/* Over with the SA. */
	ike_close(w.hosts[0].engine, w.now, host_child(&w.hosts[0])->sa);
	world_run(&w, w.now + 100000);
	assert_int_equal(w.hosts[0].n_keepalives, 0);
	assert_true(world_empty(&w));
	world_done(&w);
}

/* The box changes its mind: the next request of the host inside says so, and
 * the answer already goes to the new place. */
static void test_rebind(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct ike_sa_info b;
		struct world w;
		struct host *in, *out;

		begin(&w, i & 1);
		world_nat(&w, 0);
		in = &w.hosts[0];
		out = &w.hosts[1];
		world_initiate(&w, 0);
		world_run(&w, w.now + 100);
		world_rebind(&w, i & 2);
		ike_check(in->engine, w.now, host_child(in)->sa);
		world_run(&w, w.now + 100);
		assert_int_equal(out->n_moved, 1);
		b = describe(out);
		assert_true(endpoint_equal(&b.remote, &out->moved.remote));
		assert_true(addr_equal(&b.remote.addr, &w.nat.public));
		assert_int_equal(b.remote.port, w.nat.map[0].outside);
		assert_int_equal(b.local.port, 4500);
		assert_int_equal(in->n_moved, 0);
		/* Found by its new address; asked there. */
		ike_check(out->engine, w.now, host_child(out)->sa);
		world_run(&w, w.now + 100);
		assert_int_equal(host_children(in), 1);
		assert_int_equal(host_children(out), 1);
		world_run(&w, w.now + 200000);
		assert_true(world_agree(&w));
		/* The Child SA ends under the addresses that it came with. */
		ike_close(out->engine, w.now, host_child(out)->sa);
		world_run(&w, w.now + 10000);
		assert_true(world_empty(&w));
		world_done(&w);
	}
}

/* Who has shown at one address that it receives there, and then says that it is
 * at another, gets no Child SA for that other host: neither by the source of
 * its IKE_AUTH request nor by that of a later one. */
static void test_not_for_another(void **state)
{
	(void)state;
	for (int i = 0; i < 8; i++) {
		struct addr shown;
		struct host *out;
		struct world w;

		begin(&w, i & 1);
		world_nat(&w, 0);
		shown = w.nat.public;
		out = &w.hosts[1];
		w.hosts[0].identify_delay = 50;
		world_initiate(&w, 0);
		if (i < 2) {
			world_run(&w, w.now + 20);
			assert_int_equal(out->sent, 1);
			world_rebind(&w, true);
			assert_false(addr_equal(&shown, &w.nat.public));
		}
		world_run(&w, w.now + 100);
		assert_int_equal(host_children(out), 1);
		assert_true(addr_equal(&host_child(out)->up.remote, &shown));
		if (i >= 2) {
			struct host *h = &w.hosts[i >= 6];
			struct child *c = host_child(h);

			world_rebind(&w, true);
			ike_check(w.hosts[0].engine, w.now,
				  host_child(&w.hosts[0])->sa);
			world_run(&w, w.now + 100);
			assert_int_equal(out->n_moved, 1);
			if (i & 2)
				assert_int_equal(
					ike_add_child(h->engine, w.now, c->sa),
					0);
			else
				assert_int_equal(ike_rekey_child(h->engine,
								 w.now, c->sa,
								 c->up.in.spi),
						 0);
			world_run(&w, w.now + 1000);
			assert_int_equal(h->n_refused, 1);
		}
		for (size_t k = 0; k < out->n_children; k++)
			assert_true(addr_equal(&out->children[k].up.remote,
					       &shown));
		world_done(&w);
	}
}

/* What IKE_SA_INIT found goes on when the IKE SA is rekeyed, by either side:
 * ports, keepalives, and a peer that may move. Child SAs are rekeyed through
 * the NAT as they were made. */
static void test_rekeyed(void **state)
{
	(void)state;
	for (int i = 0; i < 8; i++) {
		struct host *in, *out, *h;
		struct ike_config c;
		uint32_t before;
		struct world w;

		ike_config_init(&c);
		c.liveness_ms = 0;
		c.fragment_mtu = 300;
		world_init(&w, 34, &c);
		if (i & 1)
			world_use_ip6(&w);
		world_nat(&w, 0);
		in = &w.hosts[0];
		out = &w.hosts[1];
		h = i & 2 ? in : out;
		world_initiate(&w, 0);
		world_run(&w, w.now + 100);
		before = host_child(h)->up.in.spi;
		if (i & 4)
			assert_int_equal(
				ike_rekey(h->engine, w.now, host_child(h)->sa),
				0);
		else
			assert_int_equal(ike_rekey_child(h->engine, w.now,
							 host_child(h)->sa,
							 before),
					 0);
		world_run(&w, w.now + 10000);
		assert_true(world_agree(&w));
		assert_int_equal(host_child(h)->up.in.spi == before, !!(i & 4));
		assert_true(host_child(in)->up.encapsulation.udp);
		assert_int_equal(host_child(out)->up.encapsulation.remote_port,
				 40001);
		assert_true(describe(in).nat.us && describe(out).nat.peer);
		assert_int_equal(describe(out).remote.port, 40001);
		world_run(&w, w.now + 45000);
		assert_in_range(in->n_keepalives, 2, 3);
		assert_int_equal(out->n_keepalives, 0);
		world_rebind(&w, false);
		ike_check(in->engine, w.now, host_child(in)->sa);
		world_run(&w, w.now + 100);
		assert_int_equal(out->n_moved, 1);
		assert_true(world_agree(&w));
		world_done(&w);
	}
}

/* Everything at once: a lossy path of small packets, cookies, and a box that
 * changes its mind, now and then its address too. */
static void test_schedules(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 150; seed++) {
		struct ike_config c;
		struct host *in, *out;
		struct world w;

		ike_config_init(&c);
		c.cookie_threshold = seed % 3 ? 0 : 100;
		c.fragment_mtu = seed % 2 ? 210 : 1280;
		c.retransmit_sends = 14;
		c.retransmit_max_ms = 1000;
		world_init(&w, seed, &c);
		if (seed % 5 < 2)
			world_use_ip6(&w);
		world_nat(&w, 0);
		in = &w.hosts[0];
		out = &w.hosts[1];
		for (unsigned i = 0; i < 2; i++)
			w.wires[i] = (struct wire){
				.loss = 15,
				.duplicate = 15,
				.delay = 1,
				.jitter = 40,
			};
		world_initiate(&w, 0);
		world_run(&w, w.now + 20000);
		assert_int_equal(host_children(in), 1);
		assert_int_equal(host_children(out), 1);
		for (unsigned i = 0; i < 5; i++) {
			world_rebind(&w, world_random(&w) % 3 == 0);
			world_run(&w, w.now + world_random(&w) % 3000);
			ike_check(in->engine, w.now, host_child(in)->sa);
			world_run(&w, w.now + 15000);
			assert_true(addr_equal(&out->moved.remote.addr,
					       &w.nat.public));
		}
		assert_int_equal(host_children(in), 1);
		assert_int_equal(host_children(out), 1);
		assert_true(out->n_moved >= 5);
		assert_int_equal(in->n_moved, 0);
		ike_close(out->engine, w.now, host_child(out)->sa);
		world_run(&w, w.now + 60000);
		assert_true(world_empty(&w));
		world_done(&w);
	}
}

/* --- whom to believe --------------------------------------------------------- */

struct kept {
	unsigned n;
	struct {
		uint8_t data[LIMIT_IKE_MESSAGE];
		size_t len;
	} list[16];
};

static bool on_tap(struct world *w, unsigned from, const struct ike_send *s,
		   void *user)
{
	struct kept *k = user;

	(void)w;
	if (from == 0 && k->n < 16) {
		memcpy(k->list[k->n].data, s->data, s->len);
		k->list[k->n++].len = s->len;
	}
	return false;
}

static void from_elsewhere(struct world *w, const struct kept *k, unsigned n)
{
	struct endpoint thief = { w->nat.public, 6666 };
	struct endpoint local = w->hosts[1].address;

	local.port = 4500;
	thief.addr.bytes[addr_len(&thief.addr) - 1] = 66;
	ike_input(w->hosts[1].engine, w->now, &local, &thief, k->list[n].data,
		  k->list[n].len);
	world_settle(w);
}

/* What was answered before moves nothing, wherever it comes from; its answer
 * goes back to where it came from (2.11). */
static void test_replayed(void **state)
{
	struct kept k = { 0 };
	struct ike_sa_info b;
	struct world w;

	(void)state;
	begin(&w, false);
	world_nat(&w, 0);
	w.tap = on_tap;
	w.tap_user = &k;
	world_initiate(&w, 0);
	world_run(&w, w.now + 100);
	for (int i = 0; i < 3; i++) {
		ike_check(w.hosts[0].engine, w.now,
			  host_child(&w.hosts[0])->sa);
		world_run(&w, w.now + 100);
	}
	assert_int_equal(k.n, 5);
	for (unsigned i = 0; i < k.n; i++) {
		uint64_t sent = w.hosts[1].sent;

		from_elsewhere(&w, &k, i);
		/* Only the last request is still answered, and a new
		 * IKE_SA_INIT from another place is another stranger's. */
		assert_int_equal(w.hosts[1].sent - sent, i == 4 || i == 0);
	}
	b = describe(&w.hosts[1]);
	assert_int_equal(b.remote.port, 40001);
	assert_int_equal(w.hosts[1].n_moved, 0);
	world_done(&w);
}

/* The response to our own request comes from elsewhere: believed, but it
 * moves nothing. A forged one does nothing. */
static void test_response(void **state)
{
	struct ike_sa_info b;
	struct kept k = { 0 };
	struct world w;

	(void)state;
	begin(&w, false);
	world_nat(&w, 0);
	world_initiate(&w, 0);
	world_run(&w, w.now + 100);
	w.tap = on_tap;
	w.tap_user = &k;
	ike_check(w.hosts[1].engine, w.now, host_child(&w.hosts[1])->sa);
	world_settle(&w);
	world_deliver(&w, world_take(&w, 0));
	free(world_take(&w, 0));
	assert_int_equal(k.n, 1);
	k.list[0].data[k.list[0].len - 1] ^= 1;
	from_elsewhere(&w, &k, 0);
	k.list[0].data[k.list[0].len - 1] ^= 1;
	from_elsewhere(&w, &k, 0);
	b = describe(&w.hosts[1]);
	assert_int_equal(b.remote.port, 40001);
	assert_int_equal(w.hosts[1].n_moved, 0);
	world_run(&w, w.now + 100000);
	assert_true(world_agree(&w));
	world_done(&w);
}

/* The box has another mapping, and only ESP has gone through it: what the host
 * outside asks goes to both ports, at once where it has asked already, and the
 * answer says which one it is. */
static void test_esp(void **state)
{
	(void)state;
	for (int asked = 0; asked < 2; asked++) {
		struct ike_sa_info b;
		struct host *out;
		struct world w;

		begin(&w, asked);
		world_nat(&w, 0);
		out = &w.hosts[1];
		world_initiate(&w, 0);
		world_run(&w, w.now + 100);
		world_rebind(&w, false);
		w.nat.map[0].inside = 4500;
		w.nat.map[0].outside = 42000;
		w.nat.n = 1;
		if (asked)
			ike_check(out->engine, w.now, host_child(out)->sa);
		ike_esp_from(out->engine, w.now, host_child(out)->sa, 42000);
		if (!asked)
			ike_check(out->engine, w.now, host_child(out)->sa);
		world_run(&w, w.now + 100);
		assert_int_equal(out->n_moved, 1);
		b = describe(out);
		assert_int_equal(b.remote.port, 42000);
		assert_int_equal(out->moved.remote.port, 42000);
		/* Known now: asked there alone. */
		ike_check(out->engine, w.now, host_child(out)->sa);
		world_settle(&w);
		assert_int_equal(world_in_flight(&w), 1);
		world_run(&w, w.now + 100000);
		assert_true(world_agree(&w));
		world_done(&w);
	}
}

/* Somebody on the path has delivered ESP from elsewhere: asked there too, once,
 * and the answer comes from where the peer is. */
static void test_esp_elsewhere(void **state)
{
	struct ike_sa_info b;
	struct host *out;
	struct world w;

	(void)state;
	begin(&w, false);
	world_nat(&w, 0);
	out = &w.hosts[1];
	world_initiate(&w, 0);
	world_run(&w, w.now + 100);
	for (int i = 0; i < 2; i++) {
		if (i == 0)
			ike_esp_from(out->engine, w.now, host_child(out)->sa,
				     6666);
		ike_check(out->engine, w.now, host_child(out)->sa);
		world_settle(&w);
		assert_int_equal(world_in_flight(&w), 2 - i);
		world_run(&w, w.now + 100);
	}
	b = describe(out);
	assert_int_equal(b.remote.port, 40001);
	assert_int_equal(out->n_moved, 0);
	/* From behind a box of our own, and without any, nothing follows. */
	ike_esp_from(w.hosts[0].engine, w.now, host_child(&w.hosts[0])->sa,
		     6666);
	ike_check(w.hosts[0].engine, w.now, host_child(&w.hosts[0])->sa);
	world_settle(&w);
	assert_int_equal(world_in_flight(&w), 1);
	world_done(&w);
}

/* A fresh request that somebody else delivered: without a NAT nothing moves,
 * and behind a NAT of our own neither (2.23). Its answer goes to where it came
 * from (2.11). */
static void test_no_nat(void **state)
{
	(void)state;
	for (int both = 0; both < 2; both++) {
		struct kept k = { 0 };
		struct ike_sa_info b;
		struct ike_sa *sa;
		struct host *h;
		struct world w;

		begin(&w, false);
		h = &w.hosts[1];
		w.nat.public = w.hosts[0].address.addr;
		world_initiate(&w, 0);
		world_run(&w, w.now + 100);
		sa = slots_get(h->engine->sas, host_child(h)->sa);
		assert_non_null(sa);
		sa->nat = (struct ike_nat){ .us = both, .peer = both };
		w.tap = on_tap;
		w.tap_user = &k;
		ike_check(w.hosts[0].engine, w.now,
			  host_child(&w.hosts[0])->sa);
		world_settle(&w);
		free(world_take(&w, 0));
		from_elsewhere(&w, &k, 0);
		b = describe(h);
		assert_int_equal(b.remote.port, 500);
		assert_int_equal(b.local.port, 500);
		assert_true(
			addr_equal(&b.remote.addr, &w.hosts[0].address.addr));
		assert_int_equal(h->n_moved, 0);
		assert_int_equal(world_in_flight(&w), 1);
		assert_int_equal(w.packets->remote.port, 6666);
		assert_int_equal(w.packets->local.port, 4500);
		free(world_take(&w, 0));
		/* Once more: the kept answer too. */
		from_elsewhere(&w, &k, 0);
		assert_int_equal(world_in_flight(&w), 1);
		assert_int_equal(w.packets->remote.port, 6666);
		world_done(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_detect),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_inside_initiates),
		cmocka_unit_test(test_inside_responds),
		cmocka_unit_test(test_keepalive),
		cmocka_unit_test(test_rebind),
		cmocka_unit_test(test_not_for_another),
		cmocka_unit_test(test_rekeyed),
		cmocka_unit_test(test_schedules),
		cmocka_unit_test(test_replayed),
		cmocka_unit_test(test_response),
		cmocka_unit_test(test_esp),
		cmocka_unit_test(test_esp_elsewhere),
		cmocka_unit_test(test_no_nat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
