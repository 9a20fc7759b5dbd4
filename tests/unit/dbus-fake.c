/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dbus-fake.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dbus/explain-dbus.h"
#include "dbus/names.h"
#include "dbus/peers-dbus.h"
#include "dbus/traffic-dbus.h"

void fake_address(const struct fake *f, uint32_t index, struct addr *ret)
{
	struct addr a = { .family = AF_INET, .bytes = { 10 } };

	if (index >= f->n_ipv4) {
		index -= f->n_ipv4;
		a = (struct addr){ .family = AF_INET6,
				   .bytes = { 0x20, 0x01, 0x0d, 0xb8 } };
		a.bytes[13] = (uint8_t)(index >> 16);
		a.bytes[14] = (uint8_t)(index >> 8);
		a.bytes[15] = (uint8_t)index;
	} else {
		a.bytes[1] = (uint8_t)(index >> 16);
		a.bytes[2] = (uint8_t)(index >> 8);
		a.bytes[3] = (uint8_t)index;
	}
	*ret = a;
}

static void fill(struct fake *f, uint32_t index, struct dbus_peer *ret)
{
	static const char *const states[] = { "secured", "clear", "negotiate",
					      "blocked" };
	uint32_t kind = index % 4;

	f->asked++;
	*ret = (struct dbus_peer){
		.state = states[kind],
		.policy = "private",
		.level = "offer",
		.identity = "",
		.auth = kind ? "none" : "null",
		.proof = "",
		.fingerprint = "",
		.algorithms = kind ? "" : "X25519, AES-GCM-16-256, SHA2-256",
		.cipher = kind ? "" : "AES-GCM-16-256",
		.reason = kind == 1   ? "the peer does not answer"
			  : kind == 3 ? "refused: NO_PROPOSAL_CHOSEN"
				      : "",
		.spi_in = kind ? 0 : 0x10000000 + index,
		.spi_out = kind ? 0 : 0xf0000000 + index,
		.clear = kind ? 0 : 3,
		.since_ms = 1500 + 1000ull * index,
		.setup_us = kind ? 0 : 4321,
	};
	fake_address(f, index, &ret->remote);
	if (addr_parse(ret->remote.family == AF_INET ? "10.255.0.1"
						     : "2001:db8:ffff::1",
		       &ret->local) < 0)
		ret->local.family = 0;
	/* Those that are encrypted have a lease. */
	if (!kind &&
	    addr_parse(ret->remote.family == AF_INET ? "100.64.0.5" : "fd64::5",
		       &ret->lease) < 0)
		ret->lease.family = 0;
	/* A name from a stranger: quotes, a control character, no UTF-8. */
	if (index == 4) {
		strcpy(f->text, "a\"b\\c\x1b[31m\xc3\xa9\xff.example");
		ret->identity = f->text;
	}
}

static void host(void *user, struct dbus_host *ret)
{
	const struct fake *f = user;

	*ret = f->host;
}

static int peer(void *user, const struct addr *remote, struct dbus_peer *ret)
{
	struct fake *f = user;

	for (uint32_t i = 0; i < f->n_ipv4 + f->n_ipv6; i++) {
		struct addr a;

		fake_address(f, i, &a);
		if (!addr_equal(&a, remote))
			continue;
		fill(f, i, ret);
		return 0;
	}
	return -ENOENT;
}

