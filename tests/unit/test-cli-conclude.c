/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dbus/tacit-conclude.c: what follows from policy and DNS, row by row.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dbus/tacit-conclude.h"

enum key { NO_ANSWER, OWN, GATEWAY, NAMED, NAMELESS, BETTER, MISMATCH };

static char any[] = "@*.example.org", one[] = "@h.example.org",
	    addr[] = "10.0.0.2";
static char *names[] = { any, one, addr };

static const struct {
	enum policy_level level;
	enum policy_auth auth;
	enum policy_discover discover;
	int identity; /* -1: none; else of names */
	enum keyset_status status;
	enum keyset_source source;
	enum key key;
	bool gateway;	  /* Gateway= of the policy */
	const char *want; /* how it begins */
	const char *has;
} rows[] = {
#define P(level, auth, discover, identity) \
	POLICY_##level, POLICY_AUTH_##auth, POLICY_DISCOVER_##discover, identity
#define K(status, source, key) KEYSET_##status, KEYSET_##source, key, false
#define G(status, source, key) KEYSET_##status, KEYSET_##source, key, true
	{ P(FORBID, OFFER, ALWAYS, -1), K(SECURE, REVERSE, OWN), "in the clear",
	  "forbids" },
	{ P(BLOCK, OFFER, ALWAYS, -1), K(SECURE, REVERSE, OWN), "blocked",
	  "policy" },
	{ P(OFFER, OFFER, ALWAYS, -1), K(SECURE, REVERSE, OWN), "encrypted",
	  "proven to be 10.0.0.2" },
	{ P(OFFER, OFFER, ALWAYS, -1), K(SECURE, POINTER, OWN), "encrypted",
	  "proven to be h.example.org," },
	{ P(ALLOW, OFFER, ALWAYS, -1), K(SECURE, REVERSE, OWN),
	  "encrypted when it begins", "proven" },
	{ P(OFFER, ALLOW, ALWAYS, -1), K(SECURE, REVERSE, OWN), "encrypted",
	  "anonymous: its policy asks for no proof" },
	{ P(OFFER, ALLOW, DNS, -1), K(SECURE, REVERSE, OWN), "encrypted",
	  "proven" },
	{ P(OFFER, ALLOW, DNS, -1), K(NONE, REVERSE, OWN), "in the clear",
	  "Discover=dns" },
	{ P(REQUIRE, OFFER, DNS, -1), K(NONE, REVERSE, OWN), "blocked",
	  "Discover=dns" },
	{ P(OFFER, OFFER, ALWAYS, -1), K(NONE, REVERSE, OWN), "encrypted",
	  "anonymous: DNS has no key" },
	{ P(OFFER, OFFER, ALWAYS, -1), K(BOGUS, REVERSE, OWN), "encrypted",
	  "anonymous, which is logged as suspicious" },
	{ P(OFFER, OFFER, ALWAYS, -1), K(INSECURE, REVERSE, OWN), "encrypted",
	  "not secure" },
	{ P(OFFER, OFFER, ALWAYS, -1), K(UNREACHABLE, REVERSE, OWN),
	  "encrypted", "DNS does not answer" },
	{ P(OFFER, OFFER, ALWAYS, -1), K(SECURE, REVERSE, NO_ANSWER),
	  "encrypted", "in time" },
	{ P(OFFER, REQUIRE, ALWAYS, -1), K(NONE, REVERSE, OWN), "in the clear",
	  "a proof is required" },
	{ P(REQUIRE, REQUIRE, ALWAYS, -1), K(BOGUS, REVERSE, OWN), "blocked",
	  "bogus" },
	{ P(ALLOW, REQUIRE, ALWAYS, -1), K(NONE, REVERSE, OWN), "refused",
	  "a proof is required" },
	{ P(REQUIRE, REQUIRE, ALWAYS, 0), K(SECURE, POINTER, OWN), "encrypted",
	  "proven to be h.example.org" },
	{ P(REQUIRE, REQUIRE, ALWAYS, 0), K(SECURE, REVERSE, OWN), "blocked",
	  "does not accept" },
	{ P(REQUIRE, REQUIRE, ALWAYS, 2), K(SECURE, REVERSE, OWN), "encrypted",
	  "10.0.0.2" },
	{ P(REQUIRE, REQUIRE, ALWAYS, -1), K(SECURE, REVERSE, GATEWAY),
	  "blocked", "Gateway=no" },
	{ P(REQUIRE, REQUIRE, ALWAYS, -1), G(SECURE, REVERSE, GATEWAY),
	  "encrypted as far as its gateway 10.0.0.9,",
	  "proven to be 10.0.0.9" },
	{ P(OFFER, OFFER, ALWAYS, -1), G(SECURE, REVERSE, NAMED),
	  "encrypted as far as its gateway 10.0.0.9,",
	  "proven to be gw.test," },
	{ P(OFFER, OFFER, ALWAYS, 0), G(SECURE, REVERSE, NAMED), "encrypted",
	  "does not accept" },
	{ P(REQUIRE, OFFER, DNS, -1), G(SECURE, REVERSE, NAMELESS), "blocked",
	  "no address of it" },
	{ P(OFFER, OFFER, ALWAYS, -1), G(SECURE, REVERSE, BETTER),
	  "encrypted, and proven to be 10.0.0.2", "that key" },
	/* Who only answers begins with no gateway, and elsewhere than in the
	 * reverse tree none is named. */
	{ P(ALLOW, OFFER, ALWAYS, -1), G(SECURE, REVERSE, GATEWAY),
	  "encrypted when it begins", "anonymous" },
	{ P(OFFER, OFFER, ALWAYS, -1), G(SECURE, POINTER, GATEWAY),
	  "encrypted, and anonymous", "no address of it" },
	{ P(REQUIRE, REQUIRE, ALWAYS, -1), K(SECURE, FORWARD, MISMATCH),
	  "blocked", "another address" },
};

