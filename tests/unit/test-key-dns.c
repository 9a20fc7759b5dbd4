/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * agent/key-dns.c against a server on loopback: whom it asks about for which
 * question, and what the answer is to the engine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "agent/key-dns.h"
#include "dns-fake.h"

#define V4	 "192.0.2.1"
#define REVERSE4 "1.2.0.192.in-addr.arpa."
#define V6	 "2001:db8::1"
#define REVERSE6                                           \
	"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0." \
	"8.b.d.0.1.0.0.2.ip6.arpa."
#define KEY                         \
	" 60 IN IPSECKEY 10 0 4 . " \
	"AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
#define GATEWAY                              \
	" 60 IN IPSECKEY 10 1 4 192.0.2.77 " \
	"AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
#define GATEWAY6                               \
	" 60 IN IPSECKEY 10 2 4 2001:db8::77 " \
	"AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
#define NAMED(precedence, name)                        \
	" 60 IN IPSECKEY " precedence " 3 4 " name " " \
	"AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="

struct bench {
	sd_event *event;
	struct dns_fake *dns;
	struct key_dns *keys;
	struct config_dns config;
	uint32_t lookup_ms; /* of the policy */
	char *servers[2], *anchors[2];
	unsigned calls;
	int found;
	char identity[IKE_IDENTITY_STRLEN];
	size_t n;
	uint64_t lifetime;
	bool begins; /* we are to begin, by this way */
	uint8_t number;
	struct addr through; /* or by this gateway */
	struct key_way way;
};

static void on_answer(void *user, struct handle sa, int found,
		      struct key_answer *answer)
{
	struct bench *b = user;

	assert_int_equal(sa.index, 7);
	b->calls++;
	b->found = found;
	b->lifetime = answer->lifetime_ms;
	if (found < 0)
		return;
	ike_identity_format(&answer->identity, b->identity);
	b->n = answer->keys->n;
	b->way = answer->way;
	key_answer_done(answer);
}

/* All but what ends in 9. */
static bool may_gateway(void *user, const struct addr *peer,
			const struct addr *gateway)
{
	assert_non_null(user);
	assert_int_equal(peer->family, gateway->family);
	return gateway->bytes[addr_len(gateway) - 1] != 9;
}

static int setup(void **state)
{
	static struct bench b;
	const struct key_dns_ops ops = { &b, on_answer, may_gateway };

	memset(&b, 0, sizeof(b));
	assert_true(sd_event_new(&b.event) >= 0);
	b.dns = dns_fake_new();
	b.servers[0] = (char *)dns_fake_address(b.dns);
	b.anchors[0] = (char *)dns_fake_anchor(b.dns);
	b.config = (struct config_dns){ .lookup = true,
					.servers = b.servers,
					.anchors = b.anchors };
	b.lookup_ms = 10000;
	assert_int_equal(key_dns_new(b.event, &b.config, &ops, &b.keys), 0);
	assert_null(key_dns_fault(b.keys));
	*state = &b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	key_dns_free(b->keys);
	dns_fake_free(b->dns);
	sd_event_unref(b->event);
	return 0;
}

/* Asks, and waits for what is answered later. */
static int ask(struct bench *b, const struct policy *p, const char *address,
	       const char *identity)
{
	struct key_source source = key_dns_source(b->keys);
	struct policy policy = p ? *p : (struct policy){ 0 };
	struct key_question q = { .ticket = { 7, 1 },
				  .policy = p ? &policy : NULL,
				  .begins = b->begins,
				  .way = b->number,
				  .gateway = b->through };
	struct key_answer answer = { 0 };
	uint64_t now;
	int r;

	policy.lookup_ms = b->lookup_ms;
	assert_true(sd_event_now(b->event, CLOCK_MONOTONIC, &now) >= 0);
	key_question_begin(&q, now / 1000);
	assert_int_equal(addr_parse(address, &q.remote), 0);
	if (identity)
		assert_int_equal(ike_identity_parse(identity, &q.identity), 0);
	b->calls = 0;
	r = source.find(source.user, &q, &answer);
	if (r != -EINPROGRESS) {
		assert_int_equal(b->calls, 0);
		b->calls = 1;
		b->found = r;
		b->lifetime = answer.lifetime_ms;
		if (r == 0) {
			ike_identity_format(&answer.identity, b->identity);
			b->n = answer.keys->n;
			b->way = answer.way;
		}
		key_answer_done(&answer);
	}
	while (!b->calls) {
		dns_fake_serve(b->dns, sd_event_get_fd(b->event), 100);
		assert_true(sd_event_run(b->event, 0) >= 0);
	}
	assert_int_equal(b->calls, 1);
	return b->found;
}

