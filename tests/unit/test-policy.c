/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The policy table: names of the levels, most specific network first, twins.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/policy.h"

static struct policy *make(const char *name, const char *const *networks)
{
	struct policy *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	strcpy(p->name, name);
	p->networks = calloc(8, sizeof(*p->networks));
	assert_non_null(p->networks);
	for (; networks[p->n_networks]; p->n_networks++)
		assert_int_equal(prefix_parse(networks[p->n_networks],
					      &p->networks[p->n_networks]),
				 0);
	return p;
}

static void test_names(void **state)
{
	static const char *const levels[] = { "forbid", "allow", "offer",
					      "require", "block" };
	static const char *const auths[] = { "allow", "offer", "require" };
	static const char *const bad[] = { "",	     "Offer",  "offer ",
					   " offer", "offers", "clear" };
	enum policy_level l = POLICY_BLOCK;
	enum policy_auth a = POLICY_AUTH_REQUIRE;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(policy_level_parse(levels[i], &l), 0);
		assert_int_equal(l, i);
		assert_string_equal(policy_level_name(l), levels[i]);
	}
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(policy_auth_parse(auths[i], &a), 0);
		assert_int_equal(a, i);
		assert_string_equal(policy_auth_name(a), auths[i]);
	}
	l = POLICY_OFFER;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(policy_level_parse(bad[i], &l), -EINVAL);
		assert_int_equal(l, POLICY_OFFER);
	}
	assert_int_equal(policy_auth_parse("block", &a), -EINVAL);
	assert_int_equal(a, POLICY_AUTH_REQUIRE);
}

static const char *const wide[] = { "0.0.0.0/0", "2001:db8::/32", NULL };
static const char *const office[] = { "10.0.0.0/8", "2001:db8:1::/48", NULL };
static const char *const printer[] = { "10.1.2.3/32", "2001:db8:1::7/128",
				       NULL };

static struct policy_table *table(void)
{
	struct policy *list[] = { make("wide", wide), make("office", office),
				  make("printer", printer) };
	struct policy_table *t;

	assert_int_equal(policy_table_new(list, 3, &t), 0);
	return t;
}

static void test_lookup(void **state)
{
	static const struct {
		const char *address, *policy, *network;
	} cases[] = {
		{ "192.0.2.1", "wide", "0.0.0.0/0" },
		{ "255.255.255.255", "wide", "0.0.0.0/0" },
		{ "10.0.0.0", "office", "10.0.0.0/8" },
		{ "10.1.2.2", "office", "10.0.0.0/8" },
		{ "10.1.2.3", "printer", "10.1.2.3/32" },
		{ "11.0.0.0", "wide", "0.0.0.0/0" },
		{ "2001:db8:2::1", "wide", "2001:db8::/32" },
		{ "2001:db8:1::1", "office", "2001:db8:1::/48" },
		{ "2001:db8:1::7", "printer", "2001:db8:1::7/128" },
		{ "2001:db9::", NULL, NULL },
		{ "::1", NULL, NULL },
	};
	struct policy_table *t = table();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct policy *p;
		struct prefix network;
		char text[PREFIX_STRLEN];
		struct addr a;

		assert_int_equal(addr_parse(cases[i].address, &a), 0);
		p = policy_table_match(t, &a, &network);
		assert_ptr_equal(p, policy_table_lookup(t, &a));
		if (!cases[i].policy) {
			assert_null(p);
			continue;
		}
		assert_non_null(p);
		assert_string_equal(p->name, cases[i].policy);
		assert_string_equal(prefix_format(&network, text),
				    cases[i].network);
	}
	policy_table_free(t);
}

static void test_order(void **state)
{
	static const char *const names[] = { "office", "printer", "wide" };
	struct policy_table *t = table();

	(void)state;
	assert_int_equal(policy_table_count(t), 3);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(policy_table_at(t, i)->name, names[i]);
	assert_null(policy_table_at(t, 3));
	policy_table_free(t);
}

static void test_twins(void **state)
{
	struct policy *names[] = { make("same", wide), make("same", office) };
	struct policy *networks[] = { make("a", wide), make("b", wide) };
	struct policy_table *t = (void *)&names;

	(void)state;
	assert_int_equal(policy_table_new(names, 2, &t), -EEXIST);
	assert_int_equal(policy_table_new(networks, 2, &t), -EEXIST);
	assert_ptr_equal(t, (void *)&names);
	/* Still ours: the sanitizer sees a leak or a second free. */
	for (size_t i = 0; i < 2; i++) {
		assert_null(policy_free(names[i]));
		policy_free(networks[i]);
	}
}

static struct policy *make_for(const char *name, const char *const *networks,
			       const char *identity)
{
	struct policy *p = make(name, networks);

	p->identities = calloc(1, sizeof(char *));
	assert_non_null(p->identities);
	p->identities[0] = strdup(identity);
	p->n_identities = 1;
	return p;
}

