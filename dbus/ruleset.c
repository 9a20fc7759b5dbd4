/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading: dumps of chains and rules, and of a set's elements when one is asked
 * for.
 */
#include "dbus/ruleset.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/limits.h"
#include "xfrm/nfnl.h"

#define RECEIVE_SIZE 32768u

static void get_string(struct rbuf data, char *ret, size_t size)
{
	size_t n = data.left < size - 1 ? data.left : size - 1;
	const uint8_t *p = rbuf_bytes(&data, n);

	if (p)
		memcpy(ret, p, n);
	ret[p ? n : 0] = '\0';
}

/* --- chains ------------------------------------------------------------------- */

static void take_hook(struct rbuf data, struct ruleset_chain *c)
{
	struct rbuf value;
	uint16_t type;

	while (nfnl_next_attr(&data, &type, &value) > 0) {
		if (type == NFTA_HOOK_HOOKNUM)
			c->hook = (int)rbuf_be32(&value);
		else if (type == NFTA_HOOK_PRIORITY)
			c->priority = (int32_t)rbuf_be32(&value);
	}
}

static int take_chain(struct ruleset *r, const struct nfnl_message *m)
{
	struct ruleset_chain c = { .family = m->family, .hook = -1 };
	struct rbuf attrs = m->attrs, data;
	struct ruleset_chain *list;
	uint16_t type;

	while (nfnl_next_attr(&attrs, &type, &data) > 0) {
		if (type == NFTA_CHAIN_TABLE)
			get_string(data, c.table, sizeof(c.table));
		else if (type == NFTA_CHAIN_NAME)
			get_string(data, c.name, sizeof(c.name));
		else if (type == NFTA_CHAIN_HOOK)
			take_hook(data, &c);
		else if (type == NFTA_CHAIN_POLICY)
			c.drops = rbuf_be32(&data) == NF_DROP;
	}
	if (r->n_chains >= LIMIT_DOCTOR_RULES)
		return -ENOSPC;
	list = reallocarray(r->chains, r->n_chains + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	r->chains = list;
	r->chains[r->n_chains++] = c;
	return 0;
}

/* --- rules -------------------------------------------------------------------- */

static int take_rule(struct ruleset *r, const struct nfnl_message *m)
{
	struct ruleset_rule rule = { .family = m->family };
	struct rbuf attrs = m->attrs, data;
	struct ruleset_rule *list;
	uint16_t type;

	while (nfnl_next_attr(&attrs, &type, &data) > 0) {
		if (type == NFTA_RULE_TABLE) {
			get_string(data, rule.table, sizeof(rule.table));
		} else if (type == NFTA_RULE_CHAIN) {
			get_string(data, rule.chain, sizeof(rule.chain));
		} else if (type == NFTA_RULE_HANDLE) {
			rule.handle = (uint64_t)rbuf_be32(&data) << 32;
			rule.handle |= rbuf_be32(&data);
		} else if (type == NFTA_RULE_EXPRESSIONS && !rule.data) {
			rule.len = data.left;
			rule.data = malloc(data.left ? data.left : 1);
			if (!rule.data)
				return -ENOMEM;
			if (data.left)
				memcpy(rule.data, data.pos, data.left);
		}
	}
	list = r->n_rules < LIMIT_DOCTOR_RULES
		       ? reallocarray(r->rules, r->n_rules + 1, sizeof(*list))
		       : NULL;
	if (!list) {
		free(rule.data);
		return -ENOMEM;
	}
	r->rules = list;
	r->rules[r->n_rules++] = rule;
	return 0;
}

int ruleset_take(struct ruleset *r, struct rbuf *pos, bool *ret_end)
{
	struct nfnl_message m;
	int n, e = 0;

	while ((n = nfnl_next(pos, &m)) > 0 && e == 0) {
		if (m.type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWCHAIN))
			e = take_chain(r, &m);
		else if (m.type ==
			 (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE))
			e = take_rule(r, &m);
		else if (m.type == NLMSG_ERROR || m.type == NLMSG_DONE)
			*ret_end = true;
		if (m.type == NLMSG_ERROR && m.error)
			e = m.error;
	}
	return n < 0 ? n : e;
}

