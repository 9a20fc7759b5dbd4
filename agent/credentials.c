/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The decision is one pure function of policy, answer and question.
 */
#include "agent/credentials.h"

#include <errno.h>

/* Would knowing the peer's keys lead to an identity that the policy takes? */
static bool is_wanted(const struct policy *p, const struct key_answer *a)
{
	char text[IKE_IDENTITY_STRLEN];

	return policy_accepts_identity(p,
				       ike_identity_format(&a->identity, text));
}

/* The policy of whoever has these keys. */
static const struct policy *policy_of(const struct credentials *c,
				      const struct ike_identify *q,
				      const struct key_answer *a)
{
	char text[IKE_IDENTITY_STRLEN];

	return policy_table_for(c->config->policies, &q->host,
				ike_identity_format(&a->identity, text));
}

/* Do we say who we are? Who never asks is not told. */
static bool prove_ourselves(const struct policy *p,
			    const struct ike_identify *q, bool known)
{
	if (!q->initiator && ike_identity_is_null(&q->wanted) &&
	    ike_identity_is_null(&q->peer))
		return false;
	if (p->auth != POLICY_AUTH_ALLOW || known)
		return true;
	return !q->initiator && (!ike_identity_is_null(&q->peer) ||
				 (!ike_identity_is_none(&q->wanted) &&
				  !ike_identity_is_null(&q->wanted)));
}

static void choose_ours(const struct credentials *c,
			const struct ike_identify *q, bool prove,
			struct credentials_choice *ret)
{
	const struct signer_key *keys = NULL;
	struct ike_identity address;
	size_t n = 0;

	ret->c.identity = ike_identity_null();
	if (!prove)
		return;
	/* A peer with a shared key proves itself by that, and so do we. */
	if (!ret->c.shared.len && c->signer && signer_is_up(c->signer))
		n = signer_keys(c->signer, &keys);
	/* The active ones come first: the others are not ours to use. */
	for (size_t i = 0;
	     i < n && i < LIMIT_IKE_OWN_KEYS && keys[i].stage == KEY_ACTIVE;
	     i++) {
		ret->own[i].id = keys[i].id;
		ret->own[i].spki =
			(struct ike_view){ keys[i].spki, keys[i].spki_len };
		ret->c.n_keys = i + 1;
	}
	ret->c.keys = ret->own;
	if (!ret->c.n_keys && !ret->c.shared.len) {
		ret->why = "we have no key to prove who we are";
		return;
	}
	address = ike_identity_of_addr(&q->local.addr);
	ret->c.identity =
		ike_identity_is_none(&c->local) ||
				ike_identity_equal(&q->wanted, &address)
			? address
			: c->local;
}

static void choose_theirs(struct credentials_choice *ret)
{
	const struct keyset *k = ret->answer.keys;

	ret->c.peer = ret->answer.identity;
	ret->c.shared = ret->answer.shared;
	ret->c.accept_shared = ret->answer.shared.len > 0;
	ret->c.peer_keys = ret->peer;
	if (!k || k->status != KEYSET_SECURE)
		return;
	for (size_t i = 0; i < k->n && i < LIMIT_IKE_PEER_KEYS; i++) {
		ret->peer[i] = (struct ike_view){ k->keys[i].spki,
						  k->keys[i].spki_len };
		ret->c.n_peer_keys = i + 1;
	}
}

int credentials_choose(const struct credentials *c,
		       const struct ike_identify *q, int found,
		       struct key_answer *answer,
		       struct credentials_choice *ret)
{
	const struct policy *p =
		policy_table_lookup(c->config->policies, &q->host);
	const struct policy *named = p;
	bool known = found == 0, required;

	*ret = (struct credentials_choice){ .lacks = IKE_REASON_AUTH };
	if (known)
		ret->answer = *answer;
	if (!p || (p->level != POLICY_ALLOW && p->level != POLICY_OFFER &&
		   p->level != POLICY_REQUIRE))
		return -EACCES;
	/* A gateway proves itself, and not the host behind it. */
	if (known && addr_equal(&q->host, &q->remote.addr))
		named = policy_of(c, q, &ret->answer);
	if (named->level == POLICY_FORBID) {
		ret->why = "the policy of its identity forbids it";
		return -EACCES;
	}
	if (known && !is_wanted(named, &ret->answer)) {
		ret->why = "its identity is not one that the policy accepts";
		known = false;
	}
	if (found == -ENOENT || found == -ENETUNREACH)
		ret->lacks = IKE_REASON_NO_KEY;
	if (found == -EBADMSG) {
		ret->lacks = IKE_REASON_BOGUS;
		ret->why = "its key in DNS is bogus: DNSSEC validation fails";
	}
	if (found == -ENETUNREACH)
		ret->why = "its key cannot be looked up now: nobody answers, "
			   "or not in time";
	if (found == -EPERM)
		ret->why = "who it says to be is not at this address";
	if (known)
		choose_theirs(ret);
	choose_ours(c, q, prove_ourselves(named, q, known), ret);
	/* Who is no host of the address has to prove that it may speak for it,
	 * or anybody at the gateway's address might. */
	required = p->auth == POLICY_AUTH_REQUIRE ||
		   (q->initiator && !addr_equal(&q->host, &q->remote.addr));
	ret->c.accept_null = !required;
	/* Who demands a proof may yet have none to give: the peer decides. */
	ret->c.may_null = true;
	if (required && !ret->c.n_peer_keys && !ret->c.accept_shared) {
		if (!ret->why)
			ret->why = "a proof is required, and no key of this "
				   "peer is known";
		return -EACCES;
	}
	return 0;
}

void credentials_choice_done(struct credentials_choice *choice)
{
	key_answer_done(&choice->answer);
}
