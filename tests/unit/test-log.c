/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * util/log.c as it is seen: through a pipe, on a terminal, in the journal.
 * Failures are told only after standard error is back in its place.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <termios.h>
#include <unistd.h>

#include "util/limits.h"
#include "util/log.h"

static struct {
	int saved, read_end;
	char text[65536];
} capture;

static void capture_fd(int read_end, int write_end)
{
	capture.saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
	capture.read_end = read_end;
	dup2(write_end, STDERR_FILENO);
	close(write_end);
}

static void capture_pipe(int level)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	capture_fd(ends[0], ends[1]);
	log_open("prog", level);
}

/* What was written. Standard error goes back first, which closes the last
 * writing end, so that reading to the end misses nothing: a terminal hands
 * on what was written to it a little later. */
static const char *captured(void)
{
	size_t len = 0;
	ssize_t n;

	dup2(capture.saved, STDERR_FILENO);
	close(capture.saved);
	while ((n = read(capture.read_end, capture.text + len,
			 sizeof(capture.text) - 1 - len)) > 0)
		len += (size_t)n;
	close(capture.read_end);
	capture.text[len] = '\0';
	return capture.text;
}

/* A peer may have a level of its own, and only its lines have it. */
static void test_peer_level(void **state)
{
	struct addr peer, other;
	struct log_fields about = { .peer = &peer };
	struct log_fields else_ = { .peer = &other };
	const char *text;

	(void)state;
	assert_int_equal(addr_parse("192.0.2.7", &peer), 0);
	assert_int_equal(addr_parse("192.0.2.8", &other), 0);
	capture_pipe(LOG_NOTICE);
	log_set_peer(&peer, LOG_DEBUG);
	log_full(LOG_DEBUG, &about, "one");
	log_full(LOG_DEBUG, &else_, "two");
	log_full(LOG_DEBUG, NULL, "three");
	log_full(LOG_NOTICE, &else_, "four");
	log_set_peer(NULL, 0);
	log_full(LOG_DEBUG, &about, "five");
	text = captured();
	assert_string_equal(text, "<7>prog: one peer=192.0.2.7\n"
				  "<5>prog: four peer=192.0.2.8\n");
	assert_int_equal(log_level(), LOG_NOTICE);
}

static void test_levels(void **state)
{
	static const struct {
		int level;
		const char *text;
	} rows[] = {
		{ LOG_EMERG, "" },
		{ LOG_ERR, "<3>prog: e 1\n" },
		{ LOG_WARNING, "<3>prog: e 1\n<4>prog: w 2\n" },
		{ LOG_NOTICE, "<3>prog: e 1\n<4>prog: w 2\n<5>prog: n 3\n" },
		{ LOG_INFO, "<3>prog: e 1\n<4>prog: w 2\n<5>prog: n 3\n"
			    "<6>prog: i 4\n" },
		{ LOG_DEBUG, "<3>prog: e 1\n<4>prog: w 2\n<5>prog: n 3\n"
			     "<6>prog: i 4\n<7>prog: d 5\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		/* By either way of setting it. */
		capture_pipe(i % 2 ? rows[i].level : LOG_DEBUG);
		log_set_level(rows[i].level);
		log_error("e %d", 1);
		log_warning("w %d", 2);
		log_notice("n %d", 3);
		log_info("i %d", 4);
		log_debug("d %d", 5);
		assert_string_equal(captured(), rows[i].text);
		assert_int_equal(log_level(), rows[i].level);
	}
}

static void test_fields(void **state)
{
	struct addr peer;

	(void)state;
	assert_int_equal(addr_parse("2001:db8::1", &peer), 0);
	capture_pipe(LOG_INFO);
	log_full(LOG_INFO, &(struct log_fields){ &peer, "office", "SECURED" },
		 "up");
	log_full(LOG_INFO, &(struct log_fields){ .policy = "x\ny" }, "up");
	log_full(LOG_INFO, &(struct log_fields){ 0 }, "up");
	assert_string_equal(captured(),
			    "<6>prog: up peer=2001:db8::1 policy=office "
			    "state=SECURED\n"
			    "<6>prog: up policy=x?y\n"
			    "<6>prog: up\n");
}

/* What a stranger sends can neither forge a line nor command a terminal. */
static void test_clean(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "a\nb", "a?b" },
		{ "a\r\tb", "a??b" },
		{ "\033[2Jx", "?[2Jx" },
		{ "\177", "?" },
		{ "\302\233x", "??x" },
		{ "\302\240x", "\302\240x" },
		{ "gr\303\274n", "gr\303\274n" },
		{ "\302", "\302" },
		{ "%n%s", "%n%s" },
		{ "", "" },
	};
	char want[64];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		capture_pipe(LOG_INFO);
		log_info("%s", rows[i].in);
		snprintf(want, sizeof(want), "<6>prog: %s\n", rows[i].out);
		assert_string_equal(captured(), want);
	}
}

