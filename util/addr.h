/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Addresses, prefixes and endpoints: the plain types that every folder shares.
 *
 * All are values: copy them, compare them with the functions here (never with
 * memcmp), and keep unused bytes zero. struct addr with family 0 is "unset".
 */
#ifndef TACIT_UTIL_ADDR_H
#define TACIT_UTIL_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct addr {
	uint16_t family;   /* AF_INET, AF_INET6, or 0: unset */
	uint16_t reserved; /* zero */
	uint32_t scope;	   /* interface index of an IPv6 link-local, else 0 */
	uint8_t bytes[16]; /* network order; IPv4 in the first four */
};

struct prefix {
	struct addr addr; /* host bits are zero, scope is zero */
	uint8_t len;	  /* bits, 0 to 32 or 128 */
};

struct endpoint {
	struct addr addr;
	uint16_t port; /* host order */
};

/* Longest text of each, with the final NUL. */
#define ADDR_STRLEN	64 /* "fe80::1%4294967295" and any IPv6 address */
#define PREFIX_STRLEN	72
#define ENDPOINT_STRLEN 80 /* "[2001:db8::1]:500" */

/* Length of the address in bytes: 4, 16, or 0 when unset. */
size_t addr_len(const struct addr *a);
bool addr_equal(const struct addr *a, const struct addr *b);
/* Total order: family, bytes, scope. For sorting and paging. */
int addr_compare(const struct addr *a, const struct addr *b);
bool addr_is_loopback(const struct addr *a);
bool addr_is_multicast(const struct addr *a);
bool addr_is_linklocal(const struct addr *a); /* 169.254/16 and fe80::/10 */
bool addr_is_unspecified(const struct addr *a);

/* Text to address, "%IFNAME" or "%INDEX" behind an IPv6 link-local is its
 * scope. 0, or -EINVAL and *ret untouched. */
int addr_parse(const char *text, struct addr *ret);
/* Writes at most ADDR_STRLEN ("unset" where it is); returns buf. */
char *addr_format(const struct addr *a, char buf[static ADDR_STRLEN]);

void addr_from_in(const struct in_addr *in, struct addr *ret);
/* The scope is kept for a link-local address only. */
void addr_from_in6(const struct in6_addr *in, uint32_t scope, struct addr *ret);

/* "10.0.0.0/8"; an address alone is a host prefix. Host bits that are set
 * are an error (-EINVAL), so that 10.0.0.1/8 is noticed. */
int prefix_parse(const char *text, struct prefix *ret);
char *prefix_format(const struct prefix *p, char buf[static PREFIX_STRLEN]);
bool prefix_contains(const struct prefix *p, const struct addr *a);
bool prefix_equal(const struct prefix *a, const struct prefix *b);
/* The network of len bits that a lies in; len above the maximum is capped. */
struct prefix prefix_of(const struct addr *a, uint8_t len);
/* The last address in it. */
struct addr prefix_last(const struct prefix *p);
/* The host prefix of an address: /32 or /128. */
struct prefix prefix_host(const struct addr *a);

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);
char *endpoint_format(const struct endpoint *e,
		      char buf[static ENDPOINT_STRLEN]);
/* -EAFNOSUPPORT for other families, -EINVAL when len is too short. An
 * IPv4-mapped IPv6 address (RFC 4291 2.5.5.2) becomes the IPv4 one. */
int endpoint_from_sockaddr(const struct sockaddr *sa, socklen_t len,
			   struct endpoint *ret);
/* Returns the length written, 0 for an unset address. */
socklen_t endpoint_to_sockaddr(const struct endpoint *e,
			       struct sockaddr_storage *ret);

#endif
