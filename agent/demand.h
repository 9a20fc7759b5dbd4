/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What programs demand for their sockets: RequireEncryption of the bus. The
 * socket is shut at once, IKE runs where there is no SA, and when the peer has
 * proven what was demanded the socket opens to that flow's SAs alone, by
 * tacit-netd (xfrm/record.h), which closes it when they go. Until then the call
 * has the descriptor; after the answer nobody here has it.
 */
#ifndef TACIT_AGENT_DEMAND_H
#define TACIT_AGENT_DEMAND_H

#include <stdbool.h>

#include "dbus/source.h"
#include "ike/credentials.h"
#include "util/slots.h"
#include "xfrm/record.h"

struct agent;
struct flow;

/* Embedded in the agent. */
struct demands {
	struct slots *all;
	bool due; /* something has changed that may matter to them */
};

/* 0 or -ENOMEM. */
int demand_start(struct demands *d) __attribute__((warn_unused_result));
/* Forgets all; their sockets stay shut. */
void demand_stop(struct agent *a);

/* The calls of struct dbus_source that are about sockets; user is the agent. */
void demand_socket(void *user, const struct socket_info *s,
		   struct dbus_peer *ret);
void demand_require(void *user, int fd, const struct dbus_demand *d,
		    struct handle call);

/* Flows, attempts or the link have changed: demand_run() looks. */
void demand_note(struct agent *a);
/* After each turn of the loop. */
void demand_run(struct agent *a);
void demand_on_reply(struct agent *a, struct handle demand,
		     const struct record_reply *reply);
/* The link to tacit-netd is gone, and with it what was asked. */
void demand_on_down(struct agent *a);

/* Who this peer should prove to be, by somebody's demand; NULL: nobody has one.
 * The key that is looked up for it is that identity's. */
const struct ike_identity *demand_identity(const struct agent *a,
					   const struct addr *local,
					   const struct addr *remote);
/* A new IKE SA is about to serve this flow: sockets that are for one identity
 * end if it is another's. */
void demand_on_proof(struct agent *a, const struct flow *f, struct handle sa,
		     const struct ike_proof *proof);

#endif
