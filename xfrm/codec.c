/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Encoding of XFRM requests. Only what we ask for exists here: ESP, transport
 * mode, ciphers of the allow-list, wide replay windows.
 */
#include "xfrm/codec.h"

#include <linux/udp.h>
#include <linux/xfrm.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>

#include "util/secret.h"

/* Room for a policy with its template or an SA with key and replay state. */
#define CODEC_MESSAGE 768u

/* Inbound replay window, packets: a multi-queue sender reorders far more than
 * the classic 32. */
#define CODEC_REPLAY_WINDOW 256u
/* ICV of every AEAD on the allow-list, bits. */
#define CODEC_ICV_BITS 128u

const char *codec_cipher_name(enum esp_cipher cipher)
{
	switch (cipher) {
	case ESP_AES_GCM_16_128:
	case ESP_AES_GCM_16_256:
		return "rfc4106(gcm(aes))";
	case ESP_CHACHA20_POLY1305:
		return "rfc7539esp(chacha20,poly1305)";
	case ESP_AES_CBC_128_SHA2_256:
	case ESP_AES_CBC_128_SHA2_384:
	case ESP_AES_CBC_128_SHA2_512:
	case ESP_AES_CBC_256_SHA2_256:
	case ESP_AES_CBC_256_SHA2_384:
	case ESP_AES_CBC_256_SHA2_512:
		return "cbc(aes)";
	}
	return NULL;
}

/* The HMAC with a key of this length. */
static const char *auth_name(uint8_t len)
{
	return len == 32   ? "hmac(sha256)"
	       : len == 48 ? "hmac(sha384)"
			   : "hmac(sha512)";
}

static void put_address(const struct addr *a, xfrm_address_t *ret)
{
	memcpy(ret, a->bytes, addr_len(a));
}

static void put_selector(const struct kselector *s, struct xfrm_selector *ret)
{
	put_address(&s->src.addr, &ret->saddr);
	put_address(&s->dst.addr, &ret->daddr);
	ret->prefixlen_s = s->src.len;
	ret->prefixlen_d = s->dst.len;
	ret->sport = htons(s->sport);
	ret->sport_mask = htons(s->sport_mask);
	ret->dport = htons(s->dport);
	ret->dport_mask = htons(s->dport_mask);
	ret->family = s->dst.addr.family;
	ret->proto = s->protocol;
	ret->ifindex = s->ifindex;
}

/* 0 in a byte or packet limit would expire at once. */
static uint64_t limit_of(uint64_t limit)
{
	return limit ? limit : XFRM_INF;
}

static void put_lifetime(uint32_t soft_s, uint32_t hard_s,
			 struct xfrm_lifetime_cfg *ret)
{
	ret->soft_byte_limit = XFRM_INF;
	ret->hard_byte_limit = XFRM_INF;
	ret->soft_packet_limit = XFRM_INF;
	ret->hard_packet_limit = XFRM_INF;
	ret->soft_add_expires_seconds = soft_s;
	ret->hard_add_expires_seconds = hard_s;
}

static void put_volume(const struct ksa *sa, struct xfrm_lifetime_cfg *ret)
{
	ret->soft_byte_limit = limit_of(UINT64_C(1024) * sa->soft_kib);
	ret->hard_byte_limit = limit_of(UINT64_C(1024) * sa->hard_kib);
	ret->soft_packet_limit = limit_of(sa->soft_packets);
	ret->hard_packet_limit = limit_of(sa->hard_packets);
}

/* A message with a zeroed payload of len bytes: see body(). */
static struct nl_msg *message(uint16_t type, uint16_t flags, size_t len)
{
	struct nl_msg *m = nlmsg_alloc_size(CODEC_MESSAGE);
	struct nlmsghdr *h = NULL;

	if (m)
		h = nlmsg_put(m, 0, 0, type, (int)len, flags | NLM_F_REQUEST);
	if (!h) {
		nlmsg_free(m);
		return NULL;
	}
	memset(nlmsg_data(h), 0, NLMSG_ALIGN(len));
	return m;
}

