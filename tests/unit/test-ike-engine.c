/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The public face: outcomes, handles, closing, restarts, want of memory and
 * of randomness. Links with wrapped allocation functions, which count what the
 * engine keeps and fail when told to.
 */
#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ike-puppet.h"

/* --- allocation --------------------------------------------------------------- */

static struct {
	bool on;
	long countdown; /* allocations until one fails; 0: none does */
	bool failed;
	size_t used;
} heap;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void __wrap_free(void *p);

static bool fails(void)
{
	if (!heap.on || !heap.countdown || --heap.countdown)
		return false;
	heap.failed = true;
	return true;
}

void *__wrap_malloc(size_t size)
{
	void *p = fails() ? NULL : __real_malloc(size);

	if (p && heap.on)
		heap.used += malloc_usable_size(p);
	return p;
}

void *__wrap_calloc(size_t n, size_t size)
{
	void *p = fails() ? NULL : __real_calloc(n, size);

	if (p && heap.on)
		heap.used += malloc_usable_size(p);
	return p;
}

void __wrap_free(void *p)
{
	if (p && heap.on)
		heap.used -= malloc_usable_size(p);
	__real_free(p);
}

/* --- tests --------------------------------------------------------------------- */

static void establish(struct world *w, uint64_t seed)
{
	world_init(w, seed, NULL);
	world_initiate(w, 0);
	world_run(w, w->now + 100);
	assert_true(world_agree(w));
}

static void test_handshake(void **state)
{
	struct ike_sa_info a, b;
	struct child *c;
	struct world w;

	(void)state;
	establish(&w, 1);
	c = host_child(&w.hosts[0]);
	assert_true(c->up.initiator);
	assert_false(c->up.redundant);
	assert_int_equal(c->up.peer.method, IKE_AUTH_NULL);
	assert_int_equal(c->up.in.cipher, ESP_AES_GCM_16_256);
	assert_int_equal(c->up.in.esn, 1);
	assert_true(c->up.in.spi >= ESP_SPI_MIN);
	assert_true(addr_equal(&c->up.local, &w.hosts[0].address.addr));
	assert_true(addr_equal(&c->up.remote, &w.hosts[1].address.addr));
	assert_true(ike_sa_describe(w.hosts[0].engine, c->sa, &a));
	assert_string_equal(a.algorithms,
			    "AES-GCM-16-256/HMAC-SHA2-256/X25519");
	assert_true(a.established && a.initiator);
	assert_true(a.established_at > 0);
	c = host_child(&w.hosts[1]);
	assert_false(c->up.initiator);
	assert_true(ike_sa_describe(w.hosts[1].engine, c->sa, &b));
	assert_true(b.established && !b.initiator);
	assert_int_equal(a.spi_i, b.spi_i);
	assert_int_equal(a.spi_r, b.spi_r);
	world_done(&w);
}

/* Two round trips, and no more. */
static void test_messages(void **state)
{
	struct ike_counters c;
	struct world w;

	(void)state;
	establish(&w, 1);
	for (unsigned i = 0; i < 2; i++) {
		ike_engine_count(w.hosts[i].engine, &c);
		assert_int_equal(c.sent, 2);
		assert_int_equal(c.received, 2);
		assert_int_equal(c.retransmitted, 0);
		assert_int_equal(c.malformed, 0);
		assert_int_equal(c.sas, 1);
		assert_int_equal(c.half_open, 0);
	}
	world_done(&w);
}

static void test_close(void **state)
{
	struct ike_sa_info info;
	struct handle sa;
	struct world w;

	(void)state;
	establish(&w, 2);
	sa = host_child(&w.hosts[0])->sa;
	ike_close(w.hosts[0].engine, w.now, sa);
	world_settle(&w);
	/* At once for the owner; the exchange runs on by itself. */
	assert_int_equal(w.hosts[0].children[0].reason, IKE_REASON_CLOSED);
	world_run(&w, w.now + 60000);
	assert_int_equal(w.hosts[1].children[0].reason, IKE_REASON_DELETED);
	assert_true(world_empty(&w));
	assert_false(ike_sa_describe(w.hosts[0].engine, sa, &info));
	world_done(&w);
}

