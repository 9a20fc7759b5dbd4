/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One datagram a message, from a socket of its own that does not block.
 */
#include "agent/notify.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#define ONCE_WAIT_MS 200

/* A socket to whoever listens, or -1. */
static int notify_open(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	size_t len = path ? strlen(path) : 0;
	int fd;

	if (len < 2 || len >= sizeof(sa.sun_path) ||
	    (path[0] != '/' && path[0] != '@'))
		return -1;
	memcpy(sa.sun_path, path, len);
	if (path[0] == '@')
		sa.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	len += offsetof(struct sockaddr_un, sun_path);
	if (connect(fd, (const struct sockaddr *)&sa, (socklen_t)len) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Text, and a socket to go with it or -1. What is said only once, `worth` it,
 * waits a moment for room. */
static bool notify_send(const char *text, int with, bool worth)
{
	union {
		struct cmsghdr head;
		char data[CMSG_SPACE(sizeof(int))];
	} control = { .head = { .cmsg_len = CMSG_LEN(sizeof(int)),
				.cmsg_level = SOL_SOCKET,
				.cmsg_type = SCM_RIGHTS } };
	struct iovec iov = { (char *)text, strlen(text) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct pollfd p = { .fd = notify_open(), .events = POLLOUT };
	bool sent;

	if (p.fd < 0)
		return false;
	if (with >= 0) {
		memcpy(CMSG_DATA(&control.head), &with, sizeof(with));
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
	}
	sent = sendmsg(p.fd, &msg, MSG_NOSIGNAL) >= 0;
	if (!sent && errno == EAGAIN && worth) {
		(void)!poll(&p, 1, ONCE_WAIT_MS);
		sent = sendmsg(p.fd, &msg, MSG_NOSIGNAL) >= 0;
	}
	close(p.fd);
	return sent;
}

void notify_say(const char *text)
{
	(void)notify_send(text, -1, !strncmp(text, "READY=1", 7));
}

bool notify_keep(const char *name, int fd)
{
	char text[64];

	/* An error that waits in it is no reason to let go of it. */
	snprintf(text, sizeof(text), "FDSTORE=1\nFDPOLL=0\nFDNAME=%s", name);
	return notify_send(text, fd, true);
}

static uint64_t notify_period(void)
{
	uint64_t usec = 0;

	return sd_watchdog_enabled(0, &usec) > 0 ? usec / 3 : 0;
}

static int notify_beat(sd_event_source *source, uint64_t due, void *user)
{
	uint64_t now = due;

	(void)user;
	notify_say("WATCHDOG=1");
	/* It was due at 0 the first time. */
	(void)sd_event_now(sd_event_source_get_event(source), CLOCK_MONOTONIC,
			   &now);
	sd_event_source_set_time(source, now + notify_period());
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

int notify_watchdog(sd_event *event)
{
	sd_event_source *source = NULL;
	uint64_t period = notify_period();
	int r;

	if (period == 0)
		return 0;
	/* At once for the first time. */
	r = sd_event_add_time(event, &source, CLOCK_MONOTONIC, 0, 0,
			      notify_beat, NULL);
	if (r >= 0)
		r = sd_event_source_set_floating(source, 1);
	sd_event_source_unref(source);
	return r < 0 ? r : 0;
}
