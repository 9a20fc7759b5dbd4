/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Status is derived from the flows at each call; nothing is kept for it. */
#include "config.h"

#include "agent/status.h"

#include "agent/control.h"
#include "agent/negotiation.h"
#include "agent/proof.h"
#include "agent/status-dns.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *status_auth(const struct flow *f)
{
	if (!f->child.spi_in)
		return "none";
	return f->child.auth ? ike_auth_method_name(
				       (enum ike_auth_method)f->child.auth)
			     : "unknown";
}

static const char *status_reason(struct agent *a, const struct flow *f)
{
	if (f->state == FLOW_SECURED && handle_is_none(f->child.ike))
		return "of an earlier agent, being renewed";
	if (f->state == FLOW_SECURED && f->bogus)
		return "DNSSEC validation of its key fails";
	if (!f->reason || !f->why)
		return f->reason ? ike_reason_name(f->reason) : "";
	snprintf(a->status_reason, sizeof(a->status_reason), "%s: %s",
		 ike_reason_name(f->reason), f->why);
	return a->status_reason;
}

static const char *status_identity(struct agent *a, const struct flow *f,
				   const struct ike_sa_info *info)
{
	if (!proof_is_one(f->child.auth))
		return "";
	return ike_identity_format(&info->peer.id, a->status_identity);
}

/* As `tacit key show` writes them; a shared key has none. */
static const char *status_fingerprint(struct agent *a, const struct flow *f,
				      const struct ike_sa_info *info)
{
	static const uint8_t none[IKE_FINGERPRINT_LEN] = { 0 };

	if (!proof_is_one(f->child.auth) ||
	    !memcmp(info->peer.fingerprint, none, sizeof(none)))
		return "";
	return own_key_fingerprint_format(info->peer.fingerprint,
					  a->status_fingerprint);
}

void status_of_flow(struct agent *a, const struct flow *f,
		    struct dbus_peer *ret)
{
	struct ike_sa_info *info = &a->status_info;
	const char *cipher = esp_cipher_name(f->child.cipher);

	memset(info, 0, sizeof(*info));
	ike_sa_describe(a->ike, f->child.ike, info);
	*ret = (struct dbus_peer){
		.local = f->local,
		.remote = f->peer->addr,
		.lease = f->child.spi_in ? f->lease : (struct addr){ 0 },
		.outer = f->behind ? (struct addr){ 0 } : f->outer,
		.gateway = f->behind ? f->outer : f->gateway,
		.state = flow_state_name(f->state),
		.policy = f->policy ? f->policy->name : "",
		.level = f->policy ? policy_level_name(f->policy->level) : "",
		.identity = status_identity(a, f, info),
		.proof = proof_is_one(f->child.auth) && info->peer.how
				 ? info->peer.how
				 : "",
		.fingerprint = status_fingerprint(a, f, info),
		.auth = status_auth(f),
		.algorithms = info->algorithms,
		.cipher = cipher ? cipher : "",
		.reason = status_reason(a, f),
		.spi_in = f->child.spi_in,
		.spi_out = f->child.spi_out,
		.clear = f->child.spi_in ? (uint32_t)f->began.n : 0,
		.since_ms = agent_now(a) - f->since,
		.setup_us = f->setup_us,
	};
}

/* Each of the two knows only who itself is. */
static bool status_separate(const struct agent *a)
{
	return a->options->privileges_separate && a->netd.separate;
}

static const char *status_warning(struct agent *a)
{
	if (!link_is_up(a->link))
		return "tacit-netd does not answer: new peers are not "
		       "encrypted; tacit doctor says what is wrong";
	if (!(a->kernel & RECORD_HAS_ESP4))
		return "this kernel has no ESP for IPv4: modprobe esp4";
	if (!(a->kernel & RECORD_HAS_ESP6))
		return "this kernel has no ESP for IPv6: modprobe esp6";
	if (!(a->kernel & RECORD_HAS_HOLD))
		return "this kernel has no nft_queue: first packets may be "
		       "late; modprobe nft_queue";
	if (a->netd.left_out)
		return "this host has more addresses than are protected: see "
		       "tacit-netd's log";
	if (a->reload.error)
		return a->reload.why;
	if (!signer_is_up(a->signer))
		return "tacit-keyd does not answer: this host can prove to "
		       "nobody who it is; see its log";
	if (signer_refused(a->signer))
		return "tacit-keyd does not use a key file: its log says which "
		       "and why";
	if (!status_separate(a))
		return "the programs run under one user: the privileged part "
		       "is not set apart";
	if (own_dns_warning(a->own_dns))
		return own_dns_warning(a->own_dns);
	if (!(a->kernel & RECORD_HAS_TRANSLATION))
		return "this kernel cannot translate addresses in ESP: behind a "
		       "NAT no peer can lease us one; modprobe nft_xfrm";
	if (leases_warning(a))
		return leases_warning(a);
	if (negotiation_is_full(a))
		return "as many peers have SAs as MaxPeers= in [Agent] lets: "
		       "further ones are turned away";
	return capture_warning(a->capture);
}

