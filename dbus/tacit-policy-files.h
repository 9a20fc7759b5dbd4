/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Policies of a folder's files, with the keys that the agent's have on the bus.
 * No agent is asked, and none need have read them.
 */
#ifndef TACIT_DBUS_TACIT_POLICY_FILES_H
#define TACIT_DBUS_TACIT_POLICY_FILES_H

#include "dbus/tacit-dict.h"
#include "policy/config.h"

/* Exit code; what is wrong has been said. */
int tacit_policy_load(const char *dir, struct config **ret)
	__attribute__((warn_unused_result));
/* A policy with its texts in *ret_room, for tacit_policy_room_free(); others
 * are borrowed from it. What only an agent knows is not there. 0 or -ENOMEM. */
struct tacit_policy_room;
int tacit_policy_describe(const struct policy *p, struct tacit_dict *ret,
			  struct tacit_policy_room **ret_room)
	__attribute__((warn_unused_result));
/* Takes NULL; returns NULL. */
struct tacit_policy_room *tacit_policy_room_free(
	struct tacit_policy_room *room);

#endif
