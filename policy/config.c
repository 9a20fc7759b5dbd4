/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading a whole configuration: tacit.conf, its drop-ins in order of name,
 * and the policies. Everything is read before anything is judged, so that one
 * run shows every error.
 */
#include <config.h> /* not policy/config.h: asprintf() and the like */

#include "policy/config.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>

#include "policy/config-algorithms.h"
#include "policy/config-dns.h"
#include "policy/config-error.h"
#include "policy/config-file.h"
#include "policy/config-peer.h"
#include "policy/config-policy.h"
#include "policy/config-pool.h"
#include "policy/config-value.h"
#include "util/limits.h"

static void set_log_level(const struct config_place *at)
{
	static const char *const words[] = { "error", "warning", "notice",
					     "info",  "debug",	 NULL };
	struct config *c = at->target;
	const char *near;

	for (int i = 0; words[i]; i++) {
		if (!strcmp(at->item->value, words[i])) {
			c->log_level = LOG_ERR + i;
			return;
		}
	}
	near = config_value_nearest(at->item->value, words);
	if (near)
		config_place_error(at, "did you mean %s?", near);
	else
		config_place_error(at, "write debug, info, notice, warning or "
				       "error");
}

static void set_on_stop(const struct config_place *at)
{
	struct config *c = at->target;

	if (!strcmp(at->item->value, "open"))
		c->open_on_stop = true;
	else if (!strcmp(at->item->value, "closed"))
		c->open_on_stop = false;
	else
		config_place_error(at, "write open or closed");
}

/* A number between min and max. */
static bool number_in(const struct config_place *at, uint32_t min, uint32_t max,
		      uint32_t *ret)
{
	uint32_t v;

	if (config_value_number(at->item->value, max, &v) < 0 || v < min) {
		config_place_error(at, "write a number from %u to %u", min,
				   max);
		return false;
	}
	*ret = v;
	return true;
}

static void set_max_peers(const struct config_place *at)
{
	struct config *c = at->target;
	uint32_t v;

	if (number_in(at, 16, LIMIT_PEERS, &v))
		c->max_peers = v;
}

static void set_port(const struct config_place *at)
{
	struct config *c = at->target;
	uint32_t v;

	if (number_in(at, 1, UINT16_MAX, &v))
		c->port = (uint16_t)v;
}

static void set_nat_port(const struct config_place *at)
{
	struct config *c = at->target;
	uint32_t v;

	if (number_in(at, 1, UINT16_MAX, &v))
		c->natt_port = (uint16_t)v;
}

static void set_fragment_size(const struct config_place *at)
{
	struct config *c = at->target;
	uint32_t v;

	if (number_in(at, 576, UINT16_MAX, &v))
		c->fragment_size = (uint16_t)v;
}

static void set_cookie_threshold(const struct config_place *at)
{
	struct config *c = at->target;
	uint32_t v;

	if (number_in(at, 0, LIMIT_IKE_HALF_OPEN, &v))
		c->cookie_threshold = v;
}

static void set_ike_lifetime(const struct config_place *at)
{
	struct config *c = at->target;
	uint64_t ms;

	if (config_value_span(at->item->value, &ms) < 0 || ms < 60000 ||
	    ms > 7ull * 86400000)
		config_place_error(at, "write a time from 1min to 7d");
	else
		c->ike_lifetime_s = (uint32_t)(ms / 1000);
}

static void set_forward_secrecy(const struct config_place *at)
{
	struct config *c = at->target;

	if (config_value_bool(at->item->value, &c->pfs) < 0)
		config_place_error(at, "write yes or no");
}

static void set_queue_offer(const struct config_place *at)
{
	struct config *c = at->target;
	uint32_t v;

	if (number_in(at, 0, UINT16_MAX, &v))
		c->queue_offer = (uint16_t)v;
}

