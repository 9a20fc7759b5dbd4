/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A CREATE_CHILD_SA exchange under way (RFC 7296 1.3): what is needed until it
 * is over and then freed. An IKE SA has at most one of its own and one of its
 * peer's, since the window is 1 each way.
 */
#ifndef TACIT_IKE_CREATION_H
#define TACIT_IKE_CREATION_H

#include "ike/child.h"
#include "ike/job.h"

enum ike_creation_type {
	IKE_CREATION_CHILD, /* a further Child SA */
	IKE_CREATION_REKEY_CHILD,
	IKE_CREATION_REKEY_IKE,
};

/* Enough of the lowest nonce to tell two SAs apart. */
#define IKE_LOWEST_LEN 32

struct ike_creation {
	uint8_t type;	   /* enum ike_creation_type */
	uint8_t retries;   /* by INVALID_KE_PAYLOAD */
	bool sent;	   /* ours: the peer may know of it */
	bool unwanted;	   /* ours: what it rekeys was deleted meanwhile */
	uint32_t serial;   /* of its job */
	uint64_t deadline; /* of the job that is out; 0: none */
	const struct ike_kex *kex; /* NULL: without a key exchange */
	EVP_PKEY *private;
	uint8_t public[IKE_KEX_PUBLIC_MAX];
	struct ike_nonce ni, nr;

	/* Of a Child SA. */
	struct ike_child *child;
	uint32_t replaces; /* our SPI of the one that is rekeyed, or 0 */
	struct ike_child_agreed agreed;
	/* Ours: an SPI that the peer deleted and that we did not know: perhaps
	 * that of the Child SA which its response, on the way, gives us. */
	uint32_t deleted;
	/* Ours: the peer rekeyed the same one meanwhile; 0: it did not. */
	uint32_t rival;
	uint8_t rival_lowest[IKE_LOWEST_LEN];

	/* Of an IKE SA. */
	struct handle heir;
	struct ike_choice choice;
};

/* With our nonce. 0; -ENOMEM; -EIO. */
int ike_creation_new(struct ike_engine *e, enum ike_creation_type type,
		     bool ours, struct ike_creation **ret)
	__attribute__((warn_unused_result));
/* What was not taken out of it goes too. Takes NULL. */
struct ike_creation *ike_creation_free(struct ike_engine *e,
				       struct ike_creation *c);

/* Starts its job: GENERATE or DERIVE (ours), AGREE (the peer's); the last two
 * with the peer's half. 0; -ENOMEM. */
int ike_creation_run(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		     struct ike_creation *c, enum ike_job_type type,
		     const struct ike_view *peer)
	__attribute__((warn_unused_result));

/* Ours once more, with another group. */
int ike_creation_again(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		       const struct ike_kex *kex)
	__attribute__((warn_unused_result));
/* Its job is back. The SA may be gone afterwards. */
void ike_creation_job_done(struct ike_engine *e, uint64_t now,
			   struct ike_sa *sa, struct ike_job *job);
/* Ours came to nothing. */
void ike_creation_failed(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
			 enum ike_reason reason, uint16_t notify);

/* The lower nonce, cut or filled to a fixed length: both sides do the same. */
void ike_creation_lowest(const struct ike_nonce *ni, const struct ike_nonce *nr,
			 uint8_t ret[static IKE_LOWEST_LEN]);

#endif
