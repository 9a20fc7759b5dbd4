/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is asked of the agent over the bus, and changes something. */
#ifndef TACIT_AGENT_CONTROL_H
#define TACIT_AGENT_CONTROL_H

#include "agent/agent.h"

/* Fills the calls of source that change something; user is the agent. */
void control_source(struct dbus_source *source);
/* Before and after everything else. */
void control_start(struct agent *a);
void control_stop(struct agent *a);

/* tacit-netd's answer, for the call that asked. */
void control_on_repaired(struct agent *a, struct handle call,
			 const struct record_reply *reply);

#endif
