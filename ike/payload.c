/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The small payloads, each read and written.
 */
#include "ike/payload.h"

#include <errno.h>
#include <string.h>

/* All that is left, which may be nothing. */
static struct ike_view rest(struct rbuf *r)
{
	struct ike_view v = { .len = r->left };

	v.data = rbuf_bytes(r, r->left);
	return v;
}

int ike_ke_parse(const struct ike_payload *p, struct ike_ke *ret)
{
	struct rbuf r = ike_payload_reader(p);
	struct ike_ke ke = { 0 };

	ke.group = rbuf_be16(&r);
	(void)rbuf_be16(&r);
	ke.data = rest(&r);
	if (!rbuf_finish(&r) || ke.data.len == 0)
		return -EBADMSG;
	*ret = ke;
	return 0;
}

void ike_ke_write(struct ike_builder *b, uint16_t group, const void *data,
		  size_t len)
{
	struct wbuf *w = ike_builder_open(b, IKE_PAYLOAD_KE);

	wbuf_be16(w, group);
	wbuf_be16(w, 0);
	wbuf_bytes(w, data, len);
	ike_builder_close(b);
}

int ike_nonce_parse(const struct ike_payload *p, struct ike_nonce *ret)
{
	/* 3.9: 16 to 256 bytes. */
	if (p->len < LIMIT_IKE_NONCE_MIN || p->len > LIMIT_IKE_NONCE_MAX)
		return -EBADMSG;
	ret->len = (uint16_t)p->len;
	memcpy(ret->data, p->data, p->len);
	return 0;
}

void ike_nonce_write(struct ike_builder *b, const struct ike_nonce *nonce)
{
	wbuf_bytes(ike_builder_open(b, IKE_PAYLOAD_NONCE), nonce->data,
		   nonce->len);
	ike_builder_close(b);
}

int ike_id_parse(const struct ike_payload *p, struct ike_id *ret)
{
	struct rbuf r = ike_payload_reader(p);
	struct ike_id id = { .body = { p->data, p->len } };

	id.type = rbuf_u8(&r);
	(void)rbuf_bytes(&r, 3);
	id.data = rest(&r);
	if (!rbuf_finish(&r) || id.data.len > LIMIT_IKE_ID)
		return -EBADMSG;
	/* RFC 7619 2.1: the data of ID_NULL MUST be absent. */
	if ((id.type == IKE_ID_NULL) != (id.data.len == 0))
		return -EBADMSG;
	*ret = id;
	return 0;
}

void ike_id_null_body(uint8_t body[static IKE_ID_NULL_BODY_LEN])
{
	memset(body, 0, IKE_ID_NULL_BODY_LEN);
	body[0] = IKE_ID_NULL;
}

void ike_id_write_null(struct ike_builder *b, enum ike_payload_type type)
{
	uint8_t body[IKE_ID_NULL_BODY_LEN];

	ike_id_null_body(body);
	wbuf_bytes(ike_builder_open(b, type), body, sizeof(body));
	ike_builder_close(b);
}

int ike_cert_parse(const struct ike_payload *p, struct ike_cert *ret)
{
	struct rbuf r = ike_payload_reader(p);
	struct ike_cert c = { 0 };

	c.encoding = rbuf_u8(&r);
	c.data = rest(&r);
	if (!rbuf_finish(&r) || c.data.len == 0)
		return -EBADMSG;
	*ret = c;
	return 0;
}

void ike_cert_write(struct ike_builder *b, uint8_t encoding, const void *data,
		    size_t len)
{
	struct wbuf *w = ike_builder_open(b, IKE_PAYLOAD_CERT);

	wbuf_u8(w, encoding);
	wbuf_bytes(w, data, len);
	ike_builder_close(b);
}

int ike_authentication_parse(const struct ike_payload *p,
			     struct ike_authentication *ret)
{
	struct rbuf r = ike_payload_reader(p);
	struct ike_authentication a = { 0 };

	a.method = rbuf_u8(&r);
	(void)rbuf_bytes(&r, 3);
	a.data = rest(&r);
	if (!rbuf_finish(&r) || a.data.len == 0)
		return -EBADMSG;
	*ret = a;
	return 0;
}

void ike_authentication_write(struct ike_builder *b, uint8_t method,
			      const void *data, size_t len)
{
	struct wbuf *w = ike_builder_open(b, IKE_PAYLOAD_AUTH);

	wbuf_u8(w, method);
	wbuf_zero(w, 3);
	wbuf_bytes(w, data, len);
	ike_builder_close(b);
}

