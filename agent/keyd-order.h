/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who gives orders to tacit-keyd: root (dnskeys/key-order.h), one at a time.
 */
#ifndef TACIT_AGENT_KEYD_ORDER_H
#define TACIT_AGENT_KEYD_ORDER_H

#include <systemd/sd-event.h>

#include "dnskeys/key-order.h"

struct keyd_orders;

struct keyd_orders_ops {
	void *user;
	/* Fills in the reply, and returns how many keyd_orders_done() follow
	 * before it may go. */
	unsigned (*order)(void *user, const struct key_order *o,
			  struct key_order_reply *reply);
};

/* Takes the listening socket; -1: there is none, and no orders come. 0 or
 * -errno. */
int keyd_orders_new(sd_event *event, int listen_fd,
		    const struct keyd_orders_ops *ops, struct keyd_orders **ret)
	__attribute__((warn_unused_result));
struct keyd_orders *keyd_orders_free(struct keyd_orders *o);
/* One of the keys is made, or could not be: a negative errno. */
void keyd_orders_done(struct keyd_orders *o, int error);

#endif
