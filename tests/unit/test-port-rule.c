/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy/port-rule.h: rules say of every address what the most specific network
 * says, whatever the order of the policies, and none overlaps another.
 */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/port-rule.h"

#define MAX 16

/* "forbid 443/tcp 53/udp : 10.0.0.0/8 2001:db8::/32" */
static struct policy *make(const char *line)
{
	struct policy *p = calloc(1, sizeof(*p));
	char copy[512], *save, *word;
	bool networks = false;

	assert_non_null(p);
	snprintf(p->name, sizeof(p->name), "%.63s", line);
	strcpy(copy, line);
	word = strtok_r(copy, " ", &save);
	assert_int_equal(policy_level_parse(word, &p->level), 0);
	p->networks = calloc(MAX, sizeof(*p->networks));
	p->ports = calloc(MAX, sizeof(*p->ports));
	while ((word = strtok_r(NULL, " ", &save))) {
		if (!strcmp(word, ":"))
			networks = true;
		else if (networks)
			assert_int_equal(
				prefix_parse(word,
					     &p->networks[p->n_networks++]),
				0);
		else
			assert_int_equal(
				service_parse(word, &p->ports[p->n_ports++]),
				0);
	}
	return p;
}

static struct policy_table *table(const char *const *lines, bool backwards)
{
	struct policy *list[MAX];
	struct policy_table *t;
	size_t n = 0;

	while (lines[n])
		n++;
	for (size_t i = 0; i < n; i++)
		list[i] = make(lines[backwards ? n - 1 - i : i]);
	assert_int_equal(policy_table_new(list, n, &t), 0);
	return t;
}

static const char *say(const struct policy_table *t, const char *address,
		       uint8_t protocol, uint16_t local, uint16_t remote)
{
	const struct policy *p;
	struct addr a;

	assert_int_equal(addr_parse(address, &a), 0);
	p = policy_table_packet(t, &a, protocol, local, remote, NULL);
	return p ? policy_level_name(p->level) : "none";
}

static const char *const nested[] = {
	"require : 10.0.0.0/8 2001:db8::/32",
	"forbid 443/tcp 9100/tcp : 10.0.0.0/8 2001:db8::/32",
	"offer : 10.1.0.0/16",
	"block 443/tcp : 10.1.2.0/24 10.9.9.9",
	"require : 10.1.2.3",
	"forbid 443/tcp : 10.1.2.3/32",
	"block 25/tcp : 0.0.0.0/0",
	NULL,
};

static const struct {
	const char *address;
	uint8_t protocol;
	uint16_t local, remote;
	const char *level;
} asked[] = {
#define TCP IPPROTO_TCP
#define UDP IPPROTO_UDP
	{ "10.0.0.1", TCP, 0, 80, "require" },
	{ "10.0.0.1", TCP, 0, 443, "forbid" },
	{ "10.0.0.1", UDP, 0, 443, "require" },
	{ "10.0.0.1", TCP, 443, 0, "forbid" },
	{ "10.0.0.1", TCP, 40000, 443, "forbid" },
	{ "10.0.0.1", TCP, 443, 40000, "forbid" },
	{ "10.0.0.1", TCP, 9100, 443, "forbid" },
	/* A network inside, for all traffic, is more specific. */
	{ "10.1.0.1", TCP, 0, 443, "offer" },
	{ "10.1.0.1", TCP, 9100, 9100, "offer" },
	{ "10.1.255.255", TCP, 0, 443, "offer" },
	{ "10.2.0.0", TCP, 0, 443, "forbid" },
	{ "10.0.255.255", TCP, 0, 443, "forbid" },
	{ "10.1.2.1", TCP, 0, 443, "block" },
	{ "10.1.2.1", TCP, 0, 80, "offer" },
	{ "10.1.2.1", TCP, 0, 9100, "offer" },
	/* Of one network, that with the port. */
	{ "10.1.2.3", TCP, 0, 443, "forbid" },
	{ "10.1.2.3", TCP, 0, 80, "require" },
	{ "10.1.2.4", TCP, 0, 443, "block" },
	/* Both ports: the stronger one. */
	{ "10.9.9.9", TCP, 9100, 443, "block" },
	{ "10.9.9.9", TCP, 443, 9100, "block" },
	{ "10.9.9.9", TCP, 0, 9100, "forbid" },
	/* The world around, and nobody's traffic. */
	{ "192.0.2.1", TCP, 0, 25, "block" },
	{ "192.0.2.1", TCP, 0, 443, "none" },
	{ "10.0.0.1", TCP, 0, 25, "require" },
	{ "2001:db8::1", TCP, 0, 443, "forbid" },
	{ "2001:db8::1", TCP, 0, 25, "require" },
	{ "2001:db9::1", TCP, 0, 443, "none" },
	/* No ports: ICMP, and later fragments. */
	{ "10.0.0.1", 1, 0, 0, "require" },
	{ "10.0.0.1", TCP, 0, 0, "require" },
};

