/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The bodies of the small payloads: reader and writer of each side by side.
 * Readers are pure and return views into the message: 0, or -EBADMSG with
 * *ret untouched. Writers add a whole payload to a message under way.
 */
#ifndef TACIT_IKE_PAYLOAD_H
#define TACIT_IKE_PAYLOAD_H

#include "ike/message.h"

/* Bytes inside a message, borrowed. */
struct ike_view {
	const uint8_t *data;
	size_t len;
};

/* 3.4 */
struct ike_ke {
	uint16_t group;
	struct ike_view data;
};
int ike_ke_parse(const struct ike_payload *p, struct ike_ke *ret)
	__attribute__((warn_unused_result));
void ike_ke_write(struct ike_builder *b, uint16_t group, const void *data,
		  size_t len);

/* 3.9; a nonce is kept by value, with its length. */
struct ike_nonce {
	uint16_t len;
	uint8_t data[LIMIT_IKE_NONCE_MAX];
};
int ike_nonce_parse(const struct ike_payload *p, struct ike_nonce *ret)
	__attribute__((warn_unused_result));
void ike_nonce_write(struct ike_builder *b, const struct ike_nonce *nonce);

/* 3.5; body is what the AUTH octets cover. */
struct ike_id {
	uint8_t type;
	struct ike_view data;
	struct ike_view body;
};
int ike_id_parse(const struct ike_payload *p, struct ike_id *ret)
	__attribute__((warn_unused_result));
/* RFC 7619 2.1: the anonymous identity, and its body alone. */
void ike_id_write_null(struct ike_builder *b, enum ike_payload_type type);
#define IKE_ID_NULL_BODY_LEN 4u
void ike_id_null_body(uint8_t body[static IKE_ID_NULL_BODY_LEN]);

/* 3.6 */
struct ike_cert {
	uint8_t encoding; /* enum ike_cert_encoding */
	struct ike_view data;
};
int ike_cert_parse(const struct ike_payload *p, struct ike_cert *ret)
	__attribute__((warn_unused_result));
void ike_cert_write(struct ike_builder *b, uint8_t encoding, const void *data,
		    size_t len);

/* 3.8 */
struct ike_authentication {
	uint8_t method;
	struct ike_view data;
};
int ike_authentication_parse(const struct ike_payload *p,
			     struct ike_authentication *ret)
	__attribute__((warn_unused_result));
void ike_authentication_write(struct ike_builder *b, uint8_t method,
			      const void *data, size_t len);

/* 3.10 */
struct ike_notify {
	uint8_t protocol;
	uint16_t type;
	struct ike_view spi;
	struct ike_view data;
};
int ike_notify_parse(const struct ike_payload *p, struct ike_notify *ret)
	__attribute__((warn_unused_result));
void ike_notify_write(struct ike_builder *b, uint16_t type, const void *data,
		      size_t len);
/* About a Child SA: its protocol and SPI, no data. */
void ike_notify_write_spi(struct ike_builder *b, uint16_t type,
			  uint8_t protocol, const struct ike_view *spi);
void ike_notify_write_esp(struct ike_builder *b, uint16_t type, uint32_t spi);

/* 3.11; spis holds count of them, 4 bytes each (none for the IKE SA). */
struct ike_delete {
	uint8_t protocol;
	uint16_t count;
	struct ike_view spis;
};
int ike_delete_parse(const struct ike_payload *p, struct ike_delete *ret)
	__attribute__((warn_unused_result));
/* The IKE SA itself, and one ESP SA by the SPI of our inbound side. */
void ike_delete_write_ike(struct ike_builder *b);
void ike_delete_write_esp(struct ike_builder *b, uint32_t spi);

/* 3.12 */
void ike_vendor_write(struct ike_builder *b, const char *text);

#endif
