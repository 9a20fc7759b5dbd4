/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For the tests of dbus/ and of the command line: an agent's status without an
 * agent. Peers are 10.0.0.0 and the following addresses, then 2001:db8:: and
 * the following; some of them have odd texts. Connecting to one that is
 * secured, clear or blocked is answered so, to the others never.
 */
#ifndef TACIT_TESTS_DBUS_FAKE_H
#define TACIT_TESTS_DBUS_FAKE_H

#include "dbus/pending.h"
#include "dbus/source.h"

struct fake {
	uint32_t n_ipv4, n_ipv6;
	uint32_t n_policies;
	uint32_t asked; /* peers given out */
	/* For calls that are answered later; the test sets it. */
	struct dbus_pending *pending;
	int level; /* of set_debug() */
	struct addr level_peer;
	uint32_t capture_seconds;
	struct dbus_host host;
	const struct resolver_config *resolver; /* as GetDNS has it */
	const char *identity;
	struct addr own[4];
	size_t n_own;
	char text[256]; /* what the last peer's identity points to */
};

/* A host as it is when all is well; more peers than one page. */
void fake_init(struct fake *f);
struct dbus_source fake_source(struct fake *f);
/* The peer with this number. */
void fake_address(const struct fake *f, uint32_t index, struct addr *ret);

#endif
