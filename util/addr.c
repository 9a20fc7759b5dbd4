/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Addresses, prefixes and endpoints: comparison, text forms and the way from
 * and to struct sockaddr. Pure but for the lookup of an interface name behind
 * a link-local address.
 */
#include "util/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct addr addr_unset;

size_t addr_len(const struct addr *a)
{
	if (a->family == AF_INET)
		return 4;
	if (a->family == AF_INET6)
		return 16;
	return 0;
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	return addr_compare(a, b) == 0;
}

int addr_compare(const struct addr *a, const struct addr *b)
{
	int order;

	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	order = memcmp(a->bytes, b->bytes, addr_len(a));
	if (order)
		return order;
	if (a->scope != b->scope)
		return a->scope < b->scope ? -1 : 1;
	return 0;
}

bool addr_is_loopback(const struct addr *a)
{
	if (a->family == AF_INET)
		return a->bytes[0] == 127;
	return a->family == AF_INET6 &&
	       memcmp(a->bytes, &in6addr_loopback, 16) == 0;
}

bool addr_is_multicast(const struct addr *a)
{
	if (a->family == AF_INET)
		return (a->bytes[0] & 0xf0) == 0xe0;
	return a->family == AF_INET6 && a->bytes[0] == 0xff;
}

bool addr_is_linklocal(const struct addr *a)
{
	if (a->family == AF_INET)
		return a->bytes[0] == 169 && a->bytes[1] == 254;
	return a->family == AF_INET6 && a->bytes[0] == 0xfe &&
	       (a->bytes[1] & 0xc0) == 0x80;
}

bool addr_is_unspecified(const struct addr *a)
{
	return addr_len(a) &&
	       memcmp(a->bytes, addr_unset.bytes, addr_len(a)) == 0;
}

/* Interface index or name. An index comes first, so that what addr_format()
 * wrote is read back whatever interfaces are called. 0: neither. */
static uint32_t scope_parse(const char *text)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long long index;

	if (digits == 0 || text[digits])
		return if_nametoindex(text);
	if (digits > 10)
		return 0;
	index = strtoull(text, NULL, 10);
	return index <= UINT32_MAX ? (uint32_t)index : 0;
}

int addr_parse(const char *text, struct addr *ret)
{
	struct addr a = { 0 };
	char host[INET6_ADDRSTRLEN];
	const char *zone = strchr(text, '%');
	size_t len = zone ? (size_t)(zone - text) : strlen(text);

	if (len >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, len);
	host[len] = '\0';

	if (inet_pton(AF_INET, host, a.bytes) == 1)
		a.family = AF_INET;
	else if (inet_pton(AF_INET6, host, a.bytes) == 1)
		a.family = AF_INET6;
	else
		return -EINVAL;

	if (zone) {
		if (a.family != AF_INET6 || !addr_is_linklocal(&a))
			return -EINVAL;
		a.scope = scope_parse(zone + 1);
		if (a.scope == 0)
			return -EINVAL;
	}
	*ret = a;
	return 0;
}

char *addr_format(const struct addr *a, char buf[static ADDR_STRLEN])
{
	size_t len;

	if (!addr_len(a) ||
	    !inet_ntop(a->family, a->bytes, buf, INET6_ADDRSTRLEN)) {
		snprintf(buf, ADDR_STRLEN, "unset");
		return buf;
	}
	len = strlen(buf);
	if (a->scope)
		snprintf(buf + len, ADDR_STRLEN - len, "%%%u", a->scope);
	return buf;
}

void addr_from_in(const struct in_addr *in, struct addr *ret)
{
	struct addr a = { .family = AF_INET };

	memcpy(a.bytes, in, 4);
	*ret = a;
}

void addr_from_in6(const struct in6_addr *in, uint32_t scope, struct addr *ret)
{
	struct addr a = { .family = AF_INET6 };

	memcpy(a.bytes, in, 16);
	if (addr_is_linklocal(&a))
		a.scope = scope;
	*ret = a;
}

/* Decimal, without sign, space or leading zero; at most max. */
static int prefix_parse_len(const char *text, uint8_t max, uint8_t *ret)
{
	size_t digits = strspn(text, "0123456789");
	int v;

	if (digits == 0 || digits > 3 || text[digits])
		return -EINVAL;
	if (digits > 1 && text[0] == '0')
		return -EINVAL;
	v = atoi(text);
	if (v > max)
		return -EINVAL;
	*ret = (uint8_t)v;
	return 0;
}

int prefix_parse(const char *text, struct prefix *ret)
{
	char host[ADDR_STRLEN];
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	struct prefix p, masked;
	int r;

	if (len >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, len);
	host[len] = '\0';
	r = addr_parse(host, &p.addr);
	if (r < 0)
		return r;

	p.len = (uint8_t)(addr_len(&p.addr) * 8);
	if (slash) {
		r = prefix_parse_len(slash + 1, p.len, &p.len);
		if (r < 0)
			return r;
	}
	/* Neither host bits nor a zone. */
	masked = prefix_of(&p.addr, p.len);
	if (!addr_equal(&masked.addr, &p.addr))
		return -EINVAL;
	*ret = masked;
	return 0;
}

