/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The queue between the engine and its owner.
 */
#include "ike/action.h"

#include <stdlib.h>

#include "util/secret.h"

void ike_queue_init(struct ike_queue *q)
{
	q->first = NULL;
	q->end = &q->first;
}

struct ike_action_node *ike_action_node_new(void)
{
	return calloc(1, sizeof(struct ike_action_node));
}

struct ike_action_node *ike_action_node_free(struct ike_action_node *n)
{
	if (n) {
		secret_wipe(n, sizeof(*n));
		free(n);
	}
	return NULL;
}

void ike_queue_push(struct ike_queue *q, struct ike_action_node *n)
{
	n->next = NULL;
	*q->end = n;
	q->end = &n->next;
}

bool ike_queue_take(struct ike_queue *q, struct ike_action *ret)
{
	struct ike_action_node *n = q->first;

	if (!n)
		return false;
	q->first = n->next;
	if (!q->first)
		q->end = &q->first;
	*ret = n->action;
	ike_action_node_free(n);
	return true;
}

void ike_queue_done(struct ike_queue *q)
{
	struct ike_action a;

	while (ike_queue_take(q, &a)) {
		if (a.type == IKE_JOB)
			ike_job_free(a.job);
		ike_action_done(&a);
	}
}

void ike_action_done(struct ike_action *a)
{
	if (a->type == IKE_SEND)
		free((void *)(uintptr_t)a->send.data);
	else if (a->type == IKE_SIGN)
		free((void *)(uintptr_t)a->sign.message);
	secret_wipe(a, sizeof(*a));
}
