/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two hosts that do anything at any time: initiate, rekey Child SAs and the
 * IKE SA, delete, restart, on a network that loses, doubles and reorders. When
 * the network is well again, both must come to the same SAs, with the same
 * keys crosswise, or to none; and after closing, nothing may be left.
 *
 * The key exchange is a fake that costs nothing: all else is the engine's.
 * TACIT_SCHEDULES=n runs n seeds, TACIT_SCHEDULE=n only that one.
 */
#include <errno.h>
#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ike-puppet.h"

#define SCHEDULES 3000u
#define EVENTS	  14u
/* The storm, and the longest that the calm may take. */
#define STORM 6000u
#define CALM  180u

/* --- the key exchange ----------------------------------------------------- */

int __wrap_ike_kex_generate(const struct ike_kex *kex, EVP_PKEY **ret,
			    uint8_t *public);
int __wrap_ike_kex_derive(const struct ike_kex *kex, EVP_PKEY *private,
			  const uint8_t *peer, size_t peer_len,
			  struct secret *ret);

static uint64_t draws;

int __wrap_ike_kex_generate(const struct ike_kex *kex, EVP_PKEY **ret,
			    uint8_t *public)
{
	memset(public, 0, kex->public_len);
	draws++;
	memcpy(public, &draws, sizeof(draws));
	*ret = EVP_PKEY_new_raw_private_key(EVP_PKEY_HMAC, NULL, public,
					    kex->public_len);
	return *ret ? 0 : -EIO;
}

int __wrap_ike_kex_derive(const struct ike_kex *kex, EVP_PKEY *private,
			  const uint8_t *peer, size_t peer_len,
			  struct secret *ret)
{
	uint8_t key[IKE_KEX_PUBLIC_MAX];
	size_t len = sizeof(key);

	if (peer_len != kex->public_len ||
	    EVP_PKEY_get_raw_private_key(private, key, &len) != 1)
		return -EIO;
	for (size_t i = 0; i < len; i++)
		key[i] ^= peer[i];
	return secret_set(ret, key, kex->shared_len);
}

/* --- the storm --------------------------------------------------------------- */

struct schedule {
	struct world w;
	uint64_t seed;
	bool adds; /* further Child SAs are asked for */
	bool verbose;
};

static uint32_t roll(struct schedule *s, uint32_t n)
{
	return (uint32_t)(world_random(&s->w) % n);
}

enum event {
	INITIATE,
	REKEY_CHILD,
	REKEY_IKE,
	DELETE_CHILD,
	ADD_CHILD,
	USED,
	CHECK,
	CLOSE,
	RESTART,
	EVENTS_IN_ALL
};

static const char *const names[] = {
	"initiate", "rekey child", "rekey", "delete child", "add child",
	"used",	    "check",	   "close", "restart",
};

/* How often each comes, in percent. */
static const unsigned weights[] = { 16, 28, 26, 8, 4, 8, 4, 4, 2 };

static enum event draw_event(struct schedule *s)
{
	unsigned at = roll(s, 100);
	unsigned i;

	for (i = 0; i + 1 < EVENTS_IN_ALL && at >= weights[i]; i++)
		at -= weights[i];
	return (enum event)i;
}

static void on_child(struct schedule *s, struct host *h, enum event what)
{
	struct world *w = &s->w;
	struct child *c = host_child(h);

	if (!c)
		return;
	if (what == REKEY_CHILD)
		(void)!ike_rekey_child(h->engine, w->now, c->sa, c->up.in.spi);
	else if (what == REKEY_IKE)
		(void)!ike_rekey(h->engine, w->now, c->sa);
	else if (what == DELETE_CHILD)
		(void)!ike_delete_child(h->engine, w->now, c->sa, c->up.in.spi);
	else if (what == ADD_CHILD && s->adds)
		(void)!ike_add_child(h->engine, w->now, c->sa);
	else if (what == USED)
		ike_child_used(h->engine, w->now, c->sa, c->up.in.spi);
	else if (what == CHECK)
		ike_check(h->engine, w->now, c->sa);
	else if (what == CLOSE)
		ike_close(h->engine, w->now, c->sa);
}

static void happen(struct schedule *s, unsigned host, enum event what)
{
	struct world *w = &s->w;

	if (s->verbose)
		print_message("%6u host %u: %s\n", (unsigned)w->now, host,
			      names[what]);
	if (what == INITIATE)
		world_initiate(w, host);
	else if (what == RESTART)
		world_restart(w, host);
	else
		on_child(s, &w->hosts[host], what);
	world_settle(w);
}

