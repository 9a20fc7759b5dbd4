/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 *	chain hear, -150	ESP: jump in_esp. ESP in UDP: jump in_udp
 *				not out of ESP, of a pair that has no reason
 *				for it: jump clear
 *	chain in_esp, in_udp	an SPI of ours: accept
 *				else: jump known, jump stranger
 *	chain clear		IKE, neighbour discovery, ICMP errors, answers of
 *				a name server, open services (nft-open.c),
 *				connections that are always clear: accept
 *				else: jump known
 *	chain known, stranger	told a moment ago: accept
 *				at most so many a second: remember, log
 *
 * Before the host's own filter, so that a firewall which drops what is not
 * encrypted does not make us deaf. "accept" ends our chain and no other.
 */
#include "xfrm/nft-hear.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>
#include <netinet/in.h>

#include "util/limits.h"
#include "xfrm/nfnl.h"
#include "xfrm/nft-expr.h"
#include "xfrm/nft-open.h"
#include "xfrm/nft-rules.h"
#include "xfrm/nft-typeof.h"

#define HEAR_PRIORITY (-150)

/* Of what is logged: an IPv6 header, some extension headers, UDP and SPI. */
#define HEAR_SNAPLEN 128u

/* Where the SPI is: RFC 4303 2, RFC 3948 2.1. */
#define ESP_SPI	    0
#define UDP_ESP_SPI 8

static const char *const heard_names[] = { "heard4", "heard6" };

/* Ours before the peer's, as the sets have them. */
static void pair(struct nft_writer *o, bool six)
{
	uint32_t next = NFT_REG32_00;

	nft_family(o, six);
	next += nft_load_daddr(o, six, next);
	nft_load_saddr(o, six, next);
}

static void port(struct nft_writer *o, uint32_t field, uint16_t number)
{
	nft_load_payload(o, NFT_PAYLOAD_TRANSPORT_HEADER, field, 2);
	nft_compare_port(o, NFT_CMP_EQ, number);
}

static void limit(struct nft_writer *o, uint32_t rate)
{
	nft_expr(o, "limit");
	nfnl_put_be64(o->w, NFTA_LIMIT_RATE, rate);
	nfnl_put_be64(o->w, NFTA_LIMIT_UNIT, 1);
	nfnl_put_be32(o->w, NFTA_LIMIT_BURST, rate);
	nfnl_put_be32(o->w, NFTA_LIMIT_TYPE, NFT_LIMIT_PKTS);
	nfnl_put_be32(o->w, NFTA_LIMIT_FLAGS, 0);
	nft_expr_end(o);
}

/* Register 1 into the set; a set that is full ends the rule. */
static void remember(struct nft_writer *o, const char *set)
{
	nft_expr(o, "dynset");
	nfnl_put_string(o->w, NFTA_DYNSET_SET_NAME, set);
	nfnl_put_be32(o->w, NFTA_DYNSET_OP, NFT_DYNSET_OP_ADD);
	nfnl_put_be32(o->w, NFTA_DYNSET_SREG_KEY, NFT_REG_1);
	nfnl_put_be64(o->w, NFTA_DYNSET_TIMEOUT, LIMIT_HEARD_MS);
	nft_expr_end(o);
}

static void log_end(struct nft_writer *o, uint16_t group)
{
	uint16_t number = htons(group), at_once = htons(1);

	nft_expr(o, "log");
	nfnl_put(o->w, NFTA_LOG_GROUP, &number, sizeof(number));
	nfnl_put_be32(o->w, NFTA_LOG_SNAPLEN, HEAR_SNAPLEN);
	nfnl_put(o->w, NFTA_LOG_QTHRESHOLD, &at_once, sizeof(at_once));
	nft_expr_end(o);
	nft_rule_end(o);
}

