/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xfrm/codec.c and decode.c, against the kernel's own structures: what is
 * written, what is read back, and nothing read past an end.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <netinet/in.h>

#include <linux/xfrm.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "xfrm/codec.h"

static struct addr address(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static struct prefix network(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(text, &p), 0);
	return p;
}

static struct ksa sample_sa(bool inbound, enum esp_cipher cipher, bool esn)
{
	struct ksa sa = {
		.src = address("10.0.0.1"),
		.dst = address("10.0.0.2"),
		.reqid = 0x54000007,
		.seq = inbound ? 0 : 99,
		.hard_s = 3600,
		.soft_s = 3000,
		.inbound = inbound,
		.esp = { .spi = 0x12345678,
			 .cipher = (uint8_t)cipher,
			 .esn = esn,
			 .key_len = esp_key_len(cipher) },
	};

	for (size_t i = 0; i < sa.esp.key_len; i++)
		sa.esp.key[i] = (uint8_t)(i + 1);
	return sa;
}

static const void *attribute(struct nl_msg *m, size_t body, int type,
			     int *ret_len)
{
	struct nlmsghdr *h = nlmsg_hdr(m);
	struct nlattr *a = nlmsg_find_attr(h, (int)body, type);

	if (!a)
		return NULL;
	*ret_len = nla_len(a);
	return nla_data(a);
}

static void check_aead(struct nl_msg *m, enum esp_cipher cipher)
{
	int len = 0;
	const struct xfrm_algo_aead *a = attribute(
		m, sizeof(struct xfrm_usersa_info), XFRMA_ALG_AEAD, &len);
	const char *name = cipher == ESP_CHACHA20_POLY1305
				   ? "rfc7539esp(chacha20,poly1305)"
				   : "rfc4106(gcm(aes))";

	assert_non_null(a);
	assert_string_equal(a->alg_name, name);
	assert_int_equal(a->alg_key_len, esp_key_len(cipher) * 8);
	assert_int_equal(a->alg_icv_len, 128);
	assert_int_equal(len, sizeof(*a) + esp_key_len(cipher));
	for (unsigned i = 0; i < esp_key_len(cipher); i++)
		assert_int_equal((uint8_t)a->alg_key[i], i + 1);
}

/* RFC 4868: the tag is half of the hash, which the kernel must be told. */
static void check_cbc(struct nl_msg *m, enum esp_cipher cipher)
{
	static const struct {
		enum esp_cipher cipher;
		unsigned key, auth;
		const char *hmac;
	} rows[] = {
		{ ESP_AES_CBC_128_SHA2_256, 16, 32, "hmac(sha256)" },
		{ ESP_AES_CBC_128_SHA2_384, 16, 48, "hmac(sha384)" },
		{ ESP_AES_CBC_128_SHA2_512, 16, 64, "hmac(sha512)" },
		{ ESP_AES_CBC_256_SHA2_256, 32, 32, "hmac(sha256)" },
		{ ESP_AES_CBC_256_SHA2_384, 32, 48, "hmac(sha384)" },
		{ ESP_AES_CBC_256_SHA2_512, 32, 64, "hmac(sha512)" },
	};
	const size_t body = sizeof(struct xfrm_usersa_info);
	const struct xfrm_algo_auth *a;
	const struct xfrm_algo *c;
	size_t i = cipher - ESP_AES_CBC_128_SHA2_256;
	int len = 0;

	assert_int_equal(rows[i].cipher, cipher);
	assert_null(attribute(m, body, XFRMA_ALG_AEAD, &len));
	c = attribute(m, body, XFRMA_ALG_CRYPT, &len);
	assert_non_null(c);
	assert_string_equal(c->alg_name, "cbc(aes)");
	assert_int_equal(c->alg_key_len, rows[i].key * 8);
	assert_int_equal(len, sizeof(*c) + rows[i].key);
	for (unsigned k = 0; k < rows[i].key; k++)
		assert_int_equal((uint8_t)c->alg_key[k], k + 1);
	a = attribute(m, body, XFRMA_ALG_AUTH_TRUNC, &len);
	assert_non_null(a);
	assert_string_equal(a->alg_name, rows[i].hmac);
	assert_int_equal(a->alg_key_len, rows[i].auth * 8);
	assert_int_equal(a->alg_trunc_len, rows[i].auth * 4);
	assert_int_equal(len, sizeof(*a) + rows[i].auth);
	for (unsigned k = 0; k < rows[i].auth; k++)
		assert_int_equal((uint8_t)a->alg_key[k], rows[i].key + k + 1);
}

