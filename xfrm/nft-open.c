/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xfrm/nft-open.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <string.h>

#include "xfrm/nfnl.h"

#define CHAIN	 "open"
#define CHAIN_IN "open_in"

/* RFC 9293 3.1 */
#define TCP_FLAGS 13u
#define TCP_SYN	  0x02u
#define TCP_ACK	  0x10u

/* A key: address, protocol, port, each from a four-byte register on. */
#define KEY_MAX 24u

static const char *const names[][2] = {
	[NFT_OPEN] = { "open4", "open6" },
	[NFT_NARROW] = { "narrow4", "narrow6" },
	[NFT_NAMED] = { "named4", "named6" },
};

#define KINDS (sizeof(names) / sizeof(names[0]))

static void put_set(struct nft_writer *o, enum nft_opening_kind kind, bool six,
		    uint32_t id)
{
	static const uint8_t fields[][3] = { { 4, 1, 2 }, { 16, 1, 2 } };
	const uint32_t addr = six ? NFT_KEY_IPV6_ADDR : NFT_KEY_IPV4_ADDR;
	const uint32_t type = addr << NFT_KEY_BITS | NFT_KEY_PROTO;
	const bool narrow = kind == NFT_NARROW;
	const struct nft_new_set new = {
		.name = names[kind][six],
		.id = id,
		.flags = NFT_SET_INTERVAL | NFT_SET_CONCAT,
		.key_type =
			narrow ? type : type << NFT_KEY_BITS | NFT_KEY_SERVICE,
		.key_len = (six ? 16 : 4) + (narrow ? 4 : 8),
		.fields = fields[six],
		.n_fields = narrow ? 2 : 3,
	};

	nft_put_set(o, &new);
}

void nft_open_put(struct nft_writer *o, uint32_t id, bool hear)
{
	for (unsigned kind = 0; kind < KINDS; kind++)
		for (int six = 0; six < 2; six++)
			put_set(o, kind, six, id++);
	nft_put_chain(o, CHAIN);
	if (!hear)
		nft_put_chain(o, CHAIN_IN);
}

/* Loads the peer's address, of packets of this family only, and the protocol;
 * the next register. */
static uint32_t load_peer(struct nft_writer *o, bool six, bool peer_is_source)
{
	uint32_t next = NFT_REG32_00;

	nft_family(o, six);
	next += peer_is_source ? nft_load_saddr(o, six, next)
			       : nft_load_daddr(o, six, next);
	nft_load_meta_to(o, next++, NFT_META_L4PROTO);
	return next;
}

/* Is a packet of such a service? port: which of its ports is the service's. */
static void look_up(struct nft_writer *o, enum nft_opening_kind kind, bool six,
		    bool peer_is_source, uint32_t port)
{
	uint32_t next = load_peer(o, six, peer_is_source);

	nft_load_payload_to(o, next, NFT_PAYLOAD_TRANSPORT_HEADER, port, 2);
	nft_lookup(o, names[kind][six]);
}

static void put_accept(struct nft_writer *o, bool six, bool hear, uint32_t port)
{
	nft_rule(o, CHAIN);
	look_up(o, NFT_OPEN, six, hear, port);
	nft_verdict_end(o, NF_ACCEPT, NULL);
}

static void put_ask(struct nft_writer *o, bool six)
{
	nft_rule(o, CHAIN);
	nft_protocol(o, NFT_CMP_EQ, IPPROTO_UDP);
	look_up(o, NFT_OPEN, six, false, NFT_UDP_DPORT);
	nft_verdict_end(o, NFT_GOTO, six ? "ask6" : "ask4");
}

