/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The agent: the one event loop and everything that hangs on it. Wiring only;
 * what happens to a flow is in the negotiation (agent/negotiation.h).
 */
#ifndef TACIT_AGENT_AGENT_H
#define TACIT_AGENT_AGENT_H

#include <systemd/sd-event.h>

#include "agent/admission.h"
#include "agent/capture-stream.h"
#include "agent/capture.h"
#include "agent/credentials.h"
#include "agent/demand.h"
#include "agent/explain.h"
#include "agent/flow.h"
#include "agent/gateways.h"
#include "agent/hooks.h"
#include "agent/jobs.h"
#include "agent/key-dns.h"
#include "agent/key-file.h"
#include "agent/leases.h"
#include "agent/link.h"
#include "agent/own-dns.h"
#include "agent/policy-count.h"
#include "agent/reload.h"
#include "agent/traffic.h"
#include "agent/waiters.h"
#include "agent/wire.h"
#include "dbus/server.h"
#include "dnskeys/own-key.h"
#include "ike/engine.h"
#include "policy/config.h"
#include "util/instance.h"
#include "util/log.h"
#include "util/ratelimit.h"

struct agent_options {
	const char *config_dir;	  /* NULL: the compiled-in one */
	const char *runtime_dir;  /* of the sockets */
	bool debug;		  /* whatever LogLevel= says */
	bool privileges_separate; /* we really are another user than netd */
};

struct agent_counters {
	uint64_t acquires, acquires_refused, established, failed, netd_refused;
	uint64_t undiscovered; /* acquires to peers without a known key */
	/* At MaxPeers=: idle ones that made room, newcomers turned away. */
	uint64_t peers_evicted, peers_refused;
};

struct agent {
	const struct agent_options *options;
	char instance[INSTANCE_SIZE]; /* "": that of the host */
	struct config *config;
	sd_event *event;
	sd_event_source *pump, *timer, *jobs_io;
	uint64_t timer_at; /* ms, what the timer is armed for */
	struct link *link;
	struct signer *signer;
	struct key_files *key_files;
	struct key_command *key_command; /* NULL: none */
	struct key_dns *key_dns;	 /* NULL: Lookup=no */
	struct own_dns *own_dns;
	struct key_finder *key_finder;
	struct key_watch *key_watch;
	struct credentials credentials;
	struct hmap identifying; /* agent/identify.c */
	struct demands demands;
	struct wire *wire;
	struct jobs *jobs;
	struct ike_engine *ike;
	struct timer_wheel *timers;
	struct flow_table *flows;
	struct idlers *idlers;
	struct admission *admission;
	struct leases leases;
	struct gateways gateways;
	struct capture *capture; /* NULL: not asked for */
	struct capture_streams streams;
	struct waiters waiters;
	struct traffic traffic;
	struct explains explains;
	struct policy_counts policy_counts;
	struct dbus_server *bus;
	struct reload reload;
	struct reload_call *reload_calls; /* agent/control.c */
	struct hooks *hooks;		  /* NULL: no hooks.d */
	uint64_t started;
	uint64_t slept_us;	  /* the host, since it was booted */
	uint64_t booted_us;	  /* when that was, by the wall clock */
	uint32_t kernel;	  /* enum record_welcome_flag */
	struct record_alive netd; /* its latest news */
	bool reconciling;	  /* between WELCOME and the last ORPHAN */
	bool stopping;
	bool said_ready;
	bool keyd_late; /* no longer waited for */
	struct agent_counters counters;
	struct ratelimit hints; /* agent/negotiation-hint.c */
	struct log_limit log_negotiation, log_netd, log_ike, log_identify;
	char *status_networks; /* of one policy */
	char status_identity[IKE_IDENTITY_STRLEN];
	char status_reason[160];
	char status_fingerprint[OWN_KEY_FINGERPRINT_LEN];
	struct ike_sa_info status_info; /* the strings of one status call */
};

/* Milliseconds of the monotonic clock, as the loop knows it. */
uint64_t agent_now(const struct agent *a);
uint64_t agent_now_us(const struct agent *a);
/* READY, once: when tacit-netd is there, and tacit-keyd too, or it has had
 * its time. */
void agent_say_ready(struct agent *a);
/* The engine shows its messages exactly while somebody wants to see them. */
void agent_set_tap(struct agent *a);

/* Takes the config. 0; -EADDRINUSE: another agent has the socket; -errno. */
int agent_new(const struct agent_options *options, struct config *config,
	      struct agent **ret) __attribute__((warn_unused_result));
struct agent *agent_free(struct agent *a);
/* Runs until SIGTERM or SIGINT, then closes every IKE SA. 0 or -errno. */
int agent_run(struct agent *a) __attribute__((warn_unused_result));

#endif