static void check_replay(struct nl_msg *m, bool want)
{
	int len = 0;
	const struct xfrm_replay_state_esn *r = attribute(
		m, sizeof(struct xfrm_usersa_info), XFRMA_REPLAY_ESN_VAL, &len);

	if (!want) {
		assert_null(r);
		return;
	}
	assert_non_null(r);
	assert_true(r->replay_window >= 128);
	assert_int_equal(r->bmp_len * 32, r->replay_window);
	assert_int_equal(len, sizeof(*r) + r->bmp_len * 4);
	assert_true(r->seq == 0 && r->oseq == 0);
}

static void check_new_sa(bool inbound, enum esp_cipher cipher, bool esn)
{
	struct ksa sa = sample_sa(inbound, cipher, esn), back;
	struct prefix src = prefix_host(&sa.src), dst = prefix_host(&sa.dst);
	const struct xfrm_usersa_info *i;
	struct nlmsghdr *h;
	struct nl_msg *m;

	if (inbound)
		sa.sel = kselector_between(&src, &dst);
	m = codec_new_sa(&sa);
	assert_non_null(m);
	h = nlmsg_hdr(m);
	i = nlmsg_data(h);
	assert_int_equal(h->nlmsg_type, XFRM_MSG_NEWSA);
	assert_int_equal(h->nlmsg_flags,
			 NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL);
	assert_int_equal(i->id.spi, htonl(0x12345678));
	assert_int_equal(i->id.proto, IPPROTO_ESP);
	assert_int_equal(i->id.daddr.a4, htonl(0x0a000002));
	assert_int_equal(i->saddr.a4, htonl(0x0a000001));
	assert_int_equal(i->family, AF_INET);
	assert_int_equal(i->mode, XFRM_MODE_TRANSPORT);
	assert_int_equal(i->reqid, 0x54000007);
	assert_int_equal(i->seq, inbound ? 0 : 99);
	assert_int_equal(i->flags, esn ? XFRM_STATE_ESN : 0);
	assert_int_equal(i->replay_window, 0);
	assert_int_equal(i->lft.hard_add_expires_seconds, 3600);
	assert_int_equal(i->lft.soft_add_expires_seconds, 3000);
	assert_true(i->lft.hard_byte_limit == XFRM_INF);
	assert_true(i->lft.soft_packet_limit == XFRM_INF);
	assert_int_equal(i->sel.prefixlen_s, inbound ? 32 : 0);
	assert_int_equal(i->sel.prefixlen_d, inbound ? 32 : 0);
	assert_int_equal(i->sel.saddr.a4, inbound ? htonl(0x0a000001) : 0);
	if (cipher <= ESP_CHACHA20_POLY1305)
		check_aead(m, cipher);
	else
		check_cbc(m, cipher);
	check_replay(m, inbound || esn);
	assert_int_equal(codec_read_sa(h, &back), 0);
	assert_true(addr_equal(&back.src, &sa.src));
	assert_true(addr_equal(&back.dst, &sa.dst));
	assert_int_equal(back.esp.spi, sa.esp.spi);
	assert_int_equal(back.esp.esn, esn);
	assert_int_equal(back.reqid, sa.reqid);
	assert_false(back.larval);
	nlmsg_free(m);
}

static void test_new_sa(void **state)
{
	(void)state;
	for (int inbound = 0; inbound < 2; inbound++)
		for (int c = ESP_AES_GCM_16_128; c <= ESP_AES_CBC_256_SHA2_512;
		     c++)
			for (int esn = 0; esn < 2; esn++)
				check_new_sa(inbound, (enum esp_cipher)c, esn);
}

/* An out-SA that goes on where another one was. */
static void test_sequence(void **state)
{
	(void)state;
	for (int esn = 0; esn < 2; esn++) {
		struct ksa sa = sample_sa(false, ESP_AES_GCM_16_128, esn);
		struct xfrm_replay_state_esn *r;
		struct nl_msg *m;

		sa.oseq = 1 << 24;
		m = codec_new_sa(&sa);
		r = nla_data(nlmsg_find_attr(nlmsg_hdr(m),
					     sizeof(struct xfrm_usersa_info),
					     XFRMA_REPLAY_ESN_VAL));
		assert_int_equal(r->oseq, 1 << 24);
		assert_int_equal(r->oseq_hi, 0);
		nlmsg_free(m);
	}
}

