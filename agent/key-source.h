/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the keys of peers come from. A source is asked who is at an address
 * (or whether somebody is who he says), and answers with the identity and what
 * proves it, at once or later. Sources are asked in order, and the first that
 * knows the peer decides; credentials.c knows nothing else of them.
 */
#ifndef TACIT_AGENT_KEY_SOURCE_H
#define TACIT_AGENT_KEY_SOURCE_H

#include "ike/identity.h"
#include "policy/policy.h"
#include "util/keyset.h"
#include "util/slots.h"

struct key_question {
	struct handle sa; /* for whom: comes back with a later answer */
	const struct policy *policy;
	struct addr remote;
	/* Who the peer says it is; type 0: nobody yet, or it does not say. */
	struct ike_identity identity;
};

/* An identity and what proves it: public keys, or a shared one. */
struct key_answer {
	struct ike_identity identity;
	struct keyset *keys;	/* a reference, or NULL */
	struct ike_view shared; /* borrowed from the source; len 0: none */
};

/* Whether a key is known, and for how long that holds. */
struct key_verdict {
	int found; /* 0; -ENOENT; -EBADMSG: bogus; -ENETUNREACH: nobody
		      answers; -EINPROGRESS: it is being looked up */
	uint64_t lifetime_ms;
};

struct key_source {
	void *user;
	/* 0 and *ret; -ENOENT: this source knows nothing of the peer;
	 * -EPERM: it knows that the peer is not who it says, or not here;
	 * -EBADMSG: somebody may be lying about its keys;
	 * -EINPROGRESS: credentials_on_answer() follows, once, with the SA's
	 * handle. */
	int (*find)(void *user, const struct key_question *q,
		    struct key_answer *ret);
};

static inline void key_answer_done(struct key_answer *a)
{
	a->keys = keyset_unref(a->keys);
}

#endif