/* --- the dialogue --------------------------------------------------------------- */

static int dump(struct ruleset *r, struct wbuf *request,
		int (*take)(void *user, struct rbuf *pos, bool *ret_end),
		void *user)
{
	static const size_t size = RECEIVE_SIZE;
	uint8_t *in = malloc(size);
	bool end = false;
	int n = in ? nfnl_send(r->sock, request->data, request->len) : -ENOMEM;

	while (n >= 0 && !end) {
		struct rbuf pos;

		n = nfnl_receive(r->sock, in, size);
		if (n == 0)
			n = -EIO;
		if (n < 0)
			break;
		pos = rbuf_of(in, (size_t)n);
		n = take(user, &pos, &end);
	}
	free(in);
	return n < 0 ? n : 0;
}

static int take_all(void *user, struct rbuf *pos, bool *ret_end)
{
	return ruleset_take(user, pos, ret_end);
}

static int dump_type(struct ruleset *r, unsigned type)
{
	uint8_t data[64];
	struct wbuf w = wbuf_of(data, sizeof(data));

	nfnl_end(&w,
		 nfnl_begin(&w, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type),
			    NLM_F_DUMP, ++r->seq, NFPROTO_UNSPEC, 0));
	return dump(r, &w, take_all, r);
}

static int by_priority(const void *x, const void *y)
{
	const struct ruleset_chain *a = x, *b = y;

	return a->priority < b->priority ? -1 : a->priority > b->priority;
}

int ruleset_read(struct ruleset *ret)
{
	int r;

	*ret = (struct ruleset){ 0 };
	r = nfnl_open(1 << 20, 0, &ret->sock);
	if (r == 0)
		r = dump_type(ret, NFT_MSG_GETCHAIN);
	if (r == 0)
		r = dump_type(ret, NFT_MSG_GETRULE);
	if (r == -EINVAL || r == -EOPNOTSUPP)
		r = -EPROTONOSUPPORT;
	if (r < 0)
		ruleset_done(ret);
	else if (ret->n_chains)
		qsort(ret->chains, ret->n_chains, sizeof(*ret->chains),
		      by_priority);
	return r;
}

void ruleset_done(struct ruleset *r)
{
	for (size_t i = 0; i < r->n_rules; i++)
		free(r->rules[i].data);
	free(r->rules);
	free(r->chains);
	r->sock = nfnl_close(r->sock);
	*r = (struct ruleset){ 0 };
}

const struct ruleset_chain *ruleset_find_chain(const struct ruleset *r,
					       uint8_t family,
					       const char *table,
					       const char *name)
{
	for (size_t i = 0; i < r->n_chains; i++)
		if (r->chains[i].family == family &&
		    !strcmp(r->chains[i].table, table) &&
		    !strcmp(r->chains[i].name, name))
			return &r->chains[i];
	return NULL;
}

/* --- sets ----------------------------------------------------------------------- */

/* A question to a set, while its elements are read. An interval begins with
 * one element and ends before one that is marked so. */
struct question {
	const uint8_t *key;
	size_t len;
	bool intervals; /* it has such marks */
	bool beyond;	/* its keys are more than we know of the packet */
	bool found;
	uint8_t best[64]; /* the last beginning that is not behind the key */
	bool have_best, best_ends;
	struct ruleset_element element, best_element;
};

static struct rbuf value_of(struct rbuf data, uint16_t wanted)
{
	struct rbuf value;
	uint16_t type;

	while (nfnl_next_attr(&data, &type, &value) > 0)
		if (type == wanted)
			return value;
	return rbuf_of(NULL, 0);
}

static void take_verdict(struct rbuf data, struct ruleset_element *ret)
{
	struct rbuf v = value_of(data, NFTA_DATA_VERDICT), value;
	uint16_t type;

	while (nfnl_next_attr(&v, &type, &value) > 0) {
		if (type == NFTA_VERDICT_CODE)
			ret->verdict = (int32_t)rbuf_be32(&value);
		else if (type == NFTA_VERDICT_CHAIN)
			get_string(value, ret->chain, sizeof(ret->chain));
	}
}

