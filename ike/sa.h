/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The IKE SA: its states, what it knows, and how it ends. What only the
 * handshake needs is apart and freed with it, so that an established SA is
 * small. The owner is told one end of an SA that did not come up, FAILED, and
 * else that of each of its Child SAs.
 */
#ifndef TACIT_IKE_SA_H
#define TACIT_IKE_SA_H

#include "ike/action.h"
#include "ike/child.h"
#include "ike/creation.h"
#include "ike/credentials.h"
#include "ike/job.h"
#include "ike/proof.h"
#include "ike/proposal.h"
#include "util/hmap.h"
#include "util/timer.h"

enum ike_sa_state {
	IKE_SA_NONE,	 /* there is no SA: a stranger's IKE_SA_INIT */
	IKE_SA_GENERATE, /* initiator: our key pair is being made */
	IKE_SA_INIT_SENT,
	IKE_SA_DERIVE, /* initiator: an answer is taken, keys are derived */
	/* Initiator: the keys are there, our credentials are not. Responder:
	 * IKE_AUTH is there, its sender's and our credentials are not. */
	IKE_SA_IDENTIFY,
	IKE_SA_SIGN,   /* our signature is being made, then AUTH goes out */
	IKE_SA_VERIFY, /* IKE_AUTH is there, its signature is looked at */
	IKE_SA_AUTH_SENT,
	IKE_SA_RESPOND,	  /* responder: the keys are being agreed */
	IKE_SA_INIT_DONE, /* responder: answered, waits for IKE_AUTH */
	IKE_SA_ESTABLISHED,
	IKE_SA_CHILDLESS, /* the Child SAs are gone; deleted soon */
	IKE_SA_HEIR,	  /* made by rekeying, not in charge (yet) */
	IKE_SA_REKEYED,	  /* its heir is in charge; deleted soon */
	IKE_SA_DELETING,  /* our Delete is under way, or waits its turn */
	IKE_SA_LINGER,	  /* over; only repeats its last response */
	IKE_SA_DEAD,	  /* being freed */
};

/* A message that is kept. */
struct ike_blob {
	uint8_t *data;
	size_t len;
};
int ike_blob_set(struct ike_blob *b, const void *data, size_t len)
	__attribute__((warn_unused_result));
void ike_blob_done(struct ike_blob *b);

/* What is needed until IKE_AUTH is over. */
struct ike_handshake {
	struct ike_nonce ni, nr;
	struct ike_blob request, response; /* of IKE_SA_INIT, as sent */
	struct ike_choice choice;	   /* responder: what we answer */
	EVP_PKEY *private;		   /* initiator */
	uint8_t public[IKE_KEX_PUBLIC_MAX];
	struct ike_child *child; /* the first one */
	uint8_t cookie[LIMIT_IKE_COOKIE];
	uint8_t cookie_len;
	uint8_t retries; /* by COOKIE and INVALID_KE_PAYLOAD */
	bool answered;	 /* something came back */
	bool nat_known;	 /* responder: the peer speaks of NATs */
	/* An unauthenticated refusal that waits to be believed. */
	enum ike_reason refused;
	uint16_t refused_notify;
	struct ike_credentials *credentials; /* NULL until they are there */
	struct ike_wishes wishes;	     /* the peer's */
	bool hashes_sent;		     /* we named ours (RFC 7427) */
	struct ike_plan plan;		     /* our proof */
	struct ike_blob signature;	     /* of the plan, once it is made */
	enum ike_lease_wish lease;	     /* initiator: is one asked for? */
	struct addr leased;		     /* the one that is; unset: any */
	bool proven;			     /* the peer proved who it is */
	const char *why;      /* static: what was wrong with a proof */
	struct ike_blob auth; /* the IKE_AUTH that waits, its inside */
	uint8_t auth_first;   /* type of its first payload */
	/* Initiator: other answers than the one that we go on with, and how
	 * many of them there have been; the ports that they come to, and what
	 * was wanted before there was an answer. */
	struct ike_alternative *others;
	uint8_t n_others;
	uint8_t modes;
	uint16_t local_port, remote_port;
};

