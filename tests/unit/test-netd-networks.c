/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * agent/netd-networks.c and netd-bypass.c: what a policy table puts into the
 * kernel, armed and not, as addresses come and go.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/netd-bypass.h"
#include "agent/netd-networks.h"
#include "tests/unit/netd-fake.h"

struct world {
	struct fake kernel;
	struct policy_table *policies;
	struct netd_networks *n;
	const char *taken; /* destination of a place that a pair holds */
};

static const struct addr none;

static bool taken(void *user, const struct kpolicy *place)
{
	const struct world *w = user;
	struct prefix p;

	return w->taken && prefix_parse(w->taken, &p) == 0 &&
	       prefix_equal(&place->sel.dst, &p);
}

static struct world *world(const char *const *lines)
{
	struct world *w = calloc(1, sizeof(*w));
	struct netd_networks_config c = { .esp4 = true,
					  .esp6 = true,
					  .dns_mark = 0x800000 };

	assert_non_null(w);
	fake_init(&w->kernel);
	w->policies = fake_policies(lines);
	c.policies = w->policies;
	c.kernel = &w->kernel.kernel;
	c.taken = taken;
	c.user = w;
	assert_int_equal(netd_networks_new(&c, &w->n), 0);
	return w;
}

static void end(struct world *w)
{
	netd_networks_free(w->n);
	policy_table_free(w->policies);
	free(w);
}

static void add(struct world *w, const char *own)
{
	struct addr a = fake_addr(own);

	assert_int_equal(netd_networks_add(w->n, &a, &none), 0);
}

static void arm(struct world *w, bool armed)
{
	assert_int_equal(netd_networks_set_armed(w->n, armed), 0);
}

/* "trap", "required", "pass", "block" or "-". */
static const char *at(const struct world *w, enum kdir dir, const char *net)
{
	bool v6 = strchr(net, ':') != NULL;
	const char *own = v6 ? "fd00::1" : "10.0.0.1";
	const struct kpolicy *p =
		dir == KDIR_OUT ? fake_policy(&w->kernel, dir, own, net)
				: fake_policy(&w->kernel, dir, net, own);

	if (!p)
		return "-";
	if (p->action == KACTION_PASS)
		return "pass";
	if (p->action == KACTION_BLOCK)
		return "block";
	assert_int_equal(p->reqid, dir == KDIR_OUT ? KERNEL_TRAP_REQID : 0);
	return p->optional ? "trap" : "required";
}

struct row {
	const char *lines[4];
	const char *network;
	const char *out, *in;		/* armed */
	const char *out_dead, *in_dead; /* without an agent */
};

/* A network needs something only where it differs from what is around it. */
static const struct row rows[] = {
	{ { "forbid 10.2.0.0/16" }, "10.2.0.0/16", "-", "-", "-", "-" },
	{ { "allow 10.2.0.0/16" }, "10.2.0.0/16", "-", "-", "-", "-" },
	{ { "offer 10.2.0.0/16" }, "10.2.0.0/16", "trap", "-", "-", "-" },
	{ { "wait 10.2.0.0/16" }, "10.2.0.0/16", "trap", "-", "-", "-" },
	{ { "require 10.2.0.0/16" },
	  "10.2.0.0/16",
	  "required",
	  "required",
	  "required",
	  "required" },
	{ { "block 10.2.0.0/16" },
	  "10.2.0.0/16",
	  "block",
	  "block",
	  "block",
	  "block" },
	{ { "forbid 10.2.0.0/16", "offer 10.0.0.0/8" },
	  "10.2.0.0/16",
	  "pass",
	  "-",
	  "-",
	  "-" },
	{ { "forbid 10.2.0.0/16", "require 10.0.0.0/8" },
	  "10.2.0.0/16",
	  "pass",
	  "pass",
	  "pass",
	  "pass" },
	{ { "allow 10.2.0.0/16", "block 0.0.0.0/0" },
	  "10.2.0.0/16",
	  "pass",
	  "pass",
	  "pass",
	  "pass" },
	{ { "offer 10.2.0.0/16", "require 10.0.0.0/8" },
	  "10.2.0.0/16",
	  "trap",
	  "pass",
	  "pass",
	  "pass" },
	{ { "offer 10.2.0.0/16", "offer 10.0.0.0/8" },
	  "10.2.0.0/16",
	  "-",
	  "-",
	  "-",
	  "-" },
	{ { "require 10.2.0.0/16", "require 10.0.0.0/8" },
	  "10.2.0.0/16",
	  "-",
	  "-",
	  "-",
	  "-" },
	{ { "require 10.2.0.0/16", "offer 10.0.0.0/8" },
	  "10.2.0.0/16",
	  "required",
	  "required",
	  "required",
	  "required" },
	{ { "block 10.2.0.0/16", "require 10.0.0.0/8" },
	  "10.2.0.0/16",
	  "block",
	  "block",
	  "block",
	  "block" },
	/* The next wider one counts, not the widest. */
	{ { "forbid 10.2.0.0/16", "forbid 10.0.0.0/8", "require 0.0.0.0/0" },
	  "10.2.0.0/16",
	  "-",
	  "-",
	  "-",
	  "-" },
	{ { "require fd02::/32", "offer fd00::/8" },
	  "fd02::/32",
	  "required",
	  "required",
	  "required",
	  "required" },
	{ { "offer fd00::/8", "block ::/0" },
	  "fd00::/8",
	  "trap",
	  "pass",
	  "pass",
	  "pass" },
};

