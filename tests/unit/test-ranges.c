/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The policy table as ranges: written-out cases, and random tables compared
 * with the trie at every boundary.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/ranges.h"

#define POLICIES_MAX 6
#define NETWORKS_MAX 64

struct found {
	struct {
		struct addr first, last;
		const struct policy *policy;
	} list[4 * POLICIES_MAX * NETWORKS_MAX];
	size_t n;
	int stop_at, stop_with; /* for the test of each()'s return */
};

static int each(const struct addr *first, const struct addr *last,
		const struct policy *p, void *user)
{
	struct found *f = user;

	assert_true(f->n < sizeof(f->list) / sizeof(f->list[0]));
	f->list[f->n].first = *first;
	f->list[f->n].last = *last;
	f->list[f->n++].policy = p;
	return f->stop_at && f->n == (size_t)f->stop_at ? f->stop_with : 0;
}

static struct policy *make(size_t name)
{
	struct policy *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	p->name[0] = (char)('a' + name);
	p->networks = calloc(NETWORKS_MAX, sizeof(*p->networks));
	assert_non_null(p->networks);
	return p;
}

/* "a=10.0.0.0/8 b=10.1.0.0/16": a table. */
static struct policy_table *table(const char *text)
{
	struct policy *list[POLICIES_MAX];
	struct policy_table *t;
	char copy[512], *save, *word;

	for (size_t i = 0; i < POLICIES_MAX; i++)
		list[i] = make(i);
	assert_true(strlen(text) < sizeof(copy));
	strcpy(copy, text);
	word = strtok_r(copy, " ", &save);
	for (; word; word = strtok_r(NULL, " ", &save)) {
		struct policy *p = list[word[0] - 'a'];

		assert_int_equal(
			prefix_parse(word + 2, &p->networks[p->n_networks++]),
			0);
	}
	assert_int_equal(policy_table_new(list, POLICIES_MAX, &t), 0);
	return t;
}

static void check(const char *networks, int family, const char *want)
{
	struct policy_table *t = table(networks);
	struct found f = { .n = 0 };
	char got[1024] = "", a[ADDR_STRLEN], b[ADDR_STRLEN];

	assert_int_equal(policy_table_ranges(t, family, each, &f), 0);
	for (size_t i = 0; i < f.n; i++) {
		size_t len = strlen(got);

		snprintf(got + len, sizeof(got) - len, "%s%s=%s-%s",
			 len ? " " : "", f.list[i].policy->name,
			 addr_format(&f.list[i].first, a),
			 addr_format(&f.list[i].last, b));
	}
	assert_string_equal(got, want);
	policy_table_free(t);
}

