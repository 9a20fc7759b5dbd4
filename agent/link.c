/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The link to tacit-netd. Two timers: one to try again, one heartbeat that
 * also notices that the other side has been silent for too long.
 */
#include "agent/link.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "util/channel.h"
#include "util/hmap.h"
#include "util/log.h"
#include "util/secret.h"

#define LINK_RETRY_MS 100
/* Records taken in one turn of the loop. */
#define LINK_BATCH 256

struct link_pending {
	struct hmap_node node; /* hash: seq */
	struct handle flow;
};

struct link {
	sd_event *event;
	char *path;
	struct link_ops ops;
	struct channel *channel;
	sd_event_source *io, *timer;
	struct hmap pending;
	uint64_t heard_us;
	uint32_t seq;
	bool up;   /* HELLO was answered */
	bool lost; /* it was up, and the owner has not been told */
	bool said; /* that netd cannot be reached */
};

static uint64_t link_now(struct link *l)
{
	uint64_t now = 0;

	sd_event_now(l->event, CLOCK_MONOTONIC, &now);
	return now;
}

static void link_arm(struct link *l, uint64_t ms)
{
	sd_event_source_set_time(l->timer, link_now(l) + ms * 1000);
	sd_event_source_set_enabled(l->timer, SD_EVENT_ONESHOT);
}

static void link_forget_pending(struct link *l)
{
	struct hmap_node *n;

	while ((n = hmap_any(&l->pending))) {
		hmap_remove(&l->pending, n);
		free(container_of(n, struct link_pending, node));
	}
}

/* The owner is told from the timer, never from within a call of its own. */
static void link_drop(struct link *l, const char *why)
{
	if (!l->channel)
		return;
	log_warning("tacit-netd: %s; connecting again", why);
	l->io = sd_event_source_disable_unref(l->io);
	l->channel = channel_free(l->channel);
	l->lost = l->up;
	l->up = false;
	link_forget_pending(l);
	link_arm(l, l->lost ? 0 : LINK_RETRY_MS);
}

static void link_watch(struct link *l)
{
	uint32_t events = EPOLLIN;

	if (channel_wants_out(l->channel))
		events |= EPOLLOUT;
	sd_event_source_set_io_events(l->io, events);
}

static void link_put(struct link *l, const struct record *r, int fd)
{
	int n = channel_send(l->channel, r, &fd, fd < 0 ? 0 : 1);

	if (n < 0)
		link_drop(l, n == -ENOBUFS ? "does not read" : "went away");
	else
		link_watch(l);
}

static void link_on_reply(struct link *l, const struct record *r)
{
	hmap_for_each (n, &l->pending, r->seq) {
		struct link_pending *p =
			container_of(n, struct link_pending, node);
		struct handle flow = p->flow;

		hmap_remove(&l->pending, n);
		free(p);
		l->ops.reply(l->ops.user, flow, &r->reply);
		return;
	}
}

static void link_on_record(struct link *l, const struct record *r,
			   const int *fds, size_t n_fds)
{
	const char *field = NULL;

	if (record_validate(r, &field) < 0) {
		log_error("tacit-netd sent a record with a wrong %s: are both "
			  "programs of one version?",
			  field ? field : "layout");
		link_drop(l, "speaks another language");
		goto close_fds;
	}
	if (r->type == RECORD_WELCOME && !l->up) {
		l->up = true;
		l->said = false;
		l->ops.up(l->ops.user, &r->welcome, fds, n_fds);
		return;
	}
	if (r->type == RECORD_REPLY)
		link_on_reply(l, r);
	else if (l->up)
		l->ops.event(l->ops.user, r);
close_fds:
	for (size_t i = 0; i < n_fds; i++)
		close(fds[i]);
}

static int link_on_io(sd_event_source *source, int fd, uint32_t revents,
		      void *user)
{
	struct link *l = user;

	(void)source;
	(void)fd;
	if (revents & EPOLLOUT && channel_flush(l->channel) < 0) {
		link_drop(l, "went away");
		return 0;
	}
	for (int i = 0; i < LINK_BATCH && l->channel; i++) {
		struct record r;
		int fds[CHANNEL_FDS_MAX];
		size_t n_fds = 0;
		int n = channel_recv(l->channel, &r, fds, &n_fds);

		if (n == 0)
			break;
		if (n < 0) {
			link_drop(l, n == -EBADMSG
					     ? "sent a record of another size"
					     : "went away");
			return 0;
		}
		l->heard_us = link_now(l);
		link_on_record(l, &r, fds, n_fds);
	}
	if (l->channel)
		link_watch(l);
	return 0;
}

