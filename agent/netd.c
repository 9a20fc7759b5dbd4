/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tacit-netd's making, its loop and its end.
 */
#include "agent/netd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "agent/netd-kept.h"
#include "util/log.h"
#include "xfrm/larval.h"
#include "xfrm/nlsock.h"
#include "xfrm/spd.h"

/* How long an offer's packets are held when no policy says. */
#define NETD_WAIT_MS 1000u

uint64_t netd_now(const struct netd *n)
{
	uint64_t us = 0;

	/* Before the first turn of the loop it is the clock itself. */
	(void)sd_event_now(n->event, CLOCK_MONOTONIC, &us);
	return us / 1000;
}

static int netd_apply(void *user, struct change *c, size_t n)
{
	struct netd *d = user;

	return change_apply(d->nl, c, n);
}

static int netd_used(void *user, const struct ksa *sa)
{
	struct netd *d = user;

	return sad_used(d->nl, sa);
}

static int netd_read(void *user, const struct ksa *sa, struct ksa *ret)
{
	struct netd *d = user;

	return sad_look(d->nl, sa, ret);
}

static int netd_move(void *user, const struct ksa *sa, uint16_t udp_remote)
{
	struct netd *d = user;

	return sad_move(d->nl, sa, udp_remote);
}

static bool netd_taken(void *user, const struct kpolicy *place)
{
	const struct netd *n = user;

	return netd_pairs_taken(&n->pairs, place);
}

/* --- addresses ------------------------------------------------------------ */

static void netd_address_added(void *user, const struct address *a)
{
	struct netd *n = user;

	/* At start they wait until what stands in the kernel is known. */
	if (!n->addresses_known)
		return;
	if (netd_networks_add(n->networks, &a->addr, &a->broadcast) < 0)
		log_error("A new address of ours is not protected in full.");
	netd_on_address(n, a, false);
}

static void netd_address_removed(void *user, const struct address *a)
{
	struct netd *n = user;

	if (!n->addresses_known)
		return;
	if (netd_networks_remove(n->networks, &a->addr, &a->broadcast) < 0)
		log_warning("Policies of an address that went remain.");
	if (!address_table_has(n->guard.own, &a->addr))
		netd_on_address(n, a, true);
}

static void netd_address_back(void *user, const struct address *a)
{
	netd_on_address(user, a, false);
}

/* --- the loop ------------------------------------------------------------- */

static int netd_fatal(struct netd *n, const char *what, int error)
{
	log_error("%s: %s; stopping.", what, strerror(-error));
	return sd_event_exit(n->event, error);
}

static int netd_on_events(sd_event_source *s, int fd, uint32_t revents,
			  void *user)
{
	struct netd *n = user;
	int r = event_listener_dispatch(n->events);

	(void)s;
	(void)fd;
	(void)revents;
	return r < 0 ? netd_fatal(n, "XFRM events", r) : 0;
}

static int netd_on_addresses(sd_event_source *s, int fd, uint32_t revents,
			     void *user)
{
	struct netd *n = user;
	int r = address_watch_dispatch(n->addresses);

	(void)s;
	(void)fd;
	(void)revents;
	return r < 0 ? netd_fatal(n, "Addresses", r) : 0;
}

static int netd_on_hold(sd_event_source *s, int fd, uint32_t revents,
			void *user)
{
	struct netd *n = user;
	int r = hold_dispatch(n->hold, netd_now(n));

	(void)s;
	(void)fd;
	(void)revents;
	return r < 0 ? netd_fatal(n, "Held packets", r) : 0;
}

static int netd_on_hear(sd_event_source *s, int fd, uint32_t revents,
			void *user)
{
	struct netd *n = user;
	int r = hear_dispatch(n->hear);

	(void)s;
	(void)fd;
	(void)revents;
	return r < 0 ? netd_fatal(n, "Logged packets", r) : 0;
}

static int netd_on_watch(sd_event_source *s, int fd, uint32_t revents,
			 void *user)
{
	struct netd *n = user;
	int r = watch_dispatch(n->watch);

	(void)s;
	(void)fd;
	(void)revents;
	return r < 0 ? netd_fatal(n, "XFRM deletions", r) : 0;
}

static int netd_on_timer(sd_event_source *s, uint64_t usec, void *user)
{
	struct netd *n = user;

	(void)s;
	(void)usec;
	timer_wheel_run(n->wheel, netd_now(n));
	if (n->hold)
		hold_tick(n->hold, netd_now(n));
	return 0;
}

/* Before each wait: what was left for later, and until when to wait. */
static int netd_prepare(sd_event_source *s, void *user)
{
	struct netd *n = user;
	uint64_t deadline, held = UINT64_MAX;

	netd_continue_reports(n);
	netd_repair_prepare(n);
	netd_hear_flush(n);
	deadline = timer_wheel_deadline(n->wheel);
	if (n->hold)
		held = hold_deadline(n->hold);
	if (held < deadline)
		deadline = held;
	return sd_event_source_set_time(
		s, deadline < UINT64_MAX / 1000 ? deadline * 1000 : UINT64_MAX);
}

