/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Traffic selectors (RFC 7296 3.13). What we ask for, accept and answer is
 * always one host with all protocols and ports: an anonymous peer speaks for
 * its own address and for nothing else.
 */
#ifndef TACIT_IKE_SELECTOR_H
#define TACIT_IKE_SELECTOR_H

#include "ike/payload.h"
#include "util/addr.h"

struct ike_selector {
	uint8_t type; /* enum ike_ts_type */
	uint8_t protocol;
	uint16_t port_first, port_last;
	struct addr first, last;
};

struct ike_selectors {
	size_t n;
	size_t unknown; /* left out: of types that we do not know */
	struct ike_selector list[LIMIT_IKE_SELECTORS];
};

/* 0; -EBADMSG: none, too many, a wrong length, start after end (*ret is then
 * not valid). */
int ike_selectors_parse(const struct ike_payload *p, struct ike_selectors *ret)
	__attribute__((warn_unused_result));
/* Some selector contains this host with all protocols and ports. */
bool ike_selectors_contain(const struct ike_selectors *s,
			   const struct addr *host);
/* The first host that is a selector by itself, with all protocols and ports. */
bool ike_selectors_host(const struct ike_selectors *s, uint16_t family,
			struct addr *ret);
/* There is one selector and it is this host with all protocols and ports. */
bool ike_selectors_are(const struct ike_selectors *s, const struct addr *host);
/* type is IKE_PAYLOAD_TSI or IKE_PAYLOAD_TSR. A host, or all of a family. */
void ike_selectors_write_any(struct ike_builder *b, enum ike_payload_type type,
			     uint16_t family);
void ike_selectors_write(struct ike_builder *b, enum ike_payload_type type,
			 const struct addr *host);

#endif
