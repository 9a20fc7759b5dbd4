/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * util/timer.c: named cases, and random operations against a list of
 * deadlines.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "util/timer.h"

#define START 1000000u

static struct {
	struct timer timer;
	unsigned int fired;
	uint64_t at;
} probe;

static void probe_fired(struct timer *t, uint64_t now, void *user)
{
	assert_ptr_equal(t, &probe.timer);
	assert_ptr_equal(user, &probe);
	assert_false(timer_armed(t));
	probe.fired++;
	probe.at = now;
}

static struct timer_wheel *probe_wheel(void)
{
	struct timer_wheel *w = timer_wheel_new(START, &probe);

	assert_non_null(w);
	memset(&probe, 0, sizeof(probe));
	timer_init(&probe.timer, probe_fired);
	return w;
}

/* Exact at every distance, run at each millisecond around it. */
static void test_exact(void **state)
{
	static const uint64_t delays[] = {
		1,
		2,
		63,
		64,
		65,
		127,
		128,
		255,
		256,
		257,
		4095,
		4096,
		4097,
		30000,
		60000,
		65535,
		3600000,
		86400000,
		604800000,
		1ull << 32,
		1ull << 40,
		1ull << 59,
		(1ull << 60) - START,
		1ull << 63,
		UINT64_MAX - START,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
		struct timer_wheel *w = probe_wheel();
		uint64_t at = START + delays[i];

		timer_arm(w, &probe.timer, at);
		assert_true(timer_armed(&probe.timer));
		timer_wheel_run(w, START);
		timer_wheel_run(w, START + delays[i] / 2);
		timer_wheel_run(w, at - 1);
		assert_int_equal(probe.fired, 0);
		assert_true(timer_wheel_deadline(w) == at);
		timer_wheel_run(w, at);
		assert_int_equal(probe.fired, 1);
		assert_true(probe.at == at);
		assert_true(timer_wheel_deadline(w) == UINT64_MAX);
		timer_wheel_free(w);
	}
}

/* A loop that sleeps until timer_wheel_deadline() wakes a few times only. */
static void test_no_spin(void **state)
{
	static const uint64_t delays[] = { 1, 100, 5000, 3600000, 86400000000 };

	(void)state;
	for (size_t i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
		struct timer_wheel *w = probe_wheel();
		uint64_t now = START, next;
		unsigned int wakes = 0;

		timer_arm(w, &probe.timer, START + delays[i]);
		while (!probe.fired) {
			next = timer_wheel_deadline(w);
			assert_true(next > now);
			assert_true(next <= START + delays[i]);
			now = next;
			timer_wheel_run(w, now);
			assert_in_range(++wakes, 1, 8);
		}
		assert_true(now == START + delays[i]);
		timer_wheel_free(w);
	}
}

static void test_past(void **state)
{
	static const uint64_t deadlines[] = { 0, 1, START - 1, START };

	(void)state;
	for (size_t i = 0; i < sizeof(deadlines) / sizeof(deadlines[0]); i++) {
		struct timer_wheel *w = probe_wheel();

		timer_arm(w, &probe.timer, deadlines[i]);
		assert_true(timer_wheel_deadline(w) <= START);
		timer_wheel_run(w, START);
		assert_int_equal(probe.fired, 1);
		assert_true(timer_wheel_deadline(w) == UINT64_MAX);
		timer_wheel_run(w, START + 10);
		assert_int_equal(probe.fired, 1);
		timer_wheel_free(w);
	}
}

static void test_cancel_and_move(void **state)
{
	struct timer_wheel *w = probe_wheel();

	(void)state;
	timer_cancel(w, &probe.timer);
	timer_arm(w, &probe.timer, START + 10);
	timer_cancel(w, &probe.timer);
	timer_cancel(w, &probe.timer);
	assert_false(timer_armed(&probe.timer));
	assert_true(timer_wheel_deadline(w) == UINT64_MAX);
	timer_arm(w, &probe.timer, START);
	timer_cancel(w, &probe.timer);
	timer_wheel_run(w, START + 20);
	assert_int_equal(probe.fired, 0);

	timer_arm(w, &probe.timer, START + 30);
	timer_arm(w, &probe.timer, START + 5000);
	timer_wheel_run(w, START + 4999);
	assert_int_equal(probe.fired, 0);
	timer_arm(w, &probe.timer, START + 5001);
	timer_wheel_run(w, START + 5001);
	assert_int_equal(probe.fired, 1);
	timer_wheel_free(w);
}

/* The wheel is freed first: the timers are not armed any more. */
static void test_free_disarms(void **state)
{
	struct timer_wheel *w = probe_wheel();
	struct timer other = { 0 };

	(void)state;
	timer_init(&other, probe_fired);
	timer_arm(w, &probe.timer, START + 1000);
	timer_arm(w, &other, START);
	assert_null(timer_wheel_free(w));
	assert_false(timer_armed(&probe.timer));
	assert_false(timer_armed(&other));
	timer_cancel(NULL, &other);
	assert_null(timer_wheel_free(NULL));
}

/* A clock that goes back fires nothing early and loses nothing. */
static void test_clock_back(void **state)
{
	(void)state;
	for (uint64_t delay = 1; delay < 5000; delay++) {
		struct timer_wheel *w = probe_wheel();

		timer_arm(w, &probe.timer, START + delay);
		timer_wheel_run(w, START + delay / 2);
		timer_wheel_run(w, START - 3000);
		timer_wheel_run(w, START + delay - 1);
		assert_int_equal(probe.fired, 0);
		timer_wheel_run(w, START + delay);
		assert_int_equal(probe.fired, 1);
		/* Nor does a timer see it go back. */
		timer_arm(w, &probe.timer, START);
		timer_wheel_run(w, START);
		assert_true(probe.at == START + delay);
		timer_wheel_free(w);
	}
}

