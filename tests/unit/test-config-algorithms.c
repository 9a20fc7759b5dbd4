/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The section [Algorithms]: lists, what fills them up, what a policy has of
 * tacit.conf, and every error with its file and line.
 */
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

#include "policy/config.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static char dir[] = "/tmp/tacit-algorithms.XXXXXX";
static const char *const files[] = { "tacit.conf", "tacit.conf.d/1.conf",
				     "policy.d/a.conf", "policy.d/b.conf",
				     "policy.d/x.conf" };

static void path_of(char *buf, size_t size, const char *name)
{
	assert_true((size_t)snprintf(buf, size, "%s/%s", dir, name) < size);
}

static void write_file(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	path_of(path, sizeof(path), name);
	f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void clean(void)
{
	char path[128];

	for (size_t i = 0; i < COUNT(files); i++) {
		path_of(path, sizeof(path), files[i]);
		(void)unlink(path);
	}
}

static int begin(void **state)
{
	char path[128];

	(void)state;
	assert_non_null(mkdtemp(dir));
	path_of(path, sizeof(path), "tacit.conf.d");
	assert_int_equal(mkdir(path, 0700), 0);
	path_of(path, sizeof(path), "policy.d");
	return mkdir(path, 0700);
}

static int end(void **state)
{
	char path[128];

	(void)state;
	clean();
	path_of(path, sizeof(path), "tacit.conf.d");
	(void)rmdir(path);
	path_of(path, sizeof(path), "policy.d");
	(void)rmdir(path);
	return rmdir(dir);
}

static struct config *load(void)
{
	struct config_errors e;
	struct config *c = NULL;

	assert_int_equal(config_load(dir, &c, &e), 0);
	config_errors_done(&e);
	return c;
}

static const struct policy *policy_for(const struct config *c, const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return policy_table_lookup(c->policies, &a);
}

static void check_list(const struct algorithm_list *l, const char *names)
{
	char text[512] = "";

	for (size_t i = 0; i < l->n; i++) {
		strcat(text, i ? " " : "");
		strcat(text, algorithm_name((enum algorithm)l->list[i]));
	}
	assert_string_equal(text, names);
}

/* Lists, what fills them up, and what a policy has of tacit.conf. */
static void test_algorithms(void **state)
{
	struct algorithms defaults;
	const struct policy *p;
	struct config *c;

	(void)state;
	algorithms_init(&defaults);
	c = load();
	assert_memory_equal(&c->algorithms, &defaults, sizeof(defaults));
	assert_memory_equal(&policy_for(c, "10.1.2.3")->algorithms, &defaults,
			    sizeof(defaults));
	config_free(c);
	write_file("tacit.conf",
		   "[Algorithms]\nPropose=x448, X25519 aes-cbc-128\n"
		   "AcceptAnswer=X448\nAccept=P-521\n");
	write_file("tacit.conf.d/1.conf",
		   "[Algorithms]\nAccept=modp-2048 AES-GCM-16-128\n");
	write_file("policy.d/a.conf",
		   "[Policy]\nEncryption=offer\nNetworks=10.1.0.0/16\n"
		   "[Algorithms]\nPropose=SHA2-384 hmac-sha2-256\n");
	write_file("policy.d/b.conf",
		   "[Algorithms]\nAcceptAnswer=X25519\nAccept=X25519\n"
		   "[Policy]\nEncryption=offer\nNetworks=10.2.0.0/16\n");
	c = load();
	check_list(&c->algorithms.propose,
		   "X448 X25519 AES-CBC-128 HMAC-SHA2-256 HMAC-SHA2-512");
	check_list(&c->algorithms.answer,
		   "X448 AES-CBC-128 HMAC-SHA2-256 HMAC-SHA2-512");
	check_list(&c->algorithms.accept,
		   "MODP-2048 AES-GCM-16-128 HMAC-SHA2-256 HMAC-SHA2-384 "
		   "HMAC-SHA2-512");
	p = policy_for(c, "10.1.2.3");
	assert_int_equal(p->line, 1);
	check_list(&p->algorithms.propose,
		   "HMAC-SHA2-384 HMAC-SHA2-256 AES-CBC-128 X448 X25519");
	check_list(&p->algorithms.answer,
		   "HMAC-SHA2-384 HMAC-SHA2-256 AES-CBC-128 X448 X25519");
	assert_memory_equal(&p->algorithms.accept, &c->algorithms.accept,
			    sizeof(p->algorithms.accept));
	p = policy_for(c, "10.2.2.3");
	assert_int_equal(p->line, 4);
	assert_memory_equal(&p->algorithms.propose, &c->algorithms.propose,
			    sizeof(p->algorithms.propose));
	check_list(&p->algorithms.answer,
		   "X25519 AES-CBC-128 HMAC-SHA2-256 HMAC-SHA2-512");
	check_list(&p->algorithms.accept,
		   "X25519 AES-GCM-16-128 HMAC-SHA2-256 HMAC-SHA2-384 "
		   "HMAC-SHA2-512");
	config_free(c);
}

/* One file each: policy.d/x.conf, or tacit.conf when it has no [Policy]. */
static const struct {
	const char *text, *errors;
} bad[] = {
	{ "[Algorithms]\nPropose=AES-GCM-265 X25519\nAccept=3DES SHA1\n",
	  "tacit.conf:2: Propose=AES-GCM-265 X25519: AES-GCM-265 is no "
	  "algorithm: did you mean AES-GCM-256?\n"
	  "tacit.conf:3: Accept=3DES SHA1: 3DES is no algorithm that Tacit "
	  "uses: see tacit.conf(5)\n"
	  "tacit.conf:3: Accept=3DES SHA1: SHA1 is no algorithm that Tacit "
	  "uses: see tacit.conf(5)\n" },
	{ "[Algorithms]\nPropose=\nAccept=X448 P-256 x448\n",
	  "tacit.conf:2: Propose=: name an algorithm, or remove the line\n"
	  "tacit.conf:3: Accept=X448 P-256 x448: x448 is there twice\n" },
	{ "[Algorithms]\n\nAcceptAnswer=P-256 X448\n",
	  "tacit.conf:3: AcceptAnswer= has X448, which is not proposed: add it "
	  "to Propose=, or remove it here\n" },
	{ "[Policy]\nEncryption=offer\nNetworks=10.0.0.0/8\n"
	  "[Algorithms]\nPropose=X25519\nAcceptAnswer=P-256\n",
	  "policy.d/x.conf:6: AcceptAnswer= has P-256, which is not proposed: "
	  "add it to Propose=, or remove it here\n" },
	{ "[Policy]\nEncryption=offer\nNetworks=10.0.0.0/8\n"
	  "[Algorithms]\nPropose=X25519\n[Algorithms]\nPropose=P-256\n",
	  "policy.d/x.conf:6: [Algorithms] is here already, in line 4: a "
	  "second one needs a file of its own\n" },
};

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		char text[1024] = "", line[512];
		struct config_errors e;
		struct config *c;

		clean();
		write_file(strstr(bad[i].text, "[Policy]") ? files[4]
							   : files[0],
			   bad[i].text);
		assert_true(config_load(dir, &c, &e) < 0);
		for (size_t k = 0; k < e.count; k++) {
			config_error_format(&e.list[k], line, sizeof(line));
			/* Without the directory. */
			strcat(text, line + strlen(dir) + 1);
			strcat(text, "\n");
		}
		assert_string_equal(text, bad[i].errors);
		config_errors_done(&e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_algorithms),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