static void put_told(struct nft_writer *o, const char *chain, uint32_t rate,
		     const struct nft_hear_config *c)
{
	for (int six = 0; six < 2; six++) {
		nft_rule(o, chain);
		pair(o, six);
		nft_lookup(o, heard_names[six]);
		nft_verdict_end(o, NF_ACCEPT, NULL);
	}
	for (int six = 0; six < 2; six++) {
		nft_rule(o, chain);
		pair(o, six);
		limit(o, rate);
		remember(o, heard_names[six]);
		log_end(o, c->group);
	}
}

static void put_secured(struct nft_writer *o, const char *chain, bool six,
			const char *to)
{
	nft_rule(o, chain);
	pair(o, six);
	nft_lookup(o, nft_set_name(SET_SECURED, six));
	nft_verdict_end(o, NFT_JUMP, to);
}

static void put_esp(struct nft_writer *o, const char *chain, uint32_t spi_at)
{
	const uint32_t marker = 0;

	if (spi_at == UDP_ESP_SPI) {
		/* RFC 3948 2.2: IKE. */
		nft_rule(o, chain);
		nft_load_payload(o, NFT_PAYLOAD_TRANSPORT_HEADER, spi_at, 4);
		nft_compare(o, NFT_CMP_EQ, &marker, sizeof(marker));
		nft_verdict_end(o, NF_ACCEPT, NULL);
	}
	for (int six = 0; six < 2; six++) {
		uint32_t next = NFT_REG32_00;

		nft_rule(o, chain);
		nft_family(o, six);
		next += nft_load_daddr(o, six, next);
		nft_load_payload_to(o, next, NFT_PAYLOAD_TRANSPORT_HEADER,
				    spi_at, 4);
		nft_lookup(o, nft_set_name(SET_SPI, six));
		nft_verdict_end(o, NF_ACCEPT, NULL);
	}
	for (int six = 0; six < 2; six++)
		put_secured(o, chain, six, "known");
	nft_rule(o, chain);
	nft_verdict_end(o, NFT_JUMP, "stranger");
	nft_rule(o, chain);
	nft_verdict_end(o, NF_ACCEPT, NULL);
}

static void put_icmp(struct nft_writer *o, uint8_t protocol, uint8_t first,
		     uint8_t last)
{
	nft_rule(o, "clear");
	nft_protocol(o, NFT_CMP_EQ, protocol);
	nft_load_payload(o, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1);
	nft_compare_u8(o, NFT_CMP_GTE, first);
	nft_compare_u8(o, NFT_CMP_LTE, last);
	nft_verdict_end(o, NF_ACCEPT, NULL);
}

static void put_clear(struct nft_writer *o, const struct nft_hear_config *c)
{
	static const uint16_t servers[] = { 53, 853 };

	/* RFC 4861 4. */
	put_icmp(o, IPPROTO_ICMPV6, 133, 137);
	/* Errors are about packets of ours, and say nothing of the peer's SAs:
	 * a NAT that has changed its mind refuses its old ports. RFC 792, RFC
	 * 4443 2.1. */
	put_icmp(o, IPPROTO_ICMPV6, 1, 127);
	put_icmp(o, IPPROTO_ICMP, 3, 5);
	put_icmp(o, IPPROTO_ICMP, 11, 12);
	nft_rule(o, "clear");
	nft_protocol(o, NFT_CMP_EQ, IPPROTO_UDP);
	port(o, NFT_UDP_DPORT, c->port);
	nft_verdict_end(o, NF_ACCEPT, NULL);
	/* TCP has its ports in the same place. */
	for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++)
		for (int tcp = 0; tcp < 2; tcp++) {
			nft_rule(o, "clear");
			nft_protocol(o, NFT_CMP_EQ,
				     tcp ? IPPROTO_TCP : IPPROTO_UDP);
			port(o, NFT_UDP_SPORT, servers[i]);
			nft_verdict_end(o, NF_ACCEPT, NULL);
		}
	for (int six = 0; six < 2; six++) {
		nft_rule(o, "clear");
		nft_load_connection(o, six, true);
		nft_lookup(o, nft_set_name(SET_CONNECTION, six));
		nft_verdict_end(o, NF_ACCEPT, NULL);
	}
	nft_rule(o, "clear");
	nft_verdict_end(o, NFT_JUMP, "open");
	nft_rule(o, "clear");
	nft_verdict_end(o, NFT_JUMP, "known");
	nft_rule(o, "clear");
	nft_verdict_end(o, NF_ACCEPT, NULL);
}

