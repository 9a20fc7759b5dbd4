/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Flows and negotiations by the name of their policy, kept as flows change:
 * counting them when somebody asks would hold up the loop. Names are kept until
 * the agent ends, so that counters outlive a reload.
 */
#ifndef TACIT_AGENT_POLICY_COUNT_H
#define TACIT_AGENT_POLICY_COUNT_H

#include "agent/flow.h"

struct policy_count {
	struct hmap_node node;
	char name[LIMIT_POLICY_NAME + 1];
	uint32_t now[FLOW_STATES]; /* flows in each state */
	uint64_t established, failed;
};

/* Embedded in its owner. */
struct policy_counts {
	struct hmap by_name;
	struct hash_key key;
};

void policy_counts_init(struct policy_counts *c, const struct hash_key *key);
void policy_counts_done(struct policy_counts *c);
/* The flow has come into its state from another one, or only its policy is
 * another one now (before is its state). */
void policy_counts_move(struct policy_counts *c, struct flow *f,
			enum flow_state before);
/* NULL: nothing was ever counted. */
const struct policy_count *policy_counts_get(const struct policy_counts *c,
					     const char *name);

#endif