static void test_levels(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		struct world *w = world(r->lines);

		add(w, "10.0.0.1");
		add(w, "fd00::1");
		assert_string_equal(at(w, KDIR_OUT, r->network), r->out_dead);
		assert_string_equal(at(w, KDIR_IN, r->network), r->in_dead);
		arm(w, true);
		assert_string_equal(at(w, KDIR_OUT, r->network), r->out);
		assert_string_equal(at(w, KDIR_IN, r->network), r->in);
		arm(w, false);
		assert_string_equal(at(w, KDIR_OUT, r->network), r->out_dead);
		assert_string_equal(at(w, KDIR_IN, r->network), r->in_dead);
		assert_int_equal(netd_networks_clear(w->n), 0);
		assert_int_equal(w->kernel.n_policies, 0);
		end(w);
	}
}

static void test_priorities(void **state)
{
	static const char *const lines[] = { "offer 10.0.0.0/8",
					     "require 10.2.0.0/16",
					     "block 10.2.3.4/32", NULL };
	struct world *w = world(lines);

	(void)state;
	add(w, "10.0.0.1");
	arm(w, true);
	assert_int_equal(fake_count(&w->kernel, KPOLICY_PRIO_NETWORK + 24), 1);
	assert_int_equal(fake_count(&w->kernel, KPOLICY_PRIO_NETWORK + 16), 2);
	assert_int_equal(fake_count(&w->kernel, KPOLICY_PRIO_NETWORK), 2);
	for (size_t i = 0; i < w->kernel.n_policies; i++)
		assert_true(kpolicy_is_ours(&w->kernel.policies[i]));
	end(w);
}

static void test_addresses(void **state)
{
	static const char *const lines[] = { "require 10.0.0.0/8", NULL };
	struct world *w = world(lines);
	struct addr a = fake_addr("10.0.0.1"), b = fake_addr("10.0.0.9");
	struct addr six = fake_addr("fd00::1");
	struct addr cast = fake_addr("10.0.0.255");
	size_t two;

	(void)state;
	assert_int_equal(netd_networks_add(w->n, &a, &cast), 0);
	/* On another link too: counted. */
	assert_int_equal(netd_networks_add(w->n, &a, &cast), 0);
	assert_non_null(fake_policy(&w->kernel, KDIR_OUT, "0.0.0.0/0",
				    "10.0.0.255/32"));
	/* No IPv6 network: nothing for an IPv6 address. */
	two = w->kernel.n_policies;
	assert_int_equal(netd_networks_add(w->n, &six, &none), 0);
	assert_int_equal(w->kernel.n_policies, two);
	assert_int_equal(netd_networks_add(w->n, &b, &cast), 0);
	assert_int_equal(w->kernel.n_policies, two + 2);
	assert_int_equal(netd_networks_remove(w->n, &a, &cast), 0);
	assert_int_equal(w->kernel.n_policies, two + 2);
	assert_int_equal(netd_networks_remove(w->n, &a, &cast), 0);
	assert_int_equal(w->kernel.n_policies, two);
	assert_non_null(fake_policy(&w->kernel, KDIR_OUT, "0.0.0.0/0",
				    "10.0.0.255/32"));
	/* The last one takes the bypasses with it. */
	assert_int_equal(netd_networks_remove(w->n, &b, &cast), 0);
	assert_int_equal(w->kernel.n_policies, 0);
	end(w);
}

