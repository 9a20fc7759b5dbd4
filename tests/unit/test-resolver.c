/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dnskeys/resolver.c against a server on loopback: each verdict, whatever
 * becomes of the answer on its way.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dns-fake.h"
#include "dnskeys/resolver.h"
#include "util/limits.h"

#define TYPE_A	      1
#define TYPE_IPSECKEY 45
#define A_SIGNED      "a.signed.test. 60 IN A 192.0.2.1"
#define A_PLAIN	      "a.plain.test. 60 IN A 192.0.2.2"
#define KEY_SIGNED                                \
	"k.signed.test. 60 IN IPSECKEY 10 0 2 . " \
	"AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ=="

struct result {
	unsigned calls;
	enum dns_verdict verdict;
	size_t n;
	uint8_t first[64];
	size_t first_len;
	uint32_t ttl;
	bool has_why;
};

static void on_answer(void *user, const struct dns_answer *a)
{
	struct result *r = user;

	r->calls++;
	r->verdict = a->verdict;
	r->n = a->n;
	r->ttl = a->ttl;
	r->has_why = a->why != NULL;
	if (a->n && a->records[0].len <= sizeof(r->first)) {
		r->first_len = a->records[0].len;
		memcpy(r->first, a->records[0].data, r->first_len);
	}
}

static void ask(struct dns_fake *f, struct resolver *r, const char *name,
		uint16_t type, struct result *ret)
{
	struct handle h;

	memset(ret, 0, sizeof(*ret));
	assert_int_equal(resolver_ask(r, name, type, on_answer, ret, &h), 0);
	assert_int_equal(ret->calls, 0);
	while (!ret->calls) {
		dns_fake_serve(f, resolver_fd(r), 1000);
		resolver_process(r);
	}
	assert_int_equal(ret->calls, 1);
	assert_int_equal(resolver_pending(r), 0);
}

static const struct {
	const char *what, *name;
	uint16_t type;
	enum dns_fake_mood mood;
	enum dns_verdict verdict;
	size_t n;
} rows[] = {
	{ "signed", "a.signed.test.", TYPE_A, DNS_FAKE_HONEST, DNS_SECURE, 1 },
	{ "not signed", "a.plain.test.", TYPE_A, DNS_FAKE_HONEST, DNS_INSECURE,
	  1 },
	{ "denied", "none.signed.test.", TYPE_A, DNS_FAKE_HONEST, DNS_NONE, 0 },
	{ "not there", "none.plain.test.", TYPE_A, DNS_FAKE_HONEST, DNS_NONE,
	  0 },
	{ "of that type", "a.signed.test.", TYPE_IPSECKEY, DNS_FAKE_HONEST,
	  DNS_NONE, 0 },
	{ "a key", "k.signed.test.", TYPE_IPSECKEY, DNS_FAKE_HONEST, DNS_SECURE,
	  1 },
	{ "stripped", "a.signed.test.", TYPE_A, DNS_FAKE_STRIPS, DNS_BOGUS, 0 },
	{ "stripped denial", "none.signed.test.", TYPE_A, DNS_FAKE_STRIPS,
	  DNS_BOGUS, 0 },
	{ "forged", "a.signed.test.", TYPE_A, DNS_FAKE_FORGES, DNS_BOGUS, 0 },
	{ "forged denial", "none.signed.test.", TYPE_A, DNS_FAKE_FORGES,
	  DNS_BOGUS, 0 },
	{ "failure", "a.signed.test.", TYPE_A, DNS_FAKE_SERVFAIL,
	  DNS_UNREACHABLE, 0 },
	{ "failure, not signed", "a.plain.test.", TYPE_A, DNS_FAKE_SERVFAIL,
	  DNS_UNREACHABLE, 0 },
};

static void test_verdicts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dns_fake *f = dns_fake_new();
		struct resolver *r = dns_fake_resolver(f);
		struct result result;

		print_message("%s\n", rows[i].what);
		dns_fake_add(f, A_SIGNED);
		dns_fake_add(f, A_PLAIN);
		dns_fake_add(f, KEY_SIGNED);
		dns_fake_set_mood(f, rows[i].mood);
		ask(f, r, rows[i].name, rows[i].type, &result);
		assert_string_equal(dns_verdict_name(result.verdict),
				    dns_verdict_name(rows[i].verdict));
		/* What a broken chain brings is not to be looked at. */
		if (rows[i].verdict != DNS_BOGUS)
			assert_int_equal(result.n, rows[i].n);
		assert_int_equal(result.has_why,
				 rows[i].verdict == DNS_BOGUS ||
					 rows[i].verdict == DNS_UNREACHABLE);
		if (rows[i].verdict == DNS_SECURE)
			assert_in_range(result.ttl, 1, 60);
		resolver_free(r);
		dns_fake_free(f);
	}
}

static void test_rdata(void **state)
{
	static const uint8_t address[] = { 192, 0, 2, 1 };
	struct dns_fake *f = dns_fake_new();
	struct resolver *r = dns_fake_resolver(f);
	struct result result;

	(void)state;
	dns_fake_add(f, A_SIGNED);
	ask(f, r, "a.signed.test.", TYPE_A, &result);
	assert_int_equal(result.first_len, 4);
	assert_memory_equal(result.first, address, 4);
	resolver_free(r);
	dns_fake_free(f);
}

