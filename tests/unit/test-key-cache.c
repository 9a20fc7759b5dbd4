/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dnskeys/key-cache.c: how long answers are kept, who is asked how often, and what
 * becomes of those who wait.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dns-fake.h"
#include "dnskeys/key-cache.h"
#include "util/limits.h"

#define TYPE_IPSECKEY 45
#define KEY                         \
	" 60 IN IPSECKEY 10 0 4 . " \
	"AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
#define START 1000000u

struct bench {
	struct dns_fake *dns;
	struct resolver *resolver;
	struct key_cache *cache;
	struct key_cache_config config;
};

struct result {
	unsigned calls;
	enum keyset_status status;
};

static void on_keys(void *user, struct keyset *keys)
{
	struct result *r = user;

	r->calls++;
	r->status = keys->status;
}

static int setup(void **state)
{
	static struct bench b;

	b.dns = dns_fake_new();
	b.resolver = dns_fake_resolver(b.dns);
	key_cache_config_init(&b.config);
	b.cache = key_cache_new(&b.config, b.resolver);
	assert_non_null(b.cache);
	*state = &b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	key_cache_free(b->cache);
	resolver_free(b->resolver);
	dns_fake_free(b->dns);
	return 0;
}

/* The cache anew, with another configuration. */
static void reconfigure(struct bench *b)
{
	key_cache_free(b->cache);
	b->cache = key_cache_new(&b->config, b->resolver);
	assert_non_null(b->cache);
}

static void serve(struct bench *b)
{
	while (resolver_pending(b->resolver)) {
		dns_fake_serve(b->dns, resolver_fd(b->resolver), 1000);
		resolver_process(b->resolver);
	}
}

static struct lookup_request by_address(const char *text)
{
	struct lookup_request r = { 0 };

	assert_int_equal(addr_parse(text, &r.peer), 0);
	return r;
}

static void find(struct bench *b, uint64_t now, const struct lookup_request *r,
		 enum keyset_status expected)
{
	struct result result = { 0 };
	struct handle h;

	assert_int_equal(key_cache_ask(b->cache, now, r, on_keys, &result, &h),
			 0);
	assert_int_equal(result.calls, 0);
	serve(b);
	assert_int_equal(result.calls, 1);
	assert_int_equal(result.status, expected);
}

/* Raised to the floor, cut to the ceiling; failures for a moment only. */
static void test_lifetimes(void **state)
{
	static const struct {
		const char *ttl;
		enum dns_fake_mood mood;
		uint32_t seconds;
		bool approximate; /* the library's own clock ticks on */
	} rows[] = {
		{ "1", DNS_FAKE_HONEST, 5, false },
		{ "60", DNS_FAKE_HONEST, 60, true },
		{ "604800", DNS_FAKE_HONEST, 86400, false },
		{ "60", DNS_FAKE_FORGES, 10, false },
		{ "60", DNS_FAKE_SERVFAIL, 5, false },
	};
	struct bench *b = *state;
	struct lookup_request r = { .name = "h.signed.test." };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t end = START + 1000ull * rows[i].seconds;
		struct result result = { 0 };
		char record[128];
		struct handle h;

		teardown(state);
		setup(state);
		dns_fake_set_mood(b->dns, rows[i].mood);
		snprintf(record, sizeof(record),
			 "h.signed.test. %s IN IPSECKEY 10 0 4 . "
			 "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=",
			 rows[i].ttl);
		dns_fake_add(b->dns, record);
		assert_null(key_cache_get(b->cache, START, &r));
		assert_int_equal(key_cache_ask(b->cache, START, &r, on_keys,
					       &result, &h),
				 0);
		serve(b);
		assert_int_equal(result.calls, 1);
		if (!rows[i].approximate)
			assert_non_null(key_cache_get(b->cache, end - 1, &r));
		else
			assert_non_null(
				key_cache_get(b->cache, end - 5000, &r));
		serve(b);
		/* The one that was refreshed is as old as that. */
		assert_null(key_cache_get(b->cache, end + 86400000, &r));
	}
}

