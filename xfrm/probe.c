/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ESP probe. The throwaway SAs lie between loopback addresses, under a
 * random key, and live for an instant.
 */
#include "xfrm/probe.h"

#include <errno.h>
#include <linux/netlink.h>
#include <sys/random.h>

#include "xfrm/change.h"
#include "xfrm/nlsock.h"
#include "xfrm/record.h"

/* A taken SPI only means another number. */
#define PROBE_TRIES 4

static int probe_once(struct nlsock *s, int family, enum esp_cipher cipher)
{
	struct change c = { .op = CHANGE_SA_ADD };
	struct addr lo = { .family = (uint16_t)family };
	uint32_t spi;
	int r;

	if (family == AF_INET) {
		lo.bytes[0] = 127;
		lo.bytes[3] = 1;
	} else {
		lo.bytes[15] = 1;
	}
	c.sa = (struct ksa){ .src = lo, .dst = lo, .inbound = true };
	c.sa.reqid = RECORD_REQID_MAX;
	/* Whatever happens to us in between, it goes. */
	c.sa.hard_s = 5;
	c.sa.esp.cipher = (uint8_t)cipher;
	c.sa.esp.key_len = esp_key_len(cipher);
	if (getrandom(c.sa.esp.key, c.sa.esp.key_len, 0) < 0 ||
	    getrandom(&spi, sizeof(spi), 0) < 0)
		return -errno;
	c.sa.esp.spi = spi | 0x80000000u;
	r = change_apply(s, &c, 1);
	if (r == 0) {
		c.op = CHANGE_SA_DELETE;
		r = change_apply(s, &c, 1);
	}
	change_wipe(&c, 1);
	return r;
}

/* 1 there, 0 not there, -errno when it cannot be told. */
static int probe_one(struct nlsock *s, int family, enum esp_cipher cipher)
{
	int r = -EEXIST;

	for (int i = 0; i < PROBE_TRIES && r == -EEXIST; i++)
		r = probe_once(s, family, cipher);
	switch (r) {
	case 0:
		return 1;
	case -EPROTONOSUPPORT: /* no esp4 or esp6 */
	case -EAFNOSUPPORT:    /* no IPv6 */
	case -ENOSYS:	       /* no such algorithm */
	case -ENOENT:
	case -EINVAL:
		return 0;
	default:
		return r;
	}
}

int probe_cipher(int family, enum esp_cipher cipher)
{
	struct nlsock *s = NULL;
	int r = nlsock_open(NETLINK_XFRM, &s);

	if (r < 0)
		return r;
	r = probe_one(s, family, cipher);
	nlsock_free(s);
	return r;
}

int probe_kernel(struct probe *ret)
{
	struct probe p = { 0 };
	struct nlsock *s = NULL;
	int r = nlsock_open(NETLINK_XFRM, &s), r6, c4, c6;

	if (r < 0)
		return r;
	r = probe_one(s, AF_INET, ESP_AES_GCM_16_256);
	r6 = r < 0 ? r : probe_one(s, AF_INET6, ESP_AES_GCM_16_256);
	if (r < 0 || r6 < 0) {
		nlsock_free(s);
		return r < 0 ? r : r6;
	}
	p.esp4 = r == 1;
	p.esp6 = r6 == 1;
	c4 = p.esp4 ? probe_one(s, AF_INET, ESP_CHACHA20_POLY1305) : 1;
	c6 = p.esp6 ? probe_one(s, AF_INET6, ESP_CHACHA20_POLY1305) : 1;
	p.chacha = (p.esp4 || p.esp6) && c4 == 1 && c6 == 1;
	nlsock_free(s);
	*ret = p;
	return 0;
}
