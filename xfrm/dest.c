/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Destinations in a hash map, and in one list for each kind of deadline.
 */
#include "xfrm/dest.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/limits.h"

/* [from][to] */
static const bool legal_moves[DEST_STATES][DEST_STATES] = {
	[DEST_NEW] = { [DEST_HOLDING] = true, [DEST_REMEMBERED] = true },
	[DEST_HOLDING] = { [DEST_PASSING] = true, [DEST_REMEMBERED] = true },
	[DEST_PASSING] = { [DEST_PASSING] = true, [DEST_REMEMBERED] = true },
	[DEST_REMEMBERED] = { [DEST_PASSING] = true, [DEST_REMEMBERED] = true },
};

void dest_table_init(struct dest_table *t, const struct hash_key *key,
		     uint32_t wait_ms)
{
	memset(t, 0, sizeof(*t));
	hmap_init(&t->map);
	t->key = *key;
	t->wait_ms = wait_ms;
	TAILQ_INIT(&t->offer);
	TAILQ_INIT(&t->require);
	TAILQ_INIT(&t->passing);
	TAILQ_INIT(&t->remembered);
}

void dest_table_done(struct dest_table *t)
{
	struct hmap_node *n;

	while ((n = hmap_any(&t->map)))
		dest_remove(t, container_of(n, struct dest, node));
	hmap_done(&t->map);
}

/* Without the scopes: those that share an element are found together. */
static uint64_t hash_of(const struct dest_table *t, const struct addr *local,
			const struct addr *remote)
{
	uint8_t pair[2 * sizeof(local->bytes)];

	memcpy(pair, local->bytes, sizeof(local->bytes));
	memcpy(pair + sizeof(local->bytes), remote->bytes,
	       sizeof(remote->bytes));
	return hash_bytes(&t->key, pair, sizeof(pair));
}

