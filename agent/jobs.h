/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The crypto threads: they run IKE jobs and hand them back over an eventfd.
 * Threads are started when there is work that nobody is free for, up to one a
 * core. The queue is bounded by LIMIT_JOBS.
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

#endif
