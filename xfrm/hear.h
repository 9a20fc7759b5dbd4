/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hears of peers that have lost their SAs: a packet in the clear from a host
 * that has SAs with us, and ESP, plain or in UDP, with an SPI that is none of
 * ours. The kernel's table picks them out, few a second (nft-hear.c), and its
 * packet log brings their heads. All of it can be forged: it is a reason to
 * look, and for nothing else.
 *
 * Runs in tacit-netd. Owns the table "inet tacit_hear" and one nflog group.
 */
#ifndef TACIT_XFRM_HEAR_H
#define TACIT_XFRM_HEAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/addr.h"

struct hear;

struct hear_config {
	uint16_t group;		  /* nflog */
	uint16_t port, natt_port; /* our IKE's */
};

struct heard {
	struct addr local, remote;
	bool esp;     /* with an unknown SPI; else a packet in the clear */
	uint32_t spi; /* of ESP, host order */
	/* ESP in UDP came from this port; 0: it was plain. */
	uint16_t udp_remote;
};

struct hear_ops {
	void *user;
	void (*heard)(void *user, const struct heard *what);
};

/* 0; -EOPNOTSUPP: this kernel cannot (nft_log, nfnetlink_log); -EADDRINUSE: the
 * group is another program's; -errno. Nobody is secured yet. */
int hear_new(const struct hear_config *c, const struct hear_ops *ops,
	     struct hear **ret) __attribute__((warn_unused_result));
/* The table goes. Takes NULL. */
struct hear *hear_free(struct hear *h);
int hear_fd(const struct hear *h);
/* 0 or -errno (fatal). */
int hear_dispatch(struct hear *h) __attribute__((warn_unused_result));

/*
 * What the table is to know. Changes are gathered, and made by hear_flush() or
 * when there are many: until then a packet too many may be heard. An SPI that
 * is removed is known for a moment longer, for what is still on the way.
 */
void hear_spi(struct hear *h, const struct addr *local, uint32_t spi,
	      bool known);
/* From now on (or no longer) the pair has no reason to talk in the clear. */
void hear_secured(struct hear *h, const struct addr *local,
		  const struct addr *remote, bool secured);
struct nft_change;
/* Of SET_CONNECTION, as nft_table_change(). */
int hear_connections(struct hear *h, const struct nft_change *c, size_t n)
	__attribute__((warn_unused_result));
struct nft_opening;
/* As nft_table_set_openings(). */
int hear_set_openings(struct hear *h, const struct nft_opening *list, size_t n)
	__attribute__((warn_unused_result));
/* 0; -ENOENT: somebody has removed the table; -errno: some were refused. */
int hear_flush(struct hear *h) __attribute__((warn_unused_result));
/* A table of its own again, in which nothing is known. 0 or -errno. */
int hear_renew(struct hear *h) __attribute__((warn_unused_result));

/* One datagram of the kernel's, from *pos on: 1 and *ret, 0 at its end,
 * -EBADMSG. Pure. */
struct rbuf;
int hear_parse(struct rbuf *pos, uint16_t natt_port, struct heard *ret)
	__attribute__((warn_unused_result));

#endif
