/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every answer here is shorter than what it answers, and no answer is ever
 * answered.
 */
#include "ike/stranger.h"

#include <errno.h>

#include "ike/core.h"
#include "util/slots.h"

int ike_strangers_init(struct ike_strangers *s)
{
	s->replies_prefix = ratelimit_table_new(LIMIT_IKE_REPLY_PREFIXES);
	return s->replies_prefix ? 0 : -ENOMEM;
}

void ike_strangers_done(struct ike_strangers *s)
{
	s->replies_prefix = ratelimit_table_free(s->replies_prefix);
}

static uint64_t prefix_hash(const struct ike_engine *e,
			    const struct addr *remote)
{
	struct prefix p =
		prefix_of(remote, remote->family == AF_INET ? 32 : 64);

	return hash_bytes(&e->hash_key, p.addr.bytes, sizeof(p.addr.bytes));
}

/* Waits for an expensive job that somebody else has started. */
static bool is_working(const struct ike_sa *sa, uint8_t state)
{
	return state == IKE_SA_RESPOND ||
	       (state == IKE_SA_VERIFY && !sa->initiator);
}

static void append(struct ike_strangers *s, struct ike_sa *sa)
{
	sa->older = s->newest;
	*(s->newest ? &s->newest->newer : &s->oldest) = sa;
	s->newest = sa;
}

static void take_out(struct ike_strangers *s, struct ike_sa *sa)
{
	*(sa->older ? &sa->older->newer : &s->oldest) = sa->newer;
	*(sa->newer ? &sa->newer->older : &s->newest) = sa->older;
	sa->older = sa->newer = NULL;
}

void ike_stranger_moved(struct ike_engine *e, struct ike_sa *sa, uint8_t from,
			uint8_t to)
{
	struct ike_strangers *s = &e->strangers;
	bool was = ike_sa_is_half_open(sa, from);
	bool is = ike_sa_is_half_open(sa, to);

	s->jobs += is_working(sa, to);
	s->jobs -= is_working(sa, from);
	if (is && !was) {
		sa->bucket = (uint16_t)(prefix_hash(e, &sa->remote.addr) %
					LIMIT_IKE_STRANGER_BUCKETS);
		s->by_prefix[sa->bucket]++;
		s->half_open++;
		append(s, sa);
	} else if (was && !is) {
		s->by_prefix[sa->bucket]--;
		s->half_open--;
		take_out(s, sa);
	}
}

/* Of the oldest ones: of this bucket, or (any) of the busiest. What waits for a
 * job is not among them: its cost would come on top. */
static struct ike_sa *find_victim(const struct ike_strangers *s,
				  uint64_t bucket, bool any)
{
	struct ike_sa *found = NULL, *sa = s->oldest;

	for (unsigned i = 0; sa && i < LIMIT_IKE_HALF_OPEN_LOOK;
	     sa = sa->newer, i++) {
		if (is_working(sa, sa->state) || (!any && sa->bucket != bucket))
			continue;
		if (!any)
			return sa;
		if (!found ||
		    s->by_prefix[sa->bucket] > s->by_prefix[found->bucket])
			found = sa;
	}
	return found;
}

bool ike_stranger_make_room(struct ike_engine *e, const struct addr *remote)
{
	struct ike_strangers *s = &e->strangers;
	uint64_t bucket = prefix_hash(e, remote) % LIMIT_IKE_STRANGER_BUCKETS;
	bool mine = s->by_prefix[bucket] >= LIMIT_IKE_HALF_OPEN_PREFIX;
	struct ike_sa *victim;

	if (!mine && s->half_open < LIMIT_IKE_HALF_OPEN)
		return true;
	victim = find_victim(s, bucket, !mine);
	if (!victim)
		return false;
	e->counters.half_open_evicted++;
	ike_sa_end(e, victim, IKE_REASON_RESOURCES, 0);
	return true;
}

void ike_stranger_settle(struct ike_engine *e, struct ike_sa *sa)
{
	if (sa->initiator)
		return;
	sa->settled = true;
	e->strangers.established[sa->bucket]++;
}

void ike_stranger_leave(struct ike_engine *e, struct ike_sa *sa,
			struct ike_sa *heir)
{
	if (!sa->settled)
		return;
	sa->settled = false;
	if (heir) {
		heir->settled = true;
		heir->bucket = sa->bucket;
	} else {
		e->strangers.established[sa->bucket]--;
	}
}

