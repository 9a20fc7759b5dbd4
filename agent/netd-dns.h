/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which ports of which name servers are always in the clear, so that nobody's
 * DNS, and least of all the agent's, waits for what can only come of DNS.
 *
 * tacit-netd finds them by itself, since the agent must not be able to open
 * anything: in the configuration, and for Servers=system where the system has
 * them. Who can write there, which is root, what root lets configure the
 * network, and by DHCP the network itself, can open two ports of an address
 * also in a network under require: for queries to it, and for answers. Who
 * wants less names Servers=. Full recursion opens port 53 of every host, to
 * what the agent's user sends and to answers.
 */
#ifndef TACIT_AGENT_NETD_DNS_H
#define TACIT_AGENT_NETD_DNS_H

#include <systemd/sd-event.h>

#include "policy/config.h"
#include "util/nameserver.h"

struct netd_dns;

struct netd_dns_ops {
	void *user;
	/* Others from now on, never from within netd_dns_new(). */
	void (*changed)(void *user);
};

/* config is borrowed. 0; -ENOMEM. */
int netd_dns_new(sd_event *event, const struct config_dns *config,
		 const struct netd_dns_ops *ops, struct netd_dns **ret)
	__attribute__((warn_unused_result));
struct netd_dns *netd_dns_free(struct netd_dns *d);
/* LIMIT_DNS_OPENINGS at most, borrowed. */
const struct nameserver *netd_dns_servers(const struct netd_dns *d,
					  size_t *ret_n);

/* Full recursion: answers are looked for from the root of the tree down. */
bool netd_dns_recursive(const struct config_dns *config);

#endif
