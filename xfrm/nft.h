/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The private nftables table "inet tacit" in the kernel, and the elements of
 * its sets. Each change is an nfnetlink transaction of our own, which costs
 * the same however large the host's ruleset; what the sets mean to the rules
 * is in nft-rules.c.
 */
#ifndef TACIT_XFRM_NFT_H
#define TACIT_XFRM_NFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/addr.h"

struct nft_table;

struct nft_table_config {
	uint16_t queue_offer, queue_require;
	uint16_t port, natt_port;
	uint8_t mark_bit; /* 0 to 31 */
};

/* Each is two sets in the kernel, IPv4 and IPv6. What is not a range has a
 * lifetime, so that it does not outlive us for long. */
enum nft_set {
	SET_OFFER,	   /* ranges: queued while the route has no ESP */
	SET_REQUIRE,	   /* likewise, and dropped without a listener */
	SET_DRAIN_OFFER,   /* all packets are queued, whatever the route */
	SET_DRAIN_REQUIRE, /* likewise */
	SET_CLEAR,	   /* never queued */
	SET_COUNT
};

struct nft_change {
	enum nft_set set; /* not the ranges */
	bool remove;
	uint32_t lifetime_ms; /* of the element */
	struct addr addr;     /* without regard to its scope */
};

/* Both ends included. */
struct nft_range {
	enum nft_set set; /* SET_OFFER or SET_REQUIRE */
	struct addr first, last;
};

/* Creates the table with empty sets, in the place of a leftover of ours. 0;
 * -EOPNOTSUPP: this kernel lacks something that it needs; -EPERM; -ENOMEM. */
int nft_table_new(const struct nft_table_config *c, struct nft_table **ret)
	__attribute__((warn_unused_result));
/* Frees the object; the table stays in the kernel. */
struct nft_table *nft_table_free(struct nft_table *t);
/* Removes the table from the kernel; it being gone already is no error. */
int nft_table_remove(struct nft_table *t) __attribute__((warn_unused_result));
/* Empties every set but SET_REQUIRE. */
int nft_table_disarm(struct nft_table *t) __attribute__((warn_unused_result));
/*
 * Applies the changes in one transaction. An element that is there already
 * or not there is as good as done (a lifetime is renewed). When something
 * else stands in the way, each change is tried alone, and the first error is
 * returned: -ENOENT when somebody has removed the table.
 */
int nft_table_change(struct nft_table *t, const struct nft_change *changes,
		     size_t n) __attribute__((warn_unused_result));
/* Replaces all ranges in one transaction. Those of one set are disjoint and
 * in ascending order. */
int nft_table_set_ranges(struct nft_table *t, const struct nft_range *ranges,
			 size_t n) __attribute__((warn_unused_result));

#endif
