/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The SA payload (RFC 7296 3.3): what we propose, and the choice from what
 * the peer proposes. An offer is a const table in order of preference; the
 * code knows no algorithm. What we do not know rejects only itself: a
 * transform its transform, a transform type its proposal (3.3.6).
 */
#ifndef TACIT_IKE_PROPOSAL_H
#define TACIT_IKE_PROPOSAL_H

#include "ike/message.h"

struct ike_transform {
	uint8_t type; /* enum ike_transform_type */
	uint16_t id;
	uint16_t key_bits; /* the Key Length attribute; 0: without */
};

/* The first n_sent are sent, and each type among them is required. Those
 * behind are only taken where a peer spells them out (INTEG NONE). */
struct ike_offer {
	uint8_t protocol; /* enum ike_protocol */
	size_t n, n_sent;
	const struct ike_transform *list;
};

const struct ike_offer *ike_offer_ike(void);
const struct ike_offer *ike_offer_esp(void);
/* The offer has this transform among those that it sends. */
bool ike_offer_has(const struct ike_offer *o, enum ike_transform_type type,
		   uint16_t id);
/* The id that it prefers of this type. */
uint16_t ike_offer_first(const struct ike_offer *o,
			 enum ike_transform_type type);

/* One proposal with one transform of each type. */
#define IKE_CHOICE_MAX 5
struct ike_choice {
	uint8_t number, protocol;
	uint32_t spi; /* of the sender; ESP only */
	size_t n;
	struct ike_transform list[IKE_CHOICE_MAX];
};

enum ike_proposal_outcome {
	IKE_PROPOSAL_CHOSEN = 0,
	IKE_PROPOSAL_NONE = 1, /* well formed, nothing that we take */
};

/* As responder: the first proposal that will do, and in it of each type the
 * one that the offer prefers; where prefer_group is not 0, that group before
 * others. enum ike_proposal_outcome; -EBADMSG. */
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

/* spi is ours, and goes into ESP proposals only. */
void ike_proposal_write_offer(struct ike_builder *b, const struct ike_offer *o,
			      uint32_t spi);
void ike_proposal_write_choice(struct ike_builder *b,
			       const struct ike_choice *c, uint32_t spi);

#endif
