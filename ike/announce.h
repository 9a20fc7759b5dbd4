/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What each side tells the other about the proofs that it takes: the hashes of
 * RFC 7427 4 (both ways in IKE_SA_INIT), the methods of RFC 9593, and the form
 * of keys that it wants to see (RFC 7670 3).
 *
 * We announce methods in the IKE_AUTH request, where they are those of this
 * very peer's credentials. As responder we would have to do it in IKE_SA_INIT,
 * before we know whom we talk to, and to strangers whose request is smaller
 * than the list: there the hashes have to do.
 */
#ifndef TACIT_IKE_ANNOUNCE_H
#define TACIT_IKE_ANNOUNCE_H

#include "ike/message.h"
#include "ike/signature.h"

struct ike_wishes {
	struct ike_signature_wishes signature;
	bool shared, null; /* where announced */
	bool raw_key;	   /* a CERTREQ for encoding 15 */
};

/* Adds what a message of IKE_SA_INIT or IKE_AUTH has. 0; -EBADMSG. */
int ike_wishes_learn(const struct ike_message *m, struct ike_wishes *w)
	__attribute__((warn_unused_result));
/* By RFC 9593, nothing else would be taken. */
static inline bool ike_wishes_take_shared(const struct ike_wishes *w)
{
	return !w->signature.announced || w->shared;
}
static inline bool ike_wishes_take_null(const struct ike_wishes *w)
{
	return !w->signature.announced || w->null;
}

/* N(SIGNATURE_HASH_ALGORITHMS), of all that we take. */
void ike_announce_hashes(struct ike_builder *b);
/* N(SUPPORTED_AUTH_METHODS) and CERTREQ: what proves this peer. Nothing where
 * it has to be anonymous. */
void ike_announce_methods(struct ike_builder *b,
			  const struct ike_credentials *c);
void ike_announce_raw_key(struct ike_builder *b);

#endif
