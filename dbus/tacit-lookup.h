/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What `tacit lookup` has found out, before it is shown.
 */
#ifndef TACIT_DBUS_TACIT_LOOKUP_H
#define TACIT_DBUS_TACIT_LOOKUP_H

#include "dbus/tacit-conclude.h"
#include "dbus/tacit.h"
#include "dnskeys/chain.h"
#include "dnskeys/lookup.h"

#define TACIT_LOOKUP_ADDRESSES 8u

/* An answer to one question for addresses or a pointer. */
struct tacit_answer {
	bool there;
	enum dns_verdict verdict;
	char why[CHAIN_WHY_MAX];
	struct addr addresses[TACIT_LOOKUP_ADDRESSES];
	size_t n;
	char name[NAME_STRLEN]; /* of a pointer, "" */
};

/* A name and its keys, and the chain above it. */
struct tacit_place {
	char name[NAME_STRLEN];
	struct lookup *lookup;
	struct keyset *keys; /* NULL: no answer in time */
	struct chain *chain;
};

struct tacit_address {
	struct addr addr;
	struct tacit_place place; /* in the reverse tree, and by a pointer */
	struct tacit_answer pointer;
	/* By the one name that the policy accepts, "" where it has not one. */
	struct tacit_place named;
	char policy[LIMIT_POLICY_NAME + 1]; /* "": none */
	char level[16], auth[16], discover[16];
	char conclusion[TACIT_CONCLUSION_LEN];
};

struct tacit_found {
	const char *host;
	struct tacit_place forward; /* name "": an address was asked for */
	struct tacit_answer a, aaaa;
	struct tacit_address addresses[TACIT_LOOKUP_ADDRESSES];
	size_t n;
	enum keyset_status status; /* of all of it */
};

void tacit_lookup_show(const struct tacit_output *o,
		       const struct tacit_found *f);

#endif