/* What stands is what is wanted, for each policy that is there; and places
 * of nobody are not wanted. */
static void test_want(void **state)
{
	static const char *const lines[] = { "require 10.2.0.0/16 fd02::/16",
					     "offer 10.0.0.0/8 fd00::/8",
					     NULL };
	struct world *w = world(lines);
	struct addr a = fake_addr("10.0.0.1"), cast = fake_addr("10.0.0.255");
	struct kpolicy p, other;

	(void)state;
	assert_int_equal(netd_networks_add(w->n, &a, &cast), 0);
	add(w, "fd00::1");
	arm(w, true);
	assert_true(w->kernel.n_policies > 30);
	for (size_t i = 0; i < w->kernel.n_policies; i++) {
		const struct kpolicy *k = &w->kernel.policies[i];

		assert_true(netd_networks_want(w->n, k, &p));
		assert_true(kpolicy_same_place(k, &p));
		assert_int_equal(k->priority, p.priority);
		assert_int_equal(k->action, p.action);
		other = *k;
		other.dir = KDIR_FWD;
		assert_false(netd_networks_want(w->n, &other, &p));
		other = *k;
		other.sel.dport++;
		other.sel.dport_mask = 0xffff;
		assert_false(netd_networks_want(w->n, &other, &p));
	}
	other = *fake_policy(&w->kernel, KDIR_OUT, "10.0.0.1/32", "10.0.0.0/8");
	arm(w, false);
	assert_false(netd_networks_want(w->n, &other, &p));
	other.sel.src =
		(struct prefix){ .addr = fake_addr("10.0.0.2"), .len = 32 };
	arm(w, true);
	assert_false(netd_networks_want(w->n, &other, &p));
	end(w);
}

static void test_trap(void **state)
{
	static const char *const lines[] = {
		"offer 10.0.0.0/8",   "offer 10.2.0.0/16",
		"forbid 10.3.0.0/16", "require 10.4.0.0/16",
		"block 10.5.0.0/16",  NULL
	};
	struct world *w = world(lines);
	struct addr own = fake_addr("10.0.0.1"), a;
	struct kpolicy p;
	static const struct {
		const char *remote;
		int len; /* of the trap's network, -1: none */
	} cases[] = { { "10.9.9.9", 8 },  { "10.2.9.9", 8 },
		      { "10.3.9.9", -1 }, { "10.4.9.9", 16 },
		      { "10.5.9.9", -1 }, { "192.0.2.1", -1 } };

	(void)state;
	add(w, "10.0.0.1");
	arm(w, true);
	for (size_t i = 0; i < 6; i++) {
		a = fake_addr(cases[i].remote);
		assert_int_equal(netd_networks_trap(w->n, &own, &a, 0, &p),
				 cases[i].len >= 0);
		if (cases[i].len >= 0)
			assert_int_equal(p.sel.dst.len, cases[i].len);
	}
	end(w);
}

static void test_taken(void **state)
{
	static const char *const lines[] = { "require 10.0.0.7/32", NULL };
	struct world *w = world(lines);

	(void)state;
	w->taken = "10.0.0.7/32";
	add(w, "10.0.0.1");
	assert_string_equal(at(w, KDIR_OUT, "10.0.0.7/32"), "-");
	assert_string_equal(at(w, KDIR_IN, "10.0.0.7/32"), "required");
	end(w);
}

/* Nobody else's is touched, and the rest is done. */
static void test_foreign(void **state)
{
	static const char *const lines[] = { "require 10.0.0.0/8 10.2.0.0/16",
					     "offer 10.2.3.0/24", NULL };
	struct world *w = world(lines);
	struct addr a = fake_addr("10.0.0.1");
	struct kpolicy foreign = { .dir = KDIR_OUT, .priority = 100 };

	(void)state;
	assert_int_equal(prefix_parse("10.0.0.1/32", &foreign.sel.src), 0);
	assert_int_equal(prefix_parse("10.2.3.0/24", &foreign.sel.dst), 0);
	w->kernel.policies[w->kernel.n_policies++] = foreign;
	assert_int_equal(netd_networks_add(w->n, &a, &none), -EEXIST);
	assert_string_equal(at(w, KDIR_OUT, "10.0.0.0/8"), "required");
	assert_int_equal(netd_networks_set_armed(w->n, true), -EEXIST);
	assert_int_equal(netd_networks_set_armed(w->n, false), -EEXIST);
	assert_int_equal(netd_networks_clear(w->n), 0);
	assert_int_equal(w->kernel.n_policies, 1);
	assert_int_equal(w->kernel.policies[0].priority, 100);
	end(w);
}