static void status_host(void *user, struct dbus_host *ret)
{
	struct agent *a = user;
	struct pool_counters leases;
	struct ike_counters ike;

	leases_count(a, &leases);
	ike_engine_count(a->ike, &ike);
	*ret = (struct dbus_host){
		.version = PACKAGE_VERSION,
		.instance = a->instance,
		.warning = status_warning(a),
		.protecting = link_is_up(a->link),
		.privileges_separate = status_separate(a),
		.secured = flow_table_count_state(a->flows, FLOW_SECURED) +
			   flow_table_count_state(a->flows, FLOW_INSTALL),
		.clear = flow_table_count_state(a->flows, FLOW_CLEAR),
		.blocked = flow_table_count_state(a->flows, FLOW_BLOCKED),
		.negotiating =
			flow_table_count_state(a->flows, FLOW_NEGOTIATE) +
			flow_table_count_state(a->flows, FLOW_QUEUED),
		.held_down = flow_table_count_state(a->flows, FLOW_HOLDDOWN),
		.acquires = a->counters.acquires,
		.established = a->counters.established,
		.failed = a->counters.failed,
		.refused_records = a->netd.refused,
		.packets_held = a->netd.held,
		.packets_no_room = a->netd.held_no_room,
		.packets_late = a->netd.held_late,
		.events_lost = a->netd.events_lost,
		.acquires_refused = a->counters.acquires_refused,
		.half_open_evicted = ike.half_open_evicted,
		.repeats_ignored = ike.repeats_ignored,
		.peers_evicted = a->counters.peers_evicted,
		.peers_refused = a->counters.peers_refused,
		.clear_connections = a->netd.began,
		.leases = leases.leased,
		.leases_refused = leases.refused,
		.uptime_ms = agent_now(a) - a->started,
	};
}

static int status_peer(void *user, const struct addr *remote,
		       struct dbus_peer *ret)
{
	struct agent *a = user;
	struct flow *f = flow_table_get_remote(a->flows, remote);

	if (!f)
		return -ENOENT;
	status_of_flow(a, f, ret);
	return 0;
}

static int status_peers(void *user, const struct addr *after, uint32_t limit,
			int (*each)(const struct dbus_peer *p, void *ctx),
			void *ctx)
{
	struct agent *a = user;
	struct flow *f = flow_table_after(
		a->flows, after && after->family ? after : NULL);
	struct dbus_peer p = { 0 };

	/* Flows of one remote address are never parted by a page's end: the
	 * cursor would skip the rest. */
	for (uint32_t n = 0; f; n++, f = flow_table_next(a->flows, f)) {
		int r;

		if (n >= limit && !addr_equal(&f->peer->addr, &p.remote))
			break;
		status_of_flow(a, f, &p);
		r = each(&p, ctx);
		if (r)
			return r;
	}
	return 0;
}

static char *status_networks(const struct policy *p)
{
	char *text = calloc(p->n_networks + 1, PREFIX_STRLEN + 1);
	char *end = text;

	if (!text)
		return NULL;
	for (size_t i = 0; i < p->n_networks; i++) {
		if (i)
			*end++ = ' ';
		prefix_format(&p->networks[i], end);
		end += strlen(end);
	}
	return text;
}

static void status_of_policy(const struct agent *a, const struct policy *p,
			     struct dbus_policy *ret)
{
	const struct policy_count *c =
		policy_counts_get(&a->policy_counts, p->name);

