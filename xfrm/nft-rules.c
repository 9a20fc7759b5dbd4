/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 *	chain exempt		what never waits: our IKE and ESP in UDP, ESP,
 *				neighbour discovery, DHCP; UDP and TCP to dns;
 *				where there are any open services, jump open
 *	chain open		services that are always clear (nft-open.c)
 *	chain dns		name servers, the resolver's own: goto ask4, 6
 *	chain ask4, ask6	remember the flow in asked, accept
 *	chain hold, -250	jump exempt
 *				pairs in a drain set: queue
 *				no ESP in the route: jump cold
 *	chain cold		multicast, pairs and connections that are clear:
 *				accept
 *				ranges: queue
 *	chain restore, 201	clear the resolver's bit; jump exempt
 *				drain sets: flip the mark back
 *				no ESP in the route: jump closed
 *	chain closed		multicast: accept. Ranges under require: drop
 *	chain answers		inbound: flows in asked get the bit, by which
 *				XFRM lets them in; likewise, jump open_in
 *	chain open_in		answers of services that are always clear
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
#include "xfrm/nft-expr.h"
#include "xfrm/nft-open.h"

#define HOLD_PRIORITY	  (-250)
#define RESTORE_PRIORITY  201
#define RESOLVER_PRIORITY (-251)
#define ANSWERS_PRIORITY  (-250)

#define DNS_PORT 53
/* So long an answer may be on its way, and so many flows wait for one. */
#define ASKED_MS  30000u
#define ASKED_MAX 16384u

static const char *const set_names[SET_COUNT][2] = {
	[SET_OFFER] = { "offer4", "offer6" },
	[SET_REQUIRE] = { "require4", "require6" },
	[SET_DRAIN_OFFER] = { "drain_offer4", "drain_offer6" },
	[SET_DRAIN_REQUIRE] = { "drain_require4", "drain_require6" },
	[SET_CLEAR] = { "clear4", "clear6" },
	[SET_DNS] = { "dns4", "dns6" },
	[SET_ASKED] = { "asked4", "asked6" },
	[SET_CONNECTION] = { "connection4", "connection6" },
	[SET_SPI] = { "spi4", "spi6" },
	[SET_SECURED] = { "secured4", "secured6" },
	[SET_LEASE_IN] = { "in4", "in6" },
	[SET_LEASE_OUT] = { "out4", "out6" },
	[SET_ERROR_IN] = { "error_in4", "error_in6" },
	[SET_ERROR_OUT] = { "error_out4", "error_out6" },
};

const char *nft_set_name(enum nft_set set, bool six)
{
	return set_names[set][six];
}

/* Loads the destination, of packets of this family only. */
static void destination(struct nft_writer *o, bool six)
{
	nft_family(o, six);
	nft_load_daddr(o, six, NFT_REG_1);
}

/* Loads source and destination, one behind the other. */
static void pair(struct nft_writer *o, bool six)
{
	uint32_t next = NFT_REG32_00;

	nft_family(o, six);
	next += nft_load_saddr(o, six, next);
	nft_load_daddr(o, six, next);
}

/* Loads a destination with its port. */
static void server(struct nft_writer *o, bool six)
{
	destination(o, six);
	nft_load_payload_to(o, six ? NFT_REG32_04 : NFT_REG32_01,
			    NFT_PAYLOAD_TRANSPORT_HEADER, NFT_UDP_DPORT, 2);
}

static bool is_ranges(enum nft_set set)
{
	return set == SET_OFFER || set == SET_REQUIRE;
}

static void lookup(struct nft_writer *o, enum nft_set set, bool six)
{
	if (is_ranges(set))
		destination(o, six);
	else if (set == SET_DNS)
		server(o, six);
	else if (set == SET_ASKED || set == SET_CONNECTION)
		nft_load_connection(o, six, set == SET_ASKED);
	else
		pair(o, six);
	nft_lookup(o, nft_set_name(set, six));
}

/* Is the destination another host's, by itself? Our own addresses are told
 * by this and not by the interface: the black hole of a required template is
 * a route by loopback, too. */