static struct policy offers = { .auth = POLICY_AUTH_OFFER };
static struct policy offers_names = { .auth = POLICY_AUTH_OFFER,
				      .lookup = POLICY_LOOKUP_NAME };
static struct policy offers_nothing = { .auth = POLICY_AUTH_OFFER,
					.lookup = POLICY_LOOKUP_NO };
static struct policy allows = { .auth = POLICY_AUTH_ALLOW };
static char name_here[] = "@h.signed.test";
static char *names_here[] = { name_here };
static struct policy requires = { .auth = POLICY_AUTH_REQUIRE };
static char any_here[] = "@*.signed.test";
static char *anybody_here[] = { any_here };
static struct policy requires_here = { .auth = POLICY_AUTH_REQUIRE,
				       .identities = anybody_here,
				       .n_identities = 1 };
static struct policy names = { .auth = POLICY_AUTH_OFFER,
			       .identities = names_here,
			       .n_identities = 1 };
/* Two names: of whoever is alone in its networks, and of a policy beside
 * another, whose peers may be anywhere. */
static char other_here[] = "@g.signed.test";
static char *both_here[] = { name_here, other_here };
static struct policy both = { .auth = POLICY_AUTH_OFFER,
			      .identities = both_here,
			      .n_identities = 2 };
static struct policy roams = { .auth = POLICY_AUTH_OFFER,
			       .identities = both_here,
			       .n_identities = 2,
			       .named = true };
static struct policy roams_any = { .auth = POLICY_AUTH_OFFER,
				   .identities = anybody_here,
				   .n_identities = 1,
				   .named = true };

static const struct {
	const char *what;
	const struct policy *policy;
	const char *address, *claims, *records[3];
	int found;
	const char *identity;
} rows[] = {
	{ "its address", &offers, V4, NULL, { REVERSE4 KEY }, 0, V4 },
	{ "its address, IPv6", &offers, V6, NULL, { REVERSE6 KEY }, 0, V6 },
	{ "it says its address", &offers, V4, V4, { REVERSE4 KEY }, 0, V4 },
	{ "it says another address",
	  &offers,
	  V4,
	  "192.0.2.2",
	  { "2.2.0.192.in-addr.arpa." KEY },
	  -EPERM,
	  NULL },
	{ "nobody asks", &allows, V4, NULL, { REVERSE4 KEY }, -ENOENT, NULL },
	{ "it says who it is all the same",
	  &allows,
	  V4,
	  V4,
	  { REVERSE4 KEY },
	  0,
	  V4 },
	{ "the address is not told",
	  &offers_names,
	  V4,
	  NULL,
	  { REVERSE4 KEY },
	  -ENOENT,
	  NULL },
	{ "nor where it is claimed",
	  &offers_names,
	  V4,
	  V4,
	  { REVERSE4 KEY },
	  -ENOENT,
	  NULL },
	{ "a name may be asked about",
	  &offers_names,
	  V4,
	  "@h.signed.test",
	  { "h.signed.test." KEY, "h.signed.test. 60 IN A " V4 },
	  0,
	  "@h.signed.test" },
	{ "nothing may",
	  &offers_nothing,
	  V4,
	  "@h.signed.test",
	  { "h.signed.test." KEY, "h.signed.test. 60 IN A " V4 },
	  -ENOENT,
	  NULL },
	{ "no policy", NULL, V4, NULL, { REVERSE4 KEY }, -ENOENT, NULL },
	{ "its name",
	  &offers,
	  V4,
	  "@h.signed.test",
	  { "h.signed.test." KEY, "h.signed.test. 60 IN A " V4 },
	  0,
	  "@h.signed.test" },
	{ "somebody else's name",
	  &offers,
	  V4,
	  "@h.signed.test",
	  { "h.signed.test." KEY, "h.signed.test. 60 IN A 192.0.2.9" },
	  -EPERM,
	  NULL },
	{ "the name of the policy",
	  &names,
	  V4,
	  NULL,
	  { "h.signed.test." KEY },
	  0,
	  "@h.signed.test" },
	{ "it says the name of the policy",
	  &names,
	  V4,
	  "@H.signed.test",
	  { "h.signed.test." KEY },
	  0,
	  "@h.signed.test" },
	{ "it says another name",
	  &names,
	  V4,
	  "@g.signed.test",
	  { "h.signed.test." KEY },
	  -ENOENT,
	  NULL },
	{ "one of several names, from nowhere",
	  &both,
	  V4,
	  "@h.signed.test",
	  { "h.signed.test." KEY },
	  -ENOENT,
	  NULL },
	{ "a peer that may be anywhere",
	  &roams,
	  V6,
	  "@h.signed.test",
	  { "h.signed.test." KEY },
	  0,
	  "@h.signed.test" },
	{ "anybody of a domain may not",
	  &roams_any,
	  V4,
	  "@h.signed.test",
	  { "h.signed.test." KEY },
	  -ENOENT,
	  NULL },
	{ "a name where a proof is required, of nobody in particular",
	  &requires,
	  V4,
	  "@h.signed.test",
	  { "h.signed.test." KEY, "h.signed.test. 60 IN A " V4 },
	  -ENOENT,
	  NULL },
	{ "a name of those that are required",
	  &requires_here,
	  V4,
	  "@h.signed.test",
	  { "h.signed.test." KEY, "h.signed.test. 60 IN A " V4 },
	  0,
	  "@h.signed.test" },
	{ "its address where a proof is required",
	  &requires,
	  V4,
	  V4,
	  { REVERSE4 KEY },
	  0,
	  V4 },
	{ "a mailbox",
	  &offers,
	  V4,
	  "u@h.signed.test",
	  { "h.signed.test." KEY },
	  -ENOENT,
	  NULL },
	{ "no key", &offers, V4, NULL, { NULL }, -ENOENT, NULL },
	{ "the key of a gateway",
	  &offers,
	  V4,
	  NULL,
	  { REVERSE4 GATEWAY },
	  -ENOENT,
	  NULL },
	{ "a zone that is not signed",
	  &offers,
	  "198.51.100.1",
	  NULL,
	  { "1.100.51.198.in-addr.arpa." KEY },
	  -ENOENT,
	  NULL },
};

