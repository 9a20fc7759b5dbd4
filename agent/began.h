/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which connections are in the clear beside a flow, since they began before the
 * peer leased us an address: as tacit-netd tells us, which keeps them so
 * (agent/netd-connections.h).
 */
#ifndef TACIT_AGENT_BEGAN_H
#define TACIT_AGENT_BEGAN_H

#include <stdbool.h>
#include <stddef.h>

#include "util/socket.h"
#include "xfrm/record.h"

struct agent;

/* Part of a flow; zero-initialise. */
struct began {
	struct record_connection *list;
	size_t n;
};

void began_done(struct began *b);
void began_on_record(struct agent *a, const struct record_began *r);
/* Is this socket's connection one of them? */
bool began_has(const struct began *b, const struct socket_info *s);

#endif