static void test_close_early(void **state)
{
	struct handle sa;
	struct world w;

	(void)state;
	world_init(&w, 2, NULL);
	sa = world_initiate(&w, 0);
	ike_close(w.hosts[0].engine, w.now, sa);
	world_run(&w, w.now + 60000);
	assert_int_equal(w.hosts[0].n_failed, 1);
	assert_int_equal(w.hosts[0].failed.reason, IKE_REASON_CLOSED);
	assert_int_equal(w.hosts[1].n_failed, 0);
	assert_true(world_empty(&w));
	world_done(&w);
}

static void test_abandon(void **state)
{
	struct world w;

	(void)state;
	establish(&w, 3);
	ike_abandon(w.hosts[0].engine, w.now, host_child(&w.hosts[0])->sa);
	world_settle(&w);
	assert_int_equal(w.hosts[0].children[0].reason, IKE_REASON_CLOSED);
	assert_int_equal(host_sas(&w.hosts[0]), 0);
	assert_int_equal(w.hosts[0].sent, 2);
	assert_non_null(host_child(&w.hosts[1]));
	/* The other side finds out by itself. */
	world_run(&w, w.now + 120000);
	assert_int_equal(w.hosts[1].children[0].reason, IKE_REASON_DEAD);
	assert_true(world_empty(&w));
	world_done(&w);
}

static void test_close_all(void **state)
{
	struct world w;

	(void)state;
	establish(&w, 4);
	w.wires[0].loss = 100;
	world_initiate(&w, 1); /* a half-open one at host 0 */
	world_run(&w, w.now + 10);
	assert_int_equal(host_sas(&w.hosts[0]), 2);
	w.wires[0].loss = 0;
	ike_close_all(w.hosts[0].engine, w.now);
	world_settle(&w);
	assert_int_equal(host_children(&w.hosts[0]), 0);
	assert_int_equal(host_sas(&w.hosts[0]), 1); /* its Delete runs on */
	ike_close_all(w.hosts[1].engine, w.now);
	world_run(&w, w.now + 60000);
	assert_true(world_empty(&w));
	world_done(&w);
}

/* One attempt of ours at a time with a pair of addresses. */
static void test_one_attempt(void **state)
{
	struct ike_request req;
	struct handle sa, first;
	struct world w;

	(void)state;
	world_init(&w, 5, NULL);
	w.wires[0].loss = 100;
	first = world_initiate(&w, 0);
	req = (struct ike_request){
		.local = w.hosts[0].address,
		.remote = w.hosts[1].address,
	};
	assert_int_equal(ike_initiate(w.hosts[0].engine, w.now, &req, &sa), 0);
	assert_true(handle_equal(sa, first));
	/* Another address of ours is another pair. */
	req.local.addr.bytes[3] = 200;
	assert_int_equal(ike_initiate(w.hosts[0].engine, w.now, &req, &sa), 0);
	world_settle(&w);
	world_run(&w, w.now + 60000);
	assert_int_equal(w.hosts[0].n_failed, 2);
	world_initiate(&w, 0);
	world_done(&w);
}

/* A second SA that we initiate takes the place of the first. */
static void test_renegotiate(void **state)
{
	struct world w;

	(void)state;
	for (unsigned who = 0; who < 2; who++) {
		establish(&w, 6);
		world_initiate(&w, who);
		world_run(&w, w.now + 100);
		/* Make before break. */
		assert_int_equal(host_children(&w.hosts[0]), 2);
		assert_int_equal(host_children(&w.hosts[1]), 2);
		world_run(&w, w.now + 10000);
		assert_true(world_agree(&w));
		for (unsigned i = 0; i < 2; i++) {
			assert_int_equal(w.hosts[i].n_children, 2);
			assert_int_equal(w.hosts[i].children[0].reason,
					 IKE_REASON_REPLACED);
			assert_false(w.hosts[i].children[1].up.redundant);
		}
		world_done(&w);
	}
}

