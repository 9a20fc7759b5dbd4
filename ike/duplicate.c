/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One IKE SA per pair of addresses survives.
 *
 * A new SA whose start came after the other was established takes its place.
 * Two that overlap, one initiated by each side, both finish (only then is the
 * peer of each authenticated); then the one that holds the lowest of the four
 * nonces loses, as RFC 7296 2.8.1 has it for rekeying. Both sides see the same
 * nonces, and who has sent IKE_AUTH has had its IKE_SA_INIT answered, so both
 * also agree on what overlaps. The side that initiated the loser deletes it;
 * the other one waits longer and then does so too. An attempt of ours that
 * has not sent IKE_AUTH gives way as soon as the peer's is established.
 *
 * Nobody takes the place of somebody: while the SA of a peer that has proven
 * who it is lives, an anonymous one between the same two addresses is refused,
 * and that of the proven peer is checked, so that only its death makes room.
 * Of two that overlap the one with more proofs stays, which both sides see
 * alike, and only then do the nonces decide. Where the sides see it differently
 * all the same, the loser serves again when the peer deletes the other one.
 *
 * Other implementations have other rules: one that drops its own attempt when
 * ours is established would be talked to in vain. So one that the peer
 * initiated takes the place of ours only when it is proven, by a liveness check
 * that is made at once or by anything else that arrives on it; until then it
 * only receives.
 */
#include <string.h>

#include "ike/core.h"

/* How much longer the side waits that did not initiate the loser. */
#define FALLBACK 4u

static bool is_alive(const struct ike_sa *sa)
{
	return sa->state == IKE_SA_ESTABLISHED;
}

static bool is_attempt(const struct ike_sa *sa)
{
	switch ((enum ike_sa_state)sa->state) {
	case IKE_SA_GENERATE:
	case IKE_SA_INIT_SENT:
	case IKE_SA_DERIVE:
		return true;
	case IKE_SA_IDENTIFY:
	case IKE_SA_SIGN:
		return sa->initiator;
	case IKE_SA_NONE:
	case IKE_SA_AUTH_SENT:
	case IKE_SA_VERIFY:
	case IKE_SA_RESPOND:
	case IKE_SA_INIT_DONE:
	case IKE_SA_ESTABLISHED:
	case IKE_SA_CHILDLESS:
	case IKE_SA_HEIR:
	case IKE_SA_REKEYED:
	case IKE_SA_DELETING:
	case IKE_SA_LINGER:
	case IKE_SA_DEAD:
		break;
	}
	return false;
}

bool ike_duplicate_exists(const struct ike_engine *e, const struct ike_sa *sa)
{
	struct ike_sa *o = ike_sa_first_remote(e, ike_sa_selector_peer(sa));

	for (; o; o = ike_sa_next_remote(o))
		if (ike_sa_is_pair(o, sa) && is_alive(o))
			return true;
	return false;
}

struct ike_sa *ike_duplicate_attempt(const struct ike_engine *e,
				     const struct addr *local,
				     const struct addr *remote)
{
	struct ike_sa *o = ike_sa_first_remote(e, remote);

	for (; o; o = ike_sa_next_remote(o))
		if (addr_equal(&o->local.addr, local) && !o->told &&
		    (is_attempt(o) || o->state == IKE_SA_AUTH_SENT ||
		     (o->initiator && o->state == IKE_SA_VERIFY)))
			return o;
	return NULL;
}

static struct ike_sa *find_survivor(const struct ike_engine *e,
				    const struct ike_sa *sa)
{
	struct ike_sa *o = ike_sa_first_remote(e, ike_sa_selector_peer(sa));

	for (; o; o = ike_sa_next_remote(o))
		if (ike_sa_is_pair(o, sa) && is_alive(o) && !o->doomed)
			return o;
	return NULL;
}

static bool overlap(const struct ike_sa *sa, const struct ike_sa *o)
{
	return sa->begun < o->risen && o->begun < sa->risen;
}

/* The new one of two overlapping SAs loses. */
static bool loses(const struct ike_sa *sa, const struct ike_sa *o)
{
	int order = memcmp(sa->lowest, o->lowest, sizeof(sa->lowest));

	if (!sa->proof != !o->proof)
		return !sa->proof;
	if (sa->proofs != o->proofs)
		return sa->proofs < o->proofs;
	/* The same side twice (it restarted): the later attempt counts. */
	if (sa->initiator == o->initiator)
		return sa->begun < o->begun;
	return order ? order < 0 : sa->spi_i < o->spi_i;
}

static void doom(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		 uint32_t wait)
{
	sa->doomed = true;
	sa->doomed_at = now + wait;
	ike_sa_rearm(e, sa);
}

/* sa takes the place of o. */
static void supersede(struct ike_engine *e, uint64_t now,
		      const struct ike_sa *sa, struct ike_sa *o,
		      bool initial_contact)
{
	uint32_t wait = e->config.redundant_ms;

	if (overlap(sa, o)) {
		/* Who goes by the proof may be the only one to see it so. */
		if (!o->initiator && !o->proof == !sa->proof)
			wait *= FALLBACK;
	} else if (initial_contact) {
		/* 2.4: the peer says that it has no other: drop ours. */
		ike_sa_end(e, o, IKE_REASON_REPLACED, 0);
		return;
	}
	if (!o->doomed)
		doom(e, now, o, wait);
}