/* What an SA that is read says of its soft limits. */
static void test_full_sa(void **state)
{
	struct ksa sa = sample_sa(false, ESP_AES_GCM_16_128, true), back;

	(void)state;
	sa.soft_kib = 1;
	sa.soft_packets = 3;
	for (unsigned i = 0; i < 4; i++) {
		struct nl_msg *m = codec_new_sa(&sa);
		struct xfrm_usersa_info *info = nlmsg_data(nlmsg_hdr(m));

		info->curlft.bytes = i == 1 ? 1024 : 1023;
		info->curlft.packets = i == 2 ? 3 : 2;
		info->curlft.add_time = 1800000000;
		assert_int_equal(codec_read_sa(nlmsg_hdr(m), &back), 0);
		assert_int_equal(back.full, i == 1 || i == 2);
		assert_true(back.added_s == 1800000000);
		nlmsg_free(m);
		/* Without limits there is nothing to be full. */
		if (i == 2)
			sa.soft_kib = sa.soft_packets = 0;
	}
}

/* When it was last used, where the kernel says so. */
static void test_last_used(void **state)
{
	struct ksa sa = sample_sa(true, ESP_AES_GCM_16_128, true), back;
	struct nl_msg *m = codec_new_sa(&sa);
	const uint64_t last = 1800000000;
	uint32_t half = 5;

	(void)state;
	assert_int_equal(codec_read_sa(nlmsg_hdr(m), &back), 0);
	assert_true(back.last_s == 0);
	assert_int_equal(nla_put(m, XFRMA_LASTUSED, sizeof(last), &last), 0);
	assert_int_equal(codec_read_sa(nlmsg_hdr(m), &back), 0);
	assert_true(back.last_s == last);
	assert_int_equal(nla_put(m, XFRMA_LASTUSED, sizeof(half), &half), 0);
	assert_int_equal(codec_read_sa(nlmsg_hdr(m), &back), -EBADMSG);
	nlmsg_free(m);
}

static void test_bad_sa(void **state)
{
	struct ksa sa = sample_sa(true, ESP_AES_GCM_16_128, false);

	(void)state;
	sa.esp.cipher = 0;
	assert_null(codec_new_sa(&sa));
	sa.esp.cipher = ESP_AES_GCM_16_128;
	sa.esp.key_len = ESP_KEY_MAX + 1;
	assert_null(codec_new_sa(&sa));
	sa.esp.cipher = ESP_AES_CBC_128_SHA2_256;
	sa.esp.key_len = 47;
	assert_null(codec_new_sa(&sa));
	assert_null(codec_cipher_name((enum esp_cipher)99));
}

static void test_delete_sa(void **state)
{
	struct ksa sa = sample_sa(true, ESP_AES_GCM_16_128, false);
	struct nl_msg *m;
	const struct xfrm_usersa_id *id;

	(void)state;
	sa.dst = address("fd00::2");
	m = codec_delete_sa(&sa);
	id = nlmsg_data(nlmsg_hdr(m));
	assert_int_equal(nlmsg_hdr(m)->nlmsg_type, XFRM_MSG_DELSA);
	assert_int_equal(id->spi, htonl(0x12345678));
	assert_int_equal(id->proto, IPPROTO_ESP);
	assert_int_equal(id->family, AF_INET6);
	assert_memory_equal(&id->daddr, sa.dst.bytes, 16);
	nlmsg_free(m);
}

static struct kpolicy sample_policy(enum kdir dir, enum kaction action)
{
	struct kpolicy p = {
		.dir = dir,
		.action = action,
		.priority = KPOLICY_PRIO_NETWORK + 8,
		.hard_s = 30,
		.sel = { .src = network("10.0.0.1/32"),
			 .dst = network("10.0.0.0/24"),
			 .protocol = 17,
			 .sport = 68,
			 .sport_mask = 0xffff,
			 .dport = 67,
			 .dport_mask = 0xffff },
	};

	if (action == KACTION_PROTECT) {
		p.reqid = KERNEL_TRAP_REQID;
		p.optional = dir == KDIR_OUT;
	}
	return p;
}

