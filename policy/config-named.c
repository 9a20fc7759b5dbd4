/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/config-named.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "policy/config-error.h"

/* One that both name, or NULL. */
static const char *common_identity(const struct policy *a,
				   const struct policy *b)
{
	for (size_t i = 0; i < a->n_identities; i++)
		for (size_t j = 0; j < b->n_identities; j++)
			if (!strcasecmp(a->identities[i], b->identities[j]))
				return b->identities[j];
	return NULL;
}

bool config_named_beside(const struct config_network *a,
			 const struct config_network *b,
			 struct config_errors *errors)
{
	const struct policy *x = a->policy, *y = b->policy;
	const char *common = common_identity(x, y);
	char text[PREFIX_STRLEN];

	if (x->n_ports || y->n_ports || (!x->n_identities && !y->n_identities))
		return false;
	if (common)
		config_errors_add(errors, b->file, b->line,
				  "%s with Identity=%s is there already, at "
				  "%s:%u: remove one",
				  prefix_format(b->network, text),
				  *common == '@' ? common + 1 : common, a->file,
				  a->line);
	return true;
}

/* Those of one network. */
static void find_rest(struct config_network *list, size_t n,
		      struct config_errors *errors)
{
	const struct config_network *first = NULL;
	const struct policy *rest = NULL;
	char text[PREFIX_STRLEN];

	for (size_t i = 0; i < n; i++)
		if (!list[i].policy->n_ports && !list[i].policy->n_identities)
			rest = list[i].policy;
	for (size_t i = 0; i < n; i++) {
		if (list[i].policy->n_ports || !list[i].policy->n_identities)
			continue;
		list[i].rest = rest;
		if (!rest && first && first->policy != list[i].policy)
			config_errors_add(errors, list[i].file, list[i].line,
					  "%s is there already, at %s:%u, and "
					  "in no policy without Identity=: add "
					  "one for everybody else",
					  prefix_format(list[i].network, text),
					  first->file, first->line);
		if (!first)
			first = &list[i];
	}
}

/* What is so of a network is so whoever is there. */
static void check_level(const struct config_network *x,
			struct config_errors *errors)
{
	const enum policy_level rest = x->rest->level;

	if (rest == POLICY_FORBID || rest == POLICY_BLOCK)
		config_errors_add(
			errors, x->file, x->line,
			"Policy %s says Encryption=%s of this network "
			"too, so that nobody gets to prove who it is: "
			"write allow there, or remove this",
			x->rest->name, policy_level_name(rest));
	else if (x->policy->level != rest && x->policy->level != POLICY_FORBID)
		config_errors_add(
			errors, x->file, x->line,
			"Policy %s says Encryption=%s of this network "
			"too, which holds before anybody has proven "
			"who it is: write the same here, or forbid",
			x->rest->name, policy_level_name(rest));
}

/* Those of one policy: either all of them are others' too, or none. */
static void check_policy(const struct config_network *list, size_t n,
			 struct config_errors *errors)
{
	const struct config_network *shared = NULL, *alone = NULL;
	char text[PREFIX_STRLEN], other[PREFIX_STRLEN];

	for (size_t i = 0; i < n; i++)
		*(list[i].rest ? &shared : &alone) = &list[i];
	if (!shared)
		return;
	check_level(shared, errors);
	if (alone)
		config_errors_add(
			errors, alone->file, alone->line,
			"%s is in no policy without Identity=, and %s "
			"is in %s: give it a policy of its own",
			prefix_format(alone->network, text),
			prefix_format(shared->network, other),
			shared->rest->name);
}

static int by_order(const void *a, const void *b)
{
	const struct config_network *x = a, *y = b;

	return x->order < y->order ? -1 : x->order > y->order;
}

static bool same_network(const struct config_network *a,
			 const struct config_network *b)
{
	return prefix_equal(a->network, b->network);
}

static bool same_policy(const struct config_network *a,
			const struct config_network *b)
{
	return a->policy == b->policy;
}

/* How many from here on belong together; 0: there are none. */
static size_t run(const struct config_network *list, size_t n,
		  bool (*same)(const struct config_network *a,
			       const struct config_network *b))
{
	size_t k = n ? 1 : 0;

	while (k < n && same(&list[0], &list[k]))
		k++;
	return k;
}

void config_named_check(struct config_network *list, size_t n,
			struct config_errors *errors)
{
	bool so_far = config_errors_any(errors);

	for (size_t i = 0, k; (k = run(&list[i], n - i, same_network)); i += k)
		find_rest(&list[i], k, errors);
	/* What is not as it was meant would only be complained of again. */
	if (so_far)
		return;
	qsort(list, n, sizeof(*list), by_order);
	for (size_t i = 0, k; (k = run(&list[i], n - i, same_policy)); i += k)
		check_policy(&list[i], k, errors);
}
