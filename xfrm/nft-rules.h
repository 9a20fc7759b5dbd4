/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table "inet tacit" as netlink messages: which packets of ours are held.
 *
 * Written directly, not by libnftables: that library and those behind it
 * would be half of the memory of the process that lives with it, and tells
 * errors in words.
 */
#ifndef TACIT_XFRM_NFT_RULES_H
#define TACIT_XFRM_NFT_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "util/wbuf.h"
#include "xfrm/nft-expr.h"
#include "xfrm/nft.h"

#define NFT_TABLE_HOLD "tacit"

/* Enough for all that nft_rules_put() writes. */
#define NFT_RULES_SIZE 22528u

/* The name of a set of this family. */
const char *nft_set_name(enum nft_set set, bool six);
/* Messages that put the table, with empty sets, in the place of one that is
 * there. fib: this kernel has the expression of that name. */
void nft_rules_put(struct wbuf *w, uint32_t seq,
		   const struct nft_table_config *c, bool fib);
/* Makes the ways to the chains of nft-open.c, or takes them away, so that they
 * cost nothing where nothing is open: the chains that they are in are written
 * anew. NFT_OPEN_SIZE has room for that. */
void nft_rules_put_open(struct nft_writer *o, const struct nft_table_config *c,
			bool open);

#endif