static void check_policy(struct nl_msg *m, const struct kpolicy *p)
{
	const struct xfrm_userpolicy_info *i = nlmsg_data(nlmsg_hdr(m));
	const struct xfrm_user_tmpl *t;
	int len = 0;

	assert_int_equal(i->priority, p->priority);
	assert_int_equal(i->dir, p->dir);
	assert_int_equal(i->action, p->action == KACTION_BLOCK
					    ? XFRM_POLICY_BLOCK
					    : XFRM_POLICY_ALLOW);
	assert_int_equal(i->sel.family, AF_INET);
	assert_int_equal(i->sel.prefixlen_s, 32);
	assert_int_equal(i->sel.prefixlen_d, 24);
	assert_int_equal(i->sel.daddr.a4, htonl(0x0a000000));
	assert_int_equal(i->sel.proto, 17);
	assert_int_equal(i->sel.sport, htons(68));
	assert_int_equal(i->sel.dport_mask, 0xffff);
	assert_int_equal(i->lft.hard_add_expires_seconds, 30);
	assert_true(i->lft.hard_byte_limit == XFRM_INF);
	t = attribute(m, sizeof(*i), XFRMA_TMPL, &len);
	if (p->action != KACTION_PROTECT) {
		assert_null(t);
		return;
	}
	assert_int_equal(len, sizeof(*t));
	assert_int_equal(t->id.proto, IPPROTO_ESP);
	assert_int_equal(t->family, AF_INET);
	assert_int_equal(t->reqid, p->reqid);
	assert_int_equal(t->mode, XFRM_MODE_TRANSPORT);
	assert_int_equal(t->optional, p->optional);
	assert_int_equal(t->ealgos, UINT32_MAX);
	/* Transport mode takes the packet's own addresses. */
	assert_int_equal(t->id.daddr.a4, 0);
	assert_int_equal(t->saddr.a4, 0);
}

static void test_policies(void **state)
{
	(void)state;
	for (int d = KDIR_IN; d <= KDIR_OUT; d++)
		for (int a = KACTION_PASS; a <= KACTION_PROTECT; a++) {
			struct kpolicy p =
				sample_policy((enum kdir)d, (enum kaction)a);
			struct kpolicy back;
			struct nl_msg *m = codec_new_policy(&p);

			assert_int_equal(nlmsg_hdr(m)->nlmsg_flags,
					 NLM_F_REQUEST | NLM_F_CREATE |
						 NLM_F_EXCL);
			check_policy(m, &p);
			assert_int_equal(codec_read_policy(nlmsg_hdr(m), &back),
					 0);
			assert_true(kpolicy_same_place(&p, &back));
			assert_int_equal(back.action, p.action);
			assert_int_equal(back.optional, p.optional);
			assert_int_equal(back.reqid, p.reqid);
			assert_int_equal(back.priority, p.priority);
			assert_int_equal(back.hard_s, 30);
			assert_true(kpolicy_is_ours(&back));
			nlmsg_free(m);
			m = codec_update_policy(&p);
			assert_int_equal(nlmsg_hdr(m)->nlmsg_type,
					 XFRM_MSG_UPDPOLICY);
			check_policy(m, &p);
			nlmsg_free(m);
		}
}

static void test_mark(void **state)
{
	struct kpolicy p = sample_policy(KDIR_IN, KACTION_PASS), back;
	struct xfrm_mark *mark;
	struct nl_msg *m;
	int len = 0;

	(void)state;
	p.mark = 1u << 23;
	m = codec_new_policy(&p);
	assert_int_equal(codec_read_policy(nlmsg_hdr(m), &back), 0);
	assert_int_equal(back.mark, p.mark);
	assert_true(kpolicy_is_ours(&back));
	assert_true(kpolicy_same_place(&p, &back));
	back.mark = 0;
	assert_false(kpolicy_same_place(&p, &back));
	/* One that wants zeros is nobody's of ours. */
	mark = (void *)attribute(m, sizeof(struct xfrm_userpolicy_info),
				 XFRMA_MARK, &len);
	assert_int_equal(len, sizeof(*mark));
	mark->v = 0;
	assert_int_equal(codec_read_policy(nlmsg_hdr(m), &back), 0);
	assert_false(kpolicy_is_ours(&back));
	nlmsg_free(m);
	m = codec_delete_policy(&p);
	assert_non_null(attribute(m, sizeof(struct xfrm_userpolicy_id),
				  XFRMA_MARK, &len));
	nlmsg_free(m);
}

