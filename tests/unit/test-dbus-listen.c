/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The own socket as a file: dead ones are replaced, live ones and other files
 * are not touched.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "dbus/listen.h"

struct place {
	char dir[64], path[96];
};

static int begin(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	strcpy(p->dir, "/tmp/tacit-listen-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->path, sizeof(p->path), "%s/agent.sock", p->dir);
	*state = p;
	return 0;
}

static int end(void **state)
{
	struct place *p = *state;

	(void)unlink(p->path);
	assert_int_equal(rmdir(p->dir), 0);
	free(p);
	return 0;
}

static int connect_to(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	strcpy(sa.sun_path, path);
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

static void test_life(void **state)
{
	struct place *p = *state;
	struct dbus_listen l, other = { .fd = -2 };
	struct stat st;
	uid_t uid = (uid_t)-1;
	int fd, client;

	assert_int_equal(dbus_listen_open(p->path, &l), 0);
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0666);
	assert_int_equal(dbus_listen_accept(&l, &uid), -EAGAIN);
	/* In use: neither taken over nor removed. */
	assert_int_equal(dbus_listen_open(p->path, &other), -EADDRINUSE);
	assert_int_equal(other.fd, -2);
	fd = connect_to(p->path);
	assert_true(fd >= 0);
	client = dbus_listen_accept(&l, &uid); /* that of the second open */
	assert_true(client >= 0);
	assert_int_equal(uid, getuid());
	assert_true(fcntl(client, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(client, F_GETFL) & O_NONBLOCK);
	close(client);
	close(fd);
	dbus_listen_close(&l);
	dbus_listen_close(&l);
	assert_int_equal(stat(p->path, &st), -1);
}

static void test_dead(void **state)
{
	struct place *p = *state;
	struct dbus_listen l, next;
	int fd;

	assert_int_equal(dbus_listen_open(p->path, &l), 0);
	close(l.fd); /* as if killed */
	assert_int_equal(connect_to(p->path), -ECONNREFUSED);
	assert_int_equal(dbus_listen_open(p->path, &next), 0);
	fd = connect_to(p->path);
	assert_true(fd >= 0);
	close(fd);
	dbus_listen_close(&next);
}

/* A successor's file is not removed with the old socket. */
static void test_successor(void **state)
{
	struct place *p = *state;
	struct dbus_listen l, next;
	int fd;

	assert_int_equal(dbus_listen_open(p->path, &l), 0);
	assert_int_equal(unlink(p->path), 0);
	assert_int_equal(dbus_listen_open(p->path, &next), 0);
	dbus_listen_close(&l);
	fd = connect_to(p->path);
	assert_true(fd >= 0);
	close(fd);
	dbus_listen_close(&next);
}

static void test_refused(void **state)
{
	struct place *p = *state;
	struct dbus_listen l;
	char path[200];
	int fd;

	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(dbus_listen_open(path, &l), -ENAMETOOLONG);
	assert_int_equal(dbus_listen_open("/nonexistent/agent.sock", &l),
			 -ENOENT);
	fd = open(p->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(dbus_listen_open(p->path, &l), -EEXIST);
	assert_int_equal(unlink(p->path), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_life),
		TEST(test_dead),
		TEST(test_successor),
		TEST(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
