/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/state-dir.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/log.h"
#include "util/privilege.h"

void state_dir_make(const char *state, const char *own, const char *user)
{
	uid_t uid;

	if (geteuid() != 0)
		return;
	/* The umask is for what lies deeper. */
	if (mkdir(state, 0755) == 0)
		(void)chmod(state, 0755);
	else if (errno != EEXIST)
		log_warning("%s: %s", state, strerror(errno));
	if (mkdir(own, 0700) < 0)
		return; /* one that is there has its owner already */
	if (privilege_user(user, &uid) == 0 && chown(own, uid, (gid_t)-1) < 0)
		log_warning("%s cannot be given to user %s: %s", own, user,
			    strerror(errno));
}
