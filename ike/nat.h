/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * NAT traversal (RFC 7296 2.23): what NAT_DETECTION notifies say, the change
 * to the port that IKE shares with ESP, keepalives (RFC 3948 4), and a peer
 * behind a NAT whose endpoint moves.
 */
#ifndef TACIT_IKE_NAT_H
#define TACIT_IKE_NAT_H

#include "ike/engine.h"
#include "ike/message.h"
#include "util/timer.h"

struct ike_sa;
struct ike_arrival;

#define IKE_NAT_HASH_LEN 20u /* SHA-1 */

/* 2.23: of the SPIs in the order of the header, address and port. 0; -EIO. */
int ike_nat_hash(const struct ike_header *h, const struct endpoint *ep,
		 uint8_t ret[static IKE_NAT_HASH_LEN])
	__attribute__((warn_unused_result));
/* Both notifies for a message with that header from local to remote. Without
 * SHA-1 none: then ESP goes as it is. */
void ike_nat_write(struct ike_builder *b, const struct ike_header *h,
		   const struct endpoint *local, const struct endpoint *remote);
/* What a message that arrived at local from remote says. False: nothing, the
 * sender knows no NAT traversal, *ret is untouched. */
bool ike_nat_detect(const struct ike_message *m, const struct endpoint *local,
		    const struct endpoint *remote, struct ike_nat *ret);

/* As initiator before IKE_AUTH: to port 4500 where there is a NAT. */
void ike_nat_float(const struct ike_engine *e, struct ike_sa *sa);
/* How ESP of this SA travels. */
struct ike_encapsulation ike_nat_encapsulation(const struct ike_sa *sa);
/* A fresh request came, whose integrity was verified: where its sender is
 * now. 2.23: only of a peer behind a NAT, and not behind one ourselves. */
void ike_nat_follow(struct ike_engine *e, const struct ike_arrival *a,
		    struct ike_sa *sa);
/* A response came to our request, which may have gone to two ports. */
void ike_nat_answered(struct ike_engine *e, const struct ike_arrival *a,
		      struct ike_sa *sa);
/* Established: keepalives from now on where they are needed. */
void ike_nat_begin(struct ike_engine *e, uint64_t now, struct ike_sa *sa);
/* The same for an SA that takes the place of old by a rekey. What IKE_SA_INIT
 * found out about the peer and its path is not asked anew: its NATs, its
 * ports, and that it takes fragments (RFC 7383 2.3). */
void ike_nat_inherit(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		     const struct ike_sa *old);
void ike_nat_timeout(struct timer *t, uint64_t now, void *user);

#endif