static void put_hear(struct nft_writer *o, const struct nft_hear_config *c)
{
	nft_rule(o, "hear");
	nft_protocol(o, NFT_CMP_EQ, IPPROTO_ESP);
	nft_verdict_end(o, NFT_JUMP, "in_esp");
	nft_rule(o, "hear");
	nft_protocol(o, NFT_CMP_EQ, IPPROTO_UDP);
	port(o, NFT_UDP_DPORT, c->natt_port);
	nft_verdict_end(o, NFT_JUMP, "in_udp");
	nft_rule(o, "hear");
	nft_load_meta(o, NFT_META_SECPATH);
	nft_compare_u8(o, NFT_CMP_NEQ, 0);
	nft_verdict_end(o, NF_ACCEPT, NULL);
	for (int six = 0; six < 2; six++)
		put_secured(o, "hear", six, "clear");
}

static void put_sets(struct nft_writer *o)
{
	static const enum nft_typeof spi[] = { NFT_TYPEOF_DADDR,
					       NFT_TYPEOF_RAW32 };

	for (int six = 0; six < 2; six++) {
		uint32_t type = six ? NFT_KEY_IPV6_ADDR : NFT_KEY_IPV4_ADDR;
		uint32_t len = six ? 16 : 4;
		uint8_t shown[NFT_TYPEOF_SIZE];
		struct wbuf w = wbuf_of(shown, sizeof(shown));
		struct nft_new_set s = {
			.name = nft_set_name(SET_SPI, six),
			.id = 1u + (uint32_t)six,
			.flags = NFT_SET_TIMEOUT,
			.key_type = type << NFT_KEY_BITS | NFT_KEY_INTEGER,
			.key_len = len + 4,
			.shown = &w,
		};

		nft_typeof_key(&w, six, spi, 2);
		nft_put_set(o, &s);
		s.shown = NULL;
		s.name = nft_set_name(SET_SECURED, six);
		s.id += 2;
		s.key_type = type << NFT_KEY_BITS | type;
		s.key_len = 2 * len;
		nft_put_set(o, &s);
		s.name = heard_names[six];
		s.id += 2;
		s.flags |= NFT_SET_EVAL;
		s.size = LIMIT_HEARD;
		nft_put_set(o, &s);
		s = (struct nft_new_set){
			.name = nft_set_name(SET_CONNECTION, six),
			.id = 7u + (uint32_t)six,
			.key_type = nft_connection_type(six),
			.key_len = 2 * len + 12,
		};
		nft_put_set(o, &s);
	}
}

void nft_hear_put(struct wbuf *w, uint32_t seq, const struct nft_hear_config *c)
{
	static const char *const chains[] = { "known", "stranger", "clear",
					      "in_esp", "in_udp" };
	struct nft_writer o = { .w = w, .seq = seq, .table = NFT_TABLE_HEAR };

	nft_put_table(&o, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	nft_put_table(&o, NFT_MSG_DELTABLE, 0);
	nft_put_table(&o, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	put_sets(&o);
	nft_open_put(&o, 9, true);
	for (size_t i = 0; i < sizeof(chains) / sizeof(chains[0]); i++)
		nft_put_chain(&o, chains[i]);
	nft_put_base_chain(&o, "hear", "filter", NF_INET_LOCAL_IN,
			   HEAR_PRIORITY);
	put_told(&o, "known", LIMIT_HEARD_KNOWN, c);
	put_told(&o, "stranger", LIMIT_HEARD_STRANGERS, c);
	put_clear(&o, c);
	put_esp(&o, "in_esp", ESP_SPI);
	put_esp(&o, "in_udp", UDP_ESP_SPI);
	put_hear(&o, c);
}