static void set_queue_require(const struct config_place *at)
{
	struct config *c = at->target;
	uint32_t v;

	if (number_in(at, 0, UINT16_MAX, &v))
		c->queue_require = (uint16_t)v;
}

static void set_mark_bit(const struct config_place *at)
{
	struct config *c = at->target;
	uint32_t v;

	if (number_in(at, 0, 31, &v))
		c->mark_bit = (uint8_t)v;
}

static void set_dns_bit(const struct config_place *at)
{
	struct config *c = at->target;
	uint32_t v;

	if (number_in(at, 0, 31, &v))
		c->dns_bit = (uint8_t)v;
}

static void set_log_group(const struct config_place *at)
{
	struct config *c = at->target;
	uint32_t v;

	if (number_in(at, 0, UINT16_MAX, &v))
		c->log_group = (uint16_t)v;
}

/* An absolute path; an empty one takes an earlier one back. */
static void set_path(const struct config_place *at, char **ret)
{
	const char *value = at->item->value;
	char *copy = NULL;

	if (*value && *value != '/') {
		config_place_error(at, "write a path that begins with /");
		return;
	}
	if (*value) {
		copy = strdup(value);
		if (!copy) {
			config_place_error(at, "out of memory");
			return;
		}
	}
	free(*ret);
	*ret = copy;
}

static void set_capture(const struct config_place *at)
{
	struct config *c = at->target;

	set_path(at, &c->capture);
}

static void set_keys(const struct config_place *at)
{
	struct config *c = at->target;

	set_path(at, &c->keys);
}

static void set_key_command(const struct config_place *at)
{
	struct config *c = at->target;

	set_path(at, &c->key_command);
}

static void set_propose(const struct config_place *at)
{
	struct config *c = at->target;

	config_algorithms_set(at, &c->algorithms.propose);
}

static void set_accept_answer(const struct config_place *at)
{
	struct config *c = at->target;

	config_algorithms_set(at, &c->algorithms.answer);
}

static void set_accept(const struct config_place *at)
{
	struct config *c = at->target;

	config_algorithms_set(at, &c->algorithms.accept);
}

static void set_local_identity(const struct config_place *at)
{
	char canonical[CONFIG_IDENTITY_STRLEN];
	struct config *c = at->target;

	free(c->local_identity);
	c->local_identity = NULL;
	if (!strcmp(at->item->value, "address"))
		return;
	if (config_value_identity(at->item->value, canonical) < 0 ||
	    config_value_is_pattern(canonical)) {
		config_place_error(at, "write address, or a name of this host "
				       "(host.example.org), an address, "
				       "user@host.example.org, or keyid: and "
				       "hexadecimal digits");
		return;
	}
	c->local_identity = strdup(canonical);
	if (!c->local_identity)
		config_place_error(at, "there is no memory for it");
}

enum key { /* the order of the table below */
	   KEY_LOG_LEVEL,
	   KEY_ON_STOP,
	   KEY_MAX_PEERS,
	   KEY_PORT,
	   KEY_NAT_PORT,
	   KEY_FRAGMENT_SIZE,
	   KEY_COOKIE_THRESHOLD,
	   KEY_IKE_LIFETIME,
	   KEY_FORWARD_SECRECY,
	   KEY_QUEUE_OFFER,
	   KEY_QUEUE_REQUIRE,
	   KEY_MARK_BIT,
	   KEY_DNS_BIT,
	   KEY_LOG_GROUP,
	   KEY_CAPTURE,
	   KEY_KEYS,
	   KEY_PROPOSE,
	   KEY_ACCEPT_ANSWER,
	   KEY_ACCEPT,
	   KEY_LOCAL_IDENTITY,
	   KEY_KEY_COMMAND,
	   KEY_DNS_LOOKUP,
	   KEY_DNS_SERVERS,
	   KEY_DNS_TLS,
	   KEY_DNS_ANCHORS,
	   KEY_DNS_ZONES,
	   KEY_DNS_ROOT_HINTS,
	   KEY_DNS_WAIT,
	   N_KEYS,
};