static void test_cancel(void **state)
{
	struct dns_fake *f = dns_fake_new();
	struct resolver *r = dns_fake_resolver(f);
	struct result gone = { 0 }, result;
	struct handle h;

	(void)state;
	dns_fake_add(f, A_SIGNED);
	assert_int_equal(
		resolver_ask(r, "a.signed.test.", TYPE_A, on_answer, &gone, &h),
		0);
	assert_int_equal(resolver_pending(r), 1);
	resolver_cancel(r, h);
	resolver_cancel(r, h);
	assert_int_equal(resolver_pending(r), 0);
	ask(f, r, "b.signed.test.", TYPE_A, &result);
	assert_int_equal(gone.calls, 0);
	/* One that is under way when the resolver goes. */
	assert_int_equal(
		resolver_ask(r, "c.signed.test.", TYPE_A, on_answer, &gone, &h),
		0);
	resolver_free(r);
	assert_int_equal(gone.calls, 0);
	dns_fake_free(f);
}

static void test_limit(void **state)
{
	struct dns_fake *f = dns_fake_new();
	struct resolver *r = dns_fake_resolver(f);
	struct result result = { 0 };
	struct handle h;

	(void)state;
	dns_fake_set_mood(f, DNS_FAKE_SILENT);
	for (unsigned i = 0; i < LIMIT_DNS_QUERIES; i++)
		assert_int_equal(resolver_ask(r, "a.plain.test.", TYPE_A,
					      on_answer, &result, &h),
				 0);
	assert_int_equal(resolver_ask(r, "a.plain.test.", TYPE_A, on_answer,
				      &result, &h),
			 -ENOBUFS);
	resolver_free(r);
	dns_fake_free(f);
}

/* However many answers wait, the loop gets few in one turn; and the descriptor
 * stays readable until it has had all. Those not told end with the resolver. */
static void test_few_at_a_time(void **state)
{
	struct dns_fake *f = dns_fake_new();
	struct resolver *r = dns_fake_resolver(f);
	struct result result = { 0 };
	unsigned most = 0, before;
	struct handle h;

	(void)state;
	dns_fake_add(f, A_PLAIN);
	ask(f, r, "a.plain.test.", TYPE_A, &result);
	for (unsigned i = 0; i < 200; i++)
		assert_int_equal(resolver_ask(r, "a.plain.test.", TYPE_A,
					      on_answer, &result, &h),
				 0);
	while (result.calls < 150) {
		dns_fake_serve(f, resolver_fd(r), 1000);
		/* Time for answers to gather. */
		usleep(2000);
		before = result.calls;
		resolver_process(r);
		if (result.calls - before > most)
			most = result.calls - before;
	}
	assert_in_range(most, 2, 8);
	resolver_free(r);
	assert_in_range(result.calls, 150, 157);
	dns_fake_free(f);
}

/* A zone of its own is asked of its own server, whatever others say. */
static void test_zones(void **state)
{
	struct dns_fake *f = dns_fake_new();
	const char *anchors[] = { dns_fake_anchor(f), NULL };
	const char *nobody[] = { "127.0.0.1@9", NULL };
	const char *zones[] = { "Plain.TEST.", dns_fake_address(f),
				"other.test.", "127.0.0.1@9",
				"plain.test.", dns_fake_address(f),
				NULL };
	const char *bad[] = { "a\"b.", dns_fake_address(f), NULL };
	const struct resolver_config c = { .anchors = anchors,
					   .forwarders = nobody,
					   .zones = zones };
	struct resolver_config wrong = c;
	struct resolver *r = NULL;
	struct result result;

	(void)state;
	dns_fake_add(f, A_PLAIN);
	assert_int_equal(resolver_new(&c, &r), 0);
	ask(f, r, "a.plain.test.", TYPE_A, &result);
	assert_int_equal(result.n, 1);
	resolver_free(r);
	r = NULL;
	wrong.zones = bad;
	assert_int_equal(resolver_new(&wrong, &r), -EINVAL);
	assert_null(r);
	dns_fake_free(f);
}

static void test_bad_config(void **state)
{
	const char *missing[] = { "/nonexistent", NULL };
	const char *nonsense[] = { "not an address", NULL };
	struct dns_fake *f = dns_fake_new();
	const char *anchors[] = { dns_fake_anchor(f), NULL };
	struct resolver_config c = { .anchors = missing };
	struct resolver *r = NULL;

	(void)state;
	assert_int_equal(resolver_new(&c, &r), -ENOENT);
	c.anchors = NULL;
	assert_int_equal(resolver_new(&c, &r), -ENOENT);
	c.anchors = anchors;
	c.forwarders = nonsense;
	assert_int_equal(resolver_new(&c, &r), -EINVAL);
	assert_null(r);
	dns_fake_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_rdata),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_bad_config),
		cmocka_unit_test(test_zones),
		cmocka_unit_test(test_few_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
