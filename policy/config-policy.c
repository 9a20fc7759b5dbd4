/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One policy file: [Policy] with its keys, and the rules that tie keys to each
 * other.
 */
#include <config.h> /* not policy/config.h: asprintf() and the like */

#include "policy/config-policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/config-algorithms.h"
#include "policy/config-dns.h"
#include "policy/config-error.h"
#include "policy/config-file.h"
#include "policy/config-networks.h"
#include "policy/config-ports.h"
#include "policy/config-value.h"

/* The file being read. */
struct draft {
	struct config_policies *all;
	struct policy *policy;
	struct config_networks networks;
	bool name_given;
	bool level_known; /* Encryption= is there, and good */
	bool wait_known;
	bool no_memory;
};

enum key { /* the order of the table below */
	   KEY_NAME,
	   KEY_NETWORKS,
	   KEY_NETWORKS_FILE,
	   KEY_ENCRYPTION,
	   KEY_AUTHENTICATION,
	   KEY_DISCOVER,
	   KEY_LOOKUP,
	   KEY_LOOKUP_TIME,
	   KEY_WAIT,
	   KEY_WAIT_TIME,
	   KEY_RETRY_TIME,
	   KEY_CHILD_LIFETIME,
	   KEY_CHILD_BYTES,
	   KEY_CHILD_PACKETS,
	   KEY_PROPOSE,
	   KEY_ACCEPT_ANSWER,
	   KEY_ACCEPT,
	   KEY_IDENTITY,
	   KEY_IDLE_TIME,
	   KEY_MODE,
	   KEY_REKEY_MARGIN,
	   KEY_REKEY_FUZZ,
	   KEY_TRANSLATION,
	   KEY_PORTS,
	   KEY_ADDRESS_POOL,
	   KEY_GATEWAY,
};

bool config_policy_good_name(const char *name)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789-_.";
	size_t len = strlen(name);

	return len && len <= LIMIT_POLICY_NAME && strspn(name, good) == len;
}

static void set_name(const struct config_place *at)
{
	struct draft *d = at->target;

	d->name_given = true;
	if (!config_policy_good_name(at->item->value)) {
		config_place_error(at,
				   "a name has 1 to %u letters, digits, "
				   "- _ or .",
				   LIMIT_POLICY_NAME);
		return;
	}
	strcpy(d->policy->name, at->item->value);
}

static void set_networks(const struct config_place *at)
{
	struct draft *d = at->target;

	config_networks_set(&d->networks, at);
}

static void set_networks_file(const struct config_place *at)
{
	struct draft *d = at->target;

	config_networks_include(&d->networks, at);
}

static void set_encryption(const struct config_place *at)
{
	static const char *const words[] = { "forbid",	"allow", "offer",
					     "require", "block", NULL };
	struct draft *d = at->target;
	const char *near;

	if (policy_level_parse(at->item->value, &d->policy->level) == 0) {
		d->level_known = true;
		return;
	}
	near = config_value_nearest(at->item->value, words);
	if (near)
		config_place_error(at, "did you mean %s?", near);
	else
		config_place_error(at, "write forbid, allow, offer, require or "
				       "block");
}

static void set_authentication(const struct config_place *at)
{
	static const char *const words[] = { "allow", "offer", "require",
					     NULL };
	struct draft *d = at->target;
	const char *near;

	if (policy_auth_parse(at->item->value, &d->policy->auth) == 0)
		return;
	near = config_value_nearest(at->item->value, words);
	if (near)
		config_place_error(at, "did you mean %s?", near);
	else
		config_place_error(at, "write allow, offer or require");
}

static void set_discover(const struct config_place *at)
{
	struct draft *d = at->target;

	if (!strcmp(at->item->value, "always"))
		d->policy->discover = POLICY_DISCOVER_ALWAYS;
	else if (!strcmp(at->item->value, "dns"))
		d->policy->discover = POLICY_DISCOVER_DNS;
	else
		config_place_error(at, "write always or dns");
}

