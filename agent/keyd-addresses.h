/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Is an address this host's? For tacit-keyd, which signs in the name of the
 * host's own addresses only: asked of the kernel, and remembered for a while.
 */
#ifndef TACIT_AGENT_KEYD_ADDRESSES_H
#define TACIT_AGENT_KEYD_ADDRESSES_H

#include "util/addr.h"
#include "util/limits.h"

struct keyd_addresses {
	struct addr list[LIMIT_OWN_ADDRESSES]; /* without their scope */
	unsigned count;
	uint64_t read_at; /* ms; 0: never */
};

bool keyd_addresses_has(struct keyd_addresses *t, uint64_t now,
			const struct addr *a);

#endif
