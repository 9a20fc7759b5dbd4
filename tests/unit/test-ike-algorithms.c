/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Algorithms from end to end: two engines that agree on each of them, in
 * IKE_SA_INIT, IKE_AUTH and both kinds of rekeying; and lists that differ.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/ike-harness.h"

#define ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))

/* The words of a list, separated by spaces. */
static struct algorithm_list list_of(const char *words)
{
	struct algorithm_list l = { 0 };
	char text[256], *save, *word;
	enum algorithm a;

	snprintf(text, sizeof(text), "%s", words);
	word = strtok_r(text, " ", &save);
	for (; word; word = strtok_r(NULL, " ", &save)) {
		assert_int_equal(algorithm_parse(word, &a), 0);
		algorithm_list_add(&l, a);
	}
	return l;
}

/* Host 0 proposes this and takes that of it; host 1 accepts. NULL: default. */
static void prepare(struct world *w, const char *propose, const char *answer,
		    const char *accept)
{
	struct algorithms *a, *b;

	world_init(w, 1, NULL);
	a = &w->hosts[0].config.algorithms;
	b = &w->hosts[1].config.algorithms;
	if (propose)
		a->propose = list_of(propose);
	a->answer = answer ? list_of(answer) : a->propose;
	if (accept)
		b->accept = list_of(accept);
	/* Who rekeys is the initiator of that exchange. */
	if (propose)
		b->propose = b->answer = a->propose;
	w->hosts[0].config.pfs = w->hosts[1].config.pfs = true;
	world_restart(w, 0);
	world_restart(w, 1);
}

static void check_algorithms(struct world *w, const char *expected)
{
	struct ike_sa_info info;
	struct child *c = host_child(&w->hosts[1]);

	assert_true(world_agree(w));
	assert_true(ike_sa_describe(w->hosts[1].engine, c->sa, &info));
	assert_string_equal(info.algorithms, expected);
}

/* Rekeys the Child SA and the IKE SA, each with a key exchange of its own. */
static void rekey(struct world *w, unsigned by)
{
	struct host *h = &w->hosts[by];
	struct child *c = host_child(h);
	uint32_t spi = c->up.in.spi;

	assert_int_equal(ike_rekey_child(h->engine, w->now, c->sa, spi), 0);
	world_run(w, w->now + 5000);
	assert_true(world_agree(w));
	c = host_child(h);
	assert_int_not_equal(c->up.in.spi, spi);
	assert_int_equal(ike_rekey(h->engine, w->now, c->sa), 0);
	world_run(w, w->now + 5000);
	assert_true(world_agree(w));
}

static void test_each(void **state)
{
	static const char *const ciphers[] = { "AES-GCM-16-256",
					       "AES-GCM-16-128",
					       "ChaCha20-Poly1305",
					       "AES-CBC-256", "AES-CBC-128" };
	static const char *const hashes[] = { "HMAC-SHA2-256", "HMAC-SHA2-384",
					      "HMAC-SHA2-512" };
	static const char *const groups[] = { "X25519",	  "X448",  "P-256",
					      "P-384",	  "P-521", "MODP-2048",
					      "MODP-3072" };

	(void)state;
	for (size_t i = 0; i < ELEMENTS(ciphers) * ELEMENTS(hashes); i++) {
		const char *cipher = ciphers[i % ELEMENTS(ciphers)];
		const char *hash = hashes[i % ELEMENTS(hashes)];
		const char *group = groups[i % ELEMENTS(groups)];
		bool cbc = strstr(cipher, "CBC") != NULL;
		char words[128], expected[128];
		struct world w;

		snprintf(words, sizeof(words), "%s %s %s", cipher, hash, group);
		snprintf(expected, sizeof(expected), "%s%s%s/%s/%s", cipher,
			 cbc ? "-" : "", cbc ? hash : "", hash, group);
		print_message("  %s\n", expected);
		prepare(&w, words, NULL, NULL);
		world_initiate(&w, 0);
		world_run(&w, w.now + 200);
		check_algorithms(&w, expected);
		rekey(&w, i % 2);
		check_algorithms(&w, expected);
		world_done(&w);
	}
}