/* A timer that arms itself for now runs once a run, not for ever. */
struct looping {
	struct timer timer;
	struct timer_wheel *wheel;
	unsigned int fired;
};

static void looping_fired(struct timer *t, uint64_t now, void *user)
{
	struct looping *l = user;

	if (++l->fired < 1000)
		timer_arm(l->wheel, t, l->fired % 2 ? now : now - 3);
}

static void test_rearm_now(void **state)
{
	struct looping l = { 0 };

	(void)state;
	l.wheel = timer_wheel_new(START, &l);
	timer_init(&l.timer, looping_fired);
	timer_arm(l.wheel, &l.timer, START + 5);
	for (unsigned int i = 1; i <= 10; i++) {
		timer_wheel_run(l.wheel, START + 5 + i / 2);
		assert_int_equal(l.fired, i);
		assert_true(timer_wheel_deadline(l.wheel) <= START + 5 + i / 2);
	}
	timer_wheel_free(l.wheel);
}

/* --- the model --------------------------------------------------------- */

#define TIMERS 300

struct model_timer {
	struct timer timer;
	bool armed;
	bool past;	   /* its deadline was over when it was armed */
	uint64_t deadline; /* exact */
	unsigned int run;  /* during which run it was armed, or 0 */
};

static struct {
	struct timer_wheel *wheel;
	struct model_timer t[TIMERS];
	uint64_t now;
	unsigned int run;
	bool running, fired_future;
	uint64_t last; /* deadline fired last in this run */
	unsigned long fired;
} model;

static uint64_t random_time(void)
{
	unsigned int scale = (unsigned int)random() % 28;
	uint64_t delay = (uint64_t)random() & ((1ull << scale) - 1);

	if (random() % 16 == 0)
		return model.now - delay % 1000;
	return model.now + delay;
}

static void model_arm(struct model_timer *m)
{
	m->armed = true;
	m->deadline = random_time();
	m->past = m->deadline <= model.now;
	m->run = model.running ? model.run : 0;
	timer_arm(model.wheel, &m->timer, m->deadline);
}

static void model_cancel(struct model_timer *m)
{
	m->armed = false;
	timer_cancel(model.wheel, &m->timer);
}

static struct model_timer *random_timer(void)
{
	return &model.t[random() % TIMERS];
}

static void model_fired(struct timer *t, uint64_t now, void *user)
{
	struct model_timer *m = (struct model_timer *)t;

	assert_ptr_equal(user, &model);
	assert_true(now == model.now);
	assert_true(m->armed);
	assert_true(m->deadline <= now);  /* never early */
	assert_true(m->run != model.run); /* not armed in this very run */
	/* Those for the past come first, the others in order. */
	if (m->past) {
		assert_false(model.fired_future);
	} else {
		assert_true(m->deadline >= model.last);
		model.last = m->deadline;
		model.fired_future = true;
	}
	m->armed = false;
	model.fired++;
	if (random() % 4 == 0)
		model_arm(m);
	if (random() % 8 == 0)
		model_cancel(random_timer());
	if (random() % 8 == 0)
		model_arm(random_timer());
}

static uint64_t model_earliest(void)
{
	uint64_t earliest = UINT64_MAX;

	for (unsigned int i = 0; i < TIMERS; i++)
		if (model.t[i].armed && model.t[i].deadline < earliest)
			earliest = model.t[i].deadline;
	return earliest;
}

static void model_run(uint64_t now)
{
	model.now = now;
	model.run++;
	model.last = 0;
	model.fired_future = false;
	model.running = true;
	timer_wheel_run(model.wheel, now);
	model.running = false;
	for (unsigned int i = 0; i < TIMERS; i++) {
		struct model_timer *m = &model.t[i];

		/* Nothing that was due is left, but what came in this run. */
		assert_true(!m->armed || m->deadline > now ||
			    m->run == model.run);
		assert_int_equal(timer_armed(&m->timer), m->armed);
	}
}

static void test_model(void **state)
{
	(void)state;
	srandom(4);
	memset(&model, 0, sizeof(model));
	model.now = START;
	model.wheel = timer_wheel_new(START, &model);
	for (unsigned int i = 0; i < TIMERS; i++)
		timer_init(&model.t[i].timer, model_fired);
	for (int step = 0; step < 60000; step++) {
		uint64_t next = timer_wheel_deadline(model.wheel);
		long what = random() % 10;

		/* Never later than the earliest, and only then at once. */
		assert_true(next <= model_earliest() || next <= model.now);
		assert_true((next <= model.now) ==
			    (model_earliest() <= model.now));
		if (what < 5)
			model_arm(random_timer());
		else if (what < 7)
			model_cancel(random_timer());
		else if (what < 9)
			model_run(next == UINT64_MAX || next < model.now
					  ? model.now
					  : next);
		else
			model_run(model.now + (uint64_t)(random() % 2000));
	}
	assert_true(model.fired > 5000);
	timer_wheel_free(model.wheel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exact),
		cmocka_unit_test(test_no_spin),
		cmocka_unit_test(test_past),
		cmocka_unit_test(test_cancel_and_move),
		cmocka_unit_test(test_free_disarms),
		cmocka_unit_test(test_clock_back),
		cmocka_unit_test(test_rearm_now),
		cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
