/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A packet's way through the rules, with registers of which some bytes are
 * known and others not. A rule that we cannot decide may let the packet pass or
 * drop it: then so may the chain.
 */
#include "dbus/ruleset.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/xt_esp.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "util/limits.h"
#include "xfrm/nfnl.h"
#include "xfrm/nft-hear.h"
#include "xfrm/nft-rules.h"

/* Registers of four bytes; the first four are the verdict's. */
#define WORDS	  20u
#define REGISTERS (WORDS * 4)

enum truth { NO, YES, MAYBE };

struct walk {
	struct ruleset *r;
	const struct ruleset_packet *p;
	const struct ruleset_rule *rule, *eaten_by;
	uint8_t value[REGISTERS];
	bool known[REGISTERS];
	/* This register has the interface, of which we know what it is not. */
	uint32_t interface;
	/* Of the rule: NFT_CONTINUE, NF_ACCEPT, NF_DROP, NFT_JUMP... */
	int verdict;
	char target[64];
	bool maybe; /* it may have been accepted before */
	unsigned jumps, steps;
};

/* --- registers ------------------------------------------------------------------ */

/* Its first byte; -1: not a register for data. */
static int reg_at(uint32_t reg, size_t len)
{
	uint32_t word = reg >= NFT_REG32_00 ? reg + 4 - NFT_REG32_00 : reg * 4;

	if (word < 4 || word >= WORDS || len > REGISTERS - word * 4)
		return -1;
	return (int)word * 4;
}

static void forget(struct walk *w)
{
	memset(w->known, 0, sizeof(w->known));
}

static void store(struct walk *w, uint32_t reg, const void *data, size_t len)
{
	int at = reg_at(reg, (len + 3) & ~(size_t)3);

	if (at < 0)
		return;
	if (w->interface == reg)
		w->interface = 0;
	memset(w->value + at, 0, (len + 3) & ~(size_t)3);
	memset(w->known + at, 1, (len + 3) & ~(size_t)3);
	memcpy(w->value + at, data, len);
}

static void unknown(struct walk *w, uint32_t reg, size_t len)
{
	int at = reg_at(reg, len);

	if (at < 0)
		forget(w);
	else
		memset(w->known + at, 0, len);
}

/* NULL: not all of it is known. */
static const uint8_t *load(const struct walk *w, uint32_t reg, size_t len)
{
	int at = reg_at(reg, len);

	for (size_t i = 0; at >= 0 && i < len; i++)
		if (!w->known[(size_t)at + i])
			return NULL;
	return at < 0 ? NULL : w->value + at;
}

/* --- attributes ------------------------------------------------------------------- */

static bool attr(struct rbuf data, uint16_t wanted, struct rbuf *ret)
{
	struct rbuf value;
	uint16_t type;

	while (nfnl_next_attr(&data, &type, &value) > 0)
		if (type == wanted) {
			*ret = value;
			return true;
		}
	return false;
}

static uint32_t number(struct rbuf data, uint16_t wanted)
{
	struct rbuf v;

	return attr(data, wanted, &v) && v.left >= 4 ? rbuf_be32(&v) : 0;
}

static void text(struct rbuf data, uint16_t wanted, char *ret, size_t size)
{
	struct rbuf v;
	size_t n;

	*ret = '\0';
	if (!attr(data, wanted, &v))
		return;
	n = v.left < size - 1 ? v.left : size - 1;
	memcpy(ret, v.pos, n);
	ret[n] = '\0';
}

static bool value(struct rbuf data, uint16_t wanted, struct rbuf *ret)
{
	struct rbuf outer;

	return attr(data, wanted, &outer) && attr(outer, NFTA_DATA_VALUE, ret);
}

/* --- what is loaded ---------------------------------------------------------------- */

