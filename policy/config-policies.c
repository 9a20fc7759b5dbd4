/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All policies of a configuration while it is read: defaults, those that are
 * built in, and the rules between them (no name and no network twice).
 */
#include "policy/config-policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/config-error.h"
#include "policy/config-named.h"
#include "policy/config-ports.h"

#define WAIT_MS	   2000u
#define RETRY_MS   60000u
#define LIFETIME_S (4u * 3600)
#define IDLE_MS	   (3600u * 1000)
#define MARGIN	   25u
#define FUZZ	   10u

struct policy *config_policy_new(void)
{
	struct policy *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->auth = POLICY_AUTH_ALLOW;
	p->wait_ms = WAIT_MS;
	p->retry_ms = RETRY_MS;
	p->child_lifetime_s = LIFETIME_S;
	p->idle_ms = IDLE_MS;
	p->rekey_margin = MARGIN;
	p->rekey_fuzz = FUZZ;
	strcpy(p->pool, ADDRESS_POOL_DEFAULT);
	return p;
}

int config_policies_add(struct config_policies *all, struct policy *p,
			unsigned name_line)
{
	struct config_policy new = { .policy = p, .name_line = name_line };
	struct config_policy *grown =
		reallocarray(all->list, all->count + 1, sizeof(*grown));

	if (!grown) {
		policy_free(p);
		return -ENOMEM;
	}
	all->list = grown;
	grown[all->count++] = new;
	all->n_networks += p->n_networks;
	return 0;
}

static int by_order(const struct config_network *x,
		    const struct config_network *y)
{
	return x->order < y->order ? -1 : x->order > y->order;
}

static int by_network(const void *a, const void *b)
{
	const struct config_network *x = a, *y = b;
	int r = addr_compare(&x->network->addr, &y->network->addr);

	if (!r)
		r = (int)x->network->len - (int)y->network->len;
	/* What is for all traffic is around what is for services. */
	if (!r)
		r = !!x->policy->n_ports - !!y->policy->n_ports;
	return r ? r : by_order(x, y);
}

static int by_name(const void *a, const void *b)
{
	const struct config_network *x = a, *y = b;
	int r = strcmp(x->policy->name, y->policy->name);

	return r ? r : by_order(x, y);
}

/* Says which one before list[i] is about the same network and the same
 * traffic. */
static void check_twins(const struct config_network *list, size_t i,
			struct config_errors *errors)
{
	const struct config_network *b = &list[i];
	char text[PREFIX_STRLEN], port[SERVICE_STRLEN];
	struct service shared;

	for (size_t j = i; j-- > 0;) {
		const struct config_network *a = &list[j];

		if (!prefix_equal(a->network, b->network))
			return;
		if (!config_ports_clash(a->policy, b->policy, &shared) ||
		    config_named_beside(a, b, errors))
			continue;
		prefix_format(b->network, text);
		if (shared.protocol)
			config_errors_add(errors, b->file, b->line,
					  "%s with %s is there already, at "
					  "%s:%u: remove one",
					  text, service_format(&shared, port),
					  a->file, a->line);
		else
			config_errors_add(errors, b->file, b->line,
					  "%s is there already, at %s:%u: "
					  "remove one",
					  text, a->file, a->line);
		return;
	}
}

static bool is_scoped(const struct policy *p)
{
	return p->n_ports && policy_encrypts(p);
}

static bool place_contains(const struct config_network *wide,
			   const struct config_network *p)
{
	return wide->network->addr.family == p->network->addr.family &&
	       wide->network->len <= p->network->len &&
	       prefix_contains(wide->network, &p->network->addr);
}

/* A host pair has one kind of SAs: for all of its traffic, or for the services
 * of one policy, with the rest in the clear. around: the next wider place. */
static void check_scope(const struct config_network *b,
			const struct config_network *around,
			struct config_errors *errors)
{
	const struct policy *p = around->policy;
	char text[PREFIX_STRLEN];

	prefix_format(b->network, text);
	if (!p->n_ports && p->level != POLICY_FORBID &&
	    p->level != POLICY_ALLOW)
		config_errors_add(
			errors, b->file, b->line,
			"Ports= with Encryption=%s goes with networks whose "
			"other traffic is in the clear, and %s is in one with "
			"Encryption=%s, at %s:%u: give %s a policy with "
			"Encryption=forbid, or remove Ports=",
			policy_level_name(b->policy->level), text,
			policy_level_name(p->level), around->file, around->line,
			text);
	else if (p->n_ports && p != b->policy &&
		 !config_ports_include(b->policy, p))
		config_errors_add(errors, b->file, b->line,
				  "%s has other ports with Encryption=%s, at "
				  "%s:%u: name all of them in one policy",
				  text, policy_level_name(p->level),
				  around->file, around->line);
}

/* The list is sorted: each comes right after those around it. */
static void check_scopes(const struct config_network *list, size_t n,
			 struct config_errors *errors)
{
	size_t open[2 * 129], n_open = 0;

