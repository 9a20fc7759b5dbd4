/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Crypto threads. One mutex guards both rings; a job is run outside of it.
 */
#include "agent/jobs.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "util/limits.h"

/* Enough for the deepest of OpenSSL's curves, small beside the default. */
#define JOBS_STACK   (256 * 1024)
#define JOBS_THREADS 64

struct jobs_ring {
	struct ike_job *slot[LIMIT_JOBS];
	unsigned first, count;
};

struct jobs {
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct jobs_ring todo, done;
	unsigned running; /* jobs in the hands of threads */
	unsigned idle, threads, max_threads;
	bool stop;
	int fd;
	/* The loop's alone: its budget, negative after an expensive job. */
	int64_t budget_us;
	uint64_t budget_at_us; /* when it was last added to */
	pthread_t thread[JOBS_THREADS];
};

static void ring_put(struct jobs_ring *r, struct ike_job *job)
{
	r->slot[(r->first + r->count++) % LIMIT_JOBS] = job;
}

static struct ike_job *ring_take(struct jobs_ring *r)
{
	struct ike_job *job;

	if (!r->count)
		return NULL;
	job = r->slot[r->first];
	r->first = (r->first + 1) % LIMIT_JOBS;
	r->count--;
	return job;
}

static void *jobs_thread(void *arg)
{
	struct jobs *j = arg;
	const uint64_t one = 1;

	pthread_mutex_lock(&j->lock);
	for (;;) {
		struct ike_job *job;
		bool first;

		j->idle++;
		while (!j->stop && !j->todo.count)
			pthread_cond_wait(&j->work, &j->lock);
		j->idle--;
		if (j->stop)
			break;
		job = ring_take(&j->todo);
		j->running++;
		pthread_mutex_unlock(&j->lock);
		ike_job_run(job);
		pthread_mutex_lock(&j->lock);
		j->running--;
		first = j->done.count == 0;
		ring_put(&j->done, job);
		/* Whoever put the first one there says so, once for those that
		 * come behind it; without the lock, which others want. */
		if (!first)
			continue;
		pthread_mutex_unlock(&j->lock);
		/* Only a full counter could make it fail: it wakes anyway. */
		(void)!write(j->fd, &one, sizeof(one));
		pthread_mutex_lock(&j->lock);
	}
	pthread_mutex_unlock(&j->lock);
	return NULL;
}

int jobs_new(struct jobs **ret)
{
	struct jobs *j = calloc(1, sizeof(*j));
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (!j)
		return -ENOMEM;
	j->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (j->fd < 0) {
		int r = -errno;

		free(j);
		return r;
	}
	pthread_mutex_init(&j->lock, NULL);
	pthread_cond_init(&j->work, NULL);
	j->budget_us = JOBS_INLINE_BURST_US;
	j->max_threads = cores < 1		? 1
			 : cores > JOBS_THREADS ? JOBS_THREADS
						: (unsigned)cores;
	*ret = j;
	return 0;
}

struct jobs *jobs_free(struct jobs *j)
{
	struct ike_job *job;

	if (!j)
		return NULL;
	pthread_mutex_lock(&j->lock);
	j->stop = true;
	pthread_cond_broadcast(&j->work);
	pthread_mutex_unlock(&j->lock);
	for (unsigned i = 0; i < j->threads; i++)
		pthread_join(j->thread[i], NULL);
	while ((job = ring_take(&j->todo)) || (job = ring_take(&j->done)))
		ike_job_free(job);
	pthread_mutex_destroy(&j->lock);
	pthread_cond_destroy(&j->work);
	close(j->fd);
	free(j);
	return NULL;
}

int jobs_fd(const struct jobs *j)
{
	return j->fd;
}

/* Signals belong to the event loop's thread alone. */
static int jobs_start_thread(struct jobs *j)
{
	pthread_attr_t attr;
	sigset_t all, before;
	int r;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, JOBS_STACK);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&j->thread[j->threads], &attr, jobs_thread, j);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (r == 0)
		j->threads++;
	return -r;
}

int jobs_add(struct jobs *j, struct ike_job *job)
{
	int r = 0;

	pthread_mutex_lock(&j->lock);
	if (j->todo.count + j->done.count + j->running >= LIMIT_JOBS) {
		r = -ENOBUFS;
	} else {
		if (j->idle <= j->todo.count && j->threads < j->max_threads)
			r = jobs_start_thread(j);
		if (j->threads > 0)
			r = 0; /* those that there are will do */
	}
	if (r == 0)
		ring_put(&j->todo, job);
	pthread_mutex_unlock(&j->lock);
	/* Not with the lock held: the thread would wake to wait for it. */
	if (r == 0)
		pthread_cond_signal(&j->work);
	return r;
}

struct ike_job *jobs_take(struct jobs *j)
{
	struct ike_job *job;
	uint64_t n;

	pthread_mutex_lock(&j->lock);
	job = ring_take(&j->done);
	/* Emptied under the lock, so that no wake-up is lost: the next job
	 * is a first one. */
	if (!job && read(j->fd, &n, sizeof(n)) < 0)
		n = 0;
	pthread_mutex_unlock(&j->lock);
	return job;
}

bool jobs_inline(struct jobs *j, uint64_t now_us)
{
	const uint64_t most = UINT64_C(1000) * JOBS_INLINE_BURST_US;
	uint64_t passed =
		now_us > j->budget_at_us ? now_us - j->budget_at_us : 0;
	bool busy;

	if (passed >= 1000) {
		/* What is under a millisecond counts the next time. */
		j->budget_at_us = now_us - passed % 1000;
		passed = passed < most ? passed : most;
		j->budget_us += (int64_t)(passed / 1000 * JOBS_INLINE_SHARE_US);
		if (j->budget_us > JOBS_INLINE_BURST_US)
			j->budget_us = JOBS_INLINE_BURST_US;
	}
	pthread_mutex_lock(&j->lock);
	busy = j->todo.count + j->done.count + j->running > 0;
	pthread_mutex_unlock(&j->lock);
	return !busy && j->budget_us > 0;
}

void jobs_inline_spent(struct jobs *j, uint64_t spent_us)
{
	const uint64_t most = UINT64_C(1000) * JOBS_INLINE_BURST_US;

	if (spent_us > JOBS_INLINE_DEAR_US)
		spent_us *= JOBS_INLINE_DEAR;
	j->budget_us -= (int64_t)(spent_us < most ? spent_us : most);
}
