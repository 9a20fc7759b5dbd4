/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One datagram a message, from a socket of its own that does not block.
 */
#include "agent/notify.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#define READY_WAIT_MS 200

void notify_say(const char *text)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	size_t len = path ? strlen(path) : 0;
	struct pollfd p = { .events = POLLOUT };
	int fd;

	if (len < 2 || len >= sizeof(sa.sun_path) ||
	    (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(sa.sun_path, path, len);
	if (path[0] == '@')
		sa.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	if (connect(fd, (const struct sockaddr *)&sa,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
				len)) == 0 &&
	    send(fd, text, strlen(text), MSG_NOSIGNAL) < 0 && errno == EAGAIN &&
	    !strncmp(text, "READY=1", 7)) {
		/* Said once only: worth a moment. */
		p.fd = fd;
		(void)!poll(&p, 1, READY_WAIT_MS);
		(void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
	}
	close(fd);
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
