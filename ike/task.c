/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an established IKE SA asks of its peer next, and when: one exchange at a
 * time (RFC 7296 2.3). What is wanted is noted in the SA and in its Child SAs,
 * so that no queue can grow; whenever the way is free, the most urgent goes.
 */
#include "ike/core.h"

/* Its own exchange is under way, or its outcome is being computed. */
static bool is_busy(const struct ike_sa *sa)
{
	return ike_request_outstanding(sa) || sa->ours;
}

static uint64_t liveness_at(const struct ike_engine *e, const struct ike_sa *sa)
{
	return e->config.liveness_ms ? sa->last_heard + e->config.liveness_ms
				     : UINT64_MAX;
}

static void earlier(uint64_t *at, uint64_t candidate)
{
	if (candidate && candidate < *at)
		*at = candidate;
}

/* When a Child SA wants something; UINT64_MAX: nothing. */
static uint64_t child_at(const struct ike_child *c)
{
	switch ((enum ike_child_state)c->state) {
	case IKE_CHILD_LIVE:
		return c->rekey ? c->due_at : UINT64_MAX;
	case IKE_CHILD_REPLACED:
	case IKE_CHILD_DELETING:
		return c->due_at;
	case IKE_CHILD_NEW:
		break;
	}
	return UINT64_MAX;
}

static void arm_established(struct ike_engine *e, struct ike_sa *sa)
{
	uint64_t at = UINT64_MAX;

	if (sa->doomed)
		earlier(&at, sa->doomed_at);
	earlier(&at, sa->expires_at);
	if (!is_busy(sa)) {
		if (!sa->doomed)
			earlier(&at, liveness_at(e, sa));
		if (!sa->doomed && !sa->theirs)
			earlier(&at, sa->rekey_at);
		if (sa->check || (sa->add && !sa->theirs && !sa->doomed))
			earlier(&at, sa->last_heard);
		for (struct ike_child *c = sa->children; c; c = c->next)
			if (c->state != IKE_CHILD_LIVE ||
			    (!sa->theirs && !sa->doomed))
				earlier(&at, child_at(c));
	}
	if (sa->ours)
		earlier(&at, sa->ours->deadline);
	if (sa->theirs)
		earlier(&at, sa->theirs->deadline);
	if (at == UINT64_MAX)
		timer_cancel(e->wheel, &sa->life);
	else
		timer_arm(e->wheel, &sa->life, at);
}

void ike_sa_rearm(struct ike_engine *e, struct ike_sa *sa)
{
	switch ((enum ike_sa_state)sa->state) {
	case IKE_SA_ESTABLISHED:
		arm_established(e, sa);
		break;
	case IKE_SA_CHILDLESS:
	case IKE_SA_HEIR:
	case IKE_SA_REKEYED:
		timer_arm(e->wheel, &sa->life, sa->doomed_at);
		break;
	case IKE_SA_DELETING:
		if (sa->ours && sa->ours->deadline)
			timer_arm(e->wheel, &sa->life, sa->ours->deadline);
		else
			timer_cancel(e->wheel, &sa->life);
		break;
	case IKE_SA_NONE:
	case IKE_SA_GENERATE:
	case IKE_SA_INIT_SENT:
	case IKE_SA_DERIVE:
	case IKE_SA_IDENTIFY:
	case IKE_SA_SIGN:
	case IKE_SA_VERIFY:
	case IKE_SA_AUTH_SENT:
	case IKE_SA_RESPOND:
	case IKE_SA_INIT_DONE:
	case IKE_SA_LINGER:
	case IKE_SA_DEAD:
		break; /* their timers are others' */
	}
}

uint64_t ike_task_retry_at(struct ike_engine *e, uint64_t now, unsigned tries)
{
	uint64_t wait = (uint64_t)e->config.retry_ms << (tries < 5 ? tries : 5);
	uint32_t random = 0;

	/* 2.25: not in step with the peer, who may have been put off too. */
	if (ike_engine_random(e, &random, sizeof(random)) < 0)
		random = 0;
	return now + wait / 2 + (wait ? random % wait : 0);
}

/* --- Child SAs ------------------------------------------------------------- */

