/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * IKE messages: the header (RFC 7296 3.1), the chain of payloads (3.2), and
 * the builder that writes both. The parser makes a const view into bytes that
 * it does not own; it judges form, not meaning.
 */
#ifndef TACIT_IKE_MESSAGE_H
#define TACIT_IKE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ike/number.h"
#include "util/limits.h"
#include "util/rbuf.h"
#include "util/wbuf.h"

struct ike_header {
	uint64_t spi_i, spi_r;
	uint8_t next_payload;
	uint8_t exchange;
	uint8_t flags;
	uint32_t id;
};

/* The body of one payload, without its generic header. */
struct ike_payload {
	const uint8_t *data;
	size_t len;
	uint8_t type;
	uint8_t inner; /* SK and SKF only: type of the first payload inside */
};

struct ike_message {
	struct ike_header header;
	const uint8_t *raw; /* the whole datagram */
	size_t raw_len;
	struct ike_payload payloads[LIMIT_IKE_PAYLOADS];
	size_t n;
	uint32_t present;    /* of IKE_PRESENT() */
	uint8_t unsupported; /* the critical payload we do not know, or 0 */
	/* The inside of its SK payload, once it is open. */
	const uint8_t *inner;
	size_t inner_len;
	uint8_t inner_first;
};

/* A payload type as a bit; the types that have one are 33 to 63. */
#define IKE_PRESENT(type) (UINT32_C(1) << ((type)-32))

enum ike_message_outcome {
	IKE_MESSAGE_OK = 0,
	/* Well formed, with an unknown payload marked critical (2.5). */
	IKE_MESSAGE_CRITICAL = 1,
};

/* Checks length, version, SPI and flags. 0; -EBADMSG. */
int ike_header_parse(const void *data, size_t len, struct ike_header *ret)
	__attribute__((warn_unused_result));
/* The same of any version, whose rest may mean something else: its major
 * version; -EBADMSG. */
int ike_header_parse_any(const void *data, size_t len, struct ike_header *ret)
	__attribute__((warn_unused_result));
static inline bool ike_header_is_response(const struct ike_header *h)
{
	return h->flags & IKE_FLAG_RESPONSE;
}
/* Sent by the side that initiated the IKE SA. */
static inline bool ike_header_from_initiator(const struct ike_header *h)
{
	return h->flags & IKE_FLAG_INITIATOR;
}

/* Header and outer chain of a datagram. enum ike_message_outcome; -EBADMSG. */
int ike_message_parse(const void *data, size_t len, struct ike_message *ret)
	__attribute__((warn_unused_result));
/* Replaces the chain of m by the one inside its SK payload, decrypted.
 * enum ike_message_outcome; -EBADMSG (then m is without payloads). */
int ike_message_parse_inner(struct ike_message *m, uint8_t first,
			    const uint8_t *plain, size_t len)
	__attribute__((warn_unused_result));
/* The first payload of this type, or NULL. */
const struct ike_payload *ike_message_find(const struct ike_message *m,
					   enum ike_payload_type type);
/* Encrypted, in whole or as a fragment, by the look of it. */
static inline bool ike_message_is_protected(const struct ike_message *m)
{
	return m->present &
	       (IKE_PRESENT(IKE_PAYLOAD_SK) | IKE_PRESENT(IKE_PAYLOAD_SKF));
}
static inline struct rbuf ike_payload_reader(const struct ike_payload *p)
{
	return rbuf_of(p->data, p->len);
}

/*
 * Writes a message into a buffer of the caller. Payloads are opened and
 * closed in order; an SK payload stays open around those inside it.
 */
struct ike_builder {
	struct wbuf w;
	size_t next_at; /* where the type of the next payload goes */
	size_t open_at; /* length field of the payload that is open */
};

void ike_builder_init(struct ike_builder *b, void *buf, size_t cap,
		      const struct ike_header *h);
/* What was given to ike_builder_init(). */
void ike_builder_header(const struct ike_builder *b, struct ike_header *ret);
/* Returns the cursor for the payload's body. */
struct wbuf *ike_builder_open(struct ike_builder *b,
			      enum ike_payload_type type);
void ike_builder_close(struct ike_builder *b);
/* Patches the length of the message; -EMSGSIZE when it did not fit. */
int ike_builder_finish(struct ike_builder *b)
	__attribute__((warn_unused_result));

#endif
