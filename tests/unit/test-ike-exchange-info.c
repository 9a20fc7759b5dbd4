/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ike-puppet.h"

#define P(type)	    IKE_PRESENT(IKE_PAYLOAD_##type)
#define ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))
#define INFO	    IKE_EXCHANGE_INFORMATIONAL

static struct host *host(struct world *w)
{
	return &w->hosts[0];
}

/* A request of host 0's peer with these payloads; its answer is opened. */
static void ask(struct puppet *p,
		void (*write)(struct ike_builder *b, struct puppet *p))
{
	struct ike_outgoing out;

	puppet_begin(p, &out, INFO, false, p->next_id);
	if (write)
		write(&out.b, p);
	puppet_send(p, &out);
	puppet_open(p);
	assert_int_equal(p->m.header.id, p->next_id);
	assert_true(ike_header_is_response(&p->m.header));
	p->next_id++;
}

static void write_delete_ike(struct ike_builder *b, struct puppet *p)
{
	(void)p;
	ike_delete_write_ike(b);
}

static void write_delete_esp(struct ike_builder *b, struct puppet *p)
{
	ike_delete_write_esp(b, p->child_spi);
}

static void write_delete_twice(struct ike_builder *b, struct puppet *p)
{
	ike_delete_write_esp(b, p->child_spi);
	ike_delete_write_esp(b, p->child_spi);
}

static void write_delete_unknown(struct ike_builder *b, struct puppet *p)
{
	ike_delete_write_esp(b, p->child_spi + 1);
}

static void write_delete_ours(struct ike_builder *b, struct puppet *p)
{
	/* It names our SPI, not its own. */
	ike_delete_write_esp(b, host_child(host(p->w))->up.in.spi);
}

static void write_delete_all(struct ike_builder *b, struct puppet *p)
{
	ike_delete_write_esp(b, p->child_spi);
	ike_delete_write_ike(b);
}

static void write_failed(struct ike_builder *b, struct puppet *p)
{
	(void)p;
	ike_notify_write(b, IKE_NOTIFY_AUTHENTICATION_FAILED, NULL, 0);
}

static void write_unknown(struct ike_builder *b, struct puppet *p)
{
	(void)p;
	ike_notify_write(b, 9999, NULL, 0);
	ike_notify_write(b, 39999, "x", 1);
	ike_builder_open(b, 99);
	ike_builder_close(b);
}

static void each_role(void (*run)(struct puppet *p, struct world *w))
{
	for (unsigned i = 0; i < 2; i++) {
		struct puppet p;
		struct world w;

		world_init(&w, 21 + i, NULL);
		puppet_establish(&p, &w, i);
		if (!i)
			p.next_id = 0;
		run(&p, &w);
		puppet_done(&p);
		world_done(&w);
	}
}

static void run_answers(struct puppet *p, struct world *w)
{
	ask(p, NULL);
	assert_int_equal(p->m.n, 0);
	ask(p, write_unknown);
	assert_int_equal(p->m.n, 0);
	ask(p, write_delete_unknown);
	assert_int_equal(p->m.n, 0);
	ask(p, write_delete_ours);
	assert_int_equal(p->m.n, 0);
	assert_non_null(host_child(host(w)));
}

static void test_answers(void **state)
{
	(void)state;
	each_role(run_answers);
}

static void run_delete_ike(struct puppet *p, struct world *w)
{
	ask(p, write_delete_ike);
	assert_int_equal(p->m.n, 0);
	assert_int_equal(host_children(host(w)), 0);
	assert_int_equal(host(w)->children[0].reason, IKE_REASON_DELETED);
	/* Once more: the same answer, for a while. */
	p->n_rx = 0;
	p->next_id--;
	ask(p, write_delete_ike);
	assert_int_equal(p->n_rx, 1);
	world_run(w, w->now + 10000);
	assert_true(world_empty(w));
}

static void test_delete_ike(void **state)
{
	(void)state;
	each_role(run_delete_ike);
}

