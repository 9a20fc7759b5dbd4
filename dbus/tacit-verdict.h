/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What becomes of a packet by policy alone, in words. Pure.
 */
#ifndef TACIT_DBUS_TACIT_VERDICT_H
#define TACIT_DBUS_TACIT_VERDICT_H

#include "dbus/tacit-dict.h"
#include "util/addr.h"
#include "util/service.h"

/* Where the packet goes. */
struct tacit_target {
	struct addr address;
	struct service service; /* protocol 0: any */
	bool own;		/* an address of this host */
};

struct tacit_verdict {
	/* "clear", "clear-first" (until it is encrypted), "held" (until then),
	 * "dropped" */
	const char *outcome;
	char why[512]; /* a sentence or two */
};

/*
 * "HOST", "HOST:443/tcp", "[2001:db8::1]:443/tcp": *ret_host is a copy of what
 * is the host. 0; -EINVAL: no such port or protocol; the outputs are then
 * untouched.
 */
#define TACIT_HOST_LEN 256
int tacit_target_parse(const char *text, char ret_host[static TACIT_HOST_LEN],
		       struct tacit_target *ret)
	__attribute__((warn_unused_result));
/* policy: the entries of Explain (dbus/org.tacit.Agent1.md) about it. */
void tacit_verdict_find(const struct tacit_target *t,
			const struct tacit_dict *policy,
			struct tacit_verdict *ret);

#endif