static void test_packets(void **state)
{
	(void)state;
	for (int backwards = 0; backwards < 2; backwards++) {
		struct policy_table *t = table(nested, backwards);

		for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++)
			assert_string_equal(
				say(t, asked[i].address, asked[i].protocol,
				    asked[i].local, asked[i].remote),
				asked[i].level);
		policy_table_free(t);
	}
}

/* By address alone policies with ports do not exist. */
static void test_addresses(void **state)
{
	struct policy_table *t = table(nested, false);
	struct prefix network;
	struct addr a;

	(void)state;
	assert_int_equal(addr_parse("10.1.2.3", &a), 0);
	assert_int_equal(policy_table_lookup(t, &a)->level, POLICY_REQUIRE);
	assert_int_equal(addr_parse("10.9.9.9", &a), 0);
	assert_int_equal(policy_table_lookup(t, &a)->level, POLICY_REQUIRE);
	assert_int_equal(addr_parse("192.0.2.1", &a), 0);
	assert_null(policy_table_lookup(t, &a));
	/* The network that is told is the policy's, not the rule's. */
	assert_int_equal(addr_parse("10.200.0.1", &a), 0);
	assert_non_null(policy_table_packet(t, &a, TCP, 0, 443, &network));
	assert_int_equal(network.len, 8);
	assert_non_null(policy_table_packet(t, &a, TCP, 0, 80, &network));
	assert_int_equal(network.len, 8);
	policy_table_free(t);
}

/* 10/8 without 10.1/16: one rule for each length from 9 to 16. */
static void test_cover(void **state)
{
	struct policy_table *t = table(nested, false);
	const struct port_rule *r, *before = NULL;
	size_t n = 0;

	(void)state;
	for (size_t i = 0; (r = policy_table_rule(t, i)); i++) {
		if (before && service_equal(&before->service, &r->service))
			assert_false(prefix_contains(&before->network,
						     &r->network.addr));
		before = r;
		n += r->service.port == 9100 &&
		     r->network.addr.family == AF_INET;
	}
	assert_int_equal(n, 8);
	policy_table_free(t);
}

