/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/kept-fds.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

static void kept_fd_drop(struct kept_fd *f)
{
	if (f && f->name[0]) {
		close(f->fd);
		f->name[0] = '\0';
	}
}

static struct kept_fd *kept_fds_find(struct kept_fds *k, const char *name)
{
	for (int i = 0; i < KEPT_FDS_MOST; i++)
		if (!strcmp(k->fds[i].name, name))
			return &k->fds[i];
	return NULL;
}

/* The value of FDNAME=; false: there is none that fits. */
static bool kept_name(const char *text, char ret[static 16])
{
	const char *at = strstr(text, "FDNAME=");
	size_t n;

	if (!at)
		return false;
	at += strlen("FDNAME=");
	n = strcspn(at, "\n");
	if (n == 0 || n >= 16)
		return false;
	memcpy(ret, at, n);
	ret[n] = '\0';
	return true;
}

void kept_fds_on_notify(struct kept_fds *k, const char *text, int fd)
{
	struct kept_fd *f = NULL;
	char name[16];

	if (kept_name(text, name) && strstr(text, "FDSTORE")) {
		kept_fd_drop(kept_fds_find(k, name));
		if (fd >= 0 && strstr(text, "FDSTORE=1"))
			f = kept_fds_find(k, "");
	}
	if (f) {
		memcpy(f->name, name, sizeof(name));
		f->fd = fd;
	} else if (fd >= 0) {
		close(fd);
	}
}

void kept_fds_pass(const struct kept_fds *k)
{
	char names[sizeof(k->fds)] = "", text[16];
	int high[KEPT_FDS_MOST], n = 0;

	for (int i = 0; i < KEPT_FDS_MOST; i++) {
		const struct kept_fd *f = &k->fds[i];

		if (!f->name[0])
			continue;
		/* Out of the way of where they belong. */
		high[n] = fcntl(f->fd, F_DUPFD_CLOEXEC,
				SD_LISTEN_FDS_START + KEPT_FDS_MOST);
		if (high[n] < 0)
			continue;
		if (n++)
			strcat(names, ":");
		strcat(names, f->name);
	}
	/* Those of the supervisor itself are not meant. */
	unsetenv("LISTEN_FDS");
	if (n == 0)
		return;
	for (int i = 0; i < n; i++)
		dup2(high[i], SD_LISTEN_FDS_START + i);
	snprintf(text, sizeof(text), "%d", n);
	setenv("LISTEN_FDS", text, 1);
	snprintf(text, sizeof(text), "%d", (int)getpid());
	setenv("LISTEN_PID", text, 1);
	setenv("LISTEN_FDNAMES", names, 1);
}

void kept_fds_done(struct kept_fds *k)
{
	for (int i = 0; i < KEPT_FDS_MOST; i++)
		kept_fd_drop(&k->fds[i]);
}