/* Of the same networks, for whoever proves one of the names. */
static void test_named(void **state)
{
	static const struct {
		const char *address, *identity, *policy;
	} cases[] = {
		{ "192.0.2.1", NULL, "wide" },
		{ "192.0.2.1", "@a.example.org", "a" },
		{ "192.0.2.1", "@A.Example.org", "a" },
		{ "2001:db8:2::1", "@a.example.org", "a" },
		{ "2001:db8:2::1", "@b.example.org", "staff" },
		{ "192.0.2.1", "@b.b.example.org", "staff" },
		{ "192.0.2.1", "@example.org", "wide" },
		{ "192.0.2.1", "@a.example.org.evil", "wide" },
		{ "192.0.2.1", "a@a.example.org", "wide" },
		/* A more specific network is another one. */
		{ "10.1.1.1", "@a.example.org", "office" },
		{ "2001:db8:1::1", "@a.example.org", "office" },
		{ "2001:db9::1", "@a.example.org", NULL },
	};
	struct policy *list[] = { make_for("a", wide, "@a.example.org"),
				  make("office", office),
				  make_for("staff", wide, "@*.example.org"),
				  make("wide", wide) };
	struct policy_table *t;
	struct addr at;

	(void)state;
	assert_int_equal(policy_table_new(list, 4, &t), 0);
	assert_true(list[0]->named && list[2]->named);
	assert_false(list[1]->named || list[3]->named);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct policy *p;

		assert_int_equal(addr_parse(cases[i].address, &at), 0);
		p = policy_table_for(t, &at, cases[i].identity);
		if (!cases[i].policy)
			assert_null(p);
		else
			assert_string_equal(p->name, cases[i].policy);
		p = policy_table_lookup(t, &at);
		assert_true(!p || !p->named);
	}
	assert_int_equal(addr_parse("192.0.2.1", &at), 0);
	assert_non_null(policy_table_named(t, &at, 1));
	assert_null(policy_table_named(t, &at, 2));
	assert_int_equal(addr_parse("10.1.1.1", &at), 0);
	assert_null(policy_table_named(t, &at, 0));
	policy_table_free(t);
}

/* Two for some and none for all others; and one that is only half of the kind. */
static void test_named_alone(void **state)
{
	static const char *const more[] = { "0.0.0.0/0", "192.0.2.0/24", NULL };
	struct policy *pairs[][2] = {
		{ make_for("a", wide, "@a"), make_for("b", wide, "@b") },
		{ make_for("a", more, "@a"), make("b", wide) },
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct policy_table *t;

		assert_int_equal(policy_table_new(pairs[i], 2, &t), -EEXIST);
		policy_free(pairs[i][0]);
		policy_free(pairs[i][1]);
	}
}

static void test_empty(void **state)
{
	struct policy_table *t;
	struct addr a;

	(void)state;
	assert_int_equal(policy_table_new(NULL, 0, &t), 0);
	assert_int_equal(addr_parse("10.0.0.1", &a), 0);
	assert_null(policy_table_lookup(t, &a));
	assert_int_equal(policy_table_count(t), 0);
	assert_null(policy_table_free(t));
	assert_null(policy_table_free(NULL));
	assert_null(policy_free(NULL));
}

static struct policy *make_scoped(const char *name, enum policy_level level,
				  const char *network, uint16_t first, size_t n)
{
	const char *networks[] = { network, NULL };
	struct policy *p = make(name, networks);

	p->level = level;
	p->ports = n ? calloc(n, sizeof(*p->ports)) : NULL;
	for (size_t i = 0; i < n; i++)
		p->ports[p->n_ports++] =
			(struct service){ 6, (uint16_t)(first + i) };
	return p;
}

/* Services that alone are encrypted, in networks that are inside each other. */
static void test_scoped(void **state)
{
	struct policy *list[] = {
		make_scoped("rest", POLICY_FORBID, "10.0.0.0/8", 0, 0),
		make_scoped("named", POLICY_REQUIRE, "10.0.0.0/8", 443, 2),
		make_scoped("less", POLICY_FORBID, "10.1.0.0/16", 444, 1),
		make_scoped("none", POLICY_FORBID, "10.1.1.0/24", 443, 2),
		make_scoped("inside", POLICY_OFFER, "10.2.0.0/16", 0, 0),
		make_scoped("closed", POLICY_BLOCK, "10.0.0.0/8", 25, 1),
	};
	static const struct {
		const char *address, *sas;
		size_t n;
		const char *remote, *local, *both;
	} rows[] = {
		{ "10.0.0.1", "named", 2, "named", "named", "closed" },
		{ "10.1.0.1", "named", 1, "named", "named", "closed" },
		{ "10.1.1.1", "rest", 0, "none", "none", "closed" },
		{ "10.2.0.1", "inside", 0, "inside", "inside", "inside" },
	};
	struct policy_table *t;
	struct scope scope;
	struct addr a;

	(void)state;
	assert_int_equal(policy_table_new(list, 6, &t), 0);
	for (size_t i = 0; i < 4; i++) {
		addr_parse(rows[i].address, &a);
		assert_string_equal(policy_table_lookup(t, &a)->name,
				    rows[i].sas);
		policy_table_scope(t, &a, &scope);
		assert_int_equal(scope.n, rows[i].n);
		assert_int_equal(scope.sides, scope.n ? SCOPE_BOTH : 0);
		assert_string_equal(
			policy_table_packet(t, &a, 6, 9999, 443, NULL)->name,
			rows[i].remote);
		assert_string_equal(
			policy_table_packet(t, &a, 6, 443, 9999, NULL)->name,
			rows[i].local);
		assert_string_equal(
			policy_table_packet(t, &a, 6, 443, 25, NULL)->name,
			rows[i].both);
	}
	/* What encrypts is stronger than what lets pass. */
	addr_parse("10.1.0.1", &a);
	assert_string_equal(policy_table_packet(t, &a, 6, 444, 443, NULL)->name,
			    "named");
	assert_string_equal(policy_table_packet(t, &a, 6, 443, 444, NULL)->name,
			    "named");
	policy_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_twins),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_scoped),
		cmocka_unit_test(test_named),
		cmocka_unit_test(test_named_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
