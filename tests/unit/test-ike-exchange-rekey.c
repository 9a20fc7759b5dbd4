/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rekeying of the IKE SA (RFC 7296 1.3.2, 2.18) against a scripted peer: the
 * new one works with keys of its own and message IDs from 0, and inherits; and
 * the cases of 2.8.2 and 2.25.2 one by one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>

#include "tests/unit/ike-puppet.h"

#define CHILD IKE_EXCHANGE_CREATE_CHILD_SA
#define INFO  IKE_EXCHANGE_INFORMATIONAL
#define SPI   UINT64_C(0x5ca1ab1e0badcafe)

static struct ike_offer offer_of(enum ike_offer_use use)
{
	struct algorithms a;
	struct ike_offer o;

	algorithms_init(&a);
	a.accept = (struct algorithm_list){ 0 };
	algorithm_list_add(&a.accept, ALGORITHM_AES_GCM_256);
	algorithm_list_add(&a.accept, ALGORITHM_SHA2_256);
	algorithm_list_add(&a.accept, ALGORITHM_X25519);
	ike_offer_init(&o, use, &a.accept);
	return o;
}

static const struct ike_payload *payload(const struct puppet *p,
					 enum ike_payload_type type)
{
	const struct ike_payload *found = ike_message_find(&p->m, type);

	assert_non_null(found);
	return found;
}

/* The peer's end of the new IKE SA: q, from the opened message of host 0 and
 * what p said. */
static void inherit(struct puppet *q, const struct puppet *p,
		    const struct ike_nonce *own, bool initiator)
{
	struct ike_keymat k = {
		.prf = p->prf,
		.cipher = ike_cipher_find(IKE_ENCR_AES_GCM_16, 256, 0),
		.old_prf = p->prf,
		.old_d = p->keys.d,
	};
	struct ike_offer o = offer_of(IKE_OFFER_REKEY);
	struct secret shared = { 0 };
	struct ike_choice choice;
	struct ike_nonce nonce;
	struct ike_ke ke;

	assert_int_equal(
		ike_proposal_choose(payload(p, IKE_PAYLOAD_SA), &o, 0, &choice),
		0);
	assert_int_equal(ike_nonce_parse(payload(p, IKE_PAYLOAD_NONCE), &nonce),
			 0);
	assert_int_equal(ike_ke_parse(payload(p, IKE_PAYLOAD_KE), &ke), 0);
	assert_int_equal(ike_kex_derive(p->kex, p->key, ke.data.data,
					ke.data.len, &shared),
			 0);
	k.ni = initiator ? *own : nonce;
	k.nr = initiator ? nonce : *own;
	k.spi_i = initiator ? SPI : choice.spi;
	k.spi_r = initiator ? choice.spi : SPI;
	*q = *p;
	assert_int_equal(ike_keymat_derive(&k, &shared, &q->keys), 0);
	q->prf = k.prf;
	q->cipher = k.cipher;
	q->spi_i = k.spi_i;
	q->spi_r = k.spi_r;
	q->initiator = initiator;
	q->iv = 0;
	q->next_id = 0;
	secret_done(&shared);
}

static struct ike_nonce nonce_of(uint8_t byte)
{
	struct ike_nonce n = { .len = 32 };

	memset(n.data, byte, n.len);
	return n;
}

/* The peer asks; the answer is opened. */
static uint16_t ask_rekey(struct puppet *p, uint8_t nonce)
{
	struct ike_offer o = offer_of(IKE_OFFER_REKEY);
	struct ike_nonce n = nonce_of(nonce);
	struct ike_outgoing out;

	puppet_begin(p, &out, CHILD, false, p->next_id++);
	ike_proposal_write_offer(&out.b, &o, SPI);
	ike_nonce_write(&out.b, &n);
	ike_ke_write(&out.b, IKE_KE_X25519, p->public, 32);
	puppet_send(p, &out);
	puppet_open(p);
	assert_true(ike_header_is_response(&p->m.header));
	return puppet_error(p);
}

static uint16_t ask_child(struct puppet *p)
{
	struct ike_offer o = offer_of(IKE_OFFER_AUTH);
	struct ike_nonce n = nonce_of(1);
	struct ike_outgoing out;

	puppet_begin(p, &out, CHILD, false, p->next_id++);
	ike_notify_write(&out.b, IKE_NOTIFY_USE_TRANSPORT_MODE, NULL, 0);
	ike_proposal_write_offer(&out.b, &o, 0x1234567);
	ike_nonce_write(&out.b, &n);
	ike_selectors_write(&out.b, IKE_PAYLOAD_TSI,
			    &p->w->hosts[1].address.addr);
	ike_selectors_write(&out.b, IKE_PAYLOAD_TSR,
			    &p->w->hosts[0].address.addr);
	puppet_send(p, &out);
	puppet_open(p);
	return puppet_error(p);
}

