/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of own addresses, and the decoding of RTM_NEWADDR and
 * RTM_DELADDR.
 */
#include "xfrm/address.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "util/limits.h"
#include "util/rbuf.h"

static bool set_addr(struct addr *a, uint16_t family, const struct rbuf *value)
{
	struct addr x = { .family = family };

	if (value->left != addr_len(&x))
		return false;
	memcpy(x.bytes, value->pos, value->left);
	*a = x;
	return true;
}

/* IFA_LOCAL is ours where it is there: on a point-to-point link IFA_ADDRESS
 * is the other end's. */
static int read_attributes(struct rbuf *r, uint16_t family, struct address *ret)
{
	struct addr address = { 0 }, local = { 0 };

	while (r->left >= sizeof(struct rtattr)) {
		struct rtattr head;
		struct rbuf value;
		bool ok = true;
		size_t len, padding;

		memcpy(&head, rbuf_bytes(r, sizeof(head)), sizeof(head));
		if (head.rta_len < sizeof(head))
			return -EBADMSG;
		len = head.rta_len - sizeof(head);
		value = rbuf_slice(r, len);
		if (!rbuf_ok(r))
			return -EBADMSG;
		padding = RTA_ALIGN(len) - len;
		(void)rbuf_bytes(r, padding < r->left ? padding : r->left);
		if (head.rta_type == IFA_ADDRESS)
			ok = set_addr(&address, family, &value);
		else if (head.rta_type == IFA_LOCAL)
			ok = set_addr(&local, family, &value);
		else if (head.rta_type == IFA_BROADCAST)
			ok = set_addr(&ret->broadcast, family, &value);
		if (!ok)
			return -EBADMSG;
	}
	ret->addr = local.family ? local : address;
	return ret->addr.family ? 0 : -EBADMSG;
}

int address_read(const struct nlmsghdr *h, struct address *ret, bool *ret_gone)
{
	struct ifaddrmsg head;
	struct address a = { 0 };
	const uint8_t *p;
	struct rbuf r;
	int error;

	if (h->nlmsg_type != RTM_NEWADDR && h->nlmsg_type != RTM_DELADDR)
		return -ENOMSG;
	if (h->nlmsg_len < NLMSG_HDRLEN)
		return -EBADMSG;
	r = rbuf_of((const uint8_t *)h + NLMSG_HDRLEN,
		    h->nlmsg_len - NLMSG_HDRLEN);
	p = rbuf_bytes(&r, sizeof(head));
	if (!p)
		return -EBADMSG;
	memcpy(&head, p, sizeof(head));
	if (head.ifa_family != AF_INET && head.ifa_family != AF_INET6)
		return -ENOMSG;
	error = read_attributes(&r, head.ifa_family, &a);
	if (error < 0)
		return error;
	if (addr_is_loopback(&a.addr) || addr_is_unspecified(&a.addr))
		return -ENOMSG;
	a.ifindex = head.ifa_index;
	if (head.ifa_prefixlen > addr_len(&a.addr) * 8)
		return -EBADMSG;
	a.prefix_len = head.ifa_prefixlen;
	if (a.addr.family == AF_INET6 && addr_is_linklocal(&a.addr))
		a.addr.scope = a.ifindex;
	*ret = a;
	*ret_gone = h->nlmsg_type == RTM_DELADDR;
	return 0;
}

int address_read_link(const struct nlmsghdr *h, uint32_t *ret_ifindex,
		      bool *ret_running)
{
	struct ifinfomsg head;
	const uint8_t *p;
	struct rbuf r;

	if (h->nlmsg_type != RTM_NEWLINK)
		return -ENOMSG;
	if (h->nlmsg_len < NLMSG_HDRLEN)
		return -EBADMSG;
	r = rbuf_of((const uint8_t *)h + NLMSG_HDRLEN,
		    h->nlmsg_len - NLMSG_HDRLEN);
	p = rbuf_bytes(&r, sizeof(head));
	if (!p)
		return -EBADMSG;
	memcpy(&head, p, sizeof(head));
	/* Others are about a bridge's port. */
	if (head.ifi_family != AF_UNSPEC)
		return -ENOMSG;
	*ret_ifindex = (uint32_t)head.ifi_index;
	*ret_running = head.ifi_flags & IFF_UP && head.ifi_flags & IFF_RUNNING;
	return 0;
}

static struct address *address_table_find(const struct address_table *t,
					  const struct address *a)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->list[i].ifindex == a->ifindex &&
		    addr_equal(&t->list[i].addr, &a->addr))
			return &t->list[i];
	return NULL;
}

const struct address *address_table_get(const struct address_table *t,
					const struct address *a)
{
	return address_table_find(t, a);
}

int address_table_add(struct address_table *t, const struct address *a)
{
	struct address *list;

	if (address_table_find(t, a))
		return -EEXIST;
	if (t->count >= LIMIT_OWN_ADDRESSES) {
		t->left_out++;
		return -ENOSPC;
	}
	list = reallocarray(t->list, t->count + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	t->list = list;
	t->list[t->count++] = *a;
	return 0;
}

bool address_table_remove(struct address_table *t, const struct address *a)
{
	struct address *known = address_table_find(t, a);

	if (!known)
		return false;
	*known = t->list[--t->count];
	return true;
}

bool address_table_has(const struct address_table *t, const struct addr *a)
{
	for (size_t i = 0; i < t->count; i++) {
		struct addr known = t->list[i].addr;

		if (!a->scope)
			known.scope = 0;
		if (addr_equal(&known, a))
			return true;
	}
	return false;
}

bool address_table_on_link(const struct address_table *t, const struct addr *a)
{
	for (size_t i = 0; i < t->count; i++) {
		struct prefix link =
			prefix_of(&t->list[i].addr, t->list[i].prefix_len);

		if (prefix_contains(&link, a))
			return true;
	}
	return false;
}

uint32_t address_table_scope(const struct address_table *t,
			     const struct addr *a)
{
	uint32_t scope = 0;

	for (size_t i = 0; i < t->count; i++) {
		struct addr known = t->list[i].addr;

		known.scope = a->scope;
		if (!addr_equal(&known, a))
			continue;
		if (scope)
			return 0;
		scope = t->list[i].addr.scope;
	}
	return scope;
}

void address_table_done(struct address_table *t)
{
	free(t->list);
	*t = (struct address_table){ 0 };
}
