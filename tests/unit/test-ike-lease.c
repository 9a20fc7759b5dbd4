/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Clients behind a NAT that ask for an address, and the server that has some. */
#include <errno.h>
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

/* Host 0 is behind a NAT and wants an address, host 1 has some. */
static void begin(struct world *w, bool six)
{
	world_init(w, 41, NULL);
	if (six)
		world_use_ip6(w);
	w->hosts[0].modes = w->hosts[1].modes = IKE_MODES_EITHER;
	w->hosts[0].wish = IKE_LEASE_ANONYMOUS;
	w->hosts[1].lease = address(six ? "fd7a:c17::" : "100.64.0.0");
	w->hosts[1].lease_error = 0;
	world_nat(w, 0);
}

static void test_lease(void **state)
{
	(void)state;
	for (int six = 0; six < 2; six++) {
		struct addr lease = address(six ? "fd7a:c17::1" : "100.64.0.1");
		struct ike_child_up *a, *b;
		struct world w;

		begin(&w, six);
		world_initiate(&w, 0);
		world_run(&w, w.now + 100);
		assert_true(world_agree(&w));
		a = &host_child(&w.hosts[0])->up;
		b = &host_child(&w.hosts[1])->up;
		assert_int_equal(a->mode, IKE_MODE_TUNNEL);
		assert_int_equal(b->mode, IKE_MODE_TUNNEL);
		assert_true(a->encapsulation.udp && b->encapsulation.udp);
		/* The client goes by its own address, the server by the lease.
		 */
		assert_true(addr_equal(&a->local, &w.hosts[0].address.addr));
		assert_true(addr_equal(&a->remote, &w.hosts[1].address.addr));
		assert_true(addr_equal(&a->outer, &a->remote));
		assert_true(addr_equal(&a->lease, &lease));
		assert_true(addr_equal(&b->local, &w.hosts[1].address.addr));
		assert_true(addr_equal(&b->remote, &lease));
		assert_true(addr_equal(&b->outer, &w.nat.public));
		assert_int_equal(b->lease.family, 0);
		assert_int_equal(w.hosts[1].wanted.family, 0);
		/* It ends with the IKE SA, for both. */
		ike_close(w.hosts[0].engine, w.now,
			  host_child(&w.hosts[0])->sa);
		world_run(&w, w.now + 60000);
		assert_true(world_empty(&w));
		assert_int_equal(w.hosts[1].n_leased, 1);
		assert_int_equal(w.hosts[1].n_released, 1);
		world_done(&w);
	}
}

/* By name, as one that comes back does. */
static void test_wish(void **state)
{
	struct world w;

	(void)state;
	begin(&w, false);
	w.hosts[0].had = address("100.64.9.9");
	world_initiate(&w, 0);
	world_run(&w, w.now + 100);
	assert_true(world_agree(&w));
	assert_true(addr_equal(&w.hosts[1].wanted, &w.hosts[0].had));
	world_done(&w);
}

/* Rekeyed, both ways and by both: the lease stays, and is given back once. */
static void test_rekey(void **state)
{
	(void)state;
	for (unsigned by = 0; by < 2; by++) {
		struct addr lease = address("100.64.0.1");
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
		assert_int_equal(w.hosts[1].n_released, 0);
		assert_int_equal(ike_rekey_child(h->engine, w.now,
						 host_child(h)->sa,
						 host_child(h)->up.in.spi),
				 0);
		world_run(&w, w.now + 60000);
		assert_true(world_agree(&w));
		h = &w.hosts[0];
		assert_true(host_child(h)->up.replaces != 0);
		assert_true(addr_equal(&host_child(h)->up.lease, &lease));
		h = &w.hosts[1];
		assert_true(addr_equal(&host_child(h)->up.remote, &lease));
		ike_close(h->engine, w.now, host_child(h)->sa);
		world_run(&w, w.now + 60000);
		assert_true(world_empty(&w));
		assert_int_equal(h->n_leased, 1);
		assert_int_equal(h->n_released, 1);
		world_done(&w);
	}
}

