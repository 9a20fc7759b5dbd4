/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The two halves of `tacit key publish`: the update of one name, and whether
 * the world sees it.
 */
#ifndef TACIT_DBUS_TACIT_PUBLISH_H
#define TACIT_DBUS_TACIT_PUBLISH_H

#include "dbus/tacit-own.h"
#include "dnskeys/update.h"

struct tacit_publish {
	struct update update;
	const struct tacit_own *own;
	const char *server; /* as it was given, for messages */
	uint32_t ttl;
	bool replace, beside;
};

/* What has been done with one name. */
struct tacit_published {
	const struct tacit_owner *owner;
	char zone[NAME_STRLEN];
	unsigned added, removed, kept, foreign;
	int code; /* exit code: of this name */
};

/* Exit code, which is in *ret too; says what is wrong. EXIT_UPDATE_ELSEWHERE
 * is none: this server has not the zone, and nothing is said. */
#define EXIT_UPDATE_ELSEWHERE (-1)
int tacit_publish_name(struct tacit_publish *p, const struct tacit_owner *owner,
		       struct tacit_published *ret)
	__attribute__((warn_unused_result));
/* "192.0.2.1", "192.0.2.1:5353", "2001:db8::1", "[2001:db8::1]:5353". 0 or
 * -EINVAL. */
int tacit_parse_server(const char *text, struct endpoint *ret)
	__attribute__((warn_unused_result));
/* Looks each name up as the agent would, for so long, until its keys are there
 * and secure, and the retired ones are not. Exit code; says which link is
 * missing. */
int tacit_check_names(const struct tacit_dict *dns, const struct tacit_own *own,
		      const struct tacit_published *list, size_t n,
		      unsigned seconds) __attribute__((warn_unused_result));

#endif
