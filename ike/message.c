/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Header and chain of a message, read and written.
 */
#include "ike/message.h"

#include <errno.h>
#include <string.h>

#define CRITICAL 0x80u

int ike_header_parse_any(const void *data, size_t len, struct ike_header *ret)
{
	struct rbuf r = rbuf_of(data, len);
	struct ike_header h = { 0 };
	uint32_t length;
	uint8_t version;

	if (len < IKE_HEADER_LEN || len > LIMIT_IKE_MESSAGE)
		return -EBADMSG;
	h.spi_i = rbuf_be64(&r);
	h.spi_r = rbuf_be64(&r);
	h.next_payload = rbuf_u8(&r);
	version = rbuf_u8(&r);
	h.exchange = rbuf_u8(&r);
	h.flags = rbuf_u8(&r);
	h.id = rbuf_be32(&r);
	length = rbuf_be32(&r);
	if (!rbuf_ok(&r) || length != len)
		return -EBADMSG;
	*ret = h;
	return version >> 4;
}

int ike_header_parse(const void *data, size_t len, struct ike_header *ret)
{
	struct ike_header h;

	/* 2.5: another major version cannot be read; minor ones can. 3.1: the
	 * initiator's SPI MUST NOT be zero. */
	if (ike_header_parse_any(data, len, &h) != (int)(IKE_VERSION >> 4) ||
	    h.spi_i == 0)
		return -EBADMSG;
	*ret = h;
	return 0;
}

static bool is_known(uint8_t type)
{
	return (type >= IKE_PAYLOAD_SA && type <= IKE_PAYLOAD_EAP) ||
	       type == IKE_PAYLOAD_SKF;
}

/* Those of which no message that we speak has two. */
static bool is_single(uint8_t type)
{
	return is_known(type) && type != IKE_PAYLOAD_NOTIFY &&
	       type != IKE_PAYLOAD_DELETE && type != IKE_PAYLOAD_VENDOR &&
	       type != IKE_PAYLOAD_CERT && type != IKE_PAYLOAD_CERTREQ;
}

/* One payload into m; *next is its type, then that of the one behind it. */
static int parse_payload(struct ike_message *m, struct rbuf *r, uint8_t *next,
			 bool inside)
{
	struct ike_payload p = { .type = *next };
	uint8_t following = rbuf_u8(r);
	uint8_t flags = rbuf_u8(r);
	uint16_t len = rbuf_be16(r);

	if (!rbuf_ok(r) || len < IKE_GENERIC_LEN || m->n == LIMIT_IKE_PAYLOADS)
		return -EBADMSG;
	p.len = len - IKE_GENERIC_LEN;
	p.data = rbuf_bytes(r, p.len);
	if (!p.data)
		return -EBADMSG;
	*next = following;
	if (!is_known(p.type)) {
		/* 2.5: skipped, unless the sender says that it must not be. */
		if ((flags & CRITICAL) && !m->unsupported)
			m->unsupported = p.type;
		return 0;
	}
	if (is_single(p.type) && (m->present & IKE_PRESENT(p.type)))
		return -EBADMSG;
	if (p.type == IKE_PAYLOAD_SK || p.type == IKE_PAYLOAD_SKF) {
		/* 3.14: the last payload; its next-payload field is the type
		 * of the first one inside. RFC 7383 2.5: SKF the same. */
		if (inside || r->left)
			return -EBADMSG;
		p.inner = following;
		*next = IKE_PAYLOAD_NONE;
	}
	m->present |= IKE_PRESENT(p.type);
	m->payloads[m->n++] = p;
	return 0;
}

static int parse_chain(struct ike_message *m, struct rbuf r, uint8_t next,
		       bool inside)
{
	unsigned count = 0;

	m->n = 0;
	m->present = 0;
	m->unsupported = 0;
	while (next != IKE_PAYLOAD_NONE) {
		/* Unknown ones are not kept, and are bounded all the same. */
		if (++count > LIMIT_IKE_PAYLOADS)
			return -EBADMSG;
		if (parse_payload(m, &r, &next, inside) < 0)
			return -EBADMSG;
	}
	if (!rbuf_finish(&r))
		return -EBADMSG;
	return m->unsupported ? IKE_MESSAGE_CRITICAL : IKE_MESSAGE_OK;
}

int ike_message_parse(const void *data, size_t len, struct ike_message *ret)
{
	struct rbuf r = rbuf_of(data, len);
	int rc;

	rc = ike_header_parse(data, len, &ret->header);
	if (rc < 0)
		return rc;
	ret->raw = data;
	ret->raw_len = len;
	(void)rbuf_bytes(&r, IKE_HEADER_LEN);
	return parse_chain(ret, r, ret->header.next_payload, false);
}

int ike_message_parse_inner(struct ike_message *m, uint8_t first,
			    const uint8_t *plain, size_t len)
{
	int rc = parse_chain(m, rbuf_of(plain, len), first, true);

	m->inner = plain;
	m->inner_len = len;
	m->inner_first = first;
	if (rc < 0) {
		m->n = 0;
		m->present = 0;
	}
	return rc;
}

const struct ike_payload *ike_message_find(const struct ike_message *m,
					   enum ike_payload_type type)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->payloads[i].type == type)
			return &m->payloads[i];
	return NULL;
}

void ike_builder_init(struct ike_builder *b, void *buf, size_t cap,
		      const struct ike_header *h)
{
	*b = (struct ike_builder){ .w = wbuf_of(buf, cap) };
	wbuf_be64(&b->w, h->spi_i);
	wbuf_be64(&b->w, h->spi_r);
	b->next_at = b->w.len;
	wbuf_u8(&b->w, IKE_PAYLOAD_NONE);
	wbuf_u8(&b->w, IKE_VERSION);
	wbuf_u8(&b->w, h->exchange);
	wbuf_u8(&b->w, h->flags);
	wbuf_be32(&b->w, h->id);
	wbuf_be32(&b->w, 0);
}

void ike_builder_header(const struct ike_builder *b, struct ike_header *ret)
{
	struct rbuf r = rbuf_of(b->w.data, b->w.len);

	ret->spi_i = rbuf_be64(&r);
	ret->spi_r = rbuf_be64(&r);
	ret->next_payload = rbuf_u8(&r);
	(void)rbuf_u8(&r);
	ret->exchange = rbuf_u8(&r);
	ret->flags = rbuf_u8(&r);
	ret->id = rbuf_be32(&r);
}

struct wbuf *ike_builder_open(struct ike_builder *b, enum ike_payload_type type)
{
	size_t at = b->w.len;

	if (wbuf_ok(&b->w))
		b->w.data[b->next_at] = (uint8_t)type;
	b->next_at = at;
	wbuf_be16(&b->w, IKE_PAYLOAD_NONE << 8);
	b->open_at = wbuf_mark16(&b->w);
	return &b->w;
}

void ike_builder_close(struct ike_builder *b)
{
	wbuf_patch16(&b->w, b->open_at, b->w.len - b->open_at + 2);
}

int ike_builder_finish(struct ike_builder *b)
{
	if (!wbuf_ok(&b->w) || b->w.len > LIMIT_IKE_MESSAGE)
		return -EMSGSIZE;
	wbuf_patch16(&b->w, IKE_HEADER_LEN - 2, b->w.len);
	return 0;
}