/* 3.10: none for the IKE SA, 4 bytes for the others, or no SPI at all. */
static bool notify_spi_ok(uint8_t protocol, uint8_t len)
{
	if (len == 0)
		return true;
	return len == 4 &&
	       (protocol == IKE_PROTOCOL_AH || protocol == IKE_PROTOCOL_ESP);
}

int ike_notify_parse(const struct ike_payload *p, struct ike_notify *ret)
{
	struct rbuf r = ike_payload_reader(p);
	struct ike_notify n = { 0 };

	n.protocol = rbuf_u8(&r);
	n.spi.len = rbuf_u8(&r);
	n.type = rbuf_be16(&r);
	n.spi.data = rbuf_bytes(&r, n.spi.len);
	n.data = rest(&r);
	if (!rbuf_finish(&r) || !notify_spi_ok(n.protocol, (uint8_t)n.spi.len))
		return -EBADMSG;
	*ret = n;
	return 0;
}

void ike_notify_write(struct ike_builder *b, uint16_t type, const void *data,
		      size_t len)
{
	struct wbuf *w = ike_builder_open(b, IKE_PAYLOAD_NOTIFY);

	wbuf_u8(w, IKE_PROTOCOL_NONE);
	wbuf_u8(w, 0);
	wbuf_be16(w, type);
	wbuf_bytes(w, data, len);
	ike_builder_close(b);
}

void ike_notify_write_spi(struct ike_builder *b, uint16_t type,
			  uint8_t protocol, const struct ike_view *spi)
{
	struct wbuf *w = ike_builder_open(b, IKE_PAYLOAD_NOTIFY);

	wbuf_u8(w, protocol);
	wbuf_u8(w, (uint8_t)spi->len);
	wbuf_be16(w, type);
	wbuf_bytes(w, spi->data, spi->len);
	ike_builder_close(b);
}

void ike_notify_write_esp(struct ike_builder *b, uint16_t type, uint32_t spi)
{
	const uint8_t data[4] = { (uint8_t)(spi >> 24), (uint8_t)(spi >> 16),
				  (uint8_t)(spi >> 8), (uint8_t)spi };
	const struct ike_view view = { data, sizeof(data) };

	ike_notify_write_spi(b, type, IKE_PROTOCOL_ESP, &view);
}

int ike_delete_parse(const struct ike_payload *p, struct ike_delete *ret)
{
	struct rbuf r = ike_payload_reader(p);
	struct ike_delete d = { 0 };
	uint8_t spi_size;
	bool ok = false;

	d.protocol = rbuf_u8(&r);
	spi_size = rbuf_u8(&r);
	d.count = rbuf_be16(&r);
	d.spis = rest(&r);
	if (!rbuf_finish(&r))
		return -EBADMSG;
	/* 3.11: zero SPIs of size zero for the IKE SA, else of 4 bytes. */
	if (d.protocol == IKE_PROTOCOL_IKE)
		ok = spi_size == 0 && d.count == 0 && d.spis.len == 0;
	else if (d.protocol == IKE_PROTOCOL_AH ||
		 d.protocol == IKE_PROTOCOL_ESP)
		ok = spi_size == 4 && d.spis.len == 4 * (size_t)d.count;
	if (!ok)
		return -EBADMSG;
	*ret = d;
	return 0;
}

void ike_delete_write_ike(struct ike_builder *b)
{
	struct wbuf *w = ike_builder_open(b, IKE_PAYLOAD_DELETE);

	wbuf_u8(w, IKE_PROTOCOL_IKE);
	wbuf_u8(w, 0);
	wbuf_be16(w, 0);
	ike_builder_close(b);
}

void ike_delete_write_esp(struct ike_builder *b, uint32_t spi)
{
	struct wbuf *w = ike_builder_open(b, IKE_PAYLOAD_DELETE);

	wbuf_u8(w, IKE_PROTOCOL_ESP);
	wbuf_u8(w, sizeof(spi));
	wbuf_be16(w, 1);
	wbuf_be32(w, spi);
	ike_builder_close(b);
}

void ike_vendor_write(struct ike_builder *b, const char *text)
{
	wbuf_bytes(ike_builder_open(b, IKE_PAYLOAD_VENDOR), text, strlen(text));
	ike_builder_close(b);
}
