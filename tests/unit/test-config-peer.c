/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * policy/config-peer.c and known-peer.c: files of keys.d, good and with each
 * error, and finding peers again. Identities are written as the engine does.
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

#include <cmocka.h>

#include "ike/identity.h"
#include "policy/config-value.h"
#include "policy/config.h"

#define KEY1 "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7"
#define KEY2 "lshQhqowtrbLDFw4rXAxZuE="
#define PEM                                                \
	"-----BEGIN PUBLIC KEY-----\n" KEY1 "\n" KEY2 "\n" \
	"-----END PUBLIC KEY-----\n"

static int set_up(void **state)
{
	static char dir[32];
	char path[64];

	strcpy(dir, "/tmp/test-peer-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/keys.d", dir);
	assert_int_equal(mkdir(path, 0755), 0);
	*state = dir;
	return 0;
}

static int tear_down(void **state)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", (char *)*state);
	return system(command);
}

static void put(const char *dir, const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/keys.d/%s", dir, name);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	fclose(f);
}

static struct config *load(const char *dir)
{
	struct config_errors e;
	struct config *c = NULL;
	int r = config_load(dir, &c, &e);

	for (size_t i = 0; i < e.count; i++)
		print_error("%s\n", e.list[i].message);
	assert_int_equal(r, 0);
	config_errors_done(&e);
	return c;
}

static struct addr at(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static void test_good(void **state)
{
	const char *dir = *state;
	const struct known_peer *p;
	struct config *c;
	struct addr v4 = at("10.0.0.1"), v6 = at("fd00::1"),
		    link = at("fe80::5%3"), nobody = at("10.0.0.3");

	put(dir, "b.conf",
	    "[Peer]\nIdentity=b.lab\nAddress=10.0.0.1 fd00::1\n"
	    "Address=fe80::5\n"
	    "PublicKey=" KEY1 "\n " KEY2 "\nPublicKey=" KEY1 KEY2 "\n"
	    "PublicKeyFile=two.pem\n");
	put(dir, "two.pem", "A comment\n" PEM "another\n" PEM);
	put(dir, "c.conf",
	    "[Peer]\nAddress=10.0.0.2\nSharedKeyFile=c.secret\n");
	put(dir, "c.secret", "x\n");
	put(dir, "d.conf",
	    "[Peer]\nIdentity=10.0.0.9\nPublicKey=" KEY1 KEY2 "\n");
	c = load(dir);
	p = known_peers_by_identity(c->peers, "@b.lab");
	assert_non_null(p);
	assert_int_equal(p->n_addresses, 3);
	assert_int_equal(p->n_keys, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(p->keys[i].len, 44);
		assert_memory_equal(p->keys[i].spki, p->keys[0].spki, 44);
	}
	assert_int_equal(p->keys[0].spki[12], 0x19);
	assert_int_equal(p->keys[0].spki[43], 0xe1);
	assert_ptr_equal(known_peers_by_address(c->peers, &v4), p);
	assert_ptr_equal(known_peers_by_address(c->peers, &v6), p);
	assert_ptr_equal(known_peers_by_address(c->peers, &link), p);
	assert_null(known_peers_by_address(c->peers, &nobody));
	assert_null(known_peers_by_identity(c->peers, "b.lab"));
	assert_null(known_peers_by_identity(c->peers, ""));
	v4 = at("10.0.0.2");
	p = known_peers_by_address(c->peers, &v4);
	assert_non_null(p);
	assert_null(p->identity);
	assert_non_null(strstr(p->shared_key_file, "/keys.d/c.secret"));
	assert_non_null(known_peers_by_identity(c->peers, "10.0.0.9"));
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(known_peers_at(c->peers, i)->index, i);
	assert_null(known_peers_at(c->peers, 3));
	config_free(c);
}

static const struct {
	const char *text, *says;
	unsigned line;
} bad[] = {
	{ "", "no [Peer]", 0 },
	{ "[Peer]\nPublicKey=" KEY1 KEY2 "\n", "Address= are missing", 1 },
	{ "[Peer]\nAddress=10.0.0.1\n", "no key", 1 },
	{ "[Peer]\nIdentity=a b\nPublicKey=" KEY1 KEY2 "\n", "write a name",
	  2 },
	{ "[Peer]\nIdentity=*.a.lab\nPublicKey=" KEY1 KEY2 "\n", "write a name",
	  2 },
	{ "[Peer]\nIdentity=%null\nPublicKey=" KEY1 KEY2 "\n", "write a name",
	  2 },
	{ "[Peer]\nAddress=10.0.0\nPublicKey=" KEY1 KEY2 "\n", "no address",
	  2 },
	{ "[Peer]\nAddress=0.0.0.0\nPublicKey=" KEY1 KEY2 "\n", "no address",
	  2 },
	{ "[Peer]\nAddress=ff02::1\nPublicKey=" KEY1 KEY2 "\n", "no address",
	  2 },
	{ "[Peer]\nAddress=10.0.0.1\nPublicKey=" KEY1 "\n", "no public key",
	  3 },
	{ "[Peer]\nAddress=10.0.0.1\nPublicKey=!" KEY1 KEY2 "\n",
	  "no public key", 3 },
	{ "[Peer]\nAddress=10.0.0.1\nPublicKey=\n", "no key", 1 },
	{ "[Peer]\nAddress=10.0.0.1\nPublicKeyFile=gone.pem\n",
	  "cannot be read", 3 },
	{ "[Peer]\nAddress=10.0.0.1\nPublicKeyFile=x.conf\n", "no PUBLIC KEY",
	  3 },
	{ "[Peer]\nAddress=10.0.0.1\nSharedKeyFile=gone\n", "no such file", 3 },
	{ "[Peer]\nAddress=10.0.0.1\nSharedKeyFile=x.conf\nPublicKey=" KEY1 KEY2
	  "\n",
	  "or by a shared one", 3 },
	{ "[Peer]\nAddress=10.0.0.1\nPublikKey=" KEY1 KEY2 "\n",
	  "PublicKey=", 3 },
	{ "[Peer]\nIdentity=a\nIdentity=b\nPublicKey=" KEY1 KEY2 "\n", "twice",
	  3 },
};

static void test_bad(void **state)
{
	const char *dir = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct config_errors e;
		struct config *c;
		bool found = false;

		put(dir, "x.conf", bad[i].text);
		assert_int_equal(config_load(dir, &c, &e), -EINVAL);
		for (size_t j = 0; j < e.count; j++)
			found = found ||
				(e.list[j].line == bad[i].line &&
				 strstr(e.list[j].message, bad[i].says));
		if (!found)
			print_error("case %zu: %u: %s\n", i, e.list[0].line,
				    e.list[0].message);
		assert_true(found);
		config_errors_done(&e);
	}
}

