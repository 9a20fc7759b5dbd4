/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ports= of a policy: services such as 443/tcp, and ranges of them, parted by
 * spaces.
 */
#ifndef TACIT_POLICY_CONFIG_PORTS_H
#define TACIT_POLICY_CONFIG_PORTS_H

#include "policy/config-file.h"
#include "policy/policy.h"

/* Adds what a word of the value says; what is wrong goes to errors. 0 or
 * -ENOMEM. */
int config_ports_add(struct policy *p, const struct config_place *at,
		     const char *word) __attribute__((warn_unused_result));
/* Has a all services of b? */
bool config_ports_include(const struct policy *a, const struct policy *b);
/* Do two policies, for one network, both speak of some traffic as the most
 * specific ones? *ret_shared is the service, of protocol 0 where it is all
 * traffic. */
bool config_ports_clash(const struct policy *a, const struct policy *b,
			struct service *ret_shared);

#endif
