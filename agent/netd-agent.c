/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The agent's connection: who may have it, what comes in, and whether the
 * other end lives.
 */
#include "config.h"

#include "agent/netd-agent.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/channel.h"
#include "util/hmap.h"
#include "util/limits.h"
#include "util/privilege.h"

/* Records in one go: other work of the loop must come between. */
#define AGENT_ROUND 64

static uint64_t agent_now(const struct netd_agent *a)
{
	uint64_t us = 0;

	/* Cannot fail while the loop runs. */
	(void)sd_event_now(a->event, CLOCK_MONOTONIC, &us);
	return us / 1000;
}

static void agent_close(struct netd_agent *a, const char *why)
{
	if (!a->channel)
		return;
	log_notice("The agent's link is closed: %s.", why);
	a->io = sd_event_source_disable_unref(a->io);
	a->channel = channel_free(a->channel);
	timer_cancel(a->wheel, &a->alive);
	a->hangs = false;
	a->ops.closed(a->ops.user);
}

static void agent_watch(struct netd_agent *a)
{
	uint32_t events = EPOLLIN;

	if (channel_wants_out(a->channel))
		events |= EPOLLOUT;
	(void)sd_event_source_set_io_events(a->io, events);
}

static void agent_bad(struct netd_agent *a, const char *what)
{
	a->bad_total++;
	a->bad++;
	log_limited(&a->limit, agent_now(a), LOG_WARNING, NULL,
		    "A record of a wrong %s from the agent is dropped; are "
		    "both programs of one version?",
		    what);
}

static void agent_heard(struct netd_agent *a)
{
	a->heard = agent_now(a);
	if (!a->hangs)
		return;
	a->hangs = false;
	log_notice("The agent is heard of again.");
	a->ops.hung(a->ops.user, false);
}

/* One record. 0: nothing there; 1: go on; -errno: the link is dead. */
static int agent_receive(struct netd_agent *a)
{
	struct record r;
	int fds[CHANNEL_FDS_MAX], n;
	size_t n_fds = 0;

	n = channel_recv(a->channel, &r, fds, &n_fds);
	if (n == -EBADMSG) {
		agent_bad(a, "length");
		return 1;
	}
	if (n <= 0)
		return n;
	if (r.version != RECORD_VERSION) {
		agent_bad(a, "version");
	} else {
		a->bad = 0;
		agent_heard(a);
		a->ops.record(a->ops.user, &r, n_fds == 1 ? fds[0] : -1);
	}
	for (size_t i = 0; i < n_fds; i++)
		close(fds[i]);
	/* It may hold keys. */
	explicit_bzero(&r, sizeof(r));
	return 1;
}

static int agent_on_io(sd_event_source *s, int fd, uint32_t revents, void *user)
{
	struct netd_agent *a = user;
	int r = 1;

	(void)s;
	(void)fd;
	if (revents & EPOLLOUT) {
		r = channel_flush(a->channel);
		if (r < 0) {
			agent_close(a, strerror(-r));
			return 0;
		}
	}
	for (int i = 0; i < AGENT_ROUND && a->channel; i++) {
		r = agent_receive(a);
		if (r == 0)
			break;
		if (r < 0) {
			agent_close(a, r == -EPIPE ? "the agent is gone"
						   : strerror(-r));
			return 0;
		}
		if (a->bad > LIMIT_BAD_RECORDS) {
			agent_close(a, "too many records that are none");
			return 0;
		}
	}
	if (a->channel)
		agent_watch(a);
	return 0;
}

/* When it was us who did not run, its records still wait to be read. */
static bool agent_silent(const struct netd_agent *a, uint64_t now)
{
	struct pollfd p = { .fd = channel_fd(a->channel), .events = POLLIN };

	return now > a->heard && now - a->heard > RECORD_HUNG_MS &&
	       poll(&p, 1, 0) == 0;
}

void netd_agent_beat(struct netd_agent *a)
{
	struct record r;

	record_init(&r, RECORD_ALIVE, 0);
	r.alive.refused = (uint32_t)(a->refused + a->bad_total);
	r.alive.separate = a->separate;
	if (a->ops.describe)
		a->ops.describe(a->ops.user, &r.alive);
	netd_agent_send(a, &r, NULL, 0);
}

