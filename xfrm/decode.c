/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Decoding of what the kernel's XFRM says. The bytes are copied out of the
 * message before they are looked at, so alignment and length are nobody's
 * assumption.
 */
#include "xfrm/codec.h"

#include <errno.h>
#include <linux/xfrm.h>
#include <string.h>

#include "util/rbuf.h"

struct message {
	struct rbuf rest; /* attributes */
};

/* The fixed part of a message of this type; what follows are attributes. */
static int open_message(const struct nlmsghdr *h, void *body, size_t len,
			struct message *ret)
{
	const size_t aligned = NLMSG_ALIGN(len);
	const uint8_t *p;

	if (h->nlmsg_len < NLMSG_HDRLEN)
		return -EBADMSG;
	ret->rest = rbuf_of((const uint8_t *)h + NLMSG_HDRLEN,
			    h->nlmsg_len - NLMSG_HDRLEN);
	p = rbuf_bytes(&ret->rest, len);
	if (!p)
		return -EBADMSG;
	memcpy(body, p, len);
	/* Padding, where there is something after it. */
	if (ret->rest.left)
		(void)rbuf_bytes(&ret->rest, aligned - len);
	return rbuf_ok(&ret->rest) ? 0 : -EBADMSG;
}

/* The next attribute: its type (0 at the end) and its payload. */
static int next_attribute(struct message *m, struct rbuf *ret)
{
	struct nlattr head;
	const uint8_t *p;
	size_t len, padding;

	if (m->rest.left < sizeof(head))
		return 0;
	p = rbuf_bytes(&m->rest, sizeof(head));
	memcpy(&head, p, sizeof(head));
	if (head.nla_len < sizeof(head) ||
	    head.nla_len - sizeof(head) > m->rest.left)
		return -EBADMSG;
	len = head.nla_len - sizeof(head);
	*ret = rbuf_slice(&m->rest, len);
	padding = NLA_ALIGN(len) - len;
	(void)rbuf_bytes(&m->rest,
			 padding < m->rest.left ? padding : m->rest.left);
	return head.nla_type & NLA_TYPE_MASK;
}

static bool family_known(unsigned family)
{
	return family == AF_INET || family == AF_INET6;
}

static void get_address(const xfrm_address_t *a, uint16_t family,
			struct addr *ret)
{
	*ret = (struct addr){ .family = family };
	memcpy(ret->bytes, a, addr_len(ret));
}

/* A link-local address needs its link; an acquire's selector names it. */
static void set_scope(struct addr *a, int ifindex)
{
	if (a->family == AF_INET6 && addr_is_linklocal(a) && ifindex > 0)
		a->scope = (uint32_t)ifindex;
}

static int get_prefix(const xfrm_address_t *a, uint16_t family, uint8_t len,
		      struct prefix *ret)
{
	struct addr addr;

	get_address(a, family, &addr);
	if (len > addr_len(&addr) * 8)
		return -EBADMSG;
	*ret = prefix_of(&addr, len);
	return 0;
}

/* family is that of the whole, where the selector leaves it open. */
static int get_selector(const struct xfrm_selector *s, uint16_t family,
			struct kselector *ret)
{
	struct kselector k = {
		.protocol = s->proto,
		.sport = ntohs(s->sport),
		.sport_mask = ntohs(s->sport_mask),
		.dport = ntohs(s->dport),
		.dport_mask = ntohs(s->dport_mask),
		.ifindex = s->ifindex,
	};
	int r;

	if (s->family != AF_UNSPEC)
		family = s->family;
	if (!family_known(family))
		return -EAFNOSUPPORT;
	r = get_prefix(&s->saddr, family, s->prefixlen_s, &k.src);
	if (r == 0)
		r = get_prefix(&s->daddr, family, s->prefixlen_d, &k.dst);
	if (r == 0)
		*ret = k;
	return r;
}

static uint32_t seconds(uint64_t s)
{
	return s > UINT32_MAX ? 0 : (uint32_t)s;
}

/* The kernel says so once, when the limit is reached. */
static bool is_full(const struct xfrm_usersa_info *info)
{
	return info->curlft.bytes >= info->lft.soft_byte_limit ||
	       info->curlft.packets >= info->lft.soft_packet_limit;
}

static int get_sa(const struct xfrm_usersa_info *info, struct ksa *ret)
{
	struct ksa sa = {
		.reqid = info->reqid,
		.seq = info->seq,
		.hard_s = seconds(info->lft.hard_add_expires_seconds),
		.soft_s = seconds(info->lft.soft_add_expires_seconds),
		.esp.spi = ntohl(info->id.spi),
		.esp.esn = (info->flags & XFRM_STATE_ESN) != 0,
		.tunnel = info->mode == XFRM_MODE_TUNNEL,
	};
	int r;

	if (!family_known(info->family))
		return -EAFNOSUPPORT;
	get_address(&info->saddr, info->family, &sa.src);
	get_address(&info->id.daddr, info->family, &sa.dst);
	r = get_selector(&info->sel, info->family, &sa.sel);
	if (r < 0)
		return r;
	sa.larval = info->id.spi == 0;
	sa.used = info->curlft.packets > 0;
	sa.full = is_full(info);
	sa.added_s = info->curlft.add_time;
	sa.bytes = info->curlft.bytes;
	sa.packets = info->curlft.packets;
	if (info->sel.prefixlen_d == 0)
		get_address(&info->sel.daddr, info->family, &sa.lease);
	if (addr_is_unspecified(&sa.lease))
		sa.lease = (struct addr){ 0 };
	set_scope(&sa.src, sa.sel.ifindex);
	set_scope(&sa.dst, sa.sel.ifindex);
	/* Only ESP is ours; anything else keeps a reqid that is not. */
	if (info->id.proto != IPPROTO_ESP)
		sa.reqid = 0;
	*ret = sa;
	return 0;
}

