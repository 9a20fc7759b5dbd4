/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The inside of a flow, shared by netd-flows.c and netd-orphans.c alone.
 */
#ifndef TACIT_AGENT_NETD_FLOW_H
#define TACIT_AGENT_NETD_FLOW_H

#include "agent/netd-flows.h"

struct netd_sa {
	struct netd_sa *next;  /* of the flow */
	struct hmap_node node; /* by_spi: hash of destination and SPI */
	struct netd_flow *flow;
	uint32_t spi;
	bool inbound;
	bool old;     /* was an orphan's: goes when the new one is in use */
	bool waiting; /* not in the kernel before RECORD_SWITCH */
};

struct netd_flow {
	struct hmap_node node; /* by_reqid: the hash is the reqid */
	struct netd_flow *next, **prev;
	struct netd_flows *table;
	struct netd_pair *pair;
	struct netd_sa *sas; /* newest first */
	uint32_t n_sas;
	uint32_t reqid;
	uint32_t out_reqid; /* that the out-policy names */
	bool sending;	    /* there is an out-policy */
	bool hardened;	    /* the in-policy requires protection */
	uint32_t proof_spi; /* in-SA whose first packet shows that the peer
			     * has the pair; 0: none */
	bool gated; /* sending, but packets are held back until SWITCH */
	bool mixed; /* in-SAs of two reqids are in use */
	bool orphan;
	struct ksa *waiting; /* an out-SA with its key; owned */
	struct timer drain;  /* end of the old in-SAs */
	struct timer lonely; /* end of an orphan */
};

int netd_flow_new(struct netd_flows *t, struct netd_pair *p, uint32_t reqid,
		  struct netd_flow **ret) __attribute__((warn_unused_result));
/* The pair stays, the kernel is left as it is. */
void netd_flow_free(struct netd_flow *f);
/* Takes it out of the kernel, come what may, and frees it. */
void netd_flow_drop(struct netd_flow *f);
struct netd_flow *netd_flow_get(const struct netd_flows *t, uint32_t reqid);
/* Writes the pair's claims as the flow's state says. */
void netd_flow_claim(struct netd_flow *f);
/* Timer of an orphan that nobody took over. */
void netd_flow_lonely(struct timer *timer, uint64_t now, void *user);

struct netd_sa *netd_sa_new(struct netd_flow *f, uint32_t spi, bool inbound);
void netd_sa_free(struct netd_sa *sa);
struct netd_sa *netd_sa_find(const struct netd_flows *t, const struct addr *dst,
			     uint32_t spi);
const struct addr *netd_sa_dst(const struct netd_sa *sa);
struct change netd_sa_deletion(const struct netd_sa *sa);

#endif