/* A peer that lost its state comes back with INITIAL_CONTACT. */
static void test_restart(void **state)
{
	struct world w;

	(void)state;
	for (unsigned who = 0; who < 2; who++) {
		struct host *stays = &w.hosts[!who];

		establish(&w, 7);
		world_restart(&w, who);
		world_initiate(&w, who);
		world_run(&w, w.now + 100);
		assert_true(world_agree(&w));
		assert_int_equal(stays->n_children, 2);
		assert_int_equal(stays->children[0].reason,
				 IKE_REASON_REPLACED);
		assert_int_equal(stays->sent, 2 + 2);
		world_done(&w);
	}
}

/* INITIAL_CONTACT is about this pair of addresses and no other. */
static void test_initial_contact_is_narrow(void **state)
{
	struct ike_request req;
	struct handle sa;
	struct world w;

	(void)state;
	establish(&w, 8);
	req = (struct ike_request){
		.local = w.hosts[0].address,
		.remote = w.hosts[1].address,
	};
	req.local.addr.bytes[3] = 200;
	assert_int_equal(ike_initiate(w.hosts[0].engine, w.now, &req, &sa), 0);
	world_run(&w, w.now + 10000);
	assert_int_equal(host_children(&w.hosts[0]), 2);
	assert_int_equal(host_children(&w.hosts[1]), 2);
	world_done(&w);
}

/* Jobs that come back late, or never. */
static void test_late_job(void **state)
{
	struct ike_request req;
	struct ike_action a;
	struct handle sa;
	struct world w;

	(void)state;
	world_init(&w, 9, NULL);
	req = (struct ike_request){
		.local = w.hosts[0].address,
		.remote = w.hosts[1].address,
	};
	assert_int_equal(ike_initiate(w.hosts[0].engine, w.now, &req, &sa), 0);
	assert_true(ike_engine_next_action(w.hosts[0].engine, &a));
	assert_int_equal(a.type, IKE_JOB);
	assert_true(handle_equal(a.sa, sa));
	ike_abandon(w.hosts[0].engine, w.now, sa);
	ike_job_run(a.job);
	ike_job_done(w.hosts[0].engine, w.now, a.job);
	ike_action_done(&a);
	world_settle(&w);
	assert_int_equal(w.hosts[0].sent, 0);
	assert_int_equal(w.hosts[0].n_failed, 1);
	/* Freed without having run: the SA does not wait for ever. */
	assert_int_equal(ike_initiate(w.hosts[0].engine, w.now, &req, &sa), 0);
	assert_true(ike_engine_next_action(w.hosts[0].engine, &a));
	ike_job_free(a.job);
	ike_action_done(&a);
	world_run(&w, w.now + 60000);
	assert_int_equal(w.hosts[0].n_failed, 2);
	assert_int_equal(w.hosts[0].failed.reason, IKE_REASON_RESOURCES);
	/* Handed back without having run: at once. */
	assert_int_equal(ike_initiate(w.hosts[0].engine, w.now, &req, &sa), 0);
	assert_true(ike_engine_next_action(w.hosts[0].engine, &a));
	ike_job_done(w.hosts[0].engine, w.now, a.job);
	ike_action_done(&a);
	world_settle(&w);
	assert_int_equal(w.hosts[0].n_failed, 3);
	assert_true(world_empty(&w));
	world_done(&w);
}

static int no_random(void *user, void *buf, size_t len)
{
	(void)user;
	(void)buf;
	(void)len;
	return -EIO;
}

static void test_no_randomness(void **state)
{
	struct ike_ops ops = { .random = no_random };
	struct ike_request req;
	struct ike_engine *e;
	struct handle sa;
	struct world w;

	(void)state;
	world_init(&w, 10, NULL);
	e = w.hosts[0].engine;
	assert_null(ike_engine_new(&w.hosts[0].config, &ops, 0));
	e->ops.random = no_random;
	req = (struct ike_request){
		.local = w.hosts[0].address,
		.remote = w.hosts[1].address,
	};
	assert_int_equal(ike_initiate(e, w.now, &req, &sa), -EIO);
	world_initiate(&w, 1);
	world_run(&w, w.now + 60000);
	assert_int_equal(host_sas(&w.hosts[0]), 0);
	assert_int_equal(w.hosts[1].failed.reason, IKE_REASON_UNANSWERED);
	world_done(&w);
}

static void harness_own(bool begin)
{
	heap.on = !begin;
}

/* The nth allocation fails, for every n: a lost datagram or a failed attempt,
 * never a crash or a leak, and both sides agree on what there is. */
