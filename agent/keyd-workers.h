/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The threads of tacit-keyd: they sign what takes long, and make keys.
 * Results come back over an eventfd, in any order. Bounded by LIMIT_KEYD_JOBS.
 */
#ifndef TACIT_AGENT_KEYD_WORKERS_H
#define TACIT_AGENT_KEYD_WORKERS_H

#include "agent/keyd-keys.h"
#include "agent/keyd-record.h"
#include "agent/keyd-rotate.h"

struct keyd_workers;

/* One piece of work; its owner's but between add and take. */
struct keyd_job {
	struct keyd_job *next;
	uint64_t link;		   /* of the agent that asked */
	struct keyd_record record; /* the request; wiped when it is done */
	EVP_PKEY *key;		   /* a reference; NULL: make the one wanted */
	struct keyd_wanted wanted;
	struct keyd_record reply; /* KEYD_SIGNED */
	struct own_key made;	  /* with made_error 0 */
	int made_error;
};

/* A job for this record, which is copied, or a key to be made. -ENOMEM. */
int keyd_job_new(const struct keyd_record *r, const struct own_key *key,
		 struct keyd_job **ret) __attribute__((warn_unused_result));
int keyd_job_new_key(const struct keyd_wanted *wanted, struct keyd_job **ret)
	__attribute__((warn_unused_result));
struct keyd_job *keyd_job_free(struct keyd_job *j);
/* What a thread does with it. */
void keyd_job_run(struct keyd_job *j);

/* A signature that takes less than handing it to a thread and back: tens of
 * microseconds. */
bool keyd_sign_is_cheap(const EVP_PKEY *key);
/* At once: the answer to a record that has been checked. */
void keyd_sign(const struct keyd_record *r, EVP_PKEY *key,
	       struct keyd_record *reply);

/* 0 or -errno. */
int keyd_workers_new(struct keyd_workers **ret)
	__attribute__((warn_unused_result));
/* Waits for the threads. Takes NULL. */
struct keyd_workers *keyd_workers_free(struct keyd_workers *w);
/* Readable when a job is done. */
int keyd_workers_fd(const struct keyd_workers *w);
/* -ENOBUFS at the limit; -EAGAIN without a thread. The job stays the
 * caller's then. */
int keyd_workers_add(struct keyd_workers *w, struct keyd_job *j)
	__attribute__((warn_unused_result));
struct keyd_job *keyd_workers_take(struct keyd_workers *w);

#endif