static void set_lookup(const struct config_place *at)
{
	struct draft *d = at->target;

	if (!strcmp(at->item->value, "address"))
		d->policy->lookup = POLICY_LOOKUP_ADDRESS;
	else if (!strcmp(at->item->value, "name"))
		d->policy->lookup = POLICY_LOOKUP_NAME;
	else if (!strcmp(at->item->value, "no"))
		d->policy->lookup = POLICY_LOOKUP_NO;
	else
		config_place_error(at, "write address, name or no");
}

/* A time between min and max; range says both. */
static bool span_in(const struct config_place *at, uint64_t min, uint64_t max,
		    const char *range, uint64_t *ret)
{
	uint64_t ms;
	int r = config_value_span(at->item->value, &ms);

	if (r == -EINVAL) {
		config_place_error(at, "write a time such as 500ms, 2s, 5min "
				       "or 4h");
		return false;
	}
	if (r < 0 || ms < min || ms > max) {
		config_place_error(at, "write a time from %s", range);
		return false;
	}
	*ret = ms;
	return true;
}

static void set_lookup_time(const struct config_place *at)
{
	struct draft *d = at->target;
	uint64_t ms;

	if (span_in(at, 0, CONFIG_LOOKUP_MS_MAX, "0s to 20s", &ms))
		d->policy->lookup_ms = (uint32_t)ms;
}

static void set_wait(const struct config_place *at)
{
	struct draft *d = at->target;

	if (config_value_bool(at->item->value, &d->policy->wait) == 0)
		d->wait_known = true;
	else
		config_place_error(at, "write yes or no");
}

static void set_wait_time(const struct config_place *at)
{
	struct draft *d = at->target;
	uint64_t ms;

	if (span_in(at, 1, 30000, "1ms to 30s", &ms))
		d->policy->wait_ms = (uint32_t)ms;
}

static void set_retry_time(const struct config_place *at)
{
	struct draft *d = at->target;
	uint64_t ms;

	if (span_in(at, 1000, 86400000, "1s to 1d", &ms))
		d->policy->retry_ms = (uint32_t)ms;
}

static void set_child_lifetime(const struct config_place *at)
{
	struct draft *d = at->target;
	uint64_t ms;

	if (span_in(at, 300000, 7ull * 86400000, "5min to 7d", &ms))
		d->policy->child_lifetime_s = (uint32_t)(ms / 1000);
}

static void set_child_bytes(const struct config_place *at)
{
	struct draft *d = at->target;
	uint64_t v;

	if (config_value_size(at->item->value, &v) < 0 || v < 1u << 20 ||
	    v / 1024 > UINT32_MAX)
		config_place_error(at, "write a size from 1M to 4095G, such as "
				       "500M or 64G");
	else
		d->policy->child_kib = (uint32_t)(v / 1024);
}

static void set_child_packets(const struct config_place *at)
{
	struct draft *d = at->target;
	uint32_t v;

	if (config_value_number(at->item->value, UINT32_MAX, &v) < 0 || v < 100)
		config_place_error(at, "write a number from 100 to %u",
				   UINT32_MAX);
	else
		d->policy->child_packets = v;
}

static void set_idle_time(const struct config_place *at)
{
	struct draft *d = at->target;
	uint64_t ms;

	if (!strcmp(at->item->value, "infinity"))
		d->policy->idle_ms = 0;
	else if (span_in(at, 1000, 7ull * 86400000, "1s to 7d, or infinity",
			 &ms))
		d->policy->idle_ms = (uint32_t)ms;
}

static void set_mode(const struct config_place *at)
{
	struct draft *d = at->target;

	if (!strcmp(at->item->value, "any"))
		d->policy->mode = POLICY_MODE_ANY;
	else if (!strcmp(at->item->value, "transport"))
		d->policy->mode = POLICY_MODE_TRANSPORT;
	else if (!strcmp(at->item->value, "tunnel"))
		d->policy->mode = POLICY_MODE_TUNNEL;
	else
		config_place_error(at, "write any, transport or tunnel");
}

