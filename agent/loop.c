/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one event loop of tacit-netd, and that of tacit-keyd. */
#include "agent/loop.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "agent/handover.h"
#include "agent/notify.h"
#include "util/exitcode.h"
#include "util/log.h"

int loop_new(sd_event **ret)
{
	static const int signals[] = { SIGTERM, SIGINT };
	sd_event *event = NULL;
	sigset_t set;
	int r;

	/* Not asked for, and not to die of: a reload that is not there yet, a
	 * link that went. */
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	for (size_t i = 0; i < 2; i++)
		sigaddset(&set, signals[i]);
	r = sigprocmask(SIG_BLOCK, &set, NULL) < 0 ? -errno : 0;
	if (r >= 0)
		r = sd_event_new(&event);
	/* Without a handler of ours they end the loop. */
	for (size_t i = 0; r >= 0 && i < 2; i++)
		r = sd_event_add_signal(event, NULL, signals[i], NULL, NULL);
	if (r >= 0)
		r = handover_watch(event);
	if (r >= 0)
		r = notify_watchdog(event);
	if (r < 0) {
		log_error("The event loop cannot be made: %s", strerror(-r));
		sd_event_unref(event);
		return EXIT_FAILED;
	}
	*ret = event;
	return EXIT_OK;
}