static void unicast(struct nft_writer *o)
{
	static const uint32_t others[] = { RTN_LOCAL, RTN_BROADCAST,
					   RTN_MULTICAST };

	nft_expr(o, "fib");
	nfnl_put_be32(o->w, NFTA_FIB_DREG, NFT_REG_1);
	nfnl_put_be32(o->w, NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	nfnl_put_be32(o->w, NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR);
	nft_expr_end(o);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		nft_compare(o, NFT_CMP_NEQ, &others[i], sizeof(others[i]));
}

static void queue_end(struct nft_writer *o, uint16_t number, bool bypass)
{
	uint16_t one = htons(1), num = htons(number);
	uint16_t flags = htons(bypass ? NFT_QUEUE_FLAG_BYPASS : 0);

	nft_expr(o, "queue");
	nfnl_put(o->w, NFTA_QUEUE_NUM, &num, sizeof(num));
	nfnl_put(o->w, NFTA_QUEUE_TOTAL, &one, sizeof(one));
	if (bypass)
		nfnl_put(o->w, NFTA_QUEUE_FLAGS, &flags, sizeof(flags));
	nft_expr_end(o);
	nft_rule_end(o);
}

static void flip_mark_end(struct nft_writer *o, uint8_t bit)
{
	nft_change_mark_end(o, UINT32_MAX, 1u << bit);
}

static void set_mark_end(struct nft_writer *o, uint8_t bit)
{
	nft_change_mark_end(o, ~(1u << bit), 1u << bit);
}

static void clear_mark_end(struct nft_writer *o, uint8_t bit)
{
	nft_change_mark_end(o, ~(1u << bit), 0);
}

/* --- the chains --------------------------------------------------------- */

static const uint8_t dns_protocols[] = { IPPROTO_UDP, IPPROTO_TCP };

static void put_exempt(struct nft_writer *o, const struct nft_table_config *c,
		       bool open)
{
	const uint16_t ours[] = { c->port, c->natt_port };
	/* DHCP: RFC 2131 4.1, RFC 8415 7.2. */
	static const uint16_t dhcp[][2] = { { 67, 68 }, { 546, 547 } };

	nft_rule(o, "exempt");
	nft_protocol(o, NFT_CMP_EQ, IPPROTO_ESP);
	nft_verdict_end(o, NF_ACCEPT, NULL);
	/* Neighbour discovery, router discovery, redirect: RFC 4861 4. */
	nft_rule(o, "exempt");
	nft_protocol(o, NFT_CMP_EQ, IPPROTO_ICMPV6);
	nft_load_payload(o, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1);
	nft_compare_u8(o, NFT_CMP_GTE, 133);
	nft_compare_u8(o, NFT_CMP_LTE, 137);
	nft_verdict_end(o, NF_ACCEPT, NULL);
	for (size_t i = 0; i < 2; i++) {
		nft_rule(o, "exempt");
		nft_protocol(o, NFT_CMP_EQ, dns_protocols[i]);
		nft_verdict_end(o, NFT_JUMP, "dns");
	}
	if (open) {
		nft_rule(o, "exempt");
		nft_verdict_end(o, NFT_JUMP, "open");
	}
	nft_rule(o, "exempt");
	nft_protocol(o, NFT_CMP_NEQ, IPPROTO_UDP);
	nft_verdict_end(o, NFT_RETURN, NULL);
	for (size_t i = 0; i < 2; i++) {
		nft_rule(o, "exempt");
		nft_load_payload(o, NFT_PAYLOAD_TRANSPORT_HEADER, NFT_UDP_SPORT,
				 2);
		nft_compare_port(o, NFT_CMP_EQ, ours[i]);
		nft_verdict_end(o, NF_ACCEPT, NULL);
	}
	for (size_t i = 0; i < 2; i++) {
		nft_rule(o, "exempt");
		nft_load_payload(o, NFT_PAYLOAD_TRANSPORT_HEADER, NFT_UDP_DPORT,
				 2);
		nft_compare_port(o, NFT_CMP_GTE, dhcp[i][0]);
		nft_compare_port(o, NFT_CMP_LTE, dhcp[i][1]);
		nft_verdict_end(o, NF_ACCEPT, NULL);
	}
}

static void put_queue(struct nft_writer *o, const char *chain, enum nft_set set,
		      bool six, bool fib, const struct nft_table_config *c)
{
	bool offer = set == SET_OFFER || set == SET_DRAIN_OFFER;

	nft_rule(o, chain);
	lookup(o, set, six);
	if (fib)
		unicast(o);
	queue_end(o, offer ? c->queue_offer : c->queue_require, offer);
}

static void put_multicast(struct nft_writer *o, const char *chain)
{
	const uint32_t first = htonl(0xe0000000), last = htonl(0xefffffff);
	const uint32_t broadcast = INADDR_BROADCAST;

	nft_rule(o, chain);
	destination(o, false);
	nft_compare(o, NFT_CMP_GTE, &first, sizeof(first));
	nft_compare(o, NFT_CMP_LTE, &last, sizeof(last));
	nft_verdict_end(o, NF_ACCEPT, NULL);
	nft_rule(o, chain);
	destination(o, false);
	nft_compare(o, NFT_CMP_EQ, &broadcast, sizeof(broadcast));
	nft_verdict_end(o, NF_ACCEPT, NULL);
	nft_rule(o, chain);
	nft_family(o, true);
	nft_load_payload(o, NFT_PAYLOAD_NETWORK_HEADER, NFT_IP6_DADDR, 1);
	nft_compare_u8(o, NFT_CMP_EQ, 0xff);
	nft_verdict_end(o, NF_ACCEPT, NULL);
}

static void put_loopback(struct nft_writer *o, const char *chain)
{
	uint16_t loopback = ARPHRD_LOOPBACK;

	nft_rule(o, chain);
	nft_load_meta(o, NFT_META_OIFTYPE);
	nft_compare(o, NFT_CMP_EQ, &loopback, sizeof(loopback));
	nft_verdict_end(o, NF_ACCEPT, NULL);
}

/* Where the route has no ESP. */
static void put_no_esp(struct nft_writer *o, const char *chain, const char *to)
{
	nft_rule(o, chain);
	nft_expr(o, "rt");
	nfnl_put_be32(o->w, NFTA_RT_KEY, NFT_RT_XFRM);
	nfnl_put_be32(o->w, NFTA_RT_DREG, NFT_REG_1);
	nft_expr_end(o);
	nft_compare_u8(o, NFT_CMP_EQ, 0);
	nft_verdict_end(o, NFT_JUMP, to);
}

/* A second lock behind XFRM's: what was let go to be encrypted, and is not,
 * since somebody has taken the policy away. */
static void put_closed(struct nft_writer *o, bool fib)
{
	if (!fib)
		put_loopback(o, "closed");
	put_multicast(o, "closed");
	for (int six = 0; six < 2; six++) {
		nft_rule(o, "closed");
		lookup(o, SET_REQUIRE, six);
		if (fib)
			unicast(o);
		nft_verdict_end(o, NF_DROP, NULL);
	}
}

static void put_cold(struct nft_writer *o, const struct nft_table_config *c,
		     bool fib)
{
	if (!fib)
		put_loopback(o, "cold");
	put_multicast(o, "cold");
	for (int six = 0; six < 2; six++) {
		nft_rule(o, "cold");
		lookup(o, SET_CLEAR, six);
		nft_verdict_end(o, NF_ACCEPT, NULL);
	}
	for (int six = 0; six < 2; six++) {
		nft_rule(o, "cold");
		lookup(o, SET_CONNECTION, six);
		nft_verdict_end(o, NF_ACCEPT, NULL);
	}
	for (int six = 0; six < 2; six++) {
		put_queue(o, "cold", SET_REQUIRE, six, fib, c);
		put_queue(o, "cold", SET_OFFER, six, fib, c);
	}
}

static void put_hold(struct nft_writer *o, const struct nft_table_config *c)
{
	nft_rule(o, "hold");
	nft_verdict_end(o, NFT_JUMP, "exempt");
	for (int six = 0; six < 2; six++) {
		put_queue(o, "hold", SET_DRAIN_REQUIRE, six, false, c);
		put_queue(o, "hold", SET_DRAIN_OFFER, six, false, c);
	}
	put_no_esp(o, "hold", "cold");
}

/* What the resolver's user sends to name servers. */
static void resolver(struct nft_writer *o, const struct nft_table_config *c)
{
	nft_load_meta(o, NFT_META_SKUID);
	nft_compare(o, NFT_CMP_EQ, &c->resolver, sizeof(c->resolver));
	nft_load_payload(o, NFT_PAYLOAD_TRANSPORT_HEADER, NFT_UDP_DPORT, 2);
	nft_compare_port(o, NFT_CMP_EQ, DNS_PORT);
}

/* Each flow is remembered for as long as its answers may come. */
static void put_ask(struct nft_writer *o, bool six)
{
	const char *chain = six ? "ask6" : "ask4";

	nft_rule(o, chain);
	nft_load_connection(o, six, false);
	nft_expr(o, "dynset");
	nfnl_put_string(o->w, NFTA_DYNSET_SET_NAME,
			nft_set_name(SET_ASKED, six));
	nfnl_put_be32(o->w, NFTA_DYNSET_OP, NFT_DYNSET_OP_UPDATE);
	nfnl_put_be32(o->w, NFTA_DYNSET_SREG_KEY, NFT_REG32_00);
	nfnl_put_be64(o->w, NFTA_DYNSET_TIMEOUT, ASKED_MS);
	nft_expr_end(o);
	nft_rule_end(o);
	nft_rule(o, chain);
	nft_verdict_end(o, NF_ACCEPT, NULL);
}

static void put_dns(struct nft_writer *o, const struct nft_table_config *c)
{
	for (int six = 0; six < 2; six++) {
		const char *ask = six ? "ask6" : "ask4";

		nft_rule(o, "dns");
		lookup(o, SET_DNS, six);
		nft_verdict_end(o, NFT_GOTO, ask);
		put_ask(o, six);
		if (!c->recursive)
			continue;
		nft_rule(o, "dns");
		nft_family(o, six);
		resolver(o, c);
		nft_verdict_end(o, NFT_GOTO, ask);
	}
	for (size_t i = 0; c->recursive && i < 2; i++) {
		nft_rule(o, "resolver");
		nft_protocol(o, NFT_CMP_EQ, dns_protocols[i]);
		resolver(o, c);
		set_mark_end(o, c->dns_bit);
		nft_rule(o, "restore");
		nft_protocol(o, NFT_CMP_EQ, dns_protocols[i]);
		resolver(o, c);
		clear_mark_end(o, c->dns_bit);
	}
}

static void put_answers(struct nft_writer *o, const struct nft_table_config *c,
			bool open)
{
	if (open) {
		nft_rule(o, "answers");
		nft_verdict_end(o, NFT_JUMP, "open_in");
	}
	for (size_t i = 0; i < 2; i++) {
		for (int six = 0; six < 2; six++) {
			nft_rule(o, "answers");
			nft_protocol(o, NFT_CMP_EQ, dns_protocols[i]);
			lookup(o, SET_ASKED, six);
			set_mark_end(o, c->dns_bit);
		}
	}
}

void nft_rules_put_open(struct nft_writer *o, const struct nft_table_config *c,
			bool open)
{
	nft_put_flush_chain(o, "exempt");
	put_exempt(o, c, open);
	nft_put_flush_chain(o, "answers");
	put_answers(o, c, open);
}

static void put_restore(struct nft_writer *o, const struct nft_table_config *c)
{
	nft_rule(o, "restore");
	nft_verdict_end(o, NFT_JUMP, "exempt");
	for (int six = 0; six < 2; six++) {
		nft_rule(o, "restore");
		lookup(o, SET_DRAIN_REQUIRE, six);
		flip_mark_end(o, c->mark_bit);
		nft_rule(o, "restore");
		lookup(o, SET_DRAIN_OFFER, six);
		flip_mark_end(o, c->mark_bit);
	}
	put_no_esp(o, "restore", "closed");
}

/* --- the table ------------------------------------------------------------ */

struct set_shape {
	uint32_t flags, type, len;
};

static struct set_shape set_shape(enum nft_set set, bool six)
{
	const uint32_t addr = six ? NFT_KEY_IPV6_ADDR : NFT_KEY_IPV4_ADDR;
	const uint32_t len = six ? 16 : 4;

	switch (set) {
	case SET_OFFER:
	case SET_REQUIRE:
		return (struct set_shape){ NFT_SET_INTERVAL, addr, len };
	case SET_DRAIN_OFFER:
	case SET_DRAIN_REQUIRE:
	case SET_CLEAR:
		return (struct set_shape){ NFT_SET_TIMEOUT,
					   addr << NFT_KEY_BITS | addr,
					   2 * len };
	case SET_DNS:
		return (struct set_shape){
			0, addr << NFT_KEY_BITS | NFT_KEY_SERVICE, len + 4
		};
	case SET_CONNECTION:
		return (struct set_shape){ 0, nft_connection_type(six),
					   2 * len + 12 };
	case SET_ASKED:
	case SET_SPI:
	case SET_SECURED:
	case SET_LEASE_IN:
	case SET_LEASE_OUT:
	case SET_ERROR_IN:
	case SET_ERROR_OUT:
	case SET_COUNT:
		break;
	}
	return (struct set_shape){ NFT_SET_TIMEOUT | NFT_SET_EVAL,
				   nft_connection_type(six), 2 * len + 12 };
}

static void put_set(struct nft_writer *o, enum nft_set set, bool six)
{
	const struct set_shape s = set_shape(set, six);
	const struct nft_new_set new = {
		.name = nft_set_name(set, six),
		.id = (uint32_t)set * 2 + six + 1,
		.flags = s.flags,
		.key_type = s.type,
		.key_len = s.len,
		.size = set == SET_ASKED ? ASKED_MAX : 0,
	};

	nft_put_set(o, &new);
}

static void put_chains(struct nft_writer *o, const struct nft_table_config *c)
{
	static const char *const jumped[] = { "exempt", "dns",	"ask4",
					      "ask6",	"cold", "closed" };

	for (size_t i = 0; i < sizeof(jumped) / sizeof(jumped[0]); i++)
		nft_put_chain(o, jumped[i]);
	nft_put_base_chain(o, "hold", "filter", NF_INET_LOCAL_OUT,
			   HOLD_PRIORITY);
	nft_put_base_chain(o, "restore", "filter", NF_INET_LOCAL_OUT,
			   RESTORE_PRIORITY);
	nft_put_base_chain(o, "answers", "filter", NF_INET_LOCAL_IN,
			   ANSWERS_PRIORITY);
	if (c->recursive)
		nft_put_base_chain(o, "resolver", "route", NF_INET_LOCAL_OUT,
				   RESOLVER_PRIORITY);
}

void nft_rules_put(struct wbuf *w, uint32_t seq,
		   const struct nft_table_config *c, bool fib)
{
	struct nft_writer o = { .w = w, .seq = seq, .table = NFT_TABLE_HOLD };

	/* So that there is one to remove. */
	nft_put_table(&o, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	nft_put_table(&o, NFT_MSG_DELTABLE, 0);
	nft_put_table(&o, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	for (unsigned set = 0; set < SET_HOLD_COUNT; set++) {
		put_set(&o, set, false);
		put_set(&o, set, true);
	}
	nft_open_put(&o, SET_HOLD_COUNT * 2 + 1, false);
	put_chains(&o, c);
	put_exempt(&o, c, false);
	put_dns(&o, c);
	put_answers(&o, c, false);
	put_cold(&o, c, fib);
	put_closed(&o, fib);
	put_hold(&o, c);
	put_restore(&o, c);
}
