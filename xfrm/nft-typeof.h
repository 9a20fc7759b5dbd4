/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What nft(8) keeps beside a set whose keys or data are raw bytes of a packet,
 * and have no type with a name: the expressions that they are compared with
 * ("typeof"). By that it can load again what it lists. libnftnl's format, with
 * numbers of nft's own that do not change between its releases.
 */
#ifndef TACIT_XFRM_NFT_TYPEOF_H
#define TACIT_XFRM_NFT_TYPEOF_H

#include <stdbool.h>
#include <stddef.h>

#include "util/wbuf.h"

enum nft_typeof {
	NFT_TYPEOF_SADDR,
	NFT_TYPEOF_DADDR,
	NFT_TYPEOF_RAW, /* of the transport header, as long as the address */
	NFT_TYPEOF_RAW32,
};

/* Room for all that is written for one set. */
#define NFT_TYPEOF_SIZE 128u

/* The key of a set, one part behind the other; six: addresses are IPv6's. */
void nft_typeof_key(struct wbuf *w, bool six, const enum nft_typeof *parts,
		    size_t n);
/* What a map has for a key: RAW, in network order. */
void nft_typeof_raw_data(struct wbuf *w, bool six);

#endif
