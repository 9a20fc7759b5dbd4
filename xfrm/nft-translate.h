/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table "inet tacit_cat" as netlink messages: in ESP an address that the
 * peer has leased us stands for ours, and nowhere else.
 */
#ifndef TACIT_XFRM_NFT_TRANSLATE_H
#define TACIT_XFRM_NFT_TRANSLATE_H

#include "xfrm/nft-expr.h"
#include "xfrm/nft.h"

#define NFT_TABLE_TRANSLATE "tacit_cat"
/* The same, to find out whether the kernel takes it. */
#define NFT_TABLE_TRY "tacit_cat_try"

/* Enough for all that nft_translate_put() writes, and a table removed before. */
#define NFT_TRANSLATE_SIZE 8192u

/* Messages that make the table of o, with empty maps. */
void nft_translate_put(struct nft_writer *o);

#endif