/* Closing: what is open inside before what closes around it. */
static void test_order(void **state)
{
	static const char *const lines[] = { "require 10.0.0.0/8",
					     "forbid 10.2.0.0/16", NULL };
	struct world *w = world(lines);
	int pass = -1, close = -1;

	(void)state;
	add(w, "10.0.0.1");
	for (size_t i = 0; i < w->kernel.n_log; i++) {
		const struct kpolicy *p = &w->kernel.log[i].policy;

		if (p->dir != KDIR_OUT || p->priority < KPOLICY_PRIO_NETWORK)
			continue;
		if (p->action == KACTION_PASS)
			pass = (int)i;
		else
			close = (int)i;
	}
	assert_true(pass >= 0 && pass < close);
	end(w);
}

static const char *const tables[][5] = {
	{ NULL },
	{ "require 10.0.0.0/8" },
	{ "require 10.2.0.0/16" },
	{ "offer 10.0.0.0/8", "require 10.2.0.0/16" },
	{ "require 10.0.0.0/8", "offer 10.2.0.0/16" },
	{ "require 10.0.0.0/8", "require 10.2.0.0/16" },
	{ "forbid 10.0.0.0/8", "require 10.2.3.0/24" },
	{ "block 0.0.0.0/0", "forbid 10.2.0.0/16", "require 10.2.3.0/24" },
	{ "offer 0.0.0.0/0", "require 10.2.3.4/32" },
	{ "require 0.0.0.0/0", "forbid 10.2.3.4/32", "allow 10.9.0.0/16" },
	{ "block 10.2.3.0/24", "wait 10.0.0.0/8 fd00::/8" },
	{ "require 10.0.0.0/8", "forbid 443/tcp 10.0.0.0/8" },
	{ "require 10.0.0.0/8", "forbid 443/tcp 80/tcp 10.0.0.0/8",
	  "require 10.2.0.0/16" },
	{ "require 0.0.0.0/0", "block 443/tcp 10.0.0.0/8",
	  "forbid 443/tcp 10.2.3.0/24", "offer 10.2.3.4/32" },
	{ "block 443/tcp 0.0.0.0/0" },
	{ "require 10.0.0.0/8", "block 443/tcp 10.0.0.0/8" },
	{ "forbid 443/tcp 10.2.3.4" },
};
#define TABLES (sizeof(tables) / sizeof(tables[0]))

/* Is the policy for what is sent to a port of that host, or comes from there? */
static bool has_port(const struct kpolicy *p, uint16_t port)
{
	const struct kselector *s = &p->sel;

	if (!s->protocol)
		return true;
	return port && s->protocol == IPPROTO_TCP &&
	       (p->dir == KDIR_OUT ? s->dport : s->sport) == port;
}

/* What happens now to a packet between us and a port of that host. */
static bool closed(const struct fake *f, enum kdir dir, const char *host,
		   uint16_t port)
{
	struct addr a = fake_addr(host);
	const struct kpolicy *best = NULL;

	for (size_t i = 0; i < f->n_policies; i++) {
		const struct kpolicy *p = &f->policies[i];
		const struct prefix *net =
			dir == KDIR_OUT ? &p->sel.dst : &p->sel.src;

		if (p->dir == dir && p->priority >= KPOLICY_PRIO_PORT_BLOCK &&
		    prefix_contains(net, &a) && has_port(p, port) &&
		    (!best || p->priority < best->priority))
			best = p;
	}
	return best && best->action != KACTION_PASS && !best->optional;
}

static void stays_closed(const struct fake *step, const struct fake *old,
			 const struct fake *new, const char *host)
{
	static const uint16_t ports[] = { 0, 80, 443 };

	for (enum kdir d = KDIR_IN; d <= KDIR_OUT; d++)
		for (size_t i = 0; i < 3; i++)
			if (closed(old, d, host, ports[i]) &&
			    closed(new, d, host, ports[i]))
				assert_true(closed(step, d, host, ports[i]));
}

