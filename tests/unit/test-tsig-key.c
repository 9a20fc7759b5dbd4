/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dnskeys/tsig-key.c: key files as they are written by others, and files that
 * are none.
 */
#include <errno.h>
#include <fcntl.h>
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

#include "dnskeys/tsig-key.h"

#define SECRET "c2VjcmV0IG9mIHRoaXJ0eS10d28gYnl0ZXMsIG5vIGxlc3M="

static const char generated[] = "key \"ddns\" {\n"
				"\talgorithm hmac-sha256;\n"
				"\tsecret \"" SECRET "\";\n"
				"};\n";

static const struct {
	const char *text;
	int want;
	const char *name, *algorithm;
} rows[] = {
	{ generated, 0, "ddns.", "hmac-sha256." },
	{ "key ddns.example.org. { algorithm HMAC-SHA512; secret " SECRET
	  "; };",
	  0, "ddns.example.org.", "hmac-sha512." },
	{ "/* a */ // b\n# c\nkey a{secret \"" SECRET
	  "\";algorithm hmac-sha384.;};",
	  0, "a.", "hmac-sha384." },
	{ "options { };\nkey a { algorithm hmac-sha256; secret " SECRET
	  "; };\n key b { };",
	  0, "a.", "hmac-sha256." },
	{ "key a { algorithm hmac-md5; secret " SECRET "; };", -EOPNOTSUPP,
	  NULL, NULL },
	{ "key a { algorithm hmac-sha1; secret " SECRET "; };", -EOPNOTSUPP,
	  NULL, NULL },
	{ "key a { algorithm hmac-sha256x; secret " SECRET "; };", -EOPNOTSUPP,
	  NULL, NULL },
	{ "", -EBADMSG, NULL, NULL },
	{ "key", -EBADMSG, NULL, NULL },
	{ "key a", -EBADMSG, NULL, NULL },
	{ "key a {", -EBADMSG, NULL, NULL },
	{ "key a { };", -EBADMSG, NULL, NULL },
	{ "key a { algorithm hmac-sha256; };", -EBADMSG, NULL, NULL },
	{ "key a { secret " SECRET "; };", -EBADMSG, NULL, NULL },
	{ "key a { algorithm hmac-sha256 secret " SECRET "; };", -EBADMSG, NULL,
	  NULL },
	{ "key a { algorithm hmac-sha256; secret \"" SECRET "; };", -EBADMSG,
	  NULL, NULL },
	{ "key a { algorithm hmac-sha256; secret !!!!; };", -EBADMSG, NULL,
	  NULL },
	{ "key a { algorithm hmac-sha256; secret abc; };", -EBADMSG, NULL,
	  NULL },
	{ "key a { algorithm hmac-sha256; server " SECRET "; };", -EBADMSG,
	  NULL, NULL },
	{ "key a { algorithm hmac-sha256; secret " SECRET "; ", -EBADMSG, NULL,
	  NULL },
	{ "key \"a b\" { algorithm hmac-sha256; secret " SECRET "; };",
	  -EBADMSG, NULL, NULL },
	{ "key . { algorithm hmac-sha256; secret " SECRET "; };", -EBADMSG,
	  NULL, NULL },
	{ "/* key a { algorithm hmac-sha256; secret " SECRET "; };", -EBADMSG,
	  NULL, NULL },
};

static void test_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct tsig_key k = { .name = "untouched" };
		int r = tsig_key_parse(rows[i].text, strlen(rows[i].text), &k);

		if (r != rows[i].want)
			print_error("%s\n", rows[i].text);
		assert_int_equal(r, rows[i].want);
		if (r < 0) {
			assert_string_equal(k.name, "untouched");
			continue;
		}
		assert_string_equal(k.name, rows[i].name);
		assert_string_equal(k.algorithm, rows[i].algorithm);
		assert_string_equal(k.secret, SECRET);
	}
}

/* Every beginning of a good file is none, but for what follows the brace. */
static void test_truncated(void **state)
{
	struct tsig_key k;
	size_t whole = strlen(generated) - 2;

	(void)state;
	for (size_t len = 0; len < whole; len++)
		assert_int_equal(tsig_key_parse(generated, len, &k), -EBADMSG);
	assert_int_equal(tsig_key_parse(generated, whole, &k), 0);
}

static void test_file(void **state)
{
	char path[] = "/tmp/test-tsig-XXXXXX", big[TSIG_FILE_MAX + 1];
	int fd = mkstemp(path);
	struct tsig_key k;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, generated, strlen(generated)),
			 strlen(generated));
	assert_int_equal(tsig_key_read(path, &k), 0);
	assert_string_equal(k.name, "ddns.");
	tsig_key_wipe(&k);
	assert_string_equal(k.secret, "");
	/* The group of a name server, as Debian has it. */
	assert_int_equal(fchmod(fd, 0640), 0);
	assert_int_equal(tsig_key_read(path, &k), 0);
	assert_int_equal(fchmod(fd, 0644), 0);
	assert_int_equal(tsig_key_read(path, &k), -EACCES);
	assert_int_equal(fchmod(fd, 0600), 0);
	memset(big, ' ', sizeof(big));
	assert_int_equal(pwrite(fd, big, sizeof(big), 0), sizeof(big));
	assert_int_equal(tsig_key_read(path, &k), -EFBIG);
	close(fd);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(tsig_key_read(path, &k), -ENOENT);
	assert_int_equal(tsig_key_read("/tmp", &k), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
