/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a peer that holds the keys can send: the input is wrapped into valid SK
 * payloads. First byte: the state of the engine and the exchange; second
 * byte: type of the first payload; the rest is the inside. In the states of
 * the second half more messages may follow: see next_message().
 */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/ike-puppet.h"
#include "util/rbuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Seeds name these by number: new ones at the end. */
enum {
	AUTH_REQUEST,
	AUTH_RESPONSE,
	INFO_REQUEST,
	INFO_RESPONSE,
	DELETE_RESPONSE,
	CHILD_REQUEST,
	/* Established, the engine was the initiator. */
	INFO_TO_INITIATOR,
	CHILD_TO_INITIATOR,
	/* Its request is out: the response to it, or a request that crosses. */
	REKEY_CHILD_RESPONSE,
	REKEY_CHILD_CROSSED,
	REKEY_CHILD_INFO,
	REKEY_IKE_RESPONSE,
	REKEY_IKE_CROSSED,
	REKEY_IKE_INFO,
	ADD_CHILD_RESPONSE,
	ADD_CHILD_CROSSED,
	DELETE_CHILD_RESPONSE,
	DELETE_CHILD_INFO,
	DELETE_CROSSED,
	DELETE_CHILD_REQUEST,
	/* The peer's Delete took the Child SA away: CHILDLESS. */
	CHILDLESS_INFO,
	CHILDLESS_CHILD,
	KINDS,
};

static const struct how {
	uint8_t exchange;
	bool response;
	uint32_t id;
} how[KINDS] = {
	[AUTH_REQUEST] = { IKE_EXCHANGE_AUTH, false, 1 },
	[AUTH_RESPONSE] = { IKE_EXCHANGE_AUTH, true, 1 },
	[INFO_REQUEST] = { IKE_EXCHANGE_INFORMATIONAL, false, 2 },
	[INFO_RESPONSE] = { IKE_EXCHANGE_INFORMATIONAL, true, 0 },
	[DELETE_RESPONSE] = { IKE_EXCHANGE_INFORMATIONAL, true, 0 },
	[CHILD_REQUEST] = { IKE_EXCHANGE_CREATE_CHILD_SA, false, 2 },
	[INFO_TO_INITIATOR] = { IKE_EXCHANGE_INFORMATIONAL, false, 0 },
	[CHILD_TO_INITIATOR] = { IKE_EXCHANGE_CREATE_CHILD_SA, false, 0 },
	[REKEY_CHILD_RESPONSE] = { IKE_EXCHANGE_CREATE_CHILD_SA, true, 0 },
	[REKEY_CHILD_CROSSED] = { IKE_EXCHANGE_CREATE_CHILD_SA, false, 2 },
	[REKEY_CHILD_INFO] = { IKE_EXCHANGE_INFORMATIONAL, false, 2 },
	[REKEY_IKE_RESPONSE] = { IKE_EXCHANGE_CREATE_CHILD_SA, true, 0 },
	[REKEY_IKE_CROSSED] = { IKE_EXCHANGE_CREATE_CHILD_SA, false, 2 },
	[REKEY_IKE_INFO] = { IKE_EXCHANGE_INFORMATIONAL, false, 2 },
	[ADD_CHILD_RESPONSE] = { IKE_EXCHANGE_CREATE_CHILD_SA, true, 0 },
	[ADD_CHILD_CROSSED] = { IKE_EXCHANGE_CREATE_CHILD_SA, false, 2 },
	[DELETE_CHILD_RESPONSE] = { IKE_EXCHANGE_INFORMATIONAL, true, 0 },
	[DELETE_CHILD_INFO] = { IKE_EXCHANGE_INFORMATIONAL, false, 2 },
	[DELETE_CROSSED] = { IKE_EXCHANGE_INFORMATIONAL, false, 2 },
	[DELETE_CHILD_REQUEST] = { IKE_EXCHANGE_CREATE_CHILD_SA, false, 2 },
	[CHILDLESS_INFO] = { IKE_EXCHANGE_INFORMATIONAL, false, 3 },
	[CHILDLESS_CHILD] = { IKE_EXCHANGE_CREATE_CHILD_SA, false, 3 },
};

static void check(int condition)
{
	if (!condition)
		abort();
}