/* The number of the first peer behind this address. */
static uint32_t first_after(const struct fake *f, const struct addr *after)
{
	uint32_t low = 0, high = f->n_ipv4 + f->n_ipv6;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		struct addr a;

		fake_address(f, middle, &a);
		if (after->family && addr_compare(&a, after) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int peers(void *user, const struct addr *after, uint32_t limit,
		 int (*each)(const struct dbus_peer *p, void *ctx), void *ctx)
{
	struct fake *f = user;
	uint32_t n = 0;

	for (uint32_t i = first_after(f, after);
	     i < f->n_ipv4 + f->n_ipv6 && n < limit; i++) {
		struct dbus_peer p;
		int r;

		fill(f, i, &p);
		n++;
		r = each(&p, ctx);
		if (r)
			return r;
	}
	return 0;
}

static int keys(void *user, int (*each)(const struct dbus_key *k, void *ctx),
		void *ctx)
{
	static const struct dbus_key key = {
		.name = "ed25519",
		.type = "Ed25519",
		.fingerprint = "SHA256:print",
		.public_key =
			"MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=",
		.stage = "active",
	};

	(void)user;
	return each(&key, ctx);
}

static void dns(void *user, struct dbus_dns *ret)
{
	const struct fake *f = user;

	*ret = (struct dbus_dns){
		.lookup = true,
		.fault = "",
		.resolver = f->resolver,
		.identity = f->identity ? f->identity : "",
		.addresses = f->own,
		.n_addresses = f->n_own,
	};
}

static int rule(void *user, const struct addr *remote, struct dbus_rule *ret)
{
	static const char *const names[] = { "@*.example.org" };

	(void)user;
	if (remote->family != AF_INET)
		return -ENOENT;
	*ret = (struct dbus_rule){
		.name = "private",
		.level = "offer",
		.auth = "offer",
		.discover = "always",
		.lookup = remote->bytes[0] == 172 ? "no" : "address",
		.identities = names,
		.n_identities = remote->bytes[0] == 10,
	};
	return 0;
}

static void fill_policy(uint32_t i, struct dbus_policy *ret)
{
	static const struct service ports[] = { { IPPROTO_TCP, 443 } };
	static const char *const names[] = { "@*.example.org" };

	*ret = (struct dbus_policy){
		.name = i ? "vault" : "private",
		.level = i ? "require" : "offer",
		.auth = "allow",
		.discover = "always",
		.wait = i,
		.file = i ? "/etc/tacit/policy.d/vault.conf" : "",
		.line = i,
		.secured = 7,
		.failed = 5000000000,
		.lookup = "address",
		.mode = "any",
		.translation = "anonymous",
		.gateway = true,
		.pool = "default",
		.identities = names,
		.n_identities = i,
		.ports = ports,
		.n_ports = i,
		.wait_ms = 2000,
		.lookup_ms = 500,
		.retry_ms = 60000,
		.lifetime_ms = 14400000,
	};
}

static const char *networks_of(uint32_t i)
{
	return i ? "10.1.2.0/24" : "10.0.0.0/8 fe80::/10";
}

static int policy(void *user, const char *name, struct dbus_policy *ret)
{
	const struct fake *f = user;

	for (uint32_t i = 0; i < f->n_policies && i < 2; i++) {
		fill_policy(i, ret);
		if (!strcmp(ret->name, name))
			return 0;
	}
	return -ENOENT;
}

static const char *networks(void *user, const char *name)
{
	(void)user;
	return networks_of(!strcmp(name, "vault"));
}

static int policies(void *user,
		    int (*each)(const struct dbus_policy *p, void *ctx),
		    void *ctx)
{
	const struct fake *f = user;

	for (uint32_t i = 0; i < f->n_policies; i++) {
		struct dbus_policy p;
		int r;

		fill_policy(i, &p);
		p.networks = networks_of(i);
		r = each(&p, ctx);

		if (r)
			return r;
	}
	return 0;
}

static void connect_peer(void *user, const struct addr *remote,
			 struct handle call)
{
	struct fake *f = user;
	struct dbus_peer p;

	if (peer(f, remote, &p) < 0)
		dbus_pending_fail(f->pending, call, DBUS_ERROR_POLICY_FORBIDS,
				  "No policy covers it.");
	else if (!strcmp(p.state, "secured"))
		dbus_reply_peer(f->pending, call, &p);
	else if (strcmp(p.state, "negotiate") != 0)
		dbus_pending_fail(f->pending, call, DBUS_ERROR_NOT_ENCRYPTED,
				  p.reason);
}

static int disconnect_peer(void *user, const struct addr *remote)
{
	struct dbus_peer p;

	return peer(user, remote, &p);
}

static void repair(void *user, struct handle call)
{
	struct fake *f = user;

	dbus_pending_return_number(f->pending, call, 7);
}

static void set_debug(void *user, int level, const struct addr *remote)
{
	struct fake *f = user;

	f->level = level;
	f->level_peer = *remote;
}

/* Two blocks, then the end. */
static int capture(void *user, const struct addr *remote, uint32_t seconds,
		   int *ret_fd)
{
	struct fake *f = user;
	int fds[2];

	if (remote->family == AF_INET6)
		return -EBUSY;
	f->capture_seconds = seconds;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	(void)!write(fds[0], "one,", 4);
	(void)!write(fds[0], "two", 3);
	close(fds[0]);
	*ret_fd = fds[1];
	return 0;
}

static void explain(void *user, const struct addr *remote,
		    const struct service *service, struct handle call)
{
	struct fake *f = user;
	struct dbus_explanation e = {
		.remote = *remote,
		.policy = "private",
		.level = "offer",
		.auth = "allow",
		.discover = "always",
		.network = "10.0.0.0/8",
		.file = "/etc/tacit/policy.d/x.conf",
		.line = 3,
		.ports = service,
		.n_ports = service->protocol == IPPROTO_UDP,
		.state = "unknown",
		.clear = { { IPPROTO_TCP, 9100 }, { IPPROTO_UDP, 161 } },
		.n_clear = 2,
		.network_file = "/etc/tacit/networks.txt",
		.network_line = 8,
		.lookup_ms = 500,
		.key_verdict = "secure",
		.key_source = "reverse",
		.key_name = "1.0.0.10.in-addr.arpa.",
		.key_why = "",
		.dns_fault = "",
		.key_count = 1,
		.ike_state = "established",
		.ike_role = "initiator",
		.netd = true,
		.kernel = true,
		.sending = true,
		.hardened = true,
		.bytes_in = 1234567,
		.bytes_out = 999,
		.packets_in = 12,
		.packets_out = 9,
		.advice = { "Do this, which is a long sentence that has to be "
			    "wrapped where the terminal ends.",
			    "Or that." },
		.n_advice = 2,
	};

	e.known = peer(f, remote, &e.peer) == 0;
	dbus_reply_explanation(f->pending, call, &e);
}

static void reload(void *user, struct handle call)
{
	struct fake *f = user;

	if (f->n_policies > 5)
		dbus_pending_fail(f->pending, call,
				  DBUS_ERROR_BAD_CONFIGURATION,
				  "/etc/tacit/policy.d/x.conf:3: wrong");
	else
		dbus_pending_return(f->pending, call);
}

static void traffic(void *user, uint32_t limit, struct handle call)
{
	struct fake *f = user;
	struct dbus_traffic_flow flows[3] = { 0 };
	struct dbus_traffic t = { .flows = flows,
				  .count = limit < 3 ? limit : 3,
				  .interval_ms = 1000,
				  .left_out = 7 };

	for (uint32_t i = 0; i < 3; i++) {
		fake_address(f, i, &flows[i].remote);
		flows[i].local = flows[i].remote;
		flows[i].bytes_in = 5000000000 / (i + 1);
		flows[i].rate_in = 1234567 / (i + 1);
		flows[i].rate_out = 9;
	}
	dbus_reply_traffic(f->pending, call, &t);
}

void fake_init(struct fake *f)
{
	*f = (struct fake){
		.n_ipv4 = 3000,
		.n_ipv6 = 20,
		.n_policies = 2,
		.host = {
			.version = "1.2.3",
			.instance = "",
			.warning = "",
			.protecting = true,
			.privileges_separate = true,
			.secured = 755,
			.clear = 755,
			.blocked = 755,
			.negotiating = 755,
			.held_down = 0,
			.acquires = 5000000000,
			.established = 4000,
			.failed = 12,
			.refused_records = 0,
			.packets_no_room = 2,
			.packets_late = 3,
			.events_lost = 4,
			.acquires_refused = 5,
			.half_open_evicted = 6,
			.repeats_ignored = 7,
			.peers_evicted = 8,
			.peers_refused = 9,
			.clear_connections = 4,
			.leases = 2,
			.leases_refused = 1,
			.uptime_ms = 93784000,
		},
	};
}

struct dbus_source fake_source(struct fake *f)
{
	return (struct dbus_source){
		.user = f,
		.host = host,
		.peer = peer,
		.peers = peers,
		.policies = policies,
		.keys = keys,
		.connect = connect_peer,
		.explain = explain,
		.traffic = traffic,
		.reload = reload,
		.policy = policy,
		.networks = networks,
		.disconnect = disconnect_peer,
		.repair = repair,
		.set_debug = set_debug,
		.capture = capture,
		.dns = dns,
		.rule = rule,
	};
}
