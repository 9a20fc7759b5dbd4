/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the agent would make of a peer by its policy and by what DNS says of its
 * keys: the same decision as agent/credentials.h and agent/key-dns.h take, in
 * words. Pure.
 */
#ifndef TACIT_DBUS_TACIT_CONCLUDE_H
#define TACIT_DBUS_TACIT_CONCLUDE_H

#include "policy/policy.h"
#include "util/keyset.h"

#define TACIT_CONCLUSION_LEN 1400

struct tacit_rule {
	enum policy_level level;
	enum policy_auth auth;
	enum policy_discover discover;
	enum policy_lookup lookup;
	/* As in struct policy; borrowed. */
	char **identities;
	size_t n_identities;
	bool in_file;
	bool gateway; /* of the policy */
};

/* keys: found as the agent would look, NULL: no answer in time. Returns
 * buf. */
char *tacit_conclude(const struct tacit_rule *r, const struct addr *peer,
		     const struct keyset *keys,
		     char buf[static TACIT_CONCLUSION_LEN]);
/* The only name that the policy has, which is asked instead of the address:
 * "@a.example.org"; or NULL. */
const char *tacit_conclude_name(const struct tacit_rule *r);
/* Why the agent does not ask DNS about a peer of this policy, or NULL: it does. */
const char *tacit_conclude_unasked(const struct tacit_rule *r);

#endif
