/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Proofs of identity in IKE_AUTH: which one we give, and whether the peer's is
 * what its credentials ask for. Both sides of RFC 7296 2.15; the messages are
 * those of exchange-auth.c.
 */
#ifndef TACIT_IKE_PROOF_H
#define TACIT_IKE_PROOF_H

#include "ike/announce.h"
#include "ike/auth.h"

struct ike_engine;
struct ike_job;
struct ike_sa;

/* How we are going to prove who we are. */
struct ike_plan {
	enum ike_auth_method method; /* NONE: nothing serves */
	enum ike_signature signature;
	const struct ike_own_key *key; /* of the credentials */
	struct ike_identity id;
};

/* What the peer says, and what it proves that with; views. */
struct ike_claim {
	struct ike_id id;
	struct ike_authentication auth;
	/* NULL AUTH beside a signature (private notify 40960), or empty. */
	struct ike_view null_auth;
	struct ike_view raw_key;    /* of CERT (RFC 7670), or empty */
	struct ike_identity wanted; /* as responder: who we should be */
};

/* From the credentials and the peer's wishes, into the handshake; claim is the
 * peer's, as responder. False: there is nothing; hs->why says it. */
bool ike_proof_plan(struct ike_sa *sa, const struct ike_claim *claim);
/* Asks the owner for the signature that the plan needs. 0; -ENOMEM. */
int ike_proof_ask(struct ike_engine *e, struct ike_sa *sa)
	__attribute__((warn_unused_result));
/* Of the plan; with the signature where one was asked for. 0; -EIO. */
int ike_proof_write(const struct ike_sa *sa, struct ike_builder *b)
	__attribute__((warn_unused_result));
/* The NULL AUTH that goes beside a signature of ours, if any. 0; -EIO. */
int ike_proof_write_fallback(const struct ike_sa *sa, struct ike_builder *b)
	__attribute__((warn_unused_result));

enum ike_proof_outcome {
	IKE_PROOF_GIVEN = 0,  /* sa->proof says how */
	IKE_PROOF_BUSY = 1,   /* a job is queued */
	IKE_PROOF_FAILED = 2, /* hs->why says it */
};
/* enum ike_proof_outcome; -ENOMEM; -EIO. */
int ike_proof_judge(struct ike_engine *e, struct ike_sa *sa,
		    const struct ike_claim *claim)
	__attribute__((warn_unused_result));
/* The job's answer: GIVEN or FAILED; -ENOMEM; -EIO. */
int ike_proof_verified(struct ike_sa *sa, const struct ike_job *job)
	__attribute__((warn_unused_result));

/* --- the job ---------------------------------------------------------------- */

/* Holds copies of all that it needs. */
struct ike_verification {
	enum ike_signature algorithm;
	struct ike_identity id;
	size_t n_keys;
	struct ike_view keys[LIMIT_IKE_PEER_KEYS]; /* SPKI */
	struct ike_view signature;
	uint8_t *octets;
	size_t octets_len;
	size_t proven; /* the key that made it */
	uint8_t bytes[];
};
/* 0: one of the keys made it; -EACCES: none did; -EIO. */
int ike_verification_run(struct ike_verification *v)
	__attribute__((warn_unused_result));
struct ike_verification *ike_verification_free(struct ike_verification *v);

#endif