static void test_place(void **state)
{
	struct kpolicy p = sample_policy(KDIR_IN, KACTION_PASS);
	const struct xfrm_userpolicy_id *id;
	struct nl_msg *m;

	(void)state;
	p.index = 0x108;
	m = codec_delete_policy(&p);
	id = nlmsg_data(nlmsg_hdr(m));
	assert_int_equal(nlmsg_hdr(m)->nlmsg_type, XFRM_MSG_DELPOLICY);
	assert_int_equal(id->dir, XFRM_POLICY_IN);
	assert_int_equal(id->index, 0x108);
	assert_int_equal(id->sel.prefixlen_d, 24);
	nlmsg_free(m);
	p.index = 0;
	m = codec_get_policy(&p);
	assert_int_equal(nlmsg_hdr(m)->nlmsg_type, XFRM_MSG_GETPOLICY);
	nlmsg_free(m);
	m = codec_dump_policies();
	assert_true(nlmsg_hdr(m)->nlmsg_flags & NLM_F_DUMP);
	nlmsg_free(m);
	m = codec_dump_sas();
	assert_int_equal(nlmsg_hdr(m)->nlmsg_type, XFRM_MSG_GETSA);
	nlmsg_free(m);
}

/* --- what the kernel says ------------------------------------------------ */

static struct xfrm_selector kernel_selector(const char *src, const char *dst)
{
	struct addr s = address(src), d = address(dst);
	struct xfrm_selector sel = {
		.family = s.family,
		.prefixlen_s = (uint8_t)(addr_len(&s) * 8),
		.prefixlen_d = (uint8_t)(addr_len(&d) * 8),
		.sport = htons(4711),
		.dport = htons(80),
		.proto = IPPROTO_TCP,
	};

	memcpy(&sel.saddr, s.bytes, 16);
	memcpy(&sel.daddr, d.bytes, 16);
	return sel;
}

static struct nl_msg *say(int type, const void *body, size_t len)
{
	struct nl_msg *m = nlmsg_alloc();

	assert_non_null(m);
	assert_non_null(nlmsg_put(m, 0, 0, type, 0, 0));
	assert_int_equal(
		nlmsg_append(m, (void *)(uintptr_t)body, len, NLMSG_ALIGNTO),
		0);
	return m;
}

static void put_template(struct nl_msg *m, unsigned n, uint8_t proto,
			 uint8_t mode)
{
	struct xfrm_user_tmpl t[2] = {
		{ .id.proto = proto, .mode = mode, .reqid = KERNEL_TRAP_REQID }
	};

	assert_int_equal(nla_put(m, XFRMA_TMPL, (int)(n * sizeof(t[0])), t), 0);
}

static struct nl_msg *acquire(const char *src, const char *dst, int ifindex)
{
	struct xfrm_user_acquire a = { .sel = kernel_selector(src, dst),
				       .seq = 42 };

	a.sel.ifindex = ifindex;
	a.id.daddr = a.sel.daddr;
	a.id.proto = IPPROTO_ESP;
	a.saddr = a.sel.saddr;
	a.policy.sel = a.sel;
	a.policy.priority = KPOLICY_PRIO_NETWORK;
	a.policy.dir = XFRM_POLICY_OUT;
	return say(XFRM_MSG_ACQUIRE, &a, sizeof(a));
}

static void test_acquire(void **state)
{
	struct nl_msg *m = acquire("10.0.0.1", "10.0.0.2", 0);
	struct addr want = address("10.0.0.2");
	struct kacquire a;

	(void)state;
	put_template(m, 1, IPPROTO_ESP, XFRM_MODE_TRANSPORT);
	assert_int_equal(codec_read_acquire(nlmsg_hdr(m), &a), 0);
	assert_int_equal(a.seq, 42);
	assert_int_equal(a.reqid, KERNEL_TRAP_REQID);
	assert_true(addr_equal(&a.dst, &want));
	assert_int_equal(a.sel.protocol, IPPROTO_TCP);
	assert_int_equal(a.sel.sport, 4711);
	assert_int_equal(a.sel.dport, 80);
	nlmsg_free(m);
	/* Whose trap it is cannot be told: nobody's. */
	m = acquire("10.0.0.1", "10.0.0.2", 0);
	assert_int_equal(codec_read_acquire(nlmsg_hdr(m), &a), 0);
	assert_int_equal(a.reqid, 0);
	nlmsg_free(m);
	m = acquire("10.0.0.1", "10.0.0.2", 0);
	put_template(m, 1, IPPROTO_ESP, XFRM_MODE_TUNNEL);
	assert_int_equal(codec_read_acquire(nlmsg_hdr(m), &a), 0);
	assert_int_equal(a.reqid, 0);
	nlmsg_free(m);
	/* The link of a link-local destination, and of no other. */
	m = acquire("fe80::1", "fe80::2", 7);
	assert_int_equal(codec_read_acquire(nlmsg_hdr(m), &a), 0);
	assert_int_equal(a.src.scope, 7);
	assert_int_equal(a.dst.scope, 7);
	nlmsg_free(m);
	m = acquire("fd00::1", "fd00::2", 7);
	assert_int_equal(codec_read_acquire(nlmsg_hdr(m), &a), 0);
	assert_int_equal(a.dst.scope, 0);
	nlmsg_free(m);
}

