/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Packets judged by rules that are written as the kernel tells them. */
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dbus/ruleset.h"
#include "util/rbuf.h"
#include "xfrm/nfnl.h"
#include "xfrm/nft-expr.h"

#define UDP 17
#define ESP 50

static uint8_t data[16384];
static struct wbuf out;
static struct nft_writer o;
static struct ruleset rules;

static int setup(void **state)
{
	(void)state;
	out = wbuf_of(data, sizeof(data));
	o = (struct nft_writer){ .w = &out, .table = "filter" };
	rules = (struct ruleset){ 0 };
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ruleset_done(&rules);
	return 0;
}

/* A base chain "in" with this policy, and one to jump to. */
static void chains(bool drop)
{
	size_t at = nfnl_begin(&out,
			       NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWCHAIN, 0,
			       0, NFPROTO_INET, 0),
	       hook;

	nfnl_put_string(&out, NFTA_CHAIN_TABLE, "filter");
	nfnl_put_string(&out, NFTA_CHAIN_NAME, "in");
	hook = nfnl_nest(&out, NFTA_CHAIN_HOOK);
	nfnl_put_be32(&out, NFTA_HOOK_HOOKNUM, NF_INET_LOCAL_IN);
	nfnl_put_be32(&out, NFTA_HOOK_PRIORITY, 0);
	nfnl_nest_end(&out, hook);
	nfnl_put_be32(&out, NFTA_CHAIN_POLICY, drop ? NF_DROP : NF_ACCEPT);
	nfnl_end(&out, at);
	nft_put_chain(&o, "side");
}

static void read_all(void)
{
	struct rbuf pos = rbuf_of(data, out.len);
	bool end = false;

	assert_true(wbuf_ok(&out));
	assert_int_equal(ruleset_take(&rules, &pos, &end), 0);
}

static enum ruleset_fate fate(uint8_t protocol, uint16_t port, bool six)
{
	const struct ruleset_packet p = { .six = six,
					  .protocol = protocol,
					  .sport = port,
					  .dport = port,
					  .hook = NF_INET_LOCAL_IN };
	const struct ruleset_chain *c = NULL;
	const struct ruleset_rule *r = NULL;
	enum ruleset_fate f = ruleset_judge(&rules, &p, &c, &r);

	if (f != RULESET_PASSES)
		assert_string_equal(c->name, "in");
	return f;
}

static void dport(uint16_t port)
{
	nft_protocol(&o, NFT_CMP_EQ, UDP);
	nft_load_payload(&o, NFT_PAYLOAD_TRANSPORT_HEADER, NFT_UDP_DPORT, 2);
	nft_compare_port(&o, NFT_CMP_EQ, port);
}

static void test_policy(void **state)
{
	(void)state;
	chains(true);
	nft_rule(&o, "in");
	dport(500);
	nft_verdict_end(&o, NF_ACCEPT, NULL);
	nft_rule(&o, "in");
	nft_protocol(&o, NFT_CMP_EQ, ESP);
	nft_family(&o, false);
	nft_verdict_end(&o, NFT_JUMP, "side");
	nft_rule(&o, "side");
	nft_verdict_end(&o, NF_ACCEPT, NULL);
	read_all();
	assert_int_equal(fate(UDP, 500, false), RULESET_PASSES);
	assert_int_equal(fate(UDP, 500, true), RULESET_PASSES);
	assert_int_equal(fate(UDP, 4500, false), RULESET_EATEN);
	assert_int_equal(fate(ESP, 0, false), RULESET_PASSES);
	assert_int_equal(fate(ESP, 0, true), RULESET_EATEN);
}

static void ct(uint32_t key, uint32_t bit)
{
	const uint32_t nothing = 0;

	nft_rule(&o, "in");
	nft_expr(&o, "ct");
	nfnl_put_be32(&out, NFTA_CT_KEY, key);
	nfnl_put_be32(&out, NFTA_CT_DREG, NFT_REG_1);
	nft_expr_end(&o);
	nft_bitwise(&o, bit, 0);
	nft_compare(&o, NFT_CMP_NEQ, &nothing, sizeof(nothing));
	nft_verdict_end(&o, NF_ACCEPT, NULL);
}

/* The first packet of a stranger is new, and no NAT has changed it: firewalld
 * lets in what one has. */
static void test_conntrack(void **state)
{
	(void)state;
	chains(true);
	ct(NFT_CT_STATE, NF_CT_STATE_BIT(IP_CT_ESTABLISHED));
	ct(NFT_CT_STATUS, IPS_DST_NAT);
	read_all();
	assert_int_equal(fate(UDP, 500, false), RULESET_EATEN);
	ct(NFT_CT_MARK, 1);
	ruleset_done(&rules);
	rules = (struct ruleset){ 0 };
	read_all();
	assert_int_equal(fate(UDP, 500, false), RULESET_OPEN);
}