static int netd_watch(struct netd *n)
{
	int r = sd_event_add_time(n->event, &n->timer, CLOCK_MONOTONIC,
				  UINT64_MAX, 1, netd_on_timer, n);

	if (r >= 0)
		r = sd_event_source_set_enabled(n->timer, SD_EVENT_ON);
	if (r >= 0)
		r = sd_event_source_set_prepare(n->timer, netd_prepare);
	if (r >= 0)
		r = sd_event_add_io(n->event, &n->io[0],
				    event_listener_fd(n->events), EPOLLIN,
				    netd_on_events, n);
	if (r >= 0)
		r = sd_event_add_io(n->event, &n->io[1],
				    address_watch_fd(n->addresses), EPOLLIN,
				    netd_on_addresses, n);
	if (r >= 0 && n->hold)
		r = sd_event_add_io(n->event, &n->io[2], hold_fd(n->hold),
				    EPOLLIN, netd_on_hold, n);
	if (r >= 0 && n->hear)
		r = sd_event_add_io(n->event, &n->io[3], hear_fd(n->hear),
				    EPOLLIN, netd_on_hear, n);
	if (r >= 0 && n->watch)
		r = sd_event_add_io(n->event, &n->io[4], watch_fd(n->watch),
				    EPOLLIN, netd_on_watch, n);
	return r < 0 ? r : 0;
}

/* --- start ---------------------------------------------------------------- */

static uint32_t netd_wait_ms(const struct policy_table *t)
{
	uint32_t longest = 0;

	for (size_t i = 0; i < policy_table_count(t); i++) {
		const struct policy *p = policy_table_at(t, i);

		if (p->level == POLICY_OFFER && p->wait && p->wait_ms > longest)
			longest = p->wait_ms;
	}
	return longest ? longest : NETD_WAIT_MS;
}

/* The kernel's own queue serves where packets cannot be held; without either
 * the first ones are lost, and sent again by whoever sent them. */
static void netd_fall_back(struct netd *n)
{
	int r = larval_queue(&n->larval_before);

	log_notice("Packets that wait are left to the kernel's own queue.");
	if (r < 0)
		log_warning("net.core.xfrm_larval_drop cannot be set: %s; "
			    "first packets are lost.",
			    strerror(-r));
}

/*
 * What a required template turns away is routed to a black hole, which has
 * no link: a packet to a link-local address could not be routed anew when it
 * is let go. In the kernel's queue mode it keeps its link, and is held by
 * nftables before it gets to that queue.
 */
static bool netd_needs_links(const struct policy_table *t)
{
	struct prefix linklocal;

	if (prefix_parse("fe80::/10", &linklocal) < 0)
		return false;
	for (size_t i = 0; i < policy_table_count(t); i++) {
		const struct policy *p = policy_table_at(t, i);

		if (p->level != POLICY_REQUIRE)
			continue;
		for (size_t k = 0; k < p->n_networks; k++)
			if (prefix_contains(&linklocal, &p->networks[k].addr) ||
			    prefix_contains(&p->networks[k], &linklocal.addr))
				return true;
	}
	return false;
}

void netd_keep_links(struct netd *n)
{
	int r;

	if (!n->hold || n->larval_before >= 0 ||
	    !netd_needs_links(n->config->policies))
		return;
	r = larval_queue(&n->larval_before);
	if (r < 0)
		log_warning("net.core.xfrm_larval_drop cannot be set: %s; "
			    "first packets to link-local addresses are lost.",
			    strerror(-r));
}

/* What the policy says that its packets are of. */
static uint32_t netd_on_wait(void *user, const struct addr *remote)
{
	const struct netd *n = user;
	const struct policy *p =
		policy_table_lookup(n->config->policies, remote);

	return p && p->wait ? p->wait_ms : NETD_WAIT_MS;
}

/* --- name servers ---------------------------------------------------------- */

void netd_set_servers(void *user)
{
	struct netd *n = user;
	size_t count;
	const struct nameserver *s = netd_dns_servers(n->dns, &count);
	int r = 0;

	if (n->hold)
		r = hold_set_servers(n->hold, s, count);
	if (netd_networks_set_servers(n->networks, s, count) < 0 || r < 0)
		log_error("Not all name servers can be reached in the clear.");
}

