/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ike/sa.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "ike/core.h"
#include "tests/unit/ike-harness.h"

static struct ike_sa *make(struct world *w, bool initiator)
{
	struct host *h = &w->hosts[0];
	struct ike_sa *sa;

	assert_int_equal(ike_sa_new(h->engine, initiator, &h->address,
				    &w->hosts[1].address, &sa),
			 0);
	return sa;
}

static void test_names(void **state)
{
	(void)state;
	for (int s = IKE_SA_NONE; s <= IKE_SA_DEAD; s++)
		assert_true(strlen(ike_sa_state_name(s)) > 2);
	assert_string_equal(ike_sa_state_name(IKE_SA_ESTABLISHED),
			    "established");
}

static void test_spis(void **state)
{
	struct ike_sa *i, *r;
	struct ike_engine *e;
	struct world w;

	(void)state;
	world_init(&w, 1, NULL);
	e = w.hosts[0].engine;
	i = make(&w, true);
	r = make(&w, false);
	assert_int_not_equal(i->spi_i, 0);
	assert_int_equal(i->spi_r, 0);
	assert_int_not_equal(r->spi_r, 0);
	assert_ptr_equal(ike_sa_find(e, i->spi_i), i);
	assert_ptr_equal(ike_sa_find(e, r->spi_r), r);
	assert_null(ike_sa_find(e, 0));
	assert_true(i->begun < r->begun);
	assert_int_equal(i->handshake->ni.len, 32);
	assert_int_equal(r->handshake->nr.len, 32);
	ike_sa_free(e, i);
	ike_sa_free(e, r);
	world_done(&w);
}

static void test_index(void **state)
{
	struct endpoint elsewhere;
	struct ike_sa *a, *b;
	struct ike_engine *e;
	struct world w;

	(void)state;
	world_init(&w, 1, NULL);
	e = w.hosts[0].engine;
	elsewhere = w.hosts[1].address;
	elsewhere.port = 4500;
	a = make(&w, false);
	b = make(&w, false);
	assert_int_equal(ike_sa_index_init(e, a, "request", 7), 0);
	assert_ptr_equal(ike_sa_find_init(e, &a->remote, "request", 7), a);
	assert_null(ike_sa_find_init(e, &a->remote, "requesT", 7));
	assert_null(ike_sa_find_init(e, &elsewhere, "request", 7));

	assert_null(ike_sa_first_remote(e, &a->remote.addr));
	assert_int_equal(ike_sa_index_remote(e, a), 0);
	assert_ptr_equal(ike_sa_first_remote(e, &a->remote.addr), a);
	assert_null(ike_sa_next_remote(a));
	assert_int_equal(ike_sa_index_remote(e, b), 0);
	assert_non_null(
		ike_sa_next_remote(ike_sa_first_remote(e, &a->remote.addr)));
	assert_null(ike_sa_first_remote(e, &a->local.addr));
	/* A pair is two addresses, without the ports. */
	assert_true(ike_sa_is_pair(a, b));
	assert_false(ike_sa_is_pair(a, a));
	b->local.addr.bytes[3] = 9;
	assert_false(ike_sa_is_pair(a, b));
	ike_sa_free(e, a);
	assert_null(ike_sa_find_init(e, &b->remote, "request", 7));
	assert_ptr_equal(ike_sa_first_remote(e, &b->remote.addr), b);
	ike_sa_free(e, b);
	world_done(&w);
}

/* One end, and only one, is told; a stranger's is not. */
static void test_tell(void **state)
{
	struct ike_sa *sa;
	struct world w;

	(void)state;
	world_init(&w, 1, NULL);
	sa = make(&w, true);
	ike_sa_tell(w.hosts[0].engine, sa, IKE_REASON_AUTH, 24);
	ike_sa_tell(w.hosts[0].engine, sa, IKE_REASON_MODE, 0);
	ike_sa_end(w.hosts[0].engine, sa, IKE_REASON_CLOSED, 0);
	world_settle(&w);
	assert_int_equal(w.hosts[0].n_failed, 1);
	assert_int_equal(w.hosts[0].failed.reason, IKE_REASON_AUTH);
	assert_int_equal(w.hosts[0].failed.notify, 24);
	sa = make(&w, false);
	ike_sa_set_state(w.hosts[0].engine, sa, IKE_SA_RESPOND);
	ike_sa_end(w.hosts[0].engine, sa, IKE_REASON_CLOSED, 0);
	world_settle(&w);
	assert_int_equal(w.hosts[0].n_failed, 1);
	world_done(&w);
}

static void test_half_open_count(void **state)
{
	struct ike_counters c;
	struct ike_engine *e;
	struct ike_sa *sa;
	struct world w;

	(void)state;
	world_init(&w, 1, NULL);
	e = w.hosts[0].engine;
	sa = make(&w, false);
	ike_sa_set_state(e, sa, IKE_SA_RESPOND);
	ike_engine_count(e, &c);
	assert_int_equal(c.half_open, 1);
	ike_sa_set_state(e, sa, IKE_SA_INIT_DONE);
	ike_engine_count(e, &c);
	assert_int_equal(c.half_open, 1);
	ike_sa_set_state(e, sa, IKE_SA_IDENTIFY);
	ike_engine_count(e, &c);
	assert_int_equal(c.half_open, 1);
	ike_sa_set_state(e, sa, IKE_SA_ESTABLISHED);
	ike_engine_count(e, &c);
	assert_int_equal(c.half_open, 0);
	assert_int_equal(c.sas, 1);
	ike_sa_free(e, sa);
	ike_engine_count(e, &c);
	assert_int_equal(c.half_open, 0);
	assert_int_equal(c.sas, 0);
	world_done(&w);
}

static void test_blob(void **state)
{
	struct ike_blob b = { 0 };

	(void)state;
	assert_int_equal(ike_blob_set(&b, "abc", 3), 0);
	assert_int_equal(ike_blob_set(&b, "defg", 4), 0);
	assert_int_equal(b.len, 4);
	assert_memory_equal(b.data, "defg", 4);
	ike_blob_done(&b);
	ike_blob_done(&b);
	assert_null(b.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_spis),
		cmocka_unit_test(test_index),
		cmocka_unit_test(test_tell),
		cmocka_unit_test(test_half_open_count),
		cmocka_unit_test(test_blob),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
