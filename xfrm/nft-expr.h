/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tables, chains, sets and rules of nftables as netlink messages: what
 * nft-rules.c and its like are written in. Expressions work on register 1,
 * unless they name another one.
 */
#ifndef TACIT_XFRM_NFT_EXPR_H
#define TACIT_XFRM_NFT_EXPR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/wbuf.h"

/* A batch of messages, and the rule that is being written. */
struct nft_writer {
	struct wbuf *w;
	uint32_t seq;
	const char *table;
	size_t message, expressions, expression, data;
};

/* Offsets of fields: RFC 791 3.1, RFC 8200 3, RFC 768, RFC 792, RFC 4443 2.1. */
#define NFT_IP4_SADDR 12u
#define NFT_IP4_DADDR 16u
#define NFT_IP6_SADDR 8u
#define NFT_IP6_DADDR 24u
#define NFT_UDP_SPORT 0u /* TCP's are there too */
#define NFT_UDP_DPORT 2u
#define NFT_IP4_CSUM  10u
#define NFT_ICMP_CSUM 2u
#define NFT_ICMP_DATA 8u /* of an error: the packet that it is about */

/* What nft(8) shows the keys of a set as: their types, in places of six bits. */
enum nft_key_type {
	NFT_KEY_INTEGER = 4,
	NFT_KEY_IPV4_ADDR = 7,
	NFT_KEY_IPV6_ADDR = 8,
	NFT_KEY_PROTO = 12,
	NFT_KEY_SERVICE = 13,
};
#define NFT_KEY_BITS 6

void nft_put_table(struct nft_writer *o, unsigned type, uint16_t flags);
struct nft_new_set {
	const char *name;
	uint32_t id; /* unique in the batch */
	uint32_t flags, key_type, key_len;
	uint32_t size;		      /* 0: no limit */
	uint32_t data_type, data_len; /* of a map; 0: a set */
	/* With NFT_SET_CONCAT: bytes of each part of the key. */
	const uint8_t *fields;
	size_t n_fields;
	const struct wbuf *shown; /* nft-typeof.h; NULL: by the types */
};
void nft_put_set(struct nft_writer *o, const struct nft_new_set *s);
/* A message about elements of a set, without any: all of them, where they are
 * deleted. What is put between is the caller's. */
void nft_put_elements(struct nft_writer *o, unsigned type, uint16_t flags,
		      const char *set);
void nft_put_end(struct nft_writer *o);
/* All rules of a chain go. */
void nft_put_flush_chain(struct nft_writer *o, const char *name);
/* One that is jumped to. */
void nft_put_chain(struct nft_writer *o, const char *name);
void nft_put_base_chain(struct nft_writer *o, const char *name,
			const char *type, uint32_t hook, int priority);

void nft_rule(struct nft_writer *o, const char *chain);
void nft_rule_end(struct nft_writer *o);
void nft_expr(struct nft_writer *o, const char *name);
void nft_expr_end(struct nft_writer *o);
void nft_expr_data(struct nft_writer *o, uint16_t type, const void *data,
		   size_t len);

void nft_load_meta_to(struct nft_writer *o, uint32_t reg, uint32_t key);
void nft_load_meta(struct nft_writer *o, uint32_t key);
void nft_load_payload_to(struct nft_writer *o, uint32_t reg, uint32_t base,
			 uint32_t offset, uint32_t len);
void nft_load_payload(struct nft_writer *o, uint32_t base, uint32_t offset,
		      uint32_t len);
/* The source address, or the destination, from this register on; how many
 * registers of four bytes it takes. */
uint32_t nft_load_saddr(struct nft_writer *o, bool six, uint32_t reg);
uint32_t nft_load_daddr(struct nft_writer *o, bool six, uint32_t reg);
/* Of packets of this family: the connection, from the first register on, as its
 * sender sees it; of one that comes in, as its receiver does. Protocol, address,
 * port, address, port. */
void nft_load_connection(struct nft_writer *o, bool six, bool inbound);
uint32_t nft_connection_type(bool six);
void nft_compare(struct nft_writer *o, uint32_t op, const void *data,
		 size_t len);
void nft_compare_u8(struct nft_writer *o, uint32_t op, uint8_t v);
void nft_compare_port(struct nft_writer *o, uint32_t op, uint16_t port);
void nft_protocol(struct nft_writer *o, uint32_t op, uint8_t protocol);
void nft_family(struct nft_writer *o, bool six);
/* Is what begins in register 1 in this set? */
void nft_lookup(struct nft_writer *o, const char *set);
/* Likewise in this map: then what belongs to it is in register 1. */
void nft_lookup_map(struct nft_writer *o, const char *map);
/* Register 1 into the packet. What it is part of has its Internet checksum at
 * csum, from the same base on (NFT_NO_CSUM: it has none); pseudo: that of the
 * protocol above, which covers the addresses, is changed too. */
#define NFT_NO_CSUM UINT32_MAX
void nft_store_payload(struct nft_writer *o, uint32_t base, uint32_t offset,
		       uint32_t len, uint32_t csum, bool pseudo);
/* The reqid of the SA by which the packet came, or will leave; a packet without
 * one ends the rule. */
void nft_load_reqid(struct nft_writer *o, bool out);
/* Of the four bytes in register 1, in the order of the host. */
void nft_bitwise(struct nft_writer *o, uint32_t mask, uint32_t xor);
/* A rule that ends with another mark: the bits of keep, and then of flip. */
void nft_change_mark_end(struct nft_writer *o, uint32_t keep, uint32_t flip);
/* Code NF_ACCEPT or a NFT_ one; chain for NFT_JUMP. */
void nft_verdict(struct nft_writer *o, int code, const char *chain);
/* A rule that ends with this one. */
void nft_verdict_end(struct nft_writer *o, int code, const char *chain);

#endif
