/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CREATE_CHILD_SA for Child SAs against a scripted peer: what is answered,
 * what an answer does, and the cases of RFC 7296 2.8.1 and 2.25.1 one by one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>

#include "tests/unit/ike-puppet.h"

#define CHILD IKE_EXCHANGE_CREATE_CHILD_SA
#define SPI   0x0badcafeu

/* What the peer says in a request or a response. */
struct speech {
	uint32_t rekeys; /* its SPI of the Child SA, or 0 */
	uint8_t protocol;
	uint32_t spi; /* of its new one */
	uint8_t nonce;
	uint16_t group, ke_group;
	bool no_ke, zero_ke, tunnel, elsewhere;
};

static struct ike_nonce nonce_of(uint8_t byte)
{
	struct ike_nonce n = { .len = 32 };

	memset(n.data, byte, n.len);
	return n;
}

static struct ike_offer offer_of(const struct speech *s)
{
	struct algorithms a;
	struct ike_offer o;

	algorithms_init(&a);
	if (s->group)
		a.accept = (struct algorithm_list){ 0 };
	if (s->group)
		algorithm_list_add(&a.accept, ALGORITHM_AES_GCM_256);
	if (s->group)
		algorithm_list_add(&a.accept, s->group == IKE_KE_X25519
						      ? ALGORITHM_X25519
						      : ALGORITHM_P256);
	ike_offer_init(&o, s->group ? IKE_OFFER_CHILD : IKE_OFFER_AUTH,
		       &a.accept);
	return o;
}

static void write_ke(struct ike_builder *b, struct puppet *p,
		     const struct speech *s)
{
	static const uint8_t zero[32];

	if (!s->group || s->no_ke)
		return;
	ike_ke_write(b, s->ke_group ? s->ke_group : s->group,
		     s->zero_ke ? zero : p->public,
		     s->group == IKE_KE_X25519 ? 32 : p->kex->public_len);
}

static void write_request(struct ike_builder *b, struct puppet *p,
			  const struct speech *s)
{
	struct ike_nonce n = nonce_of(s->nonce);
	struct ike_offer o = offer_of(s);
	struct addr other = p->w->hosts[1].address.addr;
	uint8_t spi[4] = { (uint8_t)(s->rekeys >> 24),
			   (uint8_t)(s->rekeys >> 16),
			   (uint8_t)(s->rekeys >> 8), (uint8_t)s->rekeys };
	struct ike_view view = { spi, 4 };

	if (s->elsewhere)
		other.bytes[3]++;
	if (s->rekeys)
		ike_notify_write_spi(
			b, IKE_NOTIFY_REKEY_SA,
			s->protocol ? s->protocol : IKE_PROTOCOL_ESP, &view);
	if (!s->tunnel)
		ike_notify_write(b, IKE_NOTIFY_USE_TRANSPORT_MODE, NULL, 0);
	ike_proposal_write_offer(b, &o, s->spi);
	ike_nonce_write(b, &n);
	write_ke(b, p, s);
	ike_selectors_write(b, IKE_PAYLOAD_TSI, &other);
	ike_selectors_write(b, IKE_PAYLOAD_TSR, &p->w->hosts[0].address.addr);
}

/* Sends it; the answer is opened. */
static uint16_t ask(struct puppet *p, const struct speech *s)
{
	struct ike_outgoing out;

	puppet_begin(p, &out, CHILD, false, p->next_id++);
	write_request(&out.b, p, s);
	puppet_send(p, &out);
	puppet_open(p);
	assert_true(ike_header_is_response(&p->m.header));
	return puppet_error(p);
}

static const struct ike_payload *payload(const struct puppet *p,
					 enum ike_payload_type type)
{
	const struct ike_payload *found = ike_message_find(&p->m, type);

	assert_non_null(found);
	return found;
}