enum ike_stranger_verdict ike_stranger_judge(const struct ike_engine *e,
					     const struct addr *remote)
{
	const struct ike_strangers *s = &e->strangers;
	uint64_t bucket = prefix_hash(e, remote) % LIMIT_IKE_STRANGER_BUCKETS;

	if (s->established[bucket] >= LIMIT_IKE_SAS_PREFIX)
		return IKE_STRANGER_NO;
	if (slots_count(e->sas) >= LIMIT_IKE_SAS ||
	    s->jobs >= LIMIT_IKE_STRANGER_JOBS)
		return IKE_STRANGER_NO;
	return s->half_open >= e->config.cookie_threshold
		       ? IKE_STRANGER_PROVE
		       : IKE_STRANGER_WELCOME;
}

/* May one more unprotected answer go there? */
static bool may_reply(struct ike_engine *e, uint64_t now,
		      const struct endpoint *remote)
{
	struct ike_strangers *s = &e->strangers;

	return ratelimit_table_take(
		       s->replies_prefix, prefix_hash(e, &remote->addr), now,
		       LIMIT_IKE_REPLY_PREFIX, LIMIT_IKE_REPLY_PREFIX) &&
	       ratelimit_take(&s->replies, now, LIMIT_IKE_REPLY_RATE,
			      LIMIT_IKE_REPLY_RATE);
}

/* 1.5: outside of any SA, as a response with the SPIs, exchange and message ID
 * of the request. */
static void reply(struct ike_engine *e, uint64_t now,
		  const struct endpoint *local, const struct endpoint *remote,
		  const struct ike_header *request, uint16_t notify)
{
	struct ike_header h = *request;
	struct ike_outgoing out;

	if (!may_reply(e, now, remote))
		return;
	h.flags = IKE_FLAG_RESPONSE |
		  (ike_header_from_initiator(request) ? 0 : IKE_FLAG_INITIATOR);
	ike_builder_init(&out.b, out.buf, sizeof(out.buf), &h);
	ike_notify_write(&out.b, notify, NULL, 0);
	if (ike_builder_finish(&out.b) < 0)
		return;
	e->counters.stray_replies++;
	ike_engine_send(e, (struct handle){ 0 }, local, remote, out.buf,
			out.b.w.len);
}

void ike_stranger_unknown(struct ike_engine *e, const struct ike_arrival *a)
{
	const struct ike_header *h = &a->m->header;

	/* 2.21.4: a response to nothing is not answered. */
	if (ike_header_is_response(h) || !ike_message_is_protected(a->m))
		return;
	reply(e, a->now, a->local, a->remote, h, IKE_NOTIFY_INVALID_IKE_SPI);
}

void ike_stranger_version(struct ike_engine *e, uint64_t now,
			  const struct endpoint *local,
			  const struct endpoint *remote, const void *data,
			  size_t len)
{
	struct ike_header h;

	/* 2.5: of a higher version only; our own stands in the answer. */
	if (ike_header_parse_any(data, len, &h) > (int)(IKE_VERSION >> 4) &&
	    !ike_header_is_response(&h))
		reply(e, now, local, remote, &h,
		      IKE_NOTIFY_INVALID_MAJOR_VERSION);
}

static bool says_unknown(const struct ike_message *m)
{
	const struct ike_payload *p = ike_message_find(m, IKE_PAYLOAD_NOTIFY);
	struct ike_notify n;

	return p && ike_notify_parse(p, &n) == 0 &&
	       n.type == IKE_NOTIFY_INVALID_IKE_SPI;
}

void ike_stranger_suspect(struct ike_engine *e, uint64_t now, struct ike_sa *sa)
{
	if ((sa->hinted_at && now < sa->hinted_at + LIMIT_IKE_HINT_MS) ||
	    !ratelimit_take(&e->strangers.hints, now, LIMIT_IKE_HINT_RATE,
			    LIMIT_IKE_HINT_RATE))
		return;
	sa->hinted_at = now;
	/* An unanswered request of ours is such a check already. */
	ike_info_check(e, now, sa);
}

void ike_stranger_hint(struct ike_engine *e, const struct ike_arrival *a,
		       struct ike_sa *sa)
{
	if (ike_header_is_response(&a->m->header) && says_unknown(a->m) &&
	    endpoint_equal(a->remote, &sa->remote))
		ike_stranger_suspect(e, a->now, sa);
}
