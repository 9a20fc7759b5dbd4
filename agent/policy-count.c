/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/policy-count.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void policy_counts_init(struct policy_counts *c, const struct hash_key *key)
{
	hmap_init(&c->by_name);
	c->key = *key;
}

void policy_counts_done(struct policy_counts *c)
{
	struct hmap_node *n;

	while ((n = hmap_any(&c->by_name))) {
		hmap_remove(&c->by_name, n);
		free(container_of(n, struct policy_count, node));
	}
	hmap_done(&c->by_name);
}

static uint64_t name_hash(const struct policy_counts *c, const char *name)
{
	return hash_bytes(&c->key, name, strlen(name));
}

static struct policy_count *counts_find(const struct policy_counts *c,
					const char *name)
{
	hmap_for_each (n, &c->by_name, name_hash(c, name)) {
		struct policy_count *p =
			container_of(n, struct policy_count, node);

		if (!strcmp(p->name, name))
			return p;
	}
	return NULL;
}

const struct policy_count *policy_counts_get(const struct policy_counts *c,
					     const char *name)
{
	return counts_find(c, name);
}

/* NULL: no memory, and this is not counted. */
static struct policy_count *counts_obtain(struct policy_counts *c,
					  const char *name)
{
	struct policy_count *p = counts_find(c, name);

	if (p)
		return p;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	snprintf(p->name, sizeof(p->name), "%s", name);
	if (hmap_insert(&c->by_name, &p->node, name_hash(c, name)) < 0) {
		free(p);
		return NULL;
	}
	return p;
}

static bool has_failed(enum flow_state s)
{
	return s == FLOW_CLEAR || s == FLOW_BLOCKED || s == FLOW_HOLDDOWN;
}

void policy_counts_move(struct policy_counts *c, struct flow *f,
			enum flow_state before)
{
	struct policy_count *p = f->counted;

	if (p)
		p->now[before]--;
	/* A flow at rest is forgotten without a word. */
	p = f->policy && f->state != FLOW_IDLE
		    ? counts_obtain(c, f->policy->name)
		    : NULL;
	f->counted = p;
	if (!p)
		return;
	p->now[f->state]++;
	if (f->state == before)
		return;
	p->established += f->state == FLOW_SECURED;
	p->failed += has_failed(f->state);
}