/* The next one that is to be deleted. */
static struct ike_child *find_delete(const struct ike_sa *sa, uint64_t now)
{
	for (struct ike_child *c = sa->children; c; c = c->next)
		if ((c->state == IKE_CHILD_DELETING ||
		     c->state == IKE_CHILD_REPLACED) &&
		    c->due_at <= now)
			return c;
	return NULL;
}

static struct ike_child *find_rekey(const struct ike_sa *sa, uint64_t now)
{
	for (struct ike_child *c = sa->children; c; c = c->next)
		if (c->state == IKE_CHILD_LIVE && c->rekey && c->due_at <= now)
			return c;
	return NULL;
}

/* --- the IKE SA ------------------------------------------------------------ */

/* The most urgent one. 0; -ENOMEM; -EIO. */
static int start(struct ike_engine *e, uint64_t now, struct ike_sa *sa)
{
	struct ike_child *c = find_delete(sa, now);

	if (c)
		return ike_info_delete_child(e, now, sa, c);
	if (sa->check || (!sa->doomed && now >= liveness_at(e, sa)))
		return ike_info_probe(e, now, sa);
	if (sa->theirs || sa->doomed)
		return 0;
	if (sa->rekey_at && now >= sa->rekey_at)
		return ike_rekey_begin(e, now, sa);
	c = find_rekey(sa, now);
	if (c)
		return ike_child_begin(e, now, sa, c);
	if (sa->add) {
		sa->add--;
		return ike_child_begin(e, now, sa, NULL);
	}
	return 0;
}

/* Without Child SAs it stays for a moment: one may yet be made. */
static void settle(struct ike_engine *e, uint64_t now, struct ike_sa *sa)
{
	if (sa->state == IKE_SA_CHILDLESS &&
	    (sa->children || sa->ours || sa->add))
		ike_sa_set_state(e, sa, IKE_SA_ESTABLISHED);
	if (sa->state == IKE_SA_ESTABLISHED && !sa->children && !sa->ours &&
	    !sa->theirs && !sa->add) {
		ike_sa_set_state(e, sa, IKE_SA_CHILDLESS);
		sa->doomed_at = now + e->config.redundant_ms;
	}
}

void ike_task_next(struct ike_engine *e, uint64_t now, struct ike_sa *sa)
{
	int rc = 0;

	settle(e, now, sa);
	if (!is_busy(sa)) {
		if (sa->state == IKE_SA_DELETING && !sa->delete_sent)
			rc = ike_info_delete(e, now, sa);
		else if (sa->state == IKE_SA_ESTABLISHED)
			rc = start(e, now, sa);
	}
	if (rc < 0)
		ike_sa_end(e, sa, IKE_REASON_RESOURCES, 0);
	else
		ike_sa_rearm(e, sa);
}

void ike_task_due(struct ike_engine *e, uint64_t now, struct ike_sa *sa)
{
	/* Their jobs did not come back. */
	if (sa->ours && sa->ours->deadline && now >= sa->ours->deadline)
		ike_creation_failed(e, now, sa, IKE_REASON_RESOURCES, 0);
	if (sa->theirs && now >= sa->theirs->deadline)
		sa->theirs = ike_creation_free(e, sa->theirs);
	if (sa->state == IKE_SA_ESTABLISHED && sa->doomed &&
	    now >= sa->doomed_at)
		ike_info_close(e, now, sa, IKE_REASON_REPLACED, 0);
	else if (sa->state == IKE_SA_ESTABLISHED && sa->expires_at &&
		 now >= sa->expires_at)
		ike_info_close(e, now, sa, IKE_REASON_EXPIRED, 0);
	else
		ike_task_next(e, now, sa);
}

void ike_task_lifetime(struct ike_engine *e, uint64_t now, struct ike_sa *sa)
{
	uint64_t margin = e->config.margin_ms;
	uint32_t random = 0;

	sa->rekey_at = sa->expires_at = 0;
	sa->rekey_tries = 0;
	if (!e->config.lifetime_ms)
		return;
	if (ike_engine_random(e, &random, sizeof(random)) < 0)
		random = 0;
	sa->expires_at = now + e->config.lifetime_ms;
	margin += margin ? random % margin : 0;
	if (margin < e->config.lifetime_ms)
		sa->rekey_at = sa->expires_at - margin;
}
