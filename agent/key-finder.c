/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/key-finder.h"

#include <errno.h>
#include <stdlib.h>

#include "util/limits.h"

/* A question that waits for a source. */
struct asked {
	struct key_question q; /* its policy: key_finder_set_policies() */
	struct key_asker asker;
	size_t next; /* the source to ask after this one */
	int so_far;  /* what those before said, -ENOENT or -ENETUNREACH */
	uint64_t lifetime_ms;
};

struct key_finder {
	struct key_source sources[KEY_FINDER_SOURCES];
	size_t n;
	struct slots *asked;
};

int key_finder_new(struct key_finder **ret)
{
	struct key_finder *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->asked = slots_new(LIMIT_KEY_WAITERS);
	if (!f->asked) {
		free(f);
		return -ENOMEM;
	}
	*ret = f;
	return 0;
}

struct key_finder *key_finder_free(struct key_finder *f)
{
	uint32_t cursor = 0;
	struct asked *a;

	if (!f)
		return NULL;
	while ((a = slots_next(f->asked, &cursor))) {
		(void)slots_remove(f->asked, a->q.ticket);
		free(a);
	}
	slots_free(f->asked);
	free(f);
	return NULL;
}

void key_finder_add(struct key_finder *f, const struct key_source *source)
{
	if (f->n < KEY_FINDER_SOURCES)
		f->sources[f->n++] = *source;
}

/* Takes what one source said into what all said; true: that is the end. */
static bool settle(struct asked *a, int *found, struct key_answer *answer)
{
	if (answer->lifetime_ms &&
	    (!a->lifetime_ms || answer->lifetime_ms < a->lifetime_ms))
		a->lifetime_ms = answer->lifetime_ms;
	answer->lifetime_ms = a->lifetime_ms;
	if (*found == -ENETUNREACH)
		a->so_far = *found;
	else if (*found != -ENOENT)
		return true;
	*found = a->so_far;
	return false;
}

/* From its next source on. */
static int go_on(struct key_finder *f, struct asked *a, struct key_answer *ret)
{
	int found = a->so_far;

	*ret = (struct key_answer){ .lifetime_ms = a->lifetime_ms };
	while (a->next < f->n) {
		const struct key_source *s = &f->sources[a->next++];
		struct key_answer answer = { 0 };

		found = s->find(s->user, &a->q, &answer);
		if (found == -EINPROGRESS)
			return found;
		if (found < 0)
			key_answer_done(&answer);
		if (settle(a, &found, &answer)) {
			*ret = answer;
			return found;
		}
		*ret = (struct key_answer){ .lifetime_ms = a->lifetime_ms };
	}
	return found;
}

int key_finder_ask(struct key_finder *f, const struct key_question *q,
		   const struct key_asker *asker, struct key_answer *ret)
{
	struct asked *a = calloc(1, sizeof(*a));
	struct handle ticket;
	int found;

	if (!a || slots_add(f->asked, a, &a->q.ticket) < 0) {
		free(a);
		*ret = (struct key_answer){ 0 };
		return -ENETUNREACH;
	}
	ticket = a->q.ticket;
	a->q = *q;
	a->q.ticket = ticket;
	a->asker = *asker;
	a->so_far = -ENOENT;
	found = go_on(f, a, ret);
	if (found != -EINPROGRESS) {
		(void)slots_remove(f->asked, a->q.ticket);
		free(a);
	}
	return found;
}

void key_finder_set_policies(
	struct key_finder *f,
	const struct policy *(*of)(void *user, const struct key_question *q),
	void *user)
{
	static const struct policy none = { .level = POLICY_FORBID };
	uint32_t cursor = 0;
	struct asked *a;

	while ((a = slots_next(f->asked, &cursor))) {
		const struct policy *p = of(user, &a->q);

		a->q.policy = p ? p : &none;
	}
}

void key_finder_on_answer(struct key_finder *f, struct handle ticket, int found,
			  struct key_answer *answer)
{
	struct asked *a = slots_get(f->asked, ticket);
	struct key_answer next;
	struct key_asker asker;

	if (!a) {
		key_answer_done(answer);
		return;
	}
	if (found < 0)
		key_answer_done(answer);
	if (!settle(a, &found, answer)) {
		found = go_on(f, a, &next);
		answer = &next;
	}
	if (found == -EINPROGRESS)
		return;
	asker = a->asker;
	(void)slots_remove(f->asked, ticket);
	free(a);
	asker.found(asker.user, asker.who, found, answer);
}
