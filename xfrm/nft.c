/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Transactions with the kernel's nf_tables: the table as a whole, elements one
 * by one, ranges by the ten thousand.
 */
#include "xfrm/nft.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

#include "util/limits.h"
#include "xfrm/nfnl.h"
#include "xfrm/nft-expr.h"
#include "xfrm/nft-hear.h"
#include "xfrm/nft-open.h"
#include "xfrm/nft-rules.h"
#include "xfrm/nft-translate.h"

/* A batch's begin and end, and a message with its table and set names. */
#define FRAME_SIZE   64u
#define MESSAGE_SIZE 80u
/* An element: a pair with a lifetime, or an address with flags; and with what a
 * map has for it. */
#define ELEMENT_SIZE   64u
#define MAPPING_SIZE   80u
#define KEY_SIZE       44u
#define RANGES_MESSAGE 256u
#define CHANGES_BATCH  32u
#define SEND_BUFFER    (32 << 20)

struct nft_table {
	struct nl_sock *sock;
	const char *name;
	uint32_t seq;
	struct nft_table_config config; /* of "inet tacit" */
	bool open;			/* it has openings */
	bool gone;			/* somebody removed it */
};

struct nft_table *nft_table_free(struct nft_table *t)
{
	if (!t)
		return NULL;
	nfnl_close(t->sock);
	free(t);
	return NULL;
}

