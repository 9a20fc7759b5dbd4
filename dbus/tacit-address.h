/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the agent's policy says of an address, and what DNS says when it is asked
 * with a resolver of one's own: for `tacit lookup` and `tacit explain`.
 */
#ifndef TACIT_DBUS_TACIT_ADDRESS_H
#define TACIT_DBUS_TACIT_ADDRESS_H

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
	/* Of the agent, for the rule; NULL: no policy covers it. */
	sd_bus_message *reply;
	struct tacit_dict said;
	struct tacit_rule rule;
	char conclusion[TACIT_CONCLUSION_LEN];
};

/* Begins a question, which is unanswered until its callback says else. */
int tacit_answer_ask(struct resolver *r, const char *name, uint16_t type,
		     resolver_callback *callback, struct tacit_answer *a)
	__attribute__((warn_unused_result));
/* Begins with the keys of a place and its chain; by name, or by address. */
int tacit_place_ask(struct resolver *r, struct tacit_place *p,
		    const struct lookup_request *request, const char *name)
	__attribute__((warn_unused_result));
void tacit_place_done(struct tacit_place *p);

/* The agent's policy for it. Exit code; EXIT_NO_PEER: none covers it. */
int tacit_address_find(struct tacit_client *c, struct tacit_address *a)
	__attribute__((warn_unused_result));
/* Begins to ask all that policy and address call for. */
int tacit_address_ask(struct resolver *r, struct tacit_address *a)
	__attribute__((warn_unused_result));
/* Only about the name that its policy wants (tacit_conclude_name()): what is
 * talked to is not told. A name that cannot be asked is not answered. */
void tacit_address_ask_name(struct resolver *r, struct tacit_address *a);
/* What follows from the answers. */
void tacit_address_conclude(struct tacit_address *a);
/* Before the resolver is freed. */
void tacit_address_done(struct tacit_address *a);

#endif
