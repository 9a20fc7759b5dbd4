/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dbus/tacit-conclude.h"

#include <stdio.h>
#include <string.h>

const char *tacit_conclude_name(const struct tacit_rule *r)
{
	const char *name = r->n_identities == 1 ? r->identities[0] : NULL;

	return name && name[0] == '@' && name[1] != '*' ? name : NULL;
}

static void identity_of_name(const char *name,
			     char buf[static KEYSET_NAME_MAX + 2])
{
	snprintf(buf, KEYSET_NAME_MAX + 2, "@%.*s", (int)strlen(name) - 1,
		 name);
}

/* It is the peer's own; where it names a gateway that has the peer's address,
 * too. */
static bool is_own(const struct keyset_key *k, const struct addr *peer)
{
	return k->gateway.family ? addr_equal(&k->gateway, peer)
				 : !k->gateway_name;
}

/* The one that is tried first, of those that can be used: only the reverse tree
 * says by whom an address is reached. NULL: none. */
static const struct keyset_key *first_key(const struct tacit_rule *r,
					  const struct addr *peer,
					  const struct keyset *keys)
{
	bool gateways = r->gateway && r->level != POLICY_ALLOW &&
			keys->source == KEYSET_REVERSE;

	for (size_t i = 0; i < keys->n; i++) {
		const struct keyset_key *k = &keys->keys[i];

		if (is_own(k, peer) ||
		    (gateways && k->gateway.family == peer->family))
			return k;
	}
	return NULL;
}

/* Who such keys prove the peer, or its gateway, to be, in canonical form. */
static void identity_of(const struct tacit_rule *r, const struct keyset *keys,
			const struct addr *peer,
			char buf[static KEYSET_NAME_MAX + 2])
{
	const struct keyset_key *k = first_key(r, peer, keys);

	if (k && !is_own(k, peer) && k->gateway_name)
		identity_of_name(k->gateway_name, buf);
	else if (k && !is_own(k, peer))
		addr_format(&k->gateway, buf);
	else if (keys->source == KEYSET_REVERSE || !keys->name ||
		 strlen(keys->name) < 2)
		addr_format(peer, buf);
	else
		identity_of_name(keys->name, buf);
}

static bool accepts(const struct tacit_rule *r, const char *identity)
{
	const struct policy p = { .identities = r->identities,
				  .n_identities = r->n_identities };

	return policy_accepts_identity(&p, identity);
}

/* Why these keys prove nothing, or NULL: they do. */
static const char *doubt(const struct tacit_rule *r, const struct addr *peer,
			 const struct keyset *keys, const char *identity)
{
	if (!keys)
		return "DNS does not answer in time";
	if (keys->mismatch)
		return "the name of its keys has another address";
	switch (keys->status) {
	case KEYSET_INSECURE:
		return "its key in DNS is not secure";
	case KEYSET_BOGUS:
		return "its key in DNS is bogus";
	case KEYSET_NONE:
		return "DNS has no key of it";
	case KEYSET_UNREACHABLE:
		return "DNS does not answer";
	case KEYSET_SECURE:
		break;
	}
	if (!accepts(r, identity))
		return "its policy does not accept that identity";
	if (first_key(r, peer, keys))
		return NULL;
	if (!r->gateway)
		return "DNS has only keys of a gateway, and policy has "
		       "Gateway=no";
	return "DNS has only keys of a gateway, and no address of it that "
	       "would do";
}

/* Without a proof. */
static char *conclude_unproven(const struct tacit_rule *r, const char *why,
			       bool bogus, char *buf)
{
	bool closed = r->level == POLICY_REQUIRE;
	const char *instead = closed ? "blocked" : "in the clear";

	if (r->level == POLICY_ALLOW)
		instead = "refused when it begins";
	if (r->discover == POLICY_DISCOVER_DNS && r->level != POLICY_ALLOW)
		snprintf(buf, TACIT_CONCLUSION_LEN,
			 "%s: %s, and Discover=dns tries nobody else", instead,
			 why);
	else if (r->auth == POLICY_AUTH_REQUIRE)
		snprintf(buf, TACIT_CONCLUSION_LEN,
			 "%s: a proof is required, and %s", instead, why);
	else
		snprintf(buf, TACIT_CONCLUSION_LEN,
			 "encrypted%s, and anonymous%s: %s",
			 r->level == POLICY_ALLOW ? " when it begins" : "",
			 bogus ? ", which is logged as suspicious" : "", why);
	return buf;
}

static const char *fixed(const struct tacit_rule *r)
{
	switch (r->level) {
	case POLICY_FORBID:
		return "in the clear: its policy forbids encryption";
	case POLICY_BLOCK:
		return "blocked, by its policy";
	case POLICY_ALLOW:
	case POLICY_OFFER:
	case POLICY_REQUIRE:
		break;
	}
	if (r->in_file)
		return "encrypted, and proven by its key in keys.d, which "
		       "comes before DNS";
	return NULL;
}

const char *tacit_conclude_unasked(const struct tacit_rule *r)
{
	const char *why = fixed(r);

	if (why)
		return why;
	/* Who is content with anybody asks nobody. */
	if (r->auth == POLICY_AUTH_ALLOW && r->discover != POLICY_DISCOVER_DNS)
		return "its policy asks for no proof";
	switch (r->lookup) {
	case POLICY_LOOKUP_NO:
		return "its policy has Lookup=no";
	case POLICY_LOOKUP_NAME:
		return tacit_conclude_name(r)
			       ? NULL
			       : "its policy has Lookup=name, and no name is "
				 "known of it";
	case POLICY_LOOKUP_ADDRESS:
		break;
	}
	return NULL;
}

static void proven(const struct tacit_rule *r, const struct keyset_key *k,
		   const struct addr *peer, const char *identity, char *buf)
{
	char gateway[ADDR_STRLEN];

	if (is_own(k, peer))
		snprintf(buf, TACIT_CONCLUSION_LEN,
			 "encrypted%s, and proven to be %s, if it has that key",
			 r->level == POLICY_ALLOW ? " when it begins" : "",
			 identity);
	else
		snprintf(buf, TACIT_CONCLUSION_LEN,
			 "encrypted as far as its gateway %s, and that proven "
			 "to be %s, if it has that key and its own network's "
			 "policy lets us",
			 addr_format(&k->gateway, gateway), identity);
}

char *tacit_conclude(const struct tacit_rule *r, const struct addr *peer,
		     const struct keyset *keys,
		     char buf[static TACIT_CONCLUSION_LEN])
{
	char identity[KEYSET_NAME_MAX + 2] = "";
	const char *why = fixed(r);

	if (why) {
		snprintf(buf, TACIT_CONCLUSION_LEN, "%s", why);
		return buf;
	}
	why = tacit_conclude_unasked(r);
	if (why)
		return conclude_unproven(r, why, false, buf);
	if (keys)
		identity_of(r, keys, peer, identity);
	why = doubt(r, peer, keys, identity);
	if (why)
		return conclude_unproven(
			r, why, keys && keys->status == KEYSET_BOGUS, buf);
	proven(r, first_key(r, peer, keys), peer,
	       identity[0] == '@' ? identity + 1 : identity, buf);
	return buf;
}