/* The keys that follow from both nonces (2.17). */
static void check_keys(const struct puppet *p, const struct child *c,
		       const struct ike_nonce *ni, const struct ike_nonce *nr,
		       const struct secret *shared, bool initiator)
{
	struct esp_sa i = { .cipher = c->up.in.cipher };
	struct esp_sa r = { .cipher = c->up.in.cipher };
	const struct esp_sa *in = initiator ? &r : &i;

	assert_int_equal(
		ike_keymat_child(p->prf, &p->keys.d, shared, ni, nr, &i, &r),
		0);
	assert_memory_equal(c->up.in.key, in->key, in->key_len);
	assert_int_equal(c->up.initiator, initiator);
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

/* The Delete of an ESP SA that host 0 sent last: its SPI. */
static uint32_t deleted_spi(struct puppet *p)
{
	struct ike_delete d;
	struct rbuf r;

	puppet_open(p);
	assert_int_equal(p->m.header.exchange, IKE_EXCHANGE_INFORMATIONAL);
	assert_int_equal(ike_delete_parse(payload(p, IKE_PAYLOAD_DELETE), &d),
			 0);
	assert_int_equal(d.protocol, IKE_PROTOCOL_ESP);
	r = rbuf_of(d.spis.data, d.spis.len);
	return rbuf_be32(&r);
}

static void answer_empty(struct puppet *p, uint32_t id)
{
	struct ike_outgoing out;

	puppet_begin(p, &out, IKE_EXCHANGE_INFORMATIONAL, true, id);
	puppet_send(p, &out);
}

/* The test of that name. */
#define EACH_ROLE(name)                       \
	static void test_##name(void **state) \
	{                                     \
		(void)state;                  \
		each_role(run_##name);        \
	}

/* --- as responder ------------------------------------------------------------ */

static void run_rekeyed(struct puppet *p, struct world *w)
{
	const struct speech s = { .rekeys = p->child_spi, .spi = SPI };
	struct ike_nonce ni = nonce_of(0), nr;
	struct host *h = &w->hosts[0];
	struct child *old = host_child(h), *c;

	assert_int_equal(ask(p, &s), 0);
	c = host_child(h);
	assert_ptr_not_equal(c, old);
	assert_int_equal(c->up.replaces, old->up.in.spi);
	assert_int_equal(c->up.out.spi, SPI);
	assert_false(c->up.redundant);
	assert_int_equal(ike_nonce_parse(payload(p, IKE_PAYLOAD_NONCE), &nr),
			 0);
	check_keys(p, c, &ni, &nr, NULL, false);
	/* The old one stays for the peer to delete, and for so long. */
	assert_int_equal(host_children(h), 2);
	ike_child_used(h->engine, w->now, c->sa, c->up.in.spi);
	world_run(w, w->now + 3 * h->config.redundant_ms);
	assert_int_equal(host_children(h), 2);
	world_run(w, w->now + 2 * h->config.redundant_ms);
	assert_int_equal(deleted_spi(p), old->up.in.spi);
	answer_empty(p, p->m.header.id);
	assert_int_equal(host_children(h), 1);
	assert_int_equal(old->reason, IKE_REASON_REPLACED);
}

EACH_ROLE(rekeyed)

static void run_rekeyed_pfs(struct puppet *p, struct world *w)
{
	const struct speech s = { .rekeys = p->child_spi,
				  .spi = SPI,
				  .group = IKE_KE_X25519 };
	struct ike_nonce ni = nonce_of(0), nr;
	struct secret shared = { 0 };
	struct ike_ke ke;

	assert_int_equal(ask(p, &s), 0);
	assert_int_equal(ike_nonce_parse(payload(p, IKE_PAYLOAD_NONCE), &nr),
			 0);
	assert_int_equal(ike_ke_parse(payload(p, IKE_PAYLOAD_KE), &ke), 0);
	assert_int_equal(ke.group, IKE_KE_X25519);
	assert_int_equal(ike_kex_derive(p->kex, p->key, ke.data.data,
					ke.data.len, &shared),
			 0);
	check_keys(p, host_child(&w->hosts[0]), &ni, &nr, &shared, false);
	secret_done(&shared);
}

EACH_ROLE(rekeyed_pfs)

/* What is refused, and changes nothing. */
static const struct {
	const char *name;
	struct speech s; /* rekeys 1: the one that there is */
	uint16_t answer;
} refused[] = {
	{ "2.25: rekeying of a Child SA that is not there",
	  { .rekeys = 0x1234567, .spi = SPI },
	  IKE_NOTIFY_CHILD_SA_NOT_FOUND },
	{ "2.25: of AH",
	  { .rekeys = 1, .protocol = IKE_PROTOCOL_AH, .spi = SPI },
	  IKE_NOTIFY_CHILD_SA_NOT_FOUND },
	{ "1.3: the KE payload is of another group",
	  { .rekeys = 1,
	    .spi = SPI,
	    .group = IKE_KE_P256,
	    .ke_group = IKE_KE_X25519 },
	  IKE_NOTIFY_INVALID_KE_PAYLOAD },
	{ "1.3: a group without a KE payload",
	  { .rekeys = 1, .spi = SPI, .group = IKE_KE_X25519, .no_ke = true },
	  IKE_NOTIFY_INVALID_KE_PAYLOAD },
	{ "3.3: an SPI of zero",
	  { .rekeys = 1, .spi = 0 },
	  IKE_NOTIFY_NO_PROPOSAL_CHOSEN },
	{ "1.3.1: tunnel mode, where policy has transport only",
	  { .rekeys = 1, .spi = SPI, .tunnel = true },
	  IKE_NOTIFY_NO_PROPOSAL_CHOSEN },
	{ "2.9: another host's address",
	  { .spi = SPI, .elsewhere = true },
	  IKE_NOTIFY_TS_UNACCEPTABLE },
};

static void run_refused(struct puppet *p, struct world *w)
{
	struct child *c = host_child(&w->hosts[0]);

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct speech s = refused[i].s;

		print_message("  %s\n", refused[i].name);
		if (s.rekeys == 1)
			s.rekeys = p->child_spi;
		assert_int_equal(ask(p, &s), refused[i].answer);
		assert_ptr_equal(host_child(&w->hosts[0]), c);
		assert_int_equal(host_children(&w->hosts[0]), 1);
	}
}

EACH_ROLE(refused)

/* CHILD_SA_NOT_FOUND names what was asked for (2.25). */
static void run_not_found(struct puppet *p, struct world *w)
{
	const struct speech s = { .rekeys = 0x1234567, .spi = SPI };
	struct ike_notify n;

	(void)w;
	assert_int_equal(ask(p, &s), IKE_NOTIFY_CHILD_SA_NOT_FOUND);
	assert_int_equal(ike_notify_parse(payload(p, IKE_PAYLOAD_NOTIFY), &n),
			 0);
	assert_int_equal(n.protocol, IKE_PROTOCOL_ESP);
	assert_int_equal(n.spi.len, 4);
	assert_memory_equal(n.spi.data, "\x01\x23\x45\x67", 4);
}

EACH_ROLE(not_found)

/* RFC 6989: a key that gives no secret ends the SA, with an answer. */
static void run_bad_key(struct puppet *p, struct world *w)
{
	const struct speech s = { .spi = SPI,
				  .group = IKE_KE_X25519,
				  .zero_ke = true };
	struct child *c = host_child(&w->hosts[0]);

	assert_int_equal(ask(p, &s), IKE_NOTIFY_INVALID_SYNTAX);
	assert_true(c->down);
	assert_int_equal(c->reason, IKE_REASON_PROTOCOL);
}

EACH_ROLE(bad_key)

static enum ike_modes any_mode(void *user, const struct addr *local,
			       const struct addr *remote,
			       const struct ike_proof *peer)
{
	(void)user;
	(void)local;
	(void)peer;
	(void)remote;
	return IKE_MODES_EITHER;
}

/* 1.3.1: the peer chooses, where policy lets it; but not when it rekeys. */
static void test_modes(void **state)
{
	(void)state;
	for (unsigned tunnel = 0; tunnel < 2; tunnel++) {
		struct speech s = { .spi = SPI, .tunnel = tunnel };
		struct puppet p;
		struct world w;
		struct child *c;

		world_init(&w, 1, NULL);
		w.hosts[0].engine->ops.modes = any_mode;
		puppet_establish(&p, &w, true);
		assert_int_equal(ask(&p, &s), 0);
		c = host_child(&w.hosts[0]);
		assert_int_equal(c->up.mode,
				 tunnel ? IKE_MODE_TUNNEL : IKE_MODE_TRANSPORT);
		s = (struct speech){ .rekeys = SPI, .spi = SPI + 1 };
		s.tunnel = !tunnel;
		assert_int_equal(ask(&p, &s), IKE_NOTIFY_NO_PROPOSAL_CHOSEN);
		assert_false(c->down);
		s.tunnel = tunnel;
		assert_int_equal(ask(&p, &s), 0);
		puppet_done(&p);
		world_done(&w);
	}
}

/* --- as initiator -------------------------------------------------------------- */

/* Host 0 rekeys; its request is opened, and its nonce is given. */
static void rekey(struct puppet *p, struct ike_nonce *ret_ni)
{
	struct host *h = &p->w->hosts[0];
	struct child *c = host_child(h);

	assert_int_equal(
		ike_rekey_child(h->engine, p->w->now, c->sa, c->up.in.spi), 0);
	world_settle(p->w);
	puppet_open(p);
	assert_int_equal(p->m.header.exchange, CHILD);
	assert_false(ike_header_is_response(&p->m.header));
	assert_int_equal(ike_nonce_parse(payload(p, IKE_PAYLOAD_NONCE), ret_ni),
			 0);
}

static void answer_notify(struct puppet *p, uint32_t id, uint16_t type)
{
	struct ike_outgoing out;

	puppet_begin(p, &out, CHILD, true, id);
	ike_notify_write(&out.b, type, NULL, 0);
	puppet_send(p, &out);
}

static void answer(struct puppet *p, uint32_t id, const struct speech *s)
{
	struct ike_choice choice = { 0 };
	struct ike_nonce n = nonce_of(s->nonce);
	struct ike_offer o = offer_of(s);
	struct ike_outgoing out;

	assert_int_equal(
		ike_proposal_choose(payload(p, IKE_PAYLOAD_SA), &o, 0, &choice),
		0);
	puppet_begin(p, &out, CHILD, true, id);
	if (!s->tunnel)
		ike_notify_write(&out.b, IKE_NOTIFY_USE_TRANSPORT_MODE, NULL,
				 0);
	ike_proposal_write_choice(&out.b, &choice, s->spi);
	ike_nonce_write(&out.b, &n);
	ike_selectors_write(&out.b, IKE_PAYLOAD_TSI,
			    &p->w->hosts[0].address.addr);
	ike_selectors_write(&out.b, IKE_PAYLOAD_TSR,
			    &p->w->hosts[1].address.addr);
	puppet_send(p, &out);
}

static void run_rekey(struct puppet *p, struct world *w)
{
	const struct speech s = { .spi = SPI, .nonce = 7 };
	struct ike_nonce ni, nr = nonce_of(7);
	struct host *h = &w->hosts[0];
	struct child *old = host_child(h), *c;
	struct ike_notify n;

	rekey(p, &ni);
	/* 1.3.3: our SPI of the old one. */
	assert_int_equal(ike_notify_parse(payload(p, IKE_PAYLOAD_NOTIFY), &n),
			 0);
	assert_int_equal(n.type, IKE_NOTIFY_REKEY_SA);
	assert_int_equal(n.protocol, IKE_PROTOCOL_ESP);
	answer(p, p->m.header.id, &s);
	c = host_child(h);
	assert_int_equal(c->up.replaces, old->up.in.spi);
	check_keys(p, c, &ni, &nr, NULL, true);
	/* The old one goes when the new one is in use. */
	assert_int_equal(host_children(h), 2);
	ike_child_used(h->engine, w->now, c->sa, c->up.in.spi);
	world_settle(w);
	assert_int_equal(deleted_spi(p), old->up.in.spi);
	/* It receives until the peer has stopped to send on it. */
	assert_int_equal(host_children(h), 2);
	answer_empty(p, p->m.header.id);
	assert_int_equal(old->reason, IKE_REASON_REPLACED);
	assert_int_equal(host_children(h), 1);
}

EACH_ROLE(rekey)

/* ... or after a while without any sign. */
static void run_rekey_unused(struct puppet *p, struct world *w)
{
	const struct speech s = { .spi = SPI, .nonce = 7 };
	struct host *h = &w->hosts[0];
	uint32_t old = host_child(h)->up.in.spi;
	struct ike_nonce ni;

	rekey(p, &ni);
	answer(p, p->m.header.id, &s);
	world_run(w, w->now + h->config.redundant_ms * 9 / 10);
	assert_int_equal(host_children(h), 2);
	world_run(w, w->now + h->config.redundant_ms / 2);
	assert_int_equal(deleted_spi(p), old);
	answer_empty(p, p->m.header.id);
	assert_int_equal(host_children(h), 1);
}

EACH_ROLE(rekey_unused)

/* A peer that wants it with a key exchange, where we began without, or the
 * other way round, is asked once more. */
static void refuse_pfs(struct puppet *p, struct world *w)
{
	bool ke = ike_message_find(&p->m, IKE_PAYLOAD_KE) != NULL;
	unsigned before = p->n_rx;

	answer_notify(p, p->m.header.id, IKE_NOTIFY_NO_PROPOSAL_CHOSEN);
	assert_int_equal(w->hosts[0].n_refused, 0);
	while (p->n_rx == before)
		assert_true(world_step(w, w->now + 60000));
	puppet_open(p);
	assert_int_equal(p->m.header.exchange, CHILD);
	assert_int_equal(ike_message_find(&p->m, IKE_PAYLOAD_KE) != NULL, !ke);
}

/* Refused for good: the owner is told, and the old one stays. */
static void run_rekey_refused(struct puppet *p, struct world *w)
{
	static const uint16_t types[] = {
		IKE_NOTIFY_NO_PROPOSAL_CHOSEN,
		IKE_NOTIFY_TS_UNACCEPTABLE,
		IKE_NOTIFY_NO_ADDITIONAL_SAS,
		IKE_NOTIFY_INVALID_KE_PAYLOAD,
		IKE_NOTIFY_UNSUPPORTED_CRITICAL_PAYLOAD,
		8191,
	};
	struct host *h = &w->hosts[0];
	struct child *old = host_child(h);
	struct ike_nonce ni;

	for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		rekey(p, &ni);
		if (types[i] == IKE_NOTIFY_NO_PROPOSAL_CHOSEN)
			refuse_pfs(p, w);
		answer_notify(p, p->m.header.id, types[i]);
		assert_int_equal(h->n_refused, i + 1);
		assert_int_equal(h->refused.spi_in, old->up.in.spi);
		assert_int_equal(h->refused.notify, types[i]);
		assert_ptr_equal(host_child(h), old);
	}
}

