/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The IPSECKEY records that a host publishes: of a public key, and as a line of
 * a zone file. Pure, but for OpenSSL's memory.
 */
#ifndef TACIT_DNSKEYS_OWN_RECORD_H
#define TACIT_DNSKEYS_OWN_RECORD_H

#include <stdbool.h>

#include "dnskeys/ipseckey.h"
#include "dnskeys/name.h"

/* Precedence, gateway type, algorithm, key. */
#define OWN_RECORD_MAX	(3u + IPSECKEY_KEY_MAX)
#define OWN_RECORD_LINE (NAME_STRLEN + 64u + OWN_RECORD_MAX * 4u / 3u)

struct own_record {
	uint8_t rdata[OWN_RECORD_MAX];
	size_t len;
};

/* Of a SubjectPublicKeyInfo; Ed25519 before ECDSA before RSA, by precedence.
 * 0; -EOPNOTSUPP: RFC 4025 has no form for it; -EBADMSG: no key; -EIO. */
int own_record_make(const void *spki, size_t len, struct own_record *ret)
	__attribute__((warn_unused_result));
/* Is this RDATA of the same public key, whatever its precedence and gateway? */
bool own_record_is_same(const struct own_record *r, const void *rdata,
			size_t len);
/* "10 0 4 . BASE64"; returns buf. */
char *own_record_rdata(const struct own_record *r,
		       char buf[static OWN_RECORD_LINE]);
/* "NAME TTL IN IPSECKEY 10 0 4 . BASE64"; returns buf. */
char *own_record_line(const struct own_record *r, const char *name,
		      uint32_t ttl, char buf[static OWN_RECORD_LINE]);

#endif
