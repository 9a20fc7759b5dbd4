/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A line of events, one a peer, and a few places in which one program after
 * the other runs for an event.
 */
#include "config.h"

#include "agent/hooks.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/limits.h"
#include "util/log.h"

#define HOOK_TEXTS 4

struct hook_event {
	struct hook_event *next;
	struct addr local, remote;
	bool was, up;
	char *texts[HOOK_TEXTS]; /* in the order of variables */
};

static const char *const variables[HOOK_TEXTS] = {
	"TACIT_POLICY",
	"TACIT_IDENTITY",
	"TACIT_AUTHENTICATION",
	"TACIT_REASON",
};

/* One program after the other, for one event. */
struct hook_place {
	struct hooks *hooks;
	struct hook_event *event; /* NULL: free */
	struct dirent **programs;
	int n, next;
	pid_t pid;
	sd_event_source *child, *timer;
};

struct hooks {
	sd_event *event;
	char *dir;
	sd_event_source *idle; /* starts what waits, at the end of a turn */
	struct hook_event *first, **last;
	size_t count;
	struct hook_place places[LIMIT_HOOKS_RUNNING];
	struct log_limit limit;
};

static void place_go_on(struct hook_place *p);

static uint64_t hooks_now(const struct hooks *h)
{
	uint64_t now = 0;

	sd_event_now(h->event, CLOCK_MONOTONIC, &now);
	return now;
}

static struct hook_event *hook_event_free(struct hook_event *e)
{
	if (!e)
		return NULL;
	for (size_t i = 0; i < HOOK_TEXTS; i++)
		free(e->texts[i]);
	free(e);
	return NULL;
}

static bool hook_event_set(struct hook_event *e, const struct hook_state *s)
{
	const char *const texts[HOOK_TEXTS] = { s->policy, s->identity,
						s->authentication, s->reason };

	e->up = s->up;
	for (size_t i = 0; i < HOOK_TEXTS; i++) {
		char *copy = strdup(texts[i]);

		if (!copy)
			return false;
		free(e->texts[i]);
		e->texts[i] = copy;
	}
	return true;
}

static bool is_of(const struct hook_event *e, const struct addr *local,
		  const struct addr *remote)
{
	return e && addr_equal(&e->remote, remote) &&
	       addr_equal(&e->local, local);
}

/* The one of this peer that waits, by the pointer to it; NULL: none. */
static struct hook_event **hooks_find(struct hooks *h,
				      const struct hook_state *s)
{
	for (struct hook_event **p = &h->first; *p; p = &(*p)->next)
		if (is_of(*p, &s->local, &s->remote))
			return p;
	return NULL;
}

/* The first whose peer nobody is being told of: a peer's own events stay in
 * their order. NULL: none. */
static struct hook_event **hooks_next(struct hooks *h)
{
	for (struct hook_event **p = &h->first; *p; p = &(*p)->next) {
		bool told = false;

		for (size_t i = 0; i < LIMIT_HOOKS_RUNNING; i++)
			told = told || is_of(h->places[i].event, &(*p)->local,
					     &(*p)->remote);
		if (!told)
			return p;
	}
	return NULL;
}

static struct hook_event *hooks_take(struct hooks *h, struct hook_event **at)
{
	struct hook_event *e = *at;

	*at = e->next;
	if (!*at)
		h->last = at;
	h->count--;
	return e;
}

void hooks_note(struct hooks *h, bool before, const struct hook_state *now)
{
	struct hook_event **at = hooks_find(h, now), *e;

	if (at) {
		/* Down, and up or down again, before anybody was told. */
		if (!hook_event_set(*at, now) || (!(*at)->was && !now->up))
			hook_event_free(hooks_take(h, at));
		return;
	}
	if (h->count == LIMIT_HOOK_EVENTS) {
		log_limited(&h->limit, hooks_now(h) / 1000, LOG_WARNING, NULL,
			    "the programs in %s are too slow: an event is left "
			    "out",
			    h->dir);
		return;
	}
	e = calloc(1, sizeof(*e));
	if (!e)
		return;
	e->local = now->local;
	e->remote = now->remote;
	e->was = before;
	if (!hook_event_set(e, now)) {
		hook_event_free(e);
		return;
	}
	*h->last = e;
	h->last = &e->next;
	h->count++;
	sd_event_source_set_enabled(h->idle, SD_EVENT_ONESHOT);
}