static void *body(struct nl_msg *m)
{
	return nlmsg_data(nlmsg_hdr(m));
}

static struct nl_msg *finish(struct nl_msg *m, int r)
{
	if (r == 0)
		return m;
	/* It may hold a key. */
	secret_wipe(nlmsg_hdr(m), nlmsg_hdr(m)->nlmsg_len);
	nlmsg_free(m);
	return NULL;
}

/* Room for an attribute, zeroed; NULL when the message is full. */
static void *reserve(struct nl_msg *m, int type, size_t len)
{
	struct nlattr *a = nla_reserve(m, type, (int)len);

	return a ? memset(nla_data(a), 0, len) : NULL;
}

static int put_aead(struct nl_msg *m, const struct esp_sa *esp)
{
	const char *name = codec_cipher_name((enum esp_cipher)esp->cipher);
	struct xfrm_algo_aead *a;

	if (!name || esp->key_len > sizeof(esp->key))
		return -1;
	a = reserve(m, XFRMA_ALG_AEAD, sizeof(*a) + esp->key_len);
	if (!a)
		return -1;
	strncpy(a->alg_name, name, sizeof(a->alg_name) - 1);
	a->alg_key_len = esp->key_len * 8u;
	a->alg_icv_len = CODEC_ICV_BITS;
	memcpy(a->alg_key, esp->key, esp->key_len);
	return 0;
}

/* A cipher and an HMAC, truncated to half its length (RFC 4868 2.3). The
 * kernel's own default for hmac(sha256) is 96 bits, hence the long form. */
static int put_cipher(struct nl_msg *m, const struct esp_sa *esp)
{
	enum esp_cipher cipher = (enum esp_cipher)esp->cipher;
	uint8_t auth_len = esp_auth_len(cipher), len;
	struct xfrm_algo_auth *auth;
	struct xfrm_algo *crypt;

	if (esp->key_len != esp_key_len(cipher))
		return -1;
	len = (uint8_t)(esp->key_len - auth_len);
	crypt = reserve(m, XFRMA_ALG_CRYPT, sizeof(*crypt) + len);
	if (!crypt)
		return -1;
	strncpy(crypt->alg_name, codec_cipher_name(cipher),
		sizeof(crypt->alg_name) - 1);
	crypt->alg_key_len = len * 8u;
	memcpy(crypt->alg_key, esp->key, len);
	auth = reserve(m, XFRMA_ALG_AUTH_TRUNC, sizeof(*auth) + auth_len);
	if (!auth)
		return -1;
	strncpy(auth->alg_name, auth_name(auth_len),
		sizeof(auth->alg_name) - 1);
	auth->alg_key_len = auth_len * 8u;
	auth->alg_trunc_len = auth_len * 8u / 2;
	memcpy(auth->alg_key, esp->key + len, auth_len);
	return 0;
}

static int put_algorithms(struct nl_msg *m, const struct esp_sa *esp)
{
	if (esp_auth_len((enum esp_cipher)esp->cipher))
		return put_cipher(m, esp);
	return put_aead(m, esp);
}

/* Windows above 32 and ESN both need the long form. An out-SA has no window;
 * before 6.10 the kernel wants one with ESN all the same. */
static int put_replay(struct nl_msg *m, const struct ksa *sa)
{
	struct xfrm_replay_state_esn *r;

	if (!sa->inbound && !sa->esp.esn && !sa->oseq)
		return 0;
	r = reserve(m, XFRMA_REPLAY_ESN_VAL,
		    sizeof(*r) + CODEC_REPLAY_WINDOW / 8);
	if (!r)
		return -1;
	r->bmp_len = CODEC_REPLAY_WINDOW / 32;
	r->replay_window = CODEC_REPLAY_WINDOW;
	r->oseq = sa->oseq;
	return 0;
}

