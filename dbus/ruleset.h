/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The host's nftables ruleset, read once (iptables-nft writes into it too), and
 * judged: what would happen to a packet? As far as that can be said: what a
 * rule asks that we do not know (an address, an interface, a rate) is left
 * open, and so is the answer then.
 */
#ifndef TACIT_DBUS_RULESET_H
#define TACIT_DBUS_RULESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nl_sock;

struct ruleset_chain {
	uint8_t family; /* NFPROTO_ */
	char table[64], name[64];
	int hook; /* NF_INET_, or -1: it is jumped to */
	int32_t priority;
	bool drops; /* its policy */
};

struct ruleset_rule {
	uint8_t family;
	char table[64], chain[64];
	uint64_t handle;
	uint8_t *data; /* its expressions */
	size_t len;
};

struct ruleset {
	struct nl_sock *sock; /* for the elements of sets */
	uint32_t seq;
	struct ruleset_chain *chains; /* by priority */
	struct ruleset_rule *rules;   /* in order */
	size_t n_chains, n_rules;
	bool failed; /* out of memory, or more than is read */
};

/* 0; -EPROTONOSUPPORT: no nf_tables; -EPERM; -errno. */
int ruleset_read(struct ruleset *ret) __attribute__((warn_unused_result));
void ruleset_done(struct ruleset *r);

/* The first packet of somebody unknown. */
struct ruleset_packet {
	bool six;
	uint8_t protocol;
	uint16_t sport, dport; /* of UDP */
	int hook;	       /* NF_INET_LOCAL_IN or _OUT */
};

enum ruleset_fate {
	RULESET_PASSES,
	RULESET_OPEN, /* it depends on what we do not know */
	RULESET_EATEN,
};

/* EATEN: by the rule, or by the policy of the chain (then *ret_rule is NULL). */
enum ruleset_fate ruleset_judge(struct ruleset *r,
				const struct ruleset_packet *p,
				const struct ruleset_chain **ret_chain,
				const struct ruleset_rule **ret_rule);

/* What other tables use that Tacit uses too. */
struct ruleset_uses {
	uint32_t marks; /* bits that they set or ask for */
	char marks_table[64];
	/* Do they divert packets to this queue, or log to this group? */
	uint16_t queue[2], group;
	bool queue_used[2], group_used;
	bool docker, kubernetes; /* by the names of chains and tables */
};
void ruleset_find_uses(const struct ruleset *r, struct ruleset_uses *u);

/* One answer's messages into r; for ruleset_read() and its tests. Pure but for
 * memory. */
struct rbuf;
int ruleset_take(struct ruleset *r, struct rbuf *pos, bool *ret_end)
	__attribute__((warn_unused_result));

/* --- between ruleset.c and ruleset-judge.c ------------------------------ */

/* Is the key in this set? 1 (and the code of its verdict, for a map, with the
 * chain that it names), 0, -errno. */
struct ruleset_element {
	int32_t verdict;
	char chain[64];
};
int ruleset_look_up(struct ruleset *r, const struct ruleset_rule *rule,
		    const char *set, const uint8_t *key, size_t len,
		    struct ruleset_element *ret)
	__attribute__((warn_unused_result));
const struct ruleset_chain *ruleset_find_chain(const struct ruleset *r,
					       uint8_t family,
					       const char *table,
					       const char *name);

#endif