	for (size_t i = 0; i < n; i++) {
		const struct policy *p = list[i].policy;

		if (p->n_ports && !is_scoped(p))
			continue;
		while (n_open &&
		       !place_contains(&list[open[n_open - 1]], &list[i]))
			n_open--;
		for (size_t k = n_open; is_scoped(p) && k-- > 0;) {
			check_scope(&list[i], &list[open[k]], errors);
			if (!list[open[k]].policy->n_ports)
				break;
		}
		/* Twins are an error of their own. */
		if (n_open == sizeof(open) / sizeof(open[0]))
			break;
		open[n_open++] = i;
	}
}

static int check_networks(const struct config_policies *all,
			  struct config_errors *errors)
{
	struct config_network *list =
		calloc(all->n_networks + 1, sizeof(*list));
	size_t n = 0;

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < all->count; i++) {
		const struct policy *p = all->list[i].policy;

		for (size_t j = 0; j < p->n_networks; j++, n++)
			list[n] = (struct config_network){
				.policy = p,
				.network = &p->networks[j],
				.file = policy_spot_file(p, &p->spots[j]),
				.line = p->spots[j].line,
				.order = n,
			};
	}
	qsort(list, n, sizeof(*list), by_network);
	for (size_t i = 1; i < n; i++)
		check_twins(list, i, errors);
	check_scopes(list, n, errors);
	config_named_check(list, n, errors);
	free(list);
	return 0;
}

static int check_names(const struct config_policies *all,
		       struct config_errors *errors)
{
	struct config_network *list = calloc(all->count + 1, sizeof(*list));

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < all->count; i++)
		list[i] =
			(struct config_network){ .policy = all->list[i].policy,
						 .line = all->list[i].name_line,
						 .order = i };
	qsort(list, all->count, sizeof(*list), by_name);
	for (size_t i = 1; i < all->count; i++) {
		const struct config_network *a = &list[i - 1], *b = &list[i];

		/* A bad name is empty, and was complained of. */
		if (!*b->policy->name ||
		    strcmp(a->policy->name, b->policy->name))
			continue;
		config_errors_add(errors, b->policy->file, b->line,
				  "There is a policy %s already, at %s:%u: "
				  "give this one another Name=",
				  b->policy->name, a->policy->file,
				  a->line ? a->line : a->policy->line);
	}
	free(list);
	return 0;
}

/* Whoever adds an exception to what is built in takes that away. */
static void check_rest(const struct config_policies *all,
		       struct config_errors *errors)
{
	for (size_t i = 0; i < all->count; i++)
		if (!all->list[i].policy->n_ports ||
		    policy_encrypts(all->list[i].policy))
			return;
	if (all->count)
		config_errors_warn(errors, all->list[0].policy->file,
				   all->list[0].policy->line,
				   "Every policy has Ports=, so all other "
				   "traffic is in the clear: what is built in "
				   "holds only where there is no file");
}

int config_policies_check(const struct config_policies *all,
			  struct config_errors *errors)
{
	int r = check_names(all, errors);

	check_rest(all, errors);
	return r < 0 ? r : check_networks(all, errors);
}

static int add_builtin(struct config_policies *all, const char *name,
		       enum policy_discover discover,
		       const char *const *networks)
{
	struct policy *p = config_policy_new();
	size_t n = 0;

	if (!p)
		return -ENOMEM;
	strcpy(p->name, name);
	p->algorithms = *all->algorithms;
	p->lookup_ms = all->lookup_ms;
	p->level = POLICY_OFFER;
	p->gateway = true;
	p->discover = discover;
	/* Whom DNS gave a key is asked for its proof. */
	if (discover == POLICY_DISCOVER_DNS)
		p->auth = POLICY_AUTH_OFFER;
	while (networks[n])
		n++;
	p->networks = calloc(n, sizeof(*p->networks));
	if (!p->networks) {
		policy_free(p);
		return -ENOMEM;
	}
	for (; p->n_networks < n; p->n_networks++) {
		if (prefix_parse(networks[p->n_networks],
				 &p->networks[p->n_networks]) < 0)
			abort(); /* a constant below is wrong */
	}
	return config_policies_add(all, p, 0);
}

int config_policies_builtin(struct config_policies *all)
{
	/* RFC 1918, RFC 3927, RFC 4193, RFC 4291 2.5.6. */
	static const char *const private[] = { "10.0.0.0/8",
					       "172.16.0.0/12",
					       "192.168.0.0/16",
					       "169.254.0.0/16",
					       "fc00::/7",
					       "fe80::/10",
					       NULL };
	static const char *const rest[] = { "0.0.0.0/0", "::/0", NULL };
	int r = add_builtin(all, "private", POLICY_DISCOVER_ALWAYS, private);

	return r < 0 ? r
		     : add_builtin(all, "default", POLICY_DISCOVER_DNS, rest);
}

int config_policies_table(struct config_policies *all,
			  struct policy_table **ret)
{
	struct policy **list = calloc(all->count + 1, sizeof(*list));
	int r;

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < all->count; i++)
		list[i] = all->list[i].policy;
	r = policy_table_new(list, all->count, ret);
	free(list);
	if (r < 0)
		return r;
	for (size_t i = 0; i < all->count; i++)
		all->list[i].policy = NULL;
	return 0;
}

void config_policies_done(struct config_policies *all)
{
	for (size_t i = 0; i < all->count; i++)
		policy_free(all->list[i].policy);
	free(all->list);
	*all = (struct config_policies){ 0 };
}
