/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What others do to our kernel state: an administrator who flushes the ruleset,
 * the policies or the SAs, a tool that deletes what it does not know. Deletions
 * in XFRM are heard (xfrm/watch.h), nftables is asked once a second
 * (xfrm/nft-watch.h); then the kernel is compared with what our tables say, and
 * the difference is made good. What is not ours is never touched.
 *
 * Meanwhile require networks are closed twice: without the ruleset by XFRM's
 * required templates, without XFRM by the ruleset's queue.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/netd-flow.h"
#include "agent/netd-found.h"
#include "agent/netd.h"
#include "util/log.h"
#include "xfrm/nft-hear.h"
#include "xfrm/nft-rules.h"
#include "xfrm/nft-translate.h"

/* Deletions seldom come alone: they are looked at together. */
#define MEND_AFTER_MS 20u
/* Between two comparisons that others have caused. */
#define MEND_PAUSE_MS  1000u
#define TABLES_LOOK_MS 1000u

static bool stands(void *user, const struct kpolicy *p)
{
	return netd_found_stands(user, p);
}

static void keep_first(int *error, int r)
{
	if (r < 0 && *error == 0)
		*error = r;
}

/* --- policies and SAs ------------------------------------------------------ */

static int mend_policies(struct netd *n, struct netd_found *f, size_t *mended)
{
	size_t some = 0;
	int error = netd_networks_mend(n->networks, stands, f, &some);

	*mended += some;
	for (struct netd_flow *x = n->flows.first; x; x = x->next) {
		keep_first(&error, netd_pair_mend(&n->pairs, x->pair, stands, f,
						  &some));
		*mended += some;
	}
	keep_first(&error, netd_shunts_mend(&n->shunts, stands, f, &some));
	*mended += some;
	keep_first(&error,
		   netd_connections_mend(&n->connections, stands, f, &some));
	*mended += some;
	keep_first(&error, netd_sweep(n, f, &some));
	*mended += some;
	return error;
}

/* SAs of flows that the kernel does not have: *ret is to be freed. */
static size_t find_lost(const struct netd *n, const struct netd_found *f,
			struct kexpire **ret)
{
	struct kexpire *list = NULL;
	size_t count = 0, room = 0;

	for (struct netd_flow *x = n->flows.first; x; x = x->next)
		for (struct netd_sa *sa = x->sas; sa; sa = sa->next) {
			const struct addr *dst = netd_sa_dst(sa);

			if (sa->waiting || netd_found_sa(f, dst, sa->spi))
				continue;
			if (count == room) {
				void *more =
					reallocarray(list, room ? room * 2 : 64,
						     sizeof(*list));

				if (!more)
					break;
				list = more;
				room = room ? room * 2 : 64;
			}
			list[count++] = (struct kexpire){
				.sa = { .dst = *dst, .esp.spi = sa->spi },
				.hard = true,
			};
		}
	*ret = list;
	return count;
}

/* As if their time had run out; flows end in this. */
static size_t mend_lost(struct netd *n, const struct netd_found *f)
{
	struct kexpire *lost = NULL;
	size_t count = find_lost(n, f, &lost);

	for (size_t i = 0; i < count; i++)
		netd_on_expire(n, &lost[i]);
	free(lost);
	return count;
}

/* SAs by our reqids that are no flow's. */
static int mend_strays(struct netd *n, const struct netd_found *f,
		       size_t *mended)
{
	int error = 0;

	for (size_t i = 0; i < f->n_sas; i++) {
		struct change c = { .op = CHANGE_SA_DELETE, .sa = f->sas[i] };

		if (netd_flow_has_spi(&n->flows, &f->sas[i].dst,
				      f->sas[i].esp.spi))
			continue;
		keep_first(&error, n->kernel.apply(n->kernel.user, &c, 1));
		++*mended;
	}
	return error;
}

/* --- tables ---------------------------------------------------------------- */

static void clear_again(void *user, const struct addr *local,
			const struct addr *remote, uint32_t left_ms)
{
	struct netd *n = user;
	int r = hold_clear(n->hold, local, remote, netd_now(n), left_ms);

	if (r < 0)
		log_debug("a clear destination is held: %s", strerror(-r));
}

static int renew_hold(struct netd *n)
{
	int r = hold_renew(n->hold);

	if (r < 0)
		return r;
	netd_set_ranges(n);
	netd_set_servers(n);
	netd_shunts_tell(&n->shunts, netd_now(n), clear_again, n);
	netd_apart_renew(n);
	return nft_watch_note(n->tables, NFT_TABLE_HOLD);
}

static int renew_hear(struct netd *n)
{
	int r = hear_renew(n->hear);

	if (r < 0)
		return r;
	netd_set_openings(n);
	for (struct netd_flow *x = n->flows.first; x; x = x->next) {
		const struct netd_pair *p = x->pair;

		for (struct netd_sa *sa = x->sas; sa; sa = sa->next)
			if (sa->inbound)
				hear_spi(n->hear, &p->local, sa->spi, true);
		if (x->secured)
			hear_secured(n->hear, &p->local, &p->remote, true);
	}
	r = hear_flush(n->hear);
	netd_apart_renew(n);
	return r < 0 ? r : nft_watch_note(n->tables, NFT_TABLE_HEAR);
}

static int mend_table(struct netd *n, const char *table, bool anyway,
		      int (*renew)(struct netd *n), size_t *mended)
{
	int intact = nft_watch_intact(n->tables, table);

	if (intact == 0)
		++*mended;
	else if (intact < 0 || !anyway)
		return intact < 0 ? intact : 0;
	return renew(n);
}

