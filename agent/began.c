/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/began.h"

#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "util/limits.h"
#include "util/log.h"

void began_done(struct began *b)
{
	free(b->list);
	*b = (struct began){ 0 };
}

static int add(struct began *b, const struct record_began *r)
{
	struct record_connection *list;

	if (b->n + r->n > LIMIT_CONNECTIONS_PAIR)
		return -1;
	list = reallocarray(b->list, b->n + r->n, sizeof(*list));
	if (!list)
		return -1;
	memcpy(list + b->n, r->list, r->n * sizeof(*list));
	b->list = list;
	b->n += r->n;
	return 0;
}

void began_on_record(struct agent *a, const struct record_began *r)
{
	struct flow *f = flow_table_get(a->flows, &r->local, &r->remote);

	if (!f)
		return;
	if (r->first)
		began_done(&f->began);
	if (r->n && add(&f->began, r) < 0)
		log_error("Not all connections in the clear are known.");
}

bool began_has(const struct began *b, const struct socket_info *s)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->list[i].protocol == s->protocol &&
		    b->list[i].local_port == s->local.port &&
		    b->list[i].remote_port == s->remote.port)
			return true;
	return false;
}