struct ike_sa {
	struct handle handle;
	uint8_t state; /* enum ike_sa_state: only ike_sa_set_state() writes */
	bool initiator;
	bool told;	  /* its end was told to the owner */
	bool doomed;	  /* another SA took its place */
	bool delete_sent; /* DELETING: what is outstanding is our Delete */
	bool probing;	  /* see ike_probe() */
	bool settled;	  /* counted: ike/stranger.h */
	bool tapped;	  /* its keys were shown (ike/tap.h) */
	uint8_t proofs;	  /* AUTH payloads of the two that were not NULL */
	struct ike_action_node *up; /* while it only receives: duplicate.c */
	bool crossed; /* the peer initiated meanwhile, and was answered */
	struct endpoint local, remote;
	uint16_t esp_port; /* remote's too, perhaps; 0: none: ike_esp_from() */
	/* The peer's address, where IKE_SA_INIT has shown that it receives:
	 * what a Child SA is for, wherever the peer says that it is since. */
	struct addr host;
	/* What stands for us, and for the peer, in the Child SAs, where that is
	 * not the address that we speak from, or to: a lease (lease.c), or the
	 * host behind a gateway. Unset else. */
	struct addr inner_us, inner_peer;
	bool lessor;  /* we leased inner_peer, and give it back at the end */
	bool gateway; /* inner_peer is a host behind it */
	/* Where the request came to and from that is being answered (2.11). */
	struct endpoint asked_at, asked_from;
	struct ike_nat nat;
	bool fragmentation; /* RFC 7383: both sides speak it */
	uint16_t fragment_mtu;
	uint16_t bucket;	      /* of ike/stranger.h */
	struct ike_sa *older, *newer; /* strangers, in order */
	uint64_t spi_i, spi_r;
	/* Numbers of the engine's events: its start (as responder: the
	 * arrival of its IKE_SA_INIT), and its establishment. */
	uint64_t begun, risen;
	uint64_t established_at, last_heard, last_sent, hinted_at, doomed_at;
	uint64_t repeated_at; /* our last response, once more */
	bool repeated;

	struct hmap_node by_spi, by_remote, by_init, by_gateway;
	bool in_remote, in_init, in_gateway;
	struct timer retransmit, life, keepalive;

	const struct ike_kex *kex;
	const struct ike_prf *prf;
	const struct ike_cipher *cipher;
	struct ike_keys keys;
	uint64_t iv; /* the next one of ours */
	struct algorithms algorithms;

	/* Our request that has no answer yet (window 1, RFC 7296 2.3). */
	struct ike_blob request;
	uint32_t request_id, next_id;
	uint32_t sends, interval;
	/* The peer's next request, and our response to the one before. */
	uint32_t expected_id;
	struct ike_blob response;
	/* Requests and responses that arrive in fragments. */
	struct ike_fragments *fragments[2];

	uint8_t modes;	    /* enum ike_modes of its Child SAs */
	struct scope scope; /* n 0: they are for all traffic */
	bool patient;	    /* see struct ike_request */
	struct ike_child *children;
	uint32_t n_children;
	/* What is wanted of the peer when the way is free: see task.c. */
	bool check;	   /* liveness */
	uint8_t add;	   /* further Child SAs */
	uint32_t deleting; /* our SPI of the Child SA whose Delete is out */
	uint8_t rekey_tries;
	uint64_t rekey_at, expires_at; /* 0: never */
	/* CREATE_CHILD_SA under way, initiated by us and by the peer. */
	struct ike_creation *ours, *theirs;
	/* The IKE SA that rekeys this one, and the one that this one rekeys. */
	struct handle heir, predecessor;
	uint8_t lowest[IKE_LOWEST_LEN];
	struct ike_handshake *handshake;
	struct ike_proof *proof; /* NULL: none, or NULL authentication */
	struct ike_action_node
		*last; /* reserved for FAILED, until established */
};

struct ike_engine;

const char *ike_sa_state_name(enum ike_sa_state s);
/* A stranger's that is not established, or ended before it was. */
bool ike_sa_is_half_open(const struct ike_sa *sa, uint8_t state);
/* A move that the table does not have is a programming error: aborts. */
void ike_sa_set_state(struct ike_engine *e, struct ike_sa *sa,
		      enum ike_sa_state state);

