/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Programs of the administrator's that are told what becomes of peers:
 * tacit-hooks(5). They run beside the agent, as its user, few at a time and not
 * for long, and what they do never holds anything up. What happens to a peer
 * while its turn has not come is told as one change, or not at all where
 * nothing came of it.
 */
#ifndef TACIT_AGENT_HOOKS_H
#define TACIT_AGENT_HOOKS_H

#include <systemd/sd-event.h>

#include "util/addr.h"

struct hooks;

/* How a peer is now; strings are copied. */
struct hook_state {
	struct addr local, remote;
	bool up; /* encrypted */
	const char *policy, *identity, *authentication, *reason;
};

/* dir is that of the programs; they are looked for at each event. 0; -ENOMEM;
 * -errno. */
int hooks_new(sd_event *event, const char *dir, struct hooks **ret)
	__attribute__((warn_unused_result));
/* Programs that run are left to themselves; takes NULL. */
struct hooks *hooks_free(struct hooks *h);
/* A peer is up or down now; before: whether it was when this was last called
 * for it. Cheap, and starts nothing by itself. Without a program there is
 * nothing to do. */
void hooks_note(struct hooks *h, bool before, const struct hook_state *now);

#endif
