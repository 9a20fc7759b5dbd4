/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The Child SA: its negotiation inside whatever exchange makes it (IKE_AUTH,
 * CREATE_CHILD_SA), its keys, and the list of those that an IKE SA has. The
 * ESP keys themselves go to the owner with CHILD_UP and are not kept.
 */
#ifndef TACIT_IKE_CHILD_H
#define TACIT_IKE_CHILD_H

#include "ike/action.h"
#include "ike/keymat.h"
#include "ike/proposal.h"
#include "ike/selector.h"
#include "util/hmap.h"

struct ike_engine;
struct ike_sa;

enum ike_child_state {
	IKE_CHILD_NEW,	    /* being negotiated: on no list yet */
	IKE_CHILD_LIVE,	    /* the owner has it */
	IKE_CHILD_REPLACED, /* was rekeyed; deleted at due_at */
	IKE_CHILD_DELETING, /* the owner knows; our Delete waits, or is sent */
};

struct ike_child {
	struct ike_child *next;
	struct hmap_node by_spi;
	struct ike_action_node *down; /* reserved; NULL: told */
	uint64_t due_at;
	uint32_t in, out;  /* SPIs; in is ours */
	uint8_t state;	   /* enum ike_child_state */
	uint8_t mode;	   /* enum ike_mode */
	uint8_t tries;	   /* of rekeying that were put off */
	bool rekey;	   /* asked for; at due_at when it was put off */
	bool deleter;	   /* REPLACED: it is for us to delete it */
	bool other_pfs;	   /* the peer refused to rekey as config.pfs says */
	bool both_refused; /* and is asked the other way round already */
	uint32_t replaces; /* our SPI of the one before, or 0 */
};

/* With an SPI of ours that no other has. 0; -ENOMEM; -EIO. */
int ike_child_new(struct ike_engine *e, struct ike_child **ret)
	__attribute__((warn_unused_result));
/* One that is on no list; takes NULL. */
struct ike_child *ike_child_free(struct ike_engine *e, struct ike_child *c);

/* --- the list of an IKE SA ------------------------------------------------ */

/* The SA owns it from now on, up tells the owner (queued by the caller). */
void ike_child_attach(struct ike_sa *sa, struct ike_child *c,
		      struct ike_action_node *up);
/* Off the list, and freed. */
void ike_child_remove(struct ike_engine *e, struct ike_sa *sa,
		      struct ike_child *c);
/* Tells the owner, once, that it is down. */
void ike_child_tell(struct ike_engine *e, struct ike_sa *sa,
		    struct ike_child *c, enum ike_reason reason);
/* By our SPI, and by the peer's; NULL. */
struct ike_child *ike_child_find_in(const struct ike_sa *sa, uint32_t spi);
struct ike_child *ike_child_find_out(const struct ike_sa *sa, uint32_t spi);

/* --- what messages say ------------------------------------------------------ */

/* SA, TSi, TSr and N(USE_TRANSPORT_MODE) of a message. */
struct ike_child_terms {
	const struct ike_payload *sa;
	struct ike_selectors tsi, tsr;
	bool transport;
};
/* All of SA, TSi and TSr, or none. 0; 1: none; -EBADMSG. */
int ike_child_parse(const struct ike_message *m, struct ike_child_terms *ret)
	__attribute__((warn_unused_result));

/* What both sides agreed on. */
struct ike_child_agreed {
	struct ike_choice choice; /* with the peer's SPI */
	enum ike_mode mode;
	/* As responder: the peer's and our address as it knows them, which a
	 * NAT may have changed. */
	struct addr tsi, tsr;
	/* Where SAs with this peer are for single services: at which sides
	 * they are (SCOPE_LOCAL, SCOPE_REMOTE). */
	uint8_t sides;
};

/* Mode and proposal, and with the selectors between the two hosts. */
void ike_child_write_offer(const struct ike_sa *sa, const struct ike_child *c,
			   const struct ike_offer *offer,
			   struct ike_builder *b);
/* As initiator: what we ask for, and as responder: what we answer. */
void ike_child_write_wanted(const struct ike_sa *sa, struct ike_builder *b);
void ike_child_write_agreed(const struct ike_sa *sa,
			    const struct ike_child_agreed *agreed,
			    struct ike_builder *b);
/* As initiator: writes the request's part. */
void ike_child_propose(const struct ike_sa *sa, const struct ike_child *c,
		       const struct ike_offer *offer, struct ike_builder *b);
/* As initiator: exactly what we asked for; of services, those of one side may
 * do. 0; 1: something else; -EBADMSG. */
int ike_child_accept(const struct ike_sa *sa, const struct ike_child *c,
		     const struct ike_child_terms *terms,
		     const struct ike_offer *offer,
		     struct ike_child_agreed *ret)
	__attribute__((warn_unused_result));
/* As responder: what we can make of it; prefer_group is that of its KE
 * payload, or 0. 0; a notify type; -EBADMSG. */
int ike_child_choose(const struct ike_sa *sa,
		     const struct ike_child_terms *terms,
		     const struct ike_offer *offer, uint16_t prefer_group,
		     struct ike_child_agreed *ret)
	__attribute__((warn_unused_result));
/* Mode and choice, and with the selectors. */
void ike_child_write_choice(const struct ike_child *c,
			    const struct ike_child_agreed *agreed,
			    struct ike_builder *b);
/* As responder: writes the response's part. */
void ike_child_answer(const struct ike_sa *sa, const struct ike_child *c,
		      const struct ike_child_agreed *agreed,
		      struct ike_builder *b);

/* --- the end of the exchange ------------------------------------------------ */

/* What the keys come from, besides SK_d. */
struct ike_child_seed {
	bool initiator; /* we initiated the exchange */
	const struct ike_nonce *ni, *nr;
	const struct secret *shared; /* of its own key exchange, or NULL */
};
/* Fills in CHILD_UP, but for redundant. 0; -EIO. */
int ike_child_fill(const struct ike_sa *sa, const struct ike_child *c,
		   const struct ike_child_agreed *agreed,
		   const struct ike_child_seed *seed,
		   struct ike_action_node *up)
	__attribute__((warn_unused_result));

#endif
