/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tacit-netd: the one privileged process. It owns the event loop and all
 * kernel state; the agent asks for changes by records (xfrm/record.h), and
 * gets them within the guard's invariants.
 */
#ifndef TACIT_AGENT_NETD_H
#define TACIT_AGENT_NETD_H

#include <systemd/sd-event.h>

#include "agent/netd-agent.h"
#include "agent/netd-connections.h"
#include "agent/netd-dns.h"
#include "agent/netd-flows.h"
#include "agent/netd-guard.h"
#include "agent/netd-networks.h"
#include "agent/netd-pairs.h"
#include "agent/netd-shunts.h"
#include "agent/netd-sockets.h"
#include "policy/config.h"
#include "xfrm/address.h"
#include "xfrm/event.h"
#include "xfrm/hear.h"
#include "xfrm/hold.h"
#include "xfrm/nft-watch.h"
#include "xfrm/probe.h"
#include "xfrm/watch.h"

#define NETD_SOCKETS 4

/* What main() has made ready before privileges went. */
struct netd_setup {
	struct config *config;	/* taken by netd_new(), in any case */
	const char *config_dir; /* NULL: the compiled-in one */
	const char *kept_dir;	/* see agent/netd-kept.h */
	struct probe probe;
	bool no_hold;	       /* the kernel's own queue, by wish */
	uid_t agent;	       /* whom the agent runs as */
	int listen_fd;	       /* taken by netd_new(), in any case */
	int udp[NETD_SOCKETS]; /* likewise; -1: not there */
};

struct netd {
	sd_event *event;
	sd_event_source *timer, *io[5];
	struct timer_wheel *wheel;
	struct config *config;
	const char *config_dir, *kept_dir;
	struct probe probe;
	int udp[NETD_SOCKETS];

	struct nlsock *nl;
	struct netd_kernel kernel;
	struct address_watch *addresses;
	struct event_listener *events;
	struct hold *hold;	       /* NULL: the kernel's own queue */
	struct hear *hear;	       /* NULL: this kernel cannot */
	struct nft_table *translation; /* likewise */
	size_t n_translated;	       /* its leases */
	bool translating;	       /* the table is in the kernel */
	int larval_before;	       /* sysctl to restore, or -1 */
	struct netd_dns *dns;
	uid_t agent_uid;

	struct netd_pairs pairs;
	struct netd_networks *networks;
	struct netd_flows flows;
	struct netd_shunts shunts;
	struct netd_sockets sockets;
	struct netd_connections connections;
	struct netd_guard guard;
	struct netd_agent agent;

	bool greeted;	      /* the agent has said HELLO */
	bool addresses_known; /* the first reading is over */
	struct timer look;    /* for larval states, after lost events */
	uint32_t events_lost; /* how often */
	struct timer idle;    /* for flows without traffic */
	struct watch *watch;  /* NULL: deletions go unnoticed */
	struct nft_watch *tables;
	bool opened; /* the tables have ports that are always clear */
	struct timer tables_look, mend; /* agent/netd-repair.c */
	uint64_t mended_at;
	struct log_limit limit;
};

/* Brings the kernel to what the configuration says, and takes over what an
 * earlier run left. 0 or -errno (logged); nothing new is left behind then. */
int netd_new(sd_event *event, struct netd_setup *setup, struct netd **ret)
	__attribute__((warn_unused_result));
/* A clean stop: everything of ours goes, but closed networks stay closed
 * unless OnStop=open. Takes NULL. */
struct netd *netd_free(struct netd *n);

/* Keeps what its configuration closes; failure is logged. */
void netd_keep(struct netd *n);

/* Milliseconds of the monotonic clock, as of this turn of the loop. */
uint64_t netd_now(const struct netd *n);

/* --- netd-records.c: the dialogue with the agent ----------------------- */

void netd_on_record(void *user, const struct record *r, int fd);
void netd_on_hung(void *user, bool hung);
void netd_on_closed(void *user);
void netd_on_describe(void *user, struct record_alive *ret);
void netd_on_acquire(void *user, const struct kacquire *a);
/* Unless nobody listens, or it is none that could be served. */
void netd_send_acquire(struct netd *n, struct record_acquire *a);
void netd_on_expire(void *user, const struct kexpire *e);
void netd_on_policy_gone(void *user, const struct kpolicy *p);
void netd_on_mapping(void *user, const struct kmapping *m);
void netd_on_lost(void *user);
void netd_on_first(void *user, const struct hold_packet *p);
void netd_on_flow_gone(void *user, const struct record_expire *x);
void netd_on_flow_removed(void *user, uint32_t reqid);
void netd_on_used(void *user, const struct record_flow *f);
int netd_on_gate(void *user, const struct addr *local,
		 const struct addr *remote);
void netd_on_ready(void *user, const struct addr *local,
		   const struct addr *remote);
void netd_on_shunt_gone(void *user, const struct addr *local,
			const struct addr *remote);
