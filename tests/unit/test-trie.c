/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * util/trie.c: the named cases, and a linear search as its model.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/trie.h"

#define MODEL_MAX 400

static struct addr addr(const char *text)
{
	struct addr a = { 0 };

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static struct prefix prefix(const char *text)
{
	struct prefix p = { 0 };

	assert_int_equal(prefix_parse(text, &p), 0);
	return p;
}

static const char *const networks[] = {
	"10.0.0.0/8",	  "10.1.0.0/16",
	"10.1.2.0/24",	  "10.1.2.3",
	"10.128.0.0/9",	  "192.0.2.128/25",
	"0.0.0.0/1",	  "255.255.255.255",
	"2001:db8::/32",  "2001:db8::1",
	"2001:db8::/127", "::/0",
	"fe80::/10",	  "::1",
};

static struct trie *build(void)
{
	struct trie *t = trie_new();

	assert_non_null(t);
	for (size_t i = 0; i < sizeof(networks) / sizeof(networks[0]); i++) {
		struct prefix p = prefix(networks[i]);

		assert_int_equal(
			trie_insert(t, &p, (void *)(uintptr_t)networks[i]), 0);
	}
	return t;
}

static void test_lookup(void **state)
{
	static const struct {
		const char *addr, *network;
	} rows[] = {
		{ "10.1.2.3", "10.1.2.3" },
		{ "10.1.2.4", "10.1.2.0/24" },
		{ "10.1.3.0", "10.1.0.0/16" },
		{ "10.2.0.0", "10.0.0.0/8" },
		{ "10.127.255.255", "10.0.0.0/8" },
		{ "10.128.0.0", "10.128.0.0/9" },
		{ "11.0.0.0", "0.0.0.0/1" },
		{ "127.255.255.255", "0.0.0.0/1" },
		{ "128.0.0.0", NULL },
		{ "192.0.2.127", NULL },
		{ "192.0.2.128", "192.0.2.128/25" },
		{ "255.255.255.254", NULL },
		{ "255.255.255.255", "255.255.255.255" },
		{ "2001:db8::1", "2001:db8::1" },
		{ "2001:db8::", "2001:db8::/127" },
		{ "2001:db8::2", "2001:db8::/32" },
		{ "2001:db9::", "::/0" },
		{ "fe80::1%5", "fe80::/10" },
		{ "::1", "::1" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::/0" },
	};
	struct trie *t = build();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct addr a = addr(rows[i].addr);
		struct prefix at = { .len = 77 }, want;
		const char *got = trie_lookup(t, &a, &at);

		if (!rows[i].network) {
			assert_null(got);
			assert_int_equal(at.len, 77);
			continue;
		}
		if (!got)
			fail_msg("%s: nothing", rows[i].addr);
		assert_string_equal(got, rows[i].network);
		want = prefix(rows[i].network);
		assert_true(prefix_equal(&at, &want));
		assert_ptr_equal(trie_lookup(t, &a, NULL), got);
	}
	trie_free(t);
}

static void test_get(void **state)
{
	static const char *const absent[] = {
		"10.0.0.0/9",  "10.0.0.0/7",	"10.1.2.2/31",
		"10.1.2.0/25", "0.0.0.0/0",	"::/1",
		"::",	       "2001:db8::/31", "2001:db8::2",
	};
	struct trie *t = build();
	struct prefix p;

	(void)state;
	for (size_t i = 0; i < sizeof(networks) / sizeof(networks[0]); i++) {
		p = prefix(networks[i]);
		assert_ptr_equal(trie_get(t, &p), networks[i]);
		assert_int_equal(trie_insert(t, &p, &p), -EEXIST);
		assert_ptr_equal(trie_get(t, &p), networks[i]);
	}
	for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++) {
		p = prefix(absent[i]);
		if (trie_get(t, &p))
			fail_msg("%s is there", absent[i]);
	}
	trie_free(t);
}

static void test_refuses(void **state)
{
	struct trie *t = trie_new();
	struct prefix p = prefix("10.0.0.0/8"), unset = { 0 };
	struct addr none = { 0 };

	(void)state;
	assert_null(trie_lookup(t, &p.addr, NULL));
	assert_null(trie_get(t, &p));
	assert_int_equal(trie_insert(t, &unset, &p), -EINVAL);
	assert_int_equal(trie_insert(t, &p, NULL), -EINVAL);
	assert_int_equal(trie_insert(t, &p, &p), 0);
	assert_null(trie_lookup(t, &none, NULL));
	assert_null(trie_get(t, &unset));
	assert_null(trie_free(t));
	assert_null(trie_free(NULL));
}

/* Host bits that a caller left set do not matter. */
static void test_host_bits(void **state)
{
	struct trie *t = trie_new();
	struct prefix sloppy = { addr("10.1.2.3"), 8 };
	struct prefix p = prefix("10.0.0.0/8");

	(void)state;
	assert_int_equal(trie_insert(t, &sloppy, t), 0);
	assert_ptr_equal(trie_get(t, &p), t);
	assert_ptr_equal(trie_get(t, &sloppy), t);
	assert_int_equal(trie_insert(t, &p, t), -EEXIST);
	trie_free(t);
}

struct walked {
	struct prefix at[MODEL_MAX];
	unsigned int n, stop_after;
};