/* INFORMATIONAL with a Delete of the IKE SA, or empty. */
static void ask_info(struct puppet *p, bool delete)
{
	unsigned before = p->n_rx;
	struct ike_outgoing out;

	puppet_begin(p, &out, INFO, false, p->next_id++);
	if (delete)
		ike_delete_write_ike(&out.b);
	puppet_send(p, &out);
	assert_int_equal(p->n_rx, before + 1);
	puppet_open(p);
	assert_true(ike_header_is_response(&p->m.header));
}

/* Host 0 asks; its request is opened, and its message ID given. */
static uint32_t rekey(struct puppet *p)
{
	struct host *h = &p->w->hosts[0];

	assert_int_equal(ike_rekey(h->engine, p->w->now, host_child(h)->sa), 0);
	world_settle(p->w);
	puppet_open(p);
	assert_int_equal(p->m.header.exchange, CHILD);
	assert_null(ike_message_find(&p->m, IKE_PAYLOAD_TSI));
	return p->m.header.id;
}

/* The peer answers the opened request. */
static void answer(struct puppet *p, struct puppet *q, uint32_t id,
		   uint8_t nonce)
{
	struct ike_offer o = offer_of(IKE_OFFER_REKEY);
	struct ike_nonce n = nonce_of(nonce);
	struct ike_choice choice;
	struct ike_outgoing out;

	inherit(q, p, &n, false);
	assert_int_equal(
		ike_proposal_choose(payload(p, IKE_PAYLOAD_SA), &o, 0, &choice),
		0);
	puppet_begin(p, &out, CHILD, true, id);
	ike_proposal_write_choice(&out.b, &choice, SPI);
	ike_nonce_write(&out.b, &n);
	ike_ke_write(&out.b, IKE_KE_X25519, p->public, 32);
	puppet_send(p, &out);
}

static void answer_notify(struct puppet *p, uint32_t id, uint16_t type)
{
	struct ike_outgoing out;

	puppet_begin(p, &out, CHILD, true, id);
	ike_notify_write(&out.b, type, NULL, 0);
	puppet_send(p, &out);
}

/* What host 0 sent last is, on this SA, a Delete of it. */
static void check_delete(struct puppet *p)
{
	struct ike_delete d;

	puppet_open(p);
	assert_int_equal(p->m.header.exchange, INFO);
	assert_int_equal(p->m.header.spi_i, p->spi_i);
	assert_int_equal(ike_delete_parse(payload(p, IKE_PAYLOAD_DELETE), &d),
			 0);
	assert_int_equal(d.protocol, IKE_PROTOCOL_IKE);
}

static void use(struct world *w, struct puppet *p)
{
	w->tap_user = p;
}

static void each_role(void (*func)(struct puppet *p, struct world *w))
{
	for (unsigned i = 0; i < 2; i++) {
		struct ike_config c;
		struct puppet p;
		struct world w;

		ike_config_init(&c);
		c.liveness_ms = c.lifetime_ms = 0;
		world_init(&w, 1, &c);
		puppet_establish(&p, &w, i);
		func(&p, &w);
		puppet_done(&p);
		world_done(&w);
	}
}

/* --- one side alone ------------------------------------------------------------ */

static void run_rekeyed(struct puppet *p, struct world *w)
{
	struct ike_nonce n = nonce_of(3);
	struct host *h = &w->hosts[0];
	struct child *c = host_child(h);
	struct handle old = c->sa;
	struct puppet q;

	assert_int_equal(ask_rekey(p, 3), 0);
	assert_int_equal(h->n_rekeyed, 1);
	assert_false(handle_equal(c->sa, old));
	inherit(&q, p, &n, true);
	use(w, &q);
	ask_info(&q, false);
	/* The Child SA is that of the new one. */
	assert_int_equal(ask_child(&q), 0);
	assert_int_equal(host_children(h), 2);
	/* The old one is good for nothing but its end. */
	use(w, p);
	assert_int_equal(ask_child(p), IKE_NOTIFY_TEMPORARY_FAILURE);
	ask_info(p, true);
	world_run(w, w->now + 20000);
	assert_int_equal(host_children(h), 2);
	assert_int_equal(host_sas(h), 1);
}

static void test_rekeyed(void **state)
{
	(void)state;
	each_role(run_rekeyed);
}

