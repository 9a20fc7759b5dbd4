/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tacit-keyd: the process that holds this host's private keys. It has one
 * agent, on one socket, and one operation for it: the signature in an AUTH payload
 * of this host. What it refuses is in agent/keyd-guard.h. Another socket is for
 * root, who may rotate the keys.
 */
#ifndef TACIT_AGENT_KEYD_H
#define TACIT_AGENT_KEYD_H

#include <systemd/sd-event.h>

#include "agent/keyd-keys.h"
#include "ike/identity.h"

/* What main() has made ready. */
struct keyd_setup {
	int listen_fd;		      /* taken by keyd_new(), in any case */
	int order_fd;		      /* likewise; -1: no orders */
	struct keyd_keys keys;	      /* likewise */
	struct ike_identity identity; /* as in struct keyd_guard */
	/* Reads it again, when the agent asks in another name: the configuration
	 * may have changed. 0 or -errno. NULL: it stays. */
	int (*identify)(void *user, struct ike_identity *ret);
	void *user;
};

struct keyd;

/* 0 or -errno. */
int keyd_new(sd_event *event, struct keyd_setup *setup, struct keyd **ret)
	__attribute__((warn_unused_result));
struct keyd *keyd_free(struct keyd *k);

#endif
