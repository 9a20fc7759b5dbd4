/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counts, buckets and one ring; nothing here knows what a flow is. */
#include "agent/admission.h"

#include <errno.h>
#include <stdlib.h>

#include "util/limits.h"
#include "util/ratelimit.h"

struct admission {
	struct hash_key key;
	uint32_t under_way;
	struct ratelimit initiate;
	struct ratelimit_table *initiate_prefix, *answer_prefix;
	struct ratelimit provoked;
	struct ratelimit_table *provoked_prefix;
	struct handle *line; /* ring of LIMIT_INITIATION_QUEUE, made late */
	uint32_t first, waiting;
	struct admission_counters counters;
};

struct admission *admission_new(const struct hash_key *key)
{
	struct admission *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->key = *key;
	a->initiate_prefix = ratelimit_table_new(LIMIT_RATE_PREFIXES);
	a->answer_prefix = ratelimit_table_new(LIMIT_RATE_PREFIXES);
	a->provoked_prefix = ratelimit_table_new(LIMIT_RATE_PREFIXES);
	if (!a->initiate_prefix || !a->answer_prefix || !a->provoked_prefix)
		return admission_free(a);
	return a;
}

struct admission *admission_free(struct admission *a)
{
	if (!a)
		return NULL;
	ratelimit_table_free(a->initiate_prefix);
	ratelimit_table_free(a->answer_prefix);
	ratelimit_table_free(a->provoked_prefix);
	free(a->line);
	free(a);
	return NULL;
}

static uint64_t admission_key(const struct admission *a,
			      const struct addr *remote, uint8_t len4,
			      uint8_t len6)
{
	struct prefix p =
		prefix_of(remote, remote->family == AF_INET ? len4 : len6);

	return hash_bytes(&a->key, &p.addr, sizeof(p.addr));
}

bool admission_also(struct admission *a, uint64_t now,
		    const struct addr *remote)
{
	bool yes = ratelimit_table_take(
		a->initiate_prefix, admission_key(a, remote, 24, 48), now,
		LIMIT_INITIATE_PREFIX, LIMIT_INITIATE_PREFIX);

	if (!yes)
		a->counters.refused++;
	return yes;
}

enum admission_result admission_initiate(struct admission *a, uint64_t now,
					 const struct addr *remote)
{
	if (a->under_way >= LIMIT_INITIATIONS)
		return ADMISSION_WAIT;
	if (!ratelimit_take(&a->initiate, now, LIMIT_INITIATE_RATE,
			    LIMIT_INITIATE_RATE))
		return ADMISSION_WAIT;
	if (!admission_also(a, now, remote))
		return ADMISSION_REFUSED;
	a->under_way++;
	a->counters.admitted++;
	return ADMISSION_GO;
}

bool admission_provoked(struct admission *a, uint64_t now,
			const struct addr *remote)
{
	bool yes = ratelimit_table_take(
			   a->provoked_prefix, admission_key(a, remote, 24, 48),
			   now, LIMIT_PROVOKED_PREFIX, LIMIT_PROVOKED_PREFIX) &&
		   ratelimit_take(&a->provoked, now, LIMIT_PROVOKED_RATE,
				  LIMIT_PROVOKED_RATE);

	if (!yes)
		a->counters.unprovoked++;
	return yes;
}

void admission_done(struct admission *a)
{
	if (a->under_way)
		a->under_way--;
}

int admission_enqueue(struct admission *a, struct handle flow)
{
	if (!a->line)
		a->line = calloc(LIMIT_INITIATION_QUEUE, sizeof(*a->line));
	if (!a->line || a->waiting == LIMIT_INITIATION_QUEUE) {
		a->counters.queue_full++;
		return -ENOBUFS;
	}
	a->line[(a->first + a->waiting++) % LIMIT_INITIATION_QUEUE] = flow;
	return 0;
}

struct handle admission_peek(const struct admission *a)
{
	if (!a->waiting)
		return (struct handle){ 0 };
	return a->line[a->first];
}

void admission_dequeue(struct admission *a)
{
	if (!a->waiting)
		return;
	a->first = (a->first + 1) % LIMIT_INITIATION_QUEUE;
	a->waiting--;
}

bool admission_answer(struct admission *a, uint64_t now,
		      const struct addr *remote)
{
	bool yes = ratelimit_table_take(a->answer_prefix,
					admission_key(a, remote, 32, 64), now,
					LIMIT_RESPOND_RATE, LIMIT_RESPOND_RATE);

	if (!yes)
		a->counters.answers_refused++;
	return yes;
}

const struct admission_counters *admission_count(const struct admission *a)
{
	return &a->counters;
}
