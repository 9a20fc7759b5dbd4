/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Folders are watched and not files: who changes a resolv.conf puts another
 * one in its place. Where /etc/resolv.conf is a link, its folder counts too.
 */
#include "agent/nameserver-watch.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#include "util/log.h"

#define RESOLVED_PARENT "/run/systemd"
#define RESOLVED_FOLDER "/run/systemd/resolve"

enum folder {
	FOLDER_ETC,
	FOLDER_PARENT,
	FOLDER_RESOLVED,
	FOLDER_LINK,
	N_FOLDERS
};

struct nameserver_watch {
	sd_event *event;
	sd_event_source *folders[N_FOLDERS];
	char link[PATH_MAX]; /* the folder that is watched for its sake */
	struct nameservers now;
	void (*changed)(void *user, const struct nameservers *now);
	void *user;
};

static bool same(const struct nameservers *a, const struct nameservers *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!addr_equal(&a->list[i], &b->list[i]))
			return false;
	return true;
}

static int on_event(sd_event_source *source, const struct inotify_event *e,
		    void *user);

/* Folders that are not there are no error: then nobody changes them. */
static void follow(struct nameserver_watch *w, enum folder which,
		   const char *path)
{
	const uint32_t mask = IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE |
			      IN_DELETE | IN_ONLYDIR;

	if (!w->folders[which])
		(void)sd_event_add_inotify(w->event, &w->folders[which], path,
					   mask, on_event, w);
}

static void follow_link(struct nameserver_watch *w)
{
	char path[PATH_MAX], *slash;

	if (!realpath(NAMESERVER_SYSTEM, path))
		return;
	slash = strrchr(path, '/');
	*slash = '\0';
	if (!strcmp(path, w->link))
		return;
	w->folders[FOLDER_LINK] =
		sd_event_source_disable_unref(w->folders[FOLDER_LINK]);
	strcpy(w->link, path);
	if (strcmp(path, "/etc") != 0 && strcmp(path, RESOLVED_FOLDER) != 0)
		follow(w, FOLDER_LINK, path);
}

static void follow_all(struct nameserver_watch *w)
{
	follow(w, FOLDER_ETC, "/etc");
	follow(w, FOLDER_PARENT, RESOLVED_PARENT);
	follow(w, FOLDER_RESOLVED, RESOLVED_FOLDER);
	follow_link(w);
}

static int on_event(sd_event_source *source, const struct inotify_event *e,
		    void *user)
{
	struct nameserver_watch *w = user;
	struct nameservers now;

	/* A folder that went, and may come again. */
	if (e->mask & IN_IGNORED && source == w->folders[FOLDER_RESOLVED])
		w->folders[FOLDER_RESOLVED] =
			sd_event_source_disable_unref(source);
	follow_all(w);
	if (e->len && !strstr(e->name, "resolv"))
		return 0;
	nameservers_system(&now);
	if (!same(&now, &w->now))
		log_info("the system's name servers have changed");
	w->now = now;
	w->changed(w->user, &w->now);
	return 0;
}

int nameserver_watch_new(sd_event *event,
			 void (*changed)(void *user,
					 const struct nameservers *now),
			 void *user, struct nameserver_watch **ret)
{
	struct nameserver_watch *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->event = sd_event_ref(event);
	w->changed = changed;
	w->user = user;
	follow_all(w);
	nameservers_system(&w->now);
	*ret = w;
	return 0;
}

struct nameserver_watch *nameserver_watch_free(struct nameserver_watch *w)
{
	if (!w)
		return NULL;
	for (size_t i = 0; i < N_FOLDERS; i++)
		sd_event_source_disable_unref(w->folders[i]);
	sd_event_unref(w->event);
	free(w);
	return NULL;
}

const struct nameservers *nameserver_watch_get(const struct nameserver_watch *w)
{
	return &w->now;
}