static void run_rekey(struct puppet *p, struct world *w)
{
	struct host *h = &w->hosts[0];
	struct child *c = host_child(h);
	struct ike_outgoing out;
	struct puppet q;

	answer(p, &q, rekey(p), 3);
	assert_int_equal(h->n_rekeyed, 1);
	/* Who initiated it deletes the old one. */
	check_delete(p);
	puppet_begin(p, &out, INFO, true, p->m.header.id);
	puppet_send(p, &out);
	assert_int_equal(host_sas(h), 1);
	assert_false(c->down);
	use(w, &q);
	ask_info(&q, false);
	/* 2.2: its own requests begin with ID 0. */
	ike_check(h->engine, w->now, c->sa);
	world_settle(w);
	puppet_open(&q);
	assert_int_equal(q.m.header.id, 0);
	assert_int_equal(q.m.header.exchange, INFO);
}

static void test_rekey(void **state)
{
	(void)state;
	each_role(run_rekey);
}

/* Refused: it stays, and is asked again later and later. */
static void run_rekey_refused(struct puppet *p, struct world *w)
{
	static const uint16_t types[] = {
		IKE_NOTIFY_NO_PROPOSAL_CHOSEN,
		IKE_NOTIFY_TEMPORARY_FAILURE,
		IKE_NOTIFY_NO_ADDITIONAL_SAS,
	};
	struct host *h = &w->hosts[0];
	uint32_t id = rekey(p);

	for (unsigned i = 0; i < 3; i++) {
		unsigned before = p->n_rx;

		answer_notify(p, id, types[i]);
		world_run(w, w->now + (h->config.retry_ms << i) / 2 - 10);
		assert_int_equal(p->n_rx, before);
		while (p->n_rx == before)
			assert_true(world_step(w, w->now + 60000));
		puppet_open(p);
		assert_int_equal(p->m.header.exchange, CHILD);
		id = p->m.header.id;
	}
	assert_int_equal(h->n_rekeyed, 0);
	assert_non_null(host_child(h));
}

static void test_rekey_refused(void **state)
{
	(void)state;
	each_role(run_rekey_refused);
}

/* 1.3: another group is tried at once, if it is one of ours. */
static void run_other_group(struct puppet *p, struct world *w)
{
	const uint8_t group[2] = { 0, IKE_KE_P256 };
	struct ike_outgoing out;
	struct ike_ke ke;

	(void)w;
	puppet_begin(p, &out, CHILD, true, rekey(p));
	ike_notify_write(&out.b, IKE_NOTIFY_INVALID_KE_PAYLOAD, group, 2);
	puppet_send(p, &out);
	puppet_open(p);
	assert_int_equal(p->m.header.exchange, CHILD);
	assert_int_equal(ike_ke_parse(payload(p, IKE_PAYLOAD_KE), &ke), 0);
	assert_int_equal(ke.group, IKE_KE_P256);
}

static void test_other_group(void **state)
{
	(void)state;
	each_role(run_other_group);
}

/* --- 2.8.2: both ---------------------------------------------------------------- */

/* Both rekey. mine: the one that host 0 made; theirs: the peer's. */
static void collide(struct puppet *p, struct puppet *mine,
		    struct puppet *theirs, bool lost)
{
	uint8_t low = lost ? 0 : 0xff, high = lost ? 0xff : 0;
	struct ike_nonce n = nonce_of(high);
	uint8_t plain[LIMIT_IKE_MESSAGE];
	struct ike_message request;
	uint32_t id = rekey(p);

	/* Views into p->plain, which the next message overwrites. */
	memcpy(plain, p->plain, sizeof(plain));
	request = p->m;
	for (size_t i = 0; i < request.n; i++)
		request.payloads[i].data =
			plain + (request.payloads[i].data - p->plain);
	assert_int_equal(ask_rekey(p, high), 0);
	assert_int_equal(p->w->hosts[0].n_rekeyed, 0);
	inherit(theirs, p, &n, true);
	p->m = request;
	answer(p, mine, id, low);
}

/* That of host 0 has the lowest nonce: it deletes that one, and waits for the
 * peer to delete the old one. */
static void run_lost(struct puppet *p, struct world *w)
{
	struct puppet mine, theirs;

	collide(p, &mine, &theirs, true);
	assert_int_equal(w->hosts[0].n_rekeyed, 1);
	memcpy(mine.rx, p->rx, p->rx_len);
	mine.rx_len = p->rx_len;
	check_delete(&mine);
	use(w, &theirs);
	ask_info(&theirs, false);
	assert_int_equal(ask_child(&theirs), 0);
	use(w, p);
	ask_info(p, true);
	assert_int_equal(host_children(&w->hosts[0]), 2);
}