static enum truth do_meta(struct walk *w, struct rbuf d)
{
	const uint8_t nfproto = w->p->six ? NFPROTO_IPV6 : NFPROTO_IPV4;
	const uint16_t ether = htons(w->p->six ? ETHERTYPE_IPV6 : ETHERTYPE_IP);
	const uint32_t zero = 0;
	uint32_t reg = number(d, NFTA_META_DREG);
	struct rbuf set;

	if (attr(d, NFTA_META_SREG, &set))
		return YES; /* it sets something of the packet */
	switch (number(d, NFTA_META_KEY)) {
	case NFT_META_L4PROTO:
		store(w, reg, &w->p->protocol, 1);
		break;
	case NFT_META_NFPROTO:
		store(w, reg, &nfproto, 1);
		break;
	case NFT_META_PROTOCOL:
		store(w, reg, &ether, 2);
		break;
	case NFT_META_IIF:
	case NFT_META_OIF:
	case NFT_META_IIFNAME:
	case NFT_META_OIFNAME:
		unknown(w, reg, 16);
		w->interface = reg;
		break;
	case NFT_META_SECPATH:
	case NFT_META_MARK:
		store(w, reg, &zero, 4);
		break;
	default:
		unknown(w, reg, 16);
	}
	return YES;
}

static enum truth do_ct(struct walk *w, struct rbuf d)
{
	const uint32_t new = NF_CT_STATE_BIT(IP_CT_NEW), nothing = 0;
	uint32_t reg = number(d, NFTA_CT_DREG);

	switch (number(d, NFTA_CT_KEY)) {
	case NFT_CT_STATE:
		store(w, reg, &new, 4);
		break;
	case NFT_CT_STATUS: /* as of what no NAT has changed */
		store(w, reg, &nothing, 4);
		break;
	default:
		unknown(w, reg, 16);
	}
	return YES;
}

/* The bytes of the headers that we know. */
static bool packet_byte(const struct ruleset_packet *p, uint32_t base,
			uint32_t at, uint8_t *ret)
{
	const uint16_t ports[] = { htons(p->sport), htons(p->dport) };

	if (base == NFT_PAYLOAD_TRANSPORT_HEADER && at < 4 &&
	    p->protocol == IPPROTO_UDP) {
		memcpy(ret, (const uint8_t *)ports + at, 1);
		return true;
	}
	if (base != NFT_PAYLOAD_NETWORK_HEADER)
		return false;
	if (at == (p->six ? 6u : 9u)) {
		*ret = p->protocol;
		return true;
	}
	/* No fragment. */
	if (!p->six && (at == 6 || at == 7)) {
		*ret = 0;
		return true;
	}
	return false;
}

static enum truth do_payload(struct walk *w, struct rbuf d)
{
	uint32_t base = number(d, NFTA_PAYLOAD_BASE);
	uint32_t offset = number(d, NFTA_PAYLOAD_OFFSET);
	uint32_t len = number(d, NFTA_PAYLOAD_LEN);
	uint32_t reg = number(d, NFTA_PAYLOAD_DREG);
	struct rbuf set;
	uint8_t data[64];

	if (attr(d, NFTA_PAYLOAD_SREG, &set))
		return YES;
	if (len > sizeof(data)) {
		forget(w);
		return YES;
	}
	for (uint32_t i = 0; i < len; i++)
		if (!packet_byte(w->p, base, offset + i, &data[i])) {
			unknown(w, reg, len);
			return YES;
		}
	store(w, reg, data, len);
	return YES;
}

static enum truth do_bitwise(struct walk *w, struct rbuf d)
{
	uint32_t from = number(d, NFTA_BITWISE_SREG);
	uint32_t to = number(d, NFTA_BITWISE_DREG);
	uint32_t len = number(d, NFTA_BITWISE_LEN);
	struct rbuf mask, flip;
	const uint8_t *in = load(w, from, len);
	uint8_t out[64];

