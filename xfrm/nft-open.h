/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Services that are always in the clear, as a part of both of our tables: a
 * chain "open" that accepts what is to or from a port of either side, and a set
 * of networks with their services. Likewise networks where all is in the clear
 * but for services that are named (sets narrow, named).
 *
 * Who chooses the port of a service to send from must not get anywhere with it:
 * what comes from a peer's service is let in as an answer only. In "inet tacit"
 * a datagram to one is remembered, as a question to a name server is, and chain
 * "open_in" marks TCP that opens no connection.
 */
#ifndef TACIT_XFRM_NFT_OPEN_H
#define TACIT_XFRM_NFT_OPEN_H

#include <stdbool.h>
#include <stddef.h>

#include "xfrm/nft-expr.h"
#include "xfrm/nft.h"

/* For nft_open_change(), beyond one opening. */
#define NFT_OPEN_SIZE	 40960u
#define NFT_OPEN_ELEMENT 192u

/* The sets and chains, empty. id: of the first set, unique in the batch; it
 * takes six. hear: for the table that hears, which sees what comes in. */
void nft_open_put(struct nft_writer *o, uint32_t id, bool hear);
/* Replaces all of them. mark_bit: of answers. */
void nft_open_change(struct nft_writer *o, bool hear, uint8_t mark_bit,
		     const struct nft_opening *list, size_t n);

#endif