static void test_lost(void **state)
{
	(void)state;
	each_role(run_lost);
}

/* The peer's has it: host 0 deletes the old one. */
static void run_won(struct puppet *p, struct world *w)
{
	struct puppet mine, theirs;

	collide(p, &mine, &theirs, false);
	assert_int_equal(w->hosts[0].n_rekeyed, 1);
	check_delete(p);
	use(w, &theirs);
	ask_info(&theirs, true);
	use(w, &mine);
	assert_int_equal(ask_child(&mine), 0);
	assert_int_equal(host_children(&w->hosts[0]), 2);
}

static void test_won(void **state)
{
	(void)state;
	each_role(run_won);
}

/* The peer deletes the old one before it answers ours: its own one is it. */
static void run_deleted_first(struct puppet *p, struct world *w)
{
	struct ike_nonce n = nonce_of(0);
	struct puppet theirs;

	rekey(p);
	assert_int_equal(ask_rekey(p, 0), 0);
	inherit(&theirs, p, &n, true);
	ask_info(p, true);
	assert_int_equal(w->hosts[0].n_rekeyed, 1);
	assert_int_equal(host_children(&w->hosts[0]), 1);
	use(w, &theirs);
	assert_int_equal(ask_child(&theirs), 0);
	world_run(w, w->now + 30000);
	assert_int_equal(host_sas(&w->hosts[0]), 1);
	assert_int_equal(host_children(&w->hosts[0]), 2);
}

static void test_deleted_first(void **state)
{
	(void)state;
	each_role(run_deleted_first);
}

/* We close while both are under way: neither new one is left to the peer. */
static void run_closed(struct puppet *p, struct world *w)
{
	struct host *h = &w->hosts[0];
	struct ike_nonce n = nonce_of(0);
	struct puppet theirs;

	rekey(p);
	assert_int_equal(ask_rekey(p, 0), 0);
	inherit(&theirs, p, &n, true);
	ike_close(h->engine, w->now, host_child(h)->sa);
	world_settle(w);
	memcpy(theirs.rx, p->rx, p->rx_len);
	theirs.rx_len = p->rx_len;
	check_delete(&theirs);
	assert_int_equal(host_children(h), 0);
	world_run(w, w->now + 60000);
	assert_int_equal(host_sas(h), 0);
}

static void test_closed(void **state)
{
	(void)state;
	each_role(run_closed);
}

/* --- 2.25.2 ------------------------------------------------------------------------ */

/* Child SAs are not made or rekeyed while the IKE SA is. */
static void run_child_meanwhile(struct puppet *p, struct world *w)
{
	(void)w;
	rekey(p);
	assert_int_equal(ask_child(p), IKE_NOTIFY_TEMPORARY_FAILURE);
}

static void test_child_meanwhile(void **state)
{
	(void)state;
	each_role(run_child_meanwhile);
}

/* The IKE SA is not rekeyed while a Child SA is made, rekeyed or deleted. */
static void run_rekey_meanwhile(struct puppet *p, struct world *w)
{
	struct host *h = &w->hosts[0];
	struct child *c = host_child(h);

	assert_int_equal(ask_child(p), 0);
	assert_int_equal(
		ike_delete_child(h->engine, w->now, c->sa, c->up.in.spi), 0);
	world_settle(w);
	assert_int_equal(ask_rekey(p, 0), IKE_NOTIFY_TEMPORARY_FAILURE);
}

static void run_rekey_meanwhile_rekey(struct puppet *p, struct world *w)
{
	struct host *h = &w->hosts[0];
	struct child *c = host_child(h);

	assert_int_equal(
		ike_rekey_child(h->engine, w->now, c->sa, c->up.in.spi), 0);
	world_settle(w);
	assert_int_equal(ask_rekey(p, 0), IKE_NOTIFY_TEMPORARY_FAILURE);
}

static void test_rekey_meanwhile(void **state)
{
	(void)state;
	each_role(run_rekey_meanwhile);
	each_role(run_rekey_meanwhile_rekey);
}

/* Nor while it is being closed; and closing while rekeying is answered. */
static void run_closing(struct puppet *p, struct world *w)
{
	struct host *h = &w->hosts[0];

	ike_close(h->engine, w->now, host_child(h)->sa);
	world_settle(w);
	assert_int_equal(ask_rekey(p, 0), IKE_NOTIFY_TEMPORARY_FAILURE);
}

