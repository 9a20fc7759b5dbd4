/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A flow: a peer under a policy, from one of our addresses. It owns the verdict
 * about that traffic, the Child SA in use, the reqid under which the kernel
 * knows it, and the timer of its state. One function changes its state.
 *
 * Lifetimes: the table owns flows; others hold handles. Times are milliseconds
 * of the monotonic clock.
 */
#ifndef TACIT_AGENT_FLOW_H
#define TACIT_AGENT_FLOW_H

#include "agent/began.h"
#include "agent/idlers.h"
#include "agent/parked.h"
#include "agent/peer.h"
#include "ike/engine.h"
#include "policy/policy.h"
#include "util/addr.h"
#include "util/hmap.h"
#include "util/slots.h"
#include "util/timer.h"
#include "util/tree.h"

enum flow_state {
	FLOW_IDLE,	/* known, nothing under way */
	FLOW_LOOKUP,	/* is it worth a try? Its key is looked up */
	FLOW_QUEUED,	/* waits for a place among the initiations */
	FLOW_NEGOTIATE, /* IKE is under way, by us */
	FLOW_INSTALL,	/* SAs are in or on their way, not yet all in force */
	FLOW_SECURED,	/* ESP both ways, clear packets refused */
	FLOW_CLEAR,	/* the peer cannot; a pass shunt stands */
	FLOW_BLOCKED,	/* the peer cannot, and must; a block shunt stands */
	FLOW_HOLDDOWN,	/* the peer cannot; clear without a shunt */
	FLOW_STATES
};

/* Steps of FLOW_INSTALL, each waiting for netd or for its timer. */
enum flow_step {
	FLOW_STEP_NONE,
	FLOW_STEP_SWITCH, /* responder: until the initiator has its SAs */
	FLOW_STEP_HARDEN, /* until clear packets on the way have arrived */
};

/* The Child SA in use; spi_in 0: none. */
struct flow_child {
	struct handle ike; /* none: an orphan's */
	uint32_t spi_in, spi_out;
	uint8_t cipher; /* enum esp_cipher, 0 unknown (orphan) */
	uint8_t auth;	/* enum ike_auth_method, 0 unknown */
	uint8_t sides;	/* where the policy has services: at which sides they
			 * are in it (SCOPE_*); 0: at both, or all traffic */
	bool initiator;
};

struct policy_count; /* agent/policy-count.h */

struct flow {
	struct hmap_node by_pair, by_reqid;
	struct tree_node by_address;
	struct idler idler; /* where its place may be another one's */
	struct handle self;
	struct peer *peer;	      /* a reference */
	struct peer *host;	      /* likewise, of outer; or NULL */
	const struct policy *policy;  /* NULL: of no policy */
	struct policy_count *counted; /* where it is counted, or NULL */
	struct addr local;
	/* Where its ESP goes to, where the peer's address is one that we leased
	 * it (flow_set_outer()), or it is behind a gateway; and what the peer
	 * has leased us, which stands for local in ESP. Unset: the same. */
	struct addr outer, lease;
	bool behind; /* outer is a gateway's */
	/* The way of the attempt under way or to come, and the one after it
	 * where there is one: negotiation-gateway.c. */
	bool more;
	struct addr gateway, next;
	uint8_t way, turns; /* its number; how many there have been */
	bool turned;	    /* the attempt ends for another one's sake */
	uint32_t reqid;
	uint32_t acquire_seq; /* of the kernel's acquire to answer, or 0 */
	enum flow_state state;
	enum flow_step step;
	struct flow_child child;
	struct began began; /* in the clear beside it */
	bool bogus; /* what DNS says of its key, while SECURED: key-watch.c */
	struct handle attempt; /* the IKE SA we are initiating, or none */
	struct timer timer;
	struct parked *parked;	/* until installing is 0 */
	uint8_t installing;	/* RECORD_INSTALLs without a reply */
	uint32_t early_in;	/* in-SPI of a pair that was installed before
				   the engine was sure of it, or 0 */
	uint64_t since;		/* in this state */
	uint64_t acquired_us;	/* when the acquire came, microseconds; or 0 */
	uint64_t setup_us;	/* acquire to SA; 0: unknown */
	uint8_t failures;	/* in a row: the backoff */
	bool held;		/* netd holds packets of it */
	bool asked;		/* an acquire came while it was left alone */
	bool renew;		/* secured, and wants a fresh IKE SA */
	bool bare;		/* it has had SAs without one */
	uint64_t lease_at;	/* no lease is asked for before; or 0 */
	uint16_t knock_port;	/* ESP of it came in UDP from here: knock there;
				   or 0 */
	bool suspect;		/* the timer asks whether it has answered */
	uint64_t hinted_at;	/* the latest sign that it lost its SAs; or 0 */
	bool rekeying;		/* the engine has been asked to rekey child */
	bool named;		/* its peer's key was sought by the name that a
				   program demands */
	bool told_up;		/* that it is encrypted: agent/hooks.h */
	bool leased;		/* its lease is held for an earlier agent */
	bool weighed;		/* netd is asked whether it is idle */
	bool unconfirmed;	/* netd has not named it since it came back */
	enum ike_reason reason; /* why it is not secured */
	uint16_t notify;	/* the peer's, with that reason */
	/* Why we ourselves give up the attempt under way, or NONE; and what is
	 * wrong with a proof, in words (static), or NULL. */
	enum ike_reason given_up;
	const char *why;
};

