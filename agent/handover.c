/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/handover.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "agent/notify.h"
#include "util/exitcode.h"
#include "util/log.h"

static int handover_on_signal(sd_event_source *source,
			      const struct signalfd_siginfo *si, void *user)
{
	(void)source;
	(void)si;
	(void)user;
	notify_say("STOPPING=1\nSTATUS=Handing over");
	log_info("Handing over to the next one.");
	/* Nothing that runs at an exit may take away what is to stay. */
	_exit(EXIT_OK);
}

int handover_watch(sd_event *event)
{
	sigset_t set;
	int r;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	r = sd_event_add_signal(event, NULL, SIGUSR1, handover_on_signal, NULL);
	return r < 0 ? r : 0;
}
