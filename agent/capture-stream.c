/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A block is one message on the socket: it arrives whole, or not at all. */
#include "agent/capture-stream.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/log.h"
#include "util/secret.h"

struct capture_stream {
	struct capture_stream *next;
	struct capture_streams *owner;
	struct addr peer; /* family 0: all */
	int fd;
	uint64_t sent, lost;
	sd_event_source *hangup, *timer;
};

static void stream_free(struct capture_stream *c)
{
	struct capture_stream **at = &c->owner->first;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	c->owner->count--;
	log_notice("A capture of IKE messages has ended: %" PRIu64
		   " sent, %" PRIu64 " left out, as its reader was too slow",
		   c->sent, c->lost);
	sd_event_source_disable_unref(c->hangup);
	sd_event_source_disable_unref(c->timer);
	close(c->fd);
	free(c);
}

static void stream_end(struct capture_stream *c)
{
	struct capture_streams *s = c->owner;

	stream_free(c);
	if (!s->first)
		s->idle(s);
}

static int on_hangup(sd_event_source *source, int fd, uint32_t events,
		     void *user)
{
	(void)source;
	(void)fd;
	(void)events;
	stream_end(user);
	return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *user)
{
	(void)source;
	(void)usec;
	stream_end(user);
	return 0;
}

static void put(struct capture_stream *c, const uint8_t *data, size_t len)
{
	/* A reader that is gone is told of by its hang-up. */
	if (send(c->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		c->lost++;
	else
		c->sent++;
}

static int stream_watch(struct capture_stream *c, sd_event *event,
			uint32_t seconds)
{
	uint8_t section[PCAPNG_SECTION];
	struct wbuf w = wbuf_of(section, sizeof(section));
	int r = sd_event_add_io(event, &c->hangup, c->fd, 0, on_hangup, c);

	if (r >= 0 && seconds)
		r = sd_event_add_time_relative(
			event, &c->timer, CLOCK_MONOTONIC, seconds * 1000000ull,
			0, on_timer, c);
	pcapng_write_section(&w);
	if (r >= 0 && send(c->fd, section, w.len, MSG_NOSIGNAL) < 0)
		r = -errno;
	return r < 0 ? r : 0;
}

int capture_stream_open(struct capture_streams *s, sd_event *event,
			const struct addr *peer, uint32_t seconds, int *ret_fd)
{
	struct capture_stream *c;
	int fds[2], r;

	if (s->count >= LIMIT_BUS_CAPTURES)
		return -EBUSY;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0) {
		r = -errno;
		free(c);
		return r;
	}
	c->owner = s;
	c->peer = *peer;
	c->fd = fds[0];
	c->next = s->first;
	s->first = c;
	s->count++;
	r = stream_watch(c, event, seconds);
	if (r < 0) {
		stream_free(c);
		close(fds[1]);
		return r;
	}
	log_notice("A capture of IKE messages has begun, decrypted");
	*ret_fd = fds[1];
	return 0;
}

void capture_streams_done(struct capture_streams *s)
{
	while (s->first)
		stream_free(s->first);
}

void capture_streams_tap(struct capture_streams *s, uint16_t natt_port,
			 uint64_t time_us, const struct ike_tap *t)
{
	uint8_t block[CAPTURE_BLOCK];
	size_t len;

	if (t->type != IKE_TAP_MESSAGE || !s->first)
		return;
	len = capture_block(natt_port, time_us, &t->message, block);
	for (struct capture_stream *c = s->first; c && len; c = c->next) {
		if (!c->peer.family ||
		    addr_equal(&c->peer, &t->message.remote.addr))
			put(c, block, len);
	}
	secret_wipe(block, sizeof(block));
}