/* Too long: cut, said so, and still one line. */
static void test_long(void **state)
{
	static const size_t lens[] = { LIMIT_LOG_MESSAGE - 1, LIMIT_LOG_MESSAGE,
				       60000 };
	static char text[60001], policy[60001];
	const char *got;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	memset(policy, 'p', sizeof(policy) - 1);
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		struct log_limit limit = { .suppressed = UINT32_MAX };
		struct log_fields f = { .policy = policy, .state = policy };

		capture_pipe(LOG_INFO);
		log_limited(&limit, 1, LOG_INFO, &f, "%.*s", (int)lens[i],
			    text);
		got = captured();
		assert_ptr_equal(strchr(got, '\n'), got + strlen(got) - 1);
		assert_in_range(strlen(got), LIMIT_LOG_MESSAGE, 4096);
		assert_int_equal(strstr(got, "xxx... (") != NULL, i > 0);
		assert_non_null(strstr(got, " (4294967295 more left out)"));
	}
}

static void test_errno(void **state)
{
	(void)state;
	capture_pipe(LOG_INFO);
	errno = ENOENT;
	log_error("%m");
	log_error("%m");
	assert_int_equal(errno, ENOENT);
	assert_string_equal(captured(), "<3>prog: No such file or directory\n"
					"<3>prog: No such file or directory\n");
}

static unsigned int count(const char *text, const char *what)
{
	unsigned int n = 0;

	while ((text = strstr(text, what))) {
		n++;
		text++;
	}
	return n;
}

static void test_limited(void **state)
{
	struct log_limit limit = { 0 };
	const char *text;

	(void)state;
	capture_pipe(LOG_INFO);
	/* What the level leaves out costs nothing. */
	for (int i = 0; i < 1000; i++)
		log_limited(&limit, 1000, LOG_DEBUG, NULL, "quiet");
	for (int i = 0; i < 1000; i++)
		log_limited(&limit, 1000, LOG_INFO, NULL, "burst");
	log_limited(&limit, 2000, LOG_INFO, NULL, "later");
	log_limited(&limit, 2000, LOG_INFO, NULL, "again");
	text = captured();
	assert_int_equal(count(text, "quiet"), 0);
	assert_int_equal(count(text, "burst\n"), LIMIT_LOG_BURST);
	assert_non_null(strstr(text, "<6>prog: later (990 more left out)\n"
				     "<6>prog: again\n"));
	assert_int_equal(limit.suppressed, 0);
}

/* Asked first, lines are the same ones, and counted once. */
static void test_wanted(void **state)
{
	struct log_limit limit = { 0 };
	const char *text;

	(void)state;
	capture_pipe(LOG_INFO);
	assert_false(log_limited_wanted(&limit, 1000, LOG_DEBUG, NULL));
	for (int i = 0; i < 1000; i++)
		if (log_limited_wanted(&limit, 1000, LOG_INFO, NULL))
			log_limited(&limit, 1000, LOG_INFO, NULL, "burst");
	assert_true(log_limited_wanted(&limit, 2000, LOG_INFO, NULL));
	log_limited(&limit, 2000, LOG_INFO, NULL, "later");
	text = captured();
	assert_int_equal(count(text, "burst\n"), LIMIT_LOG_BURST);
	assert_non_null(strstr(text, "<6>prog: later (990 more left out)\n"));
}

/* Two buckets know nothing of each other. */
static void test_limits_apart(void **state)
{
	struct log_limit a = { 0 }, b = { 0 };

	(void)state;
	capture_pipe(LOG_INFO);
	for (int i = 0; i < 100; i++)
		log_limited(&a, 1, LOG_INFO, NULL, "a");
	log_limited(&b, 1, LOG_INFO, NULL, "b");
	assert_int_equal(count(captured(), "prog: b\n"), 1);
}

/* No reader at the other end, or no end at all: nothing happens. */
static void test_unwritable(void **state)
{
	int ends[2], full, gone;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	while (write(ends[1], "x", 1) == 1)
		;
	capture_fd(ends[0], ends[1]);
	log_open("prog", LOG_INFO);
	errno = ENOENT;
	log_info("lost");
	full = errno;
	close(STDERR_FILENO);
	log_open("prog", LOG_INFO);
	errno = ENOENT;
	log_info("lost");
	gone = errno;
	captured();
	assert_int_equal(full, ENOENT);
	assert_int_equal(gone, ENOENT);
}

