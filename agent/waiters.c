/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/waiters.h"

#include <stdio.h>
#include <stdlib.h>

#include "agent/agent.h"
#include "agent/status.h"
#include "dbus/names.h"
#include "dbus/peers-dbus.h"

struct waiter {
	struct waiter *next;
	struct handle flow, call;
};

static void answer_failed(struct agent *a, const struct flow *f,
			  struct handle call)
{
	char text[256], address[ADDR_STRLEN];

	snprintf(text, sizeof(text), "%s is not encrypted: %s; %s.",
		 addr_format(&f->peer->addr, address),
		 ike_reason_name(f->reason),
		 f->state == FLOW_BLOCKED ? "nothing passes, as its policy says"
					  : "its packets go in the clear");
	dbus_pending_fail(dbus_server_pending(a->bus), call,
			  DBUS_ERROR_NOT_ENCRYPTED, text);
}

/* Has it come to an end? Then the call is answered. */
static bool settle(struct agent *a, const struct waiter *w)
{
	struct dbus_pending *calls = dbus_server_pending(a->bus);
	struct flow *f = flow_table_by_handle(a->flows, w->flow);
	struct dbus_peer peer;

	if (!dbus_pending_waits(calls, w->call))
		return true;
	if (!f) {
		dbus_pending_fail(calls, w->call, DBUS_ERROR_NOT_ENCRYPTED,
				  "The peer has been forgotten.");
		return true;
	}
	switch (f->state) {
	case FLOW_SECURED:
		status_of_flow(a, f, &peer);
		dbus_reply_peer(calls, w->call, &peer);
		return true;
	case FLOW_IDLE:
		/* Between two attempts, if there is nothing to blame. */
		if (f->reason == IKE_REASON_NONE)
			return false;
		answer_failed(a, f, w->call);
		return true;
	case FLOW_CLEAR:
	case FLOW_BLOCKED:
	case FLOW_HOLDDOWN:
		answer_failed(a, f, w->call);
		return true;
	case FLOW_LOOKUP:
	case FLOW_QUEUED:
	case FLOW_NEGOTIATE:
	case FLOW_INSTALL:
	case FLOW_STATES:
		break;
	}
	return false;
}

void waiters_settle(struct agent *a)
{
	struct waiter **at = &a->waiters.first, *w;

	if (!a->waiters.due)
		return;
	a->waiters.due = false;
	while ((w = *at)) {
		if (settle(a, w)) {
			*at = w->next;
			free(w);
		} else {
			at = &w->next;
		}
	}
}

void waiters_add(struct agent *a, const struct flow *f, struct handle call)
{
	struct waiter *w = calloc(1, sizeof(*w));

	if (!w) {
		dbus_pending_fail(dbus_server_pending(a->bus), call,
				  SD_BUS_ERROR_NO_MEMORY, "Out of memory.");
		return;
	}
	w->flow = f->self;
	w->call = call;
	w->next = a->waiters.first;
	a->waiters.first = w;
	a->waiters.due = true;
}

void waiters_done(struct waiters *w)
{
	while (w->first) {
		struct waiter *next = w->first->next;

		free(w->first);
		w->first = next;
	}
}
