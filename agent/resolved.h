/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * systemd-resolved, where it runs: which servers each link of this host has,
 * and what they are asked about (org.freedesktop.resolve1(5)). Asked over the
 * system bus, without ever waiting for it.
 */
#ifndef TACIT_AGENT_RESOLVED_H
#define TACIT_AGENT_RESOLVED_H

#include <systemd/sd-event.h>

#include "util/limits.h"
#include "util/nameserver.h"

#define RESOLVED_NAME_MAX 255u

struct resolved_server {
	struct nameserver at;		  /* port 0: the usual one */
	int link;			  /* 0: of no link */
	char name[RESOLVED_NAME_MAX + 1]; /* of its certificate; "": unknown */
};

/* Names below this one are asked of the link's servers. */
struct resolved_domain {
	int link;
	char name[RESOLVED_NAME_MAX + 1]; /* "." is the rest of the world */
};

struct resolved_state {
	size_t n_servers, n_domains;
	struct resolved_server servers[LIMIT_NAMESERVERS];
	struct resolved_domain domains[LIMIT_RESOLVED_DOMAINS];
	/* Of the links, those that serve names which are nobody's. */
	size_t n_defaults;
	int defaults[LIMIT_NAMESERVERS];
};

struct resolved;

/* changed() comes with each new state, never from within a call. 0; -ENOMEM. */
int resolved_new(sd_event *event, void (*changed)(void *user), void *user,
		 struct resolved **ret) __attribute__((warn_unused_result));
struct resolved *resolved_free(struct resolved *r);
/* Asks it again: something may have changed. It need not be there. */
void resolved_refresh(struct resolved *r);
/* Borrowed; NULL: it has not said anything. */
const struct resolved_state *resolved_get(const struct resolved *r);

#endif
