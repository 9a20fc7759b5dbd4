/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * agent/credentials.c and agent/key-file.c: who we are and whom we take, for
 * each level of Authentication= and each thing that may be known of a peer.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/credentials.h"
#include "agent/key-file.h"
#include "agent/key-finder.h"
#include "agent/proof.h"
#include "util/log.h"

/* Of RFC 8410 10.1, in the form of keys.d. */
#define KEY "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="

/* --- the link to tacit-keyd, as far as it is asked --------------------------- */

static struct signer_key our_key = { .id = 7, .spki_len = 44 };
static bool keyd_is_up;

bool signer_is_up(const struct signer *s)
{
	(void)s;
	return keyd_is_up;
}

size_t signer_keys(const struct signer *s, const struct signer_key **ret)
{
	(void)s;
	*ret = &our_key;
	return 1;
}

/* --- a configuration ---------------------------------------------------------- */

struct world {
	char dir[32];
	struct config *config;
	struct key_files *files;
	struct key_finder *finder;
	struct credentials c;
};

static void put(const struct world *w, const char *name, const char *text,
		mode_t mode)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", w->dir, name);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static void put_policies(const struct world *w)
{
	static const char *const auths[] = { "allow", "offer", "require" };

	for (unsigned i = 0; i < 3; i++) {
		char name[32], text[256];

		snprintf(name, sizeof(name), "policy.d/%s.conf", auths[i]);
		snprintf(text, sizeof(text),
			 "[Policy]\nEncryption=offer\nAuthentication=%s\n"
			 "Networks=10.%u.0.0/16\n",
			 auths[i], i);
		put(w, name, text, 0644);
	}
	put(w, "policy.d/forbid.conf",
	    "[Policy]\nEncryption=forbid\nNetworks=10.3.0.0/16\n", 0644);
	/* One network for everybody, and what is for those that are known. */
	put(w, "policy.d/rest.conf",
	    "[Policy]\nEncryption=offer\nNetworks=10.5.0.0/16\n"
	    "Authentication=require\n",
	    0644);
	put(w, "policy.d/friend.conf",
	    "[Policy]\nEncryption=offer\nNetworks=10.5.0.0/16\n"
	    "Identity=b.lab\n",
	    0644);
	put(w, "policy.d/enemy.conf",
	    "[Policy]\nEncryption=forbid\nNetworks=10.5.0.0/16\n"
	    "Identity=d.lab\n",
	    0644);
	put(w, "policy.d/named.conf",
	    "[Policy]\nEncryption=offer\nAuthentication=require\n"
	    "Networks=10.4.0.0/16\nIdentity=b.lab *.example.org\n",
	    0644);
}

static void put_peers(const struct world *w)
{
	for (unsigned i = 0; i < 3; i++) {
		char name[32], text[256];

		snprintf(name, sizeof(name), "keys.d/key%u.conf", i);
		snprintf(text, sizeof(text),
			 "[Peer]\nAddress=10.%u.0.1\nPublicKey=" KEY "\n", i);
		put(w, name, text, 0644);
		snprintf(name, sizeof(name), "keys.d/shared%u.conf", i);
		snprintf(text, sizeof(text),
			 "[Peer]\nAddress=10.%u.0.2\nIdentity=psk%u.lab\n"
			 "SharedKeyFile=psk\n",
			 i, i);
		put(w, name, text, 0644);
	}
	put(w, "keys.d/psk", "a secret of some length\n", 0600);
	put(w, "keys.d/roams.conf",
	    "[Peer]\nIdentity=b.lab\nPublicKey=" KEY "\n", 0644);
	put(w, "keys.d/enemy.conf",
	    "[Peer]\nIdentity=d.lab\nPublicKey=" KEY "\n", 0644);
	put(w, "keys.d/other.conf",
	    "[Peer]\nIdentity=c.lab\nAddress=10.4.0.3\nPublicKey=" KEY "\n",
	    0644);
}

