/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xfrm/nft-typeof.h"

#include <linux/netfilter/nf_tables.h>
#include <stdint.h>

/* Of a set, libnftnl's udata.h: */
#define UDATA_DATA_ORDER  1
#define UDATA_KEY_TYPEOF  3
#define UDATA_DATA_TYPEOF 4
/* Of an expression: */
#define UDATA_KIND 0
#define UDATA_DATA 1
/* Of a part of the packet; where it has no name, the last three say which. */
#define UDATA_HEADER 0
#define UDATA_FIELD  1
#define UDATA_BASE   2
#define UDATA_OFFSET 3
#define UDATA_BITS   4

/* Of nft itself: expressions, headers, fields, byte orders. */
#define KIND_PAYLOAD	7u
#define KIND_CONCAT	13u
#define HEADER_IP	12u
#define HEADER_IP6	13u
#define FIELD_IP_SADDR	11u
#define FIELD_IP_DADDR	12u
#define FIELD_IP6_SADDR 8u
#define FIELD_IP6_DADDR 9u
#define BIG_ENDIAN_DATA 2u

/* A type, a length, and what comes until end(). */
static size_t begin(struct wbuf *w, uint8_t type)
{
	wbuf_u8(w, type);
	wbuf_u8(w, 0);
	return w->len;
}

static void end(struct wbuf *w, size_t at)
{
	if (wbuf_ok(w))
		w->data[at - 1] = (uint8_t)(w->len - at);
}

static void put(struct wbuf *w, uint8_t type, uint32_t value)
{
	size_t at = begin(w, type);

	wbuf_bytes(w, &value, sizeof(value));
	end(w, at);
}

static void put_part(struct wbuf *w, bool six, enum nft_typeof part)
{
	bool raw = part == NFT_TYPEOF_RAW || part == NFT_TYPEOF_RAW32;
	bool source = part == NFT_TYPEOF_SADDR;
	size_t at;

	put(w, UDATA_KIND, KIND_PAYLOAD);
	at = begin(w, UDATA_DATA);
	if (raw) {
		put(w, UDATA_HEADER, 0);
		put(w, UDATA_FIELD, 0);
		put(w, UDATA_BASE, NFT_PAYLOAD_TRANSPORT_HEADER + 1);
		put(w, UDATA_OFFSET, 0);
		put(w, UDATA_BITS, part == NFT_TYPEOF_RAW && six ? 128 : 32);
	} else if (six) {
		put(w, UDATA_HEADER, HEADER_IP6);
		put(w, UDATA_FIELD, source ? FIELD_IP6_SADDR : FIELD_IP6_DADDR);
	} else {
		put(w, UDATA_HEADER, HEADER_IP);
		put(w, UDATA_FIELD, source ? FIELD_IP_SADDR : FIELD_IP_DADDR);
	}
	end(w, at);
}

void nft_typeof_key(struct wbuf *w, bool six, const enum nft_typeof *parts,
		    size_t n)
{
	size_t key = begin(w, UDATA_KEY_TYPEOF), data;

	put(w, UDATA_KIND, KIND_CONCAT);
	data = begin(w, UDATA_DATA);
	for (size_t i = 0; i < n; i++) {
		size_t part = begin(w, (uint8_t)i);

		put_part(w, six, parts[i]);
		end(w, part);
	}
	end(w, data);
	end(w, key);
}

void nft_typeof_raw_data(struct wbuf *w, bool six)
{
	size_t at;

	put(w, UDATA_DATA_ORDER, BIG_ENDIAN_DATA);
	at = begin(w, UDATA_DATA_TYPEOF);
	put_part(w, six, NFT_TYPEOF_RAW);
	end(w, at);
}
