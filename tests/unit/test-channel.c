/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * util/channel.c over real socket pairs: order, descriptors, wrong sizes, the
 * full queue, wiping, and the two ways to a socket by its path.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/channel.h"
#include "util/limits.h"
#include "util/secret.h"

#define SIZE 64

struct record {
	uint32_t number;
	uint8_t filler[SIZE - 4];
};

struct pair {
	struct channel *a, *b;
	int fds; /* open in this process before */
};

/* Wiping is seen where it happens: the linker sends it through here. */
static struct {
	const char *needle;
	unsigned int found;
} wiped;

void __real_secret_wipe(void *p, size_t len);
void __wrap_secret_wipe(void *p, size_t len);

void __wrap_secret_wipe(void *p, size_t len)
{
	if (wiped.needle && memmem(p, len, wiped.needle, strlen(wiped.needle)))
		wiped.found++;
	__real_secret_wipe(p, len);
}

static int count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static struct pair pair_new(void)
{
	struct pair p = { .fds = count_fds() };
	int sv[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv), 0);
	assert_int_equal(channel_new(sv[0], SIZE, &p.a), 0);
	assert_int_equal(channel_new(sv[1], SIZE, &p.b), 0);
	assert_int_equal(channel_fd(p.a), sv[0]);
	return p;
}

static void pair_done(struct pair *p)
{
	assert_null(channel_free(p->a));
	assert_null(channel_free(p->b));
	assert_int_equal(count_fds(), p->fds);
}

static void send_number(struct channel *c, uint32_t number)
{
	struct record r = { .number = number };

	assert_int_equal(channel_send(c, &r, NULL, 0), 0);
}

static void expect_number(struct channel *c, uint32_t number)
{
	struct record r = { 0 };
	int fds[CHANNEL_FDS_MAX];
	size_t n_fds = 77;

	assert_int_equal(channel_recv(c, &r, fds, &n_fds), 1);
	assert_int_equal(r.number, number);
	assert_int_equal(n_fds, 0);
}

static void expect_nothing(struct channel *c)
{
	struct record r = { .number = 77 };
	int fds[CHANNEL_FDS_MAX];
	size_t n_fds = 77;

	assert_int_equal(channel_recv(c, &r, fds, &n_fds), 0);
	assert_int_equal(r.number, 77);
	assert_int_equal(n_fds, 77);
}

static void test_both_ways(void **state)
{
	struct pair p = pair_new();
	uid_t uid = (uid_t)-1;

	(void)state;
	expect_nothing(p.b);
	for (uint32_t i = 0; i < 5; i++) {
		send_number(p.a, i);
		send_number(p.b, 100 + i);
	}
	for (uint32_t i = 0; i < 5; i++) {
		expect_number(p.b, i);
		expect_number(p.a, 100 + i);
	}
	expect_nothing(p.a);
	expect_nothing(p.b);
	assert_int_equal(channel_peer_uid(p.a, &uid), 0);
	assert_int_equal(uid, geteuid());
	pair_done(&p);
	assert_null(channel_free(NULL));
}

static void test_peer_unknown(void **state)
{
	struct channel *c;
	uid_t uid = 77;
	int fd[2];

	(void)state;
	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	close(fd[1]);
	assert_int_equal(channel_new(fd[0], SIZE, &c), 0);
	assert_int_equal(channel_peer_uid(c, &uid), -ENOTSOCK);
	channel_free(c);
	fd[0] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(channel_new(fd[0], SIZE, &c), 0);
	assert_int_equal(channel_peer_uid(c, &uid), -ENODATA);
	assert_int_equal(uid, 77);
	channel_free(c);
}

/* More than the socket takes: the rest waits, in order, and goes out as the
 * other side reads. */
static void test_queue(void **state)
{
	struct pair p = pair_new();
	uint32_t sent = 0, got = 0;

	(void)state;
	assert_false(channel_wants_out(p.a));
	while (!channel_wants_out(p.a))
		send_number(p.a, sent++);
	for (int i = 0; i < 100; i++)
		send_number(p.a, sent++);
	assert_int_equal(channel_flush(p.a), 0);
	assert_true(channel_wants_out(p.a));
	while (got < sent) {
		expect_number(p.b, got++);
		/* Nothing may overtake what waits. */
		if (got == 3)
			send_number(p.a, sent++);
		assert_int_equal(channel_flush(p.a), 0);
	}
	assert_false(channel_wants_out(p.a));
	expect_nothing(p.b);
	pair_done(&p);
}

