/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Hosts as users name them: by address, or by a name that is resolved. */
#ifndef TACIT_DBUS_TACIT_HOST_H
#define TACIT_DBUS_TACIT_HOST_H

#include <stddef.h>

#include "util/addr.h"

/* Addresses of one name that are looked at; further ones are left out. */
#define TACIT_HOST_MAX 16

struct tacit_host {
	struct addr addresses[TACIT_HOST_MAX]; /* each once */
	size_t count;
};

/* Exit code; what is wrong has been said. */
int tacit_host_find(const char *text, struct tacit_host *ret)
	__attribute__((warn_unused_result));

#endif
