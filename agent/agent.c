/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Wiring. Every source of the loop feeds the engine, the flows or the link;
 * after each of them the pump performs what the engine wants done and moves
 * the one timer to the next deadline.
 */
#include "config.h"

#include "agent/agent.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "agent/control.h"
#include "agent/demand.h"
#include "agent/handover.h"
#include "agent/identify.h"
#include "agent/key-watch.h"
#include "agent/negotiation.h"
#include "agent/notify.h"
#include "agent/proof.h"
#include "agent/status.h"
#include "policy/config-change.h"

#define READY_STATUS "STATUS=Encrypting where policy says so"
/* tacit-keyd has so long to be there before we begin without it. */
#define KEYD_WAIT_US 2000000ull
/* A clean stop waits so long for netd to read the goodbye. */
#define BYE_MS 500u
/* While flows wait for the rate limit to let them go. */
#define QUEUE_POLL_MS 5u
/* A sleep from which on peers may have forgotten us. */
#define SLEPT_US 2000000ull
/* A step of the wall clock that lifetimes are not to be longer by. */
#define CLOCK_BACK_US 10000000ull

uint64_t agent_now_us(const struct agent *a)
{
	uint64_t now = 0;

	sd_event_now(a->event, CLOCK_MONOTONIC, &now);
	return now;
}

uint64_t agent_now(const struct agent *a)
{
	return agent_now_us(a) / 1000;
}

