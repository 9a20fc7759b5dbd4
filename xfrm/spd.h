/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is in the kernel's policy database and its SA database now.
 */
#ifndef TACIT_XFRM_SPD_H
#define TACIT_XFRM_SPD_H

#include "xfrm/kernel.h"

struct nlsock;

/* The policy in the place (selector and direction) of p. 0, -ENOENT, -errno. */
int spd_get(struct nlsock *s, const struct kpolicy *p, struct kpolicy *ret)
	__attribute__((warn_unused_result));
/* Calls each() for every policy of ours; 0, its first negative return, or
 * -errno. It may not use s, and may see one twice: a dump that a change has
 * interrupted begins anew. */
int spd_dump_ours(struct nlsock *s,
		  int (*each)(const struct kpolicy *p, void *user), void *user)
	__attribute__((warn_unused_result));
/* The same for all that can be read, whoever's. */
int spd_dump_all(struct nlsock *s,
		 int (*each)(const struct kpolicy *p, void *user), void *user)
	__attribute__((warn_unused_result));
/* Gives an SA (dst, SPI, direction) with ESP in UDP another port of its peer;
 * everything else of it stays, keys and counters too. 0; -EINVAL: it has no
 * ESP in UDP; -ESRCH; -errno. */
int sad_move(struct nlsock *s, const struct ksa *sa, uint16_t udp_remote)
	__attribute__((warn_unused_result));
/* Has the SA of this destination and SPI carried a packet? 1, 0, or -errno. */
int sad_used(struct nlsock *s, const struct ksa *sa)
	__attribute__((warn_unused_result));
/* The SA of this destination and SPI as it is now. 0 or -errno. */
int sad_look(struct nlsock *s, const struct ksa *sa, struct ksa *ret)
	__attribute__((warn_unused_result));
/* As spd_dump_ours(), for SAs and larval states. */
int sad_dump_ours(struct nlsock *s,
		  int (*each)(const struct ksa *sa, void *user), void *user)
	__attribute__((warn_unused_result));

#endif
