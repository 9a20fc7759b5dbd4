/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dbus/tacit-host.h"

#include <netdb.h>
#include <stdio.h>

#include "util/exitcode.h"

static void add(struct tacit_host *h, const struct addr *a)
{
	for (size_t i = 0; i < h->count; i++) {
		if (addr_equal(&h->addresses[i], a))
			return;
	}
	if (h->count < TACIT_HOST_MAX)
		h->addresses[h->count++] = *a;
}

int tacit_host_find(const char *text, struct tacit_host *ret)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_DGRAM };
	struct tacit_host h = { .count = 0 };
	struct addrinfo *found = NULL;
	struct addr address;
	int r;

	if (addr_parse(text, &address) == 0) {
		add(&h, &address);
		*ret = h;
		return EXIT_OK;
	}
	r = getaddrinfo(text, NULL, &hints, &found);
	if (r) {
		fprintf(stderr,
			"tacit: \"%s\" is no address, and as a name: %s.\n",
			text, gai_strerror(r));
		return EXIT_USAGE;
	}
	for (struct addrinfo *i = found; i; i = i->ai_next) {
		struct endpoint e;

		if (endpoint_from_sockaddr(i->ai_addr, i->ai_addrlen, &e) == 0)
			add(&h, &e.addr);
	}
	freeaddrinfo(found);
	if (!h.count) {
		fprintf(stderr, "tacit: %s has no address.\n", text);
		return EXIT_USAGE;
	}
	*ret = h;
	return EXIT_OK;
}
