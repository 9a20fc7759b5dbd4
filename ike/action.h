/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The queue of actions, first in first out. The action that ends an IKE SA
 * has its node reserved when the SA is made, so that memory never prevents an
 * outcome from being told.
 */
#ifndef TACIT_IKE_ACTION_H
#define TACIT_IKE_ACTION_H

#include "ike/engine.h"

struct ike_action_node {
	struct ike_action_node *next;
	struct ike_action action;
};

struct ike_queue {
	struct ike_action_node *first, **end;
};

void ike_queue_init(struct ike_queue *q);
/* Frees what was not taken, keys wiped. */
void ike_queue_done(struct ike_queue *q);
/* Zeroed; NULL: out of memory. */
struct ike_action_node *ike_action_node_new(void);
struct ike_action_node *ike_action_node_free(struct ike_action_node *n);
/* The queue takes the node. */
void ike_queue_push(struct ike_queue *q, struct ike_action_node *n);
bool ike_queue_take(struct ike_queue *q, struct ike_action *ret);

#endif
