/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The commands of `tacit`. Each returns the program's exit code.
 */
#ifndef TACIT_DBUS_TACIT_H
#define TACIT_DBUS_TACIT_H

#include "dbus/tacit-client.h"
#include "dbus/tacit-output.h"

struct tacit {
	struct tacit_output out;
	const char *socket; /* NULL: the default */
};

int tacit_status(struct tacit *t);
/* address NULL: all. */
int tacit_peers(struct tacit *t, const char *address);
int tacit_policy_list(struct tacit *t);
int tacit_key_show(struct tacit *t);
/* dir NULL: the default. Asks no agent. */
int tacit_check_config(struct tacit *t, const char *dir);

#endif
