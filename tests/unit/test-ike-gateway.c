/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A host behind a gateway (RFC 4322): IKE is with the gateway, the Child SAs are
 * for that host and for no other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ike-puppet.h"

static struct addr address(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

/* Host 1 plays the gateway of one host: as responder its own end is that. */
static bool play_gateway(struct world *w, unsigned from,
			 const struct ike_send *s, void *user)
{
	struct ike_engine *e = w->hosts[1].engine;
	uint32_t cursor = 0;
	struct ike_sa *sa;

	(void)from;
	(void)s;
	while ((sa = slots_next(e->sas, &cursor)))
		if (!sa->initiator && sa->state == IKE_SA_INIT_DONE)
			sa->inner_us = *(const struct addr *)user;
	return false;
}

/* Host 0 wants to reach one behind host 1. */
static void begin(struct world *w, bool six)
{
	world_init(w, 43, NULL);
	if (six)
		world_use_ip6(w);
	w->hosts[0].modes = w->hosts[1].modes = IKE_MODES_EITHER;
	w->hosts[0].behind = address(six ? "2001:db8:1::7" : "198.51.100.7");
	w->tap = play_gateway;
	w->tap_user = &w->hosts[0].behind;
}

static void assert_ends(struct world *w, const struct addr *host)
{
	const struct ike_child_up *a = &host_child(&w->hosts[0])->up;
	const struct ike_child_up *b = &host_child(&w->hosts[1])->up;
	struct addr local, remote;

	assert_int_equal(a->mode, IKE_MODE_TUNNEL);
	assert_true(addr_equal(&a->local, &w->hosts[0].address.addr));
	assert_true(addr_equal(&a->remote, host));
	assert_true(addr_equal(&a->outer, &w->hosts[1].address.addr));
	assert_true(a->gateway);
	assert_int_equal(a->lease.family, 0);
	assert_int_equal(b->mode, IKE_MODE_TUNNEL);
	assert_true(addr_equal(&b->remote, &w->hosts[0].address.addr));
	assert_true(addr_equal(&b->outer, &b->remote));
	assert_false(b->gateway);
	assert_true(ike_sa_hosts(w->hosts[0].engine,
				 host_child(&w->hosts[0])->sa, &local,
				 &remote));
	assert_true(addr_equal(&local, &w->hosts[0].address.addr));
	assert_true(addr_equal(&remote, host));
}

static void test_tunnel(void **state)
{
	(void)state;
	for (int six = 0; six < 2; six++) {
		struct world w;

		begin(&w, six);
		world_initiate(&w, 0);
		assert_true(addr_equal(&w.hosts[0].identify.host,
				       &w.hosts[0].behind));
		assert_true(addr_equal(&w.hosts[0].identify.remote.addr,
				       &w.hosts[1].address.addr));
		world_run(&w, w.now + 100);
		assert_true(world_agree(&w));
		assert_ends(&w, &w.hosts[0].behind);
		ike_close(w.hosts[0].engine, w.now,
			  host_child(&w.hosts[0])->sa);
		world_run(&w, w.now + 60000);
		assert_true(world_empty(&w));
		world_done(&w);
	}
}

/* The IKE SA and the Child SA, by either side: the ends stay. */
static void test_rekey(void **state)
{
	(void)state;
	for (unsigned by = 0; by < 2; by++) {
		struct world w;
		struct host *h;

		begin(&w, false);
		world_initiate(&w, 0);
		world_run(&w, w.now + 100);
		h = &w.hosts[by];
		assert_int_equal(ike_rekey(h->engine, w.now, host_child(h)->sa),
				 0);
		world_run(&w, w.now + 60000);
		assert_int_equal(h->n_rekeyed, 1);
		assert_int_equal(ike_rekey_child(h->engine, w.now,
						 host_child(h)->sa,
						 host_child(h)->up.in.spi),
				 0);
		world_run(&w, w.now + 60000);
		assert_true(world_agree(&w));
		assert_true(host_child(&w.hosts[0])->up.replaces != 0);
		assert_ends(&w, &w.hosts[0].behind);
		world_done(&w);
	}
}

/* Each host has an IKE SA of its own, which the next one leaves alone; and so
 * has the gateway itself. None says that it is the only one, or the gateway
 * would drop the others. */
static void test_many(void **state)
{
	static const char *const hosts[] = { "198.51.100.7", "198.51.100.8",
					     NULL };
	struct world w;

	(void)state;
	begin(&w, false);
	for (unsigned i = 0; i < 3; i++) {
		if (hosts[i])
			w.hosts[0].behind = address(hosts[i]);
		else
			w.hosts[0].behind = (struct addr){ 0 };
		world_initiate(&w, 0);
		world_run(&w, w.now + 100);
		assert_int_equal(host_children(&w.hosts[0]), i + 1);
		assert_int_equal(host_sas(&w.hosts[0]), i + 1);
		assert_int_equal(w.hosts[0].children[i].up.gateway,
				 hosts[i] != NULL);
	}
	assert_int_equal(host_children(&w.hosts[1]), 3);
	/* The same host once more: the new one takes the old one's place. */
	w.hosts[0].behind = address(hosts[0]);
	world_initiate(&w, 0);
	world_run(&w, w.now + 100);
	assert_int_equal(host_sas(&w.hosts[0]), 4);
	world_run(&w, w.now + 60000);
	assert_true(w.hosts[0].children[0].down);
	world_done(&w);
}

/* While one is under way it is the one, by whatever gateway. */
static void test_same(void **state)
{
	struct handle one, two;
	struct world w;

	(void)state;
	begin(&w, false);
	one = world_initiate(&w, 0);
	two = world_initiate(&w, 0);
	assert_true(handle_equal(one, two));
	w.hosts[0].behind = address("198.51.100.8");
	two = world_initiate(&w, 0);
	assert_false(handle_equal(one, two));
	world_run(&w, w.now + 100);
	world_done(&w);
}

/* An ICMP error about the gateway ends what has no answer yet. */
static void test_unreachable(void **state)
{
	struct world w;

	(void)state;
	begin(&w, false);
	w.wires[0].loss = 100;
	world_initiate(&w, 0);
	world_run(&w, w.now + 100);
	ike_unreachable(w.hosts[0].engine, w.now, &w.hosts[1].address);
	world_run(&w, w.now + 1000);
	assert_int_equal(w.hosts[0].n_failed, 1);
	assert_int_equal(w.hosts[0].failed.reason, IKE_REASON_UNREACHABLE);
	assert_true(addr_equal(&w.hosts[0].failed.host, &w.hosts[0].behind));
	world_done(&w);
}

/* Who is no gateway of that host, and who is asked for transport mode, gives
 * none; the owner hears which host it was about. */
static void test_refused(void **state)
{
	struct world w;

	(void)state;
	begin(&w, false);
	w.tap = NULL;
	world_initiate(&w, 0);
	world_run(&w, w.now + 60000);
	assert_int_equal(w.hosts[0].n_failed, 1);
	assert_int_equal(w.hosts[0].failed.reason, IKE_REASON_MODE);
	assert_true(addr_equal(&w.hosts[0].failed.host, &w.hosts[0].behind));
	assert_true(addr_equal(&w.hosts[0].failed.remote.addr,
			       &w.hosts[1].address.addr));
	assert_true(world_empty(&w));
	world_done(&w);
}

/* What a gateway may not answer: another host, more than the one, its own
 * address, transport mode. */
static void test_evil(void **state)
{
	const struct addr other = address("198.51.100.8"),
			  gateway = address("192.0.2.2");
	const struct addr *const rows[] = { &other, &gateway, NULL };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct puppet_script s = { .tsr = rows[i] };
		struct world w;
		struct puppet p;

		begin(&w, false);
		w.tap = NULL;
		/* The last one has it right, but for the mode. */
		if (!rows[i])
			s.tsr = &w.hosts[0].behind;
		s.no_transport = rows[i] != NULL;
		puppet_init(&p, &w, false, IKE_KE_X25519);
		world_initiate(&w, 0);
		puppet_answer_init(&p, &s);
		puppet_answer_auth(&p, &s);
		assert_int_equal(host_children(&w.hosts[0]), 0);
		puppet_done(&p);
		world_done(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tunnel),
		cmocka_unit_test(test_rekey),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_evil),
		cmocka_unit_test(test_unreachable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