EACH_ROLE(rekey_refused)

/* 2.25: TEMPORARY_FAILURE: again, a moment later. */
static void run_put_off(struct puppet *p, struct world *w)
{
	const struct speech s = { .spi = SPI, .nonce = 7 };
	struct host *h = &w->hosts[0];
	struct ike_nonce ni;

	rekey(p, &ni);
	for (unsigned i = 0; i < 3; i++) {
		unsigned before = p->n_rx;

		answer_notify(p, p->m.header.id, IKE_NOTIFY_TEMPORARY_FAILURE);
		world_run(w, w->now + (h->config.retry_ms << i) / 2 - 10);
		assert_int_equal(p->n_rx, before);
		while (p->n_rx == before)
			assert_true(world_step(w, w->now + 60000));
		puppet_open(p);
		assert_int_equal(p->m.header.exchange, CHILD);
	}
	assert_int_equal(h->n_refused, 0);
	answer(p, p->m.header.id, &s);
	assert_int_equal(h->n_replaced, 1);
}

EACH_ROLE(put_off)

/* 2.25: the peer has lost it: down, and one from scratch is asked for. */
static void run_gone(struct puppet *p, struct world *w)
{
	const struct speech s = { .spi = SPI, .nonce = 7 };
	struct host *h = &w->hosts[0];
	struct child *old = host_child(h);
	struct ike_notify n;
	struct ike_nonce ni;

	rekey(p, &ni);
	answer_notify(p, p->m.header.id, IKE_NOTIFY_CHILD_SA_NOT_FOUND);
	assert_true(old->down);
	puppet_open(p);
	assert_int_equal(p->m.header.exchange, CHILD);
	assert_int_equal(ike_notify_parse(payload(p, IKE_PAYLOAD_NOTIFY), &n),
			 0);
	assert_int_equal(n.type, IKE_NOTIFY_USE_TRANSPORT_MODE);
	answer(p, p->m.header.id, &s);
	assert_int_equal(host_children(h), 1);
	assert_int_equal(host_child(h)->up.replaces, 0);
	world_run(w, w->now + 5000);
	assert_int_equal(host_children(h), 1);
}

