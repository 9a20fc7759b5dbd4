/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dnskeys/lookup.c against a server on loopback: what each state of the
 * reverse tree and of the pointer's name comes to, IPv4 and IPv6.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns-fake.h"
#include "dnskeys/lookup.h"

#define V4	 "192.0.2.1"
#define REVERSE4 "1.2.0.192.in-addr.arpa."
#define V6	 "2001:db8::1"
#define REVERSE6                                           \
	"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0." \
	"8.b.d.0.1.0.0.2.ip6.arpa."
/* Addresses whose reverse trees are not signed. */
#define PLAIN	  "198.51.100.1"
#define PLAIN_REV "1.100.51.198.in-addr.arpa."

/* Ed25519, 32 bytes. */
#define KEY_A	 "4 . AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
#define KEY_B	 "4 . ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICA="
#define SMALL	 "2 . AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ=="
#define IPSECKEY " 60 IN IPSECKEY 10 0 "

struct result {
	unsigned calls;
	struct keyset *keys;
};

static void on_done(void *user, struct keyset *keys)
{
	struct result *r = user;

	r->calls++;
	r->keys = keys ? keyset_ref(keys) : NULL;
}

static struct keyset *look_up(struct dns_fake *f, struct resolver *r,
			      const char *address, const char *name)
{
	struct lookup_request request = { .name = name,
					  .claimed = name && address };
	struct result result = { 0 };
	struct lookup *l = NULL;

	if (address)
		assert_int_equal(addr_parse(address, &request.peer), 0);
	assert_int_equal(lookup_new(r, &request, on_done, &result, &l), 0);
	assert_int_equal(result.calls, 0);
	while (!result.calls) {
		dns_fake_serve(f, resolver_fd(r), 1000);
		resolver_process(r);
	}
	assert_int_equal(result.calls, 1);
	assert_int_equal(resolver_pending(r), 0);
	assert_non_null(result.keys);
	return result.keys;
}

static const struct {
	const char *what, *address, *name; /* both: claimed */
	const char *records[5];
	enum keyset_status status;
	enum keyset_source source;
	size_t n, skipped;
	const char *proven; /* the set's name */
} rows[] = {
	{ "a key in the reverse tree",
	  V4,
	  NULL,
	  { REVERSE4 IPSECKEY KEY_A },
	  KEYSET_SECURE,
	  KEYSET_REVERSE,
	  1,
	  0,
	  REVERSE4 },
	{ "the same, IPv6",
	  V6,
	  NULL,
	  { REVERSE6 IPSECKEY KEY_A },
	  KEYSET_SECURE,
	  KEYSET_REVERSE,
	  1,
	  0,
	  REVERSE6 },
	{ "two keys and one that is too small",
	  V4,
	  NULL,
	  { REVERSE4 IPSECKEY KEY_A, REVERSE4 IPSECKEY KEY_B,
	    REVERSE4 IPSECKEY SMALL },
	  KEYSET_SECURE,
	  KEYSET_REVERSE,
	  2,
	  1,
	  REVERSE4 },
	{ "a key that is too small",
	  V4,
	  NULL,
	  { REVERSE4 IPSECKEY SMALL },
	  KEYSET_NONE,
	  KEYSET_REVERSE,
	  0,
	  1,
	  REVERSE4 },
	{ "no key",
	  V4,
	  NULL,
	  { NULL },
	  KEYSET_NONE,
	  KEYSET_REVERSE,
	  0,
	  0,
	  REVERSE4 },
	{ "no key, IPv6",
	  V6,
	  NULL,
	  { NULL },
	  KEYSET_NONE,
	  KEYSET_REVERSE,
	  0,
	  0,
	  REVERSE6 },
	{ "not signed",
	  PLAIN,
	  NULL,
	  { PLAIN_REV IPSECKEY KEY_A },
	  KEYSET_INSECURE,
	  KEYSET_REVERSE,
	  1,
	  0,
	  PLAIN_REV },
	{ "a pointer, confirmed",
	  V4,
	  NULL,
	  { REVERSE4 " 60 IN PTR h.signed.test.", "h.signed.test. 60 IN A " V4,
	    "h.signed.test." IPSECKEY KEY_A },
	  KEYSET_SECURE,
	  KEYSET_POINTER,
	  1,
	  0,
	  "h.signed.test." },
	{ "the same, IPv6",
	  V6,
	  NULL,
	  { REVERSE6 " 60 IN PTR h.signed.test.",
	    "h.signed.test. 60 IN AAAA " V6, "h.signed.test." IPSECKEY KEY_A },
	  KEYSET_SECURE,
	  KEYSET_POINTER,
	  1,
	  0,
	  "h.signed.test." },
	{ "a pointer that is not signed, confirmed",
	  PLAIN,
	  NULL,
	  { PLAIN_REV " 60 IN PTR h.signed.test.",
	    "h.signed.test. 60 IN A " PLAIN, "h.signed.test." IPSECKEY KEY_A },
	  KEYSET_NONE,
	  KEYSET_REVERSE,
	  0,
	  0,
	  PLAIN_REV },
	{ "a pointer to a host of another address",
	  V4,
	  NULL,
	  { REVERSE4 " 60 IN PTR h.signed.test.",
	    "h.signed.test. 60 IN A 192.0.2.99",
	    "h.signed.test." IPSECKEY KEY_A },
	  KEYSET_NONE,
	  KEYSET_REVERSE,
	  0,
	  0,
	  REVERSE4 },
	{ "a pointer to a host without an address",
	  V4,
	  NULL,
	  { REVERSE4 " 60 IN PTR h.signed.test.",
	    "h.signed.test." IPSECKEY KEY_A },
	  KEYSET_NONE,
	  KEYSET_REVERSE,
	  0,
	  0,
	  REVERSE4 },
	{ "a pointer to a host whose zone is not signed",
	  V4,
	  NULL,
	  { REVERSE4 " 60 IN PTR h.plain.test.", "h.plain.test. 60 IN A " V4,
	    "h.plain.test." IPSECKEY KEY_A },
	  KEYSET_INSECURE,
	  KEYSET_POINTER,
	  1,
	  0,
	  "h.plain.test." },
	{ "a key in the reverse tree and a pointer",
	  V4,
	  NULL,
	  { REVERSE4 IPSECKEY KEY_B, REVERSE4 " 60 IN PTR h.signed.test.",
	    "h.signed.test. 60 IN A " V4, "h.signed.test." IPSECKEY KEY_A },
	  KEYSET_SECURE,
	  KEYSET_REVERSE,
	  1,
	  0,
	  REVERSE4 },
	{ "by name",
	  NULL,
	  "h.signed.test.",
	  { "h.signed.test." IPSECKEY KEY_A },
	  KEYSET_SECURE,
	  KEYSET_FORWARD,
	  1,
	  0,
	  "h.signed.test." },
	{ "by name, no key",
	  NULL,
	  "h.signed.test.",
	  { NULL },
	  KEYSET_NONE,
	  KEYSET_FORWARD,
	  0,
	  0,
	  "h.signed.test." },
};

