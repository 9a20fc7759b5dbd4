/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SIGUSR1: end at once and leave everything as it is, since the next process of
 * this kind takes over, as it would after a crash: no peer is told, no SA is
 * taken away, no network opened. For restarts and upgrades (RestartKillSignal=
 * in the units).
 */
#ifndef TACIT_AGENT_HANDOVER_H
#define TACIT_AGENT_HANDOVER_H

#include <systemd/sd-event.h>

/* Before there is a second thread: it blocks the signal. 0 or -errno. */
int handover_watch(sd_event *event) __attribute__((warn_unused_result));

#endif
