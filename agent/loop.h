/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The event loop of a helper process: ends with SIGTERM and SIGINT, and feeds the
 * watchdog.
 */
#ifndef TACIT_AGENT_LOOP_H
#define TACIT_AGENT_LOOP_H

#include <systemd/sd-event.h>

/* EXIT_OK and *ret; EXIT_FAILED, said in the log. */
int loop_new(sd_event **ret) __attribute__((warn_unused_result));

#endif