static void test_table(void **state)
{
	struct bench *b = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("%s\n", rows[i].what);
		teardown(state);
		setup(state);
		for (size_t j = 0; j < 3 && rows[i].records[j]; j++)
			dns_fake_add(b->dns, rows[i].records[j]);
		/* The second answer is that of the cache. */
		for (int again = 0; again < 2; again++) {
			assert_int_equal(ask(b, rows[i].policy, rows[i].address,
					     rows[i].claims),
					 rows[i].found);
			if (rows[i].found < 0)
				continue;
			assert_string_equal(b->identity, rows[i].identity);
			assert_int_equal(b->n, 1);
		}
	}
}

/* Where we begin, a key may be that of a gateway. */
static const struct {
	const char *what, *address, *records[4];
	uint8_t number;
	const char *through; /* asked for by it; NULL: by the number */
	const char *gateway; /* NULL: nothing is found */
	const char *identity;
	bool more;
} ways[] = {
	{ "IPv4",
	  V4,
	  { REVERSE4 GATEWAY },
	  0,
	  NULL,
	  "192.0.2.77",
	  "192.0.2.77",
	  false },
	{ "IPv6",
	  V6,
	  { REVERSE6 GATEWAY6 },
	  0,
	  NULL,
	  "2001:db8::77",
	  "2001:db8::77",
	  false },
	{ "the other family",
	  V4,
	  { REVERSE4 GATEWAY6 },
	  0,
	  NULL,
	  NULL,
	  NULL,
	  false },
	{ "its own second",
	  V4,
	  { REVERSE4 GATEWAY,
	    REVERSE4 " 60 IN IPSECKEY 20 0 4 . AQIDBAUGBwgJCgs"
		     "MDQ4PEBESExQVFhcYGRobHB0eHyA=" },
	  0,
	  NULL,
	  "192.0.2.77",
	  "192.0.2.77",
	  true },
	{ "its own, then",
	  V4,
	  { REVERSE4 GATEWAY,
	    REVERSE4 " 60 IN IPSECKEY 20 0 4 . AQIDBAUGBwgJCgs"
		     "MDQ4PEBESExQVFhcYGRobHB0eHyA=" },
	  1,
	  NULL,
	  "",
	  V4,
	  false },
	{ "no more", V4, { REVERSE4 GATEWAY }, 1, NULL, NULL, NULL, false },
	{ "by name",
	  V4,
	  { REVERSE4 NAMED("10", "gw.signed.test."),
	    "gw.signed.test. 60 IN A 192.0.2.78" },
	  0,
	  NULL,
	  "192.0.2.78",
	  "@gw.signed.test",
	  false },
	{ "by name, IPv6",
	  V6,
	  { REVERSE6 NAMED("10", "gw.signed.test."),
	    "gw.signed.test. 60 IN AAAA 2001:db8::78" },
	  0,
	  NULL,
	  "2001:db8::78",
	  "@gw.signed.test",
	  false },
	{ "by name, of the other family only",
	  V6,
	  { REVERSE6 NAMED("10", "gw.signed.test."),
	    "gw.signed.test. 60 IN A 192.0.2.78" },
	  0,
	  NULL,
	  NULL,
	  NULL,
	  false },
	{ "by a name that is not signed",
	  V4,
	  { REVERSE4 NAMED("10", "gw.plain.test."),
	    "gw.plain.test. 60 IN A 192.0.2.78" },
	  0,
	  NULL,
	  NULL,
	  NULL,
	  false },
	{ "by a name that is not there, then another",
	  V4,
	  { REVERSE4 NAMED("10", "no.signed.test."),
	    REVERSE4 NAMED("20", "gw.signed.test."),
	    "gw.signed.test. 60 IN A 192.0.2.78" },
	  0,
	  NULL,
	  "192.0.2.78",
	  "@gw.signed.test",
	  false },
	{ "by the root, which is none",
	  V4,
	  { REVERSE4 NAMED("10", ".") },
	  0,
	  NULL,
	  "",
	  V4,
	  false },
	{ "one that may not be",
	  V4,
	  { REVERSE4 NAMED("10", "gw.signed.test."),
	    "gw.signed.test. 60 IN A 192.0.2.9" },
	  0,
	  NULL,
	  NULL,
	  NULL,
	  false },
	{ "that one",
	  V4,
	  { REVERSE4 NAMED("5", "gw.signed.test."), REVERSE4 GATEWAY,
	    "gw.signed.test. 60 IN A 192.0.2.78" },
	  0,
	  "192.0.2.78",
	  "192.0.2.78",
	  "@gw.signed.test",
	  true },
	{ "no such one",
	  V4,
	  { REVERSE4 GATEWAY },
	  0,
	  "192.0.2.79",
	  NULL,
	  NULL,
	  false },
	{ "in a zone that is not signed",
	  "198.51.100.1",
	  { "1.100.51.198.in-addr.arpa." GATEWAY },
	  0,
	  NULL,
	  NULL,
	  NULL,
	  false },
	/* Only the reverse tree says who is in front of an address. */
	{ "of a pointer's name",
	  V4,
	  { REVERSE4 " 60 IN PTR h.signed.test.", "h.signed.test." GATEWAY,
	    "h.signed.test. 60 IN A " V4 },
	  0,
	  NULL,
	  NULL,
	  NULL,
	  false },
};