const char *flow_state_name(enum flow_state s); /* "secured" */
/* Which host it is that policy judges and keys are of. */
const struct addr *flow_host(const struct flow *f);

/* Are packets between these ports (0: none) of the traffic that its SAs are
 * for? */
bool flow_covers(const struct flow *f, uint8_t protocol, uint16_t local_port,
		 uint16_t remote_port);

struct flow_table;

/* user is handed to on_state and to the timer's function. */
struct flow_table *flow_table_new(const struct hash_key *key,
				  void (*on_state)(struct flow *f,
						   enum flow_state before,
						   void *user),
				  timer_func on_timer, void *user);
/* Frees the flows too. Their timers must not be armed. */
struct flow_table *flow_table_free(struct flow_table *t);

/* The flow of this pair, made if there is none. -ENOSPC at LIMIT_FLOWS,
 * -ENOMEM. */
int flow_table_obtain(struct flow_table *t, const struct addr *local,
		      const struct addr *remote, uint64_t now,
		      struct flow **ret) __attribute__((warn_unused_result));
/* NULL where there is none. */
struct flow *flow_table_get(const struct flow_table *t,
			    const struct addr *local,
			    const struct addr *remote);
/* Any flow with this peer, whatever our address; NULL. */
struct flow *flow_table_get_remote(const struct flow_table *t,
				   const struct addr *remote);
/* Which host policy judges whoever is at this address: where it is a lease that
 * has SAs, the one that it is leased to. Borrowed. */
const struct addr *flow_table_host(const struct flow_table *t,
				   const struct addr *remote);
struct flow *flow_table_by_handle(const struct flow_table *t, struct handle h);
/* Gives the flow the reqid that an earlier agent used; -EEXIST when another
 * flow has it. */
int flow_table_set_reqid(struct flow_table *t, struct flow *f, uint32_t reqid)
	__attribute__((warn_unused_result));
/* The first flow after this remote address (NULL: of all), and the next, in
 * order of remote and then local address. */
struct flow *flow_table_after(const struct flow_table *t,
			      const struct addr *remote);
struct flow *flow_table_next(const struct flow_table *t, const struct flow *f);
/* Iteration in no order, safe against removal of the one just given. */
struct flow *flow_table_each(const struct flow_table *t, uint32_t *cursor);
void flow_set_outer(struct flow_table *t, struct flow *f,
		    const struct addr *outer);
/* Are there peers at this address that have leases of ours? Nobody reaches them
 * there. */
bool flow_table_hides(const struct flow_table *t, const struct addr *addr);
/* The flow's timer must not be armed. */
void flow_table_remove(struct flow_table *t, struct flow *f);
uint32_t flow_table_count(const struct flow_table *t);
uint32_t flow_table_count_state(const struct flow_table *t,
				enum flow_state state);

/* The only way to change a flow's state. Illegal moves are a bug and are
 * logged and refused. */
void flow_set_state(struct flow_table *t, struct flow *f, enum flow_state state,
		    uint64_t now);

#endif
