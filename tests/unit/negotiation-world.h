/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What happens to a flow, with the real flow table, admission and policy, and
 * stand-ins for the clock, the engine and the link to netd that write down
 * what is asked of them.
 */
#ifndef TACIT_TESTS_NEGOTIATION_WORLD_H
#define TACIT_TESTS_NEGOTIATION_WORLD_H

#include "agent/negotiation.h"

struct negotiation_world {
	struct agent agent;
	uint64_t now;
	struct record sent[64];
	unsigned n_sent;
	unsigned initiated, closed, abandoned, wired;
	struct handle next_sa, last_closed;
	int initiate_error, rekey_error;
	enum ike_lease_wish wish; /* of the last attempt, and for which */
	struct addr wished;
	unsigned rekeyed, deleted;
	uint32_t spi, used;
	bool link_down, patient;
	unsigned checked, probed;
	uint16_t initiated_from, initiated_to; /* ports */
	uint64_t heard; /* what the engine last heard of any peer; 0: none */
	bool described; /* the engine knows every SA, with this proof */
	enum ike_auth_method method;
	struct endpoint from; /* where that SA's peer is */
	struct ike_identity id;
	/* Of child_up() and of the engine: where remote is a lease, and what
	 * stands for us; unset: nothing of the kind. */
	struct addr outer, lease;
	bool gateway;		  /* remote is behind outer */
	struct addr toward, host; /* of the last attempt */
	unsigned discovered;	  /* how often it was asked for a key */
	struct key_verdict verdict;
};

extern struct negotiation_world world;

struct flow *flow_of(const char *remote);
struct addr local_of(const char *remote);
void acquire(const char *remote, uint32_t seq, bool held);
void failed(const char *remote, enum ike_reason reason);
void child_up_by(const char *remote, bool initiator, uint32_t spi,
		 bool redundant, enum ike_auth_method method);
void child_up(const char *remote, bool initiator, uint32_t spi, bool redundant);
void child_down(const char *remote, uint32_t spi);
void reply(const char *remote, unsigned type, int error);
void expect_state(const char *remote, enum flow_state state);
/* Acquire to SECURED as initiator. */
void secure(const char *remote, uint32_t spi);
/* A configuration of files "[Policy]\n" and each of these; NULL: the world's
 * own. */
struct config *policies_of(const char *const *files);
int setup(void **state);
int teardown(void **state);
void pass(uint64_t ms);
/* Takes the oldest record; it stays readable until the next call. */
const struct record *sent(unsigned type);
struct addr at(const char *text);

#endif