static void check_child_deleted(struct puppet *p, struct world *w)
{
	struct ike_delete d;

	assert_int_equal(p->m.n, 1);
	assert_int_equal(ike_delete_parse(&p->m.payloads[0], &d), 0);
	assert_int_equal(d.protocol, IKE_PROTOCOL_ESP);
	assert_int_equal(d.count, 1);
	assert_int_equal(d.spis.data[0] << 24 | d.spis.data[1] << 16 |
				 d.spis.data[2] << 8 | d.spis.data[3],
			 host(w)->children[0].up.in.spi);
	assert_int_equal(host_children(host(w)), 0);
	assert_int_equal(host(w)->children[0].reason, IKE_REASON_DELETED);
}

static void run_delete_child(struct puppet *p, struct world *w)
{
	ask(p, write_delete_esp);
	check_child_deleted(p, w);
	/* It is not there any more. */
	ask(p, write_delete_esp);
	assert_int_equal(p->m.n, 0);
	/* The IKE SA is of no use: it goes soon. */
	p->n_rx = 0;
	world_run(w, w->now + host(w)->config.redundant_ms + 100);
	puppet_open(p);
	assert_true(p->m.present & P(DELETE));
	puppet_send_raw(p, INFO, true, p->m.header.id, 0, "", 0);
	assert_true(world_empty(w));
	assert_int_equal(host(w)->n_failed, 0);
}

static void test_delete_child(void **state)
{
	(void)state;
	each_role(run_delete_child);
}

static void run_delete_twice(struct puppet *p, struct world *w)
{
	ask(p, write_delete_twice);
	check_child_deleted(p, w);
}

static void run_delete_all(struct puppet *p, struct world *w)
{
	ask(p, write_delete_all);
	assert_int_equal(p->m.n, 0);
	assert_int_equal(host_children(host(w)), 0);
	world_run(w, w->now + 10000);
	assert_true(world_empty(w));
}

static void test_delete_in_one_message(void **state)
{
	(void)state;
	each_role(run_delete_twice);
	each_role(run_delete_all);
}

static void run_failed(struct puppet *p, struct world *w)
{
	ask(p, write_failed);
	assert_int_equal(host(w)->children[0].reason, IKE_REASON_AUTH);
	world_run(w, w->now + 10000);
	assert_true(world_empty(w));
}

static void test_authentication_failed(void **state)
{
	(void)state;
	each_role(run_failed);
}

/* Each is answered with INVALID_SYNTAX, and ends the SA. */
static const struct {
	const char *name;
	uint8_t first;
	uint8_t body[24];
	size_t len;
} malformed[] = {
	{ "cut short", IKE_PAYLOAD_DELETE, { 0, 0, 0 }, 3 },
	{ "length 3", IKE_PAYLOAD_NOTIFY, { 0, 0, 0, 3 }, 4 },
	{ "longer than the message", IKE_PAYLOAD_NOTIFY, { 0, 0, 0, 9 }, 8 },
	{ "trailing bytes",
	  IKE_PAYLOAD_DELETE,
	  { 0, 0, 0, 8, 1, 0, 0, 0, 0 },
	  9 },
	{ "a payload behind the end", 0, { 0, 0, 0, 4 }, 4 },
	{ "a next payload that is not there",
	  IKE_PAYLOAD_DELETE,
	  { 41, 0, 0, 8, 1, 0, 0, 0 },
	  8 },
	{ "Delete of IKE with an SPI",
	  IKE_PAYLOAD_DELETE,
	  { 0, 0, 0, 16, 1, 8, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8 },
	  16 },
	{ "Delete of ESP, SPI of 8",
	  IKE_PAYLOAD_DELETE,
	  { 0, 0, 0, 16, 3, 8, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8 },
	  16 },
	{ "Delete of ESP, SPI of 0",
	  IKE_PAYLOAD_DELETE,
	  { 0, 0, 0, 8, 3, 0, 0, 1 },
	  8 },
	{ "Delete of fewer SPIs than said",
	  IKE_PAYLOAD_DELETE,
	  { 0, 0, 0, 12, 3, 4, 0, 2, 1, 2, 3, 4 },
	  12 },
	{ "Delete of more SPIs than said",
	  IKE_PAYLOAD_DELETE,
	  { 0, 0, 0, 12, 3, 4, 0, 0, 1, 2, 3, 4 },
	  12 },
	{ "Delete of no protocol",
	  IKE_PAYLOAD_DELETE,
	  { 0, 0, 0, 8, 0, 0, 0, 0 },
	  8 },
	{ "empty Delete", IKE_PAYLOAD_DELETE, { 0, 0, 0, 4 }, 4 },
	{ "empty Notify", IKE_PAYLOAD_NOTIFY, { 0, 0, 0, 4 }, 4 },
	{ "Notify with an SPI that is not there",
	  IKE_PAYLOAD_NOTIFY,
	  { 0, 0, 0, 8, 3, 4, 0, 1 },
	  8 },
	{ "Notify of IKE with an SPI",
	  IKE_PAYLOAD_NOTIFY,
	  { 0, 0, 0, 12, 1, 4, 0, 1, 1, 2, 3, 4 },
	  12 },
	{ "Notify of ESP, SPI of 3",
	  IKE_PAYLOAD_NOTIFY,
	  { 0, 0, 0, 11, 3, 3, 0, 1, 1, 2, 3 },
	  11 },
	{ "SK inside SK", IKE_PAYLOAD_SK, { 0, 0, 0, 4 }, 4 },
	{ "two AUTH",
	  IKE_PAYLOAD_AUTH,
	  { 39, 0, 0, 8, 13, 0, 0, 0, 0, 0, 0, 8, 13, 0, 0, 0 },
	  16 },
};

