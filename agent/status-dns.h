/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the bus shows of the agent's DNS, and of policies by address. */
#ifndef TACIT_AGENT_STATUS_DNS_H
#define TACIT_AGENT_STATUS_DNS_H

#include "dbus/source.h"

/* As in struct dbus_source; user is the agent. */
void status_dns(void *user, struct dbus_dns *ret);
int status_rule(void *user, const struct addr *remote, struct dbus_rule *ret);

#endif