/* It may yet tell us who the peer is, which sa does not. */
static bool is_better(const struct ike_sa *attempt, const struct ike_sa *sa)
{
	const struct ike_credentials *c = attempt->handshake->credentials;

	return !sa->proof && c && ike_credentials_know_peer(c);
}

/* Attempts of ours that nobody needs any more. */
static void abandon_attempts(struct ike_engine *e, const struct ike_sa *sa)
{
	struct ike_sa *o = ike_sa_first_remote(e, ike_sa_selector_peer(sa)),
		      *next;

	for (; o; o = next) {
		next = ike_sa_next_remote(o);
		if (ike_sa_is_pair(o, sa) && is_attempt(o) && !is_better(o, sa))
			ike_sa_end(e, o, IKE_REASON_REPLACED, 0);
	}
}

/* sa is in use: those of its pair that are not better go. */
static void take_over(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		      bool initial_contact)
{
	struct ike_sa *o, *next;

	for (o = ike_sa_first_remote(e, ike_sa_selector_peer(sa)); o;
	     o = next) {
		next = ike_sa_next_remote(o);
		if (!ike_sa_is_pair(o, sa) || !is_alive(o))
			continue;
		/* It would be better, if it were proven. */
		if (o->up && overlap(sa, o) && loses(sa, o))
			continue;
		supersede(e, now, sa, o, initial_contact);
	}
}

/* One that the peer initiated, and one of ours that it may already have. */
static bool is_contested(const struct ike_engine *e, const struct ike_sa *sa,
			 const struct ike_sa *o)
{
	const struct ike_sa *attempt;

	if (sa->initiator)
		return false;
	if (o && o->initiator && overlap(sa, o))
		return true;
	attempt = ike_duplicate_attempt(e, &sa->local.addr, &sa->remote.addr);
	return attempt && attempt->state == IKE_SA_AUTH_SENT;
}

/* Kept while it does not serve: its CHILD_UP as it will be told if it does. */
static bool keep_up(struct ike_sa *sa, const struct ike_action_node *up)
{
	sa->up = ike_action_node_new();
	if (!sa->up)
		return false;
	sa->up->action = up->action;
	return true;
}

/* The CHILD_UP that was kept; not where the owner was told meanwhile that its
 * Child SA is down. */
static void tell_up(struct ike_engine *e, struct ike_sa *sa)
{
	struct ike_action_node *up = sa->up;
	const struct ike_child *c =
		ike_child_find_in(sa, up->action.child_up.in.spi);

	sa->up = NULL;
	if (c && c->down)
		ike_queue_push(&e->queue, up);
	else
		ike_action_node_free(up);
}

void ike_duplicate_proven(struct ike_engine *e, uint64_t now, struct ike_sa *sa)
{
	if (!sa->up || sa->doomed || sa->state != IKE_SA_ESTABLISHED)
		return;
	tell_up(e, sa);
	take_over(e, now, sa, false);
}

/* What can serve in the place of sa, which is proven first. */
static struct ike_sa *find_substitute(const struct ike_engine *e,
				      const struct ike_sa *sa, bool doomed)
{
	struct ike_sa *o = ike_sa_first_remote(e, ike_sa_selector_peer(sa));

	for (; o; o = ike_sa_next_remote(o))
		if (ike_sa_is_pair(o, sa) && is_alive(o) && o->up &&
		    o->doomed == doomed)
			return o;
	return NULL;
}

void ike_duplicate_ending(struct ike_engine *e, const struct ike_sa *sa,
			  enum ike_reason reason)
{
	/* The peer's own word: then that one is what it goes on with. */
	bool peer = reason == IKE_REASON_DELETED || reason == IKE_REASON_AUTH;
	struct ike_sa *o;

	if (!is_alive(sa) || sa->doomed || sa->up)
		return;
	o = find_substitute(e, sa, false);
	if (!o && peer)
		o = find_substitute(e, sa, true);
	if (!o)
		return;
	o->doomed = false;
	o->check = true;
	ike_sa_rearm(e, o);
	tell_up(e, o);
}

bool ike_duplicate_guarded(struct ike_engine *e, uint64_t now,
			   const struct ike_sa *sa)
{
	struct ike_sa *o = ike_sa_first_remote(e, ike_sa_selector_peer(sa));

	for (; o && !sa->proof; o = ike_sa_next_remote(o)) {
		if (!ike_sa_is_pair(o, sa) || !is_alive(o) || o->doomed ||
		    !o->proof)
			continue;
		ike_stranger_suspect(e, now, o);
		return true;
	}
	return false;
}

void ike_duplicate_resolve(struct ike_engine *e, uint64_t now,
			   struct ike_sa *sa, bool initial_contact,
			   struct ike_action_node *up)
{
	struct ike_sa *o = find_survivor(e, sa);
	bool lost = o && !o->up && overlap(sa, o) && loses(sa, o);
	bool kept, unproven;

	if (!lost && !sa->initiator)
		abandon_attempts(e, sa);
	kept = (lost || is_contested(e, sa, o)) && keep_up(sa, up);
	unproven = kept && !lost;
	sa->check = unproven;
	up->action.child_up.redundant = lost || unproven;
	ike_queue_push(&e->queue, up);
	if (lost) {
		doom(e, now, sa,
		     e->config.redundant_ms * (sa->initiator ? 1 : FALLBACK));
		return;
	}
	if (unproven)
		ike_sa_rearm(e, sa);
	else
		take_over(e, now, sa, initial_contact);
}
