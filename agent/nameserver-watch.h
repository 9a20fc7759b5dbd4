/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The name servers of the system, followed: the files of util/nameserver.h are
 * read again whenever something in their folders changes.
 */
#ifndef TACIT_AGENT_NAMESERVER_WATCH_H
#define TACIT_AGENT_NAMESERVER_WATCH_H

#include <systemd/sd-event.h>

#include "util/nameserver.h"

struct nameserver_watch;

/* changed() comes whenever a resolv.conf was written, never from within this
 * call: who writes it has news, even where the servers are the same. 0;
 * -ENOMEM. */
int nameserver_watch_new(sd_event *event,
			 void (*changed)(void *user,
					 const struct nameservers *now),
			 void *user, struct nameserver_watch **ret)
	__attribute__((warn_unused_result));
struct nameserver_watch *nameserver_watch_free(struct nameserver_watch *w);
/* Those of now; borrowed. */
const struct nameservers *nameserver_watch_get(
	const struct nameserver_watch *w);

#endif
