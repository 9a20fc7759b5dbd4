/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What DNS may answer that it should not, one function each: a look-up ends
 * with the right verdict, and with the keys that can be used.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "dns-fake.h"
#include "dnskeys/lookup.h"
#include "util/limits.h"

#define ADDRESS "192.0.2.1"
#define REVERSE "1.2.0.192.in-addr.arpa."
#define PLAIN	"198.51.100.1"
#define KEY \
	" 60 IN IPSECKEY 10 0 4 . AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
/* RDATA as it is, in hexadecimal. */
#define RAW " 60 IN TYPE45 \\# "

static struct {
	struct dns_fake *dns;
	struct resolver *resolver;
	struct keyset *keys;
	unsigned calls;
} bench;

static void on_done(void *user, struct keyset *keys)
{
	(void)user;
	bench.calls++;
	bench.keys = keyset_ref(keys);
}

static void begin(enum dns_fake_mood mood)
{
	memset(&bench, 0, sizeof(bench));
	bench.dns = dns_fake_new();
	bench.resolver = dns_fake_resolver(bench.dns);
	dns_fake_set_mood(bench.dns, mood);
}

static void end(void)
{
	keyset_unref(bench.keys);
	resolver_free(bench.resolver);
	dns_fake_free(bench.dns);
}

static void look_up(const char *address)
{
	struct lookup_request request = { 0 };
	struct lookup *l;

	assert_int_equal(addr_parse(address, &request.peer), 0);
	bench.calls = 0;
	bench.keys = keyset_unref(bench.keys);
	assert_int_equal(
		lookup_new(bench.resolver, &request, on_done, NULL, &l), 0);
	while (!bench.calls) {
		dns_fake_serve(bench.dns, resolver_fd(bench.resolver), 1000);
		resolver_process(bench.resolver);
	}
	assert_int_equal(bench.calls, 1);
	assert_non_null(bench.keys);
}

static void check(enum keyset_status status, size_t n, size_t skipped)
{
	look_up(ADDRESS);
	assert_int_equal(bench.keys->status, status);
	assert_int_equal(bench.keys->n, n);
	assert_int_equal(bench.keys->skipped, skipped);
}

static void test_bogus(void **state)
{
	(void)state;
	begin(DNS_FAKE_FORGES);
	dns_fake_add(bench.dns, REVERSE KEY);
	check(KEYSET_BOGUS, 0, 0);
	assert_true(bench.keys->why[0]);
	end();
	begin(DNS_FAKE_STRIPS);
	dns_fake_add(bench.dns, REVERSE KEY);
	check(KEYSET_BOGUS, 0, 0);
	end();
}

static void test_insecure(void **state)
{
	(void)state;
	begin(DNS_FAKE_HONEST);
	dns_fake_add(bench.dns, "1.100.51.198.in-addr.arpa." KEY);
	look_up(PLAIN);
	assert_int_equal(bench.keys->status, KEYSET_INSECURE);
	end();
}

static void test_servfail(void **state)
{
	(void)state;
	begin(DNS_FAKE_SERVFAIL);
	dns_fake_add(bench.dns, REVERSE KEY);
	look_up(PLAIN);
	assert_int_equal(bench.keys->status, KEYSET_UNREACHABLE);
	end();
}

/* As in delegations of less than a /24 (RFC 2317): followed, and what is behind
 * an unsigned part of it is not proven. */
static void test_cname_chain(void **state)
{
	(void)state;
	begin(DNS_FAKE_HONEST);
	dns_fake_add(bench.dns, REVERSE " 60 IN CNAME a.signed.test.");
	dns_fake_add(bench.dns, "a.signed.test. 60 IN CNAME b.signed.test.");
	dns_fake_add(bench.dns, "b.signed.test." KEY);
	check(KEYSET_SECURE, 1, 0);
	end();
	begin(DNS_FAKE_HONEST);
	dns_fake_add(bench.dns, REVERSE " 60 IN CNAME a.plain.test.");
	dns_fake_add(bench.dns, "a.plain.test." KEY);
	check(KEYSET_INSECURE, 1, 0);
	end();
}

