/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading the configuration again, while everything runs. tacit-netd reads it
 * too, by itself: the two compare what they have read, and only when it is the
 * same does any of it take effect. A configuration with errors changes nothing.
 */
#ifndef TACIT_AGENT_RELOAD_H
#define TACIT_AGENT_RELOAD_H

#include "policy/config.h"

struct agent;
struct record_reply;

/* One that waits for tacit-netd's answer; kept by the agent. */
struct reload {
	struct config *next; /* NULL: none is under way */
	unsigned tries;
	bool again; /* asked for meanwhile */
	/* Of the latest one: 0, or what is wrong, in words for whoever asked:
	 * "FILE:LINE: MESSAGE". */
	int error;
	char why[LIMIT_RELOAD_WHY];
	/* It is over. */
	void (*done)(struct agent *a);
};

/* Begins; a->reload.done() follows, maybe at once. One at a time: a second call
 * reads everything once more when the first is over. */
void reload_begin(struct agent *a);
/* tacit-netd's answer to RECORD_RELOAD. */
void reload_on_reply(struct agent *a, const struct record_reply *reply);
/* tacit-netd has answered HELLO, and says whether it works by other files; or
 * it is gone, and cannot answer. */
void reload_on_link(struct agent *a, bool up, bool differs);
void reload_done(struct reload *r);

#endif