/* Two clients behind one NAT, which is one host played twice: the second keeps
 * nothing of the first one's, so each has its own address. */
static void test_two(void **state)
{
	struct child *first, *second;
	struct world w;

	(void)state;
	begin(&w, false);
	world_initiate(&w, 0);
	world_run(&w, w.now + 100);
	first = host_child(&w.hosts[1]);
	world_restart(&w, 0);
	world_initiate(&w, 0);
	world_run(&w, w.now + 100);
	second = host_child(&w.hosts[1]);
	assert_ptr_not_equal(first, second);
	assert_false(first->down);
	assert_false(addr_equal(&first->up.remote, &second->up.remote));
	/* The first one does not answer: it goes, and the other stays. */
	world_run(&w, w.now + 600000);
	assert_true(first->down);
	assert_int_equal(w.hosts[1].n_released, 1);
	assert_true(world_agree(&w));
	world_done(&w);
}

/* Nobody asks without a NAT, and nobody gives. */
static void test_no_nat(void **state)
{
	struct world w;

	(void)state;
	begin(&w, false);
	w.nat.on = false;
	w.hosts[0].wish = IKE_LEASE_ALWAYS;
	world_initiate(&w, 0);
	world_run(&w, w.now + 100);
	assert_true(world_agree(&w));
	assert_int_equal(w.hosts[1].n_leased, 0);
	assert_int_equal(host_child(&w.hosts[0])->up.mode, IKE_MODE_TRANSPORT);
	world_done(&w);
}

/* None is left, or the peer leases none: the client hears of it, and may do
 * without. */
static void test_refused(void **state)
{
	static const struct {
		int error;
		uint16_t notify;
	} rows[] = {
		{ -ENOSPC, IKE_NOTIFY_INTERNAL_ADDRESS_FAILURE },
		{ 1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world w;

		begin(&w, false);
		w.hosts[1].lease_error = rows[i].error;
		world_initiate(&w, 0);
		world_run(&w, w.now + 60000);
		assert_int_equal(w.hosts[0].n_failed, 1);
		assert_int_equal(w.hosts[0].failed.reason, IKE_REASON_MODE);
		assert_int_equal(w.hosts[0].failed.notify, rows[i].notify);
		assert_true(w.hosts[0].failed.lease);
		assert_true(world_empty(&w));
		assert_int_equal(w.hosts[1].n_leased, w.hosts[1].n_released);
		w.hosts[0].wish = IKE_LEASE_NONE;
		world_initiate(&w, 0);
		world_run(&w, w.now + 100);
		assert_true(world_agree(&w));
		assert_int_equal(host_child(&w.hosts[0])->up.lease.family, 0);
		world_done(&w);
	}
}

/* What a server may not give: nothing that is not an address of a host, and
 * not its own. */
static void test_evil(void **state)
{
	static const char *const evil[] = { "127.0.0.1", "224.0.0.1",
					    "169.254.0.1", "192.0.2.2" };

	(void)state;
	for (size_t i = 0; i < sizeof(evil) / sizeof(evil[0]); i++) {
		struct world w;

		begin(&w, false);
		w.hosts[1].lease = address(evil[i]);
		w.hosts[1].lease.bytes[3]--;
		world_initiate(&w, 0);
		world_run(&w, w.now + 60000);
		assert_int_equal(w.hosts[0].n_failed, 1);
		assert_int_equal(host_children(&w.hosts[0]), 0);
		assert_true(world_empty(&w));
		assert_int_equal(w.hosts[1].n_released, 1);
		world_done(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lease),  cmocka_unit_test(test_wish),
		cmocka_unit_test(test_rekey),  cmocka_unit_test(test_two),
		cmocka_unit_test(test_no_nat), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_evil),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
