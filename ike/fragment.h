/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * IKE fragmentation (RFC 7383): messages that arrive in SKF payloads are put
 * together again. Only fragments whose integrity was verified come here. Each
 * direction of an IKE SA has at most one message under way; those of strangers
 * (SAs that are not authenticated) share a budget of their own, and beyond a
 * budget the message that began longest ago is forgotten: its sender sends it
 * again.
 */
#ifndef TACIT_IKE_FRAGMENT_H
#define TACIT_IKE_FRAGMENT_H

#include "ike/engine.h"
#include "ike/message.h"
#include "util/timer.h"

struct ike_sa;
struct ike_fragments; /* one message under way */

/* Those of one kind of SA, oldest first. */
struct ike_fragment_pool {
	struct ike_fragments *oldest, *newest;
	size_t bytes;
};

/* 2.5: what stands before the IV of an SKF payload. */
struct ike_fragment {
	uint16_t number, total;
	uint8_t first; /* type of the first inner payload; of number 1 only */
};
/* 0; -EBADMSG: number 0 or above the total, or no room for both;
 * -EMSGSIZE: more than LIMIT_IKE_FRAGMENTS. */
int ike_fragment_parse(const struct ike_payload *skf, struct ike_fragment *ret)
	__attribute__((warn_unused_result));

/* Worth the decryption: not one that would be thrown away. */
bool ike_fragment_wanted(const struct ike_sa *sa, const struct ike_header *h,
			 const struct ike_fragment *f);

enum ike_fragment_outcome {
	IKE_FRAGMENT_KEPT = 0, /* or not needed: others are missing */
	IKE_FRAGMENT_COMPLETE = 1,
};
/* Takes the plain text of one. When it was the last one that was missing: all
 * text in whole (LIMIT_IKE_MESSAGE bytes; may be the buffer of plain), its
 * length, and the type of the first payload. enum ike_fragment_outcome;
 * -EMSGSIZE: the message is too long, and forgotten; -ENOMEM. */
int ike_fragment_add(struct ike_engine *e, uint64_t now, struct ike_sa *sa,
		     const struct ike_header *h, const struct ike_fragment *f,
		     const uint8_t *plain, size_t len, uint8_t *whole,
		     size_t *ret_len, uint8_t *ret_first)
	__attribute__((warn_unused_result));

/*
 * Seals a message of ours as one datagram, or as fragments where it is larger
 * than the path is said to take: one behind the other in ret, each with its
 * own length in its header. 0; -EMSGSIZE; -ENOMEM; -EIO.
 */
struct ike_outgoing;
struct ike_blob;
int ike_fragment_seal(struct ike_sa *sa, struct ike_outgoing *out,
		      const uint8_t *key, struct ike_blob *ret)
	__attribute__((warn_unused_result));
/* Nothing that was sealed so arrived: cuts it smaller, and all that follows,
 * where that is possible (2.5.2). 0; -errno: it is as it was. */
int ike_fragment_recut(struct ike_sa *sa, const uint8_t *key,
		       struct ike_blob *b) __attribute__((warn_unused_result));
/* The length of the datagram at data, of len bytes that were sealed so. */
size_t ike_fragment_next(const uint8_t *data, size_t len);

/* Forgets what is under way: of requests or of responses; of both. */
void ike_fragment_forget(struct ike_engine *e, struct ike_sa *sa,
			 bool response);
void ike_fragment_forget_all(struct ike_engine *e, struct ike_sa *sa);

#endif
