/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keyd-addresses.h"

#include <ifaddrs.h>

/* An address that went is believed so much longer. */
#define ADDRESSES_OLD_MS 10000u
/* One that came is looked for at most so often. */
#define ADDRESSES_LOOK_MS 50u

static void read_all(struct keyd_addresses *t, uint64_t now)
{
	struct ifaddrs *list, *i;

	if (getifaddrs(&list) < 0)
		return;
	t->count = 0;
	t->read_at = now;
	for (i = list; i && t->count < LIMIT_OWN_ADDRESSES; i = i->ifa_next) {
		struct endpoint e;
		socklen_t len = sizeof(struct sockaddr_in6);

		if (!i->ifa_addr)
			continue;
		if (i->ifa_addr->sa_family == AF_INET)
			len = sizeof(struct sockaddr_in);
		else if (i->ifa_addr->sa_family != AF_INET6)
			continue;
		if (endpoint_from_sockaddr(i->ifa_addr, len, &e) < 0)
			continue;
		e.addr.scope = 0;
		t->list[t->count++] = e.addr;
	}
	freeifaddrs(list);
}

static bool has(const struct keyd_addresses *t, const struct addr *a)
{
	for (unsigned i = 0; i < t->count; i++)
		if (addr_equal(&t->list[i], a))
			return true;
	return false;
}

bool keyd_addresses_has(struct keyd_addresses *t, uint64_t now,
			const struct addr *a)
{
	if (t->read_at && now - t->read_at < ADDRESSES_OLD_MS && has(t, a))
		return true;
	if (!t->read_at || now - t->read_at >= ADDRESSES_LOOK_MS)
		read_all(t, now);
	return has(t, a);
}