	if (!in || len > sizeof(out) || !value(d, NFTA_BITWISE_MASK, &mask) ||
	    !value(d, NFTA_BITWISE_XOR, &flip) || mask.left < len ||
	    flip.left < len) {
		unknown(w, to, len);
		return YES;
	}
	for (uint32_t i = 0; i < len; i++)
		out[i] = (in[i] & mask.pos[i]) ^ flip.pos[i];
	store(w, to, out, len);
	return YES;
}

/* --- what is asked ----------------------------------------------------------------- */

static enum truth by_op(uint32_t op, int order)
{
	switch (op) {
	case NFT_CMP_EQ:
		return order == 0;
	case NFT_CMP_NEQ:
		return order != 0;
	case NFT_CMP_LT:
		return order < 0;
	case NFT_CMP_LTE:
		return order <= 0;
	case NFT_CMP_GT:
		return order > 0;
	case NFT_CMP_GTE:
		return order >= 0;
	}
	return MAYBE;
}

/* A stranger's packet has nothing to do with the loopback interface, which has
 * the index 1 in every namespace. */
static bool is_loopback(const struct rbuf *v)
{
	const uint32_t index = 1;

	return (v->left >= 3 && memcmp(v->pos, "lo", 3) == 0) ||
	       (v->left == 2 && memcmp(v->pos, "lo", 2) == 0) ||
	       (v->left == 4 && memcmp(v->pos, &index, 4) == 0);
}

static enum truth do_cmp(struct walk *w, struct rbuf d)
{
	const uint8_t *is;
	struct rbuf v;

	if (!value(d, NFTA_CMP_DATA, &v))
		return MAYBE;
	if (w->interface && w->interface == number(d, NFTA_CMP_SREG) &&
	    is_loopback(&v))
		return number(d, NFTA_CMP_OP) == NFT_CMP_NEQ;
	is = load(w, number(d, NFTA_CMP_SREG), v.left);
	return is ? by_op(number(d, NFTA_CMP_OP), memcmp(is, v.pos, v.left))
		  : MAYBE;
}

static enum truth do_range(struct walk *w, struct rbuf d)
{
	struct rbuf from, to;
	const uint8_t *is;
	bool inside;

	if (!value(d, NFTA_RANGE_FROM_DATA, &from) ||
	    !value(d, NFTA_RANGE_TO_DATA, &to) || from.left != to.left)
		return MAYBE;
	is = load(w, number(d, NFTA_RANGE_SREG), from.left);
	if (!is)
		return MAYBE;
	inside = memcmp(is, from.pos, from.left) >= 0 &&
		 memcmp(is, to.pos, to.left) <= 0;
	return inside == (number(d, NFTA_RANGE_OP) == NFT_RANGE_EQ);
}

/* How many bytes the set's key has is not said here: as many as are known. */
static size_t known_from(const struct walk *w, uint32_t reg)
{
	int at = reg_at(reg, 4);
	size_t n = 0;

	while (at >= 0 && (size_t)at + n < REGISTERS && n < 64 &&
	       w->known[(size_t)at + n])
		n++;
	return n;
}

static enum truth do_lookup(struct walk *w, struct rbuf d)
{
	uint32_t reg = number(d, NFTA_LOOKUP_SREG);
	bool inverted = number(d, NFTA_LOOKUP_FLAGS) & NFT_LOOKUP_F_INV;
	struct ruleset_element e = { 0 };
	struct rbuf map;
	char set[64];
	size_t len = known_from(w, reg);
	int r;

	text(d, NFTA_LOOKUP_SET, set, sizeof(set));
	/* One port, protocol or state; pairs are beyond us. */
	len = len > 4 ? 4 : len;
	if (len == 0)
		return MAYBE;
	r = ruleset_look_up(w->r, w->rule, set, load(w, reg, len), len, &e);
	if (r < 0)
		return MAYBE;
	if (!attr(d, NFTA_LOOKUP_DREG, &map))
		return (r == 1) != inverted;
	if (r == 0)
		return NO;
	if (number(d, NFTA_LOOKUP_DREG) != NFT_REG_VERDICT) {
		forget(w);
		return YES;
	}
	w->verdict = e.verdict;
	snprintf(w->target, sizeof(w->target), "%s", e.chain);
	return YES;
}

