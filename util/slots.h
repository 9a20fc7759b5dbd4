/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A table of objects reached by handle {index, generation}: a handle outlives
 * its object safely, because freeing a slot changes its generation. The table
 * keeps pointers that it does not own. Lookup is constant; memory grows by
 * doubling up to the limit given and is kept.
 */
#ifndef TACIT_UTIL_SLOTS_H
#define TACIT_UTIL_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Generation 0 is never given out: a zeroed handle is "none". */
struct handle {
	uint32_t index;
	uint32_t generation;
};

struct slots;

struct slots *slots_new(uint32_t limit); /* NULL: out of memory */
struct slots *slots_free(struct slots *s);
/* 0 and *ret; -ENOSPC at the limit; -ENOMEM; -EINVAL for no object. */
int slots_add(struct slots *s, void *object, struct handle *ret)
	__attribute__((warn_unused_result));
/* The object, or NULL when the handle is stale or none. */
void *slots_get(const struct slots *s, struct handle h);
/* Returns the object that was there, or NULL. */
void *slots_remove(struct slots *s, struct handle h);
uint32_t slots_count(const struct slots *s);
/* Iteration in index order, safe against removal of the one just given:
 * start with *cursor 0; NULL at the end. */
void *slots_next(const struct slots *s, uint32_t *cursor);

static inline bool handle_equal(struct handle a, struct handle b)
{
	return a.index == b.index && a.generation == b.generation;
}

static inline bool handle_is_none(struct handle h)
{
	return h.generation == 0;
}

#endif