/* In both directions the kernel has the ports as they are on the wire. */
static int put_encapsulation(struct nl_msg *m, const struct ksa *sa)
{
	struct xfrm_encap_tmpl *e;

	if (!sa->udp_src && !sa->udp_dst)
		return 0;
	e = reserve(m, XFRMA_ENCAP, sizeof(*e));
	if (!e)
		return -1;
	e->encap_type = UDP_ENCAP_ESPINUDP;
	e->encap_sport = htons(sa->udp_src);
	e->encap_dport = htons(sa->udp_dst);
	return 0;
}

struct nl_msg *codec_new_sa(const struct ksa *sa)
{
	struct xfrm_usersa_info *info;
	struct nl_msg *m = message(XFRM_MSG_NEWSA, NLM_F_CREATE | NLM_F_EXCL,
				   sizeof(*info));
	int r;

	if (!m)
		return NULL;
	info = body(m);
	if (sa->sel.src.addr.family)
		put_selector(&sa->sel, &info->sel);
	if (sa->lease.family) {
		put_address(&sa->lease, &info->sel.daddr);
		info->sel.prefixlen_d = 0;
	}
	info->sel.family = sa->dst.family;
	put_address(&sa->dst, &info->id.daddr);
	put_address(&sa->src, &info->saddr);
	info->id.spi = htonl(sa->esp.spi);
	info->id.proto = IPPROTO_ESP;
	put_lifetime(sa->soft_s, sa->hard_s, &info->lft);
	put_volume(sa, &info->lft);
	info->seq = sa->seq;
	info->reqid = sa->reqid;
	info->family = sa->dst.family;
	info->mode = sa->tunnel ? XFRM_MODE_TUNNEL : XFRM_MODE_TRANSPORT;
	if (sa->esp.esn)
		info->flags |= XFRM_STATE_ESN;
	r = put_algorithms(m, &sa->esp);
	if (r == 0)
		r = put_replay(m, sa);
	if (r == 0)
		r = put_encapsulation(m, sa);
	return finish(m, r);
}

static struct nl_msg *about_sa(uint16_t type, const struct ksa *sa)
{
	struct xfrm_usersa_id *id;
	struct nl_msg *m = message(type, 0, sizeof(*id));

	if (!m)
		return NULL;
	id = body(m);
	put_address(&sa->dst, &id->daddr);
	id->spi = htonl(sa->esp.spi);
	id->family = sa->dst.family;
	id->proto = IPPROTO_ESP;
	return m;
}

struct nl_msg *codec_delete_sa(const struct ksa *sa)
{
	return about_sa(XFRM_MSG_DELSA, sa);
}

struct nl_msg *codec_get_sa(const struct ksa *sa)
{
	return about_sa(XFRM_MSG_GETSA, sa);
}

struct nl_msg *codec_dump_sas(void)
{
	return message(XFRM_MSG_GETSA, NLM_F_DUMP,
		       sizeof(struct xfrm_usersa_id));
}

static int put_template(struct nl_msg *m, const struct kpolicy *p)
{
	struct xfrm_user_tmpl t = {
		.id.proto = IPPROTO_ESP,
		.family = p->sel.dst.addr.family,
		.reqid = p->reqid,
		.mode = p->tunnel ? XFRM_MODE_TUNNEL : XFRM_MODE_TRANSPORT,
		.share = XFRM_SHARE_ANY,
		.optional = p->optional,
		.aalgos = UINT32_MAX,
		.ealgos = UINT32_MAX,
		.calgos = UINT32_MAX,
	};

	if (p->tunnel) {
		put_address(&p->sel.src.addr, &t.saddr);
		put_address(&p->sel.dst.addr, &t.id.daddr);
	}
	if (p->tunnel && p->outer.family)
		put_address(&p->outer,
			    p->dir == KDIR_OUT ? &t.id.daddr : &t.saddr);
	return nla_put(m, XFRMA_TMPL, sizeof(t), &t);
}