static void test_malformed(void **state)
{
	(void)state;
	for (size_t i = 0; i < ELEMENTS(malformed); i++) {
		struct puppet p;
		struct world w;

		print_message("  %s\n", malformed[i].name);
		world_init(&w, 5, NULL);
		puppet_establish(&p, &w, true);
		p.n_rx = 0;
		puppet_send_raw(&p, INFO, false, 2, malformed[i].first,
				malformed[i].body, malformed[i].len);
		assert_int_equal(p.n_rx, 1);
		puppet_open(&p);
		assert_int_equal(puppet_error(&p), IKE_NOTIFY_INVALID_SYNTAX);
		assert_int_equal(host_children(host(&w)), 0);
		assert_int_equal(host(&w)->children[0].reason,
				 IKE_REASON_PROTOCOL);
		world_run(&w, w.now + 10000);
		assert_true(world_empty(&w));
		puppet_done(&p);
		world_done(&w);
	}
}

static void test_endless_chain(void **state)
{
	uint8_t chain[4 * 40];
	struct puppet p;
	struct world w;

	(void)state;
	world_init(&w, 5, NULL);
	puppet_establish(&p, &w, true);
	for (unsigned i = 0; i < 40; i++)
		memcpy(chain + 4 * i, (uint8_t[]){ 99, 0, 0, 4 }, 4);
	chain[4 * 39] = 0;
	puppet_send_raw(&p, INFO, false, 2, 99, chain, sizeof(chain));
	puppet_open(&p);
	assert_int_equal(puppet_error(&p), IKE_NOTIFY_INVALID_SYNTAX);
	puppet_done(&p);
	world_done(&w);
}

static void test_malformed_response(void **state)
{
	struct puppet p;
	struct world w;

	(void)state;
	world_init(&w, 5, NULL);
	puppet_establish(&p, &w, true);
	ike_check(host(&w)->engine, w.now, host_child(host(&w))->sa);
	world_settle(&w);
	puppet_open(&p);
	assert_int_equal(p.m.n, 0);
	puppet_send_raw(&p, INFO, true, p.m.header.id, IKE_PAYLOAD_NOTIFY,
			"\0\0\0\3", 4);
	assert_int_equal(host(&w)->children[0].reason, IKE_REASON_PROTOCOL);
	puppet_open(&p);
	assert_true(p.m.present & P(DELETE));
	puppet_done(&p);
	world_done(&w);
}

static void write_critical(struct ike_builder *b, struct puppet *p)
{
	struct wbuf *w = ike_builder_open(b, 99);

	(void)p;
	w->data[w->len - 3] |= 0x80;
	ike_builder_close(b);
}

