/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The part of DNS in `tacit explain`: the chain of trust above a peer's keys, and
 * what follows from them, where the agent would ask for them at all.
 */
#ifndef TACIT_DBUS_TACIT_EXPLAIN_H
#define TACIT_DBUS_TACIT_EXPLAIN_H

#include "dbus/tacit-address.h"
#include "dbus/tacit-dns.h"

struct tacit_explain_dns {
	struct tacit_address address;	 /* its addr is the caller's to set */
	char unasked[TACIT_DNS_WHY_LEN]; /* why, or "" */
};

/* Asks, for a few seconds at most; the resolver is made when it is NULL and
 * needed, and freed by the caller, after tacit_explain_dns_free(). Exit code. */
int tacit_explain_dns_ask(struct tacit_client *c, struct resolver **resolver,
			  const struct addr *address,
			  struct tacit_explain_dns **ret)
	__attribute__((warn_unused_result));
/* Takes NULL. */
struct tacit_explain_dns *tacit_explain_dns_free(struct tacit_explain_dns *x);
void tacit_explain_dns_show(const struct tacit_output *o,
			    const struct tacit_explain_dns *x);
/* A line of a section, "" for those that follow its head. */
void tacit_explain_line(const struct tacit_output *o, const char *head,
			const char *text);

#endif
