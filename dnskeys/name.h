/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Domain names in text: those of the reverse trees, and those that come in
 * RDATA. Pure.
 */
#ifndef TACIT_DNSKEYS_NAME_H
#define TACIT_DNSKEYS_NAME_H

#include "util/addr.h"

/* Longest text with its NUL: 255 bytes, each of them as "\ddd". */
#define NAME_STRLEN 1024u

/* "1.2.0.192.in-addr.arpa." (RFC 1035 3.5) and "1.0...8.b.d.0.1.0.0.2.ip6.
 * arpa." (RFC 3596 2.5). -EAFNOSUPPORT for an unset address. */
int name_of_address(const struct addr *a, char ret[static NAME_STRLEN])
	__attribute__((warn_unused_result));
/* Labels of 1 to 63 bytes, 255 in all, with or without the last dot: can it be
 * asked about? */
bool name_is_valid(const char *name);
/* An uncompressed name in wire form that must fill all of len, in lower case. 0;
 * -EBADMSG. */
int name_from_wire(const uint8_t *wire, size_t len,
		   char ret[static NAME_STRLEN])
	__attribute__((warn_unused_result));

#endif
