/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * agent/key-command.c with shell scripts: what they are told, what their ends
 * mean, and that neither time nor output is without a bound.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/key-command.h"
#include "util/limits.h"
#include "util/log.h"

#define KEY                                                                    \
	"echo PublicKey=MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4r" \
	"XAxZuE=\n"

struct bench {
	sd_event *event;
	struct key_command *c;
	char path[64];
	unsigned calls;
	int found;
	size_t keys;
	char identity[IKE_IDENTITY_STRLEN];
};

static struct policy policy = { .name = "p",
				.auth = POLICY_AUTH_OFFER,
				.lookup_ms = 1000 };

static void on_answer(void *user, struct handle ticket, int found,
		      struct key_answer *answer)
{
	struct bench *b = user;

	assert_int_equal(ticket.index, 3);
	b->calls++;
	b->found = found;
	assert_true(answer->lifetime_ms > 0);
	if (found < 0)
		return;
	b->keys = answer->keys->n;
	ike_identity_format(&answer->identity, b->identity);
	key_answer_done(answer);
}

static void write_script(struct bench *b, const char *text)
{
	FILE *f = fopen(b->path, "we");

	assert_non_null(f);
	fprintf(f, "#!/bin/sh\n%s", text);
	fclose(f);
	assert_int_equal(chmod(b->path, 0755), 0);
}

static int setup(void **state)
{
	static struct bench b;
	const struct key_command_ops ops = { &b, on_answer };
	int fd;

	log_open("test-key-command", LOG_EMERG);
	memset(&b, 0, sizeof(b));
	strcpy(b.path, "/tmp/tacit-command.XXXXXX");
	fd = mkstemp(b.path);
	assert_true(fd >= 0);
	close(fd);
	assert_true(sd_event_new(&b.event) >= 0);
	assert_int_equal(key_command_new(b.event, b.path, &ops, &b.c), 0);
	*state = &b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	key_command_free(b->c);
	sd_event_unref(b->event);
	return unlink(b->path);
}

static int begin(struct bench *b, const char *identity)
{
	struct key_source s = key_command_source(b->c);
	struct key_question q = { .ticket = { 3, 1 }, .policy = &policy };
	struct key_answer answer;
	uint64_t now;

	assert_true(sd_event_now(b->event, CLOCK_MONOTONIC, &now) >= 0);
	key_question_begin(&q, now / 1000);
	assert_int_equal(addr_parse("192.0.2.1", &q.remote), 0);
	if (identity)
		assert_int_equal(ike_identity_parse(identity, &q.identity), 0);
	return s.find(s.user, &q, &answer);
}

static int run(struct bench *b, const char *script, const char *identity)
{
	write_script(b, script);
	b->calls = 0;
	assert_int_equal(begin(b, identity), -EINPROGRESS);
	while (!b->calls)
		assert_true(sd_event_run(b->event, UINT64_MAX) >= 0);
	assert_int_equal(b->calls, 1);
	return b->found;
}

static void test_ends(void **state)
{
	static const struct {
		const char *script, *identity;
		int found;
		const char *proves;
	} rows[] = {
		{ KEY, NULL, 0, "192.0.2.1" },
		{ KEY, "@h.example", 0, "@h.example" },
		{ "echo Identity=h.example\n" KEY, NULL, 0, "@h.example" },
		{ "echo Identity=h.example\n" KEY, "@H.example", 0,
		  "@h.example" },
		{ "echo Identity=h.example\n" KEY, "@g.example", -EPERM, NULL },
		{ "exit 1\n", NULL, -ENOENT, NULL },
		{ KEY "exit 1\n", NULL, -ENOENT, NULL },
		{ "exit 2\n", NULL, -EPERM, NULL },
		{ KEY "exit 3\n", NULL, -ENETUNREACH, NULL },
		{ "kill -9 $$\n", NULL, -ENETUNREACH, NULL },
		{ "echo nonsense\n", NULL, -ENETUNREACH, NULL },
		{ "", NULL, -ENETUNREACH, NULL },
		/* What it is told, and nothing else. */
		{ "test \"$1 $TACIT_ADDRESS $TACIT_POLICY $#\" = "
		  "'192.0.2.1 192.0.2.1 p 1' || exit 3\n"
		  "test -z \"${TACIT_IDENTITY+x}$SECRET\" || exit 3\n" KEY,
		  NULL, 0, "192.0.2.1" },
		{ "test \"$TACIT_IDENTITY\" = -x@h.example || exit 3\n" KEY,
		  "-x@h.example", 0, "-x@h.example" },
		/* The end counts, not who else holds its output. */
		{ KEY "sleep 60 &\n", NULL, 0, "192.0.2.1" },
	};
	struct bench *b = *state;

	setenv("SECRET", "of the agent's", 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("%s", rows[i].script);
		assert_int_equal(run(b, rows[i].script, rows[i].identity),
				 rows[i].found);
		if (rows[i].proves)
			assert_string_equal(b->identity, rows[i].proves);
	}
}

static void test_bounds(void **state)
{
	struct bench *b = *state;
	time_t begun = time(NULL);

	assert_int_equal(run(b, "while :; do echo \"# $*\"; done\n", NULL),
			 -ENETUNREACH);
	assert_int_equal(run(b, "sleep 60\n" KEY, NULL), -ENETUNREACH);
	assert_true(time(NULL) - begun < 30);
	/* Those that are killed are reaped, and make room again. */
	for (int i = 0; i < 20; i++)
		assert_true(sd_event_run(b->event, 10000) >= 0);
	assert_int_equal(run(b, KEY, NULL), 0);
}

static void test_limit(void **state)
{
	struct bench *b = *state;

	write_script(b, "sleep 60\n");
	for (unsigned i = 0; i < LIMIT_KEY_COMMANDS; i++)
		assert_int_equal(begin(b, NULL), -EINPROGRESS);
	assert_int_equal(begin(b, NULL), -ENETUNREACH);
}

static void test_no_program(void **state)
{
	struct bench *b = *state;

	assert_int_equal(chmod(b->path, 0644), 0);
	assert_int_equal(begin(b, NULL), -ENETUNREACH);
	/* Who is content with anybody asks nobody. */
	policy.auth = POLICY_AUTH_ALLOW;
	assert_int_equal(begin(b, NULL), -ENOENT);
	policy.auth = POLICY_AUTH_OFFER;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_ends),
		TEST(test_bounds),
		TEST(test_limit),
		TEST(test_no_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