static const struct config_key main_keys[] = {
	[KEY_LOG_LEVEL] = { "Agent", "LogLevel", false, set_log_level },
	[KEY_ON_STOP] = { "Agent", "OnStop", false, set_on_stop },
	[KEY_MAX_PEERS] = { "Agent", "MaxPeers", false, set_max_peers },
	[KEY_PORT] = { "IKE", "Port", false, set_port },
	[KEY_NAT_PORT] = { "IKE", "NATPort", false, set_nat_port },
	[KEY_FRAGMENT_SIZE] = { "IKE", "FragmentSize", false,
				set_fragment_size },
	[KEY_COOKIE_THRESHOLD] = { "IKE", "CookieThreshold", false,
				   set_cookie_threshold },
	[KEY_IKE_LIFETIME] = { "IKE", "Lifetime", false, set_ike_lifetime },
	[KEY_FORWARD_SECRECY] = { "IKE", "ForwardSecrecy", false,
				  set_forward_secrecy },
	[KEY_QUEUE_OFFER] = { "Hold", "QueueOffer", false, set_queue_offer },
	[KEY_QUEUE_REQUIRE] = { "Hold", "QueueRequire", false,
				set_queue_require },
	[KEY_MARK_BIT] = { "Hold", "MarkBit", false, set_mark_bit },
	[KEY_DNS_BIT] = { "Hold", "DNSMarkBit", false, set_dns_bit },
	[KEY_LOG_GROUP] = { "Hold", "LogGroup", false, set_log_group },
	[KEY_CAPTURE] = { "Debug", "Capture", false, set_capture },
	[KEY_KEYS] = { "Debug", "Keys", false, set_keys },
	[KEY_PROPOSE] = { "Algorithms", "Propose", false, set_propose },
	[KEY_ACCEPT_ANSWER] = { "Algorithms", "AcceptAnswer", false,
				set_accept_answer },
	[KEY_ACCEPT] = { "Algorithms", "Accept", false, set_accept },
	[KEY_LOCAL_IDENTITY] = { "Authentication", "LocalIdentity", false,
				 set_local_identity },
	[KEY_KEY_COMMAND] = { "Keys", "Command", false, set_key_command },
	[KEY_DNS_LOOKUP] = { "DNS", "Lookup", false, config_dns_set_lookup },
	[KEY_DNS_SERVERS] = { "DNS", "Servers", true, config_dns_set_servers },
	[KEY_DNS_TLS] = { "DNS", "TLS", false, config_dns_set_tls },
	[KEY_DNS_ANCHORS] = { "DNS", "TrustAnchors", true,
			      config_dns_set_anchors },
	[KEY_DNS_ZONES] = { "DNS", "Zones", true, config_dns_set_zones },
	[KEY_DNS_ROOT_HINTS] = { "DNS", "RootHints", false,
				 config_dns_set_root_hints },
	[KEY_DNS_WAIT] = { "DNS", "LookupTime", false, config_dns_set_wait },
};

/* A configuration while it is read. */
struct loader {
	const char *dir;
	struct config *config;
	struct config_errors *errors;
	struct config_policies policies;
	struct config_peers peers;
	/* Where each key of tacit.conf was last given, for rules between
	 * keys; file NULL: nowhere. */
	struct {
		char *file;
		unsigned line;
	} where[N_KEYS];
	size_t n_policy_files, n_peer_files;
};

static int read_main(struct loader *l, const char *path)
{
	static const struct config_keys keys = { .list = main_keys,
						 .count = N_KEYS };
	struct config_seen seen;

	(void)config_file_read(path, &keys, l->errors, l->config, &seen);
	for (size_t i = 0; i < N_KEYS; i++) {
		if (!seen.key_line[i])
			continue;
		free(l->where[i].file);
		l->where[i].file = strdup(path);
		if (!l->where[i].file)
			return -ENOMEM;
		l->where[i].line = seen.key_line[i];
	}
	return 0;
}