void netd_on_address(struct netd *n, const struct address *a, bool gone);
/* Reports that wait for room in the link. */
void netd_continue_reports(struct netd *n);
/* Traps of offer networks and their holding on or off. */
void netd_arm(struct netd *n, bool armed);
/* Tells the packet holder what it has to know. */
void netd_set_ranges(struct netd *n);
/* That of ports alone: the tables do not have them yet. */
void netd_set_openings(struct netd *n);
/* And where name servers are (netd.c). */
void netd_set_servers(void *user);
bool netd_agent_listens(const struct netd *n);
/* The link of a link-local address, where who told us of it knew none. */
void netd_complete_scopes(const struct netd *n, struct addr *local,
			  struct addr *remote);
/* Timer: reads the larval states after events were lost. */
void netd_look(struct timer *t, uint64_t now, void *user);

/* --- netd-hear.c: peers that lost their SAs ------------------------------- */

/* Begins to hear, where the kernel can; what cannot be is logged. */
void netd_hear_start(struct netd *n);
void netd_hear_stop(struct netd *n);
/* Before each wait: makes the changes of this turn. */
void netd_hear_flush(struct netd *n);
/* Of struct netd_flows. */
void netd_on_spi(void *user, const struct addr *local, uint32_t spi,
		 bool known);
void netd_on_secured(void *user, const struct addr *local,
		     const struct addr *remote, bool secured);

/* --- netd-lease.c: addresses that are leased to peers --------------------- */

/* Of struct netd_flows. */
bool netd_is_lease(void *user, const struct addr *remote);
void netd_on_closing(void *user, const struct addr *local,
		     const struct addr *remote);
/* Where it is one it has SAs now. */
void netd_lease_open(struct netd *n, const struct record_install *in);

/* --- netd-translate.c: addresses that peers have leased us ------------------ */

/* Finds out whether the kernel can; what cannot be is logged. */
void netd_translate_start(struct netd *n);
void netd_translate_stop(struct netd *n);
/* Of struct netd_flows. */
int netd_translate(void *user, const struct addr *local,
		   const struct addr *remote, const struct addr *lease, bool on)
	__attribute__((warn_unused_result));
/* At start, when it is known which flows have one: makes the table anew, or
 * takes away what an earlier run left. A flow whose lease cannot be had ends. */
void netd_translate_adopt(struct netd *n);
/* The table anew, as the flows say. 0 or -errno. */
int netd_translate_renew(struct netd *n) __attribute__((warn_unused_result));

/* --- netd-apart.c: connections apart from their flows -------------------- */

/* Wires them up. */
void netd_apart_start(struct netd *n);
/* Tells the agent of all that began in the clear. */
void netd_apart_report(struct netd *n);
/* A table that is new knows of none. */
void netd_apart_renew(struct netd *n);

/* --- netd-reload.c ------------------------------------------------------ */

/* Brings the kernel to what the files say now, if that is what the digest is of
 * (struct record_reload). 0, and nothing is done where they say what they
 * did; -EINVAL; -ESTALE; -ENOMEM. */
int netd_reload(struct netd *n, uint32_t digest)
	__attribute__((warn_unused_result));

/* Are the flow's SAs for traffic that its policy is about? */
bool netd_flow_fits(const struct netd *n, const struct netd_flow *f);

/* --- netd-idle.c -------------------------------------------------------- */

/* At start, and when there are other policies. */
void netd_idle_start(struct netd *n);
void netd_idle_look(struct timer *t, uint64_t now, void *user);

/* --- netd-adopt.c ------------------------------------------------------- */

/* Takes over flows that stand in the kernel, installs what the networks need,
 * and takes away whatever of ours has no reason. 0 or -errno. */
int netd_adopt(struct netd *n) __attribute__((warn_unused_result));
/* Takes away whatever is ours, also what is to stay closed; nobody else may
 * run. 0 or -errno. */
int netd_clear(void) __attribute__((warn_unused_result));
/* Removes the policies among those found that have no reason. */
/* Does anything of ours stand in the kernel? When in doubt: yes. */
bool netd_stands(void);
struct netd_found;
int netd_sweep(struct netd *n, const struct netd_found *f, size_t *ret_swept)
	__attribute__((warn_unused_result));

/* --- netd-repair.c: what others do to our kernel state ---------------------- */

/* Begins to watch; what cannot be is logged. */
void netd_repair_start(struct netd *n);
/* In a moment: something shows that others have changed it, or that packets
 * wait which need not. */
void netd_repair_soon(struct netd *n);
void netd_repair_stop(struct netd *n);
/* Before each wait: a table that is gone is made anew at once. */
void netd_repair_prepare(struct netd *n);
/* Brings the kernel to what it should be, now. 0 and how many things were not,
 * or -errno; other things were tried then all the same. */
int netd_repair(struct netd *n, size_t *ret_mended)
	__attribute__((warn_unused_result));
/* Link-local addresses under require need help of the kernel's; at start, and
 * when the policies have changed. */
void netd_keep_links(struct netd *n);

#endif
