/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shunts and their ends.
 */
#include "agent/netd-shunts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/limits.h"
#include "util/log.h"

struct netd_shunt {
	struct netd_shunt *next, **prev; /* in netd_shunts.first */
	struct netd_shunts *table;
	struct netd_pair *pair;
	struct timer timer;
	bool kept;
};

/* What the kernel announces may be of a shunt that was replaced meanwhile;
 * the present one's end is near then, or it is not the one. */
#define SHUNT_NEAR_MS 1500u

static void shunt_fired(struct timer *timer, uint64_t now, void *user);

static struct netd_shunt *shunt_obtain(struct netd_shunts *t,
				       struct netd_pair *p)
{
	struct netd_shunt *s = p->shunt;

	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->table = t;
	s->pair = p;
	timer_init(&s->timer, shunt_fired);
	s->next = t->first;
	s->prev = &t->first;
	if (s->next)
		s->next->prev = &s->next;
	t->first = s;
	t->count++;
	p->shunt = s;
	return s;
}

static void shunt_free(struct netd_shunt *s)
{
	timer_cancel(s->table->wheel, &s->timer);
	*s->prev = s->next;
	if (s->next)
		s->next->prev = s->prev;
	s->table->count--;
	s->pair->shunt = NULL;
	memset(s->pair->shunt_claim, 0, sizeof(s->pair->shunt_claim));
	free(s);
}

/* Takes it away; the place goes to the next claim. */
static int shunt_end(struct netd_shunt *s)
{
	struct netd_pairs *pairs = s->table->pairs;
	struct netd_pair *p = s->pair;
	int r;

	shunt_free(s);
	r = netd_pair_sync(pairs, p);
	netd_pair_release(pairs, p);
	return r;
}

static void shunt_gone(struct netd_shunt *s)
{
	struct netd_shunts *t = s->table;
	struct addr local = s->pair->local, remote = s->pair->remote;

	if (shunt_end(s) < 0)
		log_warning("A shunt could not be removed; the kernel's own "
			    "timer will.");
	t->gone(t->user, &local, &remote);
}

static void shunt_fired(struct timer *timer, uint64_t now, void *user)
{
	(void)now;
	(void)user;
	shunt_gone(container_of(timer, struct netd_shunt, timer));
}

static int shunt_set(struct netd_shunts *t, const struct addr *local,
		     const struct addr *remote, bool block, bool kept,
		     uint32_t lifetime_ms, uint64_t now)
{
	struct netd_claim c = {
		.set = true,
		.action = block ? KACTION_BLOCK : KACTION_PASS,
		.hard_s = lifetime_ms / 1000 + (lifetime_ms % 1000 != 0),
	};
	struct netd_pair *p = netd_pair_obtain(t->pairs, local, remote);
	static const struct scope all;
	struct netd_shunt *s;
	int r;

	if (!p)
		return -ENOMEM;
	if (!p->shunt && t->count >= LIMIT_SHUNTS) {
		netd_pair_release(t->pairs, p);
		return -ENOSPC;
	}
	s = shunt_obtain(t, p);
	if (!s) {
		netd_pair_release(t->pairs, p);
		return -ENOMEM;
	}
	s->kept = kept;
	p->shunt_claim[KDIR_OUT] = c;
	/* What comes in the clear from a clear destination is the network's
	 * business: only open networks have such. */
	p->shunt_claim[KDIR_IN] = block ? c : (struct netd_claim){ 0 };
	r = kept ? netd_pair_set_scope(p, &all)
		 : netd_pair_set_default(t->pairs, p);
	if (r == 0)
		r = netd_pair_sync(t->pairs, p);
	if (r < 0) {
		/* Half of it would be nobody's. */
		if (shunt_end(s) < 0)
			log_error("A shunt could not be undone.");
		return r;
	}
	timer_arm(t->wheel, &s->timer, now + lifetime_ms);
	return 0;
}

static struct netd_shunt *shunt_get(const struct netd_shunts *t,
				    const struct addr *local,
				    const struct addr *remote)
{
	struct netd_pair *p = netd_pair_get(t->pairs, local, remote);

	return p ? p->shunt : NULL;
}

