/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Policies for single ports, as rules that do not overlap: a network, a
 * service, and whose policy it is. A rule is for exactly the addresses where no
 * more specific network says otherwise, so that whoever follows rules needs no
 * longest-prefix match. The port is that of the service, on either side.
 */
#ifndef TACIT_POLICY_PORT_RULE_H
#define TACIT_POLICY_PORT_RULE_H

#include <stddef.h>

#include "policy/policy.h"

struct port_rule {
	struct prefix network;
	struct service service;
	const struct policy *policy;
	const struct prefix *of; /* the network of the policy */
};

/* For policies as in policy_table_new(): in order of service and address.
 * free(*ret), which is NULL where there are none. 0; -EEXIST: a network has a
 * service twice; -E2BIG: more than LIMIT_PORT_RULES; -ENOMEM. */
int port_rules_new(struct policy *const *policies, size_t n,
		   struct port_rule **ret, size_t *ret_n)
	__attribute__((warn_unused_result));
/* The one for this service of this address, or NULL. */
const struct port_rule *port_rules_find(const struct port_rule *rules, size_t n,
					const struct addr *a,
					const struct service *s);

#endif