static void run_closed_rekeying(struct puppet *p, struct world *w)
{
	struct host *h = &w->hosts[0];
	uint32_t id = rekey(p);

	ask_info(p, true);
	assert_int_equal(host_children(h), 0);
	answer_notify(p, id, IKE_NOTIFY_TEMPORARY_FAILURE);
	world_run(w, w->now + 20000);
	assert_int_equal(host_sas(h), 0);
}

static void test_closing(void **state)
{
	(void)state;
	each_role(run_closing);
	each_role(run_closed_rekeying);
}

/* A peer that was refused its first Child SA, which the owner was told is the
 * end, gets no other: nobody would be told of the end of that. */
static void test_refused_first(void **state)
{
	const struct puppet_script no_mode = { .no_transport = true };
	struct puppet p;
	struct world w;

	(void)state;
	world_init(&w, 1, NULL);
	puppet_init(&p, &w, true, IKE_KE_X25519);
	puppet_send_init(&p, &(struct puppet_script){ 0 });
	puppet_take_init(&p);
	puppet_send_auth(&p, &no_mode);
	puppet_open(&p);
	assert_int_equal(puppet_error(&p), IKE_NOTIFY_NO_PROPOSAL_CHOSEN);
	assert_int_equal(w.hosts[0].n_failed, 1);
	assert_int_equal(ask_child(&p), IKE_NOTIFY_TEMPORARY_FAILURE);
	world_run(&w, w.now + 60000);
	assert_int_equal(host_sas(&w.hosts[0]), 0);
	assert_int_equal(host_children(&w.hosts[0]), 0);
	puppet_done(&p);
	world_done(&w);
}

/* Nor does one get any by an IKE SA whose place another has taken: it would
 * take the place of the other's, and end a moment later. */
static void test_doomed(void **state)
{
	struct puppet old, new;
	struct world w;

	(void)state;
	world_init(&w, 1, NULL);
	puppet_establish(&old, &w, true);
	puppet_establish(&new, &w, true);
	use(&w, &old);
	assert_int_equal(host_children(&w.hosts[0]), 2);
	assert_int_equal(ask_child(&old), IKE_NOTIFY_TEMPORARY_FAILURE);
	assert_int_equal(host_children(&w.hosts[0]), 2);
	puppet_done(&old);
	puppet_done(&new);
	world_done(&w);
}

/* One that rekeys the same IKE SA again and again while our own request
 * to rekey it is out cannot make us keep ever more: one heir at a time. */
static void test_many_heirs(void **state)
{
	struct puppet p;
	struct world w;

	(void)state;
	world_init(&w, 1, NULL);
	puppet_establish(&p, &w, true);
	rekey(&p);
	assert_int_equal(ask_rekey(&p, 0), 0);
	for (int i = 0; i < 20; i++)
		assert_int_equal(ask_rekey(&p, 0),
				 IKE_NOTIFY_TEMPORARY_FAILURE);
	/* This one, and the heir of each side. */
	assert_int_equal(host_sas(&w.hosts[0]), 3);
	puppet_done(&p);
	world_done(&w);
}

/* Nor can one that only rekeys. */
static void test_hasty(void **state)
{
	struct puppet p, q;
	struct world w;
	uint16_t rc = 0;
	unsigned n;

	(void)state;
	world_init(&w, 1, NULL);
	puppet_establish(&p, &w, true);
	q = p;
	for (n = 0; n < 20 && rc == 0; n++) {
		struct ike_nonce nonce = nonce_of(3);
		struct puppet old = q;

		use(&w, &q);
		rc = ask_rekey(&q, 3);
		if (rc == 0) {
			old = q;
			inherit(&q, &old, &nonce, true);
		}
	}
	assert_int_equal(rc, IKE_NOTIFY_TEMPORARY_FAILURE);
	assert_int_equal(n, LIMIT_IKE_REKEYED + 1);
	assert_int_equal(host_sas(&w.hosts[0]), LIMIT_IKE_REKEYED + 1);
	assert_int_equal(host_children(&w.hosts[0]), 1);
	puppet_done(&p);
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rekeyed),
		cmocka_unit_test(test_rekey),
		cmocka_unit_test(test_rekey_refused),
		cmocka_unit_test(test_other_group),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_won),
		cmocka_unit_test(test_deleted_first),
		cmocka_unit_test(test_closed),
		cmocka_unit_test(test_child_meanwhile),
		cmocka_unit_test(test_rekey_meanwhile),
		cmocka_unit_test(test_closing),
		cmocka_unit_test(test_refused_first),
		cmocka_unit_test(test_doomed),
		cmocka_unit_test(test_many_heirs),
		cmocka_unit_test(test_hasty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
