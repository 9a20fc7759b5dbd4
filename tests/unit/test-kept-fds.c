/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is to be kept is kept, under its name, and the next process finds it as
 * it would with systemd. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/kept-fds.h"

static int file(char c)
{
	char path[] = "/tmp/tacit-kept.XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	unlink(path);
	assert_int_equal(pwrite(fd, &c, 1, 0), 1);
	return fd;
}

static bool is_closed(int fd)
{
	return fcntl(fd, F_GETFD) < 0 && errno == EBADF;
}

/* In a child: 0 when it finds these files under these names. */
static int find(const char *contents, const char *names)
{
	char **got = NULL, all[80] = "";
	int n = sd_listen_fds_with_names(0, &got);

	if (n != (int)strlen(contents))
		return 1;
	for (int i = 0; i < n; i++) {
		char c = 0;

		if (pread(SD_LISTEN_FDS_START + i, &c, 1, 0) != 1 ||
		    c != contents[i])
			return 2;
		strcat(all, got[i]);
	}
	return strcmp(all, names) ? 3 : 0;
}

static void assert_passes(const struct kept_fds *k, const char *contents,
			  const char *names)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		kept_fds_pass(k);
		_exit(find(contents, names));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_keep(void **state)
{
	struct kept_fds k = { 0 };
	int a = file('a'), b = file('b'), c = file('c');

	(void)state;
	assert_passes(&k, "", "");
	kept_fds_on_notify(&k, "FDSTORE=1\nFDPOLL=0\nFDNAME=one", a);
	kept_fds_on_notify(&k, "FDNAME=two\nFDSTORE=1", b);
	assert_passes(&k, "ab", "onetwo");
	/* The same name again. */
	kept_fds_on_notify(&k, "FDSTORE=1\nFDNAME=one", c);
	assert_true(is_closed(a));
	assert_passes(&k, "cb", "onetwo");
	kept_fds_on_notify(&k, "FDSTOREREMOVE=1\nFDNAME=one", -1);
	assert_true(is_closed(c));
	assert_passes(&k, "b", "two");
	kept_fds_done(&k);
	assert_true(is_closed(b));
}

/* Nothing stays open that nobody keeps. */
static void test_not_kept(void **state)
{
	static const char *const texts[] = {
		"READY=1",
		"FDSTORE=1",
		"FDSTORE=1\nFDNAME=",
		"FDSTORE=1\nFDNAME=a-name-that-is-too-long",
		"FDNAME=one",
		"FDSTOREREMOVE=1\nFDNAME=one",
	};
	struct kept_fds k = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		int fd = file('x');

		kept_fds_on_notify(&k, texts[i], fd);
		assert_true(is_closed(fd));
	}
	kept_fds_on_notify(&k, "FDSTORE=1\nFDNAME=one", -1);
	assert_passes(&k, "", "");
	for (int i = 0; i <= KEPT_FDS_MOST; i++) {
		char text[32];
		int fd = file('x');

		snprintf(text, sizeof(text), "FDSTORE=1\nFDNAME=%d", i);
		kept_fds_on_notify(&k, text, fd);
		assert_int_equal(is_closed(fd), i == KEPT_FDS_MOST);
	}
	assert_passes(&k, "xxxx", "0123");
	kept_fds_done(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keep),
		cmocka_unit_test(test_not_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