static int set_up(void **state)
{
	static const char *const dirs[] = { "policy.d", "keys.d" };
	static struct world w;
	struct config_errors errors;
	struct key_source source;
	char path[64];

	log_open("test-credentials", LOG_EMERG);
	w = (struct world){ .dir = "/tmp/test-cred-XXXXXX" };
	assert_non_null(mkdtemp(w.dir));
	for (unsigned i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", w.dir, dirs[i]);
		assert_int_equal(mkdir(path, 0755), 0);
	}
	put_policies(&w);
	put_peers(&w);
	assert_int_equal(config_load(w.dir, &w.config, &errors), 0);
	config_errors_done(&errors);
	assert_int_equal(key_files_new(w.config->peers, &w.files), 0);
	w.c.config = w.config;
	w.c.signer = (struct signer *)&our_key;
	source = key_files_source(w.files);
	assert_int_equal(key_finder_new(&w.finder), 0);
	key_finder_add(w.finder, &source);
	keyd_is_up = true;
	*state = &w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	char command[64];

	key_finder_free(w->finder);
	key_files_free(w->files);
	config_free(w->config);
	snprintf(command, sizeof(command), "rm -rf %s", w->dir);
	return system(command);
}

static struct addr at(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static const struct key_asker nobody;

/* peer: what it says to be ("" nothing, as initiator); wanted likewise. */
static int choose(struct world *w, const char *remote, const char *peer,
		  const char *wanted, struct credentials_choice *ret)
{
	struct ike_identify q = { .initiator = !*peer,
				  .local = { at("10.9.0.9"), 500 },
				  .remote = { at(remote), 500 },
				  .host = at(remote) };
	struct key_question question = {
		.policy = policy_table_lookup(w->config->policies,
					      &q.remote.addr),
		.remote = q.remote.addr,
	};
	struct key_answer answer = { 0 };
	int found = -ENOENT;

	if (*peer)
		assert_int_equal(ike_identity_parse(peer, &q.peer), 0);
	if (*wanted)
		assert_int_equal(ike_identity_parse(wanted, &q.wanted), 0);
	if (!ike_identity_is_null(&q.peer)) {
		question.identity = q.peer;
		found = key_finder_ask(w->finder, &question, &nobody, &answer);
	}
	return credentials_choose(&w->c, &q, found, &answer, ret);
}

static const struct {
	const char *remote, *peer, *wanted;
	int want;
	bool ours;	   /* we say who we are */
	unsigned keys;	   /* of the peer */
	bool shared, null; /* accepted */
	const char *expected;
} cases[] = {
	/* We begin: a key is known, a shared one, nothing. */
	{ "10.0.0.1", "", "", 0, true, 1, false, true, "10.0.0.1" },
	{ "10.0.0.2", "", "", 0, true, 0, true, true, "@psk0.lab" },
	{ "10.0.0.9", "", "", 0, false, 0, false, true, "none" },
	{ "10.1.0.1", "", "", 0, true, 1, false, true, "10.1.0.1" },
	{ "10.1.0.2", "", "", 0, true, 0, true, true, "@psk1.lab" },
	{ "10.1.0.9", "", "", 0, true, 0, false, true, "none" },
	{ "10.2.0.1", "", "", 0, true, 1, false, false, "10.2.0.1" },
	{ "10.2.0.2", "", "", 0, true, 0, true, false, "@psk2.lab" },
	{ "10.2.0.9", "", "", -EACCES, false, 0, false, false, NULL },
	/* The peer begins: as itself, as another, as nobody. */
	{ "10.0.0.1", "10.0.0.1", "", 0, true, 1, false, true, "10.0.0.1" },
	{ "10.0.0.1", "10.1.0.1", "", 0, true, 0, false, true, "none" },
	{ "10.0.0.1", "%null", "%null", 0, false, 0, false, true, "none" },
	{ "10.0.0.9", "x.lab", "", 0, true, 0, false, true, "none" },
	{ "10.0.0.9", "%null", "me.lab", 0, true, 0, false, true, "none" },
	{ "10.2.0.1", "10.2.0.1", "", 0, true, 1, false, false, "10.2.0.1" },
	{ "10.2.0.1", "%null", "%null", -EACCES, false, 0, false, false, NULL },
	{ "10.2.0.1", "10.2.0.7", "", -EACCES, false, 0, false, false, NULL },
	{ "10.2.0.2", "psk2.lab", "", 0, true, 0, true, false, "@psk2.lab" },
	{ "10.2.0.2", "psk1.lab", "", -EACCES, false, 0, false, false, NULL },
	/* Its identity from another address than its file says. */
	{ "10.2.0.7", "psk2.lab", "", -EACCES, false, 0, false, false, NULL },
	{ "10.2.0.7", "b.lab", "", 0, true, 1, false, false, "@b.lab" },
	/* By a policy that takes some names. */
	{ "10.4.0.8", "", "", 0, true, 1, false, false, "@b.lab" },
	{ "10.4.0.8", "b.lab", "", 0, true, 1, false, false, "@b.lab" },
	{ "10.4.0.3", "", "", -EACCES, false, 0, false, false, NULL },
	{ "10.4.0.3", "c.lab", "", -EACCES, false, 0, false, false, NULL },
	/* Where nobody is talked to. */
	{ "10.3.0.1", "", "", -EACCES, false, 0, false, false, NULL },
	{ "192.0.2.1", "", "", -EACCES, false, 0, false, false, NULL },
};

static void test_choice(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[IKE_IDENTITY_STRLEN];
		struct credentials_choice x;
		int r = choose(w, cases[i].remote, cases[i].peer,
			       cases[i].wanted, &x);

		if (r != cases[i].want)
			print_error("case %zu: %d\n", i, r);
		assert_int_equal(r, cases[i].want);
		if (r < 0) {
			credentials_choice_done(&x);
			continue;
		}
		ike_identity_format(&x.c.peer, text);
		if (strcmp(text, cases[i].expected) ||
		    x.c.n_peer_keys != cases[i].keys)
			print_error("case %zu: %s\n", i, text);
		assert_string_equal(text, cases[i].expected);
		assert_int_equal(x.c.n_peer_keys, cases[i].keys);
		assert_int_equal(x.c.accept_shared, cases[i].shared);
		assert_int_equal(x.c.accept_null, cases[i].null);
		ike_identity_format(&x.c.identity, text);
		assert_string_equal(text, cases[i].ours ? "10.9.0.9" : "%null");
		/* Who is known by a shared key gets no signature. */
		assert_int_equal(x.c.n_keys,
				 cases[i].ours && !cases[i].shared ? 1 : 0);
		credentials_choice_done(&x);
	}
}

