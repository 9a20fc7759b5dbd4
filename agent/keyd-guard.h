/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What tacit-keyd refuses to sign, whoever asks. It reads the same
 * configuration as the agent, by itself, and holds:
 *
 *  - KEYD_REFUSED_FORM: the record is not well formed (agent/keyd-record.h);
 *  - KEYD_REFUSED_KEY: there is no such key, or it is not yet to be used;
 *  - KEYD_REFUSED_IDENTITY: not LocalIdentity= of the configuration, nor,
 *    where that is "address", an address of this host;
 *  - KEYD_REFUSED_MESSAGE: not a whole IKE_SA_INIT message of our role, with
 *    its SPIs, SA, KE and nonce payloads; nor a prf that its SK_p fits;
 *  - KEYD_REFUSED_RATE: more than LIMIT_KEYD_RATE signatures a second;
 *  - KEYD_REFUSED_BUSY: LIMIT_KEYD_JOBS are under way.
 *
 * What passes can only be the AUTH of this host in an IKE_AUTH exchange.
 */
#ifndef TACIT_AGENT_KEYD_GUARD_H
#define TACIT_AGENT_KEYD_GUARD_H

#include <stdbool.h>

#include "agent/keyd-keys.h"
#include "agent/keyd-record.h"
#include "ike/auth-octets.h"
#include "util/ratelimit.h"

enum keyd_refused {
	KEYD_REFUSED_NONE = 0,
	KEYD_REFUSED_FORM,
	KEYD_REFUSED_KEY,
	KEYD_REFUSED_IDENTITY,
	KEYD_REFUSED_MESSAGE,
	KEYD_REFUSED_RATE,
	KEYD_REFUSED_BUSY,
	KEYD_REFUSED_REASONS
};
const char *keyd_refused_name(enum keyd_refused r); /* "identity" */
/* What the agent is told: -EPROTO, -ENOENT, -EPERM, -EINVAL, -EAGAIN. */
int keyd_refused_errno(enum keyd_refused r);

struct keyd_guard {
	struct keyd_keys *keys;
	struct ike_identity
		identity; /* beside the host's addresses; type 0: none */
	/* Is this address ours? Only asked in that case. */
	bool (*own_address)(void *user, const struct addr *a);
	void *user;
	struct ratelimit rate;
	uint64_t counts[KEYD_REFUSED_REASONS];
	uint64_t passed;
};

/* May this be signed, now (ms)? Counts either way. *ret_key where it may. */
enum keyd_refused keyd_guard_check(struct keyd_guard *g, uint64_t now,
				   const struct keyd_record *r,
				   struct own_key **ret_key)
	__attribute__((warn_unused_result));
/* One that the guard let pass found no place. */
void keyd_guard_busy(struct keyd_guard *g);
uint64_t keyd_guard_refusals(const struct keyd_guard *g);

#endif
