/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CFG_REQUEST and CFG_REPLY with an address, read and written.
 */
#include "ike/configuration.h"

#include <errno.h>
#include <string.h>

/* IANA "IKEv2 Configuration Payload Attribute Types" */
enum {
	INTERNAL_IP4_ADDRESS = 1,
	INTERNAL_IP6_ADDRESS = 8,
};

/* 3.15.1: the first bit is reserved, and ignored. */
#define ATTRIBUTE_TYPE 0x7fffu
#define HOST_PREFIX    128u

/* An attribute is empty, or an address; IPv6 has a prefix length behind it. */
static int take(struct ike_cfg_address *c, uint16_t family, struct rbuf *value)
{
	struct ike_cfg_address found = { .present = true };
	size_t len = family == AF_INET ? 4 : 16;
	const uint8_t *bytes;

	if (value->left) {
		found.addr.family = family;
		bytes = rbuf_bytes(value, len);
		if (bytes)
			memcpy(found.addr.bytes, bytes, len);
		if (family == AF_INET6 && rbuf_u8(value) > HOST_PREFIX)
			return -EBADMSG;
	}
	if (!rbuf_finish(value))
		return -EBADMSG;
	/* 3.15.3: 0.0.0.0 asks for any, too. */
	if (addr_is_unspecified(&found.addr))
		memset(&found.addr, 0, sizeof(found.addr));
	if (!c->present)
		*c = found;
	return 0;
}

int ike_configuration_parse(const struct ike_payload *p,
			    struct ike_configuration *ret)
{
	struct rbuf r = ike_payload_reader(p);
	struct ike_configuration c = { .type = rbuf_u8(&r) };
	int rc = 0;

	(void)rbuf_bytes(&r, 3);
	while (rc == 0 && rbuf_ok(&r) && r.left) {
		uint16_t type = rbuf_be16(&r) & ATTRIBUTE_TYPE;
		uint16_t len = rbuf_be16(&r);
		struct rbuf value = rbuf_slice(&r, len);

		if (type == INTERNAL_IP4_ADDRESS)
			rc = take(&c.v4, AF_INET, &value);
		else if (type == INTERNAL_IP6_ADDRESS)
			rc = take(&c.v6, AF_INET6, &value);
	}
	if (rc < 0 || !rbuf_finish(&r))
		return -EBADMSG;
	*ret = c;
	return 0;
}

void ike_configuration_write(struct ike_builder *b, enum ike_cfg_type type,
			     uint16_t family, const struct addr *addr)
{
	struct wbuf *w = ike_builder_open(b, IKE_PAYLOAD_CP);
	bool v4 = family == AF_INET;
	size_t len = addr_len(addr);

	wbuf_u8(w, (uint8_t)type);
	wbuf_zero(w, 3);
	wbuf_be16(w, v4 ? INTERNAL_IP4_ADDRESS : INTERNAL_IP6_ADDRESS);
	wbuf_be16(w, (uint16_t)(len + (len == 16 ? 1 : 0)));
	wbuf_bytes(w, addr->bytes, len);
	if (len == 16)
		wbuf_u8(w, HOST_PREFIX);
	ike_builder_close(b);
}
