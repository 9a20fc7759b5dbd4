/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 *	chain exempt		what never waits: our IKE and ESP in UDP, ESP,
 *				neighbour discovery, DHCP; UDP and TCP to dns
 *	chain dns		name servers, the resolver's own: goto ask4, 6
 *	chain ask4, ask6	remember the flow in asked, accept
 *	chain hold, -250	jump exempt
 *				pairs in a drain set: queue
 *				no ESP in the route: jump cold
 *	chain cold		multicast, pairs that are clear: accept
 *				ranges: queue
 *	chain restore, 201	clear the resolver's bit; jump exempt
 *				drain sets: flip the mark back
 *	chain answers		inbound: flows in asked get the bit, by which
 *				XFRM lets them in
 *	chain resolver, -251	full recursion only: what the resolver's user
 *				sends to port 53 gets the bit and is routed anew,
 *				for XFRM to let it out
 *
 * Chain "hold" stands before conntrack (-200): a packet that conntrack has
 * seen but not confirmed must not wait. Between it and "restore", which undoes
 * the flip of the verdict, stands every other chain that our packets meet.
 */
#include "xfrm/nft-rules.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <netinet/in.h>

#include "xfrm/nfnl.h"

#define HOLD_PRIORITY	  (-250)
#define RESTORE_PRIORITY  201
#define RESOLVER_PRIORITY (-251)
#define ANSWERS_PRIORITY  (-250)

#define DNS_PORT 53
/* So long an answer may be on its way, and so many flows wait for one. */
#define ASKED_MS  30000u
#define ASKED_MAX 16384u

/* Offsets of fields: RFC 791 3.1, RFC 8200 3, RFC 768. */
#define IP4_SADDR 12
#define IP4_DADDR 16
#define IP6_SADDR 8
#define IP6_DADDR 24
#define UDP_SPORT 0 /* TCP's are there too */
#define UDP_DPORT 2

/* What nft(8) shows the keys of a set as; a pair is two of them, one behind the
 * other. */
#define KEY_IPV4_ADDR 7u
#define KEY_IPV6_ADDR 8u
#define KEY_PROTO     12u
#define KEY_SERVICE   13u
#define KEY_TYPE_BITS 6

/* A batch of messages, and the rule that is being written. */
struct writer {
	struct wbuf *w;
	uint32_t seq;
	size_t message, expressions, expression, data;
};

static const char *const set_names[SET_COUNT][2] = {
	[SET_OFFER] = { "offer4", "offer6" },
	[SET_REQUIRE] = { "require4", "require6" },
	[SET_DRAIN_OFFER] = { "drain_offer4", "drain_offer6" },
	[SET_DRAIN_REQUIRE] = { "drain_require4", "drain_require6" },
	[SET_CLEAR] = { "clear4", "clear6" },
	[SET_DNS] = { "dns4", "dns6" },
	[SET_ASKED] = { "asked4", "asked6" },
};

const char *nft_set_name(enum nft_set set, bool six)
{
	return set_names[set][six];
}

static void message(struct writer *o, unsigned type, uint16_t flags)
{
	o->message =
		nfnl_begin(o->w, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type),
			   flags, o->seq, NFPROTO_INET, 0);
}

static void message_end(struct writer *o)
{
	nfnl_end(o->w, o->message);
}

/* --- rules and their expressions: all work on register 1 --------------- */

