/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Cutting, and putting together. Fragments have numbers and no offsets, so
 * that none overlaps another; the text of each is kept by itself until all are
 * there.
 */
#include "ike/fragment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ike/core.h"

struct ike_fragments {
	struct ike_fragments *older, *newer;
	struct ike_fragment_pool *pool;
	struct ike_sa *sa;
	struct timer timer;
	bool response;
	uint8_t exchange, first;
	uint32_t id;
	uint16_t total, n;
	size_t len;		/* of all text */
	struct ike_blob part[]; /* total of them */
};

int ike_fragment_parse(const struct ike_payload *skf, struct ike_fragment *ret)
{
	struct rbuf r = ike_payload_reader(skf);
	struct ike_fragment f = { .first = skf->inner };

	f.number = rbuf_be16(&r);
	f.total = rbuf_be16(&r);
	/* 2.5: both start from 1. */
	if (!rbuf_ok(&r) || f.number == 0 || f.number > f.total)
		return -EBADMSG;
	if (f.total > LIMIT_IKE_FRAGMENTS)
		return -EMSGSIZE;
	*ret = f;
	return 0;
}

static size_t cost(const struct ike_fragments *s)
{
	return sizeof(*s) + s->total * sizeof(s->part[0]) + s->len;
}

static void drop(struct ike_engine *e, struct ike_fragments *s)
{
	s->pool->bytes -= cost(s);
	*(s->older ? &s->older->newer : &s->pool->oldest) = s->newer;
	*(s->newer ? &s->newer->older : &s->pool->newest) = s->older;
	timer_cancel(e->wheel, &s->timer);
	s->sa->fragments[s->response] = NULL;
	for (size_t i = 0; i < s->total; i++) {
		if (s->part[i].data)
			secret_wipe(s->part[i].data, s->part[i].len);
		ike_blob_done(&s->part[i]);
	}
	free(s);
}

void ike_fragment_forget(struct ike_engine *e, struct ike_sa *sa, bool response)
{
	if (sa->fragments[response])
		drop(e, sa->fragments[response]);
}

void ike_fragment_forget_all(struct ike_engine *e, struct ike_sa *sa)
{
	ike_fragment_forget(e, sa, false);
	ike_fragment_forget(e, sa, true);
}

static void on_timeout(struct timer *t, uint64_t now, void *user)
{
	(void)now;
	drop(user, container_of(t, struct ike_fragments, timer));
}

/* The message under way that this fragment is of, or NULL. */
static struct ike_fragments *find(const struct ike_sa *sa,
				  const struct ike_header *h)
{
	struct ike_fragments *s = sa->fragments[ike_header_is_response(h)];

	return s && s->id == h->id && s->exchange == h->exchange ? s : NULL;
}

bool ike_fragment_wanted(const struct ike_sa *sa, const struct ike_header *h,
			 const struct ike_fragment *f)
{
	const struct ike_fragments *s = find(sa, h);

	/* 2.6: one of a set with fewer is late, a second one is a replay. */
	return !s || f->total > s->total ||
	       (f->total == s->total && !s->part[f->number - 1].data);
}

static size_t budget(const struct ike_engine *e,
		     const struct ike_fragment_pool *pool)
{
	return pool == &e->fragments_strange ? LIMIT_IKE_FRAGMENTS_STRANGE
					     : LIMIT_IKE_FRAGMENTS_BYTES;
}

/* The oldest go until there is room. */
static void make_room(struct ike_engine *e, struct ike_fragment_pool *pool,
		      const struct ike_fragments *except, size_t bytes)
{
	while (pool->bytes + bytes > budget(e, pool) && pool->oldest &&
	       pool->oldest != except) {
		e->counters.fragments_lost++;
		drop(e, pool->oldest);
	}
}

static struct ike_fragments *begin(struct ike_engine *e, uint64_t now,
				   struct ike_sa *sa,
				   const struct ike_header *h, uint16_t total)
{
	struct ike_fragments *s;

	s = calloc(1, sizeof(*s) + total * sizeof(s->part[0]));
	if (!s)
		return NULL;
	s->pool = ike_sa_is_half_open(sa, sa->state) ? &e->fragments_strange
						     : &e->fragments;
	s->sa = sa;
	s->response = ike_header_is_response(h);
	s->exchange = h->exchange;
	s->id = h->id;
	s->total = total;
	make_room(e, s->pool, NULL, cost(s));
	s->pool->bytes += cost(s);
	s->older = s->pool->newest;
	*(s->older ? &s->older->newer : &s->pool->oldest) = s;
	s->pool->newest = s;
	sa->fragments[s->response] = s;
	timer_init(&s->timer, on_timeout);
	timer_arm(e->wheel, &s->timer, now + LIMIT_IKE_FRAGMENTS_MS);
	return s;
}

