/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Gateways that did not answer (RFC 4322). Whoever has a reverse zone can name
 * any host as the gateway of all addresses in it: one that does not speak IKE is
 * knocked at for one of them, and then left alone for all. Times are
 * milliseconds, monotonic.
 */
#ifndef TACIT_AGENT_GATEWAYS_H
#define TACIT_AGENT_GATEWAYS_H

#include "util/addr.h"
#include "util/limits.h"

struct gateways {
	struct gateway {
		struct addr addr; /* unset: nothing is here */
		uint8_t failures; /* in a row */
		uint64_t until;	  /* left alone */
		uint64_t failed_at;
	} list[LIMIT_GATEWAYS];
};

/* Is it to be left alone now? */
bool gateways_rest(const struct gateways *g, uint64_t now,
		   const struct addr *gateway);
/* It did not answer, or said no to everybody. */
void gateways_failed(struct gateways *g, uint64_t now,
		     const struct addr *gateway);
/* It speaks. */
void gateways_work(struct gateways *g, const struct addr *gateway);
/* The world is another one: all are tried again. */
void gateways_forget(struct gateways *g);

#endif
