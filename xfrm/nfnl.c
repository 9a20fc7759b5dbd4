/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Framing of nfnetlink messages, both ways.
 */
#include "xfrm/nfnl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

static void pad(struct wbuf *w)
{
	wbuf_zero(w, -w->len & (NLMSG_ALIGNTO - 1));
}

size_t nfnl_begin(struct wbuf *w, uint16_t type, uint16_t flags, uint32_t seq,
		  uint8_t family, uint16_t res_id)
{
	size_t at = w->len;
	struct nlmsghdr h = {
		.nlmsg_type = type,
		.nlmsg_flags = NLM_F_REQUEST | flags,
		.nlmsg_seq = seq,
	};
	struct nfgenmsg g = {
		.nfgen_family = family,
		.version = NFNETLINK_V0,
		.res_id = htons(res_id),
	};

	wbuf_bytes(w, &h, sizeof(h));
	wbuf_bytes(w, &g, sizeof(g));
	return at;
}

void nfnl_end(struct wbuf *w, size_t at)
{
	uint32_t len = (uint32_t)(w->len - at);

	if (wbuf_ok(w))
		memcpy(w->data + at, &len, sizeof(len));
}

static size_t attr_begin(struct wbuf *w, uint16_t type)
{
	size_t at = w->len;
	struct nlattr a = { .nla_type = type };

	wbuf_bytes(w, &a, sizeof(a));
	return at;
}

static void attr_end(struct wbuf *w, size_t at)
{
	size_t len = w->len - at;
	uint16_t v = (uint16_t)len;

	if (len > UINT16_MAX)
		w->failed = true;
	if (!wbuf_ok(w))
		return;
	memcpy(w->data + at, &v, sizeof(v));
	pad(w);
}

void nfnl_put(struct wbuf *w, uint16_t type, const void *data, size_t len)
{
	size_t at = attr_begin(w, type);

	wbuf_bytes(w, data, len);
	attr_end(w, at);
}

void nfnl_put_be32(struct wbuf *w, uint16_t type, uint32_t v)
{
	size_t at = attr_begin(w, type);

	wbuf_be32(w, v);
	attr_end(w, at);
}

void nfnl_put_be64(struct wbuf *w, uint16_t type, uint64_t v)
{
	size_t at = attr_begin(w, type);

	wbuf_be64(w, v);
	attr_end(w, at);
}

void nfnl_put_string(struct wbuf *w, uint16_t type, const char *s)
{
	nfnl_put(w, type, s, strlen(s) + 1);
}

size_t nfnl_nest(struct wbuf *w, uint16_t type)
{
	return attr_begin(w, NLA_F_NESTED | type);
}

void nfnl_nest_end(struct wbuf *w, size_t at)
{
	attr_end(w, at);
}

/* Steps over len bytes and the padding behind them, which the last one of a
 * buffer may lack. */
static struct rbuf slice(struct rbuf *r, size_t len)
{
	struct rbuf s = rbuf_slice(r, len);
	size_t padding = -len & (NLMSG_ALIGNTO - 1);

	if (rbuf_ok(&s))
		rbuf_bytes(r, padding < r->left ? padding : r->left);
	return s;
}

int nfnl_next(struct rbuf *r, struct nfnl_message *ret)
{
	struct nfnl_message m = { 0 };
	struct nlmsghdr h;
	struct nfgenmsg g;
	const uint8_t *p;
	struct rbuf body;
	int32_t error;

	if (r->left == 0)
		return rbuf_ok(r) ? 0 : -EBADMSG;
	p = rbuf_bytes(r, sizeof(h));
	if (!p)
		return -EBADMSG;
	memcpy(&h, p, sizeof(h));
	if (h.nlmsg_len < sizeof(h))
		return -EBADMSG;
	body = slice(r, h.nlmsg_len - sizeof(h));
	m.type = h.nlmsg_type;
	m.seq = h.nlmsg_seq;
	if (m.type == NLMSG_ERROR) {
		p = rbuf_bytes(&body, sizeof(error));
		if (!p)
			return -EBADMSG;
		memcpy(&error, p, sizeof(error));
		m.error = error;
	} else if (m.type >= NLMSG_MIN_TYPE) {
		p = rbuf_bytes(&body, sizeof(g));
		if (!p)
			return -EBADMSG;
		memcpy(&g, p, sizeof(g));
		m.family = g.nfgen_family;
		m.res_id = ntohs(g.res_id);
		m.attrs = body;
	}
	if (!rbuf_ok(&body))
		return -EBADMSG;
	*ret = m;
	return 1;
}

int nfnl_next_attr(struct rbuf *r, uint16_t *ret_type, struct rbuf *ret_data)
{
	struct nlattr a;
	struct rbuf data;
	const uint8_t *p;

	if (r->left == 0)
		return rbuf_ok(r) ? 0 : -EBADMSG;
	p = rbuf_bytes(r, sizeof(a));
	if (!p)
		return -EBADMSG;
	memcpy(&a, p, sizeof(a));
	if (a.nla_len < sizeof(a))
		return -EBADMSG;
	data = slice(r, a.nla_len - sizeof(a));
	if (!rbuf_ok(&data))
		return -EBADMSG;
	*ret_type = a.nla_type & NLA_TYPE_MASK;
	*ret_data = data;
	return 1;
}