static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dns_fake *f = dns_fake_new();
		struct resolver *r = dns_fake_resolver(f);
		struct keyset *keys;

		print_message("%s\n", rows[i].what);
		for (size_t j = 0; rows[i].records[j]; j++)
			dns_fake_add(f, rows[i].records[j]);
		keys = look_up(f, r, rows[i].address, rows[i].name);
		assert_string_equal(keyset_status_name(keys->status),
				    keyset_status_name(rows[i].status));
		assert_string_equal(keyset_source_name(keys->source),
				    keyset_source_name(rows[i].source));
		assert_string_equal(keys->name, rows[i].proven);
		assert_int_equal(keys->n, rows[i].n);
		assert_int_equal(keys->skipped, rows[i].skipped);
		assert_int_equal(keys->mismatch,
				 keys->status == KEYSET_NONE && keys->n != 0);
		if (keys->n)
			assert_in_range(keys->ttl, 1, 60);
		keyset_unref(keys);
		resolver_free(r);
		dns_fake_free(f);
	}
}

/* Whatever the pointer says: nothing below a bogus tree is believed. */
static void test_moods(void **state)
{
	static const struct {
		enum dns_fake_mood mood;
		enum keyset_status status;
	} moods[] = {
		{ DNS_FAKE_FORGES, KEYSET_BOGUS },
		{ DNS_FAKE_STRIPS, KEYSET_BOGUS },
		{ DNS_FAKE_SERVFAIL, KEYSET_UNREACHABLE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(moods) / sizeof(moods[0]); i++) {
		struct dns_fake *f = dns_fake_new();
		struct resolver *r = dns_fake_resolver(f);
		struct keyset *keys;

		dns_fake_add(f, REVERSE4 IPSECKEY KEY_A);
		dns_fake_add(f, REVERSE4 " 60 IN PTR h.plain.test.");
		dns_fake_add(f, "h.plain.test. 60 IN A " V4);
		dns_fake_add(f, "h.plain.test." IPSECKEY KEY_A);
		dns_fake_set_mood(f, moods[i].mood);
		keys = look_up(f, r, V4, NULL);
		assert_int_equal(keys->status, moods[i].status);
		assert_int_equal(keys->n, 0);
		assert_true(keys->why[0]);
		assert_int_equal(dns_fake_asked(f, 1), 0);
		keyset_unref(keys);
		resolver_free(r);
		dns_fake_free(f);
	}
}

static void test_cancel(void **state)
{
	struct dns_fake *f = dns_fake_new();
	struct resolver *r = dns_fake_resolver(f);
	struct lookup_request request = { 0 };
	struct result result = { 0 };
	struct lookup *l = NULL;

	(void)state;
	assert_int_equal(lookup_new(r, &request, on_done, &result, &l),
			 -EINVAL);
	assert_int_equal(addr_parse(V4, &request.peer), 0);
	assert_int_equal(lookup_new(r, &request, on_done, &result, &l), 0);
	lookup_free(l);
	assert_int_equal(resolver_pending(r), 0);
	resolver_free(r);
	assert_int_equal(result.calls, 0);
	dns_fake_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_moods),
		cmocka_unit_test(test_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
