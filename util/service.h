/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A service: a port of a protocol that has ports. A plain value. */
#ifndef TACIT_UTIL_SERVICE_H
#define TACIT_UTIL_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "util/limits.h"

struct service {
	uint8_t protocol; /* IPPROTO_TCP...; 0: any */
	uint16_t port;	  /* 1 to 65535, host order; 0 where any is meant */
};

/* What the SAs of a host pair are for: these services, at the side of either or
 * of one; n 0: all traffic. */
struct scope {
	uint8_t n;
	uint8_t sides; /* SCOPE_LOCAL: the service is ours, SCOPE_REMOTE: the
			* peer's */
	struct service list[LIMIT_SCOPE_SERVICES];
};

enum { SCOPE_LOCAL = 1, SCOPE_REMOTE = 2, SCOPE_BOTH = 3 };

#define SERVICE_STRLEN 12 /* "65535/255" */

/* "443/tcp": tcp or udp. 0, or -EINVAL and *ret untouched. */
int service_parse(const char *text, struct service *ret)
	__attribute__((warn_unused_result));
/* The same of "8000-8010/tcp", or of one port. -EINVAL also when the range ends
 * before it begins. */
int service_parse_range(const char *text, struct service *ret_first,
			uint16_t *ret_last) __attribute__((warn_unused_result));
/* Returns buf; a protocol without a name is written as its number. */
char *service_format(const struct service *s, char buf[static SERVICE_STRLEN]);
/* A total order: protocol, port. */
int service_compare(const struct service *a, const struct service *b);
static inline bool service_equal(const struct service *a,
				 const struct service *b)
{
	return service_compare(a, b) == 0;
}
bool scope_has(const struct scope *sc, const struct service *s);
/* Is a packet between these ports (0: none) in it? */
bool scope_covers(const struct scope *sc, uint8_t protocol, uint16_t local_port,
		  uint16_t remote_port);
/* "tcp", or NULL. */
const char *service_protocol_name(uint8_t protocol);

#endif
