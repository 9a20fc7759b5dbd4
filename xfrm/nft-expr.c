/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The messages and expressions that our tables are made of.
 */
#include "xfrm/nft-expr.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>

#include "xfrm/nfnl.h"

static void nft_message(struct nft_writer *o, unsigned type, uint16_t flags)
{
	o->message =
		nfnl_begin(o->w, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type),
			   flags, o->seq, NFPROTO_INET, 0);
}

static void nft_message_end(struct nft_writer *o)
{
	nfnl_end(o->w, o->message);
}

/* --- tables, sets, chains ------------------------------------------------ */

void nft_put_table(struct nft_writer *o, unsigned type, uint16_t flags)
{
	nft_message(o, type, flags);
	nfnl_put_string(o->w, NFTA_TABLE_NAME, o->table);
	nft_message_end(o);
}

static void put_fields(struct nft_writer *o, const struct nft_new_set *s)
{
	size_t list = nfnl_nest(o->w, NFTA_SET_DESC_CONCAT);

	for (size_t i = 0; i < s->n_fields; i++) {
		size_t field = nfnl_nest(o->w, NFTA_LIST_ELEM);

		nfnl_put_be32(o->w, NFTA_SET_FIELD_LEN, s->fields[i]);
		nfnl_nest_end(o->w, field);
	}
	nfnl_nest_end(o->w, list);
}

void nft_put_set(struct nft_writer *o, const struct nft_new_set *s)
{
	size_t description;

	nft_message(o, NFT_MSG_NEWSET, NLM_F_CREATE);
	nfnl_put_string(o->w, NFTA_SET_TABLE, o->table);
	nfnl_put_string(o->w, NFTA_SET_NAME, s->name);
	nfnl_put_be32(o->w, NFTA_SET_FLAGS, s->flags);
	nfnl_put_be32(o->w, NFTA_SET_KEY_TYPE, s->key_type);
	nfnl_put_be32(o->w, NFTA_SET_KEY_LEN, s->key_len);
	nfnl_put_be32(o->w, NFTA_SET_ID, s->id);
	if (s->data_len) {
		nfnl_put_be32(o->w, NFTA_SET_DATA_TYPE, s->data_type);
		nfnl_put_be32(o->w, NFTA_SET_DATA_LEN, s->data_len);
	}
	if (s->size || s->n_fields) {
		description = nfnl_nest(o->w, NFTA_SET_DESC);
		if (s->size)
			nfnl_put_be32(o->w, NFTA_SET_DESC_SIZE, s->size);
		if (s->n_fields)
			put_fields(o, s);
		nfnl_nest_end(o->w, description);
	}
	if (s->shown)
		nfnl_put(o->w, NFTA_SET_USERDATA, s->shown->data,
			 s->shown->len);
	nft_message_end(o);
}

void nft_put_elements(struct nft_writer *o, unsigned type, uint16_t flags,
		      const char *set)
{
	nft_message(o, type, flags);
	nfnl_put_string(o->w, NFTA_SET_ELEM_LIST_TABLE, o->table);
	nfnl_put_string(o->w, NFTA_SET_ELEM_LIST_SET, set);
}

void nft_put_end(struct nft_writer *o)
{
	nft_message_end(o);
}

void nft_put_flush_chain(struct nft_writer *o, const char *name)
{
	nft_message(o, NFT_MSG_DELRULE, 0);
	nfnl_put_string(o->w, NFTA_RULE_TABLE, o->table);
	nfnl_put_string(o->w, NFTA_RULE_CHAIN, name);
	nft_message_end(o);
}