static enum truth do_immediate(struct walk *w, struct rbuf d)
{
	struct rbuf data, v;

	if (number(d, NFTA_IMMEDIATE_DREG) != NFT_REG_VERDICT) {
		if (value(d, NFTA_IMMEDIATE_DATA, &v))
			store(w, number(d, NFTA_IMMEDIATE_DREG), v.pos, v.left);
		return YES;
	}
	if (!attr(d, NFTA_IMMEDIATE_DATA, &data) ||
	    !attr(data, NFTA_DATA_VERDICT, &v))
		return MAYBE;
	w->verdict = (int)number(v, NFTA_VERDICT_CODE);
	text(v, NFTA_VERDICT_CHAIN, w->target, sizeof(w->target));
	return YES;
}

/* --- iptables-nft's own ------------------------------------------------------------- */

static enum truth do_match(struct walk *w, struct rbuf d)
{
	struct xt_udp udp;
	struct xt_esp esp;
	struct rbuf info;
	char name[32];
	bool in;

	text(d, NFTA_MATCH_NAME, name, sizeof(name));
	if (!strcmp(name, "comment"))
		return YES;
	if (!attr(d, NFTA_MATCH_INFO, &info))
		return MAYBE;
	if (!strcmp(name, "udp") && info.left >= sizeof(udp)) {
		memcpy(&udp, info.pos, sizeof(udp));
		if (w->p->protocol != IPPROTO_UDP)
			return NO;
		in = w->p->sport >= udp.spts[0] && w->p->sport <= udp.spts[1];
		if (in == ((udp.invflags & XT_UDP_INV_SRCPT) != 0))
			return NO;
		in = w->p->dport >= udp.dpts[0] && w->p->dport <= udp.dpts[1];
		return in != ((udp.invflags & XT_UDP_INV_DSTPT) != 0);
	}
	if (!strcmp(name, "esp") && info.left >= sizeof(esp)) {
		memcpy(&esp, info.pos, sizeof(esp));
		if (w->p->protocol != IPPROTO_ESP)
			return NO;
		return esp.spis[0] == 0 && esp.spis[1] == UINT32_MAX ? YES
								     : MAYBE;
	}
	return !strcmp(name, "tcp") ? NO : MAYBE;
}

static enum truth do_target(struct walk *w, struct rbuf d)
{
	char name[32];

	text(d, NFTA_TARGET_NAME, name, sizeof(name));
	if (!strcmp(name, "REJECT"))
		w->verdict = NF_DROP;
	return YES;
}

static enum truth do_reject(struct walk *w, struct rbuf d)
{
	(void)d;
	w->verdict = NF_DROP;
	return YES;
}

static enum truth do_nothing(struct walk *w, struct rbuf d)
{
	(void)w;
	(void)d;
	return YES;
}

static const struct {
	const char *name;
	enum truth (*run)(struct walk *w, struct rbuf d);
} expressions[] = {
	{ "meta", do_meta },	   { "ct", do_ct },
	{ "payload", do_payload }, { "bitwise", do_bitwise },
	{ "cmp", do_cmp },	   { "range", do_range },
	{ "lookup", do_lookup },   { "immediate", do_immediate },
	{ "match", do_match },	   { "target", do_target },
	{ "reject", do_reject },   { "counter", do_nothing },
	{ "log", do_nothing },	   { "notrack", do_nothing },
	{ "objref", do_nothing },  { "last", do_nothing },
	{ "dynset", do_nothing },
};

/* What is not known may ask, or load, anything. */
static enum truth run_expression(struct walk *w, const char *name,
				 struct rbuf d)
{
	for (size_t i = 0; i < sizeof(expressions) / sizeof(expressions[0]);
	     i++)
		if (!strcmp(expressions[i].name, name))
			return expressions[i].run(w, d);
	forget(w);
	return MAYBE;
}

