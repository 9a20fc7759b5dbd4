/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two directories take turns, and a link says whose turn it is: at every moment
 * it leads to a whole configuration.
 */
#include "agent/netd-kept.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINK   "kept"
#define LARVAL "xfrm_larval_drop"

/* Without an agent no network is under offer. */
static const enum policy_level kinds[] = { POLICY_REQUIRE, POLICY_BLOCK,
					   POLICY_FORBID };
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static enum policy_level kept_kind(const struct policy *p)
{
	bool closed = p->level == POLICY_REQUIRE || p->level == POLICY_BLOCK;

	return closed ? p->level : POLICY_FORBID;
}

/* Single services have a file for each policy where they are closed; where they
 * are in the clear, and all else is closed, they have none here. */
static bool kept_by_itself(const struct policy *p)
{
	return p->n_ports && p->n_networks && p->level == POLICY_REQUIRE;
}

/* Who may be in a network is no matter: it is closed, whoever is there. */
static bool kept_is_of(const struct policy *p, enum policy_level kind)
{
	return !p->n_ports && !p->named && p->n_networks &&
	       kept_kind(p) == kind;
}

static bool kept_any(const struct config *c, enum policy_level kind)
{
	const struct policy *p;

	for (size_t i = 0; (p = policy_table_at(c->policies, i)); i++)
		if (kept_is_of(p, kind))
			return true;
	return false;
}

static bool kept_closes(const struct config *c)
{
	const struct policy *p;

	for (size_t i = 0; (p = policy_table_at(c->policies, i)); i++)
		if (kept_by_itself(p))
			return true;
	return kept_any(c, POLICY_REQUIRE) || kept_any(c, POLICY_BLOCK);
}

static int kept_path(char path[PATH_MAX], const char *dir, const char *name)
{
	int n = snprintf(path, PATH_MAX, "%s/%s", dir, name);

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static int kept_mkdir(const char *dir, const char *name)
{
	char path[PATH_MAX];
	int r = kept_path(path, dir, name);

	if (r < 0)
		return r;
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

static void kept_networks(FILE *f, const struct policy *p)
{
	char text[PREFIX_STRLEN];

	for (size_t k = 0; k < p->n_networks; k++)
		fprintf(f, "Networks=%s\n",
			prefix_format(&p->networks[k], text));
}

static void kept_print(FILE *f, const struct config *c, enum policy_level kind,
		       const struct policy *only)
{
	const struct policy *p;
	char text[SERVICE_STRLEN];

	fprintf(f, "# Written by tacit-netd.\n[Policy]\nEncryption=%s\n",
		policy_level_name(kind));
	for (size_t i = 0; !only && (p = policy_table_at(c->policies, i)); i++)
		if (kept_is_of(p, kind))
			kept_networks(f, p);
	if (!only)
		return;
	kept_networks(f, only);
	for (size_t i = 0; i < only->n_ports; i++)
		fprintf(f, "Ports=%s\n", service_format(&only->ports[i], text));
}

/* All networks of a kind, or the policy with services that is given. It is read
 * after a boot, which may follow at once. */
static int kept_write(const char *path, const struct config *c,
		      enum policy_level kind, const struct policy *only)
{
	FILE *f;
	int r = 0;

	if (!only && !kept_any(c, kind))
		return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
	f = fopen(path, "we");
	if (!f)
		return -errno;
	kept_print(f, c, kind, only);
	if (fflush(f) == EOF || fsync(fileno(f)) < 0)
		r = -errno;
	if (fclose(f) == EOF && r == 0)
		r = -errno;
	return r;
}

static int kept_ports_path(char path[PATH_MAX], const char *dir,
			   const char *turn, size_t number)
{
	char name[64];

	snprintf(name, sizeof(name), "%s/policy.d/ports-%zu.conf", turn,
		 number);
	return kept_path(path, dir, name);
}

/* And what is there of an earlier turn goes. */
static int kept_fill_ports(const char *dir, const char *turn,
			   const struct config *c)
{
	const struct policy *p;
	char path[PATH_MAX];
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && (p = policy_table_at(c->policies, i));
	     i++) {
		if (!kept_by_itself(p))
			continue;
		r = kept_ports_path(path, dir, turn, n++);
		if (r == 0)
			r = kept_write(path, c, p->level, p);
	}
	while (r == 0) {
		r = kept_ports_path(path, dir, turn, n++);
		if (r == 0 && unlink(path) < 0)
			return errno == ENOENT ? 0 : -errno;
	}
	return r;
}

static int kept_fill(const char *dir, const char *turn, const struct config *c)
{
	char name[64], path[PATH_MAX];
	int r = kept_mkdir(dir, turn);

	snprintf(name, sizeof(name), "%s/policy.d", turn);
	if (r == 0)
		r = kept_mkdir(dir, name);
	for (size_t i = 0; i < KINDS && r == 0; i++) {
		snprintf(name, sizeof(name), "%s/policy.d/%s.conf", turn,
			 policy_level_name(kinds[i]));
		r = kept_path(path, dir, name);
		if (r == 0)
			r = kept_write(path, c, kinds[i], NULL);
	}
	return r == 0 ? kept_fill_ports(dir, turn, c) : r;
}

int netd_kept_save(const char *dir, const struct config *c)
{
	char link[PATH_MAX], next[PATH_MAX], now[2] = "";
	const char *turn;
	int r = kept_path(link, dir, LINK);

	if (r == 0)
		r = kept_path(next, dir, LINK ".next");
	if (r < 0)
		return r;
	if (!kept_closes(c))
		return unlink(link) < 0 && errno != ENOENT ? -errno : 0;
	turn = readlink(link, now, 1) == 1 && now[0] == 'a' ? "b" : "a";
	r = kept_fill(dir, turn, c);
	if (r < 0)
		return r;
	if (unlink(next) < 0 && errno != ENOENT)
		return -errno;
	if (symlink(turn, next) < 0 || rename(next, link) < 0)
		return -errno;
	return 0;
}

int netd_kept_load(const char *dir, struct config **ret)
{
	struct config_errors errors = { 0 };
	char link[PATH_MAX];
	int r = kept_path(link, dir, LINK);

	if (r == 0 && access(link, F_OK) < 0)
		r = -errno;
	if (r == 0) {
		r = config_load(link, ret, &errors);
		config_errors_done(&errors);
	}
	return r;
}

int netd_kept_larval_save(const char *dir, int before)
{
	char path[PATH_MAX];
	FILE *f;
	int r = kept_path(path, dir, LARVAL);

	if (r < 0)
		return r;
	f = fopen(path, "we");
	if (!f)
		return -errno;
	fprintf(f, "%d\n", before);
	return fclose(f) == EOF ? -errno : 0;
}

int netd_kept_larval_load(const char *dir)
{
	char path[PATH_MAX];
	int r = kept_path(path, dir, LARVAL), c;
	FILE *f;

	if (r < 0)
		return r;
	f = fopen(path, "re");
	if (!f)
		return -errno;
	c = fgetc(f);
	fclose(f);
	return c == '0' || c == '1' ? c - '0' : -ENOENT;
}

int netd_kept_larval_forget(const char *dir)
{
	char path[PATH_MAX];
	int r = kept_path(path, dir, LARVAL);

	if (r < 0)
		return r;
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}
