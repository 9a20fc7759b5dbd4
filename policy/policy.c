/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The policy table: an array in order of name, and a trie of its networks.
 */
#include "policy/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "policy/port-rule.h"
#include "util/trie.h"

/* A network of a named policy. */
struct named {
	const struct prefix *network;
	const struct policy *policy;
};

struct policy_table {
	struct trie *trie;   /* of those for all traffic, but not named */
	struct trie *sas;    /* by what SAs are made; may be the same */
	struct named *named; /* in order of network */
	size_t n_named;
	struct port_rule *rules;
	size_t n_rules;
	struct policy **list; /* in order of name */
	size_t count;
};

static const char *const level_names[] = {
	[POLICY_FORBID] = "forbid", [POLICY_ALLOW] = "allow",
	[POLICY_OFFER] = "offer",   [POLICY_REQUIRE] = "require",
	[POLICY_BLOCK] = "block",
};

static const char *const auth_names[] = {
	[POLICY_AUTH_ALLOW] = "allow",
	[POLICY_AUTH_OFFER] = "offer",
	[POLICY_AUTH_REQUIRE] = "require",
};

static const char *const lookup_names[] = {
	[POLICY_LOOKUP_ADDRESS] = "address",
	[POLICY_LOOKUP_NAME] = "name",
	[POLICY_LOOKUP_NO] = "no",
};