static bool capture_terminal(int level)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave;
	struct termios raw;

	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0)
		return false;
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0 || tcgetattr(slave, &raw) < 0)
		return false;
	cfmakeraw(&raw);
	tcsetattr(slave, TCSANOW, &raw);
	capture_fd(master, slave);
	log_open("prog", level);
	return true;
}

static void test_terminal(void **state)
{
	(void)state;
	unsetenv("NO_COLOR");
	if (!capture_terminal(LOG_INFO))
		skip();
	log_error("e");
	log_warning("w");
	log_notice("n");
	log_info("i");
	assert_string_equal(captured(), "prog: \033[31me\033[0m\n"
					"prog: \033[33mw\033[0m\n"
					"prog: n\nprog: i\n");

	setenv("NO_COLOR", "1", 1);
	assert_true(capture_terminal(LOG_INFO));
	log_error("e");
	assert_string_equal(captured(), "prog: e\n");
	unsetenv("NO_COLOR");
}

/* --- the journal -------------------------------------------------------- */

static struct {
	char text[4096];
	unsigned int calls;
	int result;
} journal;

int __wrap_sd_journal_sendv(const struct iovec *iov, int n);

int __wrap_sd_journal_sendv(const struct iovec *iov, int n)
{
	size_t len = 0;

	for (int i = 0; i < n; i++)
		len += (size_t)snprintf(
			journal.text + len, sizeof(journal.text) - len, "%.*s|",
			(int)iov[i].iov_len, (char *)iov[i].iov_base);
	journal.calls++;
	return journal.result;
}

/* Standard error is a pipe that JOURNAL_STREAM calls the journal's. */
static void capture_journal(long long ino_offset, const char *tail)
{
	struct stat st;
	char text[64];

	journal.calls = 0;
	journal.text[0] = '\0';
	capture_pipe(LOG_INFO);
	fstat(STDERR_FILENO, &st);
	snprintf(text, sizeof(text), "%llu:%llu%s",
		 (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino + (unsigned long long)ino_offset,
		 tail);
	setenv("JOURNAL_STREAM", text, 1);
	log_open("prog", LOG_INFO);
	unsetenv("JOURNAL_STREAM");
}

static void test_journal(void **state)
{
	struct addr peer;

	(void)state;
	assert_int_equal(addr_parse("10.0.0.1", &peer), 0);
	capture_journal(0, "");
	journal.result = 0;
	log_full(LOG_WARNING,
		 &(struct log_fields){ &peer, "office", "BLOCKED" }, "a\nb");
	log_debug("not this");
	log_info("plain");
	assert_string_equal(captured(), "");
	assert_int_equal(journal.calls, 2);
	assert_string_equal(journal.text,
			    "MESSAGE=plain|PRIORITY=6|SYSLOG_IDENTIFIER=prog|");

	capture_journal(0, "");
	log_full(LOG_WARNING,
		 &(struct log_fields){ &peer, "office", "BLOCKED" }, "a\nb");
	captured();
	assert_string_equal(journal.text,
			    "MESSAGE=a?b|PRIORITY=4|SYSLOG_IDENTIFIER=prog|"
			    "TACIT_PEER=10.0.0.1|TACIT_POLICY=office|"
			    "TACIT_STATE=BLOCKED|");
}

/* The journal does not take it: the line goes the other way. */
static void test_journal_fails(void **state)
{
	(void)state;
	capture_journal(0, "");
	journal.result = -EPERM;
	log_warning("w");
	journal.result = 0;
	assert_string_equal(captured(), "<4>prog: w\n");
}

/* The variable is of another stream, or broken. */
static void test_not_the_journal(void **state)
{
	static const struct {
		long long offset;
		const char *tail;
	} rows[] = { { 1, "" }, { 0, "x" }, { 0, ":1" }, { 0, "0" } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		capture_journal(rows[i].offset, rows[i].tail);
		log_warning("w");
		assert_string_equal(captured(), "<4>prog: w\n");
		assert_int_equal(journal.calls, 0);
	}
	static const char *const values[] = { "", ":", "1", "1:", ":1", "x:y" };
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		setenv("JOURNAL_STREAM", values[i], 1);
		capture_pipe(LOG_INFO);
		log_warning("w");
		assert_string_equal(captured(), "<4>prog: w\n");
	}
	unsetenv("JOURNAL_STREAM");
	assert_int_equal(journal.calls, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_peer_level),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_errno),
		cmocka_unit_test(test_limited),
		cmocka_unit_test(test_wanted),
		cmocka_unit_test(test_limits_apart),
		cmocka_unit_test(test_unwritable),
		cmocka_unit_test(test_terminal),
		cmocka_unit_test(test_journal),
		cmocka_unit_test(test_journal_fails),
		cmocka_unit_test(test_not_the_journal),
	};

	unsetenv("JOURNAL_STREAM");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