EACH_ROLE(gone)

/* 1.3.1: tunnel mode, which we did not ask for: not used, and deleted. */
static void run_other_mode(struct puppet *p, struct world *w)
{
	const struct speech s = { .spi = SPI, .nonce = 7, .tunnel = true };
	struct host *h = &w->hosts[0];
	uint32_t old = host_child(h)->up.in.spi;
	struct ike_sa *sa = slots_get(h->engine->sas, host_child(h)->sa);
	struct ike_nonce ni;

	for (unsigned i = 0; i < 2; i++) {
		sa->modes = i ? IKE_MODES_EITHER : IKE_MODES_TRANSPORT;
		rekey(p, &ni);
		answer(p, p->m.header.id, &s);
		assert_int_equal(h->n_refused, i + 1);
		assert_int_equal(h->refused.reason, IKE_REASON_MODE);
		assert_int_not_equal(deleted_spi(p), old);
		assert_int_equal(host_child(h)->up.in.spi, old);
		answer_empty(p, p->m.header.id);
	}
}

EACH_ROLE(other_mode)

/* --- 2.8.1 and 2.25.1 ------------------------------------------------------------ */

/* Both rekey; ours: the one that we initiated has the lowest nonce. */
static void collide(struct puppet *p, bool ours)
{
	const struct speech theirs = { .rekeys = p->child_spi,
				       .spi = SPI,
				       .nonce = ours ? 0xff : 0 };
	const struct speech reply = { .spi = SPI + 1,
				      .nonce = ours ? 0 : 0xff };
	struct ike_message request;
	struct ike_nonce ni;
	uint8_t plain[LIMIT_IKE_MESSAGE];
	uint32_t id;

	rekey(p, &ni);
	id = p->m.header.id;
	/* Views into p->plain, which the next message overwrites. */
	memcpy(plain, p->plain, sizeof(plain));
	request = p->m;
	for (size_t i = 0; i < request.n; i++)
		request.payloads[i].data =
			plain + (request.payloads[i].data - p->plain);
	assert_int_equal(ask(p, &theirs), 0);
	p->m = request;
	answer(p, id, &reply);
}