static int put_mark(struct nl_msg *m, const struct kpolicy *p)
{
	struct xfrm_mark mark = { .v = p->mark, .m = p->mark };

	return p->mark ? nla_put(m, XFRMA_MARK, sizeof(mark), &mark) : 0;
}

static struct nl_msg *put_policy(uint16_t type, uint16_t flags,
				 const struct kpolicy *p)
{
	struct xfrm_userpolicy_info *info;
	struct nl_msg *m = message(type, flags, sizeof(*info));
	int r = 0;

	if (!m)
		return NULL;
	info = body(m);
	put_selector(&p->sel, &info->sel);
	put_lifetime(0, p->hard_s, &info->lft);
	info->lft.hard_packet_limit = limit_of(p->cookie);
	info->priority = p->priority;
	info->dir = (uint8_t)p->dir;
	info->action = p->action == KACTION_BLOCK ? XFRM_POLICY_BLOCK
						  : XFRM_POLICY_ALLOW;
	info->share = XFRM_SHARE_ANY;
	/* Errors about its packets quote them, and go the same way. */
	if (p->action == KACTION_PROTECT && p->sel.protocol &&
	    p->dir == KDIR_OUT)
		info->flags = XFRM_POLICY_ICMP;
	if (p->action == KACTION_PROTECT)
		r = put_template(m, p);
	if (r == 0)
		r = put_mark(m, p);
	return finish(m, r);
}

struct nl_msg *codec_new_policy(const struct kpolicy *p)
{
	return put_policy(XFRM_MSG_NEWPOLICY, NLM_F_CREATE | NLM_F_EXCL, p);
}

struct nl_msg *codec_update_policy(const struct kpolicy *p)
{
	return put_policy(XFRM_MSG_UPDPOLICY, NLM_F_REPLACE, p);
}

static struct nl_msg *put_place(uint16_t type, const struct kpolicy *p)
{
	struct xfrm_userpolicy_id *id;
	struct nl_msg *m = message(type, 0, sizeof(*id));

	if (!m)
		return NULL;
	id = body(m);
	put_selector(&p->sel, &id->sel);
	id->dir = (uint8_t)p->dir;
	id->index = p->index;
	return finish(m, put_mark(m, p));
}

struct nl_msg *codec_delete_policy(const struct kpolicy *p)
{
	return put_place(XFRM_MSG_DELPOLICY, p);
}

struct nl_msg *codec_get_policy(const struct kpolicy *p)
{
	return put_place(XFRM_MSG_GETPOLICY, p);
}

struct nl_msg *codec_dump_policies(void)
{
	return message(XFRM_MSG_GETPOLICY, NLM_F_DUMP,
		       sizeof(struct xfrm_userpolicy_id));
}

struct nl_msg *codec_move_sa(const struct nlmsghdr *h, bool inbound,
			     uint16_t udp_remote)
{
	const int head = (int)sizeof(struct xfrm_usersa_info);
	size_t len = h->nlmsg_len - NLMSG_HDRLEN;
	struct xfrm_encap_tmpl *e;
	struct nlattr *a;
	struct nl_msg *m;

	if (h->nlmsg_type != XFRM_MSG_NEWSA || len < (size_t)head)
		return NULL;
	m = nlmsg_alloc_size(h->nlmsg_len);
	if (!m)
		return NULL;
	if (!nlmsg_put(m, 0, 0, XFRM_MSG_UPDSA, (int)len,
		       NLM_F_REQUEST | NLM_F_REPLACE))
		return finish(m, -1);
	memcpy(body(m), (const uint8_t *)h + NLMSG_HDRLEN, len);
	a = nlmsg_find_attr(nlmsg_hdr(m), head, XFRMA_ENCAP);
	if (!a || nla_len(a) < (int)sizeof(*e))
		return finish(m, -1);
	e = nla_data(a);
	if (inbound)
		e->encap_sport = htons(udp_remote);
	else
		e->encap_dport = htons(udp_remote);
	return m;
}