/* What waits for a flow that has all that it needs. */
static void release(struct netd *n)
{
	for (struct netd_flow *x = n->flows.first; x; x = x->next)
		if (x->sending && !x->gated &&
		    hold_waits(n->hold, &x->pair->local, &x->pair->remote))
			netd_on_ready(n, &x->pair->local, &x->pair->remote);
}

static int mend_tables(struct netd *n, bool anyway, size_t *mended)
{
	int error = 0;

	if (!n->tables)
		return 0;
	if (n->hold)
		keep_first(&error, mend_table(n, NFT_TABLE_HOLD, anyway,
					      renew_hold, mended));
	if (n->hear)
		keep_first(&error, mend_table(n, NFT_TABLE_HEAR, anyway,
					      renew_hear, mended));
	if (n->n_translated)
		keep_first(&error, mend_table(n, NFT_TABLE_TRANSLATE, anyway,
					      netd_translate_renew, mended));
	return error;
}

/* --- when -------------------------------------------------------------------- */

static void say(struct netd *n, size_t mended, int error)
{
	if (mended)
		log_limited(&n->limit, netd_now(n), LOG_NOTICE, NULL,
			    "What is Tacit's in the kernel was changed by "
			    "somebody else; %zu policies, SAs and tables are "
			    "as they should be again.",
			    mended);
	if (error < 0)
		log_limited(&n->limit, netd_now(n), LOG_WARNING, NULL,
			    "The kernel cannot be brought to what it should "
			    "be: %s",
			    strerror(-error));
}

static int compare(struct netd *n, bool anyway, size_t *ret_mended)
{
	struct netd_found f;
	int error = netd_found_read(n->nl, &f);

	*ret_mended = 0;
	n->mended_at = netd_now(n);
	if (error == 0) {
		netd_found_sort(&f);
		error = mend_policies(n, &f, ret_mended);
		keep_first(&error, mend_strays(n, &f, ret_mended));
		*ret_mended += mend_lost(n, &f);
	}
	netd_found_done(&f);
	keep_first(&error, mend_tables(n, anyway, ret_mended));
	if (n->hold)
		release(n);
	say(n, *ret_mended, error);
	return error;
}

int netd_repair(struct netd *n, size_t *ret_mended)
{
	return compare(n, true, ret_mended);
}

static void on_mend(struct timer *t, uint64_t now, void *user)
{
	size_t mended;

	(void)now;
	(void)user;
	/* An error has been logged. */
	(void)!compare(container_of(t, struct netd, mend), false, &mended);
}

void netd_repair_soon(struct netd *n)
{
	uint64_t at = netd_now(n) + MEND_AFTER_MS;

	if (timer_armed(&n->mend))
		return;
	if (n->mended_at && at < n->mended_at + MEND_PAUSE_MS)
		at = n->mended_at + MEND_PAUSE_MS;
	timer_arm(n->wheel, &n->mend, at);
}

static void on_flushed(void *user)
{
	netd_repair_soon(user);
}

/* Our own deletions are of what we want no more. */
static void on_policy_gone(void *user, const struct kpolicy *place)
{
	struct netd *n = user;
	struct kpolicy p;

	if (!place->strange &&
	    (netd_pairs_taken(&n->pairs, place) ||
	     netd_connections_want(&n->connections, place, &p) ||
	     netd_networks_want(n->networks, place, &p)))
		on_flushed(n);
}

static void on_sa_gone(void *user, const struct ksa *sa)
{
	struct netd *n = user;

	if (netd_flow_has_spi(&n->flows, &sa->dst, sa->esp.spi))
		on_flushed(n);
}

static void on_tables_look(struct timer *t, uint64_t now, void *user)
{
	struct netd *n = container_of(t, struct netd, tables_look);
	size_t mended = 0;
	int error;

	(void)user;
	timer_arm(n->wheel, t, now + TABLES_LOOK_MS);
	if (nft_watch_changed(n->tables) == 0)
		return;
	error = mend_tables(n, false, &mended);
	if (mended && n->hold)
		release(n);
	say(n, mended, error);
}

void netd_repair_prepare(struct netd *n)
{
	if (n->hold && hold_is_broken(n->hold))
		on_flushed(n);
}

static int note_tables(struct netd *n)
{
	int r = nft_watch_new(&n->tables);

	if (r == 0 && n->hold)
		r = nft_watch_note(n->tables, NFT_TABLE_HOLD);
	if (r == 0 && n->hear)
		r = nft_watch_note(n->tables, NFT_TABLE_HEAR);
	if (r == 0 && n->n_translated)
		r = nft_watch_note(n->tables, NFT_TABLE_TRANSLATE);
	if (r == 0)
		timer_arm(n->wheel, &n->tables_look,
			  netd_now(n) + TABLES_LOOK_MS);
	return r;
}

void netd_repair_start(struct netd *n)
{
	const struct watch_ops ops = {
		.user = n,
		.policy = on_policy_gone,
		.sa = on_sa_gone,
		.flushed = on_flushed,
	};
	int r = watch_new(&ops, &n->watch);

	timer_init(&n->mend, on_mend);
	timer_init(&n->tables_look, on_tables_look);
	if (r == 0 && (n->hold || n->hear || n->translation))
		r = note_tables(n);
	if (r < 0)
		log_warning("What others do to our kernel state goes "
			    "unnoticed: %s",
			    strerror(-r));
}

void netd_repair_stop(struct netd *n)
{
	if (n->wheel) {
		timer_cancel(n->wheel, &n->mend);
		timer_cancel(n->wheel, &n->tables_look);
	}
	n->watch = watch_free(n->watch);
	n->tables = nft_watch_free(n->tables);
}