/* Ours has the lowest nonce: we delete it, the old one is the peer's. */
static void run_lost(struct puppet *p, struct world *w)
{
	struct host *h = &w->hosts[0];
	struct child *c;

	collide(p, true);
	c = &h->children[h->n_children - 1];
	assert_true(c->up.redundant);
	assert_int_equal(c->up.out.spi, SPI + 1);
	assert_int_equal(host_child(h)->up.out.spi, SPI);
	world_run(w, w->now + h->config.redundant_ms * 3 / 2);
	assert_int_equal(deleted_spi(p), c->up.in.spi);
	answer_empty(p, p->m.header.id);
	assert_int_equal(host_children(h), 2);
}

EACH_ROLE(lost)

/* The peer's has it: that one is the peer's to delete, we delete the old. */
static void run_won(struct puppet *p, struct world *w)
{
	struct host *h = &w->hosts[0];
	uint32_t old = host_child(h)->up.in.spi;

	collide(p, false);
	assert_int_equal(host_child(h)->up.out.spi, SPI + 1);
	assert_int_equal(host_children(h), 3);
	world_run(w, w->now + h->config.redundant_ms * 3 / 2);
	assert_int_equal(deleted_spi(p), old);
	answer_empty(p, p->m.header.id);
	assert_int_equal(host_children(h), 2);
}

