/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One pool file: [Pool] with its networks; and what pools and policies have to
 * do with each other.
 */
#include "policy/config-pool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/config-error.h"
#include "policy/config-file.h"
#include "policy/config-networks.h"

/* Of a network of that many host bits two addresses are left to be leased. */
#define HOST_BITS_MIN 2u

/* RFC 6598 has it for translators; the other is a ULA (RFC 4193) of ours. Both
 * are in tunnels alone, so that others may have them too. */
static const char *const builtin[] = { "100.64.0.0/10", "fd74:6163:6974::/64" };

struct draft {
	struct address_pool pool;
	bool bad; /* complained of */
};

static bool can_be_leased(const struct addr *a)
{
	return !addr_is_unspecified(a) && !addr_is_loopback(a) &&
	       !addr_is_multicast(a) && !addr_is_linklocal(a);
}

static void add_network(const struct config_place *at, const char *text)
{
	struct draft *d = at->target;
	struct address_pool *p = &d->pool;
	struct prefix network;

	if (!config_networks_read(at->errors, at->path, at->item->line, text,
				  &network)) {
		d->bad = true;
		return;
	}
	if (!can_be_leased(&network.addr) ||
	    network.len + HOST_BITS_MIN > addr_len(&network.addr) * 8) {
		config_errors_add(at->errors, at->path, at->item->line,
				  "No address of %s can be leased: name a "
				  "private network of at least four addresses",
				  text);
		d->bad = true;
		return;
	}
	if (p->n_networks == LIMIT_POOL_NETWORKS) {
		config_place_error(at, "a pool has at most %u networks",
				   LIMIT_POOL_NETWORKS);
		return;
	}
	p->networks[p->n_networks++] = network;
}

static void set_networks(const struct config_place *at)
{
	config_place_words(at, add_network);
}

static const struct config_key pool_keys[] = {
	{ "Pool", "Networks", true, set_networks },
};

static void check_pool(struct draft *d, const struct config_seen *seen,
		       const char *path, struct config_errors *errors)
{
	d->pool.line = config_seen_section(seen, "Pool");
	if (!d->pool.n_networks && !d->bad)
		config_errors_add(errors, path, d->pool.line,
				  "Networks= is missing in [Pool]: name those "
				  "whose addresses are leased, as in "
				  "100.64.0.0/10");
}

static int add_pool(struct address_pools *all, const struct address_pool *p)
{
	struct address_pool *grown =
		reallocarray(all->list, all->count + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	all->list = grown;
	grown[all->count++] = *p;
	return 0;
}

/* The file's name without ".conf". */
static bool set_name(struct address_pool *p, const char *base)
{
	size_t len = strlen(base) - strlen(".conf");

	snprintf(p->name, sizeof(p->name), "%.*s",
		 (int)(len < LIMIT_POLICY_NAME ? len : LIMIT_POLICY_NAME),
		 base);
	return len <= LIMIT_POLICY_NAME && config_policy_good_name(p->name) &&
	       strcmp(p->name, "no");
}

int config_pool_read(struct address_pools *all, const char *path,
		     const char *base, struct config_errors *errors)
{
	static const struct config_keys keys = {
		.list = pool_keys,
		.count = sizeof(pool_keys) / sizeof(pool_keys[0]),
		.once = true,
	};
	struct draft d = { 0 };
	struct config_seen seen;

	if (all->count == LIMIT_POOLS) {
		config_errors_add(errors, path, 0,
				  "There are more than %u pools: use fewer, "
				  "with more networks each",
				  LIMIT_POOLS);
		return 0;
	}
	if (!set_name(&d.pool, base))
		config_errors_add(errors, path, 0,
				  "This file's name is no name of a pool (1 to "
				  "%u letters, digits, - _ or ., and not no): "
				  "rename it",
				  LIMIT_POLICY_NAME);
	if (config_file_read(path, &keys, errors, &d, &seen))
		check_pool(&d, &seen, path, errors);
	d.pool.file = strdup(path);
	if (d.pool.file && add_pool(all, &d.pool) == 0)
		return 0;
	free(d.pool.file);
	return -ENOMEM;
}

int config_pools_builtin(struct address_pools *all)
{
	struct address_pool p = { .name = ADDRESS_POOL_DEFAULT };

	for (size_t i = 0; i < sizeof(builtin) / sizeof(builtin[0]); i++)
		if (prefix_parse(builtin[i], &p.networks[p.n_networks]) == 0)
			p.n_networks++;
	return add_pool(all, &p);
}

/* --- rules between them ------------------------------------------------------- */

static bool overlap(const struct prefix *a, const struct prefix *b)
{
	return prefix_contains(a, &b->addr) || prefix_contains(b, &a->addr);
}

/* The network of any pool before this one's i-th that has addresses of it; NULL:
 * none. */
static const struct prefix *twin_of(const struct address_pools *all,
				    const struct address_pool *p, size_t i,
				    const struct address_pool **ret)
{
	for (const struct address_pool *q = all->list; q <= p; q++)
		for (size_t k = 0; k < q->n_networks; k++) {
			if (q == p && k == i)
				return NULL;
			if (!overlap(&q->networks[k], &p->networks[i]))
				continue;
			*ret = q;
			return &q->networks[k];
		}
	return NULL;
}

static void check_networks(const struct address_pools *all,
			   const struct address_pool *p,
			   struct config_errors *errors)
{
	char text[PREFIX_STRLEN], other[PREFIX_STRLEN];

	for (size_t i = 0; i < p->n_networks; i++) {
		const struct address_pool *q = NULL;
		const struct prefix *twin = twin_of(all, p, i, &q);

		if (!twin)
			continue;
		config_errors_add(errors, p->file, p->line,
				  "%s of the pool %s and %s of the pool %s "
				  "have addresses in common: remove one",
				  prefix_format(&p->networks[i], text), p->name,
				  prefix_format(twin, other), q->name);
		return;
	}
}

/* A network that is a policy's own is not leased from; where that is all there
 * is, it was not meant. */
static void check_own(const struct address_pool *pool, const struct policy *p,
		      struct config_errors *errors)
{
	char text[PREFIX_STRLEN];

	for (size_t i = 0; pool->file && i < pool->n_networks; i++)
		for (size_t k = 0; k < p->n_networks; k++)
			if (prefix_equal(&pool->networks[i], &p->networks[k]))
				config_errors_add(
					errors,
					policy_spot_file(p, &p->spots[k]),
					p->spots[k].line,
					"%s is the pool %s too (%s:%u), and "
					"hosts of this policy cannot be leases:"
					" remove it from one of them",
					prefix_format(&pool->networks[i], text),
					pool->name, pool->file, pool->line);
}

void config_pools_check(const struct address_pools *all,
			const struct config_policies *policies,
			struct config_errors *errors)
{
	for (size_t i = 0; i < all->count; i++)
		check_networks(all, &all->list[i], errors);
	for (size_t i = 0; i < policies->count; i++) {
		const struct policy *p = policies->list[i].policy;
		const char *name = p->pool;

		if (p->pool_line && *name && !address_pools_get(all, name))
			config_errors_add(errors, p->file, p->pool_line,
					  "There is no pool %s: write "
					  "pool.d/%s.conf with its networks",
					  name, name);
		for (size_t k = 0; k < all->count; k++)
			check_own(&all->list[k], p, errors);
	}
}
