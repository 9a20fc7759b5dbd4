/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A helper's socket: made here, taken over from systemd, refused. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/helper-socket.h"
#include "util/channel.h"
#include "util/exitcode.h"

static char dir[] = "/tmp/test-helper-socket.XXXXXX";

static const char *in_dir(const char *name)
{
	static char path[64];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void test_made(void **state)
{
	char runtime[64];
	struct stat st;
	int fd = -1, other = -1;
	mode_t before = umask(0077);
	uid_t agent;

	(void)state;
	snprintf(runtime, sizeof(runtime), "%s", in_dir("run"));
	assert_int_equal(helper_socket("me.sock", runtime, &fd, &agent),
			 EXIT_OK);
	umask(before);
	assert_true(fd >= 0);
	assert_int_equal(stat(runtime, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(stat(in_dir("run/me.sock"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(helper_socket("me.sock", runtime, &other, &agent),
			 EXIT_ALREADY_RUNNING);
	assert_int_equal(other, -1);
	close(fd);
	/* What a dead one has left is in nobody's way. */
	assert_int_equal(helper_socket("me.sock", runtime, &fd, &agent),
			 EXIT_OK);
	close(fd);
	unlink(in_dir("run/me.sock"));
	rmdir(in_dir("run"));
}

static void test_refused(void **state)
{
	char name[256];
	int fd = -1;
	uid_t agent = 4711;

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(helper_socket(name, dir, &fd, &agent), EXIT_USAGE);
	assert_int_equal(helper_socket("x", "/proc/self/none", &fd, &agent),
			 EXIT_FAILED);
	assert_int_equal(fd, -1);
	assert_int_equal(agent, 4711);
}

static int listening(int type, const char *path, int number)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type, 0);

	strcpy(sa.sun_path, path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    listen(fd, 1) < 0 || dup2(fd, number) != number)
		return -1;
	close(fd);
	return 0;
}

/* In a child: what systemd hands over has numbers of its own. */
static int take_over(int type, const char *name)
{
	int fd = -1, code;
	char pid[16], other[64];
	uid_t agent;

	snprintf(other, sizeof(other), "%s", in_dir("other.sock"));
	if (listening(SOCK_SEQPACKET, other, 20) < 0 ||
	    listening(type, in_dir("me.sock"), 21) < 0 || dup2(20, 3) != 3 ||
	    dup2(21, 4) != 4)
		return 100;
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "2", 1);
	code = helper_socket(name, dir, &fd, &agent);
	if (code != EXIT_OK)
		return code;
	return fd != 4 ? 101 : fcntl(fd, F_GETFL) & O_NONBLOCK ? 0 : 102;
}

static void check_take_over(int type, const char *name, int expected)
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(take_over(type, name));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), expected);
	unlink(in_dir("me.sock"));
	unlink(in_dir("other.sock"));
	unlink(in_dir("third.sock"));
}

static void test_taken_over(void **state)
{
	(void)state;
	check_take_over(SOCK_SEQPACKET, "me.sock", 0);
	/* Not one of ours, and in the place of it; and none. */
	check_take_over(SOCK_STREAM, "me.sock", EXIT_ALREADY_RUNNING);
	check_take_over(SOCK_SEQPACKET, "third.sock", 101);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_made),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_taken_over),
	};
	int failed;

	if (!mkdtemp(dir))
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(dir);
	return failed;
}
