/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xfrm/codec.c and decode.c: limits of volume, tunnel mode, ESP in UDP and
 * its ports.
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

#include <linux/udp.h>
#include <linux/xfrm.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "xfrm/codec.h"

#define SA_BODY sizeof(struct xfrm_usersa_info)

static const struct {
	const char *src, *dst;
} hosts[] = { { "10.0.0.1", "10.0.0.2" }, { "fd00::1", "fd00::2" } };

static struct addr address(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static struct ksa sample(int six, bool inbound)
{
	return (struct ksa){
		.src = address(hosts[six].src),
		.dst = address(hosts[six].dst),
		.reqid = 0x54000007,
		.inbound = inbound,
		.esp = { .spi = 0x12345678,
			 .cipher = ESP_AES_GCM_16_128,
			 .key_len = 20 },
	};
}

static const void *attribute(struct nl_msg *m, size_t body, int type)
{
	struct nlattr *a = nlmsg_find_attr(nlmsg_hdr(m), (int)body, type);

	return a ? nla_data(a) : NULL;
}

static void test_volume(void **state)
{
	struct ksa sa = sample(0, true);
	const struct xfrm_usersa_info *info;
	struct nl_msg *m = codec_new_sa(&sa);

	(void)state;
	assert_non_null(m);
	info = nlmsg_data(nlmsg_hdr(m));
	assert_true(info->lft.soft_byte_limit == XFRM_INF);
	assert_true(info->lft.hard_byte_limit == XFRM_INF);
	assert_true(info->lft.soft_packet_limit == XFRM_INF);
	assert_true(info->lft.hard_packet_limit == XFRM_INF);
	nlmsg_free(m);
	sa.hard_kib = UINT32_MAX;
	sa.soft_kib = 1;
	sa.hard_packets = 600;
	sa.soft_packets = 400;
	m = codec_new_sa(&sa);
	assert_non_null(m);
	info = nlmsg_data(nlmsg_hdr(m));
	assert_true(info->lft.soft_byte_limit == 1024);
	assert_true(info->lft.hard_byte_limit == 1024ull * UINT32_MAX);
	assert_true(info->lft.soft_packet_limit == 400);
	assert_true(info->lft.hard_packet_limit == 600);
	nlmsg_free(m);
}

/* What the kernel would give back, in a block of exactly its size. */
static struct nlmsghdr *answer(struct nl_msg *m, uint16_t type)
{
	struct nlmsghdr *h = malloc(nlmsg_hdr(m)->nlmsg_len);

	assert_non_null(h);
	memcpy(h, nlmsg_hdr(m), nlmsg_hdr(m)->nlmsg_len);
	h->nlmsg_type = type;
	return h;
}

static void test_udp(void **state)
{
	const struct xfrm_encap_tmpl *e;
	struct nl_msg *m, *moved;
	struct nlmsghdr *h;

	(void)state;
	for (int i = 0; i < 4; i++) {
		bool inbound = i & 1;
		struct ksa sa = sample(i / 2, inbound);

		sa.udp_src = inbound ? 1024 : 4500;
		sa.udp_dst = inbound ? 4500 : 1024;
		m = codec_new_sa(&sa);
		assert_non_null(m);
		e = attribute(m, SA_BODY, XFRMA_ENCAP);
		assert_non_null(e);
		assert_int_equal(e->encap_type, UDP_ENCAP_ESPINUDP);
		assert_int_equal(ntohs(e->encap_sport), sa.udp_src);
		assert_int_equal(ntohs(e->encap_dport), sa.udp_dst);

		h = answer(m, XFRM_MSG_NEWSA);
		moved = codec_move_sa(h, inbound, 2000);
		assert_non_null(moved);
		assert_int_equal(nlmsg_hdr(moved)->nlmsg_type, XFRM_MSG_UPDSA);
		assert_int_equal(nlmsg_hdr(moved)->nlmsg_len, h->nlmsg_len);
		e = attribute(moved, SA_BODY, XFRMA_ENCAP);
		assert_int_equal(ntohs(e->encap_sport), inbound ? 2000 : 4500);
		assert_int_equal(ntohs(e->encap_dport), inbound ? 4500 : 2000);
		assert_non_null(attribute(moved, SA_BODY, XFRMA_ALG_AEAD));
		nlmsg_free(moved);
		for (uint32_t len = 0; len < h->nlmsg_len; len += 4) {
			struct nlmsghdr *cut = malloc(len ? len : 1);
			uint32_t whole = h->nlmsg_len;

			assert_non_null(cut);
			if (len < NLMSG_HDRLEN) {
				free(cut);
				continue;
			}
			h->nlmsg_len = len;
			memcpy(cut, h, len);
			h->nlmsg_len = whole;
			moved = codec_move_sa(cut, inbound, 2000);
			nlmsg_free(moved);
			free(cut);
		}
		free(h);
		nlmsg_free(m);
	}
}

static void test_not_udp(void **state)
{
	struct ksa sa = sample(0, false);
	struct nl_msg *m = codec_new_sa(&sa);
	struct nlmsghdr *h;

	(void)state;
	assert_non_null(m);
	assert_null(attribute(m, SA_BODY, XFRMA_ENCAP));
	h = answer(m, XFRM_MSG_NEWSA);
	assert_null(codec_move_sa(h, false, 2000));
	h->nlmsg_type = XFRM_MSG_EXPIRE;
	assert_null(codec_move_sa(h, false, 2000));
	free(h);
	nlmsg_free(m);
}

/* Our end of a tunnel is the selector's host, or it is not ours. */
static void test_tunnel(void **state)
{
	(void)state;
	for (int six = 0; six < 2; six++) {
		struct addr src = address(hosts[six].src);
		struct addr dst = address(hosts[six].dst);
		struct prefix s = prefix_host(&src), d = prefix_host(&dst);
		struct kpolicy p = { .dir = KDIR_OUT,
				     .action = KACTION_PROTECT,
				     .tunnel = true,
				     .reqid = 0x54000007,
				     .priority = KPOLICY_PRIO_FLOW,
				     .sel = kselector_between(&s, &d) };
		struct ksa sa = sample(six, true);
		struct xfrm_user_tmpl *t;
		struct kpolicy back;
		struct ksa back_sa;
		struct nl_msg *m = codec_new_policy(&p);
		struct nlmsghdr *h;

		assert_non_null(m);
		h = answer(m, XFRM_MSG_NEWPOLICY);
		assert_int_equal(codec_read_policy(h, &back), 0);
		assert_true(back.tunnel && !back.strange);
		assert_true(kpolicy_is_ours(&back));
		free(h);
		t = nla_data(nlmsg_find_attr(
			nlmsg_hdr(m), sizeof(struct xfrm_userpolicy_info),
			XFRMA_TMPL));
		assert_int_equal(t->mode, XFRM_MODE_TUNNEL);
		((uint8_t *)&t->saddr)[1] ^= 1;
		h = answer(m, XFRM_MSG_NEWPOLICY);
		assert_int_equal(codec_read_policy(h, &back), 0);
		assert_true(back.strange);
		free(h);
		nlmsg_free(m);

		sa.tunnel = true;
		m = codec_new_sa(&sa);
		assert_non_null(m);
		h = answer(m, XFRM_MSG_NEWSA);
		assert_int_equal(codec_read_sa(h, &back_sa), 0);
		assert_true(back_sa.tunnel);
		free(h);
		nlmsg_free(m);
	}
}

/* The other end may be another one than the selector's host. */
static void test_outer(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		bool out = i & 1;
		struct addr src = address(hosts[i / 2].src);
		struct addr dst = address(hosts[i / 2].dst);
		struct prefix s = prefix_host(&src), d = prefix_host(&dst);
		struct kpolicy back,
			p = { .dir = out ? KDIR_OUT : KDIR_IN,
			      .action = KACTION_PROTECT,
			      .tunnel = true,
			      .outer = address(i / 2 ? "fd09::1" : "10.9.0.1"),
			      .reqid = 0x54000007,
			      .priority = KPOLICY_PRIO_FLOW,
			      .sel = kselector_between(&s, &d) };
		struct nl_msg *m = codec_new_policy(&p);
		struct xfrm_user_tmpl *t;
		struct nlmsghdr *h;

		assert_non_null(m);
		t = nla_data(nlmsg_find_attr(
			nlmsg_hdr(m), sizeof(struct xfrm_userpolicy_info),
			XFRMA_TMPL));
		assert_memory_equal(out ? &t->id.daddr : &t->saddr,
				    p.outer.bytes, addr_len(&p.outer));
		assert_memory_equal(out ? &t->saddr : &t->id.daddr,
				    out ? src.bytes : dst.bytes,
				    addr_len(&src));
		h = answer(m, XFRM_MSG_NEWPOLICY);
		assert_int_equal(codec_read_policy(h, &back), 0);
		assert_true(back.tunnel && !back.strange);
		assert_true(addr_equal(&back.outer, &p.outer));
		free(h);
		nlmsg_free(m);
	}
}