/* One name, however it is written. */
static void test_case(void **state)
{
	const struct lookup_request lower = { .name = "h.signed.test." };
	const struct lookup_request upper = { .name = "H.Signed.TEST." };
	struct bench *b = *state;

	dns_fake_add(b->dns, "h.signed.test." KEY);
	find(b, START, &lower, KEYSET_SECURE);
	assert_non_null(key_cache_get(b->cache, START, &upper));
}

/* What is used shortly before its end is there when it ends. */
static void test_refresh(void **state)
{
	struct bench *b = *state;
	struct lookup_request r = by_address("192.0.2.1");
	struct key_cache_counters n;

	/* The library's cache must not answer for DNS. */
	b->config.floor = b->config.ceiling = 1000;
	reconfigure(b);
	dns_fake_add(b->dns, "1.2.0.192.in-addr.arpa." KEY);
	find(b, START, &r, KEYSET_SECURE);
	assert_non_null(key_cache_get(b->cache, START + 500000, &r));
	assert_int_equal(resolver_pending(b->resolver), 0);
	assert_non_null(key_cache_get(b->cache, START + 950000, &r));
	assert_int_not_equal(resolver_pending(b->resolver), 0);
	serve(b);
	assert_non_null(key_cache_get(b->cache, START + 1500000, &r));
	assert_null(key_cache_get(b->cache, START + 1950000, &r));
	key_cache_count(b->cache, &n);
	assert_int_equal(n.refreshed, 1);
}

/* Many ask, one look-up is made; one of them no longer wants to know. */
static void test_joined(void **state)
{
	struct bench *b = *state;
	struct lookup_request r = by_address("2001:db8::1");
	struct result results[10] = { 0 };
	struct key_cache_counters n;
	struct handle h[10];

	for (size_t i = 0; i < 10; i++)
		assert_int_equal(key_cache_ask(b->cache, START, &r, on_keys,
					       &results[i], &h[i]),
				 0);
	key_cache_cancel(b->cache, h[4]);
	key_cache_cancel(b->cache, h[4]);
	serve(b);
	for (size_t i = 0; i < 10; i++)
		assert_int_equal(results[i].calls, i != 4);
	assert_int_equal(results[0].status, KEYSET_NONE);
	assert_int_equal(dns_fake_asked(b->dns, TYPE_IPSECKEY), 1);
	key_cache_count(b->cache, &n);
	assert_int_equal(n.asked, 1);
	assert_int_equal(n.joined, 9);
	assert_int_equal(n.pending, 0);
}

/* DNS that is down takes nobody's key away before its time. */
static void test_outage(void **state)
{
	struct bench *b = *state;
	struct lookup_request r = by_address("192.0.2.1");

	b->config.ceiling = b->config.floor = 3600;
	reconfigure(b);
	dns_fake_add(b->dns, "1.2.0.192.in-addr.arpa." KEY);
	find(b, START, &r, KEYSET_SECURE);
	/* Another resolver, whose cache is empty, and which gets nothing. */
	dns_fake_set_mood(b->dns, DNS_FAKE_SERVFAIL);
	key_cache_set_resolver(b->cache, START, NULL);
	resolver_free(b->resolver);
	b->resolver = dns_fake_resolver(b->dns);
	key_cache_set_resolver(b->cache, START, b->resolver);
	find(b, START + 1000, &r, KEYSET_SECURE);
	assert_non_null(key_cache_get(b->cache, START + 3599999, &r));
	serve(b);
	assert_null(key_cache_get(b->cache, START + 3600000, &r));
	find(b, START + 3600000, &r, KEYSET_UNREACHABLE);
}

