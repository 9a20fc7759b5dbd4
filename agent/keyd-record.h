/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The typed records between tacitd and tacit-keyd: one struct, one size, over
 * a util/channel. tacit-keyd believes nothing that it can check itself: see
 * agent/keyd-guard.h for what it refuses.
 *
 * The agent asks with a seq, and gets one KEYD_SIGNED with the same seq, in
 * any order; the rest carries seq 0. Records are in the sender's byte order:
 * both ends are one build on one machine, and the version says so.
 */
#ifndef TACIT_AGENT_KEYD_RECORD_H
#define TACIT_AGENT_KEYD_RECORD_H

#include <stdint.h>

#include "util/limits.h"

#define KEYD_VERSION 3

/* How often each side says that it lives, and after how long a silence it is
 * taken for hung, milliseconds. */
#define KEYD_ALIVE_MS 1000u
#define KEYD_HUNG_MS  3500u

enum keyd_type {
	/* agent to keyd */
	KEYD_HELLO = 1, /* first one; answered by a KEYD_KEY for each key */
	KEYD_SIGN,
	KEYD_SEEN, /* a key that is next has been found in DNS; no answer */
	/* both ways */
	KEYD_ALIVE,
	/* keyd to agent */
	KEYD_KEY, /* a key that there is; all again when something changes */
	KEYD_SIGNED,
	KEYD_TYPES
};

#define KEYD_SECRET_MAX 64u /* SK_p: the output of the largest prf */

/* AUTH octets are built from these and nothing else (ike/auth-octets.h). */
struct keyd_sign {
	uint64_t key;	       /* of struct keyd_key */
	uint16_t algorithm;    /* enum ike_signature */
	uint16_t prf;	       /* enum ike_prf_id */
	uint8_t initiator;     /* 1: our role in the IKE SA */
	uint8_t identity_type; /* enum ike_id_type */
	uint16_t identity_len;
	uint16_t secret_len;
	uint16_t nonce_len;
	uint16_t message_len;
	uint16_t reserved;
	uint8_t identity[LIMIT_IKE_ID];
	uint8_t secret[KEYD_SECRET_MAX];    /* SK_p of our role */
	uint8_t nonce[LIMIT_IKE_NONCE_MAX]; /* of the peer */
	uint8_t message[LIMIT_IKE_INIT];    /* ours */
};

struct keyd_signed {
	int32_t error; /* 0, or a negative errno: nothing was signed */
	uint32_t len;
	uint8_t data[LIMIT_IKE_SIGNATURE];
};

struct keyd_seen {
	uint64_t key; /* of struct keyd_key */
	uint32_t ttl; /* seconds */
	uint32_t reserved;
};

struct keyd_key {
	uint64_t id;
	uint64_t until;		       /* as in struct key_life */
	char name[LIMIT_KEY_NAME + 1]; /* of its file */
	uint16_t spki_len;
	uint16_t refused; /* key files that tacit-keyd does not use, in all */
	uint32_t total;	  /* keys that there are; 0: this one is none */
	uint32_t stage;	  /* enum key_stage */
	uint8_t spki[LIMIT_IKE_SPKI];
};

struct keyd_record {
	uint16_t version; /* KEYD_VERSION */
	uint16_t type;	  /* enum keyd_type */
	uint32_t seq;
	union {
		struct keyd_sign sign;
		struct keyd_seen seen;
		struct keyd_signed sig;
		struct keyd_key key;
	};
};

/* "SIGN"; "?" when unknown. */
const char *keyd_type_name(unsigned type);
/* A zeroed record of this type. */
void keyd_record_init(struct keyd_record *r, enum keyd_type type, uint32_t seq);
/*
 * Is every field in its domain: version, type, lengths, numbers that are
 * known, and zero all that is not used? Pure; knows no key and no identity. 0,
 * or -EPROTO with the name of the wrong field in *ret_field (a constant).
 */
int keyd_record_validate(const struct keyd_record *r, const char **ret_field)
	__attribute__((warn_unused_result));

#endif