static int agent_random(void *user, void *buf, size_t len)
{
	(void)user;
	for (size_t done = 0; done < len;) {
		ssize_t n = getrandom((char *)buf + done, len - done, 0);

		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static enum ike_admission agent_admit(void *user, const struct endpoint *local,
				      const struct endpoint *remote, bool shown)
{
	(void)local;
	return negotiation_admit(user, remote, shown);
}

static void agent_algorithms(void *user, const struct endpoint *local,
			     const struct endpoint *remote,
			     const struct ike_proof *peer,
			     struct algorithms *ret)
{
	const struct agent *a = user;

	(void)local;
	negotiation_algorithms(
		a, proof_policy(a->config->policies, &remote->addr, peer), ret);
}

/* The loop's own clock stands still during a turn. */
static uint64_t agent_clock_us(clockid_t clock)
{
	struct timespec t = { 0 };

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void agent_on_tap(void *user, const struct ike_tap *t)
{
	struct agent *a = user;
	struct timespec ts;
	uint64_t now;

	clock_gettime(CLOCK_REALTIME, &ts);
	now = (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
	if (a->capture)
		capture_tap(a->capture, now, t);
	capture_streams_tap(&a->streams, a->config->natt_port, now, t);
}

void agent_set_tap(struct agent *a)
{
	ike_tap_set(a->ike,
		    a->capture || a->streams.first ? agent_on_tap : NULL);
}

static void agent_on_streams_idle(struct capture_streams *s)
{
	agent_set_tap(container_of(s, struct agent, streams));
}

/* Established, and its end, for everybody; the steps between for those who
 * look into it, since any stranger can cause them. */
static void agent_on_change(void *user, const struct ike_change *c)
{
	struct agent *a = user;
	int level = c->authenticated ? LOG_INFO : LOG_DEBUG;
	struct log_fields fields = {
		.peer = &c->remote.addr,
		.state = c->to,
	};
	char peer[ENDPOINT_STRLEN];

	if (log_limited_wanted(&a->log_ike, agent_now(a), level, &fields))
		log_limited(&a->log_ike, agent_now(a), level, &fields,
			    "IKE with %s, %s: %s",
			    endpoint_format(&c->remote, peer),
			    c->initiator ? "begun by us" : "begun by it",
			    c->meaning);
}

static void agent_run_job(struct agent *a, struct ike_job *job)
{
	uint64_t start = agent_clock_us(CLOCK_MONOTONIC);

	if (jobs_inline(a->jobs, start)) {
		ike_job_run(job);
		jobs_inline_spent(a->jobs,
				  agent_clock_us(CLOCK_MONOTONIC) - start);
		ike_job_done(a->ike, agent_now(a), job);
		return;
	}
	/* Without a thread or a place it goes back undone: our own attempt
	 * fails at once, a stranger's is forgotten until it is sent again. */
	if (jobs_add(a->jobs, job) < 0)
		ike_job_done(a->ike, agent_now(a), job);
}

static void agent_run_action(struct agent *a, const struct ike_action *x)
{
	switch (x->type) {
	case IKE_SEND:
		if (negotiation_park(a, x->sa, &x->send))
			break;
		wire_send(a->wire, &x->send.local, &x->send.remote,
			  x->send.data, x->send.len);
		break;
	case IKE_JOB:
		agent_run_job(a, x->job);
		break;
	case IKE_CHILD_UP:
		capture_child(a->capture, &x->child_up.local,
			      &x->child_up.remote, &x->child_up.in,
			      &x->child_up.out);
		negotiation_on_child_up(a, x->sa, &x->child_up);
		break;
	case IKE_CHILD_DOWN:
		negotiation_on_child_down(a, &x->child_down);
		break;
	case IKE_IDENTIFY:
		identify_on_ask(a, x->sa, &x->identify);
		break;
	case IKE_SIGN:
		identify_on_sign(a, x->sa, &x->sign);
		break;
	case IKE_REKEYED:
		negotiation_on_rekeyed(a, &x->rekeyed);
		break;
	case IKE_CHILD_REFUSED:
		negotiation_on_child_refused(a, x->sa, &x->child_refused);
		break;
	case IKE_MOVED:
		negotiation_on_moved(a, x->sa, &x->moved);
		break;
	case IKE_KEEPALIVE:
		wire_keepalive(a->wire, &x->keepalive.local,
			       &x->keepalive.remote);
		break;
	case IKE_FAILED:
		negotiation_on_failed(a, x->sa, &x->failed);
		demand_note(a);
		break;
	}
}

static void agent_run_actions(struct agent *a)
{
	struct ike_action x;

	while (ike_engine_next_action(a->ike, &x)) {
		agent_run_action(a, &x);
		ike_action_done(&x);
	}
}

static void agent_arm_timer(struct agent *a)
{
	uint64_t at = ike_engine_deadline(a->ike);
	uint64_t flows = timer_wheel_deadline(a->timers);

	if (flows < at)
		at = flows;
	if (!handle_is_none(admission_peek(a->admission)) &&
	    agent_now(a) + QUEUE_POLL_MS < at)
		at = agent_now(a) + QUEUE_POLL_MS;
	/* A deadline that went away wakes us once for nothing, which costs less
	 * than to move the timer with each message. */
	if (at >= a->timer_at)
		return;
	a->timer_at = at;
	sd_event_source_set_time(a->timer, at * 1000);
	sd_event_source_set_enabled(a->timer, SD_EVENT_ONESHOT);
}

static int agent_on_timer(sd_event_source *source, uint64_t usec, void *user)
{
	struct agent *a = user;
	uint64_t now = agent_now(a);

	(void)source;
	(void)usec;
	a->timer_at = UINT64_MAX;
	ike_tick(a->ike, now);
	timer_wheel_run(a->timers, now);
	negotiation_run_queue(a);
	return 0;
}

/* The monotonic clock stands still while the host sleeps; this one does not. */
static uint64_t agent_slept_us(void)
{
	uint64_t awake = agent_clock_us(CLOCK_MONOTONIC);

	return agent_clock_us(CLOCK_BOOTTIME) - awake;
}

static void agent_look_for_sleep(struct agent *a)
{
	uint64_t slept = agent_slept_us();

	if (slept > a->slept_us + SLEPT_US)
		negotiation_on_resumed(a);
	a->slept_us = slept;
}

static uint64_t agent_booted_us(void)
{
	uint64_t up = agent_clock_us(CLOCK_BOOTTIME);

	return agent_clock_us(CLOCK_REALTIME) - up;
}

static void agent_look_at_clock(struct agent *a)
{
	uint64_t booted = agent_booted_us();

	if (booted + CLOCK_BACK_US < a->booted_us) {
		log_notice("the clock was set back: SAs are made anew");
		negotiation_on_clock_back(a);
	}
	a->booted_us = booted;
}

/* Runs after every other source. */
static int agent_on_pump(sd_event_source *source, void *user)
{
	(void)source;
	agent_look_for_sleep(user);
	agent_look_at_clock(user);
	agent_run_actions(user);
	waiters_settle(user);
	demand_run(user);
	agent_arm_timer(user);
	return 0;
}

static int agent_on_jobs(sd_event_source *source, int fd, uint32_t revents,
			 void *user)
{
	struct agent *a = user;
	struct ike_job *job;

	(void)source;
	(void)fd;
	(void)revents;
	while ((job = jobs_take(a->jobs)))
		ike_job_done(a->ike, agent_now(a), job);
	return 0;
}

static void agent_on_datagram(void *user, const struct endpoint *local,
			      const struct endpoint *remote, const void *data,
			      size_t len)
{
	struct agent *a = user;

	ike_input(a->ike, agent_now(a), local, remote, data, len);
}

static void agent_on_unreachable(void *user, const struct endpoint *remote)
{
	struct agent *a = user;

	ike_unreachable(a->ike, agent_now(a), remote);
}

void agent_say_ready(struct agent *a)
{
	if (a->said_ready || !link_is_up(a->link) ||
	    (!signer_is_up(a->signer) && !a->keyd_late))
		return;
	a->said_ready = true;
	notify_say("READY=1\n" READY_STATUS);
}

/* Without tacit-keyd we are anonymous, which is better than nothing. */
static int agent_on_keyd_late(sd_event_source *source, uint64_t usec,
			      void *user)
{
	struct agent *a = user;

	(void)source;
	(void)usec;
	a->keyd_late = true;
	agent_say_ready(a);
	return 0;
}

static void agent_on_link_up(void *user, const struct record_welcome *w,
			     const int *fds, size_t n_fds)
{
	struct agent *a = user;
	int sockets[WIRE_SOCKETS];
	size_t taken = 0;

	for (unsigned i = 0; i < WIRE_SOCKETS; i++) {
		bool there = w->sockets & 1u << i && taken < n_fds;

		sockets[i] = there ? fds[taken++] : -1;
	}
	while (taken < n_fds)
		close(fds[taken++]);
	if (wire_open(a->wire, sockets) < 0)
		log_error("cannot watch the IKE sockets");
	a->kernel = w->flags;
	log_info("tacit-netd is there");
	leases_on_welcome(a);
	negotiation_on_welcome(a);
	if (a->said_ready)
		notify_say(READY_STATUS);
	agent_say_ready(a);
	reload_on_link(a, true, w->flags & RECORD_CONFIG_DIFFERS);
}

static uint32_t agent_digest(void *user)
{
	const struct agent *a = user;

	return config_digest(a->config);
}

static void agent_on_link_down(void *user)
{
	struct agent *a = user;

	/* The next netd must be able to bind the ports. */
	wire_close(a->wire);
	demand_on_down(a);
	notify_say("STATUS=Waiting for tacit-netd");
	reload_on_link(a, false, false);
}

static void agent_on_address(struct agent *a, const struct record_address *x)
{
	own_dns_address(a->own_dns, &x->addr, x->gone);
	leases_on_address(a, x);
	if (x->gone)
		negotiation_on_address_gone(a, &x->addr);
	else
		negotiation_on_address(a, &x->addr);
}

static void agent_on_link_event(void *user, const struct record *r)
{
	struct agent *a = user;

	switch ((enum record_type)r->type) {
	case RECORD_ACQUIRE:
		negotiation_on_acquire(a, &r->acquire);
		break;
	case RECORD_EXPIRE:
		negotiation_on_expire(a, &r->expire);
		break;
	case RECORD_USED:
		negotiation_on_used(a, &r->flow);
		break;
	case RECORD_IDLE:
		negotiation_on_idle(a, &r->flow);
		break;
	case RECORD_ORPHAN:
		negotiation_on_orphan(a, &r->orphan);
		break;
	case RECORD_ADDRESS:
		agent_on_address(a, &r->address);
		break;
	case RECORD_MAPPED:
		negotiation_on_mapped(a, &r->flow);
		break;
	case RECORD_BEGAN:
		began_on_record(a, &r->began);
		break;
	case RECORD_COUNTED:
		a->traffic.counted = r->counted;
		break;
	case RECORD_HINT:
		negotiation_on_hint(a, &r->hint);
		break;
	case RECORD_ALIVE:
		a->netd = r->alive;
		/* Once a second: warnings come from everywhere. */
		dbus_server_host_changed(a->bus);
		break;
	case RECORD_HELLO:
	case RECORD_INSTALL:
	case RECORD_SWITCH:
	case RECORD_HARDEN:
	case RECORD_REMOVE_SA:
	case RECORD_REMOVE:
	case RECORD_MOVE:
	case RECORD_COUNT:
	case RECORD_VERDICT:
	case RECORD_SOCKET:
	case RECORD_ABANDON:
	case RECORD_RELOAD:
	case RECORD_BYE:
	case RECORD_WELCOME:
	case RECORD_REPLY:
	case RECORD_REPAIR:
	case RECORD_TYPES:
		break;
	}
}

/* What COUNTED has said a moment before. */
static void agent_on_counted(struct agent *a, struct handle flow,
			     const struct record_counted *c)
{
	traffic_on_reply(a, flow, c);
	explain_on_reply(a, flow, c);
	negotiation_on_counted(a, flow, c);
}

static void agent_on_link_reply(void *user, struct handle flow,
				const struct record_reply *reply)
{
	struct agent *a = user;

	if (reply->type == RECORD_RELOAD)
		reload_on_reply(a, reply);
	if (reply->type == RECORD_REPAIR) {
		control_on_repaired(a, flow, reply);
		return;
	}
	if (reply->error < 0 && reply->type == RECORD_VERDICT)
		log_limited(&a->log_netd, agent_now(a), LOG_WARNING, NULL,
			    "tacit-netd refused a verdict: %s",
			    strerror(-reply->error));
	if (reply->type == RECORD_COUNT)
		agent_on_counted(a, flow,
				 reply->error ? NULL : &a->traffic.counted);
	if (reply->type == RECORD_SOCKET)
		demand_on_reply(a, flow, reply);
	else
		negotiation_on_reply(a, flow, reply);
}

static void agent_on_flow_state(struct flow *f, enum flow_state before,
				void *user)
{
	struct agent *a = user;
	struct log_fields fields = {
		.peer = &f->peer->addr,
		.policy = f->policy ? f->policy->name : NULL,
		.state = flow_state_name(f->state),
	};

	if (log_level() >= LOG_DEBUG)
		log_full(LOG_DEBUG, &fields, "%s to %s",
			 flow_state_name(before), flow_state_name(f->state));
	a->waiters.due = true;
	policy_counts_move(&a->policy_counts, f, before);
	negotiation_note_room(a, f, before);
	if (a->key_watch)
		key_watch_on_state(a->key_watch, f);
	demand_note(a);
	status_tell_hooks(a, f);
	if (a->bus)
		dbus_server_peer_changed(a->bus, &f->peer->addr);
}

static int agent_on_signal(sd_event_source *source,
			   const struct signalfd_siginfo *si, void *user)
{
	struct agent *a = user;

	(void)source;
	(void)si;
	notify_say("STOPPING=1");
	a->stopping = true;
	ike_close_all(a->ike, agent_now(a));
	agent_run_actions(a);
	link_bye(a->link, BYE_MS);
	return sd_event_exit(a->event, 0);
}

static int agent_on_hangup(sd_event_source *source,
			   const struct signalfd_siginfo *si, void *user)
{
	(void)source;
	(void)si;
	reload_begin(user);
	return 0;
}

/* Tunnel mode between the two hosts protects the same packets. */
static void agent_scope(void *user, const struct addr *remote,
			struct scope *ret)
{
	const struct agent *a = user;

	policy_table_scope(a->config->policies, remote, ret);
}

static enum ike_modes agent_modes(void *user, const struct addr *local,
				  const struct addr *remote,
				  const struct ike_proof *peer)
{
	const struct agent *a = user;

	(void)local;
	return negotiation_modes(
		proof_policy(a->config->policies, remote, peer));
}

static int agent_new_engine(struct agent *a)
{
	struct ike_ops ops = {
		.random = agent_random,
		.admit = agent_admit,
		.modes = agent_modes,
		.scope = agent_scope,
		.algorithms = agent_algorithms,
		.lease = leases_grant,
		.release = leases_release,
		.changed = agent_on_change,
		.user = a,
	};
	struct hash_key key;
	struct ike_config config;
	int r = agent_random(NULL, &key, sizeof(key));

	if (r < 0)
		return r;
	policy_counts_init(&a->policy_counts, &key);
	a->leases.key = key;
	ike_config_init(&config);
	config.port = a->config->port;
	config.natt_port = a->config->natt_port;
	config.fragment_mtu = a->config->fragment_size;
	config.cookie_threshold = a->config->cookie_threshold;
	config.pfs = a->config->pfs;
	config.lifetime_ms = a->config->ike_lifetime_s * 1000;
	config.margin_ms = config.lifetime_ms / 16;
	a->ike = ike_engine_new(&config, &ops, a->started);
	a->timers = timer_wheel_new(a->started, a);
	a->flows = flow_table_new(&key, agent_on_flow_state,
				  negotiation_on_timer, a);
	a->idlers = idlers_new(&key);
	a->admission = admission_new(&key);
	if (!a->ike || !a->timers || !a->flows || !a->idlers || !a->admission)
		return -ENOMEM;
	control_start(a);
	a->streams.idle = agent_on_streams_idle;
	agent_set_tap(a);
	r = leases_start(a);
	if (r == 0)
		r = demand_start(&a->demands);
	return r < 0 ? r : jobs_new(&a->jobs);
}

static int agent_new_sources(struct agent *a)
{
	sigset_t signals;
	int r;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGCHLD); /* of programs of hooks.d */
	if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
		return -errno;
	/* What is ignored never comes. */
	signal(SIGHUP, SIG_DFL);
	r = sd_event_add_signal(a->event, NULL, SIGTERM, agent_on_signal, a);
	if (r >= 0)
		r = sd_event_add_signal(a->event, NULL, SIGINT, agent_on_signal,
					a);
	if (r >= 0)
		r = sd_event_add_signal(a->event, NULL, SIGHUP, agent_on_hangup,
					a);
	if (r >= 0)
		r = handover_watch(a->event);
	if (r >= 0)
		r = sd_event_add_post(a->event, &a->pump, agent_on_pump, a);
	if (r >= 0)
		r = sd_event_add_time(a->event, &a->timer, CLOCK_MONOTONIC,
				      UINT64_MAX, 500, agent_on_timer, a);
	if (r >= 0)
		r = sd_event_add_io(a->event, &a->jobs_io, jobs_fd(a->jobs),
				    EPOLLIN, agent_on_jobs, a);
	if (r >= 0)
		r = sd_event_add_time_relative(a->event, NULL, CLOCK_MONOTONIC,
					       KEYD_WAIT_US, 0,
					       agent_on_keyd_late, a);
	if (r >= 0)
		r = notify_watchdog(a->event);
	a->timer_at = UINT64_MAX;
	return r < 0 ? r : 0;
}

/* Where there are programs; looked for at the start alone. */
static int agent_new_hooks(struct agent *a)
{
	const char *dir = a->options->config_dir;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/hooks.d",
		 dir ? dir : SYSCONFDIR "/tacit");
	return access(path, R_OK | X_OK) < 0
		       ? 0
		       : hooks_new(a->event, path, &a->hooks);
}

static int agent_new_links(struct agent *a)
{
	const struct wire_ops wire = {
		.user = a,
		.datagram = agent_on_datagram,
		.unreachable = agent_on_unreachable,
	};
	const struct link_ops link = {
		.user = a,
		.digest = agent_digest,
		.up = agent_on_link_up,
		.down = agent_on_link_down,
		.event = agent_on_link_event,
		.reply = agent_on_link_reply,
	};
	struct dbus_source source = status_source(a);
	char path[256];
	int r;

	snprintf(path, sizeof(path), "%s/agent.sock", a->options->runtime_dir);
	r = dbus_server_new(a->event, path, &source, &a->bus);
	if (r < 0)
		return r;
	r = identify_start(a);
	if (r < 0)
		return r;
	r = wire_new(a->event, a->config->port, a->config->natt_port, &wire,
		     &a->wire);
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "%s/netd.sock", a->options->runtime_dir);
	return link_new(a->event, path, &link, &a->link);
}

int agent_new(const struct agent_options *options, struct config *config,
	      struct agent **ret)
{
	struct agent *a = calloc(1, sizeof(*a));
	int r;

	if (!a) {
		config_free(config);
		return -ENOMEM;
	}
	a->options = options;
	instance_of(options->runtime_dir, a->instance);
	a->config = config;
	r = sd_event_default(&a->event);
	if (r >= 0 && (config->capture || config->keys))
		r = capture_new(config->capture, config->keys,
				config->natt_port, &a->capture);
	if (r >= 0) {
		a->started = agent_now(a);
		a->slept_us = agent_slept_us();
		a->booted_us = agent_booted_us();
		r = agent_new_engine(a);
	}
	if (r >= 0)
		r = agent_new_sources(a);
	if (r >= 0)
		r = agent_new_hooks(a);
	if (r >= 0)
		r = agent_new_links(a);
	if (r < 0) {
		agent_free(a);
		return r;
	}
	*ret = a;
	return 0;
}

static void agent_free_flows(struct agent *a)
{
	struct flow *f;
	uint32_t cursor = 0;

	if (!a->flows)
		return;
	while ((f = flow_table_each(a->flows, &cursor)))
		timer_cancel(a->timers, &f->timer);
	flow_table_free(a->flows);
}

struct agent *agent_free(struct agent *a)
{
	if (!a)
		return NULL;
	demand_stop(a);
	dbus_server_free(a->bus);
	waiters_done(&a->waiters);
	control_stop(a);
	explains_done(&a->explains);
	traffic_done(&a->traffic);
	capture_streams_done(&a->streams);
	identify_stop(a);
	link_free(a->link);
	wire_free(a->wire);
	jobs_free(a->jobs);
	ike_engine_free(a->ike);
	agent_free_flows(a);
	leases_stop(a);
	timer_wheel_free(a->timers);
	idlers_free(a->idlers);
	admission_free(a->admission);
	capture_free(a->capture);
	hooks_free(a->hooks);
	sd_event_source_disable_unref(a->jobs_io);
	sd_event_source_disable_unref(a->timer);
	sd_event_source_disable_unref(a->pump);
	sd_event_unref(a->event);
	reload_done(&a->reload);
	policy_counts_done(&a->policy_counts);
	free(a->status_networks);
	config_free(a->config);
	free(a);
	return NULL;
}

int agent_run(struct agent *a)
{
	return sd_event_loop(a->event);
}
