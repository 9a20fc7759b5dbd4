/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dnskeys/chain.c against a server on loopback, whose signed zones are islands:
 * each with a trust anchor of its own. A chain from the root is in the lab.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dns-fake.h"
#include "dnskeys/chain.h"

struct bench {
	struct dns_fake *dns;
	struct resolver *resolver;
	struct chain_link links[CHAIN_NAMES_MAX];
};

static int setup(void **state)
{
	static struct bench b;

	b.dns = dns_fake_new();
	b.resolver = dns_fake_resolver(b.dns);
	dns_fake_add(b.dns, "signed.test. 60 IN SOA ns.signed.test. "
			    "admin.signed.test. 1 60 60 60 60");
	*state = &b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	resolver_free(b->resolver);
	dns_fake_free(b->dns);
	return 0;
}

/* How many links; they are in b->links, but for their names. */
static size_t links(struct bench *b, const char *name, char zones[256])
{
	struct chain *c = NULL;
	size_t n, len = 0;

	assert_int_equal(chain_new(b->resolver, name, &c), 0);
	for (int i = 0; i < 600 && resolver_pending(b->resolver); i++) {
		dns_fake_serve(b->dns, resolver_fd(b->resolver), 100);
		resolver_process(b->resolver);
	}
	assert_int_equal(resolver_pending(b->resolver), 0);
	n = chain_links(c, b->links);
	zones[0] = '\0';
	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(zones + len, 256 - len, "%s ",
					b->links[i].zone);
	chain_free(c);
	return n;
}

static void test_island(void **state)
{
	struct bench *b = *state;
	char zones[256];

	assert_int_equal(links(b, "a.b.signed.test.", zones), 2);
	assert_string_equal(zones, ". signed.test. ");
	assert_int_equal(b->links[0].verdict, DNS_INSECURE);
	assert_non_null(strstr(b->links[0].why, "trust anchor"));
	assert_int_equal(b->links[1].verdict, DNS_SECURE);
	assert_true(b->links[1].anchored);
	assert_int_equal(b->links[1].dnskey, 1);
}

static void test_unsigned(void **state)
{
	struct bench *b = *state;
	char zones[256];

	dns_fake_add(b->dns, "plain.test. 60 IN SOA ns.plain.test. "
			     "admin.plain.test. 1 60 60 60 60");
	assert_int_equal(links(b, "a.plain.test.", zones), 2);
	assert_string_equal(zones, ". plain.test. ");
	assert_int_equal(b->links[1].verdict, DNS_INSECURE);
}

static void test_bogus(void **state)
{
	struct bench *b = *state;
	char zones[256];

	dns_fake_set_mood(b->dns, DNS_FAKE_FORGES);
	/* Nothing is known of what lies below. */
	assert_int_equal(links(b, "a.b.signed.test.", zones), 2);
	assert_string_equal(zones, ". signed.test. ");
	assert_int_equal(b->links[1].verdict, DNS_BOGUS);
	assert_true(strlen(b->links[1].why) > 5);
}

static void test_failure(void **state)
{
	struct bench *b = *state;
	char zones[256];

	dns_fake_set_mood(b->dns, DNS_FAKE_SERVFAIL);
	assert_int_equal(links(b, "signed.test.", zones), 1);
	assert_int_equal(b->links[0].verdict, DNS_UNREACHABLE);
}

/* Freed with everything under way; names that are none. */
static void test_names(void **state)
{
	static const char *const bad[] = {
		"", "a", "a.b", "a..b.", "..", "\\."
	};
	struct bench *b = *state;
	struct chain *c = NULL;
	char name[NAME_STRLEN + 2], zones[256];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(chain_new(b->resolver, bad[i], &c), -EINVAL);
	memset(name, 'n', sizeof(name));
	for (size_t i = 1; i < 280; i += 2)
		name[i] = '.';
	name[280] = '\0';
	assert_int_equal(chain_new(b->resolver, name, &c), -EINVAL);
	assert_int_equal(resolver_pending(b->resolver), 0);
	assert_int_equal(chain_new(b->resolver, "a.signed.test.", &c), 0);
	chain_free(c);
	assert_int_equal(resolver_pending(b->resolver), 0);
	/* An escaped dot parts nothing. */
	assert_int_equal(links(b, "a\\.b.signed.test.", zones), 2);
	assert_int_equal(links(b, ".", zones), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define B(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		B(test_island),	 B(test_unsigned), B(test_bogus),
		B(test_failure), B(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
