/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Our key pair for the strangers of a moment (RFC 7296 2.12): one that was made
 * as responder serves whoever else asks within IKE_EPHEMERAL_MS, and is wiped
 * then. A busy host so makes ten a second and not one a handshake, a quiet one
 * a fresh one for each.
 *
 * Only for X25519 and X448, which are made for keys that are used again: every
 * public key that a peer can send is a safe one (RFC 7748 6, 7; the all-zero
 * secret is refused), and the arithmetic has no time of its own. Not for the
 * other groups, where that hangs on checks and on how numbers are multiplied.
 *
 * What it costs: who can read our memory in that moment learns the keys of SAs
 * that were made and closed in it. Those of SAs that live are there anyway, for
 * hours. Nonces and SPIs are new for each handshake, so no two have the same
 * keys.
 */
#ifndef TACIT_IKE_EPHEMERAL_H
#define TACIT_IKE_EPHEMERAL_H

#include "ike/job.h"
#include "util/timer.h"

#define IKE_EPHEMERAL_MS 100u

struct ike_ephemeral {
	const struct ike_kex *kex;
	EVP_PKEY *private; /* NULL: there is none */
	uint8_t public[IKE_KEX_PUBLIC_MAX];
	struct timer end;
};

void ike_ephemeral_init(struct ike_ephemeral *x);
void ike_ephemeral_done(struct ike_engine *e);

/* Before an AGREE job is run: the key pair of the moment, if there is one; else
 * the job makes one of its own. */
void ike_ephemeral_lend(struct ike_engine *e, struct ike_job *job);
/* After that: the job's own becomes the one of the moment that begins now. */
void ike_ephemeral_keep(struct ike_engine *e, uint64_t now,
			const struct ike_job *job);

#endif
