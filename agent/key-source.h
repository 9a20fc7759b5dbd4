/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the keys of peers come from. A source is asked who is at an address
 * (or whether somebody is who he says), and answers with the identity and what
 * proves it, at once or later. key-finder.h asks them in order, and the first
 * that knows the peer decides; nothing else knows them.
 */
#ifndef TACIT_AGENT_KEY_SOURCE_H
#define TACIT_AGENT_KEY_SOURCE_H

#include "agent/key-way.h"
#include "ike/identity.h"
#include "policy/policy.h"
#include "util/keyset.h"
#include "util/slots.h"

struct key_question {
	struct handle ticket; /* comes back with a later answer */
	const struct policy *policy;
	struct addr remote;
	/* Who the peer says it is; type 0: nobody yet, or it does not say. */
	struct ike_identity identity;
	/* Milliseconds of the monotonic clock: who cannot tell by then could
	 * not tell. */
	uint64_t until;
	/* A program demands that identity of whoever is there, as if policy had
	 * it and no other. */
	bool named;
	/* We are about to begin: with the gateway that it is behind, too. Which
	 * of the ways to it, or that by this gateway. */
	bool begins;
	uint8_t way;
	struct addr gateway;
};

/* An identity and what proves it: public keys, or a shared one. */
struct key_answer {
	struct ike_identity identity; /* of the gateway, where there is one */
	struct key_way way;
	struct keyset *keys;	/* a reference, or NULL */
	struct ike_view shared; /* borrowed from the source; len 0: none */
	/* For how long this holds, also that nothing is known; 0: until the
	 * configuration changes. */
	uint64_t lifetime_ms;
};

struct key_source {
	void *user;
	/*
	 * 0 and *ret; else only its lifetime counts:
	 *	-ENOENT		this source knows nothing of the peer
	 *	-EPERM		it knows that the peer is not who it says, or
	 *			not here
	 *	-EBADMSG	somebody may be lying about its keys
	 *	-ENETUNREACH	it cannot be told now
	 *	-EINPROGRESS	key_finder_on_answer() follows, once, with the
	 *			ticket, and never from within this call
	 */
	int (*find)(void *user, const struct key_question *q,
		    struct key_answer *ret);
};

/* It has the time that its policy gives to look-ups, from now on. */
static inline void key_question_begin(struct key_question *q, uint64_t now)
{
	q->until = now + (q->policy ? q->policy->lookup_ms : 0);
}

static inline void key_answer_done(struct key_answer *a)
{
	a->keys = keyset_unref(a->keys);
}

/* Is this worth a question to others? Who is content with anybody asks nobody,
 * unless the peer says who it is (design: policy). */
static inline bool key_question_is_open(const struct key_question *q)
{
	return q->policy && (q->policy->auth != POLICY_AUTH_ALLOW ||
			     q->policy->discover == POLICY_DISCOVER_DNS ||
			     !ike_identity_is_none(&q->identity));
}

#endif
