/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A service: a port of a protocol that has ports. A plain value. */
#ifndef TACIT_UTIL_SERVICE_H
#define TACIT_UTIL_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

struct service {
	uint8_t protocol; /* IPPROTO_TCP...; 0: any */
	uint16_t port;	  /* 1 to 65535, host order; 0 where any is meant */
};

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
/* "tcp", or NULL. */
const char *service_protocol_name(uint8_t protocol);

#endif
