/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What strangers may cost us. Half-open IKE SAs, and those that ended before they
 * were established but still repeat why, are counted in all and by source prefix
 * (an IPv4 address, an IPv6 /64), their key agreements and proofs that are still
 * out as jobs, and the unprotected answers that they get to messages that nobody
 * can read (RFC 7296 2.21.4, 2.5) have a rate. Prefixes share
 * LIMIT_IKE_STRANGER_BUCKETS counters under a random hash, so that counting
 * takes no memory that a flood could ask for.
 *
 * Where the table is full a newcomer that has shown its address takes the place
 * of an old one, of the busiest source if possible: who is honest needs a round
 * trip or two and is long through, who is not locks nobody out.
 */
#ifndef TACIT_IKE_STRANGER_H
#define TACIT_IKE_STRANGER_H

#include "ike/engine.h"
#include "ike/message.h"
#include "util/ratelimit.h"

struct ike_sa;
struct ike_arrival;

struct ike_strangers {
	struct ike_sa *oldest, *newest; /* in the order in which they came */
	uint32_t half_open, jobs;
	uint16_t by_prefix[LIMIT_IKE_STRANGER_BUCKETS];
	uint16_t established[LIMIT_IKE_STRANGER_BUCKETS];
	struct ratelimit replies, hints;
	struct ratelimit_table *replies_prefix;
};

/* 0; -ENOMEM. */
int ike_strangers_init(struct ike_strangers *s)
	__attribute__((warn_unused_result));
void ike_strangers_done(struct ike_strangers *s);

/* sa goes from one state to another: ike_sa_set_state() says so. */
void ike_stranger_moved(struct ike_engine *e, struct ike_sa *sa, uint8_t from,
			uint8_t to);

/* sa, which its peer has begun, counts while it is established: from when it is
 * until it is freed, or another one takes its place (heir; NULL: it is gone). */
void ike_stranger_settle(struct ike_engine *e, struct ike_sa *sa);
void ike_stranger_leave(struct ike_engine *e, struct ike_sa *sa,
			struct ike_sa *heir);

enum ike_stranger_verdict {
	IKE_STRANGER_WELCOME,
	IKE_STRANGER_PROVE, /* its address, by a cookie (2.6) */
	IKE_STRANGER_NO,    /* not a word */
};
/* Of a new IKE_SA_INIT request, before anything is done for it. */
enum ike_stranger_verdict ike_stranger_judge(const struct ike_engine *e,
					     const struct addr *remote);
/* A place for one more of that source, which may cost another one its own.
 * False: there is none. */
bool ike_stranger_make_room(struct ike_engine *e, const struct addr *remote);

/* A protected request for an IKE SA that is not here: INVALID_IKE_SPI. */
void ike_stranger_unknown(struct ike_engine *e, const struct ike_arrival *a);
/* A datagram that did not parse: INVALID_MAJOR_VERSION where that is why. */
void ike_stranger_version(struct ike_engine *e, uint64_t now,
			  const struct endpoint *local,
			  const struct endpoint *remote, const void *data,
			  size_t len);
/* The peer of an established SA may be gone: a liveness check, at a bounded
 * rate. */
void ike_stranger_suspect(struct ike_engine *e, uint64_t now,
			  struct ike_sa *sa);
/* An unprotected message for an SA of ours. 2.4: at most a hint that the peer
 * may have lost it, which is looked into at a bounded rate. */
void ike_stranger_hint(struct ike_engine *e, const struct ike_arrival *a,
		       struct ike_sa *sa);

#endif
