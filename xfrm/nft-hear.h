/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table "inet tacit_hear" as netlink messages: which packets of peers tell
 * us that they have lost their SAs.
 */
#ifndef TACIT_XFRM_NFT_HEAR_H
#define TACIT_XFRM_NFT_HEAR_H

#include "util/wbuf.h"
#include "xfrm/nft.h"

#define NFT_TABLE_HEAR "tacit_hear"

/* Enough for all that nft_hear_put() writes. */
#define NFT_HEAR_SIZE 18432u

/* Messages that put the table, with empty sets, in the place of one that is
 * there. */
void nft_hear_put(struct wbuf *w, uint32_t seq,
		  const struct nft_hear_config *c);

#endif
