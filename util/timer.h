/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hierarchical timer wheel. Arming, moving and cancelling cost the same at one
 * timer and at a million. Time is milliseconds of a monotonic clock and always
 * an argument: the wheel reads no clock. A timer never fires early, and at
 * most one tick (1 ms) late for deadlines within 256 ms of now, else within
 * 1 % of the time it was armed for.
 */
#ifndef TACIT_UTIL_TIMER_H
#define TACIT_UTIL_TIMER_H

#include <stdbool.h>
#include <stdint.h>

struct timer;
struct timer_wheel;

/* May arm and cancel any timer, itself included. */
typedef void (*timer_func)(struct timer *t, uint64_t now, void *user);

/* Embedded in its owner; zero-initialise, then timer_init(). Cancel before
 * freeing the owner. */
struct timer {
	struct timer *next, **prev; /* prev is NULL when not armed */
	uint64_t deadline;
	timer_func func;
};

void timer_init(struct timer *t, timer_func func);
bool timer_armed(const struct timer *t);

/* user is handed to every timer function. */
struct timer_wheel *timer_wheel_new(uint64_t now, void *user);
struct timer_wheel *timer_wheel_free(struct timer_wheel *w);
/* Arms, or moves one that is armed. A deadline in the past fires at the next
 * run. */
void timer_arm(struct timer_wheel *w, struct timer *t, uint64_t deadline);
/* Idempotent. */
void timer_cancel(struct timer_wheel *w, struct timer *t);
/* Fires everything due at now, in order of deadline as far as the wheel's
 * resolution tells them apart. */
void timer_wheel_run(struct timer_wheel *w, uint64_t now);
/* When timer_wheel_run() is next worth calling (never later than the earliest
 * deadline's firing), or UINT64_MAX. */
uint64_t timer_wheel_deadline(const struct timer_wheel *w);

#endif
