/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The RDATA of an IPSECKEY record (RFC 4025), read and written. ldns carries
 * it as one opaque field, so that the parser is ours. Pure.
 */
#ifndef TACIT_DNSKEYS_IPSECKEY_H
#define TACIT_DNSKEYS_IPSECKEY_H

#include <openssl/types.h>
#include <stddef.h>
#include <stdint.h>

#include "util/addr.h"
#include "util/wbuf.h"

#define IPSECKEY_RR_TYPE 45u /* RFC 4025 2.1 */
/* A domain name in wire form (RFC 1035 2.3.4). */
#define IPSECKEY_NAME_MAX 255u
/* The longest public key that is read or written: an RSA key of 8192 bits in
 * either form. */
#define IPSECKEY_KEY_MAX 1100u

enum ipseckey_algorithm { /* RFC 4025 2.4; RFC 9373 */
			  IPSECKEY_NO_KEY = 0,
			  IPSECKEY_DSA = 1,
			  IPSECKEY_RSA = 2,
			  IPSECKEY_ECDSA = 3,
			  IPSECKEY_EDDSA = 4,
};

enum ipseckey_gateway { /* RFC 4025 2.3 */
			IPSECKEY_GATEWAY_NONE = 0,
			IPSECKEY_GATEWAY_IPV4 = 1,
			IPSECKEY_GATEWAY_IPV6 = 2,
			IPSECKEY_GATEWAY_NAME = 3,
};

struct ipseckey {
	uint8_t precedence; /* 2.2: the lowest is tried first */
	uint8_t gateway_type;
	uint8_t algorithm;
	struct addr gateway; /* IPV4 and IPV6 */
	/* NAME: uncompressed, the root label included. */
	uint8_t name[IPSECKEY_NAME_MAX];
	uint8_t name_len;
	const uint8_t *key; /* borrowed, in the form of its algorithm */
	size_t key_len;
};

/* 0; -EBADMSG: truncated, a compressed or overlong gateway name, a key where
 * the algorithm says none or the reverse; -EOPNOTSUPP: a gateway type that we
 * do not know, so that the rest cannot be found. */
int ipseckey_parse(const void *rdata, size_t len, struct ipseckey *ret)
	__attribute__((warn_unused_result));
/* The key as OpenSSL has it, *ret is the caller's. 0; -EOPNOTSUPP: an unknown
 * algorithm or curve, or none; -EBADMSG: not a key of that algorithm;
 * -EKEYREJECTED: RSA outside 2048 to 8192 bits or with a bad exponent; -EIO. */
int ipseckey_to_pkey(const struct ipseckey *k, EVP_PKEY **ret)
	__attribute__((warn_unused_result));
/* The RDATA of a public key with gateway type 0; w fails where it is full.
 * 0; -EOPNOTSUPP: a key that RFC 4025 has no form for; -EIO. */
int ipseckey_write(struct wbuf *w, uint8_t precedence, const EVP_PKEY *key)
	__attribute__((warn_unused_result));
/* "RSA", "ECDSA", "EdDSA"; NULL when unknown. */
const char *ipseckey_algorithm_name(uint8_t algorithm);

#endif