static void assemble(struct ike_engine *e, struct ike_fragments *s,
		     uint8_t *whole, size_t *ret_len, uint8_t *ret_first)
{
	struct wbuf w = wbuf_of(whole, LIMIT_IKE_MESSAGE);

	for (size_t i = 0; i < s->total; i++)
		wbuf_bytes(&w, s->part[i].data, s->part[i].len);
	*ret_len = w.len;
	*ret_first = s->first;
	drop(e, s);
}

int ike_fragment_add(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		     const struct ike_header *h, const struct ike_fragment *f,
		     const uint8_t *plain, size_t len, uint8_t *whole,
		     size_t *ret_len, uint8_t *ret_first)
{
	struct ike_fragments *s = find(sa, h);

	if (!ike_fragment_wanted(sa, h, f))
		return IKE_FRAGMENT_KEPT;
	/* 2.6: a larger total says that the sender cuts smaller now. */
	if (!s || f->total > s->total) {
		ike_fragment_forget(e, sa, ike_header_is_response(h));
		s = begin(e, now, sa, h, f->total);
		if (!s)
			return -ENOMEM;
	}
	/* Without text it would not do for a fragment that is there. */
	if (len == 0 || len > LIMIT_IKE_MESSAGE - s->len) {
		drop(e, s);
		return -EMSGSIZE;
	}
	make_room(e, s->pool, s, len);
	if (ike_blob_set(&s->part[f->number - 1], plain, len) < 0)
		return -ENOMEM;
	s->len += len;
	s->pool->bytes += len;
	if (f->number == 1)
		s->first = f->first;
	if (++s->n < s->total)
		return IKE_FRAGMENT_KEPT;
	assemble(e, s, whole, ret_len, ret_first);
	return IKE_FRAGMENT_COMPLETE;
}

/* --- sending ---------------------------------------------------------------- */

/*
 * Bytes of UDP payload. RFC 7383 2.5.1 leaves the size to the sender where it
 * does not know the path: 1280 bytes of IP are what every IPv6 path takes, and
 * IPv4 paths that take less are rarer than the loss of one more fragment; those
 * are what config.fragment_mtu is for.
 */
static size_t datagram_max(const struct ike_sa *sa)
{
	/* IP, UDP, and the non-ESP marker that port 4500 has (RFC 3948 2.2). */
	size_t ip = sa->remote.addr.family == AF_INET6 ? 40 : 20;
	size_t headers = ip + 8 + 4;

	if (!sa->fragmentation || sa->fragment_mtu <= headers)
		return LIMIT_IKE_MESSAGE;
	return sa->fragment_mtu - headers;
}

/* RFC 7383 2.5.2: what every IPv4 path takes; of IPv6 nothing takes less than
 * we begin with. */
#define FRAGMENT_SMALL 576u

/* A message that is open and not sealed, as text to be cut. */
struct whole {
	struct ike_header header;
	uint8_t first;
	const uint8_t *text;
	size_t len, room; /* in all, and for one fragment */
	uint16_t total;
};

static int seal_one(struct ike_sa *sa, const struct whole *m, uint16_t number,
		    const uint8_t *key, struct ike_outgoing *out)
{
	size_t at = (number - 1u) * m->room;
	size_t len = m->len - at < m->room ? m->len - at : m->room;

	ike_builder_init(&out->b, out->buf, sizeof(out->buf), &m->header);
	ike_protect_open_fragment(&out->b, sa->cipher, sa->iv++, number,
				  m->total);
	/* 2.5: the first one says what the text begins with. */
	out->buf[IKE_HEADER_LEN] = number == 1 ? m->first : IKE_PAYLOAD_NONE;
	wbuf_bytes(&out->b.w, m->text + at, len);
	return ike_protect_seal(&out->b, sa->cipher, key);
}