static int netd_start_dns(struct netd *n)
{
	const struct netd_dns_ops ops = { .user = n,
					  .changed = netd_set_servers };
	int r = netd_dns_new(n->event, &n->config->dns, &ops, &n->dns);

	if (r < 0)
		return r;
	netd_set_servers(n);
	if (netd_dns_recursive(&n->config->dns) && !n->hold &&
	    netd_networks_any_closed(n->networks))
		log_warning("Servers=none needs nft_queue to look for keys "
			    "beyond networks that are closed: name servers "
			    "in [DNS].");
	return 0;
}

static int netd_start_hold(struct netd *n, const struct hash_key *key,
			   bool no_hold)
{
	const struct config *c = n->config;
	const struct hold_config hold = {
		.queue_offer = c->queue_offer,
		.queue_require = c->queue_require,
		.port = c->port,
		.natt_port = c->natt_port,
		.mark_bit = c->mark_bit,
		.dns_bit = c->dns_bit,
		.recursive = netd_dns_recursive(&c->dns),
		.resolver = n->agent_uid,
		.wait_ms = netd_wait_ms(c->policies),
		.hash_key = *key,
	};
	const struct hold_ops ops = { .user = n,
				      .first = netd_on_first,
				      .wait_ms = netd_on_wait };
	int r = -EOPNOTSUPP;

	if (!no_hold)
		r = hold_new(&hold, &ops, &n->hold);
	if (r == 0)
		netd_keep_links(n);
	if (r == -EADDRINUSE)
		log_error("nfnetlink queue %u or %u belongs to another "
			  "program: set QueueOffer= and QueueRequire= in "
			  "[Hold] to free numbers.",
			  c->queue_offer, c->queue_require);
	if (r != -EOPNOTSUPP)
		return r;
	if (!no_hold)
		log_notice("This kernel cannot hold packets with nftables: "
			   "nft_queue or nfnetlink_queue is missing.");
	netd_fall_back(n);
	return 0;
}

static int netd_start_tables(struct netd *n, const struct hash_key *key)
{
	const struct netd_networks_config c = {
		.policies = n->config->policies,
		.kernel = &n->kernel,
		.esp4 = n->probe.esp4,
		.esp6 = n->probe.esp6,
		.dns_mark = n->hold ? 1u << n->config->dns_bit : 0,
		.recursive = netd_dns_recursive(&n->config->dns),
		.taken = netd_taken,
		.user = n,
	};
	int r;

	netd_pairs_init(&n->pairs, &n->kernel, key);
	netd_flows_init(&n->flows, &n->pairs, &n->kernel, n->wheel);
	netd_apart_start(n);
	n->flows.user = n;
	n->flows.ready = netd_on_ready;
	n->flows.gate = netd_on_gate;
	n->flows.gone = netd_on_flow_gone;
	n->flows.removed = netd_on_flow_removed;
	n->flows.is_lease = netd_is_lease;
	n->flows.closing = netd_on_closing;
	n->flows.translate = netd_translate;
	n->flows.used = netd_on_used;
	n->flows.spi = netd_on_spi;
	n->flows.secured = netd_on_secured;
	n->shunts = (struct netd_shunts){
		.pairs = &n->pairs,
		.wheel = n->wheel,
		.user = n,
		.gone = netd_on_shunt_gone,
	};
	r = netd_networks_new(&c, &n->networks);
	if (r == 0)
		n->pairs.networks = n->networks;
	return r;
}

static int netd_start_kernel(struct netd *n)
{
	const struct address_ops addresses = {
		.user = n,
		.added = netd_address_added,
		.removed = netd_address_removed,
		.back = netd_address_back,
	};
	const struct event_ops events = {
		.user = n,
		.acquire = netd_on_acquire,
		.expire = netd_on_expire,
		.mapping = netd_on_mapping,
		.policy_gone = netd_on_policy_gone,
		.lost = netd_on_lost,
	};
	int r = event_listener_new(&events, &n->events);

	if (r == 0)
		r = address_watch_new(&addresses, &n->addresses);
	if (r < 0)
		return r;
	n->guard = (struct netd_guard){
		.policies = n->config->policies,
		.own = address_watch_table(n->addresses),
		.flows = &n->flows,
		.pools = &n->config->pools,
	};
	return netd_adopt(n);
}

