/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Does this host forward packets of others, such as its containers'? */
#ifndef TACIT_XFRM_FORWARDING_H
#define TACIT_XFRM_FORWARDING_H

#include <stdbool.h>

/* net.ipv4.ip_forward, net.ipv6.conf.all.forwarding. False also where they
 * cannot be read: there is no such family. */
bool forwarding_is_on(int family);

#endif
