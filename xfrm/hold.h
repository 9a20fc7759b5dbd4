/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * First packets, held: an nftables queue rule diverts packets to networks that
 * wait for protection, this module keeps their ids, and a verdict lets them go
 * through XFRM (accepted with a changed mark, so that the kernel routes them
 * anew), in the clear, or nowhere. In order: while a destination's packets are
 * being let go, newer ones queue up behind them. A destination is a pair of
 * addresses, ours and the peer's, as SAs are.
 *
 * Runs in tacit-netd. Owns the private table "inet tacit" and two nfnetlink
 * queues; touches no other table.
 */
#ifndef TACIT_XFRM_HOLD_H
#define TACIT_XFRM_HOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/addr.h"
#include "util/hmap.h"
#include "util/nameserver.h"

struct hold;

struct hold_config {
	uint16_t queue_offer, queue_require; /* nfnetlink queue numbers */
	uint16_t port, natt_port;	     /* our IKE's, never held */
	uint8_t mark_bit;		     /* flipped for the rerouting */
	/* See struct nft_table_config. */
	uint8_t dns_bit;
	bool recursive;
	uint32_t resolver;
	/* An offer packet is let go in the clear after this at the latest. */
	uint32_t wait_ms;
	struct hash_key hash_key;
};

/* An address range, both ends included. nftables has no longest-prefix match:
 * the caller has made them disjoint. */
struct hold_range {
	struct addr first, last;
	bool require;
};

struct hold_packet {
	struct addr local, remote;
	uint16_t protocol, local_port, remote_port; /* 0 unknown */
	bool require;
};

struct hold_ops {
	void *user;
	/* The first packet held for this destination: as good as an acquire. */
	void (*first)(void *user, const struct hold_packet *p);
	/* How long an offer packet to this address waits, milliseconds; NULL:
	 * config's wait_ms for all. */
	uint32_t (*wait_ms)(void *user, const struct addr *remote);
};

/* 0; -EOPNOTSUPP: this kernel has no nft_queue (the caller falls back to the
 * kernel's own hold queue); -EADDRINUSE: a queue number is taken; -errno.
 * Creates the table without ranges; leftovers of ours are replaced. */
int hold_new(const struct hold_config *c, const struct hold_ops *ops,
	     struct hold **ret) __attribute__((warn_unused_result));
/* What is held is dropped (require) or let go in the clear (offer); the table
 * goes, unless keep_require: then the require rules stay and, without a
 * listener, drop. */
struct hold *hold_free(struct hold *h, bool keep_require);

/* Watch for EPOLLIN, then hold_dispatch(). */
int hold_fd(const struct hold *h);
/* 0 or -errno (fatal). ENOBUFS is counted, not fatal. */
int hold_dispatch(struct hold *h, uint64_t now)
	__attribute__((warn_unused_result));
/* Time limits: call hold_tick() at hold_deadline(), UINT64_MAX is never. */
void hold_tick(struct hold *h, uint64_t now);
uint64_t hold_deadline(const struct hold *h);

/* Replaces all ranges in one transaction. What waits for a destination that is
 * in no range any more is let go. -EINVAL: they are not disjoint; -ENOENT:
 * somebody has removed our table, and nothing is held any more. */
int hold_set_ranges(struct hold *h, const struct hold_range *r, size_t n)
	__attribute__((warn_unused_result));

struct nft_change;
/* Of SET_CONNECTION, as nft_table_change(). */
int hold_connections(struct hold *h, const struct nft_change *c, size_t n)
	__attribute__((warn_unused_result));
struct nft_opening;
/* As nft_table_set_openings(). */
int hold_set_openings(struct hold *h, const struct nft_opening *list, size_t n)
	__attribute__((warn_unused_result));
/* As nft_table_set_servers(). */
int hold_set_servers(struct hold *h, const struct nameserver *s, size_t n)
	__attribute__((warn_unused_result));

/* The SAs are about to go in, but the peer may not have its own yet: hold all
 * packets of this destination, whatever its network's policy and its route,
 * until hold_release(). ops.first is called for each of them. -ENOSPC,
 * -ENOMEM: not held back. */
int hold_gate(struct hold *h, const struct addr *local,
	      const struct addr *remote, uint64_t now)
	__attribute__((warn_unused_result));
/* The destination's SAs and policies are in: release through XFRM, in order.
 * No held packets is fine. Late ones pass for two seconds more. */
int hold_release(struct hold *h, const struct addr *local,
		 const struct addr *remote, uint64_t now)
	__attribute__((warn_unused_result));
/* Let go in the clear, and do not hold this destination for lifetime_ms (an
 * element with a timeout). Never for a require destination: -EPERM. */
int hold_clear(struct hold *h, const struct addr *local,
	       const struct addr *remote, uint64_t now, uint32_t lifetime_ms)
	__attribute__((warn_unused_result));
/* Forget that it is clear, or what verdict it had: when its SAs go, too. What
 * is held now stays held. */
int hold_forget(struct hold *h, const struct addr *local,
		const struct addr *remote) __attribute__((warn_unused_result));
/* Do packets wait for this destination? */
bool hold_waits(const struct hold *h, const struct addr *local,
		const struct addr *remote);
/* Somebody has taken our table away, which a change of ours has met. */
bool hold_is_broken(const struct hold *h);
/* A table of its own again, in the place of what is left of the one before,
 * with the destinations that are diverted: ranges, servers and what is clear
 * are to be set anew. Packets that waited are lost where their hook was. 0 or
 * -errno. */
int hold_renew(struct hold *h) __attribute__((warn_unused_result));
/* Drop what is held for it. */
int hold_drop(struct hold *h, const struct addr *local,
	      const struct addr *remote) __attribute__((warn_unused_result));

/* Packets, but for refused. Those whose time ran out are counted as cleared
 * or dropped too. */
struct hold_counters {
	uint64_t held, released, cleared, dropped, timed_out, overflowed, lost;
	uint64_t refused; /* changes that nftables refused */
	uint32_t now_held, now_peers;
};
void hold_count(const struct hold *h, struct hold_counters *ret);

#endif
