/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* agent/hooks.c: what is told, in which order, and what is not. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/hooks.h"
#include "util/limits.h"
#include "util/log.h"

static char dir[] = "/tmp/tacit-hooks.XXXXXX";
static sd_event *event;
static struct hooks *hooks;

static void program(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "#!/bin/sh\n%s", text);
	fclose(f);
	assert_int_equal(chmod(path, 0700), 0);
}

static void note(unsigned peer, bool before, bool up, const char *reason)
{
	struct hook_state s = {
		.local = { .family = AF_INET, .bytes = { 10, 0, 0, 1 } },
		.remote = { .family = AF_INET,
			    .bytes = { 10, 1, (uint8_t)(peer >> 8),
				       (uint8_t)peer } },
		.up = up,
		.policy = "p",
		.identity = "",
		.authentication = "null",
		.reason = reason,
	};

	hooks_note(hooks, before, &s);
}

/* What the program has written, after so many lines or ten seconds. */
static const char *told(unsigned lines)
{
	static char text[4096];
	char path[128];
	unsigned found = 0;

	snprintf(path, sizeof(path), "%s/out.txt", dir);
	for (unsigned i = 0; i < 1000 && found < lines; i++) {
		FILE *f;
		size_t n;

		assert_true(sd_event_run(event, 10000) >= 0);
		f = fopen(path, "r");
		if (!f)
			continue;
		n = fread(text, 1, sizeof(text) - 1, f);
		text[n] = '\0';
		fclose(f);
		found = 0;
		for (const char *c = text; *c; c++)
			found += *c == '\n';
	}
	assert_int_equal(found, lines);
	(void)remove(path);
	return text;
}

#define TELL                                                                \
	"echo $TACIT_EVENT $1 $TACIT_PEER \"$TACIT_REASON\" >>\"$(dirname " \
	"$0)\"/out.txt\n"

static void test_coalesced(void **state)
{
	const char *text;

	(void)state;
	note(1, false, true, "");
	note(2, false, true, "");
	note(3, true, false, "dead");
	/* Gone before anybody was told. */
	note(2, true, false, "deleted");
	/* Back again: it is what has changed. */
	note(3, false, true, "");
	/* In whatever order: they are told at once. */
	text = told(2);
	assert_non_null(strstr(text, "up up 10.1.0.1 \n"));
	assert_non_null(strstr(text, "change change 10.1.0.3 \n"));
}

/* The file does not get to a terminal by way of a stranger's words. */
static void test_text(void **state)
{
	(void)state;
	note(1, true, false, "a\nb\x1b[31m");
	assert_string_equal(told(1), "down down 10.1.0.1 a?b?[31m\n");
}

/* One that hangs holds up its own event alone, and a full line loses what
 * comes then. */
static void test_slow(void **state)
{
	char out[128];

	(void)state;
	program("10-slow", "test \"$TACIT_PEER\" != 10.1.0.9 || sleep 1\n");
	note(9, false, true, "");
	note(1, false, true, "");
	assert_string_equal(told(1), "up up 10.1.0.1 \n");
	/* What comes of that peer meanwhile is told after it. */
	note(9, true, false, "deleted");
	assert_string_equal(told(2), "up up 10.1.0.9 \n"
				     "down down 10.1.0.9 deleted\n");
	snprintf(out, sizeof(out), "%s/10-slow", dir);
	(void)remove(out);
	for (unsigned i = 0; i < LIMIT_HOOK_EVENTS + 10; i++)
		note(1000 + i, false, true, "");
	/* Taken back one by one: those beyond were never there. */
	for (unsigned i = 0; i < LIMIT_HOOK_EVENTS; i++)
		note(1000 + i, true, false, "");
	note(2, false, true, "");
	assert_string_equal(told(1), "up up 10.1.0.2 \n");
}

static int setup(void **state)
{
	sigset_t child;

	(void)state;
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	return mkdtemp(dir) && sd_event_new(&event) >= 0 &&
			       hooks_new(event, dir, &hooks) == 0
		       ? 0
		       : -1;
}

static int teardown(void **state)
{
	static const char *const names[] = { "/20-tell", "/left.conf", "" };
	char path[128];

	(void)state;
	hooks_free(hooks);
	sd_event_unref(event);
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s%s", dir, names[i]);
		(void)remove(path);
	}
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_coalesced),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_slow),
	};

	log_open("test-hooks", -1);
	if (setup(NULL) < 0)
		return 1;
	program("20-tell", TELL);
	program("left.conf", TELL);
	return cmocka_run_group_tests(tests, NULL, teardown);
}
