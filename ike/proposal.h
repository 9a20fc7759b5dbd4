/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The SA payload (RFC 7296 3.3): what we propose, and the choice from what
 * the peer proposes. What we do not know rejects only itself: a transform its
 * transform, a transform type its proposal (3.3.6). Ciphers with and without
 * integrity of their own go into proposals of their own (3.3).
 */
#ifndef TACIT_IKE_PROPOSAL_H
#define TACIT_IKE_PROPOSAL_H

#include "ike/message.h"
#include "ike/protect.h"
#include "util/algorithm.h"

struct ike_transform {
	uint8_t type; /* enum ike_transform_type */
	uint16_t id;
	uint16_t key_bits; /* the Key Length attribute; 0: without */
};

enum ike_offer_use {
	IKE_OFFER_INIT,	 /* the first IKE SA */
	IKE_OFFER_REKEY, /* an IKE SA that replaces one: with an SPI */
	IKE_OFFER_AUTH,	 /* ESP without a key exchange: IKE_AUTH (1.2) */
	IKE_OFFER_CHILD, /* ESP with one (1.3.1); as responder: where asked */
};

/* All transforms of which a choice can be made, in order of preference within
 * each type. Made for the moment, of a list. */
#define IKE_OFFER_MAX 24
struct ike_offer {
	uint8_t protocol; /* enum ike_protocol */
	uint8_t spi_len;
	uint8_t needs; /* bit by type: no proposal may be without it */
	uint8_t n;
	uint32_t refused; /* bit by place: sent, but no answer for us */
	struct ike_transform list[IKE_OFFER_MAX];
};

void ike_offer_init(struct ike_offer *o, enum ike_offer_use use,
		    const struct algorithm_list *l);
/* As initiator: of what the offer sends only this is taken as an answer. */
void ike_offer_limit(struct ike_offer *o, const struct algorithm_list *answer);
/* It sends this transform, and takes it. */
bool ike_offer_has(const struct ike_offer *o, enum ike_transform_type type,
		   uint16_t id);
/* The id that it prefers of this type; 0: none is sent. */
uint16_t ike_offer_first(const struct ike_offer *o,
			 enum ike_transform_type type);

/* One proposal with one transform of each type. */
#define IKE_CHOICE_MAX 5
struct ike_choice {
	uint8_t number, protocol, spi_len;
	uint64_t spi; /* of the sender; of ESP 32 bits; 0: none */
	size_t n;
	struct ike_transform list[IKE_CHOICE_MAX];
};

enum ike_proposal_outcome {
	IKE_PROPOSAL_CHOSEN = 0,
	IKE_PROPOSAL_NONE = 1, /* well formed, nothing that we take */
};

/* As responder, to whom RFC 7296 2.7 leaves the choice: the proposal with the
 * cipher that the offer prefers, of several the first, and in it of each type
 * what the offer prefers; but prefer_group, that of the KE payload (0: none),
 * before other groups. enum ike_proposal_outcome; -EBADMSG. */
int ike_proposal_choose(const struct ike_payload *p, const struct ike_offer *o,
			uint16_t prefer_group, struct ike_choice *ret)
	__attribute__((warn_unused_result));
/* As initiator: the answer must be one proposal, ours, with exactly one of
 * the transforms that we sent for each type (3.3.6). */
int ike_proposal_accept(const struct ike_payload *p, const struct ike_offer *o,
			struct ike_choice *ret)
	__attribute__((warn_unused_result));
/* NULL where it was not chosen. */
const struct ike_transform *ike_choice_get(const struct ike_choice *c,
					   enum ike_transform_type type);
/* The cipher that was chosen, with its integrity. Of an SA that was chosen it
 * is always there. */
const struct ike_cipher *ike_choice_cipher(const struct ike_choice *c);

/* One proposal, or two where the offer has ciphers of both sorts: first that
 * of the preferred one. spi is ours. */
void ike_proposal_write_offer(struct ike_builder *b, const struct ike_offer *o,
			      uint64_t spi);
void ike_proposal_write_choice(struct ike_builder *b,
			       const struct ike_choice *c, uint64_t spi);

#endif
