/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 *	chain inbound, prerouting, -310
 *				not out of ESP of ours: accept
 *				an ICMP error, peer and lease are in the map: the
 *				source of the packet that it is about, which was
 *				ours, becomes our address
 *				peer and lease are in the map: the destination
 *				becomes our address
 *	chain outbound, postrouting, 300
 *				likewise, the other way
 *
 * Before raw and conntrack inbound, behind every NAT outbound: programs, the
 * host's own rules and XFRM's policies only ever see its real address. Without
 * state, and as many rules for a thousand leases as for one.
 */
#include "xfrm/nft-translate.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>
#include <netinet/in.h>

#include "xfrm/nfnl.h"
#include "xfrm/nft-rules.h"
#include "xfrm/nft-typeof.h"
#include "xfrm/record.h"

#define IN_PRIORITY  (-310)
#define OUT_PRIORITY 300

/* By direction: 1 is out; and by family. */
static const char *const chains[2] = { "inbound", "outbound" };
static const enum nft_set maps[2] = { SET_LEASE_IN, SET_LEASE_OUT };
/* With the same elements. To nft(8) what stands in an ICMP error is bytes, which
 * only a map of bytes can replace. */
static const enum nft_set error_maps[2] = { SET_ERROR_IN, SET_ERROR_OUT };
static const uint32_t field[2][2] = { { NFT_IP4_DADDR, NFT_IP6_DADDR },
				      { NFT_IP4_SADDR, NFT_IP6_SADDR } };

/* What is no ESP of ours is left alone. Where there is none at all that costs
 * one rule. */
static void put_others(struct nft_writer *o, bool out)
{
	const uint32_t mask = ~(RECORD_REQID_MIN ^ RECORD_REQID_MAX);
	const uint32_t ours = RECORD_REQID_MIN;

	nft_rule(o, chains[out]);
	if (out) {
		nft_expr(o, "rt");
		nfnl_put_be32(o->w, NFTA_RT_KEY, NFT_RT_XFRM);
		nfnl_put_be32(o->w, NFTA_RT_DREG, NFT_REG_1);
		nft_expr_end(o);
	} else {
		nft_load_meta(o, NFT_META_SECPATH);
	}
	nft_compare_u8(o, NFT_CMP_EQ, 0);
	nft_verdict_end(o, NF_ACCEPT, NULL);
	nft_rule(o, chains[out]);
	nft_load_reqid(o, out);
	nft_bitwise(o, mask, 0);
	nft_compare(o, NFT_CMP_NEQ, &ours, sizeof(ours));
	nft_verdict_end(o, NF_ACCEPT, NULL);
}

/* Of these types: RFC 792, RFC 4443 2.1. */
static void icmp_error(struct nft_writer *o, bool six)
{
	static const uint8_t not_errors[] = { 0, 4, 5, 8, 9, 10 };

	nft_protocol(o, NFT_CMP_EQ, six ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	nft_load_payload(o, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1);
	nft_compare_u8(o, NFT_CMP_LTE, six ? 127 : 12);
	for (size_t i = 0; !six && i < sizeof(not_errors); i++)
		nft_compare_u8(o, NFT_CMP_NEQ, not_errors[i]);
}

/* What the map has for the packet's addresses. */
static void look_up(struct nft_writer *o, enum nft_set map, bool six)
{
	uint32_t next = NFT_REG32_00;

	next += nft_load_saddr(o, six, next);
	nft_load_daddr(o, six, next);
	nft_lookup_map(o, nft_set_name(map, six));
}

/* The packet that the error is about went the other way. In IPv4 its header has
 * a checksum of its own: once that is right again the error's still holds. */
static void put_icmp(struct nft_writer *o, bool out, bool six)
{
	uint32_t at = NFT_ICMP_DATA + field[!out][six];

	nft_rule(o, chains[out]);
	icmp_error(o, six);
	nft_family(o, six);
	look_up(o, error_maps[out], six);
	nft_store_payload(o, NFT_PAYLOAD_TRANSPORT_HEADER, at, six ? 16 : 4,
			  six ? NFT_ICMP_CSUM : NFT_ICMP_DATA + NFT_IP4_CSUM,
			  false);
	nft_rule_end(o);
}

static void put_address(struct nft_writer *o, bool out, bool six)
{
	nft_rule(o, chains[out]);
	nft_family(o, six);
	look_up(o, maps[out], six);
	nft_store_payload(o, NFT_PAYLOAD_NETWORK_HEADER, field[out][six],
			  six ? 16 : 4, six ? NFT_NO_CSUM : NFT_IP4_CSUM, true);
	nft_rule_end(o);
}

static void put_maps(struct nft_writer *o, bool six)
{
	static const enum nft_typeof key[] = { NFT_TYPEOF_SADDR,
					       NFT_TYPEOF_DADDR };
	const uint32_t type = six ? NFT_KEY_IPV6_ADDR : NFT_KEY_IPV4_ADDR;
	const uint32_t len = six ? 16 : 4;
	uint8_t shown[NFT_TYPEOF_SIZE];
	struct wbuf w = wbuf_of(shown, sizeof(shown));
	struct nft_new_set s = {
		.id = 1u + six,
		.flags = NFT_SET_MAP,
		.key_type = type << NFT_KEY_BITS | type,
		.key_len = 2 * len,
		.data_len = len,
	};

	for (int out = 0; out < 2; out++) {
		s.data_type = type;
		s.name = nft_set_name(maps[out], six);
		nft_put_set(o, &s);
		s.id += 2;
	}
	nft_typeof_key(&w, six, key, 2);
	nft_typeof_raw_data(&w, six);
	for (int out = 0; out < 2; out++) {
		s.data_type = NFT_KEY_INTEGER;
		s.shown = &w;
		s.name = nft_set_name(error_maps[out], six);
		nft_put_set(o, &s);
		s.id += 2;
	}
}

void nft_translate_put(struct nft_writer *o)
{
	nft_put_table(o, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	for (int six = 0; six < 2; six++)
		put_maps(o, six);
	nft_put_base_chain(o, chains[0], "filter", NF_INET_PRE_ROUTING,
			   IN_PRIORITY);
	nft_put_base_chain(o, chains[1], "filter", NF_INET_POST_ROUTING,
			   OUT_PRIORITY);
	for (int out = 0; out < 2; out++) {
		put_others(o, out);
		for (int six = 0; six < 2; six++) {
			put_icmp(o, out, six);
			put_address(o, out, six);
		}
	}
}