/* The resolver goes while somebody waits. */
static void test_resolver_changes(void **state)
{
	struct bench *b = *state;
	struct lookup_request r = by_address("192.0.2.1");
	struct result result = { 0 };
	struct resolver *other = dns_fake_resolver(b->dns);
	struct handle h;

	dns_fake_set_mood(b->dns, DNS_FAKE_SILENT);
	assert_int_equal(
		key_cache_ask(b->cache, START, &r, on_keys, &result, &h), 0);
	dns_fake_set_mood(b->dns, DNS_FAKE_HONEST);
	key_cache_set_resolver(b->cache, START, other);
	resolver_free(b->resolver);
	b->resolver = other;
	serve(b);
	assert_int_equal(result.calls, 1);
	assert_int_equal(result.status, KEYSET_NONE);
	/* None at all: who waits is told, who asks is refused. */
	dns_fake_set_mood(b->dns, DNS_FAKE_SILENT);
	r = by_address("192.0.2.2");
	assert_int_equal(
		key_cache_ask(b->cache, START, &r, on_keys, &result, &h), 0);
	key_cache_set_resolver(b->cache, START, NULL);
	assert_int_equal(result.calls, 2);
	assert_int_equal(result.status, KEYSET_UNREACHABLE);
	assert_int_equal(
		key_cache_ask(b->cache, START, &r, on_keys, &result, &h),
		-ENETDOWN);
}

/* Forged packets from one network, or from everywhere. */
static void test_rates(void **state)
{
	struct bench *b = *state;
	struct result result = { 0 };
	struct key_cache_counters n;
	struct handle h;

	b->config.rate = 20;
	b->config.rate_prefix = 5;
	reconfigure(b);
	dns_fake_set_mood(b->dns, DNS_FAKE_SILENT);
	for (unsigned i = 0; i < 100; i++) {
		struct lookup_request r = { 0 };
		char text[32];
		int expected = i % 10 < 5 && i < 40 ? 0 : -EBUSY;

		snprintf(text, sizeof(text), "192.0.%u.%u", i / 10, i % 10);
		assert_int_equal(addr_parse(text, &r.peer), 0);
		assert_int_equal(key_cache_ask(b->cache, START, &r, on_keys,
					       &result, &h),
				 expected);
	}
	key_cache_count(b->cache, &n);
	assert_int_equal(n.asked, 20);
	assert_int_equal(n.limited, 80);
	assert_int_equal(n.entries, 20);
}

/* The least recently used goes first, and never one that is awaited. */
static void test_eviction(void **state)
{
	struct bench *b = *state;
	struct lookup_request first = by_address("192.0.2.1");
	struct lookup_request second = by_address("192.0.2.2");
	struct lookup_request third = by_address("192.0.2.3");
	struct result result = { 0 };
	struct key_cache_counters n;
	struct handle h;

	b->config.entries = 2;
	reconfigure(b);
	find(b, START, &first, KEYSET_NONE);
	find(b, START, &second, KEYSET_NONE);
	assert_non_null(key_cache_get(b->cache, START, &first));
	find(b, START, &third, KEYSET_NONE);
	assert_null(key_cache_get(b->cache, START, &second));
	assert_non_null(key_cache_get(b->cache, START, &first));
	dns_fake_set_mood(b->dns, DNS_FAKE_SILENT);
	for (int i = 4; i < 7; i++) {
		char text[32];

		snprintf(text, sizeof(text), "192.0.2.%d", i);
		second = by_address(text);
		assert_int_equal(key_cache_ask(b->cache, START, &second,
					       on_keys, &result, &h),
				 i < 6 ? 0 : -ENOBUFS);
	}
	key_cache_count(b->cache, &n);
	assert_int_equal(n.entries, 2);
	assert_int_equal(n.evicted, 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_lifetimes), TEST(test_refresh),
		TEST(test_case),      TEST(test_joined),
		TEST(test_outage),    TEST(test_resolver_changes),
		TEST(test_rates),     TEST(test_eviction),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
