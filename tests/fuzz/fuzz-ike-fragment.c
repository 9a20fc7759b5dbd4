/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fragments (RFC 7383) of a peer that holds the keys. First byte: the state
 * that it meets; then fragment after fragment: number, total, type of the
 * first payload, flags, how long, and the text. What it sends is authentic,
 * except where the flags say otherwise.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/ike-puppet.h"
#include "util/rbuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Of the state. */
#define ESTABLISHED 0x01
#define ASKED	    0x02 /* we wait for a response */
/* Of a fragment. */
#define FORGED	 0x01
#define RESPONSE 0x02
#define NEXT_ID	 0x04
#define OTHER	 0x08 /* another exchange */
#define LATER	 0x10 /* after a while */
#define WHOLE	 0x20 /* no fragment at all */
#define LONG	 0x40 /* and 1000 bytes more */

static void check(int condition)
{
	if (!condition)
		abort();
}

static void enter(struct world *w, struct puppet *p, uint8_t what)
{
	struct puppet_script s = {
		.notify = IKE_NOTIFY_FRAGMENTATION_SUPPORTED,
	};

	world_init(w, 1, NULL);
	puppet_init(p, w, true, IKE_KE_X25519);
	puppet_send_init(p, &s);
	puppet_take_init(p);
	s.notify = 0;
	if (!(what & ESTABLISHED))
		return;
	puppet_send_auth(p, &s);
	if (what & ASKED)
		ike_check(w->hosts[0].engine, w->now,
			  host_child(&w->hosts[0])->sa);
	world_settle(w);
}

static void send_one(struct puppet *p, struct rbuf *r, uint8_t state)
{
	uint8_t text[255 + 1000] = { 0 };
	struct puppet_fragment f = { .data = text };
	uint8_t flags;
	const uint8_t *bytes;

	f.number = rbuf_u8(r);
	f.total = rbuf_u8(r);
	f.first = rbuf_u8(r);
	flags = rbuf_u8(r);
	f.len = rbuf_u8(r);
	if (f.len > r->left)
		f.len = r->left;
	bytes = rbuf_bytes(r, f.len);
	if (bytes)
		memcpy(text, bytes, f.len);
	if (flags & LONG)
		f.len += 1000;
	f.forged = flags & FORGED;
	f.response = flags & RESPONSE;
	f.exchange = state & ESTABLISHED ? IKE_EXCHANGE_INFORMATIONAL
					 : IKE_EXCHANGE_AUTH;
	if (flags & OTHER)
		f.exchange = IKE_EXCHANGE_CREATE_CHILD_SA;
	if (!f.response)
		f.id = state & ESTABLISHED ? 2 : 1;
	f.id += !!(flags & NEXT_ID);
	if (flags & LATER)
		world_run(p->w, p->w->now + 4000);
	if (flags & WHOLE)
		puppet_send_raw(p, f.exchange, f.response, f.id, f.first, text,
				f.len);
	else
		puppet_send_fragment(p, &f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct rbuf r = rbuf_of(data, len);
	uint8_t state = rbuf_u8(&r);
	const struct ike_engine *e;
	struct puppet p;
	struct world w;

	if (!rbuf_ok(&r))
		return 0;
	enter(&w, &p, state);
	e = w.hosts[0].engine;
	for (unsigned i = 0; i < 100 && r.left >= 5; i++) {
		send_one(&p, &r, state);
		/* Two messages at most, each with its bookkeeping. */
		check(e->fragments.bytes + e->fragments_strange.bytes <=
		      2 * (LIMIT_IKE_MESSAGE + 1024));
		/* No AUTH that it could compute is in the input. */
		if (!(state & ESTABLISHED))
			check(host_children(&w.hosts[0]) == 0);
		check(host_sas(&w.hosts[0]) <= 1);
	}
	world_run(&w, w.now + 100000);
	check(e->fragments.bytes == 0 && e->fragments_strange.bytes == 0);
	check(!e->fragments.oldest && !e->fragments_strange.oldest);
	check(host_sas(&w.hosts[0]) == 0);
	check(host_children(&w.hosts[0]) == 0);
	check(ike_engine_deadline(e) == UINT64_MAX);
	puppet_done(&p);
	world_done(&w);
	return 0;
}
