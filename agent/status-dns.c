/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/status-dns.h"

#include <errno.h>

#include "agent/agent.h"

void status_dns(void *user, struct dbus_dns *ret)
{
	const struct agent *a = user;
	const char *fault = a->key_dns ? key_dns_fault(a->key_dns) : NULL;

	*ret = (struct dbus_dns){
		.lookup = a->config->dns.lookup,
		.fault = fault ? fault : "",
		.resolver = a->key_dns ? key_dns_config(a->key_dns) : NULL,
		.identity = a->config->local_identity
				    ? a->config->local_identity
				    : "",
	};
	ret->n_addresses = own_dns_addresses(a->own_dns, &ret->addresses);
}

int status_rule(void *user, const struct addr *remote, struct dbus_rule *ret)
{
	const struct agent *a = user;
	const struct addr *host = flow_table_host(a->flows, remote);
	const struct policy *p = policy_table_lookup(a->config->policies, host);

	if (!p)
		return -ENOENT;
	*ret = (struct dbus_rule){
		.name = p->name,
		.level = policy_level_name(p->level),
		.auth = policy_auth_name(p->auth),
		.discover = policy_discover_name(p->discover),
		.lookup = policy_lookup_name(p->lookup),
		.gateway = p->gateway,
		.identities = (const char *const *)p->identities,
		.n_identities = p->n_identities,
		.in_file =
			known_peers_by_address(a->config->peers, host) != NULL,
	};
	return 0;
}