static void test_twins(void **state)
{
	static const char *const second[] = {
		"[Peer]\nIdentity=a.lab\nPublicKey=" KEY1 KEY2 "\n",
		"[Peer]\nAddress=10.0.0.1\nPublicKey=" KEY1 KEY2 "\n",
	};
	const char *dir = *state;

	put(dir, "a.conf",
	    "[Peer]\nIdentity=a.lab\nAddress=10.0.0.1\nPublicKey=" KEY1 KEY2
	    "\n");
	for (size_t i = 0; i < 2; i++) {
		struct config_errors e;
		struct config *c;

		put(dir, "b.conf", second[i]);
		assert_int_equal(config_load(dir, &c, &e), -EINVAL);
		assert_int_equal(e.count, 1);
		assert_non_null(strstr(e.list[0].message, "already"));
		config_errors_done(&e);
	}
}

static void test_too_many_keys(void **state)
{
	char text[4096] = "[Peer]\nAddress=10.0.0.1\n";
	struct config_errors e;
	struct config *c;

	for (unsigned i = 0; i < LIMIT_KNOWN_KEYS; i++)
		strcat(text, "PublicKey=" KEY1 KEY2 "\n");
	put(*state, "x.conf", text);
	c = load(*state);
	config_free(c);
	strcat(text, "PublicKey=" KEY1 KEY2 "\n");
	put(*state, "x.conf", text);
	assert_int_equal(config_load(*state, &c, &e), -EINVAL);
	assert_non_null(strstr(e.list[0].message, "at most 8"));
	config_errors_done(&e);
}

/* The text that policy compares is the one that the engine's types give. */
static void test_identities(void **state)
{
	static const char *const good[] = {
		"10.0.0.1",
		"2001:DB8::0:1",
		"host.example.org",
		"@host",
		"user@host.example.org",
		"keyid:00FF",
		"dn:3000",
		"a",
	};
	static const char *const wrong[] = {
		"",	     "@",	    "a b",
		"a@b@c",     "@a@b",	    "10.0.0.0/8",
		"fe80::1%2", "keyid:",	    "keyid:0",
		"keyid:0g",  "2001:db8::g", "a\tb",
		"%null",     "*",	    "a*.lab",
		"host!.lab", "h\xc3\xb6st", "*.",
		"a:b@c",
	};
	char canonical[CONFIG_IDENTITY_STRLEN], text[IKE_IDENTITY_STRLEN];
	struct ike_identity id;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(config_value_identity(good[i], canonical), 0);
		assert_int_equal(ike_identity_parse(good[i], &id), 0);
		assert_string_equal(canonical, ike_identity_format(&id, text));
		/* And it stays what it is. */
		assert_int_equal(ike_identity_parse(canonical, &id), 0);
		assert_string_equal(canonical, ike_identity_format(&id, text));
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (config_value_identity(wrong[i], canonical) == 0)
			print_error("%s\n", wrong[i]);
		assert_int_equal(config_value_identity(wrong[i], canonical),
				 -EINVAL);
	}
}

static void test_base64(void **state)
{
	static const struct {
		const char *text;
		int len;
		const char *bytes;
	} cases[] = {
		/* RFC 4648 10 */
		{ "", 0, "" },
		{ "Zg==", 1, "f" },
		{ "Zm8=", 2, "fo" },
		{ "Zm9v", 3, "foo" },
		{ "Zm9vYg==", 4, "foob" },
		{ "Zm9v YmE=\n", 5, "fooba" },
		{ "Zm9vYmFy", 6, "foobar" },
		{ "/+8=", 2, "\xff\xef" },
		{ "Z", -EINVAL, "" },
		{ "Zg", -EINVAL, "" },
		{ "Zg=", -EINVAL, "" },
		{ "Zg===", -EINVAL, "" },
		{ "Zg==Zg==", -EINVAL, "" },
		{ "Z*==", -EINVAL, "" },
		{ "Zm9vYmFyYg==", -EINVAL, "" },
	};
	uint8_t out[6];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(
			config_value_base64(cases[i].text, out, sizeof(out)),
			cases[i].len);
		if (cases[i].len > 0)
			assert_memory_equal(out, cases[i].bytes,
					    (size_t)cases[i].len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		T(test_good),
		T(test_bad),
		T(test_twins),
		T(test_too_many_keys),
		cmocka_unit_test(test_identities),
		cmocka_unit_test(test_base64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
