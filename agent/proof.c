/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/proof.h"

const struct policy *proof_policy(const struct policy_table *t,
				  const struct addr *a,
				  const struct ike_proof *proof)
{
	char text[IKE_IDENTITY_STRLEN];

	if (!proof || !proof_is_one((uint8_t)proof->method))
		return policy_table_lookup(t, a);
	return policy_table_for(t, a, ike_identity_format(&proof->id, text));
}

bool proof_suffices(const struct policy *p, const struct ike_proof *proof)
{
	char text[IKE_IDENTITY_STRLEN];

	if (!proof_is_one((uint8_t)proof->method))
		return p->auth != POLICY_AUTH_REQUIRE;
	return policy_accepts_identity(p,
				       ike_identity_format(&proof->id, text));
}
