/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sd_notify(3) that never waits: who listens may hang, the supervisor of
 * tacitd --standalone for one, and must not hang us with it. What finds no room
 * is lost; a state that matters is said again by what comes later.
 */
#ifndef TACIT_AGENT_NOTIFY_H
#define TACIT_AGENT_NOTIFY_H

#include <stdbool.h>

#include <systemd/sd-event.h>

/* Lines as of sd_notify(); nothing where nobody listens. */
void notify_say(const char *text);
/* Whoever supervises keeps a duplicate of the socket under this name and hands
 * it to the next process, as of sd_listen_fds_with_names(3); it replaces one of
 * the same name. False: nobody does. */
bool notify_keep(const char *name, int fd);
/* Beats the watchdog's heart, where there is one, for as long as the loop
 * lives. 0 or -errno. */
int notify_watchdog(sd_event *event) __attribute__((warn_unused_result));

#endif
