/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Addresses that peers have leased us stand for ours in ESP to them: the table
 * "inet tacit_cat" (xfrm/nft-translate.c), which is there from the first one on.
 * A lease is in force before anything is sent with the flow's SAs, and gone after
 * them. The table stays until we end: whenever a hook goes the kernel drops all
 * packets that wait in queues, and first packets do.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/netd-flow.h"
#include "agent/netd.h"
#include "util/log.h"
#include "xfrm/nft-translate.h"

/* A lease is in so many maps. */
#define LEASE_CHANGES 4u

static size_t put_lease(struct nft_change *c, const struct addr *local,
			const struct addr *remote, const struct addr *lease,
			bool remove)
{
	static const enum nft_set maps[LEASE_CHANGES] = {
		SET_LEASE_IN, SET_LEASE_OUT, SET_ERROR_IN, SET_ERROR_OUT
	};

	for (size_t i = 0; i < LEASE_CHANGES; i++)
		c[i] = (struct nft_change){
			.set = maps[i],
			.remove = remove,
			.local = *local,
			.remote = *remote,
			.lease = *lease,
		};
	return LEASE_CHANGES;
}

/* Makes the table, with what c has beside the flows' own. */
static int make(struct netd *n, const struct nft_change *more, size_t n_more)
{
	size_t count = LEASE_CHANGES * n->n_translated + n_more, i = 0;
	struct nft_change *c = calloc(count ? count : 1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	for (const struct netd_flow *f = n->flows.first; f; f = f->next)
		if (f->translated && i + LEASE_CHANGES <= count)
			i += put_lease(&c[i], &f->pair->local, &f->pair->remote,
				       &f->lease, false);
	for (size_t j = 0; j < n_more && i < count; j++)
		c[i++] = more[j];
	r = nft_table_make_translate(n->translation, c, i);
	free(c);
	n->translating = r == 0;
	if (r == 0 && n->tables &&
	    nft_watch_note(n->tables, NFT_TABLE_TRANSLATE) < 0)
		log_debug("inet tacit_cat is not watched");
	return r;
}

int netd_translate_renew(struct netd *n)
{
	return make(n, NULL, 0);
}

int netd_translate(void *user, const struct addr *local,
		   const struct addr *remote, const struct addr *lease, bool on)
{
	struct netd *n = user;
	struct nft_change c[LEASE_CHANGES];
	size_t some = put_lease(c, local, remote, lease, !on);
	int r;

	if (!n->translation)
		return -EOPNOTSUPP;
	if (on && !n->translating)
		r = make(n, c, some);
	else
		r = nft_table_change(n->translation, c, some);
	/* Somebody has removed it; what is gone needs no removal. */
	if (r == -ENOENT)
		r = on ? make(n, c, some) : 0;
	if (r == 0)
		n->n_translated += on ? 1u : (size_t)-1;
	return r;
}

/* Untranslated they lead nowhere. */
static void drop_all(struct netd *n)
{
	for (struct netd_flow *f = n->flows.first, *next; f; f = next) {
		next = f->next;
		f->translated = false;
		if (f->lease.family)
			netd_flow_drop(f);
	}
	n->n_translated = 0;
}

void netd_translate_adopt(struct netd *n)
{
	int r = -EOPNOTSUPP;

	for (struct netd_flow *f = n->flows.first; f; f = f->next) {
		f->translated = f->lease.family != 0;
		n->n_translated += f->translated;
	}
	if (n->translation)
		r = n->n_translated ? make(n, NULL, 0)
				    : nft_table_remove(n->translation);
	if (r < 0)
		drop_all(n);
	if (r < 0 && r != -EOPNOTSUPP)
		log_warning("inet tacit_cat of an earlier run is as it was: %s",
			    strerror(-r));
}

void netd_translate_start(struct netd *n)
{
	int r = nft_table_new_translate(&n->translation);

	if (r == -EOPNOTSUPP)
		log_notice("This kernel cannot translate addresses in ESP "
			   "(nft_xfrm): behind a NAT no address is asked for.");
	else if (r < 0)
		log_warning("Addresses in ESP cannot be translated: %s",
			    strerror(-r));
}

void netd_translate_stop(struct netd *n)
{
	if (n->translating && !n->n_translated &&
	    nft_table_remove(n->translation) < 0)
		log_warning(
			"The nftables table \"inet tacit_cat\" stays behind.");
	n->translating = false;
	n->translation = nft_table_free(n->translation);
}