static void set_address_pool(const struct config_place *at)
{
	const char *value = at->item->value;
	struct draft *d = at->target;

	d->policy->pool_line = at->item->line;
	d->policy->pool[0] = '\0';
	if (!strcmp(value, "no"))
		return;
	if (config_policy_good_name(value))
		strcpy(d->policy->pool, value);
	else
		config_place_error(at, "write the name of a pool of pool.d, or "
				       "no");
}

static void set_translation(const struct config_place *at)
{
	struct draft *d = at->target;
	bool yes = false;

	if (config_value_bool(at->item->value, &yes) < 0)
		config_place_error(at, "write yes or no");
	else
		d->policy->translation =
			yes ? POLICY_TRANSLATION_YES : POLICY_TRANSLATION_NO;
}

static void set_gateway(const struct config_place *at)
{
	struct draft *d = at->target;

	if (config_value_bool(at->item->value, &d->policy->gateway) < 0)
		config_place_error(at, "write yes or no");
}

/* "25%"; the sign may be left out. */
static void set_percent(const struct config_place *at, uint32_t min,
			uint32_t max, uint8_t *ret)
{
	size_t len = strlen(at->item->value);
	char digits[4] = "";
	uint32_t v;

	if (len && at->item->value[len - 1] == '%')
		len--;
	if (len < sizeof(digits))
		memcpy(digits, at->item->value, len);
	if (config_value_number(digits, max, &v) < 0 || v < min)
		config_place_error(at, "write a share from %u%% to %u%%", min,
				   max);
	else
		*ret = (uint8_t)v;
}

static void set_rekey_margin(const struct config_place *at)
{
	struct draft *d = at->target;

	set_percent(at, 5, 50, &d->policy->rekey_margin);
}

static void set_rekey_fuzz(const struct config_place *at)
{
	struct draft *d = at->target;

	set_percent(at, 0, 25, &d->policy->rekey_fuzz);
}

static void set_propose(const struct config_place *at)
{
	struct draft *d = at->target;

	config_algorithms_set(at, &d->policy->algorithms.propose);
}

static void set_accept_answer(const struct config_place *at)
{
	struct draft *d = at->target;

	config_algorithms_set(at, &d->policy->algorithms.answer);
}

static void set_accept(const struct config_place *at)
{
	struct draft *d = at->target;

	config_algorithms_set(at, &d->policy->algorithms.accept);
}

static void add_identity(const struct config_place *at, const char *word)
{
	char canonical[CONFIG_IDENTITY_STRLEN];
	struct draft *d = at->target;
	struct policy *p = d->policy;
	char **grown;

	if (config_value_identity(word, canonical) < 0) {
		config_errors_add(at->errors, at->path, at->item->line,
				  "%s is no identity: write a name "
				  "(host.example.org, *.example.org), an "
				  "address, user@host.example.org, or keyid: "
				  "and hexadecimal digits",
				  word);
		return;
	}
	if (p->n_identities == LIMIT_POLICY_IDENTITIES) {
		config_place_error(at, "a policy has at most %u identities",
				   LIMIT_POLICY_IDENTITIES);
		return;
	}
	grown = reallocarray(p->identities, p->n_identities + 1,
			     sizeof(char *));
	if (grown) {
		p->identities = grown;
		grown[p->n_identities] = strdup(canonical);
	}
	if (grown && grown[p->n_identities])
		p->n_identities++;
	else
		d->no_memory = true;
}

static void set_identity(const struct config_place *at)
{
	config_place_words(at, add_identity);
}

static void add_ports(const struct config_place *at, const char *word)
{
	struct draft *d = at->target;

	if (config_ports_add(d->policy, at, word) < 0)
		d->no_memory = true;
}

static void set_ports(const struct config_place *at)
{
	if (config_place_words(at, add_ports) == 0)
		config_place_error(at, "name a port, as in 443/tcp, or remove "
				       "this");
}