/* Seconds since 1970; untouched, where the kernel does not say. */
static int get_last_used(struct message *m, uint64_t *ret)
{
	struct rbuf value;
	const uint8_t *p;
	int type;

	while ((type = next_attribute(m, &value)) > 0) {
		if (type != XFRMA_LASTUSED)
			continue;
		p = rbuf_bytes(&value, sizeof(*ret));
		if (!p)
			return -EBADMSG;
		memcpy(ret, p, sizeof(*ret));
	}
	return type;
}

int codec_read_sa(const struct nlmsghdr *h, struct ksa *ret)
{
	struct xfrm_usersa_info info;
	struct message m;
	uint64_t last = 0;
	int r;

	if (h->nlmsg_type != XFRM_MSG_NEWSA)
		return -ENOMSG;
	r = open_message(h, &info, sizeof(info), &m);
	if (r == 0)
		r = get_last_used(&m, &last);
	if (r == 0)
		r = get_sa(&info, ret);
	if (r == 0)
		ret->last_s = last;
	return r;
}

/* Ours are between two hosts, and our end is the selector's. */
static bool tunnel_of_hosts(const struct xfrm_user_tmpl *t, struct kpolicy *p)
{
	const struct prefix *own = &p->sel.src, *other = &p->sel.dst;
	struct addr near = { 0 }, far = { 0 };

	if (t->mode != XFRM_MODE_TUNNEL || t->family != own->addr.family)
		return false;
	get_address(&t->saddr, t->family, &near);
	get_address(&t->id.daddr, t->family, &far);
	if (p->dir != KDIR_OUT) {
		const struct addr swapped = near;

		near = far;
		far = swapped;
		own = &p->sel.dst;
		other = &p->sel.src;
	}
	if (!addr_equal(&far, &other->addr))
		p->outer = far;
	return own->len == addr_len(&near) * 8 &&
	       other->len == addr_len(&far) * 8 &&
	       addr_equal(&near, &own->addr);
}

static int get_template(struct rbuf *r, struct kpolicy *p)
{
	struct xfrm_user_tmpl t;
	const uint8_t *bytes = rbuf_bytes(r, sizeof(t));

	if (!bytes)
		return -EBADMSG;
	memcpy(&t, bytes, sizeof(t));
	p->tunnel = t.mode == XFRM_MODE_TUNNEL;
	if (t.id.proto != IPPROTO_ESP || r->left ||
	    (t.mode != XFRM_MODE_TRANSPORT && !tunnel_of_hosts(&t, p)))
		p->strange = true;
	p->action = KACTION_PROTECT;
	p->reqid = t.reqid;
	p->optional = t.optional != 0;
	return 0;
}

static int get_mark(struct rbuf *r, struct kpolicy *p)
{
	struct xfrm_mark mark;
	const uint8_t *bytes = rbuf_bytes(r, sizeof(mark));

	if (!bytes)
		return -EBADMSG;
	memcpy(&mark, bytes, sizeof(mark));
	p->mark = mark.m;
	if (mark.v != mark.m)
		p->strange = true;
	return 0;
}

static int get_policy(const struct xfrm_userpolicy_info *info,
		      struct message *m, struct kpolicy *ret)
{
	struct kpolicy p = {
		.dir = (enum kdir)info->dir,
		.action = info->action == XFRM_POLICY_ALLOW ? KACTION_PASS
							    : KACTION_BLOCK,
		.priority = info->priority,
		.index = info->index,
		.hard_s = seconds(info->lft.hard_add_expires_seconds),
		.cookie = info->lft.hard_packet_limit,
	};
	struct rbuf a;
	int r, type;

	r = get_selector(&info->sel, info->sel.family, &p.sel);
	if (r < 0)
		return r;
	if (p.cookie == XFRM_INF)
		p.cookie = 0;
	if (info->dir > KDIR_FWD)
		p.strange = true; /* a socket's */
	while ((type = next_attribute(m, &a)) > 0) {
		if (type == XFRMA_TMPL && a.left)
			r = get_template(&a, &p);
		else if (type == XFRMA_MARK)
			r = get_mark(&a, &p);
		else if (type == XFRMA_IF_ID || type == XFRMA_SEC_CTX ||
			 type == XFRMA_OFFLOAD_DEV)
			p.strange = true;
		if (r < 0)
			return r;
	}
	if (type < 0)
		return type;
	*ret = p;
	return 0;
}