static int netd_start(struct netd *n, const struct netd_setup *setup)
{
	const struct netd_agent_ops ops = {
		.user = n,
		.record = netd_on_record,
		.hung = netd_on_hung,
		.describe = netd_on_describe,
		.closed = netd_on_closed,
	};
	struct hash_key key;
	int r = 0;

	if (getrandom(&key, sizeof(key), 0) != sizeof(key))
		r = -EIO;
	n->wheel = timer_wheel_new(netd_now(n), n);
	if (!n->wheel)
		r = -ENOMEM;
	timer_init(&n->look, netd_look);
	timer_init(&n->idle, netd_idle_look);
	if (r == 0)
		r = netd_sockets_init(&n->sockets);
	if (r == 0)
		r = nlsock_open(NETLINK_XFRM, &n->nl);
	if (r == 0)
		r = netd_start_hold(n, &key, setup->no_hold);
	if (r == 0)
		r = netd_start_tables(n, &key);
	if (r == 0)
		netd_translate_start(n);
	if (r == 0)
		r = netd_start_dns(n);
	if (r == 0)
		netd_hear_start(n);
	if (r == 0)
		r = netd_start_kernel(n);
	if (r == 0)
		netd_repair_start(n);
	if (r == 0)
		r = netd_watch(n);
	if (r == 0) {
		netd_idle_start(n);
		netd_arm(n, false);
		r = netd_agent_init(&n->agent, n->event, n->wheel,
				    setup->listen_fd, &ops);
	}
	return r;
}

int netd_new(sd_event *event, struct netd_setup *setup, struct netd **ret)
{
	struct netd *n = calloc(1, sizeof(*n));
	int r = -ENOMEM;

	if (n) {
		n->event = sd_event_ref(event);
		n->config = setup->config;
		n->config_dir = setup->config_dir;
		n->kept_dir = setup->kept_dir;
		n->probe = setup->probe;
		n->agent_uid = setup->agent;
		n->larval_before = -1;
		memcpy(n->udp, setup->udp, sizeof(n->udp));
		n->kernel = (struct netd_kernel){ .user = n,
						  .apply = netd_apply,
						  .used = netd_used,
						  .read = netd_read,
						  .move = netd_move };
		r = netd_start(n, setup);
	} else {
		config_free(setup->config);
		for (int i = 0; i < NETD_SOCKETS; i++)
			if (setup->udp[i] >= 0)
				close(setup->udp[i]);
	}
	setup->config = NULL;
	if (r < 0) {
		if (!n || !n->agent.listener)
			close(setup->listen_fd);
		netd_free(n);
		return r;
	}
	*ret = n;
	return 0;
}

/* --- end ------------------------------------------------------------------ */

/* What is closed stays closed, with what is always in the clear beside it;
 * all else goes. */
static void netd_stop(struct netd *n)
{
	bool keep = netd_networks_any_closed(n->networks) &&
		    !n->config->open_on_stop;

	if (n->agent.refused || n->agent.bad_total)
		log_notice("%llu requests of the agent were refused, %llu "
			   "records were none.",
			   (unsigned long long)n->agent.refused,
			   (unsigned long long)n->agent.bad_total);
	netd_shunts_clear(&n->shunts, true);
	if (netd_networks_set_armed(n->networks, false) < 0)
		log_warning("Not all traps could be taken away.");
	netd_flows_clear(&n->flows);
	/* Those of leases, which have just gone. */
	netd_shunts_clear(&n->shunts, true);
	if (!keep && netd_networks_clear(n->networks) < 0)
		log_warning("Not all policies could be taken away.");
	n->hold = hold_free(n->hold, keep);
	if (keep)
		log_notice("Networks that require protection or are blocked "
			   "stay closed (OnStop=closed).");
}

static void netd_larval_restore(struct netd *n)
{
	int r;

	larval_restore(n->larval_before);
	/* Who never came so far does not know what was before. */
	if (n->larval_before < 0 || !n->guard.own)
		return;
	r = netd_kept_larval_forget(n->kept_dir);
	if (r < 0)
		log_warning("%s: %s", n->kept_dir, strerror(-r));
}

struct netd *netd_free(struct netd *n)
{
	if (!n)
		return NULL;
	netd_agent_done(&n->agent);
	if (n->guard.own)
		netd_stop(n);
	n->hold = hold_free(n->hold, false);
	netd_hear_stop(n);
	netd_translate_stop(n);
	netd_repair_stop(n);
	netd_larval_restore(n);
	for (size_t i = 0; i < sizeof(n->io) / sizeof(n->io[0]); i++)
		sd_event_source_disable_unref(n->io[i]);
	sd_event_source_disable_unref(n->timer);
	netd_shunts_done(&n->shunts);
	if (n->pairs.kernel) {
		netd_connections_done(&n->connections);
		netd_flows_done(&n->flows);
		netd_pairs_done(&n->pairs);
	}
	netd_dns_free(n->dns);
	netd_sockets_done(&n->sockets);
	netd_networks_free(n->networks);
	event_listener_free(n->events);
	address_watch_free(n->addresses);
	nlsock_free(n->nl);
	if (n->wheel) {
		timer_cancel(n->wheel, &n->look);
		timer_cancel(n->wheel, &n->idle);
	}
	timer_wheel_free(n->wheel);
	for (int i = 0; i < NETD_SOCKETS; i++)
		if (n->udp[i] >= 0)
			close(n->udp[i]);
	config_free(n->config);
	sd_event_unref(n->event);
	free(n);
	return NULL;
}
