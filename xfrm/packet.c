/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The parser of packet heads. What is cut off is not an error as long as the
 * addresses are there: the kernel built the packet, we only name it.
 */
#include "xfrm/packet.h"

#include <errno.h>
#include <string.h>

#include "util/rbuf.h"

/* IANA: Protocol Numbers. IPv6 extension headers: RFC 8200 4, RFC 4302 2. */
enum protocol {
	PROTOCOL_HOPOPTS = 0,
	PROTOCOL_TCP = 6,
	PROTOCOL_UDP = 17,
	PROTOCOL_DCCP = 33,
	PROTOCOL_ROUTING = 43,
	PROTOCOL_FRAGMENT = 44,
	PROTOCOL_ESP = 50,
	PROTOCOL_AH = 51,
	PROTOCOL_DSTOPTS = 60,
	PROTOCOL_SCTP = 132,
	PROTOCOL_UDPLITE = 136,
};

static void read_spi(struct rbuf *r, struct packet *p)
{
	uint32_t spi = rbuf_be32(r);

	if (rbuf_ok(r))
		p->spi = spi;
}

static void read_ports(struct rbuf *r, struct packet *p)
{
	uint16_t from, to;

	if (p->protocol == PROTOCOL_ESP)
		read_spi(r, p);

	if (p->protocol != PROTOCOL_TCP && p->protocol != PROTOCOL_UDP &&
	    p->protocol != PROTOCOL_DCCP && p->protocol != PROTOCOL_SCTP &&
	    p->protocol != PROTOCOL_UDPLITE)
		return;
	from = rbuf_be16(r);
	to = rbuf_be16(r);
	if (!rbuf_ok(r))
		return;
	p->local_port = from;
	p->remote_port = to;
	if (p->protocol != PROTOCOL_UDP)
		return;
	rbuf_be32(r); /* RFC 768: length and checksum */
	read_spi(r, p);
}

static int parse4(struct rbuf r, struct packet *p)
{
	uint8_t version_ihl = rbuf_u8(&r);
	size_t header = (size_t)(version_ihl & 0x0f) * 4;
	uint16_t fragment;
	const uint8_t *from, *to;

	rbuf_bytes(&r, 5);
	fragment = rbuf_be16(&r);
	rbuf_u8(&r);
	p->protocol = rbuf_u8(&r);
	rbuf_be16(&r);
	from = rbuf_bytes(&r, 4);
	to = rbuf_bytes(&r, 4);
	if (!from || !to || version_ihl >> 4 != 4 || header < 20)
		return -EBADMSG;
	p->local.family = p->remote.family = AF_INET;
	memcpy(p->local.bytes, from, 4);
	memcpy(p->remote.bytes, to, 4);
	rbuf_bytes(&r, header - 20);
	/* RFC 791 3.1: the offset is the low 13 bits. */
	if ((fragment & 0x1fff) == 0)
		read_ports(&r, p);
	return 0;
}

/* Walks to the transport header; each step consumes at least eight bytes, so
 * the walk ends with the buffer. */
static void walk6(struct rbuf *r, uint8_t next, struct packet *p)
{
	for (;;) {
		uint8_t type = next, len;

		if (type == PROTOCOL_FRAGMENT) {
			uint16_t offset;

			next = rbuf_u8(r);
			rbuf_u8(r);
			offset = rbuf_be16(r);
			rbuf_be32(r);
			if (!rbuf_ok(r))
				return;
			if (offset & 0xfff8) {
				p->protocol = next;
				return;
			}
			continue;
		}
		if (type != PROTOCOL_HOPOPTS && type != PROTOCOL_ROUTING &&
		    type != PROTOCOL_DSTOPTS && type != PROTOCOL_AH)
			break;
		next = rbuf_u8(r);
		len = rbuf_u8(r);
		/* RFC 4302 2.2: in units of four bytes, minus two; the others
		 * (RFC 8200 4.3) in units of eight, minus one. */
		rbuf_bytes(r, type == PROTOCOL_AH ? (len + 2u) * 4 - 2
						  : (len + 1u) * 8 - 2);
		if (!rbuf_ok(r))
			return;
	}
	p->protocol = next;
	read_ports(r, p);
}

static int parse6(struct rbuf r, struct packet *p)
{
	uint8_t version = rbuf_u8(&r) >> 4;
	const uint8_t *from, *to;
	uint8_t next;

	rbuf_bytes(&r, 5);
	next = rbuf_u8(&r);
	rbuf_u8(&r);
	from = rbuf_bytes(&r, 16);
	to = rbuf_bytes(&r, 16);
	if (!from || !to || version != 6)
		return -EBADMSG;
	p->local.family = p->remote.family = AF_INET6;
	memcpy(p->local.bytes, from, 16);
	memcpy(p->remote.bytes, to, 16);
	walk6(&r, next, p);
	return 0;
}

int packet_parse(uint8_t family, const void *data, size_t len,
		 struct packet *ret)
{
	struct packet p = { 0 };
	int r;

	if (family == AF_INET)
		r = parse4(rbuf_of(data, len), &p);
	else if (family == AF_INET6)
		r = parse6(rbuf_of(data, len), &p);
	else
		r = -EBADMSG;
	if (r < 0)
		return r;
	*ret = p;
	return 0;
}
