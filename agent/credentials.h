/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who we are for a peer and whom we accept: the answers to the engine's
 * IKE_IDENTIFY and IKE_SIGN. What is accepted follows from the policy of the
 * peer's address and from the key sources; the key is bound to the identity
 * that they name for this peer, and to no other.
 *
 * Authentication=require: only a peer that proves an identity which the policy
 * accepts. offer: we prove who we are, and prefer a proof, but talk to a peer
 * that has none. allow: we stay anonymous unless the peer's keys are known here
 * or it says who it is; a proof is taken where it is offered.
 */
#ifndef TACIT_AGENT_CREDENTIALS_H
#define TACIT_AGENT_CREDENTIALS_H

#include "agent/key-source.h"
#include "agent/signer.h"
#include "ike/engine.h"
#include "policy/config.h"

/* What a decision is made of; kept by the agent. */
struct credentials {
	const struct config *config;
	struct signer *signer;	   /* NULL: we have no keys */
	struct ike_identity local; /* type 0: our address */
};

/* What the engine is told, as far as it is decided; keys point into the
 * answer and the signer. */
struct credentials_choice {
	struct ike_credentials c;
	struct key_answer answer;
	struct ike_own_key own[LIMIT_IKE_OWN_KEYS];
	struct ike_view peer[LIMIT_IKE_PEER_KEYS];
	const char *why; /* something that people should hear of, or NULL */
	enum ike_reason lacks; /* with -EACCES: what the peer has not */
};

/*
 * Decides. found is what key_finder_ask() came to, with *answer where that is 0
 * (moved into the choice). 0, and *ret is ready for ike_authenticate();
 * -EACCES: nothing is to be had with this peer.
 */
int credentials_choose(const struct credentials *c,
		       const struct ike_identify *q, int found,
		       struct key_answer *answer,
		       struct credentials_choice *ret)
	__attribute__((warn_unused_result));
void credentials_choice_done(struct credentials_choice *choice);

#endif