/* From every table to every other: it ends where a fresh start would, changes
 * nothing that is the same, and never opens what both close. */
static void replace(size_t from, size_t to)
{
	static const char *const hosts[] = { "10.2.3.4", "10.2.3.9", "10.2.9.9",
					     "10.9.9.9", "192.0.2.1" };
	struct world *a = world(tables[from]), *b = world(tables[to]);
	struct fake *old = calloc(2, sizeof(*old)), *step = old + 1;

	assert_non_null(old);
	add(a, "10.0.0.1");
	add(b, "10.0.0.1");
	arm(a, true);
	arm(b, true);
	*old = *step = a->kernel;
	a->kernel.n_log = 0;
	assert_int_equal(netd_networks_replace(&a->n, b->policies), 0);
	if (from == to)
		assert_int_equal(a->kernel.n_log, 0);
	for (size_t i = 0; i < a->kernel.n_log; i++) {
		struct change c = a->kernel.log[i];

		assert_int_equal(step->kernel.apply(step, &c, 1), 0);
		for (size_t h = 0; h < 5; h++)
			stays_closed(step, old, &b->kernel, hosts[h]);
	}
	assert_int_equal(a->kernel.n_policies, b->kernel.n_policies);
	for (size_t i = 0; i < b->kernel.n_policies; i++) {
		const struct kpolicy *want = &b->kernel.policies[i];
		size_t k = 0;

		while (k < a->kernel.n_policies &&
		       !kpolicy_same_place(&a->kernel.policies[k], want))
			k++;
		assert_true(k < a->kernel.n_policies);
		assert_int_equal(a->kernel.policies[k].action, want->action);
		assert_int_equal(a->kernel.policies[k].optional,
				 want->optional);
	}
	free(old);
	end(a);
	end(b);
}

static void test_replace(void **state)
{
	(void)state;
	for (size_t i = 0; i < TABLES; i++)
		for (size_t k = 0; k < TABLES; k++)
			replace(i, k);
}

static void test_ranges(void **state)
{
	static const char *const lines[] = { "wait 10.0.0.0/8",
					     "offer 10.2.0.0/16",
					     "require 10.3.0.0/16 fd00::/8",
					     "block 192.0.2.0/24", NULL };
	struct world *w = world(lines);
	struct hold_range *r = NULL;
	size_t n = 0;

	(void)state;
	assert_int_equal(netd_networks_ranges(w->n, &r, &n), 0);
	assert_int_equal(n, 3);
	assert_true(r[0].require && r[1].require && r[2].require);
	free(r);
	arm(w, true);
	assert_int_equal(netd_networks_ranges(w->n, &r, &n), 0);
	assert_int_equal(n, 5);
	assert_false(r[0].require);
	assert_true(r[1].require);
	assert_false(r[2].require);
	assert_true(r[3].require && r[4].require);
	assert_int_equal(r[0].last.bytes[1], 1);
	assert_int_equal(r[2].first.bytes[1], 4);
	free(r);
	end(w);
}

static void test_bypass(void **state)
{
	struct addr own = fake_addr("fd00::1");
	struct kpolicy p;
	size_t v4 = 0, v6 = 0;

	(void)state;
	for (; netd_bypass_at(AF_INET, v4, &p); v4++) {
		assert_int_equal(p.priority, KPOLICY_PRIO_BYPASS);
		assert_int_equal(p.action, KACTION_PASS);
		assert_int_equal(p.sel.src.addr.family, AF_INET);
		assert_int_equal(p.sel.dst.addr.family, AF_INET);
		/* Never all traffic. */
		assert_true(p.sel.dst.len || p.sel.protocol);
	}
	for (; netd_bypass_at(AF_INET6, v6, &p); v6++)
		assert_true(p.sel.dst.len || p.sel.protocol);
	assert_int_equal(v4, 9);
	assert_int_equal(v6, 17);
	p = netd_bypass_own(&own, KDIR_IN);
	assert_int_equal(p.sel.src.len, 128);
	assert_int_equal(p.sel.dst.len, 0);
	p = netd_bypass_own(&own, KDIR_OUT);
	assert_int_equal(p.sel.src.len, 0);
	assert_int_equal(p.sel.dst.len, 128);
}

static size_t passes(const struct world *w, uint16_t port, uint32_t mark,
		     enum kdir dir)
{
	size_t n = 0;

