/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The agent as the bus shows it: flows and counters as plain values. */
#ifndef TACIT_AGENT_STATUS_H
#define TACIT_AGENT_STATUS_H

#include "agent/agent.h"

/* The calls through which dbus/ asks; user is the agent. */
struct dbus_source status_source(struct agent *a);
/* Tells the programs of hooks.d of a flow whose state has changed. */
void status_tell_hooks(struct agent *a, struct flow *f);
/* One flow; the strings live until the next call of any of these. */
void status_of_flow(struct agent *a, const struct flow *f,
		    struct dbus_peer *ret);

#endif
