/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The key source of a program of the administrator's: run once for each
 * question, in the agent's own sandbox, beside the loop. It is told the address
 * as its argument, and that with what else there is in its environment; what it
 * prints is in key-output.h. It has the time of its policy, and is killed then.
 */
#ifndef TACIT_AGENT_KEY_COMMAND_H
#define TACIT_AGENT_KEY_COMMAND_H

#include <systemd/sd-event.h>

#include "agent/key-source.h"

struct key_command;

/* How it ends. Any other way: it could not tell. */
enum key_command_exit {
	KEY_COMMAND_KNOWN = 0,	 /* what it printed is the answer */
	KEY_COMMAND_UNKNOWN = 1, /* it knows nothing of this peer */
	KEY_COMMAND_REFUSED = 2, /* the peer is not who it says, or not there */
};

struct key_command_ops {
	void *user;
	/* As those of struct key_dns_ops. */
	void (*answer)(void *user, struct handle ticket, int found,
		       struct key_answer *answer);
};

/* program: an absolute path, borrowed. 0; -ENOMEM. */
int key_command_new(sd_event *event, const char *program,
		    const struct key_command_ops *ops, struct key_command **ret)
	__attribute__((warn_unused_result));
/* Kills those that run; no answer comes any more. Takes NULL. */
struct key_command *key_command_free(struct key_command *c);
struct key_source key_command_source(struct key_command *c);

#endif