static const struct config_key policy_keys[] = {
	[KEY_NAME] = { "Policy", "Name", false, set_name },
	[KEY_NETWORKS] = { "Policy", "Networks", true, set_networks },
	[KEY_NETWORKS_FILE] = { "Policy", "NetworksFile", true,
				set_networks_file },
	[KEY_ENCRYPTION] = { "Policy", "Encryption", false, set_encryption },
	[KEY_AUTHENTICATION] = { "Policy", "Authentication", false,
				 set_authentication },
	[KEY_DISCOVER] = { "Policy", "Discover", false, set_discover },
	[KEY_LOOKUP] = { "Policy", "Lookup", false, set_lookup },
	[KEY_LOOKUP_TIME] = { "Policy", "LookupTime", false, set_lookup_time },
	[KEY_WAIT] = { "Policy", "Wait", false, set_wait },
	[KEY_WAIT_TIME] = { "Policy", "WaitTime", false, set_wait_time },
	[KEY_RETRY_TIME] = { "Policy", "RetryTime", false, set_retry_time },
	[KEY_CHILD_LIFETIME] = { "Policy", "ChildLifetime", false,
				 set_child_lifetime },
	[KEY_CHILD_BYTES] = { "Policy", "ChildBytes", false, set_child_bytes },
	[KEY_CHILD_PACKETS] = { "Policy", "ChildPackets", false,
				set_child_packets },
	[KEY_PROPOSE] = { "Algorithms", "Propose", false, set_propose },
	[KEY_ACCEPT_ANSWER] = { "Algorithms", "AcceptAnswer", false,
				set_accept_answer },
	[KEY_ACCEPT] = { "Algorithms", "Accept", false, set_accept },
	[KEY_IDENTITY] = { "Policy", "Identity", true, set_identity },
	[KEY_IDLE_TIME] = { "Policy", "IdleTime", false, set_idle_time },
	[KEY_MODE] = { "Policy", "Mode", false, set_mode },
	[KEY_REKEY_MARGIN] = { "Policy", "RekeyMargin", false,
			       set_rekey_margin },
	[KEY_REKEY_FUZZ] = { "Policy", "RekeyFuzz", false, set_rekey_fuzz },
	[KEY_TRANSLATION] = { "Policy", "ClientAddressTranslation", false,
			      set_translation },
	[KEY_PORTS] = { "Policy", "Ports", true, set_ports },
	[KEY_ADDRESS_POOL] = { "Policy", "AddressPool", false,
			       set_address_pool },
	[KEY_GATEWAY] = { "Policy", "Gateway", false, set_gateway },
};

/* Only who begins has anybody to find. */
static void check_discover(struct draft *d, const struct config_seen *seen,
			   const char *path, struct config_errors *errors)
{
	const struct policy *p = d->policy;

	if (seen->key_line[KEY_DISCOVER] && p->level != POLICY_OFFER &&
	    p->level != POLICY_REQUIRE)
		config_errors_add(errors, path, seen->key_line[KEY_DISCOVER],
				  "Discover= has no meaning with "
				  "Encryption=%s: remove it",
				  policy_level_name(p->level));
}

static void check_pool(const struct draft *d, const char *path,
		       struct config_errors *errors)
{
	const struct policy *p = d->policy;

	if (!p->pool_line || !*p->pool)
		return;
	if (p->level == POLICY_FORBID || p->level == POLICY_BLOCK)
		config_errors_add(errors, path, p->pool_line,
				  "AddressPool= has no meaning with "
				  "Encryption=%s: remove it",
				  policy_level_name(p->level));
	else if (p->mode == POLICY_MODE_TRANSPORT)
		config_errors_add(errors, path, p->pool_line,
				  "An address is leased in tunnel mode only: "
				  "remove AddressPool= or Mode=transport");
}

