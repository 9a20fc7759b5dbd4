/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Traffic selectors (RFC 7296 3.13). What we ask for, accept and answer is
 * always one host: an anonymous peer speaks for its own address and for nothing
 * else. With all protocols and ports; or, where SAs are for single services,
 * with these and, since they have a port of the other side's choice, with all
 * ports of their protocols. A payload with both is of services at either side.
 */
#ifndef TACIT_IKE_SELECTOR_H
#define TACIT_IKE_SELECTOR_H

#include "ike/payload.h"
#include "util/addr.h"
#include "util/service.h"

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
/* Some selector contains this host; with all protocols and ports, unless scoped
 * is set. */
bool ike_selectors_contain(const struct ike_selectors *s,
			   const struct addr *host, bool scoped);
/* The first host that is a selector by itself; likewise. */
bool ike_selectors_host(const struct ike_selectors *s, uint16_t family,
			bool scoped, struct addr *ret);
/* Is all traffic of the scope's services at one side in these two? */
bool ike_selectors_cover(const struct ike_selectors *at,
			 const struct addr *host,
			 const struct ike_selectors *other,
			 const struct addr *other_host,
			 const struct scope *scope);
/* Nothing in it but this host with what ike_selectors_write_scope() may write. */
bool ike_selectors_within(const struct ike_selectors *s,
			  const struct addr *host, const struct scope *scope);
/* There is one selector and it is this host with all protocols and ports. */
bool ike_selectors_are(const struct ike_selectors *s, const struct addr *host);
/* type is IKE_PAYLOAD_TSI or IKE_PAYLOAD_TSR. A host, or all of a family. */
void ike_selectors_write_any(struct ike_builder *b, enum ike_payload_type type,
			     uint16_t family);
void ike_selectors_write(struct ike_builder *b, enum ike_payload_type type,
			 const struct addr *host);
/* A host: as the side of the scope's services, as the other side, or both. */
void ike_selectors_write_scope(struct ike_builder *b,
			       enum ike_payload_type type,
			       const struct addr *host,
			       const struct scope *scope, bool services,
			       bool other);

#endif
