/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who runs IKE jobs. The crypto threads run them and hand them back over an
 * eventfd; they are started when there is work that nobody is free for, up to
 * one a core, and their queue is bounded by LIMIT_JOBS.
 *
 * Handing a job over costs a third of a cheap one (on a machine of one core, a
 * tick of its scheduler besides), so the loop runs cheap ones itself: while no
 * thread has any, for half of its time, and out of a budget that a burst, or one
 * expensive job, uses up at once: jobs_inline().
 */
#ifndef TACIT_AGENT_JOBS_H
#define TACIT_AGENT_JOBS_H

#include "ike/engine.h"

struct jobs;

/* 0 or -errno. */
int jobs_new(struct jobs **ret) __attribute__((warn_unused_result));
/* Waits for the threads, frees what was not run; takes NULL. */
struct jobs *jobs_free(struct jobs *j);
/* Readable when a job is finished. */
int jobs_fd(const struct jobs *j);
/* Queues the job. -ENOBUFS at the limit, -EAGAIN when no thread can be had;
 * the job stays the caller's then. */
int jobs_add(struct jobs *j, struct ike_job *job)
	__attribute__((warn_unused_result));
/* A finished job, oldest first, or NULL. */
struct ike_job *jobs_take(struct jobs *j);

/* The loop's time for jobs, microseconds: at once, and of each millisecond; one
 * that takes longer than DEAR_US counts so many times. */
#define JOBS_INLINE_BURST_US 4000
#define JOBS_INLINE_SHARE_US 500
#define JOBS_INLINE_DEAR_US  500
#define JOBS_INLINE_DEAR     5

/* May the loop itself run the next job? Times are microseconds, monotonic. */
bool jobs_inline(struct jobs *j, uint64_t now_us);
/* It has run one, which took so long. */
void jobs_inline_spent(struct jobs *j, uint64_t spent_us);

#endif
