/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Services that are always in the clear, as a part of both of our tables: a
 * chain "open" that accepts what is to or from a port of either side, and a set
 * of networks with their services. Where there are none, the chain has no rule
 * and costs nothing.
 */
#ifndef TACIT_XFRM_NFT_OPEN_H
#define TACIT_XFRM_NFT_OPEN_H

#include <stdbool.h>
#include <stddef.h>

#include "xfrm/nft-expr.h"
#include "xfrm/nft.h"

/* For nft_open_change(), beyond one opening. */
#define NFT_OPEN_SIZE	 4096u
#define NFT_OPEN_ELEMENT 192u

/* The sets and the chain, empty. id: of the first set, unique in the batch; it
 * takes two. */
void nft_open_put(struct nft_writer *o, uint32_t id);
/* Replaces all of them. inbound: the table sees what comes in, and the peer is
 * the source. */
void nft_open_change(struct nft_writer *o, bool inbound,
		     const struct nft_opening *list, size_t n);

#endif
