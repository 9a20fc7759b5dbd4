/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of what is always in the clear.
 */
#include "agent/netd-bypass.h"

enum { ICMP = 1, TCP = 6, UDP = 17, ICMPV6 = 58 };
enum { OUT = 1 << KDIR_OUT, IN = 1 << KDIR_IN, BOTH = OUT | IN };

struct bypass {
	uint16_t family;
	uint8_t dirs;
	const char *dst; /* NULL: any */
	uint8_t protocol;
	int sport, dport; /* -1: any. ICMP: type and code */
};

/* One row a place: DHCP's both directions are two rows, for a client's and a
 * server's sake. */
static const struct bypass table[] = {
	{ AF_INET, BOTH, "224.0.0.0/4", 0, -1, -1 },
	{ AF_INET, BOTH, "255.255.255.255", 0, -1, -1 },
	{ AF_INET, BOTH, NULL, UDP, 68, 67 },
	{ AF_INET, BOTH, NULL, UDP, 67, 68 },
	/* Path MTU discovery: fragmentation needed (RFC 1191). */
	{ AF_INET, IN, NULL, ICMP, 3, 4 },
	{ AF_INET6, BOTH, "ff00::/8", 0, -1, -1 },
	/* Neighbour discovery (RFC 4861 4.1 to 4.5). */
	{ AF_INET6, BOTH, NULL, ICMPV6, 133, -1 },
	{ AF_INET6, BOTH, NULL, ICMPV6, 134, -1 },
	{ AF_INET6, BOTH, NULL, ICMPV6, 135, -1 },
	{ AF_INET6, BOTH, NULL, ICMPV6, 136, -1 },
	{ AF_INET6, BOTH, NULL, ICMPV6, 137, -1 },
	{ AF_INET6, BOTH, NULL, UDP, 546, 547 },
	{ AF_INET6, BOTH, NULL, UDP, 547, 546 },
	/* Packet too big (RFC 4443 3.2). */
	{ AF_INET6, IN, NULL, ICMPV6, 2, -1 },
};

static struct kpolicy bypass_policy(const struct bypass *b, enum kdir dir)
{
	struct kpolicy p = {
		.dir = dir,
		.action = KACTION_PASS,
		.priority = KPOLICY_PRIO_BYPASS,
		.sel = { .protocol = b->protocol },
	};

	p.sel.src.addr.family = b->family;
	p.sel.dst.addr.family = b->family;
	/* The table's own texts always parse. */
	if (b->dst && prefix_parse(b->dst, &p.sel.dst) < 0)
		p.sel.dst.addr.family = b->family;
	if (b->sport >= 0) {
		p.sel.sport = (uint16_t)b->sport;
		p.sel.sport_mask = 0xffff;
	}
	if (b->dport >= 0) {
		p.sel.dport = (uint16_t)b->dport;
		p.sel.dport_mask = 0xffff;
	}
	return p;
}

bool netd_bypass_at(int family, size_t i, struct kpolicy *ret)
{
	static const enum kdir dirs[] = { KDIR_OUT, KDIR_IN };

	for (size_t k = 0; k < sizeof(table) / sizeof(table[0]); k++) {
		if (table[k].family != family)
			continue;
		for (size_t d = 0; d < 2; d++) {
			if (!(table[k].dirs & 1 << dirs[d]) || i-- > 0)
				continue;
			*ret = bypass_policy(&table[k], dirs[d]);
			return true;
		}
	}
	return false;
}

static struct kpolicy bypass_all(uint16_t family, enum kdir dir)
{
	const struct bypass any = { .family = family,
				    .sport = -1,
				    .dport = -1 };

	return bypass_policy(&any, dir);
}

struct kpolicy netd_bypass_own(const struct addr *own, enum kdir dir)
{
	struct kpolicy p = bypass_all(own->family, dir);

	if (dir == KDIR_OUT)
		p.sel.dst = prefix_host(own);
	else
		p.sel.src = prefix_host(own);
	return p;
}

/* One protocol and direction of what has a port on the other side. */
static struct kpolicy bypass_port(uint16_t family, size_t i, uint16_t port)
{
	enum kdir dir = i & 1 ? KDIR_IN : KDIR_OUT;
	const struct bypass b = {
		.family = family,
		.protocol = i & 2 ? TCP : UDP,
		.sport = dir == KDIR_IN ? port : -1,
		.dport = dir == KDIR_OUT ? port : -1,
	};

	return bypass_policy(&b, dir);
}

bool netd_bypass_server(const struct nameserver *s, uint32_t mark, size_t i,
			struct kpolicy *ret)
{
	struct kpolicy p;

	if (i >= 4)
		return false;
	p = bypass_port(s->addr.family, i, s->port);
	if (p.dir == KDIR_IN) {
		p.sel.src = prefix_host(&s->addr);
		p.mark = mark;
	} else {
		p.sel.dst = prefix_host(&s->addr);
	}
	*ret = p;
	return true;
}

bool netd_bypass_resolver(int family, uint32_t mark, size_t i,
			  struct kpolicy *ret)
{
	if (i >= 4 || !mark)
		return false;
	*ret = bypass_port((uint16_t)family, i, NAMESERVER_PORT);
	ret->mark = mark;
	return true;
}

struct kpolicy netd_bypass_broadcast(const struct addr *broadcast,
				     enum kdir dir)
{
	struct kpolicy p = bypass_all(broadcast->family, dir);

	p.sel.dst = prefix_host(broadcast);
	return p;
}
