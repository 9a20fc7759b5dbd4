/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Admission: how much IKE a stranger, or a burst of our own traffic, may set
 * off. Initiations are limited in number (the rest wait in order), in rate,
 * and in rate per destination prefix, because a flood with forged sources
 * makes us answer, and so knock at victims; answers are limited in rate per
 * source prefix. The limits are in util/limits.h.
 */
#ifndef TACIT_AGENT_ADMISSION_H
#define TACIT_AGENT_ADMISSION_H

#include "util/addr.h"
#include "util/hmap.h"
#include "util/slots.h"

enum admission_result {
	ADMISSION_GO = 0,  /* counts as under way until admission_done() */
	ADMISSION_WAIT,	   /* try again when one is done, or in a moment */
	ADMISSION_REFUSED, /* too many to this prefix */
};

struct admission_counters {
	uint64_t admitted, refused, queue_full, answers_refused, unprovoked;
};

struct admission;

struct admission *admission_new(const struct hash_key *key);
struct admission *admission_free(struct admission *a);

/* May an initiation toward remote start now? */
enum admission_result admission_initiate(struct admission *a, uint64_t now,
					 const struct addr *remote);
/* What was let go goes on with another remote: may it? Counts its prefix. */
bool admission_also(struct admission *a, uint64_t now,
		    const struct addr *remote);
/* May a packet of ours that answers somebody's set off a look-up or IKE with
 * remote now? Its source may be forged, and remote a victim. */
bool admission_provoked(struct admission *a, uint64_t now,
			const struct addr *remote);
/* One that was let go has ended, in whatever way. */
void admission_done(struct admission *a);

/* The waiting line, first in, first out. -ENOBUFS at its limit. */
int admission_enqueue(struct admission *a, struct handle flow)
	__attribute__((warn_unused_result));
/* The first in line, which stays there; none when nobody waits. */
struct handle admission_peek(const struct admission *a);
void admission_dequeue(struct admission *a);

/* May we answer an IKE_SA_INIT from remote now? */
bool admission_answer(struct admission *a, uint64_t now,
		      const struct addr *remote);

const struct admission_counters *admission_count(const struct admission *a);

#endif