static int walk(const struct prefix *at, void *value, void *user)
{
	struct walked *w = user;

	assert_non_null(value);
	w->at[w->n++] = *at;
	return w->n == w->stop_after ? 42 : 0;
}

static void test_walk(void **state)
{
	static const struct {
		const char *under;
		unsigned int n;
	} rows[] = {
		{ "0.0.0.0/0", 8 },	{ "10.0.0.0/8", 5 },
		{ "10.1.0.0/16", 3 },	{ "10.0.0.0/9", 3 },
		{ "10.1.2.3", 1 },	{ "10.1.2.4", 0 },
		{ "11.0.0.0/8", 0 },	{ "128.0.0.0/1", 2 },
		{ "::/0", 6 },		{ "2001:db8::/32", 3 },
		{ "2001:db8::/64", 2 }, { "2001:db9::/32", 0 },
	};
	struct trie *t = build();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct prefix under = prefix(rows[i].under);
		struct walked w = { .n = 0 };

		assert_int_equal(trie_walk(t, &under, walk, &w), 0);
		if (w.n != rows[i].n)
			fail_msg("%s: %u", rows[i].under, w.n);
		for (unsigned int j = 0; j < w.n; j++) {
			assert_true(prefix_contains(&under, &w.at[j].addr));
			/* A prefix comes before those inside it. */
			for (unsigned int k = 0; k < j; k++)
				assert_false(w.at[k].len > w.at[j].len &&
					     prefix_contains(&w.at[j],
							     &w.at[k].addr));
		}
		w = (struct walked){ .stop_after = 1 };
		assert_int_equal(trie_walk(t, &under, walk, &w),
				 rows[i].n ? 42 : 0);
		assert_int_equal(w.n, rows[i].n ? 1 : 0);
	}
	trie_free(t);
}

/* A chain as deep as it can be: every length of one address. */
static void deepest(const char *text)
{
	struct addr a = addr(text);
	struct prefix all = prefix("::/0");
	static struct walked w;
	struct trie *t = trie_new();

	for (unsigned int len = 0; len <= 128; len++) {
		struct prefix p = prefix_of(&a, (uint8_t)len);

		assert_int_equal(trie_insert(t, &p, t), 0);
		/* And a branch beside it, from each bit. */
		if (len == 0)
			continue;
		p.addr.bytes[(len - 1) / 8] ^= 0x80 >> ((len - 1) % 8);
		assert_int_equal(trie_insert(t, &p, t), 0);
	}
	w = (struct walked){ .n = 0 };
	assert_int_equal(trie_walk(t, &all, walk, &w), 0);
	assert_int_equal(w.n, 129 + 128);
	trie_free(t);
}

static void test_deepest(void **state)
{
	(void)state;
	deepest("5555:aaaa:5555:aaaa:5555:aaaa:5555:aaaa");
	deepest("::");
	deepest("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

struct model {
	struct prefix at[MODEL_MAX];
	unsigned int n;
};

/* Few different bytes, so that prefixes nest and meet. */
static struct addr random_addr(void)
{
	static const uint8_t bytes[] = { 0, 0, 1, 0x80, 0xff };
	struct addr a = { .family = random() % 2 ? AF_INET : AF_INET6 };

	for (size_t i = 0; i < addr_len(&a); i++)
		a.bytes[i] = bytes[random() % 5];
	return a;
}

static const struct prefix *model_find(const struct model *m,
				       const struct prefix *p)
{
	for (unsigned int i = 0; i < m->n; i++)
		if (prefix_equal(&m->at[i], p))
			return &m->at[i];
	return NULL;
}

static const struct prefix *model_lookup(const struct model *m,
					 const struct addr *a)
{
	const struct prefix *best = NULL;

	for (unsigned int i = 0; i < m->n; i++)
		if (prefix_contains(&m->at[i], a) &&
		    (!best || m->at[i].len > best->len))
			best = &m->at[i];
	return best;
}

static unsigned int model_inside(const struct model *m, const struct prefix *p)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < m->n; i++)
		n += m->at[i].len >= p->len &&
		     prefix_contains(p, &m->at[i].addr);
	return n;
}

static void test_model(void **state)
{
	static struct model m;
	static struct walked w;

	(void)state;
	srandom(3);
	for (int round = 0; round < 20; round++) {
		struct trie *t = trie_new();

		m.n = 0;
		while (m.n < MODEL_MAX) {
			struct addr a = random_addr();
			struct prefix p = prefix_of(
				&a, (uint8_t)((size_t)random() %
					      (addr_len(&a) * 8 + 1)));
			bool there = model_find(&m, &p);

			m.at[m.n] = p;
			assert_int_equal(trie_insert(t, &p, &m.at[m.n]),
					 there ? -EEXIST : 0);
			m.n += !there;
			/* Look for something else each time. */
			a = random_addr();
			assert_ptr_equal(trie_lookup(t, &a, NULL),
					 model_lookup(&m, &a));
			p = prefix_of(&a, p.len);
			assert_ptr_equal(trie_get(t, &p), model_find(&m, &p));
			w.n = 0;
			assert_int_equal(trie_walk(t, &p, walk, &w), 0);
			assert_int_equal(w.n, model_inside(&m, &p));
		}
		trie_free(t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_get),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_host_bits),
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_deepest),
		cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