static void test_ways(void **state)
{
	struct bench *b = *state;

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		int want = ways[i].gateway ? 0 : -ENOENT;
		char text[ADDR_STRLEN] = "";

		print_message("%s\n", ways[i].what);
		teardown(state);
		setup(state);
		b->begins = true;
		b->number = ways[i].number;
		if (ways[i].through)
			assert_int_equal(
				addr_parse(ways[i].through, &b->through), 0);
		for (size_t j = 0; j < 4 && ways[i].records[j]; j++)
			dns_fake_add(b->dns, ways[i].records[j]);
		for (int again = 0; again < 2; again++) {
			assert_int_equal(ask(b, &offers, ways[i].address, NULL),
					 want);
			if (want < 0)
				continue;
			if (b->way.gateway.family)
				addr_format(&b->way.gateway, text);
			assert_string_equal(text, ways[i].gateway);
			assert_string_equal(b->identity, ways[i].identity);
			assert_int_equal(b->way.more, ways[i].more);
		}
		/* Who only answers knows of no gateway. */
		b->begins = false;
		b->number = 0;
		b->through = (struct addr){ 0 };
		if (want == 0 && *ways[i].gateway && !ways[i].more)
			assert_int_equal(ask(b, &offers, ways[i].address, NULL),
					 -ENOENT);
	}
}

