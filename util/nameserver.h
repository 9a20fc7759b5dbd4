/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The name servers of this host, as the system's files name them.
 */
#ifndef TACIT_UTIL_NAMESERVER_H
#define TACIT_UTIL_NAMESERVER_H

#include "util/addr.h"
#include "util/limits.h"

#define NAMESERVER_PORT	    53u
#define NAMESERVER_TLS_PORT 853u /* RFC 7858 3.1 */

struct nameserver {
	struct addr addr;
	uint16_t port; /* host order; 0: not said */
};

struct nameservers {
	size_t n;
	struct addr list[LIMIT_NAMESERVERS];
};

/* Where systemd-resolved says whom it asks, and the file of everybody else. */
#define NAMESERVER_RESOLVED "/run/systemd/resolve/resolv.conf"
#define NAMESERVER_SYSTEM   "/etc/resolv.conf"

/* resolv.conf(5), whose lines that are not understood are passed over, as the
 * C library does. Those beyond the limit are left out. */
void nameservers_parse(const char *text, struct nameservers *ret);
/* Of the first of these files (NULL at the end) that names one; none where
 * none does. */
void nameservers_read(const char *const *files, struct nameservers *ret);
/* Of the system: whom systemd-resolved asks where it runs, for its own stub
 * hides whether answers are signed. */
void nameservers_system(struct nameservers *ret);

#endif