char *prefix_format(const struct prefix *p, char buf[static PREFIX_STRLEN])
{
	size_t len;

	addr_format(&p->addr, buf);
	if (!addr_len(&p->addr))
		return buf;
	len = strlen(buf);
	snprintf(buf + len, PREFIX_STRLEN - len, "/%u", p->len);
	return buf;
}

bool prefix_contains(const struct prefix *p, const struct addr *a)
{
	struct prefix of;

	if (!addr_len(a) || a->family != p->addr.family)
		return false;
	of = prefix_of(a, p->len);
	return memcmp(of.addr.bytes, p->addr.bytes, addr_len(a)) == 0;
}

bool prefix_equal(const struct prefix *a, const struct prefix *b)
{
	return a->len == b->len && addr_equal(&a->addr, &b->addr);
}

struct prefix prefix_of(const struct addr *a, uint8_t len)
{
	struct prefix p = { .addr.family = a->family, .len = len };
	size_t max = addr_len(a) * 8;
	size_t whole;

	if (p.len > max)
		p.len = (uint8_t)max;
	whole = p.len / 8;
	memcpy(p.addr.bytes, a->bytes, whole);
	if (p.len % 8)
		p.addr.bytes[whole] =
			a->bytes[whole] & (uint8_t)(0xff00 >> (p.len % 8));
	return p;
}

struct prefix prefix_host(const struct addr *a)
{
	return prefix_of(a, 128);
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && addr_equal(&a->addr, &b->addr);
}

char *endpoint_format(const struct endpoint *e,
		      char buf[static ENDPOINT_STRLEN])
{
	char host[ADDR_STRLEN];

	addr_format(&e->addr, host);
	if (e->addr.family == AF_INET6)
		snprintf(buf, ENDPOINT_STRLEN, "[%s]:%u", host, e->port);
	else
		snprintf(buf, ENDPOINT_STRLEN, "%s:%u", host, e->port);
	return buf;
}

static void endpoint_from_in6(const struct sockaddr_in6 *in6,
			      struct endpoint *ret)
{
	struct in_addr in;

	ret->port = ntohs(in6->sin6_port);
	if (!IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
		addr_from_in6(&in6->sin6_addr, in6->sin6_scope_id, &ret->addr);
		return;
	}
	/* RFC 4291 2.5.5.2: what is on the wire is IPv4. */
	memcpy(&in, in6->sin6_addr.s6_addr + 12, sizeof(in));
	addr_from_in(&in, &ret->addr);
}

int endpoint_from_sockaddr(const struct sockaddr *sa, socklen_t len,
			   struct endpoint *ret)
{
	struct sockaddr_in6 in6;
	struct sockaddr_in in;
	sa_family_t family;

	if (len < offsetof(struct sockaddr, sa_family) + sizeof(family))
		return -EINVAL;
	memcpy(&family, &sa->sa_family, sizeof(family));
	if (family == AF_INET) {
		if (len < sizeof(in))
			return -EINVAL;
		memcpy(&in, sa, sizeof(in));
		addr_from_in(&in.sin_addr, &ret->addr);
		ret->port = ntohs(in.sin_port);
		return 0;
	}
	if (family == AF_INET6) {
		if (len < sizeof(in6))
			return -EINVAL;
		memcpy(&in6, sa, sizeof(in6));
		endpoint_from_in6(&in6, ret);
		return 0;
	}
	return -EAFNOSUPPORT;
}

socklen_t endpoint_to_sockaddr(const struct endpoint *e,
			       struct sockaddr_storage *ret)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in in = { .sin_family = AF_INET };

	memset(ret, 0, sizeof(*ret));
	if (e->addr.family == AF_INET) {
		in.sin_port = htons(e->port);
		memcpy(&in.sin_addr, e->addr.bytes, 4);
		memcpy(ret, &in, sizeof(in));
		return sizeof(in);
	}
	if (e->addr.family == AF_INET6) {
		in6.sin6_port = htons(e->port);
		in6.sin6_scope_id = e->addr.scope;
		memcpy(&in6.sin6_addr, e->addr.bytes, 16);
		memcpy(ret, &in6, sizeof(in6));
		return sizeof(in6);
	}
	return 0;
}

struct addr prefix_last(const struct prefix *p)
{
	struct addr a = p->addr;
	size_t bits = addr_len(&a) * 8;

	for (size_t i = p->len; i < bits; i++)
		a.bytes[i / 8] |= (uint8_t)(0x80u >> (i % 8));
	return a;
}