/* What the peer sends to in our place is kept in the SA, and matches all. */
static void test_lease(void **state)
{
	(void)state;
	for (int six = 0; six < 2; six++) {
		struct ksa sa = sample(six, true), back;
		struct prefix s = prefix_host(&sa.src);
		struct prefix d = prefix_host(&sa.dst);
		const struct xfrm_usersa_info *info;
		struct nlmsghdr *h;
		struct nl_msg *m;

		sa.tunnel = true;
		sa.sel = kselector_between(&s, &d);
		sa.lease = address(six ? "fd09::5" : "100.64.0.5");
		m = codec_new_sa(&sa);
		assert_non_null(m);
		info = nlmsg_data(nlmsg_hdr(m));
		assert_int_equal(info->sel.prefixlen_s, six ? 128 : 32);
		assert_int_equal(info->sel.prefixlen_d, 0);
		h = answer(m, XFRM_MSG_NEWSA);
		assert_int_equal(codec_read_sa(h, &back), 0);
		assert_true(addr_equal(&back.lease, &sa.lease));
		free(h);
		nlmsg_free(m);

		sa.lease = (struct addr){ 0 };
		m = codec_new_sa(&sa);
		assert_non_null(m);
		h = answer(m, XFRM_MSG_NEWSA);
		assert_int_equal(codec_read_sa(h, &back), 0);
		assert_int_equal(back.lease.family, 0);
		assert_int_equal(back.sel.dst.len, six ? 128 : 32);
		free(h);
		nlmsg_free(m);
	}
}