static void begin_chain(struct nft_writer *o, const char *name)
{
	nft_message(o, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	nfnl_put_string(o->w, NFTA_CHAIN_TABLE, o->table);
	nfnl_put_string(o->w, NFTA_CHAIN_NAME, name);
}

void nft_put_chain(struct nft_writer *o, const char *name)
{
	begin_chain(o, name);
	nft_message_end(o);
}

void nft_put_base_chain(struct nft_writer *o, const char *name,
			const char *type, uint32_t hook, int priority)
{
	size_t nest;

	begin_chain(o, name);
	nest = nfnl_nest(o->w, NFTA_CHAIN_HOOK);
	nfnl_put_be32(o->w, NFTA_HOOK_HOOKNUM, hook);
	nfnl_put_be32(o->w, NFTA_HOOK_PRIORITY, (uint32_t)priority);
	nfnl_nest_end(o->w, nest);
	nfnl_put_be32(o->w, NFTA_CHAIN_POLICY, NF_ACCEPT);
	nfnl_put_string(o->w, NFTA_CHAIN_TYPE, type);
	nft_message_end(o);
}

/* --- rules and their expressions ----------------------------------------- */

void nft_rule(struct nft_writer *o, const char *chain)
{
	nft_message(o, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	nfnl_put_string(o->w, NFTA_RULE_TABLE, o->table);
	nfnl_put_string(o->w, NFTA_RULE_CHAIN, chain);
	o->expressions = nfnl_nest(o->w, NFTA_RULE_EXPRESSIONS);
}

void nft_rule_end(struct nft_writer *o)
{
	nfnl_nest_end(o->w, o->expressions);
	nft_message_end(o);
}

void nft_expr(struct nft_writer *o, const char *name)
{
	o->expression = nfnl_nest(o->w, NFTA_LIST_ELEM);
	nfnl_put_string(o->w, NFTA_EXPR_NAME, name);
	o->data = nfnl_nest(o->w, NFTA_EXPR_DATA);
}

void nft_expr_end(struct nft_writer *o)
{
	nfnl_nest_end(o->w, o->data);
	nfnl_nest_end(o->w, o->expression);
}

void nft_expr_data(struct nft_writer *o, uint16_t type, const void *data,
		   size_t len)
{
	size_t at = nfnl_nest(o->w, type);

	nfnl_put(o->w, NFTA_DATA_VALUE, data, len);
	nfnl_nest_end(o->w, at);
}

void nft_load_meta_to(struct nft_writer *o, uint32_t reg, uint32_t key)
{
	nft_expr(o, "meta");
	nfnl_put_be32(o->w, NFTA_META_KEY, key);
	nfnl_put_be32(o->w, NFTA_META_DREG, reg);
	nft_expr_end(o);
}

void nft_load_meta(struct nft_writer *o, uint32_t key)
{
	nft_load_meta_to(o, NFT_REG_1, key);
}

void nft_load_payload_to(struct nft_writer *o, uint32_t reg, uint32_t base,
			 uint32_t offset, uint32_t len)
{
	nft_expr(o, "payload");
	nfnl_put_be32(o->w, NFTA_PAYLOAD_DREG, reg);
	nfnl_put_be32(o->w, NFTA_PAYLOAD_BASE, base);
	nfnl_put_be32(o->w, NFTA_PAYLOAD_OFFSET, offset);
	nfnl_put_be32(o->w, NFTA_PAYLOAD_LEN, len);
	nft_expr_end(o);
}

void nft_load_payload(struct nft_writer *o, uint32_t base, uint32_t offset,
		      uint32_t len)
{
	nft_load_payload_to(o, NFT_REG_1, base, offset, len);
}

void nft_compare(struct nft_writer *o, uint32_t op, const void *data,
		 size_t len)
{
	nft_expr(o, "cmp");
	nfnl_put_be32(o->w, NFTA_CMP_SREG, NFT_REG_1);
	nfnl_put_be32(o->w, NFTA_CMP_OP, op);
	nft_expr_data(o, NFTA_CMP_DATA, data, len);
	nft_expr_end(o);
}

void nft_compare_u8(struct nft_writer *o, uint32_t op, uint8_t v)
{
	nft_compare(o, op, &v, sizeof(v));
}

void nft_compare_port(struct nft_writer *o, uint32_t op, uint16_t port)
{
	uint16_t v = htons(port);

	nft_compare(o, op, &v, sizeof(v));
}

void nft_protocol(struct nft_writer *o, uint32_t op, uint8_t protocol)
{
	nft_load_meta(o, NFT_META_L4PROTO);
	nft_compare_u8(o, op, protocol);
}

void nft_family(struct nft_writer *o, bool six)
{
	nft_load_meta(o, NFT_META_NFPROTO);
	nft_compare_u8(o, NFT_CMP_EQ, six ? NFPROTO_IPV6 : NFPROTO_IPV4);
}

uint32_t nft_load_saddr(struct nft_writer *o, bool six, uint32_t reg)
{
	nft_load_payload_to(o, reg, NFT_PAYLOAD_NETWORK_HEADER,
			    six ? NFT_IP6_SADDR : NFT_IP4_SADDR, six ? 16 : 4);
	return six ? 4 : 1;
}

uint32_t nft_load_daddr(struct nft_writer *o, bool six, uint32_t reg)
{
	nft_load_payload_to(o, reg, NFT_PAYLOAD_NETWORK_HEADER,
			    six ? NFT_IP6_DADDR : NFT_IP4_DADDR, six ? 16 : 4);
	return six ? 4 : 1;
}

void nft_load_connection(struct nft_writer *o, bool six, bool inbound)
{
	const uint32_t len = six ? 16 : 4;
	const uint32_t address[] = { six ? NFT_IP6_SADDR : NFT_IP4_SADDR,
				     six ? NFT_IP6_DADDR : NFT_IP4_DADDR };
	const uint32_t port[] = { NFT_UDP_SPORT, NFT_UDP_DPORT };
	uint32_t reg = NFT_REG32_01;

	nft_family(o, six);
	nft_load_meta_to(o, NFT_REG32_00, NFT_META_L4PROTO);
	for (unsigned i = 0; i < 2; i++) {
		nft_load_payload_to(o, reg, NFT_PAYLOAD_NETWORK_HEADER,
				    address[i ^ inbound], len);
		reg += len / 4;
		nft_load_payload_to(o, reg++, NFT_PAYLOAD_TRANSPORT_HEADER,
				    port[i ^ inbound], 2);
	}
}

uint32_t nft_connection_type(bool six)
{
	const uint32_t addr = six ? NFT_KEY_IPV6_ADDR : NFT_KEY_IPV4_ADDR;
	const uint32_t end = addr << NFT_KEY_BITS | NFT_KEY_SERVICE;

	return (NFT_KEY_PROTO << 2 * NFT_KEY_BITS | end) << 2 * NFT_KEY_BITS |
	       end;
}

void nft_lookup(struct nft_writer *o, const char *set)
{
	nft_expr(o, "lookup");
	nfnl_put_string(o->w, NFTA_LOOKUP_SET, set);
	nfnl_put_be32(o->w, NFTA_LOOKUP_SREG, NFT_REG_1);
	nft_expr_end(o);
}

void nft_lookup_map(struct nft_writer *o, const char *map)
{
	nft_expr(o, "lookup");
	nfnl_put_string(o->w, NFTA_LOOKUP_SET, map);
	nfnl_put_be32(o->w, NFTA_LOOKUP_SREG, NFT_REG_1);
	nfnl_put_be32(o->w, NFTA_LOOKUP_DREG, NFT_REG_1);
	nft_expr_end(o);
}

void nft_store_payload(struct nft_writer *o, uint32_t base, uint32_t offset,
		       uint32_t len, uint32_t csum, bool pseudo)
{
	nft_expr(o, "payload");
	nfnl_put_be32(o->w, NFTA_PAYLOAD_SREG, NFT_REG_1);
	nfnl_put_be32(o->w, NFTA_PAYLOAD_BASE, base);
	nfnl_put_be32(o->w, NFTA_PAYLOAD_OFFSET, offset);
	nfnl_put_be32(o->w, NFTA_PAYLOAD_LEN, len);
	if (csum != NFT_NO_CSUM) {
		nfnl_put_be32(o->w, NFTA_PAYLOAD_CSUM_TYPE,
			      NFT_PAYLOAD_CSUM_INET);
		nfnl_put_be32(o->w, NFTA_PAYLOAD_CSUM_OFFSET, csum);
	}
	if (pseudo)
		nfnl_put_be32(o->w, NFTA_PAYLOAD_CSUM_FLAGS,
			      NFT_PAYLOAD_L4CSUM_PSEUDOHDR);
	nft_expr_end(o);
}

void nft_bitwise(struct nft_writer *o, uint32_t mask, uint32_t xor)
{
	nft_expr(o, "bitwise");
	nfnl_put_be32(o->w, NFTA_BITWISE_SREG, NFT_REG_1);
	nfnl_put_be32(o->w, NFTA_BITWISE_DREG, NFT_REG_1);
	nfnl_put_be32(o->w, NFTA_BITWISE_LEN, sizeof(mask));
	nft_expr_data(o, NFTA_BITWISE_MASK, &mask, sizeof(mask));
	nft_expr_data(o, NFTA_BITWISE_XOR, &xor, sizeof(xor));
	nft_expr_end(o);
}

void nft_load_reqid(struct nft_writer *o, bool out)
{
	uint8_t dir = out ? XFRM_POLICY_OUT : XFRM_POLICY_IN;

	nft_expr(o, "xfrm");
	nfnl_put_be32(o->w, NFTA_XFRM_DREG, NFT_REG_1);
	nfnl_put_be32(o->w, NFTA_XFRM_KEY, NFT_XFRM_KEY_REQID);
	nfnl_put(o->w, NFTA_XFRM_DIR, &dir, sizeof(dir));
	nft_expr_end(o);
}

void nft_verdict(struct nft_writer *o, int code, const char *chain)
{
	size_t data, value;

	nft_expr(o, "immediate");
	nfnl_put_be32(o->w, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = nfnl_nest(o->w, NFTA_IMMEDIATE_DATA);
	value = nfnl_nest(o->w, NFTA_DATA_VERDICT);
	nfnl_put_be32(o->w, NFTA_VERDICT_CODE, (uint32_t)code);
	if (chain)
		nfnl_put_string(o->w, NFTA_VERDICT_CHAIN, chain);
	nfnl_nest_end(o->w, value);
	nfnl_nest_end(o->w, data);
	nft_expr_end(o);
}

void nft_verdict_end(struct nft_writer *o, int code, const char *chain)
{
	nft_verdict(o, code, chain);
	nft_rule_end(o);
}

void nft_change_mark_end(struct nft_writer *o, uint32_t keep, uint32_t flip)
{
	nft_load_meta(o, NFT_META_MARK);
	nft_bitwise(o, keep, flip);
	nft_expr(o, "meta");
	nfnl_put_be32(o->w, NFTA_META_KEY, NFT_META_MARK);
	nfnl_put_be32(o->w, NFTA_META_SREG, NFT_REG_1);
	nft_expr_end(o);
	nft_rule_end(o);
}