/* With an own SPI, a handshake and our nonce, in no state yet: the caller
 * sets the first. 0; -ENOSPC at LIMIT_IKE_SAS; -ENOMEM; -EIO. */
int ike_sa_new(struct ike_engine *e, bool initiator,
	       const struct endpoint *local, const struct endpoint *remote,
	       struct ike_sa **ret) __attribute__((warn_unused_result));
/* A half-open SA is kept small: it has nothing reserved to tell its end with.
 * Undone when the peer has shown that it has the keys. 0; -ENOMEM. */
void ike_sa_slim(struct ike_sa *sa);
int ike_sa_reserve(struct ike_sa *sa) __attribute__((warn_unused_result));
/* Silently. */
void ike_sa_free(struct ike_engine *e, struct ike_sa *sa);
/* Tells the owner, once, that it failed or that its Child SAs are down. A
 * stranger's SA that never was authenticated ends without a word. */
void ike_sa_tell(struct ike_engine *e, struct ike_sa *sa,
		 enum ike_reason reason, uint16_t notify);
/* Tells, and frees. */
void ike_sa_end(struct ike_engine *e, struct ike_sa *sa, enum ike_reason reason,
		uint16_t notify);
/* Over, but answers retransmissions for a while. */
void ike_sa_linger(struct ike_engine *e, uint64_t now, struct ike_sa *sa);
void ike_sa_forget_handshake(struct ike_engine *e, struct ike_sa *sa);
/* The two hosts of its Child SAs in their selectors, and the peer as its owner
 * knows it. */
const struct addr *ike_sa_selector_us(const struct ike_sa *sa);
const struct addr *ike_sa_selector_peer(const struct ike_sa *sa);
/* How the peer of an established SA proved who it is. */
struct ike_proof ike_sa_proof(const struct ike_sa *sa);
/* Arms the timer of what comes next in the life of an established SA. */
void ike_sa_rearm(struct ike_engine *e, struct ike_sa *sa);

/* By our own SPI; NULL. */
struct ike_sa *ike_sa_find(const struct ike_engine *e, uint64_t own_spi);
/* The responder's SA that this very IKE_SA_INIT request made; NULL. */
struct ike_sa *ike_sa_find_init(const struct ike_engine *e,
				const struct endpoint *remote,
				const void *request, size_t len);
int ike_sa_index_init(struct ike_engine *e, struct ike_sa *sa,
		      const void *request, size_t len)
	__attribute__((warn_unused_result));
int ike_sa_index_remote(struct ike_engine *e, struct ike_sa *sa)
	__attribute__((warn_unused_result));
/* Its peer is at another endpoint. 0; -ENOMEM: it is where it was. */
int ike_sa_move(struct ike_engine *e, struct ike_sa *sa,
		const struct endpoint *remote)
	__attribute__((warn_unused_result));
/* The SAs with a remote address: the first, and the one behind. */
struct ike_sa *ike_sa_first_remote(const struct ike_engine *e,
				   const struct addr *remote);
struct ike_sa *ike_sa_next_remote(const struct ike_sa *sa);
/* Those with hosts behind a gateway, by its address. */
struct ike_sa *ike_sa_first_behind(const struct ike_engine *e,
				   const struct addr *gateway);
struct ike_sa *ike_sa_next_behind(const struct ike_sa *sa);
/* A NAT gave its peer another address since. */
bool ike_sa_has_moved(const struct ike_sa *sa);
/* Another SA between the same two addresses, neither moved there. */
bool ike_sa_is_pair(const struct ike_sa *a, const struct ike_sa *b);
/* What we propose here, and what of it we take as an answer. */
void ike_sa_propose(const struct ike_sa *sa, enum ike_offer_use use,
		    struct ike_offer *ret);
/* What we accept here when the peer proposes. */
void ike_sa_accept(const struct ike_sa *sa, enum ike_offer_use use,
		   struct ike_offer *ret);

#endif