static void test_queue_full(void **state)
{
	struct pair p = pair_new();
	struct record r = { 0 };
	uint32_t sent = 0, got = 0, queued = 0;

	(void)state;
	while (!channel_wants_out(p.a)) {
		r.number = sent++;
		assert_int_equal(channel_send(p.a, &r, NULL, 0), 0);
	}
	for (queued = 1; queued < LIMIT_RECORD_QUEUE; queued++) {
		r.number = sent++;
		assert_int_equal(channel_send(p.a, &r, NULL, 0), 0);
	}
	assert_int_equal(channel_send(p.a, &r, NULL, 0), -ENOBUFS);
	/* The link is dead, stays so, and keeps nothing. */
	assert_false(channel_wants_out(p.a));
	assert_int_equal(channel_send(p.a, &r, NULL, 0), -ENOBUFS);
	assert_int_equal(channel_flush(p.a), -ENOBUFS);
	assert_int_equal(channel_recv(p.a, &r, NULL, NULL), -ENOBUFS);
	/* The other side gets what the socket had taken, then the end. */
	for (got = 0; got < sent - LIMIT_RECORD_QUEUE; got++)
		expect_number(p.b, got);
	assert_int_equal(channel_recv(p.b, &r, NULL, NULL), -EPIPE);
	pair_done(&p);
}

static void test_closed(void **state)
{
	struct pair p = pair_new();
	struct record r = { .number = 1 };

	(void)state;
	send_number(p.a, 1);
	p.a = channel_free(p.a);
	expect_number(p.b, 1);
	assert_int_equal(channel_recv(p.b, &r, NULL, NULL), -EPIPE);
	assert_int_equal(channel_recv(p.b, &r, NULL, NULL), -EPIPE);
	assert_int_equal(channel_send(p.b, &r, NULL, 0), -EPIPE);
	pair_done(&p);
}

/* Closed with records unread: the kernel says ECONNRESET, we EPIPE. */
static void test_reset(void **state)
{
	struct pair p = pair_new();
	struct record r = { .number = 1 };

	(void)state;
	send_number(p.a, 1);
	p.b = channel_free(p.b);
	assert_int_equal(channel_recv(p.a, &r, NULL, NULL), -EPIPE);
	assert_int_equal(channel_send(p.a, &r, NULL, 0), -EPIPE);
	pair_done(&p);

	p = pair_new();
	p.b = channel_free(p.b);
	assert_int_equal(channel_send(p.a, &r, NULL, 0), -EPIPE);
	pair_done(&p);
}

/* A queue that waits when the other side goes away. */
static void test_closed_with_queue(void **state)
{
	struct pair p = pair_new();
	uint32_t sent = 0;

	(void)state;
	while (!channel_wants_out(p.a))
		send_number(p.a, sent++);
	p.b = channel_free(p.b);
	assert_int_equal(channel_flush(p.a), -EPIPE);
	assert_false(channel_wants_out(p.a));
	pair_done(&p);
}

static void send_raw(struct channel *c, size_t len, const int *fds,
		     size_t n_fds)
{
	uint8_t data[2 * SIZE], control[CMSG_SPACE(32 * sizeof(int))];
	struct iovec iov = { data, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *h;

	memset(data, 0xa5, sizeof(data));
	memset(control, 0, sizeof(control));
	if (n_fds) {
		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		h = CMSG_FIRSTHDR(&msg);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(h), fds, n_fds * sizeof(int));
	}
	assert_int_equal(sendmsg(channel_fd(c), &msg, 0), len);
}

static void test_wrong_size(void **state)
{
	static const size_t sizes[] = { 1, SIZE - 1, SIZE + 1, 2 * SIZE };
	static const struct record zero;
	struct pair p = pair_new();
	int fd = STDIN_FILENO, fds[CHANNEL_FDS_MAX];
	struct record r;
	size_t n_fds = 77;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		int before = count_fds();

		memset(&r, 0x77, sizeof(r));
		send_raw(p.a, sizes[i], &fd, i % 2);
		assert_int_equal(channel_recv(p.b, &r, fds, &n_fds), -EBADMSG);
		assert_int_equal(n_fds, 77);
		assert_memory_equal(&r, &zero, sizeof(r));
		assert_int_equal(count_fds(), before);
	}
	/* The link goes on. */
	send_number(p.a, 9);
	expect_number(p.b, 9);
	/* An empty record ends it. */
	send_raw(p.a, 0, &fd, 1);
	assert_int_equal(channel_recv(p.b, &r, fds, &n_fds), -EPIPE);
	pair_done(&p);
}