static enum truth run_rule(struct walk *w)
{
	struct rbuf list = rbuf_of(w->rule->data, w->rule->len), one, data;
	enum truth all = YES;
	uint16_t type;

	forget(w);
	w->interface = 0;
	w->verdict = NFT_CONTINUE;
	while (nfnl_next_attr(&list, &type, &one) > 0) {
		enum truth t;
		char name[32];

		text(one, NFTA_EXPR_NAME, name, sizeof(name));
		if (!attr(one, NFTA_EXPR_DATA, &data))
			data = rbuf_of(NULL, 0);
		t = run_expression(w, name, data);
		if (t == NO)
			return NO;
		if (t == MAYBE)
			all = MAYBE;
	}
	return all;
}

/* --- chains -------------------------------------------------------------------------- */

enum outcome { GOES_ON, ACCEPTED, EATEN };

static enum outcome run_chain(struct walk *w, uint8_t family, const char *table,
			      const char *name);

/* A rule that may apply, or does. */
static enum outcome apply(struct walk *w, const struct ruleset_rule *rule,
			  enum truth t)
{
	enum outcome o = GOES_ON;
	char target[64];

	snprintf(target, sizeof(target), "%s", w->target);
	switch (w->verdict) {
	case NF_DROP:
		if (t == YES)
			w->eaten_by = rule;
		return t == YES ? EATEN : GOES_ON;
	case NF_ACCEPT:
		w->maybe = w->maybe || t == MAYBE;
		return t == YES ? ACCEPTED : GOES_ON;
	case NFT_JUMP:
	case NFT_GOTO:
		if (w->jumps >= LIMIT_DOCTOR_JUMPS) {
			w->maybe = true;
			return GOES_ON;
		}
		w->jumps++;
		o = run_chain(w, rule->family, rule->table, target);
		w->jumps--;
		if (t == MAYBE) {
			w->maybe = w->maybe || o == ACCEPTED;
			return GOES_ON;
		}
		return o;
	case NF_QUEUE:
	case NF_STOLEN:
		w->maybe = true;
		return GOES_ON;
	}
	return GOES_ON;
}

static enum outcome run_chain(struct walk *w, uint8_t family, const char *table,
			      const char *name)
{
	for (size_t i = 0; i < w->r->n_rules; i++) {
		const struct ruleset_rule *rule = &w->r->rules[i];
		enum outcome o;
		enum truth t;
		int verdict;

		if (rule->family != family || strcmp(rule->table, table) != 0 ||
		    strcmp(rule->chain, name) != 0)
			continue;
		if (w->steps++ >= LIMIT_DOCTOR_STEPS) {
			w->maybe = true;
			return GOES_ON;
		}
		w->rule = rule;
		t = run_rule(w);
		verdict = w->verdict;
		if (t == NO)
			continue;
		if (verdict == NFT_RETURN && t == YES)
			return GOES_ON;
		o = apply(w, rule, t);
		if (o != GOES_ON)
			return o;
		if (verdict == NFT_GOTO && t == YES)
			return GOES_ON;
	}
	return GOES_ON;
}

static bool is_ours(const char *table)
{
	return !strcmp(table, NFT_TABLE_HOLD) || !strcmp(table, NFT_TABLE_HEAR);
}

static bool sees(const struct ruleset_chain *c, const struct ruleset_packet *p)
{
	return c->hook == p->hook && !is_ours(c->table) &&
	       (c->family == NFPROTO_INET ||
		c->family == (p->six ? NFPROTO_IPV6 : NFPROTO_IPV4));
}