/* --- running ------------------------------------------------------------- */

static int is_program(const struct dirent *d)
{
	size_t len = strlen(d->d_name);

	/* Hidden files, and what an editor or a package leaves behind. */
	return d->d_name[0] != '.' && len && d->d_name[len - 1] != '~' &&
	       !strchr(d->d_name, '.');
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static const char *hook_event_name(const struct hook_event *e)
{
	return !e->up ? "down" : e->was ? "change" : "up";
}

/* NAME=VALUE; what a stranger has a hand in has no control characters. */
static void put(char buf[static LIMIT_HOOK_TEXT], const char *name,
		const char *value)
{
	snprintf(buf, LIMIT_HOOK_TEXT, "%s=%s", name, value);
	for (char *c = buf; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
}

static int hook_spawn(const struct hook_event *e, const char *path, pid_t *ret)
{
	char text[HOOK_TEXTS + 3][LIMIT_HOOK_TEXT], address[ADDR_STRLEN];
	char *argv[] = { (char *)path, (char *)hook_event_name(e), NULL };
	char *env[HOOK_TEXTS + 5] = { (char *)"PATH=/usr/sbin:/usr/bin:/sbin:"
					      "/bin" };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t how;
	sigset_t none, all;
	size_t n = 0;
	int r;

	put(text[n++], "TACIT_EVENT", hook_event_name(e));
	put(text[n++], "TACIT_PEER", addr_format(&e->remote, address));
	put(text[n++], "TACIT_LOCAL", addr_format(&e->local, address));
	for (size_t i = 0; i < HOOK_TEXTS; i++)
		put(text[n++], variables[i], e->texts[i]);
	for (size_t i = 0; i < n; i++)
		env[i + 1] = text[i];
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&how);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, 2, 1);
	posix_spawnattr_setsigmask(&how, &none);
	posix_spawnattr_setsigdefault(&how, &all);
	/* A group of its own, so that what it starts ends with it. */
	posix_spawnattr_setpgroup(&how, 0);
	posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK |
					       POSIX_SPAWN_SETSIGDEF |
					       POSIX_SPAWN_SETPGROUP);
	r = posix_spawn(ret, path, &files, &how, argv, env);
	posix_spawnattr_destroy(&how);
	posix_spawn_file_actions_destroy(&files);
	return -r;
}

static int place_on_end(sd_event_source *source, const siginfo_t *si,
			void *user)
{
	struct hook_place *p = user;

	(void)source;
	sd_event_source_set_enabled(p->timer, SD_EVENT_OFF);
	if (si->si_code != CLD_EXITED || si->si_status != 0)
		log_limited(&p->hooks->limit, hooks_now(p->hooks) / 1000,
			    LOG_NOTICE, NULL, "%s/%s %s %d", p->hooks->dir,
			    p->programs[p->next - 1]->d_name,
			    si->si_code == CLD_EXITED ? "exited with"
						      : "was ended by signal",
			    si->si_status);
	p->pid = 0;
	p->child = sd_event_source_unref(p->child);
	place_go_on(p);
	return 0;
}

static int place_on_late(sd_event_source *source, uint64_t usec, void *user)
{
	struct hook_place *p = user;

	(void)source;
	(void)usec;
	log_limited(&p->hooks->limit, hooks_now(p->hooks) / 1000, LOG_WARNING,
		    NULL, "%s/%s takes more than %u s: it is ended",
		    p->hooks->dir, p->programs[p->next - 1]->d_name,
		    LIMIT_HOOK_MS / 1000);
	if (p->pid > 0)
		kill(-p->pid, SIGKILL);
	return 0;
}