static void run_critical(struct puppet *p, struct world *w)
{
	struct ike_notify n;

	ask(p, write_critical);
	assert_int_equal(puppet_error(p),
			 IKE_NOTIFY_UNSUPPORTED_CRITICAL_PAYLOAD);
	assert_int_equal(ike_notify_parse(&p->m.payloads[0], &n), 0);
	assert_int_equal(n.data.len, 1);
	assert_int_equal(n.data.data[0], 99);
	/* Refused, and no more than that. */
	assert_non_null(host_child(host(w)));
	ask(p, NULL);
	assert_int_equal(p->m.n, 0);
}

static void test_critical(void **state)
{
	(void)state;
	each_role(run_critical);
}

static void write_child(struct ike_builder *b, struct puppet *p)
{
	struct ike_offer offer = puppet_offer(IKE_OFFER_AUTH);

	ike_notify_write(b, IKE_NOTIFY_USE_TRANSPORT_MODE, NULL, 0);
	ike_proposal_write_offer(b, &offer, 0x12345678 + p->next_id);
	ike_nonce_write(b, p->initiator ? &p->ni : &p->nr);
	ike_selectors_write(b, IKE_PAYLOAD_TSI, &p->w->hosts[1].address.addr);
	ike_selectors_write(b, IKE_PAYLOAD_TSR, &p->w->hosts[0].address.addr);
}

static void run_no_more_children(struct puppet *p, struct world *w)
{
	struct ike_outgoing out;

	for (unsigned n = 1; n <= LIMIT_IKE_CHILDREN; n++) {
		assert_int_equal(host_children(host(w)), n);
		puppet_begin(p, &out, IKE_EXCHANGE_CREATE_CHILD_SA, false,
			     p->next_id);
		write_child(&out.b, p);
		p->next_id++;
		puppet_send(p, &out);
		puppet_open(p);
		assert_int_equal(puppet_error(p),
				 n < LIMIT_IKE_CHILDREN
					 ? IKE_NOTIFY_NONE
					 : IKE_NOTIFY_NO_ADDITIONAL_SAS);
	}
	assert_int_equal(host_children(host(w)), LIMIT_IKE_CHILDREN);
}

static void test_no_more_children(void **state)
{
	(void)state;
	each_role(run_no_more_children);
}

static void run_liveness(struct puppet *p, struct world *w)
{
	uint32_t every = host(w)->config.liveness_ms;

	p->n_rx = 0;
	for (unsigned i = 0; i < 3; i++) {
		world_run(w, w->now + every + 400);
		assert_int_equal(p->n_rx, i + 1);
		puppet_open(p);
		assert_int_equal(p->m.n, 0);
		puppet_send_raw(p, INFO, true, p->m.header.id, 0, "", 0);
	}
	/* What the peer says counts as well. */
	world_run(w, w->now + every / 2);
	ask(p, NULL);
	p->n_rx = 0;
	world_run(w, w->now + every * 3 / 4);
	assert_int_equal(p->n_rx, 0);
	/* Silence. */
	world_run(w, w->now + every + 60000);
	assert_int_equal(p->n_rx, host(w)->config.retransmit_sends);
	assert_int_equal(host(w)->children[0].reason, IKE_REASON_DEAD);
	assert_true(world_empty(w));
}

static void test_liveness(void **state)
{
	(void)state;
	each_role(run_liveness);
}

static void test_check(void **state)
{
	struct handle sa;
	struct puppet p;
	struct world w;

	(void)state;
	world_init(&w, 5, NULL);
	puppet_establish(&p, &w, true);
	sa = host_child(host(&w))->sa;
	p.n_rx = 0;
	ike_check(host(&w)->engine, w.now, sa);
	ike_check(host(&w)->engine, w.now, sa);
	world_settle(&w);
	assert_int_equal(p.n_rx, 1);
	world_run(&w, w.now + 20000);
	assert_int_equal(host(&w)->children[0].reason, IKE_REASON_DEAD);
	/* A handle of the past. */
	ike_check(host(&w)->engine, w.now, sa);
	ike_close(host(&w)->engine, w.now, sa);
	ike_abandon(host(&w)->engine, w.now, sa);
	puppet_done(&p);
	world_done(&w);
}

