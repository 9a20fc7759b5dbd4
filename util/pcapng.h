/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * UDP datagrams as a pcapng file (draft-ietf-opsawg-pcapng), which Wireshark
 * and tcpdump read: a section, then a block for each datagram, with IP and UDP
 * headers made for it. Pure: what is done with the bytes is the caller's.
 */
#ifndef TACIT_UTIL_PCAPNG_H
#define TACIT_UTIL_PCAPNG_H

#include <stddef.h>
#include <stdint.h>

#include "util/addr.h"
#include "util/wbuf.h"

/* Room for all of a block but the datagram and its comment. */
#define PCAPNG_OVERHEAD 112u
/* Room for what a file begins with. */
#define PCAPNG_SECTION 96u

struct pcapng_packet {
	uint64_t time_us; /* since 1970 */
	struct endpoint from, to;
	const void *data;
	size_t len;
	const char *comment; /* UTF-8, at most 255 bytes; NULL: none */
};

/* What a file begins with. */
void pcapng_write_section(struct wbuf *w);
/* One datagram; both endpoints are of one family. wbuf_ok() says whether it
 * fitted; a datagram over 65,000 bytes never does. */
void pcapng_write_packet(struct wbuf *w, const struct pcapng_packet *p);

#endif