/* An address that is leased needs a tunnel, and somebody who asks for it. */
static void check_translation(struct draft *d, const struct config_seen *seen,
			      const char *path, struct config_errors *errors)
{
	const struct policy *p = d->policy;

	if (p->translation != POLICY_TRANSLATION_YES)
		return;
	if (p->mode == POLICY_MODE_TRANSPORT)
		config_errors_add(errors, path, seen->key_line[KEY_TRANSLATION],
				  "ClientAddressTranslation=yes contradicts "
				  "Mode=transport: remove one of them");
	if (d->level_known && p->level != POLICY_OFFER &&
	    p->level != POLICY_REQUIRE)
		config_errors_add(errors, path, seen->key_line[KEY_TRANSLATION],
				  "ClientAddressTranslation= has no meaning "
				  "with Encryption=%s: remove it",
				  policy_level_name(p->level));
}

/*
 * By default only where packets would be in the clear without it. What an
 * administrator requires to be protected goes to the host itself, unless he
 * says that whoever holds its reverse zone may send it elsewhere.
 */
static void check_gateway(struct draft *d, const struct config_seen *seen,
			  const char *path, struct config_errors *errors)
{
	struct policy *p = d->policy;
	unsigned line = seen->key_line[KEY_GATEWAY];

	if (!line)
		p->gateway = p->level == POLICY_OFFER && !p->n_ports &&
			     p->mode != POLICY_MODE_TRANSPORT;
	else if (p->level != POLICY_OFFER && p->level != POLICY_REQUIRE)
		config_errors_add(errors, path, line,
				  "Gateway= has no meaning with "
				  "Encryption=%s: remove it",
				  policy_level_name(p->level));
	else if (p->gateway && p->n_ports)
		config_errors_add(errors, path, line,
				  "Gateway=yes contradicts Ports=: a host is "
				  "behind a gateway with all its traffic; "
				  "remove one of them");
	else if (p->gateway && p->mode == POLICY_MODE_TRANSPORT)
		config_errors_add(errors, path, line,
				  "Gateway=yes contradicts Mode=transport: "
				  "remove one of them");
}

/* Flows and their SAs are between two hosts; what limits them to services is in
 * the kernel's policies, a few for each. */
static void check_ports(struct draft *d, const struct config_seen *seen,
			const char *path, struct config_errors *errors)
{
	struct policy *p = d->policy;
	unsigned line = seen->key_line[KEY_PORTS];

	if (!line || !policy_encrypts(p))
		return;
	if (p->n_ports > LIMIT_SCOPE_SERVICES)
		config_errors_add(errors, path, line,
				  "With Encryption=%s a policy has at most %u "
				  "ports: name fewer, or none and so all "
				  "traffic",
				  policy_level_name(p->level),
				  LIMIT_SCOPE_SERVICES);
	if (p->translation == POLICY_TRANSLATION_YES)
		config_errors_add(errors, path, seen->key_line[KEY_TRANSLATION],
				  "An address that a peer leases stands for "
				  "all traffic: remove "
				  "ClientAddressTranslation= or Ports=");
	if (p->pool_line && *p->pool)
		config_errors_add(errors, path, p->pool_line,
				  "An address is leased for all traffic: "
				  "remove AddressPool= or Ports=");
	p->translation = POLICY_TRANSLATION_NO;
	p->pool[0] = '\0';
}

