/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The head of an IP packet of ours: who talks to whom, over what. Enough to
 * know the destination that a held packet waits for; it judges nothing else.
 * Pure: reads bytes, writes a struct.
 */
#ifndef TACIT_XFRM_PACKET_H
#define TACIT_XFRM_PACKET_H

#include "util/addr.h"

/* Bytes of a packet worth copying: an IPv6 header, 80 bytes of extension
 * headers, and the ports. */
#define PACKET_HEAD 128u

struct packet {
	struct addr local, remote; /* source and destination; scope is 0 */
	uint8_t protocol;	   /* 0: cut off before it was known */
	/* Host order; 0 when the protocol has none, or in a later fragment. */
	uint16_t local_port, remote_port;
	/* Of ESP, or the first four bytes of a UDP datagram, where that is
	 * (RFC 3948 2.1); host order; 0: none. */
	uint32_t spi;
};

/* data is the first len bytes of a packet, family what the kernel says that
 * it is. -EBADMSG when the addresses cannot be read or the version does not
 * agree. */
int packet_parse(uint8_t family, const void *data, size_t len,
		 struct packet *ret) __attribute__((warn_unused_result));

#endif