static void test_expire(void **state)
{
	struct xfrm_user_expire x = { .hard = 1 };
	struct kexpire e;
	struct nl_msg *m;

	(void)state;
	x.state.sel = kernel_selector("10.0.0.2", "10.0.0.1");
	x.state.id.daddr = x.state.sel.daddr;
	x.state.saddr = x.state.sel.saddr;
	x.state.id.spi = htonl(0x1234);
	x.state.id.proto = IPPROTO_ESP;
	x.state.family = AF_INET;
	x.state.reqid = 0x54000001;
	m = say(XFRM_MSG_EXPIRE, &x, sizeof(x));
	assert_int_equal(codec_read_expire(nlmsg_hdr(m), &e), 0);
	assert_true(e.hard && e.sa.esp.spi == 0x1234 && !e.sa.larval);
	assert_true(ksa_is_ours(&e.sa));
	assert_int_equal(codec_read_acquire(nlmsg_hdr(m), NULL), -ENOMSG);
	nlmsg_free(m);
	/* A larval one; and one of AH, which is not ours. */
	x.hard = 0;
	x.state.id.spi = 0;
	x.state.reqid = KERNEL_TRAP_REQID;
	m = say(XFRM_MSG_EXPIRE, &x, sizeof(x));
	assert_int_equal(codec_read_expire(nlmsg_hdr(m), &e), 0);
	assert_true(!e.hard && e.sa.larval && ksa_is_ours(&e.sa));
	nlmsg_free(m);
	x.state.id.proto = IPPROTO_AH;
	m = say(XFRM_MSG_EXPIRE, &x, sizeof(x));
	assert_int_equal(codec_read_expire(nlmsg_hdr(m), &e), 0);
	assert_false(ksa_is_ours(&e.sa));
	nlmsg_free(m);
	x.state.family = 99;
	m = say(XFRM_MSG_EXPIRE, &x, sizeof(x));
	assert_int_equal(codec_read_expire(nlmsg_hdr(m), &e), -EAFNOSUPPORT);
	nlmsg_free(m);
}

static void test_policy_expire(void **state)
{
	struct xfrm_user_polexpire x = { .hard = 1 };
	struct kpolicy p;
	struct nl_msg *m;

	(void)state;
	x.pol.sel = kernel_selector("10.0.0.1", "10.0.0.2");
	x.pol.dir = XFRM_POLICY_OUT;
	x.pol.priority = KPOLICY_PRIO_SHUNT;
	x.pol.index = 17;
	m = say(XFRM_MSG_POLEXPIRE, &x, sizeof(x));
	assert_int_equal(codec_read_policy_expire(nlmsg_hdr(m), &p), 0);
	assert_true(kpolicy_is_ours(&p));
	assert_int_equal(p.action, KACTION_PASS);
	assert_int_equal(p.index, 17);
	nlmsg_free(m);
}

