/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dbus/tacit-conclude.h"

#include <stdio.h>
#include <string.h>

const char *tacit_conclude_name(const struct tacit_rule *r)
{
	const char *name = r->n_identities == 1 ? r->identities[0] : NULL;

	return name && name[0] == '@' && name[1] != '*' ? name : NULL;
}

/* Who such keys prove the peer to be, in canonical form. */
static void identity_of(const struct keyset *keys, const struct addr *peer,
			char buf[static KEYSET_NAME_MAX + 2])
{
	size_t len = keys->name ? strlen(keys->name) : 0;

	if (keys->source == KEYSET_REVERSE || len < 2)
		addr_format(peer, buf);
	else
		snprintf(buf, KEYSET_NAME_MAX + 2, "@%.*s", (int)len - 1,
			 keys->name);
}

static bool accepts(const struct tacit_rule *r, const char *identity)
{
	const struct policy p = { .identities = r->identities,
				  .n_identities = r->n_identities };

	return policy_accepts_identity(&p, identity);
}

/* Its own, as far as one can tell without looking up a gateway's name. */
static bool is_own(const struct keyset_key *k, const struct addr *peer)
{
	return !k->gateway_name &&
	       (!k->gateway.family || addr_equal(&k->gateway, peer));
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
	for (size_t i = 0; i < keys->n; i++)
		if (is_own(&keys->keys[i], peer))
			return NULL;
	return "DNS has only keys of a gateway";
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
		identity_of(keys, peer, identity);
	why = doubt(r, peer, keys, identity);
	if (why)
		return conclude_unproven(
			r, why, keys && keys->status == KEYSET_BOGUS, buf);
	snprintf(buf, TACIT_CONCLUSION_LEN,
		 "encrypted%s, and proven to be %s, if it has that key",
		 r->level == POLICY_ALLOW ? " when it begins" : "",
		 identity[0] == '@' ? identity + 1 : identity);
	return buf;
}