static bool same_bytes(const struct addr *a, const struct addr *b)
{
	return a->family == b->family &&
	       memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* An unknown scope (0) may be any. */
static bool matches(const struct addr *a, const struct addr *b)
{
	return same_bytes(a, b) &&
	       (a->scope == b->scope || a->scope == 0 || b->scope == 0);
}

struct dest *dest_get(const struct dest_table *t, const struct addr *local,
		      const struct addr *remote)
{
	struct dest *near = NULL;

	hmap_for_each (n, &t->map, hash_of(t, local, remote)) {
		struct dest *d = container_of(n, struct dest, node);

		if (addr_equal(&d->local, local) &&
		    addr_equal(&d->remote, remote))
			return d;
		if (matches(&d->local, local) && matches(&d->remote, remote))
			near = d;
	}
	return near;
}

struct dest *dest_new(struct dest_table *t, const struct addr *local,
		      const struct addr *remote)
{
	struct dest *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->local = *local;
	d->remote = *remote;
	d->state = DEST_NEW;
	d->fate = DEST_WAIT;
	d->wait_ms = t->wait_ms;
	if (hmap_insert(&t->map, &d->node, hash_of(t, local, remote)) < 0) {
		free(d);
		return NULL;
	}
	return d;
}

static struct dest_list *list_of(struct dest_table *t, const struct dest *d)
{
	switch (d->state) {
	case DEST_HOLDING:
		return d->require ? &t->require : &t->offer;
	case DEST_PASSING:
		return &t->passing;
	case DEST_REMEMBERED:
		return &t->remembered;
	case DEST_NEW:
	case DEST_STATES:
		break;
	}
	return NULL;
}

static void leave(struct dest_table *t, struct dest *d)
{
	struct dest_list *list = list_of(t, d);

	if (list)
		TAILQ_REMOVE(list, d, link);
	if (d->state == DEST_HOLDING)
		t->n_holding--;
	if (d->state == DEST_REMEMBERED)
		t->n_remembered--;
	t->n_packets -= d->n;
	free(d->packets);
	d->packets = NULL;
	d->n = d->cap = 0;
}

void dest_remove(struct dest_table *t, struct dest *d)
{
	leave(t, d);
	hmap_remove(&t->map, &d->node);
	free(d);
}

static uint32_t stay_ms(const struct dest *d)
{
	switch (d->state) {
	case DEST_HOLDING:
		return d->require ? LIMIT_HELD_REQUIRE_MS : d->wait_ms;
	case DEST_PASSING:
		return DEST_QUIET_MS;
	case DEST_REMEMBERED:
		return DEST_REMEMBERED_MS;
	case DEST_NEW:
	case DEST_STATES:
		break;
	}
	return 0;
}

/* Most come with the latest deadline: only offers have different times. */
static void enter(struct dest_list *list, struct dest *d)
{
	struct dest *before = TAILQ_LAST(list, dest_list);

	while (before && before->deadline > d->deadline)
		before = TAILQ_PREV(before, dest_list, link);
	if (before)
		TAILQ_INSERT_AFTER(list, before, d, link);
	else
		TAILQ_INSERT_HEAD(list, d, link);
}

void dest_set_state(struct dest_table *t, struct dest *d, enum dest_state to,
		    uint64_t now)
{
	assert(legal_moves[d->state][to]);
	leave(t, d);
	d->state = to;
	d->since = now;
	d->deadline = now + stay_ms(d);
	enter(list_of(t, d), d);
	if (to == DEST_HOLDING)
		t->n_holding++;
	if (to == DEST_REMEMBERED)
		t->n_remembered++;
}

void dest_touch(struct dest_table *t, struct dest *d, uint64_t now)
{
	if (d->state != DEST_PASSING || now - d->since >= DEST_PASSING_MS)
		return;
	TAILQ_REMOVE(&t->passing, d, link);
	d->deadline = now + DEST_QUIET_MS;
	TAILQ_INSERT_TAIL(&t->passing, d, link);
}

bool dest_has_room(const struct dest_table *t, const struct dest *d)
{
	if (t->n_packets >= LIMIT_HELD)
		return false;
	return d ? d->n < LIMIT_HELD_PEER : t->n_holding < LIMIT_HELD_PEERS;
}

int dest_hold(struct dest_table *t, struct dest *d, const struct dest_packet *p)
{
	if (d->n == d->cap) {
		uint16_t cap = d->cap ? (uint16_t)(d->cap * 2) : 2;
		struct dest_packet *packets =
			realloc(d->packets, cap * sizeof(*packets));

		if (!packets)
			return -ENOMEM;
		d->packets = packets;
		d->cap = cap;
	}
	d->packets[d->n++] = *p;
	t->n_packets++;
	return 0;
}

bool dest_shares_drain(const struct dest_table *t, const struct dest *d)
{
	hmap_for_each (n, &t->map, d->node.hash) {
		struct dest *other = container_of(n, struct dest, node);

		if (other != d && other->drains &&
		    other->require == d->require &&
		    same_bytes(&other->local, &d->local) &&
		    same_bytes(&other->remote, &d->remote))
			return true;
	}
	return false;
}

static struct dest *due(const struct dest_list *list, uint64_t now)
{
	struct dest *d = TAILQ_FIRST(list);

	return d && d->deadline <= now ? d : NULL;
}

struct dest *dest_due(const struct dest_table *t, uint64_t now, bool passing)
{
	struct dest *d = due(&t->offer, now);

	if (!d)
		d = due(&t->require, now);
	if (!d && passing)
		d = due(&t->passing, now);
	return d ? d : due(&t->remembered, now);
}

struct dest_list *dest_holding(struct dest_table *t, bool require)
{
	return require ? &t->require : &t->offer;
}

uint64_t dest_deadline(const struct dest_table *t)
{
	const struct dest_list *const lists[] = { &t->offer, &t->require,
						  &t->passing, &t->remembered };
	uint64_t first = UINT64_MAX;

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		const struct dest *d = TAILQ_FIRST(lists[i]);

		if (d && d->deadline < first)
			first = d->deadline;
	}
	return first;
}
