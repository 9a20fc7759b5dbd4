/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Expensive crypto as a job: it holds copies of all that it needs, so that
 * any thread may run it and the IKE SA may be gone when it comes back.
 */
#ifndef TACIT_IKE_JOB_H
#define TACIT_IKE_JOB_H

#include "ike/engine.h"
#include "ike/kex.h"
#include "ike/keymat.h"

enum ike_job_type {
	IKE_JOB_GENERATE, /* initiator: a key pair */
	IKE_JOB_DERIVE,	  /* initiator: the keys, from the peer's half */
	IKE_JOB_AGREE,	  /* responder: both at once */
	IKE_JOB_VERIFY,	  /* a signature of the peer (ike/proof.h) */
};

struct ike_verification;

struct ike_job {
	enum ike_job_type type;
	struct handle sa;
	const struct ike_kex *kex;
	/* Made by GENERATE, and by AGREE where it was lent none (ike/ephemeral.h);
	 * a reference of its own for DERIVE. */
	EVP_PKEY *private;
	bool lent;
	uint8_t public[IKE_KEX_PUBLIC_MAX];
	uint8_t peer[IKE_KEX_PUBLIC_MAX];
	size_t peer_len;
	struct ike_keymat keymat;
	/* Of a CREATE_CHILD_SA exchange; 0: of the handshake. */
	uint32_t serial;
	bool bare; /* only the shared secret is asked for, not the keys */
	struct ike_verification *verification; /* VERIFY */
	/* 0; -ECANCELED until it has run; -EBADMSG: the peer's key is bad;
	 * -EACCES: its signature is not its own; -EIO. */
	int result;
	struct ike_keys keys;
	struct secret shared; /* where bare */
};

/* NULL: out of memory. Freed with ike_job_free(), which wipes. */
struct ike_job *ike_job_new(enum ike_job_type type, struct handle sa,
			    const struct ike_kex *kex);

#endif