static uint16_t nft_type(unsigned type)
{
	return (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
}

static void batch_begin(struct nft_table *t, struct wbuf *w)
{
	nfnl_end(w, nfnl_begin(w, NFNL_MSG_BATCH_BEGIN, 0, ++t->seq, AF_UNSPEC,
			       NFNL_SUBSYS_NFTABLES));
}

/* The first error among the answers, all of which the kernel has queued
 * before sending returned; none is success. */
static int receive_errors(struct nft_table *t)
{
	uint8_t in[1024];
	int r, first = 0;

	while ((r = nfnl_receive(t->sock, in, sizeof(in))) != 0) {
		struct rbuf pos = rbuf_of(in, r > 0 ? (size_t)r : 0);
		struct nfnl_message m;

		if (r < 0)
			return first ? first : r;
		while (nfnl_next(&pos, &m) > 0)
			if (m.type == NLMSG_ERROR && m.error && first == 0)
				first = m.error;
	}
	return first;
}

static int batch_commit(struct nft_table *t, struct wbuf *w)
{
	int r;

	nfnl_end(w, nfnl_begin(w, NFNL_MSG_BATCH_END, 0, t->seq, AF_UNSPEC,
			       NFNL_SUBSYS_NFTABLES));
	if (!wbuf_ok(w))
		return -EMSGSIZE;
	r = nfnl_send(t->sock, w->data, w->len);
	return r < 0 ? r : receive_errors(t);
}

/* No such expression, no such key of it, no nf_tables at all. */
static int unsupported(int error)
{
	return error == -ENOENT || error == -EINVAL || error == -EPROTONOSUPPORT
		       ? -EOPNOTSUPP
		       : error;
}

static int make_hold(struct nft_table *t, const struct nft_table_config *c,
		     bool fib)
{
	uint8_t *data = malloc(FRAME_SIZE + NFT_RULES_SIZE);
	struct wbuf w = wbuf_of(data, FRAME_SIZE + NFT_RULES_SIZE);
	int r;

	if (!data)
		return -ENOMEM;
	batch_begin(t, &w);
	nft_rules_put(&w, t->seq, c, fib);
	r = batch_commit(t, &w);
	free(data);
	return unsupported(r);
}

static int make_hear(struct nft_table *t, const struct nft_hear_config *c)
{
	uint8_t *data = malloc(FRAME_SIZE + NFT_HEAR_SIZE);
	struct wbuf w = wbuf_of(data, FRAME_SIZE + NFT_HEAR_SIZE);
	int r;

	if (!data)
		return -ENOMEM;
	batch_begin(t, &w);
	nft_hear_put(&w, t->seq, c);
	r = batch_commit(t, &w);
	free(data);
	return unsupported(r);
}

static int table_new(const char *name, struct nft_table **ret)
{
	struct nft_table *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	t->name = name;
	r = nfnl_open(0, SEND_BUFFER, &t->sock);
	if (r < 0) {
		free(t);
		return unsupported(r);
	}
	*ret = t;
	return 0;
}

int nft_table_new(const struct nft_table_config *c, struct nft_table **ret)
{
	struct nft_table *t;
	int r;

	if (c->mark_bit > 31 || c->dns_bit > 31 || c->dns_bit == c->mark_bit)
		return -EINVAL;
	r = table_new(NFT_TABLE_HOLD, &t);
	if (r < 0)
		return r;
	t->config = *c;
	r = make_hold(t, c, true);
	if (r == -EOPNOTSUPP)
		r = make_hold(t, c, false);
	if (r < 0)
		nft_table_free(t);
	else
		*ret = t;
	return r;
}

int nft_table_new_hear(const struct nft_hear_config *c, struct nft_table **ret)
{
	struct nft_table *t;
	int r = table_new(NFT_TABLE_HEAR, &t);

	if (r < 0)
		return r;
	r = make_hear(t, c);
	if (r < 0)
		nft_table_free(t);
	else
		*ret = t;
	return r;
}

int nft_table_new_translate(struct nft_table **ret)
{
	uint8_t *data = malloc(FRAME_SIZE + NFT_TRANSLATE_SIZE + MESSAGE_SIZE);
	struct wbuf w =
		wbuf_of(data, FRAME_SIZE + NFT_TRANSLATE_SIZE + MESSAGE_SIZE);
	struct nft_table *t = NULL;
	int r = data ? table_new(NFT_TABLE_TRANSLATE, &t) : -ENOMEM;
	struct nft_writer o = { .w = &w, .table = NFT_TABLE_TRY };

	if (r == 0) {
		batch_begin(t, &w);
		o.seq = t->seq;
		nft_translate_put(&o);
		nft_put_table(&o, NFT_MSG_DELTABLE, 0);
		r = unsupported(batch_commit(t, &w));
	}
	free(data);
	if (r < 0)
		nft_table_free(t);
	else
		*ret = t;
	return r;
}

static size_t set_begin(struct nft_table *t, struct wbuf *w, unsigned type,
			uint16_t flags, enum nft_set set, bool six)
{
	size_t at =
		nfnl_begin(w, nft_type(type), flags, t->seq, NFPROTO_INET, 0);

	nfnl_put_string(w, NFTA_SET_ELEM_LIST_TABLE, t->name);
	nfnl_put_string(w, NFTA_SET_ELEM_LIST_SET, nft_set_name(set, six));
	return at;
}

static void put_element(struct wbuf *w, const uint8_t *value, size_t len,
			const struct addr *data, uint32_t flags,
			uint32_t lifetime_ms)
{
	size_t element = nfnl_nest(w, NFTA_LIST_ELEM), key;

	if (flags)
		nfnl_put_be32(w, NFTA_SET_ELEM_FLAGS, flags);
	key = nfnl_nest(w, NFTA_SET_ELEM_KEY);
	nfnl_put(w, NFTA_DATA_VALUE, value, len);
	nfnl_nest_end(w, key);
	if (data) {
		key = nfnl_nest(w, NFTA_SET_ELEM_DATA);
		nfnl_put(w, NFTA_DATA_VALUE, data->bytes, addr_len(data));
		nfnl_nest_end(w, key);
	}
	if (lifetime_ms)
		nfnl_put_be64(w, NFTA_SET_ELEM_TIMEOUT, lifetime_ms);
	nfnl_nest_end(w, element);
}

static void put_boundary(struct wbuf *w, const struct addr *a, uint32_t flags)
{
	put_element(w, a->bytes, addr_len(a), NULL, flags, 0);
}

/* As nft_load_connection() has it; each part ends with a register. */
static size_t connection_key(const struct nft_change *c, struct wbuf *w)
{
	wbuf_u8(w, c->ports.protocol);
	wbuf_zero(w, 3);
	wbuf_bytes(w, c->local.bytes, addr_len(&c->local));
	wbuf_be16(w, c->ports.local);
	wbuf_zero(w, 2);
	wbuf_bytes(w, c->remote.bytes, addr_len(&c->remote));
	wbuf_be16(w, c->ports.remote);
	wbuf_zero(w, 2);
	return w->len;
}

/* What the sets of pairs and of SPIs, and the maps, have for a key. */
static size_t change_key(const struct nft_change *c,
			 uint8_t key[static KEY_SIZE])
{
	const struct addr *first = &c->local, *second = &c->remote;
	struct wbuf w = wbuf_of(key, KEY_SIZE);

	if (c->set == SET_CONNECTION)
		return connection_key(c, &w);
	if (c->set == SET_LEASE_IN || c->set == SET_ERROR_IN) {
		first = &c->remote;
		second = &c->lease;
	}
	wbuf_bytes(&w, first->bytes, addr_len(first));
	if (c->set == SET_SPI)
		wbuf_be32(&w, c->spi);
	else
		wbuf_bytes(&w, second->bytes, addr_len(second));
	return w.len;
}

/* What a map has for it; NULL: it is a set. */
static const struct addr *change_data(const struct nft_change *c)
{
	if (c->set == SET_LEASE_IN || c->set == SET_ERROR_IN)
		return &c->local;
	return c->set == SET_LEASE_OUT || c->set == SET_ERROR_OUT ? &c->lease
								  : NULL;
}

/* A message about the one element that c names. */
static void put_about(struct nft_table *t, struct wbuf *w, unsigned type,
		      uint16_t flags, const struct nft_change *c,
		      uint32_t lifetime_ms)
{
	size_t at = set_begin(t, w, type, flags, c->set,
			      c->local.family == AF_INET6);
	size_t list = nfnl_nest(w, NFTA_SET_ELEM_LIST_ELEMENTS);
	uint8_t key[KEY_SIZE];

	put_element(w, key, change_key(c, key),
		    type == NFT_MSG_NEWSETELEM ? change_data(c) : NULL, 0,
		    lifetime_ms);
	nfnl_nest_end(w, list);
	nfnl_end(w, at);
}

static void put_server(struct nft_table *t, struct wbuf *w,
		       const struct nameserver *s)
{
	size_t at = set_begin(t, w, NFT_MSG_NEWSETELEM, NLM_F_CREATE, SET_DNS,
			      s->addr.family == AF_INET6);
	size_t list = nfnl_nest(w, NFTA_SET_ELEM_LIST_ELEMENTS);
	size_t element = nfnl_nest(w, NFTA_LIST_ELEM);
	size_t key = nfnl_nest(w, NFTA_SET_ELEM_KEY);
	size_t len = addr_len(&s->addr);
	uint8_t value[sizeof(s->addr.bytes) + 4] = { 0 };

	memcpy(value, s->addr.bytes, len);
	value[len] = (uint8_t)(s->port >> 8);
	value[len + 1] = (uint8_t)s->port;
	nfnl_put(w, NFTA_DATA_VALUE, value, len + 4);
	nfnl_nest_end(w, key);
	nfnl_nest_end(w, element);
	nfnl_nest_end(w, list);
	nfnl_end(w, at);
}

static void put_change(struct nft_table *t, struct wbuf *w,
		       const struct nft_change *c, bool remove)
{
	if (remove)
		put_about(t, w, NFT_MSG_DELSETELEM, 0, c, 0);
	else
		put_about(t, w, NFT_MSG_NEWSETELEM, NLM_F_CREATE, c,
			  c->lifetime_ms);
}

/* Is the element there? 1 or 0, -errno. */
static int look_up(struct nft_table *t, const struct nft_change *c)
{
	uint8_t data[MESSAGE_SIZE + MAPPING_SIZE];
	struct wbuf w = wbuf_of(data, sizeof(data));
	int r;

	put_about(t, &w, NFT_MSG_GETSETELEM, 0, c, 0);
	if (!wbuf_ok(&w))
		return -EMSGSIZE;
	r = nfnl_send(t->sock, w.data, w.len);
	if (r == 0)
		r = receive_errors(t);
	return r == -ENOENT ? 0 : r < 0 ? r : 1;
}

/* For changes that may find what they do not expect: it is looked up first,
 * because a transaction that fails makes the kernel wait for all of its
 * processors, tens of milliseconds. */
static int change_one(struct nft_table *t, const struct nft_change *c)
{
	uint8_t data[FRAME_SIZE + 2 * (MESSAGE_SIZE + MAPPING_SIZE)];
	struct wbuf w = wbuf_of(data, sizeof(data));
	int there = look_up(t, c);
	int r;

	if (there < 0 || (c->remove && !there))
		return there;
	batch_begin(t, &w);
	/* Kernels before 6.12 keep the lifetime of an element that is
	 * there: it is renewed by removal. */
	if (there)
		put_change(t, &w, c, true);
	if (!c->remove)
		put_change(t, &w, c, false);
	r = batch_commit(t, &w);
	/* There was no such element, and yet something is missing. */
	t->gone = r == -ENOENT && !there;
	return r;
}

static int change_some(struct nft_table *t, const struct nft_change *c,
		       size_t n)
{
	uint8_t data[FRAME_SIZE +
		     CHANGES_BATCH * (MESSAGE_SIZE + MAPPING_SIZE)];
	struct wbuf w = wbuf_of(data, sizeof(data));
	int r, first = 0;

	batch_begin(t, &w);
	for (size_t i = 0; i < n; i++)
		put_change(t, &w, &c[i], c[i].remove);
	if (batch_commit(t, &w) == 0)
		return 0;
	for (size_t i = 0; i < n && !t->gone; i++) {
		r = change_one(t, &c[i]);
		if (r < 0 && first == 0)
			first = r;
	}
	return first;
}

int nft_table_change(struct nft_table *t, const struct nft_change *changes,
		     size_t n)
{
	int r, first = 0;

	for (size_t i = 0, some; i < n; i += some) {
		if (t->gone)
			return -ENOENT;
		/* The others are there when, and only when, we think so. */
		for (some = 0; i + some < n && some < CHANGES_BATCH &&
			       changes[i + some].set != SET_CLEAR;)
			some++;
		if (some > 0)
			r = change_some(t, &changes[i], some);
		else
			r = change_one(t, &changes[i + some++]);
		if (r < 0 && first == 0)
			first = r;
	}
	return first;
}

int nft_table_make_translate(struct nft_table *t,
			     const struct nft_change *elements, size_t n)
{
	size_t cap = FRAME_SIZE + NFT_TRANSLATE_SIZE +
		     n * (MESSAGE_SIZE + MAPPING_SIZE);
	uint8_t *data = malloc(cap);
	struct wbuf w = wbuf_of(data, cap);
	struct nft_writer o = { .w = &w, .table = t->name };
	int r;

	if (!data)
		return -ENOMEM;
	batch_begin(t, &w);
	o.seq = t->seq;
	nft_put_table(&o, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	nft_put_table(&o, NFT_MSG_DELTABLE, 0);
	nft_translate_put(&o);
	for (size_t i = 0; i < n; i++)
		put_change(t, &w, &elements[i], false);
	r = batch_commit(t, &w);
	free(data);
	if (r == 0)
		t->gone = false;
	return r;
}

static void put_flush(struct nft_table *t, struct wbuf *w, enum nft_set set)
{
	for (int six = 0; six < 2; six++)
		nfnl_end(w, set_begin(t, w, NFT_MSG_DELSETELEM, 0, set, six));
}

/* The address after a; false when a is the last one. */
static bool next_address(const struct addr *a, struct addr *ret)
{
	struct addr next = *a;

	for (size_t i = addr_len(a); i-- > 0;) {
		if (++next.bytes[i] != 0) {
			*ret = next;
			return true;
		}
	}
	return false;
}

static bool adjacent(const struct nft_range *a, const struct nft_range *b)
{
	struct addr next;

	return a->set == b->set && next_address(&a->last, &next) &&
	       addr_equal(&next, &b->first);
}

/* Elements of as many ranges as belong to one set and fit one message; how
 * many those were. */
static size_t put_ranges(struct nft_table *t, struct wbuf *w,
			 const struct nft_range *r, size_t n)
{
	bool six = r->first.family == AF_INET6;
	size_t at =
		set_begin(t, w, NFT_MSG_NEWSETELEM, NLM_F_CREATE, r->set, six);
	size_t list = nfnl_nest(w, NFTA_SET_ELEM_LIST_ELEMENTS);
	struct addr end;
	size_t i = 0;

	while (i < n && i < RANGES_MESSAGE && r[i].set == r->set &&
	       r[i].first.family == r->first.family) {
		put_boundary(w, &r[i].first, 0);
		/* One element would be two things: join the two ranges. */
		while (i + 1 < n && adjacent(&r[i], &r[i + 1]))
			i++;
		if (next_address(&r[i].last, &end))
			put_boundary(w, &end, NFT_SET_ELEM_INTERVAL_END);
		i++;
	}
	nfnl_nest_end(w, list);
	nfnl_end(w, at);
	return i;
}

int nft_table_set_ranges(struct nft_table *t, const struct nft_range *ranges,
			 size_t n)
{
	/* Five messages more than full ones: four sets end with a short one.
	 */
	size_t messages = n / RANGES_MESSAGE + 5 + 4;
	size_t cap =
		FRAME_SIZE + messages * MESSAGE_SIZE + n * 2 * ELEMENT_SIZE;
	uint8_t *data = malloc(cap);
	struct wbuf w = wbuf_of(data, cap);
	int r;

	if (!data)
		return -ENOMEM;
	batch_begin(t, &w);
	put_flush(t, &w, SET_OFFER);
	put_flush(t, &w, SET_REQUIRE);
	for (size_t i = 0; i < n;)
		i += put_ranges(t, &w, &ranges[i], n - i);
	r = batch_commit(t, &w);
	free(data);
	t->gone = r == -ENOENT;
	return r;
}

int nft_table_set_servers(struct nft_table *t, const struct nameserver *s,
			  size_t n)
{
	size_t some = n < LIMIT_DNS_OPENINGS ? n : LIMIT_DNS_OPENINGS;
	size_t cap = FRAME_SIZE + 2 * MESSAGE_SIZE +
		     some * (MESSAGE_SIZE + ELEMENT_SIZE);
	uint8_t *data = malloc(cap);
	struct wbuf w = wbuf_of(data, cap);
	int r;

	if (!data)
		return -ENOMEM;
	batch_begin(t, &w);
	put_flush(t, &w, SET_DNS);
	for (size_t i = 0; i < some; i++)
		put_server(t, &w, &s[i]);
	r = batch_commit(t, &w);
	free(data);
	return r;
}

int nft_table_set_openings(struct nft_table *t, const struct nft_opening *list,
			   size_t n)
{
	bool hear = !strcmp(t->name, NFT_TABLE_HEAR);
	size_t cap = FRAME_SIZE + NFT_OPEN_SIZE + n * NFT_OPEN_ELEMENT;
	uint8_t *data = malloc(cap);
	struct wbuf w = wbuf_of(data, cap);
	struct nft_writer o = { .w = &w, .table = t->name };
	int r;

	if (!data)
		return -ENOMEM;
	batch_begin(t, &w);
	o.seq = t->seq;
	nft_open_change(&o, hear, t->config.dns_bit, list, n);
	if (!hear && t->open != (n > 0))
		nft_rules_put_open(&o, &t->config, n > 0);
	r = batch_commit(t, &w);
	free(data);
	if (r == 0)
		t->open = n > 0;
	return r;
}

int nft_table_disarm(struct nft_table *t)
{
	static const enum nft_set sets[] = { SET_OFFER, SET_DRAIN_OFFER,
					     SET_DRAIN_REQUIRE, SET_CLEAR };
	uint8_t data[FRAME_SIZE + 8 * MESSAGE_SIZE];
	struct wbuf w = wbuf_of(data, sizeof(data));

	batch_begin(t, &w);
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		put_flush(t, &w, sets[i]);
	return batch_commit(t, &w);
}

int nft_table_remove(struct nft_table *t)
{
	uint8_t data[FRAME_SIZE + MESSAGE_SIZE];
	struct wbuf w = wbuf_of(data, sizeof(data));
	struct nft_writer o = { .w = &w, .table = t->name };
	int r;

	batch_begin(t, &w);
	o.seq = t->seq;
	nft_put_table(&o, NFT_MSG_DELTABLE, 0);
	r = batch_commit(t, &w);
	return r == -ENOENT ? 0 : r;
}

int nft_tables_clear(void)
{
	static const char *const names[] = { NFT_TABLE_HOLD, NFT_TABLE_HEAR,
					     NFT_TABLE_TRANSLATE };
	int first = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct nft_table *t = NULL;
		int r = table_new(names[i], &t);

		if (r == 0)
			r = nft_table_remove(t);
		nft_table_free(t);
		/* A kernel without nf_tables has none. */
		if (r < 0 && r != -EOPNOTSUPP && first == 0)
			first = r;
	}
	return first;
}