/* At the later of two keys, or wherever one was given. */
static void same_value(struct loader *l, enum key a, enum key b)
{
	enum key at = l->where[b].file ? b : a;

	config_errors_add(l->errors, l->where[at].file, l->where[at].line,
			  "%s= and %s= are the same: give them different "
			  "numbers",
			  main_keys[a].name, main_keys[b].name);
}

static void check_main(struct loader *l)
{
	struct config *c = l->config;
	struct algorithms defaults;

	algorithms_init(&defaults);
	config_algorithms_finish(&c->algorithms, &defaults, l->errors,
				 l->where[KEY_ACCEPT_ANSWER].file,
				 l->where[KEY_ACCEPT_ANSWER].line);

	if (c->port == c->natt_port)
		same_value(l, KEY_PORT, KEY_NAT_PORT);
	if (c->mark_bit == c->dns_bit)
		same_value(l, KEY_MARK_BIT, KEY_DNS_BIT);
	if (c->queue_offer == c->queue_require)
		same_value(l, KEY_QUEUE_OFFER, KEY_QUEUE_REQUIRE);
}

static int is_conf(const struct dirent *d)
{
	size_t len = strlen(d->d_name);

	/* Hidden ones are an editor's. */
	return d->d_name[0] != '.' && len > strlen(".conf") &&
	       !strcmp(d->d_name + len - strlen(".conf"), ".conf");
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	/* Not alphasort(): that one follows the locale. */
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int read_policy(struct loader *l, const char *path, const char *base)
{
	if (l->n_policy_files++ == LIMIT_POLICIES)
		config_errors_add(l->errors, path, 0,
				  "There are more than %u policies: use fewer, "
				  "with more networks each",
				  LIMIT_POLICIES);
	if (l->n_policy_files > LIMIT_POLICIES)
		return 0;
	return config_policy_read(&l->policies, path, base, l->errors);
}

static int read_peer(struct loader *l, const char *path, const char *base)
{
	(void)base;
	if (l->n_peer_files++ == LIMIT_KNOWN_PEERS)
		config_errors_add(l->errors, path, 0,
				  "There are more than %u peers in keys.d: "
				  "publish their keys in DNS",
				  LIMIT_KNOWN_PEERS);
	if (l->n_peer_files > LIMIT_KNOWN_PEERS)
		return 0;
	return config_peer_read(&l->peers, path, l->errors);
}

static int read_pool(struct loader *l, const char *path, const char *base)
{
	return config_pool_read(&l->config->pools, path, base, l->errors);
}

/* Calls read() for each file DIR/SUB/NAME.conf, in order of name. */
static int read_each(struct loader *l, const char *sub,
		     int (*read)(struct loader *l, const char *path,
				 const char *base))
{
	struct dirent **list;
	char *dir, *path;
	int n, r = 0;

	if (asprintf(&dir, "%s/%s", l->dir, sub) < 0)
		return -ENOMEM;
	n = scandir(dir, &list, is_conf, by_name);
	if (n < 0) {
		if (errno == ENOMEM)
			r = -ENOMEM;
		else if (errno != ENOENT)
			config_errors_add(l->errors, dir, 0,
					  "Cannot be read: %s",
					  strerror(errno));
		free(dir);
		return r;
	}
	for (int i = 0; i < n; i++) {
		if (r == 0) {
			path = NULL;
			if (asprintf(&path, "%s/%s", dir, list[i]->d_name) < 0)
				r = -ENOMEM;
			else
				r = read(l, path, list[i]->d_name);
			free(path);
		}
		free(list[i]);
	}
	free(list);
	free(dir);
	return r;
}

static int read_drop_in(struct loader *l, const char *path, const char *base)
{
	(void)base;
	return read_main(l, path);
}

/* DIR/tacit.conf, where it is. */
static int read_main_file(struct loader *l)
{
	char *path;
	int r = 0;
	struct stat st;

	if (asprintf(&path, "%s/tacit.conf", l->dir) < 0)
		return -ENOMEM;
	if (lstat(path, &st) == 0 || errno != ENOENT)
		r = read_main(l, path);
	free(path);
	return r;
}

static int read_all(struct loader *l)
{
	int r = read_main_file(l);

	if (r == 0)
		r = read_each(l, "tacit.conf.d", read_drop_in);
	if (r < 0)
		return r;
	check_main(l);
	r = read_each(l, "keys.d", read_peer);
	if (r == 0)
		r = config_peers_table(&l->peers, l->errors, &l->config->peers);
	l->policies.no_keys = l->n_peer_files == 0;
	l->policies.lookup_ms = l->config->dns.wait_ms;
	if (r == 0)
		r = read_each(l, "pool.d", read_pool);
	if (r == 0 && !l->config->pools.count)
		r = config_pools_builtin(&l->config->pools);
	if (r == 0)
		r = read_each(l, "policy.d", read_policy);
	if (r < 0)
		return r;
	config_pools_check(&l->config->pools, &l->policies, l->errors);
	if (!l->n_policy_files)
		return config_policies_builtin(&l->policies);
	return config_policies_check(&l->policies, l->errors);
}

static void check_dir(struct loader *l)
{
	DIR *d = opendir(l->dir);

	if (d) {
		closedir(d);
		return;
	}
	if (errno == ENOENT && !strcmp(l->dir, SYSCONFDIR "/tacit"))
		return;
	config_errors_add(l->errors, l->dir, 0,
			  "This directory cannot be read: %s", strerror(errno));
}

int config_load(const char *dir, struct config **ret,
		struct config_errors *errors)
{
	struct loader l = { .dir = dir ? dir : SYSCONFDIR "/tacit",
			    .errors = errors };
	int r = -ENOMEM;

	config_errors_init(errors);
	l.config = malloc(sizeof(*l.config));
	if (!l.config)
		return -ENOMEM;
	*l.config = (struct config){ .log_level = LOG_INFO,
				     .max_peers = LIMIT_PEERS,
				     .port = 500,
				     .natt_port = 4500,
				     .fragment_size = 1280,
				     .cookie_threshold = 256,
				     .ike_lifetime_s = 4 * 3600,
				     .pfs = true,
				     .queue_offer = 21580,
				     .queue_require = 21581,
				     .mark_bit = 22,
				     .dns_bit = 23,
				     .log_group = 21580 };
	l.policies.algorithms = &l.config->algorithms;
	config_dns_init(&l.config->dns);
	check_dir(&l);
	r = config_errors_any(errors) ? 0 : read_all(&l);
	if (r == 0 && config_errors_any(errors))
		r = -EINVAL;
	if (r == 0)
		r = config_policies_table(&l.policies, &l.config->policies);
	if (r == -E2BIG) {
		config_errors_add(errors, NULL, 0,
				  "Policies with Ports= come to more than %u "
				  "rules: name fewer or larger networks, or "
				  "fewer ports",
				  LIMIT_PORT_RULES);
		r = -EINVAL;
	}
	config_policies_done(&l.policies);
	config_peers_done(&l.peers);
	for (size_t i = 0; i < N_KEYS; i++)
		free(l.where[i].file);
	if (r < 0) {
		config_free(l.config);
		return r;
	}
	*ret = l.config;
	return 0;
}

struct config *config_free(struct config *c)
{
	if (!c)
		return NULL;
	policy_table_free(c->policies);
	known_peers_free(c->peers);
	address_pools_done(&c->pools);
	free(c->local_identity);
	free(c->key_command);
	config_dns_done(&c->dns);
	free(c->capture);
	free(c->keys);
	free(c);
	return NULL;
}
