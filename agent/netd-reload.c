/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Another reading of the configuration takes the place of the one before, in
 * the kernel too: what is the same stays untouched, and nothing that both
 * readings close is open in between.
 */
#include <errno.h>
#include <string.h>

#include "agent/netd-flow.h"
#include "agent/netd-kept.h"
#include "agent/netd.h"
#include "policy/config-change.h"
#include "util/log.h"

static int reload_read(const struct netd *n, uint32_t digest,
		       struct config **ret)
{
	struct config_errors errors = { 0 };
	struct config *c = NULL;
	int r = config_load(n->config_dir, &c, &errors);

	if (r < 0) {
		config_errors_log(&errors);
		log_error("The configuration cannot be used (%s); that of "
			  "before stays in force.",
			  r == -EINVAL ? "see above" : strerror(-r));
	}
	config_errors_done(&errors);
	if (r == 0 && config_digest(c) != digest) {
		config_free(c);
		return -ESTALE;
	}
	if (r == 0)
		*ret = c;
	return r;
}

static enum policy_level reload_level(const struct netd *n,
				      const struct addr *remote)
{
	const struct policy *p =
		policy_table_lookup(n->config->policies, remote);

	return p ? p->level : POLICY_FORBID;
}

/* As the guard would judge them, were they asked for now. */
static bool reload_stays(void *user, const struct addr *remote, bool block)
{
	switch (reload_level(user, remote)) {
	case POLICY_FORBID:
	case POLICY_ALLOW:
		return !block;
	case POLICY_OFFER:
		return true;
	case POLICY_REQUIRE:
	case POLICY_BLOCK:
		break;
	}
	return block;
}

bool netd_flow_fits(const struct netd *n, const struct netd_flow *f)
{
	struct scope scope;

	return netd_pair_scope(f->pair, &scope) &&
	       netd_guard_scope(&n->guard, &f->pair->remote, &f->pair->outer,
				&scope);
}

static void reload_flows(struct netd *n)
{
	for (struct netd_flow *f = n->flows.first, *next; f; f = next) {
		const struct policy *p = netd_guard_policy(
			&n->guard, &f->pair->remote, &f->pair->outer);
		enum policy_level level = p ? p->level : POLICY_FORBID;

		next = f->next;
		if (level == POLICY_FORBID || level == POLICY_BLOCK ||
		    !netd_flow_fits(n, f)) {
			netd_flow_end(f);
		} else if (level == POLICY_REQUIRE && !f->hardened) {
			f->hardened = true;
			if (netd_flow_sync(f) < 0)
				netd_flow_end(f);
		}
	}
}

void netd_keep(struct netd *n)
{
	int r = netd_kept_save(n->kept_dir, n->config);

	if (r < 0)
		log_warning("%s: %s; if the configuration has errors when this "
			    "host boots, what it closes now is open then.",
			    n->kept_dir, strerror(-r));
	if (n->larval_before < 0)
		return;
	r = netd_kept_larval_save(n->kept_dir, n->larval_before);
	if (r < 0)
		log_warning("%s: %s; if tacit-netd dies nobody knows that "
			    "net.core.xfrm_larval_drop was %d.",
			    n->kept_dir, strerror(-r), n->larval_before);
}

static void reload_needs_restart(const char *key)
{
	log_debug("%s is different: that takes effect with a restart.", key);
}

int netd_reload(struct netd *n, uint32_t digest)
{
	const struct netd_networks *networks = n->networks;
	struct config before, *next = NULL;
	int r;

	if (config_digest(n->config) == digest)
		return 0;
	r = reload_read(n, digest, &next);
	if (r < 0)
		return r;
	r = netd_networks_replace(&n->networks, next->policies);
	if (n->networks == networks) {
		config_free(next);
		return r;
	}
	if (r < 0)
		log_error("Not all policies could be changed.");
	config_keep_fixed(n->config, next, reload_needs_restart);
	before = *n->config;
	*n->config = *next;
	*next = before;
	n->pairs.networks = n->networks;
	n->guard.policies = n->config->policies;
	reload_flows(n);
	netd_connections_review(&n->connections);
	netd_shunts_review(&n->shunts, reload_stays, n);
	netd_keep_links(n);
	netd_set_ranges(n);
	netd_idle_start(n);
	netd_keep(n);
	config_free(next);
	log_info("The configuration has been read again.");
	return 0;
}
