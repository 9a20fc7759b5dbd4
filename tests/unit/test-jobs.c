/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The crypto threads, with a stand-in for the engine's jobs. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "agent/jobs.h"
#include "util/limits.h"

struct ike_job {
	int number;
	bool ran;
};

static atomic_int freed;

void ike_job_run(struct ike_job *job)
{
	job->ran = true;
}

struct ike_job *ike_job_free(struct ike_job *job)
{
	free(job);
	freed++;
	return NULL;
}

static struct ike_job *job_new(int number)
{
	struct ike_job *job = calloc(1, sizeof(*job));

	assert_non_null(job);
	job->number = number;
	return job;
}

static void test_run(void **state)
{
	struct jobs *j;
	unsigned done = 0, sum = 0;

	(void)state;
	assert_int_equal(jobs_new(&j), 0);
	for (int i = 1; i <= 1000; i++)
		assert_int_equal(jobs_add(j, job_new(i)), 0);
	while (done < 1000) {
		struct pollfd p = { jobs_fd(j), POLLIN, 0 };
		struct ike_job *job;

		assert_int_equal(poll(&p, 1, 10000), 1);
		while ((job = jobs_take(j))) {
			assert_true(job->ran);
			sum += (unsigned)job->number;
			done++;
			free(job);
		}
	}
	assert_int_equal(sum, 500500);
	jobs_free(j);
}

/* Nobody takes: the limit counts what is finished too. */
static void test_limit(void **state)
{
	struct jobs *j;
	struct ike_job *extra = job_new(0);

	(void)state;
	freed = 0;
	assert_int_equal(jobs_new(&j), 0);
	for (unsigned i = 0; i < LIMIT_JOBS; i++)
		assert_int_equal(jobs_add(j, job_new(1)), 0);
	assert_int_equal(jobs_add(j, extra), -ENOBUFS);
	free(extra);
	jobs_free(j);
	assert_int_equal(freed, LIMIT_JOBS);
}

/* A lone job is the loop's; a burst, or an expensive one, the threads'. */
static void test_inline(void **state)
{
	const uint64_t second = 1000000;
	uint64_t now = 5 * second;
	unsigned n = 0;
	struct jobs *j;

	(void)state;
	assert_int_equal(jobs_new(&j), 0);
	assert_true(jobs_inline(j, now));
	/* A burst in one turn: until the budget is used up. */
	for (; jobs_inline(j, now); n++)
		jobs_inline_spent(j, 150);
	assert_int_equal(n, (JOBS_INLINE_BURST_US + 149) / 150);
	/* It comes back with time, and slowly. */
	assert_false(jobs_inline(j, now + 100));
	now += 4000;
	for (n = 0; jobs_inline(j, now); n++)
		jobs_inline_spent(j, 150);
	assert_in_range(n, 10, 4000 * JOBS_INLINE_SHARE_US / 1000 / 150 + 1);
	/* However long it was idle, it has no more than one burst. */
	now += 3600 * second;
	for (n = 0; jobs_inline(j, now); n++)
		jobs_inline_spent(j, JOBS_INLINE_DEAR_US);
	assert_int_equal(n, JOBS_INLINE_BURST_US / JOBS_INLINE_DEAR_US);
	/* One expensive job is paid for before the next one. */
	now += second;
	assert_true(jobs_inline(j, now));
	jobs_inline_spent(j, 20000);
	assert_false(jobs_inline(j, now + 100000));
	assert_true(jobs_inline(j, now + 200000));
	/* A clock that jumps back gives nothing, and breaks nothing. */
	assert_true(jobs_inline(j, 0));
	jobs_free(j);
}

/* Never past jobs that threads have, nor past results not yet taken: so a
 * storm stays with the threads to its end. */
static void test_inline_busy(void **state)
{
	struct pollfd p;
	struct jobs *j;
	struct ike_job *job;

	(void)state;
	assert_int_equal(jobs_new(&j), 0);
	assert_true(jobs_inline(j, 1));
	assert_int_equal(jobs_add(j, job_new(1)), 0);
	assert_false(jobs_inline(j, 1));
	p = (struct pollfd){ jobs_fd(j), POLLIN, 0 };
	assert_int_equal(poll(&p, 1, 10000), 1);
	assert_false(jobs_inline(j, 1));
	job = jobs_take(j);
	assert_non_null(job);
	free(job);
	assert_true(jobs_inline(j, 1));
	jobs_free(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_run),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_inline),
		cmocka_unit_test(test_inline_busy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
