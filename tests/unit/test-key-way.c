/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ways to a host, in order of precedence. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/key-way.h"

#define MAX 6

static struct addr at(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

/* All but those that end in 9. */
static bool may(void *user, const struct addr *gateway)
{
	(void)user;
	return gateway->bytes[addr_len(gateway) - 1] != 9;
}

/* A key is its letter; gateway "": none; name: it was given by one. */
struct key {
	uint8_t precedence;
	const char *letter, *gateway, *name;
};

static const struct way_case {
	const char *what, *peer;
	bool gateways;
	struct key keys[MAX];
	/* "letters gateway name", gateway and name as "-" where there are none,
	 * for each way in order. */
	const char *ways[MAX];
} cases[] = {
	{ "no key", "10.0.0.1", true, { { 0 } }, { NULL } },
	{ "its own",
	  "10.0.0.1",
	  true,
	  { { 10, "a", "", NULL }, { 20, "b", "10.0.0.1", NULL } },
	  { "ab - host." } },
	{ "a gateway",
	  "10.0.0.1",
	  true,
	  { { 10, "a", "10.0.0.2", NULL } },
	  { "a 10.0.0.2 -" } },
	{ "of IPv6",
	  "fd00::1",
	  true,
	  { { 10, "a", "fd00::2", NULL } },
	  { "a fd00::2 -" } },
	{ "none is wanted",
	  "10.0.0.1",
	  false,
	  { { 10, "a", "10.0.0.2", NULL }, { 20, "b", "", NULL } },
	  { "b - host." } },
	{ "one that may not be",
	  "10.0.0.1",
	  true,
	  { { 10, "a", "10.0.0.9", NULL }, { 20, "b", "10.0.0.2", NULL } },
	  { "b 10.0.0.2 -" } },
	{ "of the other family",
	  "10.0.0.1",
	  true,
	  { { 10, "a", "fd00::2", NULL } },
	  { NULL } },
	{ "by precedence",
	  "10.0.0.1",
	  true,
	  { { 30, "a", "10.0.0.2", NULL },
	    { 20, "b", "", NULL },
	    { 10, "c", "10.0.0.3", NULL },
	    { 15, "d", "10.0.0.2", NULL } },
	  { "c 10.0.0.3 -", "da 10.0.0.2 -", "b - host." } },
	{ "alike: as DNS has them",
	  "10.0.0.1",
	  true,
	  { { 10, "a", "10.0.0.3", NULL }, { 10, "b", "10.0.0.2", NULL } },
	  { "a 10.0.0.3 -", "b 10.0.0.2 -" } },
	{ "by name",
	  "10.0.0.1",
	  true,
	  { { 10, "a", "10.0.0.2", "gw." }, { 20, "b", "10.0.0.2", "gw." } },
	  { "ab 10.0.0.2 gw." } },
	{ "a name without an address",
	  "10.0.0.1",
	  true,
	  { { 10, "a", "", "gw." }, { 20, "b", "", NULL } },
	  { "b - host." } },
	{ "a name with the host's own address",
	  "10.0.0.1",
	  true,
	  { { 10, "a", "10.0.0.1", "gw." } },
	  { "a - host." } },
	{ "too many",
	  "10.0.0.1",
	  true,
	  { { 1, "a", "10.0.0.2", NULL },
	    { 2, "b", "10.0.0.3", NULL },
	    { 3, "c", "10.0.0.4", NULL },
	    { 4, "d", "10.0.0.5", NULL },
	    { 5, "e", "10.0.0.6", NULL } },
	  { "a 10.0.0.2 -", "b 10.0.0.3 -", "c 10.0.0.4 -", "d 10.0.0.5 -" } },
};

static struct keyset *keys_of(const struct way_case *c)
{
	struct keyset *k = keyset_new(KEYSET_SECURE, KEYSET_REVERSE, "host.");

	assert_non_null(k);
	for (size_t i = 0; i < MAX && c->keys[i].letter; i++) {
		const struct key *from = &c->keys[i];
		struct keyset_key key = {
			.precedence = from->precedence,
			.gateway_name = (char *)(uintptr_t)from->name,
			.spki = (const uint8_t *)from->letter,
			.spki_len = 1,
		};

		if (*from->gateway)
			key.gateway = at(from->gateway);
		assert_int_equal(keyset_add(k, &key), 0);
	}
	return k;
}

static void format(const struct keyset *k, const struct key_way *w, char *text)
{
	char gateway[ADDR_STRLEN] = "-";
	size_t i;

	for (i = 0; i < k->n; i++)
		text[i] = (char)k->keys[i].spki[0];
	if (w->gateway.family)
		addr_format(&w->gateway, gateway);
	text[i++] = ' ';
	strcpy(&text[i], gateway);
	strcat(text, " ");
	strcat(text, k->name ? k->name : "-");
}

static void check(const struct way_case *c, struct keyset *keys,
		  const struct key_ways *ways)
{
	struct key_way way, before = { .more = c->ways[0] != NULL };
	struct keyset *own;
	char text[128];
	unsigned n = 0;

	for (; n < MAX && c->ways[n]; n++) {
		assert_true(before.more);
		assert_int_equal(key_way_choose(keys, ways, n, &way, &own), 0);
		format(own, &way, text);
		assert_string_equal(text, c->ways[n]);
		assert_int_equal(own->status, KEYSET_SECURE);
		assert_int_equal(own->n + own->skipped, keys->n);
		assert_int_equal(key_way_find(keys, ways, &way.gateway), n);
		/* The one before has told of it. */
		if (n && way.gateway.family)
			assert_true(addr_equal(&before.next, &way.gateway));
		keyset_unref(own);
		before = way;
	}
	assert_false(before.more);
	assert_int_equal(key_way_choose(keys, ways, n, &way, &own), -ENOENT);
}

static void test_ways(void **state)
{
	struct addr nobody = at("10.0.0.77");

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct way_case *c = &cases[i];
		struct key_ways ways = { .peer = at(c->peer),
					 .may = c->gateways ? may : NULL };
		struct keyset *keys = keys_of(c);

		print_message("%s\n", c->what);
		check(c, keys, &ways);
		assert_int_equal(key_way_find(keys, &ways, &nobody), KEY_WAYS);
		keyset_unref(keys);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_ways) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
