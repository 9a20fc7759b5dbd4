/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* policy/config-networks.c: lists that other tools keep. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/config.h"

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

/* A policy of this text with list.txt beside it; the errors without the
 * directory, one a line. */
static int load(const char *policy, const char *list, struct config **ret,
		char *errors, size_t size)
{
	static const char *const names[] = { "policy.d/p.conf",
					     "policy.d/list.txt", "policy.d",
					     "" };
	char dir[] = "/tmp/tacit-networks.XXXXXX", path[128];
	struct config_errors e;
	size_t at = 0;
	int r;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/policy.d", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	write_file(dir, names[0], policy);
	if (list)
		write_file(dir, names[1], list);
	r = config_load(dir, ret, &e);
	errors[0] = '\0';
	for (size_t i = 0; i < e.count; i++)
		at += (size_t)snprintf(errors + at, size - at, "%s:%u: %s\n",
				       e.list[i].file + strlen(dir) + 10,
				       e.list[i].line, e.list[i].message);
	config_errors_done(&e);
	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		(void)remove(path);
	}
	return r;
}

#define POLICY "[Policy]\nEncryption=offer\nNetworksFile=list.txt\n"

static void test_good(void **state)
{
	const struct policy *p;
	struct config *c = NULL;
	char errors[1024], text[PREFIX_STRLEN];

	(void)state;
	assert_int_equal(load(POLICY "Networks=10.0.0.0/8\n",
			      "# kept by a tool\r\n\n192.0.2.0/24 # one\n"
			      "  2001:db8::/32 198.51.100.7",
			      &c, errors, sizeof(errors)),
			 0);
	p = policy_table_at(c->policies, 0);
	assert_int_equal(p->n_networks, 4);
	assert_string_equal(prefix_format(&p->networks[2], text),
			    "198.51.100.7/32");
	config_free(c);
	/* Nobody is on it today. */
	assert_int_equal(load(POLICY, "# nobody\n", &c, errors, sizeof(errors)),
			 0);
	assert_int_equal(policy_table_at(c->policies, 0)->n_networks, 0);
	config_free(c);
}

static const struct {
	const char *policy, *list;
	const char *error; /* what it begins with */
} wrong[] = {
	{ POLICY, NULL, "p.conf:3: NetworksFile=list.txt: /" },
	{ POLICY, "10.0.0.0/8\n10.1.0.1/8\n",
	  "list.txt:2: 10.1.0.1/8 has bits set" },
	{ POLICY, "10.0.0.0/8\n\nnonsense\n",
	  "list.txt:3: nonsense is not a network" },
	{ POLICY, "10.0.0.0/99\n", "list.txt:1: 10.0.0.0/99 has no good" },
	/* Twins are named where they stand. */
	{ POLICY, "10.0.0.0/8\n\n10.0.0.0/8\n",
	  "list.txt:3: 10.0.0.0/8 is there already, at /" },
	{ POLICY "Networks=10.0.0.0/8\n", "10.0.0.0/8\n",
	  "p.conf:4: 10.0.0.0/8 is there already, at /" },
};

static void test_wrong(void **state)
{
	struct config *c = NULL;
	char errors[2048];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(load(wrong[i].policy, wrong[i].list, &c,
				      errors, sizeof(errors)),
				 -EINVAL);
		if (strncmp(errors, wrong[i].error, strlen(wrong[i].error)))
			fail_msg("%zu: %s", i, errors);
	}
}

static void test_long_line(void **state)
{
	struct config *c = NULL;
	char errors[1024], list[600];

	(void)state;
	memset(list, '1', sizeof(list) - 1);
	list[sizeof(list) - 1] = '\0';
	assert_int_equal(load(POLICY, list, &c, errors, sizeof(errors)),
			 -EINVAL);
	assert_non_null(strstr(errors, "list.txt:1: This line is too long"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_long_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
