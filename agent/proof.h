/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a peer has proven, beside what its policy wants.
 */
#ifndef TACIT_AGENT_PROOF_H
#define TACIT_AGENT_PROOF_H

#include "ike/credentials.h"
#include "policy/policy.h"

/* A proof of an identity, not just of being the one that began. */
static inline bool proof_is_one(uint8_t method)
{
	return method != IKE_AUTH_NONE && method != IKE_AUTH_NULL;
}
/* The policy for whoever has proven this and is at the address; NULL: of no
 * policy, as in policy_table_lookup(). */
const struct policy *proof_policy(const struct policy_table *t,
				  const struct addr *a,
				  const struct ike_proof *proof);
/* Is this enough for the policy? */
bool proof_suffices(const struct policy *p, const struct ike_proof *proof);

#endif