int netd_shunt_set(struct netd_shunts *t, const struct addr *local,
		   const struct addr *remote, bool block, uint32_t lifetime_ms,
		   uint64_t now)
{
	const struct netd_shunt *s = shunt_get(t, local, remote);

	if (s && s->kept)
		return -EPERM;
	return shunt_set(t, local, remote, block, false, lifetime_ms, now);
}

int netd_shunt_forget(struct netd_shunts *t, const struct addr *local,
		      const struct addr *remote)
{
	struct netd_shunt *s = shunt_get(t, local, remote);

	return s && !s->kept ? shunt_end(s) : 0;
}

int netd_shunt_keep(struct netd_shunts *t, const struct addr *local,
		    const struct addr *remote, uint32_t lifetime_ms,
		    uint64_t now)
{
	return shunt_set(t, local, remote, true, true, lifetime_ms, now);
}

int netd_shunt_unkeep(struct netd_shunts *t, const struct addr *local,
		      const struct addr *remote)
{
	struct netd_shunt *s = shunt_get(t, local, remote);

	return s && s->kept ? shunt_end(s) : 0;
}

int netd_shunts_mend(struct netd_shunts *t,
		     bool (*stands)(void *user, const struct kpolicy *p),
		     void *user, size_t *ret_n)
{
	int error = 0;

	*ret_n = 0;
	for (struct netd_shunt *s = t->first; s; s = s->next) {
		size_t some = 0;
		int r = netd_pair_mend(t->pairs, s->pair, stands, user, &some);

		*ret_n += some;
		if (r < 0 && error == 0)
			error = r;
	}
	return error;
}

void netd_shunts_tell(const struct netd_shunts *t, uint64_t now,
		      void (*each)(void *user, const struct addr *local,
				   const struct addr *remote, uint32_t left_ms),
		      void *user)
{
	for (const struct netd_shunt *s = t->first; s; s = s->next)
		if (s->pair->shunt_claim[KDIR_OUT].action == KACTION_PASS &&
		    s->timer.deadline > now)
			each(user, &s->pair->local, &s->pair->remote,
			     (uint32_t)(s->timer.deadline - now));
}

void netd_shunt_expired(struct netd_shunts *t, const struct kpolicy *p,
			uint64_t now)
{
	struct netd_pair *pair;

	if (p->priority != KPOLICY_PRIO_SHUNT)
		return;
	pair = netd_pairs_at(t->pairs, p);
	if (!pair || !pair->shunt ||
	    pair->shunt->timer.deadline > now + SHUNT_NEAR_MS)
		return;
	netd_pair_missed(pair, p);
	shunt_gone(pair->shunt);
}

/* Is it about what policy says now? */
static bool shunt_fits(const struct netd_shunts *t, const struct netd_pair *p)
{
	struct scope is, want = { 0 };

	if (!netd_pair_scope(p, &is))
		return false;
	if (t->pairs->networks)
		netd_networks_scope(t->pairs->networks, &p->remote, &want);
	if (is.n != want.n)
		return false;
	for (size_t i = 0; i < is.n; i++)
		if (!scope_has(&want, &is.list[i]))
			return false;
	return true;
}

void netd_shunts_review(struct netd_shunts *t,
			bool (*stays)(void *user, const struct addr *remote,
				      bool block),
			void *user)
{
	for (struct netd_shunt *s = t->first, *next; s; s = next) {
		const struct netd_pair *p = s->pair;
		bool block = p->shunt_claim[KDIR_OUT].action == KACTION_BLOCK;

		next = s->next;
		if (!s->kept &&
		    (!stays(user, &p->remote, block) || !shunt_fits(t, p)))
			shunt_gone(s);
	}
}

void netd_shunts_clear(struct netd_shunts *t, bool kept)
{
	for (struct netd_shunt *s = t->first, *next; s; s = next) {
		next = s->next;
		if (kept || !s->kept)
			shunt_gone(s);
	}
}

void netd_shunts_done(struct netd_shunts *t)
{
	while (t->first)
		shunt_free(t->first);
}
