/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Batches of policy changes.
 */
#include "agent/netd-kernel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/log.h"

#define NETD_BATCH 64u

void netd_batch_init(struct netd_batch *b, const struct netd_kernel *k)
{
	*b = (struct netd_batch){ .kernel = k };
}

static void netd_batch_send(struct netd_batch *b)
{
	int r;

	if (b->n == 0)
		return;
	r = b->kernel->apply(b->kernel->user, b->list, b->n);
	if (r < 0 && !b->error)
		b->error = r;
	for (size_t i = 0; r < 0 && i < b->n; i++) {
		char text[CHANGE_STRLEN];

		if (!b->list[i].error)
			continue;
		log_error("%s: %s", change_format(&b->list[i], text),
			  b->list[i].error == -EEXIST
				  ? "another keying daemon's policy stands in "
				    "this place; it is left alone"
				  : strerror(-b->list[i].error));
	}
	b->n = 0;
}

void netd_batch_policy(struct netd_batch *b, enum change_op op,
		       const struct kpolicy *p)
{
	if (b->stands && b->stands(b->user, p))
		return;
	b->made++;
	if (!b->list)
		b->list = calloc(NETD_BATCH, sizeof(*b->list));
	if (!b->list) {
		b->error = -ENOMEM;
		return;
	}
	b->list[b->n++] = (struct change){ .op = op, .policy = *p };
	if (b->n == NETD_BATCH)
		netd_batch_send(b);
}

int netd_batch_done(struct netd_batch *b)
{
	netd_batch_send(b);
	free(b->list);
	b->list = NULL;
	return b->error;
}
