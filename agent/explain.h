/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Why a peer is as it is: all that the agent, the engine, the key sources and
 * tacit-netd know of it, and what would change it.
 */
#ifndef TACIT_AGENT_EXPLAIN_H
#define TACIT_AGENT_EXPLAIN_H

#include "util/addr.h"
#include "util/service.h"
#include "util/slots.h"
#include "xfrm/record.h"

struct agent;
struct explain;

/* Calls that wait for netd. Embedded in the agent; zero-initialise. */
struct explains {
	struct explain *first;
};

void explains_done(struct explains *x);
/* Answers the call, of protocol 0 for the address itself, when netd has said what it has in the kernel. */
void explain_peer(struct agent *a, const struct addr *remote,
		  const struct service *service, struct handle call);
/* The reply to traffic_ask(); NULL: netd knows no such flow. */
void explain_on_reply(struct agent *a, struct handle flow,
		      const struct record_counted *c);

#endif
