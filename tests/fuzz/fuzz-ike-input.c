/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Datagrams into an engine, as anybody on the path could send them. First
 * byte: the state that it is in. Then records: a byte of flags, a length of
 * two bytes, a datagram. Nobody without the keys may end or make an SA.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/ike-puppet.h"
#include "util/rbuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum {
	FRESH,
	INIT_SENT,
	INIT_DONE,
	AUTH_SENT,
	INITIATOR,
	RESPONDER,
	STATES,
};

enum {
	FIX_SPIS = 1,	/* the SPIs of the SA */
	FIX_LENGTH = 2, /* the length in the header */
	TICK = 4,	/* some time before it */
};

static void check(int condition)
{
	if (!condition)
		abort();
}

static void enter(struct world *w, struct puppet *p, unsigned state)
{
	const struct puppet_script s = { 0 };

	world_init(w, 1, NULL);
	if (state == INITIATOR || state == RESPONDER) {
		puppet_establish(p, w, state == RESPONDER);
		return;
	}
	puppet_init(p, w, state == FRESH || state == INIT_DONE, IKE_KE_X25519);
	if (state == INIT_DONE) {
		puppet_send_init(p, &s);
		puppet_take_init(p);
	} else if (state != FRESH) {
		world_initiate(w, 0);
		p->spi_r = 0;
	}
	if (state == AUTH_SENT)
		puppet_answer_init(p, &s);
}

static void inject(struct world *w, const struct puppet *p, uint8_t flags,
		   const uint8_t *data, size_t len)
{
	uint8_t buf[LIMIT_IKE_MESSAGE + 64];
	struct wbuf b = wbuf_of(buf, sizeof(buf));

	if (len > sizeof(buf))
		return;
	memcpy(buf, data, len);
	if ((flags & FIX_SPIS) && len >= 16) {
		wbuf_be64(&b, p->spi_i);
		wbuf_be64(&b, p->spi_r);
	}
	if ((flags & FIX_LENGTH) && len >= IKE_HEADER_LEN) {
		b.len = IKE_HEADER_LEN - 4;
		wbuf_be32(&b, (uint32_t)len);
	}
	if (flags & TICK)
		world_run(w, w->now + 100);
	world_inject(w, 0, buf, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct rbuf r = rbuf_of(data, len);
	unsigned state = rbuf_u8(&r) % STATES;
	struct ike_counters before, after;
	struct puppet p;
	struct world w;
	unsigned n = 0;

	enter(&w, &p, state);
	if (state == INIT_SENT) {
		struct ike_header h;

		check(ike_header_parse(p.rx, p.rx_len, &h) == 0);
		p.spi_i = h.spi_i;
	}
	ike_engine_count(w.hosts[0].engine, &before);
	while (r.left && n++ < 8) {
		uint8_t flags = rbuf_u8(&r);
		struct rbuf d = rbuf_slice(&r, rbuf_be16(&r));

		if (rbuf_ok(&d) && d.left > 0)
			inject(&w, &p, flags, d.pos, d.left);
	}
	ike_engine_count(w.hosts[0].engine, &after);
	check(host_children(&w.hosts[0]) ==
	      (state == INITIATOR || state == RESPONDER));
	/* A refusal is believed after 200 ms, two datagrams later. */
	check(w.hosts[0].n_failed == 0 || n > 2);
	check(after.sas <= before.sas + n);
	/* And nothing is left of it. */
	puppet_done(&p);
	w.tap = NULL;
	w.wires[0].loss = 100;
	world_run(&w, w.now + 100000);
	check(host_sas(&w.hosts[0]) == 0);
	check(ike_engine_deadline(w.hosts[0].engine) == UINT64_MAX);
	world_done(&w);
	return 0;
}