/* The rules of Wait= and Authentication= beside Encryption=. */
static void check_level(struct draft *d, const struct config_seen *seen,
			const char *path, struct config_errors *errors)
{
	struct policy *p = d->policy;
	const char *level = policy_level_name(p->level);
	unsigned wait = seen->key_line[KEY_WAIT];
	unsigned auth = seen->key_line[KEY_AUTHENTICATION];

	switch (p->level) {
	case POLICY_OFFER:
		break;
	case POLICY_REQUIRE:
		if (d->wait_known && !p->wait)
			config_errors_add(errors, path, wait,
					  "Encryption=require always holds the "
					  "first packets: remove Wait=no, or "
					  "write Encryption=offer");
		p->wait = true;
		break;
	case POLICY_FORBID:
	case POLICY_ALLOW:
	case POLICY_BLOCK:
		if (wait)
			config_errors_add(errors, path, wait,
					  "Wait= has no meaning with "
					  "Encryption=%s: remove it",
					  level);
		break;
	}
	if (p->auth != POLICY_AUTH_ALLOW &&
	    (p->level == POLICY_FORBID || p->level == POLICY_BLOCK))
		config_errors_add(errors, path, auth,
				  "Authentication=%s contradicts Encryption=%s "
				  "(nobody is talked to): remove it",
				  policy_auth_name(p->auth), level);
	else if (p->auth == POLICY_AUTH_REQUIRE && d->all->no_keys)
		config_errors_warn(errors, path, auth,
				   "Authentication=require, and no peer has a "
				   "key in keys.d: every peer of this policy "
				   "will be refused");
}

static void check_policy(struct draft *d, const struct config_seen *seen,
			 const char *path, const char *base,
			 struct config_errors *errors)
{
	struct policy *p = d->policy;
	size_t len = strlen(base) - strlen(".conf");

	p->line = config_seen_section(seen, "Policy");
	config_algorithms_finish(&p->algorithms, d->all->algorithms, errors,
				 path, seen->key_line[KEY_ACCEPT_ANSWER]);
	if (!d->name_given) {
		snprintf(p->name, sizeof(p->name), "%.*s",
			 (int)(len < LIMIT_POLICY_NAME ? len
						       : LIMIT_POLICY_NAME),
			 base);
		if (len > LIMIT_POLICY_NAME ||
		    !config_policy_good_name(p->name))
			config_errors_add(errors, path, 0,
					  "This file's name is no policy name "
					  "(1 to %u letters, digits, - _ or .):"
					  " rename it, or give Name=",
					  LIMIT_POLICY_NAME);
	}
	if (!seen->key_line[KEY_ENCRYPTION])
		config_errors_add(errors, path, p->line,
				  "Encryption= is missing: add it with forbid, "
				  "allow, offer, require or block");
	else if (d->level_known)
		check_level(d, seen, path, errors);
	if (d->level_known)
		check_discover(d, seen, path, errors);
	if (d->level_known)
		check_gateway(d, seen, path, errors);
	check_translation(d, seen, path, errors);
	check_pool(d, path, errors);
	if (d->level_known)
		check_ports(d, seen, path, errors);
	/* A list that is empty today is one all the same. */
	if (!p->n_networks && !d->networks.bad &&
	    !seen->key_line[KEY_NETWORKS_FILE])
		config_errors_add(errors, path,
				  seen->key_line[KEY_NETWORKS]
					  ? seen->key_line[KEY_NETWORKS]
					  : p->line,
				  "Networks= is missing or empty: name those "
				  "that this policy is for, as in 10.0.0.0/8");
}

int config_policy_read(struct config_policies *all, const char *path,
		       const char *base, struct config_errors *errors)
{
	static const struct config_keys keys = {
		.list = policy_keys,
		.count = sizeof(policy_keys) / sizeof(policy_keys[0]),
		.once = true,
	};
	struct draft d = { .all = all, .policy = config_policy_new() };
	struct config_seen seen;

	if (!d.policy)
		return -ENOMEM;
	d.networks = (struct config_networks){ .all = all, .policy = d.policy };
	d.policy->lookup_ms = all->lookup_ms;
	d.policy->file = strdup(path);
	if (!d.policy->file)
		goto fail;
	if (config_file_read(path, &keys, errors, &d, &seen))
		check_policy(&d, &seen, path, base, errors);
	if (d.no_memory || d.networks.no_memory)
		goto fail;
	config_networks_fit(&d.networks);
	return config_policies_add(all, d.policy, seen.key_line[KEY_NAME]);
fail:
	policy_free(d.policy);
	return -ENOMEM;
}
