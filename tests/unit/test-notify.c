/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is said arrives; who does not listen does not keep us. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/notify.h"

/* An abstract socket, as the supervisor's; the name goes to the environment. */
static int listen_here(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(sa);
	char name[sizeof(sa.sun_path) + 1];
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa_family_t)),
			 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	snprintf(name, sizeof(name), "@%.*s",
		 (int)(len - offsetof(struct sockaddr_un, sun_path) - 1),
		 sa.sun_path + 1);
	setenv("NOTIFY_SOCKET", name, 1);
	return fd;
}

static void test_say(void **state)
{
	char text[64] = "";
	int fd = listen_here();

	(void)state;
	notify_say("STATUS=here");
	assert_int_equal(recv(fd, text, sizeof(text), 0), 11);
	assert_memory_equal(text, "STATUS=here", 11);
	close(fd);
	/* Nobody there, or nobody asked for. */
	notify_say("STATUS=gone");
	setenv("NOTIFY_SOCKET", "", 1);
	notify_say("STATUS=gone");
	unsetenv("NOTIFY_SOCKET");
	notify_say("STATUS=gone");
}

static void test_keep(void **state)
{
	char text[64] = "", control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { text, sizeof(text) - 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	int fd = listen_here(), got;

	(void)state;
	assert_true(notify_keep("here", fd));
	assert_true(recvmsg(fd, &msg, 0) > 0);
	assert_string_equal(text, "FDSTORE=1\nFDPOLL=0\nFDNAME=here");
	assert_non_null(CMSG_FIRSTHDR(&msg));
	memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(got));
	assert_true(got != fd && got > 2);
	close(got);
	close(fd);
	assert_false(notify_keep("gone", 2));
	unsetenv("NOTIFY_SOCKET");
	assert_false(notify_keep("gone", 2));
}

/* More than any queue holds: it would stand still for ever here. */
static void test_full(void **state)
{
	int fd = listen_here(), n = 0;
	char text[64];

	(void)state;
	for (int i = 0; i < 20000; i++)
		notify_say("WATCHDOG=1");
	notify_say("READY=1");
	while (recv(fd, text, sizeof(text), 0) > 0)
		n++;
	assert_in_range(n, 1, 19999);
	close(fd);
	unsetenv("NOTIFY_SOCKET");
}

static void test_watchdog(void **state)
{
	int fd = listen_here(), n = 0;
	sd_event *event = NULL;
	char text[64];

	(void)state;
	assert_true(sd_event_new(&event) >= 0);
	setenv("WATCHDOG_USEC", "30000", 1);
	assert_int_equal(notify_watchdog(event), 0);
	for (int i = 0; i < 3; i++)
		assert_true(sd_event_run(event, 10000000) > 0);
	while (recv(fd, text, sizeof(text), 0) == 10)
		n++;
	assert_int_equal(n, 3);
	/* And not before its time. */
	assert_int_equal(sd_event_run(event, 0), 0);
	sd_event_unref(event);
	unsetenv("WATCHDOG_USEC");
	close(fd);
	assert_true(sd_event_new(&event) >= 0);
	assert_int_equal(notify_watchdog(event), 0);
	assert_int_equal(sd_event_run(event, 0), 0);
	sd_event_unref(event);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_say),
		cmocka_unit_test(test_keep),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_watchdog),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
