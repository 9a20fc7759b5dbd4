/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A resolver of the command line's own that asks and trusts as the agent's
 * does, and waiting for its answers. What the agent has in its cache is not
 * shown to anybody: it would tell whom this host talks to.
 */
#ifndef TACIT_DBUS_TACIT_DNS_H
#define TACIT_DBUS_TACIT_DNS_H

#include "dbus/tacit.h"
#include "dnskeys/resolver.h"

/* The agent's GetDNS, for tacit_dict_done() and the message's unref. Exit
 * code. */
int tacit_dns_ask(struct tacit_client *c, sd_bus_message **ret_reply,
		  struct tacit_dict *ret) __attribute__((warn_unused_result));
/* A resolver as that says. False: why has the reason. */
#define TACIT_DNS_WHY_LEN 160
bool tacit_dns_open(const struct tacit_dict *dns, struct resolver **ret,
		    char why[static TACIT_DNS_WHY_LEN]);
/* The same. Exit code; says what is wrong. */
int tacit_dns_resolver(const struct tacit_dict *dns, struct resolver **ret)
	__attribute__((warn_unused_result));
/* Processes answers until there are no questions any more, or for so long.
 * False: some have not been answered. */
bool tacit_dns_wait(struct resolver *r, unsigned ms);

#endif
