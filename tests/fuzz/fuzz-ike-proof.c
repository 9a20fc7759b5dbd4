/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * IKE_AUTH of a peer that holds the keys of the IKE SA and none by which it
 * could prove who it is, against hosts that want proofs of all kinds. First
 * byte: the host's role and what it wants; second byte: type of the first
 * payload; the rest is the inside. It never gets in.
 */
#include <stdlib.h>

#include "tests/unit/ike-puppet.h"
#include "util/rbuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* RFC 8032 7.1, test 3; nobody signs with it here. */
static const uint8_t key[] = {
	0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21,
	0x00, 0xfc, 0x51, 0xcd, 0x8e, 0x62, 0x18, 0xa1, 0xa3, 0x8d, 0xa4,
	0x7e, 0xd0, 0x02, 0x30, 0xf0, 0x58, 0x08, 0x16, 0xed, 0x13, 0xba,
	0x33, 0x03, 0xac, 0x5d, 0xeb, 0x91, 0x15, 0x48, 0x90, 0x80, 0x25,
};
static const uint8_t secret[] = "nobody knows this";

static void check(int condition)
{
	if (!condition)
		abort();
}

static struct ike_credentials wants(unsigned kind, const struct ike_view *spki)
{
	struct ike_credentials c = ike_credentials_anonymous();

	c.accept_null = kind & 2;
	if (kind & 4) {
		c.peer_keys = spki;
		c.n_peer_keys = 1;
	}
	if (kind & 8) {
		c.shared = (struct ike_view){ secret, sizeof(secret) };
		c.accept_shared = true;
	}
	if (kind & 16)
		check(ike_identity_parse("@host.example", &c.peer) == 0);
	/* Nothing at all is not what anybody can want. */
	if (!(kind & (2 | 4 | 8)))
		c.accept_null = true;
	return c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct puppet_script s = { .hashes = true, .certreq = true };
	const struct ike_view spki = { key, sizeof(key) };
	struct rbuf r = rbuf_of(data, len);
	uint8_t kind = rbuf_u8(&r), first = rbuf_u8(&r);
	bool initiator = kind & 1; /* the puppet */
	struct puppet p;
	struct world w;
	unsigned n_rx;

	if (!rbuf_ok(&r) || r.left > 3000)
		return 0;
	world_init(&w, 1, NULL);
	w.hosts[0].credentials = wants(kind, &spki);
	puppet_init(&p, &w, initiator, IKE_KE_X25519);
	if (initiator) {
		puppet_send_init(&p, &s);
		puppet_take_init(&p);
	} else {
		world_initiate(&w, 0);
		puppet_answer_init(&p, &s);
	}
	n_rx = p.n_rx;
	puppet_send_raw(&p, IKE_EXCHANGE_AUTH, !initiator, 1, first, r.pos,
			r.left);
	if (initiator) {
		check(p.n_rx == n_rx + 1);
		puppet_open(&p);
		check(puppet_error(&p) != 0);
	}
	check(host_children(&w.hosts[0]) == 0);
	check(w.hosts[0].n_failed == 1);
	check(!w.hosts[0].failed.proven);
	world_run(&w, w.now + 100000);
	check(host_sas(&w.hosts[0]) == 0);
	check(ike_engine_deadline(w.hosts[0].engine) == UINT64_MAX);
	puppet_done(&p);
	world_done(&w);
	return 0;
}
