/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Agents of one machine, one a network namespace. That of the host has no name;
 * a further one is NAME, and has /etc/tacit-NAME, /run/tacit-NAME and
 * /var/lib/tacit-NAME for its own, and org.tacit.Agent1.NAME on the bus.
 */
#ifndef TACIT_UTIL_INSTANCE_H
#define TACIT_UTIL_INSTANCE_H

#include <stdbool.h>

#include "util/limits.h"

#define INSTANCE_SIZE (LIMIT_INSTANCE + 1)
/* Of what instance_dir() writes. */
#define INSTANCE_DIR_SIZE (64 + INSTANCE_SIZE)
#define INSTANCE_RULE                                                   \
	"a letter, and letters, digits, _ and - behind it, 32 at most " \
	"in all"

/* See INSTANCE_RULE: what may be part of a bus name and of a file's. */
bool instance_valid(const char *name);
/* BASE-NAME of a BASE of 60 bytes at most; name is valid. Returns ret. */
const char *instance_dir(const char *base, const char *name,
			 char ret[INSTANCE_DIR_SIZE]);
/* Whose runtime directory it is, or a path in it; "" when that of none. */
void instance_of(const char *path, char ret[INSTANCE_SIZE]);

#endif