static void check_is_pipe(int fd, int other)
{
	char c = 0;

	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(read(other, &c, 1), 1);
	assert_int_equal(c, 'x');
}

static void test_descriptors(void **state)
{
	static const size_t counts[] = { 1, 2, CHANNEL_FDS_MAX };
	struct pair p = pair_new();
	int ends[2], give[CHANNEL_FDS_MAX + 1], got[CHANNEL_FDS_MAX];
	struct record r = { .number = 5 };
	size_t n;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	for (size_t i = 0; i <= CHANNEL_FDS_MAX; i++)
		give[i] = ends[1];
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		assert_int_equal(channel_send(p.a, &r, give, counts[i]), 0);
		assert_int_equal(channel_recv(p.b, &r, got, &n), 1);
		assert_int_equal(n, counts[i]);
		while (n--) {
			check_is_pipe(got[n], ends[0]);
			close(got[n]);
		}
	}
	/* Too many is the caller's mistake; the link lives. */
	assert_int_equal(channel_send(p.a, &r, give, CHANNEL_FDS_MAX + 1),
			 -EINVAL);
	send_number(p.a, 6);
	expect_number(p.b, 6);
	close(ends[0]);
	close(ends[1]);
	pair_done(&p);
}

static void test_descriptors_unwanted(void **state)
{
	struct pair p = pair_new();
	int fds[32], got[CHANNEL_FDS_MAX], before = count_fds();
	struct record r;
	size_t n = 77;

	(void)state;
	for (size_t i = 0; i < 32; i++)
		fds[i] = STDIN_FILENO;
	send_raw(p.a, SIZE, fds, 1);
	assert_int_equal(channel_recv(p.b, &r, NULL, NULL), -EBADMSG);
	send_raw(p.a, SIZE, fds, CHANNEL_FDS_MAX + 1);
	assert_int_equal(channel_recv(p.b, &r, got, &n), -EBADMSG);
	send_raw(p.a, SIZE, fds, 32);
	assert_int_equal(channel_recv(p.b, &r, got, &n), -EBADMSG);
	assert_int_equal(n, 77);
	assert_int_equal(count_fds(), before);
	pair_done(&p);
}

/* The queue keeps its own: the caller may close at once. */
static void test_descriptors_in_queue(void **state)
{
	struct pair p = pair_new();
	struct record r = { .number = 0xfd };
	int ends[2], got[CHANNEL_FDS_MAX];
	uint32_t sent = 0;
	size_t n;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	while (!channel_wants_out(p.a))
		send_number(p.a, sent++);
	assert_int_equal(channel_send(p.a, &r, &ends[1], 1), 0);
	close(ends[1]);
	for (uint32_t i = 0; i < sent; i++) {
		expect_number(p.b, i);
		assert_int_equal(channel_flush(p.a), 0);
	}
	assert_int_equal(channel_recv(p.b, &r, got, &n), 1);
	assert_int_equal(r.number, 0xfd);
	assert_int_equal(n, 1);
	check_is_pipe(got[0], ends[0]);
	close(got[0]);
	close(ends[0]);
	/* And what is never sent is closed with the channel. */
	while (!channel_wants_out(p.a))
		send_number(p.a, 0);
	assert_int_equal(channel_send(p.a, &r, &(int){ STDIN_FILENO }, 1), 0);
	pair_done(&p);
}

static void test_wipes(void **state)
{
	struct pair p = pair_new();
	struct record r = { .filler = "a very secret key" };
	uint32_t sent = 0;

	(void)state;
	wiped.found = 0;
	wiped.needle = "a very secret key";
	while (!channel_wants_out(p.a))
		send_number(p.a, sent++);
	assert_int_equal(channel_send(p.a, &r, NULL, 0), 0);
	assert_int_equal(channel_send(p.a, &r, NULL, 0), 0);
	assert_int_equal(wiped.found, 0);
	/* These two go out, another one dies with the channel. The last number
	 * waits in front of them. */
	for (uint32_t i = 0; i < sent - 1; i++)
		expect_number(p.b, i);
	assert_int_equal(channel_flush(p.a), 0);
	assert_int_equal(wiped.found, 2);
	while (!channel_wants_out(p.a))
		send_number(p.a, 0);
	assert_int_equal(channel_send(p.a, &r, NULL, 0), 0);
	p.a = channel_free(p.a);
	assert_int_equal(wiped.found, 3);
	wiped.needle = NULL;
	pair_done(&p);
}