static struct ike_config draw_config(struct schedule *s)
{
	struct ike_config c;

	ike_config_init(&c);
	c.retransmit_ms = 100;
	c.retransmit_max_ms = 400;
	c.retransmit_sends = 8;
	c.liveness_ms = 3000;
	c.half_open_ms = 4000;
	c.redundant_ms = 200;
	c.retry_ms = 100;
	c.lifetime_ms = roll(s, 4) ? 0 : 20000;
	c.margin_ms = 4000;
	c.pfs = roll(s, 2);
	return c;
}

static void storm(struct schedule *s)
{
	struct world *w = &s->w;
	uint64_t end;

	for (unsigned i = 0; i < 2; i++) {
		w->wires[i] = (struct wire){
			.loss = roll(s, 3) ? roll(s, 25) : 0,
			.duplicate = roll(s, 25),
			.delay = 1 + roll(s, 20),
			.jitter = roll(s, 2) ? 1 + roll(s, 150) : 0,
		};
	}
	w->job_jitter = roll(s, 2) ? 1 + roll(s, 60) : 0;
	happen(s, roll(s, 2), INITIATE);
	end = w->now + STORM;
	for (unsigned i = 0; i < EVENTS && w->now < end; i++) {
		/* Often at once, so that they cross. */
		if (roll(s, 3))
			world_run(w, w->now + roll(s, 800));
		happen(s, roll(s, 2), draw_event(s));
	}
	world_run(w, end);
}

/* --- the calm ---------------------------------------------------------------- */

static bool esp_equal(const struct esp_sa *a, const struct esp_sa *b)
{
	return a->spi == b->spi && a->cipher == b->cipher && a->esn == b->esn &&
	       a->key_len == b->key_len &&
	       memcmp(a->key, b->key, a->key_len) == 0;
}

/* Both know the IKE SAs of these children as one. */
static bool same_sa(struct world *w, const struct child *a,
		    const struct child *b)
{
	struct ike_sa_info ia, ib;

	return ike_sa_describe(w->hosts[0].engine, a->sa, &ia) &&
	       ike_sa_describe(w->hosts[1].engine, b->sa, &ib) &&
	       ia.established && ib.established &&
	       ia.initiator != ib.initiator && ia.spi_i == ib.spi_i &&
	       ia.spi_r == ib.spi_r;
}

static const struct child *counterpart(struct world *w, const struct child *c)
{
	struct host *h = &w->hosts[1];

	for (size_t i = 0; i < h->n_children; i++) {
		const struct child *o = &h->children[i];

		if (!o->down && esp_equal(&c->up.in, &o->up.out) &&
		    esp_equal(&c->up.out, &o->up.in) && same_sa(w, c, o))
			return o;
	}
	return NULL;
}

static bool agree(struct schedule *s)
{
	struct world *w = &s->w;
	struct host *h = &w->hosts[0];
	size_t n = host_children(h);

	if (host_children(&w->hosts[1]) != n ||
	    host_sas(h) != host_sas(&w->hosts[1]) ||
	    host_sas(h) != (n ? 1 : 0) || (n > 1 && !s->adds))
		return false;
	for (size_t i = 0; i < h->n_children; i++)
		if (!h->children[i].down && !counterpart(w, &h->children[i]))
			return false;
	return true;
}

static void explain(struct schedule *s)
{
	for (unsigned i = 0; i < 2; i++) {
		struct host *h = &s->w.hosts[i];
		uint32_t cursor = 0;
		struct ike_sa *sa;

		print_message("host %u\n", i);
		while ((sa = slots_next(h->engine->sas, &cursor)))
			print_message(
				"  SA %04x/%04x %s, %u children%s%s%s%s\n",
				(unsigned)(sa->spi_i >> 48),
				(unsigned)(sa->spi_r >> 48),
				ike_sa_state_name((enum ike_sa_state)sa->state),
				sa->n_children, sa->doomed ? ", doomed" : "",
				sa->told ? ", told" : "",
				sa->ours ? ", ours" : "",
				sa->theirs ? ", theirs" : "");
		for (size_t k = 0; k < h->n_children; k++) {
			struct child *c = &h->children[k];

			print_message(
				"  child %08x/%08x of %08x%s: %s\n",
				c->up.in.spi, c->up.out.spi, c->up.replaces,
				c->up.redundant ? ", redundant" : "",
				c->down ? ike_reason_name(c->reason) : "up");
		}
	}
}

