/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The questions: the ruleset's generation, a table's handle (each table that
 * is made has another), the number of its rules.
 */
#include "xfrm/nft-watch.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

#include "xfrm/nfnl.h"

#define WATCH_TABLES  3u
#define WATCH_REQUEST 128u
#define WATCH_ANSWER  32768u

/* What a table is told by. */
struct look {
	uint64_t handle;
	uint32_t rules;
};

struct nft_watch {
	struct nl_sock *sock;
	uint32_t seq, generation;
	struct {
		const char *name;
		struct look look;
	} tables[WATCH_TABLES];
	uint8_t answer[WATCH_ANSWER];
};

int nft_watch_new(struct nft_watch **ret)
{
	struct nft_watch *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	r = nfnl_open(0, 0, &w->sock);
	if (r < 0)
		free(w);
	else
		*ret = w;
	return r;
}

struct nft_watch *nft_watch_free(struct nft_watch *w)
{
	if (!w)
		return NULL;
	nfnl_close(w->sock);
	free(w);
	return NULL;
}

/* Sends what is in request, and calls each() for each message of the answer.
 * The kernel has the answer, or the first part of a dump, before sending
 * returns, and makes the next part while one is read. */
static int ask(struct nft_watch *w, const struct wbuf *request,
	       void (*each)(const struct nfnl_message *m, void *user),
	       void *user)
{
	int r = wbuf_ok(request)
			? nfnl_send(w->sock, request->data, request->len)
			: -EMSGSIZE;

	while (r >= 0) {
		struct nfnl_message m;
		struct rbuf pos;

		r = nfnl_receive(w->sock, w->answer, sizeof(w->answer));
		if (r == 0)
			r = -EIO;
		if (r < 0)
			break;
		pos = rbuf_of(w->answer, (size_t)r);
		while ((r = nfnl_next(&pos, &m)) > 0) {
			if (m.seq != w->seq)
				continue;
			if (m.type == NLMSG_ERROR)
				return m.error;
			if (m.type == NLMSG_DONE)
				return 0;
			each(&m, user);
		}
	}
	return r;
}

static size_t begin(struct nft_watch *w, struct wbuf *o, unsigned type,
		    uint16_t flags)
{
	return nfnl_begin(o, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type),
			  flags, ++w->seq, NFPROTO_INET, 0);
}

static void take_handle(const struct nfnl_message *m, void *user)
{
	struct rbuf attrs = m->attrs, data;
	struct look *l = user;
	uint16_t type;

	while (nfnl_next_attr(&attrs, &type, &data) > 0)
		if (type == NFTA_TABLE_HANDLE)
			l->handle = (uint64_t)rbuf_be32(&data) << 32 |
				    rbuf_be32(&data);
}

static void count_rule(const struct nfnl_message *m, void *user)
{
	struct look *l = user;

	(void)m;
	l->rules++;
}

static int look_at(struct nft_watch *w, const char *table, struct look *ret)
{
	uint8_t data[WATCH_REQUEST];
	struct wbuf o = wbuf_of(data, sizeof(data));
	struct look l = { 0 };
	size_t at = begin(w, &o, NFT_MSG_GETTABLE, NLM_F_ACK);
	int r;

	nfnl_put_string(&o, NFTA_TABLE_NAME, table);
	nfnl_end(&o, at);
	r = ask(w, &o, take_handle, &l);
	if (r < 0)
		return r;
	o = wbuf_of(data, sizeof(data));
	at = begin(w, &o, NFT_MSG_GETRULE, NLM_F_DUMP);
	nfnl_put_string(&o, NFTA_RULE_TABLE, table);
	nfnl_end(&o, at);
	r = ask(w, &o, count_rule, &l);
	if (r == 0)
		*ret = l;
	return r;
}

int nft_watch_note(struct nft_watch *w, const char *table)
{
	struct look l;
	int r = look_at(w, table, &l);

	for (size_t i = 0; r == 0 && i < WATCH_TABLES; i++) {
		if (w->tables[i].name && strcmp(w->tables[i].name, table) != 0)
			continue;
		w->tables[i].name = table;
		w->tables[i].look = l;
		return 0;
	}
	return r < 0 ? r : -ENOSPC;
}

static void take_generation(const struct nfnl_message *m, void *user)
{
	struct rbuf attrs = m->attrs, data;
	uint32_t *generation = user;
	uint16_t type;

	while (nfnl_next_attr(&attrs, &type, &data) > 0)
		if (type == NFTA_GEN_ID)
			*generation = rbuf_be32(&data);
}

int nft_watch_changed(struct nft_watch *w)
{
	uint8_t data[WATCH_REQUEST];
	struct wbuf o = wbuf_of(data, sizeof(data));
	uint32_t before = w->generation;
	int r;

	nfnl_end(&o, begin(w, &o, NFT_MSG_GETGEN, NLM_F_ACK));
	r = ask(w, &o, take_generation, &w->generation);
	return r < 0 ? r : w->generation != before;
}

int nft_watch_intact(struct nft_watch *w, const char *table)
{
	struct look l;
	int r = look_at(w, table, &l);

	if (r == -ENOENT)
		return 0;
	for (size_t i = 0; r == 0 && i < WATCH_TABLES; i++)
		if (w->tables[i].name && strcmp(w->tables[i].name, table) == 0)
			return w->tables[i].look.handle == l.handle &&
			       w->tables[i].look.rules == l.rules;
	return r < 0 ? r : -ENOENT;
}
