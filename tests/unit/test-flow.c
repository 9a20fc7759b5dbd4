/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The flow table: found by every key, in order, with legal moves only. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <syslog.h>

#include <cmocka.h>

#include "agent/flow.h"
#include "util/log.h"
#include "xfrm/record.h"

static const struct hash_key key = { 3, 4 };
static unsigned moves;

static void on_state(struct flow *f, enum flow_state before, void *user)
{
	(void)f;
	(void)before;
	(void)user;
	moves++;
}

static struct addr at(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static struct flow *obtain(struct flow_table *t, const char *local,
			   const char *remote)
{
	struct addr l = at(local), r = at(remote);
	struct flow *f = NULL;

	assert_int_equal(flow_table_obtain(t, &l, &r, 100, &f), 0);
	assert_non_null(f);
	return f;
}

static void test_found(void **state)
{
	struct flow_table *t = flow_table_new(&key, on_state, NULL, NULL);
	struct flow *a = obtain(t, "10.0.0.1", "10.0.0.2");
	struct flow *b = obtain(t, "10.0.0.3", "10.0.0.2");
	struct flow *c = obtain(t, "fd00::1", "fd00::2");
	struct addr remote = at("10.0.0.2"), nobody = at("10.0.0.9");
	struct handle h = b->self;

	(void)state;
	assert_ptr_equal(obtain(t, "10.0.0.1", "10.0.0.2"), a);
	assert_int_equal(flow_table_count(t), 3);
	assert_ptr_not_equal(a, b);
	assert_ptr_equal(a->peer, b->peer);
	assert_int_not_equal(a->reqid, b->reqid);
	assert_ptr_equal(flow_table_by_handle(t, c->self), c);
	assert_ptr_equal(flow_table_get_remote(t, &remote), a);
	assert_null(flow_table_get_remote(t, &nobody));
	flow_table_remove(t, b);
	assert_null(flow_table_by_handle(t, h));
	assert_int_equal(flow_table_count(t), 2);
	flow_table_free(t);
}

static void test_order(void **state)
{
	static const char *const remotes[] = { "10.0.0.9", "10.0.0.3",
					       "fd00::5", "10.0.0.20" };
	static const char *const order[] = { "10.0.0.3", "10.0.0.9",
					     "10.0.0.20", "fd00::5" };
	struct flow_table *t = flow_table_new(&key, on_state, NULL, NULL);
	struct addr middle = at("10.0.0.9");
	char text[ADDR_STRLEN];
	struct flow *f;
	size_t i = 0;

	(void)state;
	for (size_t k = 0; k < 4; k++)
		obtain(t, k == 2 ? "fd00::1" : "10.0.0.1", remotes[k]);
	for (f = flow_table_after(t, NULL); f; f = flow_table_next(t, f))
		assert_string_equal(addr_format(&f->peer->addr, text),
				    order[i++]);
	assert_int_equal(i, 4);
	f = flow_table_after(t, &middle);
	assert_string_equal(addr_format(&f->peer->addr, text), "10.0.0.20");
	flow_table_free(t);
}

static void test_reqid(void **state)
{
	struct flow_table *t = flow_table_new(&key, on_state, NULL, NULL);
	struct flow *a = obtain(t, "10.0.0.1", "10.0.0.2");
	struct flow *b = obtain(t, "10.0.0.1", "10.0.0.3");

	(void)state;
	assert_int_equal(flow_table_set_reqid(t, b, a->reqid), -EEXIST);
	/* In steps that do not go along with the addresses, and stay odd. */
	uint32_t step = (b->reqid - a->reqid) & 0xffffff;
	uint32_t next = RECORD_REQID_MIN + ((b->reqid + step) & 0xffffff);

	assert_in_range(step, 0x10000, 0xff0000);
	assert_int_equal(step % 2, 1);
	assert_int_equal(flow_table_set_reqid(t, a, next), 0);
	/* The next one goes round what an orphan holds. */
	assert_int_equal(obtain(t, "10.0.0.1", "10.0.0.4")->reqid,
			 RECORD_REQID_MIN + ((next + step) & 0xffffff));
	flow_table_free(t);
}

static void test_moves(void **state)
{
	struct flow_table *t = flow_table_new(&key, on_state, NULL, NULL);
	struct flow *f = obtain(t, "fd00::1", "fd00::2");

	(void)state;
	moves = 0;
	flow_set_state(t, f, FLOW_SECURED, 1); /* not from idle */
	assert_int_equal(f->state, FLOW_IDLE);
	assert_int_equal(moves, 0);
	flow_set_state(t, f, FLOW_QUEUED, 2);
	flow_set_state(t, f, FLOW_NEGOTIATE, 3);
	flow_set_state(t, f, FLOW_INSTALL, 4);
	flow_set_state(t, f, FLOW_SECURED, 5);
	assert_int_equal(moves, 4);
	assert_int_equal(f->since, 5);
	assert_int_equal(flow_table_count_state(t, FLOW_SECURED), 1);
	assert_int_equal(flow_table_count_state(t, FLOW_INSTALL), 0);
	flow_set_state(t, f, FLOW_NEGOTIATE, 6); /* a secured one renews */
	assert_int_equal(f->state, FLOW_SECURED);
	flow_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_reqid),
		cmocka_unit_test(test_moves),
	};

	log_open("test-flow", LOG_EMERG); /* illegal moves are logged */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
