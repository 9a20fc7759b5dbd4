/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The agent's end of the dialogue with tacit-netd (xfrm/record.h): connects,
 * says HELLO, keeps the heartbeat, and connects again when netd went away or
 * hangs. What a request was about comes back with its reply.
 */
#ifndef TACIT_AGENT_LINK_H
#define TACIT_AGENT_LINK_H

#include <systemd/sd-event.h>

#include "util/slots.h"
#include "xfrm/record.h"

struct link;

struct link_ops {
	void *user;
	/* That HELLO tells: see struct record_reload. */
	uint32_t (*digest)(void *user);
	/* netd answered HELLO. The descriptors (see struct record_welcome) are
	 * the callee's. */
	void (*up)(void *user, const struct record_welcome *w, const int *fds,
		   size_t n_fds);
	/* The link is gone; replies still due will not come. */
	void (*down)(void *user);
	/* Events, and what netd says of itself (RECORD_ALIVE). */
	void (*event)(void *user, const struct record *r);
	/* Reply to a request made for this flow, or of link_request_fd(). */
	void (*reply)(void *user, struct handle flow,
		      const struct record_reply *reply);
};

/* Connects in the background. 0 or -errno. */
int link_new(sd_event *event, const char *path, const struct link_ops *ops,
	     struct link **ret) __attribute__((warn_unused_result));
struct link *link_free(struct link *l);
bool link_is_up(const struct link *l);
/* Sends a request (its seq is set here). A link that is down swallows it:
 * after the next WELCOME both sides compare notes anyway. */
void link_request(struct link *l, struct handle flow, struct record *r);
/* The same with a descriptor, which stays the caller's; what is the request
 * comes back with the reply. */
void link_request_fd(struct link *l, struct handle what, struct record *r,
		     int fd);
/* BYE, and everything flushed; blocks for at most wait_ms. */
void link_bye(struct link *l, unsigned wait_ms);

#endif