static int seal_all(struct ike_sa *sa, const struct whole *m, size_t max,
		    const uint8_t *key, struct ike_blob *ret)
{
	struct wbuf w = wbuf_of(malloc(m->total * max), m->total * max);
	struct ike_outgoing out;
	int rc = w.data ? 0 : -ENOMEM;

	for (uint16_t i = 1; rc == 0 && i <= m->total; i++) {
		rc = seal_one(sa, m, i, key, &out);
		if (rc == 0)
			wbuf_bytes(&w, out.buf, out.b.w.len);
	}
	secret_wipe(&out, sizeof(out));
	if (rc < 0) {
		free(w.data);
		return rc;
	}
	ike_blob_done(ret);
	*ret = (struct ike_blob){ w.data, w.len };
	return 0;
}

int ike_fragment_seal(struct ike_sa *sa, struct ike_outgoing *out,
		      const uint8_t *key, struct ike_blob *ret)
{
	size_t at = ike_protect_text_at(sa->cipher, out->buf);
	size_t max = datagram_max(sa), total;
	struct whole m = { .first = out->buf[IKE_HEADER_LEN] };
	int rc;

	if (!wbuf_ok(&out->b.w))
		return -EMSGSIZE;
	m.text = out->buf + at;
	m.len = out->b.w.len - at;
	m.room = ike_protect_room(sa->cipher, max, true);
	if (m.len <= ike_protect_room(sa->cipher, max, false)) {
		rc = ike_protect_seal(&out->b, sa->cipher, key);
		return rc < 0 ? rc : ike_blob_set(ret, out->buf, out->b.w.len);
	}
	total = m.room ? (m.len + m.room - 1) / m.room : SIZE_MAX;
	if (total > LIMIT_IKE_FRAGMENTS)
		return -EMSGSIZE;
	m.total = (uint16_t)total;
	ike_builder_header(&out->b, &m.header);
	return seal_all(sa, &m, max, key, ret);
}

/* The text of what was sealed, back into whole->text. 0; -EBADMSG. */
static int open_own(const struct ike_sa *sa, const struct ike_blob *b,
		    const uint8_t *key, uint8_t *text, struct whole *ret)
{
	size_t len = 0, one, n;

	*ret = (struct whole){ .text = text };
	for (size_t at = 0; at < b->len; at += one) {
		struct ike_message m;

		one = ike_fragment_next(b->data + at, b->len - at);
		if (ike_message_parse(b->data + at, one, &m) < 0 ||
		    !ike_message_is_protected(&m) ||
		    ike_protect_read(&m, sa->cipher, key, text + len, &n) != 0)
			return -EBADMSG;
		if (at == 0) {
			ret->header = m.header;
			ret->first = m.payloads[0].inner;
		}
		len += n;
	}
	ret->len = len;
	return 0;
}

int ike_fragment_recut(struct ike_sa *sa, const uint8_t *key,
		       struct ike_blob *b)
{
	/* A read wants room for the largest, behind what is there already. */
	uint8_t text[2 * LIMIT_IKE_MESSAGE];
	uint16_t before = sa->fragment_mtu;
	struct whole m;
	int rc;

	if (!sa->fragmentation || sa->remote.addr.family == AF_INET6 ||
	    before <= FRAGMENT_SMALL)
		return 0;
	sa->fragment_mtu = FRAGMENT_SMALL;
	if (ike_fragment_next(b->data, b->len) <= datagram_max(sa))
		return 0;
	rc = open_own(sa, b, key, text, &m);
	m.room = ike_protect_room(sa->cipher, datagram_max(sa), true);
	m.total = (uint16_t)((m.len + m.room - 1) / m.room);
	if (rc == 0 && m.total <= LIMIT_IKE_FRAGMENTS)
		rc = seal_all(sa, &m, datagram_max(sa), key, b);
	secret_wipe(text, sizeof(text));
	if (rc < 0)
		sa->fragment_mtu = before;
	return rc;
}

size_t ike_fragment_next(const uint8_t *data, size_t len)
{
	struct rbuf r = rbuf_of(data, len);
	size_t n;

	(void)rbuf_bytes(&r, IKE_HEADER_LEN - 4);
	n = rbuf_be32(&r);
	return rbuf_ok(&r) && n >= IKE_HEADER_LEN && n <= len ? n : len;
}