int codec_read_policy(const struct nlmsghdr *h, struct kpolicy *ret)
{
	struct xfrm_userpolicy_info info;
	struct message m;
	int r;

	if (h->nlmsg_type != XFRM_MSG_NEWPOLICY &&
	    h->nlmsg_type != XFRM_MSG_UPDPOLICY)
		return -ENOMSG;
	r = open_message(h, &info, sizeof(info), &m);
	return r < 0 ? r : get_policy(&info, &m, ret);
}

int codec_read_policy_expire(const struct nlmsghdr *h, struct kpolicy *ret)
{
	struct xfrm_user_polexpire body;
	struct message m;
	int r;

	if (h->nlmsg_type != XFRM_MSG_POLEXPIRE)
		return -ENOMSG;
	r = open_message(h, &body, sizeof(body), &m);
	return r < 0 ? r : get_policy(&body.pol, &m, ret);
}

int codec_read_sa_gone(const struct nlmsghdr *h, struct ksa *ret)
{
	struct xfrm_usersa_id id;
	struct ksa sa = { 0 };
	struct message m;
	int r;

	if (h->nlmsg_type != XFRM_MSG_DELSA)
		return -ENOMSG;
	r = open_message(h, &id, sizeof(id), &m);
	if (r < 0)
		return r;
	if (!family_known(id.family))
		return -EAFNOSUPPORT;
	get_address(&id.daddr, id.family, &sa.dst);
	sa.esp.spi = ntohl(id.spi);
	sa.larval = id.spi == 0;
	*ret = sa;
	return 0;
}

int codec_read_policy_gone(const struct nlmsghdr *h, struct kpolicy *ret)
{
	struct xfrm_userpolicy_id id;
	struct kpolicy p = { 0 };
	struct message m;
	struct rbuf a;
	int r, type;

	if (h->nlmsg_type != XFRM_MSG_DELPOLICY)
		return -ENOMSG;
	r = open_message(h, &id, sizeof(id), &m);
	if (r == 0)
		r = get_selector(&id.sel, id.sel.family, &p.sel);
	if (r < 0)
		return r;
	p.dir = (enum kdir)id.dir;
	p.index = id.index;
	p.strange = id.dir > KDIR_FWD;
	while ((type = next_attribute(&m, &a)) > 0)
		if (type == XFRMA_MARK && get_mark(&a, &p) < 0)
			return -EBADMSG;
	if (type < 0)
		return type;
	*ret = p;
	return 0;
}

int codec_read_acquire(const struct nlmsghdr *h, struct kacquire *ret)
{
	struct xfrm_user_acquire body;
	struct kacquire a = { 0 };
	struct kpolicy p = { 0 };
	struct message m;
	int r;

	if (h->nlmsg_type != XFRM_MSG_ACQUIRE)
		return -ENOMSG;
	r = open_message(h, &body, sizeof(body), &m);
	if (r == 0)
		r = get_selector(&body.sel, body.sel.family, &a.sel);
	/* The template and what follows are the trap's. */
	if (r == 0)
		r = get_policy(&body.policy, &m, &p);
	if (r < 0)
		return r;
	get_address(&body.saddr, a.sel.src.addr.family, &a.src);
	get_address(&body.id.daddr, a.sel.src.addr.family, &a.dst);
	set_scope(&a.src, a.sel.ifindex);
	set_scope(&a.dst, a.sel.ifindex);
	a.seq = body.seq;
	if (body.id.proto == IPPROTO_ESP && !p.strange &&
	    p.action == KACTION_PROTECT)
		a.reqid = p.reqid;
	*ret = a;
	return 0;
}

int codec_read_expire(const struct nlmsghdr *h, struct kexpire *ret)
{
	struct xfrm_user_expire body;
	struct kexpire e;
	struct message m;
	int r;

	if (h->nlmsg_type != XFRM_MSG_EXPIRE)
		return -ENOMSG;
	r = open_message(h, &body, sizeof(body), &m);
	if (r == 0)
		r = get_sa(&body.state, &e.sa);
	if (r < 0)
		return r;
	e.hard = body.hard != 0;
	*ret = e;
	return 0;
}

int codec_read_mapping(const struct nlmsghdr *h, struct kmapping *ret)
{
	struct xfrm_user_mapping body;
	struct kmapping k = { 0 };
	struct message m;
	int r;

	if (h->nlmsg_type != XFRM_MSG_MAPPING)
		return -ENOMSG;
	r = open_message(h, &body, sizeof(body), &m);
	if (r < 0)
		return r;
	if (!family_known(body.id.family))
		return -EAFNOSUPPORT;
	get_address(&body.new_saddr, body.id.family, &k.src);
	get_address(&body.id.daddr, body.id.family, &k.dst);
	k.spi = ntohl(body.id.spi);
	k.reqid = body.reqid;
	k.udp_src = ntohs(body.new_sport);
	*ret = k;
	return 0;
}
