/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who somebody says to be (RFC 7296 3.5): a type and its bytes, compared as
 * bytes, and how people write it. A value, to be copied by assignment.
 */
#ifndef TACIT_IKE_IDENTITY_H
#define TACIT_IKE_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ike/payload.h"
#include "util/addr.h"

struct ike_identity {
	uint8_t type; /* enum ike_id_type; 0: none, or any */
	uint16_t len; /* of data; 0 for ID_NULL */
	uint8_t data[LIMIT_IKE_ID];
};

/* Longest text, with the final NUL: each byte of data as two digits. */
#define IKE_IDENTITY_STRLEN (2 * LIMIT_IKE_ID + 16)

static inline struct ike_identity ike_identity_null(void)
{
	return (struct ike_identity){ .type = IKE_ID_NULL };
}
static inline bool ike_identity_is_none(const struct ike_identity *id)
{
	return id->type == 0;
}
static inline bool ike_identity_is_null(const struct ike_identity *id)
{
	return id->type == IKE_ID_NULL;
}
/* Type and bytes, but host names in any case (RFC 4343). Two that are none are
 * equal. */
bool ike_identity_equal(const struct ike_identity *a,
			const struct ike_identity *b);

/* One of the types that we take, with data that its type can have (an address
 * of the right length, a name of printable ASCII). 0; -EBADMSG. */
int ike_identity_from_payload(const struct ike_id *id, struct ike_identity *ret)
	__attribute__((warn_unused_result));
/* -EBADMSG too for data too long. */
int ike_identity_make(uint8_t type, const void *data, size_t len,
		      struct ike_identity *ret)
	__attribute__((warn_unused_result));
struct ike_identity ike_identity_of_addr(const struct addr *a);

/* The body of an ID payload: ret takes IKE_IDENTITY_BODY_MAX; its length. */
#define IKE_IDENTITY_BODY_MAX (LIMIT_IKE_ID + 4)
size_t ike_identity_body(const struct ike_identity *id,
			 uint8_t ret[static IKE_IDENTITY_BODY_MAX]);
void ike_identity_write(struct ike_builder *b, enum ike_payload_type type,
			const struct ike_identity *id);

/*
 * "192.0.2.1" and "2001:db8::1" are addresses, "@host.example" or
 * "host.example" a name, "user@host.example" RFC822, "%null" ID_NULL,
 * "keyid:HEX" and "dn:HEX" those bytes (dn: DER). 0; -EINVAL.
 */
int ike_identity_parse(const char *text, struct ike_identity *ret)
	__attribute__((warn_unused_result));
/* The same forms; a name as "@host.example", in lower case; "none". Returns
 * buf. */
char *ike_identity_format(const struct ike_identity *id,
			  char buf[static IKE_IDENTITY_STRLEN]);

#endif