/* Without keyd we are nobody, but whoever shares a key with us. */
static void test_without_keyd(void **state)
{
	struct world *w = *state;
	struct credentials_choice x;

	keyd_is_up = false;
	assert_int_equal(choose(w, "10.1.0.1", "", "", &x), 0);
	assert_true(ike_identity_is_null(&x.c.identity));
	assert_int_equal(x.c.n_peer_keys, 1);
	assert_non_null(x.why);
	credentials_choice_done(&x);
	assert_int_equal(choose(w, "10.1.0.2", "", "", &x), 0);
	assert_false(ike_identity_is_null(&x.c.identity));
	assert_int_equal(x.c.shared.len, strlen("a secret of some length"));
	credentials_choice_done(&x);
}

/* At a gateway's address anybody may be: who is there has to prove that it
 * speaks for the host, whatever the policy, which is the host's. */
static void test_gateway(void **state)
{
	struct world *w = *state;
	struct ike_identify q = { .initiator = true,
				  .local = { at("10.9.0.9"), 500 },
				  .remote = { at("10.3.0.1"), 500 },
				  .host = at("10.0.0.1") };
	struct key_question question = {
		.policy = policy_table_lookup(w->config->policies, &q.host),
		.remote = q.host,
	};
	struct credentials_choice x;
	struct key_answer answer = { 0 };

	assert_int_equal(key_finder_ask(w->finder, &question, &nobody, &answer),
			 0);
	answer.way.gateway = q.remote.addr;
	answer.identity = ike_identity_of_addr(&q.remote.addr);
	assert_int_equal(credentials_choose(&w->c, &q, 0, &answer, &x), 0);
	assert_false(x.c.accept_null);
	assert_int_equal(x.c.n_peer_keys, 1);
	assert_true(ike_identity_equal(&x.c.peer, &answer.identity));
	credentials_choice_done(&x);
	assert_int_equal(credentials_choose(&w->c, &q, -ENOENT, &answer, &x),
			 -EACCES);
	assert_int_equal(x.lacks, IKE_REASON_NO_KEY);
	credentials_choice_done(&x);
}

static void test_local_identity(void **state)
{
	struct world *w = *state;
	struct credentials_choice x;

	assert_int_equal(ike_identity_parse("me.lab", &w->c.local), 0);
	assert_int_equal(choose(w, "10.1.0.1", "", "", &x), 0);
	assert_true(ike_identity_equal(&x.c.identity, &w->c.local));
	credentials_choice_done(&x);
}

/* As DNS: it has a key of everybody, under any name. */
static int find_anybody(void *user, const struct key_question *q,
			struct key_answer *ret)
{
	(void)user;
	*ret = (struct key_answer){ .identity = q->identity };
	return 0;
}