/* Beats the heart, and looks whether the other one beats. */
static void agent_alive(struct timer *t, uint64_t now, void *user)
{
	struct netd_agent *a = container_of(t, struct netd_agent, alive);

	(void)user;
	timer_arm(a->wheel, &a->alive, now + RECORD_ALIVE_MS);
	if (!a->hangs && agent_silent(a, now)) {
		a->hangs = true;
		log_warning("The agent has been silent for %u ms: it hangs.",
			    (unsigned)(now - a->heard));
		a->ops.hung(a->ops.user, true);
	}
	netd_agent_beat(a);
}

/* The agent's user; where it does not exist, our own or root. */
static bool agent_uid_ok(uid_t uid)
{
	uid_t agent;

	if (privilege_user(AGENT_USER, &agent) == 0)
		/* Where users cannot be changed we both stay what we are. */
		return uid == agent || uid == geteuid();
	return uid == geteuid() || uid == 0;
}

static int agent_welcome(struct netd_agent *a, int fd)
{
	struct channel *c = NULL;
	uid_t uid;
	int r = channel_new(fd, sizeof(struct record), &c);

	if (r < 0)
		return r;
	r = channel_peer_uid(c, &uid);
	if (r == 0 && !agent_uid_ok(uid)) {
		log_limited(
			&a->limit, agent_now(a), LOG_WARNING, NULL,
			"A connection of user id %u is refused: only " AGENT_USER
			" may be the agent.",
			(unsigned)uid);
		r = -EPERM;
	}
	if (r == 0 && netd_agent_lives(a)) {
		log_limited(&a->limit, agent_now(a), LOG_WARNING, NULL,
			    "A second agent is refused: one lives.");
		r = -EBUSY;
	}
	if (r < 0) {
		channel_free(c);
		return r;
	}
	agent_close(a, "a new agent takes over from one that hangs");
	a->channel = c;
	a->separate = uid != geteuid();
	return 0;
}

static int agent_on_listen(sd_event_source *s, int fd, uint32_t revents,
			   void *user)
{
	struct netd_agent *a = user;
	int c;

	(void)s;
	(void)revents;
	c = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (c < 0 || agent_welcome(a, c) < 0)
		return 0;
	if (sd_event_add_io(a->event, &a->io, channel_fd(a->channel), EPOLLIN,
			    agent_on_io, a) < 0) {
		a->channel = channel_free(a->channel);
		return 0;
	}
	a->heard = agent_now(a);
	a->bad = 0;
	timer_arm(a->wheel, &a->alive, a->heard + RECORD_ALIVE_MS);
	log_info("An agent has connected.");
	return 0;
}

int netd_agent_init(struct netd_agent *a, sd_event *event,
		    struct timer_wheel *wheel, int fd,
		    const struct netd_agent_ops *ops)
{
	int r;

	*a = (struct netd_agent){ .event = event, .wheel = wheel, .ops = *ops };
	timer_init(&a->alive, agent_alive);
	r = sd_event_add_io(event, &a->listener, fd, EPOLLIN, agent_on_listen,
			    a);
	if (r < 0)
		return r;
	return sd_event_source_set_io_fd_own(a->listener, 1);
}

void netd_agent_done(struct netd_agent *a)
{
	if (a->wheel)
		timer_cancel(a->wheel, &a->alive);
	a->io = sd_event_source_disable_unref(a->io);
	a->channel = channel_free(a->channel);
	a->listener = sd_event_source_disable_unref(a->listener);
}

bool netd_agent_lives(const struct netd_agent *a)
{
	return a->channel && !a->hangs;
}

bool netd_agent_busy(const struct netd_agent *a)
{
	return a->channel && channel_wants_out(a->channel);
}

void netd_agent_send(struct netd_agent *a, const struct record *r,
		     const int *fds, size_t n_fds)
{
	int e;

	if (!a->channel)
		return;
	e = channel_send(a->channel, r, fds, n_fds);
	if (e == 0)
		agent_watch(a);
	/* The descriptor reports the end by itself: whoever called us may
	 * stand in the middle of something. */
	else if (e == -ENOBUFS)
		(void)shutdown(channel_fd(a->channel), SHUT_RDWR);
}