static uint32_t next(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* The level that a search through all says. */
static const struct policy *slow(struct policy *const *list, size_t n,
				 const struct addr *a, const struct service *s)
{
	const struct policy *best = NULL;
	int best_len = -1;

	for (size_t i = 0; i < n; i++) {
		bool mine = list[i]->n_ports == 0;
		int bonus = list[i]->n_ports != 0;

		for (size_t k = 0; k < list[i]->n_ports; k++)
			mine = mine || service_equal(&list[i]->ports[k], s);
		for (size_t k = 0; k < list[i]->n_networks && mine; k++) {
			const struct prefix *p = &list[i]->networks[k];

			if (prefix_contains(p, a) &&
			    2 * p->len + bonus > best_len) {
				best_len = 2 * p->len + bonus;
				best = list[i];
			}
		}
	}
	return best;
}

static void test_random(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (int round = 0; round < 300; round++) {
		struct policy *list[8];
		struct policy_table *t = NULL;
		size_t n = 1 + next(&seed) % 8;

		for (size_t i = 0; i < n; i++) {
			struct policy *p = make("block :");
			struct addr a = { .family = AF_INET };

			snprintf(p->name, sizeof(p->name), "p%zu", i);
			/* Few bits, so that many are nested. */
			a.bytes[0] = 10;
			a.bytes[1] = (uint8_t)(next(&seed) & 0xe0);
			p->networks[p->n_networks++] =
				prefix_of(&a, (uint8_t)(8 + next(&seed) % 4));
			if (next(&seed) % 3) {
				p->ports[0] = (struct service){
					6, (uint16_t)(1 + next(&seed) % 2)
				};
				p->n_ports = 1;
			}
			list[i] = p;
		}
		if (policy_table_new(list, n, &t) == -EEXIST) {
			for (size_t i = 0; i < n; i++)
				policy_free(list[i]);
			continue;
		}
		assert_non_null(t);
		for (int x = 0; x < 256; x++) {
			struct addr a = { .family = AF_INET,
					  .bytes = { 10, (uint8_t)x, 3, 4 } };
			struct service s = { 6, (uint16_t)(x % 3) };

			assert_ptr_equal(
				policy_table_packet(t, &a, 6, 0, s.port, NULL),
				slow(list, n, &a, &s));
		}
		policy_table_free(t);
	}
}

static void test_twins(void **state)
{
	static const struct {
		const char *a, *b;
		int r;
	} rows[] = {
		{ "require : 10.0.0.0/8", "forbid 1/tcp : 10.0.0.0/8", 0 },
		{ "block 2/tcp : 10.0.0.0/8", "forbid 1/tcp : 10.0.0.0/8", 0 },
		{ "block 1/udp : 10.0.0.0/8", "forbid 1/tcp : 10.0.0.0/8", 0 },
		{ "block 1/tcp : 10.0.0.0/8", "forbid 1/tcp : 10.0.0.0/9", 0 },
		{ "block 1/tcp : 10.0.0.0/8", "forbid 1/tcp : 10.0.0.0/8",
		  -EEXIST },
		{ "block 1/tcp 2/tcp : 10.0.0.0/8",
		  "forbid 3/tcp 2/tcp : 10.0.0.0/8", -EEXIST },
		{ "require : 10.0.0.0/8", "block : 10.0.0.0/8", -EEXIST },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct policy *list[] = { make(rows[i].a), make(rows[i].b) };
		struct policy_table *t = NULL;

		assert_int_equal(policy_table_new(list, 2, &t), rows[i].r);
		policy_table_free(t);
		for (size_t k = 0; k < 2 && !t; k++)
			policy_free(list[k]);
	}
}

static void test_limit(void **state)
{
	struct policy *list[] = { make("forbid 1/tcp : ::/0"), NULL };
	struct policy_table *t = NULL;

	(void)state;
	free(list[0]->networks);
	list[0]->n_networks = LIMIT_PORT_RULES + 1;
	list[0]->networks = calloc(list[0]->n_networks, sizeof(struct prefix));
	for (size_t i = 0; i < list[0]->n_networks; i++) {
		struct addr a = { .family = AF_INET6,
				  .bytes = { 0x20, 1, (uint8_t)(i >> 8),
					     (uint8_t)i } };

		list[0]->networks[i] = prefix_of(&a, 32);
	}
	assert_int_equal(policy_table_new(list, 1, &t), -E2BIG);
	list[0]->n_networks--;
	assert_int_equal(policy_table_new(list, 1, &t), 0);
	policy_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packets),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_cover),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_twins),
		cmocka_unit_test(test_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
