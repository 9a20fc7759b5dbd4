/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * agent/key-output.c: what a command may print.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/key-output.h"

#define SPKI "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="
#define KEY  "PublicKey=" SPKI "\n"

static const struct {
	const char *text;
	int r;
	unsigned line;
	const char *identity;
	size_t keys;
	uint64_t lifetime;
} rows[] = {
	{ KEY, 0, 0, "@asked.example", 1, KEY_OUTPUT_MS },
	{ "PublicKey=" SPKI, 0, 0, "@asked.example", 1, KEY_OUTPUT_MS },
	{ "# said by us\r\n\r\nIdentity=Host.example\r\n" KEY KEY
	  "Lifetime=1h\r\n",
	  0, 0, "@host.example", 2, 3600000 },
	{ KEY "Lifetime=0\n", 0, 0, "@asked.example", 1, KEY_OUTPUT_MS_MIN },
	{ KEY "Lifetime=52w\n", 0, 0, "@asked.example", 1, KEY_OUTPUT_MS_MAX },
	{ "", -EBADMSG, 0, NULL, 0, 0 },
	{ "Identity=host.example\n", -EBADMSG, 0, NULL, 0, 0 },
	{ KEY "nonsense\n", -EBADMSG, 2, NULL, 0, 0 },
	{ KEY "Address=192.0.2.1\n", -EBADMSG, 2, NULL, 0, 0 },
	{ KEY "Lifetime=soon\n", -EBADMSG, 2, NULL, 0, 0 },
	{ KEY "Lifetime=1h\nLifetime=1h\n", -EBADMSG, 3, NULL, 0, 0 },
	{ "Identity=*.example\n" KEY, -EBADMSG, 1, NULL, 0, 0 },
	{ "Identity=a.example\nIdentity=b.example\n" KEY, -EBADMSG, 2, NULL, 0,
	  0 },
	{ "PublicKey=\n", -EBADMSG, 1, NULL, 0, 0 },
	{ "PublicKey=AAAA\n", -EBADMSG, 1, NULL, 0, 0 },
	{ KEY KEY KEY KEY KEY KEY KEY KEY KEY, -EBADMSG, 9, NULL, 0, 0 },
};

static int parse(const char *text, size_t len, struct key_answer *ret,
		 unsigned *ret_line)
{
	struct ike_identity asked;
	/* Of exactly that size, so that a read past it is seen. */
	char *copy = malloc(len + !len);
	int r;

	assert_non_null(copy);
	memcpy(copy, text, len);
	assert_int_equal(ike_identity_parse("@asked.example", &asked), 0);
	r = key_output_parse(copy, len, &asked, ret, ret_line);
	free(copy);
	return r;
}

static void test_rows(void **state)
{
	char text[IKE_IDENTITY_STRLEN];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct key_answer a;
		unsigned line = 77;

		assert_int_equal(
			parse(rows[i].text, strlen(rows[i].text), &a, &line),
			rows[i].r);
		if (rows[i].r < 0) {
			assert_int_equal(line, rows[i].line);
			continue;
		}
		assert_string_equal(ike_identity_format(&a.identity, text),
				    rows[i].identity);
		assert_int_equal(a.keys->n, rows[i].keys);
		assert_int_equal(a.keys->source, KEYSET_COMMAND);
		assert_int_equal(a.lifetime_ms, rows[i].lifetime);
		key_answer_done(&a);
	}
}

static void test_bytes(void **state)
{
	char longest[4096];
	struct key_answer a;
	unsigned line;

	(void)state;
	memset(longest, '#', sizeof(longest));
	assert_int_equal(parse(longest, sizeof(longest), &a, &line), -EBADMSG);
	assert_int_equal(line, 1);
	assert_int_equal(parse("#\0\n", 3, &a, &line), -EBADMSG);
	/* Every shorter text: an error or one with a key. */
	for (size_t n = 0; n < strlen(rows[2].text); n++)
		if (parse(rows[2].text, n, &a, &line) == 0) {
			assert_true(a.keys->n > 0);
			key_answer_done(&a);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