static void test_cases(void **state)
{
	(void)state;
	check("", AF_INET, "");
	check("a=10.0.0.0/8", AF_INET, "a=10.0.0.0-10.255.255.255");
	check("a=10.0.0.0/8", AF_INET6, "");
	check("a=0.0.0.0/0", AF_INET, "a=0.0.0.0-255.255.255.255");
	/* A hole in the middle, at the beginning, at the end, all of it. */
	check("a=10.0.0.0/8 b=10.1.0.0/16", AF_INET,
	      "a=10.0.0.0-10.0.255.255 b=10.1.0.0-10.1.255.255 "
	      "a=10.2.0.0-10.255.255.255");
	check("a=10.0.0.0/8 b=10.0.0.0/16", AF_INET,
	      "b=10.0.0.0-10.0.255.255 a=10.1.0.0-10.255.255.255");
	check("a=10.0.0.0/8 b=10.255.255.255/32", AF_INET,
	      "a=10.0.0.0-10.255.255.254 b=10.255.255.255-10.255.255.255");
	check("a=10.0.0.0/8 b=10.0.0.0/9 c=10.128.0.0/9", AF_INET,
	      "b=10.0.0.0-10.127.255.255 c=10.128.0.0-10.255.255.255");
	/* The ends of the address space. */
	check("a=0.0.0.0/0 b=0.0.0.0/32 c=255.255.255.255/32", AF_INET,
	      "b=0.0.0.0-0.0.0.0 a=0.0.0.1-255.255.255.254 "
	      "c=255.255.255.255-255.255.255.255");
	check("a=::/0 b=8000::/1", AF_INET6,
	      "a=::-7fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	      "b=8000::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	/* Neighbours of one policy are one; of two policies, or apart, not. */
	check("a=10.0.0.0/9 a=10.128.0.0/9", AF_INET,
	      "a=10.0.0.0-10.255.255.255");
	check("a=10.0.0.0/9 b=10.128.0.0/9", AF_INET,
	      "a=10.0.0.0-10.127.255.255 b=10.128.0.0-10.255.255.255");
	check("a=10.0.0.0/16 a=10.2.0.0/16", AF_INET,
	      "a=10.0.0.0-10.0.255.255 a=10.2.0.0-10.2.255.255");
	check("a=10.0.0.0/8 a=10.1.0.0/16", AF_INET,
	      "a=10.0.0.0-10.255.255.255");
	check("a=10.0.0.0/8 b=10.1.0.0/16 a=10.1.1.0/24", AF_INET,
	      "a=10.0.0.0-10.0.255.255 b=10.1.0.0-10.1.0.255 "
	      "a=10.1.1.0-10.1.1.255 b=10.1.2.0-10.1.255.255 "
	      "a=10.2.0.0-10.255.255.255");
	/* Each family sees its own. */
	check("a=10.0.0.0/8 b=fe80::/10", AF_INET6,
	      "b=fe80::-febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

static void test_stop(void **state)
{
	struct policy_table *t = table("a=10.0.0.0/8 b=10.1.0.0/16");

	(void)state;
	for (int i = 1; i <= 3; i++) {
		struct found f = { .stop_at = i, .stop_with = 40 + i };

		assert_int_equal(policy_table_ranges(t, AF_INET, each, &f),
				 40 + i);
		assert_int_equal(f.n, i);
	}
	policy_table_free(t);
}

/* 129 networks, each within the one before: as deep as it gets. */
static void test_deepest(void **state)
{
	struct policy *list[3] = { make(0), make(1), make(2) };
	struct policy_table *t;
	struct found f = { .n = 0 };
	struct addr a;

	(void)state;
	assert_int_equal(addr_parse("5555::5555", &a), 0);
	for (unsigned len = 0; len <= 128; len++) {
		struct policy *p = list[len % 3];

		p->networks[p->n_networks++] = prefix_of(&a, (uint8_t)len);
	}
	assert_int_equal(policy_table_new(list, 3, &t), 0);
	assert_int_equal(policy_table_ranges(t, AF_INET6, each, &f), 0);
	assert_int_equal(f.n, 129);
	policy_table_free(t);
}

static uint64_t random_bits(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* Few distinct bits, so that networks meet, nest and touch. */
static struct prefix random_network(uint64_t *seed, int family)
{
	static const uint8_t bytes[] = { 0, 0, 0xff, 0x80, 0x7f, 1 };
	struct addr a = { .family = (uint16_t)family };
	size_t n = addr_len(&a);

	for (size_t i = 0; i < n; i++)
		a.bytes[i] = bytes[random_bits(seed) % sizeof(bytes)];
	return prefix_of(&a, (uint8_t)(random_bits(seed) % (n * 8 + 1)));
}

static struct policy_table *random_table(uint64_t *seed, int family)
{
	struct policy *list[POLICIES_MAX];
	struct prefix seen[POLICIES_MAX * NETWORKS_MAX];
	struct policy_table *t;
	size_t n = 0, want = random_bits(seed) % 40;

	for (size_t i = 0; i < POLICIES_MAX; i++)
		list[i] = make(i);
	while (n < want) {
		struct policy *p = list[random_bits(seed) % POLICIES_MAX];
		struct prefix x = random_network(seed, family);
		bool twin = false;

		for (size_t i = 0; i < n; i++)
			twin |= prefix_equal(&seen[i], &x);
		if (!twin)
			p->networks[p->n_networks++] = seen[n] = x;
		n += !twin;
		want -= twin; /* so that it ends */
	}
	assert_int_equal(policy_table_new(list, POLICIES_MAX, &t), 0);
	return t;
}

/* One up or one down; false at the end of the address space. */
static bool step(struct addr *a, int by)
{
	for (size_t i = addr_len(a); i-- > 0;) {
		uint8_t before = a->bytes[i];

		a->bytes[i] = (uint8_t)(before + by);
		if (before != (by > 0 ? 0xff : 0))
			return true;
	}
	return false;
}

static const struct policy *range_of(const struct found *f,
				     const struct addr *a)
{
	for (size_t i = 0; i < f->n; i++) {
		if (addr_compare(&f->list[i].first, a) <= 0 &&
		    addr_compare(a, &f->list[i].last) <= 0)
			return f->list[i].policy;
	}
	return NULL;
}

static void compare_at(const struct policy_table *t, const struct found *f,
		       struct addr a)
{
	struct addr b = a, c = a;

	assert_ptr_equal(range_of(f, &a), policy_table_lookup(t, &a));
	if (step(&b, 1))
		assert_ptr_equal(range_of(f, &b), policy_table_lookup(t, &b));
	if (step(&c, -1))
		assert_ptr_equal(range_of(f, &c), policy_table_lookup(t, &c));
}

static void check_random(uint64_t *seed, int family)
{
	struct policy_table *t = random_table(seed, family);
	struct found f = { .n = 0 };
	const struct policy *p;

	assert_int_equal(policy_table_ranges(t, family, each, &f), 0);
	for (size_t i = 0; i < f.n; i++) {
		struct addr next = f.list[i].last;

		assert_true(addr_compare(&f.list[i].first, &f.list[i].last) <=
			    0);
		compare_at(t, &f, f.list[i].first);
		compare_at(t, &f, f.list[i].last);
		if (i + 1 == f.n)
			break;
		/* Ascending and apart; merged where it can be. */
		assert_true(step(&next, 1));
		assert_true(addr_compare(&next, &f.list[i + 1].first) <= 0);
		assert_false(addr_equal(&next, &f.list[i + 1].first) &&
			     f.list[i].policy == f.list[i + 1].policy);
	}
	for (size_t i = 0; (p = policy_table_at(t, i)); i++) {
		for (size_t j = 0; j < p->n_networks; j++) {
			const struct prefix *n = &p->networks[j];
			struct addr last = n->addr;

			for (size_t k = n->len; k < addr_len(&last) * 8; k++)
				last.bytes[k / 8] |=
					(uint8_t)(0x80u >> (k % 8));
			compare_at(t, &f, n->addr);
			compare_at(t, &f, last);
		}
	}
	policy_table_free(t);
}

static void test_random(void **state)
{
	uint64_t seed = 0x9e3779b97f4a7c15;

	(void)state;
	for (int i = 0; i < 500; i++) {
		check_random(&seed, AF_INET);
		check_random(&seed, AF_INET6);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_deepest),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