/* What the engine itself has under way. */
static void begin(struct world *w, struct puppet *p, unsigned kind)
{
	struct ike_engine *e = w->hosts[0].engine;
	const struct child *c = host_child(&w->hosts[0]);
	struct ike_outgoing out;

	switch (kind) {
	case INFO_RESPONSE:
		ike_check(e, w->now, c->sa);
		break;
	case DELETE_RESPONSE:
	case DELETE_CROSSED:
	case DELETE_CHILD_REQUEST:
		ike_close(e, w->now, c->sa);
		break;
	case REKEY_CHILD_RESPONSE:
	case REKEY_CHILD_CROSSED:
	case REKEY_CHILD_INFO:
		check(ike_rekey_child(e, w->now, c->sa, c->up.in.spi) == 0);
		break;
	case REKEY_IKE_RESPONSE:
	case REKEY_IKE_CROSSED:
	case REKEY_IKE_INFO:
		check(ike_rekey(e, w->now, c->sa) == 0);
		break;
	case ADD_CHILD_RESPONSE:
	case ADD_CHILD_CROSSED:
		check(ike_add_child(e, w->now, c->sa) == 0);
		break;
	case DELETE_CHILD_RESPONSE:
	case DELETE_CHILD_INFO:
		check(ike_delete_child(e, w->now, c->sa, c->up.in.spi) == 0);
		break;
	case CHILDLESS_INFO:
	case CHILDLESS_CHILD:
		puppet_begin(p, &out, IKE_EXCHANGE_INFORMATIONAL, false, 2);
		ike_delete_write_esp(&out.b, p->child_spi);
		puppet_send(p, &out);
		break;
	default:
		break;
	}
	world_settle(w);
}

static void enter(struct world *w, struct puppet *p, unsigned kind)
{
	const struct puppet_script s = { 0 };

	world_init(w, 1, NULL);
	if (kind == AUTH_REQUEST) {
		puppet_init(p, w, true, IKE_KE_X25519);
		puppet_send_init(p, &s);
		puppet_take_init(p);
	} else if (kind == AUTH_RESPONSE) {
		puppet_init(p, w, false, IKE_KE_X25519);
		world_initiate(w, 0);
		puppet_answer_init(p, &s);
	} else {
		puppet_establish(p, w,
				 kind != INFO_TO_INITIATOR &&
					 kind != CHILD_TO_INITIATOR);
		begin(w, p, kind);
	}
}

/*
 * One more message: a byte that says which, the type of its first payload, its
 * length in two bytes, and the inside. The byte: 1, the other exchange; 2,
 * a response; 4 to 12, the message ID from the one before on; 16, after a while.
 */
static void next_message(struct world *w, struct puppet *p, struct how *h,
			 struct rbuf *r)
{
	uint8_t what = rbuf_u8(r), first = rbuf_u8(r);
	struct rbuf inside = rbuf_slice(r, rbuf_be16(r));

	if (!rbuf_ok(&inside) || !rbuf_ok(r))
		return;
	if (what & 1)
		h->exchange = h->exchange == IKE_EXCHANGE_INFORMATIONAL
				      ? IKE_EXCHANGE_CREATE_CHILD_SA
				      : IKE_EXCHANGE_INFORMATIONAL;
	h->response = what & 2;
	h->id += what >> 2 & 3;
	if (what & 16)
		world_run(w, w->now + 1500);
	puppet_send_raw(p, h->exchange, h->response, h->id, first, inside.pos,
			inside.left);
}

/* Every request is answered, with something that reads well. */
static void check_answer(struct puppet *p, unsigned n_rx)
{
	check(p->n_rx > n_rx);
	if (p->n_rx > n_rx + 1)
		return; /* what it asks itself came behind */
	puppet_open(p);
	check(ike_header_is_response(&p->m.header));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct rbuf r = rbuf_of(data, len);
	unsigned kind = rbuf_u8(&r) % KINDS;
	uint8_t first = rbuf_u8(&r);
	struct how h = how[kind];
	struct puppet p;
	struct world w;
	unsigned n_rx, n = 0;

	if (!rbuf_ok(&r) || r.left > 3000)
		return 0;
	enter(&w, &p, kind);
	n_rx = p.n_rx;
	if (kind <= CHILD_REQUEST) {
		puppet_send_raw(&p, h.exchange, h.response, h.id, first, r.pos,
				r.left);
	} else {
		struct rbuf inside = rbuf_slice(&r, rbuf_be16(&r));

		if (rbuf_ok(&inside) && rbuf_ok(&r))
			puppet_send_raw(&p, h.exchange, h.response, h.id, first,
					inside.pos, inside.left);
		else
			h.response = true; /* nothing was sent */
	}
	if (!h.response)
		check_answer(&p, n_rx);
	while (kind > CHILD_REQUEST && rbuf_ok(&r) && r.left && n++ < 4)
		next_message(&w, &p, &h, &r);
	/* No AUTH that it could compute is in the input. */
	if (kind <= AUTH_RESPONSE)
		check(host_children(&w.hosts[0]) == 0);
	/* An IKE SA and its heirs, of either side. */
	check(host_sas(&w.hosts[0]) <= 4);
	check(host_children(&w.hosts[0]) <= LIMIT_IKE_CHILDREN);
	world_run(&w, w.now + 200000);
	check(host_sas(&w.hosts[0]) == 0);
	check(host_children(&w.hosts[0]) == 0);
	check(ike_engine_deadline(w.hosts[0].engine) == UINT64_MAX);
	puppet_done(&p);
	world_done(&w);
	return 0;
}