EACH_ROLE(won)

/* Host 0 asks for a further one; its request is opened. */
static uint32_t add(struct puppet *p)
{
	struct host *h = &p->w->hosts[0];

	assert_int_equal(ike_add_child(h->engine, p->w->now, host_child(h)->sa),
			 0);
	world_settle(p->w);
	puppet_open(p);
	assert_int_equal(p->m.header.exchange, CHILD);
	return p->m.header.id;
}

static uint16_t ask_delete(struct puppet *p, uint32_t spi, bool *ret_delete)
{
	struct ike_outgoing out;

	puppet_begin(p, &out, IKE_EXCHANGE_INFORMATIONAL, false, p->next_id++);
	ike_delete_write_esp(&out.b, spi);
	puppet_send(p, &out);
	puppet_open(p);
	assert_true(ike_header_is_response(&p->m.header));
	*ret_delete = ike_message_find(&p->m, IKE_PAYLOAD_DELETE) != NULL;
	return puppet_error(p);
}

/* 2.25.1: to close what we are rekeying is answered as usual. */
static void run_delete_rekeying(struct puppet *p, struct world *w)
{
	struct host *h = &w->hosts[0];
	struct child *old = host_child(h);
	struct ike_nonce ni;
	bool has_delete;
	uint32_t id;

	rekey(p, &ni);
	id = p->m.header.id;
	assert_int_equal(ask_delete(p, p->child_spi, &has_delete), 0);
	assert_true(has_delete);
	assert_true(old->down);
	answer_notify(p, id, IKE_NOTIFY_CHILD_SA_NOT_FOUND);
	assert_int_equal(h->n_refused, 0);
	assert_int_equal(host_children(h), 0);
}

