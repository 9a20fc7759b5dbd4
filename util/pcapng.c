/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Blocks in network byte order, which their magic number tells. */
#include "util/pcapng.h"

#include <string.h>
#include <sys/socket.h>

enum block {
	BLOCK_INTERFACE = 1,
	BLOCK_PACKET = 6, /* "enhanced" */
	BLOCK_SECTION = 0x0a0d0d0a,
};

enum {
	MAGIC = 0x1a2b3c4d,
	LINK_RAW = 101, /* packets begin with the IP header */
	OPTION_END = 0,
	OPTION_COMMENT = 1,
	UDP_LEN = 8,
	PROTOCOL_UDP = 17,
	DATAGRAM_MAX = 65000,
};

static size_t open_block(struct wbuf *w, enum block type)
{
	size_t at = w->len;

	wbuf_be32(w, (uint32_t)type);
	wbuf_be32(w, 0);
	return at;
}

/* The length stands at both ends of a block. */
static void close_block(struct wbuf *w, size_t at)
{
	struct wbuf head;
	uint32_t len = (uint32_t)(w->len - at + 4);

	wbuf_be32(w, len);
	if (!wbuf_ok(w))
		return;
	head = wbuf_of(w->data + at + 4, 4);
	wbuf_be32(&head, len);
}

static void pad(struct wbuf *w, size_t len)
{
	wbuf_zero(w, (4 - len % 4) % 4);
}

void pcapng_write_section(struct wbuf *w)
{
	size_t at = open_block(w, BLOCK_SECTION);

	wbuf_be32(w, MAGIC);
	wbuf_be16(w, 1); /* version 1.0 */
	wbuf_be16(w, 0);
	wbuf_be64(w, UINT64_MAX); /* length of the section: not known */
	close_block(w, at);
	/* Time stamps are microseconds where it does not say otherwise. */
	at = open_block(w, BLOCK_INTERFACE);
	wbuf_be16(w, LINK_RAW);
	wbuf_be16(w, 0);
	wbuf_be32(w, 0); /* no limit of length */
	close_block(w, at);
}

/* The one's complement sum of RFC 1071, not yet folded. */
static uint32_t sum(uint32_t s, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i + 1 < len; i += 2)
		s += (uint32_t)data[i] << 8 | data[i + 1];
	if (len % 2)
		s += (uint32_t)data[len - 1] << 8;
	return s;
}

static uint16_t fold(uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)~s;
}

static void write_ip(struct wbuf *w, const struct pcapng_packet *p)
{
	size_t udp_len = UDP_LEN + p->len, at = w->len;
	size_t n = addr_len(&p->from.addr);

	if (p->from.addr.family == AF_INET) {
		wbuf_be16(w, 0x4500);
		wbuf_be16(w, (uint16_t)(20 + udp_len));
		wbuf_be32(w, 0);
		wbuf_be32(w, 64u << 24 | PROTOCOL_UDP << 16);
	} else {
		wbuf_be32(w, 6u << 28);
		wbuf_be16(w, (uint16_t)udp_len);
		wbuf_be16(w, PROTOCOL_UDP << 8 | 64);
	}
	wbuf_bytes(w, p->from.addr.bytes, n);
	wbuf_bytes(w, p->to.addr.bytes, n);
	if (wbuf_ok(w) && n == 4)
		wbuf_patch16(w, at + 10, fold(sum(0, w->data + at, 20)));
}

/* Over the pseudo header too; 0 would mean that there is none. */
static uint16_t udp_sum(const struct pcapng_packet *p, const uint8_t *udp,
			size_t len)
{
	size_t n = addr_len(&p->from.addr);
	uint32_t s = PROTOCOL_UDP + (uint32_t)len;
	uint16_t v;

	s = sum(s, p->from.addr.bytes, n);
	s = sum(s, p->to.addr.bytes, n);
	v = fold(sum(s, udp, len));
	return v ? v : UINT16_MAX;
}

static void write_datagram(struct wbuf *w, const struct pcapng_packet *p)
{
	size_t at;

	write_ip(w, p);
	at = w->len;
	wbuf_be16(w, p->from.port);
	wbuf_be16(w, p->to.port);
	wbuf_be16(w, (uint16_t)(UDP_LEN + p->len));
	wbuf_be16(w, 0);
	wbuf_bytes(w, p->data, p->len);
	if (wbuf_ok(w))
		wbuf_patch16(w, at + 6,
			     udp_sum(p, w->data + at, UDP_LEN + p->len));
}

static void write_comment(struct wbuf *w, const char *text)
{
	size_t len = strnlen(text, 255);

	wbuf_be16(w, OPTION_COMMENT);
	wbuf_be16(w, (uint16_t)len);
	wbuf_bytes(w, text, len);
	pad(w, len);
	wbuf_be16(w, OPTION_END);
	wbuf_be16(w, 0);
}

void pcapng_write_packet(struct wbuf *w, const struct pcapng_packet *p)
{
	size_t len, at;

	if (p->len > DATAGRAM_MAX)
		w->failed = true;
	if (!wbuf_ok(w))
		return;
	len = UDP_LEN + p->len + (p->from.addr.family == AF_INET ? 20 : 40);
	at = open_block(w, BLOCK_PACKET);
	wbuf_be32(w, 0); /* the interface */
	wbuf_be64(w, p->time_us);
	wbuf_be32(w, (uint32_t)len); /* kept, and in all */
	wbuf_be32(w, (uint32_t)len);
	write_datagram(w, p);
	pad(w, len);
	if (p->comment)
		write_comment(w, p->comment);
	close_block(w, at);
}
