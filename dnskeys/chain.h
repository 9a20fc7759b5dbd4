/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The chain of trust above a name, zone by zone from the root, for people who
 * want to know which link is missing. It asks for DS, DNSKEY and SOA at each
 * name above, all at once, and finds the zones among them.
 */
#ifndef TACIT_DNSKEYS_CHAIN_H
#define TACIT_DNSKEYS_CHAIN_H

#include "dnskeys/name.h"
#include "dnskeys/resolver.h"

/* Names above one, and itself (RFC 1035 2.3.4). */
#define CHAIN_NAMES_MAX 128u
#define CHAIN_WHY_MAX	160u

struct chain_link {
	const char *zone; /* borrowed from the chain; "." first */
	/* SECURE; INSECURE: the zone above does not vouch for it; BOGUS;
	 * UNREACHABLE. */
	enum dns_verdict verdict;
	unsigned ds, dnskey; /* records */
	bool anchored;	     /* by a trust anchor of its own */
	char why[CHAIN_WHY_MAX];
};

struct chain;

/* name in text form with its last dot. It is there when the resolver has no
 * more questions under way. 0; -EINVAL: not a name; -ENOBUFS; -ENOMEM. */
int chain_new(struct resolver *r, const char *name, struct chain **ret)
	__attribute__((warn_unused_result));
/* Takes NULL. Before the resolver is freed. */
struct chain *chain_free(struct chain *c);
/* The zones, as far as one can see: nothing is known below a link that is
 * bogus or unreachable. How many. */
size_t chain_links(const struct chain *c,
		   struct chain_link ret[static CHAIN_NAMES_MAX]);

#endif