/* What ours never have makes a policy somebody else's. */
static void test_strange(void **state)
{
	struct xfrm_userpolicy_info i = {
		.sel = kernel_selector("10.0.0.1", "10.0.0.2"),
		.priority = KPOLICY_PRIO_NETWORK,
		.dir = XFRM_POLICY_OUT,
	};
	struct xfrm_mark mark = { 1, 3 };
	struct kpolicy p;

	(void)state;
	for (int k = 0; k < 6; k++) {
		struct nl_msg *m = say(XFRM_MSG_NEWPOLICY, &i, sizeof(i));

		switch (k) {
		case 0:
			put_template(m, 1, IPPROTO_ESP, XFRM_MODE_TRANSPORT);
			break;
		case 1:
			put_template(m, 2, IPPROTO_ESP, XFRM_MODE_TRANSPORT);
			break;
		case 2:
			put_template(m, 1, IPPROTO_AH, XFRM_MODE_TRANSPORT);
			break;
		case 3:
			put_template(m, 1, IPPROTO_ESP, XFRM_MODE_TUNNEL);
			break;
		case 4:
			assert_int_equal(
				nla_put(m, XFRMA_MARK, sizeof(mark), &mark), 0);
			break;
		default:
			assert_int_equal(nla_put_u32(m, XFRMA_IF_ID, 5), 0);
			break;
		}
		assert_int_equal(codec_read_policy(nlmsg_hdr(m), &p), 0);
		assert_int_equal(kpolicy_is_ours(&p), k == 0);
		nlmsg_free(m);
	}
}

/* Every shorter message: an error or a good value, never a read past it (the
 * copy is a heap block of exactly that size). */
static void test_truncated(void **state)
{
	struct nl_msg *m = acquire("10.0.0.1", "10.0.0.2", 0);
	struct nlmsghdr *h;
	uint32_t whole;

	(void)state;
	put_template(m, 1, IPPROTO_ESP, XFRM_MODE_TRANSPORT);
	h = nlmsg_hdr(m);
	whole = h->nlmsg_len;
	for (uint32_t len = NLMSG_HDRLEN; len <= whole; len++) {
		struct nlmsghdr *cut = malloc(len);
		struct kacquire a;
		int r;

		assert_non_null(cut);
		memcpy(cut, h, len);
		cut->nlmsg_len = len;
		r = codec_read_acquire(cut, &a);
		if (len < NLMSG_LENGTH(sizeof(struct xfrm_user_acquire)))
			assert_int_equal(r, -EBADMSG);
		if (len == whole)
			assert_int_equal(r, 0);
		free(cut);
	}
	nlmsg_free(m);
}

static void test_bad_attributes(void **state)
{
	struct nl_msg *m = acquire("10.0.0.1", "10.0.0.2", 0);
	struct nlattr *a;
	struct kacquire q;

	(void)state;
	put_template(m, 1, IPPROTO_ESP, XFRM_MODE_TRANSPORT);
	a = nlmsg_attrdata(nlmsg_hdr(m), sizeof(struct xfrm_user_acquire));
	a->nla_len = 3; /* not even its own head */
	assert_int_equal(codec_read_acquire(nlmsg_hdr(m), &q), -EBADMSG);
	a->nla_len = 20; /* half a template */
	assert_int_equal(codec_read_acquire(nlmsg_hdr(m), &q), -EBADMSG);
	a->nla_len = 0xffff;
	assert_int_equal(codec_read_acquire(nlmsg_hdr(m), &q), -EBADMSG);
	nlmsg_free(m);
}

static void test_bad_selectors(void **state)
{
	struct xfrm_userpolicy_info i = {
		.sel = kernel_selector("10.0.0.1", "10.0.0.2"),
	};
	struct kpolicy p;
	struct nl_msg *m;

	(void)state;
	i.sel.prefixlen_d = 33;
	m = say(XFRM_MSG_NEWPOLICY, &i, sizeof(i));
	assert_int_equal(codec_read_policy(nlmsg_hdr(m), &p), -EBADMSG);
	nlmsg_free(m);
	i.sel.prefixlen_d = 32;
	i.sel.family = 1;
	m = say(XFRM_MSG_NEWPOLICY, &i, sizeof(i));
	assert_int_equal(codec_read_policy(nlmsg_hdr(m), &p), -EAFNOSUPPORT);
	nlmsg_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new_sa),
		cmocka_unit_test(test_sequence),
		cmocka_unit_test(test_full_sa),
		cmocka_unit_test(test_bad_sa),
		cmocka_unit_test(test_last_used),
		cmocka_unit_test(test_delete_sa),
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_mark),
		cmocka_unit_test(test_place),
		cmocka_unit_test(test_acquire),
		cmocka_unit_test(test_expire),
		cmocka_unit_test(test_policy_expire),
		cmocka_unit_test(test_strange),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_bad_attributes),
		cmocka_unit_test(test_bad_selectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
