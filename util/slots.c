/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Objects by handle. Free slots wait in a queue, not on a stack, so that a
 * slot rests as long as possible and a generation comes round again only
 * after 2^32 uses of one slot.
 */
#include "util/slots.h"

#include <errno.h>
#include <stdlib.h>

#define SLOTS_FIRST 16u
#define SLOT_NONE   UINT32_MAX

struct slot {
	void *object; /* NULL: free */
	uint32_t generation;
	uint32_t next_free;
};

struct slots {
	struct slot *slot;
	uint32_t cap, limit, count;
	uint32_t free_head, free_tail;
};

struct slots *slots_new(uint32_t limit)
{
	struct slots *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->limit = limit;
	s->free_head = s->free_tail = SLOT_NONE;
	return s;
}

struct slots *slots_free(struct slots *s)
{
	if (s)
		free(s->slot);
	free(s);
	return NULL;
}

static void slots_release(struct slots *s, uint32_t index)
{
	s->slot[index].next_free = SLOT_NONE;
	if (s->free_head == SLOT_NONE)
		s->free_head = index;
	else
		s->slot[s->free_tail].next_free = index;
	s->free_tail = index;
}

static int slots_grow(struct slots *s)
{
	uint32_t cap = s->cap ? s->cap : SLOTS_FIRST / 2;
	struct slot *slot;

	cap = cap > s->limit / 2 ? s->limit : cap * 2;
	slot = reallocarray(s->slot, cap, sizeof(*slot));
	if (!slot)
		return -ENOMEM;
	s->slot = slot;
	for (uint32_t i = s->cap; i < cap; i++) {
		slot[i] = (struct slot){ .generation = 1 };
		slots_release(s, i);
	}
	s->cap = cap;
	return 0;
}

int slots_add(struct slots *s, void *object, struct handle *ret)
{
	struct slot *slot;
	uint32_t index;
	int r;

	if (!object)
		return -EINVAL;
	if (s->count >= s->limit)
		return -ENOSPC;
	if (s->free_head == SLOT_NONE) {
		r = slots_grow(s);
		if (r < 0)
			return r;
	}
	index = s->free_head;
	slot = &s->slot[index];
	s->free_head = slot->next_free;
	slot->object = object;
	s->count++;
	*ret = (struct handle){ index, slot->generation };
	return 0;
}

static struct slot *slots_find(const struct slots *s, struct handle h)
{
	struct slot *slot;

	if (h.index >= s->cap)
		return NULL;
	slot = &s->slot[h.index];
	if (!slot->object || slot->generation != h.generation)
		return NULL;
	return slot;
}

void *slots_get(const struct slots *s, struct handle h)
{
	struct slot *slot = slots_find(s, h);

	return slot ? slot->object : NULL;
}

void *slots_remove(struct slots *s, struct handle h)
{
	struct slot *slot = slots_find(s, h);
	void *object;

	if (!slot)
		return NULL;
	object = slot->object;
	slot->object = NULL;
	if (++slot->generation == 0)
		slot->generation = 1;
	slots_release(s, h.index);
	s->count--;
	return object;
}

uint32_t slots_count(const struct slots *s)
{
	return s->count;
}

void *slots_next(const struct slots *s, uint32_t *cursor)
{
	while (*cursor < s->cap) {
		void *object = s->slot[(*cursor)++].object;

		if (object)
			return object;
	}
	return NULL;
}