/* What depends on where it comes from is left open. */
static void test_unknown(void **state)
{
	const uint32_t somebody = 0x0100000a;

	(void)state;
	chains(true);
	nft_rule(&o, "in");
	nft_load_saddr(&o, false, NFT_REG_1);
	nft_compare(&o, NFT_CMP_EQ, &somebody, sizeof(somebody));
	nft_verdict_end(&o, NF_ACCEPT, NULL);
	/* Drops for some: no reason to say that it is eaten, */
	nft_rule(&o, "in");
	nft_load_meta(&o, NFT_META_IIFTYPE);
	nft_compare_u8(&o, NFT_CMP_EQ, 1);
	nft_verdict_end(&o, NF_DROP, NULL);
	nft_rule(&o, "in");
	dport(500);
	nft_verdict_end(&o, NF_ACCEPT, NULL);
	read_all();
	assert_int_equal(fate(UDP, 500, false), RULESET_PASSES);
	/* but without another rule the policy is not sure either. */
	assert_int_equal(fate(UDP, 4500, false), RULESET_OPEN);
}

static void test_drop(void **state)
{
	(void)state;
	chains(false);
	nft_rule(&o, "in");
	nft_protocol(&o, NFT_CMP_NEQ, UDP);
	nft_verdict_end(&o, NFT_RETURN, NULL);
	nft_rule(&o, "in");
	nft_load_payload(&o, NFT_PAYLOAD_TRANSPORT_HEADER, NFT_UDP_DPORT, 2);
	nft_compare_port(&o, NFT_CMP_GTE, 4500);
	nft_expr(&o, "counter");
	nft_expr_end(&o);
	nft_expr(&o, "reject");
	nft_expr_end(&o);
	nft_rule_end(&o);
	read_all();
	assert_int_equal(fate(ESP, 0, false), RULESET_PASSES);
	assert_int_equal(fate(UDP, 500, false), RULESET_PASSES);
	assert_int_equal(fate(UDP, 4500, true), RULESET_EATEN);
}

/* A chain that jumps to itself ends, and so does a rule cut in the middle. */
static void test_endless(void **state)
{
	struct rbuf pos;
	bool end = false;

	(void)state;
	chains(true);
	for (int i = 0; i < 3; i++) {
		nft_rule(&o, "side");
		nft_verdict_end(&o, NFT_JUMP, "side");
	}
	nft_rule(&o, "in");
	nft_verdict_end(&o, NFT_JUMP, "side");
	read_all();
	assert_int_equal(fate(UDP, 500, false), RULESET_OPEN);
	for (size_t cut = 0; cut < out.len; cut++) {
		struct ruleset some = { 0 };

		pos = rbuf_of(data, cut);
		(void)!ruleset_take(&some, &pos, &end);
		ruleset_done(&some);
	}
}

static void test_uses(void **state)
{
	struct ruleset_uses u = { .queue = { 7, 8 }, .group = 9 };
	const uint32_t mark = 0x00400000, keep = 0xffffffff;
	const uint16_t seven = 0x0700, nine = 0x0900;

	(void)state;
	chains(false);
	nft_rule(&o, "in");
	nft_load_meta(&o, NFT_META_MARK);
	nft_expr(&o, "bitwise");
	nfnl_put_be32(&out, NFTA_BITWISE_SREG, NFT_REG_1);
	nfnl_put_be32(&out, NFTA_BITWISE_DREG, NFT_REG_1);
	nfnl_put_be32(&out, NFTA_BITWISE_LEN, 4);
	nft_expr_data(&o, NFTA_BITWISE_MASK, &keep, 4);
	nft_expr_data(&o, NFTA_BITWISE_XOR, &mark, 4);
	nft_expr_end(&o);
	nft_rule_end(&o);
	nft_rule(&o, "in");
	nft_expr(&o, "queue");
	nfnl_put(&out, NFTA_QUEUE_NUM, &seven, 2);
	nft_expr_end(&o);
	nft_rule_end(&o);
	nft_rule(&o, "in");
	nft_expr(&o, "log");
	nfnl_put(&out, NFTA_LOG_GROUP, &nine, 2);
	nft_expr_end(&o);
	nft_rule_end(&o);
	read_all();
	ruleset_find_uses(&rules, &u);
	assert_int_equal(u.marks, mark);
	assert_string_equal(u.marks_table, "filter");
	assert_true(u.queue_used[0] && !u.queue_used[1] && u.group_used);
	assert_false(u.docker || u.kubernetes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_policy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_conntrack, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_unknown, setup, teardown),
		cmocka_unit_test_setup_teardown(test_drop, setup, teardown),
		cmocka_unit_test_setup_teardown(test_endless, setup, teardown),
		cmocka_unit_test_setup_teardown(test_uses, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