static const struct {
	const char *name, *propose, *answer, *accept;
	const char *expected; /* NULL: none, for this reason */
	enum ike_reason reason;
} rows[] = {
	{ "defaults", NULL, NULL, NULL, "AES-GCM-16-256/HMAC-SHA2-256/X25519",
	  0 },
	{ "the responder's preference within the first proposal",
	  "AES-GCM-256 AES-GCM-128 SHA2-256 SHA2-512 X25519", NULL,
	  "AES-GCM-128 AES-GCM-256 SHA2-512 SHA2-256 X25519",
	  "AES-GCM-16-128/HMAC-SHA2-512/X25519", 0 },
	{ "the second proposal", "AES-GCM-256 AES-CBC-256 SHA2-384 X25519",
	  NULL, "AES-CBC-256 SHA2-384 X25519",
	  "AES-CBC-256-HMAC-SHA2-384/HMAC-SHA2-384/X25519", 0 },
	{ "another group", "AES-GCM-256 SHA2-256 X448 P-521", NULL,
	  "AES-GCM-256 SHA2-256 P-521", "AES-GCM-16-256/HMAC-SHA2-256/P-521",
	  0 },
	{ "no common cipher", "AES-GCM-256 SHA2-256 X25519", NULL,
	  "AES-GCM-128 SHA2-256 X25519", NULL, IKE_REASON_REFUSED },
	{ "no common hash", "AES-GCM-256 SHA2-256 X25519", NULL,
	  "AES-GCM-256 SHA2-384 X25519", NULL, IKE_REASON_REFUSED },
	{ "no common group", "AES-GCM-256 SHA2-256 X25519", NULL,
	  "AES-GCM-256 SHA2-256 MODP-2048", NULL, IKE_REASON_REFUSED },
	/* As if the answer were somebody else's: a better one may come. */
	{ "an answer that is not taken",
	  "AES-GCM-256 AES-GCM-128 SHA2-256 X25519",
	  "AES-GCM-256 SHA2-256 X25519", "AES-GCM-128 SHA2-256 X25519", NULL,
	  IKE_REASON_UNANSWERED },
	{ "a group that is not taken", "AES-GCM-256 SHA2-256 X25519 P-256",
	  "AES-GCM-256 SHA2-256 X25519", "AES-GCM-256 SHA2-256 P-256", NULL,
	  IKE_REASON_UNANSWERED },
};

static void test_lists(void **state)
{
	(void)state;
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct world w;

		print_message("  %s\n", rows[i].name);
		prepare(&w, rows[i].propose, rows[i].answer, rows[i].accept);
		world_initiate(&w, 0);
		world_run(&w, w.now + 60000);
		if (rows[i].expected) {
			check_algorithms(&w, rows[i].expected);
		} else {
			assert_int_equal(w.hosts[0].n_failed, 1);
			assert_int_equal(w.hosts[0].failed.reason,
					 rows[i].reason);
			assert_int_equal(host_children(&w.hosts[0]), 0);
		}
		world_done(&w);
	}
}

/* What one request says goes before what the engine was given. */
static void test_request(void **state)
{
	struct algorithms a;
	struct ike_request req = { .algorithms = &a };
	struct handle sa;
	struct world w;

	(void)state;
	world_init(&w, 1, NULL);
	algorithms_init(&a);
	a.propose = a.answer = list_of("AES-CBC-128 SHA2-512 MODP-2048");
	req.local = w.hosts[0].address;
	req.remote = w.hosts[1].address;
	assert_int_equal(ike_initiate(w.hosts[0].engine, w.now, &req, &sa), 0);
	memset(&a, 0, sizeof(a));
	world_settle(&w);
	world_run(&w, w.now + 200);
	check_algorithms(&w, "AES-CBC-128-HMAC-SHA2-512/HMAC-SHA2-512/"
			     "MODP-2048");
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