static const char *const mode_names[] = {
	[POLICY_MODE_ANY] = "any",
	[POLICY_MODE_TRANSPORT] = "transport",
	[POLICY_MODE_TUNNEL] = "tunnel",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const char *policy_level_name(enum policy_level l)
{
	return level_names[l];
}

const char *policy_discover_name(enum policy_discover d)
{
	return d == POLICY_DISCOVER_DNS ? "dns" : "always";
}

const char *policy_lookup_name(enum policy_lookup l)
{
	return lookup_names[l];
}

const char *policy_mode_name(enum policy_mode m)
{
	return mode_names[m];
}

const char *policy_translation_name(enum policy_translation t)
{
	static const char *const names[] = {
		[POLICY_TRANSLATION_ANONYMOUS] = "anonymous",
		[POLICY_TRANSLATION_YES] = "yes",
		[POLICY_TRANSLATION_NO] = "no",
	};

	return names[t];
}

const char *policy_auth_name(enum policy_auth a)
{
	return auth_names[a];
}

int policy_level_parse(const char *text, enum policy_level *ret)
{
	for (size_t i = 0; i < COUNT(level_names); i++) {
		if (!strcmp(text, level_names[i])) {
			*ret = (enum policy_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

int policy_auth_parse(const char *text, enum policy_auth *ret)
{
	for (size_t i = 0; i < COUNT(auth_names); i++) {
		if (!strcmp(text, auth_names[i])) {
			*ret = (enum policy_auth)i;
			return 0;
		}
	}
	return -EINVAL;
}

uint32_t policy_wait_ms(const struct policy *p)
{
	return p->level == POLICY_REQUIRE ? LIMIT_HELD_REQUIRE_MS : p->wait_ms;
}

struct policy *policy_free(struct policy *p)
{
	if (!p)
		return NULL;
	for (size_t i = 0; i < p->n_identities; i++)
		free(p->identities[i]);
	free(p->identities);
	free(p->networks);
	free(p->ports);
	free(p->spots);
	for (size_t i = 0; i < p->n_lists; i++)
		free(p->lists[i]);
	free(p->lists);
	free((char *)p->file);
	free(p);
	return NULL;
}

/* "@*.example.org" takes "@a.example.org" and "@a.b.example.org". How closely: 0
 * not at all, and the name itself most. */
static size_t closeness(const char *pattern, const char *identity)
{
	size_t tail, len = strlen(identity);

	if (strncmp(pattern, "@*.", 3))
		return strcasecmp(pattern, identity) ? 0 : SIZE_MAX;
	tail = strlen(pattern + 2);
	return identity[0] == '@' && len > tail + 1 &&
			       !strcasecmp(identity + len - tail, pattern + 2)
		       ? tail
		       : 0;
}

/* Of the closest one that it has. */
static size_t policy_closeness(const struct policy *p, const char *identity)
{
	size_t best = 0;

	for (size_t i = 0; i < p->n_identities; i++) {
		size_t c = closeness(p->identities[i], identity);

		if (c > best)
			best = c;
	}
	return best;
}

bool policy_accepts_identity(const struct policy *p, const char *identity)
{
	return p->n_identities == 0 || policy_closeness(p, identity) > 0;
}

bool policy_names_identity(const struct policy *p, const char *identity)
{
	return policy_closeness(p, identity) == SIZE_MAX;
}

static int by_name(const void *a, const void *b)
{
	const struct policy *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static int insert_networks(struct trie *trie, struct policy *p)
{
	for (size_t i = 0; i < p->n_networks && !p->n_ports; i++) {
		int r = trie_insert(trie, &p->networks[i], p);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Is this network that of a policy for everybody? */
static bool is_shared(const struct trie *trie, const struct prefix *network)
{
	const struct policy *p = trie_get(trie, network);

	return p && !p->n_identities;
}

/* With identities: beside others, or alone in its networks. */
static int insert_with_identities(struct policy_table *t, struct policy *p)
{
	size_t shared = 0;

	for (size_t i = 0; i < p->n_networks && !p->n_ports; i++)
		shared += is_shared(t->trie, &p->networks[i]);
	p->named = shared > 0 && shared == p->n_networks;
	if (!p->named)
		return insert_networks(t->trie, p);
	for (size_t i = 0; i < p->n_networks; i++)
		t->named[t->n_named++] = (struct named){ &p->networks[i], p };
	return 0;
}

static int by_network(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int r = addr_compare(&x->network->addr, &y->network->addr);

	return r ? r : (int)x->network->len - (int)y->network->len;
}

/* Those without identities first: they say where others are named. */
static int insert_all(struct policy_table *t, size_t n)
{
	size_t networks = 0;
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		t->list[i]->named = false;
		networks += t->list[i]->n_networks;
		if (!t->list[i]->n_identities)
			r = insert_networks(t->trie, t->list[i]);
	}
	t->named = calloc(networks ? networks : 1, sizeof(*t->named));
	if (!t->named)
		return -ENOMEM;
	for (size_t i = 0; i < n && r == 0; i++)
		if (t->list[i]->n_identities)
			r = insert_with_identities(t, t->list[i]);
	qsort(t->named, t->n_named, sizeof(*t->named), by_network);
	return r;
}

/* Those with services first: one for all traffic of the very network makes
 * way. */
static int insert_sas(struct policy_table *t, size_t n)
{
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < n; i++) {
			struct policy *p = t->list[i];

			if (p->named ||
			    (pass ? p->n_ports
				  : !p->n_ports || !policy_encrypts(p)))
				continue;
			for (size_t k = 0; k < p->n_networks; k++) {
				int r = trie_insert(t->sas, &p->networks[k], p);

				if (r < 0 && (r != -EEXIST || !pass))
					return r;
			}
		}
	return 0;
}

static bool any_scoped(const struct policy_table *t)
{
	for (size_t i = 0; i < t->n_rules; i++)
		if (policy_encrypts(t->rules[i].policy))
			return true;
	return false;
}

int policy_table_new(struct policy *const *policies, size_t n,
		     struct policy_table **ret)
{
	struct policy_table *t = calloc(1, sizeof(*t));
	int r = -ENOMEM;

	if (!t)
		return -ENOMEM;
	t->trie = trie_new();
	t->list = calloc(n ? n : 1, sizeof(struct policy *));
	if (!t->trie || !t->list)
		goto fail;
	if (n)
		memcpy(t->list, policies, n * sizeof(struct policy *));
	qsort(t->list, n, sizeof(struct policy *), by_name);
	r = -EEXIST;
	for (size_t i = 1; i < n; i++)
		if (!strcmp(t->list[i]->name, t->list[i - 1]->name))
			goto fail;
	r = insert_all(t, n);
	if (r < 0)
		goto fail;
	r = port_rules_new(t->list, n, &t->rules, &t->n_rules);
	if (r < 0)
		goto fail;
	t->sas = t->trie;
	if (any_scoped(t)) {
		t->sas = trie_new();
		r = t->sas ? insert_sas(t, n) : -ENOMEM;
		if (r < 0)
			goto fail;
	}
	t->count = n;
	*ret = t;
	return 0;
fail:
	/* The policies stay the caller's: count is 0. */
	policy_table_free(t);
	return r;
}

struct policy_table *policy_table_free(struct policy_table *t)
{
	if (!t)
		return NULL;
	for (size_t i = 0; i < t->count; i++)
		policy_free(t->list[i]);
	free(t->list);
	free(t->rules);
	if (t->sas != t->trie)
		trie_free(t->sas);
	free(t->named);
	trie_free(t->trie);
	free(t);
	return NULL;
}

const struct policy *policy_table_match(const struct policy_table *t,
					const struct addr *a,
					struct prefix *ret_network)
{
	return trie_lookup(t->trie, a, ret_network);
}

void policy_table_scope(const struct policy_table *t, const struct addr *a,
			struct scope *ret)
{
	const struct policy *p = trie_lookup(t->sas, a, NULL);

	*ret = (struct scope){ .n = 0 };
	for (size_t i = 0; p && i < p->n_ports; i++) {
		const struct port_rule *r =
			port_rules_find(t->rules, t->n_rules, a, &p->ports[i]);

		/* A network inside may have taken it away. */
		if (r && r->policy == p && ret->n < LIMIT_SCOPE_SERVICES)
			ret->list[ret->n++] = p->ports[i];
	}
	if (ret->n)
		ret->sides = SCOPE_BOTH;
}

const struct policy *policy_table_lookup(const struct policy_table *t,
					 const struct addr *a)
{
	const struct policy *p = trie_lookup(t->sas, a, NULL);
	struct scope scope;

	if (!p || !p->n_ports)
		return p;
	policy_table_scope(t, a, &scope);
	return scope.n ? p : trie_lookup(t->trie, a, NULL);
}

/* The higher one wins. */
static int strength(const struct port_rule *r)
{
	if (!r)
		return 0;
	switch (r->policy->level) {
	case POLICY_FORBID:
		return 1;
	case POLICY_ALLOW:
	case POLICY_OFFER:
		return 2;
	case POLICY_REQUIRE:
		return 3;
	case POLICY_BLOCK:
		break;
	}
	return 4;
}

/* The first that has this network; t->n_named: none. */
static size_t first_named(const struct policy_table *t,
			  const struct prefix *network)
{
	const struct named key = { .network = network };
	size_t low = 0, high = t->n_named;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (by_network(&t->named[middle], &key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct policy *policy_table_named(const struct policy_table *t,
					const struct addr *a, size_t i)
{
	struct prefix network;

	/* Beside one for all traffic only. */
	if (!t->n_named || !trie_lookup(t->trie, a, &network) ||
	    policy_table_lookup(t, a) != trie_lookup(t->trie, a, NULL))
		return NULL;
	i += first_named(t, &network);
	return i < t->n_named && prefix_equal(t->named[i].network, &network)
		       ? t->named[i].policy
		       : NULL;
}

const struct policy *policy_table_for(const struct policy_table *t,
				      const struct addr *a,
				      const char *identity)
{
	const struct policy *best = policy_table_lookup(t, a), *p;
	size_t closest = 0;

	for (size_t i = 0; identity && (p = policy_table_named(t, a, i)); i++) {
		size_t c = policy_closeness(p, identity);

		if (c <= closest)
			continue;
		closest = c;
		best = p;
	}
	return best;
}

const struct policy *policy_table_packet(const struct policy_table *t,
					 const struct addr *a, uint8_t protocol,
					 uint16_t local_port,
					 uint16_t remote_port,
					 struct prefix *ret_network)
{
	const struct service remote = { protocol, remote_port };
	const struct service local = { protocol, local_port };
	const struct port_rule *r, *l;

	if (!t->n_rules)
		return trie_lookup(t->trie, a, ret_network);
	r = port_rules_find(t->rules, t->n_rules, a, &remote);
	l = port_rules_find(t->rules, t->n_rules, a, &local);
	if (strength(l) > strength(r))
		r = l;
	if (!r)
		return trie_lookup(t->trie, a, ret_network);
	if (ret_network)
		*ret_network = *r->of;
	return r->policy;
}

const struct port_rule *policy_table_rule(const struct policy_table *t,
					  size_t i)
{
	return i < t->n_rules ? &t->rules[i] : NULL;
}

const struct port_rule *policy_table_find_rule(const struct policy_table *t,
					       const struct addr *a,
					       const struct service *s)
{
	return port_rules_find(t->rules, t->n_rules, a, s);
}

bool policy_table_has_gateway(const struct policy_table *t,
			      const struct policy *p,
			      const struct addr *gateway)
{
	const struct policy *own;

	if (!p || !p->gateway || addr_is_unspecified(gateway) ||
	    addr_is_loopback(gateway) || addr_is_multicast(gateway) ||
	    addr_is_linklocal(gateway))
		return false;
	own = policy_table_lookup(t, gateway);
	return own == p || (own && (own->level == POLICY_ALLOW ||
				    own->level == POLICY_OFFER));
}

const char *policy_spot_file(const struct policy *p,
			     const struct policy_spot *s)
{
	return s->list ? p->lists[s->list - 1] : p->file;
}

const char *policy_where(const struct policy *p, const struct prefix *network,
			 unsigned *ret_line)
{
	for (size_t i = 0; p->spots && i < p->n_networks; i++) {
		const struct policy_spot *s = &p->spots[i];

		if (!prefix_equal(&p->networks[i], network))
			continue;
		*ret_line = s->line;
		return policy_spot_file(p, s);
	}
	return NULL;
}

const struct policy *policy_table_at(const struct policy_table *t, size_t i)
{
	return i < t->count ? t->list[i] : NULL;
}

size_t policy_table_count(const struct policy_table *t)
{
	return t->count;
}
