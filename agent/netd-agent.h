/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tacit-netd's end of the link: one agent at a time, its heartbeat and ours.
 * An agent that is silent for RECORD_HUNG_MS has hung; it may come back.
 */
#ifndef TACIT_AGENT_NETD_AGENT_H
#define TACIT_AGENT_NETD_AGENT_H

#include <systemd/sd-event.h>

#include "util/log.h"
#include "util/timer.h"
#include "xfrm/record.h"

struct netd_agent_ops {
	void *user;
	/* A record of the right size and version; the descriptor that came
	 * with it, borrowed, or -1. */
	void (*record)(void *user, const struct record *r, int fd);
	/* It hangs, or (false) is heard of again. */
	void (*hung)(void *user, bool hung);
	/* Says how netd is, in each heartbeat; may be NULL. */
	void (*describe)(void *user, struct record_alive *ret);
	/* It is gone; the link may be used again at once. */
	void (*closed)(void *user);
};

struct netd_agent {
	sd_event *event;
	struct timer_wheel *wheel;
	struct netd_agent_ops ops;
	sd_event_source *listener;
	struct channel *channel; /* NULL: no agent */
	sd_event_source *io;
	struct timer alive; /* our heartbeat, and the look at theirs */
	uint64_t heard;	    /* ms */
	bool hangs;
	bool separate; /* another user than we are */
	unsigned bad;  /* records in a row that were none */
	uint64_t bad_total, refused;
	struct log_limit limit;
};

/* fd is a listening socket (taken, on success). 0 or -errno. */
int netd_agent_init(struct netd_agent *a, sd_event *event,
		    struct timer_wheel *wheel, int fd,
		    const struct netd_agent_ops *ops)
	__attribute__((warn_unused_result));
void netd_agent_done(struct netd_agent *a);
/* A heartbeat out of turn, for its news. */
void netd_agent_beat(struct netd_agent *a);
/* Connected, and not hanging. */
bool netd_agent_lives(const struct netd_agent *a);
/* What waits in the link's queue has not gone out yet. */
bool netd_agent_busy(const struct netd_agent *a);
/* Does nothing when there is no agent; a link that fails is closed later. */
void netd_agent_send(struct netd_agent *a, const struct record *r,
		     const int *fds, size_t n_fds);

#endif