EACH_ROLE(delete_rekeying)

/* 2.25.1: to close, and to rekey, what we are closing. */
static void run_closing(struct puppet *p, struct world *w)
{
	struct speech s = { .spi = SPI };
	struct host *h = &w->hosts[0];
	struct child *first = host_child(h);
	bool has_delete;

	assert_int_equal(ask(p, &s), 0);
	assert_int_equal(host_children(h), 2);
	assert_int_equal(ike_delete_child(h->engine, w->now, first->sa,
					  first->up.in.spi),
			 0);
	world_settle(w);
	assert_true(first->down);
	assert_int_equal(deleted_spi(p), first->up.in.spi);
	s.rekeys = p->child_spi;
	assert_int_equal(ask(p, &s), IKE_NOTIFY_TEMPORARY_FAILURE);
	assert_int_equal(ask_delete(p, p->child_spi, &has_delete), 0);
	assert_false(has_delete);
	assert_int_equal(host_children(h), 1);
}

EACH_ROLE(closing)

/* The peer made it, deleted it, and only then its response arrives. */
static void run_deleted_before(struct puppet *p, struct world *w)
{
	const struct speech s = { .spi = SPI, .nonce = 7 };
	struct host *h = &w->hosts[0];
	uint8_t plain[LIMIT_IKE_MESSAGE];
	uint32_t id = add(p);
	struct ike_message request = p->m;
	bool has_delete;

	/* Views into p->plain, which the next message overwrites. */
	memcpy(plain, p->plain, sizeof(plain));
	for (size_t i = 0; i < request.n; i++)
		request.payloads[i].data =
			plain + (request.payloads[i].data - p->plain);
	assert_int_equal(ask_delete(p, SPI, &has_delete), 0);
	assert_false(has_delete);
	p->m = request;
	answer(p, id, &s);
	assert_int_equal(host_children(h), 1);
	assert_int_equal(h->n_refused, 1);
	assert_int_equal(h->refused.reason, IKE_REASON_DELETED);
}

EACH_ROLE(deleted_before)

/* The peer made it and rekeys it, and its response is still on the way. */
static void run_rekeyed_before(struct puppet *p, struct world *w)
{
	const struct speech s = { .rekeys = SPI, .spi = SPI + 1 };

	(void)w;
	add(p);
	assert_int_equal(ask(p, &s), IKE_NOTIFY_TEMPORARY_FAILURE);
}

EACH_ROLE(rekeyed_before)

/* What the owner deletes while it is rekeyed does not come back. */
static void run_unwanted(struct puppet *p, struct world *w)
{
	const struct speech s = { .spi = SPI, .nonce = 7 };
	struct host *h = &w->hosts[0];
	struct child *c = host_child(h);
	struct ike_nonce ni;
	uint32_t id;

	rekey(p, &ni);
	id = p->m.header.id;
	assert_int_equal(
		ike_delete_child(h->engine, w->now, c->sa, c->up.in.spi), 0);
	answer(p, id, &s);
	assert_int_equal(host_children(h), 0);
	assert_int_equal(h->n_refused, 0);
	assert_int_equal(h->n_children, 1);
}

EACH_ROLE(unwanted)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rekeyed),
		cmocka_unit_test(test_rekeyed_pfs),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_not_found),
		cmocka_unit_test(test_bad_key),
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_rekey),
		cmocka_unit_test(test_rekey_unused),
		cmocka_unit_test(test_rekey_refused),
		cmocka_unit_test(test_put_off),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_other_mode),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_won),
		cmocka_unit_test(test_delete_rekeying),
		cmocka_unit_test(test_closing),
		cmocka_unit_test(test_deleted_before),
		cmocka_unit_test(test_rekeyed_before),
		cmocka_unit_test(test_unwanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