/* Starts the next program that can be started; false: there is none. */
static bool place_start(struct hook_place *p)
{
	struct hooks *h = p->hooks;
	char path[4096];

	while (p->next < p->n) {
		const char *name = p->programs[p->next++]->d_name;
		int r;

		snprintf(path, sizeof(path), "%s/%s", h->dir, name);
		r = hook_spawn(p->event, path, &p->pid);
		if (r == 0)
			r = sd_event_add_child(h->event, &p->child, p->pid,
					       WEXITED, place_on_end, p);
		if (r < 0) {
			log_limited(&h->limit, hooks_now(h) / 1000, LOG_WARNING,
				    NULL, "%s: %s", path, strerror(-r));
			continue;
		}
		sd_event_source_set_time(p->timer,
					 hooks_now(h) + LIMIT_HOOK_MS * 1000);
		sd_event_source_set_enabled(p->timer, SD_EVENT_ONESHOT);
		return true;
	}
	return false;
}

static void place_clear(struct hook_place *p)
{
	p->event = hook_event_free(p->event);
	for (int i = 0; i < p->n; i++)
		free(p->programs[i]);
	free(p->programs);
	p->programs = NULL;
	p->n = p->next = 0;
}

/* The next program of its event, or the next event that waits. */
static void place_go_on(struct hook_place *p)
{
	struct hooks *h = p->hooks;

	while (!p->event || !place_start(p)) {
		struct hook_event **next;

		place_clear(p);
		next = hooks_next(h);
		if (!next)
			return;
		p->event = hooks_take(h, next);
		p->n = scandir(h->dir, &p->programs, is_program, by_name);
		if (p->n < 0)
			p->n = 0;
	}
}

static int hooks_on_idle(sd_event_source *source, void *user)
{
	struct hooks *h = user;

	(void)source;
	for (size_t i = 0; i < LIMIT_HOOKS_RUNNING && h->first; i++)
		if (!h->places[i].event)
			place_go_on(&h->places[i]);
	return 0;
}

int hooks_new(sd_event *event, const char *dir, struct hooks **ret)
{
	struct hooks *h = calloc(1, sizeof(*h));
	int r = -ENOMEM;

	if (!h)
		return -ENOMEM;
	h->event = sd_event_ref(event);
	h->last = &h->first;
	h->dir = strdup(dir);
	if (h->dir)
		r = sd_event_add_defer(event, &h->idle, hooks_on_idle, h);
	if (r >= 0)
		r = sd_event_source_set_priority(h->idle,
						 SD_EVENT_PRIORITY_IDLE);
	for (size_t i = 0; r >= 0 && i < LIMIT_HOOKS_RUNNING; i++) {
		struct hook_place *p = &h->places[i];

		p->hooks = h;
		r = sd_event_add_time(event, &p->timer, CLOCK_MONOTONIC, 0,
				      100000, place_on_late, p);
		if (r >= 0)
			r = sd_event_source_set_enabled(p->timer, SD_EVENT_OFF);
	}
	if (r < 0) {
		hooks_free(h);
		return r;
	}
	*ret = h;
	return 0;
}

struct hooks *hooks_free(struct hooks *h)
{
	if (!h)
		return NULL;
	for (size_t i = 0; i < LIMIT_HOOKS_RUNNING; i++) {
		sd_event_source_disable_unref(h->places[i].child);
		sd_event_source_disable_unref(h->places[i].timer);
		place_clear(&h->places[i]);
	}
	while (h->first)
		hook_event_free(hooks_take(h, &h->first));
	sd_event_source_disable_unref(h->idle);
	sd_event_unref(h->event);
	free(h->dir);
	free(h);
	return NULL;
}