/* --- by path ------------------------------------------------------------ */

static struct {
	char dir[64], path[128];
} place;

static int place_new(void **state)
{
	(void)state;
	strcpy(place.dir, "/tmp/test-channel-XXXXXX");
	if (!mkdtemp(place.dir))
		return -1;
	snprintf(place.path, sizeof(place.path), "%s/socket", place.dir);
	return 0;
}

static int place_done(void **state)
{
	(void)state;
	unlink(place.path);
	return rmdir(place.dir);
}

static void test_listen(void **state)
{
	struct channel *a, *b;
	int listening, fd;
	struct stat st;
	mode_t mask = umask(0);

	(void)state;
	assert_int_equal(channel_connect(place.path), -ENOENT);
	listening = channel_listen(place.path);
	umask(mask);
	assert_true(listening >= 0);
	assert_true(fcntl(listening, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(stat(place.path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);

	fd = channel_connect(place.path);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(channel_new(fd, SIZE, &a), 0);
	fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(channel_new(fd, SIZE, &b), 0);
	send_number(a, 1);
	expect_number(b, 1);
	expect_nothing(b);
	channel_free(a);
	channel_free(b);

	/* It is alive. */
	assert_int_equal(channel_listen(place.path), -EADDRINUSE);
	/* The attempts left a connection or two: it is still there. */
	assert_int_equal(stat(place.path, &st), 0);
	close(listening);

	/* Now it is dead: refused, and replaced. */
	assert_int_equal(channel_connect(place.path), -ECONNREFUSED);
	listening = channel_listen(place.path);
	assert_true(listening >= 0);
	close(listening);
}

/* Nobody accepts: the connection never blocks. */
static void test_backlog(void **state)
{
	int listening = channel_listen(place.path);
	int fds[LIMIT_CHANNEL_BACKLOG + 2], n = 0;

	(void)state;
	assert_true(listening >= 0);
	while (n < LIMIT_CHANNEL_BACKLOG + 2) {
		fds[n] = channel_connect(place.path);
		if (fds[n] < 0)
			break;
		n++;
	}
	assert_int_equal(n, LIMIT_CHANNEL_BACKLOG + 1);
	assert_int_equal(fds[n], -EAGAIN);
	/* Full, but alive. */
	assert_int_equal(channel_listen(place.path), -EADDRINUSE);
	while (n--)
		close(fds[n]);
	close(listening);
}

/* Only a dead socket is removed, nothing else. */
static void test_listen_spares_files(void **state)
{
	char target[160];
	struct stat st;
	int fd;

	(void)state;
	fd = open(place.path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	assert_int_equal(channel_listen(place.path), -EADDRINUSE);
	assert_int_equal(stat(place.path, &st), 0);
	unlink(place.path);
	snprintf(target, sizeof(target), "%s-target", place.dir);
	assert_int_equal(symlink(target, place.path), 0);
	assert_int_equal(channel_listen(place.path), -EADDRINUSE);
	assert_int_equal(lstat(target, &st), -1);
	/* A socket of another type is alive, too. */
	unlink(place.path);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	strcpy(sun.sun_path, place.path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(channel_listen(place.path), -EADDRINUSE);
	close(fd);
}

static void test_bad_paths(void **state)
{
	char path[200];

	(void)state;
	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(channel_listen(path), -ENAMETOOLONG);
	assert_int_equal(channel_connect(path), -ENAMETOOLONG);
	assert_int_equal(channel_listen(""), -EINVAL);
	assert_int_equal(channel_connect(""), -EINVAL);
	snprintf(path, sizeof(path), "%s/no/socket", place.dir);
	assert_int_equal(channel_listen(path), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways),
		cmocka_unit_test(test_peer_unknown),
		cmocka_unit_test(test_queue),
		cmocka_unit_test(test_queue_full),
		cmocka_unit_test(test_closed),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_closed_with_queue),
		cmocka_unit_test(test_wrong_size),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_descriptors_unwanted),
		cmocka_unit_test(test_descriptors_in_queue),
		cmocka_unit_test(test_wipes),
		cmocka_unit_test_setup_teardown(test_listen, place_new,
						place_done),
		cmocka_unit_test_setup_teardown(test_backlog, place_new,
						place_done),
		cmocka_unit_test_setup_teardown(test_listen_spares_files,
						place_new, place_done),
		cmocka_unit_test_setup_teardown(test_bad_paths, place_new,
						place_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