static void test_no_memory(void **state)
{
	long n = 0;

	(void)state;
	do {
		struct ike_request req;
		struct handle sa;
		struct world w;
		int rc;

		world_init(&w, 11, NULL);
		req = (struct ike_request){
			.local = w.hosts[0].address,
			.remote = w.hosts[1].address,
		};
		w.own = harness_own;
		heap.on = true;
		heap.failed = false;
		heap.countdown = ++n;
		rc = ike_initiate(w.hosts[0].engine, w.now, &req, &sa);
		assert_true(rc == 0 || rc == -ENOMEM);
		world_run(&w, w.now + 1000);
		if (host_child(&w.hosts[0]))
			ike_check(w.hosts[0].engine, w.now, sa);
		ike_close_all(w.hosts[n % 2].engine, w.now);
		world_run(&w, w.now + 1000);
		/* From here on there is memory; the rest is cleared up. */
		heap.countdown = 0;
		world_run(&w, w.now + 100000);
		assert_true(world_empty(&w));
		assert_int_equal(w.hosts[0].n_failed + w.hosts[0].n_children,
				 rc == 0);
		heap.on = false;
		w.own = NULL;
		world_done(&w);
	} while (heap.failed);
	print_message("%ld allocations\n", n - 1);
	assert_true(n > 40);
}

/* What an established SA keeps. */
static void test_memory(void **state)
{
	const unsigned count = 200;
	struct world w;
	size_t each;

	(void)state;
	world_init(&w, 12, NULL);
	w.hosts[0].config.liveness_ms = 0;
	w.own = harness_own;
	heap.on = true;
	heap.countdown = 0;
	heap.used = 0;
	for (unsigned i = 0; i < count; i++) {
		struct ike_request req = {
			.local = w.hosts[0].address,
			.remote = w.hosts[1].address,
		};
		struct handle sa;

		req.local.addr.bytes[2] = (uint8_t)i;
		assert_int_equal(
			ike_initiate(w.hosts[0].engine, w.now, &req, &sa), 0);
		w.hosts[0].n_children = w.hosts[1].n_children = 0;
		world_run(&w, w.now + 10);
	}
	heap.on = false;
	w.own = NULL;
	assert_int_equal(host_sas(&w.hosts[0]), count);
	assert_int_equal(host_children(&w.hosts[0]), 1); /* of the last */
	assert_int_equal(host_children(&w.hosts[1]), 1);
	each = heap.used / count / 2;
	print_message("%zu bytes for an SA at one side\n", each);
	/* 4 KiB are the goal for all of an SA, the agent's part included; a
	 * handshake that is not forgotten would be over 3 KiB. */
	assert_true(each < 2560);
	world_done(&w);
}

static void test_reason_names(void **state)
{
	(void)state;
	for (int r = IKE_REASON_NONE; r <= IKE_REASON_RESOURCES; r++)
		assert_true(strlen(ike_reason_name(r)) > 3);
	assert_string_equal(ike_reason_name(IKE_REASON_UNANSWERED),
			    "unanswered");
}

static void test_empty(void **state)
{
	struct ike_action a;
	struct world w;

	(void)state;
	world_init(&w, 13, NULL);
	assert_true(ike_engine_deadline(w.hosts[0].engine) == UINT64_MAX);
	assert_false(ike_engine_next_action(w.hosts[0].engine, &a));
	ike_close_all(w.hosts[0].engine, w.now);
	ike_close(w.hosts[0].engine, w.now, (struct handle){ 0 });
	ike_check(w.hosts[0].engine, w.now, (struct handle){ 7, 7 });
	ike_tick(w.hosts[0].engine, w.now);
	assert_null(ike_engine_free(NULL));
	assert_null(ike_job_free(NULL));
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handshake),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_close),
		cmocka_unit_test(test_close_early),
		cmocka_unit_test(test_abandon),
		cmocka_unit_test(test_close_all),
		cmocka_unit_test(test_one_attempt),
		cmocka_unit_test(test_renegotiate),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_initial_contact_is_narrow),
		cmocka_unit_test(test_late_job),
		cmocka_unit_test(test_no_randomness),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_reason_names),
		cmocka_unit_test(test_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
