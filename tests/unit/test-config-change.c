/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* policy/config-change.c: which difference is one, and for whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/config-change.h"

#define BASE "[Policy]\nNetworks=10.0.0.0/8\nEncryption=offer\n"
#define KEY \
	"PublicKey=MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"

static void write_file(const char *dir, const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static struct config *load(const char *main, const char *policy,
			   const char *peer)
{
	static const char *const names[] = { "tacit.conf",    "policy.d/p.conf",
					     "keys.d/k.conf", "policy.d",
					     "keys.d",	      "" };
	char dir[] = "/tmp/tacit-change.XXXXXX", path[128];
	struct config_errors e;
	struct config *c = NULL;
	int r;

	assert_non_null(mkdtemp(dir));
	for (size_t i = 3; i < 5; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	write_file(dir, names[0], main);
	write_file(dir, names[1], policy);
	if (peer)
		write_file(dir, names[2], peer);
	r = config_load(dir, &c, &e);
	config_errors_log(&e);
	config_errors_done(&e);
	for (size_t i = 0; i < 6; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		(void)remove(path);
	}
	assert_int_equal(r, 0);
	return c;
}

/* Each is another policy than BASE, which both processes have to see. */
static const char *const changes[] = {
	"[Policy]\nNetworks=10.0.0.0/8\nEncryption=require\n",
	BASE "Authentication=offer\n",
	BASE "Wait=yes\n",
	BASE "WaitTime=1s\n",
	BASE "RetryTime=5s\n",
	BASE "Discover=dns\n",
	BASE "LookupTime=1s\n",
	BASE "ChildLifetime=1h\n",
	BASE "ChildBytes=1G\n",
	BASE "ChildPackets=1000\n",
	BASE "Identity=a.example\n",
	BASE "IdleTime=5min\n",
	BASE "Mode=tunnel\n",
	BASE "RekeyMargin=30%\n",
	BASE "RekeyFuzz=0%\n",
	BASE "ClientAddressTranslation=yes\n",
	BASE "ClientAddressTranslation=no\n",
	BASE "Gateway=no\n",
	BASE "[Algorithms]\nPropose=AES-GCM-128\n",
	BASE "[Algorithms]\nAccept=X448\n",
};

static const struct policy *only(const struct config *c)
{
	return policy_table_at(c->policies, 0);
}

static void test_policies(void **state)
{
	struct config *base = load("", BASE, NULL), *c;

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		c = load("", changes[i], NULL);
		assert_false(policy_same(only(base), only(c)));
		assert_int_not_equal(config_digest(base), config_digest(c));
		config_free(c);
	}
	/* Another place is another digest, and the same verdict. */
	c = load("", "[Policy]\nNetworks=10.0.0.0/9\nEncryption=offer\n", NULL);
	assert_true(policy_same(only(base), only(c)));
	assert_int_not_equal(config_digest(base), config_digest(c));
	config_free(c);
	c = load("", BASE, NULL);
	assert_int_equal(config_digest(base), config_digest(c));
	assert_true(policy_same(only(base), only(c)));
	assert_false(policy_same(only(base), NULL));
	assert_true(policy_same(NULL, NULL));
	config_free(c);
	config_free(base);
}

static unsigned told;

static void tell(const char *key)
{
	assert_non_null(key);
	told++;
}

static void test_fixed(void **state)
{
	struct config *now =
		load("[IKE]\nPort=501\n[DNS]\nLookup=no\n", BASE, NULL);
	struct config *same = load("[IKE]\nPort=501\n[DNS]\nLookup=no\n"
				   "[Agent]\nLogLevel=error\n",
				   BASE, NULL);
	struct config *next = load("[IKE]\nPort=502\nNATPort=4501\n[Hold]\n"
				   "MarkBit=3\n[Debug]\nCapture=/x\n",
				   BASE, NULL);

	(void)state;
	config_keep_fixed(now, same, tell);
	assert_int_equal(told, 0);
	config_keep_fixed(now, next, tell);
	assert_int_equal(told, 5);
	assert_int_equal(next->port, 501);
	assert_int_equal(next->mark_bit, now->mark_bit);
	assert_false(next->dns.lookup);
	assert_null(next->capture);
	config_free(now);
	config_free(same);
	config_free(next);
}

static void test_peers(void **state)
{
	struct config *a = load("", BASE, "[Peer]\nAddress=10.0.0.1\n" KEY);
	struct config *b = load("", BASE,
				"[Peer]\nAddress=10.0.0.1\n"
				"Identity=b.example\n" KEY);
	struct config *c = load("", BASE,
				"[Peer]\nAddress=10.0.0.1\n"
				"SharedKeyFile=k.conf\n");
	const struct known_peer *p = known_peers_at(a->peers, 0);

	(void)state;
	assert_true(known_peer_same(p, p));
	assert_false(known_peer_same(p, NULL));
	assert_false(known_peer_same(p, known_peers_at(b->peers, 0)));
	assert_false(known_peer_same(p, known_peers_at(c->peers, 0)));
	config_free(a);
	config_free(b);
	config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_fixed),
		cmocka_unit_test(test_peers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