static void test_mapping(void **state)
{
	struct {
		struct nlmsghdr h;
		struct xfrm_user_mapping m;
	} x = { .h = { .nlmsg_len = sizeof(x), .nlmsg_type = XFRM_MSG_MAPPING },
		.m = { .id = { .spi = htonl(0x1234),
			       .family = AF_INET6,
			       .proto = IPPROTO_ESP },
		       .reqid = 0x54000007,
		       .new_sport = htons(2000) } };
	struct addr src = address("fd00::2"), dst = address("fd00::1");
	struct kmapping m;

	(void)state;
	memcpy(&x.m.new_saddr, src.bytes, 16);
	memcpy(&x.m.id.daddr, dst.bytes, 16);
	assert_int_equal(codec_read_mapping(&x.h, &m), 0);
	assert_true(addr_equal(&m.src, &src) && addr_equal(&m.dst, &dst));
	assert_int_equal(m.spi, 0x1234);
	assert_int_equal(m.reqid, 0x54000007);
	assert_int_equal(m.udp_src, 2000);
	x.m.id.family = AF_UNIX;
	assert_int_equal(codec_read_mapping(&x.h, &m), -EAFNOSUPPORT);
	x.h.nlmsg_len--;
	assert_int_equal(codec_read_mapping(&x.h, &m), -EBADMSG);
	x.h.nlmsg_type = XFRM_MSG_EXPIRE;
	assert_int_equal(codec_read_mapping(&x.h, &m), -ENOMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_volume),	cmocka_unit_test(test_udp),
		cmocka_unit_test(test_not_udp), cmocka_unit_test(test_tunnel),
		cmocka_unit_test(test_outer),	cmocka_unit_test(test_lease),
		cmocka_unit_test(test_mapping),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
