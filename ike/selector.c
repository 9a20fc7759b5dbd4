/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Traffic selectors, read, compared and written.
 */
#include "ike/selector.h"

#include <errno.h>
#include <string.h>

static uint16_t family_of(uint8_t type)
{
	switch (type) {
	case IKE_TS_IPV4:
		return AF_INET;
	case IKE_TS_IPV6:
		return AF_INET6;
	}
	return 0;
}

static void read_addr(struct rbuf *r, uint16_t family, struct addr *ret)
{
	size_t len = family == AF_INET ? 4 : 16;
	const uint8_t *bytes = rbuf_bytes(r, len);

	*ret = (struct addr){ .family = family };
	if (bytes)
		memcpy(ret->bytes, bytes, len);
}

/* 3.13.1. 1: one selector in *ret; 0: of a type that we do not know. */
static int parse_one(struct rbuf *r, struct ike_selector *ret)
{
	struct ike_selector s = { 0 };
	struct rbuf body;
	uint16_t len, family;

	s.type = rbuf_u8(r);
	s.protocol = rbuf_u8(r);
	len = rbuf_be16(r);
	if (!rbuf_ok(r) || len < 4)
		return -EBADMSG;
	body = rbuf_slice(r, len - 4);
	family = family_of(s.type);
	if (!family)
		return rbuf_ok(&body) ? 0 : -EBADMSG;
	s.port_first = rbuf_be16(&body);
	s.port_last = rbuf_be16(&body);
	read_addr(&body, family, &s.first);
	read_addr(&body, family, &s.last);
	if (!rbuf_finish(&body))
		return -EBADMSG;
	if (addr_compare(&s.first, &s.last) > 0)
		return -EBADMSG;
	/* 3.13.1: 65535 to 0 says OPAQUE; any other such order is wrong. */
	if (s.port_first > s.port_last &&
	    !(s.port_first == 65535 && s.port_last == 0))
		return -EBADMSG;
	*ret = s;
	return 1;
}

int ike_selectors_parse(const struct ike_payload *p, struct ike_selectors *ret)
{
	struct rbuf r = ike_payload_reader(p);
	uint8_t count = rbuf_u8(&r);
	size_t n = 0;

	(void)rbuf_bytes(&r, 3);
	if (!rbuf_ok(&r) || count == 0 || count > LIMIT_IKE_SELECTORS)
		return -EBADMSG;
	for (unsigned i = 0; i < count; i++) {
		int rc = parse_one(&r, &ret->list[n]);

		if (rc < 0)
			return rc;
		n += (size_t)rc;
	}
	if (!rbuf_finish(&r))
		return -EBADMSG;
	ret->n = n;
	ret->unknown = count - n;
	return 0;
}

/* Scopes do not travel: compare without them. */
static struct addr on_wire(const struct addr *a)
{
	struct addr b = *a;

	b.scope = 0;
	return b;
}

static bool is_all(const struct ike_selector *s)
{
	return s->protocol == 0 && s->port_first == 0 && s->port_last == 65535;
}

static bool has_host(const struct ike_selector *sel, const struct addr *host)
{
	struct addr a = on_wire(host);

	return sel->first.family == a.family &&
	       addr_compare(&sel->first, &a) <= 0 &&
	       addr_compare(&a, &sel->last) <= 0;
}

bool ike_selectors_contain(const struct ike_selectors *s,
			   const struct addr *host, bool scoped)
{
	for (size_t i = 0; i < s->n; i++)
		if ((scoped || is_all(&s->list[i])) &&
		    has_host(&s->list[i], host))
			return true;
	return false;
}

bool ike_selectors_host(const struct ike_selectors *s, uint16_t family,
			bool scoped, struct addr *ret)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct ike_selector *sel = &s->list[i];

		if ((scoped || is_all(sel)) && sel->first.family == family &&
		    addr_equal(&sel->first, &sel->last)) {
			*ret = sel->first;
			return true;
		}
	}
	return false;
}

/* Some selector has these ports of the host. */
static bool has_ports(const struct ike_selectors *s, const struct addr *host,
		      uint8_t protocol, uint16_t first, uint16_t last)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct ike_selector *sel = &s->list[i];

		if (has_host(sel, host) &&
		    (!sel->protocol || sel->protocol == protocol) &&
		    sel->port_first <= first && last <= sel->port_last)
			return true;
	}
	return false;
}

