/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The inside of a flow, shared by netd-flows.c, netd-install.c, netd-rekey.c,
 * netd-orphans.c and netd-count.c alone.
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
	bool old;	/* was an orphan's: goes when the new one is in use */
	bool waiting;	/* not in the kernel before RECORD_SWITCH */
	bool alone;	/* an in-SA whose out-SA may follow */
	uint8_t outs;	/* out-SAs that were beside it, one after the other */
	bool replaced;	/* a newer pair took over from it */
	uint64_t until; /* of an old in-SA: when it goes */
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
	bool secured;	   /* netd_flows.secured() was told so */
	bool tunnel;	   /* mode; transport if not set */
	bool leased;	   /* the pair's remote is an address that we leased */
	struct addr lease; /* that stands in ESP for ours; unset: none */
	bool translated;   /* netd_flows.translate() has it in force */
	bool changing; /* what waits is a rekeyed pair's: agent/netd-rekey.c */
	uint32_t look_spi;   /* its in-SA: has it been used? */
	uint64_t look_since; /* ms */
	uint64_t moved;	     /* ms: its peer's port was last followed */
	struct {
		uint64_t packets, now; /* seen before, and this time */
		uint64_t since;	       /* ms: they have been the same */
	} idle;			       /* agent/netd-idle.c */
	struct timer look;
	struct ksa *waiting; /* an out-SA with its key; owned */
	struct timer drain;  /* end of the old in-SAs */
	struct timer lonely; /* end of an orphan */
};

/* Tells netd_flows.secured() what has changed. */
void netd_flow_tell_secured(struct netd_flow *f, bool secured);
int netd_flow_new(struct netd_flows *t, struct netd_pair *p, uint32_t reqid,
		  struct netd_flow **ret) __attribute__((warn_unused_result));
/* The pair stays, the kernel is left as it is. */
void netd_flow_free(struct netd_flow *f);
/* Takes it out of the kernel, come what may, and frees it. */
void netd_flow_drop(struct netd_flow *f);
/* The same, and tells the agent, which did not ask for it. */
void netd_flow_end(struct netd_flow *f);
struct netd_flow *netd_flow_get(const struct netd_flows *t, uint32_t reqid);
/* Writes the pair's claims as the flow's state says. */
void netd_flow_claim(struct netd_flow *f);
/* Timer of an orphan that nobody took over. */
void netd_flow_lonely(struct timer *timer, uint64_t now, void *user);

/* Claims, and the kernel's policies. */
int netd_flow_sync(struct netd_flow *f) __attribute__((warn_unused_result));
/* Deletes SAs from the kernel and the table: those of a direction that are
 * old, or all. */
void netd_flow_delete(struct netd_flow *f, bool only_old, bool inbound);
/* The out-SA that waits goes into the kernel, or is forgotten. */
int netd_flow_add_waiting(struct netd_flow *f)
	__attribute__((warn_unused_result));
void netd_flow_forget_waiting(struct netd_flow *f);

/* --- netd-rekey.c ------------------------------------------------------- */

/* An out-SA so many times at most beside one in-SA. */
#define NETD_OUTS 64u
/* Sending is by this pair alone: of two out-SAs that were made in the same
 * second the kernel takes either. The others may get theirs again. */
void netd_rekey_supersede(struct netd_flow *f, const struct netd_sa *out,
			  uint32_t spi_in);
/* An SA pair that replaces another is in; sa_out: NULL where it has none. */
void netd_rekey_begin(struct netd_flow *f, const struct record_install *in,
		      const struct netd_sa *sa_out, uint64_t now);
/* Sends with what waited from now on. */
int netd_rekey_change(struct netd_flow *f) __attribute__((warn_unused_result));
/* A replaced in-SA goes in a moment. */
void netd_rekey_drain(struct netd_sa *sa, uint64_t now);
/* Room for two SAs in a full flow: what drains goes. False: nothing does. */
bool netd_rekey_evict(struct netd_flow *f);
void netd_rekey_look(struct timer *timer, uint64_t now, void *user);
void netd_rekey_drained(struct timer *timer, uint64_t now, void *user);

struct netd_sa *netd_sa_new(struct netd_flow *f, uint32_t spi, bool inbound);
void netd_sa_free(struct netd_sa *sa);
struct netd_sa *netd_sa_find(const struct netd_flows *t, const struct addr *dst,
			     uint32_t spi);
const struct addr *netd_sa_dst(const struct netd_sa *sa);
/* Brings into force that the flow's lease stands in ESP for our address, or ends
 * it. 0, also without a lease; -errno. */
int netd_flow_translate(struct netd_flow *f, bool on)
	__attribute__((warn_unused_result));
/* The other end of the flow's SAs. */
const struct addr *netd_flow_outer(const struct netd_flow *f);
struct change netd_sa_deletion(const struct netd_sa *sa);

#endif
