/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Configuration files. An input is tacit.conf, up to two policy files and one of
 * a pool, with lines "%%" between. What loads must be consistent: each network is found by
 * its own address, and the ranges say what the table says.
 */
#include <config.h> /* not policy/config.h: memmem() and the like */

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/config.h"
#include "policy/port-rule.h"
#include "policy/ranges.h"

#define PARTS 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* A configuration directory whose files are links to memory. */
struct place {
	char dir[64];
	int fds[PARTS];
};

static void make_link(const char *dir, const char *name, int fd)
{
	char path[128], target[64];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	snprintf(target, sizeof(target), "/proc/self/fd/%d", fd);
	if (symlink(target, path) < 0)
		abort();
}

static void remove_all(const struct place *p)
{
	static const char *const names[] = { "/policy.d/a.conf",
					     "/policy.d/b.conf",
					     "/policy.d",
					     "/pool.d/a.conf",
					     "/pool.d",
					     "/tacit.conf",
					     "" };
	char path[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", p->dir, names[i]);
		(void)remove(path);
	}
}

static void make_place(struct place *p)
{
	char path[128];

	strcpy(p->dir, "/tmp/tacit-fuzz-XXXXXX");
	if (!mkdtemp(p->dir))
		abort();
	for (size_t i = 0; i < PARTS; i++) {
		p->fds[i] = memfd_create("fuzz", MFD_CLOEXEC);
		if (p->fds[i] < 0)
			abort();
	}
	snprintf(path, sizeof(path), "%s/policy.d", p->dir);
	if (mkdir(path, 0700) < 0)
		abort();
	snprintf(path, sizeof(path), "%s/pool.d", p->dir);
	if (mkdir(path, 0700) < 0)
		abort();
	make_link(p->dir, "tacit.conf", p->fds[0]);
	make_link(p->dir, "policy.d/a.conf", p->fds[1]);
	make_link(p->dir, "policy.d/b.conf", p->fds[2]);
}

static void fill(const struct place *p, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < PARTS; i++) {
		const uint8_t *end = NULL;
		size_t n = len;

		if (i + 1 < PARTS && len)
			end = memmem(data, len, "%%\n", 3);
		if (end)
			n = (size_t)(end - data);
		if (ftruncate(p->fds[i], 0) < 0 ||
		    pwrite(p->fds[i], data, n, 0) != (ssize_t)n)
			abort();
		/* Without pools there is one that is built in. */
		if (i + 1 == PARTS && n)
			make_link(p->dir, "pool.d/a.conf", p->fds[i]);
		data += end ? n + 3 : n;
		len -= end ? n + 3 : n;
	}
}

static int each(const struct addr *first, const struct addr *last,
		const struct policy *p, void *user)
{
	const struct policy_table *t = user;

	if (policy_table_lookup(t, first) != p ||
	    policy_table_lookup(t, last) != p)
		abort();
	return 0;
}

static void check_rules(const struct policy_table *t)
{
	const struct port_rule *r;

	for (size_t i = 0; (r = policy_table_rule(t, i)); i++) {
		struct prefix of;

		if (policy_table_packet(t, &r->network.addr,
					r->service.protocol, 0, r->service.port,
					&of) != r->policy ||
		    !prefix_equal(&of, r->of) ||
		    !prefix_contains(r->of, &r->network.addr))
			abort();
	}
}

static void check(const struct config *c)
{
	const struct policy *p;

	if (!policy_table_count(c->policies) || c->port == c->natt_port ||
	    c->mark_bit > 31)
		abort();
	for (size_t i = 0; (p = policy_table_at(c->policies, i)); i++) {
		if (!p->n_networks || !p->name[0])
			abort();
		for (size_t j = 0; j < p->n_networks; j++) {
			if (!p->n_ports &&
			    !policy_table_lookup(c->policies,
						 &p->networks[j].addr))
				abort();
		}
	}
	check_rules(c->policies);
	for (size_t i = 0; i < c->pools.count; i++)
		for (size_t k = 0; k < c->pools.list[i].n_networks; k++)
			if (c->pools.list[i].networks[k].len < 1)
				abort();
	if (policy_table_ranges(c->policies, AF_INET, each, c->policies) ||
	    policy_table_ranges(c->policies, AF_INET6, each, c->policies))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	/* Anew each time: a place kept would be a global. */
	struct place p;
	struct config_errors errors;
	struct config *c = NULL;

	make_place(&p);
	fill(&p, data, len);
	if (config_load(p.dir, &c, &errors) == 0)
		check(c);
	else if (!errors.count && !errors.dropped)
		abort();
	config_errors_done(&errors);
	config_free(c);
	remove_all(&p);
	for (size_t i = 0; i < PARTS; i++)
		close(p.fds[i]);
	return 0;
}