static void link_connect(struct link *l)
{
	struct record hello;
	int fd = channel_connect(l->path), r;

	if (fd < 0) {
		if (!l->said)
			log_warning("%s: %s; is tacit-netd running? Trying "
				    "again.",
				    l->path, strerror(-fd));
		l->said = true;
		link_arm(l, LINK_RETRY_MS);
		return;
	}
	r = channel_new(fd, sizeof(struct record), &l->channel);
	if (r >= 0)
		r = sd_event_add_io(l->event, &l->io, channel_fd(l->channel),
				    EPOLLIN, link_on_io, l);
	if (r < 0) {
		l->channel = channel_free(l->channel);
		link_arm(l, LINK_RETRY_MS);
		return;
	}
	l->heard_us = link_now(l);
	link_arm(l, RECORD_ALIVE_MS);
	record_init(&hello, RECORD_HELLO, ++l->seq);
	hello.hello.pid = (uint32_t)getpid();
	hello.hello.digest = l->ops.digest(l->ops.user);
	link_put(l, &hello, -1);
}

static int link_on_timer(sd_event_source *source, uint64_t usec, void *user)
{
	struct link *l = user;
	struct record alive;

	(void)source;
	(void)usec;
	if (l->lost) {
		l->lost = false;
		l->ops.down(l->ops.user);
		link_arm(l, LINK_RETRY_MS);
		return 0;
	}
	if (!l->channel) {
		link_connect(l);
		return 0;
	}
	if (link_now(l) - l->heard_us > RECORD_HUNG_MS * 1000ull) {
		link_drop(l, "is silent");
		return 0;
	}
	record_init(&alive, RECORD_ALIVE, 0);
	link_arm(l, RECORD_ALIVE_MS);
	link_put(l, &alive, -1);
	return 0;
}

int link_new(sd_event *event, const char *path, const struct link_ops *ops,
	     struct link **ret)
{
	struct link *l = calloc(1, sizeof(*l));
	int r = -ENOMEM;

	if (!l)
		return -ENOMEM;
	l->event = sd_event_ref(event);
	l->ops = *ops;
	hmap_init(&l->pending);
	l->path = strdup(path);
	if (l->path)
		r = sd_event_add_time(event, &l->timer, CLOCK_MONOTONIC, 0,
				      1000, link_on_timer, l);
	if (r < 0) {
		link_free(l);
		return r;
	}
	*ret = l;
	return 0;
}

struct link *link_free(struct link *l)
{
	if (!l)
		return NULL;
	link_forget_pending(l);
	hmap_done(&l->pending);
	sd_event_source_disable_unref(l->io);
	sd_event_source_disable_unref(l->timer);
	channel_free(l->channel);
	sd_event_unref(l->event);
	free(l->path);
	free(l);
	return NULL;
}

bool link_is_up(const struct link *l)
{
	return l->up;
}

void link_request_fd(struct link *l, struct handle what, struct record *r,
		     int fd)
{
	struct link_pending *p;

	if (!l->up)
		return;
	r->seq = ++l->seq;
	p = calloc(1, sizeof(*p));
	if (p) {
		p->flow = what;
		if (hmap_insert(&l->pending, &p->node, r->seq) < 0) {
			free(p);
			p = NULL;
		}
	}
	if (!p) {
		/* Without a place for its reply the request is not made; the
		 * next WELCOME sorts it out. */
		link_drop(l, "no memory for a request");
		return;
	}
	link_put(l, r, fd);
}

void link_request(struct link *l, struct handle flow, struct record *r)
{
	link_request_fd(l, flow, r, -1);
}

void link_bye(struct link *l, unsigned wait_ms)
{
	struct record r;
	struct timespec end, now;

	if (!l->up)
		return;
	record_init(&r, RECORD_BYE, ++l->seq);
	l->up = false;
	if (channel_send(l->channel, &r, NULL, 0) < 0)
		return;
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += wait_ms / 1000 + 1;
	while (channel_wants_out(l->channel)) {
		struct pollfd p = { channel_fd(l->channel), POLLOUT, 0 };

		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec > end.tv_sec || poll(&p, 1, (int)wait_ms) <= 0 ||
		    channel_flush(l->channel) < 0)
			return;
	}
}
