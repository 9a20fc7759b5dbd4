/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The engine's questions about identity, between the key sources, the decision
 * (agent/credentials.h) and tacit-keyd. Questions that a source answers later
 * wait here; the engine bounds how long.
 */
#ifndef TACIT_AGENT_IDENTIFY_H
#define TACIT_AGENT_IDENTIFY_H

#include "agent/agent.h"

/* The key sources and the link to tacit-keyd. 0 or -errno. */
int identify_start(struct agent *a) __attribute__((warn_unused_result));
void identify_stop(struct agent *a);
/* The configuration is another one: who we are, and the keys in files. */
void identify_reload(struct agent *a);
/* IKE_IDENTIFY. */
void identify_on_ask(struct agent *a, struct handle sa,
		     const struct ike_identify *q);
/* Whether a key is known, and for how long that holds. */
struct key_verdict {
	int found; /* 0; -ENOENT; -EBADMSG: bogus; -ENETUNREACH: nobody
		      answers; -EINPROGRESS: it is being looked up */
	uint64_t lifetime_ms;
	struct key_way way; /* 0: by which it is reached */
};

/* Discover=dns: is a key of this peer known? v->found is 0: yes, and that is
 * returned; else *v says why not, for how long, and whether
 * negotiation_on_discovered() follows (-EINPROGRESS). */
int identify_discover(struct agent *a, const struct policy *policy,
		      const struct addr *remote, struct handle flow,
		      struct key_verdict *ret)
	__attribute__((warn_unused_result));
/* IKE_SIGN. */
void identify_on_sign(struct agent *a, struct handle sa,
		      const struct ike_sign *what);

#endif