/* One that ends nowhere says nothing. */
static void test_cname_loop(void **state)
{
	(void)state;
	begin(DNS_FAKE_HONEST);
	dns_fake_add(bench.dns, REVERSE " 60 IN CNAME a.signed.test.");
	dns_fake_add(bench.dns, "a.signed.test. 60 IN CNAME " REVERSE);
	look_up(ADDRESS);
	assert_true(bench.keys->status == KEYSET_UNREACHABLE ||
		    bench.keys->status == KEYSET_NONE);
	assert_int_equal(bench.keys->n, 0);
	end();
}

static void test_huge_rrset(void **state)
{
	(void)state;
	begin(DNS_FAKE_HONEST);
	for (unsigned i = 0; i < 2 * LIMIT_DNS_RECORDS; i++) {
		char text[256];

		snprintf(text, sizeof(text), REVERSE RAW "35 0a0004%02x%062x",
			 i, 0);
		dns_fake_add(bench.dns, text);
	}
	look_up(ADDRESS);
	assert_int_equal(bench.keys->status, KEYSET_SECURE);
	assert_int_equal(bench.keys->n, LIMIT_KEYSET_KEYS);
	assert_true(bench.keys->skipped <= LIMIT_DNS_RECORDS);
	end();
}

/* Each beside a key that is good: it alone is passed over. */
static void bad_record(const char *raw)
{
	begin(DNS_FAKE_HONEST);
	dns_fake_add(bench.dns, raw);
	check(KEYSET_NONE, 0, 1);
	end();
	begin(DNS_FAKE_HONEST);
	dns_fake_add(bench.dns, raw);
	dns_fake_add(bench.dns, REVERSE KEY);
	check(KEYSET_SECURE, 1, 1);
	end();
}

static void test_compressed_gateway(void **state)
{
	(void)state;
	bad_record(REVERSE RAW "37 0a0304c00c"
			       "0102030405060708090a0b0c0d0e0f10"
			       "1112131415161718191a1b1c1d1e1f20");
}

static void test_algorithm_0(void **state)
{
	(void)state;
	/* Without a key, as RFC 4025 2.4 has it, and with one. */
	bad_record(REVERSE RAW "3 0a0000");
	bad_record(REVERSE RAW "5 0a00000102");
}

static void test_unknown_algorithm(void **state)
{
	(void)state;
	bad_record(REVERSE RAW "5 0a00c80102");
	bad_record(REVERSE RAW "5 0a00010102");
}

static void test_truncated_key(void **state)
{
	(void)state;
	bad_record(REVERSE RAW "34 0a0004"
			       "0102030405060708090a0b0c0d0e0f10"
			       "1112131415161718191a1b1c1d1e1f");
	bad_record(REVERSE RAW "3 0a0004");
	bad_record(REVERSE RAW "5 0a00020301");
	bad_record(REVERSE RAW "1 0a");
}

/* A modulus of 2048 bits behind each. */
static void rsa(const char *exponent)
{
	char modulus[513], text[1024];

	for (size_t i = 0; i < 256; i++)
		memcpy(modulus + 2 * i, "c1", 3);
	snprintf(text, sizeof(text), REVERSE RAW "%zu 0a0002%s%s",
		 3 + (strlen(exponent) + strlen(modulus)) / 2, exponent,
		 modulus);
	bad_record(text);
}

static void test_rsa_exponent_0(void **state)
{
	(void)state;
	rsa("0100");   /* zero */
	rsa("0101");   /* one */
	rsa("0104");   /* even */
	rsa("0003e8"); /* a length of 1000 that is not there */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bogus),
		cmocka_unit_test(test_insecure),
		cmocka_unit_test(test_servfail),
		cmocka_unit_test(test_cname_chain),
		cmocka_unit_test(test_cname_loop),
		cmocka_unit_test(test_huge_rrset),
		cmocka_unit_test(test_compressed_gateway),
		cmocka_unit_test(test_algorithm_0),
		cmocka_unit_test(test_unknown_algorithm),
		cmocka_unit_test(test_truncated_key),
		cmocka_unit_test(test_rsa_exponent_0),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