static void put_answer(struct nft_writer *o, bool six, uint8_t mark_bit)
{
	nft_rule(o, CHAIN_IN);
	nft_protocol(o, NFT_CMP_EQ, IPPROTO_TCP);
	nft_load_payload(o, NFT_PAYLOAD_TRANSPORT_HEADER, TCP_FLAGS, 1);
	nft_bitwise(o, htonl((TCP_SYN | TCP_ACK) << 24), 0);
	nft_compare_u8(o, NFT_CMP_NEQ, TCP_SYN);
	look_up(o, NFT_OPEN, six, true, NFT_UDP_SPORT);
	nft_change_mark_end(o, ~(1u << mark_bit), 1u << mark_bit);
}

/* Before what is open: a packet may be of two services. */
static void put_narrow(struct nft_writer *o, bool six, bool hear)
{
	static const uint32_t ports[] = { NFT_UDP_SPORT, NFT_UDP_DPORT };

	for (size_t i = 0; i < 2; i++) {
		nft_rule(o, CHAIN);
		look_up(o, NFT_NAMED, six, hear, ports[i]);
		nft_verdict_end(o, NFT_RETURN, NULL);
	}
	nft_rule(o, CHAIN);
	(void)load_peer(o, six, hear);
	nft_lookup(o, names[NFT_NARROW][six]);
	nft_verdict_end(o, NF_ACCEPT, NULL);
}

static void put_open(struct nft_writer *o, bool six, bool hear,
		     uint8_t mark_bit)
{
	if (!hear)
		put_ask(o, six);
	put_accept(o, six, hear, NFT_UDP_SPORT);
	put_accept(o, six, hear, NFT_UDP_DPORT);
	if (!hear)
		put_answer(o, six, mark_bit);
}

static bool any(const struct nft_opening *list, size_t n,
		enum nft_opening_kind kind)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].kind == kind)
			return true;
	return false;
}

/* The first key of an element, or its last one. */
static size_t key(const struct nft_opening *x, bool last,
		  uint8_t ret[static KEY_MAX])
{
	const struct addr *a = last ? &x->last : &x->first;
	size_t len = addr_len(a);

	memset(ret, 0, KEY_MAX);
	memcpy(ret, a->bytes, len);
	if (x->kind == NFT_NARROW) {
		ret[len] = last ? 0xff : 0;
		return len + 4;
	}
	ret[len] = x->service.protocol;
	ret[len + 4] = (uint8_t)(x->service.port >> 8);
	ret[len + 5] = (uint8_t)x->service.port;
	return len + 8;
}

static void put_element(struct nft_writer *o, const struct nft_opening *x)
{
	const char *set = names[x->kind][x->first.family == AF_INET6];
	size_t list, element;
	uint8_t value[KEY_MAX];
	size_t len = key(x, false, value);

	nft_put_elements(o, NFT_MSG_NEWSETELEM, NLM_F_CREATE, set);
	list = nfnl_nest(o->w, NFTA_SET_ELEM_LIST_ELEMENTS);
	element = nfnl_nest(o->w, NFTA_LIST_ELEM);
	nft_expr_data(o, NFTA_SET_ELEM_KEY, value, len);
	len = key(x, true, value);
	nft_expr_data(o, NFTA_SET_ELEM_KEY_END, value, len);
	nfnl_nest_end(o->w, element);
	nfnl_nest_end(o->w, list);
	nft_put_end(o);
}

void nft_open_change(struct nft_writer *o, bool hear, uint8_t mark_bit,
		     const struct nft_opening *list, size_t n)
{
	nft_put_flush_chain(o, CHAIN);
	if (!hear)
		nft_put_flush_chain(o, CHAIN_IN);
	for (unsigned kind = 0; kind < KINDS; kind++)
		for (int six = 0; six < 2; six++) {
			nft_put_elements(o, NFT_MSG_DELSETELEM, 0,
					 names[kind][six]);
			nft_put_end(o);
		}
	for (size_t i = 0; i < n; i++)
		put_element(o, &list[i]);
	for (int six = 0; six < 2 && any(list, n, NFT_NARROW); six++)
		put_narrow(o, six, hear);
	for (int six = 0; six < 2 && any(list, n, NFT_OPEN); six++)
		put_open(o, six, hear, mark_bit);
}
