/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Peers in use, and whether what is known of their keys still holds: each is
 * asked about again when it runs out, shortly before, so that the source has
 * time to look anew. Where another key proves the peer now, or one proves who
 * was anonymous, IKE begins afresh beside the SA in use; where none does any
 * more, that SA ends. What cannot be told, or may be a lie, changes nothing.
 */
#ifndef TACIT_AGENT_KEY_WATCH_H
#define TACIT_AGENT_KEY_WATCH_H

#include "agent/agent.h"

struct key_watch;

/* a is borrowed. 0; -ENOMEM. */
int key_watch_new(struct agent *a, struct key_watch **ret)
	__attribute__((warn_unused_result));
/* Takes NULL. Before the agent's timers are freed. */
struct key_watch *key_watch_free(struct key_watch *w);
/* A flow has come to another state; nothing happens within this call. */
void key_watch_on_state(struct key_watch *w, const struct flow *f);

#endif