/* A suspect is asked at a brisk pace, also when it was being asked already. */
static void test_probe(void **state)
{
	struct handle sa;
	struct puppet p;
	struct world w;
	uint64_t began;

	(void)state;
	for (int asked = 0; asked < 2; asked++) {
		world_init(&w, 5, NULL);
		puppet_establish(&p, &w, true);
		sa = host_child(host(&w))->sa;
		if (asked)
			ike_check(host(&w)->engine, w.now, sa);
		world_run(&w, w.now + 1400);
		began = w.now;
		p.n_rx = 0;
		ike_probe(host(&w)->engine, w.now, sa);
		world_run(&w, began + 5000);
		assert_int_equal(host(&w)->children[0].reason, IKE_REASON_DEAD);
		assert_in_range(host(&w)->children[0].down_at, began + 1800,
				began + 2200);
		assert_int_equal(p.n_rx, 5);
		ike_probe(host(&w)->engine, w.now, sa);
		puppet_done(&p);
		world_done(&w);
	}
}

/* ike_close() during a liveness check waits its turn (window 1). */
static void test_close_during_check(void **state)
{
	struct handle sa;
	struct puppet p;
	struct world w;

	(void)state;
	world_init(&w, 5, NULL);
	puppet_establish(&p, &w, true);
	sa = host_child(host(&w))->sa;
	ike_check(host(&w)->engine, w.now, sa);
	world_settle(&w);
	puppet_open(&p);
	p.n_rx = 0;
	ike_close(host(&w)->engine, w.now, sa);
	world_settle(&w);
	assert_int_equal(p.n_rx, 0);
	assert_int_equal(host(&w)->children[0].reason, IKE_REASON_CLOSED);
	puppet_send_raw(&p, INFO, true, p.m.header.id, 0, "", 0);
	assert_int_equal(p.n_rx, 1);
	puppet_open(&p);
	assert_true(p.m.present & P(DELETE));
	puppet_send_raw(&p, INFO, true, p.m.header.id, 0, "", 0);
	assert_true(world_empty(&w));
	puppet_done(&p);
	world_done(&w);
}

/* Both delete at once, and either Delete is lost or not. */
static void test_delete_collision(void **state)
{
	(void)state;
	for (unsigned lost = 0; lost < 16; lost++) {
		struct ike_config c;
		struct world w;
		unsigned seen = 0;

		ike_config_init(&c);
		world_init(&w, 6, &c);
		world_initiate(&w, 0);
		world_run(&w, w.now + 100);
		assert_true(world_agree(&w));
		for (unsigned i = 0; i < 2; i++)
			ike_close(w.hosts[i].engine, w.now,
				  host_child(&w.hosts[i])->sa);
		world_settle(&w);
		while (w.packets && seen < 4) {
			struct packet *q = world_take(&w, 0);

			if (lost & (1u << seen++))
				memset(q->data, 0, q->len);
			world_deliver(&w, q);
		}
		world_run(&w, w.now + 60000);
		assert_true(world_empty(&w));
		for (unsigned i = 0; i < 2; i++) {
			assert_int_equal(w.hosts[i].n_children, 1);
			assert_int_equal(w.hosts[i].children[0].reason,
					 IKE_REASON_CLOSED);
			assert_true(ike_engine_deadline(w.hosts[i].engine) ==
				    UINT64_MAX);
		}
		world_done(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_delete_ike),
		cmocka_unit_test(test_delete_child),
		cmocka_unit_test(test_delete_in_one_message),
		cmocka_unit_test(test_authentication_failed),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_endless_chain),
		cmocka_unit_test(test_malformed_response),
		cmocka_unit_test(test_critical),
		cmocka_unit_test(test_no_more_children),
		cmocka_unit_test(test_liveness),
		cmocka_unit_test(test_probe),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_close_during_check),
		cmocka_unit_test(test_delete_collision),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