enum ruleset_fate ruleset_judge(struct ruleset *r,
				const struct ruleset_packet *p,
				const struct ruleset_chain **ret_chain,
				const struct ruleset_rule **ret_rule)
{
	enum ruleset_fate fate = RULESET_PASSES;

	for (size_t i = 0; i < r->n_chains; i++) {
		const struct ruleset_chain *c = &r->chains[i];
		struct walk w = { .r = r, .p = p };
		enum outcome o;

		if (!sees(c, p))
			continue;
		o = run_chain(&w, c->family, c->table, c->name);
		if (o == GOES_ON && c->drops)
			o = EATEN;
		if (o != EATEN)
			continue;
		*ret_chain = c;
		*ret_rule = w.eaten_by;
		if (!w.maybe)
			return RULESET_EATEN;
		fate = RULESET_OPEN;
	}
	return fate;
}

/* --- what others use ------------------------------------------------------------------ */

static void use_mark(struct ruleset_uses *u, const struct ruleset_rule *rule,
		     uint32_t bits)
{
	if (!bits)
		return;
	u->marks |= bits;
	snprintf(u->marks_table, sizeof(u->marks_table), "%s", rule->table);
}

/* In a rule that has to do with the mark, each constant of four bytes is one of
 * it, or a mask. Of the masks that keep the rest, the other bits count. */
static uint32_t constant(struct rbuf d, uint16_t wanted)
{
	struct rbuf v;
	uint32_t bits = 0;

	if (value(d, wanted, &v) && v.left == 4)
		memcpy(&bits, v.pos, 4);
	return bits;
}

static void find_in_rule(const struct ruleset_rule *rule,
			 struct ruleset_uses *u)
{
	struct rbuf list = rbuf_of(rule->data, rule->len), one, d;
	uint32_t bits = 0;
	bool mark = false;
	uint16_t type;

	while (nfnl_next_attr(&list, &type, &one) > 0) {
		char name[32];

		text(one, NFTA_EXPR_NAME, name, sizeof(name));
		if (!attr(one, NFTA_EXPR_DATA, &d))
			continue;
		if (!strcmp(name, "meta")) {
			mark = mark ||
			       number(d, NFTA_META_KEY) == NFT_META_MARK;
		} else if (!strcmp(name, "bitwise")) {
			uint32_t keep = constant(d, NFTA_BITWISE_MASK);

			bits |= (keep ? ~keep : 0) |
				constant(d, NFTA_BITWISE_XOR);
			if (__builtin_popcount(keep) <= 16)
				bits = keep;
		} else if (!strcmp(name, "cmp")) {
			bits |= constant(d, NFTA_CMP_DATA);
		} else if (!strcmp(name, "immediate")) {
			bits |= constant(d, NFTA_IMMEDIATE_DATA);
		} else if (!strcmp(name, "queue")) {
			struct rbuf v;
			uint16_t n = attr(d, NFTA_QUEUE_NUM, &v) && v.left >= 2
					     ? rbuf_be16(&v)
					     : 0;

			for (size_t i = 0; i < 2; i++)
				u->queue_used[i] |= n == u->queue[i];
		} else if (!strcmp(name, "log")) {
			struct rbuf v;

			if (attr(d, NFTA_LOG_GROUP, &v) && v.left >= 2)
				u->group_used |= rbuf_be16(&v) == u->group;
		}
	}
	if (mark)
		use_mark(u, rule, bits);
}

void ruleset_find_uses(const struct ruleset *r, struct ruleset_uses *u)
{
	for (size_t i = 0; i < r->n_chains; i++) {
		u->docker |= strstr(r->chains[i].name, "DOCKER") != NULL;
		u->kubernetes |= !strncmp(r->chains[i].name, "KUBE-", 5) ||
				 !strncmp(r->chains[i].name, "cali-", 5) ||
				 !strncmp(r->chains[i].name, "CILIUM_", 7);
	}
	for (size_t i = 0; i < r->n_rules; i++)
		if (!is_ours(r->rules[i].table))
			find_in_rule(&r->rules[i], u);
}