/* Keys of one set are of one length, which may be less than we have. */
static void compare_element(struct question *q, struct rbuf key,
			    struct rbuf end, bool ends,
			    const struct ruleset_element *e)
{
	size_t n = key.left;
	int order = n ? memcmp(key.pos, q->key, n) : 1;

	if ((order == 0 && !ends) ||
	    (order <= 0 && end.left == n && memcmp(end.pos, q->key, n) >= 0)) {
		q->found = true;
		q->element = *e;
	}
	q->intervals = q->intervals || ends;
	if (order > 0 || (q->have_best && memcmp(q->best, key.pos, n) > 0))
		return;
	memcpy(q->best, key.pos, n);
	q->have_best = true;
	q->best_ends = ends;
	q->best_element = *e;
}

static void take_element(struct rbuf data, struct question *q)
{
	struct rbuf value, key = rbuf_of(NULL, 0), end = rbuf_of(NULL, 0);
	struct ruleset_element e = { 0 };
	bool ends = false, everything = false;
	uint16_t type;

	while (nfnl_next_attr(&data, &type, &value) > 0) {
		if (type == NFTA_SET_ELEM_KEY)
			key = value_of(value, NFTA_DATA_VALUE);
		else if (type == NFTA_SET_ELEM_KEY_END)
			end = value_of(value, NFTA_DATA_VALUE);
		else if (type == NFTA_SET_ELEM_DATA)
			take_verdict(value, &e);
		else if (type == NFTA_SET_ELEM_FLAGS) {
			uint32_t flags = rbuf_be32(&value);

			ends = flags & NFT_SET_ELEM_INTERVAL_END;
			everything = flags & NFT_SET_ELEM_CATCHALL;
		}
	}
	if (everything || key.left > q->len) {
		q->beyond = true;
		return;
	}
	compare_element(q, key, end, ends, &e);
}

static int take_elements(void *user, struct rbuf *pos, bool *ret_end)
{
	struct nfnl_message m;
	struct rbuf data, element;
	uint16_t type;
	int n;

	while ((n = nfnl_next(pos, &m)) > 0) {
		if (m.type == NLMSG_ERROR || m.type == NLMSG_DONE)
			*ret_end = true;
		if (m.type == NLMSG_ERROR && m.error)
			return m.error;
		if (m.type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSETELEM))
			continue;
		while (nfnl_next_attr(&m.attrs, &type, &data) > 0)
			while (type == NFTA_SET_ELEM_LIST_ELEMENTS &&
			       nfnl_next_attr(&data, &type, &element) > 0) {
				take_element(element, user);
				type = NFTA_SET_ELEM_LIST_ELEMENTS;
			}
	}
	return n;
}

int ruleset_look_up(struct ruleset *r, const struct ruleset_rule *rule,
		    const char *set, const uint8_t *key, size_t len,
		    struct ruleset_element *ret)
{
	struct question q = { .key = key, .len = len < 64 ? len : 64 };
	uint8_t data[256];
	struct wbuf w = wbuf_of(data, sizeof(data));
	size_t at =
		nfnl_begin(&w, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETSETELEM,
			   NLM_F_DUMP, ++r->seq, rule->family, 0);
	int n;

	if (!r->sock)
		return -ENOTCONN;
	nfnl_put_string(&w, NFTA_SET_ELEM_LIST_TABLE, rule->table);
	nfnl_put_string(&w, NFTA_SET_ELEM_LIST_SET, set);
	nfnl_end(&w, at);
	n = wbuf_ok(&w) ? dump(r, &w, take_elements, &q) : -EMSGSIZE;
	if (n < 0)
		return n;
	if (!q.found && q.intervals && q.have_best && !q.best_ends) {
		q.found = true;
		q.element = q.best_element;
	}
	if (!q.found && q.beyond)
		return -E2BIG;
	if (q.found)
		*ret = q.element;
	return q.found;
}