bool ike_selectors_cover(const struct ike_selectors *at,
			 const struct addr *host,
			 const struct ike_selectors *other,
			 const struct addr *other_host,
			 const struct scope *scope)
{
	for (size_t i = 0; i < scope->n; i++) {
		const struct service *s = &scope->list[i];

		if (!has_ports(at, host, s->protocol, s->port, s->port) ||
		    !has_ports(other, other_host, s->protocol, 0, 65535))
			return false;
	}
	return true;
}

static bool is_of_scope(const struct ike_selector *sel,
			const struct scope *scope)
{
	for (size_t i = 0; i < scope->n; i++) {
		const struct service *s = &scope->list[i];

		if (sel->protocol == s->protocol &&
		    ((sel->port_first == 0 && sel->port_last == 65535) ||
		     (sel->port_first == s->port && sel->port_last == s->port)))
			return true;
	}
	return false;
}

bool ike_selectors_within(const struct ike_selectors *s,
			  const struct addr *host, const struct scope *scope)
{
	struct addr a = on_wire(host);

	for (size_t i = 0; i < s->n; i++)
		if (!addr_equal(&s->list[i].first, &a) ||
		    !addr_equal(&s->list[i].last, &a) ||
		    !is_of_scope(&s->list[i], scope))
			return false;
	return s->n && !s->unknown;
}

bool ike_selectors_are(const struct ike_selectors *s, const struct addr *host)
{
	struct addr a = on_wire(host);

	return s->n == 1 && s->unknown == 0 && is_all(&s->list[0]) &&
	       addr_equal(&s->list[0].first, &a) &&
	       addr_equal(&s->list[0].last, &a);
}

/* 3.13.1 */
static void write_one(struct wbuf *w, uint8_t protocol, uint16_t port_first,
		      uint16_t port_last, const struct addr *first,
		      const struct addr *last)
{
	size_t len = addr_len(first);

	wbuf_u8(w, first->family == AF_INET ? IKE_TS_IPV4 : IKE_TS_IPV6);
	wbuf_u8(w, protocol);
	wbuf_be16(w, (uint16_t)(8 + 2 * len));
	wbuf_be16(w, port_first);
	wbuf_be16(w, port_last);
	wbuf_bytes(w, first->bytes, len);
	wbuf_bytes(w, last->bytes, len);
}

static void write_range(struct ike_builder *b, enum ike_payload_type type,
			const struct addr *first, const struct addr *last)
{
	struct wbuf *w = ike_builder_open(b, type);

	wbuf_u8(w, 1);
	wbuf_zero(w, 3);
	write_one(w, 0, 0, 65535, first, last);
	ike_builder_close(b);
}

/* The first of its protocol? */
static bool is_first(const struct scope *scope, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (scope->list[k].protocol == scope->list[i].protocol)
			return false;
	return true;
}

void ike_selectors_write_scope(struct ike_builder *b,
			       enum ike_payload_type type,
			       const struct addr *host,
			       const struct scope *scope, bool services,
			       bool other)
{
	struct wbuf *w = ike_builder_open(b, type);
	uint8_t n = services ? scope->n : 0;

	for (size_t i = 0; i < scope->n; i++)
		n += other && is_first(scope, i);
	wbuf_u8(w, n);
	wbuf_zero(w, 3);
	for (size_t i = 0; i < scope->n; i++) {
		const struct service *s = &scope->list[i];

		if (services)
			write_one(w, s->protocol, s->port, s->port, host, host);
		if (other && is_first(scope, i))
			write_one(w, s->protocol, 0, 65535, host, host);
	}
	ike_builder_close(b);
}

void ike_selectors_write(struct ike_builder *b, enum ike_payload_type type,
			 const struct addr *host)
{
	write_range(b, type, host, host);
}

void ike_selectors_write_any(struct ike_builder *b, enum ike_payload_type type,
			     uint16_t family)
{
	struct addr first = { .family = family }, last = first;

	memset(last.bytes, 0xff, addr_len(&last));
	write_range(b, type, &first, &last);
}
