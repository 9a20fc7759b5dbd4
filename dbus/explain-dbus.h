/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The answer to Explain. */
#ifndef TACIT_DBUS_EXPLAIN_DBUS_H
#define TACIT_DBUS_EXPLAIN_DBUS_H

#include "dbus/pending.h"
#include "dbus/source.h"

#define DBUS_ADVICE_MAX 6
/* Further ones are not told. */
#define DBUS_EXCEPTIONS_MAX 64

/* All that the agent knows about an address. Strings are borrowed, never NULL. */
struct dbus_explanation {
	struct addr remote;
	/* The policy; name "": none. */
	const char *policy, *level, *auth, *discover, *network, *file;
	uint32_t line; /* of the file; 0: built in */
	bool wait;
	uint32_t wait_ms, lookup_ms;
	const char *const *identities; /* that it accepts */
	size_t n_identities;
	/* Policies that are for some of those who may be at this address, in
	 * place of this one. */
	const char *named[DBUS_EXCEPTIONS_MAX];
	size_t n_named;
	const struct service *ports; /* of the policy */
	size_t n_ports;
	/* Its services that a policy with ports has taken out. */
	struct service clear[DBUS_EXCEPTIONS_MAX], blocked[DBUS_EXCEPTIONS_MAX],
		encrypted[DBUS_EXCEPTIONS_MAX];
	size_t n_clear, n_blocked, n_encrypted;
	const char *network_file; /* where that network stands, or "" */
	uint32_t network_line;
	/* What it is now, if it is known at all, or else what may be said. */
	bool known;
	struct dbus_peer peer;
	const char *state; /* "unknown"; "clear", "blocked": by its port */
	uint32_t failures;
	uint64_t next_ms; /* until the next attempt; 0: with the next packet */
	/* Its keys, as far as they have been asked for. */
	bool key_file;
	const char *key_verdict; /* "secure", "none", ..., or "" */
	const char *key_source, *key_name, *key_why, *dns_fault;
	uint32_t key_count;
	/* The IKE SA, of an attempt or established, in words. */
	const char *ike_state, *ike_role;
	/* What tacit-netd has in the kernel. */
	bool netd, kernel, sending, hardened;
	uint64_t bytes_in, bytes_out, packets_in, packets_out;
	/* What would change it. */
	const char *advice[DBUS_ADVICE_MAX];
	size_t n_advice;
};

void dbus_reply_explanation(struct dbus_pending *p, struct handle call,
			    const struct dbus_explanation *e);

#endif
