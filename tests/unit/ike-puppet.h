/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A scripted peer for host 0 of a world: it speaks IKE with the engine's own
 * writers, but says what the script wants, right or wrong. It stands where
 * host 1 would; whatever host 0 sends is kept for it and goes nowhere else.
 */
#ifndef TACIT_TESTS_IKE_PUPPET_H
#define TACIT_TESTS_IKE_PUPPET_H

#include "ike/core.h"
#include "tests/unit/ike-harness.h"

/* All zero: what an honest peer sends. */
struct puppet_script {
	uint32_t omit;	   /* of IKE_PRESENT(): payloads left out */
	uint32_t twice;	   /* payloads written twice */
	uint32_t empty;	   /* payloads without a body */
	bool reverse;	   /* payloads in the opposite order */
	uint16_t group;	   /* of the KE payload, 0: that of its key */
	const uint8_t *ke; /* another public key */
	size_t ke_len;
	size_t nonce_len;
	const uint8_t *sa; /* another SA payload */
	size_t sa_len;
	uint8_t id_type;   /* with four bytes of data */
	uint8_t idr_type;  /* the same, for IDr of a request */
	const uint8_t *id; /* another IDi or IDr of its own */
	size_t id_len;
	uint8_t method; /* of AUTH */
	bool bad_auth, no_transport, initial_contact;
	const struct addr *tsi, *tsr;
	const uint8_t *ts; /* another TSi payload, */
	bool ts_is_tsr;	   /* or TSr */
	size_t ts_len;
	/* Somebody: goes before id_type and idr_type. */
	const struct ike_identity *identity, *wanted;
	EVP_PKEY *key; /* signs AUTH, in this way */
	enum ike_signature signature;
	struct ike_view shared;	 /* AUTH is method 2 by this key */
	struct ike_view auth;	 /* the data of AUTH, as it is */
	struct ike_view raw_key; /* in CERT, encoding 15 */
	bool null_auth;		 /* notify 40960 beside AUTH */
	bool hashes;		 /* SIGNATURE_HASH_ALGORITHMS */
	bool certreq;		 /* asks for raw keys in IKE_SA_INIT */
	uint16_t notify;	 /* one more notify */
	const void *data;
	size_t data_len;
	uint8_t unknown; /* one more payload of this type, */
	bool critical;	 /* marked critical */
};

struct puppet {
	struct world *w;
	bool initiator;
	uint64_t spi_i, spi_r;
	const struct ike_kex *kex;
	const struct ike_prf *prf;
	const struct ike_cipher *cipher;
	EVP_PKEY *key;
	uint8_t public[IKE_KEX_PUBLIC_MAX];
	struct ike_nonce ni, nr;
	struct ike_blob request, response; /* of IKE_SA_INIT */
	struct ike_keys keys;
	uint64_t iv;
	uint32_t next_id;   /* of our next request */
	uint32_t child_spi; /* of our inbound ESP SA */
	/* Instead of sending, keep: for what comes between. */
	bool hold;
	uint8_t held[LIMIT_IKE_MESSAGE];
	size_t held_len;
	/* What host 0 sent last, and how much in all. */
	uint8_t rx[LIMIT_IKE_MESSAGE];
	size_t rx_len;
	unsigned n_rx;
	/* Opened by puppet_open(); valid until the next one. */
	struct ike_message m;
	uint8_t plain[LIMIT_IKE_MESSAGE];
};

void puppet_init(struct puppet *p, struct world *w, bool initiator,
		 uint16_t group);
void puppet_done(struct puppet *p);

/* IKE_SA_INIT as initiator; what came back is in rx. */
void puppet_send_init(struct puppet *p, const struct puppet_script *s);
/* Takes the response in rx: keys. */
void puppet_take_init(struct puppet *p);
/* IKE_SA_INIT as responder: takes the request in rx and answers it. */
void puppet_answer_init(struct puppet *p, const struct puppet_script *s);
/* An unprotected answer of one notify to the request in rx. */
void puppet_answer_notify(struct puppet *p, uint16_t notify, const void *data,
			  size_t len);
void puppet_send_auth(struct puppet *p, const struct puppet_script *s);
void puppet_answer_auth(struct puppet *p, const struct puppet_script *s);

/* Opens rx; fails the test when it cannot. */
const struct ike_message *puppet_open(struct puppet *p);
/* The keys of the Child SA that host 0 has are those of RFC 7296 2.17. */
void puppet_check_child(const struct puppet *p, const struct child *c);
/* The only error notify in the opened message, or 0. */
uint16_t puppet_error(const struct puppet *p);
/* The type of the only notify in an unprotected rx. */
uint16_t puppet_plain_notify(const struct puppet *p);

/* A protected message: begin, write, send. */
void puppet_begin(struct puppet *p, struct ike_outgoing *out, uint8_t exchange,
		  bool response, uint32_t id);
void puppet_send(struct puppet *p, struct ike_outgoing *out);
/* Any bytes as the inside of an SK payload. */
void puppet_send_raw(struct puppet *p, uint8_t exchange, bool response,
		     uint32_t id, uint8_t first, const void *data, size_t len);

/* The same as one fragment (RFC 7383). */
struct puppet_fragment {
	uint8_t exchange;
	bool response;
	uint32_t id;
	uint16_t number, total;
	uint8_t first; /* type of the first inner payload, in any of them */
	const void *data;
	size_t len;
	bool forged; /* the tag is wrong */
};
void puppet_send_fragment(struct puppet *p, const struct puppet_fragment *f);

/* A whole handshake up to an established SA; host 0 initiates, or not. */
void puppet_establish(struct puppet *p, struct world *w, bool initiator);

/* What the defaults propose. */
struct ike_offer puppet_offer(enum ike_offer_use use);

#endif
