/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The timer wheel: levels of 64 slots, one bitmap word a level. A timer lies
 * on the level of the highest group of six bits in which its deadline differs
 * from the wheel's time, in the slot of those bits. So the first slot of the
 * lowest level in use is what comes next; when its time has come, the timers
 * of a higher level fall to lower ones, and those of level 0 fire. Each timer
 * falls a few times in its life and fires to the millisecond.
 */
#include "util/timer.h"

#include <stddef.h>
#include <stdlib.h>

#define LEVEL_BITS 6
#define SLOTS	   (1u << LEVEL_BITS)
#define LEVELS	   11 /* 66 bits: any deadline */

struct timer_wheel {
	uint64_t now;
	uint64_t run_until; /* the time of the run under way, else now */
	void *user;
	struct timer *due;    /* armed for the past: the next run's */
	struct timer *firing; /* taken out of a slot, about to fire */
	uint64_t used[LEVELS];
	struct timer *slot[LEVELS][SLOTS];
};

void timer_init(struct timer *t, timer_func func)
{
	*t = (struct timer){ .func = func };
}

bool timer_armed(const struct timer *t)
{
	return t->prev != NULL;
}

struct timer_wheel *timer_wheel_new(uint64_t now, void *user)
{
	struct timer_wheel *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->now = w->run_until = now;
	w->user = user;
	return w;
}

static void timer_link(struct timer **list, struct timer *t)
{
	t->next = *list;
	t->prev = list;
	if (t->next)
		t->next->prev = &t->next;
	*list = t;
}

static void timer_unlink(struct timer *t)
{
	*t->prev = t->next;
	if (t->next)
		t->next->prev = t->prev;
	t->next = NULL;
	t->prev = NULL;
}

/* The list takes over what is in *from. */
static void timer_splice(struct timer **to, struct timer **from)
{
	*to = *from;
	*from = NULL;
	if (*to)
		(*to)->prev = to;
}

static void timer_disarm_all(struct timer **list)
{
	while (*list)
		timer_unlink(*list);
}

struct timer_wheel *timer_wheel_free(struct timer_wheel *w)
{
	if (!w)
		return NULL;
	timer_disarm_all(&w->due);
	timer_disarm_all(&w->firing);
	for (unsigned int level = 0; level < LEVELS; level++)
		for (unsigned int i = 0; i < SLOTS; i++)
			timer_disarm_all(&w->slot[level][i]);
	free(w);
	return NULL;
}

/* Where a deadline after the wheel's time belongs. It stays right as the time
 * goes on, until the slot's own time has come. */
static unsigned int timer_place(const struct timer_wheel *w, uint64_t deadline,
				unsigned int *ret_level)
{
	unsigned int bit =
		63 - (unsigned int)__builtin_clzll(deadline ^ w->now);
	unsigned int level = bit / LEVEL_BITS;

	*ret_level = level;
	return (deadline >> (level * LEVEL_BITS)) & (SLOTS - 1);
}

static void timer_put(struct timer_wheel *w, struct timer *t)
{
	unsigned int level, i = timer_place(w, t->deadline, &level);

	timer_link(&w->slot[level][i], t);
	w->used[level] |= 1ull << i;
}

void timer_arm(struct timer_wheel *w, struct timer *t, uint64_t deadline)
{
	timer_cancel(w, t);
	t->deadline = deadline;
	if (deadline <= w->run_until)
		timer_link(&w->due, t);
	else
		timer_put(w, t);
}

void timer_cancel(struct timer_wheel *w, struct timer *t)
{
	unsigned int level, i;

	if (!timer_armed(t))
		return;
	timer_unlink(t);
	if (t->deadline <= w->now)
		return;
	/* It may have been on another list; the bit is right in any case. */
	i = timer_place(w, t->deadline, &level);
	if (!w->slot[level][i])
		w->used[level] &= ~(1ull << i);
}

/* The time of the first slot in use, or false when there is none. */
static bool timer_next(const struct timer_wheel *w, uint64_t *ret_time,
		       unsigned int *ret_level)
{
	unsigned int level = 0, i, shift;
	uint64_t above;

	while (level < LEVELS && !w->used[level])
		level++;
	if (level == LEVELS)
		return false;
	i = (unsigned int)__builtin_ctzll(w->used[level]);
	shift = level * LEVEL_BITS;
	above = shift + LEVEL_BITS < 64
			? w->now >> (shift + LEVEL_BITS) << (shift + LEVEL_BITS)
			: 0;
	*ret_time = above | (uint64_t)i << shift;
	*ret_level = level;
	return true;
}

static void timer_fire(struct timer_wheel *w)
{
	struct timer *t;

	while ((t = w->firing)) {
		timer_unlink(t);
		t->func(t, w->run_until, w->user);
	}
}

/* The wheel's time has reached this slot: its timers fire or fall. */
static void timer_open_slot(struct timer_wheel *w, unsigned int level)
{
	unsigned int i = (w->now >> (level * LEVEL_BITS)) & (SLOTS - 1);
	struct timer *fallen, *t;

	w->used[level] &= ~(1ull << i);
	timer_splice(&fallen, &w->slot[level][i]);
	while ((t = fallen)) {
		timer_unlink(t);
		if (t->deadline <= w->now)
			timer_link(&w->firing, t);
		else
			timer_put(w, t);
	}
}

void timer_wheel_run(struct timer_wheel *w, uint64_t now)
{
	unsigned int level;
	uint64_t at;

	if (now < w->now)
		now = w->now;
	w->run_until = now;
	timer_splice(&w->firing, &w->due);
	timer_fire(w);
	while (timer_next(w, &at, &level) && at <= now) {
		w->now = at;
		timer_open_slot(w, level);
		timer_fire(w);
	}
	w->now = now;
}

uint64_t timer_wheel_deadline(const struct timer_wheel *w)
{
	unsigned int level;
	uint64_t at;

	if (w->due)
		return w->now;
	return timer_next(w, &at, &level) ? at : UINT64_MAX;
}
