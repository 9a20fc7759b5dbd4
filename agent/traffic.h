/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who is busy: what the SAs of all flows carry, measured while somebody wants
 * to know, a bounded number of flows, a few at a time. Rates are those between
 * two measurements.
 */
#ifndef TACIT_AGENT_TRAFFIC_H
#define TACIT_AGENT_TRAFFIC_H

#include "util/slots.h"
#include "xfrm/record.h"

struct agent;
struct flow;
struct traffic_sweep;

/* Embedded in the agent; zero-initialise. */
struct traffic {
	struct traffic_sweep *now,
		*last;		       /* being measured; and the one before */
	struct record_counted counted; /* what the next reply is about */
};

void traffic_done(struct traffic *t);
/* Asks netd what this flow carries. */
void traffic_ask(struct agent *a, const struct flow *f);
/* Answers the call with the busiest flows, at most limit, when they have been
 * measured. */
void traffic_list(struct agent *a, uint32_t limit, struct handle call);
/* The reply to traffic_ask(); NULL: netd knows no such flow. */
void traffic_on_reply(struct agent *a, struct handle flow,
		      const struct record_counted *c);

#endif
