/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who is asked about what, in the resolver's form: of the configuration, of
 * resolv.conf, or as systemd-resolved has it link by link, so that what is only
 * known behind a VPN is asked there, and nothing else is.
 */
#ifndef TACIT_AGENT_DNS_SERVERS_H
#define TACIT_AGENT_DNS_SERVERS_H

#include "agent/resolved.h"
#include "policy/config.h"

/* Lists with NULL at their end, as struct resolver_config has them; owned. */
struct dns_servers {
	char **forwarders;
	char **zones; /* pairs */
};

/* system and resolved count for Servers=system only; resolved NULL: it does not
 * run, or has not answered yet. 0; -ENOMEM; -ENETDOWN: the system has none.
 * dns_servers_done() in any case. */
int dns_servers_make(const struct config_dns *config,
		     const struct nameservers *system,
		     const struct resolved_state *resolved,
		     struct dns_servers *ret)
	__attribute__((warn_unused_result));
void dns_servers_done(struct dns_servers *s);
bool dns_servers_equal(const struct dns_servers *a,
		       const struct dns_servers *b);

#endif
