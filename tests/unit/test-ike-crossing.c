/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * RFC 7296 2.8, 2.25.1 and 2.25.2: what both sides ask for at the same time,
 * for every pair of wishes and every order in which the datagrams arrive, also
 * when one is lost. Both sides must come to the same, and to what the wishes
 * mean together.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ike-puppet.h"

#define DEPTH 9

enum wish { REKEY_CHILD, REKEY_IKE, DELETE_CHILD, ADD_CHILD, WISHES };

static const char *const names[] = { "rekey child", "rekey", "delete child",
				     "add child" };

/* One path through all choices: which datagram in flight is next. */
struct path {
	unsigned n, drops;
	unsigned choice[DEPTH], arity[DEPTH];
};

static bool path_next(struct path *p)
{
	while (p->n) {
		if (++p->choice[p->n - 1] < p->arity[p->n - 1])
			return true;
		p->n--;
	}
	return false;
}

static unsigned path_choose(struct path *p, unsigned *at, unsigned arity)
{
	unsigned i = (*at)++;

	if (i >= DEPTH)
		return 0;
	if (i == p->n)
		p->choice[p->n++] = 0;
	p->arity[i] = arity;
	return p->choice[i];
}

static void walk(struct world *w, struct path *p, uint64_t until)
{
	unsigned at = 0, drops = p->drops;

	for (;;) {
		unsigned n = (unsigned)world_in_flight(w), c;
		struct packet *q;

		if (!n) {
			if (!world_step(w, until))
				break;
			continue;
		}
		c = path_choose(p, &at, drops ? 2 * n : n);
		q = world_take(w, c % n);
		if (c >= n) {
			drops--;
			free(q);
		} else {
			world_deliver(w, q);
		}
	}
	w->now = until;
}

static void wish(struct world *w, unsigned host, enum wish what)
{
	struct host *h = &w->hosts[host];
	struct child *c = host_child(h);
	int rc = -1;

	switch (what) {
	case REKEY_CHILD:
		rc = ike_rekey_child(h->engine, w->now, c->sa, c->up.in.spi);
		break;
	case REKEY_IKE:
		rc = ike_rekey(h->engine, w->now, c->sa);
		break;
	case DELETE_CHILD:
		rc = ike_delete_child(h->engine, w->now, c->sa, c->up.in.spi);
		break;
	case ADD_CHILD:
		rc = ike_add_child(h->engine, w->now, c->sa);
		break;
	case WISHES:
		break;
	}
	assert_int_equal(rc, 0);
	world_settle(w);
}

static bool crossed(struct world *w, const struct child *a,
		    const struct child *b)
{
	struct ike_sa_info ia, ib;

	return a->up.in.spi == b->up.out.spi && a->up.out.spi == b->up.in.spi &&
	       memcmp(a->up.in.key, b->up.out.key, a->up.in.key_len) == 0 &&
	       memcmp(a->up.out.key, b->up.in.key, a->up.out.key_len) == 0 &&
	       ike_sa_describe(w->hosts[0].engine, a->sa, &ia) &&
	       ike_sa_describe(w->hosts[1].engine, b->sa, &ib) &&
	       ia.spi_i == ib.spi_i && ia.spi_r == ib.spi_r;
}

static size_t matches(struct world *w)
{
	struct host *a = &w->hosts[0], *b = &w->hosts[1];
	size_t n = 0;

	for (size_t i = 0; i < a->n_children; i++)
		for (size_t k = 0; k < b->n_children; k++)
			n += !a->children[i].down && !b->children[k].down &&
			     crossed(w, &a->children[i], &b->children[k]);
	return n;
}

/* How many Child SAs the two wishes may leave. */
static void expected(enum wish a, enum wish b, size_t *least, size_t *most)
{
	size_t adds = (a == ADD_CHILD) + (b == ADD_CHILD);
	bool deletes = a == DELETE_CHILD || b == DELETE_CHILD;

	*least = *most = 1 + adds;
	/* The last one takes the IKE SA along; a rekeyed one is another. */
	if (deletes)
		*least = 0;
	if (deletes && a == b)
		*most = 0;
	/* Refused while the IKE SA is rekeyed: the owner may ask again. */
	if (adds && (a == REKEY_IKE || b == REKEY_IKE))
		*least = 1;
}

static void check(struct world *w, enum wish a, enum wish b,
		  const struct path *p, uint64_t seed)
{
	size_t n = host_children(&w->hosts[0]), least, most;
	bool ok;

	expected(a, b, &least, &most);
	ok = n == host_children(&w->hosts[1]) && matches(w) == n &&
	     host_sas(&w->hosts[0]) == (n != 0) &&
	     host_sas(&w->hosts[1]) == (n != 0) && n >= least && n <= most &&
	     ike_engine_deadline(w->hosts[0].engine) == UINT64_MAX &&
	     ike_engine_deadline(w->hosts[1].engine) == UINT64_MAX;
	if (ok && (a == REKEY_IKE) != (b == REKEY_IKE) && n)
		ok = w->hosts[0].n_rekeyed == 1 && w->hosts[1].n_rekeyed == 1;
	if (ok && a == REKEY_CHILD && b == REKEY_CHILD)
		ok = w->hosts[0].n_replaced && w->hosts[1].n_replaced;
	if (ok)
		return;
	print_message("seed %u, path", (unsigned)seed);
	for (unsigned i = 0; i < p->n; i++)
		print_message(" %u/%u", p->choice[i], p->arity[i]);
	fail_msg(": %s and %s: %zu and %zu Child SAs, %zu match, %u and %u IKE "
		 "SAs, rekeyed %u and %u",
		 names[a], names[b], n, host_children(&w->hosts[1]), matches(w),
		 host_sas(&w->hosts[0]), host_sas(&w->hosts[1]),
		 w->hosts[0].n_rekeyed, w->hosts[1].n_rekeyed);
}

static unsigned cross(uint64_t seed, enum wish a, enum wish b, unsigned drops,
		      bool pfs)
{
	struct path p = { .drops = drops };
	struct ike_config c;
	unsigned runs = 0;

	ike_config_init(&c);
	c.liveness_ms = c.lifetime_ms = 0;
	c.pfs = pfs;
	do {
		struct world w;

		world_init(&w, seed, &c);
		world_initiate(&w, 0);
		world_run(&w, w.now + 5000);
		assert_true(world_agree(&w));
		wish(&w, 0, a);
		wish(&w, 1, b);
		walk(&w, &p, w.now + 120000);
		check(&w, a, b, &p, seed);
		world_done(&w);
		runs++;
	} while (path_next(&p));
	return runs;
}

static void cross_all(unsigned drops, uint64_t seeds, bool pfs)
{
	for (unsigned a = 0; a < WISHES; a++) {
		for (unsigned b = 0; b < WISHES; b++) {
			unsigned runs = 0;

			for (uint64_t seed = 1; seed <= seeds; seed++)
				runs += cross(seed, (enum wish)a, (enum wish)b,
					      drops, pfs);
			print_message("%s and %s: %u orders\n", names[a],
				      names[b], runs);
		}
	}
}

static void test_every_order(void **state)
{
	(void)state;
	cross_all(0, 4, false);
}

static void test_every_order_pfs(void **state)
{
	(void)state;
	cross_all(0, 2, true);
}

static void test_one_lost(void **state)
{
	(void)state;
	cross_all(1, 1, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_order),
		cmocka_unit_test(test_every_order_pfs),
		cmocka_unit_test(test_one_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
