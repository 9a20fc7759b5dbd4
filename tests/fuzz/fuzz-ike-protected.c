/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a peer that holds the keys can send: the input is wrapped into a valid
 * SK payload. First byte: state, exchange and direction; second byte: type of
 * the first payload; the rest is the inside.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/ike-puppet.h"
#include "util/rbuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum {
	AUTH_REQUEST,
	AUTH_RESPONSE,
	INFO_REQUEST,
	INFO_RESPONSE,
	DELETE_RESPONSE,
	CHILD_REQUEST,
	KINDS,
};

static void check(int condition)
{
	if (!condition)
		abort();
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
		puppet_establish(p, w, true);
	}
	if (kind == INFO_RESPONSE)
		ike_check(w->hosts[0].engine, w->now,
			  host_child(&w->hosts[0])->sa);
	else if (kind == DELETE_RESPONSE)
		ike_close(w->hosts[0].engine, w->now,
			  host_child(&w->hosts[0])->sa);
	world_settle(w);
}

static void wrap(struct puppet *p, unsigned kind, uint8_t first,
		 const void *data, size_t len)
{
	static const struct {
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
	};

	puppet_send_raw(p, how[kind].exchange, how[kind].response, how[kind].id,
			first, data, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct rbuf r = rbuf_of(data, len);
	unsigned kind = rbuf_u8(&r) % KINDS;
	uint8_t first = rbuf_u8(&r);
	struct puppet p;
	struct world w;
	unsigned n_rx;

	if (!rbuf_ok(&r) || r.left > 3000)
		return 0;
	enter(&w, &p, kind);
	n_rx = p.n_rx;
	wrap(&p, kind, first, r.pos, r.left);
	/* Every request is answered, with something that reads well. */
	if (kind == AUTH_REQUEST || kind == INFO_REQUEST ||
	    kind == CHILD_REQUEST) {
		check(p.n_rx == n_rx + 1);
		puppet_open(&p);
		check(ike_header_is_response(&p.m.header));
	}
	/* No AUTH that it could compute is in the input. */
	if (kind <= AUTH_RESPONSE)
		check(host_children(&w.hosts[0]) == 0);
	check(host_sas(&w.hosts[0]) <= 1);
	world_run(&w, w.now + 100000);
	check(host_sas(&w.hosts[0]) == 0);
	check(host_children(&w.hosts[0]) == 0);
	check(ike_engine_deadline(w.hosts[0].engine) == UINT64_MAX);
	puppet_done(&p);
	world_done(&w);
	return 0;
}