static void rule(struct writer *o, const char *chain)
{
	message(o, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	nfnl_put_string(o->w, NFTA_RULE_TABLE, NFT_TABLE_NAME);
	nfnl_put_string(o->w, NFTA_RULE_CHAIN, chain);
	o->expressions = nfnl_nest(o->w, NFTA_RULE_EXPRESSIONS);
}

static void rule_end(struct writer *o)
{
	nfnl_nest_end(o->w, o->expressions);
	message_end(o);
}

static void expression(struct writer *o, const char *name)
{
	o->expression = nfnl_nest(o->w, NFTA_LIST_ELEM);
	nfnl_put_string(o->w, NFTA_EXPR_NAME, name);
	o->data = nfnl_nest(o->w, NFTA_EXPR_DATA);
}

static void expression_end(struct writer *o)
{
	nfnl_nest_end(o->w, o->data);
	nfnl_nest_end(o->w, o->expression);
}

static void put_data(struct writer *o, uint16_t type, const void *data,
		     size_t len)
{
	size_t at = nfnl_nest(o->w, type);

	nfnl_put(o->w, NFTA_DATA_VALUE, data, len);
	nfnl_nest_end(o->w, at);
}

static void load_meta_to(struct writer *o, uint32_t reg, uint32_t key)
{
	expression(o, "meta");
	nfnl_put_be32(o->w, NFTA_META_KEY, key);
	nfnl_put_be32(o->w, NFTA_META_DREG, reg);
	expression_end(o);
}

static void load_meta(struct writer *o, uint32_t key)
{
	load_meta_to(o, NFT_REG_1, key);
}

static void load_payload_to(struct writer *o, uint32_t reg, uint32_t base,
			    uint32_t offset, uint32_t len)
{
	expression(o, "payload");
	nfnl_put_be32(o->w, NFTA_PAYLOAD_DREG, reg);
	nfnl_put_be32(o->w, NFTA_PAYLOAD_BASE, base);
	nfnl_put_be32(o->w, NFTA_PAYLOAD_OFFSET, offset);
	nfnl_put_be32(o->w, NFTA_PAYLOAD_LEN, len);
	expression_end(o);
}

static void load_payload(struct writer *o, uint32_t base, uint32_t offset,
			 uint32_t len)
{
	load_payload_to(o, NFT_REG_1, base, offset, len);
}

static void compare(struct writer *o, uint32_t op, const void *data, size_t len)
{
	expression(o, "cmp");
	nfnl_put_be32(o->w, NFTA_CMP_SREG, NFT_REG_1);
	nfnl_put_be32(o->w, NFTA_CMP_OP, op);
	put_data(o, NFTA_CMP_DATA, data, len);
	expression_end(o);
}

static void compare_u8(struct writer *o, uint32_t op, uint8_t v)
{
	compare(o, op, &v, sizeof(v));
}

static void compare_port(struct writer *o, uint32_t op, uint16_t port)
{
	uint16_t v = htons(port);

	compare(o, op, &v, sizeof(v));
}

static void protocol(struct writer *o, uint32_t op, uint8_t protocol)
{
	load_meta(o, NFT_META_L4PROTO);
	compare_u8(o, op, protocol);
}

static void family(struct writer *o, bool six)
{
	load_meta(o, NFT_META_NFPROTO);
	compare_u8(o, NFT_CMP_EQ, six ? NFPROTO_IPV6 : NFPROTO_IPV4);
}

/* Loads the destination, of packets of this family only. */
static void daddr(struct writer *o, bool six)
{
	family(o, six);
	load_payload(o, NFT_PAYLOAD_NETWORK_HEADER, six ? IP6_DADDR : IP4_DADDR,
		     six ? 16 : 4);
}

/* Loads source and destination, one behind the other. */
static void pair(struct writer *o, bool six)
{
	family(o, six);
	load_payload_to(o, NFT_REG32_00, NFT_PAYLOAD_NETWORK_HEADER,
			six ? IP6_SADDR : IP4_SADDR, six ? 16 : 4);
	load_payload_to(o, six ? NFT_REG32_04 : NFT_REG32_01,
			NFT_PAYLOAD_NETWORK_HEADER, six ? IP6_DADDR : IP4_DADDR,
			six ? 16 : 4);
}

/* Loads a destination with its port. */
static void server(struct writer *o, bool six)
{
	daddr(o, six);
	load_payload_to(o, six ? NFT_REG32_04 : NFT_REG32_01,
			NFT_PAYLOAD_TRANSPORT_HEADER, UDP_DPORT, 2);
}

/* Loads the flow that a packet is of, as its sender sees it; of one that comes
 * in, as its receiver does. */
static void asked(struct writer *o, bool six, bool inbound)
{
	const uint32_t len = six ? 16 : 4;
	const uint32_t address[] = { six ? IP6_SADDR : IP4_SADDR,
				     six ? IP6_DADDR : IP4_DADDR };
	const uint32_t port[] = { UDP_SPORT, UDP_DPORT };
	uint32_t reg = NFT_REG32_01;

	family(o, six);
	load_meta_to(o, NFT_REG32_00, NFT_META_L4PROTO);
	for (unsigned i = 0; i < 2; i++) {
		load_payload_to(o, reg, NFT_PAYLOAD_NETWORK_HEADER,
				address[i ^ inbound], len);
		reg += len / 4;
		load_payload_to(o, reg++, NFT_PAYLOAD_TRANSPORT_HEADER,
				port[i ^ inbound], 2);
	}
}

static bool is_ranges(enum nft_set set)
{
	return set == SET_OFFER || set == SET_REQUIRE;
}

static void lookup(struct writer *o, enum nft_set set, bool six)
{
	if (is_ranges(set))
		daddr(o, six);
	else if (set == SET_DNS)
		server(o, six);
	else if (set == SET_ASKED)
		asked(o, six, true);
	else
		pair(o, six);
	expression(o, "lookup");
	nfnl_put_string(o->w, NFTA_LOOKUP_SET, nft_set_name(set, six));
	nfnl_put_be32(o->w, NFTA_LOOKUP_SREG, NFT_REG_1);
	expression_end(o);
}

/* Is the destination another host's, by itself? Our own addresses are told
 * by this and not by the interface: the black hole of a required template is
 * a route by loopback, too. */
static void unicast(struct writer *o)
{
	static const uint32_t others[] = { RTN_LOCAL, RTN_BROADCAST,
					   RTN_MULTICAST };

	expression(o, "fib");
	nfnl_put_be32(o->w, NFTA_FIB_DREG, NFT_REG_1);
	nfnl_put_be32(o->w, NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	nfnl_put_be32(o->w, NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR);
	expression_end(o);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		compare(o, NFT_CMP_NEQ, &others[i], sizeof(others[i]));
}

/* Code NF_ACCEPT or a NFT_ one; chain for NFT_JUMP. */
static void verdict(struct writer *o, int code, const char *chain)
{
	size_t data, value;

	expression(o, "immediate");
	nfnl_put_be32(o->w, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = nfnl_nest(o->w, NFTA_IMMEDIATE_DATA);
	value = nfnl_nest(o->w, NFTA_DATA_VERDICT);
	nfnl_put_be32(o->w, NFTA_VERDICT_CODE, (uint32_t)code);
	if (chain)
		nfnl_put_string(o->w, NFTA_VERDICT_CHAIN, chain);
	nfnl_nest_end(o->w, value);
	nfnl_nest_end(o->w, data);
	expression_end(o);
}

/* A rule that ends with this one. */
static void verdict_end(struct writer *o, int code, const char *chain)
{
	verdict(o, code, chain);
	rule_end(o);
}

static void queue_end(struct writer *o, uint16_t number, bool bypass)
{
	uint16_t one = htons(1), num = htons(number);
	uint16_t flags = htons(bypass ? NFT_QUEUE_FLAG_BYPASS : 0);

	expression(o, "queue");
	nfnl_put(o->w, NFTA_QUEUE_NUM, &num, sizeof(num));
	nfnl_put(o->w, NFTA_QUEUE_TOTAL, &one, sizeof(one));
	if (bypass)
		nfnl_put(o->w, NFTA_QUEUE_FLAGS, &flags, sizeof(flags));
	expression_end(o);
	rule_end(o);
}

static void change_mark_end(struct writer *o, uint32_t keep, uint32_t flip)
{
	load_meta(o, NFT_META_MARK);
	expression(o, "bitwise");
	nfnl_put_be32(o->w, NFTA_BITWISE_SREG, NFT_REG_1);
	nfnl_put_be32(o->w, NFTA_BITWISE_DREG, NFT_REG_1);
	nfnl_put_be32(o->w, NFTA_BITWISE_LEN, sizeof(flip));
	put_data(o, NFTA_BITWISE_MASK, &keep, sizeof(keep));
	put_data(o, NFTA_BITWISE_XOR, &flip, sizeof(flip));
	expression_end(o);
	expression(o, "meta");
	nfnl_put_be32(o->w, NFTA_META_KEY, NFT_META_MARK);
	nfnl_put_be32(o->w, NFTA_META_SREG, NFT_REG_1);
	expression_end(o);
	rule_end(o);
}

static void flip_mark_end(struct writer *o, uint8_t bit)
{
	change_mark_end(o, UINT32_MAX, 1u << bit);
}

static void set_mark_end(struct writer *o, uint8_t bit)
{
	change_mark_end(o, ~(1u << bit), 1u << bit);
}

static void clear_mark_end(struct writer *o, uint8_t bit)
{
	change_mark_end(o, ~(1u << bit), 0);
}

/* --- the chains --------------------------------------------------------- */

static const uint8_t dns_protocols[] = { IPPROTO_UDP, IPPROTO_TCP };

static void put_exempt(struct writer *o, const struct nft_table_config *c)
{
	const uint16_t ours[] = { c->port, c->natt_port };
	/* DHCP: RFC 2131 4.1, RFC 8415 7.2. */
	static const uint16_t dhcp[][2] = { { 67, 68 }, { 546, 547 } };

	rule(o, "exempt");
	protocol(o, NFT_CMP_EQ, IPPROTO_ESP);
	verdict_end(o, NF_ACCEPT, NULL);
	/* Neighbour discovery, router discovery, redirect: RFC 4861 4. */
	rule(o, "exempt");
	protocol(o, NFT_CMP_EQ, IPPROTO_ICMPV6);
	load_payload(o, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1);
	compare_u8(o, NFT_CMP_GTE, 133);
	compare_u8(o, NFT_CMP_LTE, 137);
	verdict_end(o, NF_ACCEPT, NULL);
	for (size_t i = 0; i < 2; i++) {
		rule(o, "exempt");
		protocol(o, NFT_CMP_EQ, dns_protocols[i]);
		verdict_end(o, NFT_JUMP, "dns");
	}
	rule(o, "exempt");
	protocol(o, NFT_CMP_NEQ, IPPROTO_UDP);
	verdict_end(o, NFT_RETURN, NULL);
	for (size_t i = 0; i < 2; i++) {
		rule(o, "exempt");
		load_payload(o, NFT_PAYLOAD_TRANSPORT_HEADER, UDP_SPORT, 2);
		compare_port(o, NFT_CMP_EQ, ours[i]);
		verdict_end(o, NF_ACCEPT, NULL);
	}
	for (size_t i = 0; i < 2; i++) {
		rule(o, "exempt");
		load_payload(o, NFT_PAYLOAD_TRANSPORT_HEADER, UDP_DPORT, 2);
		compare_port(o, NFT_CMP_GTE, dhcp[i][0]);
		compare_port(o, NFT_CMP_LTE, dhcp[i][1]);
		verdict_end(o, NF_ACCEPT, NULL);
	}
}

static void put_queue(struct writer *o, const char *chain, enum nft_set set,
		      bool six, bool fib, const struct nft_table_config *c)
{
	bool offer = set == SET_OFFER || set == SET_DRAIN_OFFER;

	rule(o, chain);
	lookup(o, set, six);
	if (fib)
		unicast(o);
	queue_end(o, offer ? c->queue_offer : c->queue_require, offer);
}

static void put_multicast(struct writer *o)
{
	const uint32_t first = htonl(0xe0000000), last = htonl(0xefffffff);
	const uint32_t broadcast = INADDR_BROADCAST;

	rule(o, "cold");
	daddr(o, false);
	compare(o, NFT_CMP_GTE, &first, sizeof(first));
	compare(o, NFT_CMP_LTE, &last, sizeof(last));
	verdict_end(o, NF_ACCEPT, NULL);
	rule(o, "cold");
	daddr(o, false);
	compare(o, NFT_CMP_EQ, &broadcast, sizeof(broadcast));
	verdict_end(o, NF_ACCEPT, NULL);
	rule(o, "cold");
	family(o, true);
	load_payload(o, NFT_PAYLOAD_NETWORK_HEADER, IP6_DADDR, 1);
	compare_u8(o, NFT_CMP_EQ, 0xff);
	verdict_end(o, NF_ACCEPT, NULL);
}

static void put_cold(struct writer *o, const struct nft_table_config *c,
		     bool fib)
{
	uint16_t loopback = ARPHRD_LOOPBACK;

	if (!fib) {
		rule(o, "cold");
		load_meta(o, NFT_META_OIFTYPE);
		compare(o, NFT_CMP_EQ, &loopback, sizeof(loopback));
		verdict_end(o, NF_ACCEPT, NULL);
	}
	put_multicast(o);
	for (int six = 0; six < 2; six++) {
		rule(o, "cold");
		lookup(o, SET_CLEAR, six);
		verdict_end(o, NF_ACCEPT, NULL);
	}
	for (int six = 0; six < 2; six++) {
		put_queue(o, "cold", SET_REQUIRE, six, fib, c);
		put_queue(o, "cold", SET_OFFER, six, fib, c);
	}
}

static void put_hold(struct writer *o, const struct nft_table_config *c)
{
	rule(o, "hold");
	verdict_end(o, NFT_JUMP, "exempt");
	for (int six = 0; six < 2; six++) {
		put_queue(o, "hold", SET_DRAIN_REQUIRE, six, false, c);
		put_queue(o, "hold", SET_DRAIN_OFFER, six, false, c);
	}
	rule(o, "hold");
	expression(o, "rt");
	nfnl_put_be32(o->w, NFTA_RT_KEY, NFT_RT_XFRM);
	nfnl_put_be32(o->w, NFTA_RT_DREG, NFT_REG_1);
	expression_end(o);
	compare_u8(o, NFT_CMP_EQ, 0);
	verdict_end(o, NFT_JUMP, "cold");
}

/* What the resolver's user sends to name servers. */
static void resolver(struct writer *o, const struct nft_table_config *c)
{
	load_meta(o, NFT_META_SKUID);
	compare(o, NFT_CMP_EQ, &c->resolver, sizeof(c->resolver));
	load_payload(o, NFT_PAYLOAD_TRANSPORT_HEADER, UDP_DPORT, 2);
	compare_port(o, NFT_CMP_EQ, DNS_PORT);
}

/* Each flow is remembered for as long as its answers may come. */
static void put_ask(struct writer *o, bool six)
{
	const char *chain = six ? "ask6" : "ask4";

	rule(o, chain);
	asked(o, six, false);
	expression(o, "dynset");
	nfnl_put_string(o->w, NFTA_DYNSET_SET_NAME,
			nft_set_name(SET_ASKED, six));
	nfnl_put_be32(o->w, NFTA_DYNSET_OP, NFT_DYNSET_OP_UPDATE);
	nfnl_put_be32(o->w, NFTA_DYNSET_SREG_KEY, NFT_REG32_00);
	nfnl_put_be64(o->w, NFTA_DYNSET_TIMEOUT, ASKED_MS);
	expression_end(o);
	rule_end(o);
	rule(o, chain);
	verdict_end(o, NF_ACCEPT, NULL);
}

static void put_dns(struct writer *o, const struct nft_table_config *c)
{
	for (int six = 0; six < 2; six++) {
		const char *ask = six ? "ask6" : "ask4";

		rule(o, "dns");
		lookup(o, SET_DNS, six);
		verdict_end(o, NFT_GOTO, ask);
		put_ask(o, six);
		if (!c->recursive)
			continue;
		rule(o, "dns");
		family(o, six);
		resolver(o, c);
		verdict_end(o, NFT_GOTO, ask);
	}
	for (size_t i = 0; i < 2; i++) {
		for (int six = 0; six < 2; six++) {
			rule(o, "answers");
			protocol(o, NFT_CMP_EQ, dns_protocols[i]);
			lookup(o, SET_ASKED, six);
			set_mark_end(o, c->dns_bit);
		}
		if (!c->recursive)
			continue;
		rule(o, "resolver");
		protocol(o, NFT_CMP_EQ, dns_protocols[i]);
		resolver(o, c);
		set_mark_end(o, c->dns_bit);
		rule(o, "restore");
		protocol(o, NFT_CMP_EQ, dns_protocols[i]);
		resolver(o, c);
		clear_mark_end(o, c->dns_bit);
	}
}

static void put_restore(struct writer *o, const struct nft_table_config *c)
{
	rule(o, "restore");
	verdict_end(o, NFT_JUMP, "exempt");
	for (int six = 0; six < 2; six++) {
		rule(o, "restore");
		lookup(o, SET_DRAIN_REQUIRE, six);
		flip_mark_end(o, c->mark_bit);
		rule(o, "restore");
		lookup(o, SET_DRAIN_OFFER, six);
		flip_mark_end(o, c->mark_bit);
	}
}

/* --- the table ------------------------------------------------------------ */

static void put_table(struct writer *o, unsigned type, uint16_t flags)
{
	message(o, type, flags);
	nfnl_put_string(o->w, NFTA_TABLE_NAME, NFT_TABLE_NAME);
	message_end(o);
}

struct set_shape {
	uint32_t flags, type, len;
};

static struct set_shape set_shape(enum nft_set set, bool six)
{
	const uint32_t addr = six ? KEY_IPV6_ADDR : KEY_IPV4_ADDR;
	const uint32_t len = six ? 16 : 4;
	const uint32_t end = addr << KEY_TYPE_BITS | KEY_SERVICE;

	switch (set) {
	case SET_OFFER:
	case SET_REQUIRE:
		return (struct set_shape){ NFT_SET_INTERVAL, addr, len };
	case SET_DRAIN_OFFER:
	case SET_DRAIN_REQUIRE:
	case SET_CLEAR:
		return (struct set_shape){ NFT_SET_TIMEOUT,
					   addr << KEY_TYPE_BITS | addr,
					   2 * len };
	case SET_DNS:
		return (struct set_shape){ 0, end, len + 4 };
	case SET_ASKED:
	case SET_COUNT:
		break;
	}
	return (struct set_shape){ NFT_SET_TIMEOUT | NFT_SET_EVAL,
				   (KEY_PROTO << 2 * KEY_TYPE_BITS | end)
						   << 2 * KEY_TYPE_BITS |
					   end,
				   2 * len + 12 };
}

static void put_set(struct writer *o, enum nft_set set, bool six)
{
	const struct set_shape s = set_shape(set, six);
	size_t desc;

	message(o, NFT_MSG_NEWSET, NLM_F_CREATE);
	nfnl_put_string(o->w, NFTA_SET_TABLE, NFT_TABLE_NAME);
	nfnl_put_string(o->w, NFTA_SET_NAME, nft_set_name(set, six));
	nfnl_put_be32(o->w, NFTA_SET_FLAGS, s.flags);
	nfnl_put_be32(o->w, NFTA_SET_KEY_TYPE, s.type);
	nfnl_put_be32(o->w, NFTA_SET_KEY_LEN, s.len);
	nfnl_put_be32(o->w, NFTA_SET_ID, (uint32_t)set * 2 + six + 1);
	if (set == SET_ASKED) {
		desc = nfnl_nest(o->w, NFTA_SET_DESC);
		nfnl_put_be32(o->w, NFTA_SET_DESC_SIZE, ASKED_MAX);
		nfnl_nest_end(o->w, desc);
	}
	message_end(o);
}

static void chain(struct writer *o, const char *name)
{
	message(o, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	nfnl_put_string(o->w, NFTA_CHAIN_TABLE, NFT_TABLE_NAME);
	nfnl_put_string(o->w, NFTA_CHAIN_NAME, name);
}

/* One that is jumped to. */
static void put_chain(struct writer *o, const char *name)
{
	chain(o, name);
	message_end(o);
}

static void put_base_chain(struct writer *o, const char *name, const char *type,
			   uint32_t number, int priority)
{
	size_t hook;

	chain(o, name);
	hook = nfnl_nest(o->w, NFTA_CHAIN_HOOK);
	nfnl_put_be32(o->w, NFTA_HOOK_HOOKNUM, number);
	nfnl_put_be32(o->w, NFTA_HOOK_PRIORITY, (uint32_t)priority);
	nfnl_nest_end(o->w, hook);
	nfnl_put_be32(o->w, NFTA_CHAIN_POLICY, NF_ACCEPT);
	nfnl_put_string(o->w, NFTA_CHAIN_TYPE, type);
	message_end(o);
}

static void put_chains(struct writer *o, const struct nft_table_config *c)
{
	static const char *const jumped[] = { "exempt", "dns", "ask4", "ask6",
					      "cold" };

	for (size_t i = 0; i < sizeof(jumped) / sizeof(jumped[0]); i++)
		put_chain(o, jumped[i]);
	put_base_chain(o, "hold", "filter", NF_INET_LOCAL_OUT, HOLD_PRIORITY);
	put_base_chain(o, "restore", "filter", NF_INET_LOCAL_OUT,
		       RESTORE_PRIORITY);
	put_base_chain(o, "answers", "filter", NF_INET_LOCAL_IN,
		       ANSWERS_PRIORITY);
	if (c->recursive)
		put_base_chain(o, "resolver", "route", NF_INET_LOCAL_OUT,
			       RESOLVER_PRIORITY);
}

void nft_rules_put(struct wbuf *w, uint32_t seq,
		   const struct nft_table_config *c, bool fib)
{
	struct writer o = { .w = w, .seq = seq };

	/* So that there is one to remove. */
	put_table(&o, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	put_table(&o, NFT_MSG_DELTABLE, 0);
	put_table(&o, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	for (unsigned set = 0; set < SET_COUNT; set++) {
		put_set(&o, set, false);
		put_set(&o, set, true);
	}
	put_chains(&o, c);
	put_exempt(&o, c);
	put_dns(&o, c);
	put_cold(&o, c, fib);
	put_hold(&o, c);
	put_restore(&o, c);
}

void nft_rules_put_removal(struct wbuf *w, uint32_t seq)
{
	struct writer o = { .w = w, .seq = seq };

	put_table(&o, NFT_MSG_DELTABLE, 0);
}