	*ret = (struct dbus_policy){
		.name = p->name,
		.level = policy_level_name(p->level),
		.auth = policy_auth_name(p->auth),
		.discover = policy_discover_name(p->discover),
		.wait = p->wait || p->level == POLICY_REQUIRE,
		.file = p->file ? p->file : "",
		.line = p->file ? p->line : 0,
		.lookup = policy_lookup_name(p->lookup),
		.mode = policy_mode_name(p->mode),
		.translation = policy_translation_name(p->translation),
		.gateway = p->gateway,
		.pool = address_pools_get(&a->config->pools, p->pool) ? p->pool
								      : "",
		.identities = (const char *const *)p->identities,
		.n_identities = p->n_identities,
		.ports = p->ports,
		.n_ports = p->n_ports,
		.wait_ms = policy_wait_ms(p),
		.lookup_ms = p->lookup_ms,
		.retry_ms = p->retry_ms,
		.idle_ms = p->idle_ms,
		.lifetime_ms = p->child_lifetime_s * UINT64_C(1000),
	};
	if (!c)
		return;
	ret->secured = c->now[FLOW_SECURED];
	ret->clear = c->now[FLOW_CLEAR] + c->now[FLOW_HOLDDOWN];
	ret->blocked = c->now[FLOW_BLOCKED];
	ret->established = c->established;
	ret->failed = c->failed;
}

/* They are in order of name. */
static const struct policy *status_find_policy(const struct agent *a,
					       const char *name)
{
	const struct policy_table *t = a->config->policies;
	size_t low = 0, high = policy_table_count(t);

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct policy *p = policy_table_at(t, middle);
		int order = strcmp(name, p->name);

		if (order == 0)
			return p;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static int status_policy(void *user, const char *name, struct dbus_policy *ret)
{
	const struct policy *p = status_find_policy(user, name);

	if (!p)
		return -ENOENT;
	status_of_policy(user, p, ret);
	return 0;
}

static const char *status_policy_networks(void *user, const char *name)
{
	struct agent *a = user;
	const struct policy *p = status_find_policy(a, name);

	free(a->status_networks);
	a->status_networks = p ? status_networks(p) : NULL;
	return a->status_networks;
}

static int status_policies(void *user,
			   int (*each)(const struct dbus_policy *p, void *ctx),
			   void *ctx)
{
	struct agent *a = user;
	const struct policy *p;

	for (size_t i = 0; (p = policy_table_at(a->config->policies, i)); i++) {
		char *networks = status_networks(p);
		struct dbus_policy out;
		int r;

		status_of_policy(a, p, &out);
		out.networks = networks ? networks : "";
		r = each(&out, ctx);

		free(networks);
		if (r)
			return r;
	}
	return 0;
}

static int status_one_key(const struct signer_key *k,
			  int (*each)(const struct dbus_key *k, void *ctx),
			  void *ctx)
{
	char print[OWN_KEY_FINGERPRINT_LEN], type[24] = "";
	unsigned char text[LIMIT_IKE_SPKI * 4 / 3 + 8];
	const unsigned char *at = k->spki;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)k->spki_len);
	const struct dbus_key out = {
		.name = k->name,
		.type = type,
		.fingerprint = own_key_fingerprint(k->spki, k->spki_len, print),
		.public_key = (const char *)text,
		.stage = key_stage_name(k->stage),
		.until = k->until,
	};

	if (key)
		own_key_type(key, type);
	EVP_PKEY_free(key);
	EVP_EncodeBlock(text, k->spki, (int)k->spki_len);
	return each(&out, ctx);
}

static int status_keys(void *user,
		       int (*each)(const struct dbus_key *k, void *ctx),
		       void *ctx)
{
	struct agent *a = user;
	const struct signer_key *keys;
	size_t n = signer_keys(a->signer, &keys);
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = status_one_key(&keys[i], each, ctx);
	return r;
}

void status_tell_hooks(struct agent *a, struct flow *f)
{
	bool up = f->state == FLOW_SECURED, before = f->told_up;
	struct hook_state now;
	struct dbus_peer p;

	/* Between two SA pairs it is as encrypted as before. */
	if (!a->hooks || f->state == FLOW_INSTALL || (!up && !before))
		return;
	status_of_flow(a, f, &p);
	now = (struct hook_state){
		.local = f->local,
		.remote = f->peer->addr,
		.up = up,
		.policy = p.policy,
		.identity = p.identity,
		.authentication = p.auth,
		.reason = p.reason,
	};
	f->told_up = up;
	hooks_note(a->hooks, before, &now);
}

struct dbus_source status_source(struct agent *a)
{
	struct dbus_source source = {
		.user = a,
		.host = status_host,
		.peer = status_peer,
		.peers = status_peers,
		.policies = status_policies,
		.policy = status_policy,
		.networks = status_policy_networks,
		.keys = status_keys,
		.dns = status_dns,
		.rule = status_rule,
		.socket = demand_socket,
		.require = demand_require,
	};

	control_source(&source);
	return source;
}
