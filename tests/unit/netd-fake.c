/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The recording kernel, and policy tables from a line each.
 */
#include "tests/unit/netd-fake.h"
#include "policy/address-pool.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int add_sa(struct fake *f, const struct ksa *sa)
{
	for (size_t i = 0; i < f->n_sas; i++)
		if (addr_equal(&f->sas[i].dst, &sa->dst) &&
		    f->sas[i].esp.spi == sa->esp.spi)
			return -EEXIST;
	assert_true(f->n_sas < FAKE_MAX);
	f->sas[f->n_sas++] = *sa;
	return 0;
}

static int delete_sa(struct fake *f, const struct ksa *sa)
{
	for (size_t i = 0; i < f->n_sas; i++)
		if (addr_equal(&f->sas[i].dst, &sa->dst) &&
		    f->sas[i].esp.spi == sa->esp.spi) {
			f->sas[i] = f->sas[--f->n_sas];
			return 0;
		}
	return 0;
}

static int set_policy(struct fake *f, const struct kpolicy *p, bool remove)
{
	for (size_t i = 0; i < f->n_policies; i++) {
		if (!kpolicy_same_place(&f->policies[i], p))
			continue;
		if (!kpolicy_is_ours(&f->policies[i]))
			return remove ? 0 : -EEXIST;
		f->policies[i] = remove ? f->policies[--f->n_policies] : *p;
		return 0;
	}
	if (remove)
		return 0;
	assert_true(f->n_policies < FAKE_MAX);
	f->policies[f->n_policies++] = *p;
	return 0;
}

static int carry_out(struct fake *f, const struct change *c)
{
	switch (c->op) {
	case CHANGE_SA_ADD:
		return add_sa(f, &c->sa);
	case CHANGE_SA_DELETE:
		return delete_sa(f, &c->sa);
	case CHANGE_POLICY_SET:
	case CHANGE_POLICY_UPDATE:
		return set_policy(f, &c->policy, false);
	case CHANGE_POLICY_DELETE:
		return set_policy(f, &c->policy, true);
	}
	return -EINVAL;
}

static int fake_apply(void *user, struct change *c, size_t n)
{
	struct fake *f = user;
	int first = 0;

	for (size_t i = 0; i < n; i++) {
		assert_true(f->n_log < sizeof(f->log) / sizeof(f->log[0]));
		f->log[f->n_log++] = c[i];
		if (f->fail_at && --f->fail_at == 0)
			c[i].error = f->fail_with;
		else
			c[i].error = carry_out(f, &c[i]);
		if (c[i].error && !first)
			first = c[i].error;
	}
	return first;
}

static int fake_used(void *user, const struct ksa *sa)
{
	const struct fake *f = user;

	return f->used_spi && f->used_spi == sa->esp.spi;
}

static int fake_move(void *user, const struct ksa *sa, uint16_t udp_remote)
{
	struct fake *f = user;

	for (size_t i = 0; i < f->n_sas; i++) {
		if (f->sas[i].esp.spi != sa->esp.spi ||
		    !addr_equal(&f->sas[i].dst, &sa->dst))
			continue;
		if (!f->sas[i].udp_dst)
			return -EINVAL;
		if (sa->inbound)
			f->sas[i].udp_src = udp_remote;
		else
			f->sas[i].udp_dst = udp_remote;
		return 0;
	}
	return -ESRCH;
}

void fake_init(struct fake *f)
{
	memset(f, 0, sizeof(*f));
	f->kernel = (struct netd_kernel){ .user = f,
					  .apply = fake_apply,
					  .used = fake_used,
					  .move = fake_move };
}

struct addr fake_addr(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

const struct kpolicy *fake_policy(const struct fake *f, enum kdir dir,
				  const char *src, const char *dst)
{
	struct prefix s, d;

	assert_int_equal(prefix_parse(src, &s), 0);
	assert_int_equal(prefix_parse(dst, &d), 0);
	for (size_t i = 0; i < f->n_policies; i++) {
		const struct kpolicy *p = &f->policies[i];

		if (p->dir == dir && prefix_equal(&p->sel.src, &s) &&
		    prefix_equal(&p->sel.dst, &d) && !p->sel.protocol)
			return p;
	}
	return NULL;
}

const struct ksa *fake_sa(const struct fake *f, const char *dst, uint32_t spi)
{
	struct addr a = fake_addr(dst);

	for (size_t i = 0; i < f->n_sas; i++)
		if (f->sas[i].esp.spi == spi && addr_equal(&f->sas[i].dst, &a))
			return &f->sas[i];
	return NULL;
}

size_t fake_count(const struct fake *f, uint32_t priority)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n_policies; i++)
		n += f->policies[i].priority == priority;
	return n;
}

int fake_log_sa(const struct fake *f, enum change_op op, uint32_t spi)
{
	for (size_t i = 0; i < f->n_log; i++)
		if (f->log[i].op == op && f->log[i].sa.esp.spi == spi)
			return (int)i;
	return -1;
}

int fake_log_policy(const struct fake *f, enum change_op op, enum kdir dir,
		    uint32_t reqid)
{
	for (size_t i = 0; i < f->n_log; i++)
		if (f->log[i].op == op && f->log[i].policy.dir == dir &&
		    f->log[i].policy.reqid == reqid)
			return (int)i;
	return -1;
}

/* For that peer only, who is given an address if it wants one. */
static void name_policy(struct policy *p, const char *identity)
{
	p->identities = calloc(1, sizeof(char *));
	assert_non_null(p->identities);
	p->identities[0] = strdup(identity);
	p->n_identities = 1;
	strcpy(p->pool, ADDRESS_POOL_DEFAULT);
}

static struct policy *make_policy(const char *line, int number)
{
	struct policy *p = calloc(1, sizeof(*p));
	char copy[256], *save = NULL, *word;

	assert_non_null(p);
	snprintf(p->name, sizeof(p->name), "p%d", number);
	assert_true(strlen(line) < sizeof(copy));
	strcpy(copy, line);
	word = strtok_r(copy, " ", &save);
	p->wait = !strcmp(word, "wait");
	p->wait_ms = 700;
	assert_int_equal(
		policy_level_parse(p->wait ? "offer" : word, &p->level), 0);
	if (p->level == POLICY_OFFER || p->level == POLICY_REQUIRE)
		strcpy(p->pool, ADDRESS_POOL_DEFAULT);
	p->networks = calloc(16, sizeof(*p->networks));
	assert_non_null(p->networks);
	p->ports = calloc(16, sizeof(*p->ports));
	assert_non_null(p->ports);
	while ((word = strtok_r(NULL, " ", &save))) {
		if (word[0] == '@')
			name_policy(p, word);
		else if (service_parse(word, &p->ports[p->n_ports]) == 0)
			p->n_ports++;
		else
			assert_int_equal(
				prefix_parse(word,
					     &p->networks[p->n_networks++]),
				0);
	}
	return p;
}

struct policy_table *fake_policies(const char *const *lines)
{
	struct policy *list[16];
	struct policy_table *t = NULL;
	int n = 0;

	for (; lines[n]; n++)
		list[n] = make_policy(lines[n], n);
	assert_int_equal(policy_table_new(list, (size_t)n, &t), 0);
	return t;
}
