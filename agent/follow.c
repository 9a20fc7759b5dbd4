/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/follow.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "util/log.h"

void follow_supervisor(void)
{
	const char *parent = getenv(FOLLOW_VARIABLE);

	if (!parent)
		return;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		log_warning("cannot follow the supervisor: %s",
			    strerror(errno));
	/* It may have died before. */
	if (getppid() != (pid_t)strtol(parent, NULL, 10))
		raise(SIGKILL);
}
