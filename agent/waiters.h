/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls of the bus that wait until a flow is secured, or cannot be.
 */
#ifndef TACIT_AGENT_WAITERS_H
#define TACIT_AGENT_WAITERS_H

#include <stdbool.h>

#include "util/slots.h"

struct agent;
struct flow;
struct waiter;

/* Embedded in the agent; zero-initialise. */
struct waiters {
	struct waiter *first;
	bool due; /* some flow has changed its state */
};

/* The call is answered with the peer, or with an error, at once if nothing is
 * under way. */
void waiters_add(struct agent *a, const struct flow *f, struct handle call);
/* After each turn of the loop: flows pass through states that mean nothing. */
void waiters_settle(struct agent *a);
void waiters_done(struct waiters *w);

#endif
