/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The answer to ListTraffic. */
#ifndef TACIT_DBUS_TRAFFIC_DBUS_H
#define TACIT_DBUS_TRAFFIC_DBUS_H

#include "dbus/pending.h"
#include "util/addr.h"

struct dbus_traffic_flow {
	struct addr local, remote;
	uint64_t bytes_in, bytes_out, packets_in, packets_out;
	uint64_t rate_in, rate_out; /* bytes a second */
};

struct dbus_traffic {
	struct dbus_traffic_flow *flows; /* the busiest first */
	size_t count;
	uint64_t interval_ms; /* of the rates; 0: there are none yet */
	uint32_t left_out;    /* flows that were not measured */
};

void dbus_reply_traffic(struct dbus_pending *p, struct handle call,
			const struct dbus_traffic *t);

#endif