/* Whom the agent does not ask about: nobody else does either. */
static void test_unasked(void **state)
{
	static const struct {
		struct tacit_rule rule;
		const char *has; /* NULL: DNS is asked */
	} unasked[] = {
#define RULE(l, a, d, look, id)                     \
	{ .level = POLICY_##l,                      \
	  .auth = POLICY_AUTH_##a,                  \
	  .discover = POLICY_DISCOVER_##d,          \
	  .lookup = POLICY_LOOKUP_##look,           \
	  .identities = id < 0 ? NULL : &names[id], \
	  .n_identities = id >= 0 }
		{ RULE(OFFER, OFFER, ALWAYS, ADDRESS, -1), NULL },
		{ RULE(OFFER, ALLOW, DNS, ADDRESS, -1), NULL },
		{ RULE(OFFER, ALLOW, ALWAYS, ADDRESS, -1), "no proof" },
		{ RULE(FORBID, OFFER, ALWAYS, ADDRESS, -1), "forbids" },
		{ RULE(BLOCK, OFFER, ALWAYS, ADDRESS, -1), "blocked" },
		{ RULE(REQUIRE, REQUIRE, ALWAYS, NO, 1), "Lookup=no" },
		{ RULE(REQUIRE, REQUIRE, ALWAYS, NAME, 0), "Lookup=name" },
		{ RULE(REQUIRE, REQUIRE, ALWAYS, NAME, 1), NULL },
	};
	struct tacit_rule in_file = unasked[0].rule;

	(void)state;
	for (size_t i = 0; i < sizeof(unasked) / sizeof(unasked[0]); i++) {
		const char *why = tacit_conclude_unasked(&unasked[i].rule);

		if (!unasked[i].has) {
			assert_null(why);
			continue;
		}
		assert_non_null(why);
		assert_non_null(strstr(why, unasked[i].has));
	}
	in_file.in_file = true;
	assert_non_null(strstr(tacit_conclude_unasked(&in_file), "keys.d"));
}

static struct keyset *keys_of(size_t row)
{
	uint8_t spki[] = { 1, 2, 3 };
	char name[] = "gw.test.";
	struct keyset_key k = { .spki = spki, .spki_len = sizeof(spki) };
	struct keyset *set = keyset_new(rows[row].status, rows[row].source,
					"h.example.org.");

	assert_non_null(set);
	if (rows[row].key == GATEWAY || rows[row].key == NAMED ||
	    rows[row].key == BETTER)
		assert_int_equal(addr_parse("10.0.0.9", &k.gateway), 0);
	if (rows[row].key == NAMED || rows[row].key == NAMELESS)
		k.gateway_name = name;
	set->mismatch = rows[row].key == MISMATCH;
	if (rows[row].key == BETTER) {
		k.precedence = 1;
		assert_int_equal(keyset_add(set, &k), 0);
		k = (struct keyset_key){ .spki = spki,
					 .spki_len = sizeof(spki) };
	}
	assert_int_equal(keyset_add(set, &k), 0);
	return set;
}

static void test_rows(void **state)
{
	char text[TACIT_CONCLUSION_LEN];
	struct addr peer;

	(void)state;
	assert_int_equal(addr_parse("10.0.0.2", &peer), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tacit_rule r = {
			.level = rows[i].level,
			.auth = rows[i].auth,
			.discover = rows[i].discover,
			.identities = rows[i].identity < 0
					      ? NULL
					      : &names[rows[i].identity],
			.n_identities = rows[i].identity >= 0,
			.gateway = rows[i].gateway,
		};
		struct keyset *set = keys_of(i);

		tacit_conclude(&r, &peer, rows[i].key == NO_ANSWER ? NULL : set,
			       text);
		if (strncmp(text, rows[i].want, strlen(rows[i].want)) ||
		    !strstr(text, rows[i].has))
			print_error("row %zu: %s\n", i, text);
		assert_memory_equal(text, rows[i].want, strlen(rows[i].want));
		assert_non_null(strstr(text, rows[i].has));
		keyset_unref(set);
	}
}

static void test_in_file(void **state)
{
	struct tacit_rule r = { .level = POLICY_OFFER,
				.auth = POLICY_AUTH_REQUIRE,
				.in_file = true };
	char text[TACIT_CONCLUSION_LEN];
	struct addr peer;

	(void)state;
	assert_int_equal(addr_parse("10.0.0.2", &peer), 0);
	assert_non_null(
		strstr(tacit_conclude(&r, &peer, NULL, text), "keys.d"));
	r.level = POLICY_BLOCK;
	assert_non_null(
		strstr(tacit_conclude(&r, &peer, NULL, text), "blocked"));
}

static void test_name(void **state)
{
	struct tacit_rule r = { .identities = &names[1], .n_identities = 1 };

	(void)state;
	assert_string_equal(tacit_conclude_name(&r), "@h.example.org");
	r.identities = &names[0];
	assert_null(tacit_conclude_name(&r));
	r.n_identities = 2;
	assert_null(tacit_conclude_name(&r));
	r = (struct tacit_rule){ .identities = &names[2], .n_identities = 1 };
	assert_null(tacit_conclude_name(&r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_in_file),
		cmocka_unit_test(test_name),
		cmocka_unit_test(test_unasked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