static void expect(struct schedule *s, bool ok, const char *what)
{
	if (ok)
		return;
	explain(s);
	fail_msg("TACIT_SCHEDULE=%llu: %s", (unsigned long long)s->seed, what);
}

/* Nobody broke the protocol, and nothing but the network failed. */
static void check_reasons(struct schedule *s)
{
	for (unsigned i = 0; i < 2; i++) {
		struct host *h = &s->w.hosts[i];

		for (size_t k = 0; k < h->n_children; k++) {
			enum ike_reason r = h->children[k].reason;

			expect(s,
			       r != IKE_REASON_PROTOCOL &&
				       r != IKE_REASON_AUTH &&
				       r != IKE_REASON_MODE &&
				       r != IKE_REASON_RESOURCES,
			       ike_reason_name(r));
		}
	}
}

static bool calm(struct schedule *s)
{
	struct world *w = &s->w;

	for (unsigned i = 0; i < 2; i++)
		w->wires[i] = (struct wire){ .delay = 1 };
	w->job_jitter = 0;
	for (unsigned i = 0; i < CALM; i++) {
		world_run(w, w->now + 1000);
		if (agree(s) && !w->packets)
			return true;
	}
	return false;
}

static void check_empty(struct schedule *s)
{
	struct world *w = &s->w;

	for (unsigned i = 0; i < 2; i++)
		ike_close_all(w->hosts[i].engine, w->now);
	world_run(w, w->now + 30000);
	for (unsigned i = 0; i < 2; i++) {
		struct ike_engine *e = w->hosts[i].engine;

		expect(s, host_sas(&w->hosts[i]) == 0, "an IKE SA is left");
		expect(s, host_children(&w->hosts[i]) == 0,
		       "the owner was not told of an end");
		expect(s, ike_engine_deadline(e) == UINT64_MAX,
		       "a timer is left");
		expect(s,
		       !hmap_any(&e->by_child) && !hmap_any(&e->by_spi) &&
			       !hmap_any(&e->by_remote) &&
			       !hmap_any(&e->by_init),
		       "an index has an entry left");
		expect(s, e->counters.half_open == 0, "half-open ones");
	}
}

struct tally {
	unsigned agreed, empty;
	unsigned rekeyed, replaced, refused;
};

static void run(uint64_t seed, bool verbose, struct tally *t)
{
	static struct schedule s;
	struct ike_config c[2];

	memset(&s, 0, sizeof(s));
	s.seed = seed;
	s.verbose = verbose;
	s.w.random = seed;
	for (unsigned i = 0; i < 2; i++)
		c[i] = draw_config(&s);
	world_init(&s.w, seed, &c[0]);
	s.w.hosts[1].config = c[1];
	s.w.hosts[1].engine->config = c[1];
	s.adds = roll(&s, 4) == 0;
	storm(&s);
	expect(&s, calm(&s), "no agreement");
	check_reasons(&s);
	if (host_sas(&s.w.hosts[0]))
		t->agreed++;
	else
		t->empty++;
	for (unsigned i = 0; i < 2; i++) {
		t->rekeyed += s.w.hosts[i].n_rekeyed;
		t->replaced += s.w.hosts[i].n_replaced;
		t->refused += s.w.hosts[i].n_refused;
	}
	check_empty(&s);
	world_done(&s.w);
}

static void test_schedules(void **state)
{
	const char *one = getenv("TACIT_SCHEDULE");
	const char *many = getenv("TACIT_SCHEDULES");
	uint64_t n = many ? strtoull(many, NULL, 0) : SCHEDULES;
	struct tally t = { 0 };

	(void)state;
	if (one) {
		run(strtoull(one, NULL, 0), true, &t);
		return;
	}
	for (uint64_t seed = 1; seed <= n; seed++)
		run(seed, false, &t);
	print_message("%u agreed, %u empty; %u IKE SAs rekeyed, %u Child SAs "
		      "replaced, %u refused\n",
		      t.agreed, t.empty, t.rekeyed, t.replaced, t.refused);
	/* Each kind must have been seen. */
	assert_true(t.agreed > n / 4 && t.empty > n / 50);
	assert_true(t.rekeyed > n && t.replaced > n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_schedules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
