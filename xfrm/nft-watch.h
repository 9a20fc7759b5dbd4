/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Does a table of ours stand as it was made? An administrator's "nft flush
 * ruleset" takes it away with all others. Asked now and then, since a listener
 * would make the kernel tell us each change of our own: while nobody has
 * changed anything it costs one question.
 *
 * Elements of sets are not looked at: they change all the time.
 */
#ifndef TACIT_XFRM_NFT_WATCH_H
#define TACIT_XFRM_NFT_WATCH_H

#include <stdbool.h>
#include <stddef.h>

struct nft_watch;

/* 0; -EPROTONOSUPPORT: no nfnetlink; -errno. */
int nft_watch_new(struct nft_watch **ret) __attribute__((warn_unused_result));
struct nft_watch *nft_watch_free(struct nft_watch *w);
/* The table (a constant string) is as it should be now. 0; -ENOENT: it is not
 * there; -errno. */
int nft_watch_note(struct nft_watch *w, const char *table)
	__attribute__((warn_unused_result));
/* Have any changes been made since the last call? 1, 0, -errno. */
int nft_watch_changed(struct nft_watch *w) __attribute__((warn_unused_result));
/* Is it the same table, with as many rules? 1, 0, -errno. */
int nft_watch_intact(struct nft_watch *w, const char *table)
	__attribute__((warn_unused_result));

#endif
