/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Child SAs by themselves: SPIs, the list, terms and their choice.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ike-puppet.h"

/* What the next draws give: the last one for ever. */
struct dice {
	const uint32_t *faces;
	size_t n, at;
};

static int on_roll(void *user, void *buf, size_t len)
{
	struct dice *d = user;

	memset(buf, 0x55, len);
	if (len == sizeof(uint32_t)) {
		memcpy(buf, &d->faces[d->at], len);
		d->at += d->at + 1 < d->n;
	}
	return 0;
}

/* Neither reserved, nor ours already. */
static void test_child_spis(void **state)
{
	static const uint32_t faces[] = {
		0, 255, ESP_SPI_MIN - 1, ESP_SPI_MIN, ESP_SPI_MIN, 0x12345678
	};
	struct dice d = { faces, sizeof(faces) / sizeof(faces[0]), 0 };
	struct ike_child *a, *b;
	struct ike_engine *e;
	struct ike_ops ops;
	struct world w;

	(void)state;
	world_init(&w, 1, NULL);
	e = w.hosts[0].engine;
	ops = e->ops;
	e->ops.random = on_roll;
	e->ops.user = &d;
	assert_int_equal(ike_child_new(e, &a), 0);
	assert_int_equal(a->in, ESP_SPI_MIN);
	assert_int_equal(ike_child_new(e, &b), 0);
	assert_int_equal(b->in, 0x12345678);
	e->ops = ops;
	ike_child_free(e, a);
	ike_child_free(e, b);
	world_done(&w);
}

/* Fills the list, finds by either SPI, takes out of the middle. */
static void test_list(void **state)
{
	struct ike_child *c[LIMIT_IKE_CHILDREN];
	struct ike_engine *e;
	struct ike_sa *sa;
	struct world w;

	(void)state;
	world_init(&w, 1, NULL);
	e = w.hosts[0].engine;
	assert_int_equal(ike_sa_new(e, true, &w.hosts[0].address,
				    &w.hosts[1].address, &sa),
			 0);
	for (uint32_t i = 0; i < LIMIT_IKE_CHILDREN; i++) {
		struct ike_action_node up = { 0 };

		assert_int_equal(ike_child_new(e, &c[i]), 0);
		assert_int_equal(c[i]->state, IKE_CHILD_NEW);
		up.action.child_up.out.spi = 0x1000 + i;
		up.action.child_up.mode = IKE_MODE_TUNNEL;
		ike_child_attach(sa, c[i], &up);
		assert_int_equal(c[i]->state, IKE_CHILD_LIVE);
		assert_int_equal(c[i]->mode, IKE_MODE_TUNNEL);
		assert_int_equal(sa->n_children, i + 1);
	}
	for (uint32_t i = 0; i < LIMIT_IKE_CHILDREN; i++) {
		assert_ptr_equal(ike_child_find_in(sa, c[i]->in), c[i]);
		assert_ptr_equal(ike_child_find_out(sa, 0x1000 + i), c[i]);
	}
	assert_null(ike_child_find_in(sa, 0));
	assert_null(ike_child_find_out(sa, 0xfff));
	ike_child_remove(e, sa, c[1]);
	assert_int_equal(sa->n_children, LIMIT_IKE_CHILDREN - 1);
	assert_null(ike_child_find_out(sa, 0x1001));
	assert_ptr_equal(ike_child_find_out(sa, 0x1002), c[2]);
	/* The rest goes with the SA. */
	ike_sa_free(e, sa);
	assert_null(hmap_any(&e->by_child));
	world_done(&w);
}

/* As initiator of IKE_AUTH: what we ask for, what the peer answers, and what
 * comes of it (RFC 7296 1.3.1). */
static const struct {
	enum ike_modes modes;
	bool transport; /* the peer answers so */
	bool asked;	/* USE_TRANSPORT_MODE is in our request */
	int mode;	/* enum ike_mode, or -1: none */
} answers[] = {
	{ IKE_MODES_TRANSPORT, true, true, IKE_MODE_TRANSPORT },
	{ IKE_MODES_TRANSPORT, false, true, -1 },
	{ IKE_MODES_EITHER, true, true, IKE_MODE_TRANSPORT },
	{ IKE_MODES_EITHER, false, true, IKE_MODE_TUNNEL },
	{ IKE_MODES_TUNNEL, true, false, -1 },
	{ IKE_MODES_TUNNEL, false, false, IKE_MODE_TUNNEL },
};

static bool has_notify(const struct ike_message *m, uint16_t type)
{
	for (size_t i = 0; i < m->n; i++) {
		struct ike_notify n;

		if (m->payloads[i].type == IKE_PAYLOAD_NOTIFY &&
		    ike_notify_parse(&m->payloads[i], &n) == 0 &&
		    n.type == type)
			return true;
	}
	return false;
}

static void test_modes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct puppet_script s = { 0 };
		struct ike_request req;
		struct handle sa;
		struct host *h;
		struct puppet p;
		struct world w;

		world_init(&w, 1, NULL);
		h = &w.hosts[0];
		puppet_init(&p, &w, false, IKE_KE_X25519);
		req = (struct ike_request){ .local = h->address,
					    .remote = w.hosts[1].address,
					    .modes = answers[i].modes };
		assert_int_equal(ike_initiate(h->engine, w.now, &req, &sa), 0);
		world_settle(&w);
		puppet_answer_init(&p, &s);
		puppet_open(&p);
		assert_int_equal(
			has_notify(&p.m, IKE_NOTIFY_USE_TRANSPORT_MODE),
			answers[i].asked);
		s.no_transport = !answers[i].transport;
		puppet_answer_auth(&p, &s);
		assert_int_equal(host_children(h), answers[i].mode >= 0);
		if (answers[i].mode >= 0)
			assert_int_equal(host_child(h)->up.mode,
					 answers[i].mode);
		else
			assert_int_equal(h->failed.reason, IKE_REASON_MODE);
		puppet_done(&p);
		world_done(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_child_spis),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_modes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
