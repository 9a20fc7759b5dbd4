/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A short list: only those that fail are in it. */
#include "agent/gateways.h"

#include <string.h>

/* First time; doubles with each failure in a row. */
#define REST_MS	    5000u
#define REST_MS_MAX (60 * 60 * 1000u)

static size_t find(const struct gateways *g, const struct addr *gateway)
{
	size_t i = 0;

	while (i < LIMIT_GATEWAYS && !addr_equal(&g->list[i].addr, gateway))
		i++;
	return i;
}

bool gateways_rest(const struct gateways *g, uint64_t now,
		   const struct addr *gateway)
{
	size_t at = find(g, gateway);

	return at < LIMIT_GATEWAYS && now < g->list[at].until;
}

/* A place for one: free, or that of who failed longest ago. */
static struct gateway *place(struct gateways *g)
{
	struct gateway *best = &g->list[0];

	for (size_t i = 0; i < LIMIT_GATEWAYS; i++) {
		if (!g->list[i].addr.family)
			return &g->list[i];
		if (g->list[i].failed_at < best->failed_at)
			best = &g->list[i];
	}
	return best;
}

void gateways_failed(struct gateways *g, uint64_t now,
		     const struct addr *gateway)
{
	size_t at = find(g, gateway);
	struct gateway *x = at < LIMIT_GATEWAYS ? &g->list[at] : place(g);
	uint64_t rest = REST_MS;

	if (at == LIMIT_GATEWAYS)
		*x = (struct gateway){ .addr = *gateway };
	for (unsigned i = 0; i < x->failures && rest < REST_MS_MAX; i++)
		rest *= 2;
	if (x->failures < UINT8_MAX)
		x->failures++;
	x->until = now + (rest < REST_MS_MAX ? rest : REST_MS_MAX);
	x->failed_at = now;
}

void gateways_work(struct gateways *g, const struct addr *gateway)
{
	size_t at = find(g, gateway);

	if (at < LIMIT_GATEWAYS)
		g->list[at] = (struct gateway){ 0 };
}

void gateways_forget(struct gateways *g)
{
	memset(g, 0, sizeof(*g));
}
