/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xfrm/decode.c and xfrm/address.c: any bytes for a netlink message. The
 * first two are its type; whatever they are, every decoder sees it.
 */
#include <linux/rtnetlink.h>
#include <linux/xfrm.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "xfrm/address.h"
#include "xfrm/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(int condition)
{
	if (!condition)
		abort();
}

static void check_policy(const struct kpolicy *p)
{
	check(p->sel.src.len <= addr_len(&p->sel.src.addr) * 8);
	check(p->sel.dst.len <= addr_len(&p->sel.dst.addr) * 8);
	check(p->sel.src.addr.family == p->sel.dst.addr.family);
	check(!kpolicy_is_ours(p) || !p->strange);
}

static void decode(struct nlmsghdr *h)
{
	struct kpolicy p;
	struct kacquire a;
	struct kexpire e;
	struct kmapping m;
	struct address own;
	struct ksa sa;
	bool gone;

	if (codec_read_policy(h, &p) == 0)
		check_policy(&p);
	if (codec_read_policy_expire(h, &p) == 0)
		check_policy(&p);
	if (codec_read_policy_gone(h, &p) == 0)
		check(p.sel.src.addr.family == p.sel.dst.addr.family);
	if (codec_read_sa_gone(h, &sa) == 0)
		check(addr_len(&sa.dst) > 0);
	if (codec_read_acquire(h, &a) == 0)
		check(a.src.family == a.dst.family);
	if (codec_read_expire(h, &e) == 0)
		check(addr_len(&e.sa.dst) > 0);
	if (codec_read_mapping(h, &m) == 0)
		check(m.src.family == m.dst.family && addr_len(&m.src) > 0);
	if (codec_read_sa(h, &sa) == 0)
		check(sa.larval == (sa.esp.spi == 0));
	if (address_read(h, &own, &gone) == 0)
		check(addr_len(&own.addr) > 0 && !addr_is_loopback(&own.addr));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const uint16_t types[] = {
		XFRM_MSG_NEWSA,	  XFRM_MSG_NEWPOLICY, XFRM_MSG_UPDPOLICY,
		XFRM_MSG_ACQUIRE, XFRM_MSG_EXPIRE,    XFRM_MSG_POLEXPIRE,
		XFRM_MSG_MAPPING, RTM_NEWADDR,	      RTM_DELADDR,
		XFRM_MSG_DELSA,	  XFRM_MSG_DELPOLICY,
	};
	struct nlmsghdr *h;

	if (len < 2 || len > 4096)
		return 0;
	/* A block of exactly its size. */
	h = malloc(NLMSG_HDRLEN + len - 2);
	check(h != NULL);
	memset(h, 0, NLMSG_HDRLEN);
	h->nlmsg_len = (uint32_t)(NLMSG_HDRLEN + len - 2);
	memcpy((uint8_t *)h + NLMSG_HDRLEN, data + 2, len - 2);
	memcpy(&h->nlmsg_type, data, 2);
	decode(h);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		h->nlmsg_type = types[i];
		decode(h);
	}
	free(h);
	return 0;
}
