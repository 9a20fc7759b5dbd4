/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Our private nftables tables in the kernel, and the elements of their sets:
 * "inet tacit", which holds packets (nft-rules.c), "inet tacit_hear", which
 * hears of peers that lost their state (nft-hear.c), and "inet tacit_cat", which
 * translates our addresses (nft-translate.c). Each change is an
 * nfnetlink transaction of our own, which costs the same however large the
 * host's ruleset.
 */
#ifndef TACIT_XFRM_NFT_H
#define TACIT_XFRM_NFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/addr.h"
#include "util/nameserver.h"
#include "util/service.h"

struct nft_table;

struct nft_table_config {
	uint16_t queue_offer, queue_require;
	uint16_t port, natt_port;
	uint8_t mark_bit, dns_bit; /* 0 to 31, different */
	/* Port 53 of every host is open to what this user sends: it looks for
	 * answers from the root of the tree down. */
	bool recursive;
	uint32_t resolver; /* its uid */
};

/*
 * Each is two sets in the kernel, IPv4 and IPv6: of ranges of destinations, of
 * pairs of our address and the peer's, or about DNS. A pair has a lifetime, so
 * that it does not outlive us for long.
 */
enum nft_set {
	SET_OFFER,	   /* ranges: queued while the route has no ESP */
	SET_REQUIRE,	   /* likewise, and dropped without a listener */
	SET_DRAIN_OFFER,   /* pairs: all is queued, whatever the route */
	SET_DRAIN_REQUIRE, /* likewise */
	SET_CLEAR,	   /* pairs: nothing is queued */
	SET_DNS,	   /* name servers, with their ports */
	SET_ASKED,	   /* whose answers may come; the rules fill it */
	/* Connections that are always in the clear; "inet tacit_hear" has it,
	 * too. */
	SET_CONNECTION,
	SET_HOLD_COUNT,
	/* Of the table that hears: */
	SET_SPI = SET_HOLD_COUNT, /* our address and an in-SA's SPI */
	SET_SECURED, /* pairs that have no reason to talk in the clear */
	/* Of the table that translates, maps: */
	SET_LEASE_IN,  /* peer and lease: our address */
	SET_LEASE_OUT, /* our address and peer: the lease */
	SET_ERROR_IN,  /* the same again, for packets inside ICMP errors */
	SET_ERROR_OUT,
	SET_COUNT
};

/* Addresses count without their scopes. */
struct nft_change {
	enum nft_set set; /* not of ranges */
	bool remove;
	uint32_t lifetime_ms; /* 0: none */
	struct addr local, remote;
	uint32_t spi;	   /* in the place of remote: host order, for SET_SPI */
	struct addr lease; /* for the four of the table that translates */
	struct {
		uint8_t protocol;
		uint16_t local, remote; /* host order */
	} ports;			/* for SET_CONNECTION */
};

/* Both ends included. */
struct nft_range {
	enum nft_set set; /* SET_OFFER or SET_REQUIRE */
	struct addr first, last;
};

/* What is said of services, at either side, with the hosts of a range, both ends
 * included. */
struct nft_opening {
	enum nft_opening_kind {
		NFT_OPEN,   /* this one is always in the clear */
		NFT_NARROW, /* all are, but for those that are named */
		NFT_NAMED,  /* this one is not, though the range is narrow */
	} kind;
	struct addr first, last;
	struct service service; /* not of NFT_NARROW */
};

struct nft_hear_config {
	uint16_t group; /* of nflog */
	uint16_t port, natt_port;
};

/* Creates the table with empty sets, in the place of a leftover of ours. 0;
 * -EOPNOTSUPP: this kernel lacks something that it needs; -EPERM; -ENOMEM. */
int nft_table_new(const struct nft_table_config *c, struct nft_table **ret)
	__attribute__((warn_unused_result));
/* Likewise, for hearing. */
int nft_table_new_hear(const struct nft_hear_config *c, struct nft_table **ret)
	__attribute__((warn_unused_result));
/* Likewise, for translating; there is no table in the kernel before
 * nft_table_make_translate(), and one that is there is left alone. */
int nft_table_new_translate(struct nft_table **ret)
	__attribute__((warn_unused_result));
/* Puts the table with these elements, and no others, in the place of one that is
 * there, in one transaction. 0 or -errno. */
int nft_table_make_translate(struct nft_table *t,
			     const struct nft_change *elements, size_t n)
	__attribute__((warn_unused_result));
/* Frees the object; the table stays in the kernel. */
struct nft_table *nft_table_free(struct nft_table *t);
/* Removes the table from the kernel; it being gone already is no error. */
int nft_table_remove(struct nft_table *t) __attribute__((warn_unused_result));
/* Removes all tables of ours, whoever made them. 0, -errno. */
int nft_tables_clear(void) __attribute__((warn_unused_result));
/* Empties every set of "inet tacit" but SET_REQUIRE, and what is out of it: the
 * openings. */
int nft_table_disarm(struct nft_table *t) __attribute__((warn_unused_result));
/*
 * Applies the changes, in order. An element that is there already or not
 * there is as good as done (a lifetime is renewed); other errors do not keep
 * the rest from being done, and the first one is returned: -ENOENT when
 * somebody has removed the table, and until nft_table_set_ranges() finds one
 * again, or nft_table_make_translate() makes one. Elements of a drain set are expected to be there when they are
 * removed: other removals are cheap for SET_CLEAR only.
 */
int nft_table_change(struct nft_table *t, const struct nft_change *changes,
		     size_t n) __attribute__((warn_unused_result));
/* Replaces all name servers, of which LIMIT_DNS_OPENINGS are taken: what is
 * sent to their ports never waits, and what answers it carries the bit. */
int nft_table_set_servers(struct nft_table *t, const struct nameserver *s,
			  size_t n) __attribute__((warn_unused_result));
/* Replaces all openings of the table, whichever it is, in one transaction.
 * Networks of one service are disjoint. */
int nft_table_set_openings(struct nft_table *t, const struct nft_opening *list,
			   size_t n) __attribute__((warn_unused_result));
/* Replaces all ranges in one transaction. Those of one set are disjoint and
 * in ascending order. */
int nft_table_set_ranges(struct nft_table *t, const struct nft_range *ranges,
			 size_t n) __attribute__((warn_unused_result));

#endif
