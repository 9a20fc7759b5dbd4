/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a person may see of the engine, where the owner asked for it: states
 * for the log (ike_ops.changed), and, for the debugging of a peer, each message
 * in the clear and the keys (ike_ops.tap). The tap opens messages a second
 * time, by itself: no other file knows of it, and without a tap it costs
 * nothing. Everything here is borrowed until the callback returns.
 */
#ifndef TACIT_IKE_TAP_H
#define TACIT_IKE_TAP_H

#include "ike/engine.h"

/* An IKE SA moved from one state to another; called from inside the engine,
 * which must not be called back. */
struct ike_change {
	struct handle sa;
	bool initiator;
	struct endpoint local, remote;
	const char *from, *to; /* names of states: "auth-sent" */
	const char *meaning;   /* of "to", for people */
	/* It was, or now is, authenticated: no stranger can cause this. */
	bool authenticated;
};

enum ike_tap_type {
	IKE_TAP_MESSAGE,
	IKE_TAP_KEYS,
};

struct ike_tap_message {
	bool sent;   /* by us; else received */
	bool opened; /* the inner payloads stand in place of SK */
	struct endpoint local, remote;
	const uint8_t *data;
	size_t len;
};

/* One of the SK_* of an IKE SA; none: len 0. */
struct ike_tap_key {
	const uint8_t *data;
	size_t len;
};

struct ike_tap_keys {
	uint64_t spi_i, spi_r;
	uint16_t encr, key_bits, integ; /* transforms */
	struct ike_tap_key ei, er, ai, ar;
};

struct ike_tap {
	enum ike_tap_type type;
	union {
		struct ike_tap_message message;
		struct ike_tap_keys keys;
	};
};

/* A line of Wireshark's ikev2_decryption_table, its newline included; secret.
 * Where Wireshark 4.0 does not know the algorithms a comment without keys.
 * Bytes without the terminating zero; -ENOBUFS. */
#define IKE_TAP_KEYS_LINE 768u
int ike_tap_keys_format(const struct ike_tap_keys *k, char *buf, size_t size)
	__attribute__((warn_unused_result));

/* Another tap (ike_ops.tap), or none, from now on. */
void ike_tap_set(struct ike_engine *e,
		 void (*tap)(void *user, const struct ike_tap *t));

/* In what state this SA is, for people; NULL: there is none. */
const char *ike_sa_meaning(const struct ike_engine *e, struct handle sa);

/* --- for the engine ------------------------------------------------------- */

struct ike_sa;

/* A datagram as it comes or goes. */
void ike_tap_datagram(struct ike_engine *e, bool sent,
		      const struct endpoint *local,
		      const struct endpoint *remote, const void *data,
		      size_t len);
/* A message that came in fragments, which the tap saw one by one: whole. */
struct ike_header;
void ike_tap_whole(struct ike_engine *e, bool sent,
		   const struct endpoint *local, const struct endpoint *remote,
		   const struct ike_header *h, uint8_t first,
		   const uint8_t *text, size_t len);
/* The same for one of ours: len bytes of datagrams, one behind the other. */
void ike_tap_fragments(struct ike_engine *e, const struct ike_sa *sa,
		       const struct endpoint *local,
		       const struct endpoint *remote, const uint8_t *data,
		       size_t len);
/* sa has moved from a state to another; its keys are shown once. */
void ike_tap_state(struct ike_engine *e, struct ike_sa *sa, uint8_t from);

#endif