	for (size_t i = 0; i < w->kernel.n_policies; i++) {
		const struct kpolicy *p = &w->kernel.policies[i];

		n += p->action == KACTION_PASS && p->dir == dir &&
		     p->mark == mark &&
		     (dir == KDIR_OUT ? p->sel.dport : p->sel.sport) == port;
	}
	return n;
}

/* Name servers: out always, in only what is marked; others replace them. */
static void test_servers(void **state)
{
	static const char *const lines[] = { "require 0.0.0.0/0", NULL };
	const struct nameserver s[] = { { fake_addr("192.0.2.1"), 53 },
					{ fake_addr("192.0.2.2"), 53 },
					{ fake_addr("fd00::53"), 53 },
					{ fake_addr("192.0.2.2"), 853 } };
	struct policy_table *policies = fake_policies(lines);
	struct world w = { .policies = policies };
	struct netd_networks_config c = { .policies = policies,
					  .kernel = &w.kernel.kernel,
					  .esp4 = true,
					  .dns_mark = 8,
					  .recursive = true,
					  .taken = taken,
					  .user = &w };
	struct kpolicy place, found;

	(void)state;
	fake_init(&w.kernel);
	assert_int_equal(netd_networks_new(&c, &w.n), 0);
	assert_int_equal(netd_networks_set_servers(w.n, s, 3), 0);
	assert_int_equal(w.kernel.n_policies, 0);
	add(&w, "10.0.0.1");
	/* Two servers of this family and the resolver, UDP and TCP. */
	assert_int_equal(passes(&w, 53, 0, KDIR_OUT), 4);
	assert_int_equal(passes(&w, 53, 8, KDIR_OUT), 2);
	assert_int_equal(passes(&w, 53, 8, KDIR_IN), 6);
	assert_int_equal(passes(&w, 53, 0, KDIR_IN), 0);
	assert_int_equal(netd_networks_set_servers(w.n, s + 1, 3), 0);
	assert_int_equal(passes(&w, 53, 0, KDIR_OUT), 2);
	assert_int_equal(passes(&w, 853, 0, KDIR_OUT), 2);
	assert_int_equal(passes(&w, 853, 8, KDIR_IN), 2);
	/* An earlier run's are known by their place, and its others not. */
	assert_true(netd_bypass_server(&s[3], 8, 1, &place));
	assert_true(netd_networks_want(w.n, &place, &found));
	assert_true(netd_bypass_server(&s[0], 8, 1, &place));
	assert_false(netd_networks_want(w.n, &place, &found));
	assert_true(netd_bypass_resolver(AF_INET, 8, 0, &place));
	assert_true(netd_networks_want(w.n, &place, &found));
	assert_false(netd_bypass_resolver(AF_INET, 0, 0, &place));
	assert_int_equal(netd_networks_clear(w.n), 0);
	assert_int_equal(w.kernel.n_policies, 0);
	netd_networks_free(w.n);
	policy_table_free(policies);
}

static void test_no_esp(void **state)
{
	static const char *const lines[] = { "wait 10.0.0.0/8 fd00::/8",
					     "require 10.2.0.0/16", NULL };
	struct policy_table *policies = fake_policies(lines);
	struct world w = { .policies = policies };
	struct netd_networks_config c = { .policies = policies,
					  .kernel = &w.kernel.kernel,
					  .esp6 = true,
					  .taken = taken,
					  .user = &w };
	struct hold_range *r = NULL;
	size_t n = 0;

	(void)state;
	fake_init(&w.kernel);
	assert_int_equal(netd_networks_new(&c, &w.n), 0);
	add(&w, "10.0.0.1");
	add(&w, "fd00::1");
	arm(&w, true);
	assert_string_equal(at(&w, KDIR_OUT, "10.0.0.0/8"), "-");
	assert_string_equal(at(&w, KDIR_OUT, "fd00::/8"), "trap");
	/* Closed is closed. */
	assert_string_equal(at(&w, KDIR_OUT, "10.2.0.0/16"), "required");
	assert_int_equal(netd_networks_ranges(w.n, &r, &n), 0);
	assert_int_equal(n, 2);
	free(r);
	netd_networks_free(w.n);
	policy_table_free(policies);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_priorities),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_want),
		cmocka_unit_test(test_trap),
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_replace),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_bypass),
		cmocka_unit_test(test_servers),
		cmocka_unit_test(test_no_esp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