/* An address in a file is that peer's, whatever a name elsewhere points to. */
static void test_pinned(void **state)
{
	static const struct {
		const char *remote, *peer;
		int found;
	} rows[] = {
		{ "10.2.0.2", "psk2.lab", 0 },
		{ "10.2.0.2", "x.lab", -EPERM },
		{ "10.2.0.2", "10.2.0.2", -EPERM },
		{ "10.2.0.1", "x.lab", -EPERM },
		{ "10.2.0.9", "x.lab", 0 },
	};
	const struct key_source anybody = { .find = find_anybody };
	struct world *w = *state;

	key_finder_add(w->finder, &anybody);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct key_question q = { .remote = at(rows[i].remote) };
		struct key_answer answer = { 0 };

		assert_int_equal(ike_identity_parse(rows[i].peer, &q.identity),
				 0);
		assert_int_equal(
			key_finder_ask(w->finder, &q, &nobody, &answer),
			rows[i].found);
		key_answer_done(&answer);
	}
}

/* A secret that others can read is none. */
static void test_readable_secret(void **state)
{
	struct world *w = *state;
	struct key_source source;
	struct credentials_choice x;

	put(w, "keys.d/psk", "a secret of some length\n", 0644);
	key_files_free(w->files);
	assert_int_equal(key_files_new(w->config->peers, &w->files), 0);
	key_finder_free(w->finder);
	assert_int_equal(key_finder_new(&w->finder), 0);
	source = key_files_source(w->files);
	key_finder_add(w->finder, &source);
	assert_int_equal(choose(w, "10.2.0.2", "", "", &x), -EACCES);
	credentials_choice_done(&x);
}

/* Who has a policy of his own, or is refused by it, wherever he is; all others
 * have that of the network. */
static void test_named(void **state)
{
	struct world *w = *state;
	struct credentials_choice x;
	struct ike_proof proof = { .method = IKE_AUTH_SIGNATURE };
	struct addr here = at("10.5.7.7");

	assert_int_equal(choose(w, "10.5.7.7", "b.lab", "", &x), 0);
	assert_int_equal(x.c.n_peer_keys, 1);
	/* What holds of strangers is not loosened by a name. */
	assert_false(x.c.accept_null);
	credentials_choice_done(&x);
	assert_int_equal(choose(w, "10.5.7.7", "d.lab", "", &x), -EACCES);
	assert_non_null(strstr(x.why, "forbids"));
	credentials_choice_done(&x);
	assert_int_equal(choose(w, "10.5.7.7", "e.lab", "", &x), -EACCES);
	credentials_choice_done(&x);
	assert_int_equal(ike_identity_parse("b.lab", &proof.id), 0);
	assert_string_equal(
		proof_policy(w->config->policies, &here, &proof)->name,
		"friend");
	proof.method = IKE_AUTH_NULL;
	assert_string_equal(
		proof_policy(w->config->policies, &here, &proof)->name, "rest");
	assert_string_equal(
		proof_policy(w->config->policies, &here, NULL)->name, "rest");
}

static void test_proof(void **state)
{
	struct world *w = *state;
	const struct policy_table *t = w->config->policies;
	struct ike_proof proof = { .method = IKE_AUTH_NULL,
				   .id = ike_identity_null() };
	struct addr allow = at("10.0.0.1"), require = at("10.2.0.1"),
		    named = at("10.4.0.1");

	assert_true(proof_suffices(policy_table_lookup(t, &allow), &proof));
	assert_false(proof_suffices(policy_table_lookup(t, &require), &proof));
	proof.method = IKE_AUTH_SIGNATURE;
	assert_int_equal(ike_identity_parse("b.lab", &proof.id), 0);
	assert_true(proof_suffices(policy_table_lookup(t, &require), &proof));
	assert_true(proof_suffices(policy_table_lookup(t, &named), &proof));
	assert_int_equal(ike_identity_parse("c.lab", &proof.id), 0);
	assert_false(proof_suffices(policy_table_lookup(t, &named), &proof));
	assert_int_equal(ike_identity_parse("c.example.org", &proof.id), 0);
	assert_true(proof_suffices(policy_table_lookup(t, &named), &proof));
	assert_int_equal(ike_identity_parse("example.org", &proof.id), 0);
	assert_false(proof_suffices(policy_table_lookup(t, &named), &proof));
	assert_int_equal(ike_identity_parse("evilexample.org", &proof.id), 0);
	assert_false(proof_suffices(policy_table_lookup(t, &named), &proof));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		T(test_choice),		T(test_without_keyd),
		T(test_local_identity), T(test_readable_secret),
		T(test_proof),		T(test_pinned),
		T(test_gateway),	T(test_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
