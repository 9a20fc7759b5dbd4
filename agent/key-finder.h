/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asks the key sources in order, also those that answer later, and tells who
 * asked what the first one said that knows the peer.
 */
#ifndef TACIT_AGENT_KEY_FINDER_H
#define TACIT_AGENT_KEY_FINDER_H

#include "agent/key-source.h"

#define KEY_FINDER_SOURCES 4u

struct key_finder;

/* For whom a question is; who comes back with the answer. */
struct key_asker {
	/* As struct key_source's find(), but never -EINPROGRESS. The answer's
	 * references are the callee's. */
	void (*found)(void *user, struct handle who, int found,
		      struct key_answer *answer);
	void *user;
	struct handle who;
};

/* 0; -ENOMEM. */
int key_finder_new(struct key_finder **ret) __attribute__((warn_unused_result));
/* No answer comes any more; takes NULL. Before its sources are freed. */
struct key_finder *key_finder_free(struct key_finder *f);
/* Behind those that are there, KEY_FINDER_SOURCES at most. */
void key_finder_add(struct key_finder *f, const struct key_source *source);

/*
 * As struct key_source's find(), q without a ticket. -ENETUNREACH where one
 * source could not tell and no other knows. The lifetime is the shortest that a
 * source gave, for errors too. -EINPROGRESS: asker->found() follows, once,
 * never from within this call.
 */
int key_finder_ask(struct key_finder *f, const struct key_question *q,
		   const struct key_asker *asker, struct key_answer *ret)
	__attribute__((warn_unused_result));
/* There are other policies: those of questions that wait are what of() says of
 * them; NULL: none. */
void key_finder_set_policies(
	struct key_finder *f,
	const struct policy *(*of)(void *user, const struct key_question *q),
	void *user);
/* A source that said -EINPROGRESS has its answer, whose references are taken.
 * Stale tickets are passed over. */
void key_finder_on_answer(struct key_finder *f, struct handle ticket, int found,
			  struct key_answer *answer);

#endif