static void test_bogus(void **state)
{
	struct bench *b = *state;
	struct addr a;

	dns_fake_set_mood(b->dns, DNS_FAKE_FORGES);
	dns_fake_add(b->dns, REVERSE4 KEY);
	assert_int_equal(ask(b, &offers, V4, NULL), -EBADMSG);
	assert_int_equal(ask(b, &offers, V4, NULL), -EBADMSG);
	assert_int_equal(addr_parse(V4, &a), 0);
	assert_int_equal(key_dns_peek(b->keys, &a)->status, KEYSET_BOGUS);
	assert_int_equal(addr_parse(V6, &a), 0);
	assert_null(key_dns_peek(b->keys, &a));
}

/* The budget is spent before an answer is there: as if there were no key, but
 * it is for the next one who asks. */
static void test_late(void **state)
{
	struct bench *b = *state;

	b->lookup_ms = 1;
	dns_fake_add(b->dns, REVERSE4 KEY);
	dns_fake_set_mood(b->dns, DNS_FAKE_SILENT);
	assert_int_equal(ask(b, &offers, V4, NULL), -ENETUNREACH);
	dns_fake_set_mood(b->dns, DNS_FAKE_HONEST);
	b->lookup_ms = 20000;
	assert_int_equal(ask(b, &offers, V4, NULL), 0);
}

static void test_no_anchor(void **state)
{
	struct bench *b = *state;
	const struct key_dns_ops ops = { b, on_answer, NULL };
	char missing[] = "/nonexistent";

	b->anchors[0] = missing;
	key_dns_free(b->keys);
	assert_int_equal(key_dns_new(b->event, &b->config, &ops, &b->keys), 0);
	assert_non_null(strstr(key_dns_fault(b->keys), "trust anchor"));
	assert_int_equal(ask(b, &offers, V4, NULL), -ENETUNREACH);
}

/* Is it worth a try? And for how long is that so. */
static void discover(struct bench *b, const struct policy *p,
		     const char *address, int found, uint64_t lifetime)
{
	assert_int_equal(ask(b, p, address, NULL), found);
	assert_in_range(b->lifetime, lifetime - 5000, lifetime);
}

static void test_discover(void **state)
{
	static const struct policy dns = { .discover = POLICY_DISCOVER_DNS };
	struct bench *b = *state;

	dns_fake_add(b->dns, REVERSE4 KEY);
	dns_fake_add(b->dns, REVERSE6 KEY);
	dns_fake_add(b->dns, "1.100.51.198.in-addr.arpa." KEY);
	for (int again = 0; again < 2; again++) {
		discover(b, &dns, V4, 0, 60000);
		discover(b, &dns, V6, 0, 60000);
		discover(b, &dns, "192.0.2.2", -ENOENT, 60000);
		discover(b, &dns, "198.51.100.1", -ENOENT, 60000);
		discover(b, &names, "192.0.2.3", -ENOENT, 60000);
	}
	/* What discovery found serves the engine, content with anybody. */
	assert_int_equal(ask(b, &dns, V4, NULL), 0);
	dns_fake_set_mood(b->dns, DNS_FAKE_FORGES);
	discover(b, &dns, "192.0.2.4", -EBADMSG, 10000);
	dns_fake_set_mood(b->dns, DNS_FAKE_SERVFAIL);
	discover(b, &dns, "192.0.2.5", -ENETUNREACH, 5000);
	b->lookup_ms = 1;
	dns_fake_set_mood(b->dns, DNS_FAKE_SILENT);
	discover(b, &dns, "192.0.2.6", -ENETUNREACH, 5000);
}

/* Behind a captive portal nothing can be told; a moment after it, all. */
static void test_portal(void **state)
{
	struct bench *b = *state;
	int found = -EBADMSG;

	dns_fake_add(b->dns, REVERSE4 KEY);
	dns_fake_set_mood(b->dns, DNS_FAKE_STRIPS);
	assert_int_equal(ask(b, &offers, V4, NULL), -EBADMSG);
	dns_fake_set_mood(b->dns, DNS_FAKE_HONEST);
	for (int i = 0; i < 80 && found; i++) {
		usleep(100000);
		assert_true(sd_event_run(b->event, 0) >= 0);
		found = ask(b, &offers, V4, NULL);
	}
	assert_int_equal(found, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_table),  TEST(test_ways),	 TEST(test_bogus),
		TEST(test_late),   TEST(test_no_anchor), TEST(test_discover),
		TEST(test_portal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
